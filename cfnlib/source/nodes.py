"""The tree that a template's text becomes: scalars, lists and maps that remember where they stand.

A large template has tens of thousands of nodes, most of which are never named in a message. So a node keeps its place
as one plain tuple and makes a `Span` of it only when asked, and the classes are bare `__slots__` classes instead of
frozen ones: nothing changes a node once its text is read.

A scalar keeps its text besides its value. `1.10` is the number 1.1, but a property of type String must get "1.10";
who resolves a node picks the one or the other (see `Scalar.exact`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from cfnlib.diagnostic import Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Place: TypeAlias = tuple[str, int, int, int, int]
"""File, line, column, end line, end column: the fields of a `Span`, from 1, the end exclusive."""

ScalarValue: TypeAlias = str | int | float | bool | None


class Node:
    """A part of a template that knows its place."""

    __slots__ = ("place",)

    place: Place

    @property
    def span(self) -> Span:
        """The place of the node in its text."""
        return Span._make(self.place)

    def plain(self) -> object:
        """The node as Python data, functions in their long form."""
        raise NotImplementedError


class Scalar(Node):
    """A string, number, boolean or null. `text` is what the template says, without quotes and escapes."""

    __slots__ = ("text", "value")

    def __init__(self, value: ScalarValue, place: Place, text: str | None = None) -> None:
        self.value = value
        self.place = place
        self.text: str = text if text is not None else scalar_text(value)

    @property
    def exact(self) -> ScalarValue:
        """The value if it prints as the text does, else the text: a number never loses a digit on its way."""
        value = self.value
        if value.__class__ is float and repr(value) != self.text:
            return self.text
        return value

    def plain(self) -> ScalarValue:
        """The value."""
        return self.value

    def __repr__(self) -> str:
        return f"Scalar({self.value!r}, {self.place[1]}:{self.place[2]})"


class ListNode(Node):
    """A list. `items` are its nodes in order."""

    __slots__ = ("items",)

    def __init__(self, items: list[Node], place: Place) -> None:
        self.items = items
        self.place = place

    def __iter__(self) -> Iterator[Node]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Node:
        return self.items[index]

    def plain(self) -> list[object]:
        """The list of the items' plain values."""
        return [item.plain() for item in self.items]

    def __repr__(self) -> str:
        return f"ListNode({len(self.items)} items, {self.place[1]}:{self.place[2]})"


class MapNode(Node):
    """A map from text keys to nodes, in the order of the text. `key_places` holds the place of each key."""

    __slots__ = ("entries", "key_places")

    def __init__(self, entries: dict[str, Node], place: Place, key_places: Mapping[str, Place] | None = None) -> None:
        self.entries = entries
        self.place = place
        self.key_places: Mapping[str, Place] = {} if key_places is None else key_places

    def get(self, key: str) -> Node | None:
        """The node under `key`, None when there is no such key."""
        return self.entries.get(key)

    def key_span(self, key: str) -> Span:
        """The place of the key itself; the map's own place when the key has none."""
        return Span._make(self.key_places.get(key, self.place))

    def items(self) -> Iterator[tuple[str, Node]]:
        """The keys and nodes in order."""
        return iter(self.entries.items())

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __contains__(self, key: object) -> bool:
        return key in self.entries

    def __len__(self) -> int:
        return len(self.entries)

    def plain(self) -> dict[str, object]:
        """The dict of the plain values."""
        return {key: node.plain() for key, node in self.entries.items()}

    def __repr__(self) -> str:
        return f"MapNode({list(self.entries)}, {self.place[1]}:{self.place[2]})"


def scalar_text(value: ScalarValue) -> str:
    """Say a scalar as CloudFormation says it in a string: true and false in lower case, null as nothing."""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if value is None:
        return ""
    return str(value)
