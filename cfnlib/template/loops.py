"""Fn::ForEach: a fragment of the template, once for each item of a collection.

Loops are expanded on nodes before anything else looks at them, so that nothing else has to know of them. A copied
node keeps the place of its original. In the fragment, keys and values alike, `${X}` and `Ref: X` stand for the item
of the loop whose identifier is X, `&{X}` for its letters and digits. Source: AWS CloudFormation user guide,
"Fn::ForEach".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cfnlib.diagnostic import Code
from cfnlib.source import ListNode, MapNode, Node, Scalar
from cfnlib.template.functions.shape import arguments, literal
from cfnlib.template.reader import LOGICAL_ID, LOOP
from cfnlib.template.references import path_to
from cfnlib.template.values import Fault, Unknown, as_text, unknown_reasons

if TYPE_CHECKING:
    from cfnlib.diagnostic import Diagnostics
    from cfnlib.source import Place
    from cfnlib.template.scope import Scope

USAGE = "Fn::ForEach::Name: [X, [item, ...], {Key${X}: value}]"
MAX_NODES = 1_000_000
MAX_CHARACTERS = 64_000_000
"""What the loops of one template may make."""
_LOOPING_SECTIONS = ("Conditions", "Resources", "Outputs")
_PLACEHOLDER = re.compile(r"([$&])\{([A-Za-z0-9]+)\}")


class _TooMuch(Fault):
    """Loops make more than they may; nothing is expanded."""


class CollectionUnknownError(Exception):
    """The collection of a loop depends on a parameter that has no value yet."""


def expand(root: MapNode, scope: Scope, diagnostics: Diagnostics) -> MapNode:
    """Expand the loops of a template; the scope has the values of the parameters.

    Raises `CollectionUnknownError` when a parameter that a collection needs is unknown in the scope.
    """
    expander = _Expander(scope, diagnostics)
    entries = dict(root.entries)
    try:
        for name in _LOOPING_SECTIONS:
            if name in entries:
                entries[name] = expander.node(entries[name], {}, (name,))
    except _TooMuch as much:
        diagnostics.add(much.code, much.message, much.node.span, hint=much.hint)
        return root
    for fault in expander.faults:
        diagnostics.add(
            fault.code, fault.message, fault.node.span, path=path_to(root, fault.node) or (), hint=fault.hint
        )
    return MapNode(entries, root.place, root.key_places)


class _Expander:
    def __init__(self, scope: Scope, diagnostics: Diagnostics) -> None:
        self.scope = scope
        self.diagnostics = diagnostics
        self.faults: list[Fault] = []
        self.made = 0
        self.characters = 0

    def node(self, node: Node, items: dict[str, str], path: tuple[str | int, ...]) -> Node:
        """A node with its loops expanded and the items of the loops around it put in; itself when nothing changes."""
        if isinstance(node, Scalar):
            return self.scalar(node, items)
        if items:
            self.made += 1
            if self.made > MAX_NODES:
                raise _TooMuch(Code.LIMIT, f"loops make more than {MAX_NODES} nodes", node, "loop over fewer items")
        if isinstance(node, ListNode):
            children = [self.node(item, items, (*path, index)) for index, item in enumerate(node.items)]
            changed = any(new is not old for new, old in zip(children, node.items, strict=True))
            return ListNode(children, node.place) if changed else node
        return self.map(node, items, path) if isinstance(node, MapNode) else node

    def scalar(self, node: Scalar, items: dict[str, str]) -> Node:
        if not items or "{" not in node.text or not isinstance(node.value, str):
            return node
        text = put_in(node.text, items)
        self.characters += len(text)
        if self.characters > MAX_CHARACTERS:
            message = f"loops make more than {MAX_CHARACTERS} characters"
            raise _TooMuch(Code.LIMIT, message, node, "loop over fewer or shorter items")
        return Scalar(text, node.place, text)

    def map(self, node: MapNode, items: dict[str, str], path: tuple[str | int, ...]) -> Node:
        name = node.entries.get("Ref") if items and len(node.entries) == 1 else None
        if isinstance(name, Scalar) and name.text in items:
            return Scalar(items[name.text], node.place)
        entries: dict[str, Node] = {}
        places: dict[str, Place] = {}
        changed = False
        for key, child in node.entries.items():
            place = node.key_places.get(key, node.place)
            if key.startswith(LOOP):
                changed = True
                try:
                    self.loop(key, child, items, path, entries, places)
                except _TooMuch:
                    raise
                except Fault as fault:
                    self.faults.append(fault)
                continue
            new_key = put_in(key, items)
            new = self.node(child, items, (*path, new_key))
            changed = changed or new is not child or new_key != key
            self.insert(new_key, new, place, entries, places, child)
        text = entries.get("Fn::Sub") if changed and len(entries) == 1 else None
        if isinstance(text, Scalar) and "${" not in text.text:
            return Scalar(text.text, node.place)  # nothing is left to put in: a name for Fn::GetAtt, say
        return MapNode(entries, node.place, places) if changed else node

    def insert(
        self, key: str, new: Node, place: Place, entries: dict[str, Node], places: dict[str, Place], child: Node
    ) -> None:
        if key in entries:
            hint = "each turn of a loop needs a key of its own: put ${Identifier} into it"
            self.faults.append(Fault(Code.DUPLICATE_KEY, f"a loop makes the key '{key}' twice", child, hint))
            return
        entries[key] = new
        places[key] = place

    def loop(
        self,
        key: str,
        node: Node,
        items: dict[str, str],
        path: tuple[str | int, ...],
        entries: dict[str, Node],
        places: dict[str, Place],
    ) -> None:
        """Put what a loop makes into the entries of the map that it stands in."""
        name_node, collection, body = arguments(node, USAGE, 3)
        if not LOGICAL_ID.match(key.removeprefix(LOOP)):
            raise Fault(Code.LOGICAL_ID, f"the loop '{key}' has no name of letters and digits", node, USAGE)
        name = literal(name_node, "the identifier of Fn::ForEach", USAGE)
        if name in items or name in self.scope.values:
            what = "the loop around it" if name in items else "a parameter"
            raise Fault(Code.LOGICAL_ID, f"the identifier '{name}' is also {what}", name_node, "rename it")
        if not isinstance(body, MapNode):
            raise Fault(Code.FUNCTION_ARGUMENTS, "the third item of Fn::ForEach is no map", body, f"write {USAGE}")
        for item in self.collection(collection, items):
            made = self.node(body, {**items, name: item}, path)
            if isinstance(made, MapNode):
                for new_key, new in made.entries.items():
                    self.insert(new_key, new, made.key_places.get(new_key, body.place), entries, places, body)

    def collection(self, node: Node, items: dict[str, str]) -> list[str]:
        """The items that a loop goes over."""
        node = self.node(node, items, ()) if items else node
        values = self.scope.list(node, "the collection of Fn::ForEach")
        if unknown_reasons(values) or isinstance(values, Unknown):
            raise CollectionUnknownError
        if self.scope.shown(0, node) != "0":
            hint = "the items become names that everyone can see"
            raise Fault(Code.FUNCTION_ARGUMENTS, "Fn::ForEach goes over a parameter with NoEcho", node, hint)
        texts = [as_text(value) for value in values]
        if None in texts:
            raise Fault(Code.FUNCTION_ARGUMENTS, "an item of the collection of Fn::ForEach is no text", node)
        return [text for text in texts if text is not None]


def put_in(text: str, items: dict[str, str]) -> str:
    """Put the items of the loops into a text: `${X}` as they are, `&{X}` without what is no letter or digit."""
    if not items or "{" not in text:
        return text

    def item(found: re.Match[str]) -> str:
        value = items.get(found[2])
        if value is None:
            return found[0]
        return value if found[1] == "$" else re.sub(r"[^A-Za-z0-9]", "", value)

    return _PLACEHOLDER.sub(item, text)
