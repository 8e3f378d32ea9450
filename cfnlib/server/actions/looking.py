"""Looking at stacks: one's own, newest first; an administrator sees another account's by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.server import shown
from cfnlib.server.context import WITH_ID
from cfnlib.server.paging import PAGE, after_of, token_of
from cfnlib.state.model import StackStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.server.context import Action, Context, Params, Result


STACKS_PAGE = 50
"""Stacks of a page of DescribeStacks: each is shown with its parameters and outputs, and may have hundreds."""


def describe_stacks(context: Context, params: Params) -> Result:
    """DescribeStacks: one, deleted or not when it is named by its id, or all that are there."""
    name = params.get("StackName")
    if name is not None:
        return {"Stacks": [shown.stack(context.look(name, WITH_ID))]}
    listing = ["DescribeStacks"]
    after = after_of(context, listing, params.get("NextToken"))
    found, more = context.service.store.page(context.mark, after=after, limit=STACKS_PAGE)
    return {
        "Stacks": [shown.stack(state) for state in found],
        "NextToken": token_of(context, listing, more) if more is not None else None,
    }


def list_stacks(context: Context, params: Params) -> Result:
    """ListStacks: also those that were deleted, as long as they are kept."""
    wanted = sorted(set(params.get("StackStatusFilter", ())))
    listing = ["ListStacks", *wanted]
    after = after_of(context, listing, params.get("NextToken"))
    # Statuses that CloudFormation has and no stack here can be in (those of imports) find nothing.
    statuses = {StackStatus(name) for name in wanted if name in StackStatus.__members__} if wanted else None
    found, more = context.service.store.page(context.mark, statuses=statuses, deleted=True, after=after, limit=PAGE)
    return {
        "StackSummaries": [shown.summary(state) for state in found],
        "NextToken": token_of(context, listing, more) if more is not None else None,
    }


ACTIONS: Mapping[str, Action] = {"DescribeStacks": describe_stacks, "ListStacks": list_stacks}
