"""Addresses inside networks: which are free, and the network cards that hold them."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cfnlib.simulator.world import Entity, World


@lru_cache(maxsize=1024)
def _range(cidr: str) -> tuple[int, int]:
    """The first and the last address a machine may have; the network's own and the broadcast address are left out."""
    network = IPv4Network(cidr)
    return int(network.network_address) + 1, int(network.broadcast_address) - 1


def key(network: Entity, address: str) -> str:
    """What a card is indexed by: an address is taken once in a network, not once in the world."""
    return f"{network.uuid}/{address}"


def is_free(world: World, network: Entity, address: str) -> bool:
    """Whether an address lies in the network and nobody has it."""
    try:
        number = int(IPv4Address(address))
    except AddressValueError:
        return False
    first, last = _range(network["cidr"])
    return (
        first <= number <= last
        and address != network["gateway"]
        and not world.count("nic", "addresses", key(network, address))
    )


def free_address(world: World, network: Entity) -> str | None:
    """A random free address, as the real server chooses, or None if all are taken."""
    first, last = _range(network["cidr"])
    for _ in range(32):
        address = str(IPv4Address(world.random.randint(first, last)))
        if is_free(world, network, address):
            return address
    for number in range(first, last + 1):
        address = str(IPv4Address(number))
        if is_free(world, network, address):
            return address
    return None


def add_card(
    world: World, machine: Entity, network: Entity, address: str | None, *, default: bool, mac: str | None = None
) -> Entity:
    """Give a machine a card in a network."""
    card = world.add(
        "nic",
        vm=machine.uuid,
        network=network.uuid,
        address=address,
        addresses=[key(network, address)] if address else [],
        secondary=[],
        default=default,
        device=len(world.by("nic", "vm", machine.uuid)),
        account=machine["account"],
    )
    digits = f"{0x0203_0000_0000 + card.number:012x}"
    world.change(card, mac=mac or ":".join(digits[at : at + 2] for at in range(0, 12, 2)))
    return card
