"""What a stack consists of, and what machines ask and say about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cfnlib.resources import find as find_type
from cfnlib.server import shown
from cfnlib.server.asked import read_template
from cfnlib.server.context import WITH_ID
from cfnlib.server.faults import SaidError
from cfnlib.server.paging import PAGE, after_of, token_of
from cfnlib.state.model import ResourceStatus, Signal
from cfnlib.template import NO_VALUE, Unknown, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.server.context import Action, Context, Params, Result
    from cfnlib.state.model import Resource
    from cfnlib.state.model import Stack as StackState

_QUOTED = "Stack '{}' does not exist"


def describe_stack_resource(context: Context, params: Params) -> Result:
    """DescribeStackResource: with the resource's metadata, its functions worked out, for cfn-init."""
    state = context.find(params["StackName"], _QUOTED)
    name = params["LogicalResourceId"]
    row = context.service.store.resource(state.stack_id, name)
    if row is None:
        raise SaidError(f"Resource {name} does not exist for stack {state.name}")
    metadata = _metadata(context, state, row)
    return {"StackResourceDetail": shown.resource_detail(row, state, metadata)}


def describe_stack_resources(context: Context, params: Params) -> Result:
    """DescribeStackResources: of a stack, or of the stack that a physical id belongs to."""
    name, physical_id = params.get("StackName"), params.get("PhysicalResourceId")
    if name is not None and physical_id is not None:
        raise SaidError("Both StackName and PhysicalResourceId cannot be specified")
    if name is None and physical_id is None:
        raise SaidError("Either StackName or PhysicalResourceId must be specified")
    state = context.find(name, WITH_ID) if name is not None else _stack_of(context, str(physical_id))
    rows = shown.latest(context.service.store.resources(state.stack_id))
    logical_id = params.get("LogicalResourceId")
    if logical_id is not None:
        rows = [row for row in rows if row.logical_id == logical_id]
        if not rows:
            raise SaidError(f"Resource {logical_id} does not exist for stack {state.name}")
    # Source: AWS CloudFormation API reference, DescribeStackResources: only the first 100 are given.
    return {"StackResources": [shown.resource(row, state) for row in rows[:PAGE]]}


def list_stack_resources(context: Context, params: Params) -> Result:
    """ListStackResources."""
    state = context.find(params["StackName"], WITH_ID)
    listing = ["ListStackResources", state.stack_id]
    after = after_of(context, listing, params.get("NextToken"))
    rows = sorted(shown.latest(context.service.store.resources(state.stack_id)), key=lambda row: row.logical_id)
    found = [row for row in rows if after is None or row.logical_id > after]
    page = found[:PAGE]
    token = token_of(context, listing, page[-1].logical_id) if len(found) > PAGE else None
    return {"StackResourceSummaries": [shown.resource_summary(row, state) for row in page], "NextToken": token}


def signal_resource(context: Context, params: Params) -> Result:
    """SignalResource: kept for the resource while the stack's operation waits for it."""
    state = context.find(params["StackName"], WITH_ID)
    name = params["LogicalResourceId"]
    known = {row.logical_id: row for row in context.service.store.resources(state.stack_id)}
    if name not in known and name not in read_template(state.template).with_defaults().resources:
        raise SaidError(f"Resource {name} does not exist for stack {state.name}")
    if not state.status.in_progress:
        raise SaidError(f"Stack:{state.stack_id} is in {state.status.value} state and can not be signaled")
    signal = Signal(params["UniqueId"], params["Status"])
    context.service.store.add_signal(state.stack_id, name, signal)
    return {}


ACTIONS: Mapping[str, Action] = {
    "DescribeStackResource": describe_stack_resource,
    "DescribeStackResources": describe_stack_resources,
    "ListStackResources": list_stack_resources,
    "SignalResource": signal_resource,
}


def _stack_of(context: Context, physical_id: str) -> StackState:
    """The stack of the account to which something on the cloud belongs."""
    for stack_id, _ in context.service.store.by_physical_id(context.mark, physical_id):
        return context.find(stack_id)
    raise SaidError(f"Stack for {physical_id} does not exist")


def _metadata(context: Context, state: StackState, row: Resource) -> str | None:
    """A resource's metadata as JSON, None when it has none; a member of a group has that of its group.

    What a function names that is not made yet is null.
    """
    template = read_template(state.template)
    named = row.logical_id if row.logical_id in template.resources or not row.group else row.group
    node = template.resources.get(named)
    if not template.has_loops and (node is None or node.metadata is None):
        return None
    rows = shown.latest(context.service.store.resources(state.stack_id))
    current = {row.logical_id: row for row in rows if row.status is not ResourceStatus.CREATE_FAILED}
    zones = _zones(context, state) if "GetAZs" in state.template else []
    instance = template.instantiate(
        state.parameters,
        stack_name=state.name,
        stack_id=state.stack_id,
        region=state.stack_id.split(":")[3],
        account_id=state.stack_id.split(":")[4],
        zones=zones,
    )
    made = instance.resources.get(named)
    if made is None or made.metadata is None:
        return None

    def ref(name: str) -> Any:  # noqa: ANN401 - a reference's value is of any type
        row = current.get(name)
        if row is None:
            return Unknown([name])
        kind = find_type(row.type)
        value = row.attributes.get(kind.ref) if kind is not None and kind.ref else None
        return row.physical_id if value is None else value

    def get_att(name: str, attribute: str) -> Any:  # noqa: ANN401 - as above
        row = current.get(name)
        if row is None:
            return Unknown([f"{name}.{attribute}"])
        return row.attributes.get(attribute, "")

    value = resolve(made.metadata, instance.scope(ref=ref, get_att=get_att))
    return json.dumps({} if value is NO_VALUE else value, default=lambda _: None)


def _zones(context: Context, state: StackState) -> list[str]:
    with context.working_on(state) as (stacks, _):
        return [stacks.driver.facts().zone_name]
