"""Value to text: the plain types of the models, as an element's content."""

from __future__ import annotations

import base64
import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cfnlib.wire.faults import UnwritableResultError

if TYPE_CHECKING:
    from collections.abc import Callable

SPECIAL = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
"""A bare carriage return would be read as a line feed: a template with Windows' line ends would come back changed."""

FIRST, LAST = -62_135_596_800, 253_402_300_799
"""The years 1 to 9999, in seconds since the epoch: what a datetime and ISO 8601 can say."""

REPLACEMENT = "\ufffd"
"""What stands for a character that XML 1.0 cannot carry. Source: XML 1.0, section 2.2."""


def escaped(text: str) -> str:
    """The text as it may stand in an element or an attribute without quotes of its own."""
    if SPECIAL.search(text) is None:
        return text
    return SPECIAL.sub(lambda found: ESCAPES.get(found[0], REPLACEMENT), text)


def unfit(name: str, kind: str, value: object) -> UnwritableResultError:
    """The mistake of a value that is not of its shape's type."""
    return UnwritableResultError(f"{name} is of type {kind}, not {value!r:.100}")


def seconds(name: str, value: object) -> float:
    """Seconds since the epoch, of the same or of a datetime with a zone."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise UnwritableResultError(f"{name} has no zone: {value}")
        return value.timestamp()
    if isinstance(value, int | float) and not isinstance(value, bool) and FIRST <= value < LAST:
        return value
    raise unfit(name, "timestamp", value)


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        return escaped(value)
    raise unfit(name, "string", value)


def _boolean(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    raise unfit(name, "boolean", value)


def _integer(name: str, value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value))
    raise unfit(name, "integer", value)


def _decimal(name: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise unfit(name, "double", value)
    if math.isfinite(value):
        return repr(float(value))
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _timestamp(name: str, value: object) -> str:
    milliseconds = round(seconds(name, value) * 1000)
    whole = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{whole.isoformat()[:19]}.{milliseconds % 1000:03}Z"


def _blob(name: str, value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    raise unfit(name, "blob", value)


PLAIN: dict[str, Callable[[str, Any], str]] = {
    "string": _text,
    "character": _text,
    "boolean": _boolean,
    "integer": _integer,
    "long": _integer,
    "double": _decimal,
    "float": _decimal,
    "timestamp": _timestamp,
    "blob": _blob,
}
"""Type to the function that gives the content of an element from the shape's name and a value; all of them raise
UnwritableResultError for a value of another type."""
