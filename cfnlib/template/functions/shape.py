"""The shapes of arguments, told once for the static check and for the working out."""

from __future__ import annotations

from cfnlib.diagnostic import Code
from cfnlib.source import ListNode, MapNode, Node, Scalar
from cfnlib.template.values import Fault


def arguments(node: Node, usage: str, least: int, most: int | None = None) -> list[Node]:
    """The items of an argument list. Raises `Fault` when it is no list, too short or too long; `usage` shows it."""
    if isinstance(node, ListNode) and least <= len(node.items) <= (least if most is None else most):
        return node.items
    if isinstance(node, ListNode):
        count = "1 argument" if len(node.items) == 1 else f"{len(node.items)} arguments"
    else:
        count = "a map" if isinstance(node, MapNode) else "a single value"
    raise Fault(Code.FUNCTION_ARGUMENTS, f"{usage.split(': ', maxsplit=1)[0]} has {count}", node, f"write {usage}")


def literal(node: Node, what: str, usage: str) -> str:
    """The text of an argument that must be written down. Raises `Fault` for a list, a map or a function."""
    if isinstance(node, Scalar) and node.value is not None:
        return node.text
    raise Fault(Code.FUNCTION_ARGUMENTS, f"{what} must be written down as a text", node, f"write {usage}")


def function_name(node: Node) -> str | None:
    """The name of the function that a node is, None when it is none."""
    if isinstance(node, MapNode) and len(node.entries) == 1:
        (key,) = node.entries
        if key == "Ref" or key.startswith("Fn::"):
            return key
    return None


def may_be_list(node: Node) -> bool:
    """Whether a node is a list or a function that can yield one."""
    return isinstance(node, ListNode) or (
        function_name(node) is not None and function_name(node) not in {"Fn::Join", "Fn::Sub", "Fn::Base64"}
    )
