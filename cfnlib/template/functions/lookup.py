"""Functions that look something up: Ref, GetAtt, FindInMap, GetAZs, Cidr, ImportValue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.diagnostic import Code
from cfnlib.source import ListNode, MapNode, Node, Scalar
from cfnlib.template.functions.shape import arguments, function_name, literal
from cfnlib.template.names import nearest
from cfnlib.template.values import Fault, Unknown, as_text, unknown_reasons

if TYPE_CHECKING:
    from cfnlib.template.check import Checker
    from cfnlib.template.scope import Scope

REF = "Ref: name"
GET_ATT = "Fn::GetAtt: [name, attribute], or 'name.attribute'"
FIND_IN_MAP = "Fn::FindInMap: [map, key, key], or with a fourth item {DefaultValue: value}"
GET_AZS = "Fn::GetAZs: region, '' for the stack's own"
CIDR = "Fn::Cidr: [block, count, bits of each part]"
IMPORT_VALUE = "Fn::ImportValue: name of an export"


def check_ref(checker: Checker, node: Node) -> None:
    """Check a name."""
    checker.reference(literal(node, "the name of Ref", REF), None, node)


def ref(node: Node, scope: Scope) -> Any:  # noqa: ANN401 - a parameter is of any type
    """What a name stands for."""
    return scope.ref(literal(node, "the name of Ref", REF), node)


def check_get_att(checker: Checker, node: Node) -> None:
    """Check a name and, unless it is an expression, an attribute."""
    name, attribute = _get_att_arguments(node)
    written = attribute.text if isinstance(attribute, Scalar) else ""
    checker.reference(name, written, node)
    if not isinstance(attribute, Scalar):
        checker.walk(attribute, 1)


def get_att(node: Node, scope: Scope) -> Any:  # noqa: ANN401 - an attribute is of any type
    """An attribute of a resource."""
    name, attribute_node = _get_att_arguments(node)
    attribute = scope.text(attribute_node, "the attribute of Fn::GetAtt")
    return attribute if isinstance(attribute, Unknown) else scope.get_att(name, attribute, node)


def _get_att_arguments(node: Node) -> tuple[str, Node]:
    if isinstance(node, Scalar):
        name, dot, attribute = node.text.partition(".")
        if not (name and dot and attribute):
            raise Fault(Code.FUNCTION_ARGUMENTS, "Fn::GetAtt has no attribute", node, f"write {GET_ATT}")
        return name, Scalar(attribute, node.place)
    if isinstance(node, ListNode) and len(node.items) > 2 and all(isinstance(item, Scalar) for item in node.items):
        names = [item.text for item in node.items if isinstance(item, Scalar)]
        return names[0], Scalar(".".join(names[1:]), node.items[1].place)
    name_node, attribute_node = arguments(node, GET_ATT, 2)
    return literal(name_node, "the resource of Fn::GetAtt", GET_ATT), attribute_node


def check_find_in_map(checker: Checker, node: Node) -> None:
    """Check a map's name and keys as far as they are written down."""
    items = arguments(node, FIND_IN_MAP, 3, 4)
    default = _default(items)
    with checker.no_resources("Fn::FindInMap"):
        for index, item in enumerate(items[:3]):
            checker.walk(item, index)
    if default is not None:
        checker.walk(default, 3, "DefaultValue")
    found: Node | None = checker.mappings
    for level, item in enumerate(items[:3]):
        if not isinstance(item, Scalar):
            if level == 0:
                return
            found = None
        elif found is None and level > 0:
            continue
        elif not isinstance(found, MapNode) or item.text not in found.entries:
            if default is None or level == 0:
                raise _no_key(found, level, items, item.text, item)
            return
        else:
            found = found.entries[item.text]


def find_in_map(node: Node, scope: Scope) -> Any:  # noqa: ANN401 - a mapping's value is a text or a list
    """A value of a mapping, or the default when the map has no such key."""
    items = arguments(node, FIND_IN_MAP, 3, 4)
    default = _default(items)
    found: Node | None = scope.mappings
    for level, item in enumerate(items[:3]):
        key = scope.text(item, "an argument of Fn::FindInMap")
        if isinstance(key, Unknown):
            return key
        if not isinstance(found, MapNode) or key not in found.entries:
            if default is not None:
                return scope.resolve(default)
            shown = key if isinstance(item, Scalar) else scope.shown(key, item).strip("'")
            raise _no_key(found, level, items, shown, item)
        found = found.entries[key]
    return scope.resolve(found) if found is not None else None


def _default(items: list[Node]) -> Node | None:
    if len(items) == 3:
        return None
    last = items[3]
    if not isinstance(last, MapNode) or list(last.entries) != ["DefaultValue"]:
        raise Fault(Code.FUNCTION_ARGUMENTS, "the fourth item of Fn::FindInMap is no default", last, FIND_IN_MAP)
    return last.entries["DefaultValue"]


def _no_key(found: Node | None, level: int, items: list[Node], key: str, item: Node) -> Fault:
    known = list(found.entries) if isinstance(found, MapNode) else []
    if level == 0:
        hint = nearest(key, known, otherwise="declare it in Mappings")
        return Fault(Code.UNKNOWN_MAPPING, f"there is no mapping '{key}'", item, hint)
    names = [part.text if isinstance(part, Scalar) else "..." for part in items[:level]]
    hint = nearest(key, known, otherwise="add it, or give {DefaultValue: ...} as the fourth item")
    return Fault(Code.UNKNOWN_MAPPING, f"the mapping '{'.'.join(names)}' has no key '{key}'", item, hint)


def check_get_azs(checker: Checker, node: Node) -> None:
    """Check one region."""
    if not isinstance(node, Scalar) and function_name(node) is None:
        raise Fault(Code.FUNCTION_ARGUMENTS, "Fn::GetAZs has no region", node, f"write {GET_AZS}")
    with checker.no_resources("Fn::GetAZs"):
        checker.walk(node)


def get_azs(node: Node, scope: Scope) -> list[str] | Unknown:
    """The names of the region's zones."""
    region = scope.text(node, "the region of Fn::GetAZs")
    if isinstance(region, Unknown):
        return region
    own = scope.values.get("AWS::Region")
    if region not in {"", own}:
        shown = scope.shown(region, node)
        raise Fault(Code.FUNCTION_ARGUMENTS, f"the region {shown} is not this one, '{own}'", node, f"write {GET_AZS}")
    return list(scope.zones)


def check_cidr(checker: Checker, node: Node) -> None:
    """Check a block and numbers; all of them when they are written down."""
    items = arguments(node, CIDR, 2, 3)
    checker.walk_items(node)
    if all(isinstance(item, Scalar) for item in items):
        texts = [item.text for item in items if isinstance(item, Scalar)]
        _blocks(texts, texts, node)


def cidr(node: Node, scope: Scope) -> list[str] | Unknown:
    """The first `count` parts of a block, each with `bits` bits for its own addresses (IPv4: 8 is a /24)."""
    values = [scope.resolve(item) for item in arguments(node, CIDR, 2, 3)]
    reasons = unknown_reasons(values)
    if reasons:
        return Unknown(reasons)
    texts = [as_text(value) or "" for value in values]
    shown = [scope.shown(text, item) for text, item in zip(texts, arguments(node, CIDR, 2, 3), strict=True)]
    return _blocks(texts, shown, node)


def _blocks(texts: list[str], shown: list[str], node: Node) -> list[str]:
    from ipaddress import ip_network  # noqa: PLC0415 - only templates with Fn::Cidr need it
    from itertools import islice  # noqa: PLC0415 - as above

    try:
        block = ip_network(texts[0], strict=False)
    except ValueError:
        raise Fault(
            Code.FUNCTION_ARGUMENTS, f"{shown[0]} is no block of addresses", node, "write 10.0.0.0/16"
        ) from None
    default_bits = "8" if block.version == 4 else "64"
    count_text, bits_text = texts[1], texts[2] if len(texts) > 2 else default_bits
    if not (count_text.isdecimal() and len(count_text) < 4 and 1 <= int(count_text) <= 256):
        raise Fault(Code.FUNCTION_ARGUMENTS, f"the count of Fn::Cidr is {shown[1]}, not 1 to 256", node)
    bits = int(bits_text) if bits_text.isdecimal() and len(bits_text) < 4 else 0
    prefix = block.max_prefixlen - bits
    count = int(count_text)
    if not 1 <= bits <= block.max_prefixlen or prefix < block.prefixlen or count > 2 ** (prefix - block.prefixlen):
        raise Fault(
            Code.FUNCTION_ARGUMENTS,
            f"{shown[0]} does not hold {shown[1]} parts of {shown[2] if len(shown) > 2 else default_bits} bits",
            node,
            "ask for fewer or smaller parts, or take a larger block",
        )
    return [str(part) for part in islice(block.subnets(new_prefix=prefix), count)]


def check_import_value(checker: Checker, node: Node) -> None:
    """Check a name without resources in it."""
    if not isinstance(node, Scalar) and function_name(node) is None:
        raise Fault(Code.FUNCTION_ARGUMENTS, "Fn::ImportValue has no name", node, f"write {IMPORT_VALUE}")
    with checker.no_resources("Fn::ImportValue"):
        checker.walk(node)


def import_value(node: Node, scope: Scope) -> Any:  # noqa: ANN401 - an export may be anything
    """The value that another stack exports."""
    name = scope.text(node, "the name of Fn::ImportValue")
    if isinstance(name, Unknown):
        return name
    shown = scope.shown(name, node)
    if scope.exports is None:
        hint = "pass the value as a parameter; exports exist where stacks are kept in one store"
        raise Fault(Code.UNKNOWN_REFERENCE, f"the export {shown} cannot be looked up here", node, hint)
    if name not in scope.exports:
        near = nearest(name, scope.exports, otherwise="create the stack that exports it first")
        raise Fault(Code.UNKNOWN_REFERENCE, f"no stack exports {shown}", node, near)
    return scope.exports[name]
