"""The texts of Fn::Sub: `${Name}`, `${Name.Attribute}`, and `${!Literal}` for a dollar that stays."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_PART = re.compile(r"\$\{(!?)([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z0-9_.:]+\Z")


class Name(NamedTuple):
    """A name in a text, and where it begins in it. `valid` is False for what can't be a name at all."""

    text: str
    offset: int
    valid: bool


@lru_cache(maxsize=4096)
def parts_of(text: str) -> tuple[str | Name, ...]:
    """The literal texts and the names, in order. An unclosed `${` is a literal."""
    parts: list[str | Name] = []
    end = 0
    for found in _PART.finditer(text):
        if found.start() > end:
            parts.append(text[end : found.start()])
        end = found.end()
        if found[1]:
            parts.append(f"${{{found[2]}}}")
        else:
            parts.append(Name(found[2], found.start(), bool(_NAME.match(found[2]))))
    if end < len(text):
        parts.append(text[end:])
    return tuple(parts)


def names_in(text: str) -> list[Name]:
    """The names alone."""
    return [part for part in parts_of(text) if isinstance(part, Name)] if "${" in text else []
