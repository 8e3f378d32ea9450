"""Text to value: the plain types of the models, with the constraints that the models put on them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cfnlib.wire.faults import MAX_FAULTS, Fault, FaultKind, fault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from cfnlib.wire.model import Shape

INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
DECIMAL = re.compile(r"[+-]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,3})?")
EPOCH = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,9})?")
ISO = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}([Tt ][0-9:]{2,8}([.,][0-9]{1,9})?([Zz]|[+-][0-9]{2}:?([0-9]{2})?)?)?")
BITS = {"integer": 31, "long": 63}
WORDS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
TIMES = "Member must be a timestamp in ISO 8601 or seconds since the epoch"
MAX_ENUM = 60
"""Values of an enumeration that a message lists; EC2's instance types are over a thousand."""


class EnoughError(Exception):
    """So much is wrong that the rest is not looked at."""


class Findings:
    """The faults found so far, and the shapes whose constraints the caller does not hold to."""

    __slots__ = ("faults", "open_shapes", "strict")

    def __init__(self, open_shapes: Collection[str], *, strict: bool) -> None:
        self.faults: list[Fault] = []
        self.open_shapes = open_shapes
        self.strict = strict

    def add(self, found: Fault) -> None:
        """Keep a fault; raises EnoughError with the last there is room for."""
        self.faults.append(found)
        if len(self.faults) >= MAX_FAULTS:
            raise EnoughError

    def extend(self, found: Iterable[Fault]) -> None:
        """Keep several; raises as `add` does."""
        for item in found:
            self.add(item)


Read = Callable[[str, str, Findings], Any]
"""A text, its path, and where faults go, to a value; None where it was faulty."""


def scalar(name: str, shape: Shape) -> Read:
    """What reads a text as a value of the shape `name`."""
    kind = shape["type"]
    if kind in {"string", "character"}:
        return _text(name, shape)
    if kind == "boolean":
        return _boolean
    if kind in BITS:
        return _integer(name, shape)
    if kind in {"double", "float"}:
        return _decimal(name, shape)
    if kind == "timestamp":
        return _timestamp
    if kind == "blob":
        return _blob(name, shape)
    raise NotImplementedError(f"{name} is of type {kind!r}, which no query protocol has")


def _is_utf8(text: str, path: str, findings: Findings) -> bool:
    """Whether all of it can be written as UTF-8: undecodable bytes leave lone surrogates behind. If not, a fault."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        findings.add(fault(FaultKind.TYPE, path, "", "Member must be text in UTF-8"))
        return False
    return True


def length_faults(value_length: int, shape: Shape, said: str, path: str) -> list[Fault]:
    """What is wrong with a length, of a text, of a blob in bytes, or of a list in elements."""
    found = []
    if value_length < shape.get("min", 0):
        rule = f"Member must have length greater than or equal to {shape['min']}"
        found.append(fault(FaultKind.TOO_SHORT, path, said, rule))
    if "max" in shape and value_length > shape["max"]:
        rule = f"Member must have length less than or equal to {shape['max']}"
        found.append(fault(FaultKind.TOO_LONG, path, said, rule))
    return found


def _text(name: str, shape: Shape) -> Read:
    allowed = frozenset(shape.get("enum", ()))
    pattern = compiled(shape["pattern"]) if "pattern" in shape else None
    if not allowed and pattern is None and not {"min", "max"} & shape.keys():

        def read_any(text: str, path: str, findings: Findings) -> str | None:
            return text if _is_utf8(text, path, findings) else None

        return read_any
    shortest, longest = shape.get("min", 0), shape.get("max")
    values = ", ".join(shape.get("enum", ())[:MAX_ENUM]) + (", …" if len(allowed) > MAX_ENUM else "")

    def read(text: str, path: str, findings: Findings) -> str | None:
        if not _is_utf8(text, path, findings):
            return None
        if name in findings.open_shapes:
            return text
        size = len(text)
        if size < shortest or (longest is not None and size > longest):
            findings.extend(length_faults(size, shape, text, path))
        # Some patterns take a time that grows with the square of the length: only a lawful length is tried.
        if pattern is not None and (longest is None or size <= longest) and not pattern.fullmatch(text):
            rule = f"Member must satisfy regular expression pattern: {shape['pattern']}"
            findings.add(fault(FaultKind.PATTERN, path, text, rule))
        if allowed and text not in allowed:
            findings.add(fault(FaultKind.ENUM, path, text, f"Member must satisfy enum value set: [{values}]"))
        return text

    return read


def compiled(pattern: str) -> re.Pattern[str] | None:
    """A pattern of the models, which are Java's, for `fullmatch`; None for one that is not held to.

    Not held to are what does not compile, and what no text can match, since it asks for its beginning in the middle
    (EC2's PlacementGroupArn). Unicode classes are widened to the nearest that `re` knows.
    """
    if re.search(r"[^\\(|\[]\^", pattern):
        return None
    flags = re.ASCII
    if r"\p{" in pattern:
        pattern = re.sub(r"\\p\{[LN][a-z]?\}", r"\\w", pattern).replace(r"\p{Z}", r"\s")
        flags = re.NOFLAG
    pattern = re.sub(r"\\u(10[0-9A-F]{4}|10000)", lambda code: f"\\U{code[1]:0>8}", pattern)
    try:
        return re.compile(pattern, flags)
    except re.error:
        return None


def _boolean(text: str, path: str, findings: Findings) -> bool | None:
    if text == "true":
        return True
    if text == "false":
        return False
    lowered = text.lower() if len(text) <= len("false") else ""
    if lowered in {"true", "false"}:
        return lowered == "true"
    findings.add(fault(FaultKind.TYPE, path, text, "Member must be a boolean, true or false"))
    return None


def _integer(name: str, shape: Shape) -> Read:
    limit = 1 << BITS[shape["type"]]

    def read(text: str, path: str, findings: Findings) -> int | None:
        if not INTEGER.fullmatch(text):
            findings.add(fault(FaultKind.TYPE, path, text, f"Member must be {_an(shape['type'])}"))
            return None
        value = int(text)
        if not -limit <= value < limit:
            findings.add(fault(FaultKind.TYPE, path, text, f"Member must be {_an(shape['type'])}"))
        elif name not in findings.open_shapes:
            _range(value, shape, text, path, findings)
        return value

    return read


def _an(kind: str) -> str:
    return "an integer" if kind == "integer" else f"a {kind}"


def _range(value: float, shape: Shape, text: str, path: str, findings: Findings) -> None:
    if "min" in shape and value < shape["min"]:
        rule = f"Member must have value greater than or equal to {shape['min']}"
        findings.add(fault(FaultKind.RANGE, path, text, rule))
    if "max" in shape and value > shape["max"]:
        rule = f"Member must have value less than or equal to {shape['max']}"
        findings.add(fault(FaultKind.RANGE, path, text, rule))


def _decimal(name: str, shape: Shape) -> Read:
    def read(text: str, path: str, findings: Findings) -> float | None:
        if text in WORDS:
            value = WORDS[text]
        elif DECIMAL.fullmatch(text):
            value = float(text)
        else:
            findings.add(fault(FaultKind.TYPE, path, text, f"Member must be {_an(shape['type'])}"))
            return None
        if name not in findings.open_shapes:
            _range(value, shape, text, path, findings)
        return value

    return read


def _timestamp(text: str, path: str, findings: Findings) -> datetime | None:
    """A time with its zone, UTC: from ISO 8601 (UTC where it names no zone) or from seconds since the epoch."""
    try:
        if EPOCH.fullmatch(text):
            return datetime.fromtimestamp(float(text), UTC)
        if ISO.fullmatch(text):
            value = datetime.fromisoformat(text.upper().replace(",", "."))
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        pass
    findings.add(fault(FaultKind.TYPE, path, text, TIMES))
    return None


def _blob(name: str, shape: Shape) -> Read:
    def read(text: str, path: str, findings: Findings) -> bytes | None:
        try:
            value = base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            findings.add(fault(FaultKind.TYPE, path, text, "Member must be bytes in base64"))
            return None
        if name not in findings.open_shapes:
            findings.extend(length_faults(len(value), shape, text, path))
        return value

    return read
