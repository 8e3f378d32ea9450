"""Calls about firewall rules: of a public address (ingress) and of a network (egress).

Source: CloudStack 4.19, createFirewallRule, createEgressFirewallRule: the last port is the first when absent, the
range of addresses is everywhere when absent; two rules may differ in nothing but that range; a rule cannot be
changed but in what is not of this world's concern (whether it is displayed), so a change makes a new one, after the
old one is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.schema.calls import Call, Effect, Find
from cfnlib.schema.lifecycle import parameters, tag_call, tags_of
from cfnlib.schema.model import Attribute, Kind, Property, Update

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.schema.model import Desired, ResourceType

EVERYWHERE = "0.0.0.0/0"


def create(resource: ResourceType, desired: Desired, command: str, place: str) -> list[Call]:
    """The calls that make a rule at a place (`ipaddressid`, `networkid`)."""
    params = parameters(resource, desired.properties)
    params |= {name: max(params[name], 1) for name in ("startport", "endport") if name in params}
    listing = command.replace("create", "list") + "s"
    check = Find(listing, "firewallrule", {place: params[place]}, _where(params, outwards=place == "networkid"))
    calls = [Call(command, params, Effect.CREATES, "firewallrule", check, exclusive=True)]
    tags = tags_of(resource, desired.properties)
    return [*calls, tag_call("FirewallRule", tags)] if tags else calls


def judge(values: Mapping[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
    """What no single property can say of a rule's ports."""
    protocol = str(values.get("protocol", "")).lower()
    first, last = values.get("startport"), values.get("endport")
    faults: list[tuple[tuple[str | int, ...], str]] = []
    if isinstance(first, int) and isinstance(last, int) and last < first:
        faults.append((("endport",), f"the last port {last} is before the first, {first}"))
    if protocol in {"icmp", "all"} and (first is not None or last is not None):
        faults.append((("protocol",), f"{protocol} has no ports"))
    if protocol in {"tcp", "udp", "all"} and (
        values.get("icmptype") is not None or values.get("icmpcode") is not None
    ):
        faults.append((("protocol",), f"{protocol} has no icmptype and no icmpcode"))
    return faults


def fields(place: str, place_doc: str, cidr_doc: str) -> dict[str, Property]:
    """The properties of a rule."""
    return {
        place: Property(place_doc, required=True, param=place, lookup="network" if place == "networkid" else None),
        "protocol": Property(
            "tcp, udp, icmp or all.",
            required=True,
            allowed=("tcp", "udp", "icmp", "all", "TCP", "UDP", "ICMP", "ALL"),
            param="protocol",
        ),
        "startport": Property(
            "The first port; 0 is 1.", kind=Kind.INTEGER, minimum=0, maximum=65535, param="startport"
        ),
        "endport": Property(
            "The last port; the first when absent.", kind=Kind.INTEGER, minimum=0, maximum=65535, param="endport"
        ),
        "cidrlist": Property(cidr_doc, kind=Kind.LIST, param="cidrlist", item=Property("A range, as 10.0.0.0/8.")),
        "icmptype": Property("ICMP's type; -1 is all.", kind=Kind.INTEGER, minimum=-1, maximum=255, param="icmptype"),
        "icmpcode": Property("ICMP's code; -1 is all.", kind=Kind.INTEGER, minimum=-1, maximum=255, param="icmpcode"),
        "type": Property("user, or system for the operator's own.", allowed=("user", "system"), param="type"),
        "fordisplay": Property("Whether users see it.", kind=Kind.BOOLEAN, param="fordisplay"),
        "tags": Property("Tags of the rule.", kind=Kind.TAGS, update=Update.IN_PLACE),
    }


FIELDS = {
    "id": Attribute("The rule's id.", "id"),
    "ipaddress": Attribute("The public address it belongs to.", "ipaddress"),
    "networkid": Attribute("The network it belongs to.", "networkid"),
    "state": Attribute("Its state when it was last read.", "state"),
}


def _where(params: Mapping[str, Any], *, outwards: bool) -> dict[str, Any]:
    where: dict[str, Any] = {"protocol": params["protocol"]}
    if "startport" in params:
        where |= {"startport": params["startport"], "endport": params.get("endport", params["startport"])}
    where |= {name: params[name] for name in ("icmptype", "icmpcode") if name in params}
    if "cidrlist" in params:
        where["cidrlist"] = params["cidrlist"]
    elif not outwards:
        where["cidrlist"] = EVERYWHERE
    if "destcidrlist" in params:
        where["destcidrlist"] = params["destcidrlist"]
    return where
