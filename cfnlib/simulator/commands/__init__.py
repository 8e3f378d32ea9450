"""The commands, one module a family.

A module says what it answers in two plain dicts: `COMMANDS` (name -> function from a `Call` to the content of the
answer) and `WORKS` (name -> `Work`, for commands that give a job). They are put together here and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.simulator.commands import (
    accounts,
    addresses,
    asyncjobs,
    balancing,
    cards,
    domains,
    events,
    groups,
    infrastructure,
    keypairs,
    lifecycle,
    machine_list,
    machines,
    networks,
    offerings,
    projects,
    rules,
    securitygroups,
    snapshots,
    tags,
    templates,
    volumes,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.simulator.call import Call
    from cfnlib.simulator.jobs import Work

COMMANDS: dict[str, Callable[[Call], dict[str, Any]]] = {
    **accounts.COMMANDS,
    **addresses.COMMANDS,
    **asyncjobs.COMMANDS,
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
    **projects.COMMANDS,
    **rules.COMMANDS,
    **securitygroups.COMMANDS,
    **snapshots.COMMANDS,
    **tags.COMMANDS,
    **templates.COMMANDS,
    **volumes.COMMANDS,
}
WORKS: dict[str, Work] = {
    **accounts.WORKS,
    **addresses.WORKS,
    **balancing.WORKS,
    **cards.WORKS,
    **domains.WORKS,
    **groups.WORKS,
    **lifecycle.WORKS,
    **machines.WORKS,
    **networks.WORKS,
    **rules.WORKS,
    **securitygroups.WORKS,
    **snapshots.WORKS,
    **tags.WORKS,
    **projects.WORKS,
    **volumes.WORKS,
}
