"""Leading a stack from an in-progress status to a final one.

What is to be done follows from the stack's status alone: so to carry on after a crash is the same code as to begin.
The plan is made anew from the template and the rows at every phase, and the rows hold all that an earlier process had
begun.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from attrs import evolve

from cfnlib.engine.journal import Journal
from cfnlib.engine.outcome import Outcome
from cfnlib.engine.walk import Walk
from cfnlib.errors import StackError, TemplateError
from cfnlib.plan.change import Phase
from cfnlib.plan.make import make_plan, plan_removal
from cfnlib.plan.name import account_number
from cfnlib.plan.policy import StackPolicy, denied
from cfnlib.plan.validate import attributes_of
from cfnlib.state.model import MADE, ResourceStatus, Stack, StackStatus
from cfnlib.template import Template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from threading import Event

    from cfnlib.drivers.base import Clock, Driver
    from cfnlib.engine.crew import Crew
    from cfnlib.engine.journal import Observer
    from cfnlib.engine.settings import Settings
    from cfnlib.plan.change import Plan
    from cfnlib.plan.evaluate import Evaluator
    from cfnlib.plan.name import SignalUrl
    from cfnlib.state.model import Resource
    from cfnlib.state.store import Lease, Store
    from cfnlib.template import Instance

_S = StackStatus


class Engine:
    """Drives stacks. It keeps nothing of a stack itself; several may share one store, and one crew."""

    def __init__(
        self,
        store: Store,
        driver: Driver,
        clock: Clock,
        settings: Settings,
        *,
        region: str,
        signal_url: SignalUrl | None = None,
        crew: Crew | None = None,
    ) -> None:
        self._store = store
        self._driver = driver
        self._clock = clock
        self._settings = settings
        self._region = region
        self._signal_url = signal_url
        self._crew = crew

    def instance(self, stack: Stack, *, previous: bool = False) -> Instance:
        """The template that a stack wants (or, with `previous`, wanted before), with its parameters."""
        text = stack.previous_template if previous and stack.previous_template is not None else stack.template
        parameters = (
            stack.previous_parameters if previous and stack.previous_parameters is not None else stack.parameters
        )
        facts = self._driver.facts()
        return _template(text, stack.template_file).instantiate(
            parameters,
            stack_name=stack.name,
            stack_id=stack.stack_id,
            region=self._region,
            account_id=account_number(facts.domain_id, facts.account, facts.project_id),
            zones=[facts.zone_name],
            attributes=attributes_of,
        )

    def same_values(self, stack: Stack) -> bool:
        """Whether every parameter has the value that it had before, be it given or the default."""
        now, before = self.instance(stack).parameters, self.instance(stack, previous=True).parameters
        return {name: one.text for name, one in now.items()} == {name: one.text for name, one in before.items()}

    def plan(self, stack: Stack, *, previous: bool = False, new: bool = False) -> Plan:
        """The plan for a stack as it stands; `new`: that has nothing yet. Raises `TemplateError` with every fault."""
        rows = [] if new else self._store.resources(stack.stack_id)
        return self._made(self.instance(stack, previous=previous), stack, rows, going_back=previous)

    def drive(
        self,
        lease: Lease,
        *,
        plan: Plan | None = None,
        new: Stack | None = None,
        observer: Observer | None = None,
        halt: Event | None = None,
    ) -> Stack:
        """Lead the stack of this lease to a final status. Releases the lease.

        `plan` is the plan of the first phase, when the caller has just made it, and `new` the stack, when it has just
        been begun to be made and so has nothing yet. Once `halt` is set, everything is
        left to another process: the answers to calls in flight are awaited and written down, the ends of jobs not.
        Gives the stack as it then is, with what was asked of the operation when it was too late to hear: still in
        progress only after that, or when somebody asked to delete it, which is then theirs to do, be it begun or
        not. Raises
        `LeaseLostError`; and `CloudError` when the cloud cannot be asked what it is: the stack then stays as it is,
        to be resumed.
        """
        stack = new or self._store.stack(lease.stack_id)
        rows = [] if new else self._store.resources(lease.stack_id)
        settings = self._settings
        journal = Journal(
            self._store,
            lease,
            stack,
            [row for row in rows if row.status is not ResourceStatus.DELETE_SKIPPED],
            self._clock,
            lease_s=settings.lease_s,
            heartbeat_s=settings.heartbeat_s,
            observer=observer,
            halt=halt,
            deadline=_deadline(stack),
        )
        try:
            self._driver.facts()
            while journal.stack.status.in_progress and not journal.halted:
                before = journal.stack.status
                self._lead(journal, plan)
                plan, journal.deadline = None, None
                journal.flush()
                if journal.stack.status is before or journal.request == "delete":
                    break
        finally:
            self._store.release(journal.lease)
        return evolve(journal.stack, request=journal.request)

    def _lead(self, journal: Journal, plan: Plan | None) -> None:
        status = journal.stack.status
        if status is _S.CREATE_IN_PROGRESS:
            self._create(journal, plan)
        elif status is _S.UPDATE_IN_PROGRESS:
            self._update(journal, plan)
        elif status is _S.UPDATE_ROLLBACK_IN_PROGRESS:
            self._update_rollback(journal)
        elif status is _S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS:
            self._clean_up(journal, _S.UPDATE_COMPLETE)
        elif status is _S.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS:
            self._clean_up(journal, _S.UPDATE_ROLLBACK_COMPLETE)
        elif status is _S.ROLLBACK_IN_PROGRESS:
            self._remove_all(journal, _S.ROLLBACK_COMPLETE, _S.ROLLBACK_FAILED, rollback=True)
        else:
            self._remove_all(journal, _S.DELETE_COMPLETE, _S.DELETE_FAILED, rollback=False)

    def _create(self, journal: Journal, plan: Plan | None) -> None:
        outcome, plan = self._forward(journal, plan)
        if outcome.ok and plan is not None:
            if any(
                row.status not in MADE for row in journal.rows.values()
            ):  # members that the group could do without
                left = self._made(self.instance(journal.stack), journal.stack, journal.rows.values(), cleaning=True)
                if self._walk(left, Phase.CLEANUP, journal).halted:
                    return
            self._finish(journal, _S.CREATE_COMPLETE, plan)
            return
        after = {"DELETE": _S.DELETE_IN_PROGRESS, "DO_NOTHING": _S.CREATE_FAILED}
        to = after.get(journal.stack.on_failure, _S.ROLLBACK_IN_PROGRESS)
        if not self._handed_over(journal, outcome, to):
            self._move(journal, to, _reason(outcome))

    def _update(self, journal: Journal, plan: Plan | None) -> None:
        outcome, plan = self._forward(journal, plan)
        if outcome.ok and plan is not None:
            self._finish(journal, _S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS, plan)
            return
        failed = journal.stack.on_failure == "DO_NOTHING" and not outcome.stopped
        to = _S.UPDATE_FAILED if failed else _S.UPDATE_ROLLBACK_IN_PROGRESS
        if not self._handed_over(journal, outcome, to):
            self._move(journal, to, _reason(outcome))

    def _update_rollback(self, journal: Journal) -> None:
        stack = journal.stack
        try:
            instance = self.instance(stack, previous=True)
            plan = self._made(instance, stack, journal.rows.values(), going_back=True)
            outcome = self._walk(plan, Phase.MAIN, journal)
        except TemplateError as error:
            outcome = Outcome([(stack.name, str(error))])
        if self._handed_over(journal, outcome):
            return
        if not outcome.ok:
            self._move(journal, _S.UPDATE_ROLLBACK_FAILED, _reason(outcome))
            return
        if stack.previous_template is not None:
            restored = evolve(
                stack,
                template=stack.previous_template,
                parameters=stack.previous_parameters or {},
                terms=evolve(stack.previous_terms or stack.terms, token=stack.terms.token),
                shown_parameters=shown_parameters(instance),
            )
            journal.put_stack(restored)
        self._finish(journal, _S.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS, plan)

    def _clean_up(self, journal: Journal, final: StackStatus) -> None:
        try:
            plan = self._made(self.instance(journal.stack), journal.stack, journal.rows.values(), cleaning=True)
            outcome = self._walk(plan, Phase.CLEANUP, journal)
        except TemplateError as error:
            outcome = Outcome([(journal.stack.name, str(error))])
        if self._handed_over(journal, outcome):
            return
        left = (
            "" if not outcome.failures else f"not removed, and tried again by the next operation: {_reason(outcome)}"
        )
        self._move(journal, final, left or journal.stack.reason)

    def _remove_all(self, journal: Journal, done: StackStatus, failed: StackStatus, *, rollback: bool) -> None:
        retained = () if rollback else journal.stack.terms.retained
        plan = plan_removal(journal.stack.name, list(journal.rows.values()), rollback=rollback, retained=retained)
        outcome = self._walk(plan, Phase.MAIN, journal)
        if self._handed_over(journal, outcome):
            return
        if outcome.ok:
            self._move(journal, done, journal.stack.reason)
        else:
            self._move(journal, failed, _reason(outcome))

    def _forward(self, journal: Journal, plan: Plan | None) -> tuple[Outcome, Plan | None]:
        try:
            if plan is None:
                plan = self._made(self.instance(journal.stack), journal.stack, journal.rows.values())
            refused = _refused(journal, plan)
        except (TemplateError, StackError) as error:
            return Outcome([(journal.stack.name, str(error))]), None
        return Outcome(refused) if refused else self._walk(plan, Phase.MAIN, journal), plan

    def _made(
        self,
        instance: Instance,
        stack: Stack,
        rows: Iterable[Resource],
        *,
        going_back: bool = False,
        cleaning: bool = False,
    ) -> Plan:
        terms = (stack.previous_terms if going_back else None) or stack.terms
        plan = make_plan(
            instance,
            list(rows),
            self._driver.facts(),
            self._driver.lookup,
            revision=stack.revision,
            going_back=going_back,
            cleaning=cleaning,
            signal_url=self._signal_url,
            tags=terms.tags,
            skipped=stack.terms.skipped if going_back else (),
        )
        plan.diagnostics.raise_if_errors()
        return plan

    def _walk(self, plan: Plan, phase: Phase, journal: Journal) -> Outcome:
        if plan.evaluator is not None:
            journal.masked = _masked(plan.evaluator, journal.stack)
        facts = self._driver.facts()
        return Walk(plan, phase, journal, self._driver, facts, self._settings, self._crew).run()

    def _handed_over(self, journal: Journal, outcome: Outcome, after_failure: StackStatus | None = None) -> bool:
        """Whether somebody else goes on from here: they asked for the deletion of the stack, or this process ends.

        A failure is not forgotten by that, where it leads to a status in which the stack is still worked on.
        """
        if outcome.halted:
            return not (outcome.failures and after_failure is not None and after_failure.in_progress)
        if not outcome.stopped:
            return False
        if journal.request == "delete":
            return True
        self._store.ask(journal.stack.stack_id, None)
        journal.request = None
        return False

    def _finish(self, journal: Journal, status: StackStatus, plan: Plan) -> None:
        outputs = plan.evaluator.outputs() if plan.evaluator is not None else {}
        notes = plan.evaluator.output_notes() if plan.evaluator is not None else {}
        done = evolve(
            journal.stack,
            outputs=outputs,
            output_notes=notes,
            previous_template=None,
            previous_parameters=None,
            previous_terms=None,
            description=plan.evaluator.instance.description if plan.evaluator is not None else "",
        )
        journal.put_stack(done)
        self._move(journal, status, journal.stack.reason if "ROLLBACK" in status.value else "")

    def _move(self, journal: Journal, status: StackStatus, reason: str) -> None:
        now = self._clock.now()
        stack = evolve(journal.stack.moved(status, reason), updated_at=now)
        if status is _S.DELETE_COMPLETE:
            stack = evolve(stack, deleted_at=now)
        journal.put_stack(stack)


def _deadline(stack: Stack) -> float | None:
    """When a creation has taken too long; None when it may take as long as it needs."""
    if stack.status is not _S.CREATE_IN_PROGRESS or stack.terms.timeout_s is None:
        return None
    began = stack.created_at if stack.updated_at is None else stack.updated_at
    return began + stack.terms.timeout_s


@lru_cache(maxsize=32)
def _template(text: str, file: str) -> Template:
    """A template as read: an operation asks for it several times, and many stacks are made from the same."""
    return Template.from_text(text, file)


def shown_parameters(instance: Instance) -> dict[str, str]:
    """The values of all parameters as they may be shown."""
    return {name: value.shown for name, value in instance.parameters.items()}


def _refused(journal: Journal, plan: Plan) -> list[tuple[str, str]]:
    """What the stack policy denies an update: told, and taken for failures before anything is touched.

    As with AWS, who sees the update fail sees it rolled back; there is just nothing to roll back yet.
    """
    stack = journal.stack
    if stack.status is not _S.UPDATE_IN_PROGRESS or stack.terms.policy is None:
        return []
    found = denied(StackPolicy.read(stack.terms.policy), plan)
    for action, reason in found:
        failed = ResourceStatus.UPDATE_FAILED.value
        journal.tell(action.logical_id, action.physical_id, action.type, failed, reason)
    return [(action.logical_id, reason) for action, reason in found]


def _reason(outcome: Outcome) -> str:
    if not outcome.failures:
        return "the operation was cancelled"
    first = "; ".join(f"{name}: {reason}" if name else reason for name, reason in outcome.failures[:3])
    more = len(outcome.failures) - 3
    return first + (f"; and {more} more" if more > 0 else "")


def _masked(evaluator: Evaluator, stack: Stack) -> Callable[[str], str]:
    """What makes the values of NoEcho parameters unreadable: those that are wanted, and those of before."""
    secret = {name for name, parameter in evaluator.instance.parameters.items() if parameter.no_echo}
    given = (stack.parameters, stack.previous_parameters or {})
    values = {str(values[name]) for values in given for name in secret & values.keys()} - {""}

    def masked(text: str) -> str:
        for value in values:
            text = text.replace(value, "****")
        return evaluator.masked(text)

    return masked
