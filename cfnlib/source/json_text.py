"""JSON to nodes: strict JSON (RFC 8259), read line by line.

No token of JSON spans a line, so the line number is always known and the column is the token's offset in its line.
The states are a flat table of what may come next, so nesting costs no Python stack.
"""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from cfnlib.diagnostic import Code, Diagnostics, Span
from cfnlib.source.duplicates import DROPPED
from cfnlib.source.nodes import ListNode, MapNode, Node, Place, Scalar, ScalarValue

if TYPE_CHECKING:
    from cfnlib.source.limits import Limits

_TOKEN = re.compile(
    r"""[ \t\r]*(?:
    (?P<string>"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*")
    |(?P<mark>[{}\[\]:,])
    |(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?(?![0-9A-Za-z_.+-]))
    |(?P<word>(?:true|false|null)(?![0-9A-Za-z_]))
    |(?P<end>$)
    )""",
    re.VERBOSE,
)
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_LONGEST_NUMBER = 400  # characters; a double has at most 309 digits before its point


class _Next(Enum):
    """What may follow, each with the words for it."""

    VALUE = "a value"
    VALUE_OR_END = "a value or ]"
    KEY = 'a "key"'
    KEY_OR_END = 'a "key" or }'
    COLON = "':'"
    COMMA_OR_END = "',' or the closing bracket"
    NOTHING = "the end of the text"


class _Frame(NamedTuple):
    """An open object or array."""

    entries: dict[str, Node] | None
    key_places: dict[str, Place]
    items: list[Node]
    line: int
    column: int


class _StopError(Exception):
    """The text can't be read further; the diagnostic is written already."""


def load_json(text: str, file: str, limits: Limits) -> tuple[Node | None, Diagnostics]:
    """Read one JSON document; None when the text is no JSON."""
    reader = _Reader(file, limits)
    try:
        return reader.read(text), reader.diagnostics
    except _StopError:
        return None, reader.diagnostics


class _Reader:
    def __init__(self, file: str, limits: Limits) -> None:
        self.file = file
        self.limits = limits
        self.diagnostics = Diagnostics()

    def read(self, text: str) -> Node | None:  # noqa: C901, PLR0912, PLR0915 - one tight loop over the tokens
        """Read the tokens; the result is the root."""
        file, match = self.file, _TOKEN.match
        stack: list[_Frame] = []
        key: str | None = None
        keys: list[str | None] = []  # the pending key of each open object that surrounds the innermost one
        expected = _Next.VALUE
        root: Node | None = None
        node: Node
        row, line = 0, ""

        for row, line in enumerate(text.split("\n"), 1):
            offset = 0
            while True:
                token = match(line, offset)
                if token is None:
                    self.wrong(line, row, offset, expected)
                    raise _StopError
                kind = token.lastgroup or ""
                offset = token.end()
                if kind == "end":
                    break
                column = token.start(kind) + 1
                said = token[kind]
                place = (file, row, column, row, offset + 1)
                if kind == "mark":
                    if said == ":" and expected is _Next.COLON:
                        expected = _Next.VALUE
                        continue
                    if said == "," and expected is _Next.COMMA_OR_END:
                        expected = _Next.VALUE if stack[-1].entries is None else _Next.KEY
                        continue
                    if said in "{[" and expected in {_Next.VALUE, _Next.VALUE_OR_END}:
                        if len(stack) >= self.limits.max_depth:
                            self.stop(
                                Code.TOO_DEEP,
                                f"lists and maps are nested more than {self.limits.max_depth} deep",
                                Span._make(place),
                                "write the value flatter, or pass it as text",
                            )
                        stack.append(_Frame({} if said == "{" else None, {}, [], row, column))
                        keys.append(key)
                        key = None
                        expected = _Next.KEY_OR_END if said == "{" else _Next.VALUE_OR_END
                        continue
                    closes = stack and said == ("]" if stack[-1].entries is None else "}")
                    if not closes or expected not in {_Next.COMMA_OR_END, _Next.VALUE_OR_END, _Next.KEY_OR_END}:
                        self.unexpected(said, place, expected, closes=bool(closes))
                    frame = stack.pop()
                    key = keys.pop()
                    where = (file, frame.line, frame.column, row, offset + 1)
                    if frame.entries is None:
                        node = ListNode(frame.items, where)
                    else:
                        frame.entries.pop(DROPPED, None)
                        node = MapNode(frame.entries, where, frame.key_places)
                elif kind == "string":
                    content = self.string(said, place)
                    if expected is _Next.KEY or expected is _Next.KEY_OR_END:
                        key = self.key(content, place, stack[-1])
                        expected = _Next.COLON
                        continue
                    if expected is not _Next.VALUE and expected is not _Next.VALUE_OR_END:
                        self.unexpected(said, place, expected)
                    node = Scalar(content, place, content)
                else:
                    if expected is not _Next.VALUE and expected is not _Next.VALUE_OR_END:
                        self.unexpected(said, place, expected)
                    node = Scalar(_WORDS[said] if kind == "word" else self.number(said, place), place, said)
                if not stack:
                    root = node
                    expected = _Next.NOTHING
                    continue
                frame = stack[-1]
                if frame.entries is None:
                    frame.items.append(node)
                else:
                    frame.entries[key] = node  # type: ignore[index] # an object's value follows its key
                    key = None
                expected = _Next.COMMA_OR_END

        if expected is not _Next.NOTHING:
            opened = f"; the bracket of line {stack[-1].line} is still open" if stack else ""
            at = Span(file, row, len(line) + 1, row, len(line) + 1)
            self.stop(Code.SYNTAX, f"no valid JSON: the text ends where {expected.value} is expected{opened}", at)
        return root

    def stop(self, code: Code, message: str, span: Span, hint: str | None = None) -> None:
        self.diagnostics.add(code, message, span, hint=hint)
        raise _StopError

    def unexpected(self, said: str, place: Place, expected: _Next, *, closes: bool = False) -> None:
        """Refuse a token that is JSON, only not here."""
        hint = None
        if closes and expected in {_Next.KEY, _Next.VALUE}:
            hint = "JSON has no comma after the last item"
        elif expected is _Next.COMMA_OR_END:
            hint = "a comma is missing before it"
        elif expected is _Next.KEY:
            hint = "keys are written in double quotes"
        shown = said if len(said) <= 40 else f"{said[:40]}..."
        self.stop(Code.SYNTAX, f"no valid JSON: {expected.value} is expected, not {shown}", Span._make(place), hint)

    def wrong(self, line: str, row: int, offset: int, expected: _Next) -> None:
        """Refuse what is no token of JSON."""
        rest = line[offset:].lstrip(" \t\r")
        column = len(line) - len(rest) + 1
        ways_out = (
            ("'", 'JSON has double quotes only: "text"'),
            ('"', "the text is not closed in its line, or has a control character: write it as \\n, \\t or \\u00XX"),
            ("//", "JSON has no comments; YAML has"),
            ("/*", "JSON has no comments; YAML has"),
            ("#", "JSON has no comments; YAML has"),
            ("!", "short tags such as !Ref are YAML's; a text that begins with '{' is read as JSON"),
        )
        hint = next((way_out for begin, way_out in ways_out if rest.startswith(begin)), None)
        if hint is None:
            hint = "a text that begins with '{' is read as JSON: texts and keys in double quotes, true, false, null"
        word = re.split(r"[\s,:\]}]", rest, maxsplit=1)[0][:40] or rest[:1]
        span = Span(self.file, row, column, row, column + len(word))
        self.stop(Code.SYNTAX, f"no valid JSON: {expected.value} is expected, not {word}", span, hint)

    def string(self, said: str, place: Place) -> str:
        """The text that a token in quotes stands for."""
        if "\\" not in said:
            return said[1:-1]
        try:
            content: str = json.loads(said)
            content.encode()
        except UnicodeEncodeError:
            self.stop(Code.SYNTAX, "no valid JSON: an escape names half a character (a lone surrogate)", Span(*place))
        except ValueError:
            way_out = 'the escapes are \\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX'
            self.stop(Code.SYNTAX, "no valid JSON: the text has an unknown escape", Span(*place), way_out)
        return content

    def number(self, said: str, place: Place) -> ScalarValue:
        """The number that a token stands for."""
        if len(said) > _LONGEST_NUMBER:
            self.stop(Code.SYNTAX, f"a number of {len(said)} characters", Span(*place), "quote it")
        if said.lstrip("-").isdigit():
            return int(said)
        value = float(said)
        if value - value != 0:
            self.stop(Code.SYNTAX, f"the number {said} is too large", Span(*place), "quote it")
        return value

    def key(self, content: str, place: Place, frame: _Frame) -> str:
        """Take the next key of an object; the result is the name under which to put the value."""
        entries = frame.entries
        if entries is not None and content in entries:
            self.diagnostics.add(
                Code.DUPLICATE_KEY,
                f"the key '{content}' is here twice, first in line {frame.key_places[content][1]}",
                Span(*place),
                hint="rename or remove one of them",
            )
            return DROPPED
        frame.key_places[content] = place
        return content
