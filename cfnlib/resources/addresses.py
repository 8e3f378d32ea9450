"""Calls about public addresses that several types make.

Source: CloudStack 4.19: an address has no name, so a free one is chosen beforehand and asked for by its number; one
address serves one machine by static NAT, which the address's listing shows. The first address of an isolated network
becomes the one that its router goes out by (source NAT), whether it was asked for or comes with the first machine; it
stays until the network goes, and leads to no machine. So it counts as the network's, and another one is taken.
"""

from __future__ import annotations

from typing import Any

from cfnlib.schema.calls import FREE_ADDRESS, SELF, Call, Effect, Find, found_id
from cfnlib.schema.model import Read

READ = Read(
    "listPublicIpAddresses",
    "publicipaddress",
    state="state",
    ready=frozenset({"Allocated"}),
    gone=frozenset({"Free", "Releasing"}),
)
_ALLOCATED = {"allocatedonly": True}
_NOT_OURS = {"state": sorted(READ.gone)}


def acquire(params: dict[str, Any]) -> Call:
    """Take an address for a network or a zone: the `ipaddress` of the parameters, or a free one."""
    given = {"ipaddress": FREE_ADDRESS} | {name: value for name, value in params.items() if value is not None}
    where = {"ipaddress": given["ipaddress"]}
    if "networkid" in given:
        where["associatednetworkid"] = given["networkid"]
    check = Find(READ.command, READ.key, {"ipaddress": given["ipaddress"], **_ALLOCATED}, where, unless=_NOT_OURS)
    named = "ipaddress" in params
    return Call(
        "associateIpAddress", given, Effect.CREATES, "ipaddress", check, exclusive=named, unfit=("issourcenat",)
    )


def release(network_id: object = None) -> Call:
    """Give the address back, with all that was configured on it.

    An address keeps its id when it goes to somebody else: with `network_id` (None: it was taken for a zone) it counts
    as given back as soon as it leads to another network.
    """
    where = {"associatednetworkid": network_id} if network_id else {}
    check = Find(READ.command, READ.key, {"id": SELF, **_ALLOCATED}, where, unless=_NOT_OURS)
    return Call("disassociateIpAddress", {"id": SELF}, Effect.REMOVES, check=check)


def map_to(machine_id: object, address_id: object = SELF, **more: object) -> Call:
    """Lead everything that arrives at the address to the machine, once no other address leads to it."""
    params = {"ipaddressid": address_id, "virtualmachineid": machine_id, **more}
    return Call("enableStaticNat", params, check=_mapped(machine_id, address_id), patient=True)


def unmap(machine_id: object, address_id: object = SELF) -> Call:
    """Lead it there no more; nothing to do when it does not (any more)."""
    mapped = _mapped(machine_id, address_id)
    return Call("disableStaticNat", {"ipaddressid": found_id(mapped)}, Effect.REMOVES, check=mapped)


def address_id(address: str) -> dict[str, Any]:
    """The id of an address that is ours."""
    return found_id(Find(READ.command, READ.key, {"ipaddress": address, **_ALLOCATED}, {"ipaddress": address}))


def _mapped(machine_id: object, address_id: object) -> Find:
    where = {"isstaticnat": True, "virtualmachineid": machine_id}
    return Find(READ.command, READ.key, {"id": address_id, **_ALLOCATED}, where)
