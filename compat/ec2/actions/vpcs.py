"""VPCs: CloudStack's own, each with its router in one zone.

A VPC is made without starting its router (`start=false`), which comes with the first machine: so it is there at once,
as on EC2. Its offering is the configured one (`vpc_offering`), else "Default VPC offering", else the default one.

Names are always resolved in a VPC of CloudStack (enableDnsSupport), and its machines always have names there. What
enableDnsHostnames asks for on EC2, public names, there is none of here: either value changes nothing, so it is kept.

Source: CloudStack 4.19, createVPC, CreateVPCCmd (start); Amazon EC2 API reference, CreateVpc, ModifyVpcAttribute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compat.ec2 import names
from compat.ec2.cidrs import vpc_block
from compat.ec2.faults import Ec2Error, unsupported
from compat.ec2.filters import filtered
from compat.ec2.homes import Home, dress, mark, put, shown, tags_asked, take
from compat.ec2.ids import ec2_id
from compat.ec2.launch import is_true
from compat.ec2.machines import tags_of
from compat.ec2.marks import PREFIX
from compat.ec2.network_acls import OWN_DEFAULT
from compat.ec2.pages import paged
from compat.ec2.vpc_parts import attached_gateway, tables_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compat.ec2.world import Row, World

OFFERING = "Default VPC offering"
HOSTNAMES = "dns-hostnames"
_LONGEST = 255
"""How long a name of CloudStack's may be."""
FILTERS: dict[str, Any] = {
    "cidr": "CidrBlock",
    "cidr-block": "CidrBlock",
    "cidr-block-association.association-id": "CidrBlockAssociationSet.AssociationId",
    "cidr-block-association.cidr-block": "CidrBlockAssociationSet.CidrBlock",
    "cidr-block-association.state": "CidrBlockAssociationSet.CidrBlockState.State",
    "dhcp-options-id": "DhcpOptionsId",
    "is-default": "IsDefault",
    "isDefault": "IsDefault",
    "owner-id": "OwnerId",
    "state": "State",
    "vpc-id": "VpcId",
}


def create_vpc(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Make a VPC."""
    for name in ("Ipv6CidrBlock", "Ipv6Pool", "Ipv4IpamPoolId", "Ipv6IpamPoolId"):
        if params.get(name):
            raise unsupported(f"{name}: the blocks of a VPC of CloudStack are of IPv4, and given in CidrBlock")
    if params.get("AmazonProvidedIpv6CidrBlock"):
        raise unsupported("AmazonProvidedIpv6CidrBlock: a VPC of CloudStack is given no block of IPv6")
    if params.get("InstanceTenancy") not in {None, "default"}:
        raise unsupported(f"InstanceTenancy {params['InstanceTenancy']}: a VPC of CloudStack has no hosts of its own")
    if not params.get("CidrBlock"):
        raise Ec2Error("MissingParameter", "The request must contain the parameter cidrBlock")
    cidr, tags = str(vpc_block(params["CidrBlock"])), tags_asked(params, "vpc")
    zone = _zone(world)
    name = (tags.get("Name") or f"VPC {cidr}")[:_LONGEST]
    answer = world.done(
        "createVPC",
        name=name,
        displaytext=name,
        cidr=cidr,
        zoneid=zone["id"],
        vpcofferingid=_offering(world)["id"],
        start=False,
    )
    row = answer.get("vpc", answer)
    dress(world, Home("Vpc", str(row["id"])), tags, lambda: world.done("deleteVPC", id=row["id"]))
    return {"Vpc": {**described(world, row), "Tags": shown(tags)}}


def delete_vpc(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Remove a VPC that nothing is left in but what it was made with.

    Addresses that were allocated in it are something: CloudStack would give them back with the VPC.
    """
    row = world.one("vpc", params["VpcId"])
    uuid = str(row["id"])
    tiers, lists, groups, gateways, addresses = world.listed("subnet", "acl", "securitygroup", "gateway", "address")
    used = (
        any(one.get("vpcid") == uuid for one in tiers)
        or any(one.get("vpcid") == uuid and not is_true(one.get("issourcenat")) for one in addresses)
        or any(one.get("vpcid") == uuid and one.get("name") != OWN_DEFAULT for one in lists)
        or any(mark(one, "vpc") == uuid for one in groups)
        or attached_gateway(row, gateways) is not None
        or any(not table.main for table in tables_of(row))
    )
    if used:
        text = f"The vpc '{params['VpcId']}' has dependencies and cannot be deleted."
        raise Ec2Error("DependencyViolation", text)
    world.done("deleteVPC", id=uuid)
    return {}


def describe_vpcs(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The VPCs of the account."""
    found = [described(world, row) for row in world.chosen("vpc", params.get("VpcIds"))]
    page, token = paged(filtered(found, params.get("Filters"), FILTERS), params, lambda one: str(one["VpcId"]))
    return {"Vpcs": page, "NextToken": token}


def described(world: World, row: Row) -> dict[str, Any]:
    """A VPC."""
    uuid = str(row["id"])
    association = {
        "AssociationId": ec2_id("cidrassociation", uuid),
        "CidrBlock": row.get("cidr"),
        "CidrBlockState": {"State": "associated"},
    }
    return {
        "VpcId": world.learn("vpc", uuid),
        "CidrBlock": row.get("cidr"),
        "State": "available" if row.get("state") == "Enabled" else "pending",
        "DhcpOptionsId": ec2_id("dhcpoptions", uuid),
        "InstanceTenancy": "default",
        "IsDefault": False,
        "OwnerId": world.caller.account_number,
        "CidrBlockAssociationSet": [association],
        "Ipv6CidrBlockAssociationSet": [],
        "Tags": tags_of(row),
    }


def describe_vpc_attribute(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """One attribute of a VPC."""
    row = world.one("vpc", params["VpcId"])
    name = params["Attribute"]
    member = name[:1].upper() + name[1:]
    if member not in _attributes(row):
        raise Ec2Error("InvalidParameterValue", f"Value ({name}) for parameter attribute is invalid.")
    return {"VpcId": world.learn("vpc", str(row["id"])), member: {"Value": _attributes(row)[member]}}


def modify_vpc_attribute(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Change enableDnsHostnames; what is as it is asked for stays so, the rest cannot be changed."""
    row = world.one("vpc", params["VpcId"])
    asked = {name: params[name].get("Value") for name in _attributes(row) if params.get(name) is not None}
    if len(asked) != 1:
        text = "exactly one of enableDnsSupport, enableDnsHostnames, enableNetworkAddressUsageMetrics can be changed"
        raise Ec2Error("InvalidParameterCombination", text)
    [(name, value)] = asked.items()
    if value is _attributes(row)[name]:
        return {}
    if name == "EnableDnsSupport":
        raise unsupported("enableDnsSupport: the router of a CloudStack VPC always resolves names")
    if name == "EnableNetworkAddressUsageMetrics":
        raise unsupported("enableNetworkAddressUsageMetrics: CloudStack measures no such thing")
    home = Home("Vpc", str(row["id"]), PREFIX)
    if value:
        put(world, home, {HOSTNAMES: "true"})
    else:
        take(world, home, [HOSTNAMES])
    return {}


def create_default_vpc(_world: World, _params: Mapping[str, Any]) -> dict[str, Any]:
    """CloudStack knows no default VPC: who names no subnet is given a network outside of any VPC."""
    raise unsupported("CloudStack has no default VPC: make one with CreateVpc, and name its subnets when launching")


def _attributes(row: Row) -> dict[str, bool]:
    return {
        "EnableDnsSupport": True,
        "EnableDnsHostnames": mark(row, HOSTNAMES) == "true",
        "EnableNetworkAddressUsageMetrics": False,
    }


def _zone(world: World) -> Row:
    """The zone that VPCs are made in: the configured one, else the first that can have them. Raises `Ec2Error`."""
    rows = [names.zone(world, None)] if world.config.zone else world.rows("zone")
    for row in rows:
        if row.get("networktype") != "Basic" and not is_true(row.get("securitygroupsenabled")):
            return row
    told = ", ".join(str(row.get("name")) for row in rows) or "none"
    raise unsupported(
        f"VPCs need an advanced zone without security groups, which this is not: {told}; configure another zone"
    )


def _offering(world: World) -> Row:
    rows = world.client.rows("listVPCOfferings", "vpcoffering", {"state": "Enabled"})
    wanted = world.config.vpc_offering
    if wanted is not None:
        rows = [row for row in rows if wanted in {row.get("name"), row.get("id")}]
        if not rows:
            raise unsupported(f"this cloud has no VPC offering {wanted}, which is configured")
    if not rows:
        raise unsupported("this cloud offers no VPCs: it has no enabled VPC offering")
    return min(rows, key=lambda row: (row.get("name") != OFFERING, not is_true(row.get("isdefault"))))


ACTIONS = {
    "CreateDefaultVpc": create_default_vpc,
    "CreateVpc": create_vpc,
    "DeleteVpc": delete_vpc,
    "DescribeVpcAttribute": describe_vpc_attribute,
    "DescribeVpcs": describe_vpcs,
    "ModifyVpcAttribute": modify_vpc_attribute,
}
