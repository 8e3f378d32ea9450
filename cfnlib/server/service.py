"""The service's parts put together: whose stacks there are, with whose keys they are worked on, and who may see them.

A stack belongs to an account (or project). For each caller there is one `Stacks` with a driver on the caller's own
keys; it is kept while it is used, and closed when it has not been for a while. An administrator who may see another
account reaches its stacks by their ids; what is then done is done with the keys of the stack's owner, since the cloud
would make things in the administrator's account otherwise. To anybody else such a stack does not exist.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Self, TypeVar

from attrs import define, evolve

from cfnlib.engine.crew import Crew
from cfnlib.errors import LimitError, StackError, StackNotFoundError
from cfnlib.identity.refusal import Refusal, RefusedError
from cfnlib.identity.urls import sign_url
from cfnlib.server.workers import Workers
from cfnlib.shelf import account_mark
from cfnlib.stacks import Stacks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cfnlib.config import Config
    from cfnlib.drivers.base import Driver
    from cfnlib.engine.settings import Settings
    from cfnlib.identity.keyring import Caller, Keyring
    from cfnlib.server.bucket import Bucket
    from cfnlib.server.settings import ServiceSettings
    from cfnlib.state.model import Stack as StackState
    from cfnlib.state.model import StackSummary
    from cfnlib.state.store import Store

    Found = TypeVar("Found", StackState, StackSummary)
    MakeDriver = Callable[[Config, Caller], Driver]

_log = logging.getLogger("cfnlib.server")

SIGNAL_PATH = "/signal/"


@define
class _Open:
    """A caller's stacks, how many use them just now, and when they were last used (`time.monotonic`)."""

    stacks: Stacks
    users: int = 0
    used_at: float = 0.0


class Service:
    """The composition. `config` says where the cloud is (its own keys are not used), `scope` marks its stacks.

    `engine` are the engine's numbers. `make_driver` makes the road to the cloud of a caller; None: CloudStack's API
    with the caller's keys. `endpoint` says where the cloud is, when that may change. `close` gives back what the
    maker of the service has opened.
    """

    def __init__(
        self,
        config: Config,
        *,
        store: Store,
        keyring: Keyring,
        settings: ServiceSettings,
        scope: str | None = None,
        engine: Settings | None = None,
        make_driver: MakeDriver | None = None,
        endpoint: Callable[[], str] | None = None,
        close: Callable[[], None] | None = None,
    ) -> None:
        self.config = config
        self.store = store
        self.keyring = keyring
        self.settings = settings
        self.scope = (config.endpoint or "") if scope is None else scope
        self._engine = engine
        self._make_driver = make_driver or cloudstack_driver
        self._endpoint = endpoint
        self._close = close
        self._lock = Lock()
        self._open: dict[tuple[str, str, str], _Open] = {}
        self.bucket = _bucket(settings)
        self._crew = Crew(settings.calls)
        self.workers = Workers(self)

    def start(self) -> Self:
        """Take up what was under way when the last process ended, and look for such stacks from now on."""
        self.workers.start()
        return self

    def close(self) -> None:
        """Hand over what is under way, within `settings.close_s`, then give everything back."""
        self.workers.close()
        self._crew.close()
        with self._lock:
            left, self._open = list(self._open.values()), {}
        for one in left:
            one.stacks.driver.close()
        self.store.close()
        if self._close is not None:
            self._close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def endpoint(self) -> str:
        """Where the cloud's own API is just now."""
        return (self.config.endpoint or "") if self._endpoint is None else self._endpoint()

    # Whose stacks

    def mark(self, caller: Caller) -> str:
        """What marks the stacks of the caller's account, or project."""
        return account_mark(self.scope, caller.domain_id, caller.account, caller.project_id)

    def sees(self, caller: Caller, stack: StackState | StackSummary) -> bool:
        """Whether a stack exists for a caller: it is the account's own, or an administrator looks at it."""
        if stack.account == self.mark(caller):
            return True
        scope, _, whose = stack.account.partition(" ")  # an account's name may have blanks, a scope has none
        place, slash, account = whose.partition("/")
        if scope != self.scope or not slash:
            return False
        if place == "project":
            return self.keyring.sees_project(caller, account)
        return self.keyring.sees_domain(caller, place)

    def find(self, caller: Caller, name_or_id: str) -> StackState:
        """The stack of this name in the caller's account, or of this id where the caller may see it.

        Raises `StackNotFoundError`, the same for a stack of others as for one that is not there.
        """
        if not name_or_id.startswith("arn:"):
            return self.store.stack(name_or_id, self.mark(caller))
        return self._seen(caller, self.store.stack(name_or_id), name_or_id)

    def look(self, caller: Caller, name_or_id: str) -> StackSummary:
        """The same in short."""
        if not name_or_id.startswith("arn:"):
            return self.store.summary(name_or_id, self.mark(caller))
        return self._seen(caller, self.store.summary(name_or_id), name_or_id)

    def _seen(self, caller: Caller, found: Found, name_or_id: str) -> Found:
        if not self.sees(caller, found):
            raise StackNotFoundError(f"there is no stack {name_or_id}")
        return found

    def worker_of(self, caller: Caller, stack: StackState) -> Caller:
        """With whose keys a caller's wish is done: the caller's own in the stack's account, or its owner's."""
        if stack.account == self.mark(caller):
            return caller
        if stack.project_id is not None and caller.role == "User":  # a member of the project, or it were not seen
            return evolve(caller, project_id=stack.project_id)
        return self.owner_of(stack)

    def owner_of(self, stack: StackState) -> Caller:
        """The owner of a stack, with keys. Raises `RefusedError` when they cannot be had; `StackError`."""
        if stack.owner:
            owner = self.keyring.caller_of(stack.owner, stack.project_id)
        elif self.config.key:  # made by the command line, which has the same configuration as a rule
            owner = evolve(self.keyring.caller(self.config.key), project_id=stack.project_id)
        else:
            raise StackError(f"stack {stack.name} has no owner: change it once with the keys of its account")
        if self.mark(owner) != stack.account:
            raise RefusedError(
                Refusal.UNKNOWN_KEY, f"the owner of stack {stack.name} is not in the stack's account any more"
            )
        return owner

    def check_room(self, caller: Caller) -> None:
        """Raise `LimitError` when an account has as many stacks, or as many that wait for a worker, as it may."""
        mark, settings = self.mark(caller), self.settings
        if self.workers.waiting_of(mark) >= settings.queued_per_account:
            raise LimitError(
                f"{settings.queued_per_account} operations of this account wait already; try again later"
            )
        if self.store.count(mark) >= settings.stacks_per_account:
            raise LimitError(
                f"Limit for stack has been exceeded: an account has at most {settings.stacks_per_account}"
            )

    # Their roads to the cloud

    @contextmanager
    def stacks(self, caller: Caller) -> Iterator[Stacks]:
        """The stacks of a caller, to be worked on with the caller's keys; kept open as long as the block runs."""
        key = (self.mark(caller), caller.user_id, caller.access_key)
        with self._lock:
            one = self._open.get(key)
            if one is None:
                one = self._open[key] = _Open(self._opened(caller))
            one.users += 1
        try:
            yield one.stacks
        finally:
            with self._lock:
                one.users -= 1
                one.used_at = time.monotonic()

    def close_idle(self) -> None:
        """Give back the connections of callers that have not been here for a while."""
        before = time.monotonic() - self.settings.idle_s
        with self._lock:
            idle = [key for key, one in self._open.items() if not one.users and one.used_at < before]
            closing = [self._open.pop(key) for key in idle]
        for one in closing:
            one.stacks.driver.close()

    def signal_url(self, stack_id: str, logical_id: str) -> str:
        """The URL at which machines report to a wait handle: signed, for this one handle of this one stack.

        The engine takes the handle's name from the end of the path.
        """
        path = f"{SIGNAL_PATH}{stack_id}/{logical_id}"
        expires_at = int(time.time() + self.settings.handle_s)
        return sign_url(self.settings.public_url, path, self.secret_for("signal"), expires_at=expires_at)

    def secret_for(self, purpose: str) -> bytes:
        """A secret for one purpose alone, the same in every process that has the service's secret."""
        return hmac.digest(self.settings.secret, purpose.encode(), hashlib.sha256)

    def _opened(self, caller: Caller) -> Stacks:
        return Stacks(
            self._make_driver(self.config, caller),
            self.store,
            settings=self._engine,
            region=self.config.region,
            signal_url=self.signal_url,
            scope=self.scope,
            account=self.mark(caller),
            owner=caller.user_id,
            crew=self._crew,
        )


def _bucket(settings: ServiceSettings) -> Bucket | None:
    """The bucket for templates, None when there is no place for one."""
    if settings.bucket_folder is None:
        return None
    from cfnlib.server.bucket import Bucket  # noqa: PLC0415 - many services have none

    return Bucket(settings.bucket_folder, public_url=settings.public_url)


def cloudstack_driver(config: Config, caller: Caller) -> Driver:
    """The road to the cloud with a caller's own keys."""
    from cfnlib.drivers.cloudstack import CloudStackDriver  # noqa: PLC0415 - tests bring their own

    keys = config.with_cloud(config.endpoint or "", caller.access_key, caller.secret)
    return CloudStackDriver(evolve(keys, project_id=caller.project_id))
