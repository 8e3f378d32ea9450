"""AWS::EC2::EIP is a public address, and, with InstanceId, its static NAT to a machine.

In a zone with security groups there is neither: machines stand in a shared network, with addresses of their own, and
the machine's own address is given.

Source: CloudFormation's resource specification, AWS::EC2::EIP; CloudStack 4.19, associateIpAddress, enableStaticNat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.resources import addresses
from cfnlib.resources.ignored import ignored
from cfnlib.schema.lifecycle import parameters, retag_calls, tag_call, tags_of
from cfnlib.schema.model import Attribute, Kind, Native, Property, ResourceType, Update

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.schema.calls import Call
    from cfnlib.schema.model import Desired, Existing


def _create(desired: Desired) -> list[Call]:
    if not desired.facts.leads_addresses:
        return []
    network = desired.get("_network")
    place: dict[str, Any] = {"networkid": network} if network else {"zoneid": desired.facts.zone_id}
    calls = [addresses.acquire(place | parameters(TYPE, desired.properties))]
    tags = tags_of(TYPE, desired.properties)
    calls += [tag_call("PublicIpAddress", tags)] if tags else []
    return [*calls, addresses.map_to(desired.get("InstanceId"))] if desired.get("InstanceId") else calls


def _update(existing: Existing, desired: Desired) -> list[Call]:
    before, after = existing.get("InstanceId"), desired.get("InstanceId")
    calls: list[Call] = []
    if not desired.facts.leads_addresses:
        return calls
    if before != after:
        calls += [addresses.unmap(before)] if before else []
        calls += [addresses.map_to(after)] if after else []
    old, new = tags_of(TYPE, existing.properties), tags_of(TYPE, desired.properties)
    return [*calls, *retag_calls("PublicIpAddress", old, new)]


def _same_machine(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether both lead to one machine, to which only one address can lead at a time."""
    machine = after.get("InstanceId")
    return machine is not None and before.get("InstanceId") == machine


def _delete(existing: Existing) -> list[Call]:
    return [addresses.release(existing.get("_network"))] if existing.facts.leads_addresses else []


def _stands_for(desired: Desired) -> dict[str, Any]:
    """In a zone with security groups machines have addresses that the world reaches: the machine's own one it is."""
    return {"id": desired.name, "ipaddress": desired.get("_addresses", {}).get(desired.get("InstanceId"))}


TYPE = ResourceType(
    name="AWS::EC2::EIP",
    doc="A public address: associateIpAddress, and enableStaticNat to the machine that InstanceId names.",
    properties={
        "InstanceId": Property("The machine it leads to.", update=Update.IN_PLACE),
        "Domain": Property(
            "Taken as it is: an address belongs to a network.", update=Update.IN_PLACE, allowed=("vpc", "standard")
        ),
        "Address": Property("The address itself, if it must be this one and no other.", param="ipaddress"),
        "Tags": Property("Tags of the address.", kind=Kind.TAGS, update=Update.IN_PLACE),
        "_network": Property("The network that the plan made for machines that name none."),
        **ignored("the zone has one pool of addresses", "PublicIpv4Pool", "IpamPoolId", "NetworkBorderGroup"),
        **ignored("an address is not handed over between accounts", "TransferAddress"),
    },
    attributes={
        "PublicIp": Attribute("The address itself.", "ipaddress"),
        "AllocationId": Attribute("The address's id.", "id"),
    },
    ref="PublicIp",
    ec2=True,
    native=Native(
        key="ipaddress",
        create=_create,
        update=_update,
        delete=_delete,
        read=addresses.READ,
        stands_for=_stands_for,
        tag_type="PublicIpAddress",
        remove_first=_same_machine,
    ),
    source="CloudFormation resource specification; CloudStack 4.19 associateIpAddress, enableStaticNat",
)
