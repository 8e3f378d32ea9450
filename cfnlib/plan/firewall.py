"""Security groups in a zone that has none.

What a group lets in becomes firewall rules on the elastic addresses of its machines; what it lets out becomes egress
rules of the machines' network (a group that says nothing about egress lets everything out, as on EC2). What cannot be
kept is said in a warning at the group's line: between machines of one network nothing is filtered, and egress holds
for the whole network.

Source: CloudStack 4.19: createFirewallRule and createEgressFirewallRule; the default isolated network offering denies
egress (`egressdefaultpolicy` false in listNetworkOfferings).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.diagnostic import Code, Diagnostics
from cfnlib.plan.evaluate import Declared
from cfnlib.plan.nodes import ListNode, MapNode, Node, Scalar, call, listing, mapping, referred, scalar
from cfnlib.resources import find as find_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cfnlib.schema.model import Facts
    from cfnlib.source.nodes import Place

INSTANCE = "AWS::EC2::Instance"
GROUP = "AWS::EC2::SecurityGroup"
INGRESS = "AWS::EC2::SecurityGroupIngress"
EGRESS = "AWS::EC2::SecurityGroupEgress"
_SOURCES = ("SourceSecurityGroupName", "SourceSecurityGroupId", "SourcePrefixListId")


def lower_security_groups(declared: dict[str, Declared], facts: Facts, diagnostics: Diagnostics) -> None:
    """Add the rules that stand for the groups, and say what is lost."""
    machines = _machines_by_group(declared)
    addresses = list(machines_of_addresses(declared))
    lets_out: dict[str, list[tuple[str, Node]]] = {}
    for group in [one for one in declared.values() if one.type.name == GROUP]:
        ingress = [rule for rule in _rules(group, declared, "SecurityGroupIngress", INGRESS) if not _from_group(rule)]
        mine = machines.get(group.logical_id, set())
        reached = [(name, target) for name, target in addresses if target in mine]
        for name, _ in reached:
            for number, rule in enumerate(ingress):
                _add_firewall_rule(declared, name, f"{name}[{group.logical_id}.{number}]", rule)
        _warn(group, facts, diagnostics, reaches=bool(reached), has_ingress=bool(ingress))
        egress = list(_rules(group, declared, "SecurityGroupEgress", EGRESS))
        for network in sorted({name for name in (_network_of(declared[one]) for one in mine) if name}):
            lets_out.setdefault(network, []).extend((group.logical_id, rule) for rule in egress)
            if not egress:
                lets_out[network].append((group.logical_id, MapNode({}, _place(group))))
    grouped = set().union(*machines.values()) if machines else set()
    for one in list(declared.values()):
        if one.type.name == INSTANCE and one.logical_id not in grouped and "_network" in one.internal:
            lets_out.setdefault(_network_of(one) or "", []).append((one.logical_id, MapNode({}, _place(one))))
    _let_out(declared, lets_out)


def _place(one: Declared) -> Place:
    return one.node.place if one.node is not None else ("", 0, 0, 0, 0)


def _machines_by_group(declared: Mapping[str, Declared]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in declared.values():
        if one.type.name != INSTANCE or one.node is None:
            continue
        for name in ("SecurityGroupIds", "SecurityGroups"):
            groups = one.node.get(name)
            for item in groups if isinstance(groups, ListNode) else ():
                found.setdefault(referred(item) or "", set()).add(one.logical_id)
    return found


def machines_of_addresses(declared: Mapping[str, Declared]) -> Iterator[tuple[str, str]]:
    """The elastic addresses and the machines that they lead to."""
    for one in declared.values():
        if one.node is None or one.type.name not in {"AWS::EC2::EIP", "AWS::EC2::EIPAssociation"}:
            continue
        machine = _machine(one.node.get("InstanceId"))
        address = one.logical_id
        if one.type.name == "AWS::EC2::EIPAssociation":
            address = referred(one.node.get("AllocationId")) or referred(one.node.get("EIP")) or ""
        if machine is not None and address in declared:
            yield address, machine


def _machine(node: Node | None) -> str | None:
    """The logical id of a machine: of a Ref, or of `!Select [0, !GetAtt Group.InstanceIds]`."""
    chosen = node.get("Fn::Select") if isinstance(node, MapNode) and len(node) == 1 else None
    if not isinstance(chosen, ListNode) or len(chosen) != 2:
        return referred(node)
    index, group = chosen[0], referred(chosen[1])
    if group is None or not isinstance(index, Scalar) or not str(index.text).isdecimal():
        return None
    return f"{group}[{int(str(index.text)) + 1}]"


def _rules(group: Declared, declared: Mapping[str, Declared], name: str, kind: str) -> Iterator[MapNode]:
    inline = group.node.get(name) if group.node else None
    for rule in inline if isinstance(inline, ListNode) else ():
        if isinstance(rule, MapNode):
            yield rule
    for one in declared.values():
        if one.type.name == kind and one.node is not None:
            target = referred(one.node.get("GroupId")) or referred(one.node.get("GroupName"))
            if target == group.logical_id:
                yield one.node


def _from_group(rule: MapNode) -> bool:
    return any(name in rule for name in _SOURCES)


def _add_firewall_rule(declared: dict[str, Declared], address: str, logical_id: str, rule: MapNode) -> None:
    resource = find_type("CloudStack::FirewallRule")
    if resource is None:
        raise LookupError("CloudStack::FirewallRule is part of cfnlib")
    node = mapping(
        rule.place,
        ipaddressid=call("Fn::GetAtt", [address, "AllocationId"], rule.place),
        cidrlist=_cidrs(rule, "CidrIp"),
        **_ports(rule),
    )
    declared[logical_id] = Declared(logical_id, resource, node, span=rule.span)


def _let_out(declared: dict[str, Declared], lets_out: Mapping[str, list[tuple[str, Node]]]) -> None:
    resource = find_type("CloudStack::EgressFirewallRule")
    if resource is None:
        raise LookupError("CloudStack::EgressFirewallRule is part of cfnlib")
    for network, rules in lets_out.items():
        everything = [pair for pair in rules if isinstance(pair[1], MapNode) and _is_everything(pair[1])]
        for number, (group, rule) in enumerate(everything[:1] or rules):
            logical_id = f"{network}[{group}.egress.{number}]" if not everything else f"{network}[egress]"
            place = rule.place
            node = mapping(place, networkid=call("Ref", network, place), protocol=scalar("all", place))
            if isinstance(rule, MapNode) and not everything:
                ports = {name: inner for name, inner in _ports(rule).items() if inner is not None}
                node = mapping(
                    place, networkid=call("Ref", network, place), destcidrlist=_cidrs(rule, "CidrIp"), **ports
                )
            declared[logical_id] = Declared(logical_id, resource, node, span=rule.span)


def _is_everything(rule: MapNode) -> bool:
    cidr = rule.get("CidrIp")
    anywhere = cidr is None or (isinstance(cidr, Scalar) and cidr.text == "0.0.0.0/0")
    return anywhere and _protocol(rule) == "all"


def _protocol(rule: MapNode) -> str:
    node = rule.get("IpProtocol")
    text = str(node.text).lower() if isinstance(node, Scalar) else ""
    return {"-1": "all", "": "all", "6": "tcp", "17": "udp", "1": "icmp"}.get(text, text)


def _ports(rule: MapNode) -> dict[str, Node | None]:
    """The rule's protocol and ports under CloudStack's names; a port of -1 means all of them."""
    protocol = _protocol(rule)
    start, end = rule.get("FromPort"), rule.get("ToPort")
    place = rule.place
    if protocol == "icmp":
        return {
            "protocol": scalar("icmp", place),
            "icmptype": start or scalar(-1, place),
            "icmpcode": end or scalar(-1, place),
        }
    if protocol == "all":
        return {"protocol": scalar("all", place)}
    if isinstance(start, Scalar) and start.text == "-1":
        start, end = scalar(1, place), scalar(65535, place)
    return {"protocol": scalar(protocol, place), "startport": start, "endport": end or start}


def _cidrs(rule: MapNode, name: str) -> Node:
    cidr = rule.get(name)
    return listing(rule.place, [cidr if cidr is not None else scalar("0.0.0.0/0", rule.place)])


def _network_of(machine: Declared) -> str | None:
    if "_network" in machine.internal:
        return referred(machine.internal["_network"])
    return referred(machine.node.get("SubnetId")) if machine.node else None


def _warn(group: Declared, facts: Facts, diagnostics: Diagnostics, *, reaches: bool, has_ingress: bool) -> None:
    message = (
        f"zone {facts.zone_name} has no security groups: what the group lets in becomes firewall rules on the "
        "elastic addresses of its machines, what it lets out becomes egress rules of their network; machines of one "
        "network are not shielded from each other"
    )
    hint = None
    if has_ingress and not reaches:
        message += "; none of its machines has an elastic address, so nothing from outside reaches them"
        hint = "add an AWS::EC2::EIP with InstanceId, or choose a zone with security groups"
    diagnostics.add(Code.LOWERED, message, group.span, logical_id=group.logical_id, hint=hint)
