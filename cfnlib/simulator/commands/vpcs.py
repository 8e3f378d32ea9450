"""VPCs: networks in tiers behind one router."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Network, NetmaskValueError
from typing import TYPE_CHECKING, Any

from cfnlib.simulator.commands.networks import free_public_address, take_address
from cfnlib.simulator.commands.networks import shown as shown_network
from cfnlib.simulator.encode import when
from cfnlib.simulator.errors import bad_value, no_capacity
from cfnlib.simulator.jobs import Work
from cfnlib.simulator.limits import check_limit
from cfnlib.simulator.ownership import has_tags, owner_fields, tagged, tags_of

if TYPE_CHECKING:
    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity


def shown(call: Call, vpc: Entity) -> dict[str, Any]:
    """A VPC with its tiers."""
    world = call.world
    zone, offering = world.need("zone", vpc["zone"]), world.need("vpcoffering", vpc["offering"])
    services = offering.get("services") or [
        {"name": one["name"], "provider": one["provider"], "capability": []} for one in offering["view"]["service"]
    ]
    view = {
        "id": vpc.uuid,
        "name": vpc["name"],
        "displaytext": vpc["displaytext"],
        "state": vpc["state"],
        "zoneid": zone.uuid,
        "zonename": zone["name"],
        "service": services,
        "cidr": vpc["cidr"],
        "vpcofferingid": offering.uuid,
        "vpcofferingname": offering["name"],
        "created": when(vpc["created"]),
    }
    return (
        view
        | owner_fields(world, vpc["account"])
        | {
            "network": [shown_network(call, tier).value for tier in world.by("network", "vpc", vpc.uuid)],
            "restartrequired": False,
            "networkdomain": vpc["networkdomain"],
            "tags": tags_of(world, vpc.uuid),
            **({"fordisplay": True} if call.is_admin else {}),
            "distributedvpcrouter": False,
            "regionlevelvpc": False,
            "redundantvpcrouter": False,
            "publicmtu": 1500,
            "hasannotations": False,
        }
    )


def create(call: Call) -> Entity:
    """A VPC; its router and source NAT address come with it, or (`start` false) with its first machine.

    Source: CloudStack 4.19, CreateVPCCmd.execute.
    """
    world, owner = call.world, call.owner()
    zone, offering = call.need("zoneid", "zone"), call.need("vpcofferingid", "vpcoffering")
    cidr = call.text("cidr") or ""
    try:
        inside = IPv4Network(cidr)
    except (AddressValueError, NetmaskValueError, ValueError):
        raise bad_value(f"Invalid CIDR specified {cidr}") from None
    if offering["view"]["state"] != "Enabled":
        raise bad_value("Unable to create a vpc, the vpc offering is not enabled")
    check_limit(world, owner, "vpc")
    address = world.first("publicip", "free_in", zone.uuid) if call.flag("start", default=True) else None
    if address is None and call.flag("start", default=True):
        raise no_capacity("Insufficient address capacity")
    vpc = world.add(
        "vpc",
        name=call.text("name"),
        displaytext=call.text("displaytext") or call.text("name"),
        cidr=str(inside),
        zone=zone.uuid,
        offering=offering.uuid,
        account=owner.uuid,
        state="Inactive",
        networkdomain=call.text("networkdomain") or f"cs{owner.number:x}cloud.internal",
    )
    if address is not None:
        take_address(world, address, owner.uuid, vpc=vpc.uuid, source_nat=True)
    return vpc


def finish_create(call: Call) -> dict[str, Any]:
    """The router runs, if it was to be started."""
    world, vpc = call.world, call.made("vpc")
    world.change(vpc, state="Enabled")
    if call.flag("start", default=True) and not world.by("router", "vpc", vpc.uuid):
        world.add("router", vpc=vpc.uuid, zone=vpc["zone"], account=vpc["account"], state="Running")
    return {"vpc": shown(call, vpc)}


def fail_create(call: Call) -> None:
    """Nothing is left of a VPC that could not be made."""
    vpc = call.world.get("vpc", call.thing)
    if vpc is not None:
        remove_vpc(call, vpc)


def vpc_of(call: Call, name: str = "id") -> Entity:
    """The VPC a parameter names."""
    return call.need(name, "vpc", "Unable to find VPC by id {number}")


def update(call: Call) -> dict[str, Any]:
    """Rename a VPC."""
    vpc = vpc_of(call)
    call.world.change(vpc, **{name: call.text(name) for name in ("name", "displaytext") if call.text(name)})
    return {"vpc": shown(call, vpc)}


def restart(call: Call) -> None:
    """Start the router anew."""
    vpc_of(call)


def delete(call: Call) -> None:
    """Delete a VPC that has no tiers."""
    vpc = vpc_of(call)
    tiers = call.world.count("network", "vpc", vpc.uuid)
    if tiers:
        raise bad_value(f"Can't delete VPC [VPC [{vpc.number}-{vpc['name']}] as its used by {tiers} networks")
    remove_vpc(call, vpc)


def remove_vpc(call: Call, vpc: Entity) -> None:
    """Take a VPC away with its addresses, access lists and gateways."""
    world = call.world
    for address in world.by("publicip", "vpc", vpc.uuid):
        free_public_address(world, address)
    for acl in world.by("networkacllist", "vpc", vpc.uuid):
        for item in world.by("networkacl", "list", acl.uuid):
            world.remove(item)
        world.remove(acl)
    for kind in ("staticroute", "privategateway", "vpngateway", "router"):
        for one in [one for one in world.each(kind) if one.get("vpc") == vpc.uuid]:
            for tag in world.by("tag", "resource", one.uuid):
                world.remove(tag)
            world.remove(one)
    for tag in world.by("tag", "resource", vpc.uuid):
        world.remove(tag)
    world.remove(vpc)


def list_vpcs(call: Call) -> dict[str, Any]:
    """VPCs."""
    some = tagged(call, "vpc")
    exact = (("id", "id"), ("zoneid", "zone"), ("cidr", "cidr"), ("vpcofferingid", "offering"), ("state", "state"))
    found = [
        one
        for one in call.visible("vpc")
        if (some is None or one in some)
        and all(call.values[name] == one[field] for name, field in exact if name in call.values)
        and call.text("name") in {None, one["name"]}
        and (call.text("keyword") or "").lower() in one["name"].lower()
        and has_tags(call, one)
    ]
    return call.listing("vpc", found, lambda one: shown(call, one))


COMMANDS = {"listVPCs": list_vpcs}
WORKS = {
    "createVPC": Work(finish_create, create=create, fail=fail_create, creates=True),
    "updateVPC": Work(update, create=vpc_of),
    "restartVPC": Work(restart, create=vpc_of),
    "deleteVPC": Work(delete, create=vpc_of),
}
