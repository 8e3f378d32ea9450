"""Calls and types for the drivers' tests, written as a resource type would make them."""

from __future__ import annotations

from cfnlib.schema.calls import FREE_ADDRESS, Call, Effect, Find
from cfnlib.schema.model import Native, Read, ResourceType

MACHINE = ResourceType(
    "Test::Machine",
    "a machine",
    {},
    native=Native(
        "virtualmachine",
        "deployVirtualMachine",
        "destroyVirtualMachine",
        read=Read(
            "listVirtualMachines",
            "virtualmachine",
            "ids",
            state="state",
            ready=frozenset({"Running"}),
            failed=frozenset({"Error"}),
            gone=frozenset({"Destroyed", "Expunging"}),
        ),
        tag_type="UserVm",
    ),
)
NETWORK = ResourceType(
    "Test::Network",
    "a network",
    {},
    native=Native(
        "network", "createNetwork", "deleteNetwork", read=Read("listNetworks", "network"), tag_type="Network"
    ),
)
ADDRESS = ResourceType(
    "Test::Address",
    "a public address",
    {},
    native=Native(
        "ipaddress",
        "associateIpAddress",
        "disassociateIpAddress",
        read=Read("listPublicIpAddresses", "publicipaddress", state="state", ready=frozenset({"Allocated"})),
    ),
)
RULE = ResourceType(
    "Test::Rule",
    "a firewall rule",
    {},
    native=Native(
        "firewallrule",
        "createFirewallRule",
        "deleteFirewallRule",
        read=Read("listFirewallRules", "firewallrule", state="state", ready=frozenset({"Active"})),
    ),
)
KEY_PAIR = ResourceType(
    "Test::KeyPair",
    "a key pair",
    {},
    native=Native("keypair", "createSSHKeyPair", "deleteSSHKeyPair", read=Read("listSSHKeyPairs", "sshkeypair")),
)


def named_machine(name: str) -> Find:
    return Find("listVirtualMachines", "virtualmachine", {"name": name}, {"name": name})


def deploy(name: str, network_id: str | None, zone: str, template: str, offering: str) -> Call:
    params = {
        "name": name,
        "zoneid": zone,
        "templateid": template,
        "serviceofferingid": offering,
        **({"networkids": network_id} if network_id else {}),
    }
    return Call("deployVirtualMachine", params, Effect.CREATES, "virtualmachine", named_machine(name), exclusive=True)


def destroy(physical_id: str) -> Call:
    check = Find("listVirtualMachines", "virtualmachine", {"id": physical_id})
    return Call("destroyVirtualMachine", {"id": physical_id, "expunge": True}, Effect.REMOVES, check=check)


def create_network(name: str, zone: str, offering: str) -> Call:
    params = {"name": name, "displaytext": name, "zoneid": zone, "networkofferingid": offering}
    check = Find("listNetworks", "network", {"keyword": name}, {"name": name})
    return Call("createNetwork", params, Effect.CREATES, "network", check)


def delete_network(physical_id: str) -> Call:
    check = Find("listNetworks", "network", {"id": physical_id})
    return Call("deleteNetwork", {"id": physical_id}, Effect.REMOVES, check=check)


def associate(network_id: str) -> Call:
    check = Find(
        "listPublicIpAddresses",
        "publicipaddress",
        {"ipaddress": FREE_ADDRESS},
        {"ipaddress": FREE_ADDRESS, "associatednetworkid": network_id},
    )
    params = {"networkid": network_id, "ipaddress": FREE_ADDRESS}
    return Call("associateIpAddress", params, Effect.CREATES, "ipaddress", check)


def open_port(address_id: str, port: int) -> Call:
    params = {
        "ipaddressid": address_id,
        "protocol": "tcp",
        "startport": port,
        "endport": port,
        "cidrlist": ["192.0.2.0/24", "198.51.100.0/24"],
    }
    check = Find(
        "listFirewallRules", "firewallrule", {"ipaddressid": address_id}, {"startport": port, "protocol": "TCP"}
    )
    return Call("createFirewallRule", params, Effect.CREATES, "firewallrule", check)


def create_key_pair(name: str) -> Call:
    check = Find("listSSHKeyPairs", "sshkeypair", {"name": name}, {"name": name})
    return Call("createSSHKeyPair", {"name": name}, Effect.CREATES, "keypair", check, exclusive=True)


def delete_key_pair(name: str) -> Call:
    check = Find("listSSHKeyPairs", "sshkeypair", {"name": name}, {"name": name})
    return Call("deleteSSHKeyPair", {"name": name}, Effect.REMOVES, check=check)
