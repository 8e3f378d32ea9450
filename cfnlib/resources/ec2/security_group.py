"""AWS::EC2::SecurityGroup is a CloudStack security group, in zones that have them.

Each rule is one call, and a change of the rules takes out and adds what differs. Without egress rules everything
may leave, as on AWS. In a zone without security groups nothing is made here: the plan turns the rules into firewall
rules, and the group is its name alone.

Source: CloudFormation's resource specification, AWS::EC2::SecurityGroup; CloudStack 4.19, createSecurityGroup.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.resources.rules import Rule, authorize, changes, rule_fields, rules_of
from cfnlib.schema.calls import SELF, Call, Effect, Find
from cfnlib.schema.lifecycle import gone, retag_calls, tag_call, tags_of
from cfnlib.schema.model import Attribute, Kind, Native, Property, Read, ResourceType, Update

if TYPE_CHECKING:
    from cfnlib.schema.model import Desired, Existing


def _rules(thing: Desired | Existing) -> list[Rule]:
    return [
        rule
        for direction in ("Ingress", "Egress")
        for values in thing.get(f"SecurityGroup{direction}", [])
        for rule in rules_of(direction, values)
    ]


def _create(desired: Desired) -> list[Call]:
    if not desired.facts.security_groups:
        return []
    name = desired.get("GroupName", desired.name)
    params = {"name": name, "description": desired.get("GroupDescription")}
    check = Find("listSecurityGroups", "securitygroup", {"securitygroupname": name}, {"name": name})
    exclusive = desired.get("GroupName") is not None
    calls = [Call("createSecurityGroup", params, Effect.CREATES, "securitygroup", check, exclusive)]
    calls += [authorize(rule, desired.facts) for rule in dict.fromkeys(_rules(desired))]
    tags = tags_of(TYPE, desired.properties)
    return [*calls, tag_call("SecurityGroup", tags)] if tags else calls


def _update(existing: Existing, desired: Desired) -> list[Call]:
    if not desired.facts.security_groups:
        return []
    retag = retag_calls("SecurityGroup", tags_of(TYPE, existing.properties), tags_of(TYPE, desired.properties))
    return [*changes(_rules(existing), _rules(desired), desired.facts), *retag]


def _delete(existing: Existing) -> list[Call]:
    if not existing.facts.security_groups:
        return []
    return [Call("deleteSecurityGroup", {"id": SELF}, Effect.REMOVES, check=gone(TYPE))]


TYPE = ResourceType(
    name="AWS::EC2::SecurityGroup",
    doc="A named set of rules that machines are put into: createSecurityGroup and one authorize call a rule.",
    properties={
        "GroupDescription": Property("What it is for.", required=True, param="description"),
        "GroupName": Property("Its name, unique in the account; one is made when absent.", param="name"),
        "SecurityGroupIngress": Property(
            "Who may reach the machines.",
            kind=Kind.LIST,
            update=Update.IN_PLACE,
            item=Property("A rule.", kind=Kind.OBJECT, update=Update.IN_PLACE, fields=rule_fields("Ingress")),
        ),
        "SecurityGroupEgress": Property(
            "Whom the machines may reach; everyone when absent.",
            kind=Kind.LIST,
            update=Update.IN_PLACE,
            item=Property("A rule.", kind=Kind.OBJECT, update=Update.IN_PLACE, fields=rule_fields("Egress")),
        ),
        "VpcId": Property("Not used: a group belongs to an account.", update=Update.IN_PLACE),
        "Tags": Property("Tags of the group.", kind=Kind.TAGS, update=Update.IN_PLACE),
    },
    attributes={
        "GroupId": Attribute("The group's id.", "id"),
        "Id": Attribute("The group's id.", "id"),
        "GroupName": Attribute("The group's name.", "name"),
        "VpcId": Attribute("Always empty: a group belongs to an account.", "vpcid"),
    },
    ec2=True,
    native=Native(
        key="securitygroup",
        create=_create,
        update=_update,
        delete=_delete,
        read=Read("listSecurityGroups", "securitygroup"),
        tag_type="SecurityGroup",
    ),
    source="CloudFormation resource specification; CloudStack 4.19 createSecurityGroup",
)
