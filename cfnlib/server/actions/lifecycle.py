"""Making, changing and removing stacks. Each begins an operation, gives it to the workers, and answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attrs import evolve

from cfnlib.errors import StackBusyError, StackError, StackExistsError, StackNotFoundError, StalePlanError
from cfnlib.plan.validate import every_fault
from cfnlib.server.asked import (
    check_capabilities,
    check_resource_types,
    first_reason,
    parameters_of,
    policy_of,
    read_template,
    refuse_triggers,
    template_of,
    template_text,
    terms_of,
)
from cfnlib.server.context import WITH_ID
from cfnlib.server.faults import SaidError
from cfnlib.state.model import UPDATABLE, StackStatus, Terms
from cfnlib.wanted import changed_state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.server.context import Action, Context, Params, Result
    from cfnlib.state.model import Stack as StackState

_S = StackStatus
_VERBS = {"ROLLBACK": "CREATE", "REVIEW": "CREATE", "UPDATE": "UPDATE", "DELETE": "DELETE", "CREATE": "CREATE"}
_TRIES = 20
"""How often a deletion is tried while operations begin and end under it; more than one try is rare."""


def create_stack(context: Context, params: Params) -> Result:
    """CreateStack."""
    name = params["StackName"]
    on_failure = failure_choice(params, ("ROLLBACK", "DO_NOTHING", "DELETE"))
    refuse_triggers(params)
    again = _asked_before(context, name, params, "CREATE")
    if again is not None:
        return {"StackId": again.stack_id}
    template = template_of(context, params)
    parameters = parameters_of(params, template)
    check_capabilities(template, params.get("Capabilities", ()))
    check_resource_types(params, template)
    policy = policy_of(context, params)
    context.service.check_room(context.caller)
    with context.service.stacks(context.caller) as stacks:
        wanted = stacks.operations.new(name, template, parameters)
        wanted = evolve(
            wanted,
            on_failure=on_failure,
            description=template.description,
            reason=first_reason(template, params),
            terms=Terms(**terms_of(params)),
            protected=bool(params.get("EnableTerminationProtection")),
            policy=policy,
        )
        try:
            with every_fault(template):
                begun = stacks.operations.create(wanted)
        except StackExistsError:
            again = _asked_before(context, name, params, "CREATE")
            if again is not None:
                return {"StackId": again.stack_id}
            raise already_exists(name) from None
        context.service.workers.submit(begun, context.caller)
    return {"StackId": begun.stack.stack_id}


def update_stack(context: Context, params: Params) -> Result:
    """UpdateStack."""
    present = context.find(params["StackName"])
    if _is_repeated(present, params, "UPDATE"):
        return {"StackId": present.stack_id}
    on_failure = failure_choice(params, ("ROLLBACK", "DO_NOTHING"))
    refuse_triggers(params)
    check_updatable(present)
    text = template_text(context, params)
    previous = bool(params.get("UsePreviousTemplate"))
    if previous and text is not None:
        raise SaidError("Cannot specify UsePreviousTemplate together with TemplateBody or TemplateURL")
    if not previous and text is None:
        raise SaidError("Either Template URL or Template Body must be specified.")
    template = read_template(present.template if text is None else text)
    parameters = parameters_of(params, template, present)
    check_capabilities(template, params.get("Capabilities", present.terms.capabilities if previous else ()))
    check_resource_types(params, template)
    policy = policy_of(context, params)
    during = policy_of(context, params, "StackPolicyDuringUpdate")
    wanted = changed_state(present, template, parameters, terms_of(params), exactly=True)
    with context.working_on(present) as (stacks, worker):
        reason = first_reason(template, params)
        try:
            with every_fault(template):
                begun = stacks.operations.update(wanted, on_failure=on_failure, reason=reason, policy=during)
        except (StackBusyError, StalePlanError):
            raise moved_on(context, present) from None
        if policy is not None:
            context.service.store.set_policy(present.stack_id, policy)
        context.service.workers.submit(begun, worker)
    return {"StackId": present.stack_id}


def delete_stack(context: Context, params: Params) -> Result:
    """DeleteStack: nothing happens when there is no such stack."""
    name = params["StackName"]
    try:
        state = context.service.find(context.caller, name)
    except StackNotFoundError:
        if name.startswith("arn:"):
            raise SaidError(WITH_ID.format(name)) from None
        return {}
    retained = tuple(params.get("RetainResources", ()))
    if params.get("DeletionMode") == "FORCE_DELETE_STACK":
        raise SaidError("DeletionMode FORCE_DELETE_STACK is not offered: name what shall stay in RetainResources")
    for _ in range(_TRIES):
        if state.status in {_S.DELETE_COMPLETE, _S.DELETE_IN_PROGRESS}:
            return {}
        if state.protected:
            raise SaidError(f"Stack [{state.name}] cannot be deleted while TerminationProtection is enabled")
        if retained:
            _check_retained(context, state, retained)
        terms = {"retained": retained, "token": params.get("ClientRequestToken")}
        if _delete(context, state, terms):
            return {}
        time.sleep(0.05)
        state = context.service.find(context.caller, state.stack_id)
    raise StackBusyError(f"stack {state.name} is busy; try again")


def cancel_update_stack(context: Context, params: Params) -> Result:
    """CancelUpdateStack."""
    state = context.find(params["StackName"])
    if state.status is _S.UPDATE_IN_PROGRESS:
        try:
            context.service.store.ask(state.stack_id, "cancel")
        except StackError:
            state = context.find(state.stack_id)
        else:
            return {}
    raise SaidError(f"CancelUpdateStack cannot be called from current stack status {state.status.value}")


def continue_update_rollback(context: Context, params: Params) -> Result:
    """ContinueUpdateRollback."""
    state = context.find(params["StackName"])
    skipped = tuple(params.get("ResourcesToSkip", ()))
    token = params.get("ClientRequestToken")
    if token is not None and state.terms.token == token and state.status is not _S.UPDATE_ROLLBACK_FAILED:
        return {}
    if state.status is not _S.UPDATE_ROLLBACK_FAILED:
        raise SaidError(
            f"Stack [{state.stack_id}] is in {state.status.value} state and can not continue update rollback."
        )
    rows = {row.logical_id: row for row in context.service.store.resources(state.stack_id)}
    failed = [name for name, row in rows.items() if row.status.value.endswith("_FAILED")]
    if params.get("ForceRollback"):
        if skipped:
            raise SaidError("ForceRollback and ResourcesToSkip are mutually exclusive")
        skipped = tuple(failed)
    wrong = [name for name in skipped if name not in failed]
    if wrong:
        raise SaidError(f"ResourcesToSkip: [{', '.join(wrong)}] are not resources whose update failed")
    with context.working_on(state) as (stacks, worker):
        try:
            begun = stacks.operations.continue_rollback(state, terms={"skipped": skipped, "token": token})
        except StackBusyError:
            raise moved_on(context, state) from None
        context.service.workers.submit(begun, worker)
    return {}


ACTIONS: Mapping[str, Action] = {
    "CreateStack": create_stack,
    "UpdateStack": update_stack,
    "DeleteStack": delete_stack,
    "CancelUpdateStack": cancel_update_stack,
    "ContinueUpdateRollback": continue_update_rollback,
}


def failure_choice(params: Params, allowed: tuple[str, ...]) -> str:
    """What shall be done when the operation fails, from OnFailure or DisableRollback, which exclude each other."""
    disabled, choice = params.get("DisableRollback"), params.get("OnFailure")
    if disabled is not None and choice is not None:
        raise SaidError("You can specify either DisableRollback or OnFailure, but not both.")
    if choice is None:
        return "DO_NOTHING" if disabled else "ROLLBACK"
    if choice not in allowed:
        raise SaidError(f"OnFailure is one of {', '.join(allowed)}")
    return str(choice)


def already_exists(name: str) -> SaidError:
    """A stack of this name is there."""
    return SaidError(f"Stack [{name}] already exists", "AlreadyExistsException")


def check_updatable(present: StackState) -> None:
    """Raise `SaidError` when a stack's status allows no update."""
    if present.status not in UPDATABLE:
        raise SaidError(f"Stack:{present.stack_id} is in {present.status.value} state and can not be updated.")


def moved_on(context: Context, present: StackState) -> SaidError:
    """What is said when another operation was quicker."""
    now = context.find(present.stack_id).status.value
    return SaidError(f"Stack:{present.stack_id} is in {now} state and can not be updated.")


def _asked_before(context: Context, name: str, params: Params, verb: str) -> StackState | None:
    """The stack that an earlier request with the same token has begun; raises `SaidError` when it cannot be made."""
    try:
        present = context.service.store.stack(name, context.mark)
    except StackNotFoundError:
        return None
    if _is_repeated(present, params, verb):
        return present
    raise already_exists(name)


def _is_repeated(present: StackState, params: Params, verb: str) -> bool:
    """Whether the stack's last operation is what a request with this token has begun.

    Raises `SaidError` when the token is that of an operation of another kind.
    """
    token = params.get("ClientRequestToken")
    if token is None or present.terms.token != token:
        return False
    last = _VERBS[present.status.value.split("_", maxsplit=1)[0]]
    if last != verb or present.status is _S.REVIEW_IN_PROGRESS:
        raise SaidError(
            f"The token {token} was already used for another operation on stack {present.name}",
            "TokenAlreadyExistsException",
        )
    return True


def _check_retained(context: Context, state: StackState, retained: tuple[str, ...]) -> None:
    if state.status is not _S.DELETE_FAILED:
        raise SaidError(
            f"Invalid operation on stack [{state.stack_id}]. Specify the RetainResources parameter only for stacks "
            "in the DELETE_FAILED state"
        )
    there = {row.logical_id for row in context.service.store.resources(state.stack_id)}
    unknown = [name for name in retained if name not in there]
    if unknown:
        raise SaidError(f"Resources [{', '.join(unknown)}] do not exist in the stack {state.name}")


def _delete(context: Context, state: StackState, terms: Mapping[str, object]) -> bool:
    """Begin to remove a stack, or ask for it; False when it has moved on in the meantime."""
    with context.working_on(state) as (stacks, worker):
        try:
            begun = stacks.operations.delete(state, terms=terms)
        except StackBusyError:
            try:
                context.service.store.ask(state.stack_id, "delete", terms)
            except StackError:  # it has ended just now, or was protected
                return False
            return True
        if begun is not None:
            context.service.workers.submit(begun, worker)
    return True
