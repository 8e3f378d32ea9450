"""What the service does for each operation of the API: one function each, in one table.

A function takes the context and the parameters as `cfnlib.wire.parse` gives them, and returns what
`cfnlib.wire.render` writes. It raises cfnlib's exceptions; `cfnlib.server.faults` says what a client is told of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.server.actions import (
    account,
    change_sets,
    events,
    lifecycle,
    looking,
    policies,
    resources,
    templates,
    types,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.server.context import Action

CLOUDFORMATION: Mapping[str, Action] = {
    **lifecycle.ACTIONS,
    **looking.ACTIONS,
    **resources.ACTIONS,
    **events.ACTIONS,
    **templates.ACTIONS,
    **change_sets.ACTIONS,
    **policies.ACTIONS,
    **types.ACTIONS,
    **account.ACTIONS,
}
"""By the names of CloudFormation's API 2010-05-15."""

STS: Mapping[str, Action] = account.STS_ACTIONS
"""By the names of STS's API 2011-06-15."""
