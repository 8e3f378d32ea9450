"""CloudStack::Tags tags things that are there: createTags, deleteTags.

One call a thing, so that what an interrupted one has done can be seen thing by thing.

Source: CloudStack 4.19, createTags: a key that a thing has already makes the job fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.schema.lifecycle import tag_call, tags_of, untag_call
from cfnlib.schema.model import Kind, Native, Property, ResourceType, Update

if TYPE_CHECKING:
    from cfnlib.schema.calls import Call
    from cfnlib.schema.model import Desired, Existing


def _create(desired: Desired) -> list[Call]:
    kind, tags = desired.get("resourcetype"), tags_of(TYPE, desired.properties)
    return [tag_call(kind, tags, thing) for thing in desired.get("resourceids", []) if tags]


def _update(existing: Existing, desired: Desired) -> list[Call]:
    kind, calls = desired.get("resourcetype"), []
    old, new = tags_of(TYPE, existing.properties), tags_of(TYPE, desired.properties)
    before, after = existing.get("resourceids", []), desired.get("resourceids", [])
    for thing in dict.fromkeys([*before, *after]):
        had = old if thing in before else {}
        wanted = new if thing in after else {}
        stale = {key: value for key, value in had.items() if wanted.get(key) != value}
        fresh = {key: value for key, value in wanted.items() if had.get(key) != value}
        calls += [untag_call(kind, stale | fresh, thing)] if stale or fresh else []
        calls += [tag_call(kind, fresh, thing)] if fresh else []
    return calls


def _delete(existing: Existing) -> list[Call]:
    kind, tags = existing.get("resourcetype"), tags_of(TYPE, existing.properties)
    return [untag_call(kind, tags, thing) for thing in existing.get("resourceids", []) if tags]


TYPE = ResourceType(
    name="CloudStack::Tags",
    doc="Tags things: createTags.",
    properties={
        "resourceids": Property(
            "The things' ids.",
            kind=Kind.LIST,
            required=True,
            update=Update.IN_PLACE,
            param="resourceids",
            item=Property("A thing's id."),
        ),
        "resourcetype": Property("What they are: UserVm, Network, Volume, ...", required=True, param="resourcetype"),
        "tags": Property("The tags.", kind=Kind.TAGS, required=True, update=Update.IN_PLACE, param="tags"),
    },
    native=Native(key="", create=_create, update=_update, delete=_delete),
    source="CloudStack 4.19 createTags, deleteTags",
)
