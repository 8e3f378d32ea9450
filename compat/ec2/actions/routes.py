"""Routes: records of what the VPC does anyway, and static routes to private gateways."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any

from cfnlib.errors import ConflictError
from compat.ec2.actions.route_tables import table_of
from compat.ec2.cidrs import block
from compat.ec2.faults import Ec2Error, not_found, unsupported
from compat.ec2.homes import Home, mark, put, take
from compat.ec2.ids import ec2_id
from compat.ec2.marks import PREFIX
from compat.ec2.vpc_parts import Table, attached_gateway, nat_gateways_of, static_routes, tiers_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compat.ec2.world import Row, World

_ELSEWHERE = (
    "CarrierGatewayId",
    "CoreNetworkArn",
    "EgressOnlyInternetGatewayId",
    "InstanceId",
    "LocalGatewayId",
    "LocalTarget",
    "NetworkInterfaceId",
    "OdbNetworkArn",
    "TransitGatewayId",
    "VpcEndpointId",
    "VpcPeeringConnectionId",
)
"""Targets of routes that CloudStack has no counterpart of."""
_PRIVATE = "vgw-"


def create_route(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Add a route to a table."""
    vpc, table = table_of(world, params["RouteTableId"])
    cidr = _destination(params, vpc)
    if cidr in table.routes or _static(world, vpc, table, cidr) is not None:
        raise _there(cidr)
    _make(world, vpc, table, cidr, _target(world, vpc, params))
    return {"Return": True}


def replace_route(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Give a route another target."""
    vpc, table = table_of(world, params["RouteTableId"])
    cidr = _destination(params, vpc)
    if not (cidr in table.routes or _static(world, vpc, table, cidr) is not None):
        raise _none(table, cidr)
    target = _target(world, vpc, params)
    if table.routes.get(cidr) != target:
        _remove(world, vpc, table, cidr)
        _make(world, vpc, table, cidr, target)
    return {}


def delete_route(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Remove a route from a table."""
    vpc, table = table_of(world, params["RouteTableId"])
    if str(_cidr(params)) == vpc.get("cidr"):
        text = f"cannot remove local route {vpc['cidr']} in route table {table.table_id}"
        raise Ec2Error("InvalidParameterValue", text)
    cidr = str(_cidr(params))
    if not _remove(world, vpc, table, cidr):
        raise _none(table, cidr)
    return {}


def _make(world: World, vpc: Row, table: Table, cidr: str, target: str) -> None:
    if not target.startswith(_PRIVATE):
        try:
            put(world, Home("Vpc", str(vpc["id"]), PREFIX), {f"{table.table_id} {cidr}": target})
        except ConflictError:
            raise _there(cidr) from None
        return
    try:
        answer = world.done("createStaticRoute", gatewayid=world.uuid("privategateway", target), cidr=cidr)
    except ConflictError:
        raise _there(cidr) from None
    route = answer.get("staticroute", answer)
    put(world, Home("StaticRoute", str(route["id"]), PREFIX), {"routetable": table.table_id})


def _remove(world: World, vpc: Row, table: Table, cidr: str) -> bool:
    """Take a route out of a table; gives whether there was one."""
    if cidr in table.routes:
        take(world, Home("Vpc", str(vpc["id"]), PREFIX), [f"{table.table_id} {cidr}"])
        return True
    route = _static(world, vpc, table, cidr)
    if route is not None:
        world.done("deleteStaticRoute", id=route["id"])
    return route is not None


def _static(world: World, vpc: Row, table: Table, cidr: str) -> Row | None:
    """The static route to a block that is shown in a table."""
    for route in static_routes(world):
        made_in = mark(route, "routetable")
        shown = made_in == table.table_id or (made_in is None and table.main)
        if shown and route.get("vpcid") == vpc["id"] and route.get("cidr") == cidr:
            return route
    return None


def _target(world: World, vpc: Row, params: Mapping[str, Any]) -> str:
    """The id of what a route leads to, checked. Raises `Ec2Error`."""
    for name in _ELSEWHERE:
        if params.get(name):
            text = "a route leads to an internet gateway, a NAT gateway or a private gateway (vgw-…) of its VPC here"
            raise unsupported(f"{name}: {text}")
    gateway, nat = str(params.get("GatewayId") or ""), str(params.get("NatGatewayId") or "")
    if bool(gateway) == bool(nat):
        text = "The request must contain exactly one of gatewayId and natGatewayId"
        raise Ec2Error("InvalidParameterCombination" if gateway else "MissingParameter", text)
    if nat:
        tiers = tiers_of(world.rows("subnet", forvpc=True), str(vpc["id"]))
        if not any(nat in nat_gateways_of(tier) for tier in tiers):
            raise Ec2Error("InvalidNatGatewayID.NotFound", f"The natGateway ID '{nat}' does not exist")
        return nat
    if gateway.startswith("igw-"):
        return _internet_gateway(world, vpc, gateway)
    return _private_gateway(world, vpc, gateway)


def _internet_gateway(world: World, vpc: Row, asked: str) -> str:
    gateways = world.rows("gateway")
    if asked not in {ec2_id("gateway", str(one["id"])) for one in gateways}:
        raise not_found("gateway", asked)
    if attached_gateway(vpc, gateways) != asked:
        raise _elsewhere(asked)
    return asked


def _private_gateway(world: World, vpc: Row, asked: str) -> str:
    for row in world.rows("privategateway"):
        name = world.learn("privategateway", str(row["id"]))
        if asked in {name, row["id"]}:
            if row.get("vpcid") != vpc["id"]:
                raise _elsewhere(asked)
            return name
    raise not_found("routetarget", asked)


def _destination(params: Mapping[str, Any], vpc: Row) -> str:
    """The block that a route is for, which is outside of the VPC. Raises `Ec2Error`."""
    cidr = _cidr(params)
    if cidr.subnet_of(IPv4Network(str(vpc["cidr"]))):
        text = f"The destination CIDR block {cidr} is equal to or more specific than one of this VPC's CIDR blocks."
        raise Ec2Error("InvalidParameterValue", f"{text} Between its subnets the VPC routes by itself.")
    return str(cidr)


def _cidr(params: Mapping[str, Any]) -> IPv4Network:
    for name in ("DestinationIpv6CidrBlock", "DestinationPrefixListId"):
        if params.get(name):
            raise unsupported(f"{name}: a VPC of CloudStack routes blocks of IPv4")
    if not params.get("DestinationCidrBlock"):
        raise Ec2Error("MissingParameter", "The request must contain the parameter destinationCidrBlock")
    return block(params["DestinationCidrBlock"], "destinationCidrBlock")


def _elsewhere(gateway: str) -> Ec2Error:
    text = f"the route table and network gateway {gateway} belong to different networks"
    return Ec2Error("InvalidParameterValue", text)


def _there(cidr: str) -> Ec2Error:
    return Ec2Error("RouteAlreadyExists", f"The route identified by {cidr} already exists.")


def _none(table: Table, cidr: str) -> Ec2Error:
    text = f"no route with destination-cidr-block {cidr} in route table {table.table_id}"
    return Ec2Error("InvalidRoute.NotFound", text)


ACTIONS = {
    "CreateRoute": create_route,
    "DeleteRoute": delete_route,
    "ReplaceRoute": replace_route,
}
