"""What operations write, that of many in one transaction.

Whoever comes while nobody writes, writes: for all who wait by the time that the transaction has begun. Those that
come meanwhile gather, and the first of them does the same when it is over. The statements are shared, so that a
transaction for fifty stacks has as many as one for a single stack. This is what lets hundreds of operations go on in
one process: each statement gives up the interpreter's lock, and to get it back takes longer than the statement when
others are busy.

Each commit has its own outcome: who lost the lease writes nothing, and the others do. When the database refuses the
whole, each is tried alone, unless that is for want of the database itself, which shows by the time that it takes.
A transaction has at most one commit of a stack, and the order of those of one stack is that of their coming.
"""

from __future__ import annotations

import os
import time
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from attrs import define, field
from sqlalchemy import bindparam, delete, insert, update

from cfnlib.errors import CfnlibError, LeaseLostError, StoreError
from cfnlib.state.model import StackStatus, status_event
from cfnlib.state.sql_leases import judge, lock_all
from cfnlib.state.sql_rows import asked_of, event_row, stack_row
from cfnlib.state.sql_schema import event_table, lease_table, resource_table, stack_table
from cfnlib.state.sql_upsert import upsert

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, Executable

    from cfnlib.state.model import Stack
    from cfnlib.state.sql_connect import Database
    from cfnlib.state.sql_leases import Held
    from cfnlib.state.store import Lease

    Rows = list[dict[str, Any]]

_AT_ONCE = 64
_PATIENCE_S = 5.0
_ROW_KEY = ("stack_id", "logical_id", "generation")
_JUDGED = ("epoch", "owner", "expires_at")
_OTHERS = ("stack_id", "request", "asked", "protected", "policy")
"""The columns of a stack that an operation does not write: others may, at any time."""

_remove = delete(resource_table).where(
    resource_table.c.stack_id == bindparam("of"),
    resource_table.c.logical_id == bindparam("gone_id"),
    resource_table.c.generation == bindparam("gone_generation"),
)
_written = [column.name for column in stack_table.columns if column.name not in _OTHERS]
_goes_on = (
    update(stack_table)
    .where(stack_table.c.stack_id == bindparam("of"))
    .values({name: bindparam(f"new_{name}") for name in _written})
)
_ends = _goes_on.values(request=None, asked=None)


def _shut() -> Lock:
    lock = Lock()
    lock.acquire()
    return lock


@define(eq=False)
class Writing:
    """One commit: what to write under a lease, in the form of rows, and what came of it.

    `ends` says that the stack is written with a status that is not in progress, or that of its deletion, which clears
    what was asked of it. `final` is the stack as a value, for a deletion that follows where its operation ends.
    `removed` are logical ids and generations. `request` is what was asked; `error` why nothing was written.
    """

    lease: Lease
    stack: dict[str, Any] | None
    ends: bool
    resources: Rows
    removed: Sequence[tuple[str, int]]
    events: Rows
    final: Stack | None = None
    request: str | None = None
    error: BaseException | None = None
    leads: bool = False
    _called: Lock = field(factory=_shut)

    def wait(self) -> None:
        """Wait until this is carried out, or it is its turn to lead."""
        self._called.acquire()

    def call(self) -> None:
        """End its waiting."""
        self._called.release()


class Commits:
    """Carries out commits; `now` tells the time by which leases are judged. Safe to use from any thread."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now
        self._resources: Executable = upsert(database.backend, resource_table, _ROW_KEY, ("made",))
        # The rows are there; as an upsert they are written by one statement.
        self._counters: Executable = upsert(database.backend, lease_table, ("stack_id",), _JUDGED)
        self._waiting: list[Writing] = []
        self._led = False
        self._begin_anew()

    def run(self, writing: Writing) -> str | None:
        """Write it; gives the stack's request as it was found. Raises `LeaseLostError`, `StoreError`."""
        if self._pid != os.getpid():  # those who lead and wait are the parent's threads
            self._begin_anew()
        with self._lock:
            writing.leads, self._led = not self._led, True
            if not writing.leads:
                self._waiting.append(writing)
        if not writing.leads:
            self._follow(writing)
        if writing.leads:
            self._lead(writing)
        if writing.error is not None:
            raise writing.error
        return writing.request

    def _begin_anew(self) -> None:
        self._pid = os.getpid()
        self._lock = Lock()
        self._waiting = []
        self._led = False

    def _follow(self, writing: Writing) -> None:
        try:
            writing.wait()
        except BaseException:  # interrupted: it goes out of the line, and if it was to lead, another one does
            with self._lock:
                if writing in self._waiting:
                    self._waiting.remove(writing)
                elif writing.leads:
                    self._appoint()
            raise

    def _lead(self, first: Writing) -> None:
        together = [first]
        settled = False
        try:
            self._carry(together)
            settled = True
        finally:
            with self._lock:
                if not settled:  # interrupted: nothing is written, and who leads next takes the rest along
                    self._waiting[:0] = together[1:]
                self._appoint()
            if settled:
                for writing in together[1:]:
                    writing.call()

    def _appoint(self) -> None:
        """Let the first that waits lead, if any does."""
        self._led = bool(self._waiting)
        if self._waiting:
            heir = self._waiting.pop(0)
            heir.leads = True
            heir.call()

    def _carry(self, together: list[Writing]) -> None:
        """Write what `together` holds, and those who wait by the time that the transaction has begun."""
        began = time.monotonic()

        def work(connection: Connection) -> None:
            if len(together) == 1:
                self._gather(together)
            self._write(connection, together)

        try:
            self._database.write(work)
        except CfnlibError as error:
            if len(together) == 1:
                together[0].error = error
                return
            for writing in together:
                writing.error = StoreError(*error.args)
                if time.monotonic() - began < _PATIENCE_S:
                    self._carry_alone(writing)

    def _carry_alone(self, writing: Writing) -> None:
        try:
            self._database.write(partial(self._write, together=[writing]))
        except CfnlibError as error:
            writing.error = error

    def _gather(self, together: list[Writing]) -> None:
        """Take along who waits: the first of each stack."""
        stacks = {writing.lease.stack_id for writing in together}
        with self._lock:
            left: list[Writing] = []
            for writing in self._waiting:
                of = writing.lease.stack_id
                if of in stacks or len(together) == _AT_ONCE:
                    left.append(writing)
                else:
                    together.append(writing)
                stacks.add(of)
            self._waiting = left

    def _write(self, connection: Connection, together: Sequence[Writing]) -> None:
        found = lock_all(connection, [writing.lease.stack_id for writing in together])
        now = self._now()
        good: list[tuple[Writing, Held]] = []
        for writing in together:
            writing.error = None
            try:
                held = judge(writing.lease, found.get(writing.lease.stack_id), now)
            except LeaseLostError as error:
                writing.error = error
            else:
                writing.request = held.request
                if writing.final is not None and writing.final.gives_way(held.request):
                    _begin_deletion(writing, writing.final, held, now)
                good.append((writing, held))
        counters = [_numbered(writing, held) for writing, held in good]
        for statement, rows in (
            (_goes_on, [_change(writing, row) for writing, _ in good if (row := writing.stack) and not writing.ends]),
            (_ends, [_change(writing, row) for writing, _ in good if (row := writing.stack) and writing.ends]),
            (_remove, [row for writing, _ in good for row in _gone(writing)]),
            (self._resources, [row for writing, _ in good for row in writing.resources]),
            (insert(event_table), [row for writing, _ in good for row in writing.events]),
            (self._counters, [last for last in counters if last]),
        ):
            if rows:
                connection.execute(statement, rows)


def _begin_deletion(writing: Writing, final: Stack, held: Held, now: float) -> None:
    """Put the beginning of the stack's deletion in the place of its operation's end; twice is as once."""
    stack = final.begun_anew(StackStatus.DELETE_IN_PROGRESS, asked_of(held.asked))
    replaced = {final.status.value, stack.status.value}
    writing.stack = stack_row(stack)
    writing.events = [
        row for row in writing.events if row["physical_id"] != final.stack_id or row["status"] not in replaced
    ]
    writing.events.append(event_row(status_event(stack, now)))


def _numbered(writing: Writing, held: Held) -> dict[str, Any]:
    """The lease's row with the counters as the numbers of rows and events leave them; empty when there are none."""
    for number, row in enumerate(writing.resources, start=held.last_row + 1):
        row["made"] = number
    for number, row in enumerate(writing.events, start=held.last_event + 1):
        row["sequence"] = number
    if not writing.resources and not writing.events:
        return {}
    return {
        "stack_id": writing.lease.stack_id,
        **{name: getattr(held, name) for name in _JUDGED},
        "last_row": held.last_row + len(writing.resources),
        "last_event": held.last_event + len(writing.events),
    }


def _change(writing: Writing, row: dict[str, Any]) -> dict[str, Any]:
    return {"of": writing.lease.stack_id, **{f"new_{name}": row[name] for name in _written}}


def _gone(writing: Writing) -> Rows:
    of = writing.lease.stack_id
    return [{"of": of, "gone_id": name, "gone_generation": number} for name, number in writing.removed]
