"""Listing virtual machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.simulator.commands.machine_view import shown
from cfnlib.simulator.encode import Rendered
from cfnlib.simulator.ownership import has_tags, tagged

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity


def list_machines(call: Call) -> dict[str, Any]:
    """Machines. `name` is compared exactly, `keyword` looked for in names, display names and states.

    Source: scenario s14 of the recordings: with a machine `look-1`, `name=look` finds nothing and `keyword=look`
    does.
    """
    world, ids = call.world, call.items("ids")
    if ids or call.text("id"):
        asked = [world.get("virtualmachine", uuid) for uuid in ids or [call.text("id") or ""]]
        allowed = _allowed(call)
        candidates = [one for one in asked if one is not None and allowed(one)]
    elif call.text("name") is not None:
        allowed = _allowed(call)
        candidates = [one for one in world.by("virtualmachine", "name", call.text("name")) if allowed(one)]
    else:
        visible = {one.uuid: one for one in call.visible("virtualmachine")}
        some = tagged(call, "virtualmachine")
        candidates = list(visible.values()) if some is None else [one for one in some if one.uuid in visible]
    network = call.values.get("networkid")
    if network is not None:
        inside = {card["vm"] for card in world.by("nic", "network", network)}
        candidates = [one for one in candidates if one.uuid in inside]
    found = [one for one in candidates if _fits(call, one)]
    if call.flag("userdata"):
        return call.listing("virtualmachine", found, lambda one: _with_user_data(call, one))
    return call.listing("virtualmachine", found, lambda one: shown(call, one))


def _with_user_data(call: Call, machine: Entity) -> Rendered:
    data = {"userdata": machine["userdata"]} if machine.get("userdata") else {}
    return Rendered(shown(call, machine).value | data)


def _allowed(call: Call) -> Callable[[Entity], bool]:
    owners = {one.uuid for one in call.world.each("account") if call.owns(one)}
    return lambda one: one["account"] in owners


SAME = (
    ("zoneid", "zone"),
    ("templateid", "template"),
    ("serviceofferingid", "offering"),
    ("hostid", "host"),
    ("groupid", "group"),
    ("userid", "user"),
    ("autoscalevmgroupid", "autoscalegroup"),
)
HOLDS = (("affinitygroupid", "affinity"), ("securitygroupid", "groups"), ("keypair", "keypairs"))


def _fits(call: Call, machine: Entity) -> bool:
    values = call.values
    return (
        all(values[name] == machine.get(field) for name, field in SAME if name in values)
        and all(values[name] in machine[field] for name, field in HOLDS if name in values)
        and values.get("state", "present").lower() in {machine["state"].lower(), "present"}
        and _has_keyword(machine, values.get("keyword"))
        and _in_network(call, machine)
        and has_tags(call, machine)
    )


def _has_keyword(machine: Entity, keyword: str | None) -> bool:
    texts = (machine["name"], machine["displayname"], machine["state"])
    return keyword is None or any(keyword.lower() in text.lower() for text in texts)


def _in_network(call: Call, machine: Entity) -> bool:
    world, network, vpc = call.world, call.values.get("networkid"), call.values.get("vpcid")
    if network is None and vpc is None:
        return True
    there = [world.need("network", card["network"]) for card in world.by("nic", "vm", machine.uuid)]
    return any(network in {None, one.uuid} and vpc in {None, one.get("vpc")} for one in there)


COMMANDS = {"listVirtualMachines": list_machines}
