"""A request's parameters to typed Python, as the model has them.

The names are first hung into a tree by their parts (`Tags.member.1.Key`), then the tree is read by what was made from
the input's shape. Everything is bounded by what was sent: an index is an order and never a length, a name has at most
`MAX_PARTS` parts, and what the model does not know is never descended into.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.wire.faults import Fault, FaultKind, InvalidParametersError, fault, in_list
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
    """The operation's input by the names of the model's members: str, int, float, bool, list, dict, bytes, datetime (UTC).

    `pairs` are the decoded names and values of query and form together. What was not sent is not in the result; a list
    sent as `X=` is an empty list. Names that the model does not have are left out, or faults where `strict`.
    `open_shapes` names shapes of the model whose length, pattern, range and enumeration the caller judges itself
    (EC2's "InstanceType", for a cloud with instance types of its own).

    Raises InvalidParametersError, and UnknownOperationError.
    """
    operation = service.operation(operation_name)
    findings = Findings(open_shapes, strict=strict)
    if operation.input_shape is None:
        return {}
    read = service.readers.get(operation_name)
    if read is None:
        read = service.readers[operation_name] = _operation_reader(service, operation_name)
    result: dict[str, Any] = {}
    try:
        result = read(_tree(pairs, findings), "", findings)
    except EnoughError:
        pass
    if findings.faults:
        raise InvalidParametersError(findings.faults)
    return result


def _tree(pairs: Sequence[tuple[str, str]], findings: Findings) -> Tree:
    """The pairs hung up by the parts of their names: a text, or a node with its own text, if any, under None."""
    root: Tree = {}
    for name, value in pairs:
        if name in ENVELOPE:
            # boto 2 and EC2 have parameters of their own with these names nowhere but here.
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
    rule = "Member must be a parameter of the operation"
    return Fault(FaultKind.UNKNOWN, path, f"Unknown parameter: {path}", None, rule)


def _operation_reader(service: Service, operation_name: str) -> ReadNode:
    shape = service.operation(operation_name).input_shape
    older = service.older.operations.get(operation_name) if service.older is not None else None
    making = _Making(service)
    return making.structure(str(shape), older.input_shape if older else None)


class _Making:
    """Makes the readers of one operation; `older` is always the name of the same place's shape in the older model."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.ec2 = service.protocol == "ec2"
        self.made: dict[tuple[str, str | None], ReadNode] = {}

    def older_shape(self, name: str | None, kind: str) -> Shape | None:
        if name is None or self.service.older is None:
            return None
        shape = self.service.older.shapes[name]
        return shape if shape["type"] == kind else None

    def node(self, name: str, older: str | None) -> ReadNode:
        key = (name, older)
        if key not in self.made:
            self.made[key] = lambda node, path, findings: self.made[key](
                node, path, findings
            )  # for a shape within itself
            kind = self.service.shapes[name]["type"]
            if kind == "structure":
                self.made[key] = self.structure(name, older)
            elif kind == "list":
                self.made[key] = self.list(name, older)
            elif kind == "map":
                self.made[key] = self.map(name)
            else:
                self.made[key] = self.scalar(name)
        return self.made[key]

    def scalar(self, name: str) -> ReadNode:
        read_text = scalar(name, self.service.shapes[name])

        def read(node: Node, path: str, findings: Findings) -> Any:  # noqa: ANN401 - any plain type
            if isinstance(node, str):
                return read_text(node, path, findings)
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
        members = []
        for member, ref in shape["members"].items():
            ref_before = before_members.get(member)
            names = [self.wire_name(member, ref)]
            if ref_before and self.wire_name(member, ref_before) not in names:
                names.append(self.wire_name(member, ref_before))
            reader = self.node(ref["shape"], ref_before["shape"] if ref_before else None)
            members.append((member, tuple(names), reader, member in required))
        known = {wire for _, names, _, _ in members for wire in names}

        def read(node: Node, path: str, findings: Findings) -> dict[str, Any]:
            if isinstance(node, str):
                if node:
                    findings.add(fault(FaultKind.TYPE, path, node, "Member must be a structure"))
                    return {}
                node = {}
            elif None in node:
                _mixed(node, path, findings)
            result: dict[str, Any] = {}
            left = len(node)
            for member, names, reader, is_required in members:
                found = [wire for wire in names if wire in node] if left else []
                if found:
                    left -= 1
                    wire = found[0]
                    where = f"{path}.{wire}" if path else wire
                    result[member] = reader(node[wire], where, findings)
                elif is_required:
                    where = f"{path}.{names[0]}" if path else names[0]
                    findings.add(fault(FaultKind.MISSING, where, None, "Member must not be null"))
            if findings.strict:
                for other in node:
                    if other is not None and other not in known and (path or other not in ENVELOPE):
                        findings.add(_unknown(f"{path}.{other}" if path else other))
            return result

        return read

    def list(self, name: str, older: str | None) -> ReadNode:
        shape = self.service.shapes[name]
        before = self.older_shape(older, "list")
        item = shape["member"]["shape"]
        read_item = self.node(item, before["member"]["shape"] if before else None)
        plain = self.service.shapes[item]["type"] not in {"structure", "list", "map"}
        wrapper = "member" if self.ec2 else shape["member"].get("locationName", "member")

        def read(node: Node, path: str, findings: Findings) -> list[Any]:
            elements = _elements(node, wrapper, path, findings)
            count = len(findings.faults)
            values = [read_item(element, where, findings) for _, where, element in elements]
            said = [str(element) for _, _, element in elements] if plain else []
            if plain:
                findings.faults[count:] = [in_list(found, path, said) for found in findings.faults[count:]]
            if name not in findings.open_shapes:
                for found in length_faults(len(values), shape, f"[{', '.join(said[:MAX_PARTS])}]", path):
                    findings.add(found)
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
            for _, where, entry in _elements(node, "entry", path, findings):
                parts: Tree = {None: entry} if isinstance(entry, str) else entry
                for part in (key_name, value_name):
                    if part not in parts:
                        findings.add(fault(FaultKind.MISSING, f"{where}.{part}", None, "Member must not be null"))
                if key_name in parts and value_name in parts:
                    key = read_key(parts[key_name], f"{where}.{key_name}", findings)
                    if key in result:
                        rule = "Member must not be given more than once"
                        findings.add(fault(FaultKind.TYPE, f"{where}.{key_name}", str(key), rule))
                    result[key] = read_value(parts[value_name], f"{where}.{value_name}", findings)
            if name not in findings.open_shapes:
                for found in length_faults(len(result), shape, "", path):
                    findings.add(found)
            return result

        return read


def _mixed(node: Tree, path: str, findings: Findings) -> None:
    rule = "Member must not be given both as one value and by its parts"
    findings.add(fault(FaultKind.TYPE, path, node[None], rule))


def _elements(node: Node, wrapper: str, path: str, findings: Findings) -> list[tuple[int, str, Node]]:
    """A list's or map's elements in the order of their indices, each with its path; both `X.member.N` and `X.N`."""
    if isinstance(node, str):
        if node:
            findings.add(fault(FaultKind.TYPE, path, node, f"Member must be a list, as {path}.{wrapper}.1"))
        return []
    if None in node:
        _mixed(node, path, findings)
    groups: list[tuple[str, Tree]] = [(path, node)]
    below = node.get(wrapper)
    if isinstance(below, dict):
        groups.append((f"{path}.{wrapper}", below))
    elif below:
        findings.add(
            fault(FaultKind.TYPE, f"{path}.{wrapper}", below, f"Member must be a list, as {path}.{wrapper}.1")
        )
    found: dict[int, tuple[int, str, Node]] = {}
    for prefix, tree in groups:
        for part, element in tree.items():
            if part is None or (tree is node and part == wrapper):
                continue
            where = f"{prefix}.{part}"
            if not (part.isascii() and part.isdecimal() and len(part) <= MAX_INDEX):
                findings.add(fault(FaultKind.TYPE, where, part, "Member must be named by its number in the list"))
            elif int(part) in found:
                findings.add(fault(FaultKind.TYPE, where, part, "Member must not be given more than once"))
            else:
                found[int(part)] = (int(part), where, element)
    return [found[index] for index in sorted(found)]
