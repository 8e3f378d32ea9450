"""Elastic addresses: CloudStack's public addresses with static NAT.

An address belongs to a network or VPC on CloudStack, on EC2 to the account alone. So one that is allocated goes to
the network that machines are launched into, or to the VPC or subnet whose id is given as NetworkBorderGroup; to
associate it with a machine elsewhere is an error. With an association the address's firewall is opened for what the
machine's security groups allow, and follows them (`firewall`); in a VPC network ACLs decide.

Addresses that machines came with (`public_addresses`) are none of these, as on EC2.

CloudStack's call that allocates an address takes neither tags nor anything else that could hold some: if the bridge
dies before the tags are made, the address is there without them, and DescribeAddresses tells of it. Nothing else is
kept in tags, so nothing else is lost. EC2, too, allocates a second address when a request that was not answered is
sent again.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from compat.ec2 import names
from compat.ec2.actions.interfaces import card_of
from compat.ec2.faults import Ec2Error, not_found, unsupported
from compat.ec2.filters import filtered
from compat.ec2.firewall import close, guard
from compat.ec2.homes import Home, dress, tags_asked
from compat.ec2.ids import ec2_id
from compat.ec2.launch import default_network, is_true
from compat.ec2.machines import tags_of
from compat.ec2.pages import paged
from compat.ec2.public_addresses import came_with, give_back, new_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from compat.ec2.world import Row, World

FILTERS: dict[str, Any] = {
    "allocation-id": "AllocationId",
    "association-id": "AssociationId",
    "domain": "Domain",
    "instance-id": "InstanceId",
    "network-interface-id": "NetworkInterfaceId",
    "network-interface-owner-id": "NetworkInterfaceOwnerId",
    "private-ip-address": "PrivateIpAddress",
    "public-ip": "PublicIp",
}


def allocate_address(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Take a public address, for the network that machines are launched into."""
    zone = names.zone(world, None)
    if is_true(zone.get("securitygroupsenabled")):
        raise unsupported(
            "machines of this zone have addresses of their own; it has none that move from one to another"
        )
    tags = tags_asked(params, "elastic-ip")
    row = new_address(world, _place(world, zone, params.get("NetworkBorderGroup")), params.get("Address") or None)
    undo = partial(world.done, "disassociateIpAddress", id=row["id"])
    dress(world, Home("PublicIpAddress", str(row["id"])), tags, undo)
    found = described(world, row)
    return {key: found[key] for key in ("PublicIp", "AllocationId", "Domain")}


def _place(world: World, zone: Row, border: str | None) -> dict[str, str]:
    """Where an address is to be: the network of machines whose launcher names none, or what is named instead."""
    if border in {None, "", world.config.region}:
        return {"networkid": default_network(world, zone)}
    kind = str(border).partition("-")[0]
    if kind not in {"vpc", "subnet"}:
        text = f"Invalid value '{border}' for NetworkBorderGroup: it is {world.config.region}, a VPC or a subnet"
        raise Ec2Error("InvalidParameterValue", text)
    row = world.one(kind, str(border))
    vpc = row["id"] if kind == "vpc" else row.get("vpcid")
    return {"networkid": str(row["id"])} if vpc is None else {"vpcid": str(vpc)}


def release_address(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Give an address back. One that is associated is not released, as on EC2 with an AllocationId."""
    row = _address(world, params)
    if row.get("virtualmachineid"):
        raise Ec2Error("InvalidIPAddress.InUse", f"Address {row['ipaddress']} is in use.")
    world.done("disassociateIpAddress", id=row["id"])
    return {}


def describe_addresses(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The addresses of the account, without those that networks keep for their own way out."""
    rows = _allocated(world)
    for key, of, kind in (("PublicIps", _ip, "InvalidAddress.NotFound"), ("AllocationIds", _ids, "")):
        asked = params.get(key)
        if asked:
            known = {name for row in rows for name in of(row)}
            missing = [name for name in asked if name not in known]
            if missing:
                raise (
                    Ec2Error(kind, f"Address '{missing[0]}' not found.") if kind else not_found("address", missing[0])
                )
            rows = [row for row in rows if set(of(row)) & set(asked)]
    machines = world.rows("instance") if any(row.get("virtualmachineid") for row in rows) else []
    found = (described(world, row, machines) for row in rows)
    return {"Addresses": filtered(found, params.get("Filters"), FILTERS)}


def describe_addresses_attribute(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The addresses, without names: CloudStack keeps none for a reverse lookup."""
    rows = describe_addresses(world, {"AllocationIds": params.get("AllocationIds")})["Addresses"]
    page, token = paged(rows, params, lambda one: str(one["AllocationId"]))
    found = [{"PublicIp": one["PublicIp"], "AllocationId": one["AllocationId"]} for one in page]
    return {"Addresses": found, "NextToken": token}


def described(world: World, row: Row, machines: Iterable[Row] = ()) -> dict[str, Any]:
    """An address; among `machines` is the one that it leads to."""
    found: dict[str, Any] = {
        "PublicIp": row.get("ipaddress"),
        "AllocationId": world.learn("address", str(row["id"])),
        "Domain": "vpc",
        "NetworkBorderGroup": world.config.region,
        "Tags": tags_of(row),
    }
    machine = row.get("virtualmachineid")
    if machine:
        found |= {
            "InstanceId": world.learn("instance", str(machine)),
            "AssociationId": ec2_id("association", str(row["id"])),
            "PrivateIpAddress": row.get("vmipaddress"),
            "NetworkInterfaceOwnerId": world.caller.account_number,
        }
    for nic in (nic for one in machines if one["id"] == machine for nic in one.get("nic") or ()):
        own = {nic.get("ipaddress"), *(one["ipaddress"] for one in nic.get("secondaryip") or ())}
        if row.get("vmipaddress") in own:
            found["NetworkInterfaceId"] = ec2_id("nic", str(nic["id"]))
    return found


def associate_address(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Let an address lead to a machine, for what its security groups allow; it is the only one that does then."""
    row = _address(world, params)
    machine, nic = _target(world, params, row)
    private = params.get("PrivateIpAddress") or nic.get("ipaddress")
    own = {nic.get("ipaddress"), *(one["ipaddress"] for one in nic.get("secondaryip") or ())}
    if private not in own:
        raise Ec2Error("InvalidParameterValue", f"the interface in the address's network has no address {private}")
    association = {"AssociationId": ec2_id("association", str(row["id"]))}
    if row.get("virtualmachineid") == machine["id"] and row.get("vmipaddress") == private:
        return association
    if row.get("virtualmachineid"):
        if params.get("AllowReassociation") is False:
            raise Ec2Error("Resource.AlreadyAssociated", f"resource {row['ipaddress']} is already associated")
        _loosen(world, row)
    give_back(world, machine)
    for other in _allocated(world):
        if other.get("virtualmachineid") == machine["id"] and other.get("vmipaddress") == private:
            _loosen(world, other)
    if not row.get("vpcid"):
        guard(world, row, machine)
    guest = {} if private == nic.get("ipaddress") else {"vmguestip": private}
    target = {"virtualmachineid": machine["id"], "networkid": nic["networkid"], **guest}
    world.call("enableStaticNat", ipaddressid=row["id"], **target)
    if not row.get("vpcid"):
        guard(world, row, machine)  # what changed before the firewall was this machine's
    return association


def _target(world: World, params: Mapping[str, Any], row: Row) -> tuple[Row, Row]:
    """The machine, and its card in the address's network. Raises `Ec2Error`."""
    if params.get("NetworkInterfaceId"):
        machine, card = card_of(world, params["NetworkInterfaceId"])
        cards: list[Row] = [card]
    elif params.get("InstanceId"):
        machine = world.one("instance", params["InstanceId"])
        cards = list(machine.get("nic") or ())
    else:
        raise Ec2Error("MissingParameter", "The request must contain the parameter InstanceId or NetworkInterfaceId")
    vpc, network = row.get("vpcid"), row.get("associatednetworkid")
    for nic in cards:
        if (nic.get("vpcid") == vpc) if vpc else (nic.get("networkid") == network):
            return machine, nic
    where = f"the VPC {ec2_id('vpc', str(vpc))}" if vpc else f"the network {row.get('associatednetworkname')}"
    text = f"the address belongs to {where}, which the machine is not in: AllocateAddress gives one elsewhere when a"
    raise Ec2Error("InvalidParameterValue", f"{text} VPC's or subnet's id is its NetworkBorderGroup")


def _loosen(world: World, row: Row) -> None:
    """Close an address's firewall, and let it lead nowhere."""
    if not row.get("vpcid"):
        close(world, str(row["id"]))
    world.done("disableStaticNat", ipaddressid=row["id"])


def disassociate_address(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Let an address lead nowhere any more, and take its firewall rules away."""
    row = _address(world, params)
    if not row.get("virtualmachineid"):
        return {}
    _loosen(world, row)
    return {}


def _address(world: World, params: Mapping[str, Any]) -> Row:
    allocation, association, ip = (params.get(key) for key in ("AllocationId", "AssociationId", "PublicIp"))
    if not (allocation or association or ip):
        raise Ec2Error("MissingParameter", "The request must contain the parameter AllocationId or PublicIp")
    for row in _allocated(world):
        if (allocation or association or "") in _ids(row) or (ip and row.get("ipaddress") == ip):
            return row
    if allocation:
        raise not_found("address", allocation)
    if association:
        raise not_found("association", association)
    raise Ec2Error("InvalidAddress.NotFound", f"Address '{ip}' not found.")


def _allocated(world: World) -> list[Row]:
    """The account's addresses, without those that networks keep for their own way out and machines came with."""
    return [row for row in world.rows("address") if not is_true(row.get("issourcenat")) and not came_with(row)]


def _ids(row: Row) -> Iterable[str]:
    uuid = str(row["id"])
    return (uuid, ec2_id("address", uuid), ec2_id("association", uuid))


def _ip(row: Row) -> Iterable[str]:
    return (str(row.get("ipaddress")),)


ACTIONS = {
    "AllocateAddress": allocate_address,
    "AssociateAddress": associate_address,
    "DescribeAddresses": describe_addresses,
    "DescribeAddressesAttribute": describe_addresses_attribute,
    "DisassociateAddress": disassociate_address,
    "ReleaseAddress": release_address,
}
