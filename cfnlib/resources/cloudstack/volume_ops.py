"""CloudStack::VolumeOps puts a volume on a machine for as long as it is in the stack: attachVolume, detachVolume.

Source: CloudStack 4.19, attachVolume, detachVolume. The name is stackmate's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.resources.disks import attach, detach
from cfnlib.schema.model import Kind, Native, Property, ResourceType

if TYPE_CHECKING:
    from cfnlib.schema.calls import Call
    from cfnlib.schema.model import Desired, Existing


def _create(desired: Desired) -> list[Call]:
    return [attach(desired.get("id"), desired.get("virtualmachineid"), desired.get("deviceid"))]


def _delete(existing: Existing) -> list[Call]:
    return [detach(existing.get("id"), existing.get("virtualmachineid"))]


TYPE = ResourceType(
    name="CloudStack::VolumeOps",
    doc="Puts a volume on a machine, and takes it off when the stack is deleted: attachVolume, detachVolume.",
    properties={
        "id": Property("The volume's id.", required=True, param="id"),
        "virtualmachineid": Property("The machine's id.", required=True, param="virtualmachineid"),
        "deviceid": Property(
            "The place on the machine; the next free one when absent.", kind=Kind.INTEGER, minimum=1, param="deviceid"
        ),
    },
    native=Native(key="volume", create=_create, delete=_delete, remove_first=True),
    source="CloudStack 4.19 attachVolume, detachVolume",
)
