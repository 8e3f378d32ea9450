"""Describing, starting, stopping, rebooting and terminating instances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compat.ec2.faults import Ec2Error, not_found
from compat.ec2.filters import filtered
from compat.ec2.ids import is_uuid
from compat.ec2.machines import Describer, doomed_among, reservations, shown_state, state, state_of
from compat.ec2.pages import paged
from compat.ec2.public_addresses import sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from compat.ec2.world import Row, World

FILTERS: dict[str, Any] = {
    "affinity": "Placement.Affinity",
    "architecture": "Architecture",
    "availability-zone": "Placement.AvailabilityZone",
    "block-device-mapping.attach-time": "BlockDeviceMappings.Ebs.AttachTime",
    "block-device-mapping.delete-on-termination": "BlockDeviceMappings.Ebs.DeleteOnTermination",
    "block-device-mapping.device-name": "BlockDeviceMappings.DeviceName",
    "block-device-mapping.status": "BlockDeviceMappings.Ebs.Status",
    "block-device-mapping.volume-id": "BlockDeviceMappings.Ebs.VolumeId",
    "client-token": "ClientToken",
    "dns-name": "PublicDnsName",
    "ebs-optimized": "EbsOptimized",
    "group-id": "SecurityGroups.GroupId",
    "group-name": "SecurityGroups.GroupName",
    "hypervisor": "Hypervisor",
    "iam-instance-profile.arn": "IamInstanceProfile.Arn",
    "image-id": "ImageId",
    "instance-id": "InstanceId",
    "instance-lifecycle": "InstanceLifecycle",
    "instance-state-code": "State.Code",
    "instance-state-name": "State.Name",
    "instance-type": "InstanceType",
    "instance.group-id": "SecurityGroups.GroupId",
    "instance.group-name": "SecurityGroups.GroupName",
    "ip-address": "PublicIpAddress",
    "key-name": "KeyName",
    "launch-index": "AmiLaunchIndex",
    "launch-time": "LaunchTime",
    "monitoring-state": "Monitoring.State",
    "network-interface.addresses.association.public-ip": "NetworkInterfaces.PrivateIpAddresses.Association.PublicIp",
    "network-interface.addresses.primary": "NetworkInterfaces.PrivateIpAddresses.Primary",
    "network-interface.addresses.private-ip-address": "NetworkInterfaces.PrivateIpAddresses.PrivateIpAddress",
    "network-interface.association.public-ip": "NetworkInterfaces.Association.PublicIp",
    "network-interface.attachment.device-index": "NetworkInterfaces.Attachment.DeviceIndex",
    "network-interface.attachment.status": "NetworkInterfaces.Attachment.Status",
    "network-interface.description": "NetworkInterfaces.Description",
    "network-interface.group-id": "NetworkInterfaces.Groups.GroupId",
    "network-interface.group-name": "NetworkInterfaces.Groups.GroupName",
    "network-interface.mac-address": "NetworkInterfaces.MacAddress",
    "network-interface.network-interface-id": "NetworkInterfaces.NetworkInterfaceId",
    "network-interface.private-ip-address": "NetworkInterfaces.PrivateIpAddress",
    "network-interface.status": "NetworkInterfaces.Status",
    "network-interface.subnet-id": "NetworkInterfaces.SubnetId",
    "network-interface.vpc-id": "NetworkInterfaces.VpcId",
    "owner-id": "_owner",
    "placement-group-name": "Placement.GroupName",
    "platform": "Platform",
    "private-dns-name": "PrivateDnsName",
    "private-ip-address": "PrivateIpAddress",
    "reason": "StateTransitionReason",
    "reservation-id": "_reservation",
    "root-device-name": "RootDeviceName",
    "root-device-type": "RootDeviceType",
    "source-dest-check": "NetworkInterfaces.SourceDestCheck",
    "spot-instance-request-id": "SpotInstanceRequestId",
    "state-reason-code": "StateReason.Code",
    "subnet-id": "SubnetId",
    "tenancy": "Placement.Tenancy",
    "virtualization-type": "VirtualizationType",
    "vpc-id": "VpcId",
}
"""Where each filter of DescribeInstances finds its values. Source: Amazon EC2 API reference, DescribeInstances."""


def machines(world: World, asked: Sequence[str] | None) -> list[Row]:
    """The machines that are asked for, those that were removed here not long ago too. Raises `Ec2Error`."""
    live = world.rows("instance")
    there = {str(row["id"]): row for row in live}
    for row in world.tombstones():
        there.setdefault(str(row["id"]), {**row, "state": "Destroyed"})
    if not asked:
        return list(there.values())
    found = []
    for name in dict.fromkeys(asked):
        uuid = name.lower() if is_uuid(name) else world.uuid("instance", name)
        if uuid not in there:
            raise not_found("instance", name)
        found.append(there[uuid])
    return found


def describe_instances(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """All machines that are asked for, by reservation."""
    rows, volumes = _with_volumes(world, params.get("InstanceIds"))
    describer = Describer(world, rows, volumes)
    instances = filtered((describer.instance(row) for row in rows), params.get("Filters"), FILTERS)
    page, token = paged(instances, params, lambda one: f"{one['LaunchTime']} {one['InstanceId']}")
    return {"Reservations": reservations(page), "NextToken": token}


def describe_instance_status(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The running machines (with IncludeAllInstances: all), and that nothing is known to be wrong with them."""
    rows = machines(world, params.get("InstanceIds"))
    doomed = doomed_among(world, rows)
    found: list[dict[str, Any]] = []
    for row in rows:
        name = shown_state(world, row, doomed)
        if name != "running" and not params.get("IncludeAllInstances"):
            continue
        ok = {"Status": "ok", "Details": [{"Name": "reachability", "Status": "passed"}]}
        unknown = {"Status": "not-applicable", "Details": []}
        found.append(
            {
                "InstanceId": world.learn("instance", str(row["id"])),
                "AvailabilityZone": row.get("zonename"),
                "InstanceState": state(name),
                "Events": [],
                "SystemStatus": ok if name == "running" else unknown,
                "InstanceStatus": ok if name == "running" else unknown,
            }
        )
    finders = {
        "availability-zone": "AvailabilityZone",
        "instance-state-code": "InstanceState.Code",
        "instance-state-name": "InstanceState.Name",
        "instance-status.status": "InstanceStatus.Status",
        "instance-status.reachability": "InstanceStatus.Details.Status",
        "system-status.status": "SystemStatus.Status",
        "system-status.reachability": "SystemStatus.Details.Status",
        "event.code": "Events.Code",
    }
    page, token = paged(filtered(found, params.get("Filters"), finders), params, lambda one: str(one["InstanceId"]))
    return {"InstanceStatuses": page, "NextToken": token}


def start_instances(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Start stopped machines; those that run, or are about to, are left as they are."""
    changes = {"stopped": "pending"}
    return {"StartingInstances": _changed(world, params, "startVirtualMachine", changes, not_when={"stopping"})}


def stop_instances(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Stop running machines. `Force` stops them without asking the system in them."""
    changes = {"running": "stopping", "pending": "stopping"}
    return {
        "StoppingInstances": _changed(world, params, "stopVirtualMachine", changes, forced=bool(params.get("Force")))
    }


def reboot_instances(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Reboot running machines."""
    changes = {"running": "running"}
    _changed(world, params, "rebootVirtualMachine", changes, not_when={"stopping", "stopped"})
    return {}


def terminate_instances(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Remove machines with their volumes, but for those that were to be kept. Doing so twice changes nothing."""
    rows, volumes = _with_volumes(world, params["InstanceIds"])
    doomed = doomed_among(world, rows)
    before = [state_of(row, doomed) for row in rows]
    todo = [row for row, name in zip(rows, before, strict=True) if name not in {"terminated", "shutting-down"}]
    describer = Describer(world, todo, volumes)
    works = []
    for row in todo:
        devices = describer.instance(row)["BlockDeviceMappings"]
        doomed_volumes = [
            world.uuid("volume", one["Ebs"]["VolumeId"])
            for one in devices
            if one["Ebs"]["DeleteOnTermination"] and one["DeviceName"] != "/dev/sda1"
        ]
        works.append(_removal(world, row, doomed_volumes))
    _raise_first(world.together(works))
    if any(row.get("publicip") or world.marks(row).public for row in todo):
        world.behind([lambda: sweep(world)])
    changed = {str(row["id"]) for row in todo}
    return {
        "TerminatingInstances": [
            _change(world, row, name, "shutting-down" if str(row["id"]) in changed else name)
            for row, name in zip(rows, before, strict=True)
        ]
    }


def _removal(world: World, row: Row, volumes: Sequence[str]) -> Callable[[], None]:
    def work() -> None:
        extra: dict[str, Any] = {"volumeids": list(volumes)} if volumes else {}
        if world.may_expunge():
            extra["expunge"] = True
        world.call("destroyVirtualMachine", id=row["id"], **extra)
        world.bury(row)

    return work


def _changed(
    world: World,
    params: Mapping[str, Any],
    command: str,
    changes: Mapping[str, str],
    not_when: AbstractSet[str] = frozenset(),
    **extra: bool,
) -> list[dict[str, Any]]:
    """Make a call for each machine whose state is one of `changes`, and tell of all of them.

    Raises `Ec2Error`, before any call, for a machine that goes or is gone, or whose state is one of `not_when`.
    """
    rows = machines(world, params["InstanceIds"])
    doomed = doomed_among(world, rows)
    before = [state_of(row, doomed) for row in rows]
    for row, name in zip(rows, before, strict=True):
        if name in {"terminated", "shutting-down"} | not_when:
            shown = world.learn("instance", str(row["id"]))
            text = f"The instance '{shown}' is not in a state from which it can be changed so: it is {name}."
            raise Ec2Error("IncorrectInstanceState", text)
    works = [
        lambda row=row: world.call(command, id=row["id"], **extra)
        for row, name in zip(rows, before, strict=True)
        if name in changes and not (name == "pending" and "jobid" in row and command != "stopVirtualMachine")
    ]
    _raise_first(world.together(works))
    return [_change(world, row, name, changes.get(name, name)) for row, name in zip(rows, before, strict=True)]


def _change(world: World, row: Row, before: str, now: str) -> dict[str, Any]:
    return {
        "InstanceId": world.learn("instance", str(row["id"])),
        "CurrentState": state(now),  # first, as on EC2: libcloud takes the first name for it
        "PreviousState": state(before),
    }


def _with_volumes(world: World, asked: Sequence[str] | None) -> tuple[list[Row], list[Row]]:
    """The machines and the account's volumes, asked for at the same time."""
    rows, volumes = world.together([lambda: machines(world, asked), lambda: world.rows("volume")])
    for found in (rows, volumes):
        if isinstance(found, BaseException):
            raise found
    return rows, volumes


def _raise_first(results: Sequence[object]) -> None:
    for result in results:
        if isinstance(result, BaseException):
            raise result


ACTIONS = {
    "DescribeInstances": describe_instances,
    "DescribeInstanceStatus": describe_instance_status,
    "StartInstances": start_instances,
    "StopInstances": stop_instances,
    "RebootInstances": reboot_instances,
    "TerminateInstances": terminate_instances,
}
