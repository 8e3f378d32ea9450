"""Network cards of machines and the addresses on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.simulator.addressing import add_card, free_address, is_free, key
from cfnlib.simulator.commands.machine_view import card_view, shown
from cfnlib.simulator.commands.networks import implement
from cfnlib.simulator.errors import ApiError, bad_value
from cfnlib.simulator.jobs import Work

if TYPE_CHECKING:
    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity

GONE = "Unable to find a virtual machine with id {number}"
# Source: scenario s09: the results of adding and removing a card are thinner than a listing.
LEFT_OUT = frozenset(
    [
        "templateid",
        "templatename",
        "templatetype",
        "templatedisplaytext",
        "passwordenabled",
        "serviceofferingid",
        "serviceofferingname",
        "cpunumber",
        "cpuspeed",
        "memory",
        "rootdeviceid",
        "rootdevicetype",
        "group",
        "groupid",
    ]
)


def machine_of(call: Call) -> Entity:
    """The machine whose cards change."""
    return call.need("virtualmachineid", "virtualmachine", GONE)


def card_of(call: Call, machine: Entity) -> Entity:
    """The card the parameter `nicid` names, which must be one of the machine's."""
    card = call.world.get("nic", call.text("nicid"))
    if card is None or card["vm"] != machine.uuid:
        raise bad_value(f"There is no nic with id {call.text('nicid')} in the virtual machine {machine.uuid}")
    return card


def add(call: Call) -> dict[str, Any]:
    """Give a machine a card in a further network."""
    world, machine = call.world, machine_of(call)
    network = call.need("networkid", "network", "unable to find a network with id {number}")
    if any(card["network"] == network.uuid for card in world.by("nic", "vm", machine.uuid)):
        raise ApiError(530, 4250, f"A NIC already exists for VM:{machine['name']} in network: {network.uuid}")
    if network["zone"] != machine["zone"]:
        raise bad_value(f"{machine.uuid} is in another zone than {network.uuid}")
    wanted = call.text("ipaddress")
    if wanted is not None and not is_free(world, network, wanted):
        raise bad_value(f"Invalid IP address {wanted} requested in network {network.uuid}")
    address = wanted or (free_address(world, network) if network.get("cidr") else None)
    if machine["state"] == "Running":
        implement(world, network, call.latency)
    add_card(world, machine, network, address, default=False, mac=call.text("macaddress"))
    view = _thin(call, machine)
    return {"virtualmachine": view | {"nic": view["nic"][::-1]}}


def _thin(call: Call, machine: Entity) -> dict[str, Any]:
    return {name: value for name, value in shown(call, machine).value.items() if name not in LEFT_OUT}


def remove(call: Call) -> dict[str, Any]:
    """Take a card away; the default one stays."""
    world, machine = call.world, machine_of(call)
    card = card_of(call, machine)
    if card["default"]:
        raise bad_value(f"Unable to remove nic from {machine['name']}: it is the default nic")
    for rule in world.by("portforwardingrule", "vm", machine.uuid):
        if rule["network"] == card["network"]:
            raise bad_value("Unable to remove nic: port forwarding rules lead to it")
    world.remove(card)
    thin = {name: value for name, value in _thin(call, machine).items() if name not in {"jobid", "jobstatus"}}
    return {"virtualmachine": thin | {"affinitygroup": []}}


def set_default(call: Call) -> dict[str, Any]:
    """Make another card the default one."""
    world, machine = call.world, machine_of(call)
    chosen = card_of(call, machine)
    for card in world.by("nic", "vm", machine.uuid):
        world.change(card, default=card is chosen)
    return {"virtualmachine": shown(call, machine)}


def list_cards(call: Call) -> dict[str, Any]:
    """The cards of a machine."""
    world, machine = call.world, machine_of(call)
    running = machine["state"] == "Running"
    found = [
        card
        for card in world.by("nic", "vm", machine.uuid)
        if call.text("nicid") in {None, card.uuid} and call.text("networkid") in {None, card["network"]}
    ]

    def render(card: Entity) -> dict[str, Any]:
        view = card_view(world, card, running=running)
        if not card["secondary"]:
            view.pop("secondaryip")
        return view | {"virtualmachineid": machine.uuid}

    return call.listing("nic", found, render)


def add_address(call: Call) -> Entity:
    """A further address on a card."""
    world = call.world
    card = world.get("nic", call.text("nicid"))
    if card is None:
        raise bad_value("There is no nic for the vm")
    call.check_access(card)
    network = world.need("network", card["network"])
    wanted = call.text("ipaddress")
    if wanted is not None and not is_free(world, network, wanted):
        raise bad_value(f"Address {wanted} is not free in network {network.uuid}")
    address = wanted or free_address(world, network)
    if address is None:
        raise ApiError(533, 9999, "Unable to allocate secondary IP address: none is free")
    made = {"id": world.new_uuid(), "address": address}
    world.change(card, secondary=[*card["secondary"], made], addresses=[*card["addresses"], key(network, address)])
    call.extra["made"] = made["id"]
    return card


def finish_add_address(call: Call) -> dict[str, Any]:
    """The address is on the card."""
    card = call.world.get("nic", call.text("nicid"))
    made = [one for one in (card["secondary"] if card is not None else []) if one["id"] == call.extra["made"]]
    if card is None or not made:
        raise ApiError(530, 4250, "Failed to allocate secondary IP address to the nic")
    return {
        "nicsecondaryip": {
            "id": made[0]["id"],
            "ipaddress": made[0]["address"],
            "nicid": card.uuid,
            "networkid": card["network"],
        }
    }


def remove_address(call: Call) -> None:
    """Take a further address off its card."""
    world, uuid = call.world, call.text("id")
    for card in world.each("nic"):
        for one in card["secondary"]:
            if one["id"] == uuid:
                call.check_access(card)
                taken = key(world.need("network", card["network"]), one["address"])
                world.change(
                    card,
                    secondary=[each for each in card["secondary"] if each["id"] != uuid],
                    addresses=[each for each in card["addresses"] if each != taken],
                )
                return
    raise bad_value("Unable to find secondary IP address by id")


COMMANDS = {"listNics": list_cards}
WORKS = {
    "addNicToVirtualMachine": Work(add, create=machine_of),
    "removeNicFromVirtualMachine": Work(remove, create=machine_of),
    "updateDefaultNicForVirtualMachine": Work(set_default, create=machine_of),
    "addIpToNic": Work(finish_add_address, create=add_address, creates=True),
    "removeIpFromNic": Work(remove_address),
}
