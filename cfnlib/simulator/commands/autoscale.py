"""Autoscale groups: conditions, policies, profiles, and groups of machines behind a load balancer rule.

Nothing is measured here, so no condition is ever met; what a group does without measuring is in `autoscale_members`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from cfnlib.simulator.commands.autoscale_members import members
from cfnlib.simulator.commands.lifecycle import expunge
from cfnlib.simulator.encode import when
from cfnlib.simulator.errors import bad_value, conflict
from cfnlib.simulator.jobs import Work, start_timer
from cfnlib.simulator.ownership import owner_fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity

OPERATORS = ("EQ", "GT", "LT", "GE", "LE")
ACTIONS = {"scaleup": "SCALEUP", "scaledown": "SCALEDOWN"}


def _thing(call: Call, kind: str, name: str = "id") -> Entity:
    return call.need(name, kind, f"Unable to find {kind} by id")


def list_counters(call: Call) -> dict[str, Any]:
    """What could be measured."""
    found = [
        one["view"]
        for one in call.world.each("counter")
        if call.text("id") in {None, one.uuid}
        and call.text("name") in {None, one["name"]}
        and call.text("source") in {None, one["view"]["source"]}
        and call.text("provider") in {None, one["view"]["provider"]}
    ]
    return call.listing("counter", found)


def shown_condition(call: Call, condition: Entity) -> dict[str, Any]:
    """A condition with its counter."""
    counter = call.world.need("counter", condition["counter"])["view"]
    view = {
        "id": condition.uuid,
        "threshold": condition["threshold"],
        "relationaloperator": condition["operator"],
        "counterid": counter["id"],
        "countername": counter["name"],
        "counter": counter,
    }
    return view | owner_fields(call.world, condition["account"])


def create_condition(call: Call) -> Entity:
    """A counter compared with a number."""
    counter = _thing(call, "counter", "counterid")
    operator = (call.text("relationaloperator") or "").upper()
    if operator not in OPERATORS:
        raise bad_value(f"The Operator {operator} does not exist; Please specify a valid Operator.")
    threshold = call.whole("threshold")
    if threshold is None or threshold < 0:
        raise bad_value(f"The threshold {threshold} must be greater than or equal to 0.")
    return call.world.add(
        "condition", counter=counter.uuid, operator=operator, threshold=threshold, account=call.owner().uuid
    )


def shown_policy(call: Call, policy: Entity) -> dict[str, Any]:
    """A policy with its conditions."""
    conditions = [call.world.need("condition", uuid) for uuid in policy["conditions"]]
    view = {
        "id": policy.uuid,
        **({"name": policy["name"]} if policy.get("name") else {}),
        "action": policy["action"],
        "duration": policy["duration"],
        "quiettime": policy["quiettime"],
        "conditions": [shown_condition(call, one) for one in conditions],
    }
    return view | owner_fields(call.world, policy["account"])


def create_policy(call: Call) -> Entity:
    """What to do when all conditions were met for as long as `duration`."""
    action = ACTIONS.get((call.text("action") or "").lower())
    if action is None:
        raise bad_value(f"action is invalid, only 'scaleup' and 'scaledown' is supported: {call.text('action')}")
    conditions = call.items("conditionids")
    if not conditions or any(call.world.get("condition", uuid) is None for uuid in conditions):
        raise bad_value("Unable to find the condition specified")
    duration, quiet = call.whole("duration"), call.whole("quiettime")
    return call.world.add(
        "autoscalepolicy",
        name=call.text("name"),
        action=action,
        conditions=conditions,
        duration=duration or 0,
        quiettime=300 if quiet is None else quiet,
        account=call.owner().uuid,
    )


def update_policy(call: Call) -> dict[str, Any]:
    """Change when a policy acts."""
    policy = _thing(call, "autoscalepolicy")
    changes: dict[str, Any] = {
        name: call.whole(name) for name in ("duration", "quiettime") if call.whole(name) is not None
    }
    if call.items("conditionids"):
        changes["conditions"] = call.items("conditionids")
    call.world.change(policy, **changes)
    return {"autoscalepolicy": shown_policy(call, policy)}


def shown_profile(call: Call, profile: Entity) -> dict[str, Any]:
    """How a group's machines are made."""
    view = {
        "id": profile.uuid,
        "zoneid": profile["zone"],
        "serviceofferingid": profile["offering"],
        "templateid": profile["template"],
        "otherdeployparams": profile["parameters"],
        "expungevmgraceperiod": profile["grace_s"],
        "counterparam": {},
        **({"userdata": profile["userdata"]} if profile.get("userdata") else {}),
    }
    return view | owner_fields(call.world, profile["account"])


def create_profile(call: Call) -> Entity:
    """How machines are made; `otherdeployparams` are further parameters of their deployment, by name and value."""
    given = call.values.get("otherdeployparams") or []
    parameters = {one["name"]: one.get("value", "") for one in given if "name" in one}
    grace = call.whole("expungevmgraceperiod")
    return call.world.add(
        "autoscalevmprofile",
        zone=_thing(call, "zone", "zoneid").uuid,
        offering=_thing(call, "serviceoffering", "serviceofferingid").uuid,
        template=_thing(call, "template", "templateid").uuid,
        parameters=parameters,
        grace_s=120 if grace is None else grace,
        userdata=call.text("userdata"),
        account=call.owner().uuid,
    )


def update_profile(call: Call) -> dict[str, Any]:
    """Have further machines made in another way."""
    profile = _thing(call, "autoscalevmprofile")
    changes: dict[str, Any] = {"template": call.text("templateid"), "userdata": call.text("userdata")}
    changes["offering"] = call.text("serviceofferingid")
    given = call.values.get("otherdeployparams")
    if given:
        changes["parameters"] = {one["name"]: one.get("value", "") for one in given if "name" in one}
    call.world.change(profile, **{name: value for name, value in changes.items() if value is not None})
    return {"autoscalevmprofile": shown_profile(call, profile)}


def shown_group(call: Call, group: Entity) -> dict[str, Any]:
    """A group with its policies."""
    world = call.world
    rule = world.need("loadbalancerrule", group["rule"])
    address, network = world.need("publicip", rule["ip"]), world.need("network", rule["network"])
    policies = [world.need("autoscalepolicy", uuid) for uuid in group["policies"]]
    view = {
        "id": group.uuid,
        "name": group["name"],
        "lbruleid": rule.uuid,
        "associatednetworkname": network["name"],
        "associatednetworkid": network.uuid,
        "lbprovider": "VirtualRouter",
        "publicipid": address.uuid,
        "publicip": address["address"],
        "publicport": str(rule["startport"]),
        "privateport": str(rule["private_port"]),
        "vmprofileid": group["profile"],
        "minmembers": group["least"],
        "maxmembers": group["most"],
        "availablevirtualmachinecount": len(members(call, group)),
        "interval": group["interval_s"],
        "state": group["state"],
        "scaleuppolicies": [shown_policy(call, one) for one in policies if one["action"] == "SCALEUP"],
        "scaledownpolicies": [shown_policy(call, one) for one in policies if one["action"] == "SCALEDOWN"],
    }
    view |= owner_fields(world, group["account"])
    return view | {"fordisplay": True, "created": when(group["created"]), "hasannotations": False}


def create_group(call: Call) -> Entity:
    """A group of machines for a load balancer rule that has none assigned by hand."""
    world, rule = call.world, _thing(call, "loadbalancerrule", "lbruleid")
    profile = _thing(call, "autoscalevmprofile", "vmprofileid")
    least, most = call.whole("minmembers") or 0, call.whole("maxmembers") or 0
    _check_size(least, most)
    if rule["vms"] or any(one["rule"] == rule.uuid for one in world.each("autoscalevmgroup")):
        raise conflict("There are Vms already bound to the specified LoadBalancing Rule.")
    policies = [*call.items("scaleuppolicyids"), *call.items("scaledownpolicyids")]
    if any(world.get("autoscalepolicy", uuid) is None for uuid in policies):
        raise bad_value("Unable to find the autoscale policy specified")
    uuid = world.new_uuid()
    interval = call.whole("interval")
    return world.add(
        "autoscalevmgroup",
        id=uuid,
        name=call.text("name") or uuid,
        rule=rule.uuid,
        profile=profile.uuid,
        least=least,
        most=most,
        interval_s=30 if interval is None else interval,
        policies=policies,
        state="NEW",
        account=rule["account"],
    )


def _check_size(least: int, most: int) -> None:
    if least < 0 or most < 0:
        raise bad_value(f"{min(least, most)} is an invalid value for the size of a group; it must not be negative")
    if least > most:
        raise bad_value(f"maxMembers ({most})cannot be lower than minMembers ({least})")


def finish_group(call: Call) -> dict[str, Any]:
    """The group is enabled."""
    group = call.made("autoscalevmgroup")
    call.world.change(group, state="ENABLED")
    start_timer(call, "autoscale", group.uuid, call.world.now + max(1.0, group["interval_s"]))
    return {"autoscalevmgroup": shown_group(call, group)}


def fail_group(call: Call) -> None:
    """Nothing is left of a group that could not be made."""
    group = call.world.get("autoscalevmgroup", call.thing)
    if group is not None:
        call.world.remove(group)


def _set_state(call: Call, *, state: str) -> dict[str, Any]:
    group = _thing(call, "autoscalevmgroup")
    call.world.change(group, state=state)
    return {"autoscalevmgroup": shown_group(call, group)}


def update_group(call: Call) -> dict[str, Any]:
    """Change the size of a disabled group, or its policies."""
    group = _thing(call, "autoscalevmgroup")
    if group["state"] != "DISABLED":
        raise bad_value(
            "An AutoScale Vm Group can be updated with minMembers/maxMembers/Interval only when it is disabled"
        )
    least, most, interval = call.whole("minmembers"), call.whole("maxmembers"), call.whole("interval")
    least, most = group["least"] if least is None else least, group["most"] if most is None else most
    _check_size(least, most)
    changes: dict[str, Any] = {"least": least, "most": most, "name": call.text("name") or group["name"]}
    if interval is not None:
        changes["interval_s"] = interval
    given = [*call.items("scaleuppolicyids"), *call.items("scaledownpolicyids")]
    if given:
        changes["policies"] = given
    call.world.change(group, **changes)
    return {"autoscalevmgroup": shown_group(call, group)}


def delete_group(call: Call) -> None:
    """Delete a group; with `cleanup` its machines go too."""
    group = _thing(call, "autoscalevmgroup")
    there = members(call, group)
    if there and not call.flag("cleanup"):
        raise bad_value(
            f"There are {len(there)} available VMs in AutoScale Vm group {group.uuid}: specify cleanup=true"
        )
    for machine in there:
        expunge(call, machine)
    call.world.remove(group)


def delete_policy(call: Call) -> None:
    """Delete a policy no group has."""
    policy = _thing(call, "autoscalepolicy")
    if any(policy.uuid in one["policies"] for one in call.world.each("autoscalevmgroup")):
        raise bad_value("Cannot delete AutoScale Policy when it is in use by one or more AutoScale Vm Groups")
    call.world.remove(policy)


def delete_profile(call: Call) -> None:
    """Delete a profile no group has."""
    profile = _thing(call, "autoscalevmprofile")
    if any(one["profile"] == profile.uuid for one in call.world.each("autoscalevmgroup")):
        raise bad_value("Cannot delete AutoScale Vm Profile when it is in use by one or more AutoScale Vm Groups")
    call.world.remove(profile)


def delete_condition(call: Call) -> None:
    """Delete a condition no policy has."""
    condition = _thing(call, "condition")
    if any(condition.uuid in one["conditions"] for one in call.world.each("autoscalepolicy")):
        raise bad_value("Cannot delete condition when it is in use by one or more AutoScale Policies")
    call.world.remove(condition)


SHOWN: dict[str, Callable[[Call, Entity], dict[str, Any]]] = {
    "condition": shown_condition,
    "autoscalepolicy": shown_policy,
    "autoscalevmprofile": shown_profile,
    "autoscalevmgroup": shown_group,
}


def _finish(call: Call, *, kind: str) -> dict[str, Any]:
    return {kind: SHOWN[kind](call, call.made(kind))}


def _list(call: Call, *, kind: str) -> dict[str, Any]:
    fields = {"vmprofileid": "profile", "lbruleid": "rule", "zoneid": "zone", "templateid": "template"}
    fields |= {"serviceofferingid": "offering", "name": "name", "counterid": "counter"}
    found = [
        one
        for one in call.visible(kind)
        if call.text("id") in {None, one.uuid}
        and all(call.values[name] == one.get(field) for name, field in fields.items() if name in call.values)
        and (call.text("policyid") is None or call.text("policyid") in one["policies"])
        and (call.text("conditionid") is None or call.text("conditionid") in one["conditions"])
    ]
    return call.listing(kind, found, lambda one: SHOWN[kind](call, one))


COMMANDS: dict[str, Callable[[Call], dict[str, Any]]] = {
    "listCounters": list_counters,
    "listConditions": partial(_list, kind="condition"),
    "listAutoScalePolicies": partial(_list, kind="autoscalepolicy"),
    "listAutoScaleVmProfiles": partial(_list, kind="autoscalevmprofile"),
    "listAutoScaleVmGroups": partial(_list, kind="autoscalevmgroup"),
}
WORKS = {
    "createCondition": Work(partial(_finish, kind="condition"), create=create_condition, creates=True),
    "deleteCondition": Work(delete_condition),
    "createAutoScalePolicy": Work(partial(_finish, kind="autoscalepolicy"), create=create_policy, creates=True),
    "updateAutoScalePolicy": Work(update_policy),
    "deleteAutoScalePolicy": Work(delete_policy),
    "createAutoScaleVmProfile": Work(
        partial(_finish, kind="autoscalevmprofile"), create=create_profile, creates=True
    ),
    "updateAutoScaleVmProfile": Work(update_profile),
    "deleteAutoScaleVmProfile": Work(delete_profile),
    "createAutoScaleVmGroup": Work(finish_group, create=create_group, fail=fail_group, creates=True),
    "updateAutoScaleVmGroup": Work(update_group),
    "enableAutoScaleVmGroup": Work(partial(_set_state, state="ENABLED")),
    "disableAutoScaleVmGroup": Work(partial(_set_state, state="DISABLED")),
    "deleteAutoScaleVmGroup": Work(delete_group),
}
