"""Who has which secret, and who that is.

CloudStack never gives one user's secret to another, so a service that is to check signatures has it from a key file,
or asks with an administrator's keys. What was learnt stays in memory only, and not for long (see `remembered`): a
user who is disabled, or whose keys were taken away, is refused here after `ttl_s` at the latest, and by the cloud,
which is asked with the user's own keys whatever is done, at once.
"""

from __future__ import annotations

import logging
import time
from threading import Lock
from typing import TYPE_CHECKING, Protocol, TypeVar

from attrs import evolve

from cfnlib.errors import ConfigError
from cfnlib.identity import asking
from cfnlib.identity.asking import unknown
from cfnlib.identity.caller import Caller
from cfnlib.identity.key_file import mark_of, read_key_file
from cfnlib.identity.refusal import Refusal, RefusedError
from cfnlib.identity.remembered import TTL_S, Remembered

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cfnlib.config import Config
    from cfnlib.identity.key_file import Entry, Mark

__all__ = [
    "AdminKeyring",
    "Caller",
    "ChainedKeyring",
    "CloudKeyring",
    "FileKeyring",
    "FixedKeyring",
    "Keyring",
    "unknown",
]

DOMAINS_TTL_S = 60.0
PROJECT_TTL_S = 30.0
"""How long it is remembered who sees what: shorter than who somebody is, since it changes in the course of work."""

_Found = TypeVar("_Found")
_log = logging.getLogger(__name__)


class Keyring(Protocol):
    """What a gate and a service ask. Every method raises `RefusedError`: UNKNOWN_KEY, or UNAVAILABLE."""

    def secret(self, access_key: str) -> str:
        """The secret of an access key."""

    def caller(self, access_key: str) -> Caller:
        """Whose an access key is."""

    def caller_of(self, user_id: str, project_id: str | None) -> Caller:
        """A user by CloudStack's id, to go on with what that user began."""

    def sees_domain(self, caller: Caller, domain_id: str) -> bool:
        """Whether a caller administers a domain: a root administrator all, a domain administrator those below too."""

    def sees_project(self, caller: Caller, project_id: str) -> bool:
        """Whether a caller is a member of a project, or administers it."""


class CloudKeyring:
    """What the keyrings have in common: who sees what is asked of the cloud, with that user's own keys.

    `config` says where the cloud is; called at each question, since an embedded one may move. `now` is a clock that
    never goes back, in seconds. Subclasses give the secrets.
    """

    def __init__(
        self,
        config: Config | Callable[[], Config],
        *,
        now: Callable[[], float] = time.monotonic,
        ttl_s: float = TTL_S,
    ) -> None:
        self._config = config if callable(config) else lambda: config
        self._remembered = Remembered(now, ttl_s=ttl_s)

    def sees_domain(self, caller: Caller, domain_id: str) -> bool:
        """See `Keyring`."""
        if caller.role == "Admin":
            return True
        if caller.role != "DomainAdmin":
            return False
        key = ("domains", caller.access_key, caller.domain_id)
        return domain_id == caller.domain_id or domain_id in self._remembered.get(
            key, lambda: self._domains_of(caller), ttl_s=DOMAINS_TTL_S
        )

    def sees_project(self, caller: Caller, project_id: str) -> bool:
        """See `Keyring`."""
        if not project_id:
            return False
        key = ("project", caller.access_key, project_id)
        return self._remembered.get(key, lambda: self._is_member(caller, project_id), ttl_s=PROJECT_TTL_S)

    def _domains_of(self, caller: Caller) -> frozenset[str]:
        with asking.cloud(self._config(), caller.access_key, caller.secret) as client:
            return asking.domains_below(client, caller.domain_id)

    def _is_member(self, caller: Caller, project_id: str) -> bool:
        with asking.cloud(self._config(), caller.access_key, caller.secret) as client:
            return asking.is_member(client, project_id)

    def _self(self, access_key: str, secret: str) -> Caller:
        """Whose a pair is, asked with that pair."""

        def ask() -> Caller:
            with asking.cloud(self._config(), access_key, secret) as client:
                return asking.caller_by_self(client, access_key, secret)

        return self._remembered.get(("self", access_key, secret), ask)


class FixedKeyring(CloudKeyring):
    """The one pair of the configuration: nobody else may call. Raises `ConfigError` when there is none."""

    def __init__(self, config: Config, *, now: Callable[[], float] = time.monotonic, ttl_s: float = TTL_S) -> None:
        super().__init__(config, now=now, ttl_s=ttl_s)
        if not config.key or not config.secret:
            raise ConfigError("no keys are configured: set CLOUDSTACK_KEY and CLOUDSTACK_SECRET")
        self._key, self._its_secret, self._project_id = config.key, config.secret, config.project_id

    def secret(self, access_key: str) -> str:
        """See `Keyring`."""
        if access_key != self._key:
            raise unknown(access_key)
        return self._its_secret

    def caller(self, access_key: str) -> Caller:
        """See `Keyring`."""
        return evolve(self._self(access_key, self.secret(access_key)), project_id=self._project_id)

    def caller_of(self, user_id: str, project_id: str | None) -> Caller:
        """See `Keyring`."""
        found = self.caller(self._key)
        if found.user_id != user_id:
            raise RefusedError(Refusal.UNKNOWN_KEY, f"the keys of the user {user_id} are not configured")
        return evolve(found, project_id=project_id)


class AdminKeyring(CloudKeyring):
    """Secrets from the cloud itself, asked for with the keys of a root administrator (those of `config`)."""

    def secret(self, access_key: str) -> str:
        """See `Keyring`."""
        return self.caller(access_key).secret

    def caller(self, access_key: str) -> Caller:
        """See `Keyring`."""

        def ask() -> Caller:
            config = self._config()
            with asking.cloud(config, config.key, config.secret, whose="administrator") as client:
                return asking.caller_by_admin(client, access_key)

        return self._remembered.get(("key", access_key), ask)

    def caller_of(self, user_id: str, project_id: str | None) -> Caller:
        """See `Keyring`."""
        key = ("user", user_id)
        try:
            found = self.caller(self._remembered.get(key, lambda: self._key_of(user_id)))
        except RefusedError as error:
            if error.refusal is not Refusal.UNKNOWN_KEY:
                raise
            self._remembered.forget(key)  # the user may have new keys
            found = self.caller(self._remembered.get(key, lambda: self._key_of(user_id)))
        return evolve(found, project_id=project_id)

    def _key_of(self, user_id: str) -> str:
        config = self._config()
        with asking.cloud(config, config.key, config.secret, whose="administrator") as client:
            return asking.keys_of(client, user_id)[0]


class FileKeyring(CloudKeyring):
    """Secrets from a key file (see `key_file`), read again when it changes. Raises `ConfigError` when it is wrong.

    A file that has become wrong since lets nobody in: UNAVAILABLE, with the reason in the log.
    """

    def __init__(
        self,
        path: Path,
        config: Config | Callable[[], Config],
        *,
        now: Callable[[], float] = time.monotonic,
        ttl_s: float = TTL_S,
    ) -> None:
        super().__init__(config, now=now, ttl_s=ttl_s)
        self._path = path
        self._reading = Lock()
        self._read: tuple[Mark, dict[str, Entry]] = read_key_file(path)

    def secret(self, access_key: str) -> str:
        """See `Keyring`."""
        return self._entry(access_key).secret

    def caller(self, access_key: str) -> Caller:
        """See `Keyring`."""
        entry = self._entry(access_key)
        if entry.caller is not None:
            return entry.caller
        return evolve(self._self(access_key, entry.secret), project_id=entry.project_id)

    def caller_of(self, user_id: str, project_id: str | None) -> Caller:
        """See `Keyring`."""
        entries = self._entries()
        for access_key in sorted(entries, key=lambda key: entries[key].caller is None):  # those that need no question
            try:
                found = self.caller(access_key)
            except RefusedError as error:
                if error.refusal is Refusal.UNAVAILABLE:
                    raise
                continue
            if found.user_id == user_id:
                return evolve(found, project_id=project_id)
        raise RefusedError(Refusal.UNKNOWN_KEY, f"the key file has no keys of the user {user_id}")

    def _entry(self, access_key: str) -> Entry:
        try:
            return self._entries()[access_key]
        except KeyError:
            raise unknown(access_key) from None

    def _entries(self) -> dict[str, Entry]:
        with self._reading:
            try:
                if mark_of(self._path) != self._read[0]:
                    self._read = read_key_file(self._path)
            except ConfigError as error:
                _log.error("%s", error)
                raise RefusedError(Refusal.UNAVAILABLE, "the key file cannot be used") from None
            return self._read[1]


class ChainedKeyring:
    """Several keyrings as one: each key is the first's that knows it.

    Who cannot be asked is passed over, and UNAVAILABLE only when none of the others knows the key.
    """

    def __init__(self, *keyrings: Keyring) -> None:
        self._keyrings = keyrings

    def secret(self, access_key: str) -> str:
        """See `Keyring`."""
        return self._first(lambda keyring: keyring.secret(access_key))

    def caller(self, access_key: str) -> Caller:
        """See `Keyring`."""
        return self._first(lambda keyring: keyring.caller(access_key))

    def caller_of(self, user_id: str, project_id: str | None) -> Caller:
        """See `Keyring`."""
        return self._first(lambda keyring: keyring.caller_of(user_id, project_id))

    def sees_domain(self, caller: Caller, domain_id: str) -> bool:
        """See `Keyring`."""
        return self._first(lambda keyring: keyring.sees_domain(caller, domain_id))

    def sees_project(self, caller: Caller, project_id: str) -> bool:
        """See `Keyring`."""
        return self._first(lambda keyring: keyring.sees_project(caller, project_id))

    def _first(self, ask: Callable[[Keyring], _Found]) -> _Found:
        worst = RefusedError(Refusal.UNKNOWN_KEY, "the access key is not known")
        for keyring in self._keyrings:
            try:
                return ask(keyring)
            except RefusedError as error:
                if worst.refusal is not Refusal.UNAVAILABLE:
                    worst = error
        raise worst
