"""How a virtual machine and its cards are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.simulator.encode import Rendered, when
from cfnlib.simulator.ownership import Views, full_tags_of, owner_fields

if TYPE_CHECKING:
    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity, World

ON_A_HOST = frozenset({"Running", "Stopping", "Migrating"})


def card_view(world: World, card: Entity, *, running: bool) -> dict[str, Any]:
    """A card as its machine shows it."""
    network = world.need("network", card["network"])
    view: dict[str, Any] = {"id": card.uuid, "networkid": network.uuid, "networkname": network["name"]}
    if network.get("gateway"):
        view |= {"netmask": network["netmask"], "gateway": network["gateway"]}
    if card.get("address"):
        view["ipaddress"] = card["address"]
    if running and network.get("vlan") is not None:
        view |= {"isolationuri": f"vlan://{network['vlan']}", "broadcasturi": f"vlan://{network['vlan']}"}
    if network.get("vpc"):
        view |= {"vpcid": network["vpc"], "vpcname": world.need("vpc", network["vpc"])["name"]}
    return view | {
        "traffictype": "Guest",
        "type": network["type"],
        "isdefault": card["default"],
        "macaddress": card["mac"],
        "secondaryip": [{"id": one["id"], "ipaddress": one["address"]} for one in card["secondary"]],
        "extradhcpoption": [],
        "deviceid": str(card["device"]),
    }


def build(world: World, machine: Entity, admin: bool) -> dict[str, Any]:
    """A machine as listVirtualMachines shows it to an admin, or to another."""
    running = machine["state"] in ON_A_HOST
    view = _who_and_where(world, machine, running=running, admin=admin) | _made_of(world, machine)
    view |= {
        "securitygroup": _groups(world, machine),
        "nic": [card_view(world, card, running=running) for card in world.by("nic", "vm", machine.uuid)],
        "hypervisor": "Simulator",
    }
    if admin:
        view["instancename"] = f"i-{world.need('account', machine['account']).number}-{machine.number}-VM"
    view["details"] = dict(machine["details"])
    if not admin:
        view["readonlydetails"] = "dataDiskController, rootDiskController"
    if machine.get("keypairs"):
        view["keypairs"] = ",".join(machine["keypairs"])
    template = world.need("template", machine["template"])["view"]
    view |= {
        "affinitygroup": [
            {"id": one.uuid, "name": one["name"], "account": world.need("account", one["account"])["name"]}
            for one in (world.need("affinitygroup", uuid) for uuid in machine["affinity"])
        ],
        **({"displayvm": True} if admin else {}),
        "isdynamicallyscalable": False,
        "ostypeid": template["ostypeid"],
        "osdisplayname": template["ostypename"],
    }
    return view | _how_it_is(world, machine)


def _who_and_where(world: World, machine: Entity, *, running: bool, admin: bool) -> dict[str, Any]:
    zone, user = world.need("zone", machine["zone"]), world.need("user", machine["user"])
    view: dict[str, Any] = {"id": machine.uuid, "name": machine["name"], "displayname": machine["displayname"]}
    owner = owner_fields(world, machine["account"])
    view |= {key: value for key, value in owner.items() if key not in {"domainid", "domain"}}
    view |= {"userid": user.uuid, "username": user["name"], "domainid": owner["domainid"], "domain": owner["domain"]}
    view["created"] = when(machine["created"])
    if machine.get("updated"):
        view["lastupdated"] = when(machine["updated"])
    view |= {"state": machine["state"], "haenable": False}
    group = world.get("instancegroup", machine.get("group"))
    if group is not None:
        view |= {"groupid": group.uuid, "group": group["name"]}
    view |= {"zoneid": zone.uuid, "zonename": zone["name"]}
    if running and admin and machine.get("host"):
        host = world.need("host", machine["host"])
        view |= {"hostid": host.uuid, "hostname": host["name"]}
    return view | ({"hostcontrolstate": "Enabled"} if running else {})


def _made_of(world: World, machine: Entity) -> dict[str, Any]:
    template = world.need("template", machine["template"])["view"]
    offering = world.need("serviceoffering", machine["offering"])
    return {
        "templateid": template["id"],
        "templatename": template["name"],
        "templatetype": template["templatetype"],
        "templatedisplaytext": template["displaytext"],
        "passwordenabled": template["passwordenabled"],
        "serviceofferingid": offering.uuid,
        "serviceofferingname": offering["name"],
        "cpunumber": machine["cores"],
        "cpuspeed": machine["core_mhz"],
        "memory": machine["memory_mib"],
        "guestosid": template["ostypeid"],
        "rootdeviceid": 0,
        "rootdevicetype": "ROOT",
    }


def _how_it_is(world: World, machine: Entity) -> dict[str, Any]:
    view: dict[str, Any] = {} if machine["details"] else {"bootmode": "legacy", "boottype": "Bios"}
    address = world.first("publicip", "vm", machine.uuid)
    if address is not None:
        view |= {"publicipid": address.uuid, "publicip": address["address"]}
    if machine.get("ever_started"):
        view["pooltype"] = "NetworkFilesystem"
    view |= {"receivedbytes": 0, "sentbytes": 0, "tags": full_tags_of(world, machine.uuid), "hasannotations": False}
    if machine.get("job"):
        view |= {"jobid": machine["job"], "jobstatus": 0}
    if machine.get("autoscalegroup"):
        view["autoscalevmgroupid"] = machine["autoscalegroup"]
    return view


def _groups(world: World, machine: Entity) -> list[dict[str, Any]]:
    groups = []
    for uuid in machine["groups"]:
        group = world.need("securitygroup", uuid)
        view = {"id": uuid, "name": group["name"], "description": group["description"]}
        owner = owner_fields(world, group["account"])
        view |= {key: value for key, value in owner.items() if key not in {"domainid", "domain"}}
        groups.append(view | {"ingressrule": [], "egressrule": [], "tags": [], "virtualmachineids": []})
    return groups


VIEWS = Views(build)


def shown(call: Call, machine: Entity) -> Rendered:
    """A machine as the caller is shown it."""
    return VIEWS.of(call.world, machine, admin=call.is_admin)
