"""The store on a database, by SQLAlchemy Core.

A lease is judged by the database's row and this machine's clock, inside the transaction that it guards and after its
row is locked, so waiting for the lock cannot make the answer stale. Machines that share a database must have clocks
that agree to well within the time a lease is given for; the epoch stands even where they do not.

No request to an operation is lost: `ask` refuses when no operation is under way, and the `commit` that ends an
operation still tells of the request that it clears.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import delete, insert, or_, select, update

from cfnlib.errors import StackBusyError, StackError, StackExistsError, StackNotFoundError, StoreError
from cfnlib.state import sql_leases as leases
from cfnlib.state import sql_queries as queries
from cfnlib.state import sql_rows as rows
from cfnlib.state.model import StackStatus
from cfnlib.state.owner import owner_is_dead
from cfnlib.state.sql_commits import Commits, Writing
from cfnlib.state.sql_connect import Database
from cfnlib.state.sql_schema import (
    change_set_table,
    event_table,
    lease_table,
    signal_table,
    stack_table,
)
from cfnlib.state.sql_upsert import upsert
from cfnlib.state.sql_version import prepare
from cfnlib.state.store import Lease

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence

    from sqlalchemy import Connection, Executable

    from cfnlib.state.model import ChangeSet, Event, Resource, Signal, Stack, StackSummary

_IN_PROGRESS = [status.value for status in StackStatus if status.in_progress]
_P = ParamSpec("_P")
_T = TypeVar("_T")


class SqlStore:
    """A `Store` in a database; see `open_store` for the URLs.

    `now` tells the time (seconds since the epoch), `is_dead` whether an owner's process has certainly ended.
    """

    def __init__(
        self,
        url: str,
        *,
        now: Callable[[], float] = time.time,
        is_dead: Callable[[str], bool] = owner_is_dead,
    ) -> None:
        self._database = Database(url)
        self._now = now
        self._is_dead = is_dead
        self._commits = Commits(self._database, now)
        try:
            prepare(self._database)
        except BaseException:
            self._database.close()
            raise

    def create_stack(
        self, stack: Stack, owner: str | None = None, ttl_s: float = 0.0, *, events: Sequence[Event] = ()
    ) -> Lease | None:
        """Add a stack with its first events, and give its lease to `owner` in the same moment; None: nobody takes it.

        Raises `StackExistsError` when this account has a stack of this name that is not deleted.
        """
        row = rows.stack_row(stack)
        free = {"stack_id": stack.stack_id, "epoch": 0, "expires_at": 0.0, "last_event": len(events), "last_row": 0}
        told = [rows.event_row(event) | {"sequence": number} for number, event in enumerate(events, start=1)]

        def work(connection: Connection) -> Lease | None:
            lease = None if owner is None else Lease(stack.stack_id, 1, owner, self._now() + ttl_s)
            held = {} if lease is None else {"epoch": 1, "owner": owner, "expires_at": lease.expires_at}
            connection.execute(insert(stack_table), row)
            connection.execute(insert(lease_table), {**free, **held})
            if told:
                connection.execute(insert(event_table), told)
            return lease

        return self._database.write(work, refused=StackExistsError(f"stack {stack.name} is there already"))

    def stack(self, name_or_id: str, account: str = "") -> Stack:
        """The stack of this name that is not deleted, or of this id, deleted or not. Raises `StackNotFoundError`.

        A name counts within `account`. An id is found in every account when `account` is empty.
        """
        found = self._read(queries.stack, name_or_id, account)
        if found is None:
            raise StackNotFoundError(f"there is no stack {name_or_id}")
        return found

    def summary(self, name_or_id: str, account: str = "") -> StackSummary:
        """The same in short."""
        found = self._recall(queries.summary, name_or_id, account)
        if found is None:
            raise StackNotFoundError(f"there is no stack {name_or_id}")
        return found

    def stacks(self, *, deleted: bool = False, account: str | None = None) -> list[Stack]:
        """All stacks, oldest first; `deleted` includes the deleted ones; `account` None means all."""
        return self._read(queries.stacks, deleted=deleted, account=account)

    def page(
        self,
        account: str | None,
        *,
        statuses: Collection[StackStatus] | None = None,
        deleted: bool = False,
        after: str | None = None,
        limit: int = 100,
    ) -> tuple[list[StackSummary], str | None]:
        """At most `limit` stacks, newest first, and the token of those that follow, if any do; see `Store`."""
        wanted = None if statuses is None else frozenset(statuses)
        found, more = self._recall(queries.page, account, wanted, deleted, after, limit)
        return list(found), more

    def count(self, account: str) -> int:
        """How many stacks of the account are not deleted."""
        return self._read(queries.count, account)

    def unattended(self, *, account_prefix: str = "", limit: int = 100) -> list[str]:
        """The ids of stacks in progress whose lease nobody holds, oldest first; see `Store`."""
        return self._read(queries.unattended, account_prefix, self._now(), self._is_dead, limit)

    def purge(self, before: float, *, limit: int = 100) -> int:
        """Remove stacks that were deleted before a time, with all that belongs to them; gives how many."""
        gone = 0
        for stack_id in self._read(queries.long_deleted, before, limit):
            gone += self._database.write(partial(_remove_stack, stack_id=stack_id))
        return gone

    def resources(self, stack_id: str, *, deleted: bool = False) -> list[Resource]:
        """The rows of a stack, in the order of their making; those with DELETE_COMPLETE only if `deleted`."""
        return self._read(queries.resources, stack_id, deleted)

    def resource(self, stack_id: str, logical_id: str) -> Resource | None:
        """The newest row of a resource, None when it has none but with DELETE_COMPLETE."""
        return self._read(queries.resource, stack_id, logical_id)

    def by_physical_id(self, account: str, physical_id: str) -> list[tuple[str, str]]:
        """Stack and logical id of each row with this physical id, of the account's stacks that are not deleted."""
        return self._read(queries.by_physical_id, account, physical_id)

    def events(self, stack_id: str, *, after: int = 0, limit: int | None = None) -> list[Event]:
        """The events of a stack with a sequence above `after`, oldest first."""
        return self._read(queries.events, stack_id, after, limit)

    def events_back(self, stack_id: str, *, before: int | None = None, limit: int | None = None) -> list[Event]:
        """The events of a stack with a sequence below `before`, newest first."""
        return list(self._recall(queries.events_back, stack_id, before, limit))

    def latest_events(self, account: str, name: str, limit: int) -> list[Event]:
        """The last events of the stack of this name that is not deleted, newest first; none for none."""
        return list(self._recall(queries.latest_events, account, name, limit))

    def acquire(self, stack_id: str, owner: str, ttl_s: float) -> Lease:
        """Take the lease: a free one, an expired one, or one of a dead process of this machine. Raises its epoch.

        Raises `StackBusyError`, which says who holds it until when, or `StackNotFoundError`.
        """

        def work(connection: Connection) -> Lease:
            row = leases.lock(connection, stack_id)
            if row is None:
                raise StackNotFoundError(f"there is no stack {stack_id}")
            now = self._now()
            if row.owner is not None and row.expires_at > now and not self._is_dead(row.owner):
                raise StackBusyError(f"stack {stack_id}: {row.owner} works on it until {leases.when(row.expires_at)}")
            lease = Lease(stack_id, row.epoch + 1, owner, now + ttl_s)
            change = update(lease_table).where(lease_table.c.stack_id == stack_id, lease_table.c.epoch == row.epoch)
            taken = connection.execute(change.values(epoch=lease.epoch, owner=owner, expires_at=lease.expires_at))
            if not taken.rowcount:
                raise StackBusyError(f"stack {stack_id}: another operation took it just now")
            return lease

        return self._database.write(work)

    def renew(self, lease: Lease, ttl_s: float) -> Lease:
        """Prolong a lease that still holds. Raises `LeaseLostError` when it expired or was taken over."""

        def work(connection: Connection) -> Lease:
            leases.judge(lease, leases.lock(connection, lease.stack_id), self._now())
            renewed = Lease(lease.stack_id, lease.epoch, lease.owner, self._now() + ttl_s)
            change = update(lease_table).where(lease_table.c.stack_id == lease.stack_id)
            connection.execute(change.values(expires_at=renewed.expires_at))
            return renewed

        return self._database.write(work)

    def release(self, lease: Lease) -> None:
        """Give the lease back; nothing happens when it was lost."""
        change = (
            update(lease_table)
            .where(lease_table.c.stack_id == lease.stack_id, lease_table.c.epoch == lease.epoch)
            .values(owner=None, expires_at=0.0)
        )
        self._database.write(lambda connection: connection.execute(change).close())

    def commit(
        self,
        lease: Lease,
        *,
        stack: Stack | None = None,
        resources: Sequence[Resource] = (),
        removed: Sequence[tuple[str, int]] = (),
        events: Sequence[Event] = (),
    ) -> str | None:
        """Write what an operation has to write, in one transaction that first checks the lease.

        Gives the stack's `request` as it was found, even when this commit clears it: by writing a status that is not
        in progress, by beginning the deletion that was asked for in its place, or by writing that it begins. A key in
        both `removed` and `resources` is removed, then made again. Raises `LeaseLostError`, and then nothing is
        written.
        """
        of = lease.stack_id
        if any(event.stack_id != of for event in events) or (stack is not None and stack.stack_id != of):
            raise StoreError(f"a lease of stack {of} cannot write to another stack")
        writing = Writing(
            lease,
            None if stack is None else rows.stack_row(stack),
            stack is not None and (stack.status is StackStatus.DELETE_IN_PROGRESS or not stack.status.in_progress),
            [rows.resource_row(of, item) for item in {item.key: item for item in resources}.values()],
            removed,
            [rows.event_row(event) for event in events],
            stack,
        )
        return self._commits.run(writing)

    def ask(self, stack_id: str, request: str | None, terms: Mapping[str, Any] | None = None) -> None:
        """Ask something of the operation under way: `cancel` or `delete`; None takes a cancellation back.

        Raises `StackNotFoundError`, and `StackError` when it is not taken: when no operation is under way (nobody
        would hear the request, or the next operation would by mistake), and as `Store` says.
        """
        of = stack_table.c
        asked = rows.asked_text(terms) if terms else None
        change = update(stack_table).where(of.stack_id == stack_id, or_(of.request.is_(None), of.request != "delete"))
        if request is not None:
            change = change.where(of.status.in_(_IN_PROGRESS), of.status != StackStatus.DELETE_IN_PROGRESS.value)
        if request == "delete":
            change = change.where(of.protected == 0)
        change = change.values(request=request, asked=asked)

        def work(connection: Connection) -> None:
            if connection.execute(change).rowcount:
                return
            found = connection.execute(
                select(of.status, of.request, of.protected).where(of.stack_id == stack_id)
            ).first()
            if found is None:
                raise StackNotFoundError(f"there is no stack {stack_id}")
            status, before, protected = found
            deleting = before == "delete" or status == StackStatus.DELETE_IN_PROGRESS.value
            if request is None or before == request or (request == "delete" and deleting):
                return
            if deleting:
                raise StackError(f"stack {stack_id} is about to be deleted: there is nothing to {request}")
            if protected and status in _IN_PROGRESS:
                raise StackError(f"stack {stack_id} is protected: take its termination protection away first")
            raise StackError(f"stack {stack_id}: no operation is under way ({status}) to {request}")

        self._database.write(work)

    def protect(self, stack_id: str, *, protected: bool) -> None:
        """Protect a stack from deletion, or do so no more. Raises `StackNotFoundError`."""
        self._set(stack_id, protected=int(protected))

    def set_policy(self, stack_id: str, policy: str | None) -> None:
        """Keep a stack policy (JSON), or none. Raises `StackNotFoundError`."""
        self._set(stack_id, policy=policy)

    def adopt(self, account: str) -> int:
        """Give an account the stacks that have none, save those whose names it has already; gives how many."""
        live, of = stack_table.c.live_name, stack_table.c.account

        def work(connection: Connection) -> int:
            taken = connection.scalars(select(live).where(of == account, live.is_not(None))).all()
            change = update(stack_table).where(of == "", or_(live.is_(None), live.not_in(taken)))
            return connection.execute(change.values(account=account)).rowcount

        return self._database.write(work)

    def save_change_set(self, change_set: ChangeSet) -> None:
        """Add or replace a change set. Raises `StackNotFoundError` when its stack is not there."""
        row = rows.change_set_row(change_set)
        statement = upsert(self._database.backend, change_set_table, ("change_set_id",))
        self._add(change_set.stack_id, statement, row)

    def change_sets(self, stack_id: str) -> list[ChangeSet]:
        """The change sets of a stack, oldest first."""
        return self._read(queries.change_sets, stack_id)

    def change_set(self, change_set_id: str) -> ChangeSet:
        """The change set of this id. Raises `StackNotFoundError`."""
        found = self._read(queries.change_set, change_set_id)
        if found is None:
            raise StackNotFoundError(f"there is no change set {change_set_id}")
        return found

    def delete_change_set(self, change_set_id: str) -> None:
        """Remove a change set, if it is there."""
        change = delete(change_set_table).where(change_set_table.c.change_set_id == change_set_id)
        self._database.write(lambda connection: connection.execute(change).close())

    def add_signal(self, stack_id: str, handle: str, signal: Signal) -> None:
        """Keep a signal for a handle; a second one with the same `unique_id` replaces the first.

        Raises `StackNotFoundError`.
        """
        row = rows.signal_row(stack_id, handle, signal)
        statement = upsert(self._database.backend, signal_table, ("stack_id", "handle", "digest"), ("number",))
        self._add(stack_id, statement, row)

    def signals(self, stack_id: str, handles: Iterable[str]) -> dict[str, list[Signal]]:
        """The signals that have come for these handles, in the order of their coming; each handle has a list."""
        return self._read(queries.signals, stack_id, handles)

    def close(self) -> None:
        """Give back connections."""
        self._database.close()

    def _set(self, stack_id: str, **values: object) -> None:
        change = update(stack_table).where(stack_table.c.stack_id == stack_id).values(**values)

        def work(connection: Connection) -> None:
            if not connection.execute(change).rowcount and _missing(connection, stack_id):
                raise StackNotFoundError(f"there is no stack {stack_id}")

        self._database.write(work)

    def _add(self, stack_id: str, statement: Executable, row: dict[str, Any]) -> None:
        self._database.write(
            lambda connection: connection.execute(statement, row).close(),
            refused=StackNotFoundError(f"there is no stack {stack_id}"),
        )

    def _read(
        self,
        query: Callable[Concatenate[Connection, _P], _T],
        *arguments: _P.args,
        **options: _P.kwargs,
    ) -> _T:
        return self._database.read(lambda connection: query(connection, *arguments, **options))

    def _recall(self, query: Callable[..., _T], *arguments: Hashable) -> _T:
        """The same for what is asked again and again; see `Database.recall`."""
        return self._database.recall((query, *arguments), lambda connection: query(connection, *arguments))


def _missing(connection: Connection, stack_id: str) -> bool:
    """Whether there is no such stack (MySQL counts only rows that an update really changed)."""
    query = select(stack_table.c.stack_id).where(stack_table.c.stack_id == stack_id)
    return connection.execute(query).first() is None


def _remove_stack(connection: Connection, stack_id: str) -> int:
    return connection.execute(delete(stack_table).where(stack_table.c.stack_id == stack_id)).rowcount
