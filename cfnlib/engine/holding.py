"""Having a stack to oneself while an operation works on it."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from cfnlib.errors import StackBusyError, StackError
from cfnlib.state.owner import owner_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cfnlib.drivers.base import Clock
    from cfnlib.engine.settings import Settings
    from cfnlib.state.store import Lease, Store


class Holder:
    """Takes the leases of this process, and gives each back in the end, whatever happens in between."""

    def __init__(self, store: Store, clock: Clock, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings

    @contextmanager
    def held(self, stack_id: str) -> Iterator[Lease]:
        """Hold a stack. Raises `StackBusyError` while another process holds it."""
        lease = self._acquire(stack_id)
        try:
            yield lease
        finally:
            self._store.release(lease)

    @contextmanager
    def taken_over(self, stack_id: str, request: str) -> Iterator[Lease]:
        """Hold a stack, asking who holds it to stop; waits until they have, or are seen to be gone."""
        while True:
            try:
                lease = self._acquire(stack_id)
                break
            except StackBusyError:
                with suppress(StackError):  # it may have ended just now
                    self._store.ask(stack_id, request)
                self._clock.sleep(min(self._settings.heartbeat_s / 4, 1.0))
        try:
            yield lease
        finally:
            self._store.release(lease)

    def _acquire(self, stack_id: str) -> Lease:
        return self._store.acquire(stack_id, owner_name(), self._settings.lease_s)
