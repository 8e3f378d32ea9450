"""Security groups and their rules in EC2, for the one table of `translate`.

A group of a VPC is born with a rule that lets everything out; on CloudStack everything may leave until the first
egress rule, and again after the last. The declarations mean the latter. So the first egress rule replaces the one
that the group was born with, and the last is replaced by it. Rules of ours are told from it by their description.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cfnlib.drivers.ec2 import records
from cfnlib.drivers.ec2.work import Request, Work, listed

if TYPE_CHECKING:
    from cfnlib.drivers.ec2.work import Known, Params, Record

_EVERYONE = ("0.0.0.0/0", "::/0")


def create_group(params: Params, _: Known) -> Work:
    """Make a group."""
    name = params["name"]
    asked = {"GroupName": name, "Description": params.get("description") or name}
    return Work((Request("CreateSecurityGroup", asked),), made=lambda answer: records.group({**asked, **answer}))


def delete_group(params: Params, _: Known) -> Work:
    """Delete a group."""
    return Work((Request("DeleteSecurityGroup", {"GroupId": params["id"]}),))


def authorize_ingress(params: Params, known: Known) -> Work:
    """Let somebody in."""
    asked = {"GroupId": params["securitygroupid"], "IpPermissions": [_permission(params, known)]}
    return Work((Request("AuthorizeSecurityGroupIngress", asked),))


def authorize_egress(params: Params, known: Known) -> Work:
    """Let out to somebody, and from then on to nobody else."""
    group = known.one("listSecurityGroups", str(params["securitygroupid"]))
    asked = {"GroupId": group["id"], "IpPermissions": [_described(_permission(params, known))]}
    born = [_permission_of(rule) for rule in group["egressrule"] if _born(group, rule)]
    requests = [Request("AuthorizeSecurityGroupEgress", asked)]
    if born:
        requests.insert(0, Request("RevokeSecurityGroupEgress", {"GroupId": group["id"], "IpPermissions": born}))
    return Work(tuple(requests))


def revoke(params: Params, known: Known) -> Work:
    """Take a rule out; its id holds all that is needed."""
    group_id, direction, asked = json.loads(params["id"])
    requests = [Request(f"RevokeSecurityGroup{direction}", {"GroupId": group_id, "IpPermissions": [asked]})]
    if direction == "Egress":
        group = known.one("listSecurityGroups", group_id)
        rules = group["egressrule"]
        if group.get("vpcid") and [rule["ruleid"] for rule in rules] == [params["id"]]:
            open_all = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": _EVERYONE[0]}]}
            again = Request("AuthorizeSecurityGroupEgress", {"GroupId": group_id, "IpPermissions": [open_all]})
            requests = [] if _lets_all_out(rules[0]) else [again, *requests]
    return Work(tuple(requests))


def _permission(params: Params, known: Known) -> dict[str, Any]:
    others = params.get("usersecuritygrouplist")
    if not others:
        return records.permission(params)
    return records.permission(params, {"GroupId": known.group_id(str(others[0]["group"]))})


def _permission_of(rule: Record) -> Any:  # noqa: ANN401 - JSON of an IpPermission
    return json.loads(rule["ruleid"])[2]


def _born(group: Record, rule: Record) -> bool:
    """Whether a rule is the one that groups of a VPC are born with: ours have a description."""
    return bool(group.get("vpcid")) and _lets_all_out(rule) and not rule.get("description")


def _lets_all_out(rule: Record) -> bool:
    return rule.get("protocol") == "all" and rule.get("cidr") in _EVERYONE


def _described(asked: dict[str, Any]) -> dict[str, Any]:
    for key in ("IpRanges", "Ipv6Ranges"):
        if key in asked:
            asked[key] = [{**one, "Description": "cfnlib"} for one in asked[key]]
    return asked


def groups_of(params: Params, known: Known) -> list[str]:
    """The ids of the groups that a machine shall be in."""
    named = [*listed(params.get("securitygroupids")), *listed(params.get("securitygroupnames"))]
    return [known.group_id(group) for group in named]
