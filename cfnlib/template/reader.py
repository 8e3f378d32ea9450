"""Reading nodes that must have a shape: every wrong one is a diagnostic, and reading goes on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cfnlib.diagnostic import Code, Diagnostics
from cfnlib.source import ListNode, MapNode, Node, Scalar
from cfnlib.template.names import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cfnlib.diagnostic import Span

LOGICAL_ID = re.compile(r"[A-Za-z0-9]{1,255}\Z")
LOOP = "Fn::ForEach::"
Path = tuple[str | int, ...]


class Reader:
    """Collects diagnostics while a template's sections are read."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        self.diagnostics = diagnostics

    def add(
        self,
        code: Code,
        message: str,
        span: Span,
        path: Path,
        hint: str | None = None,
        *,
        logical_id: str | None = None,
    ) -> None:
        """Collect one diagnostic; the logical id is taken from a path below Resources or Outputs."""
        if logical_id is None and len(path) > 1 and path[0] in {"Resources", "Outputs"}:
            logical_id = str(path[1])
        self.diagnostics.add(code, message, span, logical_id=logical_id, path=path, hint=hint)

    def map(self, node: Node, what: str, path: Path) -> MapNode | None:
        """The node as a map."""
        if isinstance(node, MapNode):
            return node
        self.add(
            Code.STRUCTURE, f"{what} is {kind_of(node)}, not a map", node.span, path, _NULL_HINT.get(kind_of(node))
        )
        return None

    def named_maps(self, section: Node, name: str, what: str) -> Iterator[tuple[str, MapNode]]:
        """The entries of a section by logical id, those with a wrong name or shape left out."""
        for logical_id, node in self.named(section, name, what):
            entry = self.map(node, f"the {what} '{logical_id}'", (name, logical_id))
            if entry is not None:
                yield logical_id, entry

    def named(self, section: Node, name: str, what: str) -> Iterator[tuple[str, Node]]:
        """The entries of a section by logical id, loops and those with a wrong name left out."""
        entries = self.map(section, f"the section {name}", (name,))
        if entries is None:
            return
        for logical_id, node in entries.items():
            if logical_id.startswith(LOOP):
                continue
            if LOGICAL_ID.match(logical_id):
                yield logical_id, node
                continue
            self.add(
                Code.LOGICAL_ID,
                f"the {what}'s name '{logical_id}' is not made of letters and digits alone",
                entries.key_span(logical_id),
                (name, logical_id),
                f"write {suggestion}" if (suggestion := re.sub(r"[^A-Za-z0-9]", "", logical_id)) else None,
            )

    def known_keys(
        self, node: MapNode, known: Iterable[str], path: Path, what: str, code: Code = Code.STRUCTURE
    ) -> None:
        """Complain of every key that is not known, with the nearest that is."""
        names = tuple(known)
        for key in node:
            if key not in names:
                hint = nearest(key, names, otherwise=f"the keys are {', '.join(names)}")
                self.add(code, f"unknown key '{key}' in the {what}", node.key_span(key), (*path, key), hint)

    def text(self, node: MapNode, key: str, path: Path) -> str | None:
        """The text under a key; None when there is none."""
        child = node.get(key)
        if child is None:
            return None
        if isinstance(child, Scalar) and child.value is not None:
            return child.text
        self.add(Code.STRUCTURE, f"{key} is {kind_of(child)}, not a text", child.span, (*path, key))
        return None

    def texts(self, node: MapNode, key: str, path: Path) -> tuple[str, ...]:
        """The text or list of texts under a key."""
        child = node.get(key)
        if child is None:
            return ()
        if isinstance(child, Scalar) and child.value is not None:
            return (child.text,)
        if isinstance(child, ListNode):
            found = []
            for index, item in enumerate(child.items):
                if isinstance(item, Scalar) and item.value is not None:
                    found.append(item.text)
                else:
                    place = (*path, key, index)
                    self.add(Code.STRUCTURE, f"{key} has {kind_of(item)} in it, not a text", item.span, place)
            return tuple(found)
        self.add(Code.STRUCTURE, f"{key} is {kind_of(child)}, not a text or a list", child.span, (*path, key))
        return ()

    def part(self, node: MapNode, key: str, path: Path) -> MapNode | None:
        """The map under a key; None when there is none."""
        child = node.get(key)
        return None if child is None else self.map(child, key, (*path, key))


def kind_of(node: Node) -> str:
    """The words for a node's kind."""
    if isinstance(node, MapNode):
        return "a map"
    if isinstance(node, ListNode):
        return "a list"
    return "empty" if isinstance(node, Scalar) and node.value is None else "a single value"


_NULL_HINT = {"empty": "remove the key, or indent what belongs to it", "a list": "write 'Name:' without the dash"}
