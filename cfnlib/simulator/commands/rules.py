"""Rules on public addresses and networks: firewall, egress firewall, port forwarding."""

from __future__ import annotations

from functools import partial
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from cfnlib.simulator.commands.addresses import allocated_address, card_in
from cfnlib.simulator.commands.networks import offers
from cfnlib.simulator.errors import ApiError, bad_value, conflict
from cfnlib.simulator.jobs import Work
from cfnlib.simulator.ownership import has_tags, tagged, tags_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity, World

PROTOCOLS = ("tcp", "udp", "icmp", "all")
EVERYWHERE = "0.0.0.0/0"


def shown(world: World, rule: Entity) -> dict[str, Any]:
    """A firewall or egress rule."""
    view: dict[str, Any] = {"id": rule.uuid, "protocol": rule["protocol"]}
    for name in ("startport", "endport"):
        if rule.get(name) is not None:
            view[name] = rule[name]
    if rule.get("ip"):
        view["ipaddressid"] = rule["ip"]
    view["networkid"] = rule["network"]
    if rule.get("ip"):
        view["ipaddress"] = world.need("publicip", rule["ip"])["address"]
    view |= {"state": rule["state"], "cidrlist": rule["cidrs"]}
    for name in ("icmptype", "icmpcode"):
        if rule.get(name) is not None:
            view[name] = rule[name]
    view |= {"tags": tags_of(world, rule.uuid), "fordisplay": True}
    return view | ({"destcidrlist": rule["to_cidrs"]} if rule.kind == "egressrule" else {})


def ports(call: Call, first: str, last: str) -> tuple[int | None, int | None]:
    """A range of ports; the last is the first unless it is given."""
    start, end = call.whole(first), call.whole(last)
    end = start if end is None else end
    for port in (start, end):
        if port is not None and not 1 <= port <= 65535:
            raise bad_value(f"Invalid port number specified: {port}")
    if start is not None and end is not None and start > end:
        raise bad_value(f"Start port can't be bigger than end port: {start}-{end}")
    return start, end


def protocol_of(call: Call) -> str:
    """The protocol, in lower case, one of those a rule may have."""
    protocol = (call.text("protocol") or "").lower()
    if protocol not in PROTOCOLS and not (protocol.isdigit() and int(protocol) <= 255):
        raise bad_value(f"Protocol {call.text('protocol')} is not supported")
    return protocol


def cidrs_of(call: Call, name: str) -> list[str]:
    """A list of CIDRs, each one checked."""
    cidrs = call.items(name)
    for cidr in cidrs:
        try:
            ip_network(cidr, strict=False)
        except ValueError:
            raise ApiError(431, 4350, f"Source cidrs formatting error {cidr}") from None
    return cidrs


def check_conflict(rules: Iterable[Entity], protocol: str, start: int | None, end: int | None) -> None:
    """Raise ApiError 537 if a range of ports overlaps that of a rule of the same protocol.

    Source: CloudStack 4.19, FirewallManagerImpl.detectRulesConflict, as what is below.
    """
    for rule in rules:
        if rule["protocol"] != protocol:
            continue
        low, high = rule.get("startport"), rule.get("endport")
        if start is None and end is None and low is None and high is None:
            raise conflict(f"There is already a firewall rule specified with protocol = {protocol} and no ports")
        if start is None or end is None or low is None or high is None:
            continue
        if start <= high and low <= end:
            raise conflict(
                f"The range specified, {start}-{end}, conflicts with rule {rule.number} which has {low}-{high}"
            )


def _check_firewall_conflict(
    rules: Iterable[Entity],
    protocol: str,
    start: int | None,
    end: int | None,
    icmp: dict[str, int],
    cidrs: tuple[list[str], list[str]],
) -> None:
    """The same for rules of firewalls, which conflict only where they have a CIDR in common, by its very text.

    `cidrs` are those at the source and at the destination; none are the same as none. For ICMP, type and code count.
    """
    both = [
        rule
        for rule in rules
        if rule["protocol"] == protocol
        and _in_common(cidrs[0], rule["cidrs"])
        and _in_common(cidrs[1], rule.get("to_cidrs") or "")
    ]
    if protocol != "icmp":
        check_conflict(both, protocol, start, end)
        return
    for rule in both:
        if {name: rule.get(name) for name in icmp} == icmp:
            raise bad_value(f"New rule conflicts with existing rule: {rule.uuid}")


def _in_common(some: list[str], others: str) -> bool:
    there = {one for one in others.split(",") if one}
    return bool(there & set(some)) or not (there or some)


def _check_icmp(call: Call, protocol: str, start: int | None) -> dict[str, int]:
    if protocol != "icmp":
        if call.whole("icmptype") is not None or call.whole("icmpcode") is not None:
            raise bad_value("Can specify icmpCode and icmpType for ICMP protocol only")
        return {}
    if start is not None:
        raise bad_value("Can specify icmpCode and icmpType for ICMP protocol only, and no ports")
    kind, code = call.whole("icmptype"), call.whole("icmpcode")
    return {"icmptype": -1 if kind is None else kind, "icmpcode": -1 if code is None else code}


def create_firewall(call: Call) -> Entity:
    """Let something in through a public address."""
    world, address = call.world, allocated_address(call, "ipaddressid")
    if not address.get("network"):
        if address.get("vpc"):
            raise bad_value("Unable to create firewall rule for the ip id: it belongs to a VPC, use network ACLs")
        raise bad_value("Unable to create firewall rule for the ip id: ip is not associated with any network")
    protocol = protocol_of(call)
    start, end = ports(call, "startport", "endport")
    icmp = _check_icmp(call, protocol, start)
    cidrs = cidrs_of(call, "cidrlist") or [EVERYWHERE]
    _check_firewall_conflict(world.by("firewallrule", "ip", address.uuid), protocol, start, end, icmp, (cidrs, []))
    return world.add(
        "firewallrule",
        ip=address.uuid,
        network=address["network"],
        account=address["account"],
        protocol=protocol,
        startport=start,
        endport=end,
        cidrs=",".join(cidrs),
        state="Add",
        **icmp,
    )


def create_egress(call: Call) -> Entity:
    """Let something out of a network."""
    world = call.world
    network = call.need("networkid", "network", "Unable to find network by id")
    if network["type"] != "Isolated" or network.get("vpc") or not offers(world, network, "Firewall"):
        raise bad_value(f"Egress firewall rules are not supported for network {network.uuid}")
    protocol = protocol_of(call)
    start, end = ports(call, "startport", "endport")
    icmp = _check_icmp(call, protocol, start)
    cidrs, to_cidrs = cidrs_of(call, "cidrlist"), cidrs_of(call, "destcidrlist")
    inside = ip_network(network["cidr"])
    for cidr in cidrs:
        if cidr != EVERYWHERE and not ip_network(cidr, strict=False).subnet_of(inside):  # type: ignore[arg-type]
            raise bad_value(f"{cidr} is not within the guest cidr {inside}")
    there = [one for one in world.each("egressrule") if one["network"] == network.uuid]
    _check_firewall_conflict(there, protocol, start, end, icmp, (cidrs or [network["cidr"]], to_cidrs))
    return world.add(
        "egressrule",
        network=network.uuid,
        account=network["account"],
        protocol=protocol,
        startport=start,
        endport=end,
        cidrs=",".join(cidrs or [network["cidr"]]),
        to_cidrs=",".join(to_cidrs),
        state="Add",
        **icmp,
    )


def create_forwarding(call: Call) -> Entity:
    """Lead ports of a public address to a machine."""
    world, address = call.world, allocated_address(call, "ipaddressid")
    machine = call.need("virtualmachineid", "virtualmachine", "Unable to create port forwarding rule: no such vm")
    if address.get("static_nat"):
        raise conflict("Can't create port forwarding rule: the ip address has static NAT enabled")
    start, end = ports(call, "publicport", "publicendport")
    private_start, private_end = ports(call, "privateport", "privateendport")
    if start is None or end is None or private_start is None or private_end is None:
        raise bad_value("publicport and privateport are required")
    if end - start != private_end - private_start:
        raise bad_value("Source port and destination port ranges should be of equal sizes.")
    network = call.text("networkid") or address.get("network")
    card = card_in(world, machine, network)
    if card is None:
        raise bad_value("Unable to create port forwarding rule: vm's nic is not in the network of the ip address")
    if address.get("vpc") and not address.get("network"):
        world.change(address, network=card["network"])
    protocol = protocol_of(call)
    taken = [*world.by("portforwardingrule", "ip", address.uuid), *world.by("loadbalancerrule", "ip", address.uuid)]
    check_conflict(taken, protocol, start, end)
    opens = call.flag("openfirewall", default=True) and not address.get("vpc")
    opened = open_firewall(call, address, protocol, start, end) if opens else None
    return world.add(
        "portforwardingrule",
        opened=opened,
        ip=address.uuid,
        network=card["network"],
        account=address["account"],
        protocol=protocol,
        startport=start,
        endport=end,
        private_start=private_start,
        private_end=private_end,
        vm=machine.uuid,
        guest_address=call.text("vmguestip") or card["address"],
        cidrs=",".join(cidrs_of(call, "cidrlist")),
        state="Add",
    )


def open_firewall(call: Call, address: Entity, protocol: str, start: int, end: int) -> str:
    """Make the firewall rule that comes and goes with a rule made with `openfirewall`; gives its uuid."""
    cidrs = cidrs_of(call, "cidrlist") or [EVERYWHERE]
    there = call.world.by("firewallrule", "ip", address.uuid)
    _check_firewall_conflict(there, protocol, start, end, {}, (cidrs, []))
    opened = call.world.add(
        "firewallrule",
        ip=address.uuid,
        network=address["network"],
        account=address["account"],
        protocol=protocol,
        startport=start,
        endport=end,
        cidrs=",".join(cidrs),
        state="Active",
    )
    return opened.uuid


def remove_rule(world: World, rule: Entity) -> None:
    """Take a rule away, with its tags and the firewall rule that was opened for it.

    Source: CloudStack 4.19, deletePortForwardingRule and deleteLoadBalancerRule revoke the related rule first.
    """
    opened = world.get("firewallrule", rule.get("opened"))
    for one in (rule, *([opened] if opened is not None else [])):
        for tag in world.by("tag", "resource", one.uuid):
            world.remove(tag)
        world.remove(one)


def shown_forwarding(world: World, rule: Entity) -> dict[str, Any]:
    """A port forwarding rule; its ports are texts."""
    machine = world.need("virtualmachine", rule["vm"])
    return {
        "id": rule.uuid,
        "privateport": str(rule["private_start"]),
        "privateendport": str(rule["private_end"]),
        "protocol": rule["protocol"],
        "publicport": str(rule["startport"]),
        "publicendport": str(rule["endport"]),
        "virtualmachineid": machine.uuid,
        "virtualmachinename": machine["name"],
        "virtualmachinedisplayname": machine["displayname"],
        "ipaddressid": rule["ip"],
        "ipaddress": world.need("publicip", rule["ip"])["address"],
        "state": rule["state"],
        "cidrlist": rule["cidrs"],
        "tags": tags_of(world, rule.uuid),
        "vmguestip": rule["guest_address"],
        "networkid": rule["network"],
        "fordisplay": True,
    }


SHOWN = {
    "firewallrule": ("firewallrule", shown),
    "egressrule": ("firewallrule", shown),
    "portforwardingrule": ("portforwardingrule", shown_forwarding),
}


def _finish(call: Call, *, kind: str) -> dict[str, Any]:
    element, show = SHOWN[kind]
    rule = call.made(kind)
    call.world.change(rule, state="Active")
    return {element: show(call.world, rule)}


def _fail(call: Call, *, kind: str) -> None:
    rule = call.world.get(kind, call.thing)
    if rule is not None:
        remove_rule(call.world, rule)


def _check_delete(call: Call, *, kind: str) -> Entity:
    return call.need("id", kind, "Unable to find rule having ID {number}")


def _delete(call: Call, *, kind: str) -> None:
    remove_rule(call.world, _check_delete(call, kind=kind))


def _update(call: Call, *, kind: str) -> dict[str, Any]:
    """Change a rule: of the firewall nothing that shows, of a forwarding rule where it leads to."""
    world, rule = call.world, _check_delete(call, kind=kind)
    element, show = SHOWN[kind]
    if kind == "portforwardingrule":
        start, end = ports(call, "privateport", "privateendport")
        changes: dict[str, Any] = {}
        if start is not None and end is not None:
            if end - start != rule["endport"] - rule["startport"]:
                raise bad_value("Source port and destination port ranges should be of equal sizes.")
            changes |= {"private_start": start, "private_end": end}
        machine = call.entity("virtualmachineid", "virtualmachine")
        if machine is not None:
            call.check_access(machine)
            card = card_in(world, machine, rule["network"])
            if card is None:
                raise bad_value("Unable to update port forwarding rule: vm's nic is not in the network of the rule")
            changes |= {"vm": machine.uuid, "guest_address": call.text("vmguestip") or card["address"]}
        world.change(rule, **changes)
    return {element: show(world, rule)}


def _list(call: Call, *, kind: str) -> dict[str, Any]:
    element, show = SHOWN[kind]
    some = tagged(call, kind)
    found = [
        rule
        for rule in call.visible(kind)
        if (some is None or rule in some)
        and call.text("id") in {None, rule.uuid}
        and call.text("ipaddressid") in {None, rule.get("ip")}
        and call.text("networkid") in {None, rule["network"]}
        and has_tags(call, rule)
    ]
    return call.listing(element, found, lambda rule: show(call.world, rule))


COMMANDS = {
    "listFirewallRules": partial(_list, kind="firewallrule"),
    "listEgressFirewallRules": partial(_list, kind="egressrule"),
    "listPortForwardingRules": partial(_list, kind="portforwardingrule"),
}
UPDATES = {
    f"update{name}": Work(partial(_update, kind=kind), create=partial(_check_delete, kind=kind))
    for name, kind in (
        ("FirewallRule", "firewallrule"),
        ("EgressFirewallRule", "egressrule"),
        ("PortForwardingRule", "portforwardingrule"),
    )
}
WORKS = UPDATES | {
    f"{verb}{name}": Work(
        partial(_finish if verb == "create" else _delete, kind=kind),
        create=create if verb == "create" else partial(_check_delete, kind=kind),
        fail=partial(_fail, kind=kind) if verb == "create" else None,
        creates=verb == "create",
    )
    for name, kind, create in (
        ("FirewallRule", "firewallrule", create_firewall),
        ("EgressFirewallRule", "egressrule", create_egress),
        ("PortForwardingRule", "portforwardingrule", create_forwarding),
    )
    for verb in ("create", "delete")
}
