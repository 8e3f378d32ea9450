"""What belongs to a VPC and is kept on it: its internet gateway, its route tables, its NAT gateways.

Every VPC has a route table from the start, whose id comes from the VPC's UUID; others are made, and one of them may
become the main one. CloudStack routes between all tiers of a VPC and sends everything else out by the VPC's source
NAT, for every tier alike: the tables say what is so anyway, but for routes to a private gateway, which are
CloudStack's static routes and hold for the whole VPC, whichever table they were made in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import frozen

from cfnlib.errors import NotAllowedError
from compat.ec2.homes import mark, tags
from compat.ec2.ids import ec2_id
from compat.ec2.marks import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from compat.ec2.world import Row, World

MADE, DELETED = "made", "deleted"
"""What is kept of a route table beside the first, and of the first when it is gone."""
_TABLE = re.compile(re.escape(PREFIX) + r"(rtb-[0-9a-f]{17})(?: (?!tag:)(.+))?")
_NAT = re.compile(re.escape(PREFIX) + r"(nat-[0-9a-f]{17})")


@frozen
class Table:
    """A route table: `routes` are the targets' ids by their blocks, without the VPC's own and the static ones."""

    table_id: str
    main: bool
    routes: Mapping[str, str]


def first_table(vpc: Row) -> str:
    """The id of the route table that a VPC has from the start."""
    return ec2_id("routetable", str(vpc["id"]))


def tables_of(vpc: Row) -> list[Table]:
    """The route tables of a VPC, the first one first."""
    first = first_table(vpc)
    routes: dict[str, dict[str, str]] = {first: {}}
    made: dict[str, str] = {first: MADE}
    for key, value in tags(vpc).items():
        found = _TABLE.fullmatch(key)
        if found is None:
            continue
        if found[2] is None:
            made[found[1]] = value
        else:
            routes.setdefault(found[1], {})[found[2]] = value
    there = [name for name, state in made.items() if state != DELETED]
    main = mark(vpc, "main")
    main = main if main in there else first
    return [Table(name, name == main, routes.get(name, {})) for name in there or [first]]


def association_id(owner_uuid: str, table_id: str) -> str:
    """The id of the association of a subnet (or, for the main table, of a VPC) with a table."""
    return ec2_id("routetableassociation", f"{owner_uuid} {table_id}")


def table_of_subnet(network: Row, tables: Iterable[Table]) -> str | None:
    """The table that a subnet was associated with, None when the main one is what it has."""
    name = mark(network, "routetable")
    return name if any(table.table_id == name for table in tables) else None


def attached_gateway(vpc: Row, gateways: Iterable[Row]) -> str | None:
    """The id of the internet gateway that is attached to a VPC, of those there are; None when none is."""
    name = mark(vpc, "gateway")
    return name if any(ec2_id("gateway", str(one["id"])) == name for one in gateways) else None


def nat_gateways_of(network: Row) -> dict[str, str]:
    """The NAT gateways in a subnet: when each was made, by its id."""
    return {found[1]: value for key, value in tags(network).items() if (found := _NAT.fullmatch(key))}


def tiers_of(networks: Iterable[Row], vpc_uuid: str) -> list[Row]:
    """The networks that are tiers of a VPC."""
    return [one for one in networks if one.get("vpcid") == vpc_uuid]


def static_routes(world: World) -> list[Row]:
    """The static routes of the account's VPCs; none where its role may not ask for them."""
    try:
        return [row for row in world.rows("staticroute") if row.get("state") not in {"Revoke", "Deleting"}]
    except NotAllowedError:
        return []
