"""What an image is registered from: a snapshot, or a file at a URL, with its format, hypervisor and system."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from compat.ec2 import names
from compat.ec2.faults import Ec2Error, unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compat.ec2.world import World

FORMATS = {
    ".qcow2": "QCOW2",
    ".img": "RAW",
    ".raw": "RAW",
    ".vhd": "VHD",
    ".vhdx": "VHDX",
    ".vmdk": "VMDK",
    ".ova": "OVA",
    ".tar": "TAR",
}
"""The ends of files, and CloudStack's formats. Source: CloudStack 4.19, registerTemplate and its check of URLs."""
TAKEN = {
    "KVM": ("QCOW2", "RAW", "VHD", "VMDK"),
    "XenServer": ("VHD",),
    "VMware": ("OVA",),
    "Hyperv": ("VHD", "VHDX"),
    "LXC": ("TAR",),
    "Ovm": ("RAW",),
    "Ovm3": ("RAW",),
    "Simulator": tuple(FORMATS.values()),
}
"""The formats that hypervisors take. Source: CloudStack's documentation of templates."""
_PACKED = (".gz", ".bz2", ".zip")
_FETCHED = ("http", "https", "ftp")
_SYSTEMS = {
    "x86_64": ("Other Linux (64-bit)", "Other (64-bit)"),
    "i386": ("Other Linux (32-bit)", "Other (32-bit)"),
}
"""CloudStack's types of systems of which nothing more is known, the better ones first."""


def snapshot_of(params: Mapping[str, Any]) -> str | None:
    """The snapshot of the root device, None when none is named.

    Raises `Ec2Error` for more than one: an image of CloudStack is one disk.
    """
    found = {
        str(one.get("DeviceName")): one["Ebs"]["SnapshotId"]
        for one in params.get("BlockDeviceMappings") or ()
        if (one.get("Ebs") or {}).get("SnapshotId")
    }
    if len(found) > 1:
        raise unsupported("an image of CloudStack is one disk: name the snapshot of the root device alone")
    root = params.get("RootDeviceName")
    if found and root and root not in found:
        raise Ec2Error("InvalidBlockDeviceMapping", f"The root device {root} is not the one that has the snapshot")
    return next(iter(found.values()), None)


def source(world: World, location: str | None) -> dict[str, Any]:
    """What registerTemplate is told of a file at a URL. Raises `Ec2Error`."""
    if not location:
        raise Ec2Error(
            "MissingParameter", "The request must contain ImageLocation, or a snapshot in BlockDeviceMapping"
        )
    parts = urlsplit(location)
    if parts.scheme not in _FETCHED or not parts.netloc:
        raise unsupported(
            "there is no S3 to register images from: ImageLocation is the URL of a disk's file (http, https, ftp), "
            "or BlockDeviceMapping names a snapshot"
        )
    path = PurePosixPath(parts.path.lower())
    if path.suffix in _PACKED:
        path = path.with_suffix("")
    shape = FORMATS.get(path.suffix)
    if shape is None:
        raise Ec2Error(
            "InvalidParameterValue",
            f"ImageLocation ends in none of {', '.join(FORMATS)} (also packed: {', '.join(_PACKED)}), which tell a "
            "disk's format",
        )
    zone_id = names.zone(world, None)["id"]
    return {
        "url": location,
        "format": shape,
        "hypervisor": _hypervisor(world, zone_id, shape),
        "zoneid": zone_id,
        "requireshvm": True,
    }


def _hypervisor(world: World, zone_id: str, shape: str) -> str:
    """The zone's hypervisor that takes the format; the one that images are there for, where several do."""
    used = [str(row["hypervisor"]) for row in world.rows("image") if row.get("hypervisor")]
    offered = [str(row["name"]) for row in world.rows("hypervisor", zoneid=zone_id)]
    known = list(dict.fromkeys([*(name for name in used if name in offered), *offered, *used]))
    for name in known:
        if shape in TAKEN.get(name, ()):
            return name
    raise Ec2Error("InvalidParameterValue", f"none of the zone's hypervisors takes {shape}: {', '.join(known)}")


def system_type(world: World, architecture: str) -> str:
    """The id of the type of system for an architecture: one that says little, else that of an image that is there."""
    if architecture not in _SYSTEMS:
        raise unsupported(f"CloudStack's templates are of {' or '.join(_SYSTEMS)}, not of {architecture}")
    by_name = {str(row.get("description")): str(row["id"]) for row in world.rows("system", keyword="Other")}
    for name in _SYSTEMS[architecture]:
        if name in by_name:
            return by_name[name]
    bits = _SYSTEMS[architecture][0][-8:]
    for row in world.rows("image"):
        if bits in str(row.get("ostypename")):
            return str(row["ostypeid"])
    raise unsupported(f"this cloud lists no type of system for {architecture}: use CloudStack's registerTemplate")
