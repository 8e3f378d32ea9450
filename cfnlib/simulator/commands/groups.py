"""Affinity groups and instance groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.simulator.encode import when
from cfnlib.simulator.errors import bad_value
from cfnlib.simulator.jobs import Work
from cfnlib.simulator.ownership import owner_fields

if TYPE_CHECKING:
    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity


def shown_affinity(call: Call, group: Entity) -> dict[str, Any]:
    """An affinity group with the machines in it."""
    view: dict[str, Any] = {"id": group.uuid, "name": group["name"]}
    if group.get("description"):
        view["description"] = group["description"]
    view |= owner_fields(call.world, group["account"]) | {"type": group["type"]}
    machines = [one.uuid for one in call.world.by("virtualmachine", "affinity", group.uuid)]
    return view | ({"virtualmachineIds": machines} if machines else {})


def create_affinity(call: Call) -> Entity:
    """A group of machines to be kept apart, or together."""
    world, owner, name = call.world, call.owner(), call.text("name") or ""
    kind = (call.text("type") or "").lower()
    if not any(one["view"]["type"] == kind for one in world.each("affinitygrouptype")):
        raise bad_value(f"Unable to create affinity group, no Affinity Group Types configured for {kind}")
    if any(one["name"] == name for one in world.by("affinitygroup", "account", owner.uuid)):
        raise bad_value(f"Unable to create affinity group, a group with name {name} already exists.")
    return world.add("affinitygroup", name=name, type=kind, description=call.text("description"), account=owner.uuid)


def finish_affinity(call: Call) -> dict[str, Any]:
    """The group is there."""
    return {"affinitygroup": shown_affinity(call, call.made("affinitygroup"))}


def fail_affinity(call: Call) -> None:
    """Nothing is left of a group that could not be made."""
    group = call.world.get("affinitygroup", call.thing)
    if group is not None:
        call.world.remove(group)


def _affinity_of(call: Call) -> Entity:
    group = call.entity("id", "affinitygroup")
    if group is None and call.text("name"):
        own = call.world.by("affinitygroup", "account", call.owner().uuid)
        group = next((one for one in own if one["name"] == call.text("name")), None)
    if group is None:
        raise bad_value("Unable to find affinity group by id or name")
    call.check_access(group)
    return group


def delete_affinity(call: Call) -> None:
    """Delete a group; its machines stay where they are."""
    group = _affinity_of(call)
    for machine in call.world.by("virtualmachine", "affinity", group.uuid):
        call.world.change(machine, affinity=[uuid for uuid in machine["affinity"] if uuid != group.uuid])
    call.world.remove(group)


def list_affinity(call: Call) -> dict[str, Any]:
    """Affinity groups."""
    machine = call.entity("virtualmachineid", "virtualmachine")
    found = [
        one
        for one in call.visible("affinitygroup")
        if call.text("id") in {None, one.uuid}
        and call.text("name") in {None, one["name"]}
        and call.text("type") in {None, one["type"]}
        and (machine is None or one.uuid in machine["affinity"])
        and (call.text("keyword") or "").lower() in one["name"].lower()
    ]
    return call.listing("affinitygroup", found, lambda one: shown_affinity(call, one))


def shown_instances(call: Call, group: Entity) -> dict[str, Any]:
    """A group by which machines are sorted."""
    view = {"id": group.uuid, "name": group["name"], "created": when(group["created"])}
    return view | owner_fields(call.world, group["account"]) | {"hasannotations": False}


def create_instances(call: Call) -> dict[str, Any]:
    """A group by which machines are sorted; a name may be used once in an account."""
    owner, name = call.owner(), call.text("name") or ""
    if any(one["name"] == name for one in call.world.by("instancegroup", "account", owner.uuid)):
        raise bad_value(
            f"Unable to create vm group, a group with name {name} already exists for account {owner.number}"
        )
    return {"instancegroup": shown_instances(call, call.world.add("instancegroup", name=name, account=owner.uuid))}


def delete_instances(call: Call) -> dict[str, Any]:
    """Delete a group; its machines belong to none then."""
    group = call.need("id", "instancegroup", "unable to find a vm group with id {number}")
    for machine in call.world.by("virtualmachine", "group", group.uuid):
        call.world.change(machine, group=None)
    call.world.remove(group)
    return {"success": True}


def list_instances(call: Call) -> dict[str, Any]:
    """Instance groups."""
    found = [
        one
        for one in call.visible("instancegroup")
        if call.text("id") in {None, one.uuid}
        and (call.text("name") or "").lower() in one["name"].lower()
        and (call.text("keyword") or "").lower() in one["name"].lower()
    ]
    return call.listing("instancegroup", found, lambda one: shown_instances(call, one))


COMMANDS = {
    "listAffinityGroups": list_affinity,
    "createInstanceGroup": create_instances,
    "deleteInstanceGroup": delete_instances,
    "listInstanceGroups": list_instances,
}
WORKS = {
    "createAffinityGroup": Work(finish_affinity, create=create_affinity, fail=fail_affinity, creates=True),
    "deleteAffinityGroup": Work(delete_affinity, create=_affinity_of),
}
