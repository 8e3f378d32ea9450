"""Tags of things of every kind.

EC2 overwrites a tag that is there, CloudStack refuses it: so it is deleted first. The bridge's own tags are neither
shown nor touched. The tags of what CloudStack does not have are on what it has (`compat.ec2.homes`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.drivers.cloudstack.tags import told_value
from compat.ec2.actions.network_acls import acl_of
from compat.ec2.actions.route_tables import table_of
from compat.ec2.faults import Ec2Error, not_found
from compat.ec2.filters import filtered
from compat.ec2.homes import Home, check_keys, home_on_subnet, home_on_vpc, put, tag_owner, take
from compat.ec2.ids import PREFIXES, ec2_id, is_uuid
from compat.ec2.marks import is_mark
from compat.ec2.pages import paged
from compat.ec2.rules import RULE_ID, TAGGED, rule_id, rules_of
from compat.ec2.vpc_parts import nat_gateways_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from compat.ec2.world import World

TYPES = {
    "instance": ("UserVm", "instance"),
    "image": ("Template", "image"),
    "volume": ("Volume", "volume"),
    "snapshot": ("Snapshot", "snapshot"),
    "securitygroup": ("SecurityGroup", "security-group"),
    "address": ("PublicIpAddress", "elastic-ip"),
    "vpc": ("Vpc", "vpc"),
    "subnet": ("Network", "subnet"),
    "gateway": ("SecurityGroup", "internet-gateway"),
    "rule": (TAGGED, "security-group-rule"),
}
"""For each kind of thing: what CloudStack calls its type, and what EC2 does."""
KEPT = {
    "acl": "network-acl",
    "dhcpoptions": "dhcp-options",
    "natgateway": "natgateway",
    "routetable": "route-table",
}
"""For each kind of thing whose tags are on another one: what EC2 calls its type."""
_KIND_OF_PREFIX = {PREFIXES[kind]: kind for kind in (*TYPES, *KEPT)}
_KIND_OF_TYPE = {cloud.lower(): kind for kind, (cloud, _) in TYPES.items() if kind != "gateway"}


def create_tags(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Set tags on things."""
    pairs = {tag["Key"]: tag.get("Value") or "" for tag in params["Tags"]}
    check_keys(pairs)
    for home in _homes(world, params["Resources"]):
        there = _there(world, home)
        take(world, home, [key for key in pairs if there.get(key, pairs[key]) != pairs[key]])
        put(world, home, {key: value for key, value in pairs.items() if there.get(key) != value})
    return {}


def delete_tags(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Remove tags: those of a key, or (with a value) only where it has that value; without tags, all."""
    wanted = params.get("Tags")
    for home in _homes(world, params["Resources"]):
        there = _there(world, home)
        take(world, home, [key for key, value in there.items() if not wanted or _meant(wanted, key, value)])
    return {}


def describe_tags(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The tags of all things of the account."""
    gateways = {str(row["id"]) for row in world.rows("gateway")}
    listed = world.client.rows("listTags", "tag", _scope(world))
    rule_ids = {str(row["resourceid"]): str(row["value"]) for row in listed if row["key"] == RULE_ID}
    found = [one for row in listed if (one := _shown(row, gateways, rule_ids)) is not None]
    finders = {"key": "Key", "resource-id": "ResourceId", "resource-type": "ResourceType", "value": "Value"}
    chosen = filtered(found, params.get("Filters"), finders)
    page, token = paged(chosen, params, lambda one: f"{one['ResourceId']} {one['Key']}")
    return {"Tags": page, "NextToken": token}


def kind_of(asked: str) -> str:
    """The kind of thing that an id is of. Raises `Ec2Error`."""
    kind = _KIND_OF_PREFIX.get(asked.rpartition("-")[0])
    if kind is None:
        raise Ec2Error("InvalidID", f"The ID '{asked}' is not valid")
    return kind


def _shown(row: Mapping[str, Any], gateways: Iterable[str], rule_ids: Mapping[str, str]) -> dict[str, Any] | None:
    """A tag as EC2 shows it; None for a mark, and for a tag of what EC2 does not have."""
    key, uuid = str(row["key"]), str(row["resourceid"])
    kind = _KIND_OF_TYPE.get(str(row.get("resourcetype", "")).lower())
    of = tag_owner(key)
    if of is not None:
        name, key = of
        of_type = KEPT.get(_KIND_OF_PREFIX.get(name.rpartition("-")[0], ""))
    elif kind is None or is_mark(key):
        return None
    else:
        kind = "gateway" if kind == "securitygroup" and uuid in gateways else kind
        name, of_type = rule_ids.get(uuid) or ec2_id(kind, uuid), TYPES[kind][1]
    return {"ResourceId": name, "ResourceType": of_type, "Key": key, "Value": told_value(row.get("value"))}


def _homes(world: World, asked: Iterable[str]) -> list[Home]:
    """Where the tags of things are. Raises `Ec2Error` for what the caller has not."""
    found = []
    for name in dict.fromkeys(asked):
        kind = _kind_of_uuid(world, name) if is_uuid(name) else kind_of(name)
        kept = kind in KEPT or kind == "rule"
        found.append(_home(world, kind, name) if kept else Home(TYPES[kind][0], world.uuid(kind, name)))
    return found


def _home(world: World, kind: str, name: str) -> Home:
    if kind == "rule":
        return _home_of_rule(world, name)
    if kind == "routetable":
        return home_on_vpc(str(table_of(world, name)[0]["id"]), name)
    if kind == "acl":
        acl = acl_of(world, name)
        return home_on_vpc(str(acl.vpc["id"]), acl.acl_id)
    if kind == "dhcpoptions":
        for vpc in world.rows("vpc"):
            if ec2_id(kind, str(vpc["id"])) == name:
                return home_on_vpc(str(vpc["id"]), name)
    if kind == "natgateway":
        for network in world.rows("subnet", forvpc=True):
            if name in nat_gateways_of(network):
                return home_on_subnet(str(network["id"]), name)
    raise not_found(kind, name)


def _home_of_rule(world: World, name: str) -> Home:
    for group in world.rows("securitygroup"):
        for raw in (*rules_of(group, "ingress"), *rules_of(group, "egress")):
            if rule_id(raw) == name:
                return Home(TAGGED, str(raw["ruleid"]))
    raise not_found("rule", name)


def _kind_of_uuid(world: World, uuid: str) -> str:
    for kind in (*(one for one in TYPES if one != "rule"), "acl"):
        if any(str(row["id"]) == uuid.lower() for row in world.rows(kind)):
            return kind
    raise Ec2Error("InvalidID", f"The ID '{uuid}' is not valid")


def _there(world: World, home: Home) -> dict[str, str]:
    """The tags that are in a home, without the bridge's own."""
    asked = {**_scope(world), "resourceid": home.uuid, "resourcetype": home.resource_type}
    rows = world.client.rows("listTags", "tag", asked)
    tags = {str(row["key"]): told_value(row.get("value")) for row in rows}
    if not home.prefix:
        return {key: value for key, value in tags.items() if not is_mark(key)}
    return {key.removeprefix(home.prefix): value for key, value in tags.items() if key.startswith(home.prefix)}


def _meant(wanted: Iterable[Mapping[str, Any]], key: str, value: str) -> bool:
    return any(tag.get("Key") == key and tag.get("Value") in {None, value} for tag in wanted)


def _scope(world: World) -> dict[str, Any]:
    return {"projectid": world.caller.project_id} if world.caller.project_id else {}


ACTIONS = {"CreateTags": create_tags, "DeleteTags": delete_tags, "DescribeTags": describe_tags}
