"""Templates: those of stacks, and those that a client wants to know about before it uses them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cfnlib.plan.validate import validate
from cfnlib.resources import find as find_type
from cfnlib.server.asked import needed_capabilities, read_template, template_of, template_text
from cfnlib.server.context import WITH_ID
from cfnlib.server.faults import SaidError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.server.context import Action, Context, Params, Result
    from cfnlib.template import Parameter, Template

_STAGES = ["Original", "Processed"]


def get_template(context: Context, params: Params) -> Result:
    """GetTemplate: as it was given; what loops and Jinja made of it is what the plan shows, and no other text."""
    from cfnlib.server.actions.change_sets import change_set_of  # noqa: PLC0415 - the two ask each other

    if params.get("ChangeSetName") is not None:
        _, found = change_set_of(context, params)
        return {"TemplateBody": found.template, "StagesAvailable": _STAGES}
    name = params.get("StackName")
    if name is None:
        raise SaidError("StackName must be specified if ChangeSetName is not specified as an ARN.")
    return {"TemplateBody": context.find(name, WITH_ID).template, "StagesAvailable": _STAGES}


def validate_template(context: Context, params: Params) -> Result:
    """ValidateTemplate: every fault that can be told without a cloud is an error, with its place."""
    template = template_of(context, params)
    validate(template).raise_if_errors()
    return {
        "Parameters": [
            {
                "ParameterKey": one.name,
                "DefaultValue": _default(one),
                "NoEcho": one.no_echo,
                "Description": one.description or None,
            }
            for one in template.parameters.values()
        ],
        "Description": template.description or None,
        **needed_capabilities(template),
        "DeclaredTransforms": list(template.transforms),
    }


def get_template_summary(context: Context, params: Params) -> Result:
    """GetTemplateSummary: of a template, or of a stack's."""
    name, text = params.get("StackName"), template_text(context, params)
    if (name is None) == (text is None):
        raise SaidError("Exactly one of StackName, TemplateBody and TemplateURL must be specified")
    template = read_template(context.find(str(name), WITH_ID).template if text is None else text)
    if template.text or text is not None:  # a stack that is only reviewed has no template yet
        template.diagnostics.raise_if_errors()
    nodes = list(template.with_defaults().resources.values())
    types = list(dict.fromkeys(node.type for node in nodes))
    unknown = [kind for kind in types if find_type(kind) is None]
    return {
        "Parameters": [_declaration(one) for one in template.parameters.values()],
        "Description": template.description or None,
        **needed_capabilities(template),
        "ResourceTypes": types,
        "Version": _version(template),
        "Metadata": None if template.metadata is None else json.dumps(template.metadata.plain(), default=str),
        "DeclaredTransforms": list(template.transforms),
        "ResourceIdentifierSummaries": [
            {"ResourceType": kind, "LogicalResourceIds": [node.logical_id for node in nodes if node.type == kind]}
            for kind in types
        ],
        "Warnings": {"UnrecognizedResourceTypes": unknown} if unknown else None,
    }


ACTIONS: Mapping[str, Action] = {
    "GetTemplate": get_template,
    "ValidateTemplate": validate_template,
    "GetTemplateSummary": get_template_summary,
}


def _default(parameter: Parameter) -> str | None:
    shown = parameter.as_dict().get("default")
    return None if shown is None else str(shown)


def _declaration(parameter: Parameter) -> dict[str, Any]:
    allowed = None if parameter.no_echo else parameter.allowed_values
    return {
        "ParameterKey": parameter.name,
        "DefaultValue": _default(parameter),
        "ParameterType": parameter.type,
        "NoEcho": parameter.no_echo,
        "Description": parameter.description or None,
        "ParameterConstraints": {"AllowedValues": list(allowed)} if allowed else {},
    }


def _version(template: Template) -> str | None:
    node = template.root.get("AWSTemplateFormatVersion") if template.root is not None else None
    return None if node is None else str(node.plain())
