"""What the engine asks of a store.

One operation a stack at a time: whoever works on a stack holds its `Lease`. A lease is a row with an epoch; taking it
over raises the epoch, and every write of an operation checks, in its own transaction, that its epoch still stands and
that the lease has not expired. A lease that expired is lost for good, even if nobody took it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from cfnlib.state.model import ChangeSet, Event, Resource, Signal, Stack, StackStatus, StackSummary


@frozen
class Lease:
    """The right to work on a stack, until `expires_at` (seconds since the epoch), while the row still has `epoch`."""

    stack_id: str
    epoch: int
    owner: str
    expires_at: float


class Store(Protocol):
    """Keeps stacks. Every method is one transaction and may be called from any thread. Raises `StoreError`."""

    def create_stack(
        self, stack: Stack, owner: str | None = None, ttl_s: float = 0.0, *, events: Sequence[Event] = ()
    ) -> Lease | None:
        """Add a stack with its first events, and give its lease to `owner` in the same moment; None: nobody takes it.

        Raises `StackExistsError` when this account has a stack of this name that is not deleted.
        """

    def stack(self, name_or_id: str, account: str = "") -> Stack:
        """The stack of this name that is not deleted, or of this id, deleted or not. Raises `StackNotFoundError`."""

    def summary(self, name_or_id: str, account: str = "") -> StackSummary:
        """The same in short. Raises `StackNotFoundError`."""

    def stacks(self, *, deleted: bool = False, account: str | None = None) -> list[Stack]:
        """All stacks, oldest first; `deleted` includes the deleted ones; `account` None means all."""

    def page(
        self,
        account: str | None,
        *,
        statuses: Collection[StackStatus] | None = None,
        deleted: bool = False,
        after: str | None = None,
        limit: int = 100,
    ) -> tuple[list[StackSummary], str | None]:
        """At most `limit` stacks, newest first, and the token to give as `after` for those that follow, if any do.

        `statuses` are those to list; None: all but DELETE_COMPLETE, and with `deleted` that too. `account` None means
        all. While pages are read, stacks may come, go and change: one that is there all the time, in a status that is
        asked for, is listed once. Raises `PageTokenError` for a token that no page gave.
        """

    def count(self, account: str) -> int:
        """How many stacks of the account are not deleted."""

    def unattended(self, *, account_prefix: str = "", limit: int = 100) -> list[str]:
        """The ids of stacks in progress whose lease is free, has expired, or is a dead process's of this machine.

        Oldest first; only of accounts whose mark begins with `account_prefix`.
        """

    def purge(self, before: float, *, limit: int = 100) -> int:
        """Remove stacks that were deleted before a time, with all that belongs to them; gives how many.

        A transaction each, the longest deleted first.
        """

    def resources(self, stack_id: str, *, deleted: bool = False) -> list[Resource]:
        """The rows of a stack, in the order of their making; those with DELETE_COMPLETE only if `deleted`."""

    def resource(self, stack_id: str, logical_id: str) -> Resource | None:
        """The newest row of a resource, None when it has none but with DELETE_COMPLETE."""

    def by_physical_id(self, account: str, physical_id: str) -> list[tuple[str, str]]:
        """Stack and logical id of each row with this physical id, of the account's stacks that are not deleted."""

    def events(self, stack_id: str, *, after: int = 0, limit: int | None = None) -> list[Event]:
        """The events of a stack with a sequence above `after`, oldest first."""

    def events_back(self, stack_id: str, *, before: int | None = None, limit: int | None = None) -> list[Event]:
        """The events of a stack with a sequence below `before` (None: all), newest first."""

    def latest_events(self, account: str, name: str, limit: int) -> list[Event]:
        """The last events of an account's stack of this name that is not deleted, newest first; none for none."""

    def acquire(self, stack_id: str, owner: str, ttl_s: float) -> Lease:
        """Take the lease: a free one, an expired one, or one of a dead process of this machine. Raises its epoch.

        Raises `StackBusyError`, which says who holds it until when.
        """

    def renew(self, lease: Lease, ttl_s: float) -> Lease:
        """Prolong a lease that still holds. Raises `LeaseLostError` when it expired or was taken over."""

    def release(self, lease: Lease) -> None:
        """Give the lease back; nothing happens when it was lost."""

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

        Gives the stack's `request` as it stands in the store (which `stack` never overwrites, except by clearing it
        when the stack is written with a status that is not in progress, or with DELETE_IN_PROGRESS). Where an
        operation ends whose stack `gives_way` to a deletion that was asked for, the deletion begins in the same
        moment: the stack is written as it then is, and of the events that of its end is replaced. Raises
        `LeaseLostError`, and then nothing is written.
        """

    def ask(self, stack_id: str, request: str | None, terms: Mapping[str, Any] | None = None) -> None:
        """Ask something of the operation under way: `cancel` or `delete`; None takes a cancellation back.

        `terms` are the fields of `Terms` with which the stack is to be deleted. A deletion that is taken comes
        about: nothing takes it back, and who asks again changes nothing. Raises `StackError` when it is not taken:
        no operation is under way, the stack is protected (`delete`), or shall be deleted anyhow (`cancel`).
        """

    def protect(self, stack_id: str, *, protected: bool) -> None:
        """Protect a stack from deletion, or do so no more. Raises `StackNotFoundError`."""

    def set_policy(self, stack_id: str, policy: str | None) -> None:
        """Keep a stack policy (JSON), or none. Raises `StackNotFoundError`."""

    def adopt(self, account: str) -> int:
        """Give an account the stacks that have none, save those whose names it has already; gives how many."""

    def save_change_set(self, change_set: ChangeSet) -> None:
        """Add or replace a change set."""

    def change_sets(self, stack_id: str) -> list[ChangeSet]:
        """The change sets of a stack, oldest first."""

    def change_set(self, change_set_id: str) -> ChangeSet:
        """The change set of this id. Raises `StackNotFoundError`."""

    def delete_change_set(self, change_set_id: str) -> None:
        """Remove a change set, if it is there."""

    def add_signal(self, stack_id: str, handle: str, signal: Signal) -> None:
        """Keep a signal for a handle; a second one with the same `unique_id` replaces the first."""

    def signals(self, stack_id: str, handles: Iterable[str]) -> dict[str, list[Signal]]:
        """The signals that have come for these handles."""

    def close(self) -> None:
        """Give back connections."""
