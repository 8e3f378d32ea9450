"""Change sets: plans that are stored, looked at, and carried out later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from cfnlib.errors import StackBusyError, StackExistsError, StackNotFoundError, StalePlanError
from cfnlib.plan.validate import every_fault
from cfnlib.server import shown
from cfnlib.server.actions.lifecycle import check_updatable, failure_choice, moved_on
from cfnlib.server.asked import (
    check_resource_types,
    first_reason,
    parameters_of,
    read_template,
    refuse_triggers,
    template_of,
    terms_of,
)
from cfnlib.server.changes import changes_of
from cfnlib.server.faults import SaidError
from cfnlib.server.paging import PAGE, after_of, token_of
from cfnlib.state.model import StackStatus, Terms
from cfnlib.wanted import changed_state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.server.context import Action, Context, Params, Result
    from cfnlib.state.model import ChangeSet
    from cfnlib.state.model import Stack as StackState
    from cfnlib.template import Template

_S = StackStatus
_CHOICES = ("ROLLBACK", "DO_NOTHING", "DELETE")


def create_change_set(context: Context, params: Params) -> Result:
    """CreateChangeSet, to make a stack (which is then under review) or to update one."""
    kind = params.get("ChangeSetType", "UPDATE")
    if kind == "IMPORT" or params.get("ResourcesToImport") or params.get("ImportExistingResources"):
        raise SaidError("ChangeSetType IMPORT is not offered: a stack here has only what it has made itself")
    if params.get("IncludeNestedStacks"):
        raise SaidError("IncludeNestedStacks is not offered: there are no nested stacks here")
    refuse_triggers(params)
    name = params["ChangeSetName"]
    present = _present(context, params["StackName"], name, kind)
    repeated = _repeated(context, present, params)
    if repeated is not None:
        return {"Id": repeated.change_set_id, "StackId": repeated.stack_id}
    template = _template(context, params, present)
    parameters = parameters_of(params, template, present if kind == "UPDATE" else None)
    check_resource_types(params, template)
    terms = {**terms_of(params), "token": params.get("ClientToken")}
    choice = params.get("OnStackFailure", "ROLLBACK")
    made = {"kind": kind, "description": params.get("Description", "")}
    if kind == "UPDATE" and present is not None:
        wanted = changed_state(present, template, parameters, terms, exactly=True)
        with context.working_on(present) as (stacks, _), every_fault(template):
            found = _stored(stacks.operations.create_change_set, name, evolve(wanted, on_failure=choice), made)
        return {"Id": found.change_set_id, "StackId": found.stack_id}
    context.service.check_room(context.caller)
    with context.service.stacks(context.caller) as stacks:
        wanted = stacks.operations.new(params["StackName"], template, parameters)
        if present is not None:
            wanted = evolve(
                wanted, stack_id=present.stack_id, created_at=present.created_at, revision=present.revision
            )
        wanted = evolve(
            wanted,
            terms=Terms(**terms),
            on_failure=choice,
            description=template.description,
            reason=first_reason(template, params),
        )
        with every_fault(template):
            found = _stored(stacks.operations.create_change_set, name, wanted, made)
    return {"Id": found.change_set_id, "StackId": found.stack_id}


def describe_change_set(context: Context, params: Params) -> Result:
    """DescribeChangeSet."""
    state, found = change_set_of(context, params)
    listing = ["DescribeChangeSet", found.change_set_id]
    first = after_of(context, listing, params.get("NextToken")) or 0
    changes = changes_of(found.summary, values=bool(params.get("IncludePropertyValues")))
    last = first + PAGE
    terms = found.terms
    return {
        **_summary(state, found),
        "Parameters": shown.parameters(found.shown_parameters),
        "NotificationARNs": list(terms.notification_arns),
        "RollbackConfiguration": {},
        "Capabilities": list(terms.capabilities),
        "Tags": shown.tags(terms.tags),
        "Changes": changes[first:last],
        "NextToken": token_of(context, listing, last) if len(changes) > last else None,
        "OnStackFailure": found.on_failure,
    }


def list_change_sets(context: Context, params: Params) -> Result:
    """ListChangeSets: those that were not carried out."""
    state = context.find(params["StackName"])
    listing = ["ListChangeSets", state.stack_id]
    after = after_of(context, listing, params.get("NextToken")) or ""
    stored = sorted(context.service.store.change_sets(state.stack_id), key=lambda one: one.name)
    found = [one for one in stored if one.execution != "EXECUTE_COMPLETE" and one.name > after]
    page = found[:PAGE]
    return {
        "Summaries": [_summary(state, one) for one in page],
        "NextToken": token_of(context, listing, page[-1].name) if len(found) > PAGE else None,
    }


def execute_change_set(context: Context, params: Params) -> Result:
    """ExecuteChangeSet."""
    state, found = change_set_of(context, params)
    token = params.get("ClientRequestToken")
    done = found.execution == "EXECUTE_COMPLETE"
    if done and token is not None and token == state.terms.token:
        return {}
    if found.status != "CREATE_COMPLETE":
        raise _not_executable(found, found.status)
    execution = _execution(state, found)
    if execution != "AVAILABLE":
        raise _not_executable(found, execution, "execution ")
    if found.kind == "UPDATE":
        check_updatable(state)
    elif state.status is not _S.REVIEW_IN_PROGRESS:
        raise SaidError(f"Stack:{state.stack_id} is in {state.status.value} state and can not be created.")
    choice = "DO_NOTHING" if failure_choice(params, _CHOICES) == "DO_NOTHING" else None
    with context.working_on(state) as (stacks, worker):
        try:
            begun = stacks.operations.execute(found, on_failure=choice, token=token)
        except StalePlanError:
            raise _not_executable(found, "OBSOLETE", "execution ") from None
        except StackBusyError:
            raise moved_on(context, state) from None
        context.service.workers.submit(begun, worker)
    return {}


def delete_change_set(context: Context, params: Params) -> Result:
    """DeleteChangeSet: nothing happens when there is no such change set."""
    try:
        _, found = change_set_of(context, params)
    except SaidError as error:
        if error.code == "ChangeSetNotFound" and not params["ChangeSetName"].startswith("arn:"):
            return {}
        raise
    context.service.store.delete_change_set(found.change_set_id)
    return {}


ACTIONS: Mapping[str, Action] = {
    "CreateChangeSet": create_change_set,
    "DescribeChangeSet": describe_change_set,
    "ListChangeSets": list_change_sets,
    "ExecuteChangeSet": execute_change_set,
    "DeleteChangeSet": delete_change_set,
}


def change_set_of(context: Context, params: Params) -> tuple[StackState, ChangeSet]:
    """The change set that ChangeSetName names (by its id, or with StackName), and its stack. Raises `SaidError`."""
    name, stack_name = params["ChangeSetName"], params.get("StackName")
    if stack_name is not None:
        state = context.find(stack_name)
        for found in context.service.store.change_sets(state.stack_id):
            if name in {found.name, found.change_set_id}:
                return state, found
        raise _not_found(name)
    if not name.startswith("arn:"):
        raise SaidError("StackName must be specified if ChangeSetName is not specified as an ARN.")
    try:
        one = context.service.store.change_set(name)
        return context.service.find(context.caller, one.stack_id), one
    except StackNotFoundError:
        raise _not_found(name) from None


def _not_found(name: str) -> SaidError:
    return SaidError(f"ChangeSet [{name}] does not exist", "ChangeSetNotFound", 404)


def _not_executable(found: ChangeSet, status: str, what: str = "") -> SaidError:
    text = f"ChangeSet [{found.change_set_id}] cannot be executed in its current {what}status of [{status}]"
    return SaidError(text, "InvalidChangeSetStatus")


def _execution(state: StackState, found: ChangeSet) -> str:
    """Whether a change set can be carried out: not once the stack has moved on."""
    stale = state.revision != found.stack_revision
    return "OBSOLETE" if found.execution == "AVAILABLE" and stale else found.execution


def _present(context: Context, name: str, change_set: str, kind: str) -> StackState | None:
    """The stack that a change set is for, None when it is yet to be made."""
    if kind == "UPDATE":
        state = context.find(name)
        check_updatable(state)
        return state
    try:
        state = context.service.find(context.caller, name)
    except StackNotFoundError:
        if name.startswith("arn:"):
            raise SaidError(f"Stack [{name}] does not exist") from None
        return None
    if state.status is not _S.REVIEW_IN_PROGRESS:
        raise SaidError(
            f"Stack [{state.name}] already exists and cannot be created again with the changeSet [{change_set}]."
        )
    return state


def _repeated(context: Context, present: StackState | None, params: Params) -> ChangeSet | None:
    """The change set that an earlier request with the same token has made."""
    if present is None:
        return None
    for found in context.service.store.change_sets(present.stack_id):
        if found.name == params["ChangeSetName"] and found.execution != "EXECUTE_COMPLETE":
            if found.terms.token is not None and found.terms.token == params.get("ClientToken"):
                return found
            raise SaidError(
                f"ChangeSet {found.name} cannot be created due to a mismatch with existing attribute: "
                "a change set of this name is there already",
                "AlreadyExistsException",
            )
    return None


def _template(context: Context, params: Params, present: StackState | None) -> Template:
    if not params.get("UsePreviousTemplate"):
        return template_of(context, params)
    if "TemplateBody" in params or "TemplateURL" in params:
        raise SaidError("Cannot specify UsePreviousTemplate together with TemplateBody or TemplateURL")
    if present is None or not present.template:
        raise SaidError("UsePreviousTemplate: there is no previous template")
    return read_template(present.template)


def _stored(create: Any, name: str, wanted: StackState, made: Mapping[str, str]) -> ChangeSet:  # noqa: ANN401
    try:
        found: ChangeSet = create(name, wanted, **made)
    except StackExistsError:
        raise SaidError(f"ChangeSet {name} is there already", "AlreadyExistsException") from None
    return found


def _summary(state: StackState, found: ChangeSet) -> dict[str, Any]:
    return {
        "ChangeSetName": found.name,
        "ChangeSetId": found.change_set_id,
        "StackId": found.stack_id,
        "StackName": state.name,
        "Description": found.description or None,
        "CreationTime": found.created_at,
        "ExecutionStatus": _execution(state, found),
        "Status": found.status,
        "StatusReason": found.reason or None,
        "IncludeNestedStacks": False,
    }
