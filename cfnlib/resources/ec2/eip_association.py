"""AWS::EC2::EIPAssociation is the static NAT of a public address to a machine.

Source: CloudFormation's resource specification, AWS::EC2::EIPAssociation; CloudStack 4.19, enableStaticNat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.resources import addresses
from cfnlib.resources.ignored import ignored
from cfnlib.schema.model import Attribute, Native, Property, ResourceType

if TYPE_CHECKING:
    from cfnlib.schema.calls import Call
    from cfnlib.schema.model import Desired, Existing


def _address(thing: Desired | Existing) -> object:
    return thing.get("AllocationId") or addresses.address_id(thing.get("EIP"))


def _create(desired: Desired) -> list[Call]:
    if not desired.facts.leads_addresses:
        return []
    inner = desired.get("PrivateIpAddress")
    more = {"vmguestip": inner} if inner else {}
    return [addresses.map_to(desired.get("InstanceId"), _address(desired), **more)]


def _delete(existing: Existing) -> list[Call]:
    unmapped = addresses.unmap(existing.get("InstanceId"), _address(existing))
    return [unmapped] if existing.facts.leads_addresses else []


TYPE = ResourceType(
    name="AWS::EC2::EIPAssociation",
    doc="Leads a public address to a machine: enableStaticNat.",
    properties={
        "AllocationId": Property("The public address's id.", param="ipaddressid"),
        "EIP": Property("The public address itself."),
        "InstanceId": Property("The machine.", required=True, param="virtualmachineid"),
        "PrivateIpAddress": Property("Which of the machine's addresses.", param="vmguestip"),
        **ignored("a card lives and dies with its machine; name the machine", "NetworkInterfaceId"),
    },
    attributes={"Id": Attribute("Always empty: an association has no id of its own.", "associationid")},
    one_of=(("AllocationId", "EIP"),),
    ec2=True,
    native=Native(key="", create=_create, delete=_delete, remove_first=True),
    source="CloudFormation resource specification; CloudStack 4.19 enableStaticNat, disableStaticNat",
)
