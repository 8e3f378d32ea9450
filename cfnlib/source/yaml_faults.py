"""What YAML's parser complains of, said so that the author of a template knows what to change."""

from __future__ import annotations

import re

from yaml.reader import ReaderError

from cfnlib.diagnostic import Code, Diagnostics, Span
from cfnlib.source.offsets import span_at

_UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # YAML 1.1, 5.1
_TWO_TAGS = re.compile(r"(![A-Za-z0-9]+)\s+!([A-Za-z0-9]+)")


def explain(error: Exception, text: str, file: str, diagnostics: Diagnostics) -> None:
    """Add the one diagnostic of a text that is no YAML."""
    if isinstance(error, ReaderError):
        found = _UNREADABLE.search(text)
        offset = found.start() if found else 0
        named = f"U+{ord(text[offset]):04X}" if found else str(error.reason)
        diagnostics.add(
            Code.SYNTAX,
            f"the control character {named} cannot stand in YAML",
            span_at(text, offset, file),
            hint='remove it, or write it as an escape in a "quoted" text',
        )
        return
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    lines = text.split("\n")
    if line >= len(lines):  # the parser points behind the end
        line, column = len(lines) - 1, len(lines[-1])
    problem = str(getattr(error, "problem", None) or error)
    hint = _hint(problem, lines, line, column)
    context = getattr(error, "context", None)
    message = f"no valid YAML: {problem}" + (f" {context}" if context else "")
    diagnostics.add(Code.SYNTAX, message, Span(file, line + 1, column + 1, line + 1, column + 2), hint=hint)


def _hint(problem: str, lines: list[str], line: int, column: int) -> str:
    here = lines[line]
    two = _TWO_TAGS.search(f"{lines[line - 1] if line else ''}\n{here}")
    if two and "mapping values" not in problem:
        outer, inner = two.group(1), two.group(2)
        return f"two short tags cannot follow each other: write the outer one, {outer}, long, and !{inner} below it"
    for row in (line, line - 1):
        indent = lines[row][: len(lines[row]) - len(lines[row].lstrip())] if row >= 0 else ""
        if "\t" in indent or (row == line and lines[row][column : column + 1] == "\t"):
            return "a tab stands where YAML wants spaces: indent by spaces"
    for said, way_out in _WAYS_OUT:
        if said in problem:
            return way_out
    return "look at the quotes, brackets and indentation of this line and the one above"


_WAYS_OUT = (
    (
        "mapping values are not allowed",
        "a value with a colon and a space in it must be quoted; or the indentation is off",
    ),
    ("could not find expected ':'", "a key is followed by a colon and a space"),
    ("did not find expected key", "this line is indented otherwise than its neighbours, or a quote is missing above"),
    ("expected <block end>", "this line is indented otherwise than its neighbours, or a quote is missing above"),
    ("did not find expected '-' indicator", "each item of a list begins with '- ' in the same column"),
    ("did not find expected ',' or", "a bracket of a [list] or {map} is not closed"),
    ("unexpected end of stream", "a quote or bracket is opened above and never closed"),
    ("found character that cannot start any token", "a text that begins with @, ` or % must be quoted"),
    ("alphabetic or numeric character", "a text that begins with * or & must be quoted"),
    (
        "unknown escape character",
        "in a \"quoted\" text a backslash begins an escape: double it, or use 'single' quotes",
    ),
    ("undefined tag handle", "a text that begins with ! must be quoted"),
)
