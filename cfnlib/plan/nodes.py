"""Making nodes for what the lowering adds: each stands at the place in the template that it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.source import ListNode, MapNode, Node, Scalar

if TYPE_CHECKING:
    from cfnlib.source.nodes import Place, ScalarValue

__all__ = ["ListNode", "MapNode", "Node", "Scalar", "call", "listing", "mapping", "referred", "scalar"]


def scalar(value: ScalarValue, place: Place) -> Scalar:
    """A scalar."""
    return Scalar(value, place)


def listing(place: Place, items: list[Node]) -> ListNode:
    """A list."""
    return ListNode(items, place)


def mapping(place: Place, **entries: Node | None) -> MapNode:
    """A map of the entries that are not None."""
    return MapNode({key: node for key, node in entries.items() if node is not None}, place)


def call(function: str, argument: str | list[str], place: Place) -> MapNode:
    """A call of a function: `call("Ref", "Network", place)`, `call("Fn::GetAtt", ["Address", "Id"], place)`."""
    if isinstance(argument, str):
        return MapNode({function: Scalar(argument, place)}, place)
    return MapNode({function: ListNode([Scalar(part, place) for part in argument], place)}, place)


def referred(node: Node | None) -> str | None:
    """The logical id that a plain `Ref` or `Fn::GetAtt` names; None for anything else."""
    if not isinstance(node, MapNode) or len(node) != 1:
        return None
    target = node.get("Ref") or node.get("Fn::GetAtt")
    if isinstance(target, ListNode) and target.items:
        target = target.items[0]
    return str(target.text).split(".", maxsplit=1)[0] if isinstance(target, Scalar) else None
