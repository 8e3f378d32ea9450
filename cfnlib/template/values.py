"""What an expression can come to beside plain data: something not known yet, nothing at all, or a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cfnlib.source import scalar_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cfnlib.diagnostic import Code
    from cfnlib.source import Node


class Unknown:
    """A value that is known only when something has been made. `reasons` say what, as `Name` or `Name.Attribute`."""

    __slots__ = ("reasons",)

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = frozenset(reasons)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unknown) and self.reasons == other.reasons

    def __hash__(self) -> int:
        return hash(self.reasons)

    def __repr__(self) -> str:
        return f"Unknown({', '.join(sorted(self.reasons))})"


class _NoValue:
    __slots__ = ()

    def __repr__(self) -> str:
        return "AWS::NoValue"


NO_VALUE: Final = _NoValue()
"""What `Ref: AWS::NoValue` comes to; the property or item that it would be is left out."""


class Fault(Exception):  # noqa: N818 - it is no error of the program: it becomes a diagnostic before anyone sees it
    """An expression that can't be worked out. Caught where its place in the template is known."""

    def __init__(self, code: Code, message: str, node: Node, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.node = node
        self.hint = hint


def unknown_reasons(value: object) -> frozenset[str]:
    """Why a value or a part of it is not known; empty when all of it is."""
    if isinstance(value, Unknown):
        return value.reasons
    if isinstance(value, dict):
        return frozenset().union(*(unknown_reasons(item) for item in value.values()))
    if isinstance(value, list):
        return frozenset().union(*(unknown_reasons(item) for item in value))
    return frozenset()


def as_text(value: object) -> str | None:
    """A scalar as CloudFormation writes it into a string; None when it is no scalar."""
    if value.__class__ is str:
        return value
    if isinstance(value, (str, bool, int, float)):
        return scalar_text(value)
    return None


def kind_of(value: object) -> str:
    """The words for a value's kind in a message; never the value itself, which may be secret."""
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "a map"
    return "nothing" if value is None or value is NO_VALUE else "a single value"
