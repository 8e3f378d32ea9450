"""Guest networks and the routers that serve them."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Network, NetmaskValueError
from typing import TYPE_CHECKING, Any

from cfnlib.simulator.encode import Rendered, when
from cfnlib.simulator.errors import ApiError, bad_value, failed
from cfnlib.simulator.jobs import Work
from cfnlib.simulator.limits import check_limit
from cfnlib.simulator.ownership import Views, has_tags, owner_fields, tagged, tags_of

if TYPE_CHECKING:
    from cfnlib.simulator.call import Call
    from cfnlib.simulator.latency import Latency
    from cfnlib.simulator.world import Entity, World

DEFAULT_CIDR = "10.1.1.0/24"


def services_of(world: World, network: Entity) -> list[dict[str, Any]]:
    """The services of a network, with what each can do."""
    offering = world.need("networkoffering", network["offering"])
    services = offering.get("services")
    if services is not None:
        return list(services)
    return [
        {"name": one["name"], "provider": one["provider"], "capability": []} for one in offering["view"]["service"]
    ]


def offers(world: World, network: Entity, service: str) -> bool:
    """Whether a network has a service (Firewall, Lb, StaticNat, SecurityGroup ...)."""
    offering = world.need("networkoffering", network["offering"])
    return any(one["name"] == service for one in offering["view"]["service"])


def _build(world: World, network: Entity, admin: bool) -> dict[str, Any]:
    zone = world.need("zone", network["zone"])
    offering = world.need("networkoffering", network["offering"])["view"]
    physical = next(one for one in world.each("physicalnetwork") if one["zone"] == zone.uuid)
    shared, implemented = network["type"] == "Shared", network.get("vlan") is not None
    view: dict[str, Any] = {
        "id": network.uuid,
        "name": network["name"],
        "displaytext": network["displaytext"],
        "broadcastdomaintype": "Vlan",
        "traffictype": "Guest",
    }
    if network.get("gateway"):
        view |= {"gateway": network["gateway"], "netmask": network["netmask"], "cidr": network["cidr"]}
    view |= {
        "zoneid": zone.uuid,
        "zonename": zone["name"],
        "networkofferingid": network["offering"],
        "networkofferingname": offering["name"],
        "networkofferingdisplaytext": offering["displaytext"],
        "networkofferingconservemode": offering["conservemode"],
        "networkofferingavailability": offering["availability"],
        "issystem": False,
        "state": network["state"],
        "related": network.uuid,
    }
    if implemented and admin:
        view["broadcasturi"] = f"vlan://{network['vlan']}"
    view |= {"dns1": network.get("dns1") or zone["view"]["dns1"], "type": network["type"]}
    if network.get("dns2"):
        view["dns2"] = network["dns2"]
    if implemented and admin:
        view["vlan"] = str(network["vlan"])
    if shared:
        domain = world.need("domain", network["domain"])
        view |= {"acltype": "Domain", "subdomainaccess": True, "domainid": domain.uuid, "domain": domain["name"]}
        view["domainpath"] = domain["path"]
    else:
        view |= {"acltype": "Account"} | owner_fields(world, network["account"])
    view |= {
        "service": services_of(world, network),
        "networkdomain": network["networkdomain"],
        "physicalnetworkid": physical.uuid,
        "restartrequired": False,
        "specifyipranges": offering["specifyipranges"],
    }
    view |= _vpc_fields(world, network)
    view |= {"canusefordeploy": True, "ispersistent": offering["ispersistent"], "tags": tags_of(world, network.uuid)}
    if admin:
        view |= {"details": {}, "displaynetwork": True}
    view |= {
        "strechedl2subnet": False,
        "redundantrouter": False,
        "supportsvmautoscaling": any(one["name"] == "Lb" for one in offering["service"]),
        "created": when(network["created"]),
        "receivedbytes": 0,
        "sentbytes": 0,
    }
    if not shared and not network.get("vpc"):
        view["egressdefaultpolicy"] = offering["egressdefaultpolicy"]
    return view | {"publicmtu": 1500, "privatemtu": 1500, "hasannotations": False}


def _vpc_fields(world: World, network: Entity) -> dict[str, Any]:
    if not network.get("vpc"):
        return {}
    fields = {"vpcid": network["vpc"], "vpcname": world.need("vpc", network["vpc"])["name"]}
    if network.get("acl"):
        fields |= {"aclid": network["acl"], "aclname": world.need("networkacllist", network["acl"])["name"]}
    return fields


VIEWS = Views(_build)


def shown(call: Call, network: Entity) -> Rendered:
    """A network as the caller is shown it."""
    return VIEWS.of(call.world, network, admin=call.is_admin)


def create_network(call: Call) -> dict[str, Any]:
    """A network; an isolated one gets its router with its first machine."""
    world = call.world
    zone = call.need("zoneid", "zone")
    offering = call.need("networkofferingid", "networkoffering")
    view = offering["view"]
    if view["state"] != "Enabled":
        raise bad_value("Can't use specified network offering id as its state is not Enabled")
    vpc = call.entity("vpcid", "vpc")
    if view["forvpc"] != (vpc is not None):
        raise bad_value(
            "Network offering can be used for VPC networks only" if vpc is None else "Network offering is not for VPC"
        )
    owner = world.need("account", vpc["account"]) if vpc is not None else call.owner()
    kind = view["guestiptype"]
    if kind == "Shared" and not call.is_admin:
        raise ApiError(531, 4365, "Shared network can be created by the root admin only")
    check_limit(world, owner, "network")
    vlan = _vlan(call)
    cidr = _cidr(call, world, kind, vpc)
    network = world.add(
        "network",
        name=call.text("name"),
        displaytext=call.text("displaytext") or call.text("name"),
        offering=offering.uuid,
        zone=zone.uuid,
        domain=owner["domain"],
        type=kind,
        state="Setup" if kind == "Shared" else "Allocated",
        networkdomain=call.text("networkdomain") or f"cs{owner.number:x}cloud.internal",
        **({} if kind == "Shared" else {"account": owner.uuid}),
        **({"dns1": call.text("dns1")} if call.text("dns1") else {}),
        **({"dns2": call.text("dns2")} if call.text("dns2") else {}),
        **cidr,
        **({"vpc": vpc.uuid, "acl": call.text("aclid")} if vpc is not None else {}),
    )
    if kind == "Shared" or vlan:
        world.change(network, vlan=vlan or free_vlan(world))
    if vpc is not None and network.get("acl") is None:
        world.change(
            network, acl=next(one.uuid for one in world.each("networkacllist") if one["name"] == "default_deny")
        )
    return {"network": shown(call, network).value}


def _vlan(call: Call) -> int | None:
    text = (call.text("vlan") or "").removeprefix("vlan://")
    if text and not (text.isdecimal() and 0 < int(text) < 4096):
        raise bad_value(f"Invalid vlan: {call.text('vlan')}")
    return int(text) if text else None


def _cidr(call: Call, world: World, kind: str, vpc: Entity | None) -> dict[str, str]:
    gateway, netmask = call.text("gateway"), call.text("netmask")
    if kind == "L2":
        return {}
    if gateway is None and netmask is None:
        if kind == "Shared" or vpc is not None:
            raise bad_value("gateway and netmask are required for this network")
        return {"gateway": "10.1.1.1", "netmask": "255.255.255.0", "cidr": DEFAULT_CIDR}
    if gateway is None or netmask is None:
        raise bad_value("gateway and netmask should be specified together")
    try:
        inside = IPv4Network(f"{gateway}/{netmask}", strict=False)
    except (AddressValueError, NetmaskValueError, ValueError):
        raise bad_value(f"Invalid gateway {gateway} or netmask {netmask}") from None
    if vpc is not None:
        _check_tier(world, vpc, inside)
    return {"gateway": gateway, "netmask": str(inside.netmask), "cidr": str(inside)}


def _check_tier(world: World, vpc: Entity, inside: IPv4Network) -> None:
    name = f"[VPC [{vpc.number}-{vpc['name']}]"
    if not inside.subnet_of(IPv4Network(vpc["cidr"])):
        raise bad_value(f"Network cidr {inside} is not within vpc {name} cidr")
    for tier in world.by("network", "vpc", vpc.uuid):
        if IPv4Network(tier["cidr"]).overlaps(inside):
            offering = world.need("networkoffering", tier["offering"])
            what = (
                f'Network {{"id": {tier.number}, "name": "{tier["name"]}", "uuid": "{tier.uuid}", '
                f'"networkofferingid": {offering.number}}}'
            )
            raise bad_value(
                f"Network cidr {inside} crosses other network cidr {what} belonging to the same vpc {name}"
            )


def free_vlan(world: World) -> int:
    """A VLAN id no network has."""
    taken = {one.get("vlan") for one in world.each("network")}
    while (vlan := world.random.randint(101, 4094)) in taken:
        if len(taken) > 3900:
            return int(max(number for number in taken if number is not None)) + 1
    return vlan


def list_networks(call: Call) -> dict[str, Any]:
    """Networks the caller may use, newest first; `keyword` is looked for in names and display texts."""
    mine = {one.uuid for one in call.visible("network")}
    found = [
        one
        for one in reversed(tagged(call, "network") or list(call.world.each("network")))
        if (one.uuid in mine or one["type"] == "Shared") and not one.get("hidden") and _fits(call, one)
    ]
    return call.listing("network", found, lambda one: shown(call, one))


def _fits(call: Call, network: Entity) -> bool:
    exact = {
        "id": network.uuid,
        "zoneid": network["zone"],
        "name": network["name"],
        "type": network["type"],
        "vpcid": network.get("vpc"),
        "networkofferingid": network["offering"],
        "associatednetworkid": None,
    }
    for name, value in exact.items():
        wanted = call.text(name)
        if wanted is not None and wanted.lower() != str(value).lower():
            return False
    keyword = (call.text("keyword") or "").lower()
    if keyword not in network["name"].lower() and keyword not in network["displaytext"].lower():
        return False
    if "forvpc" in call.values and call.flag("forvpc") != bool(network.get("vpc")):
        return False
    services = call.items("supportedservices")
    if any(not offers(call.world, network, service) for service in services):
        return False
    return has_tags(call, network)


def implement(world: World, network: Entity, latency: Latency) -> None:
    """Give a network its VLAN, its router and, with source NAT, its first public address, with its first machine."""
    if network["state"] != "Allocated":
        return
    ready = world.now + latency.of_router(world.random)
    world.change(network, state="Implemented", vlan=network.get("vlan") or free_vlan(world), ready_at=ready)
    if network.get("vpc"):
        start_vpc(world, world.need("vpc", network["vpc"]))
    if network["type"] != "Isolated" or network.get("vpc"):
        return
    world.add("router", network=network.uuid, zone=network["zone"], account=network["account"], state="Running")
    if lacks_source_nat(world, network):
        address = world.first("publicip", "free_in", network["zone"])
        if address is None:
            raise ApiError(533, 4390, "Insufficient address capacity")
        take_address(world, address, network["account"], network=network.uuid, source_nat=True)


def lacks_source_nat(world: World, network: Entity) -> bool:
    """Whether the next address of a network becomes the one its router goes out by.

    Source: CloudStack 4.19, IpAddressManagerImpl: the first address of an isolated network outside a VPC.
    """
    if network["type"] != "Isolated" or network.get("vpc") or not offers(world, network, "SourceNat"):
        return False
    return not any(one.get("source_nat") for one in world.by("publicip", "network", network.uuid))


def start_vpc(world: World, vpc: Entity) -> None:
    """Give a VPC that was made without it its router and its source NAT address."""
    if world.by("router", "vpc", vpc.uuid):
        return
    world.add("router", vpc=vpc.uuid, zone=vpc["zone"], account=vpc["account"], state="Running")
    if not any(one.get("source_nat") for one in world.by("publicip", "vpc", vpc.uuid)):
        address = world.first("publicip", "free_in", vpc["zone"])
        if address is None:
            raise ApiError(533, 4390, "Insufficient address capacity")
        take_address(world, address, vpc["account"], vpc=vpc.uuid, source_nat=True)


def take_address(world: World, address: Entity, account: str, **fields: Any) -> None:  # noqa: ANN401 (any JSON values)
    """Give a free public address to an account."""
    world.change(address, account=account, state="Allocated", allocated=world.now, free_in=None, **fields)


def free_public_address(world: World, address: Entity) -> None:
    """Put a public address back among the free ones."""
    gone = ("account", "allocated", "network", "vpc", "source_nat", "static_nat", "vm", "vm_address")
    world.change(address, state="Free", free_in=address["zone"], **dict.fromkeys(gone))
    for tag in world.by("tag", "resource", address.uuid):
        world.remove(tag)


def update_network(call: Call) -> dict[str, Any] | None:
    """Rename a network."""
    network = call.need("id", "network", "Couldn't find network by id")
    changes = {name: call.text(name) for name in ("name", "displaytext", "networkdomain") if call.text(name)}
    call.world.change(network, **changes)
    return {"network": shown(call, network)}


def check_delete(call: Call) -> Entity:
    """Refuse to delete a network that is not there."""
    return call.need("id", "network", "Network ID={number} doesn't exist")


def delete_network(call: Call) -> None:
    """Delete a network, its router and addresses; one with machines in it stays and the job fails."""
    world, network = call.world, call.need("id", "network", "Network ID={number} doesn't exist")
    machines = [world.get("virtualmachine", card["vm"]) for card in world.by("nic", "network", network.uuid)]
    if any(machine is not None for machine in machines):
        raise failed("Failed to delete network")
    remove_network(world, network)


def remove_network(world: World, network: Entity) -> None:
    """Take a network away with all that is in it."""
    for kind in ("firewallrule", "egressrule", "portforwardingrule", "loadbalancerrule"):
        for rule in [one for one in world.each(kind) if one.get("network") == network.uuid]:
            world.remove(rule)
    for address in world.by("publicip", "network", network.uuid):
        if network.get("vpc"):
            world.change(address, network=None)
        else:
            free_public_address(world, address)
    for router in world.by("router", "network", network.uuid):
        world.remove(router)
    for tag in world.by("tag", "resource", network.uuid):
        world.remove(tag)
    world.remove(network)


def restart_network(call: Call) -> dict[str, Any] | None:
    """Start the router of a network anew."""
    call.need("id", "network", "Couldn't find network by id")
    return None


COMMANDS = {"createNetwork": create_network, "listNetworks": list_networks}
WORKS = {
    "deleteNetwork": Work(delete_network, create=check_delete),
    "updateNetwork": Work(update_network),
    "restartNetwork": Work(restart_network),
}
