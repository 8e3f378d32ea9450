"""AWS::EC2::Volume is a CloudStack data disk.

A size needs a disk offering that leaves the size to the user; one is found on the cloud unless VolumeType names
another. The kinds of volume that AWS has (gp2, io1, ...) say nothing here.

Source: CloudFormation's resource specification, AWS::EC2::Volume; CloudStack 4.19, createVolume, resizeVolume.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.resources import disks
from cfnlib.resources.ignored import ignored
from cfnlib.schema.lifecycle import parameters, retag_calls, tag_call, tags_of
from cfnlib.schema.model import Attribute, Kind, Native, Property, ResourceType, Update

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.schema.calls import Call
    from cfnlib.schema.model import Desired, Existing


def _judge(values: Mapping[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
    kind = values.get("VolumeType")
    if values.get("SnapshotId") or values.get("Size") is not None or (kind and kind not in disks.AWS_VOLUME_TYPES):
        return []
    return [((), "a volume needs a Size, a SnapshotId, or a VolumeType that is a disk offering with a size")]


def _create(desired: Desired) -> list[Call]:
    params = {"zoneid": desired.facts.zone_id, "name": desired.name} | parameters(TYPE, desired.properties)
    if "snapshotid" not in params:
        params["diskofferingid"] = disks.disk_offering(desired.get("VolumeType"))
    tags = tags_of(TYPE, desired.properties)
    return [disks.create(params, exclusive=False), *([tag_call("Volume", tags)] if tags else [])]


def _update(existing: Existing, desired: Desired) -> list[Call]:
    params: dict[str, Any] = {}
    before, after = existing.get("Size"), desired.get("Size")
    grown = disks.shrinks_in_going_back(before, after, going_back=desired.going_back)
    if before != after and after is not None and not grown:
        params["size"] = after
    if existing.get("VolumeType") != desired.get("VolumeType"):
        params["diskofferingid"] = disks.disk_offering(desired.get("VolumeType"))
    calls = [disks.resize(params)] if params else []
    return [*calls, *retag_calls("Volume", tags_of(TYPE, existing.properties), tags_of(TYPE, desired.properties))]


def _delete(_: Existing) -> list[Call]:
    return [disks.delete()]


TYPE = ResourceType(
    name="AWS::EC2::Volume",
    doc="A data disk that outlives machines: createVolume. DeletionPolicy: Snapshot keeps its contents.",
    properties={
        "Size": Property(
            "Size in GiB. It can grow; it cannot shrink, not in a rollback either.",
            kind=Kind.INTEGER,
            update=Update.IN_PLACE,
            minimum=1,
            param="size",
        ),
        "AvailabilityZone": Property("The zone; the configured one when absent.", param="zoneid", lookup="zone"),
        "SnapshotId": Property("The snapshot to make it from.", param="snapshotid"),
        "VolumeType": Property(
            "A disk offering's name; AWS's own names mean one that takes any size.", update=Update.IN_PLACE
        ),
        "Tags": Property("Tags of the volume.", kind=Kind.TAGS, update=Update.IN_PLACE),
        **ignored("the disk offering says it", "Encrypted", "Iops", "KmsKeyId", "Throughput", "MultiAttachEnabled"),
        **ignored("it is a feature of AWS's hosts", "AutoEnableIO", "OutpostArn", "VolumeInitializationRate"),
        **ignored("a zone is named in AvailabilityZone", "AvailabilityZoneId"),
        **ignored("a volume is made from a snapshot, not from a volume", "SourceVolumeId"),
    },
    attributes={"VolumeId": Attribute("The volume's id.", "id")},
    ec2=True,
    native=Native(
        key="volume",
        create=_create,
        update=_update,
        delete=_delete,
        read=disks.READ,
        tag_type="Volume",
        snapshot=disks.keep,
    ),
    judge=_judge,
    source="CloudFormation resource specification; CloudStack 4.19 createVolume, resizeVolume, createSnapshot",
)
