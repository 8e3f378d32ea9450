"""From an offset in a text to a line and a column."""

from __future__ import annotations

from cfnlib.diagnostic import Span


def span_at(text: str, offset: int, file: str) -> Span:
    """The place of one character, given by its offset."""
    line = text.count("\n", 0, offset) + 1
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    return Span(file, line, column, line, column + 1)
