"""CloudStack::Network is what createNetwork makes, under its own parameter names.

Source: CloudStack 4.19, createNetwork: names are not unique, so the made-up name is what a network is found by; a
network with a machine in it, even a destroyed one, is not deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.resources.zones import ZONE
from cfnlib.schema.calls import Call, Effect, Find
from cfnlib.schema.lifecycle import parameters, tag_call, tags_of
from cfnlib.schema.model import Attribute, Kind, Native, Property, Read, ResourceType, Update

if TYPE_CHECKING:
    from cfnlib.schema.model import Desired


def _create(desired: Desired) -> list[Call]:
    given = parameters(TYPE, desired.properties)
    params = {"zoneid": desired.facts.zone_id, "name": desired.name} | given
    if desired.facts.network_offering_id is not None:
        params.setdefault("networkofferingid", desired.facts.network_offering_id)
    params.setdefault("displaytext", params["name"])
    check = Find("listNetworks", "network", {"keyword": params["name"]}, {"name": params["name"]})
    calls = [Call("createNetwork", params, Effect.CREATES, "network", check, exclusive="name" in given)]
    tags = tags_of(TYPE, desired.properties)
    return [*calls, tag_call("Network", tags)] if tags else calls


TYPE = ResourceType(
    name="CloudStack::Network",
    doc="A network of machines: createNetwork. In an isolated one, a router of its own leads to the world.",
    properties={
        "name": Property("The name; one is made when absent.", update=Update.IN_PLACE, param="name"),
        "displaytext": Property("A longer name.", update=Update.IN_PLACE, param="displaytext"),
        "networkofferingid": Property(
            "The network offering, by name or id; one for an isolated network with source NAT when absent.",
            param="networkofferingid",
            lookup="networkoffering",
        ),
        "zoneid": ZONE,
        "gateway": Property("The router's address in the network.", param="gateway"),
        "netmask": Property("The network's mask.", param="netmask"),
        "startip": Property("The first address, in a shared network.", param="startip"),
        "endip": Property("The last address, in a shared network.", param="endip"),
        "networkdomain": Property("The DNS suffix of its machines.", update=Update.IN_PLACE, param="networkdomain"),
        "dns1": Property("The first name server.", update=Update.IN_PLACE, param="dns1"),
        "dns2": Property("The second name server.", update=Update.IN_PLACE, param="dns2"),
        "vlan": Property("The VLAN; administrators.", param="vlan"),
        "vpcid": Property("The VPC that it is a tier of.", param="vpcid", lookup="vpc"),
        "aclid": Property("The list of rules of a tier.", param="aclid"),
        "acltype": Property(
            "Account or Domain, for a shared network.", allowed=("Account", "Domain"), param="acltype"
        ),
        "subdomainaccess": Property("Whether subdomains may use it.", kind=Kind.BOOLEAN, param="subdomainaccess"),
        "physicalnetworkid": Property("The physical network; administrators.", param="physicalnetworkid"),
        "sourcenatipaddress": Property("The public address of its router.", param="sourcenatipaddress"),
        "ip6gateway": Property("The router's IPv6 address.", param="ip6gateway"),
        "ip6cidr": Property("The IPv6 range.", param="ip6cidr"),
        "publicmtu": Property("The MTU of the router's outer side.", kind=Kind.INTEGER, param="publicmtu"),
        "privatemtu": Property("The MTU of the network.", kind=Kind.INTEGER, param="privatemtu"),
        "account": Property("The account to make it for; with domainid.", param="account"),
        "domainid": Property("The domain of that account.", param="domainid", lookup="domain"),
        "projectid": Property("The project to make it in.", param="projectid", lookup="project"),
        "tags": Property("Tags of the network.", kind=Kind.TAGS, update=Update.IN_PLACE),
    },
    attributes={
        "id": Attribute("The network's id.", "id"),
        "name": Attribute("Its name.", "name"),
        "cidr": Attribute("Its range of addresses.", "cidr"),
        "gateway": Attribute("Its router's address.", "gateway"),
        "netmask": Attribute("Its mask.", "netmask"),
        "networkdomain": Attribute("The DNS suffix of its machines.", "networkdomain"),
        "state": Attribute("Its state when it was last read.", "state"),
        "type": Attribute("Isolated, Shared or L2.", "type"),
        "vlan": Attribute("Its VLAN, which administrators see.", "vlan"),
        "zoneid": Attribute("The id of its zone.", "zoneid"),
        "zonename": Attribute("The name of its zone.", "zonename"),
        "networkofferingid": Attribute("The id of its offering.", "networkofferingid"),
    },
    native=Native(
        key="network",
        create=_create,
        update="updateNetwork",
        delete="deleteNetwork",
        read=Read("listNetworks", "network"),
        tag_type="Network",
    ),
    source="CloudStack 4.19 createNetwork, updateNetwork, deleteNetwork",
)
