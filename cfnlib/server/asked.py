"""From a request's parameters to what the library takes: a template, the values of its parameters, and the terms."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cfnlib.diagnostic import Code
from cfnlib.plan.policy import StackPolicy
from cfnlib.plan.validate import validate
from cfnlib.server.faults import SaidError, sentence
from cfnlib.template import Template

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cfnlib.server.context import Context, Params
    from cfnlib.state.model import Stack as StackState

MAX_TAGS = 50
POLICY_BYTES = 16_384
MAX_REASON = 1000
KEPT_LENGTH = 51_200
_FILE = "template"
_MACRO = "CAPABILITY_AUTO_EXPAND"


def read_template(text: str) -> Template:
    """A template's text, read; the last ones are kept, as clients ask about the same template many times.

    Large ones are not: what is read takes a hundred times the room of the text.
    """
    return _kept(text) if len(text) <= KEPT_LENGTH else Template.from_text(text, _FILE)


@lru_cache(maxsize=32)
def _kept(text: str) -> Template:
    return Template.from_text(text, _FILE)


def template_text(context: Context, params: Params) -> str | None:
    """The template of a request, from its body or URL; None when it has neither. Raises `SaidError`."""
    return _text(context, params, "Template", context.service.settings.body_bytes)


def template_of(context: Context, params: Params) -> Template:
    """The same, read; one of the two must be there. What is wrong with the template itself is not looked at."""
    text = template_text(context, params)
    if text is None:
        raise SaidError("Either Template URL or Template Body must be specified.")
    return read_template(text)


def policy_of(context: Context, params: Params, kind: str = "StackPolicy") -> str | None:
    """A stack policy of a request, None when it has none. Raises `StackError` for one that is no policy."""
    text = _text(context, params, kind, POLICY_BYTES)
    if text is None:
        return None
    try:
        StackPolicy.read(text)
    except RecursionError:
        raise SaidError("Error validating stack policy: it is nested too deep") from None
    return text


def parameters_of(params: Params, template: Template, present: StackState | None = None) -> dict[str, str]:
    """The values of a request's Parameters; `present` is the stack whose values may be used again.

    Raises `SaidError` for names that the template does not have, and for a previous value that there is none of.
    """
    found: dict[str, str] = {}
    before: Mapping[str, str] | None = None
    for one in params.get("Parameters", ()):
        name = one.get("ParameterKey")
        if not name:
            raise SaidError("Each entry of Parameters needs a ParameterKey")
        if name in found:
            raise SaidError(f"Parameters: [{name}] must not be given more than once")
        if one.get("UsePreviousValue"):
            if "ParameterValue" in one:
                raise SaidError(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true "
                    "and non empty value for a parameter"
                )
            before = _effective(present) if before is None else before
            if name not in before:
                raise SaidError(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true "
                    "for a parameter key not in the previous template"
                )
            found[name] = before[name]
        elif "ParameterValue" in one:
            found[name] = one["ParameterValue"]
        else:
            raise SaidError(
                f"Invalid input for parameter key {name}. Need to specify either usePreviousValue as "
                "true or a value for the parameter"
            )
    unknown = [name for name in found if name not in template.parameters]
    if unknown and template.root is not None:
        raise SaidError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    return found


def _effective(present: StackState | None) -> dict[str, str]:
    """The values that a stack's parameters have, defaults included."""
    if present is None:
        return {}
    bound, _ = read_template(present.template).bind(present.parameters)
    return {name: value.text for name, value in bound.items()}


def terms_of(params: Params) -> dict[str, Any]:
    """The fields of `Terms` that a request says something about."""
    found: dict[str, Any] = {"token": params.get("ClientRequestToken"), "retained": (), "skipped": ()}
    if "Tags" in params:
        found["tags"] = tags_of(params["Tags"])
    if "Capabilities" in params:
        found["capabilities"] = tuple(params["Capabilities"])
    if "NotificationARNs" in params:
        found["notification_arns"] = tuple(params["NotificationARNs"])
    if params.get("RoleARN"):
        found["role_arn"] = params["RoleARN"]
    if params.get("TimeoutInMinutes"):
        found["timeout_s"] = params["TimeoutInMinutes"] * 60.0
    return found


def tags_of(said: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Tags by key. Raises `SaidError` for those that AWS would not take."""
    tags = {one["Key"]: one["Value"] for one in said}
    if len(tags) != len(said):
        raise SaidError("Duplicate tag keys found. Please provide unique tag keys.")
    if len(tags) > MAX_TAGS:
        raise SaidError(f"Number of tags exceeds the limit of {MAX_TAGS}")
    reserved = [key for key in tags if key.lower().startswith("aws:")]
    if reserved:
        raise SaidError(f"aws: prefixed tag key names are not allowed for external use: {', '.join(reserved)}")
    return tags


def check_capabilities(template: Template, capabilities: Collection[str]) -> None:
    """Raise `SaidError` when a template wants something acknowledged that was not.

    None of the types here makes identities, so only what expands a template is left to acknowledge.
    """
    if template.transforms and _MACRO not in capabilities:
        raise SaidError(f"Requires capabilities : [{_MACRO}]", "InsufficientCapabilitiesException")


def needed_capabilities(template: Template) -> dict[str, Any]:
    """What a template wants acknowledged, as ValidateTemplate tells it."""
    if not template.transforms:
        return {"Capabilities": []}
    listed = ", ".join(template.transforms)
    return {"Capabilities": [_MACRO], "CapabilitiesReason": f"The following transforms expand it: {listed}"}


def check_resource_types(params: Params, template: Template) -> None:
    """Raise `SaidError` when ResourceTypes is given and does not allow a type of the template."""
    allowed = params.get("ResourceTypes")
    if not allowed:
        return
    refused = {
        node.type
        for node in template.with_defaults().resources.values()
        if not any(_covers(pattern, node.type) for pattern in allowed)
    }
    if refused:
        raise SaidError(f"Resource types not allowed by ResourceTypes: [{', '.join(sorted(refused))}]")


def _covers(pattern: str, type_name: str) -> bool:
    return type_name.startswith(pattern[:-1]) if pattern.endswith("*") else type_name == pattern


def first_reason(template: Template, params: Params) -> str:
    """What the first event of an operation says: who began it, and what of the request has no effect here.

    The API has no other place for warnings.
    """
    notes = []
    if params.get("RoleARN"):
        notes.append("RoleARN has no effect: a stack is worked on with its owner's keys")
    if params.get("NotificationARNs"):
        notes.append("NotificationARNs are kept, and nobody is notified")
    notes += [sentence(item) for item in validate(template) if item.code in {Code.IGNORED, Code.LOWERED}]
    text = "; ".join(["User Initiated", *notes])
    return text if len(text) <= MAX_REASON else f"{text[: MAX_REASON - 1]}…"


def refuse_triggers(params: Params) -> None:
    """Raise `SaidError` for rollback triggers: they are alarms of a service that is not here."""
    if params.get("RollbackConfiguration", {}).get("RollbackTriggers"):
        raise SaidError("RollbackConfiguration: there are no alarms here that could trigger a rollback; leave it out")


def _text(context: Context, params: Params, kind: str, body_bytes: int) -> str | None:
    body, url = params.get(f"{kind}Body"), params.get(f"{kind}URL")
    if body is not None and url is not None:
        raise SaidError(f"Specify exactly one of '{kind}Body' and '{kind}URL'")
    if body is not None:
        if len(body.encode("utf-8", "replace")) > body_bytes:
            place = f"{kind[0].lower()}{kind[1:]}Body"
            raise SaidError(
                f"1 validation error detected: Value at '{place}' failed to satisfy constraint: "
                f"Member must have length less than or equal to {body_bytes}"
            )
        return str(body)
    return None if url is None else fetched(context, url)


def fetched(context: Context, url: str) -> str:
    """The text at a URL that the operator allows, or in the service's own bucket. Raises what the table tells."""
    from cfnlib.server.template_url import fetch_template  # noqa: PLC0415 - most requests bring their template along

    settings = context.service.settings
    return fetch_template(url, context.caller, bucket=context.service.bucket, allowed=settings.template_hosts)
