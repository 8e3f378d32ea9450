"""AWS::EC2::SecurityGroupEgress is one rule of a CloudStack security group that is declared elsewhere.

A rule has no id but in the listing of its group, so it is found by what it allows. In a zone without security
groups nothing is made here: the plan turns the rule into a firewall rule.

Source: CloudFormation's resource specification; CloudStack 4.19, authorizeSecurityGroupEgress.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.resources.rules import authorize, group_id, revoke, rule_fields, rules_of
from cfnlib.schema.model import Attribute, Native, Property, ResourceType

if TYPE_CHECKING:
    from cfnlib.schema.calls import Call
    from cfnlib.schema.model import Desired, Existing


def _group(thing: Desired | Existing) -> object:
    return group_id(thing.get("GroupId"))


def _create(desired: Desired) -> list[Call]:
    if not desired.facts.security_groups:
        return []
    rules = rules_of("Egress", desired.properties)
    return [authorize(rule, desired.facts, _group(desired), exclusive=True) for rule in rules]


def _delete(existing: Existing) -> list[Call]:
    if not existing.facts.security_groups:
        return []
    return [revoke(rule, existing.facts, _group(existing)) for rule in rules_of("Egress", existing.properties)]


TYPE = ResourceType(
    name="AWS::EC2::SecurityGroupEgress",
    doc="A rule that says whom the machines of a group may reach: authorizeSecurityGroupEgress.",
    properties={
        "GroupId": Property("The group, by id or name.", required=True),
        **rule_fields("Egress"),
    },
    attributes={"Id": Attribute("Always empty: a rule has no id of its own.", "id")},
    ec2=True,
    native=Native(key="", create=_create, delete=_delete, remove_first=True),
    source="CloudFormation resource specification; CloudStack 4.19 authorizeSecurityGroupEgress",
)
