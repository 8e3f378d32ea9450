"""AWS::EC2::Instance is a CloudStack machine.

The image is a template, the instance type a service offering, the subnet a network: each by name, alias or id. A
second entry of BlockDeviceMappings is the data disk that CloudStack makes with a machine; it is tagged with the
machine's id, so that it is found and deleted with it, also once it was detached. The tag comes after the machine: a
removal of one that was left half-made makes up for it first. Security groups are passed on in zones that have them;
elsewhere the plan turns them into firewall rules.

Source: CloudFormation's resource specification, AWS::EC2::Instance; CloudStack 4.19, deployVirtualMachine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.resources import machines
from cfnlib.resources.disks import GONE, attach, detach, disk_offering
from cfnlib.resources.ignored import ignored
from cfnlib.resources.rules import group_ids
from cfnlib.schema.calls import FRESH, SELF, Call, Effect, Find, found_id
from cfnlib.schema.lifecycle import parameters, retag_calls, tag_call, tags_of
from cfnlib.schema.model import Attribute, Kind, Native, Property, ResourceType, Update

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.schema.model import Desired, Existing, Facts

_DISK_TAG = "cfnlib:data-disk-of"
_EC2_DEVICE = "/dev/sdb"
_ROOT_DEVICES = ("/dev/sda1", "/dev/sda", "/dev/xvda", "/dev/vda", "/dev/vda1")
_STATES = {"starting": "pending", "destroyed": "terminated", "expunging": "terminated", "error": "terminated"}
_CODES = {"pending": 0, "running": 16, "terminated": 48, "stopping": 64, "stopped": 80}


def _disks(mappings: list[dict[str, Any]] | None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The `Ebs` of the root disk, and those of the data disks."""
    root: dict[str, Any] = {}
    data = []
    for mapping in mappings or ():
        ebs = mapping.get("Ebs") or {}
        if mapping.get("DeviceName") in _ROOT_DEVICES:
            root = ebs
        elif ebs and "NoDevice" not in mapping:
            data.append(ebs)
    return root, data


def _judge(values: Mapping[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
    _, data = _disks(values.get("BlockDeviceMappings"))
    faults: list[tuple[tuple[str | int, ...], str]] = []
    if len(data) > 1:
        said = (
            "CloudStack makes one data disk with a machine; declare others as AWS::EC2::Volume and VolumeAttachment"
        )
        faults.append((("BlockDeviceMappings",), said))
    if data and data[0].get("VolumeSize") is None:
        faults.append((("BlockDeviceMappings",), "a data disk needs a VolumeSize"))
    return faults


def _networks(desired: Desired) -> list[str] | None:
    cards = sorted(desired.get("NetworkInterfaces", []), key=lambda card: int(card.get("DeviceIndex", 0)))
    found = [card["SubnetId"] for card in cards if card.get("SubnetId")]
    if not found and desired.get("SubnetId"):
        found = [desired.get("SubnetId")]
    if not found and desired.get("_network") and not desired.facts.security_groups:
        found = [desired.get("_network")]
    return found or None


def _groups(thing: Desired | Existing) -> dict[str, Any]:
    if not thing.facts.security_groups:
        return {}
    cards = [group for card in thing.get("NetworkInterfaces", []) for group in card.get("GroupSet") or ()]
    return group_ids([*thing.get("SecurityGroupIds", []), *cards], thing.get("SecurityGroups", []))


def _create(desired: Desired) -> list[Call]:
    root, data = _disks(desired.get("BlockDeviceMappings"))
    cards = desired.get("NetworkInterfaces", [])
    params: dict[str, Any] = {
        "zoneid": desired.facts.zone_id,
        "name": desired.name,
        "displayname": desired.name,
        "networkids": _networks(desired),
        "ipaddress": cards[0].get("PrivateIpAddress") if cards else None,
        "rootdisksize": root.get("VolumeSize"),
        "clienttoken": FRESH if desired.facts.ec2 else None,
        **parameters(TYPE, desired.properties),
        **_groups(desired),
    }
    if data:
        params |= {"diskofferingid": disk_offering(data[0].get("VolumeType")), "size": data[0].get("VolumeSize")}
    calls = [machines.deploy(params, exclusive=False)]
    if data and data[0].get("DeleteOnTermination") is not False:
        calls.append(_tag_disk(desired.facts, needed=True))
    tags = tags_of(TYPE, desired.properties)
    calls += [tag_call("UserVm", tags)] if tags else []
    calls += [attach(volume["VolumeId"], device=volume.get("Device")) for volume in desired.get("Volumes", [])]
    return calls


def _own_disk(facts: Facts, *, needed: bool) -> dict[str, Any]:
    """The id of the disk that the machine was made with, while it is attached, whatever else is.

    CloudStack names it after the machine's number, as it does the root disk: nobody else's disk that is attached has
    that name. An EC2 API puts it where the launch says, and nothing else is put there while it is there.
    Source: CloudStack 4.19, VirtualMachineManagerImpl.allocate: ROOT-<number>, DATA-<number>.
    """
    on_it = {"virtualmachineid": SELF}
    if facts.ec2:
        return found_id(Find("listVolumes", "volume", on_it, {"device": _EC2_DEVICE}), needed=needed)
    root = Find("listVolumes", "volume", on_it, {"type": "ROOT"})
    name = found_id(root, "name", needed=needed, swap=("ROOT-", "DATA-"))
    disk = Find("listVolumes", "volume", on_it, {"type": "DATADISK", "name": name}, unless=GONE)
    return found_id(disk, needed=needed)


def _tag_disk(facts: Facts, *, needed: bool) -> Call:
    """Mark the machine's own disk as such; without need, only if there is one."""
    tags = [{"key": _DISK_TAG, "value": SELF}]
    params = {"resourceids": [_own_disk(facts, needed=needed)], "resourcetype": "Volume", "tags": tags}
    check = Find("listTags", "tag", {"resourcetype": "Volume", "key": _DISK_TAG, "value": SELF}, {"value": SELF})
    return Call("createTags", params, check=check)


def _update(existing: Existing, desired: Desired) -> list[Call]:
    def changed(name: str) -> bool:
        return bool(existing.get(name) != desired.get(name))

    calls = []
    if changed("InstanceType"):
        calls.append(machines.change_offering(desired.get("InstanceType")))
    if changed("UserData"):
        calls.append(machines.change(userdata=desired.get("UserData", "")))
    if _groups(existing) != _groups(desired):
        groups = _groups(desired) or {"securitygroupnames": ["default"]}
        check = machines.change(**groups)
        calls.append(Call(check.command, check.params, key=check.key, check=_in_group(groups)))
    if calls:
        calls = [machines.stop(), *calls, machines.start()]
    before, after = existing.get("Volumes", []), desired.get("Volumes", [])
    calls += [detach(volume["VolumeId"]) for volume in before if volume not in after]
    calls += [attach(volume["VolumeId"], device=volume.get("Device")) for volume in after if volume not in before]
    return [*calls, *retag_calls("UserVm", tags_of(TYPE, existing.properties), tags_of(TYPE, desired.properties))]


def _in_group(groups: Mapping[str, list[Any]]) -> Find:
    """The machine if it is in the last of the groups. A record holds its groups in no order, so one is asked for."""
    field, values = next(iter(groups.items()))
    if field == "securitygroupids":
        return Find(machines.READ.command, machines.READ.key, {"id": SELF, "securitygroupid": values[-1]})
    return Find("listSecurityGroups", "securitygroup", {"virtualmachineid": SELF}, {"name": values[-1]})


def _delete(existing: Existing) -> list[Call]:
    calls = [detach(volume["VolumeId"]) for volume in existing.get("Volumes", [])]
    _, data = _disks(existing.get("BlockDeviceMappings"))
    if data and data[0].get("DeleteOnTermination") is not False:
        disk = Find("listVolumes", "volume", {"tags": [{"key": _DISK_TAG, "value": SELF}]})
        if not existing.attributes:  # it was never seen complete, so its disk may have no tag
            calls.append(_tag_disk(existing.facts, needed=False))
        calls.append(detach(found_id(disk)))
        calls.append(Call("deleteVolume", {"id": found_id(disk)}, Effect.REMOVES, check=disk))
    return [*calls, *machines.destroy(existing)]


def _state(record: Mapping[str, Any]) -> str | None:
    state = str(record.get("state", "")).lower()
    return _STATES.get(state, state) or None


_EBS = {
    "VolumeSize": Property("Size in GiB.", kind=Kind.INTEGER, minimum=1),
    "VolumeType": Property("A disk offering's name; AWS's own names mean one with a size of your choice."),
    "DeleteOnTermination": Property("Whether the disk goes with the machine.", kind=Kind.BOOLEAN, default=True),
    **ignored("the disk offering says it", "Encrypted", "Iops", "KmsKeyId", "Throughput"),
    **ignored("a new machine's disk is not made from a snapshot; declare an AWS::EC2::Volume", "SnapshotId"),
}
_CARD = {
    "SubnetId": Property("The network, by name or id.", lookup="network"),
    "DeviceIndex": Property("The card's place, from 0.", kind=Kind.INTEGER, required=True, minimum=0),
    "PrivateIpAddress": Property("The address in the network; of the first card only."),
    "GroupSet": Property("Security groups, by id.", kind=Kind.LIST, item=Property("A security group's id.")),
    **ignored("a public address is an AWS::EC2::EIP", "AssociatePublicIpAddress", "AssociateCarrierIpAddress"),
    **ignored("a card lives and dies with its machine", "NetworkInterfaceId", "DeleteOnTermination", "Description"),
    **ignored("only one IPv4 address a card is chosen", "PrivateIpAddresses", "SecondaryPrivateIpAddressCount"),
    **ignored("IPv6 addresses come from the network", "Ipv6AddressCount", "Ipv6Addresses"),
    **ignored("it is a feature of AWS's hosts", "EnaSrdSpecification"),
}
DISKS = Property(
    "The root disk (/dev/sda1, /dev/xvda, ...) with its size, and at most one data disk.",
    kind=Kind.LIST,
    item=Property(
        "A disk.",
        kind=Kind.OBJECT,
        fields={
            "DeviceName": Property("The device.", required=True),
            "Ebs": Property("The disk.", kind=Kind.OBJECT, fields=_EBS),
            "NoDevice": Property("Leaves the disk out.", kind=Kind.JSON),
            **ignored("hosts lend no disks of their own", "VirtualName"),
        },
    ),
)
"""The disks that a machine is made with."""

TYPE = ResourceType(
    name="AWS::EC2::Instance",
    doc="A machine: deployVirtualMachine, with an image, an instance type and networks by name, alias or id.",
    properties={
        "ImageId": Property("The template.", required=True, param="templateid", lookup="template"),
        "InstanceType": Property(
            "The service offering.",
            required=True,
            update=Update.RESTART,
            param="serviceofferingid",
            lookup="serviceoffering",
        ),
        "AvailabilityZone": Property("The zone; the configured one when absent.", param="zoneid", lookup="zone"),
        "SubnetId": Property("The network; one is made when absent.", lookup="network"),
        "NetworkInterfaces": Property(
            "One network card a network.",
            kind=Kind.LIST,
            item=Property("A network card.", kind=Kind.OBJECT, fields=_CARD),
        ),
        "PrivateIpAddress": Property("The address in the first network.", param="ipaddress"),
        "KeyName": Property("The SSH key pair's name.", param="keypair"),
        "UserData": Property("What cloud-init gets, in base64.", update=Update.RESTART, param="userdata"),
        "SecurityGroupIds": Property(
            "Security groups, by id.", kind=Kind.LIST, update=Update.RESTART, item=Property("A security group's id.")
        ),
        "SecurityGroups": Property(
            "Security groups, by name or id.",
            kind=Kind.LIST,
            update=Update.RESTART,
            item=Property("A security group's name or id."),
        ),
        "BlockDeviceMappings": DISKS,
        "Volumes": Property(
            "Volumes to attach.",
            kind=Kind.LIST,
            update=Update.IN_PLACE,
            item=Property(
                "A volume.",
                kind=Kind.OBJECT,
                fields={
                    "VolumeId": Property("The volume.", required=True),
                    "Device": Property("The device, as /dev/sdf."),
                },
            ),
        ),
        "PlacementGroupName": Property("The affinity group's name.", param="affinitygroupnames"),
        "Tags": Property("Tags of the machine.", kind=Kind.TAGS, update=Update.IN_PLACE),
        "_network": Property("The network that the plan made for machines that name none."),
        **ignored("CloudStack has no IAM", "IamInstanceProfile"),
        **ignored("there are no launch templates", "LaunchTemplate"),
        **ignored("an administrator says which hosts a machine may use", "Tenancy", "Affinity", "HostId"),
        **ignored("an administrator says which hosts a machine may use", "HostResourceGroupArn"),
        **ignored("the service offering says it", "CpuOptions", "CreditSpecification", "EbsOptimized"),
        **ignored("the service offering says it", "ElasticGpuSpecifications", "ElasticInferenceAccelerators"),
        **ignored("the template brings its kernel", "KernelId", "RamdiskId"),
        **ignored("it is a feature of AWS's hosts", "EnclaveOptions", "HibernationOptions", "MetadataOptions"),
        **ignored("it is a service of AWS", "Monitoring", "SsmAssociations", "LicenseSpecifications"),
        **ignored("a machine that stops itself stays, stopped", "InstanceInitiatedShutdownBehavior"),
        **ignored("whoever may delete the stack may delete the machine", "DisableApiTermination"),
        **ignored("IPv6 addresses come from the network", "Ipv6AddressCount", "Ipv6Addresses"),
        **ignored("the network's router knows the machine by its name", "PrivateDnsNameOptions"),
        **ignored("the network's offering says it", "SourceDestCheck"),
        **ignored("only machines and what has tags of its own is tagged", "PropagateTagsToVolumeOnCreation"),
        **ignored("it was for AWS's own use", "AdditionalInfo"),
    },
    attributes={
        "InstanceId": Attribute("The machine's id.", "id"),
        "PrivateIp": Attribute("The address of its first network card.", "nic.0.ipaddress"),
        "PublicIp": Attribute(
            "Its public address: by static NAT, or its own in a shared network.", machines.public_address
        ),
        "PrivateDnsName": Attribute(
            "Its name, which its network's router resolves.",
            lambda record: record.get("privatednsname") or record.get("name"),
        ),
        "PublicDnsName": Attribute(
            "Its public address: CloudStack gives no public names.",
            lambda record: record.get("publicdnsname") or machines.public_address(record),
        ),
        "AvailabilityZone": Attribute("The zone's name.", "zonename"),
        "VpcId": Attribute("The id of its first network, the nearest thing.", "nic.0.networkid"),
        "State.Name": Attribute("Its state in EC2's words.", _state),
        "State.Code": Attribute(
            "Its state as EC2's number.", lambda record: _CODES.get(_state(record) or ""), kind=Kind.INTEGER
        ),
    },
    exclusive=(("SecurityGroupIds", "NetworkInterfaces"), ("SubnetId", "NetworkInterfaces")),
    ec2=True,
    native=Native(
        key="virtualmachine", create=_create, update=_update, delete=_delete, read=machines.READ, tag_type="UserVm"
    ),
    judge=_judge,
    source="CloudFormation resource specification; CloudStack 4.19 deployVirtualMachine",
)
