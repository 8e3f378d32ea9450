"""The row of a stack's lease: locked, read and judged in the transaction that it guards."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, select

from cfnlib.errors import LeaseLostError
from cfnlib.state.sql_schema import lease_table, stack_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from cfnlib.state.store import Lease

_held = (
    select(
        lease_table.c.stack_id,
        lease_table.c.epoch,
        lease_table.c.owner,
        lease_table.c.expires_at,
        lease_table.c.last_event,
        lease_table.c.last_row,
        stack_table.c.request,
        stack_table.c.asked,
    )
    .join(stack_table, stack_table.c.stack_id == lease_table.c.stack_id)
    .where(lease_table.c.stack_id.in_(bindparam("of", expanding=True)))
    .order_by(lease_table.c.stack_id)  # all lock in this order, so that no two block each other
    .with_for_update()
)


class Held(NamedTuple):
    """The row of a stack's lease with the counters and the request, locked until the transaction ends."""

    epoch: int
    owner: str | None
    expires_at: float
    last_event: int
    last_row: int
    request: str | None
    asked: str | None


def lock(connection: Connection, stack_id: str) -> Held | None:
    """Lock the lease of a stack and read it; None when there is no such stack."""
    return lock_all(connection, [stack_id]).get(stack_id)


def lock_all(connection: Connection, stack_ids: Sequence[str]) -> dict[str, Held]:
    """Lock the leases of these stacks and read them, as far as there are such stacks."""
    return {stack_id: Held(*values) for stack_id, *values in connection.execute(_held, {"of": stack_ids})}


def judge(lease: Lease, row: Held | None, now: float) -> Held:
    """The row, if the lease holds. Raises `LeaseLostError` when it does not any more.

    The time must be asked when the row is locked, for waiting for the lock would make it stale.
    """
    if row is None:
        raise LeaseLostError(f"stack {lease.stack_id} is not there any more")
    if row.epoch != lease.epoch:
        raise LeaseLostError(f"stack {lease.stack_id}: taken over by {row.owner or 'one that has ended'}")
    if row.owner is None:
        raise LeaseLostError(f"stack {lease.stack_id}: the lease was given back")
    if row.expires_at <= now:
        raise LeaseLostError(f"stack {lease.stack_id}: the lease expired at {when(row.expires_at)}")
    return row


def when(at: float) -> str:
    """A time as people read it, in UTC."""
    return datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
