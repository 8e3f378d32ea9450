"""Disks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.simulator.encode import when
from cfnlib.simulator.errors import bad_value, failed
from cfnlib.simulator.jobs import Work
from cfnlib.simulator.limits import check_limit
from cfnlib.simulator.ownership import full_tags_of, has_tags, owner_fields, tagged

if TYPE_CHECKING:
    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity, World

GIB = 1 << 30
GONE = "Unable to find UUID for id [{number}] of type [Volume]"
SERVED = frozenset({"Ready"})


def add_root_disk(world: World, machine: Entity, template: Entity, size_gib: int | None) -> Entity:
    """The disk a machine boots from; as large as the template unless `size_gib` asks for more."""
    size = template["size_bytes"]
    if size_gib is not None:
        if size_gib * GIB < size:
            raise bad_value(f"The root disk size of {size_gib} GB is smaller than the template")
        size = size_gib * GIB
    return world.add(
        "volume",
        name=f"ROOT-{machine.number}",
        type="ROOT",
        vm=machine.uuid,
        device=0,
        template=template.uuid,
        zone=machine["zone"],
        size_bytes=size,
        state="Allocated",
        account=machine["account"],
    )


def add_data_disk(world: World, machine: Entity, offering: Entity, size_gib: int | None) -> Entity:
    """A further disk a machine is made with."""
    return world.add(
        "volume",
        name=f"DATA-{machine.number}",
        type="DATADISK",
        vm=machine.uuid,
        device=1,
        offering=offering.uuid,
        zone=machine["zone"],
        size_bytes=_size(offering, size_gib),
        state="Allocated",
        account=machine["account"],
    )


def _size(offering: Entity, size_gib: int | None) -> int:
    if offering["view"]["iscustomized"]:
        if not size_gib:
            raise bad_value("This disk offering requires a custom size specified")
        if not 1 <= size_gib <= 1024:
            raise bad_value("Volume size: please specify a size between 1 and 1024 GB")
        return size_gib * GIB
    return int(offering["view"]["disksize"]) * GIB


def shown(call: Call, disk: Entity) -> dict[str, Any]:
    """A disk; what it is on is shown to an admin only."""
    world = call.world
    zone = world.need("zone", disk["zone"])
    machine = world.get("virtualmachine", disk.get("vm"))
    placed = disk["state"] in SERVED
    view: dict[str, Any] = {"id": disk.uuid, "name": disk["name"], "zoneid": zone.uuid, "zonename": zone["name"]}
    view["type"] = disk["type"]
    if disk.get("template"):
        template = world.need("template", disk["template"])
        view |= {"templateid": template.uuid, "templatename": template["name"]}
        view["templatedisplaytext"] = template["view"]["displaytext"]
    if machine is not None:
        view |= _attachment(world, disk, machine)
    view |= {"provisioningtype": "thin", "size": disk["size_bytes"], "created": when(disk["created"])}
    view |= {"state": disk["state"]} | owner_fields(world, disk["account"]) | {"storagetype": "shared"}
    view["hypervisor"] = "Simulator" if placed else "None"
    if disk.get("offering"):
        offering = world.need("diskoffering", disk["offering"])
        view |= {"diskofferingid": offering.uuid, "diskofferingname": offering["name"]}
        view["diskofferingdisplaytext"] = offering["view"]["displaytext"]
    view |= {"destroyed": False, "isextractable": disk["type"] != "ROOT", "displayvolume": True}
    if placed and call.is_admin:
        pool = next(one for one in world.each("storagepool") if one["view"]["zoneid"] == zone.uuid)
        view |= {"storage": pool["name"], "path": disk.uuid, "storageid": pool.uuid}
        view |= {key: pool["view"][key] for key in ("clusterid", "clustername", "podid", "podname")}
    if world.get("snapshot", disk.get("snapshot")) is not None:
        view["snapshotid"] = disk["snapshot"]
    view |= {"quiescevm": False, "supportsstoragesnapshot": False}
    view |= {"tags": full_tags_of(world, disk.uuid), "hasannotations": False}
    return view | ({"jobid": disk["job"], "jobstatus": 0} if disk.get("job") else {})


def _attachment(world: World, disk: Entity, machine: Entity) -> dict[str, Any]:
    view = {
        "deviceid": disk["device"],
        "virtualmachineid": machine.uuid,
        "vmname": machine["name"],
        "vmdisplayname": machine["displayname"],
        "vmstate": machine["state"],
        "vmtype": "User",
    }
    if disk.get("attached"):
        view["attached"] = when(disk["attached"])
    if disk["state"] in SERVED:
        view |= {"diskkbsread": 0, "diskkbswrite": 0, "diskioread": 0, "diskiowrite": 0}
    if disk["type"] == "ROOT":
        offering = world.need("serviceoffering", machine["offering"])
        view |= {"serviceofferingid": str(offering.number), "serviceofferingname": offering["name"]}
        view["serviceofferingdisplaytext"] = offering["view"]["displaytext"]
    return view


def disk_of(call: Call, name: str = "id") -> Entity:
    """The disk a parameter names, in the words of the real server if it is gone."""
    return call.need(name, "volume", GONE)


def create(call: Call) -> Entity:
    """A disk of an offering, or one like a snapshot."""
    world, owner = call.world, call.owner()
    offering, snapshot = call.entity("diskofferingid", "diskoffering"), call.entity("snapshotid", "snapshot")
    if offering is None and snapshot is None:
        raise bad_value("At least one of disk Offering ID or snapshot ID must be passed whilst creating volume")
    if snapshot is not None:
        call.check_access(snapshot)
        size, zone = snapshot["size_bytes"], call.text("zoneid") or snapshot["zone"]
        like = {"snapshot": snapshot.uuid} | ({"offering": snapshot["offering"]} if snapshot.get("offering") else {})
    elif offering is not None:
        size, zone = _size(offering, call.whole("size")), call.text("zoneid") or ""
        like = {"offering": offering.uuid}
    if not zone:
        raise bad_value("Zone ID must be passed whilst creating volume")
    check_limit(world, owner, "volume")
    check_limit(world, owner, "primary_storage", size // GIB)
    return world.add(
        "volume",
        name=call.text("name"),
        type="DATADISK",
        zone=zone,
        size_bytes=size,
        state="Creating",
        account=owner.uuid,
        **like,
    )


def finish_create(call: Call) -> dict[str, Any]:
    """A plain disk is placed only when it is attached; one from a snapshot is there at once."""
    disk = call.made("volume")
    call.world.change(disk, state="Ready" if call.text("snapshotid") else "Allocated")
    view = shown(call, disk)
    if call.text("virtualmachineid"):
        _attach(call, disk)
        view = shown(call, disk)
    return {"volume": view}


def fail_create(call: Call) -> None:
    """Nothing is left of a disk that could not be made."""
    disk = call.world.get("volume", call.thing)
    if disk is not None:
        call.world.remove(disk)


def _attach(call: Call, disk: Entity) -> None:
    world = call.world
    machine = world.get("virtualmachine", call.text("virtualmachineid"))
    if machine is None or machine["state"] not in {"Running", "Stopped"}:
        raise bad_value("Please specify a VM that is either running or stopped.")
    call.check_access(machine)
    if disk["zone"] != machine["zone"]:
        raise bad_value("Please specify a VM that is in the same zone as the volume.")
    taken = {one["device"] for one in world.by("volume", "vm", machine.uuid)}
    wanted = call.whole("deviceid")
    if wanted is not None and wanted in taken:
        raise bad_value(f"deviceId {wanted} is used by vm {machine.uuid}")
    free = next(number for number in range(1, 1 + len(taken) + 4) if number not in taken and number != 3)
    world.change(disk, vm=machine.uuid, device=free if wanted is None else wanted, state="Ready", attached=world.now)


def attach(call: Call) -> dict[str, Any]:
    """Attach a disk to a machine."""
    disk = disk_of(call)
    if disk.get("vm"):
        raise bad_value("Please specify a volume that is not attached to any VM.")
    _attach(call, disk)
    return {"volume": shown(call, disk)}


def detach(call: Call) -> dict[str, Any]:
    """Take a disk off its machine."""
    world = call.world
    if call.text("id"):
        disk = disk_of(call)
    else:
        found = [
            one
            for one in world.by("volume", "vm", call.text("virtualmachineid"))
            if one["device"] == call.whole("deviceid")
        ]
        if not found:
            raise bad_value("The specified volume is not attached to a VM.")
        [disk] = found
    if not disk.get("vm"):
        raise bad_value("The specified volume is not attached to a VM.")
    if disk["type"] == "ROOT":
        raise bad_value("Please specify a data volume, or a ROOT volume of a stopped VM.")
    world.change(disk, vm=None, device=None)
    return {"volume": shown(call, disk)}


def check_detach(call: Call) -> Entity | None:
    """The disk the job is about, if it is named by its id."""
    return disk_of(call) if call.text("id") else None


def resize(call: Call) -> dict[str, Any]:
    """Give a disk another size."""
    disk = disk_of(call)
    offering = call.entity("diskofferingid", "diskoffering")
    current = call.world.get("diskoffering", disk.get("offering"))
    if offering is None and current is not None and not current["view"]["iscustomized"]:
        raise bad_value("To resize a volume of a fixed-size offering, specify another offering")
    size = _size(offering, call.whole("size")) if offering is not None else (call.whole("size") or 0) * GIB
    if size < disk["size_bytes"] and not call.flag("shrinkok"):
        raise bad_value("Going from existing size to a smaller one would shrink the volume; shrinkok must be true")
    if size <= 0:
        raise failed("Failed to resize volume")
    call.world.change(disk, size_bytes=size, **({"offering": offering.uuid} if offering is not None else {}))
    return {"volume": shown(call, disk)}


def delete(call: Call) -> dict[str, Any]:
    """Delete a disk that is attached to nothing."""
    world, disk = call.world, disk_of(call)
    if disk.get("vm"):
        raise bad_value("Please specify a volume that is not attached to any VM.")
    for tag in world.by("tag", "resource", disk.uuid):
        world.remove(tag)
    world.remove(disk)
    return {"success": True}


def list_disks(call: Call) -> dict[str, Any]:
    """Disks; of a machine the root disk comes first."""
    some, ids = tagged(call, "volume"), call.items("ids")
    exact = (("virtualmachineid", "vm"), ("zoneid", "zone"), ("type", "type"), ("diskofferingid", "offering"))
    found = [
        one
        for one in call.visible("volume")
        if (some is None or one in some)
        and call.text("id") in {None, one.uuid}
        and (not ids or one.uuid in ids)
        and call.text("name") in {None, one["name"]}
        and call.text("state") in {None, one["state"]}
        and (call.text("keyword") or "").lower() in one["name"].lower()
        and all(call.values[name] == one.get(field) for name, field in exact if name in call.values)
        and has_tags(call, one)
    ]
    return call.listing("volume", found, lambda one: shown(call, one))


def update(call: Call) -> dict[str, Any]:
    """Rename a disk."""
    disk = disk_of(call)
    if call.text("name"):
        call.world.change(disk, name=call.text("name"))
    return {"volume": shown(call, disk)}


COMMANDS = {"listVolumes": list_disks, "deleteVolume": delete}
WORKS = {
    "createVolume": Work(finish_create, create=create, fail=fail_create, creates=True),
    "attachVolume": Work(attach, create=disk_of, queue="virtualmachineid"),
    "detachVolume": Work(detach, create=check_detach, queue="virtualmachineid"),
    "resizeVolume": Work(resize, create=disk_of),
    "updateVolume": Work(update, create=disk_of),
}
