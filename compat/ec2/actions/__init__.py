"""The actions of the EC2 API: one module a family, each with its `ACTIONS`, a function by the action's name.

A function takes the caller's `World` and the parameters as botocore's model types them, and gives the result in the
model's member names; members whose names begin with an underscore are for filters and are not shown. It raises
`Ec2Error`, or what the CloudStack driver raises. What concerns every request (signature, DryRun, unknown actions) is
the door's.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from compat.ec2.world import World

    Action: TypeAlias = Callable[[World, Mapping[str, Any]], Mapping[str, Any]]

FAMILIES = (
    "addresses",
    "attributes",
    "gateways",
    "groups",
    "images",
    "instances",
    "interfaces",
    "key_pairs",
    "placement_groups",
    "nat_gateways",
    "network_acls",
    "places",
    "route_tables",
    "routes",
    "run",
    "security_group_rules",
    "snapshots",
    "spot",
    "subnets",
    "tags",
    "volumes",
    "vpcs",
)
"""The modules of this package."""
REFUSED = frozenset(
    {
        "CopyImage",
        "CopySnapshot",
        "CreateDefaultSubnet",
        "CreateDefaultVpc",
        "CreateDhcpOptions",
        "CreateNetworkInterface",
        "DeleteDhcpOptions",
        "DeleteNetworkInterface",
        "ResetInstanceAttribute",
    }
)
"""Those that are understood and always refused, each with a reason of its own, which a dry run gives too."""


def table() -> dict[str, Action]:
    """All actions by name."""
    found: dict[str, Action] = {}
    for family in FAMILIES:
        found |= import_module(f"{__name__}.{family}").ACTIONS
    return found
