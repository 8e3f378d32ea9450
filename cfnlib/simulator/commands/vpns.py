"""Site-to-site VPNs of VPCs."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from cfnlib.simulator.encode import when
from cfnlib.simulator.errors import bad_value, failed
from cfnlib.simulator.jobs import Work
from cfnlib.simulator.ownership import owner_fields

if TYPE_CHECKING:
    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity

POLICY = (
    "gateway",
    "cidrlist",
    "ipsecpsk",
    "ikepolicy",
    "esppolicy",
    "ikelifetime",
    "esplifetime",
    "dpd",
    "forceencap",
)


def shown_gateway(call: Call, gateway: Entity) -> dict[str, Any]:
    """The end of a VPN at a VPC."""
    world = call.world
    view = {"id": gateway.uuid, "publicip": gateway["address"], "vpcid": gateway["vpc"]}
    view |= {"vpcname": world.need("vpc", gateway["vpc"])["name"]} | owner_fields(world, gateway["account"])
    return view | {"fordisplay": True}


def create_gateway(call: Call) -> Entity:
    """A VPN gateway; a VPC has at most one, on its source NAT address."""
    world, vpc = call.world, call.need("vpcid", "vpc", "The VPC doesn't exist")
    if any(one["vpc"] == vpc.uuid for one in world.each("vpngateway")):
        raise bad_value(f"The VPN gateway of VPC {vpc.uuid} already existed!")
    address = next((one for one in world.by("publicip", "vpc", vpc.uuid) if one.get("source_nat")), None)
    if address is None:
        raise failed(f"Cannot found source nat ip of vpc {vpc.uuid}")
    return world.add("vpngateway", vpc=vpc.uuid, address=address["address"], account=vpc["account"])


def finish_gateway(call: Call) -> dict[str, Any]:
    """The gateway is there."""
    return {"vpngateway": shown_gateway(call, call.made("vpngateway"))}


def delete_gateway(call: Call) -> None:
    """Delete a gateway that has no connections."""
    gateway = call.need("id", "vpngateway", "Fail to find vpn gateway with {number}")
    if any(one["gateway"] == gateway.uuid for one in call.world.each("vpnconnection")):
        raise bad_value(
            f"Unable to delete VPN gateway {gateway.uuid} because there is still related VPN connections!"
        )
    call.world.remove(gateway)


def shown_customer(call: Call, customer: Entity) -> dict[str, Any]:
    """The other end of a VPN."""
    view = {"id": customer.uuid, "name": customer["name"]} | {name: customer[name] for name in POLICY}
    view |= owner_fields(call.world, customer["account"])
    return view | {"splitconnections": False, "ikeversion": customer["ikeversion"], "hasannotations": False}


def _policy(call: Call) -> dict[str, Any]:
    ike, esp = call.whole("ikelifetime"), call.whole("esplifetime")
    return {
        "gateway": call.text("gateway"),
        "cidrlist": _cidrs(call.text("cidrlist") or ""),
        "ipsecpsk": call.text("ipsecpsk"),
        "ikepolicy": call.text("ikepolicy"),
        "esppolicy": call.text("esppolicy"),
        "ikelifetime": 86400 if ike is None else ike,
        "esplifetime": 3600 if esp is None else esp,
        "dpd": call.flag("dpd"),
        "forceencap": call.flag("forceencap"),
        "ikeversion": call.text("ikeversion") or "ike",
    }


def _cidrs(text: str) -> str:
    for cidr in text.split(","):
        try:
            ip_network(cidr.strip())
        except ValueError:
            raise bad_value(f"The customer gateway guest cidr list {cidr} is invalid guest cidr!") from None
    return text


def create_customer(call: Call) -> Entity:
    """What is known of the other end."""
    owner, name = call.owner(), call.text("name") or f"VPN-{call.text('gateway')}"
    if any(one["name"] == name and one["account"] == owner.uuid for one in call.world.each("vpncustomergateway")):
        raise bad_value(f"The customer gateway with name {name} already existed!")
    return call.world.add("vpncustomergateway", name=name, account=owner.uuid, **_policy(call))


def finish_customer(call: Call) -> dict[str, Any]:
    """The other end is known."""
    return {"vpncustomergateway": shown_customer(call, call.made("vpncustomergateway"))}


def customer_of(call: Call) -> Entity:
    """The other end the parameter `id` names."""
    return call.need("id", "vpncustomergateway", "Fail to find customer gateway with id {number}")


def update_customer(call: Call) -> dict[str, Any]:
    """Say other things of the other end."""
    customer = customer_of(call)
    call.world.change(customer, name=call.text("name") or customer["name"], **_policy(call))
    return {"vpncustomergateway": shown_customer(call, customer)}


def delete_customer(call: Call) -> None:
    """Forget the other end, unless a connection leads there."""
    customer = customer_of(call)
    if any(one["customer"] == customer.uuid for one in call.world.each("vpnconnection")):
        raise bad_value(
            f"Unable to delete VPN customer gateway with id {customer.uuid} because there is still related VPN "
            "connections!"
        )
    call.world.remove(customer)


def shown_connection(call: Call, connection: Entity) -> dict[str, Any]:
    """A connection. Nobody answers at the other end, so it stays Connecting."""
    world = call.world
    gateway = world.need("vpngateway", connection["gateway"])
    customer = world.need("vpncustomergateway", connection["customer"])
    view = {
        "id": connection.uuid,
        "s2svpngatewayid": gateway.uuid,
        "publicip": gateway["address"],
        "s2scustomergatewayid": customer.uuid,
    }
    view |= {name: customer[name] for name in POLICY}
    view |= {"state": connection["state"], "passive": connection["passive"]}
    view |= owner_fields(world, connection["account"]) | {"created": when(connection["created"]), "fordisplay": True}
    return view | {"splitconnections": False, "ikeversion": customer["ikeversion"]}


def create_connection(call: Call) -> Entity:
    """Connect a gateway with an other end."""
    world = call.world
    customer = call.need("s2scustomergatewayid", "vpncustomergateway", "Unable to found specified customer gateway!")
    gateway = call.need("s2svpngatewayid", "vpngateway", "Unable to found specified Site to Site VPN gateway!")
    if any(
        one["gateway"] == gateway.uuid and one["customer"] == customer.uuid for one in world.each("vpnconnection")
    ):
        raise bad_value("The vpn connection with customer gateway and vpn gateway already existed!")
    passive = call.flag("passive")
    return world.add(
        "vpnconnection",
        gateway=gateway.uuid,
        customer=customer.uuid,
        account=gateway["account"],
        passive=passive,
        state="Pending",
    )


def finish_connection(call: Call) -> dict[str, Any]:
    """The connection is tried."""
    connection = call.made("vpnconnection")
    call.world.change(connection, state="Disconnected" if connection["passive"] else "Connecting")
    return {"vpnconnection": shown_connection(call, connection)}


def delete_connection(call: Call) -> None:
    """Give a connection up."""
    call.world.remove(
        call.need("id", "vpnconnection", "Fail to find site to site VPN connection {number} to delete!")
    )


def list_gateways(call: Call) -> dict[str, Any]:
    """The gateways of VPCs."""
    found = [
        one
        for one in call.visible("vpngateway")
        if call.text("id") in {None, one.uuid} and call.text("vpcid") in {None, one["vpc"]}
    ]
    return call.listing("vpngateway", found, lambda one: shown_gateway(call, one))


def list_customers(call: Call) -> dict[str, Any]:
    """The other ends."""
    found = [one for one in call.visible("vpncustomergateway") if call.text("id") in {None, one.uuid}]
    return call.listing("vpncustomergateway", found, lambda one: shown_customer(call, one))


def list_connections(call: Call) -> dict[str, Any]:
    """The connections."""
    world, vpc = call.world, call.text("vpcid")
    found = [
        one
        for one in call.visible("vpnconnection")
        if call.text("id") in {None, one.uuid} and vpc in {None, world.need("vpngateway", one["gateway"])["vpc"]}
    ]
    return call.listing("vpnconnection", found, lambda one: shown_connection(call, one))


COMMANDS = {
    "listVpnGateways": list_gateways,
    "listVpnCustomerGateways": list_customers,
    "listVpnConnections": list_connections,
}
WORKS = {
    "createVpnGateway": Work(finish_gateway, create=create_gateway, creates=True),
    "deleteVpnGateway": Work(delete_gateway),
    "createVpnCustomerGateway": Work(finish_customer, create=create_customer, creates=True),
    "updateVpnCustomerGateway": Work(update_customer),
    "deleteVpnCustomerGateway": Work(delete_customer),
    "createVpnConnection": Work(finish_connection, create=create_connection, creates=True),
    "deleteVpnConnection": Work(delete_connection),
}
