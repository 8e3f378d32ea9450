"""Which names a part of a template refers to, and where a value stands in it.

Both walk the nodes with the branches of Fn::If in mind: once the conditions are known, the branch that is not taken
refers to nothing and holds no value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cfnlib.source import ListNode, MapNode, Scalar
from cfnlib.template.sub import names_in

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    from cfnlib.diagnostic import Span
    from cfnlib.source import Node

Path = tuple[str | int, ...]


class Reference(NamedTuple):
    """A name that is referred to: of a resource, a parameter or a pseudo parameter.

    `attribute` is None for a Ref, and "" for a GetAtt whose attribute is an expression. `path` begins at the node
    that was searched.
    """

    logical_id: str
    attribute: str | None
    span: Span
    path: Path


def references(
    node: Node | None,
    conditions: Mapping[str, bool] | None = None,
    *,
    names: Container[str] | None = None,
    path: Path = (),
) -> list[Reference]:
    """Every Ref, Fn::GetAtt and Fn::Sub below a node, in the order of the text.

    With `conditions` only the branches of Fn::If that are taken count. With `names` only references to those.
    """
    found: list[Reference] = []
    if node is not None:
        _collect(node, path, conditions, names, found)
    return found


def _collect(  # noqa: C901 - the three kinds of node, and the branch of Fn::If
    node: Node,
    path: Path,
    conditions: Mapping[str, bool] | None,
    names: Container[str] | None,
    found: list[Reference],
) -> None:
    if isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            if item.__class__ is not Scalar:
                _collect(item, (*path, index), conditions, names, found)
        return
    if not isinstance(node, MapNode):
        return
    if len(node.entries) == 1:
        ((key, argument),) = node.entries.items()
        read = _READ.get(key)
        if read is not None:
            for logical_id, attribute in read(argument):
                if names is None or logical_id in names:
                    found.append(Reference(logical_id, attribute, node.span, (*path, key)))
        elif key == "Fn::If" and conditions is not None:
            branch = taken(argument, conditions)
            if branch is not None:
                _collect(branch[1], (*path, key, branch[0]), conditions, names, found)
                return
    for key, child in node.entries.items():
        if child.__class__ is not Scalar:
            _collect(child, (*path, key), conditions, names, found)


def taken(argument: Node, conditions: Mapping[str, bool]) -> tuple[int, Node] | None:
    """The index and node of the branch of Fn::If that is taken; None when that can't be told."""
    if isinstance(argument, ListNode) and len(argument.items) == 3 and isinstance(argument.items[0], Scalar):
        holds = conditions.get(argument.items[0].text)
        if holds is not None:
            index = 1 if holds else 2
            return index, argument.items[index]
    return None


def _read_ref(argument: Node) -> list[tuple[str, str | None]]:
    return [(argument.text, None)] if isinstance(argument, Scalar) else []


def _read_get_att(argument: Node) -> list[tuple[str, str | None]]:
    if isinstance(argument, Scalar):
        name, dot, attribute = argument.text.partition(".")
        return [(name, attribute)] if dot else []
    if isinstance(argument, ListNode) and argument.items and isinstance(argument.items[0], Scalar):
        rest = argument.items[1:]
        literal = all(isinstance(item, Scalar) for item in rest)
        attribute = ".".join(item.text for item in rest if isinstance(item, Scalar)) if literal else ""
        return [(argument.items[0].text, attribute)]
    return []


def _read_sub(argument: Node) -> list[tuple[str, str | None]]:
    own: Container[str] = ()
    if isinstance(argument, ListNode) and argument.items:
        if len(argument.items) > 1 and isinstance(argument.items[1], MapNode):
            own = argument.items[1]
        argument = argument.items[0]
    if not isinstance(argument, Scalar):
        return []
    found: list[tuple[str, str | None]] = []
    for name in names_in(argument.text):
        if name.text not in own:
            logical_id, dot, attribute = name.text.partition(".")
            found.append((logical_id, attribute if dot else None))
    return found


_READ: dict[str, Callable[[Node], list[tuple[str, str | None]]]] = {
    "Ref": _read_ref,
    "Fn::GetAtt": _read_get_att,
    "Fn::Sub": _read_sub,
}


def read_names(node: MapNode) -> list[tuple[str, str | None]]:
    """The names, and attributes, that a map refers to by being a Ref, Fn::GetAtt or Fn::Sub itself."""
    if len(node.entries) != 1:
        return []
    ((key, argument),) = node.entries.items()
    read = _READ.get(key)
    return read(argument) if read is not None else []


def locate(node: Node, path: Path, conditions: Mapping[str, bool] | None = None, *, key: bool = False) -> Span:
    """The place of a value, by its path in the resolved data.

    Goes through Fn::If, by the branch that is taken or, when that is not known, the first that has the path; a path
    that ends inside another function or is not there ends at the deepest place that is. With `key` the place of the
    last key is given instead of its value's.
    """
    place, _ = _find(node, path, conditions, key=key)
    return place


def _find(  # noqa: PLR0911 - one return for each kind of step
    node: Node, path: Path, conditions: Mapping[str, bool] | None, *, key: bool
) -> tuple[Span, int]:
    """The deepest place on the path, and how many of its steps are left."""
    if isinstance(node, MapNode) and len(node.entries) == 1 and "Fn::If" in node.entries:
        argument = node.entries["Fn::If"]
        branch = taken(argument, conditions or {})
        if branch is not None:
            return _find(branch[1], path, conditions, key=key)
        if isinstance(argument, ListNode):
            tries = [_find(item, path, conditions, key=key) for item in argument.items[1:]]
            return min(tries, key=lambda one: one[1], default=(node.span, len(path)))
    if not path:
        return node.span, 0
    step, rest = path[0], path[1:]
    if isinstance(node, MapNode) and isinstance(step, str) and step in node.entries:
        if key and not rest:
            return node.key_span(step), 0
        return _find(node.entries[step], rest, conditions, key=key)
    if isinstance(node, ListNode) and isinstance(step, int):
        items = [item for item in node.items if not _is_left_out(item, conditions or {})]
        if 0 <= step < len(items):
            return _find(items[step], rest, conditions, key=key)
    return node.span, len(path)


def _is_left_out(node: Node, conditions: Mapping[str, bool]) -> bool:
    """Whether an item of a list comes to AWS::NoValue."""
    while isinstance(node, MapNode) and len(node.entries) == 1:
        ((name, argument),) = node.entries.items()
        if name == "Ref":
            return isinstance(argument, Scalar) and argument.text == "AWS::NoValue"
        branch = taken(argument, conditions) if name == "Fn::If" else None
        if branch is None:
            return False
        node = branch[1]
    return False


def path_to(root: Node, wanted: Node) -> Path | None:
    """The path of a node below another, by identity; None when it is not there."""
    waiting: list[tuple[Node, Path]] = [(root, ())]
    while waiting:
        node, path = waiting.pop()
        if node is wanted:
            return path
        if isinstance(node, MapNode):
            waiting += [(child, (*path, key)) for key, child in node.entries.items()]
        elif isinstance(node, ListNode):
            waiting += [(child, (*path, index)) for index, child in enumerate(node.items)]
    return None
