"""NAT gateways: what every VPC of CloudStack has anyway, its source NAT.

One that is made is a record on its subnet. Its address is that of the VPC's router, which every tier goes out by; so
an address that was allocated otherwise cannot be what is seen of it from outside, and is refused. The router, and
with it the address, comes with the first machine of a VPC.

Source: Amazon EC2 API reference, CreateNatGateway, NatGateway; CloudStack 4.19, listPublicIpAddresses (issourcenat).
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from cfnlib.errors import ConflictError
from compat.ec2.actions.subnets import subnet_of
from compat.ec2.faults import Ec2Error, not_found, unsupported
from compat.ec2.filters import filtered
from compat.ec2.homes import Home, home_on_subnet, kept, put, shown, tags_asked, take
from compat.ec2.ids import DIGITS, ec2_id
from compat.ec2.launch import is_true
from compat.ec2.machines import time_of
from compat.ec2.marks import PREFIX
from compat.ec2.pages import paged
from compat.ec2.vpc_parts import nat_gateways_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from compat.ec2.world import Row, World

FILTERS: dict[str, Any] = {
    "connectivity-type": "ConnectivityType",
    "nat-gateway-id": "NatGatewayId",
    "state": "State",
    "subnet-id": "SubnetId",
    "vpc-id": "VpcId",
}


def create_nat_gateway(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Make a record of a NAT gateway in a subnet."""
    if params.get("ConnectivityType") == "private":
        raise unsupported("ConnectivityType private: the router of a CloudStack VPC hides no tier from another")
    for name in ("PrivateIpAddress", "SecondaryAllocationIds", "SecondaryPrivateIpAddresses", "AvailabilityMode"):
        if params.get(name) and params[name] != "zonal":
            raise unsupported(f"{name}: a NAT gateway is the router of its VPC here, with its one address")
    if not params.get("SubnetId"):
        raise Ec2Error("MissingParameter", "The request must contain the parameter subnetId")
    network, tags = subnet_of(world, params["SubnetId"]), tags_asked(params, "natgateway")
    addresses = _addresses(world)
    _check_address(world, params, network, addresses)
    token = params.get("ClientToken")
    text = uuid4().hex if token is None else hashlib.sha256(f"{network['id']}\n{token}".encode()).hexdigest()
    name, made = f"nat-{text[:DIGITS]}", datetime.fromtimestamp(world.now(), UTC).isoformat(timespec="seconds")
    home = home_on_subnet(str(network["id"]), name)
    wanted = {f"{PREFIX}{name}": made, **{f"{home.prefix}{key}": value for key, value in tags.items()}}
    try:
        put(world, Home(home.resource_type, home.uuid), wanted)
    except ConflictError:  # the same request, sent twice
        made = nat_gateways_of(subnet_of(world, params["SubnetId"])).get(name, made)
    gateway = described(world, network, name, made, addresses)
    return {"ClientToken": token, "NatGateway": {**gateway, "Tags": shown(tags)}}


def delete_nat_gateway(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Remove the record; the VPC goes out as before."""
    asked = params["NatGatewayId"]
    for network in world.rows("subnet", forvpc=True):
        if asked in nat_gateways_of(network):
            keys = [f"{asked} tag:{tag['Key']}" for tag in kept(network, asked)]
            take(world, Home("Network", str(network["id"]), PREFIX), [asked, *keys])
            return {"NatGatewayId": asked}
    raise not_found("natgateway", asked)


def describe_nat_gateways(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The records of the account."""
    rows = [row for row in world.rows("subnet", forvpc=True) if nat_gateways_of(row)]
    addresses = _addresses(world) if rows else []
    found = [
        described(world, row, name, made, addresses) for row in rows for name, made in nat_gateways_of(row).items()
    ]
    asked = params.get("NatGatewayIds")
    if asked:
        known = {one["NatGatewayId"]: one for one in found}
        missing = next((name for name in asked if name not in known), None)
        if missing is not None:
            raise not_found("natgateway", missing)
        found = [known[name] for name in dict.fromkeys(asked)]
    chosen = filtered(found, params.get("Filter"), FILTERS)
    page, token = paged(chosen, params, lambda one: str(one["NatGatewayId"]))
    return {"NatGateways": page, "NextToken": token}


def described(world: World, network: Row, name: str, made: str, addresses: Iterable[Row]) -> dict[str, Any]:
    """A NAT gateway."""
    address = _source_nat(network, addresses)
    first = str(IPv4Network(str(network["cidr"])).network_address + 1)
    found = {"PrivateIp": network.get("gateway") or first, "IsPrimary": True, "Status": "succeeded"}
    if address is not None:
        found |= {"PublicIp": address["ipaddress"], "AllocationId": ec2_id("address", str(address["id"]))}
    return {
        "NatGatewayId": name,
        "VpcId": world.learn("vpc", str(network["vpcid"])),
        "SubnetId": world.learn("subnet", str(network["id"])),
        "State": "available",
        "ConnectivityType": "public",
        "CreateTime": time_of(made),
        "NatGatewayAddresses": [found],
        "Tags": kept(network, name),
    }


def _addresses(world: World) -> list[Row]:
    return [row for row in world.rows("address") if is_true(row.get("issourcenat")) and row.get("vpcid")]


def _source_nat(network: Row, addresses: Iterable[Row]) -> Row | None:
    return next((row for row in addresses if row.get("vpcid") == network["vpcid"]), None)


def _check_address(world: World, params: Mapping[str, Any], network: Row, addresses: Iterable[Row]) -> None:
    """Raise `Ec2Error` when the gateway is to have another address than the one that its VPC goes out by."""
    asked = params.get("AllocationId")
    if not asked:
        return
    own = _source_nat(network, addresses)
    uuid = world.uuid("address", asked)
    if own is not None and uuid == own["id"]:
        return
    is_it = "the one of its router, which comes with its first machine"
    if own is not None:
        is_it = f"{own['ipaddress']} ({ec2_id('address', str(own['id']))})"
    raise unsupported(
        f"{asked} is not what this VPC goes out by: that is {is_it}. Leave AllocationId out, or name that address"
    )


ACTIONS = {
    "CreateNatGateway": create_nat_gateway,
    "DeleteNatGateway": delete_nat_gateway,
    "DescribeNatGateways": describe_nat_gateways,
}
