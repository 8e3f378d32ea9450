"""CloudStack::IpAddress is a public address: associateIpAddress.

Source: CloudStack 4.19, associateIpAddress, disassociateIpAddress.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.resources import addresses
from cfnlib.schema.lifecycle import parameters, tag_call, tags_of
from cfnlib.schema.model import Attribute, Kind, Native, Property, ResourceType, Update

if TYPE_CHECKING:
    from cfnlib.schema.calls import Call
    from cfnlib.schema.model import Desired, Existing


def _create(desired: Desired) -> list[Call]:
    given = parameters(TYPE, desired.properties)
    if not given.keys() & {"networkid", "vpcid", "zoneid"}:
        given["zoneid"] = desired.facts.zone_id
    tags = tags_of(TYPE, desired.properties)
    return [addresses.acquire(given), *([tag_call("PublicIpAddress", tags)] if tags else [])]


def _delete(existing: Existing) -> list[Call]:
    return [addresses.release(existing.get("networkid"))]


TYPE = ResourceType(
    name="CloudStack::IpAddress",
    doc="A public address of a network, a VPC or a zone: associateIpAddress.",
    properties={
        "networkid": Property("The network it leads to, by name or id.", param="networkid", lookup="network"),
        "vpcid": Property("The VPC it leads to.", param="vpcid", lookup="vpc"),
        "zoneid": Property("The zone it belongs to.", param="zoneid", lookup="zone"),
        "ipaddress": Property("The address itself, if it must be this one and no other.", param="ipaddress"),
        "isportable": Property("Whether it can move to another zone.", kind=Kind.BOOLEAN, param="isportable"),
        "regionid": Property("The region of a portable address.", kind=Kind.INTEGER, param="regionid"),
        "fordisplay": Property("Whether users see it.", kind=Kind.BOOLEAN, param="fordisplay"),
        "account": Property("The account to take it for; with domainid.", param="account"),
        "domainid": Property("The domain of that account.", param="domainid", lookup="domain"),
        "projectid": Property("The project to take it for.", param="projectid", lookup="project"),
        "tags": Property("Tags of the address.", kind=Kind.TAGS, update=Update.IN_PLACE),
    },
    attributes={
        "id": Attribute("The address's id.", "id"),
        "ipaddress": Attribute("The address itself.", "ipaddress"),
        "associatednetworkid": Attribute("The network it leads to.", "associatednetworkid"),
        "vpcid": Attribute("The VPC it leads to.", "vpcid"),
        "zoneid": Attribute("The id of its zone.", "zoneid"),
        "zonename": Attribute("The name of its zone.", "zonename"),
        "issourcenat": Attribute("Whether it is the router's own.", "issourcenat", kind=Kind.BOOLEAN),
        "isstaticnat": Attribute("Whether it leads to one machine.", "isstaticnat", kind=Kind.BOOLEAN),
    },
    exclusive=(("networkid", "vpcid"),),
    native=Native(
        key="ipaddress",
        create=_create,
        delete=_delete,
        read=addresses.READ,
        tag_type="PublicIpAddress",
    ),
    source="CloudStack 4.19 associateIpAddress, disassociateIpAddress",
)
