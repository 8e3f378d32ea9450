"""What has happened to a stack, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.server import shown
from cfnlib.server.faults import SaidError
from cfnlib.server.paging import PAGE, after_of, token_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.server.context import Action, Context, Params, Result


def describe_stack_events(context: Context, params: Params) -> Result:
    """DescribeStackEvents: also of a deleted stack, by its id."""
    name = params.get("StackName")
    if name is None:
        raise SaidError("StackName must be specified")
    store, goes_on = context.service.store, params.get("NextToken")
    found = store.latest_events(context.mark, name, PAGE + 1) if goes_on is None else []  # the most that is asked
    stack_id = found[0].stack_id if found else context.look(name).stack_id
    listing = ["DescribeStackEvents", stack_id]
    if not found:
        before = after_of(context, listing, goes_on)
        found = store.events_back(stack_id, before=before, limit=PAGE + 1)
    page = found[:PAGE]
    token = token_of(context, listing, page[-1].sequence) if len(found) > PAGE else None
    return {"StackEvents": [shown.event(event) for event in page], "NextToken": token}


ACTIONS: Mapping[str, Action] = {"DescribeStackEvents": describe_stack_events}
