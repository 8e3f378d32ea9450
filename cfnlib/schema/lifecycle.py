"""From a declaration and a state to calls: the one place where a type's commands become `Call` values.

A regular type's calls follow from its properties: each property with a `param` that has a value is passed under that
name, the deterministic name under `name_param`, tags by `createTags`. An irregular type brings functions, which may
use the same pieces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.schema.calls import SELF, Call, Effect, Find
from cfnlib.schema.model import Kind, Update

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cfnlib.schema.model import Desired, Existing, Read, ResourceType


def parameters(
    resource: ResourceType, values: Mapping[str, Any], names: Iterable[str] | None = None
) -> dict[str, Any]:
    """The parameters that follow from the properties: those with a `param` and a value (or a default)."""
    chosen = resource.properties if names is None else names
    found = {}
    for name in chosen:
        declared = resource.properties[name]
        value = values.get(name)
        if value is None:
            value = declared.default
        if declared.param and value is not None and declared.kind is not Kind.TAGS:
            found[declared.param] = value
    return found


def secrets(resource: ResourceType) -> tuple[str, ...]:
    """The parameters whose values are never shown."""
    return tuple(p.param for p in resource.properties.values() if p.secret and p.param)


def create_calls(resource: ResourceType, desired: Desired) -> list[Call]:
    """The calls that make the thing; empty for a type that lives in cfnlib only."""
    native = resource.native
    if native is None:
        return []
    if not isinstance(native.create, str):
        return list(native.create(desired))
    params = parameters(resource, desired.properties)
    named = bool(native.name_param) and native.name_param in params
    if native.name_param:
        params.setdefault(native.name_param, desired.name)
    find = native.find(desired) if native.find else None
    if find is None and native.read is not None and native.name_param:
        field = "name"
        find = Find(native.read.command, native.read.key, {}, {field: params[native.name_param]})
    calls = [
        Call(native.create, params, Effect.CREATES, native.key, find, exclusive=named, sensitive=secrets(resource))
    ]
    tags = tags_of(resource, desired.properties)
    if native.tag_type and tags:
        calls.append(tag_call(native.tag_type, tags))
    return calls


def update_calls(resource: ResourceType, existing: Existing, desired: Desired) -> list[Call]:
    """The calls that turn what exists into what is desired, for changes that need no replacement."""
    native = resource.native
    if native is None:
        return []
    if native.update is not None and not isinstance(native.update, str):
        return list(native.update(existing, desired))
    calls = []
    if native.update:
        changed = [
            name
            for name, declared in resource.properties.items()
            if declared.update is not Update.REPLACE
            and declared.kind is not Kind.TAGS
            and existing.get(name) != desired.get(name)
        ]
        params = parameters(resource, desired.properties, changed)
        if params:
            calls.append(
                Call(
                    native.update,
                    {"id": SELF, **params},
                    key=native.key,
                    check=shows(native.read, params) if native.read else None,
                    sensitive=secrets(resource),
                )
            )
    if native.tag_type:
        before, after = tags_of(resource, existing.properties), tags_of(resource, desired.properties)
        calls += retag_calls(native.tag_type, before, after)
    return calls


def delete_calls(resource: ResourceType, existing: Existing) -> list[Call]:
    """The calls that remove the thing."""
    native = resource.native
    if native is None:
        return []
    if not isinstance(native.delete, str):
        return list(native.delete(existing))
    return [Call(native.delete, {"id": SELF}, Effect.REMOVES, check=gone(resource))]


def gone(resource: ResourceType) -> Find | None:
    """The listing that shows whether a thing of this type is still there."""
    read = resource.native.read if resource.native else None
    return shows(read) if read else None


def shows(read: Read, where: Mapping[str, Any] | None = None, physical_id: str = SELF) -> Find:
    """The listing that shows the thing if it is there (and in no state in which it is no more) with these fields.

    A parameter that the listing does not show makes the listing find nothing: the call is then made again, which does
    no harm, since an update that sets what is set already changes nothing.
    """
    unless = {read.state: sorted(read.gone)} if read.state and read.gone else {}
    return Find(read.command, read.key, {read.id: physical_id}, dict(where or {}), unless=unless)


def tags_of(resource: ResourceType, values: Mapping[str, Any]) -> dict[str, str]:
    """The tags that the properties ask for: from a list of Key/Value pairs, or a plain mapping."""
    tags: dict[str, str] = {}
    for name, declared in resource.properties.items():
        given = values.get(name) if declared.kind is Kind.TAGS else None
        if isinstance(given, dict):
            tags.update({str(key): str(value) for key, value in given.items()})
        for pair in given if isinstance(given, list) else ():
            tags[str(pair.get("Key", pair.get("key")))] = str(pair.get("Value", pair.get("value", "")))
    return tags


def tag_call(tag_type: str, tags: Mapping[str, str], resource_id: str = SELF) -> Call:
    """The call that tags a thing; CloudStack refuses a key that the thing already has."""
    params = {
        "resourceids": resource_id,
        "resourcetype": tag_type,
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
    }
    key, value = next(iter(tags.items()))
    find = {"resourceid": resource_id, "resourcetype": tag_type, "key": key}
    return Call("createTags", params, check=Find("listTags", "tag", find, {"key": key, "value": value}))


def retag_calls(tag_type: str, before: Mapping[str, str], after: Mapping[str, str]) -> Sequence[Call]:
    """The calls that turn one set of tags into another.

    What is to be set is removed first, whatever its value: CloudStack refuses a key that is there, and after an
    update that failed half-way it may be. To remove a key that is not there does no harm.
    """
    stale = {key: value for key, value in before.items() if after.get(key) != value}
    fresh = {key: value for key, value in after.items() if before.get(key) != value}
    calls = [untag_call(tag_type, stale | fresh)] if stale or fresh else []
    return [*calls, tag_call(tag_type, fresh)] if fresh else calls


def untag_call(tag_type: str, tags: Mapping[str, str], resource_id: str = SELF) -> Call:
    """The call that takes tags off a thing."""
    pairs = [{"key": key} for key in tags]
    params = {"resourceids": resource_id, "resourcetype": tag_type, "tags": pairs}
    find = {"resourceid": resource_id, "resourcetype": tag_type, "key": next(iter(tags))}
    return Call("deleteTags", params, Effect.REMOVES, check=Find("listTags", "tag", find))
