"""Operations on stacks: what begins one, and what carries it to its end.

To begin is short: the template is judged, the plan made, and the stack written down in its new status under a lease.
To give the plan its effect takes minutes, and is done by whoever holds the lease: at once by a caller who waits for
it, by a worker of the service otherwise, or by another process when the first has died.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from cfnlib.engine.operation import shown_parameters
from cfnlib.errors import (
    NoUpdatesError,
    StackError,
    StackExistsError,
    StackNotFoundError,
    StalePlanError,
)
from cfnlib.plan.name import account_number
from cfnlib.state.model import UPDATABLE, StackStatus, status_event
from cfnlib.wanted import change_set_of, check_choice, new_state, with_previous

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from threading import Event as Flag

    from cfnlib.drivers.base import Clock, Driver
    from cfnlib.engine.holding import Holder
    from cfnlib.engine.operation import Engine
    from cfnlib.plan.change import Plan
    from cfnlib.shelf import Shelf
    from cfnlib.state.model import ChangeSet, Event
    from cfnlib.state.model import Stack as StackState
    from cfnlib.state.store import Lease, Store
    from cfnlib.wanted import Source

    Observer = Callable[[Event], None]

_S = StackStatus
NOTHING_TO_CHANGE = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)
"""The reason of a change set that changes nothing: word for word what clients look for."""


@frozen
class Begun:
    """An operation that is written down and waits to be carried on.

    `plan` is the plan of its first phase, when it was made just now; `wanted` the status that it should end in, None
    when any will do that is no failure.
    """

    stack: StackState
    lease: Lease
    plan: Plan | None
    wanted: StackStatus | None


class Operations:
    """Begins operations on the stacks of one account, and carries them on. `owner` is the user that works on them."""

    def __init__(
        self,
        store: Store,
        driver: Driver,
        engine: Engine,
        shelf: Shelf,
        holder: Holder,
        clock: Clock,
        *,
        region: str,
        owner: str = "",
    ) -> None:
        self._store = store
        self._driver = driver
        self._engine = engine
        self._shelf = shelf
        self._holder = holder
        self._clock = clock
        self._region = region
        self._owner = owner

    # What is wanted

    def new(self, name: str, template: Source, parameters: Mapping[str, Any] | None = None) -> StackState:
        """A stack of this account as it would be made. Raises `TemplateError`, `StackError`."""
        facts = self._driver.facts()
        place = (self._region, account_number(facts.domain_id, facts.account, facts.project_id))
        state = new_state(name, template, parameters or {}, self._clock.now(), place)
        return evolve(state, account=self._shelf.account(), owner=self._owner, project_id=facts.project_id)

    def planned(self, state: StackState, *, new: bool = False) -> tuple[StackState, Plan]:
        """The plan of a stack as it is wanted, and the stack with its parameters to show. Raises `TemplateError`.

        `new`: it is not stored yet, so it has nothing.
        """
        plan = self._engine.plan(state, new=new)
        if plan.evaluator is not None:
            state = evolve(state, shown_parameters=shown_parameters(plan.evaluator.instance))
        return state, plan

    # Beginning

    def create(
        self,
        wanted: StackState,
        *,
        on_plan: Callable[[Plan], None] | None = None,
        on_event: Observer | None = None,
    ) -> Begun:
        """Begin to make a stack that `new` gave. Raises `TemplateError`, `StackExistsError`."""
        state, plan = self.planned(wanted, new=True)
        if on_plan is not None:
            on_plan(plan)
        event = status_event(state, self._clock.now())
        lease = self._holder.create(state, [event])
        if on_event is not None:
            on_event(event)
        return Begun(state, lease, plan, _S.CREATE_COMPLETE)

    def update(
        self,
        wanted: StackState,
        *,
        on_failure: str = "ROLLBACK",
        revision: int | None = None,
        reason: str = "",
        policy: str | None = None,
        on_plan: Callable[[Plan], None] | None = None,
        on_event: Observer | None = None,
    ) -> Begun:
        """Begin to change a stack to what `changed_state` gave. `revision` is the one it was made for, if another.

        `policy` stands in for the stack's own policy during this update. An update that the policy denies something
        is begun, fails before it touches anything, and goes back, as clients of CloudFormation expect.
        `reason` is what the first event says, and the stack until the update ends.
        Raises `TemplateError`, `NoUpdatesError`, `StackBusyError`, `StackError` and `StalePlanError`.
        """
        check_choice("on_failure", on_failure, ("ROLLBACK", "DO_NOTHING"))
        if wanted.status not in UPDATABLE:
            hint = "resume it first" if wanted.status.in_progress else "delete it, or continue its rollback"
            raise StackError(f"stack {wanted.name} is {wanted.status.value} and cannot be updated; {hint}")
        wanted, plan = self.planned(wanted)
        if self.changes_nothing(wanted, plan):
            raise NoUpdatesError(f"No updates are to be performed: stack {wanted.name} is what the template wants")
        if on_plan is not None:
            on_plan(plan)
        lease = self._holder.acquire(wanted.stack_id)
        try:
            now = self._unchanged(wanted, wanted.revision if revision is None else revision)
            started = evolve(
                wanted,
                status=now.moved(_S.UPDATE_IN_PROGRESS).status,
                reason=reason,
                revision=now.revision + 1,
                on_failure=on_failure,
                owner=self._owner or wanted.owner,
                request=None,
                terms=evolve(wanted.terms, policy=now.policy if policy is None else policy),
            )
        except BaseException:
            self._store.release(lease)
            raise
        return self._begun(Begun(started, lease, plan, _S.UPDATE_COMPLETE), on_event)

    def changes_nothing(self, wanted: StackState, plan: Plan) -> bool:
        """Whether an update would leave everything as it is."""
        same_tags = wanted.previous_terms is None or wanted.terms.tags == wanted.previous_terms.tags
        same = same_tags and wanted.template == wanted.previous_template
        return plan.empty and same and self._engine.same_values(wanted)

    def delete(
        self, state: StackState, *, terms: Mapping[str, Any] | None = None, on_event: Observer | None = None
    ) -> Begun | None:
        """Begin to remove a stack; None when there is nothing left to do.

        Raises `StackBusyError` while an operation is under way: ask the store to stop it (`delete`), and whoever
        carries that one on begins the deletion.
        """
        lease = self._holder.acquire(state.stack_id)
        return self._removal(lease, terms or {}, on_event)

    def delete_in_turn(
        self, state: StackState, *, terms: Mapping[str, Any] | None = None, on_event: Observer | None = None
    ) -> Begun | None:
        """The same, waiting for the operation under way, which is asked to stop."""
        lease = self._holder.take_over(state.stack_id, terms or {})
        return self._removal(lease, terms or {}, on_event)

    def continue_rollback(
        self, state: StackState, *, terms: Mapping[str, Any] | None = None, on_event: Observer | None = None
    ) -> Begun:
        """Begin to go back once more to what was before a failed update. Raises `StackError`, `StackBusyError`."""
        lease = self._holder.acquire(state.stack_id)
        begun = self._moved(lease, _S.UPDATE_ROLLBACK_IN_PROGRESS, _S.UPDATE_ROLLBACK_COMPLETE, terms or {})
        return self._begun(begun, on_event)

    def take_up(self, state: StackState) -> Begun | None:
        """The operation that a process left behind, None when there is none. Raises `StackBusyError` if it lives."""
        lease = self._holder.acquire(state.stack_id)
        present = self._store.stack(state.stack_id)
        if not present.status.in_progress:
            self._store.release(lease)
            return None
        if present.request == "delete" and present.status is not _S.DELETE_IN_PROGRESS:
            return self._removal(lease, present.asked, None)
        return Begun(present, lease, None, None)

    # Change sets

    def create_change_set(self, name: str, wanted: StackState, *, kind: str, description: str = "") -> ChangeSet:
        """Store what an operation would do. One that would change nothing is stored as FAILED, with its reason.

        A change set that makes a stack (`kind` CREATE) has the stack stored too, to be reviewed, if it is not there.
        Raises `TemplateError`, `StackExistsError`.
        """
        wanted, plan = self.planned(wanted)
        stored = change_set_of(name, wanted, plan, self._clock.now(), kind=kind, description=description)
        if kind == "UPDATE" and self.changes_nothing(wanted, plan):
            stored = evolve(stored, status="FAILED", execution="UNAVAILABLE", reason=NOTHING_TO_CHANGE)
        if kind == "CREATE":
            try:
                self._store.stack(wanted.stack_id)
            except StackNotFoundError:
                review = evolve(wanted, status=_S.REVIEW_IN_PROGRESS, template="", parameters={}, shown_parameters={})
                self._store.release(self._holder.create(review, [status_event(review, self._clock.now())]))
        if any(found.name == name for found in self._store.change_sets(wanted.stack_id)):
            raise StackExistsError(f"stack {wanted.name} has a change set {name} already; delete it first")
        self._store.save_change_set(stored)
        return stored

    def execute(
        self,
        change_set: ChangeSet,
        *,
        on_failure: str | None = None,
        token: str | None = None,
        on_event: Observer | None = None,
    ) -> Begun:
        """Begin to carry out a stored change set. Raises `StalePlanError` when the stack has moved on since then."""
        present = self._store.stack(change_set.stack_id)
        if change_set.status != "CREATE_COMPLETE" or change_set.execution != "AVAILABLE":
            how = f"{change_set.status} and {change_set.execution}"
            raise StackError(f"change set {change_set.name} is {how}: it cannot be executed")
        if present.revision != change_set.stack_revision:
            raise StalePlanError(
                f"change set {change_set.name} was made for revision {change_set.stack_revision} of stack "
                f"{present.name}, which is now at {present.revision}; make it anew"
            )
        wanted = evolve(
            present,
            template=change_set.template,
            template_file=change_set.template_file,
            parameters=change_set.parameters,
            terms=evolve(change_set.terms, token=token),
        )
        choice = on_failure or change_set.on_failure
        if change_set.kind == "CREATE":
            begun = self._create_reviewed(evolve(wanted, on_failure=choice), on_event)
        else:
            kept = choice if choice in {"ROLLBACK", "DO_NOTHING"} else "ROLLBACK"
            again = with_previous(wanted, present)
            begun = self.update(again, on_failure=kept, revision=change_set.stack_revision, on_event=on_event)
        self._store.save_change_set(evolve(change_set, execution="EXECUTE_COMPLETE"))
        for other in self._store.change_sets(change_set.stack_id):
            if other.change_set_id != change_set.change_set_id:
                self._store.delete_change_set(other.change_set_id)
        return begun

    # Carrying on

    def carry_on(self, begun: Begun, on_event: Observer | None = None, halt: Flag | None = None) -> StackState:
        """Do what was begun, until it ends; gives the stack as it then is. Raises as `Engine.drive` does.

        Once `halt` is set, what is not done is left to a process that takes it up: see `Engine.drive`.
        """
        new = begun.stack if begun.plan is not None and begun.wanted is _S.CREATE_COMPLETE else None
        return self._engine.drive(begun.lease, plan=begun.plan, new=new, observer=on_event, halt=halt)

    # Within

    def _create_reviewed(self, wanted: StackState, on_event: Observer | None) -> Begun:
        state, plan = self.planned(wanted)
        lease = self._holder.acquire(state.stack_id)
        try:
            now = self._store.stack(state.stack_id)
            status = now.moved(_S.CREATE_IN_PROGRESS).status
            state = evolve(
                state,
                status=status,
                revision=now.revision + 1,
                owner=self._owner or state.owner,
                updated_at=self._clock.now(),
            )
        except BaseException:
            self._store.release(lease)
            raise
        return self._begun(Begun(state, lease, plan, _S.CREATE_COMPLETE), on_event)

    def _unchanged(self, wanted: StackState, revision: int) -> StackState:
        """The stack as it stands now. Raises `StalePlanError` when it is not of this revision any more."""
        now = self._store.stack(wanted.stack_id)
        if now.revision != revision:
            raise StalePlanError(f"stack {wanted.name} was changed by another operation in the meantime; plan again")
        return now

    def _removal(self, lease: Lease, terms: Mapping[str, Any], on_event: Observer | None) -> Begun | None:
        state = self._store.stack(lease.stack_id)
        if state.status is _S.DELETE_COMPLETE:
            self._store.release(lease)
            return None
        return self._begun(self._moved(lease, _S.DELETE_IN_PROGRESS, _S.DELETE_COMPLETE, terms), on_event)

    def _moved(self, lease: Lease, to: StackStatus, wanted: StackStatus, terms: Mapping[str, Any]) -> Begun:
        try:
            state = self._store.stack(lease.stack_id).begun_anew(to, terms)
        except BaseException:
            self._store.release(lease)
            raise
        return Begun(state, lease, None, wanted)

    def _begun(self, begun: Begun, on_event: Observer | None) -> Begun:
        """Write down, and tell, that an operation begins."""
        event = status_event(begun.stack, self._clock.now())
        try:
            self._store.commit(begun.lease, stack=begun.stack, events=[event])
        except BaseException:
            self._store.release(begun.lease)
            raise
        if on_event is not None:
            on_event(event)
        return begun
