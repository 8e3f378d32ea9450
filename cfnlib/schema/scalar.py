"""One value of a property: what it must be, and what it becomes.

CloudFormation takes "80" for 80 and 1 for "1"; so does this. A value is judged once it has its type.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from cfnlib.diagnostic import Code
from cfnlib.schema.model import Kind
from cfnlib.schema.nearest import nearest

if TYPE_CHECKING:
    from cfnlib.schema.model import Property

_WHOLE = re.compile(r"[+-]?\d+")
WORDS = {
    Kind.STRING: "a text",
    Kind.INTEGER: "a whole number",
    Kind.NUMBER: "a number",
    Kind.BOOLEAN: "true or false",
    Kind.LIST: "a list",
    Kind.OBJECT: "a map",
    Kind.TAGS: "a list of tags, each with Key and Value",
    Kind.JSON: "anything",
}
"""How each kind is called in a message."""


class Fault(NamedTuple):
    """What is wrong with a value, and what to write instead."""

    code: Code
    message: str
    hint: str | None = None


def convert(declared: Property, name: str, value: Any) -> tuple[Any, Fault | None]:  # noqa: ANN401 - of any type
    """The value in the property's own type, and what is wrong with it. For kinds without parts only."""
    converted = _converted(declared.kind, value)
    if converted is None:
        return value, wrong_kind(declared, name, value)
    return converted, _out_of_bounds(declared, name, converted)


def wrong_kind(declared: Property, name: str, value: object) -> Fault:
    """The fault of a value of another kind."""
    shown = "****" if declared.secret else _shown(value)
    return Fault(Code.WRONG_TYPE, f"{name} must be {WORDS[declared.kind]}, not {shown}")


def _converted(kind: Kind, value: Any) -> Any:  # noqa: ANN401 - of any type
    """The value in the kind's type; None when it cannot be."""
    if value is None or isinstance(value, list | dict):
        return None
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if kind is Kind.STRING:
        return text
    if kind is Kind.BOOLEAN:
        return {"true": True, "false": False}.get(text.lower())
    return None if isinstance(value, bool) else _number(text.strip(), whole=kind is Kind.INTEGER)


def _number(text: str, *, whole: bool) -> int | float | None:
    """The number that a text says, an int where it is one; None when it says none."""
    if _WHOLE.fullmatch(text):
        return int(text)
    try:
        number = float(text)
    except ValueError:
        return None
    if number.is_integer():
        return int(number)
    return None if whole or not isfinite(number) else number


def _out_of_bounds(declared: Property, name: str, value: Any) -> Fault | None:  # noqa: ANN401 - of any type
    shown = "****" if declared.secret else repr(value)
    if declared.allowed and value not in declared.allowed:
        choices = ", ".join(str(choice) for choice in declared.allowed)
        near = nearest(str(value), [str(choice) for choice in declared.allowed])
        return Fault(Code.NOT_ALLOWED, f"{name} is {shown}; it must be one of {choices}", _instead(near))
    if declared.minimum is not None and value < declared.minimum:
        return Fault(Code.NOT_ALLOWED, f"{name} is {shown}; it must be {declared.minimum:g} or more")
    if declared.maximum is not None and value > declared.maximum:
        return Fault(Code.NOT_ALLOWED, f"{name} is {shown}; it must be {declared.maximum:g} or less")
    if declared.pattern is not None and not re.fullmatch(declared.pattern, str(value)):
        return Fault(Code.NOT_ALLOWED, f"{name} is {shown}; it must have the form {declared.pattern}")
    return None


def _instead(near: str | None) -> str | None:
    return f"did you mean {near}?" if near else None


def _shown(value: object) -> str:
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "a map"
    return "null" if value is None else repr(value)
