"""The machines of an autoscale group, and what the group does by itself.

An enabled group makes machines until it has `minmembers`; it looks an interval after it was made, and after each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.simulator.api import commands
from cfnlib.simulator.call import Call, checked
from cfnlib.simulator.commands.machines import create_machine, has_started, start_machine
from cfnlib.simulator.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.simulator.world import Entity


def members(call: Call, group: Entity) -> list[Entity]:
    """The machines of a group."""
    own = call.world.by("virtualmachine", "account", group["account"])
    return [one for one in own if one.get("autoscalegroup") == group.uuid]


def keep_least(call: Call) -> float | None:
    """Have an enabled group make machines until it has its `minmembers`; again an interval later."""
    world, group = call.world, call.world.get("autoscalevmgroup", call.thing)
    if group is None:
        return None
    if group["state"] == "ENABLED":
        for _ in range(group["least"] - len(members(call, group))):
            try:
                _add_member(call, group)
            except ApiError:
                break  # as the real server: it is tried again an interval later
    return world.now + max(1.0, float(group["interval_s"]))


def _add_member(call: Call, group: Entity) -> None:
    world = call.world
    profile, rule = world.need("autoscalevmprofile", group["profile"]), world.need("loadbalancerrule", group["rule"])
    made = group.get("made", 0) + 1
    given = {
        "zoneid": profile["zone"],
        "serviceofferingid": profile["offering"],
        "templateid": profile["template"],
        "networkids": rule["network"],
        "name": f"autoScaleVm-{group['name'][:36]}-{made}-{world.random.getrandbits(24):06x}",
    }
    if profile.get("userdata"):
        given["userdata"] = profile["userdata"]
    deploy = commands()["deployVirtualMachine"]
    values = checked(world, deploy, given | profile["parameters"])
    own = Call(world, deploy, values, world.need("account", group["account"]), call.user, call.latency, "POST")
    machine = create_machine(own)
    world.change(machine, autoscalegroup=group.uuid)
    start_machine(own, machine)
    has_started(own, machine)
    world.change(group, made=made)
    world.change(rule, vms=[*rule["vms"], machine.uuid], state="Active")


TIMERS: dict[str, Callable[[Call], float | None]] = {"autoscale": keep_least}
