"""A machine's network card as EC2 describes a network interface.

CloudStack's cards are parts of machines: one is made in a machine and is gone when it is taken out of it, or when the
machine goes. So every interface is attached, and `eni-` and `eni-attach-` ids are both made from the card's UUID.

Source: CloudStack 4.19, recorded answers of listVirtualMachines and listNics: a card has deviceid, isdefault, its
addresses and its network; Amazon EC2 API reference, NetworkInterface, InstanceNetworkInterface.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compat.ec2.ids import ec2_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from compat.ec2.world import Row, World


def cards(row: Row) -> list[Row]:
    """The cards of a machine in the order of their devices."""
    return sorted(row.get("nic") or (), key=lambda nic: (int(nic.get("deviceid") or 0), str(nic["id"])))


def public_addresses(world: World, rows: Iterable[Row]) -> Mapping[str, Sequence[Row]]:
    """The public addresses that lead to machines, by the machines' UUIDs; asked for only where a machine has one."""
    if not any(row.get("publicip") for row in rows):
        return {}
    found: dict[str, list[Row]] = {}
    for address in world.rows("address"):
        if address.get("virtualmachineid"):
            found.setdefault(str(address["virtualmachineid"]), []).append(address)
    return found


def interface(
    world: World,
    row: Row,
    nic: Row,
    *,
    groups: Sequence[Mapping[str, str]],
    since: datetime | None,
    addresses: Mapping[str, Sequence[Row]],
) -> dict[str, Any]:
    """One card of a machine, with the machine's security groups and the time since when it is there.

    `addresses` are the public ones by machine.
    """
    found = _card(world, nic, groups, since)
    found["Attachment"] |= {
        "InstanceId": world.learn("instance", str(row["id"])),
        "InstanceOwnerId": world.caller.account_number,
    }
    public = {str(one.get("vmipaddress")): one for one in addresses.get(str(row["id"]), ())}
    for one in found["PrivateIpAddresses"]:
        address = public.get(str(one["PrivateIpAddress"]))
        if address is not None:
            one["Association"] = _association(world, address)
            found.setdefault("Association", one["Association"])
    more: dict[str, Any] = {"AvailabilityZone": row.get("zonename"), "RequesterManaged": False, "TagSet": []}
    return {**found, **more, "_uuid": str(nic["id"])}


def of_instance(
    world: World, row: Row, groups: Sequence[Mapping[str, str]], since: datetime | None
) -> list[dict[str, Any]]:
    """The cards of a machine as its description holds them; of its public address only what the machine shows."""
    found = []
    public = row.get("publicip")
    for nic in cards(row):
        one = _card(world, nic, groups, since)
        if public and nic.get("isdefault"):
            owner = world.caller.account_number
            one["Association"] = {"IpOwnerId": owner, "PublicDnsName": public, "PublicIp": public}
        found.append(one)
    return found


def _card(world: World, nic: Row, groups: Sequence[Mapping[str, str]], since: datetime | None) -> dict[str, Any]:
    """What is told of a card wherever it is told of."""
    uuid, private = str(nic["id"]), nic.get("ipaddress")
    further = [one["ipaddress"] for one in nic.get("secondaryip") or ()]
    own = [(True, private)] if private else []
    own += [(False, address) for address in further]
    return {
        "NetworkInterfaceId": ec2_id("nic", uuid),
        "Attachment": {
            "AttachTime": since,
            "AttachmentId": ec2_id("attachment", uuid),
            "DeleteOnTermination": True,
            "DeviceIndex": int(nic.get("deviceid") or 0),
            "NetworkCardIndex": 0,
            "Status": "attached",
        },
        "Description": "",
        "Groups": groups,
        "InterfaceType": "interface",
        "MacAddress": nic.get("macaddress"),
        "OwnerId": world.caller.account_number,
        "PrivateDnsName": private,
        "PrivateIpAddress": private,
        "PrivateIpAddresses": [
            {"Primary": primary, "PrivateIpAddress": address, "PrivateDnsName": address} for primary, address in own
        ],
        "SourceDestCheck": True,
        "Status": "in-use",
        "SubnetId": ec2_id("subnet", str(nic["networkid"])) if nic.get("networkid") else None,
        "VpcId": ec2_id("vpc", str(nic["vpcid"])) if nic.get("vpcid") else None,
    }


def _association(world: World, address: Row) -> dict[str, Any]:
    uuid = str(address["id"])
    return {
        "AllocationId": ec2_id("address", uuid),
        "AssociationId": ec2_id("association", uuid),
        "IpOwnerId": world.caller.account_number,
        "PublicDnsName": address.get("ipaddress"),
        "PublicIp": address.get("ipaddress"),
    }
