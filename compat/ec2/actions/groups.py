"""Security groups. Their rules are changed by `security_group_rules`.

`vpcId` is told of groups that were made for a VPC only, for with it boto 2 turns to forms that need one. The
account's default group stands for that of each VPC, where a client filters by `vpc-id`.

Source: Amazon EC2 API reference, SecurityGroup; recorded traffic of CloudStack 4.19.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from compat.ec2.faults import Ec2Error, not_found
from compat.ec2.filters import filtered
from compat.ec2.homes import Home, dress, mark, shown, tags_asked
from compat.ec2.ids import ec2_id
from compat.ec2.machines import GONE, tags_of
from compat.ec2.marks import PREFIX
from compat.ec2.pages import paged
from compat.ec2.rules import permissions, rules_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from compat.ec2.world import Row, World

FILTERS: dict[str, Any] = {
    "description": "Description",
    "group-id": "GroupId",
    "group-name": "GroupName",
    "owner-id": "OwnerId",
    "ip-permission.cidr": "IpPermissions.IpRanges.CidrIp",
    "ip-permission.from-port": "IpPermissions.FromPort",
    "ip-permission.group-id": "IpPermissions.UserIdGroupPairs.GroupId",
    "ip-permission.group-name": "IpPermissions.UserIdGroupPairs.GroupName",
    "ip-permission.protocol": "IpPermissions.IpProtocol",
    "ip-permission.to-port": "IpPermissions.ToPort",
    "ip-permission.user-id": "IpPermissions.UserIdGroupPairs.UserId",
    "egress.ip-permission.cidr": "IpPermissionsEgress.IpRanges.CidrIp",
    "egress.ip-permission.from-port": "IpPermissionsEgress.FromPort",
    "egress.ip-permission.group-id": "IpPermissionsEgress.UserIdGroupPairs.GroupId",
    "egress.ip-permission.protocol": "IpPermissionsEgress.IpProtocol",
    "egress.ip-permission.to-port": "IpPermissionsEgress.ToPort",
    "vpc-id": "VpcId",
}


def create_security_group(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Make a group. Its name is its account's own."""
    name, text = params.get("GroupName") or "", params.get("Description") or ""
    if not name.strip() or len(name) > 255:
        raise Ec2Error("InvalidParameterValue", "Value for parameter GroupName is invalid. It must be 1 to 255 long.")
    if any(row["name"] == name for row in world.rows("securitygroup")):
        raise Ec2Error("InvalidGroup.Duplicate", f"The security group '{name}' already exists")
    tags = tags_asked(params, "security-group")
    vpc = world.one("vpc", params["VpcId"]) if params.get("VpcId") else None
    answer = world.call("createSecurityGroup", name=name, description=text)
    group = answer.get("securitygroup", answer)
    pairs = tags if vpc is None else {**tags, f"{PREFIX}vpc": str(vpc["id"])}
    undo = partial(world.call, "deleteSecurityGroup", id=group["id"])
    dress(world, Home("SecurityGroup", str(group["id"])), pairs, undo)
    return {"GroupId": world.learn("securitygroup", str(group["id"])), "Tags": shown(tags)}


def describe_security_groups(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The groups of the account."""
    rows = world.chosen("securitygroup", params.get("GroupIds"))
    names = params.get("GroupNames")
    if names:
        missing = [name for name in names if name not in {row["name"] for row in rows}]
        if missing:
            raise not_found("securitygroup", missing[0])
        rows = [row for row in rows if row["name"] in names]
    found = _of_vpcs(world, [described(world, row) for row in rows], params.get("Filters"))
    groups = filtered(found, params.get("Filters"), FILTERS)
    page, token = paged(groups, params, lambda one: str(one["GroupId"]))
    return {"SecurityGroups": page, "NextToken": token}


def described(world: World, row: Row) -> dict[str, Any]:
    """A group with its rules."""
    vpc = mark(row, "vpc")
    return {
        "VpcId": ec2_id("vpc", vpc) if vpc else None,
        "OwnerId": world.caller.account_number,
        "GroupId": ec2_id("securitygroup", str(row["id"])),
        "GroupName": row["name"],
        "Description": row.get("description") or "",
        "IpPermissions": permissions(world, rules_of(row, "ingress")),
        "IpPermissionsEgress": permissions(world, rules_of(row, "egress")),
        "Tags": tags_of(row),
    }


def _of_vpcs(
    world: World, groups: Sequence[dict[str, Any]], filters: Iterable[Mapping[str, Any]] | None
) -> list[dict[str, Any]]:
    """The groups, the default one as that of the VPC that is asked for."""
    asked = {value for one in filters or () if one.get("Name") == "vpc-id" for value in one.get("Values") or ()}
    there = sorted(asked & {ec2_id("vpc", str(row["id"])) for row in world.rows("vpc")}) if asked else []
    return [{**one, "VpcId": there[0]} if there and one["GroupName"] == "default" else one for one in groups]


def delete_security_group(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Remove a group that no machine is in."""
    row = group_of(world, params)
    if row["name"] == "default":
        raise Ec2Error("CannotDelete", "the default security group cannot be deleted by a user")
    users = [
        one["name"]
        for one in world.rows("instance")
        if one.get("state") not in GONE
        and any(f"{row['id']} {row['name']}" == text for text in world.marks(one).groups)
    ]
    if users:
        raise Ec2Error("InvalidGroup.InUse", f"There are active instances using security group '{row['name']}'")
    world.call("deleteSecurityGroup", id=row["id"])
    return {"Return": True}


def group_of(world: World, params: Mapping[str, Any]) -> Row:
    """The group that is meant by GroupId or GroupName. Raises `Ec2Error`."""
    name, group_id = params.get("GroupName"), params.get("GroupId")
    if not name and not group_id:
        raise Ec2Error("MissingParameter", "The request must contain the parameter groupName or groupId")
    for row in world.rows("securitygroup"):
        if group_id in {row["id"], ec2_id("securitygroup", str(row["id"]))} or (not group_id and row["name"] == name):
            return row
    raise not_found("securitygroup", group_id or name or "")


ACTIONS = {
    "CreateSecurityGroup": create_security_group,
    "DeleteSecurityGroup": delete_security_group,
    "DescribeSecurityGroups": describe_security_groups,
}
