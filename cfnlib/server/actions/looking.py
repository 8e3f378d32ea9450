"""Looking at stacks: one's own, newest first; an administrator sees another account's by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.server import shown
from cfnlib.server.context import WITH_ID
from cfnlib.server.paging import PAGE, after_of, token_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.server.context import Action, Context, Params, Result
    from cfnlib.state.model import Stack as StackState


def describe_stacks(context: Context, params: Params) -> Result:
    """DescribeStacks: one, deleted or not when it is named by its id, or all that are there."""
    name = params.get("StackName")
    if name is not None:
        return {"Stacks": [shown.stack(context.find(name, WITH_ID))]}
    found, token = _page(context, params, ["DescribeStacks"], None)
    return {"Stacks": [shown.stack(state) for state in found], "NextToken": token}


def list_stacks(context: Context, params: Params) -> Result:
    """ListStacks: also those that were deleted."""
    wanted = sorted(set(params.get("StackStatusFilter", ())))
    found, token = _page(context, params, ["ListStacks", *wanted], frozenset(wanted))
    return {"StackSummaries": [shown.summary(state) for state in found], "NextToken": token}


def _page(
    context: Context, params: Params, listing: list[str], statuses: frozenset[str] | None
) -> tuple[list[StackState], str | None]:
    """The next page of an account's stacks, and the token of what comes after it.

    `statuses` None: those that are not deleted; empty: all; else those in one of these statuses.
    """
    after = after_of(context, listing, params.get("NextToken"))
    states = context.service.store.stacks(deleted=statuses is not None, account=context.mark)
    found = [state for state in reversed(states) if not statuses or state.status.value in statuses]
    if after is not None:
        found = [state for state in found if (state.created_at, state.stack_id) < tuple(after)]
    page = found[:PAGE]
    more = len(found) > PAGE
    return page, token_of(context, listing, [page[-1].created_at, page[-1].stack_id]) if more else None


ACTIONS: Mapping[str, Action] = {"DescribeStacks": describe_stacks, "ListStacks": list_stacks}
