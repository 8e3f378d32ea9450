"""Security groups and their rules, in every form that clients have had for them.

A rule is asked for in `IpPermissions`, or flat (`IpProtocol`, `FromPort`, `ToPort`, `CidrIp`), or by the name of a
source group alone, which then may send everything: the form of EC2's first years, which boto still has. `vpcId` is
never told, for with it boto 2 turns to forms that need a VPC.

Source: Amazon EC2 API reference, AuthorizeSecurityGroupIngress, IpPermission; recorded traffic of CloudStack 4.19.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import frozen

from compat.ec2.faults import Ec2Error, not_found
from compat.ec2.filters import filtered
from compat.ec2.ids import ec2_id
from compat.ec2.machines import GONE, tags_of
from compat.ec2.pages import paged

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
ALL = "-1"
_NUMBERS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}
_DIRECTIONS = {"ingress": "ingressrule", "egress": "egressrule"}


@frozen
class Rule:
    """One rule: a protocol, two ports (or ICMP's type and code) and who it is about: a CIDR or a group's name."""

    protocol: str
    first: int | None
    last: int | None
    cidr: str | None = None
    group: str | None = None

    def as_call(self, account: str) -> dict[str, Any]:
        """The parameters of an authorizeSecurityGroup… call."""
        params: dict[str, Any] = {"protocol": "all" if self.protocol == ALL else self.protocol}
        if self.protocol == "icmp":
            params |= {
                "icmptype": -1 if self.first is None else self.first,
                "icmpcode": -1 if self.last is None else self.last,
            }
        elif self.protocol in {"tcp", "udp"}:
            params |= {"startport": self.first, "endport": self.last}
        if self.group is not None:
            return {**params, "usersecuritygrouplist": [{"account": account, "group": self.group}]}
        return {**params, "cidrlist": self.cidr}


def create_security_group(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Make a group. Its name is its account's own."""
    name, text = params.get("GroupName") or "", params.get("Description") or ""
    if not name.strip() or len(name) > 255:
        raise Ec2Error("InvalidParameterValue", "Value for parameter GroupName is invalid. It must be 1 to 255 long.")
    if any(row["name"] == name for row in world.rows("securitygroup")):
        raise Ec2Error("InvalidGroup.Duplicate", f"The security group '{name}' already exists")
    answer = world.call("createSecurityGroup", name=name, description=text)
    group = answer.get("securitygroup", answer)
    tags = [tag for one in params.get("TagSpecifications") or () for tag in one.get("Tags") or ()]
    if tags:
        pairs = [{"key": tag["Key"], "value": tag.get("Value", "")} for tag in tags]
        world.done("createTags", resourceids=group["id"], resourcetype="SecurityGroup", tags=pairs)
    return {"GroupId": world.learn("securitygroup", str(group["id"])), "Tags": tags}


def describe_security_groups(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The groups of the account."""
    rows = world.chosen("securitygroup", params.get("GroupIds"))
    names = params.get("GroupNames")
    if names:
        missing = [name for name in names if name not in {row["name"] for row in rows}]
        if missing:
            raise not_found("securitygroup", missing[0])
        rows = [row for row in rows if row["name"] in names]
    groups = filtered((described(world, row) for row in rows), params.get("Filters"), FILTERS)
    page, token = paged(groups, params, lambda one: str(one["GroupId"]))
    return {"SecurityGroups": page, "NextToken": token}


def described(world: World, row: Row) -> dict[str, Any]:
    """A group with its rules."""
    return {
        "OwnerId": world.caller.account_number,
        "GroupId": ec2_id("securitygroup", str(row["id"])),
        "GroupName": row["name"],
        "Description": row.get("description") or "",
        "IpPermissions": _permissions(world, row.get("ingressrule") or ()),
        "IpPermissionsEgress": _permissions(world, row.get("egressrule") or ()),
        "Tags": tags_of(row),
    }


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


def authorize_ingress(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Allow what comes in."""
    return _authorize(world, params, "ingress")


def authorize_egress(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Allow what goes out: the first such rule of a group forbids all else."""
    return _authorize(world, params, "egress")


def revoke_ingress(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Take rules away."""
    return _revoke(world, params, "ingress")


def revoke_egress(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Take rules away."""
    return _revoke(world, params, "egress")


def group_of(world: World, params: Mapping[str, Any]) -> Row:
    """The group that is meant by GroupId or GroupName. Raises `Ec2Error`."""
    name, group_id = params.get("GroupName"), params.get("GroupId")
    if not name and not group_id:
        raise Ec2Error("MissingParameter", "The request must contain the parameter groupName or groupId")
    for row in world.rows("securitygroup"):
        if group_id in {row["id"], ec2_id("securitygroup", str(row["id"]))} or (not group_id and row["name"] == name):
            return row
    raise not_found("securitygroup", group_id or name or "")


def rules_asked(world: World, params: Mapping[str, Any]) -> list[Rule]:
    """The rules that a request names, in whatever form. Raises `Ec2Error`."""
    permissions = list(params.get("IpPermissions") or ())
    flat = {name: params[name] for name in ("IpProtocol", "FromPort", "ToPort") if params.get(name) is not None}
    source = params.get("SourceSecurityGroupName")
    if params.get("CidrIp"):
        permissions.append({**flat, "IpRanges": [{"CidrIp": params["CidrIp"]}]})
    if source:
        permissions.append({"IpProtocol": ALL, **flat, "UserIdGroupPairs": [{"GroupName": source}]})
    if not permissions:
        raise Ec2Error("MissingParameter", "The request must contain the parameter ipPermissions")
    rows = world.rows("securitygroup")
    found = []
    for permission in permissions:
        protocol, first, last = _ports(permission)
        if permission.get("Ipv6Ranges") or permission.get("PrefixListIds"):
            raise Ec2Error("InvalidParameterValue", "rules for IPv6 ranges or prefix lists cannot be made here")
        ranges, pairs = permission.get("IpRanges") or (), permission.get("UserIdGroupPairs") or ()
        found += [Rule(protocol, first, last, cidr=_cidr(one.get("CidrIp") or "")) for one in ranges]
        found += [Rule(protocol, first, last, group=_source(rows, one)) for one in pairs]
    if not found:
        raise Ec2Error("MissingParameter", "Each permission must contain an IpRanges or a Groups entry")
    return list(dict.fromkeys(found))


def _authorize(world: World, params: Mapping[str, Any], direction: str) -> dict[str, Any]:
    row = group_of(world, params)
    asked = rules_asked(world, params)
    there = {_rule(rule) for rule in row.get(_DIRECTIONS[direction]) or ()}
    twice = [rule for rule in asked if rule in there]
    if twice:
        text = f'the specified rule "peer: {twice[0].cidr or twice[0].group}, {twice[0].protocol}" already exists'
        raise Ec2Error("InvalidPermission.Duplicate", text)
    command = f"authorizeSecurityGroup{direction.capitalize()}"
    calls = [{"securitygroupid": row["id"], **rule.as_call(world.caller.account)} for rule in asked]
    _all_done(world, command, calls)
    return {"Return": True}


def _revoke(world: World, params: Mapping[str, Any], direction: str) -> dict[str, Any]:
    row = group_of(world, params)
    rules = row.get(_DIRECTIONS[direction]) or ()
    ids = params.get("SecurityGroupRuleIds")
    if ids:
        chosen = [rule for rule in rules if {ec2_id("rule", str(rule["ruleid"])), rule["ruleid"]} & set(ids)]
        if len(chosen) < len(set(ids)):
            raise not_found("rule", ids[0])
    else:
        asked = rules_asked(world, params)
        chosen = [rule for rule in rules if _rule(rule) in asked]
        if not chosen:
            raise Ec2Error("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
    _all_done(world, f"revokeSecurityGroup{direction.capitalize()}", [{"id": rule["ruleid"]} for rule in chosen])
    return {"Return": True}


def _all_done(world: World, command: str, calls: Iterable[Mapping[str, Any]]) -> None:
    """Make calls at the same time, wait for their jobs, and raise the first error."""
    for result in world.together([partial(world.done, command, **params) for params in calls]):
        if isinstance(result, BaseException):
            raise result


def _ports(permission: Mapping[str, Any]) -> tuple[str, int | None, int | None]:
    said = str(permission.get("IpProtocol") or ALL).lower()
    protocol = ALL if said == "all" else _NUMBERS.get(said, said)
    first, last = permission.get("FromPort"), permission.get("ToPort")
    if protocol == ALL:
        return protocol, None, None
    if protocol == "icmp":
        return protocol, -1 if first is None else int(first), -1 if last is None else int(last)
    if protocol in {"tcp", "udp"}:
        if first is None or last is None:
            raise Ec2Error(
                "InvalidParameterValue",
                f"Invalid value for portRange. Must specify both from and to ports with {protocol.upper()}.",
            )
        if not 0 <= first <= last <= 65535:
            raise Ec2Error("InvalidParameterValue", f"Invalid value '{first}-{last}' for portRange.")
        return protocol, int(first), int(last)
    if protocol.isdigit() and int(protocol) <= 255:
        return protocol, None, None
    raise Ec2Error(
        "InvalidPermission.Malformed", f'Unsupported IP protocol "{said}"  - supported: [tcp, udp, icmp, -1]'
    )


def _cidr(text: str) -> str:
    from ipaddress import IPv4Network  # noqa: PLC0415 - where rules are made only

    try:
        return str(IPv4Network(text, strict=False)) if "/" in text else str(IPv4Network(f"{text}/32"))
    except ValueError:
        raise Ec2Error("InvalidParameterValue", f"CIDR block {text} is malformed") from None


def _source(rows: Iterable[Row], asked: Mapping[str, Any]) -> str:
    name, group_id = asked.get("GroupName"), asked.get("GroupId")
    for row in rows:
        if (group_id and group_id in {row["id"], ec2_id("securitygroup", str(row["id"]))}) or (
            name and row["name"] == name
        ):
            return str(row["name"])
    raise not_found("securitygroup", group_id or name or "")


def _rule(rule: Mapping[str, Any]) -> Rule:
    """A rule as CloudStack lists it."""
    said = str(rule.get("protocol", "all")).lower()
    protocol = ALL if said == "all" else _NUMBERS.get(said, said)
    names = ("icmptype", "icmpcode") if protocol == "icmp" else ("startport", "endport")
    first, last = (None if protocol == ALL or rule.get(name) is None else int(rule[name]) for name in names)
    return Rule(protocol, first, last, rule.get("cidr"), rule.get("securitygroupname"))


def _permissions(world: World, rules: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rules as EC2 groups them: one entry for each protocol and range of ports."""
    found: dict[tuple[str, int | None, int | None], dict[str, Any]] = {}
    ids = (
        {row["name"]: ec2_id("securitygroup", str(row["id"])) for row in world.rows("securitygroup")}
        if any(rule.get("securitygroupname") for rule in rules)
        else {}
    )
    for raw in rules:
        rule = _rule(raw)
        entry = found.setdefault(
            (rule.protocol, rule.first, rule.last),
            {
                "IpProtocol": rule.protocol,
                "FromPort": rule.first,
                "ToPort": rule.last,
                "IpRanges": [],
                "Ipv6Ranges": [],
                "PrefixListIds": [],
                "UserIdGroupPairs": [],
            },
        )
        if rule.group is not None:
            pair = {"UserId": world.caller.account_number, "GroupName": rule.group, "GroupId": ids.get(rule.group)}
            entry["UserIdGroupPairs"].append(pair)
        else:
            entry["IpRanges"].append({"CidrIp": rule.cidr})
    return list(found.values())


def describe_rules(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The rules one by one."""
    asked = params.get("SecurityGroupRuleIds")
    found = []
    for row in world.rows("securitygroup"):
        for direction, key in _DIRECTIONS.items():
            for raw in row.get(key) or ():
                rule = _rule(raw)
                source = None
                if rule.group is not None:
                    source = {"UserId": world.caller.account_number, "GroupId": _group_id(world, rule.group)}
                found.append(
                    {
                        "SecurityGroupRuleId": ec2_id("rule", str(raw["ruleid"])),
                        "GroupId": ec2_id("securitygroup", str(row["id"])),
                        "GroupOwnerId": world.caller.account_number,
                        "IsEgress": direction == "egress",
                        "IpProtocol": rule.protocol,
                        "FromPort": -1 if rule.first is None else rule.first,
                        "ToPort": -1 if rule.last is None else rule.last,
                        "CidrIpv4": rule.cidr,
                        "ReferencedGroupInfo": source,
                        "Tags": [],
                        "_uuid": raw["ruleid"],
                    }
                )
    if asked:
        known = {one[key] for one in found for key in ("SecurityGroupRuleId", "_uuid")}
        missing = [one for one in asked if one not in known]
        if missing:
            raise not_found("rule", missing[0])
        found = [one for one in found if {one["SecurityGroupRuleId"], one["_uuid"]} & set(asked)]
    finders = {"group-id": "GroupId", "security-group-rule-id": "SecurityGroupRuleId"}
    page, token = paged(
        filtered(found, params.get("Filters"), finders), params, lambda one: str(one["SecurityGroupRuleId"])
    )
    return {"SecurityGroupRules": page, "NextToken": token}


def _group_id(world: World, name: str) -> str | None:
    return next(
        (ec2_id("securitygroup", str(row["id"])) for row in world.rows("securitygroup") if row["name"] == name), None
    )


ACTIONS = {
    "AuthorizeSecurityGroupEgress": authorize_egress,
    "AuthorizeSecurityGroupIngress": authorize_ingress,
    "CreateSecurityGroup": create_security_group,
    "DeleteSecurityGroup": delete_security_group,
    "DescribeSecurityGroupRules": describe_rules,
    "DescribeSecurityGroups": describe_security_groups,
    "RevokeSecurityGroupEgress": revoke_egress,
    "RevokeSecurityGroupIngress": revoke_ingress,
}
