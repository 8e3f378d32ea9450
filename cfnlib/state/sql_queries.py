"""What is read from the store's tables, a query a function.

Lists are paged by key: a page goes on behind the last row of the one before, wherever that row now stands among the
others, so what comes and goes in the meantime neither repeats a row nor hides one.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cache
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, func, select

from cfnlib.errors import PageTokenError
from cfnlib.state import sql_rows as rows
from cfnlib.state.model import ResourceStatus, StackStatus
from cfnlib.state.sql_schema import (
    change_set_table,
    event_table,
    lease_table,
    resource_table,
    signal_table,
    stack_table,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from typing import Self

    from sqlalchemy import BindParameter, Connection, Select

    from cfnlib.state.model import ChangeSet, Event, Resource, Signal, Stack, StackSummary

_HANDLES_AT_ONCE = 500
_GONE = ResourceStatus.DELETE_COMPLETE.value
_IN_PROGRESS = [status.value for status in StackStatus if status.in_progress]

_stack, _event, _resource = stack_table.c, event_table.c, resource_table.c
_summaries = select(*[_stack[name] for name in rows.SUMMARY])
_newest_first = _summaries.order_by(_stack.created_at.desc(), _stack.stack_id.desc()).limit(bindparam("count"))
_at: BindParameter[float] = bindparam("at")
_id: BindParameter[str] = bindparam("last")
_events = select(*[_event[name] for name in rows.EVENT]).where(_event.stack_id == bindparam("of"))
_events_on = _events.where(_event.sequence > bindparam("bound")).order_by(_event.sequence).limit(bindparam("count"))
_events_back = (
    _events.where(_event.sequence < bindparam("bound")).order_by(_event.sequence.desc()).limit(bindparam("count"))
)
_latest_of_name = (
    select(*[_event[name] for name in rows.EVENT])
    .join(stack_table, _stack.stack_id == _event.stack_id)
    .where(_stack.account == bindparam("of_account"), _stack.live_name == bindparam("wanted"))
    .order_by(_event.sequence.desc())
    .limit(bindparam("count"))
)
_all_resources = (
    select(resource_table).where(_resource.stack_id == bindparam("of")).order_by(_resource.made, _resource.logical_id)
)
_resources = (
    select(resource_table)
    .where(_resource.stack_id == bindparam("of"), _resource.status != _GONE)
    .order_by(_resource.made)
)
_resource_named = (
    select(resource_table)
    .where(
        _resource.stack_id == bindparam("of"), _resource.logical_id == bindparam("named"), _resource.status != _GONE
    )
    .order_by(_resource.generation.desc())
    .limit(1)
)
_places = (
    select(_resource.stack_id, _resource.logical_id)
    .join(stack_table, _stack.stack_id == _resource.stack_id)
    .where(
        _resource.physical_id == bindparam("physical"),
        _resource.status != _GONE,
        _stack.account == bindparam("of_account"),
        _stack.live_name.is_not(None),
    )
    .order_by(_stack.created_at, _stack.stack_id, _resource.made)
)
_count = (
    select(func.count())
    .select_from(stack_table)
    .where(_stack.account == bindparam("of_account"), _stack.live_name.is_not(None))
)
_under_way = (
    select(_stack.stack_id, lease_table.c.owner, lease_table.c.expires_at)
    .join(lease_table, lease_table.c.stack_id == _stack.stack_id)
    .where(_stack.status.in_(_IN_PROGRESS))
    .order_by(_stack.created_at, _stack.stack_id)
)


class _Ways(NamedTuple):
    """The ways to find one stack, made beforehand: to make a statement takes longer than to carry it out."""

    by_name: Select[Any]
    by_id: Select[Any]
    by_id_in_account: Select[Any]

    @classmethod
    def of(cls, query: Select[Any]) -> Self:
        """The ways to find what this query tells of a stack."""
        wanted: BindParameter[str] = bindparam("wanted")
        ours = _stack.account == bindparam("of_account")
        by_id = query.where(_stack.stack_id == wanted)
        return cls(query.where(ours, _stack.live_name == wanted), by_id, by_id.where(ours))


_STACK, _SUMMARY = _Ways.of(select(stack_table)), _Ways.of(_summaries)
_ALL = 2**31 - 1
"""A limit that is none; every database takes it."""
_LAST = 2**62
"""A sequence that no event reaches."""


def stack(connection: Connection, name_or_id: str, account: str) -> Stack | None:
    """The stack with this id, else with this name."""
    row = _found(connection, _STACK, name_or_id, account)
    return None if row is None else rows.stack_of(row._asdict())


def summary(connection: Connection, name_or_id: str, account: str) -> StackSummary | None:
    """The same in short."""
    row = _found(connection, _SUMMARY, name_or_id, account)
    return None if row is None else rows.summary_of(row)


def _found(connection: Connection, ways: _Ways, name_or_id: str, account: str) -> Any:  # noqa: ANN401  # a row
    by_id = ways.by_id_in_account if account else ways.by_id
    values = {"wanted": name_or_id, "of_account": account}
    likely, other = (by_id, ways.by_name) if ":" in name_or_id else (ways.by_name, by_id)
    return connection.execute(likely, values).first() or connection.execute(other, values).first()


def stacks(connection: Connection, *, deleted: bool, account: str | None) -> list[Stack]:
    """All stacks, oldest first."""
    query = select(stack_table).order_by(_stack.created_at, _stack.stack_id)
    if not deleted:
        query = query.where(_stack.live_name.is_not(None))
    if account is not None:
        query = query.where(_stack.account == account)
    return [rows.stack_of(row) for row in connection.execute(query).mappings()]


def page(
    connection: Connection,
    account: str | None,
    statuses: Collection[StackStatus] | None,
    deleted: bool,
    after: str | None,
    limit: int,
) -> tuple[list[StackSummary], str | None]:
    """Stacks newest first, and the token of the next page. Raises `PageTokenError`."""
    values: dict[str, Any] = {"count": limit + 1, "of_account": account}
    if statuses is not None:
        values["in_status"] = sorted(status.value for status in statuses)
    if after is not None:
        values["at"], values["last"] = _place(after)
    query = _page(account is not None, statuses is not None, deleted, after is not None)
    found = [rows.summary_of(row) for row in connection.execute(query, values).all()]
    more = len(found) > limit
    del found[limit:]
    return found, _token(found[-1].created_at, found[-1].stack_id) if more and found else None


@cache  # to make a query costs as much as to ask it
def _page(of_account: bool, in_status: bool, deleted: bool, goes_on: bool) -> Select[Any]:
    query = _newest_first
    if of_account:
        query = query.where(_stack.account == bindparam("of_account"))
    if in_status:
        query = query.where(_stack.status.in_(bindparam("in_status", expanding=True)))
    elif not deleted:
        query = query.where(_stack.live_name.is_not(None))
    if goes_on:
        query = query.where(_stack.created_at <= _at, (_stack.created_at < _at) | (_stack.stack_id < _id))
    return query


def _token(at: float, stack_id: str) -> str:
    """The place behind a stack in a list, as text that a URL can hold."""
    return urlsafe_b64encode(f"{at.hex()} {stack_id}".encode()).decode()


def _place(token: str) -> tuple[float, str]:
    """The time and the id that the token was made of. Raises `PageTokenError` when it was not made here."""
    try:
        at_hex, _, stack_id = urlsafe_b64decode(token.encode("ascii")).decode().partition(" ")
        at = float.fromhex(at_hex)
    except (ValueError, OverflowError):  # binascii's and Unicode's errors are ValueErrors
        at, stack_id = inf, ""
    if not (isfinite(at) and stack_id and stack_id.isprintable() and _token(at, stack_id) == token):
        raise PageTokenError("the token of the page is none that a list of stacks gave")
    return at, stack_id


def resources(connection: Connection, stack_id: str, deleted: bool) -> list[Resource]:
    """The rows of a stack, in the order of their making; those with DELETE_COMPLETE only if `deleted`."""
    query = _all_resources if deleted else _resources
    return [rows.resource_of(row) for row in connection.execute(query, {"of": stack_id}).mappings()]


def resource(connection: Connection, stack_id: str, logical_id: str) -> Resource | None:
    """The newest of the rows that a resource has."""
    row = connection.execute(_resource_named, {"of": stack_id, "named": logical_id}).mappings().first()
    return None if row is None else rows.resource_of(row)


def by_physical_id(connection: Connection, account: str, physical_id: str) -> list[tuple[str, str]]:
    """The stacks and logical ids that a thing stands under."""
    found = connection.execute(_places, {"physical": physical_id, "of_account": account})
    return [(stack_id, logical_id) for stack_id, logical_id in found]


def events(connection: Connection, stack_id: str, after: int, limit: int | None) -> list[Event]:
    """Events with a sequence above `after`, oldest first."""
    values = {"of": stack_id, "bound": after, "count": _ALL if limit is None else limit}
    return [rows.event_of(row) for row in connection.execute(_events_on, values).all()]


def events_back(connection: Connection, stack_id: str, before: int | None, limit: int | None) -> list[Event]:
    """Events with a sequence below `before`, newest first."""
    bound = _LAST if before is None else before
    values = {"of": stack_id, "bound": bound, "count": _ALL if limit is None else limit}
    return [rows.event_of(row) for row in connection.execute(_events_back, values).all()]


def latest_events(connection: Connection, account: str, name: str, limit: int) -> list[Event]:
    """The last events of the stack of this name that is not deleted, newest first."""
    values = {"of_account": account, "wanted": name, "count": limit}
    return [rows.event_of(row) for row in connection.execute(_latest_of_name, values).all()]


def count(connection: Connection, account: str) -> int:
    """How many stacks of the account are not deleted."""
    return connection.execute(_count, {"of_account": account}).scalar_one()


def unattended(
    connection: Connection, account_prefix: str, now: float, is_dead: Callable[[str], bool], limit: int
) -> list[str]:
    """The ids of stacks in progress whose lease nobody holds, oldest first."""
    query = _under_way
    if account_prefix:
        query = query.where(func.substr(_stack.account, 1, len(account_prefix)) == account_prefix)
    found: list[str] = []
    with connection.execute(query) as under_way:
        for stack_id, owner, expires_at in under_way:
            if len(found) == limit:
                break
            if owner is None or expires_at <= now or is_dead(owner):
                found.append(stack_id)
    return found


def long_deleted(connection: Connection, before: float, limit: int) -> list[str]:
    """The ids of stacks that were deleted before a time, the longest deleted first."""
    query = (
        select(_stack.stack_id)
        .where(_stack.status == StackStatus.DELETE_COMPLETE.value, _stack.deleted_at < before)
        .order_by(_stack.deleted_at)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def change_sets(connection: Connection, stack_id: str) -> list[ChangeSet]:
    """The change sets of a stack, oldest first."""
    query = (
        select(change_set_table)
        .where(change_set_table.c.stack_id == stack_id)
        .order_by(change_set_table.c.created_at, change_set_table.c.change_set_id)
    )
    return [rows.change_set_of(row) for row in connection.execute(query).mappings()]


def change_set(connection: Connection, change_set_id: str) -> ChangeSet | None:
    """The change set of this id."""
    query = select(change_set_table).where(change_set_table.c.change_set_id == change_set_id)
    row = connection.execute(query).mappings().first()
    return None if row is None else rows.change_set_of(row)


def signals(connection: Connection, stack_id: str, handles: Iterable[str]) -> dict[str, list[Signal]]:
    """The signals that have come for these handles, in the order of their coming; each handle has a list."""
    found: dict[str, list[Signal]] = {name: [] for name in handles}
    names = list(found)
    for start in range(0, len(names), _HANDLES_AT_ONCE):
        query = (
            select(signal_table)
            .where(
                signal_table.c.stack_id == stack_id,
                signal_table.c.handle.in_(names[start : start + _HANDLES_AT_ONCE]),
            )
            .order_by(signal_table.c.number)
        )
        for row in connection.execute(query).mappings():
            found[row["handle"]].append(rows.signal_of(row))
    return found
