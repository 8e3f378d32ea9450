"""The commands, one module a family.

A module says what it answers in two plain dicts: `COMMANDS` (name -> function from a `Call` to the content of the
answer) and `WORKS` (name -> `Work`, for commands that give a job); `TIMERS` are what happens by itself. They are put
together here and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.simulator.commands import (
    accounts,
    acls,
    addresses,
    asyncjobs,
    autoscale,
    autoscale_members,
    balancing,
    cards,
    domains,
    events,
    groups,
    infrastructure,
    keypairs,
    lifecycle,
    machine_changes,
    machine_list,
    machines,
    networks,
    offerings,
    private_gateways,
    projects,
    rules,
    securitygroups,
    snapshots,
    tags,
    templates,
    userdata,
    users,
    volumes,
    vpcs,
    vpns,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.simulator.call import Call
    from cfnlib.simulator.jobs import Work

COMMANDS: dict[str, Callable[[Call], dict[str, Any]]] = {
    **accounts.COMMANDS,
    **acls.COMMANDS,
    **addresses.COMMANDS,
    **asyncjobs.COMMANDS,
    **autoscale.COMMANDS,
    **balancing.COMMANDS,
    **cards.COMMANDS,
    **domains.COMMANDS,
    **events.COMMANDS,
    **groups.COMMANDS,
    **infrastructure.COMMANDS,
    **keypairs.COMMANDS,
    **lifecycle.COMMANDS,
    **machine_list.COMMANDS,
    **networks.COMMANDS,
    **offerings.COMMANDS,
    **private_gateways.COMMANDS,
    **projects.COMMANDS,
    **rules.COMMANDS,
    **securitygroups.COMMANDS,
    **snapshots.COMMANDS,
    **tags.COMMANDS,
    **templates.COMMANDS,
    **userdata.COMMANDS,
    **users.COMMANDS,
    **volumes.COMMANDS,
    **vpcs.COMMANDS,
    **vpns.COMMANDS,
}
WORKS: dict[str, Work] = {
    **accounts.WORKS,
    **acls.WORKS,
    **addresses.WORKS,
    **autoscale.WORKS,
    **balancing.WORKS,
    **cards.WORKS,
    **domains.WORKS,
    **groups.WORKS,
    **lifecycle.WORKS,
    **machine_changes.WORKS,
    **machines.WORKS,
    **networks.WORKS,
    **private_gateways.WORKS,
    **rules.WORKS,
    **securitygroups.WORKS,
    **snapshots.WORKS,
    **tags.WORKS,
    **templates.WORKS,
    **users.WORKS,
    **projects.WORKS,
    **volumes.WORKS,
    **vpcs.WORKS,
    **vpns.WORKS,
}
TIMERS: dict[str, Callable[[Call], float | None]] = {**autoscale_members.TIMERS}
