"""What guards a stack: its policy, and its protection against deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.server.asked import policy_of
from cfnlib.server.faults import SaidError
from cfnlib.state.model import StackStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.server.context import Action, Context, Params, Result

_GONE = {StackStatus.DELETE_COMPLETE, StackStatus.DELETE_IN_PROGRESS}


def get_stack_policy(context: Context, params: Params) -> Result:
    """GetStackPolicy: no StackPolicyBody when there is none."""
    return {"StackPolicyBody": context.find(params["StackName"]).policy}


def set_stack_policy(context: Context, params: Params) -> Result:
    """SetStackPolicy."""
    state = context.find(params["StackName"])
    policy = policy_of(context, params)
    if policy is None:
        raise SaidError("Either StackPolicyBody or StackPolicyURL must be specified")
    if state.status in _GONE:
        raise SaidError(f"Stack:{state.stack_id} is in {state.status.value} state and can not have a stack policy.")
    context.service.store.set_policy(state.stack_id, policy)
    return {}


def update_termination_protection(context: Context, params: Params) -> Result:
    """UpdateTerminationProtection."""
    state = context.find(params["StackName"])
    if state.status in _GONE:
        raise SaidError(
            f"Stack [{state.stack_id}] is in {state.status.value} state and its termination protection "
            "can not be updated"
        )
    context.service.store.protect(state.stack_id, protected=params["EnableTerminationProtection"])
    return {"StackId": state.stack_id}


ACTIONS: Mapping[str, Action] = {
    "GetStackPolicy": get_stack_policy,
    "SetStackPolicy": set_stack_policy,
    "UpdateTerminationProtection": update_termination_protection,
}
