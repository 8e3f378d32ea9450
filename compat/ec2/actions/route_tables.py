"""Route tables, and which subnets they are for.

`compat.ec2.vpc_parts` says what they mean, `compat.ec2.homes` where they are kept.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from cfnlib.errors import ConflictError
from compat.ec2.actions.subnets import subnet_of
from compat.ec2.faults import Ec2Error, not_found, unsupported
from compat.ec2.filters import filtered
from compat.ec2.homes import Home, home_on_vpc, kept, mark, put, shown, tags, tags_asked, take
from compat.ec2.ids import DIGITS, ec2_id
from compat.ec2.marks import PREFIX
from compat.ec2.pages import paged
from compat.ec2.vpc_parts import (
    DELETED,
    MADE,
    Table,
    association_id,
    attached_gateway,
    first_table,
    nat_gateways_of,
    static_routes,
    table_of_subnet,
    tables_of,
    tiers_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from compat.ec2.world import Row, World

FILTERS: dict[str, Any] = {
    "association.main": "Associations.Main",
    "association.route-table-association-id": "Associations.RouteTableAssociationId",
    "association.route-table-id": "Associations.RouteTableId",
    "association.subnet-id": "Associations.SubnetId",
    "association.gateway-id": "Associations.GatewayId",
    "owner-id": "OwnerId",
    "route.destination-cidr-block": "Routes.DestinationCidrBlock",
    "route.gateway-id": "Routes.GatewayId",
    "route.nat-gateway-id": "Routes.NatGatewayId",
    "route.origin": "Routes.Origin",
    "route.state": "Routes.State",
    "route-table-id": "RouteTableId",
    "vpc-id": "VpcId",
}
_ASSOCIATED = {"State": "associated"}


def create_route_table(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Make a table of a VPC; a client token makes one only once."""
    vpc, asked = world.one("vpc", params["VpcId"]), tags_asked(params, "route-table")
    uuid, token = str(vpc["id"]), params.get("ClientToken")
    text = uuid4().hex if token is None else hashlib.sha256(f"{uuid}\n{token}".encode()).hexdigest()
    name = f"rtb-{text[:DIGITS]}"
    home = home_on_vpc(uuid, name)
    wanted = {f"{PREFIX}{name}": MADE, **{f"{home.prefix}{key}": value for key, value in asked.items()}}
    try:
        put(world, Home("Vpc", uuid), wanted)
    except ConflictError:
        if token is None or not any(table.table_id == name for table in tables_of(world.one("vpc", uuid))):
            raise
    table = described(world, vpc, Table(name, main=False, routes={}), (), (), ())
    return {"RouteTable": {**table, "Tags": shown(asked)}, "ClientToken": token}


def delete_route_table(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Remove a table that no subnet is associated with, with its routes."""
    vpc, table = table_of(world, params["RouteTableId"])
    tables, tiers = tables_of(vpc), tiers_of(world.rows("subnet", forvpc=True), str(vpc["id"]))
    if table.main or any(table_of_subnet(tier, tables) == table.table_id for tier in tiers):
        text = f"The routeTable '{table.table_id}' has dependencies and cannot be deleted."
        raise Ec2Error("DependencyViolation", text)
    for route in static_routes(world):
        if mark(route, "routetable") == table.table_id:
            world.done("deleteStaticRoute", id=route["id"])
    home, mine = Home("Vpc", str(vpc["id"]), PREFIX), f"{PREFIX}{table.table_id}"
    take(world, home, [key.removeprefix(PREFIX) for key in tags(vpc) if key == mine or key.startswith(f"{mine} ")])
    if table.table_id == first_table(vpc):
        put(world, home, {table.table_id: DELETED})
    return {}


def describe_route_tables(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of the account's VPCs."""
    vpcs, networks, gateways = world.listed("vpc", "subnet", "gateway")
    static = static_routes(world) if vpcs else []
    found = [
        described(world, vpc, table, tiers_of(networks, str(vpc["id"])), gateways, static)
        for vpc in vpcs
        for table in tables_of(vpc)
    ]
    asked = params.get("RouteTableIds")
    if asked:
        known = {one["RouteTableId"]: one for one in found}
        missing = next((name for name in asked if name not in known), None)
        if missing is not None:
            raise not_found("routetable", missing)
        found = [known[name] for name in dict.fromkeys(asked)]
    chosen = filtered(found, params.get("Filters"), FILTERS)
    page, token = paged(chosen, params, lambda one: str(one["RouteTableId"]))
    return {"RouteTables": page, "NextToken": token}


def described(
    world: World, vpc: Row, table: Table, tiers: Iterable[Row], gateways: Iterable[Row], static: Iterable[Row]
) -> dict[str, Any]:
    """A table with its routes and associations; `tiers` are the VPC's, the rest the account's."""
    uuid, tables, tiers = str(vpc["id"]), tables_of(vpc), list(tiers)
    associations: list[dict[str, Any]] = []
    if table.main:
        associations.append(_association(uuid, table.table_id, Main=True))
    for tier in tiers:
        if table_of_subnet(tier, tables) == table.table_id:
            subnet = ec2_id("subnet", str(tier["id"]))
            associations.append(_association(str(tier["id"]), table.table_id, Main=False, SubnetId=subnet))
    return {
        "RouteTableId": table.table_id,
        "VpcId": world.learn("vpc", uuid),
        "OwnerId": world.caller.account_number,
        "Associations": associations,
        "PropagatingVgws": [],
        "Routes": _routes(vpc, table, tiers, gateways, static),
        "Tags": kept(vpc, table.table_id),
    }


def associate_route_table(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Associate a table with a subnet that has the main one."""
    if params.get("GatewayId") or params.get("PublicIpv4Pool"):
        raise unsupported("a route table is associated with a subnet here: what comes in finds its way by itself")
    if not params.get("SubnetId"):
        raise Ec2Error("MissingParameter", "The request must contain the parameter subnetId or gatewayId")
    vpc, table = table_of(world, params["RouteTableId"])
    network = subnet_of(world, params["SubnetId"])
    _same_vpc(network, vpc, f"route table {table.table_id} and subnet {params['SubnetId']}")
    there = table_of_subnet(network, tables_of(vpc))
    if there == table.table_id:
        return {"AssociationId": association_id(str(network["id"]), there), "AssociationState": _ASSOCIATED}
    if there is not None:
        raise _associated(table)
    home = Home("Network", str(network["id"]), PREFIX)
    if mark(network, "routetable") is not None:  # of a table that is gone
        take(world, home, ["routetable"])
    try:
        put(world, home, {"routetable": table.table_id})
    except ConflictError:
        raise _associated(table) from None
    return {"AssociationId": association_id(str(network["id"]), table.table_id), "AssociationState": _ASSOCIATED}


def disassociate_route_table(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Let a subnet have the main table again."""
    _, network, _ = _by_association(world, params["AssociationId"])
    if network is None:
        text = f"cannot disassociate the main route table association {params['AssociationId']}"
        raise Ec2Error("InvalidParameterValue", text)
    take(world, Home("Network", str(network["id"]), PREFIX), ["routetable"])
    return {}


def replace_association(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Associate another table with a subnet, or make it the main one of its VPC."""
    vpc, network, before = _by_association(world, params["AssociationId"])
    of, table = table_of(world, params["RouteTableId"])
    _same_vpc({"vpcid": vpc["id"]}, of, f"route table {table.table_id} and the association")
    owner, name = (vpc, "main") if network is None else (network, "routetable")
    home = Home("Vpc" if network is None else "Network", str(owner["id"]), PREFIX)
    if table.table_id != before:
        if mark(owner, name) is not None:
            take(world, home, [name])
        if network is not None or table.table_id != first_table(vpc):
            put(world, home, {name: table.table_id})
    return {
        "NewAssociationId": association_id(str(owner["id"]), table.table_id),
        "AssociationState": _ASSOCIATED,
    }


def table_of(world: World, asked: str) -> tuple[Row, Table]:
    """The VPC and the table that is meant. Raises `Ec2Error`."""
    for vpc in world.rows("vpc"):
        for table in tables_of(vpc):
            if table.table_id == asked:
                return vpc, table
    raise not_found("routetable", asked)


def _by_association(world: World, asked: str) -> tuple[Row, Row | None, str]:
    """The VPC, the network (None for the VPC's main table) and the table of an association. Raises `Ec2Error`."""
    vpcs, networks = world.listed("vpc", "subnet")
    for vpc in vpcs:
        uuid, tables = str(vpc["id"]), tables_of(vpc)
        main = next(table.table_id for table in tables if table.main)
        if association_id(uuid, main) == asked:
            return vpc, None, main
        for tier in tiers_of(networks, uuid):
            name = table_of_subnet(tier, tables)
            if name is not None and association_id(str(tier["id"]), name) == asked:
                return vpc, tier, name
    raise not_found("association", asked)


def _routes(
    vpc: Row, table: Table, tiers: Iterable[Row], gateways: Iterable[Row], static: Iterable[Row]
) -> list[dict[str, Any]]:
    gateway = attached_gateway(vpc, gateways)
    nats = {name for tier in tiers for name in nat_gateways_of(tier)}
    found: list[dict[str, Any]] = [
        {
            "DestinationCidrBlock": vpc.get("cidr"),
            "GatewayId": "local",
            "Origin": "CreateRouteTable",
            "State": "active",
        }
    ]
    for cidr, target in sorted(table.routes.items()):
        there = target in nats or target == gateway
        found.append(
            {
                "DestinationCidrBlock": cidr,
                "NatGatewayId" if target.startswith("nat-") else "GatewayId": target,
                "Origin": "CreateRoute",
                "State": "active" if there else "blackhole",
            }
        )
    for route in static:
        made_in = mark(route, "routetable")
        if route.get("vpcid") == vpc["id"] and (made_in == table.table_id or (made_in is None and table.main)):
            private = route.get("gatewayid")
            found.append(
                {
                    "DestinationCidrBlock": route.get("cidr"),
                    "GatewayId": ec2_id("privategateway", str(private)) if private else None,
                    "Origin": "CreateRoute",
                    "State": "active" if route.get("state") == "Active" else "blackhole",
                }
            )
    return found


def _association(owner_uuid: str, table_id: str, **more: object) -> dict[str, Any]:
    name = association_id(owner_uuid, table_id)
    return {
        "RouteTableAssociationId": name,
        "RouteTableId": table_id,
        "AssociationState": _ASSOCIATED,
        **more,
    }


def _same_vpc(network: Row, vpc: Row, what: str) -> None:
    if network.get("vpcid") != vpc["id"]:
        raise Ec2Error("InvalidParameterValue", f"{what} belong to different networks")


def _associated(table: Table) -> Ec2Error:
    text = f"the specified association for route table {table.table_id} conflicts with an existing association"
    return Ec2Error("Resource.AlreadyAssociated", text)


ACTIONS = {
    "AssociateRouteTable": associate_route_table,
    "CreateRouteTable": create_route_table,
    "DeleteRouteTable": delete_route_table,
    "DescribeRouteTables": describe_route_tables,
    "DisassociateRouteTable": disassociate_route_table,
    "ReplaceRouteTableAssociation": replace_association,
}
