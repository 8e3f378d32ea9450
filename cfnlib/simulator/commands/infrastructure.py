"""What the cloud is made of: zones, pods, clusters, hosts, storage, capabilities, and the list of commands itself."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from cfnlib.simulator.api import commands, described
from cfnlib.simulator.encode import when

if TYPE_CHECKING:
    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity

HIDDEN_FROM_USERS = ("dns1", "dns2", "internaldns1", "internaldns2", "guestcidraddress")


def list_zones(call: Call) -> dict[str, Any]:
    """Zones; an ordinary user is not shown their name servers."""
    found = shown_matching(call, "zone", ("id",))

    def render(zone: Entity) -> dict[str, Any]:
        view = dict(zone["view"])
        if not call.is_admin:
            for name in HIDDEN_FROM_USERS:
                view.pop(name, None)
        return view

    return call.listing("zone", found, render)


def shown_matching(call: Call, kind: str, filters: tuple[str, ...] = ()) -> list[Entity]:
    """The recorded things of a kind that the given parameters leave, each compared with the field of that name."""
    found = []
    name, keyword = call.text("name"), (call.text("keyword") or "").lower()
    for one in call.world.each(kind):
        view = one["view"]
        if name is not None and view.get("name") != name:
            continue
        if keyword and keyword not in str(view.get("name", "")).lower():
            continue
        if all(
            str(view.get(each, "")).lower() == str(call.values[each]).lower()
            for each in filters
            if each in call.values
        ):
            found.append(one)
    return found


def _list_shown(call: Call, *, kind: str, element: str, filters: tuple[str, ...]) -> dict[str, Any]:
    return call.listing(element, shown_matching(call, kind, filters), lambda one: one["view"])


def list_hosts(call: Call) -> dict[str, Any]:
    """Hosts, with what of them is allocated."""
    found = shown_matching(call, "host", ("id", "zoneid", "podid", "clusterid", "type", "state", "hypervisor"))
    loads = {one["host"]: one for one in call.world.each("hostload")}

    def render(host: Entity) -> dict[str, Any]:
        load = loads.get(host.uuid)
        if load is None or not load["memory_mib"]:
            return dict(host["view"])
        share = f"{100.0 * load['cpu_mhz'] / host['cpu_mhz']:.2f}%"
        in_use = load["memory_mib"] << 20
        return {**host["view"]} | {
            "cpuallocated": share,
            "cpuallocatedvalue": load["cpu_mhz"],
            "cpuallocatedpercentage": share,
            "cpuallocatedwithoverprovisioning": share,
            "memoryallocated": in_use,
            "memoryallocatedbytes": in_use,
            "memoryallocatedpercentage": f"{100.0 * load['memory_mib'] / host['memory_mib']:.2f}%",
        }

    return call.listing("host", found, render)


def list_capabilities(call: Call) -> dict[str, Any]:
    """What the cloud as a whole can do."""
    return {"capability": next(iter(call.world.each("capability")))["view"]}


def list_apis(call: Call) -> dict[str, Any]:
    """The commands the caller may use; `name` chooses one."""
    name = call.text("name")
    chosen = [
        one
        for one in commands().values()
        if one.allowed(call.role) and (name is None or one.name.lower() == name.lower())
    ]
    return {"count": len(chosen), "api": [described(one, call.role) for one in chosen]} if chosen else {}


def list_routers(call: Call) -> dict[str, Any]:
    """Virtual routers."""
    world, found = call.world, []
    for one in world.each("router"):
        network = world.known("network", one.get("network") or "")
        if call.text("id") not in {None, one.uuid} or call.text("networkid") not in {None, one.get("network")}:
            continue
        if call.text("zoneid") not in {None, one["zone"]} or call.text("vpcid") not in {None, one.get("vpc")}:
            continue
        found.append((one, network))
    return call.listing("router", found, lambda pair: _router(call, *pair))


def _router(call: Call, router: Entity, network: Entity | None) -> dict[str, Any]:
    zone = call.world.need("zone", router["zone"])
    view = {
        "id": router.uuid,
        "name": f"r-{router.number + 3}-VM",
        "role": "VIRTUAL_ROUTER",
        "state": router["state"],
        "zoneid": zone.uuid,
        "zonename": zone["name"],
        "created": when(router["created"]),
        "isredundantrouter": False,
        "requiresupgrade": False,
    }
    if network is not None:
        view |= {
            "guestnetworkid": network.uuid,
            "guestnetworkname": network["name"],
            "guestipaddress": network["gateway"],
        }
    if router.get("vpc"):
        view["vpcid"] = router["vpc"]
    return view


COMMANDS = {
    "listZones": list_zones,
    "listHosts": list_hosts,
    "listCapabilities": list_capabilities,
    "listApis": list_apis,
    "listRouters": list_routers,
} | {
    name: partial(_list_shown, kind=kind, element=element, filters=filters)
    for name, kind, element, filters in (
        ("listPods", "pod", "pod", ("id", "zoneid")),
        ("listClusters", "cluster", "cluster", ("id", "zoneid", "podid")),
        ("listStoragePools", "storagepool", "storagepool", ("id", "zoneid", "podid", "clusterid")),
        ("listHypervisors", "hypervisor", "hypervisor", ()),
        ("listOsTypes", "ostype", "ostype", ("id", "oscategoryid")),
        ("listRegions", "region", "region", ("id",)),
        ("listSupportedNetworkServices", "networkservice", "networkservice", ()),
        ("listAffinityGroupTypes", "affinitygrouptype", "affinityGroupType", ()),
    )
}
