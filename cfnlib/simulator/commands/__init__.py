"""The commands, one module a family.

A module says what it answers in two plain dicts: `COMMANDS` (name -> function from a `Call` to the content of the
answer) and `WORKS` (name -> `Work`, for commands that give a job). They are put together here and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.simulator.commands import (
    addresses,
    asyncjobs,
    balancing,
    infrastructure,
    keypairs,
    lifecycle,
    machines,
    networks,
    offerings,
    rules,
    tags,
    templates,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.simulator.call import Call
    from cfnlib.simulator.jobs import Work

COMMANDS: dict[str, Callable[[Call], dict[str, Any]]] = {
    **addresses.COMMANDS,
    **asyncjobs.COMMANDS,
    **balancing.COMMANDS,
    **infrastructure.COMMANDS,
    **keypairs.COMMANDS,
    **lifecycle.COMMANDS,
    **machines.COMMANDS,
    **networks.COMMANDS,
    **offerings.COMMANDS,
    **rules.COMMANDS,
    **tags.COMMANDS,
    **templates.COMMANDS,
}
WORKS: dict[str, Work] = {
    **addresses.WORKS,
    **balancing.WORKS,
    **lifecycle.WORKS,
    **machines.WORKS,
    **networks.WORKS,
    **rules.WORKS,
    **tags.WORKS,
}
