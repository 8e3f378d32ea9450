"""Placement groups: CloudStack's affinity groups.

`cluster` is host affinity: the machines run on one host. `spread` is host anti-affinity: no two run on one host.
Partitions are nothing that CloudStack knows. A machine joins a group when it is launched (`Placement.GroupName`), and
one that no host can take in that way is refused or ends in an error, as EC2 answers for want of capacity.

Source: CloudStack 4.19, createAffinityGroup, listAffinityGroupTypes (host affinity, host anti-affinity, each since
4.18 also non-strict); affinity groups carry no tags (ResourceTag.ResourceObjectType).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from compat.ec2.faults import Ec2Error, not_found, unsupported
from compat.ec2.filters import filtered
from compat.ec2.homes import tags_asked
from compat.ec2.machines import GONE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compat.ec2.world import Row, World

TYPES = {"cluster": "host affinity", "spread": "host anti-affinity"}
"""EC2's strategies and CloudStack's types of affinity groups."""
_STRATEGIES = {kind: strategy for strategy, kind in TYPES.items()} | {
    "non-strict host affinity": "cluster",
    "non-strict host anti-affinity": "spread",
}
FILTERS: dict[str, Any] = {
    "group-arn": "GroupArn",
    "group-name": "GroupName",
    "spread-level": "SpreadLevel",
    "state": "State",
    "strategy": "Strategy",
}


def create_placement_group(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Make a group, whose name is its account's own."""
    name, strategy = params.get("GroupName") or f"pg-{uuid4().hex}", params.get("Strategy") or "cluster"
    if not name.strip() or len(name) > 255:
        raise Ec2Error("InvalidParameterValue", "Value for parameter GroupName is invalid. It must be 1 to 255 long.")
    if strategy not in TYPES or params.get("PartitionCount"):
        kinds = " and ".join(TYPES)
        raise unsupported(f"CloudStack keeps machines together or apart by their hosts: there are {kinds} here")
    if params.get("SpreadLevel") == "rack":
        raise unsupported("CloudStack knows no racks; with the spread level host, or none, machines are kept apart")
    for of in ("LinkedGroupId", "ParentGroupId", "Operator"):
        if params.get(of):
            raise unsupported(f"{of}: an affinity group of CloudStack stands by itself")
    if tags_asked(params, "placement-group"):
        raise unsupported("an affinity group of CloudStack carries no tags: give the group's purpose in its name")
    if any(row["name"] == name for row in world.rows("placementgroup")):
        raise Ec2Error("InvalidPlacementGroup.Duplicate", f"The Placement Group '{name}' already exists.")
    made = world.done("createAffinityGroup", name=name, type=TYPES[strategy])
    return {"PlacementGroup": _described(world, made.get("affinitygroup", made))}


def delete_placement_group(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Remove a group that no machine is in."""
    row = placement_group(world, params["GroupName"])
    users = [
        one
        for one in world.rows("instance")
        if one.get("state") not in GONE and any(group["id"] == row["id"] for group in one.get("affinitygroup") or ())
    ]
    if users:
        text = f"The placement group '{params['GroupName']}' is in use and may not be deleted."
        raise Ec2Error("InvalidPlacementGroup.InUse", text)
    world.done("deleteAffinityGroup", id=row["id"])
    return {}


def describe_placement_groups(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The groups of the account."""
    found = [_described(world, row) for row in world.rows("placementgroup") if str(row.get("type")) in _STRATEGIES]
    for key, of in (("GroupNames", ("GroupName",)), ("GroupIds", ("GroupId", "_uuid"))):
        asked = params.get(key)
        if asked:
            known = {str(one[name]) for one in found for name in of}
            missing = [name for name in asked if name not in known]
            if missing:
                raise not_found("placementgroup", missing[0])
            found = [one for one in found if {str(one[name]) for name in of} & set(asked)]
    return {"PlacementGroups": filtered(found, params.get("Filters"), FILTERS)}


def placement_group(world: World, asked: str) -> Row:
    """The group with this name, or with this id. Raises `Ec2Error`."""
    for row in world.rows("placementgroup"):
        if asked in {str(row["name"]), str(row["id"]), world.learn("placementgroup", str(row["id"]))}:
            return row
    raise not_found("placementgroup", asked)


def _described(world: World, row: Row) -> dict[str, Any]:
    strategy = _STRATEGIES.get(str(row.get("type")), "cluster")
    group_id = world.learn("placementgroup", str(row["id"]))
    arn = f"arn:aws:ec2:{world.config.region}:{world.caller.account_number}:placement-group/{row['name']}"
    return {
        "GroupName": row["name"],
        "GroupId": group_id,
        "GroupArn": arn,
        "State": "available",
        "Strategy": strategy,
        "SpreadLevel": "host" if strategy == "spread" else None,
        "Tags": [],
        "_uuid": row["id"],
    }


ACTIONS = {
    "CreatePlacementGroup": create_placement_group,
    "DeletePlacementGroup": delete_placement_group,
    "DescribePlacementGroups": describe_placement_groups,
}
