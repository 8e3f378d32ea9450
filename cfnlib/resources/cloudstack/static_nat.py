"""CloudStack::StaticNat leads a public address to a machine: enableStaticNat.

Source: CloudStack 4.19, enableStaticNat (answers at once), disableStaticNat (a job).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.resources import addresses
from cfnlib.schema.lifecycle import parameters
from cfnlib.schema.model import Native, Property, ResourceType

if TYPE_CHECKING:
    from cfnlib.schema.calls import Call
    from cfnlib.schema.model import Desired, Existing


def _create(desired: Desired) -> list[Call]:
    more = parameters(TYPE, desired.properties, ("networkid", "vmguestip"))
    return [addresses.map_to(desired.get("virtualmachineid"), desired.get("ipaddressid"), **more)]


def _delete(existing: Existing) -> list[Call]:
    return [addresses.unmap(existing.get("virtualmachineid"), existing.get("ipaddressid"))]


TYPE = ResourceType(
    name="CloudStack::StaticNat",
    doc="Leads everything that arrives at a public address to a machine: enableStaticNat.",
    properties={
        "ipaddressid": Property("The public address's id.", required=True, param="ipaddressid"),
        "virtualmachineid": Property("The machine's id.", required=True, param="virtualmachineid"),
        "networkid": Property("The machine's network, by name or id.", param="networkid", lookup="network"),
        "vmguestip": Property("Which of the machine's addresses.", param="vmguestip"),
    },
    native=Native(key="", create=_create, delete=_delete, remove_first=True),
    source="CloudStack 4.19 enableStaticNat, disableStaticNat",
)
