"""Having a stack to oneself while an operation works on it. Whoever drives the stack gives the lease back."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from cfnlib.errors import StackBusyError, StackError
from cfnlib.state.owner import owner_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cfnlib.drivers.base import Clock
    from cfnlib.engine.settings import Settings
    from cfnlib.state.model import Event, Stack
    from cfnlib.state.store import Lease, Store

_TRIES, _SHORTLY_S = 25, 0.02


class Holder:
    """Takes leases for this process."""

    def __init__(self, store: Store, clock: Clock, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings

    def acquire(self, stack_id: str) -> Lease:
        """Hold a stack. Raises `StackBusyError` while another process holds it.

        Who has written that an operation has ended gives the stack back right after: that is waited for, since
        whoever has seen the end may well ask for the next thing at once.
        """
        for _ in range(_TRIES):
            try:
                return self._store.acquire(stack_id, owner_name(), self._settings.lease_s)
            except StackBusyError:
                if self._store.summary(stack_id).status.in_progress:
                    raise
            self._clock.sleep(_SHORTLY_S)
        return self._store.acquire(stack_id, owner_name(), self._settings.lease_s)

    def create(self, stack: Stack, events: Sequence[Event]) -> Lease:
        """Add a stack with its first events, and hold it from the first moment. Raises `StackExistsError`."""
        lease = self._store.create_stack(stack, owner_name(), self._settings.lease_s, events=events)
        return lease or self.acquire(stack.stack_id)

    def take_over(self, stack_id: str, terms: Mapping[str, Any]) -> Lease:
        """Hold a stack to delete it, asking who holds it to stop; waits until they have, or are seen to be gone.

        `terms` are the fields of `Terms` for the deletion, should another process begin it.
        """
        while True:
            try:
                return self.acquire(stack_id)
            except StackBusyError:
                with suppress(StackError):  # it may have ended just now
                    self._store.ask(stack_id, "delete", terms)
                self._clock.sleep(min(self._settings.heartbeat_s / 4, 1.0))
