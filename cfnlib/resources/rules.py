"""The rules inside a security group: one call a rule, found again by what it allows.

Source: CloudStack 4.19, authorizeSecurityGroupIngress: the answer is the whole group; a rule has an id (`ruleid`)
only in the listing of its group; a rule that is there already makes the job fail; `all` takes no ports and is
listed with 0 and 0; ports are 1 to 65535; a group as the other side is given by account and name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import frozen

from cfnlib.resources.ignored import ignored
from cfnlib.schema.calls import SELF, Call, Effect, Find, found_id
from cfnlib.schema.model import Kind, Property, Update

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cfnlib.schema.model import Facts

_NUMBERS = {"-1": "all", "1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@frozen
class Rule:
    """What may pass. `first` and `last` are ports, or ICMP's type and code; None for a protocol without them.

    The other side is a `cidr`, or the security group `group` (its name or id) of `account` (None: of its own).
    """

    direction: str
    protocol: str
    first: int | None = None
    last: int | None = None
    cidr: str | None = None
    group: str | None = None
    account: str | None = None


def rules_of(direction: str, values: Mapping[str, Any]) -> list[Rule]:
    """The rules that EC2's properties of a rule mean; none where the other side is of an ignored kind."""
    protocol = _NUMBERS.get(str(values.get("IpProtocol", "-1")), str(values.get("IpProtocol", "-1"))).lower()
    first, last = _range(protocol, values.get("FromPort"), values.get("ToPort"))
    account = values.get("SourceSecurityGroupOwnerId")
    found = [Rule(direction, protocol, first, last, cidr=values[name]) for name in _CIDRS if values.get(name)]
    groups = [values[name] for name in _GROUPS if values.get(name)]
    return [*found, *(Rule(direction, protocol, first, last, group=name, account=account) for name in groups)]


_CIDRS = ("CidrIp", "CidrIpv6")
_GROUPS = ("SourceSecurityGroupId", "SourceSecurityGroupName", "DestinationSecurityGroupId")


def native_rules(direction: str, values: Mapping[str, Any]) -> list[Rule]:
    """The rules that CloudStack's own parameters mean: one for each CIDR and each group."""
    protocol = _NUMBERS.get(str(values.get("protocol", "all")), str(values.get("protocol", "all"))).lower()
    if protocol.startswith("icmp"):
        first, last = values.get("icmptype", -1), values.get("icmpcode", -1)
    else:
        first, last = values.get("startport"), values.get("endport", values.get("startport"))
    groups = values.get("usersecuritygrouplist") or []
    found = [Rule(direction, protocol, first, last, group=one["group"], account=one.get("account")) for one in groups]
    cidrs = values.get("cidrlist") or ([] if groups else ["0.0.0.0/0"])
    return [*(Rule(direction, protocol, first, last, cidr=cidr) for cidr in cidrs), *found]


def authorize(rule: Rule, facts: Facts, group_id: object = SELF, *, exclusive: bool = False) -> Call:
    """Add the rule to a group."""
    params: dict[str, Any] = {"securitygroupid": group_id, "protocol": rule.protocol}
    if rule.first is not None:
        names = ("icmptype", "icmpcode") if rule.protocol.startswith("icmp") else ("startport", "endport")
        params |= {names[0]: rule.first, names[1]: rule.last}
    if rule.group is not None:
        name, account = _other_group(rule, facts)
        params["usersecuritygrouplist"] = [{"account": account, "group": name}]
    else:
        params["cidrlist"] = [rule.cidr]
    check = _listed(rule, facts, group_id)
    return Call(f"authorizeSecurityGroup{rule.direction}", params, check=check, exclusive=exclusive)


def revoke(rule: Rule, facts: Facts, group_id: object = SELF) -> Call:
    """Take the rule out of a group."""
    find = _listed(rule, facts, group_id)
    params = {"id": found_id(find, "ruleid")}
    return Call(f"revokeSecurityGroup{rule.direction}", params, Effect.REMOVES, check=find)


def changes(before: Iterable[Rule], after: Iterable[Rule], facts: Facts) -> list[Call]:
    """The calls that turn one set of rules into another; what is to go goes first."""
    old, new = dict.fromkeys(before), dict.fromkeys(after)
    return [
        *(revoke(rule, facts) for rule in old if rule not in new),
        *(authorize(rule, facts) for rule in new if rule not in old),
    ]


def group_id(value: str) -> object:
    """The id of a group that is given by its id or its name."""
    return value if is_id(value) else found_id(_group(value))


def group_ids(ids: list[str], names: list[str]) -> dict[str, Any]:
    """The parameters that put a machine into groups: CloudStack takes ids or names, not both.

    An id may stand among the names, because a Ref gives one; where the two meet, the ids of the names are looked for.
    """
    found = [*ids, *(name for name in names if is_id(name))]
    others = [name for name in names if not is_id(name)]
    if not found:
        return {"securitygroupnames": others} if others else {}
    return {"securitygroupids": [*found, *(found_id(_group(name)) for name in others)]}


def is_id(value: str) -> bool:
    """Whether a text is an id of CloudStack's."""
    return _UUID.fullmatch(value) is not None


def rule_fields(direction: str) -> dict[str, Property]:
    """EC2's properties of a rule. A change of any of them makes another rule."""
    other = "Source" if direction == "Ingress" else "Destination"
    fields = {
        "IpProtocol": Property("tcp, udp, icmp, their numbers, or -1 for all.", required=True),
        "FromPort": Property(
            "The first port, or ICMP's type; -1 is all.", kind=Kind.INTEGER, minimum=-1, maximum=65535
        ),
        "ToPort": Property("The last port, or ICMP's code; -1 is all.", kind=Kind.INTEGER, minimum=-1, maximum=65535),
        "CidrIp": Property("The other side, as a range of IPv4 addresses.", pattern=r"[0-9.]+(/[0-9]+)?"),
        "CidrIpv6": Property("The other side, as a range of IPv6 addresses.", pattern=r"[0-9A-Fa-f:.]+(/[0-9]+)?"),
        f"{other}SecurityGroupId": Property("The other side, as a security group's id."),
        "Description": Property(
            "Not used: a rule has no description.",
            update=Update.IN_PLACE,
            ignored="a rule has no description",
        ),
        **ignored("there are no prefix lists", f"{other}PrefixListId"),
    }
    if direction == "Ingress":
        fields["SourceSecurityGroupName"] = Property("The other side, as a security group's name.")
        fields["SourceSecurityGroupOwnerId"] = Property("The account of that group, when it is another.")
    return fields


def native_fields() -> dict[str, Property]:
    """CloudStack's own parameters of a rule."""
    return {
        "securitygroupid": Property("The group's id.", param="securitygroupid"),
        "securitygroupname": Property("The group's name.", param="securitygroupname"),
        "protocol": Property("tcp, udp, icmp or all.", default="all", param="protocol"),
        "startport": _port("The first port.", "startport"),
        "endport": _port("The last port; the first when absent.", "endport"),
        "icmptype": Property("ICMP's type; -1 is all.", Kind.INTEGER, minimum=-1, maximum=255, param="icmptype"),
        "icmpcode": Property("ICMP's code; -1 is all.", Kind.INTEGER, minimum=-1, maximum=255, param="icmpcode"),
        "cidrlist": Property(
            "The other side, as ranges of addresses; everywhere when absent.",
            kind=Kind.LIST,
            param="cidrlist",
            item=Property("A range, as 10.0.0.0/8."),
        ),
        "usersecuritygrouplist": Property(
            "The other side, as security groups.",
            kind=Kind.LIST,
            param="usersecuritygrouplist",
            item=Property(
                "A group.",
                kind=Kind.OBJECT,
                fields={
                    "account": Property("Its account; the group's own when absent."),
                    "group": Property("Its name.", required=True),
                },
            ),
        ),
    }


def _port(doc: str, param: str) -> Property:
    return Property(doc, Kind.INTEGER, minimum=1, maximum=65535, param=param)


def _range(protocol: str, first: int | None, last: int | None) -> tuple[int | None, int | None]:
    if protocol.startswith("icmp"):
        return (-1 if first is None else first), (-1 if last is None else last)
    if protocol not in {"tcp", "udp"}:
        return None, None
    if first is None or first < 0:
        return 1, 65535
    return max(first, 1), max(first if last is None else last, 1)


def _group(name: str) -> Find:
    return Find("listSecurityGroups", "securitygroup", {"securitygroupname": name}, {"name": name})


def _other_group(rule: Rule, facts: Facts) -> tuple[object, object]:
    """The name and the account of the group on the other side."""
    group = rule.group or ""
    account: object = rule.account or facts.account
    if is_id(group):
        find = Find("listSecurityGroups", "securitygroup", {"id": group})
        return found_id(find, "name"), account or found_id(find, "account")
    return group, account or found_id(_group(group), "account")


def _listed(rule: Rule, facts: Facts, group_id: object) -> Find:
    where: dict[str, Any] = {"protocol": rule.protocol}
    if rule.first is not None:
        names = ("icmptype", "icmpcode") if rule.protocol.startswith("icmp") else ("startport", "endport")
        where |= {names[0]: rule.first, names[1]: rule.last}
    if rule.group is not None:
        name, account = _other_group(rule, facts)
        where |= {"securitygroupname": name, "account": account}
    else:
        where["cidr"] = rule.cidr
    return Find(
        "listSecurityGroups", "securitygroup", {"id": group_id}, where, nested=f"{rule.direction.lower()}rule"
    )
