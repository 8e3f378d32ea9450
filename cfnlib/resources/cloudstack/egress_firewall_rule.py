"""CloudStack::EgressFirewallRule lets machines of an isolated network out: createEgressFirewallRule.

Source: CloudStack 4.19, createEgressFirewallRule: what a rule does, lets out or holds back, is the network offering's
default turned round; an offering made for isolated networks holds back by default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.resources import firewall
from cfnlib.schema.model import Kind, Native, Property, Read, ResourceType

if TYPE_CHECKING:
    from cfnlib.schema.calls import Call
    from cfnlib.schema.model import Desired


def _create(desired: Desired) -> list[Call]:
    return firewall.create(TYPE, desired, "createEgressFirewallRule", "networkid")


TYPE = ResourceType(
    name="CloudStack::EgressFirewallRule",
    doc="Lets the machines of an isolated network reach the world: createEgressFirewallRule.",
    properties={
        **firewall.fields(
            "networkid", "The network, by name or id.", "Which machines; all of the network when absent."
        ),
        "destcidrlist": Property(
            "Whom they may reach; everyone when absent.",
            kind=Kind.LIST,
            param="destcidrlist",
            item=Property("A range, as 10.0.0.0/8."),
        ),
    },
    attributes=firewall.FIELDS,
    native=Native(
        key="firewallrule",
        create=_create,
        delete="deleteEgressFirewallRule",
        read=Read("listEgressFirewallRules", "firewallrule"),
        tag_type="FirewallRule",
        remove_first=True,
    ),
    judge=firewall.judge,
    source="CloudStack 4.19 createEgressFirewallRule, deleteEgressFirewallRule",
)
