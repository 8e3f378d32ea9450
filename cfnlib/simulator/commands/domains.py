"""Domains, and how much accounts may have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.simulator.commands.accounts import COUNTED_FIRST, COUNTED_THEN
from cfnlib.simulator.errors import bad_value, failed
from cfnlib.simulator.jobs import Work
from cfnlib.simulator.limits import RESOURCES, UNLIMITED, amount_of, limit_of

if TYPE_CHECKING:
    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity


def shown_domain(call: Call, domain: Entity) -> dict[str, Any]:
    """A domain as listDomains shows it."""
    world = call.world
    view: dict[str, Any] = {"id": domain.uuid, "name": domain["name"], "level": domain["level"]}
    if domain.get("parent"):
        view |= {
            "parentdomainid": domain["parent"],
            "parentdomainname": world.need("domain", domain["parent"])["name"],
        }
    children = any(one.get("parent") == domain.uuid for one in world.each("domain"))
    view |= {"haschild": children, "path": domain["path"], "state": "Active"}
    inside = [one for one in world.each("account") if one["domain"] == domain.uuid]
    for prefix, resource in (*COUNTED_FIRST, *COUNTED_THEN):
        total = sum(amount_of(world, one.uuid, resource) for one in inside)
        view |= {f"{prefix}limit": "Unlimited", f"{prefix}total": total, f"{prefix}available": "Unlimited"}
    view["secondarystoragetotal"] = float(view["secondarystoragetotal"])
    return view | {"hasannotations": False}


def create_domain(call: Call) -> dict[str, Any]:
    """A domain below another."""
    world, name = call.world, call.text("name") or ""
    parent = world.get("domain", call.text("parentdomainid") or call.account["domain"])
    if parent is None:
        raise bad_value("Unable to create domain: parent domain not found")
    path = f"{parent['path']}/{name}"
    if any(one["path"] == path for one in world.each("domain")):
        raise bad_value(f"Domain with name {name} already exists for the parent id={parent.number}")
    domain = world.add("domain", name=name, path=path, level=parent["level"] + 1, parent=parent.uuid)
    view = shown_domain(call, domain)
    keep = ("id", "name", "level", "parentdomainid", "parentdomainname", "haschild", "path", "secondarystoragetotal")
    return {"domain": {key: view[key] for key in keep}}


def list_domains(call: Call) -> dict[str, Any]:
    """The caller's domain and, for an admin, those below."""
    top = call.world.need("domain", call.account["domain"])["path"]
    found = [
        one
        for one in call.world.each("domain")
        if (one["path"] + "/").startswith(top + "/")
        and call.text("id") in {None, one.uuid}
        and call.text("name") in {None, one["name"]}
        and (call.role != "User" or one.uuid == call.account["domain"])
    ]
    return call.listing("domain", found, lambda one: shown_domain(call, one))


def delete_domain(call: Call) -> None:
    """Delete a domain; with `cleanup` also what is in it."""
    world = call.world
    domain = call.need("id", "domain", "Failed to delete domain: it does not exist")
    inside = [one for one in world.each("account") if one["domain"] == domain.uuid]
    below = [one for one in world.each("domain") if one.get("parent") == domain.uuid]
    if (inside or below) and not call.flag("cleanup"):
        raise failed(f"Failed to clean up domain resources and sub domains, delete failed on domain {domain['name']}")
    for one in (*inside, *below, domain):
        world.remove(one)


def list_limits(call: Call) -> dict[str, Any]:
    """What an account may have, resource by resource."""
    owner = call.owner()
    chosen = call.whole("resourcetype")
    name = call.text("resourcetypename")
    found = [
        (number, resource)
        for number, resource in enumerate(RESOURCES)
        if chosen in {None, number} and name in {None, resource}
    ]
    return call.listing("resourcelimit", found, lambda pair: _shown_limit(call, owner, *pair))


def _shown_limit(call: Call, owner: Entity, number: int, resource: str) -> dict[str, Any]:
    domain = call.world.need("domain", owner["domain"])
    return {
        "account": owner["name"],
        "domainid": domain.uuid,
        "domain": domain["name"],
        "resourcetype": str(number),
        "resourcetypename": resource,
        "max": limit_of(owner, resource),
    }


def update_limit(call: Call) -> dict[str, Any]:
    """Say how much of a resource an account may have; -1 is as much as it likes."""
    number, most = call.whole("resourcetype") or 0, call.whole("max")
    if not 0 <= number < len(RESOURCES):
        raise bad_value(f"Please specify a valid resource type: {number}")
    if most is not None and most < UNLIMITED:
        raise bad_value("Please specify either '-1' for an infinite limit, or a limit that is at least '0'.")
    owner, resource = call.owner(), RESOURCES[number]
    if owner["roletype"] == "Admin" and owner.get("isdefault"):
        raise bad_value("Can't update system account")
    call.world.change(owner, limits=owner["limits"] | {resource: UNLIMITED if most is None else most})
    return {"resourcelimit": _shown_limit(call, owner, number, resource)}


COMMANDS = {
    "createDomain": create_domain,
    "listDomains": list_domains,
    "listResourceLimits": list_limits,
    "updateResourceLimit": update_limit,
}
WORKS = {"deleteDomain": Work(delete_domain)}
