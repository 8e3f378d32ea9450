"""CloudStack::ToLoadBalancerRule puts machines behind a load balancer rule: assignToLoadBalancerRule.

One call a machine, so that each can be looked for by itself: the job fails when a machine is there already.

Source: CloudStack 4.19, assignToLoadBalancerRule, removeFromLoadBalancerRule, listLoadBalancerRuleInstances.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.schema.calls import Call, Effect, Find, found_id
from cfnlib.schema.model import Kind, Native, Property, ResourceType, Update

if TYPE_CHECKING:
    from cfnlib.schema.model import Desired, Existing


def _behind(rule_id: str, machine_id: str) -> Find:
    return Find("listLoadBalancerRuleInstances", "loadbalancerruleinstance", {"id": rule_id}, {"id": machine_id})


def _assign(rule_id: str, machine_id: str) -> Call:
    params = {"id": rule_id, "virtualmachineids": [machine_id]}
    return Call("assignToLoadBalancerRule", params, check=_behind(rule_id, machine_id))


def _remove(rule_id: str, machine_id: str) -> Call:
    find = _behind(rule_id, machine_id)
    params = {"id": rule_id, "virtualmachineids": [found_id(find)]}
    return Call("removeFromLoadBalancerRule", params, Effect.REMOVES, check=find)


def _create(desired: Desired) -> list[Call]:
    return [_assign(desired.get("id"), machine) for machine in desired.get("virtualmachineids", [])]


def _update(existing: Existing, desired: Desired) -> list[Call]:
    before, after = existing.get("virtualmachineids", []), desired.get("virtualmachineids", [])
    return [
        *(_remove(existing.get("id"), machine) for machine in before if machine not in after),
        *(_assign(desired.get("id"), machine) for machine in after if machine not in before),
    ]


def _delete(existing: Existing) -> list[Call]:
    return [_remove(existing.get("id"), machine) for machine in existing.get("virtualmachineids", [])]


TYPE = ResourceType(
    name="CloudStack::ToLoadBalancerRule",
    doc="Puts machines behind a load balancer rule: assignToLoadBalancerRule.",
    properties={
        "id": Property("The load balancer rule's id.", required=True, param="id"),
        "virtualmachineids": Property(
            "The machines' ids.",
            kind=Kind.LIST,
            required=True,
            update=Update.IN_PLACE,
            param="virtualmachineids",
            item=Property("A machine's id."),
        ),
    },
    native=Native(key="", create=_create, update=_update, delete=_delete),
    source="CloudStack 4.19 assignToLoadBalancerRule, removeFromLoadBalancerRule",
)
