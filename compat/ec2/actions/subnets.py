"""Subnets: the tiers of a VPC, which are networks of CloudStack.

A subnet lies in the zone of its VPC, its router has the first address, and its machines pass what the VPC's default
network ACL passes. The offering is the configured one (`network_offering`) where that is for VPCs, else that of the
VPC's other tiers, else "DefaultIsolatedNetworkOfferingForVpcNetworks".

MapPublicIpOnLaunch is kept, and changes nothing: CloudStack has no security groups in a VPC, so a machine with a
public address of its own would be open to everybody for all that the network ACL passes.

Source: CloudStack 4.19, createNetwork; VpcManagerImpl: tiers of a VPC with different offerings may not both balance
public load; Amazon EC2 API reference, CreateSubnet, Subnet.
"""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any

from cfnlib.errors import CfnlibError, ConflictError, JobFailedError
from compat.ec2 import names
from compat.ec2.cidrs import RESERVED, subnet_block
from compat.ec2.faults import Ec2Error, not_found, unsupported
from compat.ec2.filters import filtered
from compat.ec2.homes import Home, dress, mark, put, shown, tags_asked, take
from compat.ec2.machines import GONE, tags_of
from compat.ec2.marks import PREFIX
from compat.ec2.network_acls import backing_of_default
from compat.ec2.pages import paged
from compat.ec2.vpc_parts import nat_gateways_of, tiers_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from compat.ec2.world import Row, World

OFFERING = "DefaultIsolatedNetworkOfferingForVpcNetworks"
PUBLIC = "public-addresses"
_LONGEST = 255
"""How long a name of CloudStack's may be."""
FILTERS: dict[str, Any] = {
    "availability-zone": "AvailabilityZone",
    "availabilityZone": "AvailabilityZone",
    "availability-zone-id": "AvailabilityZoneId",
    "available-ip-address-count": "AvailableIpAddressCount",
    "cidr": "CidrBlock",
    "cidr-block": "CidrBlock",
    "cidrBlock": "CidrBlock",
    "default-for-az": "DefaultForAz",
    "defaultForAz": "DefaultForAz",
    "ipv6-native": "Ipv6Native",
    "map-public-ip-on-launch": "MapPublicIpOnLaunch",
    "owner-id": "OwnerId",
    "state": "State",
    "subnet-arn": "SubnetArn",
    "subnet-id": "SubnetId",
    "vpc-id": "VpcId",
}
_AS_IT_IS: dict[str, object] = {
    "AssignIpv6AddressOnCreation": False,
    "EnableDns64": False,
    "EnableResourceNameDnsAAAARecordOnLaunch": False,
    "EnableResourceNameDnsARecordOnLaunch": False,
    "MapCustomerOwnedIpOnLaunch": False,
    "PrivateDnsHostnameTypeOnLaunch": "ip-name",
}
"""The attributes that cannot be changed, and what they are."""


def create_subnet(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Make a tier of a VPC."""
    for name in ("Ipv6CidrBlock", "Ipv6Native", "Ipv4IpamPoolId", "Ipv6IpamPoolId", "OutpostArn"):
        if params.get(name):
            raise unsupported(f"{name}: a subnet of CloudStack has a block of IPv4, given in CidrBlock")
    if not params.get("CidrBlock"):
        raise Ec2Error("MissingParameter", "The request must contain the parameter cidrBlock")
    vpc, tags = world.one("vpc", params["VpcId"]), tags_asked(params, "subnet")
    tiers = tiers_of(world.rows("subnet", forvpc=True), str(vpc["id"]))
    others = [IPv4Network(str(tier["cidr"])) for tier in tiers if tier.get("cidr")]
    cidr = subnet_block(params["CidrBlock"], IPv4Network(str(vpc["cidr"])), others)
    _check_zone(world, params, vpc)
    name = (tags.get("Name") or f"subnet {cidr}")[:_LONGEST]
    try:
        answer = world.call(
            "createNetwork",
            name=name,
            displaytext=name,
            zoneid=vpc["zoneid"],
            networkofferingid=_offering(world, tiers),
            vpcid=vpc["id"],
            gateway=str(cidr.network_address + 1),
            netmask=str(cidr.netmask),
            aclid=backing_of_default(world.rows("acl"), str(vpc["id"]))["id"],
        )
    except ConflictError:  # of another bridge, between the question and the call
        raise Ec2Error("InvalidSubnet.Conflict", f"The CIDR '{cidr}' conflicts with another subnet") from None
    row = answer.get("network", answer)
    dress(world, Home("Network", str(row["id"])), tags, lambda: world.done("deleteNetwork", id=row["id"]))
    return {"Subnet": {**described(world, row, 0), "Tags": shown(tags)}}


def delete_subnet(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Remove a tier that no machine and no NAT gateway is in."""
    row = subnet_of(world, params["SubnetId"])
    if nat_gateways_of(row) or _taken(world.rows("instance"), str(row["id"])):
        raise _in_use(params["SubnetId"])
    try:
        world.done("deleteNetwork", id=row["id"])
    except JobFailedError as error:  # machines that are destroyed and not expunged yet keep it
        raise _in_use(params["SubnetId"], f" {error}") from error
    return {}


def describe_subnets(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The tiers of the account's VPCs."""
    asked = params.get("SubnetIds")
    rows = [row for row in world.chosen("subnet", asked) if row.get("vpcid") or asked]
    outside = next((row for row in rows if not row.get("vpcid")), None)
    if outside is not None:
        raise not_found("subnet", world.learn("subnet", str(outside["id"])))
    machines = world.rows("instance") if rows else []
    found = [described(world, row, _taken(machines, str(row["id"]))) for row in rows]
    page, token = paged(filtered(found, params.get("Filters"), FILTERS), params, lambda one: str(one["SubnetId"]))
    return {"Subnets": page, "NextToken": token}


def described(world: World, row: Row, taken: int) -> dict[str, Any]:
    """A subnet; `taken` is how many of its addresses machines have."""
    uuid, region, owner = str(row["id"]), world.config.region, world.caller.account_number
    name = world.learn("subnet", uuid)
    return {
        "SubnetId": name,
        "VpcId": world.learn("vpc", str(row["vpcid"])),
        "CidrBlock": row.get("cidr"),
        "AvailabilityZone": row.get("zonename"),
        "AvailabilityZoneId": row.get("zoneid"),
        "State": "pending" if row.get("state") in {"Shutdown", "Destroy"} else "available",
        "AvailableIpAddressCount": max(IPv4Network(str(row["cidr"])).num_addresses - RESERVED - taken, 0),
        "DefaultForAz": False,
        "MapPublicIpOnLaunch": mark(row, PUBLIC) == "true",
        "MapCustomerOwnedIpOnLaunch": False,
        "AssignIpv6AddressOnCreation": False,
        "EnableDns64": False,
        "Ipv6Native": False,
        "Ipv6CidrBlockAssociationSet": [],
        "PrivateDnsNameOptionsOnLaunch": {
            "HostnameType": "ip-name",
            "EnableResourceNameDnsARecord": False,
            "EnableResourceNameDnsAAAARecord": False,
        },
        "OwnerId": owner,
        "SubnetArn": f"arn:aws:ec2:{region}:{owner}:subnet/{name}",
        "Tags": tags_of(row),
    }


def modify_subnet_attribute(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Keep MapPublicIpOnLaunch; what is as it is asked for stays so, the rest cannot be changed."""
    row = subnet_of(world, params["SubnetId"])
    asked = {name: _value(value) for name, value in params.items() if name != "SubnetId" and value is not None}
    if len(asked) != 1:
        raise Ec2Error("InvalidParameterCombination", "exactly one attribute of a subnet can be changed at a time")
    [(name, value)] = asked.items()
    if name == "MapPublicIpOnLaunch":
        home, there = Home("Network", str(row["id"]), PREFIX), mark(row, PUBLIC) == "true"
        if value and not there:
            put(world, home, {PUBLIC: "true"})
        elif there and not value:
            take(world, home, [PUBLIC])
        return {}
    if name in _AS_IT_IS and value == _AS_IT_IS[name]:
        return {}
    raise unsupported(f"{name}: a subnet of CloudStack has no such attribute that could be changed")


def create_default_subnet(_world: World, _params: Mapping[str, Any]) -> dict[str, Any]:
    """There is no default VPC that one could be in."""
    raise unsupported("CloudStack has no default VPC, so it has no default subnets: make one with CreateSubnet")


def subnet_of(world: World, asked: str) -> Row:
    """The tier that is meant. Raises `Ec2Error` when there is none such, or it is a network outside of VPCs."""
    row = world.one("subnet", asked)
    if not row.get("vpcid"):
        raise not_found("subnet", asked)
    return row


def _taken(machines: Sequence[Row], network_id: str) -> int:
    """How many addresses of a network machines have."""
    return sum(
        1 + len(nic.get("secondaryip") or ())
        for machine in machines
        if machine.get("state") not in GONE
        for nic in machine.get("nic") or ()
        if nic.get("networkid") == network_id
    )


def _check_zone(world: World, params: Mapping[str, Any], vpc: Row) -> None:
    asked = params.get("AvailabilityZone") or params.get("AvailabilityZoneId")
    if asked and names.zone(world, asked)["id"] != vpc["zoneid"]:
        text = f"Value ({asked}) for parameter availabilityZone is invalid. The VPC is in {vpc.get('zonename')}."
        raise Ec2Error("InvalidParameterValue", text)


def _offering(world: World, tiers: Sequence[Row]) -> str:
    asked = {"state": "Enabled", "forvpc": True, "guestiptype": "Isolated"}
    rows = world.client.rows("listNetworkOfferings", "networkoffering", asked)
    wanted = world.config.network_offering
    configured = [row for row in rows if wanted in {row.get("name"), row.get("id")}]
    alike = [row for row in rows if row["id"] in {tier.get("networkofferingid") for tier in tiers}]
    built_in = [row for row in rows if row.get("name") == OFFERING]
    chosen = configured or alike or built_in or rows
    if not chosen:
        raise unsupported("this cloud offers no networks for VPCs: it has no enabled network offering for them")
    return str(chosen[0]["id"])


def _in_use(asked: str, more: str = "") -> CfnlibError:
    return Ec2Error("DependencyViolation", f"The subnet '{asked}' has dependencies and cannot be deleted.{more}")


def _value(said: object) -> object:
    return said.get("Value") if isinstance(said, dict) else said


ACTIONS = {
    "CreateDefaultSubnet": create_default_subnet,
    "CreateSubnet": create_subnet,
    "DeleteSubnet": delete_subnet,
    "DescribeSubnets": describe_subnets,
    "ModifySubnetAttribute": modify_subnet_attribute,
}
