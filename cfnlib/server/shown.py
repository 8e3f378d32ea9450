"""Stacks, resources, events and change sets as the members of CloudFormation's answers."""

from __future__ import annotations

import json
import uuid
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from weakref import ref

from cfnlib.state.model import StackSummary
from cfnlib.wire import Lasting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TypeAlias

    from cfnlib.state.model import Event, Resource, Stack

    Shown: TypeAlias = Stack | StackSummary

_NOT_CHECKED = {"StackDriftStatus": "NOT_CHECKED"}
_RESOURCE_NOT_CHECKED = {"StackResourceDriftStatus": "NOT_CHECKED"}
_lasting: dict[int, tuple[ref[StackSummary], Lasting]] = {}
"""What was made of summaries, by their identity, as long as they are remembered themselves."""
_EVENT_IDS = uuid.UUID("7e1d2f3a-5d0c-4b63-9a37-0c2b6f2f5a11")


def stack(state: Shown) -> Mapping[str, Any]:
    """A stack for DescribeStacks. That of a summary, which the store gives again while nothing changes, is kept."""
    kept = _lasting.get(id(state))
    if kept is not None and kept[0]() is state:
        return kept[1]
    found = Lasting(_stack(state))
    if isinstance(state, StackSummary):
        key = id(state)
        _lasting[key] = (ref(state, lambda _: _lasting.pop(key, None)), found)
    return found


def _stack(state: Shown) -> dict[str, Any]:
    terms = state.terms
    return {
        "StackId": state.stack_id,
        "StackName": state.name,
        "Description": state.description or None,
        "Parameters": parameters(state.shown_parameters),
        "CreationTime": state.created_at,
        "DeletionTime": state.deleted_at,
        "LastUpdatedTime": updated_at(state),
        "RollbackConfiguration": {},
        "StackStatus": state.status.value,
        "StackStatusReason": state.reason or None,
        "DisableRollback": state.on_failure == "DO_NOTHING",
        "NotificationARNs": list(terms.notification_arns),
        "TimeoutInMinutes": None if terms.timeout_s is None else int(terms.timeout_s // 60),
        "Capabilities": list(terms.capabilities),
        "Outputs": outputs(state),
        "RoleARN": terms.role_arn,
        "Tags": tags(terms.tags),
        "EnableTerminationProtection": state.protected,
        "DriftInformation": _NOT_CHECKED,
    }


def summary(state: Shown) -> dict[str, Any]:
    """A stack for ListStacks."""
    return {
        "StackId": state.stack_id,
        "StackName": state.name,
        "TemplateDescription": state.description or None,
        "CreationTime": state.created_at,
        "LastUpdatedTime": updated_at(state),
        "DeletionTime": state.deleted_at,
        "StackStatus": state.status.value,
        "StackStatusReason": state.reason or None,
        "DriftInformation": _NOT_CHECKED,
    }


def updated_at(state: Shown) -> float | None:
    """When a stack was last updated; None for one that was only made, or is deleted.

    Source: AWS CloudFormation API reference, Stack: LastUpdatedTime "is only returned if the stack has been updated".
    """
    updated = state.status.value.startswith("UPDATE_")
    return state.updated_at if updated else None


def parameters(shown: Mapping[str, str]) -> list[dict[str, Any]]:
    """Parameters with their values, secret ones masked."""
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in shown.items()]


def tags(given: Mapping[str, str]) -> list[dict[str, Any]]:
    """Tags as a list."""
    return [{"Key": key, "Value": value} for key, value in given.items()]


def outputs(state: Shown) -> list[dict[str, Any]]:
    """A stack's outputs, with what is said of them."""
    found = []
    for name, value in state.outputs.items():
        notes = state.output_notes.get(name, {})
        found.append(
            {
                "OutputKey": name,
                "OutputValue": value if isinstance(value, str) else json.dumps(value),
                "Description": notes.get("description") or None,
                "ExportName": notes.get("export_name") or None,
            }
        )
    return found


def latest(rows: Iterable[Resource]) -> list[Resource]:
    """One row of each logical id, the newest: a replacement hides what it replaces."""
    newest: dict[str, Resource] = {}
    for row in rows:
        there = newest.get(row.logical_id)
        if there is None or there.generation < row.generation:
            newest[row.logical_id] = row
    return list(newest.values())


def changed_at(row: Resource, state: Shown) -> float:
    """When something last happened to a resource."""
    return row.ended_at or row.started_at or state.created_at


def resource_summary(row: Resource, state: Shown) -> dict[str, Any]:
    """A resource for ListStackResources."""
    return {
        "LogicalResourceId": row.logical_id,
        "PhysicalResourceId": _physical_id(row),
        "ResourceType": row.type,
        "LastUpdatedTimestamp": changed_at(row, state),
        "ResourceStatus": row.status.value,
        "ResourceStatusReason": row.reason or None,
        "DriftInformation": _RESOURCE_NOT_CHECKED,
    }


def _physical_id(row: Resource) -> str | None:
    """A resource's physical id. A wait handle's is its URL. Source: CloudFormation user guide, Ref of a handle."""
    url = row.attributes.get("Url") if row.type.endswith("::WaitConditionHandle") else None
    return url or row.physical_id


def resource(row: Resource, state: Shown) -> dict[str, Any]:
    """A resource for DescribeStackResources."""
    found = resource_summary(row, state)
    del found["LastUpdatedTimestamp"]
    return {
        **found,
        "StackName": state.name,
        "StackId": state.stack_id,
        "Timestamp": changed_at(row, state),
    }


def resource_detail(row: Resource, state: Shown, metadata: str | None) -> dict[str, Any]:
    """A resource for DescribeStackResource; `metadata` is JSON."""
    return {
        **resource_summary(row, state),
        "StackName": state.name,
        "StackId": state.stack_id,
        "Metadata": metadata,
    }


@lru_cache(maxsize=4096)  # each takes some 2 KiB, with what a list has written of it
def event(found: Event) -> Mapping[str, Any]:
    """An event; its id follows from the stack and its place there, so that it is always the same.

    Who waits for a stack asks for the same events again and again.
    """
    members = {
        "StackId": found.stack_id,
        "EventId": str(uuid.uuid5(_EVENT_IDS, f"{found.stack_id}#{found.sequence}")),
        "StackName": found.stack_name,
        "LogicalResourceId": found.logical_id,
        "PhysicalResourceId": found.physical_id or "",
        "ResourceType": found.type,
        "Timestamp": found.at,
        "ResourceStatus": found.status,
        "ResourceStatusReason": found.reason or None,
        "ClientRequestToken": found.token,
    }
    return Lasting(members)
