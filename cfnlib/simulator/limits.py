"""How much an account may have, and has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cfnlib.simulator.errors import ApiError

if TYPE_CHECKING:
    from cfnlib.simulator.world import Entity, World

# In the order of CloudStack's resource type numbers: user_vm is 0.
RESOURCES: Final = (
    "user_vm",
    "public_ip",
    "volume",
    "snapshot",
    "template",
    "project",
    "network",
    "vpc",
    "cpu",
    "memory",
    "primary_storage",
    "secondary_storage",
)
UNLIMITED: Final = -1


def limit_of(account: Entity, resource: str) -> int:
    """How much of a resource an account may have: -1 for as much as it likes. Memory is in MiB, storage in GiB."""
    return int(account["limits"].get(resource, UNLIMITED))


def amount_of(world: World, account: str, resource: str) -> int:
    """How much of a resource an account has, in the unit of `limit_of`."""
    if resource in {"user_vm", "cpu", "memory"}:
        machines = [one for one in world.by("virtualmachine", "account", account) if one["state"] != "Destroyed"]
        if resource == "user_vm":
            return len(machines)
        return sum(int(one["cores" if resource == "cpu" else "memory_mib"]) for one in machines)
    if resource.endswith("_storage"):
        own = world.by("volume", "account", account)
        if resource == "secondary_storage":
            own = [one for one in world.each("template") if one.get("account") == account]
        return sum(int(one["size_bytes"]) for one in own) >> 30
    if resource in {"volume", "network", "public_ip"}:
        return world.count(resource.replace("_", ""), "account", account)
    return sum(1 for one in world.each(resource) if one.get("account") == account)


def check_limit(world: World, account: Entity, resource: str, amount: int = 1) -> None:
    """Raise ApiError 535 unless an account may have that much more of a resource."""
    limit = limit_of(account, resource)
    if limit == UNLIMITED:
        return
    present = amount_of(world, account.uuid, resource)
    if present + amount > limit:
        domain = world.need("domain", account["domain"])
        raise ApiError(
            535,
            9999,
            f"Maximum amount of resources of Type = '{resource}' for Account Name = {account['name']} in Domain Id = "
            f"{domain.number} is exceeded: Account Resource Limit = {limit}, Current Account Resource Amount = "
            f"{present}, Current Account Resource Reservation = 0, Requested Resource Amount = {amount}.",
        )
