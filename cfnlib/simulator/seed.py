"""The world a new simulator starts with: that of the recordings, and a few things that are handy on a laptop."""

from __future__ import annotations

import copy
import secrets
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from cfnlib.simulator.api import read_data

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.simulator.world import Entity, World

FIRST_PUBLIC_ADDRESS = IPv4Address("192.168.100.4")
# Kinds that are shown as they were recorded, whatever happens.
AS_RECORDED = (
    "zone",
    "pod",
    "cluster",
    "storagepool",
    "ostype",
    "region",
    "hypervisor",
    "networkservice",
    "affinitygrouptype",
    "counter",
    "serviceoffering",
    "diskoffering",
    "networkoffering",
    "vpcoffering",
    "host",
)
# Source: the limits of the ordinary account made in the recordings; memory in MiB, storage in GiB. -1: no limit.
DEFAULT_LIMITS = {
    "user_vm": 20,
    "public_ip": 20,
    "volume": 20,
    "snapshot": 20,
    "template": 20,
    "project": -1,
    "network": 20,
    "vpc": 20,
    "cpu": 40,
    "memory": 40960,
    "primary_storage": 200,
    "secondary_storage": 400,
}
EXTRA_OFFERINGS = (
    ("m1.small", 1, 1000, 2048),
    ("m1.medium", 2, 1000, 4096),
    ("m1.large", 2, 2000, 8192),
    ("Large Instance", 4, 2000, 8192),
)
# name -> its operating system
EXTRA_TEMPLATES = {
    "Ubuntu 22.04 (Simulator)": "Ubuntu 22.04 LTS",
    "Debian 12 (Simulator)": "Debian GNU/Linux 12 (64-bit)",
}


@frozen
class Capacity:
    """How much the simulated cloud holds.

    Each recorded host (ten in zone Sandbox, six in SandboxSG) has that many cores, MHz a core and MiB.
    `public_addresses` are in zone Sandbox, from 192.168.100.4 on. `limits` replace those of the ordinary account by
    resource name (``{"user_vm": -1}``: as many machines as it likes).
    """

    host_cores: int = 128
    host_mhz: int = 8000
    host_memory_mib: int = 524288
    public_addresses: int = 1015
    limits: Mapping[str, int] = field(factory=dict)


def sow(world: World, capacity: Capacity) -> None:
    """Fill an empty world."""
    facts = copy.deepcopy(read_data("world.json.gz"))
    for kind in AS_RECORDED:
        for shown in facts[kind]:
            _add_shown(world, kind, shown)
    _sow_hosts(world, capacity)
    _sow_extras(world, facts)
    for one in facts["networkoffering"]:
        world.change(world.need("networkoffering", one["id"]), services=facts["network_services"].get(one["name"]))
    for one in facts["vpcoffering"]:
        world.change(world.need("vpcoffering", one["id"]), services=facts["network_services"].get(one["name"]))
    world.add("capability", view=facts["capability"])
    _sow_accounts(world, facts, capacity)
    _sow_network(world, facts)
    _sow_addresses(world, capacity)
    for name, text in (
        ("default_allow", "Default Network ACL Allow All"),
        ("default_deny", "Default Network ACL Deny All"),
    ):
        world.add("networkacllist", name=name, description=text)
    world.start_numbers("virtualmachine", 3)


def _add_shown(world: World, kind: str, shown: dict[str, Any]) -> Entity:
    uuid = shown.get("id")
    named = {"id": uuid} if isinstance(uuid, str) else {}
    return world.add(kind, **named, name=shown.get("name"), view=shown)


def _sow_hosts(world: World, capacity: Capacity) -> None:
    for host in list(world.each("host")):
        view = host["view"]
        if view["type"] == "Routing":
            memory = capacity.host_memory_mib << 20
            view |= {"cpunumber": capacity.host_cores, "cpuspeed": capacity.host_mhz, "memorytotal": memory}
            view["cpuwithoverprovisioning"] = str(capacity.host_cores * capacity.host_mhz)
            view["memorywithoverprovisioning"] = str(memory)
            world.change(
                host,
                view=view,
                zone=view["zoneid"],
                cpu_mhz=capacity.host_cores * capacity.host_mhz,
                memory_mib=capacity.host_memory_mib,
                cores=capacity.host_cores,
                core_mhz=capacity.host_mhz,
            )
            world.add("hostload", host=host.uuid, zone=view["zoneid"], cpu_mhz=0, memory_mib=0)


def _sow_extras(world: World, facts: dict[str, Any]) -> None:
    like = facts["serviceoffering"][0]
    for name, cores, mhz, memory_mib in EXTRA_OFFERINGS:
        size = {"cpunumber": cores, "cpuspeed": mhz, "memory": memory_mib}
        _add_shown(
            world, "serviceoffering", like | size | {"id": world.new_uuid(), "name": name, "displaytext": name}
        )
    first = facts["template"][0]
    zones = [zone.uuid for zone in world.each("zone")]
    for name in (first["name"], *EXTRA_TEMPLATES):
        shown = copy.deepcopy(first)
        if name != first["name"]:
            shown |= {"id": world.new_uuid(), "name": name, "displaytext": name}
            shown |= {"ostypeid": _add_ostype(world, EXTRA_TEMPLATES[name]), "ostypename": EXTRA_TEMPLATES[name]}
            shown["url"] = "http://templates.invalid/" + name.split(" ")[0].lower() + ".vhd.bz2"
        for gone in ("zoneid", "zonename"):
            shown.pop(gone)
        world.add(
            "template",
            id=shown["id"],
            name=shown["name"],
            view=shown,
            zones=zones,
            public=True,
            featured=True,
            size_bytes=shown["size"],
            iso=False,
        )


def _add_ostype(world: World, name: str) -> str:
    like = next(iter(world.each("ostype")))["view"]
    view = like | {"id": world.new_uuid(), "oscategoryname": name.split(" ", 1)[0], "name": name, "description": name}
    return _add_shown(world, "ostype", view).uuid


def _sow_accounts(world: World, facts: dict[str, Any], capacity: Capacity) -> None:
    root = facts["domain"][0]
    world.add("domain", id=root["id"], name="ROOT", path="ROOT", level=0)
    recorded = facts["account"][0]
    roles = {
        name: world.add("role", name=name, roletype=kind, **({"id": recorded["roleid"]} if kind == "Admin" else {}))
        for name, kind in (
            ("Root Admin", "Admin"),
            ("Resource Admin", "ResourceAdmin"),
            ("Domain Admin", "DomainAdmin"),
            ("User", "User"),
        )
    }
    world.start_numbers("account", 2)  # 1 is the account of the system itself
    world.start_numbers("user", 2)
    admin = world.add(
        "account",
        id=recorded["id"],
        name="admin",
        type=1,
        role=roles["Root Admin"].uuid,
        roletype="Admin",
        domain=root["id"],
        state="enabled",
        limits={},
        isdefault=True,
    )
    person = recorded["user"][0]
    world.add(
        "user",
        id=person["id"],
        name="admin",
        firstname=person["firstname"],
        lastname=person["lastname"],
        email=person["email"],
        account=admin.uuid,
        state="enabled",
        isdefault=True,
        **new_keys(world),
    )
    user = world.add(
        "account",
        name="user",
        type=0,
        role=roles["User"].uuid,
        roletype="User",
        domain=root["id"],
        state="enabled",
        limits=DEFAULT_LIMITS | dict(capacity.limits),
    )
    world.add(
        "user",
        name="user",
        firstname="Ordinary",
        lastname="User",
        email="user@example.org",
        account=user.uuid,
        state="enabled",
        **new_keys(world),
    )


def new_keys(world: World) -> dict[str, str]:
    """A fresh pair of keys, as long as the real ones (86 characters)."""
    del world  # keys are secrets even here: they do not come from the world's seeded random numbers
    return {"apikey": secrets.token_urlsafe(64), "secretkey": secrets.token_urlsafe(64)}


def _sow_network(world: World, facts: dict[str, Any]) -> None:
    shared = facts["network"][0]
    world.start_numbers("network", 204)
    world.add("physicalnetwork", id=shared["physicalnetworkid"], zone=shared["zoneid"], name="SandboxSG-pn")
    for zone in world.live("zone"):
        if zone.uuid != shared["zoneid"]:
            world.add("physicalnetwork", zone=zone.uuid, name=zone["name"] + "-pn")
    world.add(
        "network",
        id=shared["id"],
        name=shared["name"],
        displaytext=shared["displaytext"],
        offering=shared["networkofferingid"],
        zone=shared["zoneid"],
        domain=shared["domainid"],
        type="Shared",
        gateway=shared["gateway"],
        netmask=shared["netmask"],
        cidr=shared["cidr"],
        vlan=100,
        state="Setup",
        networkdomain=shared["networkdomain"],
    )


def _sow_addresses(world: World, capacity: Capacity) -> None:
    zone = next(zone for zone in world.live("zone") if not zone["view"]["securitygroupsenabled"])
    public = world.add("network", name="public", zone=zone.uuid, type="Public", state="Setup", hidden=True)
    world.remove(public)  # it is named by addresses but never listed
    vlan = world.add("vlan", zone=zone.uuid, vlan="vlan://50", network=public.uuid)
    for offset in range(capacity.public_addresses):
        world.add(
            "publicip",
            address=str(FIRST_PUBLIC_ADDRESS + offset),
            zone=zone.uuid,
            vlan=vlan.uuid,
            state="Free",
            free_in=zone.uuid,
        )
