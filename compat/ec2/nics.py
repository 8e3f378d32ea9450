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

_NOT_OF_INSTANCE = frozenset({"AvailabilityZone", "RequesterManaged", "TagSet", "_uuid"})


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
    uuid = str(nic["id"])
    public = {str(one.get("vmipaddress")): one for one in addresses.get(str(row["id"]), ())}
    private = nic.get("ipaddress")
    own = [{"Primary": True, "PrivateIpAddress": private}] if private else []
    own += [{"Primary": False, "PrivateIpAddress": one["ipaddress"]} for one in nic.get("secondaryip") or ()]
    for one in own:
        address = public.get(str(one["PrivateIpAddress"]))
        one["PrivateDnsName"] = one["PrivateIpAddress"]
        if address is not None:
            one["Association"] = _association(world, address)
    return {
        "NetworkInterfaceId": ec2_id("nic", uuid),
        "Association": next((one["Association"] for one in own if "Association" in one), None),
        "Attachment": {
            "AttachTime": since,
            "AttachmentId": ec2_id("attachment", uuid),
            "DeleteOnTermination": True,
            "DeviceIndex": int(nic.get("deviceid") or 0),
            "NetworkCardIndex": 0,
            "InstanceId": world.learn("instance", str(row["id"])),
            "InstanceOwnerId": world.caller.account_number,
            "Status": "attached",
        },
        "AvailabilityZone": row.get("zonename"),
        "Description": "",
        "Groups": groups,
        "InterfaceType": "interface",
        "Ipv6Addresses": [],
        "MacAddress": nic.get("macaddress"),
        "OwnerId": world.caller.account_number,
        "PrivateDnsName": private,
        "PrivateIpAddress": private,
        "PrivateIpAddresses": own,
        "RequesterManaged": False,
        "SourceDestCheck": True,
        "Status": "in-use",
        "SubnetId": ec2_id("subnet", str(nic["networkid"])) if nic.get("networkid") else None,
        "TagSet": [],
        "VpcId": ec2_id("vpc", str(nic["vpcid"])) if nic.get("vpcid") else None,
        "_uuid": uuid,
    }


def of_instance(
    world: World, row: Row, groups: Sequence[Mapping[str, str]], since: datetime | None
) -> list[dict[str, Any]]:
    """The cards of a machine as its description holds them; of its public address only what the machine shows."""
    found = []
    for nic in cards(row):
        whole = interface(world, row, nic, groups=groups, since=since, addresses={})
        one = {key: value for key, value in whole.items() if key not in _NOT_OF_INSTANCE}
        one["Attachment"] = {key: value for key, value in whole["Attachment"].items() if "Instance" not in key}
        if row.get("publicip") and nic.get("isdefault"):
            owner = world.caller.account_number
            one["Association"] = {
                "IpOwnerId": owner,
                "PublicDnsName": row["publicip"],
                "PublicIp": row["publicip"],
            }
        found.append(one)
    return found


def _association(world: World, address: Row) -> dict[str, Any]:
    uuid = str(address["id"])
    return {
        "AllocationId": ec2_id("address", uuid),
        "AssociationId": ec2_id("association", uuid),
        "IpOwnerId": world.caller.account_number,
        "PublicDnsName": address.get("ipaddress"),
        "PublicIp": address.get("ipaddress"),
    }
