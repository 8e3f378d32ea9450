"""Network interfaces: the cards of machines.

An interface without a machine is nothing that CloudStack has: a card is made by attaching (to AttachNetworkInterface
a subnet's id is given in place of an interface's), and is gone once it is detached. So CreateNetworkInterface says
how it is done, and DeleteNetworkInterface finds an interface in use or none at all.

Source: CloudStack 4.19, addNicToVirtualMachine, removeNicFromVirtualMachine (never the default card), addIpToNic,
removeIpFromNic; cards carry no tags (ResourceTag.ResourceObjectType).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compat.ec2.actions.attributes import modify_instance_attribute
from compat.ec2.faults import Ec2Error, not_found, unsupported
from compat.ec2.filters import filtered
from compat.ec2.ids import PREFIXES, ec2_id, has_form, is_uuid
from compat.ec2.machines import GONE, groups_of, time_of
from compat.ec2.nics import cards, interface, public_addresses
from compat.ec2.pages import paged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from compat.ec2.world import Row, World

FILTERS: dict[str, Any] = {
    "addresses.association.allocation-id": "PrivateIpAddresses.Association.AllocationId",
    "addresses.association.association-id": "PrivateIpAddresses.Association.AssociationId",
    "addresses.association.owner-id": "PrivateIpAddresses.Association.IpOwnerId",
    "addresses.association.public-dns-name": "PrivateIpAddresses.Association.PublicDnsName",
    "addresses.association.public-ip": "PrivateIpAddresses.Association.PublicIp",
    "addresses.primary": "PrivateIpAddresses.Primary",
    "addresses.private-ip-address": "PrivateIpAddresses.PrivateIpAddress",
    "association.allocation-id": "Association.AllocationId",
    "association.association-id": "Association.AssociationId",
    "association.ip-owner-id": "Association.IpOwnerId",
    "association.public-dns-name": "Association.PublicDnsName",
    "association.public-ip": "Association.PublicIp",
    "attachment.attach-time": "Attachment.AttachTime",
    "attachment.attachment-id": "Attachment.AttachmentId",
    "attachment.delete-on-termination": "Attachment.DeleteOnTermination",
    "attachment.device-index": "Attachment.DeviceIndex",
    "attachment.instance-id": "Attachment.InstanceId",
    "attachment.instance-owner-id": "Attachment.InstanceOwnerId",
    "attachment.status": "Attachment.Status",
    "availability-zone": "AvailabilityZone",
    "description": "Description",
    "group-id": "Groups.GroupId",
    "group-name": "Groups.GroupName",
    "interface-type": "InterfaceType",
    "mac-address": "MacAddress",
    "network-interface-id": "NetworkInterfaceId",
    "owner-id": "OwnerId",
    "private-dns-name": "PrivateDnsName",
    "private-ip-address": "PrivateIpAddress",
    "requester-managed": "RequesterManaged",
    "source-dest-check": "SourceDestCheck",
    "status": "Status",
    "subnet-id": "SubnetId",
    "vpc-id": "VpcId",
}
"""Where each filter finds its values. Source: Amazon EC2 API reference, DescribeNetworkInterfaces."""
_MOST_ADDRESSES = 256
_WAY = (
    "a network interface of CloudStack is part of a machine: give RunInstances its subnet, or AttachNetworkInterface "
    "the subnet's id in place of an interface's"
)


def describe_network_interfaces(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The interfaces of the account's machines."""
    rows = _live(world)
    addresses = public_addresses(world, rows)
    found = [_described(world, row, nic, addresses) for row in rows for nic in cards(row)]
    asked = params.get("NetworkInterfaceIds")
    if asked:
        by_name = {one[key]: one for one in found for key in ("NetworkInterfaceId", "_uuid")}
        for name in asked:
            _check_form("nic", name)
            if _key(name) not in by_name:
                raise not_found("nic", name)
        chosen = {by_name[_key(name)]["_uuid"] for name in asked}
        found = [one for one in found if one["_uuid"] in chosen]
    passed = filtered(found, params.get("Filters"), FILTERS)
    page, token = paged(passed, params, lambda one: str(one["NetworkInterfaceId"]))
    return {"NetworkInterfaces": page, "NextToken": token}


def create_network_interface(_world: World, _params: Mapping[str, Any]) -> dict[str, Any]:
    """There is none without a machine."""
    raise unsupported(_WAY)


def attach_network_interface(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Give a machine a card in a subnet, whose id stands in place of an interface's."""
    asked = params["NetworkInterfaceId"]
    if has_form("nic", asked) and not is_uuid(asked):
        row, _ = card_of(world, asked)
        instance = world.learn("instance", str(row["id"]))
        text = f"Interface: [{asked}] in use by {instance}. To attach another: {_WAY}"
        raise Ec2Error("InvalidNetworkInterface.InUse", text)
    network = world.uuid("subnet", asked)
    row = world.one("instance", params["InstanceId"])
    there = row.get("nic") or ()
    if any(str(nic.get("networkid")) == network for nic in there):
        text = (
            f"The instance '{params['InstanceId']}' has an interface in {asked}; CloudStack allows one in a network"
        )
        raise Ec2Error("InvalidParameterValue", text)
    index = params["DeviceIndex"]
    if index in {int(nic.get("deviceid") or 0) for nic in there}:
        text = f"Instance '{params['InstanceId']}' already has an interface attached at device index '{index}'."
        raise Ec2Error("InvalidParameterValue", text)
    before = {str(nic["id"]) for nic in there}
    made = world.done("addNicToVirtualMachine", virtualmachineid=row["id"], networkid=network)
    after = made.get("virtualmachine", made).get("nic") or world.one("instance", str(row["id"])).get("nic") or ()
    new = next((nic for nic in after if str(nic["id"]) not in before), None)
    if new is None:
        raise Ec2Error("InternalError", "the cloud says that the interface is attached, and does not show it", 500)
    return {"AttachmentId": ec2_id("attachment", str(new["id"])), "NetworkCardIndex": 0}


def detach_network_interface(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Take a card out of its machine, which is the end of it. The default one stays."""
    row, nic = card_of(world, params["AttachmentId"], "attachment")
    if nic.get("isdefault"):
        text = (
            f"The network interface at device index {nic.get('deviceid')} cannot be detached: "
            "a machine keeps its first one"
        )
        raise Ec2Error("OperationNotPermitted", text)
    world.done("removeNicFromVirtualMachine", virtualmachineid=row["id"], nicid=nic["id"])
    return {}


def delete_network_interface(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """An interface that is there is in use: detaching it removes it."""
    asked = params["NetworkInterfaceId"]
    row, nic = card_of(world, asked)
    instance = world.learn("instance", str(row["id"]))
    attachment = ec2_id("attachment", str(nic["id"]))
    text = (
        f"Network interface '{asked}' is currently in use by {instance}. DetachNetworkInterface {attachment} removes"
    )
    raise Ec2Error("InvalidNetworkInterface.InUse", f"{text} it.")


def describe_network_interface_attribute(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """One attribute of an interface."""
    row, nic = card_of(world, params["NetworkInterfaceId"])
    one = _described(world, row, nic, {})
    values: dict[str, tuple[str, Any]] = {
        "associatePublicIpAddress": ("AssociatePublicIpAddress", bool(row.get("publicip") and nic.get("isdefault"))),
        "attachment": ("Attachment", one["Attachment"]),
        "description": ("Description", {"Value": one["Description"]}),
        "groupSet": ("Groups", one["Groups"]),
        "sourceDestCheck": ("SourceDestCheck", {"Value": True}),
    }
    attribute = params.get("Attribute")
    if not attribute:
        raise Ec2Error("MissingParameter", "The request must contain the parameter attribute")
    name, value = values[attribute]
    return {"NetworkInterfaceId": one["NetworkInterfaceId"], name: value}


def modify_network_interface_attribute(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Change the groups of an interface: they are those of its machine, which must be stopped."""
    row, _ = card_of(world, params["NetworkInterfaceId"])
    if params.get("Groups"):
        return modify_instance_attribute(world, {"InstanceId": str(row["id"]), "Groups": params["Groups"]})
    as_it_is = {
        "SourceDestCheck": (params.get("SourceDestCheck") or {}).get("Value") in {None, True},
        "Attachment": (params.get("Attachment") or {}).get("DeleteOnTermination") in {None, True},
        "Description": (params.get("Description") or {}).get("Value") in {None, ""},
    }
    asked = [name for name in params if name not in {"NetworkInterfaceId", "DryRun"}]
    wrong = [name for name in asked if not as_it_is.get(name)]
    if wrong or not asked:
        raise unsupported(
            f"{wrong[0] if wrong else 'nothing'} can be changed: an interface of CloudStack has no description, goes "
            "with its machine, and lets through what its machine's security groups allow; a public address is given "
            "by AllocateAddress and AssociateAddress"
        )
    return {}


def reset_network_interface_attribute(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The only attribute that can be reset is always as it would be then."""
    card_of(world, params["NetworkInterfaceId"])
    return {}


def assign_private_ip_addresses(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Give an interface further addresses: those that are named, or so many."""
    asked, count = list(params.get("PrivateIpAddresses") or ()), params.get("SecondaryPrivateIpAddressCount")
    if params.get("Ipv4Prefixes") or params.get("Ipv4PrefixCount"):
        raise unsupported("an interface of CloudStack has single addresses: name them, or say how many")
    if bool(asked) == bool(count) or not 0 <= (count or 0) <= _MOST_ADDRESSES or len(asked) > _MOST_ADDRESSES:
        text = f"either privateIpAddress or secondaryPrivateIpAddressCount, of 1 to {_MOST_ADDRESSES}, must be given"
        raise Ec2Error("InvalidParameterCombination", text)
    _, nic = card_of(world, params["NetworkInterfaceId"])
    assigned = []
    for address in asked or [None] * int(count or 0):
        made = world.done("addIpToNic", nicid=nic["id"], ipaddress=address)
        assigned.append({"PrivateIpAddress": made.get("nicsecondaryip", made).get("ipaddress")})
    return {"NetworkInterfaceId": ec2_id("nic", str(nic["id"])), "AssignedPrivateIpAddresses": assigned}


def unassign_private_ip_addresses(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Take further addresses off an interface."""
    if params.get("Ipv4Prefixes"):
        raise unsupported("an interface of CloudStack has single addresses, no prefixes")
    _, nic = card_of(world, params["NetworkInterfaceId"])
    there = {str(one["ipaddress"]): str(one["id"]) for one in nic.get("secondaryip") or ()}
    asked = list(dict.fromkeys(params.get("PrivateIpAddresses") or ()))
    if not asked:
        raise Ec2Error("MissingParameter", "The request must contain the parameter privateIpAddress")
    for address in asked:
        if address not in there:
            text = f"Some of the specified addresses are not assigned to interface {params['NetworkInterfaceId']}"
            raise Ec2Error("InvalidParameterValue", text)
    for address in asked:
        world.done("removeIpFromNic", id=there[address])
    return {}


def card_of(world: World, asked: str, kind: str = "nic") -> tuple[Row, Row]:
    """The machine and the card that an interface's (or an attachment's) id means. Raises `Ec2Error`."""
    _check_form(kind, asked)
    name = _key(asked)
    for row in _live(world):
        for nic in cards(row):
            if name in {str(nic["id"]), ec2_id(kind, str(nic["id"]))}:
                return row, nic
    raise not_found(kind, asked)


def _live(world: World) -> list[Row]:
    return [row for row in world.rows("instance") if row.get("state") not in GONE]


def _described(world: World, row: Row, nic: Row, addresses: Mapping[str, Sequence[Row]]) -> dict[str, Any]:
    groups, since = groups_of(row, world.marks(row)), time_of(row.get("created"))
    return interface(world, row, nic, groups=groups, since=since, addresses=addresses)


def _check_form(kind: str, asked: str) -> None:
    if not has_form(kind, asked):
        code = "InvalidNetworkInterfaceId.Malformed" if kind == "nic" else "InvalidAttachmentID.Malformed"
        raise Ec2Error(code, f'Invalid id: "{asked}" (expecting "{PREFIXES[kind]}-...")')


def _key(asked: str) -> str:
    return asked.lower() if is_uuid(asked) else asked


ACTIONS = {
    "AssignPrivateIpAddresses": assign_private_ip_addresses,
    "AttachNetworkInterface": attach_network_interface,
    "CreateNetworkInterface": create_network_interface,
    "DeleteNetworkInterface": delete_network_interface,
    "DescribeNetworkInterfaceAttribute": describe_network_interface_attribute,
    "DescribeNetworkInterfaces": describe_network_interfaces,
    "DetachNetworkInterface": detach_network_interface,
    "ModifyNetworkInterfaceAttribute": modify_network_interface_attribute,
    "ResetNetworkInterfaceAttribute": reset_network_interface_attribute,
    "UnassignPrivateIpAddresses": unassign_private_ip_addresses,
}
