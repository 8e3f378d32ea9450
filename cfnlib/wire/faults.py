"""What can be wrong with a request, as values, and the sentences that AWS says about it.

A fault's path is in the client's own wire form (`Parameters.member.1.ParameterKey`), since that is what the client's
author can find again. AWS's sentences name another form of the same place (`parameters.1.member.parameterKey`), and
tools parse those sentences, so both are kept.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from attrs import frozen

from cfnlib.errors import CfnlibError

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_FAULTS = 100
"""More faults than these in one request are not looked for: an answer's length must not follow an attacker's wish."""

MAX_ECHO = 256
"""Characters of a wrong value that are repeated in a message."""


class WireError(CfnlibError):
    """A request that cannot be read, or a result that cannot be written."""


class UnknownVersionError(WireError):
    """There is no model of the service in this version."""


class UnknownOperationError(WireError):
    """The service has no operation of this name."""


class UnwritableResultError(WireError):
    """A result does not fit the model: a mistake of the program, never of the client."""


class FaultKind(Enum):
    """What is wrong with a parameter."""

    MISSING = "missing"
    TYPE = "type"
    """Not a value of its type, given twice, or given in two forms that exclude each other."""
    TOO_LONG = "too long"
    TOO_SHORT = "too short"
    PATTERN = "pattern"
    ENUM = "enum"
    RANGE = "range"
    UNKNOWN = "unknown"


@frozen
class Fault:
    """One thing wrong with one parameter.

    `path` is the parameter's name as the client sent it, or would have sent it. `message` is a sentence in
    CloudFormation's style. `value` is the text that was sent, shortened; None where there was none or it was no text.
    `rule` is the constraint alone ("Member must not be null").
    """

    kind: FaultKind
    path: str
    message: str
    value: str | None = None
    rule: str = ""


class InvalidParametersError(WireError):
    """A request's parameters are wrong. `faults` has all of them (at most `MAX_FAULTS`), in the model's order."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(validation_text(self.faults))


def shortened(text: str) -> str:
    """The text as it may stand in a message: at most `MAX_ECHO` characters, all of them ones that can be written."""
    text = text if len(text) <= MAX_ECHO else text[: MAX_ECHO - 1] + "…"
    return text if text.isascii() else text.encode(errors="replace").decode()


def place(path: str) -> str:
    """The same place as AWS's validation names it: `Tags.member.1.Key` is `tags.1.member.key`.

    Source: messages of CloudFormation as seen by its clients' users.
    """
    parts = path.split(".")
    named: list[str] = []
    for at, part in enumerate(parts):
        if part.isdecimal() and at:
            named += [part, "entry" if parts[at - 1] == "entry" else "member"]
        elif part not in {"member", "entry"} or not (at + 1 < len(parts) and parts[at + 1].isdecimal()):
            named.append(part[:1].lower() + part[1:])
    if parts[-1].isdecimal() and len(parts) > 1:
        named.pop()
    return ".".join(named)


def fault(kind: FaultKind, path: str, value: str | None, rule: str) -> Fault:
    """A fault with CloudFormation's sentence for it; a `value` of None is AWS's null."""
    shown = None if value is None else shortened(value)
    said = "null" if shown is None else f"'{shown}'"
    path = shortened(path)
    message = f"Value {said} at '{place(path)}' failed to satisfy constraint: {rule}"
    return Fault(kind, path, message, shown, rule)


def in_list(found: Fault, list_path: str, values: Sequence[str]) -> Fault:
    """The same fault of an element, in the sentence that AWS says about a list of plain values.

    Source: CloudFormation's answer to an unknown capability, "Value '[x]' at 'capabilities' failed to satisfy
    constraint: Member must satisfy constraint: [Member must satisfy enum value set: [...]]".
    """
    shown = shortened(f"[{', '.join(map(shortened, values[:MAX_ECHO]))}]")
    message = (
        f"Value '{shown}' at '{place(list_path)}' failed to satisfy constraint: "
        f"Member must satisfy constraint: [{found.rule}]"
    )
    return Fault(found.kind, found.path, message, found.value, found.rule)


def validation_text(faults: Sequence[Fault]) -> str:
    """The message of CloudFormation's ValidationError for these faults, which are at least one."""
    messages = list(dict.fromkeys(item.message for item in faults))
    count = len(messages)
    return f"{count} validation error{'' if count == 1 else 's'} detected: {'; '.join(messages)}"


def ec2_refusal(faults: Sequence[Fault]) -> tuple[str, str]:
    """EC2's error code and message for these faults: EC2 names one at a time, the missing first.

    Source: EC2's API reference, "Error codes": MissingParameter, InvalidParameterValue, UnknownParameter.
    """
    first = min(faults, key=lambda item: item.kind is not FaultKind.MISSING)
    if first.kind is FaultKind.MISSING:
        return "MissingParameter", f"The request must contain the parameter {first.path}"
    if first.kind is FaultKind.UNKNOWN:
        return "UnknownParameter", f"The parameter {first.path} is not recognized"
    rule = first.rule.replace("Member must", "It must", 1)
    return "InvalidParameterValue", f"Value ({first.value or ''}) for parameter {first.path} is invalid. {rule}"
