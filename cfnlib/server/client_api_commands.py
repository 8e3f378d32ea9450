"""The stack commands: what each takes, what it answers, and how it is done.

They do what the actions of the Query API do, by the same functions: limits, checks and words are the same behind both
doors. Where CloudStack's habits differ from CloudFormation's, this API has CloudStack's: an update keeps what is not
given, and a thing that is not there is an error, also for those who want it deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.errors import StackNotFoundError
from cfnlib.plan.validate import validate
from cfnlib.server import shown
from cfnlib.server.actions import CLOUDFORMATION
from cfnlib.server.asked import needed_capabilities, read_template, template_of
from cfnlib.server.client_api_form import (
    BAD_PARAMETER,
    BAD_VALUE,
    MAX_PAGE,
    ApiRefusedError,
    Command,
    Field,
    Param,
    not_there,
    page_of,
)
from cfnlib.server.client_api_jobs import Jobs, new_token
from cfnlib.server.client_api_shown import (
    EVENT_FIELDS,
    RESOURCE_FIELDS,
    STACK_FIELDS,
    TEMPLATE_FIELDS,
    event_content,
    owner_content,
    resource_content,
    stack_content,
    template_content,
)
from cfnlib.state.model import StackStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.server.client_api_form import Call, Content, Values
    from cfnlib.server.context import Context
    from cfnlib.state.model import StackSummary

_MASKED_NAME = 128
_JOB = Field("jobid", "string", "the id of the job, for queryAsyncJobResult")
_PROJECT = Param("projectid", "uuid", "the id of the project that the stack is in", related="listProjects")
_KEYWORD = Param("keyword", "string", "only those in which this is found")
_PAGES = (
    Param("page", "integer", "which page of the list, from 1"),
    Param("pagesize", "integer", f"how many a page has, at most {MAX_PAGE}"),
)
_WHICH = (
    Param("id", "string", "the id of the stack, or its name", length=512, related="listStacks"),
    Param("name", "string", "the name of the stack, when its id is not given", length=_MASKED_NAME),
)
_OF_STACK = (
    Param("stackid", "string", "the id of the stack, or its name", length=512, related="listStacks"),
    *_WHICH,
)
_PARAMETERS = Param(
    "parameters",
    "map",
    "values of the template's parameters: parameters[0].key=NAME and parameters[0].value=VALUE, or "
    "parameters[0].NAME=VALUE",
    length=1_048_576,
)
_TAGS = Param("tags", "map", "tags for everything in the stack: tags[0].key=NAME and tags[0].value=VALUE")
_CAPABILITIES = Param("capabilities", "list", "what the template needs to have acknowledged; see validateTemplate")
_TEMPLATE = (
    Param("templatebody", "string", "the template itself, in JSON or YAML", length=1_048_576),
    Param("templateurl", "string", "where the template is, when it is not given itself", length=1024),
)


class Commands:
    """The stack commands of a service, by name: `table`."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        found = (
            Command(
                "createStack",
                "Makes a stack from a template",
                (
                    Param("name", "string", "the name of the stack", required=True, length=_MASKED_NAME),
                    *_TEMPLATE,
                    _PARAMETERS,
                    _TAGS,
                    _CAPABILITIES,
                    Param("onfailure", "string", "ROLLBACK (when nothing is said), DELETE or DO_NOTHING"),
                    Param("timeout", "integer", "how many minutes the creation may take"),
                    _PROJECT,
                ),
                (*STACK_FIELDS, _JOB),
                self._create,
                is_async=True,
                related="listStacks,updateStack",
            ),
            Command(
                "updateStack",
                "Changes a stack; what is not given stays as it is",
                (
                    *_WHICH,
                    *_TEMPLATE,
                    _PARAMETERS,
                    _TAGS,
                    _CAPABILITIES,
                    Param("onfailure", "string", "ROLLBACK (when nothing is said) or DO_NOTHING"),
                    _PROJECT,
                ),
                (*STACK_FIELDS, _JOB),
                self._update,
                is_async=True,
                related="listStacks,createStack",
            ),
            Command(
                "deleteStack",
                "Deletes a stack and all that it made",
                (*_WHICH, _PROJECT),
                (Field("success", "boolean", "true if the stack was deleted"), _JOB),
                self._delete,
                is_async=True,
            ),
            Command(
                "listStacks",
                "Lists stacks, the newest first",
                (
                    *_WHICH,
                    _KEYWORD,
                    Param("status", "string", "only those in this status"),
                    Param("listall", "boolean", "all stacks that the caller may see, not only the caller's own"),
                    Param("account", "string", "only those of this account, which is in the domain of domainid"),
                    Param("domainid", "uuid", "only those of this domain", related="listDomains"),
                    *_PAGES,
                    _PROJECT,
                ),
                STACK_FIELDS,
                list_stacks,
                related="createStack,updateStack",
            ),
            Command(
                "listStackEvents",
                "Lists what has happened to a stack, the newest first",
                (*_OF_STACK, _KEYWORD, *_PAGES, _PROJECT),
                EVENT_FIELDS,
                list_stack_events,
            ),
            Command(
                "listStackResources",
                "Lists what a stack consists of",
                (*_OF_STACK, _KEYWORD, *_PAGES, _PROJECT),
                RESOURCE_FIELDS,
                list_stack_resources,
            ),
            Command(
                "validateTemplate",
                "Tells what is wrong with a template, as far as that can be told without a cloud",
                _TEMPLATE,
                TEMPLATE_FIELDS,
                validate_template,
            ),
        )
        self.table: Mapping[str, Command] = {command.name: command for command in found}

    def _create(self, call: Call) -> Content:
        token = new_token()
        asked: dict[str, Any] = {
            "StackName": call.values["name"],
            "ClientRequestToken": token,
            "Parameters": _given_parameters(call.values),
            **_asked(call.values),
        }
        if "timeout" in call.values:
            if call.values["timeout"] < 1:
                raise ApiRefusedError(431, BAD_VALUE, "timeout is a number of minutes, at least 1")
            asked["TimeoutInMinutes"] = call.values["timeout"]
        stack_id = CLOUDFORMATION["CreateStack"](call.context, asked)["StackId"]
        return {"id": stack_id, "jobid": self._jobs.id_of("createStack", stack_id, token)}

    def _update(self, call: Call) -> Content:
        context, token = call.context, new_token()
        stack_id = _one(call, "updateStack").stack_id
        present = context.find(stack_id)
        asked: dict[str, Any] = {"StackName": stack_id, "ClientRequestToken": token, **_asked(call.values)}
        if "TemplateBody" in asked or "TemplateURL" in asked:
            names = set(template_of(context, asked).parameters) & set(read_template(present.template).parameters)
        else:
            asked["UsePreviousTemplate"] = True
            names = set(read_template(present.template).parameters)
        given = _given_parameters(call.values)
        kept = sorted(names - {one["ParameterKey"] for one in given})
        asked["Parameters"] = [*given, *({"ParameterKey": name, "UsePreviousValue": True} for name in kept)]
        CLOUDFORMATION["UpdateStack"](context, asked)
        return {"id": stack_id, "jobid": self._jobs.id_of("updateStack", stack_id, token)}

    def _delete(self, call: Call) -> Content:
        stack, token = _one(call, "deleteStack"), new_token()
        if stack.status is StackStatus.DELETE_COMPLETE:
            raise ApiRefusedError(431, BAD_VALUE, f"Stack {stack.name} is deleted already")
        CLOUDFORMATION["DeleteStack"](call.context, {"StackName": stack.stack_id, "ClientRequestToken": token})
        return {"id": stack.stack_id, "jobid": self._jobs.id_of("deleteStack", stack.stack_id, token)}


def list_stacks(call: Call) -> Content:
    """Stacks of the caller's account, or of a project; an administrator sees others' with `listall`, or by id."""
    values = call.values
    wanted = values.get("status")
    if wanted is not None and wanted.upper() not in StackStatus.__members__:
        known = ", ".join(StackStatus.__members__)
        raise ApiRefusedError(431, BAD_VALUE, f"status is one of {known}")
    status = None if wanted is None else StackStatus[wanted.upper()]
    found = _candidates(call, status)
    if status is not None:
        found = [one for one in found if one.status is status]
    if "account" in values and "domainid" not in values:
        raise ApiRefusedError(431, BAD_PARAMETER, "account is given together with domainid")
    owner = {name: values[name] for name in ("account", "domainid") if name in values}
    if owner:
        found = [one for one in found if owner.items() <= owner_content(one.account).items()]
    keyword = values.get("keyword", "").lower()
    chosen = [one for one in found if keyword in one.name.lower() or keyword in one.description.lower()]
    return page_of(values, "stack", chosen, stack_content)


def list_stack_events(call: Call) -> Content:
    """What has happened to a stack, the newest first."""
    stack = _one(call, "listStackEvents")
    keyword = call.values.get("keyword", "").lower()
    found = [
        event
        for event in call.context.service.store.events_back(stack.stack_id)
        if any(keyword in text.lower() for text in (event.logical_id, event.type, event.status, event.reason))
    ]
    return page_of(call.values, "stackevent", found, event_content)


def list_stack_resources(call: Call) -> Content:
    """What a stack consists of, in the order of the names."""
    stack = _one(call, "listStackResources")
    keyword = call.values.get("keyword", "").lower()
    rows = sorted(shown.latest(call.context.service.store.resources(stack.stack_id)), key=lambda row: row.logical_id)
    found = [
        row for row in rows if any(keyword in text.lower() for text in (row.logical_id, row.type, row.status.value))
    ]
    return page_of(call.values, "stackresource", found, lambda row: resource_content(row, stack))


def validate_template(call: Call) -> Content:
    """What a template is; a wrong one is an error that tells every fault with its place."""
    template = template_of(call.context, _asked(call.values))
    found = validate(template)
    found.raise_if_errors()
    capabilities = needed_capabilities(template)["Capabilities"]
    return {"template": template_content(template, list(found), capabilities)}


def _asked(values: Values) -> dict[str, Any]:
    """What several commands ask for in the same way, as the actions of the Query API take it."""
    names = {
        "templatebody": "TemplateBody",
        "templateurl": "TemplateURL",
        "onfailure": "OnFailure",
        "capabilities": "Capabilities",
    }
    asked = {action: values[name] for name, action in names.items() if name in values}
    if "tags" in values:
        asked["Tags"] = [{"Key": key, "Value": value} for key, value in values["tags"].items()]
    return asked


def _given_parameters(values: Values) -> list[dict[str, Any]]:
    given = values.get("parameters", {})
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()]


def _one(call: Call, command: str) -> StackSummary:
    """The stack that a call names. Raises `ApiRefusedError` when it names none, or more, or one that is not there."""
    named = {name: call.values[name] for name in ("stackid", "id", "name") if name in call.values}
    if len(named) != 1:
        raise ApiRefusedError(431, BAD_PARAMETER, f"{command} needs the id of a stack or its name, and not both")
    [(param, value)] = named.items()
    try:
        return call.context.service.look(call.context.caller, value)
    except StackNotFoundError:
        raise not_there(command, param, value) from None


def _candidates(call: Call, status: StackStatus | None) -> list[StackSummary]:
    """The stacks that a list is about, before its filters."""
    context, values = call.context, call.values
    if "id" in values:
        one = _one(call, "listStacks")
        return [one]
    if "name" in values:
        try:
            return [context.service.look(context.caller, values["name"])]
        except StackNotFoundError:
            return []
    statuses = None if status is None else {status}
    if values.get("projectid") == "-1":
        return [one for one in _seen(context, statuses) if one.project_id is not None]
    others = values.get("listall") or "domainid" in values
    if others and context.caller.role != "User" and "projectid" not in values:
        return [one for one in _seen(context, statuses) if one.project_id is None]
    return _all(context, context.mark, statuses)


def _seen(context: Context, statuses: set[StackStatus] | None) -> list[StackSummary]:
    """All stacks that the caller may see."""
    may: dict[str, bool] = {}
    found = []
    for one in _all(context, None, statuses):
        if one.account not in may:
            may[one.account] = context.service.sees(context.caller, one)
        if may[one.account]:
            found.append(one)
    return found


def _all(context: Context, account: str | None, statuses: set[StackStatus] | None) -> list[StackSummary]:
    found: list[StackSummary] = []
    after: str | None = None
    while True:
        page, after = context.service.store.page(account, statuses=statuses, after=after, limit=500)
        found += page
        if after is None:
            return found
