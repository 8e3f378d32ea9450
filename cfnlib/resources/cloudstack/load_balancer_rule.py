"""CloudStack::LoadBalancerRule spreads a port of a public address over machines: createLoadBalancerRule.

Source: CloudStack 4.19, createLoadBalancerRule: a public port leads to one place; the listing shows ports as texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.schema.calls import Call, Effect, Find
from cfnlib.schema.lifecycle import parameters, tag_call, tags_of
from cfnlib.schema.model import Attribute, Kind, Native, Property, Read, ResourceType, Update

if TYPE_CHECKING:
    from cfnlib.schema.model import Desired


def _create(desired: Desired) -> list[Call]:
    params = {"name": desired.name} | parameters(TYPE, desired.properties)
    listing = {"publicipid": params["publicipid"]} if "publicipid" in params else {}
    where = {name: params[name] for name in ("name", "publicport", "privateport")}
    check = Find("listLoadBalancerRules", "loadbalancerrule", listing, where)
    call = Call("createLoadBalancerRule", params, Effect.CREATES, "loadbalancer", check, exclusive=True)
    tags = tags_of(TYPE, desired.properties)
    return [call, *([tag_call("LoadBalancer", tags)] if tags else [])]


def _port(doc: str, param: str) -> Property:
    return Property(doc, Kind.INTEGER, required=True, param=param, minimum=1, maximum=65535)


TYPE = ResourceType(
    name="CloudStack::LoadBalancerRule",
    doc="Spreads a port of a public address over machines: createLoadBalancerRule.",
    properties={
        "publicipid": Property("The public address's id.", param="publicipid"),
        "algorithm": Property(
            "source, roundrobin or leastconn.",
            required=True,
            update=Update.IN_PLACE,
            allowed=("source", "roundrobin", "leastconn"),
            param="algorithm",
        ),
        "publicport": _port("The address's port.", "publicport"),
        "privateport": _port("The machines' port.", "privateport"),
        "name": Property("The name; one is made when absent.", update=Update.IN_PLACE, param="name"),
        "description": Property("What it is for.", update=Update.IN_PLACE, param="description"),
        "protocol": Property("tcp, udp or tcp-proxy.", update=Update.IN_PLACE, param="protocol"),
        "networkid": Property("The machines' network, by name or id.", param="networkid", lookup="network"),
        "zoneid": Property("The zone, by name or id.", param="zoneid", lookup="zone"),
        "openfirewall": Property("Also open the port for everyone.", kind=Kind.BOOLEAN, param="openfirewall"),
        "cidrlist": Property(
            "From where.", kind=Kind.LIST, param="cidrlist", item=Property("A range, as 10.0.0.0/8.")
        ),
        "fordisplay": Property("Whether users see it.", Kind.BOOLEAN, update=Update.IN_PLACE, param="fordisplay"),
        "account": Property("The account to make it for; with domainid.", param="account"),
        "domainid": Property("The domain of that account.", param="domainid", lookup="domain"),
        "tags": Property("Tags of the rule.", kind=Kind.TAGS, update=Update.IN_PLACE),
    },
    attributes={
        "id": Attribute("The rule's id.", "id"),
        "name": Attribute("Its name.", "name"),
        "publicip": Attribute("The public address.", "publicip"),
        "publicipid": Attribute("The public address's id.", "publicipid"),
        "state": Attribute("Its state when it was last read.", "state"),
    },
    native=Native(
        key="loadbalancer",
        create=_create,
        update="updateLoadBalancerRule",
        delete="deleteLoadBalancerRule",
        read=Read("listLoadBalancerRules", "loadbalancerrule"),
        tag_type="LoadBalancer",
        remove_first=True,
    ),
    source="CloudStack 4.19 createLoadBalancerRule, updateLoadBalancerRule",
)
