"""Snapshots of disks and machines, and the policies that make them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cfnlib.simulator.commands.volumes import disk_of
from cfnlib.simulator.encode import when
from cfnlib.simulator.errors import bad_value
from cfnlib.simulator.jobs import Work
from cfnlib.simulator.limits import check_limit
from cfnlib.simulator.ownership import has_tags, owner_fields, tags_of

if TYPE_CHECKING:
    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity

INTERVALS = {"HOURLY": 0, "DAILY": 1, "WEEKLY": 2, "MONTHLY": 3}


def shown(call: Call, snapshot: Entity) -> dict[str, Any]:
    """A snapshot of a disk."""
    world = call.world
    disk, zone = world.need("volume", snapshot["volume"]), world.need("zone", snapshot["zone"])
    view = {"id": snapshot.uuid} | owner_fields(world, snapshot["account"])
    return view | {
        "volumeid": disk.uuid,
        "volumename": disk["name"],
        "volumetype": disk["type"],
        "created": when(snapshot["created"]),
        "name": snapshot["name"],
        "intervaltype": "MANUAL",
        "state": snapshot["state"],
        "physicalsize": 0,
        "zoneid": zone.uuid,
        "zonename": zone["name"],
        "revertable": False,
        "virtualsize": snapshot["size_bytes"],
        "tags": tags_of(world, snapshot.uuid),
        "hasannotations": False,
    }


def create(call: Call) -> Entity:
    """A snapshot of a disk that has something on it."""
    world, disk = call.world, disk_of(call, "volumeid")
    if disk["state"] != "Ready":
        raise bad_value(f"VolumeId: {disk.number} is not in Ready state but {disk['state']}. Cannot take snapshot.")
    owner = world.need("account", disk["account"])
    check_limit(world, owner, "snapshot")
    stamp = datetime.fromtimestamp(world.now, UTC).strftime("%Y%m%d%H%M%S")
    return world.add(
        "snapshot",
        name=call.text("name") or f"{disk['name']}_{stamp}",
        volume=disk.uuid,
        zone=disk["zone"],
        account=disk["account"],
        size_bytes=disk["size_bytes"],
        state="BackingUp",
        **({"offering": disk["offering"]} if disk.get("offering") else {}),
    )


def finish_create(call: Call) -> dict[str, Any]:
    """The snapshot is safe on secondary storage, and only then has the tags that it was asked for with."""
    snapshot = call.made("snapshot")
    call.world.change(snapshot, state="BackedUp")
    for key, value in call.pairs("tags").items():
        call.world.add(
            "tag", key=key, value=value, type="Snapshot", resource=snapshot.uuid, account=snapshot["account"]
        )
    return {"snapshot": shown(call, snapshot) | {"snapshottype": "MANUAL"}}


def fail_create(call: Call) -> None:
    """A snapshot that failed stays, in state Error."""
    snapshot = call.world.get("snapshot", call.thing)
    if snapshot is not None:
        call.world.change(snapshot, state="Error")


def snapshot_of(call: Call) -> Entity:
    """The snapshot the parameter `id` names."""
    return call.need("id", "snapshot", "unable to find a snapshot with id {number}")


def delete(call: Call) -> None:
    """Delete a snapshot."""
    world, snapshot = call.world, snapshot_of(call)
    for tag in world.by("tag", "resource", snapshot.uuid):
        world.remove(tag)
    world.remove(snapshot)


def list_snapshots(call: Call) -> dict[str, Any]:
    """Snapshots of disks."""
    ids = call.items("ids")
    found = [
        one
        for one in call.visible("snapshot")
        if call.text("id") in {None, one.uuid}
        and (not ids or one.uuid in ids)
        and call.text("volumeid") in {None, one["volume"]}
        and call.text("name") in {None, one["name"]}
        and call.text("zoneid") in {None, one["zone"]}
        and has_tags(call, one)
    ]
    return call.listing("snapshot", found, lambda one: shown(call, one))


def shown_policy(call: Call, policy: Entity) -> dict[str, Any]:
    """A policy that has snapshots made."""
    zone = call.world.need("zone", call.world.need("volume", policy["volume"])["zone"])
    return {
        "id": policy.uuid,
        "volumeid": policy["volume"],
        "schedule": policy["schedule"],
        "intervaltype": policy["interval"],
        "maxsnaps": policy["most"],
        "timezone": policy["timezone"],
        "fordisplay": True,
        "zone": [{"id": zone.uuid, "name": zone["name"]}],
        "tags": tags_of(call.world, policy.uuid),
    }


def create_policy(call: Call) -> dict[str, Any]:
    """Have snapshots of a disk made; one policy for each interval. The simulator remembers it and makes none."""
    world, disk = call.world, disk_of(call, "volumeid")
    interval = INTERVALS.get((call.text("intervaltype") or "").upper())
    if interval is None:
        raise bad_value(f"Unsupported interval type {call.text('intervaltype')}")
    fields = {"schedule": call.text("schedule"), "most": call.whole("maxsnaps"), "timezone": call.text("timezone")}
    policy = next(
        (one for one in world.each("snapshotpolicy") if one["volume"] == disk.uuid and one["interval"] == interval),
        None,
    )
    if policy is None:
        policy = world.add("snapshotpolicy", volume=disk.uuid, interval=interval, account=disk["account"], **fields)
    else:
        world.change(policy, **fields)
    return {"snapshotpolicy": shown_policy(call, policy)}


def list_policies(call: Call) -> dict[str, Any]:
    """The policies of a disk."""
    if call.text("volumeid") is None and call.text("id") is None:
        raise bad_value("Please specify a volume ID or a policy ID")
    found = [
        one
        for one in call.world.each("snapshotpolicy")
        if call.text("volumeid") in {None, one["volume"]} and call.text("id") in {None, one.uuid}
    ]
    return call.listing("snapshotpolicy", found, lambda one: shown_policy(call, one))


def delete_policies(call: Call) -> dict[str, Any]:
    """Delete a policy, or several."""
    single = call.text("id")
    for uuid in call.items("ids") or ([single] if single else []):
        policy = call.world.get("snapshotpolicy", uuid)
        if policy is None:
            raise bad_value(f"Policy id given: {uuid} does not exist")
        call.check_access(policy)
        call.world.remove(policy)
    return {"success": True}


def shown_machine_snapshot(call: Call, snapshot: Entity) -> dict[str, Any]:
    """A snapshot of a whole machine."""
    world = call.world
    machine = world.need("virtualmachine", snapshot["vm"])
    zone = world.need("zone", machine["zone"])
    newest = world.by("vmsnapshot", "vm", machine.uuid)[-1:]
    view = {
        "id": snapshot.uuid,
        "name": snapshot["name"],
        "state": snapshot["state"],
        "displayname": snapshot["displayname"],
        "zoneid": zone.uuid,
        "zonename": zone["name"],
        "virtualmachineid": machine.uuid,
        "virtualmachinename": machine["name"],
        "current": newest == [snapshot],
        "type": snapshot["type"],
        "created": when(snapshot["created"]),
    }
    if snapshot.get("description"):
        view["description"] = snapshot["description"]
    view |= owner_fields(world, snapshot["account"])
    return view | {"hypervisor": "Simulator", "tags": tags_of(world, snapshot.uuid), "hasannotations": False}


def create_machine_snapshot(call: Call) -> Entity:
    """A snapshot of a machine, with its memory if `snapshotmemory` says so."""
    world = call.world
    machine = call.need("virtualmachineid", "virtualmachine", "Creating VM snapshot failed: VM not found")
    if machine["state"] not in {"Running", "Stopped"}:
        raise bad_value(
            f"Creating vm snapshot failed due to VM:{machine.uuid} is not in the running or Stopped state"
        )
    number = world.need("account", machine["account"]).number
    stamp = datetime.fromtimestamp(world.now, UTC).strftime("%Y%m%d%H%M%S")
    name = f"i-{number}-{machine.number}-VM_VS_{stamp}"
    return world.add(
        "vmsnapshot",
        name=name,
        displayname=call.text("name") or name,
        description=call.text("description"),
        vm=machine.uuid,
        account=machine["account"],
        type="DiskAndMemory" if call.flag("snapshotmemory") else "Disk",
        state="Creating",
    )


def finish_machine_snapshot(call: Call) -> dict[str, Any]:
    """The snapshot is ready."""
    snapshot = call.made("vmsnapshot")
    call.world.change(snapshot, state="Ready")
    return {"vmsnapshot": shown_machine_snapshot(call, snapshot)}


def machine_snapshot_of(call: Call) -> Entity:
    """The machine snapshot the parameter `vmsnapshotid` names."""
    return call.need("vmsnapshotid", "vmsnapshot", "unable to find the vm snapshot with id {number}")


def delete_machine_snapshot(call: Call) -> None:
    """Delete a snapshot of a machine."""
    call.world.remove(machine_snapshot_of(call))


def list_machine_snapshots(call: Call) -> dict[str, Any]:
    """Snapshots of machines."""
    found = [
        one
        for one in call.visible("vmsnapshot")
        if call.text("vmsnapshotid") in {None, one.uuid}
        and call.text("virtualmachineid") in {None, one["vm"]}
        and call.text("name") in {None, one["displayname"]}
        and call.text("state") in {None, one["state"]}
    ]
    return call.listing("vmSnapshot", found, lambda one: shown_machine_snapshot(call, one))


COMMANDS = {
    "listSnapshots": list_snapshots,
    "createSnapshotPolicy": create_policy,
    "listSnapshotPolicies": list_policies,
    "deleteSnapshotPolicies": delete_policies,
    "listVMSnapshot": list_machine_snapshots,
}
WORKS = {
    "createSnapshot": Work(finish_create, create=create, fail=fail_create, creates=True),
    "deleteSnapshot": Work(delete, create=snapshot_of),
    "createVMSnapshot": Work(finish_machine_snapshot, create=create_machine_snapshot, creates=True),
    "deleteVMSnapshot": Work(delete_machine_snapshot, create=machine_snapshot_of),
}
