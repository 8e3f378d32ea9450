"""CloudStack::Volume is a data disk: createVolume, under its own parameter names.

Source: CloudStack 4.19, createVolume: it needs a disk offering or a snapshot; resizeVolume; the listing shows bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.resources import disks
from cfnlib.resources.zones import ZONE
from cfnlib.schema.lifecycle import parameters, retag_calls, tag_call, tags_of
from cfnlib.schema.model import Attribute, Kind, Native, Property, ResourceType, Update

if TYPE_CHECKING:
    from cfnlib.schema.calls import Call
    from cfnlib.schema.model import Desired, Existing


def _create(desired: Desired) -> list[Call]:
    given = parameters(TYPE, desired.properties)
    params = {"zoneid": desired.facts.zone_id, "name": desired.name} | given
    tags = tags_of(TYPE, desired.properties)
    call = disks.create(params, exclusive="name" in given)
    return [call, *([tag_call("Volume", tags)] if tags else [])]


def _update(existing: Existing, desired: Desired) -> list[Call]:
    sizes = ("diskofferingid", "size", "miniops", "maxiops")
    changed = [name for name in sizes if existing.get(name) != desired.get(name) and desired.get(name) is not None]
    if disks.shrinks_in_going_back(existing.get("size"), desired.get("size"), going_back=desired.going_back):
        changed = [name for name in changed if name != "size"]
    calls = [disks.resize(parameters(TYPE, desired.properties, changed))] if changed else []
    return [*calls, *retag_calls("Volume", tags_of(TYPE, existing.properties), tags_of(TYPE, desired.properties))]


def _delete(_: Existing) -> list[Call]:
    return [disks.delete()]


def _number(doc: str, param: str) -> Property:
    return Property(doc, Kind.INTEGER, update=Update.IN_PLACE, minimum=1, param=param)


TYPE = ResourceType(
    name="CloudStack::Volume",
    doc="A data disk that outlives machines: createVolume. DeletionPolicy: Snapshot keeps its contents.",
    properties={
        "name": Property("The name; one is made when absent.", param="name"),
        "diskofferingid": Property(
            "The disk offering, by name or id.", update=Update.IN_PLACE, param="diskofferingid", lookup="diskoffering"
        ),
        "snapshotid": Property("The snapshot to make it from.", param="snapshotid"),
        "size": _number("Size in GiB, for an offering that takes any.", "size"),
        "miniops": _number("The least operations a second.", "miniops"),
        "maxiops": _number("The most operations a second.", "maxiops"),
        "zoneid": ZONE,
        "virtualmachineid": Property("The machine to attach it to, with a snapshot.", param="virtualmachineid"),
        "displayvolume": Property("Whether users see it.", kind=Kind.BOOLEAN, param="displayvolume"),
        "account": Property("The account to make it for; with domainid.", param="account"),
        "domainid": Property("The domain of that account.", param="domainid", lookup="domain"),
        "projectid": Property("The project to make it in.", param="projectid", lookup="project"),
        "tags": Property("Tags of the volume.", kind=Kind.TAGS, update=Update.IN_PLACE),
    },
    attributes={
        "id": Attribute("The volume's id.", "id"),
        "name": Attribute("Its name.", "name"),
        "size": Attribute("Its size in bytes.", "size", kind=Kind.INTEGER),
        "state": Attribute("Its state when it was last read.", "state"),
        "deviceid": Attribute("Its place on the machine it is attached to.", "deviceid", kind=Kind.INTEGER),
        "virtualmachineid": Attribute("The machine it is attached to.", "virtualmachineid"),
        "zoneid": Attribute("The id of its zone.", "zoneid"),
    },
    one_of=(("diskofferingid", "snapshotid"),),
    native=Native(
        key="volume",
        create=_create,
        update=_update,
        delete=_delete,
        read=disks.READ,
        tag_type="Volume",
        snapshot=disks.keep,
    ),
    source="CloudStack 4.19 createVolume, resizeVolume, deleteVolume",
)
