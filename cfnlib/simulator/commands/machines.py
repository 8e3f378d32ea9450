"""Making virtual machines."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

from cfnlib.simulator.addressing import add_card, free_address, is_free
from cfnlib.simulator.commands.keypairs import find_keypair
from cfnlib.simulator.commands.machine_view import shown
from cfnlib.simulator.commands.networks import implement, offers
from cfnlib.simulator.commands.offerings import size_of
from cfnlib.simulator.commands.securitygroups import default_group
from cfnlib.simulator.commands.templates import may_use
from cfnlib.simulator.commands.volumes import add_data_disk, add_root_disk
from cfnlib.simulator.errors import ApiError, bad_value
from cfnlib.simulator.jobs import Work
from cfnlib.simulator.limits import check_limit
from cfnlib.simulator.placement import displace, place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity, World

HOST_NAME = re.compile(r"[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")
# Source: CloudStack's `vm.userdata.max.length` and the limit it has for a GET, both in encoded bytes.
LONGEST_USER_DATA = {"GET": 4096, "POST": 32768}
FREED = {"Message.ReservedCapacityFreed.Flag": "false"}


def check_user_data(call: Call) -> str | None:
    """The parameter `userdata`, once it is known to be base64 of a length the server takes."""
    text = call.text("userdata")
    if text is None:
        return None
    try:
        base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except ValueError:  # binascii.Error is one; so is a letter beyond ASCII
        raise bad_value("User data is not base64 encoded") from None
    if call.method == "GET" and len(text) >= LONGEST_USER_DATA["GET"]:
        raise bad_value("User data is too long for an http GET request")
    if len(text) > LONGEST_USER_DATA["POST"]:
        raise bad_value(f"User data has exceeded configurable max length : {LONGEST_USER_DATA['POST']}")
    return text


def check_name(world: World, name: str, networks: Iterable[Entity]) -> None:
    """Refuse a host name that is malformed or taken in one of the networks (or in the VPC of one)."""
    if not HOST_NAME.match(name):
        raise bad_value(
            "Invalid name. Vm name can contain ASCII letters 'a' through 'z', the digits '0' through '9', "
            "and the hyphen ('-'), must be between 1 and 63 characters long, and can't start or end with \"-\" "
            "and can't start with digit"
        )
    holders = world.by("virtualmachine", "name", name)
    for network in networks if holders else ():
        vpc = network.get("vpc")
        alike = {one.uuid for one in world.by("network", "vpc", vpc)} if vpc else {network.uuid}
        if any(card["network"] in alike for holder in holders for card in world.by("nic", "vm", holder.uuid)):
            raise bad_value(
                f"The vm with hostName {name} already exists in the network domain: {network['networkdomain']}; "
                f"network={network['name']}"
            )


def create_machine(call: Call) -> Entity:
    """Everything of a deployment that happens before the answer: the checks, the machine, its cards and disks."""
    world = call.world
    zone = call.need("zoneid", "zone")
    offering = call.need("serviceofferingid", "serviceoffering")
    template = _template(call)
    owner = call.owner()
    details = call.pairs("details")
    cores, core_mhz, memory_mib = size_of(offering, details)
    groups = security_groups(call, zone, owner)
    networks = _networks(call, zone, owner)
    name = call.text("name")
    if name:
        check_name(world, name, [network for network, _ in networks])
    keys = _keypairs(call, owner)
    kept = call.need("userdataid", "userdata") if call.text("userdataid") else None
    user_data = kept["userdata"] if kept is not None else check_user_data(call)
    affinity = affinity_groups(call, owner)
    for resource, amount in (("user_vm", 1), ("cpu", cores), ("memory", memory_mib), ("volume", 1)):
        check_limit(world, owner, resource, amount)
    for network, address in networks:
        _check_address(world, network, address)
    secrets = (
        {"SSH.PublicKey": keys[-1]["publickey"], "SSH.KeyPairNames": ",".join(one["name"] for one in keys)}
        if keys
        else {}
    )
    uuid = world.new_uuid()
    label = name or f"VM-{uuid}"
    machine = world.add(
        "virtualmachine",
        id=uuid,
        name=label,
        displayname=call.text("displayname") or label,
        account=owner.uuid,
        user=call.user.uuid,
        zone=zone.uuid,
        template=template.uuid,
        offering=offering.uuid,
        cores=cores,
        core_mhz=core_mhz,
        memory_mib=memory_mib,
        state="Stopped",
        details={key: value for key, value in details.items() if offering["view"]["iscustomized"]}
        | secrets
        | {"deployvm": "true"},
        keypairs=[one["name"] for one in keys],
        groups=groups,
        affinity=affinity,
        **({"userdata": user_data} if user_data else {}),
        **({"userdata_id": kept.uuid} if kept is not None else {}),
        **_instance_group(call, owner),
    )
    for index, (network, address) in enumerate(networks):
        free = address or (free_address(world, network) if network.get("cidr") else None)
        add_card(
            world, machine, network, free, default=index == 0, mac=call.text("macaddress") if index == 0 else None
        )
    add_root_disk(world, machine, template, call.whole("rootdisksize"))
    if call.text("diskofferingid"):
        add_data_disk(world, machine, call.need("diskofferingid", "diskoffering"), call.whole("size"))
    call.thing = uuid
    return machine


def _template(call: Call) -> Entity:
    world = call.world
    template = world.get("template", call.text("templateid"))
    if template is None:
        gone = world.known("template", call.text("templateid") or "")
        raise bad_value(f"Unable to use template {gone.number if gone else 0}")
    if not may_use(call, template):
        call.check_access(template)
    if template.get("ready_at", 0.0) > world.now or template["iso"]:
        raise bad_value(f"The template {template.uuid} is not ready, or an ISO without a disk offering")
    if call.text("zoneid") not in template["zones"]:
        raise bad_value(f"The template {template.uuid} is not available in the zone")
    return template


def named(world: World, kind: str, owner: Entity, name: str) -> Entity | None:
    """The thing of a kind that an account has under a name."""
    return next((one for one in world.by(kind, "account", owner.uuid) if one["name"] == name), None)


def security_groups(call: Call, zone: Entity, owner: Entity) -> list[str]:
    """The uuids of the security groups a call names, the default one if it names none; empty in a zone without."""
    world, ids, names = call.world, call.items("securitygroupids"), call.items("securitygroupnames")
    if ids and names:
        raise bad_value("securitygroupids parameter is mutually exclusive with securitygroupnames parameter")
    if not zone["view"]["securitygroupsenabled"]:
        if ids or names:
            raise bad_value("Can't create vm with security groups; security group feature is not enabled per zone")
        return []
    groups = [world.get("securitygroup", uuid) for uuid in ids]
    groups += [named(world, "securitygroup", owner, name) for name in names]
    if any(group is None for group in groups):
        raise bad_value("Unable to find group by name or id")
    found = [group for group in groups if group is not None]
    for group in found:
        call.check_access(group)
    chosen = found or [default_group(world, owner.uuid)]
    return [group.uuid for group in chosen]


def _networks(call: Call, zone: Entity, owner: Entity) -> list[tuple[Entity, str | None]]:
    """The networks of a new machine, the default one first, each with the address asked for in it."""
    world = call.world
    wanted: dict[str, str | None] = dict.fromkeys(call.items("networkids"))
    for element in call.values.get("iptonetworklist") or ():
        wanted[element.get("networkid", "")] = element.get("ip")
    if call.text("ipaddress") and wanted:
        wanted[next(iter(wanted))] = call.text("ipaddress")
    if not wanted:
        return [(_default_network(call, zone, owner), call.text("ipaddress"))]
    chosen = []
    for uuid, address in wanted.items():
        network = world.get("network", uuid)
        if network is None:
            gone = world.known("network", uuid)
            raise bad_value(f"Unable to find network by id {gone.number if gone else uuid}")
        call.check_access(network)
        if network["zone"] != zone.uuid:
            raise bad_value(f"Network id={network.number} doesn't belong to zone {zone.number}")
        chosen.append((network, address))
    return chosen


def _default_network(call: Call, zone: Entity, owner: Entity) -> Entity:
    world = call.world
    if zone["view"]["securitygroupsenabled"]:
        for network in world.each("network"):
            if (
                network["zone"] == zone.uuid
                and network["type"] == "Shared"
                and offers(world, network, "SecurityGroup")
            ):
                return network
        raise bad_value(f"No network with security enabled is found in zone id={zone.uuid}")
    own = [
        one
        for one in world.by("network", "account", owner.uuid)
        if one["zone"] == zone.uuid
        and one["type"] == "Isolated"
        and not one.get("vpc")
        and offers(world, one, "SourceNat")
    ]
    if len(own) > 1:
        raise bad_value(
            "Unable to find a default network with source nat service; more than 1 default Isolated networks are "
            "found; please specify networkIds"
        )
    if own:
        return own[0]
    offering = next(
        one
        for one in world.each("networkoffering")
        if one["name"] == "DefaultIsolatedNetworkOfferingWithSourceNatService"
    )
    return world.add(
        "network",
        name=f"{owner['name']}-network",
        displaytext=f"{owner['name']}-network",
        offering=offering.uuid,
        zone=zone.uuid,
        domain=owner["domain"],
        account=owner.uuid,
        type="Isolated",
        state="Allocated",
        networkdomain=f"cs{owner.number:x}cloud.internal",
        gateway="10.1.1.1",
        netmask="255.255.255.0",
        cidr="10.1.1.0/24",
    )


def _check_address(world: World, network: Entity, address: str | None) -> None:
    if not network.get("cidr"):
        return
    if (address is None and free_address(world, network) is None) or (
        address and not is_free(world, network, address)
    ):
        offering = world.need("networkoffering", network["offering"])
        what = (
            f'{{"id": {network.number}, "name": "{network["name"]}", "uuid": "{network.uuid}", '
            f'"networkofferingid": {offering.number}}}'
        )
        raise ApiError(530, 0, f"Unable to acquire Guest IP address for network Network {what}")


def _keypairs(call: Call, owner: Entity) -> list[Entity]:
    single = call.text("keypair")
    pairs = [
        find_keypair(call.world, owner.uuid, name) for name in call.items("keypairs") or ([single] if single else [])
    ]
    if any(pair is None for pair in pairs):
        raise bad_value("Not all specified keyparis exist")
    return [pair for pair in pairs if pair is not None]


def affinity_groups(call: Call, owner: Entity) -> list[str]:
    """The uuids of the affinity groups a call names by id or name."""
    world = call.world
    found = [world.get("affinitygroup", uuid) for uuid in call.items("affinitygroupids")]
    found += [named(world, "affinitygroup", owner, name) for name in call.items("affinitygroupnames")]
    if any(group is None for group in found):
        raise bad_value("Unable to find affinity group by id or name")
    return [group.uuid for group in found if group is not None]


def _instance_group(call: Call, owner: Entity) -> dict[str, str]:
    name = call.text("group")
    if not name:
        return {}
    groups = call.world.by("instancegroup", "account", owner.uuid)
    group = next((one for one in groups if one["name"] == name), None)
    return {"group": (group or call.world.add("instancegroup", name=name, account=owner.uuid)).uuid}


def mocked(call: Call, name: str) -> bool:
    """Whether configureSimulator has a command to hosts fail this time."""
    for mock in call.world.each("mock"):
        if mock["name"] == name and mock["left"] > 0 and "fail" in (mock["value"] or ""):
            call.world.change(mock, left=mock["left"] - 1)
            return True
    return False


def start_machine(call: Call, machine: Entity) -> None:
    """The first half of starting a machine: a host, the networks' routers, state Starting."""
    world = call.world
    world.change(machine, state="Starting", updated=world.now)
    place(world, machine)
    while mocked(call, "StartCommand"):  # the server tries the next host, and leaves this trace
        world.change(machine, details=FREED | machine["details"])
    for card in world.by("nic", "vm", machine.uuid):
        implement(world, world.need("network", card["network"]), call.latency)


def routers_ready(call: Call, machine: Entity | None) -> float:
    """When the routers of a machine's networks are up, should they not be yet."""
    ready, world = call.world.now, call.world
    if machine is None:
        return ready
    for card in world.by("nic", "vm", machine.uuid):
        network = world.need("network", card["network"])
        implement(world, network, call.latency)
        ready = max(ready, network.get("ready_at", 0.0))
    return ready


def has_started(call: Call, machine: Entity) -> None:
    """The second half of starting a machine."""
    details = {key: value for key, value in machine["details"].items() if key != "deployvm"}
    call.world.change(machine, state="Running", updated=call.world.now, details=details, ever_started=True)
    for disk in call.world.by("volume", "vm", machine.uuid):
        call.world.change(disk, state="Ready")


def begin_deploy(call: Call) -> None:
    """Start the new machine, unless it was asked for stopped."""
    machine = call.world.get("virtualmachine", call.thing)
    if machine is not None and call.flag("startvm", default=True):
        start_machine(call, machine)


def finish_deploy(call: Call) -> dict[str, Any]:
    """The new machine runs."""
    machine = call.world.get("virtualmachine", call.thing)
    if machine is None:
        raise ApiError(530, 4250, f"Unable to find virtual machine {call.thing}")
    if call.flag("startvm", default=True):
        has_started(call, machine)
    if call.world.need("template", machine["template"])["view"]["passwordenabled"]:
        # The one answer that shows it; nobody keeps it.
        password = call.text("password") or new_password(call.world)
        return {"virtualmachine": shown(call, machine).value | {"password": password}}
    return {"virtualmachine": shown(call, machine)}


def new_password(world: World) -> str:
    """A password as the server makes them: six letters and digits that are not mistaken for others."""
    return "".join(world.random.choices("abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789", k=6))


def fail_deploy(call: Call) -> None:
    """A machine that could not be started stays, in state Error."""
    machine = call.world.get("virtualmachine", call.thing)
    if machine is not None:
        displace(call.world, machine)
        call.world.change(machine, state="Error", updated=call.world.now)


WORKS = {
    "deployVirtualMachine": Work(
        finish_deploy,
        create=create_machine,
        begin=begin_deploy,
        fail=fail_deploy,
        creates=True,
        ready=lambda call: (
            routers_ready(call, call.world.get("virtualmachine", call.thing))
            if call.flag("startvm", default=True)
            else call.world.now
        ),
    )
}
