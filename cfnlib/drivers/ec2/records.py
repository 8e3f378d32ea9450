"""Things as an EC2 API describes them, in the fields by which the types of cfnlib read things.

The types are declared in CloudStack's terms, because that is the cloud they are for; so a road through another API
brings its descriptions into those terms, and the declarations stay one. A thing is known by the tag `cfnlib:name`,
which is given with it; `name` is that, or else the tag `Name`.

Source: Amazon EC2 API reference, Instance, Volume, SecurityGroup, IpPermission, Address.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Item = Mapping[str, Any]

NAME = "cfnlib:name"
"""The tag that a thing is found by."""
TOKEN = "cfnlib:token"  # noqa: S105 - a tag's key
"""The tag that holds the token of a machine's launch, for APIs that do not tell it."""

STATES = {
    "pending": "Starting",
    "running": "Running",
    "stopping": "Stopping",
    "stopped": "Stopped",
    "shutting-down": "Stopping",
    "terminated": "Destroyed",
}
VOLUME_STATES = {
    "creating": "Creating",
    "available": "Ready",
    "in-use": "Ready",
    "deleting": "Expunging",
    "deleted": "Expunged",
    "error": "UploadError",
}
ROOTS = frozenset({"/dev/sda1", "/dev/sda", "/dev/xvda", "/dev/vda", "/dev/vda1"})
GIB = 2**30
DEFAULT_DISK = "default"
"""Stands for the kind of volume that the API makes when none is named."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def instance(item: Item) -> dict[str, Any]:
    """A machine."""
    cards = item.get("NetworkInterfaces") or ()
    first = cards[0] if cards else {}
    groups = [{"id": group.get("GroupId"), "name": group.get("GroupName")} for group in _groups(item)]
    nic = {
        "id": first.get("NetworkInterfaceId"),
        "ipaddress": item.get("PrivateIpAddress"),
        "macaddress": first.get("MacAddress"),
        "networkid": item.get("SubnetId"),
    }
    zone = (item.get("Placement") or {}).get("AvailabilityZone")
    reason = item.get("StateReason") or {}
    state = str((item.get("State") or {}).get("Name"))
    return {
        "id": item["InstanceId"],
        "name": _name(item) or item["InstanceId"],
        "displayname": _name(item),
        "state": STATES.get(state, state),
        "going": state == "shutting-down",
        "nic": [nic],
        "publicip": item.get("PublicIpAddress"),
        "privatednsname": item.get("PrivateDnsName"),
        "publicdnsname": item.get("PublicDnsName"),
        "zoneid": zone,
        "zonename": zone,
        "templateid": item.get("ImageId"),
        "serviceofferingid": item.get("InstanceType"),
        "serviceofferingname": item.get("InstanceType"),
        "hypervisor": item.get("Hypervisor"),
        "keypair": item.get("KeyName"),
        "securitygroup": groups,
        "clienttoken": item.get("ClientToken"),
        "reason": reason.get("Message") or item.get("StateTransitionReason") or "",
        "rootdevice": item.get("RootDeviceName"),
        "devices": [one.get("DeviceName") for one in item.get("BlockDeviceMappings") or ()],
        "tags": _tags(item),
    }


def volume(item: Item) -> dict[str, Any]:
    """A volume. `size` is in bytes, as CloudStack tells it."""
    attached: Item = next(iter(item.get("Attachments") or ()), {})
    device = attached.get("Device")
    state = str(item.get("State"))
    return {
        "id": item["VolumeId"],
        "name": _name(item) or item["VolumeId"],
        "size": int(item.get("Size") or 0) * GIB,
        "state": VOLUME_STATES.get(state, state),
        "type": "ROOT" if device in ROOTS else "DATADISK",
        "virtualmachineid": attached.get("InstanceId"),
        "attachment": attached.get("State") or "",
        "device": device,
        "diskofferingid": item.get("VolumeType"),
        "snapshotid": item.get("SnapshotId"),
        "zoneid": item.get("AvailabilityZone"),
        "zonename": item.get("AvailabilityZone"),
        "tags": _tags(item),
    }


def group(item: Item) -> dict[str, Any]:
    """A security group with its rules."""
    group_id, account = item["GroupId"], item.get("OwnerId")
    return {
        "id": group_id,
        "name": item.get("GroupName"),
        "description": item.get("Description"),
        "account": account,
        "vpcid": item.get("VpcId"),
        "ingressrule": _rules(group_id, "Ingress", item.get("IpPermissions") or ()),
        "egressrule": _rules(group_id, "Egress", item.get("IpPermissionsEgress") or ()),
        "tags": _tags(item),
    }


def key_pair(item: Item) -> dict[str, Any]:
    """A key pair; the private key is told once, when the API makes it."""
    return {
        "id": item.get("KeyPairId") or item.get("KeyName"),
        "name": item.get("KeyName"),
        "fingerprint": item.get("KeyFingerprint"),
        "privatekey": item.get("KeyMaterial"),
    }


def address(item: Item) -> dict[str, Any]:
    """A public address."""
    return {
        "id": item.get("AllocationId") or item.get("PublicIp"),
        "name": _name(item),
        "ipaddress": item.get("PublicIp"),
        "state": "Allocated",
        "isstaticnat": bool(item.get("InstanceId")),
        "virtualmachineid": item.get("InstanceId") or None,
        "vmipaddress": item.get("PrivateIpAddress"),
        "associationid": item.get("AssociationId"),
        "tags": _tags(item),
    }


def snapshot(item: Item) -> dict[str, Any]:
    """A snapshot."""
    return {
        "id": item["SnapshotId"],
        "name": _name(item),
        "volumeid": item.get("VolumeId"),
        "state": str(item.get("State")),
        "tags": _tags(item),
    }


def tag(item: Item) -> dict[str, Any]:
    """One tag of a thing."""
    return {"resourceid": item.get("ResourceId"), "key": item.get("Key"), "value": item.get("Value") or ""}


def device_of(number: int) -> str:
    """The device of a number: 1 is /dev/sdb."""
    return f"/dev/sd{_LETTERS[number % len(_LETTERS)]}"


def permission(params: Mapping[str, Any], pair: Item | None = None) -> dict[str, Any]:
    """One rule as EC2 asks for it, from CloudStack's parameters; `pair` is the group on the other side."""
    protocol = str(params.get("protocol", "all")).lower()
    found: dict[str, Any] = {"IpProtocol": "-1" if protocol == "all" else protocol}
    names = ("icmptype", "icmpcode") if protocol.startswith("icmp") else ("startport", "endport")
    if params.get(names[0]) is not None:
        first = int(params[names[0]])
        found |= {"FromPort": first, "ToPort": int(params.get(names[1], first))}
    if pair is not None:
        return found | {"UserIdGroupPairs": [dict(pair)]}
    cidrs = params.get("cidrlist") or ["0.0.0.0/0"]
    cidrs = cidrs.split(",") if isinstance(cidrs, str) else cidrs
    narrow = [{"CidrIp": cidr} for cidr in cidrs if ":" not in cidr]
    wide = [{"CidrIpv6": cidr} for cidr in cidrs if ":" in cidr]
    return found | ({"IpRanges": narrow} if narrow else {}) | ({"Ipv6Ranges": wide} if wide else {})


def _rules(group_id: str, direction: str, permissions: Iterable[Item]) -> list[dict[str, Any]]:
    """The rules one by one. A `ruleid` holds all that is needed to revoke the rule: EC2's first years had no ids."""
    found = []
    for one in permissions:
        protocol = str(one.get("IpProtocol"))
        base: dict[str, Any] = {"protocol": "all" if protocol == "-1" else protocol}
        bare: dict[str, Any] = {"IpProtocol": protocol}
        names = ("icmptype", "icmpcode") if protocol.startswith("icmp") else ("startport", "endport")
        if one.get("FromPort") is not None and protocol != "-1":
            base |= {names[0]: one["FromPort"], names[1]: one.get("ToPort")}
            bare |= {"FromPort": one["FromPort"], "ToPort": one.get("ToPort")}
        sides: list[tuple[dict[str, Any], dict[str, Any]]] = []
        for key, field in (("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6")):
            for side in one.get(key) or ():
                row = {"cidr": side.get(field), "description": side.get("Description") or ""}
                sides.append((row, {key: [{field: side.get(field)}]}))
        for pair in one.get("UserIdGroupPairs") or ():
            row = {
                "securitygroupid": pair.get("GroupId"),
                "securitygroupname": pair.get("GroupName"),
                "account": pair.get("UserId"),
            }
            known = {name: pair[name] for name in ("GroupId", "UserId") if pair.get(name)}
            if not pair.get("GroupId"):
                known["GroupName"] = pair.get("GroupName")
            sides.append((row, {"UserIdGroupPairs": [known]}))
        for row, side in sides:
            rule_id = json.dumps([group_id, direction, bare | side], sort_keys=True)
            found.append({**base, **row, "ruleid": rule_id})
    return found


def _groups(item: Item) -> Iterable[Item]:
    found: Iterable[Item] = item.get("SecurityGroups") or item.get("Groups") or ()
    return found


def _tags(item: Item) -> list[dict[str, str]]:
    return [{"key": str(tag.get("Key")), "value": str(tag.get("Value") or "")} for tag in item.get("Tags") or ()]


def _name(item: Item) -> str | None:
    tags = {str(tag.get("Key")): str(tag.get("Value") or "") for tag in item.get("Tags") or ()}
    return tags.get(NAME) or tags.get("Name") or None
