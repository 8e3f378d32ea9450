"""Writing down what an operation does, before and after it does it.

Everything that happens between two turns of the walk is written in one transaction, which first checks the lease; so
a thousand intents cost one commit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from cfnlib.state.model import Event, StackStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from threading import Event as Flag

    from cfnlib.drivers.base import Clock
    from cfnlib.state.model import Resource, Stack
    from cfnlib.state.store import Lease, Store

    Observer = Callable[[Event], None]

_REST = 20.0
"""How many times as long as the last writing took there is none that only asks."""


class Journal:
    """The rows and events of one stack under one lease.

    `masked` makes the values of NoEcho parameters unreadable in every reason that is written down.
    `rows` is what the store holds, once flushed; `own_ids` are the ids of all that is, or was, in them under this
    lease. `request` is what somebody asked of this operation in the meantime; where it was to end and a deletion was
    asked for, `stack` is at the beginning of that once it is flushed. `halt`, once set, asks this process to
    leave it to another, and `deadline`, once it is over, to go back.
    Raises `LeaseLostError` from `flush` and `check` once the lease is lost.
    """

    def __init__(
        self,
        store: Store,
        lease: Lease,
        stack: Stack,
        rows: Iterable[Resource],
        clock: Clock,
        *,
        lease_s: float,
        heartbeat_s: float,
        observer: Observer | None = None,
        halt: Flag | None = None,
        deadline: float | None = None,
    ) -> None:
        self.store = store
        self.lease = lease
        self.stack = stack
        self.clock = clock
        self.rows: dict[tuple[str, int], Resource] = {row.key: row for row in rows}
        self.own_ids: set[str | None] = {row.physical_id for row in self.rows.values()}
        self.request: str | None = None
        self.halt = halt
        self.deadline = deadline
        self._lease_s = lease_s
        self._heartbeat_s = heartbeat_s
        self.masked: Callable[[str], str] = str
        self._next_beat = 0.0
        self._observer = observer
        self._stack_changed = False
        self._changed: dict[tuple[str, int], Resource] = {}
        self._removed: dict[tuple[str, int], None] = {}
        self._events: list[Event] = []
        self._renewed_at = clock.now()

    @property
    def dirty(self) -> bool:
        """Whether there is something to write."""
        return bool(self._stack_changed or self._changed or self._removed or self._events)

    @property
    def holds(self) -> bool:
        """Whether the lease still holds by this process's clock: asked before every call."""
        return self.clock.now() < self.lease.expires_at

    @property
    def halted(self) -> bool:
        """Whether this process shall go on no further."""
        return self.halt is not None and self.halt.is_set()

    @property
    def late(self) -> bool:
        """Whether the operation has taken longer than it may."""
        return self.deadline is not None and self.clock.now() >= self.deadline

    def put(self, row: Resource, *, event: bool = False) -> None:
        """Keep a row; with `event`, tell of its status."""
        if row.reason:
            row = evolve(row, reason=self.masked(row.reason))
        self.rows[row.key] = row
        self.own_ids.add(row.physical_id)
        self._changed[row.key] = row
        if event:
            self.tell(row.logical_id, row.physical_id, row.type, row.status.value, row.reason)

    def drop(self, row: Resource) -> None:
        """Take a row away, telling of its last status.

        When the whole stack is deleted the row stays, with that status and without what it knew, to be shown of a
        stack that was.
        """
        self.rows.pop(row.key, None)
        if self.stack.status is StackStatus.DELETE_IN_PROGRESS:
            self._changed[row.key] = evolve(row, properties={}, attributes={}, intent=None)
        else:
            self._changed.pop(row.key, None)
            self._removed[row.key] = None
        self.tell(row.logical_id, row.physical_id, row.type, row.status.value, row.reason)

    def put_stack(self, stack: Stack) -> None:
        """Keep the stack, telling of its status when that is new."""
        stack = evolve(stack, reason=self.masked(stack.reason)) if stack.reason else stack
        changed = stack.status is not self.stack.status
        self.stack = stack
        self._stack_changed = True
        if changed:
            kind = "AWS::CloudFormation::Stack"
            self.tell(stack.name, stack.stack_id, kind, stack.status.value, stack.reason)

    def flush(self) -> None:
        """Write everything down, and renew the lease when a third of it has gone by.

        With nothing to write, it asks now and then whether the lease still holds: each heartbeat, but less often
        where writing takes long, because hundreds of operations ask. Raises `LeaseLostError`.
        """
        if self.clock.now() - self._renewed_at > self._lease_s / 3:
            self.lease = self.store.renew(self.lease, self._lease_s)
            self._renewed_at = self.clock.now()
        began = self.clock.now()
        if not self.dirty and began < self._next_beat:
            return
        self.request = self.store.commit(
            self.lease,
            stack=self.stack if self._stack_changed else None,
            resources=list(self._changed.values()),
            removed=list(self._removed),
            events=self._events,
        )
        told, self._events = self._events, []
        if self.stack.status is StackStatus.DELETE_IN_PROGRESS:
            self.request = None  # it is under way
        elif self._stack_changed and self.stack.gives_way(self.request):
            told = self._gave_way(told)
        now = self.clock.now()
        self._next_beat = now + max(self._heartbeat_s, min(_REST * (now - began), self._lease_s / 6))
        self._stack_changed = False
        self._changed, self._removed = {}, {}
        if self._observer is not None:
            for event in told:
                self._observer(event)

    def _gave_way(self, told: list[Event]) -> list[Event]:
        """Learn that the stack's deletion has begun where its operation was to end; gives what was told of."""
        ended = (self.stack.name, self.stack.stack_id, self.stack.status.value)
        kept = [event for event in told if (event.logical_id, event.physical_id, event.status) != ended]
        self.stack = self.store.stack(self.stack.stack_id)
        return [*kept, *self.store.events_back(self.stack.stack_id, limit=1)]

    def tell(self, logical_id: str, physical_id: str | None, kind: str, status: str, reason: str) -> None:
        """Tell of something that happened, when the rest is written down."""
        stack = self.stack
        self._events.append(
            Event(
                stack.stack_id,
                stack.name,
                logical_id,
                physical_id,
                kind,
                status,
                reason,
                self.clock.now(),
                token=stack.terms.token,
            )
        )
