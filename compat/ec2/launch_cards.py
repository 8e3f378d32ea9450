"""Which networks the machines of a launch are in, and with which addresses.

A launch names a subnet, or network interfaces with a subnet each, or nothing: then the machines are in a network that
every launch without a subnet shares. The zone is that of the subnet.

A public address of its own (AssociatePublicIpAddress) is refused for a machine in a VPC: CloudStack has no security
groups there, so the machine would be open to everybody for all that the subnet's network ACL passes.

Source: Amazon EC2 API reference, RunInstances, InstanceNetworkInterfaceSpecification; CloudStack 4.19,
deployVirtualMachine: networkids with ipaddress for the first, or iptonetworklist.
"""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any

from attrs import frozen

from compat.ec2 import names
from compat.ec2.cidrs import address_in
from compat.ec2.faults import Ec2Error, unsupported
from compat.ec2.launch import default_network, is_true
from compat.ec2.machines import GONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from compat.ec2.world import Row, World

_IMPOSSIBLE = {
    "NetworkInterfaceId": "a network interface of CloudStack is part of its machine: name a subnet in its place",
    "SecondaryPrivateIpAddressCount": "further addresses are given with AssignPrivateIpAddresses",
    "Ipv6AddressCount": "machines are given addresses of IPv4",
    "Ipv6Addresses": "machines are given addresses of IPv4",
    "Ipv4PrefixCount": "machines are given single addresses",
    "Ipv4Prefixes": "machines are given single addresses",
    "AssociateCarrierIpAddress": "CloudStack has no carriers",
}
"""What of a network interface cannot be had, and why."""


@frozen
class Card:
    """What is asked of one network card: a network, None for the shared one, and an address, None for any."""

    network: Row | None
    address: str | None = None


def network_for(world: World, zone: Row, params: Mapping[str, Any], groups: Sequence[Row]) -> dict[str, Any]:
    """What deployVirtualMachine is told of the zone, of networks and groups. Raises `Ec2Error`.

    `zone` is where the machines are when they are in no subnet that says otherwise.
    """
    cards = _cards(world, params)
    zone = _zone(world, zone, params, [card.network for card in cards if card.network is not None])
    secure = is_true(zone.get("securitygroupsenabled"))
    found: dict[str, Any] = {"zoneid": zone["id"]}
    if secure and groups:
        found["securitygroupids"] = [row["id"] for row in groups]
    if len(cards) == 1 and cards[0].network is None:
        address = cards[0].address
        if not secure:
            found["networkids"] = [default_network(world, zone)]
            if address:
                address = _free(world, world.one("subnet", found["networkids"][0]), address, params)
        return {**found, **({"ipaddress": address} if address else {})}
    ids = [str(card.network["id"]) if card.network else default_network(world, zone) for card in cards]
    if len(set(ids)) < len(ids):
        raise unsupported("a machine of CloudStack has one interface in a network: name a subnet once")
    if len(cards) > 1 and any(card.address for card in cards):
        return {**found, "iptonetworklist": [_placed(name, card) for name, card in zip(ids, cards, strict=True)]}
    return {**found, "networkids": ids, **({"ipaddress": cards[0].address} if cards[0].address else {})}


def _placed(network_id: str, card: Card) -> dict[str, str]:
    return {"networkid": network_id, **({"ip": card.address} if card.address else {})}


def _cards(world: World, params: Mapping[str, Any]) -> list[Card]:
    interfaces = list(params.get("NetworkInterfaces") or ())
    _check_together(params, interfaces)
    if not interfaces:
        interfaces = [{name: params.get(name) for name in ("SubnetId", "PrivateIpAddress")}]
    interfaces.sort(key=lambda one: int(one.get("DeviceIndex") or 0))
    return [_card(world, one, params) for one in interfaces]


def _check_together(params: Mapping[str, Any], interfaces: Iterable[Mapping[str, Any]]) -> None:
    """Raise `Ec2Error` for what may be said of the machine or of its interfaces, and was said of both."""
    if not interfaces:
        return
    told = {
        "an instance-level subnet ID": params.get("SubnetId"),
        "instance-level security groups": params.get("SecurityGroupIds") or params.get("SecurityGroups"),
        "an instance-level private IP address": params.get("PrivateIpAddress"),
    }
    for what, value in told.items():
        if value:
            text = f"Network interfaces and {what} may not be specified on the same request"
            raise Ec2Error("InvalidParameterCombination", text)
    indexes = [int(one.get("DeviceIndex") or 0) for one in interfaces]
    if 0 not in indexes or len(set(indexes)) < len(indexes):
        text = "Each network interface requires a device index of its own, and the first one is 0."
        raise Ec2Error("InvalidParameterValue", text)


def _card(world: World, interface: Mapping[str, Any], params: Mapping[str, Any]) -> Card:
    for name, reason in _IMPOSSIBLE.items():
        if interface.get(name):
            raise unsupported(f"{name}: {reason}")
    if interface.get("InterfaceType") not in {None, "interface"}:
        raise unsupported(f"InterfaceType {interface['InterfaceType']}: CloudStack has interfaces of one type")
    if interface.get("DeleteOnTermination") is False:
        raise unsupported("DeleteOnTermination: a network interface of CloudStack goes with its machine")
    subnet, address = interface.get("SubnetId"), _address(interface)
    network = world.one("subnet", subnet) if subnet else None
    if network is not None and network.get("vpcid") and interface.get("AssociatePublicIpAddress"):
        raise unsupported(
            "AssociatePublicIpAddress: in a VPC of CloudStack security groups do not filter, so a machine with a "
            "public address of its own would be open for all that its network ACL passes; leave it out"
        )
    if address is None or network is None:
        return Card(network, address)
    return Card(network, _free(world, network, address, params))


def _free(world: World, network: Row, address: str, params: Mapping[str, Any]) -> str:
    """An address of a network that one machine may have. Raises `Ec2Error`."""
    if int(params.get("MaxCount") or 1) > 1:
        text = "A private IP address can be asked for when one instance is launched, not for several"
        raise Ec2Error("InvalidParameterCombination", text)
    address = address_in(address, IPv4Network(str(network["cidr"]))) if network.get("cidr") else address
    if _taken(world, str(network["id"]), address):
        raise Ec2Error("InvalidIPAddress.InUse", f"Address {address} is in use.")
    return address


def _address(interface: Mapping[str, Any]) -> str | None:
    """The primary address that an interface is asked for with. Raises `Ec2Error` when there are others."""
    found = interface.get("PrivateIpAddress")
    for one in interface.get("PrivateIpAddresses") or ():
        if not one.get("Primary") or found not in {None, one.get("PrivateIpAddress")}:
            raise unsupported("PrivateIpAddresses: further addresses are given with AssignPrivateIpAddresses")
        found = one.get("PrivateIpAddress")
    return found or None


def _taken(world: World, network_id: str, address: str) -> bool:
    return any(
        nic.get("networkid") == network_id
        and address in {nic.get("ipaddress"), *(one.get("ipaddress") for one in nic.get("secondaryip") or ())}
        for machine in world.rows("instance")
        if machine.get("state") not in GONE
        for nic in machine.get("nic") or ()
    )


def _zone(world: World, zone: Row, params: Mapping[str, Any], networks: Sequence[Row]) -> Row:
    """The zone of the subnets, which must be the one that was asked for, if one was. Raises `Ec2Error`."""
    for network in networks:
        asked = (params.get("Placement") or {}).get("AvailabilityZone")
        if network.get("zoneid") != networks[0].get("zoneid") or (asked and network.get("zoneid") != zone["id"]):
            place = network.get("zonename")
            text = f"The subnet {network.get('name')} is in the availability zone {place}, the instance is not."
            raise Ec2Error("InvalidParameterValue", text)
    if not networks:
        return zone
    return names.zone(world, str(networks[0]["zoneid"]))
