"""Calls about volumes that several types make: attaching, detaching, and choosing a disk offering."""

from __future__ import annotations

import re
from typing import Any

from cfnlib.schema.calls import SELF, Call, Effect, Find, found_id

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
