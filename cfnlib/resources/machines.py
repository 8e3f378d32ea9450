"""Calls about machines that several types make.

Source: CloudStack 4.19: a machine's name is unique in its network domain; its service offering, its user data and
its security groups are changed while it is stopped (a running one would have to be stopped anyhow to notice); a
machine that was destroyed and not expunged is listed as Destroyed, to administrators.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.schema.calls import SELF, Call, Effect, Find, found_id
from cfnlib.schema.lifecycle import shows
from cfnlib.schema.model import Attribute, Read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.schema.model import Existing

READ = Read(
    "listVirtualMachines",
    "virtualmachine",
    ids="ids",
    state="state",
    ready=frozenset({"Running"}),
    failed=frozenset({"Error"}),
    gone=frozenset({"Destroyed", "Expunging"}),
)
SECRETS = ("userdata", "password")


def named(name: str, network_id: str | None = None, token: str | None = None) -> Find:
    """The machine of this name, in this network and launched with this token (EC2's) if one is given."""
    params = {"name": name} | ({"networkid": network_id} if network_id else {})
    params |= {"clienttoken": token} if token else {}
    return Find(READ.command, READ.key, params, {"name": name}, unless={"state": sorted(READ.gone)})


def deploy(params: Mapping[str, Any], *, exclusive: bool) -> Call:
    """Make and start a machine; the parameters hold its name. What is None is left out."""
    given = {name: value for name, value in params.items() if value is not None}
    check = named(given["name"], _only(given.get("networkids")), given.get("clienttoken"))
    taken = named(given["name"]) if exclusive else None
    ready = ("Stopped",) if given.get("startvm") is False else ()
    return Call("deployVirtualMachine", given, Effect.CREATES, READ.key, check, exclusive, SECRETS, taken, ready)


def _only(networks: object) -> str | None:
    """The id of the network, when there is just one."""
    found = networks.split(",") if isinstance(networks, str) else networks
    return str(found[0]) if isinstance(found, list) and len(found) == 1 else None


def stop() -> Call:
    """Stop the machine."""
    return Call("stopVirtualMachine", {"id": SELF}, key=READ.key, check=shows(READ, {"state": "Stopped"}))


def start() -> Call:
    """Start the machine."""
    return Call("startVirtualMachine", {"id": SELF}, key=READ.key, check=shows(READ, {"state": "Running"}))


def change_offering(offering_id: object) -> Call:
    """Give a stopped machine another service offering; nothing to do when it has it, which CloudStack refuses."""
    other = Find(READ.command, READ.key, {"id": SELF}, unless={"serviceofferingid": [offering_id]})
    params = {"id": found_id(other, needed=False), "serviceofferingid": offering_id}
    check = shows(READ, {"serviceofferingid": offering_id})
    return Call("changeServiceForVirtualMachine", params, key=READ.key, check=check)


def change(**params: object) -> Call:
    """Change fields of the machine that can be changed as they are."""
    listing = {"id": SELF} | ({"userdata": True} if "userdata" in params else {})
    check = Find(READ.command, READ.key, listing, params, unless={"state": sorted(READ.gone)})
    secrets = tuple(name for name in SECRETS if name in params)
    return Call("updateVirtualMachine", {"id": SELF, **params}, key=READ.key, check=check, sensitive=secrets)


def destroy(existing: Existing) -> list[Call]:
    """Destroy the machine, at once and for good where the account may.

    Where it may not, a destroyed machine stays for a day or so, and nobody else can have its name: so it is given
    another one first, and a group's next machine, or the next stack's, is not refused.

    Source: CloudStack 4.19: the settings allow.user.expunge.recover.vm and expunge.delay; a name is taken until the
    machine is expunged; updateVirtualMachine refuses a machine in state Error, which destroying always expunges.
    """
    if existing.facts.may_expunge:
        return [Call("destroyVirtualMachine", {"id": SELF, "expunge": True}, Effect.REMOVES, check=shows(READ))]
    name = str(existing.attributes.get("name") or existing.get("name") or existing.name)
    renamed = Find(
        READ.command, READ.key, {"id": SELF}, {"name": name}, unless={"state": ["Error", *sorted(READ.gone)]}
    )
    free = f"{name[:48].rstrip('-')}-gone-{existing.physical_id[:8]}"
    return [
        Call("updateVirtualMachine", {"id": found_id(renamed), "name": free}, Effect.REMOVES, check=renamed),
        Call("destroyVirtualMachine", {"id": SELF}, Effect.REMOVES, check=shows(READ)),
    ]


def public_address(record: Mapping[str, Any]) -> str | None:
    """The address by which the world reaches the machine: one with static NAT, or its own in a shared network."""
    if record.get("publicip"):
        return str(record["publicip"])
    shared = [nic.get("ipaddress") for nic in record.get("nic") or () if nic.get("type") == "Shared"]
    return shared[0] if shared else None


FIELDS: dict[str, Attribute] = {
    name: Attribute(doc, source)
    for name, doc, source in (
        ("id", "The machine's id.", "id"),
        ("name", "Its name, which is its host name.", "name"),
        ("displayname", "Its display name.", "displayname"),
        ("state", "Its state when it was last read.", "state"),
        ("ipaddress", "The address of its first network card.", "nic.0.ipaddress"),
        ("macaddress", "The hardware address of its first network card.", "nic.0.macaddress"),
        ("networkid", "The network of its first network card.", "nic.0.networkid"),
        ("nicid", "The id of its first network card.", "nic.0.id"),
        ("zoneid", "The id of its zone.", "zoneid"),
        ("zonename", "The name of its zone.", "zonename"),
        ("templateid", "The id of its template.", "templateid"),
        ("serviceofferingid", "The id of its service offering.", "serviceofferingid"),
        ("serviceofferingname", "The name of its service offering.", "serviceofferingname"),
        ("hypervisor", "The hypervisor it runs on.", "hypervisor"),
        ("instancename", "Its name on the host, which administrators see.", "instancename"),
        ("publicip", "The address by which the world reaches it, if there is one.", public_address),
        ("PrivateIp", "As ipaddress, in EC2's words.", "nic.0.ipaddress"),
        ("PublicIp", "As publicip, in EC2's words.", public_address),
        ("PrivateDnsName", "As name, in EC2's words.", "name"),
        ("PublicDnsName", "As publicip, in EC2's words.", public_address),
        ("AvailabilityZone", "As zonename, in EC2's words.", "zonename"),
    )
}
"""The attributes of a machine under CloudStack's names, and those that stackmate's templates read in EC2's."""
