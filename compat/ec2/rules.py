"""The rules of security groups, as they are asked for and as CloudStack lists them.

A rule is asked for in `IpPermissions`, or flat (`IpProtocol`, `FromPort`, `ToPort`, `CidrIp`), or by the name of a
source group alone, which then may send everything: the form of EC2's first years, which boto still has.

A rule of CloudStack carries tags as a group does. Those of the bridge's own (`cfnlib:ec2:…`) hold its description,
and the id that it is known by when it has taken the place of another (ModifySecurityGroupRules): any other rule's id
is made from its UUID.

Source: Amazon EC2 API reference, IpPermission, SecurityGroupRule; CloudStack 4.19, recorded answers of
listSecurityGroups; ResourceTag.ResourceObjectType (SecurityGroupRule); values of tags have up to 255 characters.
"""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from compat.ec2.faults import Ec2Error, not_found
from compat.ec2.ids import ec2_id
from compat.ec2.machines import tags_of
from compat.ec2.marks import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from compat.ec2.world import Row, World

ALL = "-1"
DIRECTIONS = {"ingress": "ingressrule", "egress": "egressrule"}
"""Where the rules of each direction stand in a group's row."""
TAGGED = "SecurityGroupRule"
"""What CloudStack calls the type of a rule where tags are made."""
DESCRIPTION, RULE_ID = f"{PREFIX}description", f"{PREFIX}rule"
"""The keys of the bridge's own tags on a rule."""
_NUMBERS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}
_LONGEST = 255


@frozen
class Rule:
    """One rule: a protocol, two ports (or ICMP's type and code) and who it is about: a CIDR or a group's name.

    Two rules that differ in their descriptions only are the same.
    """

    protocol: str
    first: int | None
    last: int | None
    cidr: str | None = None
    group: str | None = None
    description: str | None = field(default=None, eq=False)

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

    def __str__(self) -> str:
        """The rule as EC2's messages name one."""
        return f"peer: {self.cidr or self.group}, {self.protocol}"


def rules_of(row: Row, direction: str) -> Sequence[Row]:
    """The rules of a group in a direction, as CloudStack lists them."""
    return row.get(DIRECTIONS[direction]) or ()


def rule_of(raw: Mapping[str, Any]) -> Rule:
    """A rule as CloudStack lists it."""
    said = str(raw.get("protocol", "all")).lower()
    protocol = ALL if said == "all" else _NUMBERS.get(said, said)
    names = ("icmptype", "icmpcode") if protocol == "icmp" else ("startport", "endport")
    portless = protocol not in {"tcp", "udp", "icmp"}
    first, last = (None if portless or raw.get(name) is None else int(raw[name]) for name in names)
    description = _marked(raw, DESCRIPTION)
    return Rule(protocol, first, last, raw.get("cidr"), raw.get("securitygroupname"), description)


def rule_id(raw: Mapping[str, Any]) -> str:
    """The id of a rule, in EC2's form."""
    return _marked(raw, RULE_ID) or ec2_id("rule", str(raw["ruleid"]))


def _marked(raw: Mapping[str, Any], key: str) -> str | None:
    return next((str(tag["value"]) for tag in raw.get("tags") or () if tag["key"] == key), None)


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
        for one in ranges:
            cidr, text = _cidr(one.get("CidrIp") or ""), description_asked(one)
            found.append(Rule(protocol, first, last, cidr=cidr, description=text))
        for one in pairs:
            group, text = _source(rows, one), description_asked(one)
            found.append(Rule(protocol, first, last, group=group, description=text))
    if not found:
        raise Ec2Error("MissingParameter", "Each permission must contain an IpRanges or a Groups entry")
    return list(dict.fromkeys(found))


def rule_asked(world: World, one: Mapping[str, Any]) -> Rule:
    """The rule of a SecurityGroupRuleRequest, which has one source. Raises `Ec2Error`."""
    group_id = one.get("ReferencedGroupId")
    permission = {name: one.get(name) for name in ("IpProtocol", "FromPort", "ToPort")}
    text = {"Description": one.get("Description")}
    if one.get("CidrIpv6") or one.get("PrefixListId"):
        raise Ec2Error("InvalidParameterValue", "rules for IPv6 ranges or prefix lists cannot be made here")
    if bool(one.get("CidrIpv4")) == bool(group_id):
        raise Ec2Error("InvalidParameterCombination", "A rule must have either a CidrIpv4 or a ReferencedGroupId")
    sources: dict[str, Any] = {"IpRanges": [{"CidrIp": one.get("CidrIpv4"), **text}]}
    if group_id:
        sources = {"UserIdGroupPairs": [{"GroupId": group_id, **text}]}
    [rule] = rules_asked(world, {"IpPermissions": [{**permission, **sources}]})
    return rule


def description_asked(one: Mapping[str, Any]) -> str | None:
    """The description that is asked for, None when there is none. Raises `Ec2Error` when it is too long."""
    text = one.get("Description")
    if text and len(text) > _LONGEST:
        raise Ec2Error("InvalidParameterValue", f"Descriptions must have at most {_LONGEST} characters")
    return str(text) if text else None


def permissions(world: World, raws: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rules as EC2 groups them: one entry for each protocol and range of ports."""
    found: dict[tuple[str, int | None, int | None], dict[str, Any]] = {}
    ids = group_ids(world) if any(raw.get("securitygroupname") for raw in raws) else {}
    for raw in raws:
        rule = rule_of(raw)
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
        text = {} if rule.description is None else {"Description": rule.description}
        if rule.group is not None:
            pair = {"UserId": world.caller.account_number, "GroupName": rule.group, "GroupId": ids.get(rule.group)}
            entry["UserIdGroupPairs"].append({**pair, **text})
        else:
            entry["IpRanges"].append({"CidrIp": rule.cidr, **text})
    return list(found.values())


def described(
    world: World, group: Row, raw: Mapping[str, Any], direction: str, ids: Mapping[str, str]
) -> dict[str, Any]:
    """One rule as a SecurityGroupRule; `ids` are the ids of the account's groups by their names."""
    rule, owner = rule_of(raw), world.caller.account_number
    source = None if rule.group is None else {"UserId": owner, "GroupId": ids.get(rule.group)}
    arn = f"arn:aws:ec2:{world.config.region}:{owner}:security-group-rule/{rule_id(raw)}"
    return {
        "SecurityGroupRuleId": rule_id(raw),
        "SecurityGroupRuleArn": arn,
        "GroupId": ec2_id("securitygroup", str(group["id"])),
        "GroupOwnerId": owner,
        "IsEgress": direction == "egress",
        "IpProtocol": rule.protocol,
        "FromPort": -1 if rule.first is None else rule.first,
        "ToPort": -1 if rule.last is None else rule.last,
        "CidrIpv4": rule.cidr,
        "ReferencedGroupInfo": source,
        "Description": rule.description,
        "Tags": tags_of(dict(raw)),
        "_uuid": raw["ruleid"],
    }


def group_ids(world: World) -> dict[str, str]:
    """The ids of the account's groups by their names."""
    return {str(row["name"]): ec2_id("securitygroup", str(row["id"])) for row in world.rows("securitygroup")}


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
