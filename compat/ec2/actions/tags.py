"""Tags of things of every kind.

EC2 overwrites a tag that is there, CloudStack refuses it: so it is deleted first. The bridge's own tags are neither
shown nor touched.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from compat.ec2.faults import Ec2Error
from compat.ec2.filters import filtered
from compat.ec2.ids import PREFIXES, ec2_id, is_uuid
from compat.ec2.marks import PREFIX, is_mark
from compat.ec2.pages import paged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from compat.ec2.world import World

TYPES = {
    "instance": ("UserVm", "instance"),
    "image": ("Template", "image"),
    "volume": ("Volume", "volume"),
    "snapshot": ("Snapshot", "snapshot"),
    "securitygroup": ("SecurityGroup", "security-group"),
    "address": ("PublicIpAddress", "elastic-ip"),
    "vpc": ("Vpc", "vpc"),
    "subnet": ("Network", "subnet"),
    "acl": ("NetworkACLList", "network-acl"),
}
"""For each kind of thing: what CloudStack calls its type, and what EC2 does."""
_KIND_OF_PREFIX = {PREFIXES[kind]: kind for kind in TYPES}
_KIND_OF_TYPE = {cloud.lower(): kind for kind, (cloud, _) in TYPES.items()}


def create_tags(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Set tags on things."""
    pairs = {tag["Key"]: tag.get("Value") or "" for tag in params["Tags"]}
    if any(key.startswith(("aws:", PREFIX)) or not key for key in pairs):
        raise Ec2Error("InvalidParameterValue", "Tag keys starting with 'aws:' or 'cfnlib:ec2:' are reserved")
    for kind, uuids in _by_kind(world, params["Resources"]).items():
        resource_type = TYPES[kind][0]
        there = _there(world, resource_type, uuids)
        for uuid in uuids:
            old = [{"key": key} for key in pairs if (uuid, key) in there and there[uuid, key] != pairs[key]]
            if old:
                world.done("deleteTags", resourceids=uuid, resourcetype=resource_type, tags=old)
            new = [{"key": key, "value": value} for key, value in pairs.items() if there.get((uuid, key)) != value]
            if new:
                world.done("createTags", resourceids=uuid, resourcetype=resource_type, tags=new)
    return {}


def delete_tags(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Remove tags: those of a key, or (with a value) only where it has that value; without tags, all."""
    wanted = params.get("Tags")
    for kind, uuids in _by_kind(world, params["Resources"]).items():
        resource_type = TYPES[kind][0]
        there = _there(world, resource_type, uuids)
        for uuid in uuids:
            old = [
                {"key": key}
                for (of, key), value in there.items()
                if of == uuid and not is_mark(key) and (not wanted or _meant(wanted, key, value))
            ]
            if old:
                world.done("deleteTags", resourceids=uuid, resourcetype=resource_type, tags=old)
    return {}


def describe_tags(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The tags of all things of the account."""
    found = []
    for row in world.client.rows("listTags", "tag", _scope(world)):
        kind = _KIND_OF_TYPE.get(str(row.get("resourcetype", "")).lower())
        if kind is None or is_mark(str(row["key"])):
            continue
        found.append(
            {
                "ResourceId": ec2_id(kind, str(row["resourceid"])),
                "ResourceType": TYPES[kind][1],
                "Key": row["key"],
                "Value": row.get("value") or "",
            }
        )
    finders = {"key": "Key", "resource-id": "ResourceId", "resource-type": "ResourceType", "value": "Value"}
    chosen = filtered(found, params.get("Filters"), finders)
    page, token = paged(chosen, params, lambda one: f"{one['ResourceId']} {one['Key']}")
    return {"Tags": page, "NextToken": token}


def kind_of(asked: str) -> str:
    """The kind of thing that an id is of. Raises `Ec2Error`."""
    kind = _KIND_OF_PREFIX.get(asked.rpartition("-")[0])
    if kind is None:
        raise Ec2Error("InvalidID", f"The ID '{asked}' is not valid")
    return kind


def _by_kind(world: World, asked: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name in dict.fromkeys(asked):
        kind = _kind_of_uuid(world, name) if is_uuid(name) else kind_of(name)
        found[kind].append(world.uuid(kind, name))
    return found


def _kind_of_uuid(world: World, uuid: str) -> str:
    for kind in TYPES:
        if any(str(row["id"]) == uuid for row in world.rows(kind)):
            return kind
    raise Ec2Error("InvalidID", f"The ID '{uuid}' is not valid")


def _there(world: World, resource_type: str, uuids: Sequence[str]) -> dict[tuple[str, str], str]:
    """The tags that things have, by UUID and key."""
    scope = _scope(world)
    found: dict[tuple[str, str], str] = {}
    for uuid in uuids:
        rows = world.client.rows("listTags", "tag", {**scope, "resourceid": uuid, "resourcetype": resource_type})
        found.update({(uuid, str(row["key"])): str(row.get("value") or "") for row in rows})
    return found


def _meant(wanted: Iterable[Mapping[str, Any]], key: str, value: str) -> bool:
    return any(tag.get("Key") == key and tag.get("Value") in {None, value} for tag in wanted)


def _scope(world: World) -> dict[str, Any]:
    return {"projectid": world.caller.project_id} if world.caller.project_id else {}


ACTIONS = {"CreateTags": create_tags, "DeleteTags": delete_tags, "DescribeTags": describe_tags}
