"""Volumes and their attachments."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from compat.ec2 import names
from compat.ec2.actions.attributes import remark
from compat.ec2.faults import Ec2Error, unsupported
from compat.ec2.filters import filtered
from compat.ec2.homes import Home, mark, put, shown, tags_asked, take
from compat.ec2.ids import DIGITS
from compat.ec2.launch import check_plain, creation, grows
from compat.ec2.machines import DEVICE, GONE, device_name, shown_device, tags_of, time_of
from compat.ec2.marks import PREFIX
from compat.ec2.pages import paged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compat.ec2.world import Row, World

FILTERS: dict[str, Any] = {
    "attachment.attach-time": "Attachments.AttachTime",
    "attachment.delete-on-termination": "Attachments.DeleteOnTermination",
    "attachment.device": "Attachments.Device",
    "attachment.instance-id": "Attachments.InstanceId",
    "attachment.status": "Attachments.State",
    "availability-zone": "AvailabilityZone",
    "create-time": "CreateTime",
    "encrypted": "Encrypted",
    "size": "Size",
    "snapshot-id": "SnapshotId",
    "status": "State",
    "volume-id": "VolumeId",
    "volume-type": "VolumeType",
}
_STATES = {
    "Allocated": "available",
    "Ready": "available",
    "Creating": "creating",
    "Migrating": "available",
    "Snapshotting": "available",
    "Resizing": "available",
    "Uploaded": "available",
    "Destroy": "deleting",
    "Expunging": "deleting",
    "Expunged": "deleted",
    "UploadError": "error",
    "UploadAbandoned": "error",
}
_GIB = 1 << 30
_CDROM = 3
_LABEL = 200
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def describe_volumes(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The volumes of the account. The root of a machine that is gone is gone too, though the cloud still keeps it."""
    rows = [
        row
        for row in world.chosen("volume", params.get("VolumeIds"))
        if row.get("type") != "ROOT" or row.get("vmstate") not in GONE
    ]
    marks = _marks(world, rows)
    found = [described(world, row, marks) for row in rows]
    page, token = paged(filtered(found, params.get("Filters"), FILTERS), params, lambda one: str(one["VolumeId"]))
    return {"Volumes": page, "NextToken": token}


def described(world: World, row: Row, machines: Mapping[str, Row]) -> dict[str, Any]:
    """A volume; `machines` are those that volumes are attached to, by UUID."""
    machine = machines.get(str(row.get("virtualmachineid")))
    attachments = [] if row.get("virtualmachineid") is None else [_attachment(world, row, machine)]
    snapshot = row.get("snapshotid")
    return {
        "VolumeId": world.learn("volume", str(row["id"])),
        "Size": _size_gib(row),
        "SnapshotId": world.learn("snapshot", str(snapshot)) if snapshot else "",
        "AvailabilityZone": row.get("zonename"),
        "State": "in-use" if attachments else _STATES.get(str(row.get("state")), "available"),
        "CreateTime": time_of(row.get("created")),
        "Attachments": attachments,
        "Tags": tags_of(row),
        "VolumeType": "gp2",
        "Encrypted": False,
        "MultiAttachEnabled": False,
    }


def create_volume(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Make a volume. CloudStack may place it only when it is first attached.

    What the client's token makes lasts in the volume's name, which is part of the call that makes it: a request that
    was not answered and is sent again, to whichever bridge, finds the volume and gives it the tags that it lacks.
    """
    zone = names.zone(world, params.get("AvailabilityZone"))
    size, snapshot = params.get("Size"), params.get("SnapshotId")
    if size is None and not snapshot:
        raise Ec2Error("MissingParameter", "The request must contain the parameter size or snapshotId")
    if size is not None and not 1 <= size <= 65536:
        raise Ec2Error("InvalidParameterValue", f"Volume of {size}GiB is out of range; 1 to 65536 GiB can be had.")
    check_plain(params)
    tags = tags_asked(params, "volume")
    snapshot_id = None
    if snapshot:
        origin = world.one("snapshot", snapshot)
        snapshot_id = str(origin["id"])
        if grows(origin, size):
            raise unsupported(
                "CloudStack makes a volume as large as its snapshot: leave Size out, then let the volume grow to "
                f"{size} GiB with ModifyVolume"
            )
    name = _name(world, params.get("ClientToken"), tags.get("Name"))
    row = _of_token(world, name, params)
    if row is None:
        made = {**creation(world, size, snapshot_id, str(zone["id"]), "volume"), "name": name}
        row = world.one("volume", str(world.call("createVolume", **made)["id"]))
    elif row.get("zoneid") != zone["id"] or (size is not None and size != _size_gib(row)):
        text = f"The client token {params['ClientToken']} was used for another volume"
        raise Ec2Error("IdempotentParameterMismatch", text)
    there = {tag["Key"] for tag in tags_of(row)}
    put(world, Home("Volume", str(row["id"])), {key: value for key, value in tags.items() if key not in there})
    return {**described(world, row, {}), "State": "creating", "Tags": shown(tags)}


def _name(world: World, token: str | None, label: str | None) -> str:
    """What a new volume is called on CloudStack: with a token, so that the same name comes of the same token."""
    if token is None:
        return label or "volume"
    digest = sha256(f"{world.caller.domain_id}/{world.caller.account}\n{token}".encode()).hexdigest()[:DIGITS]
    return f"{(label or 'volume')[:_LABEL]} {digest}"


def _of_token(world: World, name: str, params: Mapping[str, Any]) -> Row | None:
    """The volume that this client token has made already, if it has."""
    if params.get("ClientToken") is None:
        return None
    digest = name.rpartition(" ")[2]
    rows = [row for row in world.rows("volume", keyword=digest) if str(row.get("name", "")).endswith(f" {digest}")]
    return next((row for row in rows if row.get("state") not in {"Destroy", "Expunging", "Expunged"}), None)


def _size_gib(row: Row) -> int:
    return max(-(-int(row.get("size") or 0) // _GIB), 1)


def delete_volume(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Remove a volume that is attached to nothing."""
    row = world.one("volume", params["VolumeId"])
    if row.get("virtualmachineid") is not None:
        instance = world.learn("instance", str(row["virtualmachineid"]))
        raise Ec2Error("VolumeInUse", f"Volume {params['VolumeId']} is currently attached to {instance}")
    world.call("deleteVolume", id=row["id"])
    return {}


def attach_volume(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Attach a volume. The system in the machine may know the device by another name."""
    volume, machine = world.one("volume", params["VolumeId"]), world.one("instance", params["InstanceId"])
    if volume.get("virtualmachineid") is not None:
        raise Ec2Error("VolumeInUse", f"{params['VolumeId']} is already attached to an instance")
    device, number, marks = params["Device"], device_id(params["Device"]), world.marks(machine)
    there = world.rows("volume", virtualmachineid=machine["id"])
    used = {int(row.get("deviceid", 0)) for row in there}
    if number == _CDROM:  # a name as good as any other, for a place that CloudStack has other plans with
        number = next(one for one in range(1, 100) if one not in used | {_CDROM})
    if number in used or device in {shown_device(row, marks) for row in there}:
        text = f"Invalid value '{params['Device']}' for unixDevice. That attachment point is already in use"
        raise Ec2Error("InvalidParameterValue", text)
    if marks.dooms(str(number)):  # what the launch put there is gone; this one is to stay when the machine goes
        remark(world, machine, devices=tuple(text for text in marks.devices if text.split(" ", 1)[0] != str(number)))
    _name_device(world, volume, device if device != device_name(number) else None)
    world.call("attachVolume", id=volume["id"], virtualmachineid=machine["id"], deviceid=number)
    return {
        "VolumeId": params["VolumeId"],
        "InstanceId": params["InstanceId"],
        "Device": params["Device"],
        "State": "attaching",
        "AttachTime": world.now(),
        "DeleteOnTermination": False,
    }


def _name_device(world: World, volume: Row, device: str | None) -> None:
    """Keep on a volume under which name it is attached; None when its place says that."""
    home, before = Home("Volume", str(volume["id"])), mark(volume, DEVICE)
    if before is not None and before != device:
        take(world, home, [PREFIX + DEVICE])
    if device is not None and before != device:
        put(world, home, {PREFIX + DEVICE: device})


def detach_volume(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Detach a volume."""
    row = world.one("volume", params["VolumeId"])
    if row.get("virtualmachineid") is None:
        raise Ec2Error("IncorrectState", f"Volume '{params['VolumeId']}' is in the 'available' state.")
    instance = world.learn("instance", str(row["virtualmachineid"]))
    wanted = params.get("InstanceId")
    if wanted and world.uuid("instance", wanted) != row["virtualmachineid"]:
        raise Ec2Error("InvalidAttachment.NotFound", f"The volume is attached to {instance}, not to {wanted}")
    if row.get("type") == "ROOT":
        raise unsupported("the root volume of a machine cannot be detached while the machine is there")
    device = _attachment(world, row, None)["Device"]
    world.call("detachVolume", id=row["id"])
    return {
        "VolumeId": params["VolumeId"],
        "InstanceId": instance,
        "Device": device,
        "State": "detaching",
        "DeleteOnTermination": False,
    }


def describe_volume_status(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Nothing is known to be wrong with any volume."""
    rows = world.chosen("volume", params.get("VolumeIds"))
    ok = {"Status": "ok", "Details": [{"Name": "io-enabled", "Status": "passed"}]}
    found: list[dict[str, Any]] = [
        {
            "VolumeId": world.learn("volume", str(row["id"])),
            "AvailabilityZone": row.get("zonename"),
            "VolumeStatus": ok,
            "Events": [],
            "Actions": [],
        }
        for row in rows
    ]
    finders = {"availability-zone": "AvailabilityZone", "volume-status.status": "VolumeStatus.Status"}
    page, token = paged(filtered(found, params.get("Filters"), finders), params, lambda one: str(one["VolumeId"]))
    return {"VolumeStatuses": page, "NextToken": token}


def modify_volume(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Let a volume grow."""
    row, size = world.one("volume", params["VolumeId"]), params.get("Size")
    present = _size_gib(row)
    if size is None:
        raise unsupported("a volume's type and speed come from its disk offering; only its size can be changed here")
    if size < present:
        raise Ec2Error("InvalidParameterValue", f"New size cannot be smaller than existing size {present}")
    world.call("resizeVolume", id=row["id"], size=size)
    return {"VolumeModification": _modification(params["VolumeId"], present, size, "modifying")}


def describe_volumes_modifications(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The changes of size that were asked for are done as soon as the volume shows them."""
    found = []
    for row in world.chosen("volume", params.get("VolumeIds")):
        size = _size_gib(row)
        state = "modifying" if row.get("state") == "Resizing" else "completed"
        found.append(_modification(world.learn("volume", str(row["id"])), size, size, state))
    finders = {"modification-state": "ModificationState", "volume-id": "VolumeId"}
    page, token = paged(filtered(found, params.get("Filters"), finders), params, lambda one: str(one["VolumeId"]))
    return {"VolumesModifications": page, "NextToken": token}


def device_id(device: str) -> int:
    """CloudStack's number for a device: the letter's place, /dev/sdb being 1. Raises `Ec2Error`."""
    letter = (
        device.removeprefix("/dev/").removeprefix("xvd").removeprefix("sd").removeprefix("vd").rstrip("0123456789")
    )
    if len(letter) != 1 or letter not in _LETTERS or letter == "a":
        raise Ec2Error(
            "InvalidParameterValue",
            f"Value ({device}) for parameter device is invalid. {device} is not a valid device name.",
        )
    return _LETTERS.index(letter)


def _attachment(world: World, row: Row, machine: Row | None) -> dict[str, Any]:
    number = str(row.get("deviceid", 0))
    marks = world.marks(machine) if machine is not None else None
    return {
        "VolumeId": world.learn("volume", str(row["id"])),
        "InstanceId": world.learn("instance", str(row["virtualmachineid"])),
        "Device": shown_device(row, marks),
        "State": "attached",
        "AttachTime": time_of(row.get("attached") or row.get("created")),
        "DeleteOnTermination": row.get("type") == "ROOT" or (marks is not None and marks.dooms(number)),
    }


def _modification(volume: str, before: int, size: int, state: str) -> dict[str, Any]:
    return {
        "VolumeId": volume,
        "ModificationState": state,
        "OriginalSize": before,
        "TargetSize": size,
        "Progress": 100 if state == "completed" else 0,
    }


def _marks(world: World, rows: list[Row]) -> dict[str, Row]:
    """The machines that volumes are attached to."""
    if not any(row.get("virtualmachineid") for row in rows):
        return {}
    return {str(machine["id"]): machine for machine in world.rows("instance")}


ACTIONS = {
    "AttachVolume": attach_volume,
    "CreateVolume": create_volume,
    "DeleteVolume": delete_volume,
    "DescribeVolumeStatus": describe_volume_status,
    "DescribeVolumes": describe_volumes,
    "DescribeVolumesModifications": describe_volumes_modifications,
    "DetachVolume": detach_volume,
    "ModifyVolume": modify_volume,
}
