"""Turning what CloudStack has no word for into what it has.

A group becomes its members; a security group in a zone without them becomes firewall rules on the public addresses of
its machines, and egress rules of their network; a machine that names no network gets one. The result is resources
like any others, visible in the plan under names that tell where they come from: `Agents[2]`,
`WebAddress[WebGroup.0]`. Nodes of the template are used again, so that a fault in a value is still told at its line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from cfnlib.diagnostic import Code, Diagnostics
from cfnlib.plan.awaited import awaited_by
from cfnlib.plan.evaluate import Declared
from cfnlib.plan.firewall import lower_security_groups, machines_of_addresses
from cfnlib.plan.groups import expand_groups
from cfnlib.plan.nodes import ListNode, MapNode, Node, call, mapping, scalar
from cfnlib.resources import find as find_type
from cfnlib.schema.check import check_properties, unknown_type

if TYPE_CHECKING:
    from cfnlib.schema.model import Facts
    from cfnlib.template import Instance

INSTANCE = "AWS::EC2::Instance"
_NEEDS_NETWORK = frozenset({INSTANCE, "AWS::EC2::EIP"})
NETWORK = "DefaultNetwork"
WAIT_CONDITIONS = frozenset({"AWS::CloudFormation::WaitCondition", "StackMate::WaitCondition"})
# CloudStack's own choice, a /24, ends at 250 machines, and the range of a network that is there cannot be changed.
GATEWAY = "10.1.0.1"
NETMASK = "255.255.0.0"


def lower(instance: Instance, facts: Facts) -> tuple[dict[str, Declared], Diagnostics]:
    """The declared resources of an instance, lowered for a cloud with these facts, and what was found wrong."""
    diagnostics = Diagnostics()
    declared = _declare(instance, facts, diagnostics)
    if diagnostics.errors:
        return {}, diagnostics
    expand_groups(instance, declared, diagnostics)
    _await_signals(instance, declared, diagnostics)
    if not facts.security_groups:
        _give_network(declared, facts, diagnostics)
        lower_security_groups(declared, facts, diagnostics)
    if not facts.leads_addresses:
        _warn_of_addresses(declared, facts, diagnostics)
    return declared, diagnostics


def _warn_of_addresses(declared: dict[str, Declared], facts: Facts, diagnostics: Diagnostics) -> None:
    """Say that elastic addresses are not to be had in a zone whose machines stand in a shared network."""
    for one in declared.values():
        if one.type.name != "AWS::EC2::EIP":
            continue
        leads = one.node is not None and "InstanceId" in one.node
        message = f"zone {facts.zone_name} has no elastic addresses: its machines have public ones of their own; "
        message += "the machine's own address is given" if leads else "without InstanceId there is none to give"
        diagnostics.add(Code.LOWERED, message, one.span, logical_id=one.logical_id)


def _declare(instance: Instance, facts: Facts, diagnostics: Diagnostics) -> dict[str, Declared]:
    declared = {}
    for logical_id, node in instance.resources.items():
        resource = find_type(node.type)
        if resource is None:
            message = f"there is no resource type {node.type}"
            diagnostics.add(
                Code.UNKNOWN_TYPE, message, node.type_span, logical_id=logical_id, hint=unknown_type(node.type)
            )
            continue
        if facts.ec2 and resource.native is not None and not resource.ec2:
            message = f"{node.type} has no counterpart in an EC2 API, which the EC2 driver speaks"
            hint = "use an AWS::EC2 type, or the native driver: unset CFNLIB_EC2_URL and set CLOUDSTACK_ENDPOINT"
            diagnostics.add(Code.NOT_ON_CLOUD, message, node.type_span, logical_id=logical_id, hint=hint)
            continue
        properties = node.properties_node
        diagnostics.extend(check_properties(resource, logical_id, properties, node.span))
        declared[logical_id] = Declared(
            logical_id,
            resource,
            properties,
            depends_on=tuple(node.depends_on),
            deletion_policy=node.deletion_policy or "Delete",
            replace_policy=node.update_replace_policy or "Delete",
            span=node.type_span,
        )
    return declared


def _await_signals(instance: Instance, declared: dict[str, Declared], diagnostics: Diagnostics) -> None:
    """Note what waits for signals once it is made."""
    for logical_id in instance.resources:
        one = declared.get(logical_id)
        if one is None:
            continue
        awaited = awaited_by(instance, logical_id, one.type.name, one.quorum, diagnostics)
        if awaited is not None:
            declared[logical_id] = evolve(one, awaited=awaited)
        elif one.type.name in WAIT_CONDITIONS and not (one.node and "Handle" in one.node):
            message = "a wait condition needs a Handle, or a CreationPolicy with a ResourceSignal"
            diagnostics.add(Code.MISSING_PROPERTY, message, one.span, logical_id=logical_id)


def _give_network(declared: dict[str, Declared], facts: Facts, diagnostics: Diagnostics) -> None:
    """Give the machines and addresses that name no network one network of the stack's own.

    An address that leads to a machine belongs to the network that the machine names, if it names one.
    """
    for address, machine in list(machines_of_addresses(declared)):
        network = _named_network(declared.get(machine))
        if network is not None:
            one = declared[address]
            declared[address] = evolve(one, internal={**one.internal, "_network": network})
    homeless = [
        one
        for one in declared.values()
        if one.type.name in _NEEDS_NETWORK
        and "_network" not in one.internal
        and not (one.node and ("SubnetId" in one.node or "NetworkInterfaces" in one.node))
    ]
    if not homeless:
        return
    place = homeless[0].node.place if homeless[0].node else ("", 0, 0, 0, 0)
    name = _free_name(declared, NETWORK)
    network_type = find_type("CloudStack::Network")
    if network_type is None:
        raise LookupError("CloudStack::Network is part of cfnlib")
    offering = facts.network_offering_id
    if offering is None:
        diagnostics.add(
            Code.NOT_ON_CLOUD,
            f"zone {facts.zone_name} has no offering for an isolated network with source NAT",
            homeless[0].span,
            logical_id=homeless[0].logical_id,
            hint="name a network in SubnetId",
        )
        return
    node = mapping(
        place,
        networkofferingid=scalar(offering, place),
        displaytext=scalar(f"{name} of the stack", place),
        gateway=scalar(GATEWAY, place),
        netmask=scalar(NETMASK, place),
    )
    declared[name] = Declared(name, network_type, node, span=homeless[0].span)
    network_of_all = call("Ref", name, place)
    for one in homeless:
        declared[one.logical_id] = evolve(one, internal={**one.internal, "_network": network_of_all})


def _named_network(machine: Declared | None) -> Node | None:
    """The node that names the network of a machine, None when it names none."""
    if machine is None or machine.node is None:
        return None
    cards = machine.node.get("NetworkInterfaces")
    first = cards[0] if isinstance(cards, ListNode) and len(cards) else None
    return machine.node.get("SubnetId") or (first.get("SubnetId") if isinstance(first, MapNode) else None)


def _free_name(declared: dict[str, Declared], name: str) -> str:
    number = 1
    found = name
    while found in declared:
        number += 1
        found = f"{name}{number}"
    return found
