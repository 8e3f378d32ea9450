"""On which host a machine runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.simulator.errors import ApiError

if TYPE_CHECKING:
    from cfnlib.simulator.world import Entity, World


def description(machine: Entity, account: Entity) -> str:
    """A machine as the texts of some errors name it."""
    name = f"i-{account.number}-{machine.number}-VM"
    return f'VM instance {{"id":{machine.number},"instanceName":"{name}","type":"User","uuid":"{machine.uuid}"}}'


def place(world: World, machine: Entity, *, only: str | None = None, without: str | None = None) -> None:
    """Put a machine on the least loaded host that has room for it; raises ApiError 533 if none has.

    `only` names the one host it may be (by uuid), `without` one it should not be unless there is no other.
    """
    needed_mhz = machine["cores"] * machine["core_mhz"]
    apart = _hosts_to_avoid(world, machine)
    best: Entity | None = None
    for load in world.by("hostload", "zone", machine["zone"]):
        host = world.need("host", load["host"])
        fits = (
            host.uuid not in apart
            and machine["cores"] <= host["cores"]
            and load["cpu_mhz"] + needed_mhz <= host["cpu_mhz"]
            and load["memory_mib"] + machine["memory_mib"] <= host["memory_mib"]
        )
        if only not in {None, host.uuid} or not fits:
            continue
        if best is None or _rank(load, without) < _rank(best, without):
            best = load
    if best is None:
        who = description(machine, world.need("account", machine["account"]))
        raise ApiError(533, 4380, f"No destination found for a deployment for {who}")
    world.change(best, cpu_mhz=best["cpu_mhz"] + needed_mhz, memory_mib=best["memory_mib"] + machine["memory_mib"])
    world.change(machine, host=best["host"])


def _rank(load: Entity, without: str | None) -> tuple[bool, int]:
    return load["host"] == without, load["memory_mib"]


def displace(world: World, machine: Entity) -> None:
    """Take a machine off its host."""
    load = world.first("hostload", "host", machine.get("host"))
    if load is not None:
        world.change(
            load,
            cpu_mhz=load["cpu_mhz"] - machine["cores"] * machine["core_mhz"],
            memory_mib=load["memory_mib"] - machine["memory_mib"],
        )
    world.change(machine, host=None)


def _hosts_to_avoid(world: World, machine: Entity) -> set[str]:
    avoid = set()
    for uuid in machine["affinity"]:
        if world.need("affinitygroup", uuid)["type"] == "host anti-affinity":
            others = world.by("virtualmachine", "affinity", uuid)
            avoid |= {one["host"] for one in others if one is not machine and one.get("host")}
    return avoid
