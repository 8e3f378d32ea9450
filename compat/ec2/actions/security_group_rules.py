"""The rules of security groups: one by one with `sgr-` ids, or all of a group's.

A rule's id is made from its UUID. CloudStack has no call that changes a rule: one that is modified is made anew, and
carries the id of the one that it replaces in a tag; in between both are in force, so nothing that both let through is
cut off. What a group lets in is followed by the firewalls of the public addresses of its machines (`firewall`).

Source: Amazon EC2 API reference, AuthorizeSecurityGroupIngress, ModifySecurityGroupRules, SecurityGroupRule.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from cfnlib.errors import CfnlibError
from compat.ec2.actions.groups import group_of
from compat.ec2.faults import Ec2Error, not_found
from compat.ec2.filters import filtered
from compat.ec2.firewall import follow
from compat.ec2.homes import Home, mark, put, tags_asked, take
from compat.ec2.pages import paged
from compat.ec2.rules import (
    ALL,
    DESCRIPTION,
    DIRECTIONS,
    RULE_ID,
    TAGGED,
    Rule,
    described,
    description_asked,
    group_ids,
    rule_asked,
    rule_id,
    rule_of,
    rules_asked,
    rules_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from compat.ec2.world import Row, World

FILTERS: dict[str, Any] = {
    "cidr-ipv4": "CidrIpv4",
    "description": "Description",
    "from-port": "FromPort",
    "group-id": "GroupId",
    "ip-protocol": "IpProtocol",
    "is-egress": "IsEgress",
    "referenced-group-id": "ReferencedGroupInfo.GroupId",
    "security-group-rule-id": "SecurityGroupRuleId",
    "to-port": "ToPort",
}
_EVERYTHING = Rule(ALL, None, None, "0.0.0.0/0")
_SOURCES = ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs")
_ABSENT = "The specified rule does not exist in this security group."


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


def describe_rules(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The rules one by one."""
    ids = group_ids(world)
    found = [
        described(world, row, raw, direction, ids)
        for row in world.rows("securitygroup")
        for direction in DIRECTIONS
        for raw in rules_of(row, direction)
    ]
    asked = params.get("SecurityGroupRuleIds")
    if asked:
        known = {one[key] for one in found for key in ("SecurityGroupRuleId", "_uuid")}
        missing = [one for one in asked if one not in known]
        if missing:
            raise not_found("rule", missing[0])
        found = [one for one in found if {one["SecurityGroupRuleId"], one["_uuid"]} & set(asked)]
    chosen = filtered(found, params.get("Filters"), FILTERS)
    page, token = paged(chosen, params, lambda one: str(one["SecurityGroupRuleId"]))
    return {"SecurityGroupRules": page, "NextToken": token}


def modify_rules(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Let rules say something else, under the ids that they have."""
    row, changes = group_of(world, params), []
    for one in params["SecurityGroupRules"]:
        _, raw = _named(row, one["SecurityGroupRuleId"])
        changes.append((rule_id(raw), rule_asked(world, one.get("SecurityGroupRule") or {})))
    for name, wanted in changes:
        _modify(world, str(row["id"]), name, wanted)
    return {"Return": True}


def update_descriptions_ingress(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Describe rules for what comes in."""
    return _describe_anew(world, params, "ingress")


def update_descriptions_egress(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Describe rules for what goes out."""
    return _describe_anew(world, params, "egress")


def _authorize(world: World, params: Mapping[str, Any], direction: str) -> dict[str, Any]:
    tags = tags_asked(params, "security-group-rule")
    row, asked = group_of(world, params), rules_asked(world, params)
    before = [rule_of(raw) for raw in rules_of(row, direction)]
    twice = [rule for rule in asked if rule in before]
    if twice:
        if direction == "ingress":  # who was not answered asks again: what was not done then is done now
            follow(world, str(row["id"]), before, before)
        raise Ec2Error("InvalidPermission.Duplicate", f'the specified rule "{twice[0]}" already exists')
    new = _made(world, row, asked, direction)
    found = []
    for rule in asked:
        raw = new[rule]
        pairs = {**tags, **({DESCRIPTION: rule.description} if rule.description else {})}
        _put(world, raw, pairs)
        found.append({**raw, "tags": [{"key": key, "value": value} for key, value in pairs.items()]})
    if direction == "ingress":
        follow(world, str(row["id"]), before, [*before, *asked])
    ids = group_ids(world) if any(rule.group for rule in asked) else {}
    return {"Return": True, "SecurityGroupRules": [described(world, row, raw, direction, ids) for raw in found]}


def _revoke(world: World, params: Mapping[str, Any], direction: str) -> dict[str, Any]:
    row = group_of(world, params)
    raws, ids = rules_of(row, direction), params.get("SecurityGroupRuleIds")
    if ids:
        chosen = [raw for raw in raws if {rule_id(raw), str(raw["ruleid"])} & set(ids)]
        if len({rule_id(raw) for raw in chosen}) < len(set(ids)):
            missing = set(ids) - {name for raw in chosen for name in (rule_id(raw), str(raw["ruleid"]))}
            raise not_found("rule", min(missing, default=ids[0]))
    else:
        permissions = params.get("IpPermissions") or ()
        if permissions and not any(one.get(source) for one in permissions for source in _SOURCES):
            return {"Return": True}  # of no source there is no rule; scripts of boto 2 revoke so what is of a CIDR
        if all(one.get("Ipv6Ranges") and not one.get("IpRanges") for one in permissions or [{}]):
            raise Ec2Error("InvalidPermission.NotFound", _ABSENT)
        asked = rules_asked(world, params)
        chosen = [raw for raw in raws if rule_of(raw) in asked]
        if direction == "egress" and not raws and mark(row, "vpc") and asked == [_EVERYTHING]:
            return {"Return": True}  # the rule that a group of a VPC has on EC2 from the start
        if not chosen:
            raise Ec2Error("InvalidPermission.NotFound", _ABSENT)
    _gone(world, row, chosen, direction)
    return {"Return": True}


def _modify(world: World, group: str, name: str, wanted: Rule) -> None:
    """Make a rule say what is wanted.

    What was begun by a request that was not answered is brought to its end; but when it ended before the new rule had
    its tag, that is a rule with an id of its own, which the client sees and may revoke.
    """
    row = group_of(world, {"GroupId": group})
    direction, raw = _named(row, name)
    before = [rule_of(one) for one in rules_of(row, direction)]
    if wanted not in before:
        [new] = _made(world, row, [wanted], direction).values()
        _put(world, new, {**{str(tag["key"]): str(tag["value"]) for tag in raw.get("tags") or ()}, RULE_ID: name})
        if direction == "ingress":
            follow(world, group, before, [*before, wanted])
        row = group_of(world, {"GroupId": group})
    present = next(one for one in rules_of(row, direction) if rule_of(one) == wanted)
    if rule_id(present) != name:
        raise Ec2Error("InvalidPermission.Duplicate", f'the specified rule "{wanted}" already exists')
    _describe(world, present, wanted.description)
    old = [one for one in rules_of(row, direction) if rule_id(one) == name and rule_of(one) != wanted]
    if old:
        _gone(world, row, old, direction)


def _describe_anew(world: World, params: Mapping[str, Any], direction: str) -> dict[str, Any]:
    row = group_of(world, params)
    raws = rules_of(row, direction)
    changes: list[tuple[Row, str | None]] = []
    for one in params.get("SecurityGroupRuleDescriptions") or ():
        of, raw = _named(row, one.get("SecurityGroupRuleId") or "")
        if of != direction:
            raise not_found("rule", one["SecurityGroupRuleId"])
        changes.append((raw, description_asked(one)))
    if not changes or params.get("IpPermissions"):
        there = {rule_of(raw): raw for raw in raws}
        for rule in rules_asked(world, params):
            if rule not in there:
                raise Ec2Error("InvalidPermission.NotFound", _ABSENT)
            changes.append((there[rule], rule.description))
    for raw, text in changes:
        _describe(world, raw, text)
    return {"Return": True}


def _named(row: Row, asked: str) -> tuple[str, Row]:
    """The direction and the rule of a group that an id means. Raises `Ec2Error`."""
    for direction in DIRECTIONS:
        for raw in rules_of(row, direction):
            if asked in {rule_id(raw), str(raw["ruleid"])}:
                return direction, raw
    raise not_found("rule", asked)


def _made(world: World, row: Row, asked: Sequence[Rule], direction: str) -> dict[Rule, Row]:
    """Make rules; gives them as CloudStack lists them. Raises the first error when all have ended."""
    command = f"authorizeSecurityGroup{direction.capitalize()}"
    calls = [{"securitygroupid": row["id"], **rule.as_call(world.caller.account)} for rule in asked]
    results = _all_done(world, command, calls)
    told = [raw for result in results for raw in rules_of(result.get("securitygroup", result), direction)]
    new = {rule_of(raw): raw for raw in told if raw.get("ruleid")}
    if not all(rule in new for rule in asked):
        new = {rule_of(raw): raw for raw in rules_of(group_of(world, {"GroupId": row["id"]}), direction)}
    missing = [rule for rule in asked if rule not in new]
    if missing:
        raise Ec2Error("InternalError", f'the cloud says that the rule "{missing[0]}" is made, and has it not', 500)
    return {rule: new[rule] for rule in asked}


def _gone(world: World, row: Row, chosen: Sequence[Row], direction: str) -> None:
    """Take rules away. Firewalls are closed first: whatever happens then, too little is open, and not too much."""
    before = [rule_of(raw) for raw in rules_of(row, direction)]
    gone = {str(raw["ruleid"]) for raw in chosen}
    after = [rule_of(raw) for raw in rules_of(row, direction) if str(raw["ruleid"]) not in gone]
    if direction == "ingress":
        follow(world, str(row["id"]), before, after)
    command = f"revokeSecurityGroup{direction.capitalize()}"
    try:
        _all_done(world, command, [{"id": raw["ruleid"]} for raw in chosen])
    except CfnlibError:
        if direction == "ingress":
            follow(world, str(row["id"]), after, before)
        raise


def _describe(world: World, raw: Row, text: str | None) -> None:
    """Keep a rule's description; None takes it away."""
    present = rule_of(raw).description
    if present == text:
        return
    if present is not None:
        take(world, Home(TAGGED, str(raw["ruleid"])), [DESCRIPTION])
    if text is not None:
        _put(world, raw, {DESCRIPTION: text})


def _put(world: World, raw: Row, pairs: Mapping[str, str]) -> None:
    put(world, Home(TAGGED, str(raw["ruleid"])), pairs)


def _all_done(world: World, command: str, calls: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Make calls at the same time, wait for their jobs, and raise the first error."""
    results = world.together([partial(world.done, command, **params) for params in calls])
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


ACTIONS = {
    "AuthorizeSecurityGroupEgress": authorize_egress,
    "AuthorizeSecurityGroupIngress": authorize_ingress,
    "DescribeSecurityGroupRules": describe_rules,
    "ModifySecurityGroupRules": modify_rules,
    "RevokeSecurityGroupEgress": revoke_egress,
    "RevokeSecurityGroupIngress": revoke_ingress,
    "UpdateSecurityGroupRuleDescriptionsEgress": update_descriptions_egress,
    "UpdateSecurityGroupRuleDescriptionsIngress": update_descriptions_ingress,
}
