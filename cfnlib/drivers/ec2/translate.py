"""What the calls of the AWS::EC2 types are in an EC2 API: the one table of commands.

The types are declared once, for CloudStack; each of their calls has a counterpart here, a pure function from the
call's parameters (and what `Known` says of things that are there) to requests. So a change of a declaration serves
both roads, and a type that makes no other calls than these needs nothing more for EC2. It was thought of giving every
type a second, EC2-shaped declaration; but then each property would be named twice, and the engine's intents, which
hold calls, would differ between the roads for no one's benefit.

EC2 has no jobs. What goes on after an answer is told by the state that the thing will have (`Wait`), and that state
is what the engine gets as the id of a job: "instance i-0123 running". A process that takes up another's work finds it
written down, and can judge by it.

Where the two differ in meaning, the declarations' meaning, which is CloudStack's, is kept:

- a group lets everything out until its first egress rule, and again after its last (`groups`);
- a machine's data disk outlives it, until the type's own calls delete it;
- an address that leads to a machine is given back as it is, so it is taken off first.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from cfnlib.drivers.ec2 import groups, records
from cfnlib.drivers.ec2.listings import MARK
from cfnlib.drivers.ec2.records import DEFAULT_DISK, NAME, TOKEN, device_of
from cfnlib.drivers.ec2.work import Request, Wait, Work, born_with, given, listed
from cfnlib.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cfnlib.drivers.ec2.work import Known, Params, Record

_PLACES = range(5, 16)
"""The devices that a volume may be given when none is named: /dev/sdf to /dev/sdp, as AWS recommends."""


def translated(command: str, params: Params, known: Known) -> Work:
    """The requests that a call means. Raises `InvalidRequestError` for a call that EC2 has no counterpart of."""
    work = COMMANDS.get(command)
    if work is None:
        raise InvalidRequestError(f"{command} has no counterpart in an EC2 API", command=command)
    return work(params, known)


# Machines


def _deploy(params: Params, known: Known) -> Work:
    token = params.get("clienttoken")
    tags = {NAME: params["name"], "Name": params["name"]} | ({TOKEN: token} if token else {})
    asked: dict[str, Any] = {
        "ImageId": params["templateid"],
        "InstanceType": params["serviceofferingid"],
        "MinCount": 1,
        "MaxCount": 1,
        "ClientToken": token,
        "KeyName": params.get("keypair"),
        "UserData": _decoded(params["userdata"]) if params.get("userdata") else None,
        "BlockDeviceMappings": _disks(params, known) or None,
        "TagSpecifications": [born_with("instance", tags)],
    }
    in_groups = groups.groups_of(params, known)
    networks = listed(params.get("networkids"))
    place: dict[str, Any] = {}
    if params.get("affinitygroupnames"):
        place["GroupName"] = listed(params["affinitygroupnames"])[0]
    if len(networks) > 1:
        cards: list[dict[str, Any]] = [
            {"DeviceIndex": index, "SubnetId": network, **({"Groups": in_groups} if in_groups else {})}
            for index, network in enumerate(networks)
        ]
        if params.get("ipaddress"):
            cards[0]["PrivateIpAddress"] = params["ipaddress"]
        asked["NetworkInterfaces"] = cards
    else:
        asked |= {"PrivateIpAddress": params.get("ipaddress"), "SecurityGroupIds": in_groups or None}
        if networks:
            asked["SubnetId"] = networks[0]
        elif params.get("zoneid"):
            place["AvailabilityZone"] = params["zoneid"]
    if place:
        asked["Placement"] = place
    return Work((Request("RunInstances", given(asked)),), Wait("instance", "running"), _first_instance, tags)


def _first_instance(answer: Params) -> Record:
    return records.instance(answer["Instances"][0])


def _disks(params: Params, known: Known) -> list[dict[str, Any]]:
    found = []
    if params.get("rootdisksize"):
        device = known.root_device(params["templateid"])
        root = {"VolumeSize": int(params["rootdisksize"]), "DeleteOnTermination": True}
        found.append({"DeviceName": device, "Ebs": root})
    if params.get("diskofferingid"):
        ebs = {"VolumeSize": int(params["size"]), "DeleteOnTermination": False, **_disk_type(params)}
        found.append({"DeviceName": device_of(1), "Ebs": ebs})
    return found


def _destroy(params: Params, _: Known) -> Work:
    machine = str(params["id"])
    return Work((Request("TerminateInstances", {"InstanceIds": [machine]}),), Wait("instance", "terminated", machine))


def _stop(params: Params, _: Known) -> Work:
    machine = str(params["id"])
    return Work((Request("StopInstances", {"InstanceIds": [machine]}),), Wait("instance", "stopped", machine))


def _start(params: Params, _: Known) -> Work:
    machine = str(params["id"])
    return Work((Request("StartInstances", {"InstanceIds": [machine]}),), Wait("instance", "running", machine))


def _change_offering(params: Params, _: Known) -> Work:
    value = {"Value": params["serviceofferingid"]}
    return Work((Request("ModifyInstanceAttribute", {"InstanceId": params["id"], "InstanceType": value}),))


def _change(params: Params, known: Known) -> Work:
    requests = []
    if "userdata" in params:
        value = {"Value": _decoded(params["userdata"])}
        requests.append(Request("ModifyInstanceAttribute", {"InstanceId": params["id"], "UserData": value}))
    in_groups = groups.groups_of(params, known)
    if in_groups:
        requests.append(Request("ModifyInstanceAttribute", {"InstanceId": params["id"], "Groups": in_groups}))
    return Work(tuple(requests))


# Volumes


def _create_volume(params: Params, _: Known) -> Work:
    tags = {NAME: params["name"], "Name": params["name"]}
    asked = {
        "AvailabilityZone": params["zoneid"],
        "Size": int(params["size"]) if params.get("size") is not None else None,
        "SnapshotId": params.get("snapshotid"),
        **_disk_type(params),
        "TagSpecifications": [born_with("volume", tags)],
    }
    return Work((Request("CreateVolume", given(asked)),), Wait("volume", "available"), records.volume, tags)


def _delete_volume(params: Params, _: Known) -> Work:
    volume = str(params["id"])
    return Work((Request("DeleteVolume", {"VolumeId": volume}),), Wait("volume", "deleted", volume))


def _attach(params: Params, known: Known) -> Work:
    volume, machine = str(params["id"]), str(params["virtualmachineid"])
    if params.get("deviceid") is not None:
        device = device_of(int(params["deviceid"]))
    else:
        used = {str(name)[-1:] for name in known.one("listVirtualMachines", machine)["devices"]}
        free = [device_of(number) for number in _PLACES if device_of(number)[-1] not in used]
        if not free:
            raise InvalidRequestError(f"attachVolume: {machine} has no free device left", command="attachVolume")
        device = free[0]
    asked = {"VolumeId": volume, "InstanceId": machine, "Device": device}
    return Work((Request("AttachVolume", asked),), Wait("volume", "attached", volume))


def _detach(params: Params, known: Known) -> Work:
    volume = str(params["id"])
    machine = known.one("listVolumes", volume).get("virtualmachineid")
    if machine is None:
        return Work(())
    asked = {"VolumeId": volume, "InstanceId": machine}
    return Work((Request("DetachVolume", asked),), Wait("volume", "detached", volume))


def _resize(params: Params, _: Known) -> Work:
    volume = str(params["id"])
    size = int(params["size"]) if "size" in params else None
    asked = given({"VolumeId": volume, "Size": size, **_disk_type(params)})
    if len(asked) == 1:
        return Work(())
    return Work((Request("ModifyVolume", asked),), Wait("volume", f"size {size}", volume) if size else None)


def _keep(params: Params, _: Known) -> Work:
    tags = {NAME: params["name"], "Name": params["name"]}
    asked = {"VolumeId": params["volumeid"], "TagSpecifications": [born_with("snapshot", tags)]}
    return Work((Request("CreateSnapshot", asked),), Wait("snapshot", "completed"), records.snapshot, tags)


def _disk_type(params: Params) -> dict[str, Any]:
    kind = params.get("diskofferingid")
    return {"VolumeType": kind} if kind and kind != DEFAULT_DISK else {}


# Key pairs


def _create_key(params: Params, _: Known) -> Work:
    return Work((Request("CreateKeyPair", {"KeyName": params["name"]}),), made=records.key_pair)


def _register_key(params: Params, _: Known) -> Work:
    asked = {"KeyName": params["name"], "PublicKeyMaterial": str(params["publickey"]).encode()}
    return Work((Request("ImportKeyPair", asked),), made=records.key_pair)


def _delete_key(params: Params, _: Known) -> Work:
    return Work((Request("DeleteKeyPair", {"KeyName": params["name"]}),))


# Addresses


def _allocate(params: Params, _: Known) -> Work:
    wanted = str(params["ipaddress"])
    asked: dict[str, Any] = {"Domain": "vpc"}
    tags = {}
    if wanted.startswith(MARK):
        tags = {NAME: wanted}
        asked["TagSpecifications"] = [born_with("elastic-ip", tags)]
    else:
        asked["Address"] = wanted
    return Work((Request("AllocateAddress", asked),), made=records.address, tags=tags)


def _release(params: Params, known: Known) -> Work:
    there = known.one("listPublicIpAddresses", str(params["id"]))
    released = Request("ReleaseAddress", _address(there))
    return Work((*_taken_off(there), released))


def _associate(params: Params, known: Known) -> Work:
    there = known.one("listPublicIpAddresses", str(params["ipaddressid"]))
    asked = {
        **_address(there),
        "InstanceId": params["virtualmachineid"],
        "PrivateIpAddress": params.get("vmguestip"),
        "AllowReassociation": False,
    }
    return Work((Request("AssociateAddress", given(asked)),))


def _disassociate(params: Params, known: Known) -> Work:
    return Work(_taken_off(known.one("listPublicIpAddresses", str(params["ipaddressid"]))))


def _taken_off(address: Record) -> tuple[Request, ...]:
    if not (address.get("associationid") or address.get("virtualmachineid")):
        return ()
    known = address.get("associationid")
    return (Request("DisassociateAddress", {"AssociationId": known} if known else _address(address)),)


def _address(address: Record) -> dict[str, str]:
    """How an address is named: by its allocation where it has one."""
    thing_id, number = str(address["id"]), str(address["ipaddress"])
    return {"PublicIp": number} if thing_id == number else {"AllocationId": thing_id}


# Tags


def _tag(params: Params, _: Known) -> Work:
    tags = [{"Key": pair["key"], "Value": str(pair["value"])} for pair in params["tags"]]
    return Work((Request("CreateTags", {"Resources": listed(params["resourceids"]), "Tags": tags}),))


def _untag(params: Params, _: Known) -> Work:
    tags = [{"Key": pair["key"]} for pair in params["tags"]]
    return Work((Request("DeleteTags", {"Resources": listed(params["resourceids"]), "Tags": tags}),))


def _decoded(text: object) -> bytes:
    """User data as it is: templates hold it in base64, and botocore writes it so again."""
    return base64.b64decode(str(text))


COMMANDS: Mapping[str, Callable[[Params, Known], Work]] = {
    "associateIpAddress": _allocate,
    "attachVolume": _attach,
    "authorizeSecurityGroupEgress": groups.authorize_egress,
    "authorizeSecurityGroupIngress": groups.authorize_ingress,
    "changeServiceForVirtualMachine": _change_offering,
    "createSSHKeyPair": _create_key,
    "createSecurityGroup": groups.create_group,
    "createSnapshot": _keep,
    "createTags": _tag,
    "createVolume": _create_volume,
    "deleteSSHKeyPair": _delete_key,
    "deleteSecurityGroup": groups.delete_group,
    "deleteTags": _untag,
    "deleteVolume": _delete_volume,
    "deployVirtualMachine": _deploy,
    "destroyVirtualMachine": _destroy,
    "detachVolume": _detach,
    "disableStaticNat": _disassociate,
    "disassociateIpAddress": _release,
    "enableStaticNat": _associate,
    "registerSSHKeyPair": _register_key,
    "resizeVolume": _resize,
    "revokeSecurityGroupEgress": groups.revoke,
    "revokeSecurityGroupIngress": groups.revoke,
    "startVirtualMachine": _start,
    "stopVirtualMachine": _stop,
    "updateVirtualMachine": _change,
}
"""What EC2 does instead of each command of CloudStack that an AWS::EC2 type gives."""
