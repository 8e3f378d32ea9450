"""AWS::EC2::VolumeAttachment is a volume on a machine: attachVolume and detachVolume.

Source: CloudFormation's resource specification, AWS::EC2::VolumeAttachment; CloudStack 4.19, attachVolume.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.resources.disks import attach, detach
from cfnlib.resources.ignored import ignored
from cfnlib.schema.model import Native, Property, ResourceType

if TYPE_CHECKING:
    from cfnlib.schema.calls import Call
    from cfnlib.schema.model import Desired, Existing


def _create(desired: Desired) -> list[Call]:
    return [attach(desired.get("VolumeId"), desired.get("InstanceId"), desired.get("Device"))]


def _delete(existing: Existing) -> list[Call]:
    return [detach(existing.get("VolumeId"), existing.get("InstanceId"))]


TYPE = ResourceType(
    name="AWS::EC2::VolumeAttachment",
    doc="Puts a volume on a machine: attachVolume.",
    properties={
        "VolumeId": Property("The volume.", required=True, param="id"),
        "InstanceId": Property("The machine.", required=True, param="virtualmachineid"),
        "Device": Property(
            "The device, as /dev/sdf, or its number; the hypervisor names it its own way. The next one when absent.",
            param="deviceid",
        ),
        **ignored("it is a feature of AWS's hosts", "EbsCardIndex"),
    },
    ec2=True,
    native=Native(key="volume", create=_create, delete=_delete, remove_first=True),
    source="CloudFormation resource specification; CloudStack 4.19 attachVolume, detachVolume",
)
