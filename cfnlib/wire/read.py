"""A request's parameters to typed Python, as the model has them.

The names are first hung into a tree by their parts (`Tags.member.1.Key`), then the tree is read by what was made from
the input's shape. Everything is bounded by what was sent: an index is an order and never a length, a name has at most
`MAX_PARTS` parts, and what the model does not know is never descended into.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from cfnlib.wire.faults import MAX_FAULTS, Fault, FaultKind, InvalidParametersError, fault, in_list, shortened
from cfnlib.wire.scalars import EnoughError, Findings, length_faults, scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from cfnlib.wire.model import Service, Shape

    Tree = dict[str | None, Any]
    Node = str | Tree
    ReadNode = Callable[[Node, str, Findings], Any]

MAX_PARTS = 32
"""Parts of a name; the deepest name that EC2's model can make has 14."""

MAX_INDEX = 9
"""Digits of an index in a list."""

ENVELOPE = frozenset(
    {
        "Action",
        "Version",
        "ContentType",
        "AWSAccessKeyId",
        "Signature",
        "SignatureMethod",
        "SignatureVersion",
        "SecurityToken",
        "Timestamp",
        "Expires",
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-Security-Token",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
        "X-Amz-Content-Sha256",
    }
)
"""What is about the request and not of the operation."""


def parse(
    service: Service,
    operation_name: str,
    pairs: Sequence[tuple[str, str]],
    *,
    strict: bool = False,
    open_shapes: Collection[str] = (),
) -> dict[str, Any]:
    """The operation's input, by the names of the model's members.

    The values are str, int, float, bool, list, dict, bytes and datetime (UTC). `pairs` are the decoded names and
    values of query and form together. What was not sent is not in the result; a list sent as `X=` is an empty list, a
    structure sent so has no members. Names that the model does not have are left out, or are faults where `strict`.
    `open_shapes` names shapes of the model whose length, pattern, range and enumeration the caller judges itself
    (EC2's "InstanceType", for a cloud with instance types of its own).

    Raises InvalidParametersError, and UnknownOperationError.
    """
    operation = service.operation(operation_name)
    findings = Findings(open_shapes, strict=strict)
    if operation.input_shape is None:
        return {}
    older = service.older.operations.get(operation_name) if service.older is not None else None
    key = (operation.input_shape, older.input_shape if older else None)
    read = service.readers.get(key) or _Making(service).node(*key)
    result: dict[str, Any] = {}
    with suppress(EnoughError):
        result = read(_tree(pairs, findings), "", findings)
    if findings.faults:
        raise InvalidParametersError(findings.faults)
    return result


def _tree(pairs: Sequence[tuple[str, str]], findings: Findings) -> Tree:
    """The pairs hung up by the parts of their names: a text, or a node with its own text, if any, under None."""
    root: Tree = {}
    for name, value in pairs:
        if name in ENVELOPE:
            root.setdefault(name, value)
            continue
        parts = name.split(".", MAX_PARTS)
        if len(parts) > MAX_PARTS:
            if findings.strict:
                findings.add(_unknown(name))
            continue
        node = root
        for part in parts[:-1]:
            below = node.get(part)
            if below is None:
                below = node[part] = {}
            elif isinstance(below, str):
                below = node[part] = {None: below}
            node = below
        last = parts[-1]
        there = node.get(last)
        if there is None:
            node[last] = value
        elif isinstance(there, str) or None in there:
            findings.add(fault(FaultKind.TYPE, name, value, "Member must not be given more than once"))
        else:
            there[None] = value
    return root


def _unknown(path: str) -> Fault:
    rule, path = "Member must be a parameter of the operation", shortened(path)
    return Fault(FaultKind.UNKNOWN, path, f"Unknown parameter: {path}", None, rule)


class _Making:
    """Makes what reads a shape, and keeps it in `Service.readers`; two threads may make the same, either is as good.

    `older` is always the name of the same place's shape in the older model, None where that has no such place.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.ec2 = service.protocol == "ec2"
        self.made: dict[tuple[str, str | None], ReadNode] = dict(service.readers)

    def older_shape(self, name: str | None, kind: str) -> Shape | None:
        if name is None or self.service.older is None:
            return None
        shape = self.service.older.shapes[name]
        return shape if shape["type"] == kind else None

    def node(self, name: str, older: str | None) -> ReadNode:
        key = (name, older)
        if key not in self.made:

            def itself(node: Node, path: str, findings: Findings) -> Any:  # noqa: ANN401 - any value of the shape
                return self.made[key](node, path, findings)

            self.made[key] = itself  # for a shape within itself
            kind = self.service.shapes[name]["type"]
            if kind == "structure":
                self.made[key] = self.structure(name, older)
            elif kind == "list":
                self.made[key] = self.list(name, older)
            elif kind == "map":
                self.made[key] = self.map(name)
            else:
                self.made[key] = self.scalar(name)
            self.service.readers[key] = self.made[key]
        return self.made[key]

    def scalar(self, name: str) -> ReadNode:
        """Reads one value; for EC2 also one that was sent as a list of one, as boto 2 asks for GetConsoleOutput."""
        read_text, ec2 = scalar(name, self.service.shapes[name]), self.ec2

        def read(node: Node, path: str, findings: Findings) -> Any:  # noqa: ANN401 - any plain type
            if isinstance(node, str):
                return read_text(node, path, findings)
            if ec2 and len(node) == 1 and isinstance(node.get("1"), str):
                return read_text(node["1"], path, findings)
            findings.add(fault(FaultKind.TYPE, path, node.get(None, ""), "Member must be a single value"))
            return None

        return read

    def wire_name(self, member: str, ref: Mapping[str, Any]) -> str:
        if not self.ec2:
            return str(ref.get("locationName", member))
        name = ref.get("queryName")
        if name is None:
            location = str(ref.get("locationName", member))
            name = location[:1].upper() + location[1:]
        return str(name)

    def structure(self, name: str, older: str | None) -> ReadNode:
        shape = self.service.shapes[name]
        before = self.older_shape(older, "structure")
        before_members: dict[str, Any] = before["members"] if before else {}
        required = set(shape.get("required", ()))
        if before:
            required &= set(before.get("required", ()))
        wires = {self.wire_name(member, ref) for member, ref in shape["members"].items()}
        members = []
        for member, ref in shape["members"].items():
            ref_before = before_members.get(member)
            names = [self.wire_name(member, ref)]
            if ref_before and self.wire_name(member, ref_before) not in wires:
                names.append(self.wire_name(member, ref_before))
            reader = self.node(ref["shape"], ref_before["shape"] if ref_before else None)
            members.append(_Member(member, tuple(names), reader, member in required))
        known = frozenset(wire for member in members for wire in member.wire_names)

        def read(node: Node, path: str, findings: Findings) -> dict[str, Any]:
            tree = _parts(node, path, findings)
            if findings.strict:
                _report_unknown(tree, known, path, findings)
            return _read_members(tree, members, path, findings)

        return read

    def list(self, name: str, older: str | None) -> ReadNode:
        shape = self.service.shapes[name]
        before = self.older_shape(older, "list")
        item = shape["member"]["shape"]
        read_item = self.node(item, before["member"]["shape"] if before else None)
        plain = self.service.shapes[item]["type"] not in {"structure", "list", "map"}
        ec2 = self.ec2
        bounded = not {"min", "max"}.isdisjoint(shape)
        wrapper = "member" if self.ec2 else shape["member"].get("locationName", "member")

        def read(node: Node, path: str, findings: Findings) -> list[Any]:
            if ec2 and plain and isinstance(node, str) and node:
                # As boto 2 asks DescribeSpotPriceHistory for one instance type.
                elements: list[tuple[str, Node]] = [(path, node)]
            else:
                elements = _elements(node, wrapper, path, findings)
            if bounded and name not in findings.open_shapes:
                said = [element for _, element in elements[:MAX_FAULTS] if isinstance(element, str)]
                found = length_faults(len(elements), shape, f"[{', '.join(said)}]", path)
                if found:  # there may be too many elements to say this after what is wrong with each
                    findings.extend(found)
                    return []
            count = len(findings.faults)
            values = [read_item(element, where, findings) for where, element in elements]
            if plain and len(findings.faults) > count:
                said = [element for _, element in elements if isinstance(element, str)]
                findings.faults[count:] = [in_list(found, path, said) for found in findings.faults[count:]]
            return values

        return read

    def map(self, name: str) -> ReadNode:
        shape = self.service.shapes[name]
        key_name = shape["key"].get("locationName", "key")
        value_name = shape["value"].get("locationName", "value")
        read_key = self.node(shape["key"]["shape"], None)
        read_value = self.node(shape["value"]["shape"], None)

        def read(node: Node, path: str, findings: Findings) -> dict[str, Any]:
            result: dict[str, Any] = {}
            for where, entry in _elements(node, "entry", path, findings):
                parts: Tree = {None: entry} if isinstance(entry, str) else entry
                halves = []
                for part, read_half in ((key_name, read_key), (value_name, read_value)):
                    if part in parts:
                        halves.append(read_half(parts[part], f"{where}.{part}", findings))
                    else:
                        findings.add(fault(FaultKind.MISSING, f"{where}.{part}", None, "Member must not be null"))
                if len(halves) == 2 and isinstance(halves[0], str):
                    key, value = halves
                    if key in result:
                        rule = "Member must not be given more than once"
                        findings.add(fault(FaultKind.TYPE, f"{where}.{key_name}", key, rule))
                    result[key] = value
            if name not in findings.open_shapes:
                findings.extend(length_faults(len(result), shape, "", path))
            return result

        return read


class _Member(NamedTuple):
    """A member of a structure: its name in the model and those on the wire, the first of them the newest."""

    name: str
    wire_names: tuple[str, ...]
    read: ReadNode
    required: bool


def _parts(node: Node, path: str, findings: Findings) -> Tree:
    """What a structure was sent as; `X=` is one without members."""
    if isinstance(node, str):
        if node:
            findings.add(fault(FaultKind.TYPE, path, node, "Member must be a structure"))
        return {}
    if None in node:
        _mixed(node, path, findings)
    return node


def _read_members(tree: Tree, members: Sequence[_Member], path: str, findings: Findings) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for member in members:
        for wire in member.wire_names:
            if wire in tree:
                where = f"{path}.{wire}" if path else wire
                result[member.name] = member.read(tree[wire], where, findings)
                break
        else:
            if member.required:
                where = f"{path}.{member.wire_names[0]}" if path else member.wire_names[0]
                findings.add(fault(FaultKind.MISSING, where, None, "Member must not be null"))
    return result


def _report_unknown(tree: Tree, known: frozenset[str], path: str, findings: Findings) -> None:
    for name in tree:
        if name is not None and name not in known and (path or name not in ENVELOPE):
            findings.add(_unknown(f"{path}.{name}" if path else name))


def _mixed(node: Tree, path: str, findings: Findings) -> None:
    rule = "Member must not be given both as one value and by its parts"
    findings.add(fault(FaultKind.TYPE, path, node[None], rule))


def _elements(node: Node, wrapper: str, path: str, findings: Findings) -> list[tuple[str, Node]]:
    """A list's or map's elements in the order of their indices, each with its path; both `X.member.N` and `X.N`."""
    if isinstance(node, str):
        if node:
            findings.add(fault(FaultKind.TYPE, path, node, "Member must be a list, its elements numbered"))
        return []
    if None in node:
        _mixed(node, path, findings)
    groups: list[tuple[str, Tree]] = [(path, node)]
    below = node.get(wrapper)
    if isinstance(below, dict):
        groups.append((f"{path}.{wrapper}", below))
    elif below:
        findings.add(
            fault(FaultKind.TYPE, f"{path}.{wrapper}", below, "Member must be a list, its elements numbered")
        )
    found: dict[int, tuple[str, Node]] = {}
    for prefix, tree in groups:
        for part, element in tree.items():
            if part is not None and not (tree is node and part == wrapper):
                _place_element(found, part, f"{prefix}.{part}", element, findings)
    return [found[index] for index in sorted(found)]


def _place_element(
    found: dict[int, tuple[str, Node]], part: str, where: str, element: Node, findings: Findings
) -> None:
    if not (part.isascii() and part.isdecimal() and len(part) <= MAX_INDEX):
        findings.add(fault(FaultKind.TYPE, where, part, "Member must be named by its number in the list"))
    elif int(part) in found:
        findings.add(fault(FaultKind.TYPE, where, part, "Member must not be given more than once"))
    else:
        found[int(part)] = (where, element)
