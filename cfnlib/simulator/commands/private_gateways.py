"""Private gateways of VPCs, and the static routes that lead through them.

Not recorded: the fields are those that `listApis` names, the refusals those of CloudStack 4.19's VpcManagerImpl.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from typing import TYPE_CHECKING, Any

from cfnlib.simulator.errors import bad_value, conflict
from cfnlib.simulator.jobs import Work
from cfnlib.simulator.ownership import has_tags, owner_fields, tags_of

if TYPE_CHECKING:
    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity

LINK_LOCAL = IPv4Network("169.254.0.0/16")


def shown_gateway(call: Call, gateway: Entity) -> dict[str, Any]:
    """A private gateway."""
    world = call.world
    vpc = world.need("vpc", gateway["vpc"])
    zone = world.need("zone", vpc["zone"])
    view = {"id": gateway.uuid, "gateway": gateway["gateway"], "netmask": gateway["netmask"]}
    view |= {"ipaddress": gateway["address"], "zoneid": zone.uuid, "zonename": zone["name"]}
    view |= {"vpcid": vpc.uuid, "vpcname": vpc["name"]} | owner_fields(world, gateway["account"])
    view |= {"state": gateway["state"], "sourcenatsupported": gateway["source_nat"], "hasannotations": False}
    return view | ({"aclid": gateway["acl"]} if gateway.get("acl") else {})


def create_gateway(call: Call) -> Entity:
    """A way from a VPC into another network."""
    vpc = call.need("vpcid", "vpc", "Unable to find Enabled VPC by id specified")
    gateway, netmask, address = call.text("gateway"), call.text("netmask"), call.text("ipaddress")
    try:
        beyond = IPv4Network(f"{gateway}/{netmask}", strict=False)
        inside = IPv4Address(address or "") in beyond
    except (AddressValueError, NetmaskValueError, ValueError):
        raise bad_value(f"Invalid gateway {gateway}, netmask {netmask} or address {address}") from None
    if not inside:
        raise bad_value("Private address must be in the same subnet as the gateway")
    there = [one for one in call.world.each("privategateway") if one["vpc"] == vpc.uuid]
    if any(one["address"] == address for one in there):
        raise bad_value(f"Private ip address {address} already exists in the VPC")
    return call.world.add(
        "privategateway",
        vpc=vpc.uuid,
        gateway=gateway,
        netmask=netmask,
        address=address,
        account=vpc["account"],
        source_nat=call.flag("sourcenatsupported"),
        acl=call.text("aclid"),
        state="Creating",
    )


def finish_gateway(call: Call) -> dict[str, Any]:
    """The gateway can be used."""
    gateway = call.made("privategateway")
    call.world.change(gateway, state="Ready")
    return {"privategateway": shown_gateway(call, gateway)}


def fail_gateway(call: Call) -> None:
    """Nothing is left of a gateway that could not be made."""
    gateway = call.world.get("privategateway", call.thing)
    if gateway is not None:
        call.world.remove(gateway)


def _gateway_of(call: Call) -> Entity:
    return call.need("id", "privategateway", "Unable to find private gateway by id {number}")


def delete_gateway(call: Call) -> None:
    """Delete a gateway that no static route leads through."""
    gateway = _gateway_of(call)
    routes = [one for one in call.world.each("staticroute") if one["gateway"] == gateway.uuid]
    if routes:
        raise bad_value(f"Can't delete private gateway {gateway.uuid} as it has {len(routes)} static routes applied")
    call.world.remove(gateway)


def list_gateways(call: Call) -> dict[str, Any]:
    """Private gateways."""
    exact = (("vpcid", "vpc"), ("ipaddress", "address"), ("state", "state"))
    found = [
        one
        for one in call.visible("privategateway")
        if call.text("id") in {None, one.uuid} and all(call.text(name) in {None, one[field]} for name, field in exact)
    ]
    return call.listing("privategateway", found, lambda one: shown_gateway(call, one))


def shown_route(call: Call, route: Entity) -> dict[str, Any]:
    """A static route."""
    view = {"id": route.uuid, "vpcid": route["vpc"], "gatewayid": route["gateway"], "cidr": route["cidr"]}
    view |= {"state": route["state"]} | owner_fields(call.world, route["account"])
    return view | {"tags": tags_of(call.world, route.uuid)}


def create_route(call: Call) -> Entity:
    """A route of a VPC to a block outside of it."""
    world, gateway = call.world, call.need("gatewayid", "privategateway", "Invalid gateway id is given")
    if gateway["state"] != "Ready":
        raise bad_value(f"Gateway is not in the Ready state: {gateway['state']}")
    vpc = world.need("vpc", gateway["vpc"])
    try:
        cidr = IPv4Network(call.text("cidr") or "", strict=False)
    except ValueError:
        raise bad_value(f"Invalid format for cidr {call.text('cidr')}") from None
    if cidr.overlaps(IPv4Network(vpc["cidr"])):
        raise bad_value(f"CIDR should be outside of VPC cidr {vpc['cidr']}")
    if cidr.overlaps(LINK_LOCAL):
        raise bad_value(f"CIDR should be outside of link local cidr {LINK_LOCAL}")
    for other in world.each("staticroute"):
        if other["vpc"] == vpc.uuid and cidr.overlaps(IPv4Network(other["cidr"])):
            raise conflict(f"New static route cidr conflicts with existing route {other.uuid}")
    return world.add(
        "staticroute",
        vpc=vpc.uuid,
        gateway=gateway.uuid,
        cidr=str(cidr),
        account=vpc["account"],
        state="Add",
    )


def finish_route(call: Call) -> dict[str, Any]:
    """The route is in force."""
    route = call.made("staticroute")
    call.world.change(route, state="Active")
    return {"staticroute": shown_route(call, route)}


def fail_route(call: Call) -> None:
    """Nothing is left of a route that could not be made."""
    route = call.world.get("staticroute", call.thing)
    if route is not None:
        call.world.remove(route)


def _route_of(call: Call) -> Entity:
    return call.need("id", "staticroute", "Unable to find static route by id")


def delete_route(call: Call) -> None:
    """Delete a route."""
    world, route = call.world, _route_of(call)
    for tag in world.by("tag", "resource", route.uuid):
        world.remove(tag)
    world.remove(route)


def list_routes(call: Call) -> dict[str, Any]:
    """Static routes."""
    exact = (("vpcid", "vpc"), ("gatewayid", "gateway"), ("state", "state"))
    found = [
        one
        for one in call.visible("staticroute")
        if call.text("id") in {None, one.uuid}
        and all(call.text(name) in {None, one[field]} for name, field in exact)
        and has_tags(call, one)
    ]
    return call.listing("staticroute", found, lambda one: shown_route(call, one))


COMMANDS = {"listPrivateGateways": list_gateways, "listStaticRoutes": list_routes}
WORKS = {
    "createPrivateGateway": Work(finish_gateway, create=create_gateway, fail=fail_gateway, creates=True),
    "deletePrivateGateway": Work(delete_gateway, create=_gateway_of),
    "createStaticRoute": Work(finish_route, create=create_route, fail=fail_route, creates=True),
    "deleteStaticRoute": Work(delete_route, create=_route_of),
}
