"""Snapshots of volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.drivers.cloudstack.tags import kept_value
from compat.ec2.faults import Ec2Error, unsupported
from compat.ec2.filters import filtered
from compat.ec2.homes import shown, tags_asked
from compat.ec2.machines import tags_of, time_of
from compat.ec2.pages import paged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compat.ec2.world import Row, World

FILTERS: dict[str, Any] = {
    "description": "Description",
    "encrypted": "Encrypted",
    "owner-id": "OwnerId",
    "progress": "Progress",
    "snapshot-id": "SnapshotId",
    "start-time": "StartTime",
    "status": "State",
    "volume-id": "VolumeId",
    "volume-size": "VolumeSize",
}
_STATES = {"BackedUp": "completed", "Error": "error"}


def describe_snapshots(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The snapshots of the account."""
    sizes = {str(row["id"]): int(row.get("size") or 0) for row in world.rows("volume")}
    found = [described(world, row, sizes) for row in world.chosen("snapshot", params.get("SnapshotIds"))]
    owners = set(params.get("OwnerIds") or ()) - {"self"}
    if owners:
        found = [one for one in found if one["OwnerId"] in owners]
    page, token = paged(filtered(found, params.get("Filters"), FILTERS), params, lambda one: str(one["SnapshotId"]))
    return {"Snapshots": page, "NextToken": token}


def create_snapshot(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Begin a snapshot. CloudStack keeps its description as its name.

    Its tags are part of the call that makes it; they are there as soon as it is completed.
    """
    volume = world.one("volume", params["VolumeId"])
    if volume.get("state") == "Allocated":
        text = f"The volume '{params['VolumeId']}' has no disk before it is attached for the first time: attach it"
        raise Ec2Error("IncorrectState", text)
    text = params.get("Description") or ""
    tags = tags_asked(params, "snapshot")
    pairs = [{"key": key, "value": kept_value(value)} for key, value in tags.items()]
    answer = world.call("createSnapshot", volumeid=volume["id"], name=text or None, tags=pairs)
    return {
        "SnapshotId": world.learn("snapshot", str(answer["id"])),
        "VolumeId": world.learn("volume", str(volume["id"])),
        "State": "pending",
        "Progress": "",
        "StartTime": world.now(),
        "OwnerId": world.caller.account_number,
        "VolumeSize": max(-(-int(volume.get("size") or 0) // (1 << 30)), 1),
        "Description": text,
        "Encrypted": False,
        "Tags": shown(tags),
    }


def delete_snapshot(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Remove a snapshot."""
    world.call("deleteSnapshot", id=world.one("snapshot", params["SnapshotId"])["id"])
    return {}


def copy_snapshot(_world: World, _params: Mapping[str, Any]) -> dict[str, Any]:
    """There is one region only."""
    raise unsupported("there is one region here, and a snapshot is in it already")


def described(world: World, row: Row, sizes: Mapping[str, int]) -> dict[str, Any]:
    """A snapshot; `sizes` are those of the volumes that are still there, in bytes."""
    size = int(row.get("virtualsize") or sizes.get(str(row.get("volumeid")), 0))
    state = _STATES.get(str(row.get("state")), "pending")
    return {
        "SnapshotId": world.learn("snapshot", str(row["id"])),
        "VolumeId": world.learn("volume", str(row.get("volumeid"))) if row.get("volumeid") else "vol-ffffffff",
        "State": state,
        "StartTime": time_of(row.get("created")),
        "Progress": "100%" if state == "completed" else "0%",
        "OwnerId": world.caller.account_number,
        "VolumeSize": max(-(-size // (1 << 30)), 1),
        "Description": row.get("name") or "",
        "Encrypted": False,
        "Tags": tags_of(row),
    }


ACTIONS = {
    "CopySnapshot": copy_snapshot,
    "CreateSnapshot": create_snapshot,
    "DeleteSnapshot": delete_snapshot,
    "DescribeSnapshots": describe_snapshots,
}
