"""CloudStack::FirewallRule opens ports of a public address: createFirewallRule.

Source: CloudStack 4.19, createFirewallRule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.resources import firewall
from cfnlib.schema.model import Native, Read, ResourceType

if TYPE_CHECKING:
    from cfnlib.schema.calls import Call
    from cfnlib.schema.model import Desired


def _create(desired: Desired) -> list[Call]:
    return firewall.create(TYPE, desired, "createFirewallRule", "ipaddressid")


TYPE = ResourceType(
    name="CloudStack::FirewallRule",
    doc="Opens ports of a public address: createFirewallRule.",
    properties=firewall.fields("ipaddressid", "The public address's id.", "From where; everywhere when absent."),
    attributes=firewall.FIELDS,
    native=Native(
        key="firewallrule",
        create=_create,
        delete="deleteFirewallRule",
        read=Read("listFirewallRules", "firewallrule"),
        tag_type="FirewallRule",
        remove_first=True,
    ),
    judge=firewall.judge,
    source="CloudStack 4.19 createFirewallRule, deleteFirewallRule",
)
