"""Calls about volumes that several types make: attaching, detaching, and choosing a disk offering."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cfnlib.schema.calls import SELF, Call, Effect, Find, found_id
from cfnlib.schema.lifecycle import shows
from cfnlib.schema.model import Read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.schema.model import Existing

READ = Read(
    "listVolumes",
    "volume",
    ids="ids",
    state="state",
    ready=frozenset({"Allocated", "Ready"}),
    failed=frozenset({"UploadError", "UploadAbandoned"}),
    gone=frozenset({"Destroy", "Destroyed", "Expunging", "Expunged"}),
)
GONE = {"state": sorted(READ.gone)}
"""The states in which a volume is listed and yet is no more."""
AWS_VOLUME_TYPES = ("standard", "gp2", "gp3", "io1", "io2", "sc1", "st1")
"""AWS's own kinds of volume; they say nothing on CloudStack, where another name is a disk offering."""


def disk_offering(volume_type: str | None) -> dict[str, Any]:
    """The id of the disk offering of this name; for None and AWS's own names, of one that takes any size."""
    where: dict[str, Any] = {"iscustomized": True}
    params: dict[str, Any] = {}
    if volume_type and volume_type not in AWS_VOLUME_TYPES:
        where, params = {"name": volume_type}, {"name": volume_type}
    return found_id(Find("listDiskOfferings", "diskoffering", params, where))


def attach(volume_id: object, machine_id: object = SELF, device: object = None) -> Call:
    """Attach a volume to a machine; the cloud chooses the place when the device says none."""
    params = {"id": volume_id, "virtualmachineid": machine_id}
    number = device_number(device)
    if number is not None:
        params["deviceid"] = number
    check = Find("listVolumes", "volume", {"id": volume_id}, {"virtualmachineid": machine_id})
    return Call("attachVolume", params, key="volume", check=check)


def detach(volume_id: object, machine_id: object = SELF) -> Call:
    """Take a volume off a machine; nothing to do when it is not on it (any more)."""
    attached = Find("listVolumes", "volume", {"id": volume_id}, {"virtualmachineid": machine_id})
    return Call("detachVolume", {"id": found_id(attached)}, Effect.REMOVES, key="volume", check=attached)


def device_number(device: object) -> int | None:
    """The number of a device: 5 for `5`, `/dev/sdf`, `xvdf` and `vdf`; None where the text says none.

    Source: CloudStack 4.19, attachVolume: deviceid 0 is the root disk, 1 is /dev/xvdb or sdb, and so on.
    """
    text = "" if device is None else str(device)
    if text.isdigit():
        return int(text)
    found = re.fullmatch(r"(?:/dev/)?(?:sd|xvd|vd|hd)([b-z])\d*", text)
    return ord(found[1]) - ord("a") if found else None


def create(params: Mapping[str, Any], *, exclusive: bool) -> Call:
    """Make a volume; the parameters hold its name."""
    check = Find("listVolumes", "volume", {"name": params["name"]}, {"name": params["name"]}, unless=GONE)
    return Call("createVolume", params, Effect.CREATES, "volume", check, exclusive)


def resize(params: Mapping[str, Any]) -> Call:
    """Give the volume another size (GiB) or another offering. The listing shows sizes in bytes.

    Nothing is done to one that has just the size that is wanted: a change that failed may have left it.
    """
    where = {"size": params["size"] * 2**30} if "size" in params else {}
    if isinstance(params.get("diskofferingid"), str):
        where["diskofferingid"] = params["diskofferingid"]
    volume: object = SELF
    if set(params) == {"size"}:
        other = Find(READ.command, READ.key, {READ.id: SELF}, unless={"size": [where["size"]]})
        volume = found_id(other, needed=False)
    return Call("resizeVolume", {"id": volume, **params}, key="volume", check=shows(READ, where))


def shrinks_in_going_back(before: object, after: object, *, going_back: bool) -> bool:
    """Whether a change of the size (GiB) is the undoing of a growth, which a volume keeps.

    Source: CloudStack 4.19, resizeVolume: a volume shrinks only with `shrinkok`, which cuts off what is at its end.
    """
    return going_back and isinstance(before, int) and isinstance(after, int) and after < before


def delete() -> Call:
    """Delete the volume."""
    return Call("deleteVolume", {"id": SELF}, Effect.REMOVES, check=shows(READ))


def keep(existing: Existing) -> list[Call]:
    """Keep the volume's contents in a snapshot, named after it.

    A volume that was never attached is Allocated: there is nothing in it, and CloudStack takes no snapshot of it.
    """
    name = f"{existing.name}-final"
    filled = found_id(Find("listVolumes", "volume", {"id": SELF}, unless={"state": ["Allocated"]}), needed=False)
    check = Find("listSnapshots", "snapshot", {"volumeid": SELF}, {"name": name})
    return [Call("createSnapshot", {"volumeid": filled, "name": name}, key="snapshot", check=check)]
