"""Public addresses and static NAT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.simulator.commands.networks import free_public_address, lacks_source_nat, take_address
from cfnlib.simulator.encode import when
from cfnlib.simulator.errors import ApiError, bad_value, no_capacity
from cfnlib.simulator.jobs import Work
from cfnlib.simulator.limits import check_limit
from cfnlib.simulator.ownership import has_tags, owner_fields, tagged, tags_of

if TYPE_CHECKING:
    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity, World

RULES = ("firewallrule", "portforwardingrule", "loadbalancerrule")


def shown(call: Call, address: Entity) -> dict[str, Any]:
    """A public address, allocated or free."""
    world = call.world
    zone, vlan = world.need("zone", address["zone"]), world.need("vlan", address["vlan"])
    view: dict[str, Any] = {"id": address.uuid, "ipaddress": address["address"]}
    if address.get("allocated"):
        view["allocated"] = when(address["allocated"])
    view |= {"zoneid": zone.uuid, "zonename": zone["name"], "issourcenat": bool(address.get("source_nat"))}
    if address.get("account"):
        view |= owner_fields(world, address["account"])
    view["forvirtualnetwork"] = True
    if call.is_admin:
        view |= {"vlanid": vlan.uuid, "vlanname": vlan["vlan"]}
    view |= {"isstaticnat": bool(address.get("static_nat")), "issystem": False}
    if address.get("static_nat"):
        machine = world.need("virtualmachine", address["vm"])
        view |= {
            "virtualmachineid": machine.uuid,
            "virtualmachinename": machine["name"],
            "virtualmachinedisplayname": machine["displayname"],
            "vmipaddress": address["vm_address"],
            "virtualmachinetype": "User",
        }
    if address.get("network"):
        network = world.need("network", address["network"])
        view |= {"associatednetworkid": network.uuid, "associatednetworkname": network["name"]}
    view["networkid"] = vlan["network"]
    if address.get("vpc"):
        view |= {"vpcid": address["vpc"], "vpcname": world.need("vpc", address["vpc"])["name"]}
    physical = next(one for one in world.each("physicalnetwork") if one["zone"] == zone.uuid)
    return view | {
        "state": address["state"],
        "physicalnetworkid": physical.uuid,
        "tags": tags_of(world, address.uuid),
        "isportable": False,
        "fordisplay": True,
        "hasrules": any(world.count(kind, "ip", address.uuid) for kind in RULES),
        "hasannotations": False,
    }


def associate(call: Call) -> Entity:
    """Give a free public address to a network, a VPC, or just to an account."""
    world = call.world
    network, vpc = call.entity("networkid", "network"), call.entity("vpcid", "vpc")
    for name, found in (("networkid", network), ("vpcid", vpc)):
        if call.text(name) and found is None:
            raise bad_value("Can't find network by id specified")
        if found is not None:
            call.check_access(found)
    target = network if network is not None else vpc
    zone = target["zone"] if target is not None else call.text("zoneid")
    if zone is None:
        raise bad_value("Either networkId or zoneId or vpcId has to be specified")
    if network is not None and network.get("vpc"):
        vpc = world.need("vpc", network["vpc"])
    owner = world.need("account", target["account"]) if target is not None and target.get("account") else call.owner()
    check_limit(world, owner, "public_ip")
    wanted = call.text("ipaddress")
    if wanted is None:
        address = world.first("publicip", "free_in", zone)
    else:
        address = world.first("publicip", "address", wanted)
        address = address if address is not None and address["state"] == "Free" else None
    if address is None:
        raise no_capacity("Insufficient address capacity")
    where = {"network": network.uuid} if network is not None and vpc is None else {}
    take_address(world, address, owner.uuid, **where, **({"vpc": vpc.uuid} if vpc is not None else {}))
    world.change(address, state="Allocating")
    return address


def finish_associate(call: Call) -> dict[str, Any]:
    """The address is there."""
    address = call.made("publicip")
    if address["state"] != "Allocating":
        raise ApiError(530, 4250, f"Failed to assign ip address {address['address']}: it was released meanwhile")
    world, network, vpc = call.world, call.entity("networkid", "network"), address.get("vpc")
    if network is not None and lacks_source_nat(world, network):
        world.change(address, source_nat=True)
    # Source: CloudStack 4.19's VpcManagerImpl: the first address of a VPC that was not started is its own way out.
    if vpc and not any(one.get("source_nat") for one in world.by("publicip", "vpc", vpc)):
        world.change(address, source_nat=True)
    world.change(address, state="Allocated")
    return {"ipaddress": shown(call, address)}


def fail_associate(call: Call) -> None:
    """An address that could not be set up is free again."""
    address = call.made("publicip")
    if address["state"] == "Allocating":
        free_public_address(call.world, address)


def allocated_address(call: Call, name: str) -> Entity:
    """The public address a parameter names, which must be allocated and the caller's to use."""
    address = call.world.get("publicip", call.text(name))
    if address is None or address["state"] == "Free":
        raise bad_value("Unable to find ip address by id")
    call.check_access(address)
    return address


def check_release(call: Call) -> Entity:
    """What can be said about a release before it is done."""
    address = call.world.get("publicip", call.text("id"))
    if address is None:
        raise bad_value("Unable to find ip address by id")
    if address["state"] == "Free":
        # Source: scenario s05: releasing an address twice trips over a foreign key of the events table.
        raise ApiError(530, 4250, "DB Exception on: com.mysql.cj.jdbc.ClientPreparedStatement: INSERT INTO event")
    call.check_access(address)
    if address.get("source_nat"):
        raise bad_value("Ip address can't be released as it is the source NAT address of its network")
    return address


def finish_release(call: Call) -> None:
    """Free an address, with the rules on it."""
    world, address = call.world, check_release(call)
    for kind in RULES:
        for rule in world.by(kind, "ip", address.uuid):
            world.remove(rule)
    free_public_address(world, address)


def list_addresses(call: Call) -> dict[str, Any]:
    """Public addresses: the allocated ones unless `allocatedonly=false`."""
    world, values = call.world, call.values
    if call.flag("allocatedonly", default=True):
        some = tagged(call, "publicip")
        visible = call.visible("publicip")
        candidates = visible if some is None else [one for one in visible if one in some]
    else:
        # Source: CloudStack 4.19, ManagementServerImpl.searchForIPAddresses: who is no admin sees what is theirs, and
        # what is free for them to take.
        seen = set(world.each("publicip") if call.is_admin else call.visible("publicip"))
        candidates = [one for one in world.each("publicip") if one in seen or one["state"] == "Free"]
    found = [one for one in candidates if _fits(values, one) and has_tags(call, one)]
    return call.listing("publicipaddress", found, lambda one: shown(call, one))


def _fits(values: dict[str, Any], address: Entity) -> bool:
    plain = {
        "id": address.uuid,
        "ipaddress": address["address"],
        "zoneid": address["zone"],
        "associatednetworkid": address.get("network"),
        "vpcid": address.get("vpc"),
        "state": address["state"],
        "issourcenat": bool(address.get("source_nat")),
        "isstaticnat": bool(address.get("static_nat")),
        "forvirtualnetwork": True,
    }
    return all(str(values[name]).lower() == str(value).lower() for name, value in plain.items() if name in values)


def card_in(world: World, machine: Entity, network: str | None) -> Entity | None:
    """The card of a machine in a network (or in any, with None)."""
    cards = world.by("nic", "vm", machine.uuid)
    return next((card for card in cards if network in {None, card["network"]}), None)


def enable_static_nat(call: Call) -> dict[str, Any]:
    """Map all of a public address to one machine."""
    world = call.world
    address = allocated_address(call, "ipaddressid")
    machine = call.need("virtualmachineid", "virtualmachine", "Can't enable static nat for the address: no such vm")
    if address.get("source_nat"):
        raise bad_value("Can't enable static, ip address is a sourceNat ip address")
    if address.get("static_nat") and address["vm"] != machine.uuid:
        raise ApiError(
            537,
            9999,
            f"Failed to enable static for the ip address Ip[{address['address']}-{address.number}] and vm id="
            f"{machine.number} as it's already assigned to antoher vm",
        )
    if world.count("portforwardingrule", "ip", address.uuid) or world.count("loadbalancerrule", "ip", address.uuid):
        raise ApiError(
            537, 4360, "Failed to enable static nat: the ip address has port forwarding or load balancer rules"
        )
    card = card_in(world, machine, address.get("network") or call.text("networkid"))
    if card is None:
        raise bad_value("Vm doesn't belong to network")
    extra = {} if address.get("network") else {"network": card["network"]}
    guest = call.text("vmguestip") or card["address"]
    # Source: CloudStack 4.19, RulesManagerImpl.isIpReadyForStaticNat: also when it is this address that has it.
    for other in world.by("publicip", "vm", machine.uuid):
        if other.get("static_nat") and other["vm_address"] == guest:
            raise bad_value(
                f"Failed to enable static nat on the  ip {address['address']} with Id {address.uuid} as the vm "
                f"{machine['name']} with Id {machine.uuid} is already associated with another public ip "
                f"{other['address']} with id {other.uuid}"
            )
    world.change(address, static_nat=True, vm=machine.uuid, vm_address=guest, **extra)
    return {"success": True}


def disable_static_nat(call: Call) -> None:
    """Take the mapping of an address away."""
    address = allocated_address(call, "ipaddressid")
    if not address.get("static_nat"):
        raise bad_value("Specified IP address id is not associated with any vm Id")
    call.world.change(address, static_nat=None, vm=None, vm_address=None)


COMMANDS = {"listPublicIpAddresses": list_addresses, "enableStaticNat": enable_static_nat}
WORKS = {
    "associateIpAddress": Work(finish_associate, create=associate, fail=fail_associate, creates=True),
    "disassociateIpAddress": Work(finish_release, create=check_release),
    "disableStaticNat": Work(disable_static_nat),
}
