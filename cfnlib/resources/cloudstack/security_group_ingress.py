"""CloudStack::SecurityGroupIngress says who may reach the machines of a group: authorizeSecurityGroupIngress.

One call for each range and each group, so that each rule can be found again by what it allows.

Source: CloudStack 4.19, authorizeSecurityGroupIngress, revokeSecurityGroupIngress.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.resources.rules import authorize, group_id, native_fields, native_rules, revoke
from cfnlib.schema.model import Native, ResourceType

if TYPE_CHECKING:
    from cfnlib.schema.calls import Call
    from cfnlib.schema.model import Desired, Existing


def _group(thing: Desired | Existing) -> object:
    return group_id(thing.get("securitygroupid", thing.get("securitygroupname", "")))


def _create(desired: Desired) -> list[Call]:
    rules = dict.fromkeys(native_rules("Ingress", desired.properties))
    return [authorize(rule, desired.facts, _group(desired), exclusive=True) for rule in rules]


def _delete(existing: Existing) -> list[Call]:
    rules = dict.fromkeys(native_rules("Ingress", existing.properties))
    return [revoke(rule, existing.facts, _group(existing)) for rule in rules]


TYPE = ResourceType(
    name="CloudStack::SecurityGroupIngress",
    doc="Says who may reach the machines of a group: authorizeSecurityGroupIngress.",
    properties=native_fields(),
    one_of=(("securitygroupid", "securitygroupname"),),
    native=Native(key="", create=_create, delete=_delete, remove_first=True),
    source="CloudStack 4.19 authorizeSecurityGroupIngress, revokeSecurityGroupIngress",
)
