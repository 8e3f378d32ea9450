"""CloudStack::PortForwardingRule leads ports of a public address to a machine: createPortForwardingRule.

Source: CloudStack 4.19, createPortForwardingRule: a public port of a protocol leads to one place; openfirewall
opens the same ports for everyone, unless told not to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.schema.calls import Call, Effect, Find
from cfnlib.schema.lifecycle import parameters, tag_call, tags_of
from cfnlib.schema.model import Attribute, Kind, Native, Property, Read, ResourceType, Update

if TYPE_CHECKING:
    from cfnlib.schema.model import Desired


def _create(desired: Desired) -> list[Call]:
    params = parameters(TYPE, desired.properties)
    known = ("protocol", "publicport", "privateport", "virtualmachineid")
    where = {name: params[name] for name in known}
    listing = {"ipaddressid": params["ipaddressid"]}
    check = Find("listPortForwardingRules", "portforwardingrule", listing, where)
    call = Call("createPortForwardingRule", params, Effect.CREATES, "portforwardingrule", check, exclusive=True)
    tags = tags_of(TYPE, desired.properties)
    return [call, *([tag_call("PortForwardingRule", tags)] if tags else [])]


def _port(doc: str, param: str, *, required: bool = False, update: Update = Update.REPLACE) -> Property:
    return Property(doc, Kind.INTEGER, required, update, param=param, minimum=1, maximum=65535)


TYPE = ResourceType(
    name="CloudStack::PortForwardingRule",
    doc="Leads ports of a public address to ports of a machine: createPortForwardingRule.",
    properties={
        "ipaddressid": Property("The public address's id.", required=True, param="ipaddressid"),
        "protocol": Property("tcp or udp.", required=True, allowed=("tcp", "udp", "TCP", "UDP"), param="protocol"),
        "publicport": _port("The address's first port.", "publicport", required=True),
        "publicendport": _port("The address's last port.", "publicendport"),
        "privateport": _port("The machine's first port.", "privateport", required=True, update=Update.IN_PLACE),
        "privateendport": _port("The machine's last port.", "privateendport", update=Update.IN_PLACE),
        "virtualmachineid": Property(
            "The machine's id.", required=True, update=Update.IN_PLACE, param="virtualmachineid"
        ),
        "networkid": Property("The network, by name or id.", param="networkid", lookup="network"),
        "vmguestip": Property("Which of the machine's addresses.", update=Update.IN_PLACE, param="vmguestip"),
        "openfirewall": Property("Also open the ports for everyone.", kind=Kind.BOOLEAN, param="openfirewall"),
        "cidrlist": Property(
            "From where, in a VPC.", kind=Kind.LIST, param="cidrlist", item=Property("A range, as 10.0.0.0/8.")
        ),
        "fordisplay": Property(
            "Whether users see it.", kind=Kind.BOOLEAN, update=Update.IN_PLACE, param="fordisplay"
        ),
        "tags": Property("Tags of the rule.", kind=Kind.TAGS, update=Update.IN_PLACE),
    },
    attributes={
        "id": Attribute("The rule's id.", "id"),
        "ipaddress": Attribute("The public address.", "ipaddress"),
        "vmguestip": Attribute("The machine's address.", "vmguestip"),
        "state": Attribute("Its state when it was last read.", "state"),
    },
    native=Native(
        key="portforwardingrule",
        create=_create,
        update="updatePortForwardingRule",
        delete="deletePortForwardingRule",
        read=Read("listPortForwardingRules", "portforwardingrule"),
        tag_type="PortForwardingRule",
        remove_first=True,
    ),
    source="CloudStack 4.19 createPortForwardingRule, updatePortForwardingRule",
)
