"""Who has which secret, and who that is.

CloudStack never gives one user's secret to another, so a service that is to check signatures has it from a file, or
asks with an administrator's keys (`getUser` by the API key, then `getUserKeys`). What was learnt stays in memory
only, for `TTL_S`; that a key is not known, for `UNKNOWN_TTL_S`, so that a flood of made-up keys is not passed on to
the cloud.

Source: CloudStack 4.19, listApis by role: getUser is a root administrator's, getUserKeys and listUsers are
everybody's.
"""

from __future__ import annotations

import stat
import time
from collections import OrderedDict
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from attrs import evolve, field, frozen

from cfnlib.drivers.cloudstack.client import Client
from cfnlib.errors import (
    AuthenticationError,
    CfnlibError,
    ConfigError,
    InvalidRequestError,
    NotAllowedError,
    NotFoundError,
)
from cfnlib.identity.refusal import Refusal, RefusedError
from cfnlib.plan.name import account_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cfnlib.config import Config

    Key = tuple[str, ...]

TTL_S = 300.0
UNKNOWN_TTL_S = 10.0
MOST = 10_000
"""How many answers are remembered."""

_ROLES = {1: "Admin", 2: "DomainAdmin"}
"""CloudStack's types of account. Source: CloudStack 4.19, Account.Type: 0 is a user, 1 a root administrator."""


@frozen
class Caller:
    """A user of CloudStack, with the keys to act as that user.

    `role` is User, DomainAdmin or Admin; `domain_path` as ROOT/eng; `project_id` the project that is worked in, None
    for the account's own things.
    """

    access_key: str
    secret: str = field(repr=False)
    user_id: str = ""
    user: str = ""
    account: str = ""
    domain_id: str = ""
    domain_path: str = ""
    role: str = "User"
    project_id: str | None = None

    @property
    def account_number(self) -> str:
        """The twelve digits that stand for the account where AWS's forms want a number."""
        return account_number(self.domain_id, self.account, self.project_id)


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


class _Remembered:
    """Answers for a while, refusals for a shorter one; one question a key at a time."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._answers: OrderedDict[Key, tuple[float, Any]] = OrderedDict()
        self._asking: dict[Key, Lock] = {}
        self._lock = Lock()

    def get(self, key: Key, ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever was asked
        """The answer that is remembered, else a new one. Raises the `RefusedError` that `ask` raised, again."""
        with self._turn(key):
            kept = self._answers.get(key)
            if kept is None or kept[0] <= self._now():
                kept = self._asked(key, ask)
        if isinstance(kept[1], RefusedError):
            raise RefusedError(kept[1].refusal, str(kept[1]))
        return kept[1]

    def _asked(self, key: Key, ask: Callable[[], Any]) -> tuple[float, Any]:
        try:
            found, ttl_s = ask(), TTL_S
        except RefusedError as error:
            if error.refusal is Refusal.UNAVAILABLE:
                raise
            found, ttl_s = error, UNKNOWN_TTL_S
        kept = (self._now() + ttl_s, found)
        with self._lock:
            self._answers[key] = kept
            self._answers.move_to_end(key)
            while len(self._answers) > MOST:
                self._answers.popitem(last=False)
        return kept

    @contextmanager
    def _turn(self, key: Key) -> Iterator[None]:
        with self._lock:
            turn = self._asking.setdefault(key, Lock())
        with turn:
            try:
                yield
            finally:
                with self._lock:
                    self._asking.pop(key, None)


class CloudKeyring:
    """What the keyrings have in common: they ask the cloud who somebody is with that user's own keys.

    `config` says where the cloud is; called at each question, since an embedded one may move. Subclasses give the
    secrets.
    """

    def __init__(self, config: Config | Callable[[], Config], *, now: Callable[[], float] = time.monotonic) -> None:
        self._config = config if callable(config) else lambda: config
        self._remembered = _Remembered(now)

    def secret(self, access_key: str) -> str:
        """See `Keyring`."""
        return self._pair(access_key)[0]

    def caller(self, access_key: str) -> Caller:
        """See `Keyring`."""
        secret, project_id = self._pair(access_key)
        found: Caller = self._remembered.get(("caller", access_key, secret), lambda: self._who(access_key, secret))
        return evolve(found, project_id=project_id)

    def sees_domain(self, caller: Caller, domain_id: str) -> bool:
        """See `Keyring`."""
        if caller.role == "Admin":
            return True
        if caller.role != "DomainAdmin":
            return False
        below: frozenset[str] = self._remembered.get(("domains", caller.access_key), lambda: self._domains_of(caller))
        return domain_id in below

    def sees_project(self, caller: Caller, project_id: str) -> bool:
        """See `Keyring`."""
        key = ("project", caller.access_key, project_id)
        found: bool = self._remembered.get(key, lambda: self._is_member(caller, project_id))
        return found

    def _pair(self, access_key: str) -> tuple[str, str | None]:
        """The secret of a key, and the project that it works in."""
        raise NotImplementedError

    @contextmanager
    def _asked(self, key: str | None, secret: str | None) -> Iterator[Client]:
        """The cloud, with somebody's keys. Errors become refusals."""
        client = Client(evolve(self._config(), key=key, secret=secret, project_id=None))
        try:
            yield client
        except AuthenticationError:
            raise unknown(key or "") from None
        except RefusedError:
            raise
        except CfnlibError as error:
            raise RefusedError(Refusal.UNAVAILABLE, f"the cloud cannot be asked who calls: {error}") from None
        finally:
            client.close()

    def _who(self, access_key: str, secret: str) -> Caller:
        with self._asked(access_key, secret) as client:
            users = client.rows("listUsers", "user")
            found = [row for row in users if row.get("apikey") == access_key]
            if not found:  # a listing that shows no keys: the user is the only one, or the account's list tells
                accounts = client.rows("listAccounts", "account")
                found = [row for one in accounts for row in one.get("user") or () if row.get("apikey") == access_key]
            if not found:
                raise unknown(access_key)
            row = found[0]
            path = self._path_of(client, row)
        return Caller(
            access_key,
            secret,
            user_id=str(row["id"]),
            user=str(row.get("username", "")),
            account=str(row.get("account", "")),
            domain_id=str(row.get("domainid", "")),
            domain_path=path,
            role=_ROLES.get(int(row.get("accounttype", 0)), "User"),
        )

    @staticmethod
    def _path_of(client: Client, row: dict[str, Any]) -> str:
        """The path of a user's domain; an ordinary user may not list domains, and sees its name."""
        try:
            domains = client.rows("listDomains", "domain", {"id": row.get("domainid")})
            return str(domains[0].get("path") or row.get("domain"))
        except (NotAllowedError, NotFoundError, InvalidRequestError, IndexError):
            return str(row.get("domain", ""))

    def _domains_of(self, caller: Caller) -> frozenset[str]:
        with self._asked(caller.access_key, caller.secret) as client:
            rows = client.rows("listDomainChildren", "domain", {"id": caller.domain_id, "isrecursive": True})
            return frozenset({caller.domain_id, *(str(row["id"]) for row in rows)})

    def _is_member(self, caller: Caller, project_id: str) -> bool:
        with self._asked(caller.access_key, caller.secret) as client:
            try:
                return bool(client.rows("listProjects", "project", {"id": project_id, "listall": True}))
            except (NotAllowedError, NotFoundError, InvalidRequestError):
                return False


class FixedKeyring(CloudKeyring):
    """The one pair of the configuration: nobody else may call. Raises `ConfigError` when there is none."""

    def __init__(self, config: Config, *, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(config, now=now)
        if not config.key or not config.secret:
            raise ConfigError("no keys are configured: set CLOUDSTACK_KEY and CLOUDSTACK_SECRET")
        self._only = (config.key, config.secret, config.project_id)

    def caller_of(self, user_id: str, project_id: str | None) -> Caller:
        """See `Keyring`."""
        found = self.caller(self._only[0])
        if user_id and found.user_id != user_id:
            raise RefusedError(Refusal.UNKNOWN_KEY, f"the keys of the user {user_id} are not configured")
        return evolve(found, project_id=project_id)

    def _pair(self, access_key: str) -> tuple[str, str | None]:
        if access_key != self._only[0]:
            raise unknown(access_key)
        return self._only[1], self._only[2]


class AdminKeyring(CloudKeyring):
    """Secrets from the cloud itself, asked for with the keys of a root administrator (those of `config`)."""

    def caller_of(self, user_id: str, project_id: str | None) -> Caller:
        """See `Keyring`."""
        access_key, _ = self._remembered.get(("user", user_id), lambda: self._keys_of(user_id))
        return evolve(self.caller(access_key), project_id=project_id)

    def _pair(self, access_key: str) -> tuple[str, str | None]:
        secret: str = self._remembered.get(("key", access_key), lambda: self._secret_of(access_key))
        return secret, None

    def _secret_of(self, access_key: str) -> str:
        with self._asked(self._config().key, self._config().secret) as client:
            try:
                answer = client.call("getUser", {"userapikey": access_key})
            except (NotFoundError, InvalidRequestError):
                raise unknown(access_key) from None
        user = answer.get("user") or {}
        if user.get("apikey", access_key) != access_key or not user.get("id"):
            raise unknown(access_key)
        if str(user.get("state", "enabled")).lower() != "enabled":
            raise unknown(access_key)
        known, secret = self._keys_of(str(user["id"]))
        if known != access_key:
            raise unknown(access_key)
        return secret

    def _keys_of(self, user_id: str) -> tuple[str, str]:
        with self._asked(self._config().key, self._config().secret) as client:
            try:
                keys = client.call("getUserKeys", {"id": user_id}).get("userkeys") or {}
            except (NotFoundError, InvalidRequestError):
                keys = {}
        if not keys.get("apikey") or not keys.get("secretkey"):
            raise RefusedError(Refusal.UNKNOWN_KEY, f"the user {user_id} has no keys")
        return str(keys["apikey"]), str(keys["secretkey"])


class FileKeyring(CloudKeyring):
    """Secrets from a YAML file that only its owner may read, read again when it changes.

    The file is a list of `key`, `secret` and, if it is to work in one, `project` (its id)::

        - {key: "abc...", secret: "def..."}
        - {key: "ghi...", secret: "jkl...", project: 0b1c...}
    """

    def __init__(self, path: Path, config: Config, *, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(config, now=now)
        self._path = path
        self._read_at: tuple[int, int] | None = None
        self._pairs: dict[str, tuple[str, str | None]] = {}
        self._reading = Lock()
        self._read()

    def caller_of(self, user_id: str, project_id: str | None) -> Caller:
        """See `Keyring`."""
        self._read()
        for access_key in self._pairs:
            try:
                found = self.caller(access_key)
            except RefusedError as error:
                if error.refusal is Refusal.UNAVAILABLE:
                    raise
                continue
            if found.user_id == user_id:
                return evolve(found, project_id=project_id)
        raise RefusedError(Refusal.UNKNOWN_KEY, f"the key file has no keys of the user {user_id}")

    def _pair(self, access_key: str) -> tuple[str, str | None]:
        self._read()
        try:
            return self._pairs[access_key]
        except KeyError:
            raise unknown(access_key) from None

    def _read(self) -> None:
        with self._reading:
            try:
                about = self._path.stat()
                mark = (about.st_mtime_ns, about.st_ino)
                if mark == self._read_at:
                    return
                if about.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                    raise ConfigError(f"{self._path}: others may read it, and it holds secrets; chmod 600 it")
                text = self._path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(f"{self._path}: the key file cannot be read: {error}") from None
            self._pairs = _entries(self._path, text)
            self._read_at = mark


def unknown(access_key: str) -> RefusedError:
    """Nobody has this key."""
    return RefusedError(
        Refusal.UNKNOWN_KEY, f"the access key {access_key[:6]}... is not known, or not valid any more"
    )


def _entries(path: Path, text: str) -> dict[str, tuple[str, str | None]]:
    import yaml  # noqa: PLC0415 - only who has such a file pays for reading it

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"{path}: the key file is no YAML") from None
    if not isinstance(content, list):
        raise ConfigError(f"{path}: the key file must be a list of entries with key and secret")
    found: dict[str, tuple[str, str | None]] = {}
    for number, entry in enumerate(content, start=1):
        if not isinstance(entry, dict) or not {"key", "secret"} <= entry.keys() <= {"key", "secret", "project"}:
            raise ConfigError(f"{path}: entry {number} must have key and secret, may have project, and nothing else")
        values = [entry["key"], entry["secret"], entry.get("project")]
        if not all(isinstance(value, str) and value for value in values[:2]):
            raise ConfigError(f"{path}: entry {number}: key and secret must be texts; put them in quotes")
        if values[0] in found:
            raise ConfigError(f"{path}: entry {number}: its key is there twice")
        found[values[0]] = (values[1], None if values[2] is None else str(values[2]))
    return found
