"""YAML to nodes.

The tree is built in one loop over the parser's events, with a stack of its own. No depth of nesting can end in a
RecursionError, the marks of the events are at hand for every node and key, and short tags become their long form on
the way. libyaml's parser is used where PyYAML has it; the pure one yields the same events some thirty times slower.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from cfnlib.diagnostic import Code, Diagnostics, Span
from cfnlib.source.duplicates import DROPPED
from cfnlib.source.nodes import ListNode, MapNode, Node, Place, Scalar
from cfnlib.source.scalars import floating, integer, plain_value
from cfnlib.source.tags import SHORT_TAGS, STANDARD, is_known_tag, long_form, shown_tag
from cfnlib.source.yaml_faults import explain

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.source.limits import Limits

try:
    from yaml._yaml import CParser as _FastParser
except ImportError:  # PyYAML was built without libyaml
    _FastParser = yaml.SafeLoader  # type: ignore[assignment,misc]


class _StopError(Exception):
    """The text can't be read further; the diagnostic is written already."""


class _Frame(NamedTuple):
    """A list or map that waits while one of its children is read."""

    entries: dict[str, Node] | None
    key_places: dict[str, Place]
    items: list[Node]
    key: str | None
    start: Any  # the mark of the child's start event
    function: str | None  # the long name of the child's short tag
    anchor: str | None  # the child's anchor


def load_yaml(text: str, file: str, limits: Limits) -> tuple[Node | None, Diagnostics]:
    """Read one YAML document; None when there is none or the text is no YAML."""
    diagnostics = Diagnostics()
    try:
        parser = _FastParser(text)
        root = _Builder(file, limits, diagnostics).build(parser.get_event)
    except _StopError:
        root = None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: an escape that names no character, pure parser only
        explain(error, text, file, diagnostics)
        root = None
    return root, diagnostics


class _Builder:
    """What the loop over the events has at hand beside its local variables."""

    def __init__(self, file: str, limits: Limits, diagnostics: Diagnostics) -> None:
        self.file = file
        self.limits = limits
        self.diagnostics = diagnostics
        self.anchors: dict[str, Node | None] = {}  # None: the anchored node has not ended yet
        self.measures: dict[int, tuple[int, int]] = {}  # nodes and height of an anchored node, by its identity
        self.anchored: list[Node] = []  # keeps the identities in `measures` from being used again
        self.alias_nodes = 0

    def build(self, next_event: Callable[[], Any]) -> Node | None:  # noqa: C901, PLR0912, PLR0915 - one tight loop
        """Read events to the end of the stream and return the first document's root."""
        file = self.file
        scalar_event, alias_event = yaml.ScalarEvent, yaml.AliasEvent
        map_start, map_end = yaml.MappingStartEvent, yaml.MappingEndEvent
        list_start, list_end = yaml.SequenceStartEvent, yaml.SequenceEndEvent
        max_depth = self.limits.max_depth
        stack: list[_Frame] = []
        depth = 0
        root: Node | None = None
        entries: dict[str, Node] | None = None  # the open map's, None in a list and outside the root
        key_places: dict[str, Place] = {}
        items: list[Node] = []
        key: str | None = None
        node: Node
        last_line = last_column = 1  # the end of the node that ended last

        while True:
            event = next_event()
            kind = event.__class__
            start = event.start_mark
            end = event.end_mark
            if kind is scalar_event:
                last_line, last_column = end.line + 1, end.column + 1
                place = (file, start.line + 1, start.column + 1, last_line, last_column)
                text = event.value
                if entries is not None and key is None:
                    key = self.key(event, place, entries, key_places)
                    continue
                if event.implicit[0]:
                    node = Scalar(plain_value(text), place, text)
                else:
                    node = Scalar(text, place, text) if event.tag is None else self.tagged(event, place)
                    if not text.isascii():
                        self.verify_characters(text, place)
                if event.anchor is not None:
                    self.remember(event.anchor, node)
            elif kind is map_start or kind is list_start:
                if entries is not None and key is None:
                    self.stop(Code.SYNTAX, "a key must be a text, not a list or a map", self.span(event))
                function = None if event.tag is None else self.function(event)
                depth += 1 if function is None else 2
                if depth > max_depth:
                    self.stop(
                        Code.TOO_DEEP,
                        f"lists and maps are nested more than {max_depth} deep",
                        self.span(event),
                        "write the value flatter, or pass it as text",
                    )
                if event.anchor is not None:
                    self.anchors[event.anchor] = None
                stack.append(_Frame(entries, key_places, items, key, start, function, event.anchor))
                entries = {} if kind is map_start else None
                key_places, items, key = {}, [], None
                continue
            elif kind is map_end or kind is list_end:
                if start.line != end.line or start.column != end.column:  # a flow list or map: ends with its bracket
                    last_line, last_column = end.line + 1, end.column + 1
                frame = stack.pop()
                begin = frame.start
                place = (file, begin.line + 1, begin.column + 1, last_line, last_column)
                if entries is not None:
                    entries.pop(DROPPED, None)
                    node = MapNode(entries, place, key_places)
                else:
                    node = ListNode(items, place)
                depth -= 1
                if frame.function is not None:
                    node = long_form(frame.function, node, place)
                    depth -= 1
                if frame.anchor is not None:
                    self.remember(frame.anchor, node)
                entries, key_places, items, key = frame.entries, frame.key_places, frame.items, frame.key
            elif kind is alias_event:
                last_line, last_column = end.line + 1, end.column + 1
                node = self.alias(event, depth)
                if entries is not None and key is None:
                    key = self.alias_key(node, self.span(event), entries, key_places)
                    continue
            elif kind is yaml.DocumentStartEvent and root is not None:
                self.diagnostics.add(
                    Code.SYNTAX,
                    "a second YAML document begins here",
                    self.span(event),
                    hint="a template is one document: remove what follows this line, or the line itself",
                )
                return root
            elif kind is yaml.StreamEndEvent:
                return root
            else:
                continue

            if entries is not None:
                entries[key] = node  # type: ignore[index] # a map's value follows its key
                key = None
            elif stack:
                items.append(node)
            else:
                root = node

    def span(self, event: Any) -> Span:  # noqa: ANN401 - libyaml's events have no types
        start, end = event.start_mark, event.end_mark
        return Span(self.file, start.line + 1, start.column + 1, end.line + 1, end.column + 1)

    def stop(self, code: Code, message: str, span: Span, hint: str | None = None) -> None:
        self.diagnostics.add(code, message, span, hint=hint)
        raise _StopError

    def key(self, event: Any, place: Place, entries: dict[str, Node], key_places: dict[str, Place]) -> str:  # noqa: ANN401 - as above
        """Take a scalar as the next key of a map; the result is the name under which to put the value."""
        text: str = event.value
        if event.tag is not None and event.tag not in {"!", f"{STANDARD}str"}:
            self.diagnostics.add(
                Code.UNKNOWN_TAG, f"a key cannot have the tag {shown_tag(event.tag)}", Span._make(place)
            )
        if event.implicit[0]:
            if text == "<<":
                self.diagnostics.add(
                    Code.SYNTAX,
                    "merge keys (<<) are not part of CloudFormation's YAML",
                    Span._make(place),
                    hint="write the keys out, or use an alias for the whole value",
                )
            elif not text:
                self.diagnostics.add(Code.SYNTAX, "a key is empty", Span._make(place))
        elif not text.isascii():
            self.verify_characters(text, place)
        if event.anchor is not None:
            self.remember(event.anchor, Scalar(text, place))
        return self.new_key(text, place, entries, key_places)

    def new_key(self, text: str, place: Place, entries: dict[str, Node], key_places: dict[str, Place]) -> str:
        if text not in entries:
            key_places[text] = place
            return text
        self.diagnostics.add(
            Code.DUPLICATE_KEY,
            f"the key '{text}' is here twice, first in line {key_places[text][1]}",
            Span._make(place),
            hint="rename or remove one of them",
        )
        return DROPPED

    def alias_key(self, node: Node, span: Span, entries: dict[str, Node], key_places: dict[str, Place]) -> str:
        if not isinstance(node, Scalar):
            self.stop(Code.SYNTAX, "a key must be a text, not a list or a map", span)
        return self.new_key(node.text, span, entries, key_places)  # type: ignore[attr-defined] # stop() raises

    def tagged(self, event: Any, place: Place) -> Node:  # noqa: ANN401 - as above
        """The node of a scalar with a tag of its own."""
        tag, text = event.tag, event.value
        if tag in SHORT_TAGS:
            return long_form(SHORT_TAGS[tag], Scalar(text, place, text), place)
        if not is_known_tag(tag):
            self.unknown_tag(event)
        kind = tag.removeprefix(STANDARD)
        if kind == "bool" or (kind == "null" and plain_value(text) is None):
            return Scalar(plain_value(text), place, text)
        try:
            if kind == "int":
                return Scalar(integer(text), place, text)
            if kind == "float":
                return Scalar(floating(text), place, text)
        except ValueError:
            self.diagnostics.add(Code.SYNTAX, f"'{text[:40]}' is no !!{kind}", Span._make(place))
        return Scalar(text, place, text)

    def function(self, event: Any) -> str | None:  # noqa: ANN401 - as above
        """The long name that the tag of a list or map stands for, None for YAML's own tags."""
        if not is_known_tag(event.tag):
            self.unknown_tag(event)
        return SHORT_TAGS.get(event.tag)

    def unknown_tag(self, event: Any) -> None:  # noqa: ANN401 - as above
        tag = shown_tag(event.tag)
        start = event.start_mark
        line, column = start.line + 1, start.column + 1
        if tag.startswith("!!"):
            hint = "CloudFormation has no binary, omap, pairs, set and timestamp tags: write the value as a string"
        else:
            from difflib import get_close_matches  # noqa: PLC0415 - a fault is rare, the import is not free

            near = get_close_matches(tag, SHORT_TAGS, 1) or ["!Ref, !Sub, !GetAtt, ..."]
            hint = f"did you mean {near[0]}?"
        self.diagnostics.add(
            Code.UNKNOWN_TAG, f"unknown tag {tag}", Span(self.file, line, column, line, column + len(tag)), hint=hint
        )

    def verify_characters(self, text: str, place: Place) -> None:
        """Refuse half a surrogate pair, which the pure parser lets an escape write."""
        try:
            text.encode()
        except UnicodeEncodeError:
            self.stop(Code.SYNTAX, "an escape names half a character (a lone surrogate)", Span._make(place))

    def remember(self, anchor: str, node: Node) -> None:
        self.anchors[anchor] = node
        self.anchored.append(node)
        self.measures[id(node)] = self.measure(node)

    def alias(self, event: Any, depth: int) -> Node:  # noqa: ANN401 - as above
        """The node that an alias stands for, if the tree stays within its bounds with it."""
        name, span = event.anchor, self.span(event)
        if name not in self.anchors:
            self.stop(Code.SYNTAX, f"the alias *{name} has no anchor &{name} before it", span)
        node = self.anchors[name]
        if node is None:
            self.stop(Code.ALIAS_BOMB, f"the alias *{name} stands inside of what it names", span)
            raise _StopError
        size, height = self.measures[id(node)]
        self.alias_nodes += size
        if self.alias_nodes > self.limits.max_alias_nodes:
            self.stop(
                Code.ALIAS_BOMB,
                f"aliases add more than {self.limits.max_alias_nodes} nodes to the template",
                span,
                "aliases of aliases grow fast: write the values out, or use Mappings",
            )
        if depth + height > self.limits.max_depth:
            self.stop(Code.TOO_DEEP, f"aliases nest more than {self.limits.max_depth} lists and maps", span)
        return node

    def measure(self, node: Node) -> tuple[int, int]:
        """Nodes and height of an anchored node, what its aliases stand for counted in."""
        size = height = 0
        waiting = [(node, 0)]
        while waiting:
            current, above = waiting.pop()
            known = self.measures.get(id(current))
            if known is not None:
                size += known[0]
                height = max(height, above + known[1])
                continue
            size += 1
            if isinstance(current, MapNode):
                waiting += [(child, above + 1) for child in current.entries.values()]
            elif isinstance(current, ListNode):
                waiting += [(child, above + 1) for child in current.items]
            else:
                continue
            height = max(height, above + 1)
        return size, height
