"""The values of the store as rows of its tables, and back.

JSON is ASCII text, so no character set of a database can harm it; tuples inside come back as lists. Free text keeps
all that a database can keep: NUL and lone surrogates, which a cloud's error text might hold, become U+FFFD, since a
strange character must not be what stops an operation.
"""

from __future__ import annotations

import json
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from attrs import asdict, fields

from cfnlib.errors import StoreError
from cfnlib.state.model import (
    ChangeSet,
    Event,
    Intent,
    Resource,
    ResourceStatus,
    Signal,
    Stack,
    StackStatus,
    StackSummary,
    Terms,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Row = Mapping[Any, Any]

SUMMARY = tuple(field.name for field in fields(StackSummary))
EVENT = tuple(field.name for field in fields(Event))
"""Columns in the order of the fields of a value that many are read of."""

_EMPTY = "{}"
_decode = json.JSONDecoder().raw_decode  # `json.loads` takes four times as long for a short text
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=True).encode


def stack_row(stack: Stack) -> dict[str, Any]:
    """A stack's row. Raises `StoreError` when a parameter or output has no form in JSON."""
    what = f"stack {stack.name}"
    return {
        "stack_id": stack.stack_id,
        "name": stack.name,
        "status": stack.status.value,
        "template": _text(stack.template),
        "template_file": _text(stack.template_file),
        "parameters": _json(stack.parameters, what, "parameters"),
        "reason": _text(stack.reason),
        "revision": stack.revision,
        "outputs": _json(stack.outputs, what, "outputs"),
        "previous_template": None if stack.previous_template is None else _text(stack.previous_template),
        "previous_parameters": _maybe_json(stack.previous_parameters, what, "previous parameters"),
        "on_failure": stack.on_failure,
        "description": _text(stack.description),
        "account": stack.account,
        "request": stack.request,
        "asked": asked_text(stack.asked) if stack.asked else None,
        "created_at": stack.created_at,
        "updated_at": stack.updated_at,
        "deleted_at": stack.deleted_at,
        "previous_terms": None if stack.previous_terms is None else _terms(stack.previous_terms, what),
        "terms": _terms(stack.terms, what),
        "shown_parameters": _json(stack.shown_parameters, what, "shown parameters"),
        "output_notes": _json(stack.output_notes, what, "notes of outputs"),
        "owner": stack.owner,
        "project_id": stack.project_id,
        "protected": int(stack.protected),
        "policy": None if stack.policy is None else _text(stack.policy),
        "live_name": None if stack.status is StackStatus.DELETE_COMPLETE else stack.name,
    }


def stack_of(row: Row) -> Stack:
    """The stack of a row."""
    values = dict(row)
    del values["live_name"]
    values["status"] = StackStatus(row["status"])
    for name in ("parameters", "outputs", "shown_parameters", "output_notes"):
        values[name] = _object(row[name])
    values["asked"] = asked_of(row["asked"])
    values["terms"] = _terms_of(row["terms"])
    values["previous_terms"] = None if row["previous_terms"] is None else _terms_of(row["previous_terms"])
    values["protected"] = bool(row["protected"])
    values["previous_parameters"] = _maybe_value(row["previous_parameters"])
    return Stack(**values)


def asked_text(terms: Mapping[str, Any]) -> str:
    """What a deletion was asked for with, as JSON."""
    return _json(dict(terms), "a deletion", "terms")


def asked_of(text: str | None) -> dict[str, Any]:
    """The same back; of None, nothing."""
    return {} if text is None else _object(text)


def summary_of(row: Sequence[Any]) -> StackSummary:
    """The summary of a row of the columns `SUMMARY`: the same object for the same row, while it is remembered."""
    return _summary_of(tuple(row))


@lru_cache(maxsize=1024)  # each takes some 6 KiB, with what a list has written of it
def _summary_of(row: tuple[Any, ...]) -> StackSummary:
    values = dict(zip(SUMMARY, row, strict=True))
    values["status"] = StackStatus(values["status"])
    for name in ("outputs", "output_notes", "shown_parameters"):
        values[name] = _object(values[name])
    values["terms"] = _terms_of(values["terms"])
    values["protected"] = bool(values["protected"])
    return StackSummary(**values)


def resource_row(stack_id: str, resource: Resource) -> dict[str, Any]:
    """A resource's row, without its place in the order. Raises `StoreError` for what has no form in JSON."""
    what = f"resource {resource.logical_id}"
    return {
        "stack_id": stack_id,
        "logical_id": resource.logical_id,
        "generation": resource.generation,
        "type": resource.type,
        "name": _text(resource.name),
        "status": resource.status.value,
        "physical_id": None if resource.physical_id is None else _text(resource.physical_id),
        "reason": _text(resource.reason),
        "properties": _json(resource.properties, what, "properties"),
        "attributes": _json(resource.attributes, what, "attributes"),
        "depends_on": _json(resource.depends_on, what, "dependencies"),
        "group_name": resource.group,
        "deletion_policy": resource.deletion_policy,
        "replace_policy": resource.replace_policy,
        "intent": None if resource.intent is None else _json(_intent(resource.intent), what, "intent"),
        "started_at": resource.started_at,
        "ended_at": resource.ended_at,
    }


def resource_of(row: Row) -> Resource:
    """The resource of a row."""
    return Resource(
        logical_id=row["logical_id"],
        generation=row["generation"],
        type=row["type"],
        name=row["name"],
        status=ResourceStatus(row["status"]),
        physical_id=row["physical_id"],
        reason=row["reason"],
        properties=_object(row["properties"]),
        attributes=_object(row["attributes"]),
        depends_on=tuple(_decode(row["depends_on"])[0]),
        group=row["group_name"],
        deletion_policy=row["deletion_policy"],
        replace_policy=row["replace_policy"],
        intent=_intent_of(row["intent"]),
        started_at=row["started_at"],
        ended_at=row["ended_at"],
    )


def event_row(event: Event) -> dict[str, Any]:
    """An event's row, without its sequence."""
    return {
        "stack_id": event.stack_id,
        "stack_name": event.stack_name,
        "logical_id": event.logical_id,
        "physical_id": None if event.physical_id is None else _text(event.physical_id),
        "type": event.type,
        "status": event.status,
        "reason": _text(event.reason),
        "at": event.at,
        "token": event.token,
    }


def event_of(row: Sequence[Any]) -> Event:
    """The event of a row of the columns `EVENT`."""
    return Event(*row)


def change_set_row(change_set: ChangeSet) -> dict[str, Any]:
    """A change set's row. Raises `StoreError` when its parameters or summary have no form in JSON."""
    what = f"change set {change_set.name}"
    return {
        "change_set_id": change_set.change_set_id,
        "name": change_set.name,
        "stack_id": change_set.stack_id,
        "stack_revision": change_set.stack_revision,
        "template": _text(change_set.template),
        "template_file": _text(change_set.template_file),
        "parameters": _json(change_set.parameters, what, "parameters"),
        "summary": _json(change_set.summary, what, "summary"),
        "created_at": change_set.created_at,
        "status": change_set.status,
        "reason": _text(change_set.reason),
        "kind": change_set.kind,
        "execution": change_set.execution,
        "description": _text(change_set.description),
        "on_failure": change_set.on_failure,
        "terms": _terms(change_set.terms, what),
        "shown_parameters": _json(change_set.shown_parameters, what, "shown parameters"),
    }


def change_set_of(row: Row) -> ChangeSet:
    """The change set of a row."""
    values = dict(row)
    for name in ("parameters", "summary", "shown_parameters"):
        values[name] = _decode(row[name])[0]
    return ChangeSet(**{**values, "terms": _terms_of(row["terms"])})


def signal_row(stack_id: str, handle: str, signal: Signal) -> dict[str, Any]:
    """A signal's row; the digest stands for its `unique_id`, which may be longer than a key can be."""
    unique_id = _text(signal.unique_id)
    return {
        "stack_id": stack_id,
        "handle": handle,
        "digest": sha256(unique_id.encode()).hexdigest(),
        "unique_id": unique_id,
        "status": _text(signal.status)[:64],
        "reason": _text(signal.reason),
        "data": _text(signal.data),
    }


def signal_of(row: Row) -> Signal:
    """The signal of a row."""
    return Signal(unique_id=row["unique_id"], status=row["status"], reason=row["reason"], data=row["data"])


def _terms(terms: Terms, what: str) -> str:
    """Terms as JSON, without what is as it is by default."""
    said = {name: value for name, value in asdict(terms).items() if value}
    return _json(said, what, "terms")


def _terms_of(text: str) -> Terms:
    if text == _EMPTY:
        return Terms()
    values: dict[str, Any] = _decode(text)[0]
    for name, value in values.items():
        values[name] = tuple(value) if isinstance(value, list) else value
    return Terms(**values)


def _intent(intent: Intent) -> dict[str, Any]:
    """An intent as a JSON object, under the names of its fields."""
    return {
        "verb": intent.verb,
        "calls": intent.calls,
        "step": intent.step,
        "sent": intent.sent,
        "job_id": intent.job_id,
        "target": intent.target,
    }


def _intent_of(text: str | None) -> Intent | None:
    if text is None:
        return None
    values = _decode(text)[0]
    return Intent(**{**values, "calls": tuple(values["calls"])})


def _object(text: str) -> dict[str, Any]:
    """The object that JSON holds, which is often empty."""
    values: dict[str, Any] = {} if text == _EMPTY else _decode(text)[0]
    return values


def _json(value: object, what: str, part: str) -> str:
    try:
        return _encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(f"{what}: its {part} cannot be written down as JSON: {error}") from error


def _maybe_json(value: object, what: str, part: str) -> str | None:
    return None if value is None else _json(value, what, part)


def _maybe_value(text: str | None) -> Any:  # noqa: ANN401  # what JSON holds
    return None if text is None else _decode(text)[0]


def _text(text: str) -> str:
    """The text without what a database cannot keep."""
    if "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
