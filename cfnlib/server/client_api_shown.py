"""Stacks, their events and resources as CloudStack would show them, and the fields that `listApis` tells of.

A stack's id is the one that it has in the Query API too (an ARN): what one tool tells can be given to another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.server import shown
from cfnlib.server.client_api_form import Field, when

if TYPE_CHECKING:
    from cfnlib.diagnostic import Diagnostic
    from cfnlib.server.client_api_form import Content
    from cfnlib.server.shown import Shown
    from cfnlib.state.model import Event, Resource
    from cfnlib.template import Parameter, Template

_PAIR = (Field("key", "string", "the key"), Field("value", "string", "the value"))

STACK_FIELDS = (
    Field("id", "string", "the id of the stack, the same as in CloudFormation's API"),
    Field("name", "string", "the name of the stack"),
    Field("description", "string", "what the template says of itself"),
    Field("status", "string", "the status of the stack, one of CloudFormation's"),
    Field("statusreason", "string", "why the stack is in this status"),
    Field("account", "string", "the account that owns the stack"),
    Field("domainid", "string", "the id of the domain of that account"),
    Field("projectid", "string", "the id of the project that the stack is in"),
    Field("created", "date", "when the stack was made"),
    Field("updated", "date", "when the stack was last updated"),
    Field("removed", "date", "when the stack was deleted"),
    Field("onfailure", "string", "what happens when the operation fails"),
    Field("timeout", "integer", "how many minutes the creation may take"),
    Field("parameter", "list", "the parameters of the template, secret values masked", _PAIR),
    Field(
        "output", "list", "the outputs of the stack", (*_PAIR, Field("description", "string", "what the output is"))
    ),
    Field("tags", "list", "the tags that everything in the stack has", _PAIR),
)
EVENT_FIELDS = (
    Field("id", "string", "the id of the event"),
    Field("stackid", "string", "the id of the stack"),
    Field("stackname", "string", "the name of the stack"),
    Field("logicalid", "string", "the name in the template of what the event is about"),
    Field("physicalid", "string", "the id in the cloud of what the event is about"),
    Field("resourcetype", "string", "the type of what the event is about"),
    Field("status", "string", "the status that it came to"),
    Field("statusreason", "string", "why"),
    Field("created", "date", "when that was"),
)
RESOURCE_FIELDS = (
    Field("stackid", "string", "the id of the stack"),
    Field("stackname", "string", "the name of the stack"),
    Field("logicalid", "string", "the name of the resource in the template"),
    Field("physicalid", "string", "the id of the resource in the cloud"),
    Field("resourcetype", "string", "the type of the resource"),
    Field("status", "string", "the status of the resource"),
    Field("statusreason", "string", "why it is in this status"),
    Field("updated", "date", "when something last happened to it"),
)
TEMPLATE_FIELDS = (
    Field("description", "string", "what the template says of itself"),
    Field(
        "parameter",
        "list",
        "the parameters that the template takes",
        (
            Field("name", "string", "the name of the parameter"),
            Field("type", "string", "the type of its value"),
            Field("required", "boolean", "whether it has to be given"),
            Field("default", "string", "its value when none is given"),
            Field("secret", "boolean", "whether its value is masked wherever it is shown"),
            Field("description", "string", "what it is"),
        ),
    ),
    Field("resourcetype", "list", "the types of the resources in the template"),
    Field("capabilities", "list", "what has to be acknowledged in the capabilities of createStack"),
    Field(
        "warning",
        "list",
        "what the template says that cannot be honoured",
        (
            Field("text", "string", "what it is"),
            Field("line", "integer", "the line in the template"),
            Field("column", "integer", "the column in the line"),
            Field("logicalid", "string", "the resource that it is about"),
        ),
    ),
)


def stack_content(state: Shown) -> Content:
    """A stack."""
    updated = shown.updated_at(state)
    return _without_none(
        {
            "id": state.stack_id,
            "name": state.name,
            "description": state.description or None,
            "status": state.status.value,
            "statusreason": state.reason or None,
            **owner_content(state.account),
            "created": when(state.created_at),
            "updated": None if updated is None else when(updated),
            "removed": None if state.deleted_at is None else when(state.deleted_at),
            "onfailure": state.on_failure,
            "timeout": None if state.terms.timeout_s is None else int(state.terms.timeout_s // 60),
            "parameter": _pairs(state.shown_parameters),
            "output": [
                _without_none(
                    {
                        "key": one["OutputKey"],
                        "value": one["OutputValue"],
                        "description": one["Description"],
                    }
                )
                for one in shown.outputs(state)
            ],
            "tags": _pairs(state.terms.tags),
        }
    )


def event_content(event: Event) -> Content:
    """An event of a stack."""
    found = shown.event(event)
    return _without_none(
        {
            "id": found["EventId"],
            "stackid": event.stack_id,
            "stackname": event.stack_name,
            "logicalid": event.logical_id,
            "physicalid": event.physical_id or None,
            "resourcetype": event.type,
            "status": event.status,
            "statusreason": event.reason or None,
            "created": when(event.at),
        }
    )


def resource_content(row: Resource, state: Shown) -> Content:
    """A resource of a stack."""
    return _without_none(
        {
            "stackid": state.stack_id,
            "stackname": state.name,
            "logicalid": row.logical_id,
            "physicalid": row.physical_id,
            "resourcetype": row.type,
            "status": row.status.value,
            "statusreason": row.reason or None,
            "updated": when(shown.changed_at(row, state)),
        }
    )


def template_content(template: Template, warnings: list[Diagnostic], capabilities: list[str]) -> Content:
    """What a template is, and what is to be said of it."""
    nodes = template.with_defaults().resources.values()
    return _without_none(
        {
            "description": template.description or None,
            "parameter": [_parameter(one) for one in template.parameters.values()],
            "resourcetype": list(dict.fromkeys(node.type for node in nodes)),
            "capabilities": capabilities,
            "warning": [_warning(one) for one in warnings],
        }
    )


def _parameter(one: Parameter) -> Content:
    default = one.as_dict().get("default")
    return _without_none(
        {
            "name": one.name,
            "type": one.type,
            "required": default is None,
            "default": None if default is None else str(default),
            "secret": one.no_echo,
            "description": one.description or None,
        }
    )


def _warning(one: Diagnostic) -> Content:
    place = {} if one.span is None else {"line": one.span.line, "column": one.span.column}
    text = one.message + (f" [{one.hint}]" if one.hint else "")
    return _without_none({"text": text, **place, "logicalid": one.logical_id})


def owner_content(mark: str) -> Content:
    """The account or project that a mark names; see `cfnlib.shelf.account_mark`."""
    place, _, account = mark.partition(" ")[2].partition("/")
    if place == "project":
        return {"projectid": account}
    return {"account": account, "domainid": place} if account else {}


def _pairs(given: dict[str, str]) -> list[Content]:
    return [{"key": key, "value": value} for key, value in given.items()]


def _without_none(content: dict[str, Any]) -> Content:
    return {name: value for name, value in content.items() if value is not None}
