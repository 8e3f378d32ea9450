"""The fields by which an answer shows whose a thing is, and the tags on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.simulator.encode import Rendered

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity, World


def owner_fields(world: World, account_uuid: str) -> dict[str, Any]:
    """`account`, `domainid`, `domain` of an account; `projectid` and `project` for one that stands for a project."""
    account = world.need("account", account_uuid)
    domain = world.need("domain", account["domain"])
    where = {"domainid": domain.uuid, "domain": domain["name"]}
    if "project" in account:
        project = world.need("project", account["project"])
        return {"projectid": project.uuid, "project": project["name"]} | where
    return {"account": account["name"]} | where


def tags_of(world: World, uuid: str) -> list[dict[str, Any]]:
    """The tags on a thing, as answers about it show them."""
    return [{"key": tag["key"], "value": tag["value"]} for tag in world.by("tag", "resource", uuid)]


def full_tags_of(world: World, uuid: str) -> list[dict[str, Any]]:
    """The tags on a thing as answers about machines, disks and security groups show them: with the thing."""
    return [
        {"key": tag["key"], "value": tag["value"], "resourcetype": tag["type"], "resourceid": tag["resource"]}
        | owner_fields(world, tag["account"])
        for tag in world.by("tag", "resource", uuid)
    ]


def has_tags(call: Call, entity: Entity) -> bool:
    """Whether a thing has all the tags the parameter `tags` of a list command asks for."""
    wanted = call.pairs("tags")
    if not wanted:
        return True
    there = {tag["key"]: tag["value"] for tag in call.world.by("tag", "resource", entity.uuid)}
    return all(there.get(key) == value for key, value in wanted.items())


def tagged(call: Call, kind: str) -> list[Entity] | None:
    """The things of a kind with all the tags asked for, None if none were asked for."""
    wanted = call.pairs("tags")
    if not wanted:
        return None
    key, value = next(iter(wanted.items()))
    found = []
    for tag in call.world.by("tag", "key", key):
        entity = call.world.get(kind, tag["resource"])
        if tag["value"] == value and entity is not None and has_tags(call, entity):
            found.append(entity)
    return sorted(found, key=lambda one: one.seq)


class Views:
    """Answers about single things, kept until the thing, or anything coarse in the world, changes."""

    def __init__(self, build: Callable[[World, Entity, bool], dict[str, Any]]) -> None:
        self._build = build

    def of(self, world: World, entity: Entity, *, admin: bool) -> Rendered:
        """What an admin, or another, is shown of a thing."""
        kept = entity.views.get(admin)
        state = (entity.stamp, world.coarse_stamp)
        if kept is None or kept[0] != state:
            kept = (state, Rendered(self._build(world, entity, admin)))
            entity.views[admin] = kept
        found = kept[1]
        assert isinstance(found, Rendered)  # noqa: S101 (nothing else is put there)
        return found
