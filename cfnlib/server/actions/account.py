"""What an account may have and what it costs, and who calls at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.plan.validate import validate
from cfnlib.server.asked import parameters_of, template_of
from cfnlib.server.paging import after_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.server.context import Action, Context, Params, Result

COST_PATH = "/cost"
COST_TEXT = (
    "CloudStack has no price list, so nothing can be said about what this template would cost.\n"
    "What a stack uses of the account's limits is shown by CloudStack's listResourceLimits and listUsageRecords.\n"
)


def describe_account_limits(context: Context, params: Params) -> Result:
    """DescribeAccountLimits: the service's own; CloudStack's limits of the account hold beside them."""
    after_of(context, ["DescribeAccountLimits"], params.get("NextToken"))
    settings = context.service.settings
    return {
        "AccountLimits": [
            {"Name": "StackLimit", "Value": settings.stacks_per_account},
            {"Name": "ConcurrentResourcesLimit", "Value": settings.operations},
        ]
    }


def estimate_template_cost(context: Context, params: Params) -> Result:
    """EstimateTemplateCost: the URL of a page that says that there are no prices."""
    template = template_of(context, params)
    validate(template).raise_if_errors()
    parameters_of(params, template)
    return {"Url": f"{context.service.settings.public_url}{COST_PATH}"}


def get_caller_identity(context: Context, _: Params) -> Result:
    """sts:GetCallerIdentity."""
    caller = context.caller
    return {
        "UserId": caller.user_id,
        "Account": context.account_number,
        "Arn": f"arn:aws:iam::{context.account_number}:user/{caller.user}",
    }


ACTIONS: Mapping[str, Action] = {
    "DescribeAccountLimits": describe_account_limits,
    "EstimateTemplateCost": estimate_template_cost,
}
STS_ACTIONS: Mapping[str, Action] = {"GetCallerIdentity": get_caller_identity}
