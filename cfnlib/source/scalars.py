"""What a plain (unquoted) YAML scalar means in a template.

CloudFormation reads YAML 1.1 without timestamps. It takes `true`, `yes` and `on` (in lower, upper and title case) as
booleans, which is kept here, since templates for AWS rely on it: an unquoted `YES` reaches a resource as "true".
Source: AWS CloudFormation user guide, "Template formats" (YAML 1.1; no binary, omap, pairs, set, timestamp), and what
users see of tags with unquoted YES and NO.

Numbers are read more carefully than YAML 1.1 does. An integer is decimal without a leading zero; `0123456789`,
`0o17`, `1_000` and `1:30` stay text, for in a template they are account numbers, modes and times of the day and never
octal or sexagesimal numbers. Dates stay text. So does `1e3`, as in YAML 1.1; `1.0e+3` is a number.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cfnlib.source.nodes import ScalarValue

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z")
_LONGEST_NUMBER = 40  # digits; a longer one is an identifier

_WORDS: dict[str, bool | None] = {"": None, "~": None}
for _word, _meaning in (("true", True), ("yes", True), ("on", True), ("false", False), ("no", False), ("off", False)):
    _WORDS.update({_word: _meaning, _word.upper(): _meaning, _word.title(): _meaning})
_WORDS.update({"null": None, "NULL": None, "Null": None})

_MAYBE_NUMBER = frozenset("0123456789-+.")


def plain_value(text: str) -> ScalarValue:
    """The value of an unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in _MAYBE_NUMBER and len(text) <= _LONGEST_NUMBER:
        if _INTEGER.match(text):
            return integer(text)
        if _FLOAT.match(text):
            return floating(text)
    return text


def integer(text: str) -> ScalarValue:
    """The integer that prints as `text`, or the text: `+5` and `-0` are kept as they stand."""
    value = int(text)
    return value if str(value) == text else text


def floating(text: str) -> ScalarValue:
    """The number, or the text when it is too large to be one."""
    value = float(text)
    return value if value - value == 0 else text
