"""Values that are declared once: a class whose fields say what they mean and may be, in JSON Schema's words.

From the declaration come the check of what a user gives, and the schema that the OpenAPI document shows. Only the
keywords that OpenAPI 3.0 and 3.1 understand alike are used.

Source: JSON Schema Validation, draft 2020-12, sections 6.1 to 6.5.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from attrs import NOTHING, field, fields, frozen

from cfnlib.errors import CfnlibError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Path = tuple[str | int, ...]
"""Where in a document: the names and indexes that lead there; the empty one is the whole document."""

_KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "array": (list, tuple),
    "object": (dict,),
}
_NAMES = {"array": "a list", "integer": "a whole number", "object": "an object", "string": "a text"}
_UNFIT = re.compile("[\x00\ud800-\udfff]")


@frozen
class Fault:
    """What is wrong with one part of a document."""

    path: Path
    message: str

    @property
    def pointer(self) -> str:
        """The path as a JSON pointer. Source: RFC 6901."""
        return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in self.path)

    def __str__(self) -> str:
        return f"{self.pointer}: {self.message}" if self.path else self.message


class ClusterConfigError(CfnlibError):
    """A cluster's configuration is wrong. `faults` are all that was found, each with its place."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def declared(
    doc: str, *, default: object = None, converter: Callable[[Any], Any] | None = None, **schema: object
) -> Any:  # noqa: ANN401 - as attrs' own `field`
    """A field of a declared class: what it means, and what it may be. `default` NOTHING: it must be given."""
    return field(default=default, converter=converter, metadata={"schema": {"description": doc, **schema}})


def schema_of(cls: type) -> dict[str, Any]:
    """The schema of a declared class."""
    properties = {one.name: dict(one.metadata["schema"]) for one in fields(cls)}
    required = [one.name for one in fields(cls) if one.default is NOTHING]
    found: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        found["required"] = required
    return found


def faults_of(value: object, schema: Mapping[str, Any], path: Path = ()) -> Iterator[Fault]:
    """What is wrong with a value in JSON's types, by a schema."""
    kind = schema.get("type")
    if kind is not None and not _is(value, kind):
        yield Fault(path, f"is {_told(value)}, and must be {_NAMES.get(kind, kind)}")
        return
    if "enum" in schema and value not in schema["enum"]:
        yield Fault(path, f"is {_told(value)}, and must be one of {', '.join(str(one) for one in schema['enum'])}")
    if isinstance(value, str):
        yield from _faults_of_text(value, schema, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
        if not low <= value <= high:
            yield Fault(path, f"is {_told(value)}, and must be from {low} to {high}")
    elif isinstance(value, list | tuple):
        yield from _faults_of_list(value, schema, path)
    elif isinstance(value, dict):
        yield from _faults_of_object(value, schema, path)


def _faults_of_text(value: str, schema: Mapping[str, Any], path: Path) -> Iterator[Fault]:
    least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
    if _UNFIT.search(value):
        yield Fault(path, "has a character that no text may have: U+0000, or half of a surrogate pair")
    elif not least <= len(value) <= most:
        yield Fault(path, f"has {len(value)} characters, and must have from {least} to {most}")
    elif "pattern" in schema and not re.fullmatch(schema["pattern"].removeprefix("^").removesuffix("$"), value):
        yield Fault(path, f"is {_told(value)}, and must match {schema['pattern']}")


def _faults_of_list(value: Sequence[object], schema: Mapping[str, Any], path: Path) -> Iterator[Fault]:
    most = schema.get("maxItems", math.inf)
    if len(value) > most:
        yield Fault(path, f"has {len(value)} entries, more than {most}")
        return
    if schema.get("uniqueItems") and any(item in value[:index] for index, item in enumerate(value)):
        yield Fault(path, "has an entry twice")
    for index, item in enumerate(value):
        yield from faults_of(item, schema.get("items", {}), (*path, index))


def _faults_of_object(value: Mapping[object, object], schema: Mapping[str, Any], path: Path) -> Iterator[Fault]:
    from cfnlib.schema.nearest import nearest  # noqa: PLC0415 - only where a name is wrong

    most = schema.get("maxProperties", math.inf)
    if len(value) > most:
        yield Fault(path, f"has {len(value)} entries, more than {most}")
        return
    known = schema.get("properties", {})
    rest = schema.get("additionalProperties", {})
    for name, inner in value.items():
        place = (*path, str(name))
        if not isinstance(name, str) or not name or _UNFIT.search(name):
            yield Fault(path, f"has the name {_told(name)}, which is none")
        elif name in known:
            yield from faults_of(inner, known[name], place)
        elif rest is False:
            near = nearest(name, known)
            yield Fault(place, f"is not known{f'; did you mean {near}?' if near else ''}")
        else:
            yield from faults_of(inner, rest, place)
    for name in schema.get("required", ()):
        if name not in value:
            yield Fault((*path, name), "is missing")


def _is(value: object, kind: str) -> bool:
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()  # 3.0 is a whole number, says JSON Schema; an infinite one is not
    return isinstance(value, _KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _told(value: object) -> str:
    """A value as a message names it: short, and without what cannot be printed."""
    if isinstance(value, dict | list | tuple):
        return "an object" if isinstance(value, dict) else "a list"
    said = ascii(value) if isinstance(value, str) else str(value)
    said = {"True": "true", "False": "false", "None": "null"}.get(said, said)
    return said if len(said) <= 60 else f"{said[:60]}..."
