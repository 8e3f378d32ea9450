"""Security groups and their rules."""

from __future__ import annotations

from functools import partial
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from cfnlib.simulator.errors import ApiError, bad_value, failed
from cfnlib.simulator.jobs import Work
from cfnlib.simulator.ownership import full_tags_of, has_tags, owner_fields, tagged

if TYPE_CHECKING:
    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity, World

PROTOCOLS = ("tcp", "udp", "icmp", "all")


def default_group(world: World, account: str) -> Entity:
    """The group an account always has, made when it is first asked for."""
    group = next((one for one in world.by("securitygroup", "account", account) if one["name"] == "default"), None)
    return group or world.add("securitygroup", name="default", description="Default Security Group", account=account)


def shown_rule(world: World, rule: Entity) -> dict[str, Any]:
    """A rule inside its group."""
    view: dict[str, Any] = {"ruleid": rule.uuid, "protocol": rule["protocol"]}
    if rule["protocol"] == "icmp":
        view |= {"icmptype": rule["first"], "icmpcode": rule["last"]}
    else:
        view |= {"startport": rule["first"], "endport": rule["last"]}
    if rule.get("source"):
        source = world.need("securitygroup", rule["source"])
        return view | {
            "securitygroupname": source["name"],
            "account": world.need("account", source["account"])["name"],
        }
    return view | {"cidr": rule["cidr"]}


def shown(world: World, group: Entity) -> dict[str, Any]:
    """A group with its rules and machines, as a listing shows it."""
    rules: dict[str, list[dict[str, Any]]] = {"ingress": [], "egress": []}
    for rule in world.by("securityrule", "group", group.uuid):
        rules[rule["direction"]].append(shown_rule(world, rule) | {"tags": full_tags_of(world, rule.uuid)})
    machines = [one.uuid for one in world.by("virtualmachine", "groups", group.uuid)]
    return (
        {"id": group.uuid, "name": group["name"]}
        | ({"description": group["description"]} if group.get("description") is not None else {})
        | owner_fields(world, group["account"])
        | {
            "ingressrule": rules["ingress"],
            "egressrule": rules["egress"],
            "tags": full_tags_of(world, group.uuid),
            "virtualmachinecount": len(machines),
            "virtualmachineids": machines,
        }
    )


def create_group(call: Call) -> dict[str, Any]:
    """A group without rules: nothing gets in, everything gets out."""
    world, owner, name = call.world, call.owner(), call.text("name") or ""
    default_group(world, owner.uuid)
    if any(one["name"] == name for one in world.by("securitygroup", "account", owner.uuid)):
        raise bad_value(f"Unable to create security group, a group with name {name} already exists.")
    group = world.add("securitygroup", name=name, description=call.text("description") or "", account=owner.uuid)
    return {"securitygroup": shown(world, group)}


def _named(call: Call, id_name: str, name_name: str) -> Entity:
    group = call.entity(id_name, "securitygroup")
    if group is None:
        name = call.text(name_name)
        own = call.world.by("securitygroup", "account", call.owner().uuid)
        group = next((one for one in own if one["name"] == name), None)
        if group is None:
            raise bad_value(f"Unable to find security group by name {name} for account")
    call.check_access(group)
    return group


def delete_group(call: Call) -> dict[str, Any]:
    """Delete a group; one with machines in it, or named by another's rules, is refused."""
    world, group = call.world, _named(call, "id", "name")
    if group["name"] == "default":
        raise bad_value("The network group default is reserved")
    if world.count("virtualmachine", "groups", group.uuid):
        raise ApiError(536, 9999, "Cannot delete group when it's in use by virtual machines")
    others = [
        one for one in world.each("securityrule") if one.get("source") == group.uuid and one["group"] != group.uuid
    ]
    if others:
        raise ApiError(536, 9999, "Cannot delete group when there are security rules that allow this group")
    for rule in world.by("securityrule", "group", group.uuid):
        world.remove(rule)
    for tag in world.by("tag", "resource", group.uuid):
        world.remove(tag)
    world.remove(group)
    return {"success": True}


def update_group(call: Call) -> dict[str, Any]:
    """Rename a group."""
    group = call.need("id", "securitygroup", "Unable to find security group by id")
    if group["name"] == "default":
        raise bad_value("The default security group cannot be renamed")
    call.world.change(group, name=call.text("name") or group["name"])
    return {"securitygroup": shown(call.world, group)}


def list_groups(call: Call) -> dict[str, Any]:
    """Groups, the default one first."""
    world = call.world
    default_group(world, call.owner().uuid)
    some, machine = tagged(call, "securitygroup"), call.entity("virtualmachineid", "virtualmachine")
    found = [
        one
        for one in call.visible("securitygroup")
        if (some is None or one in some)
        and call.text("id") in {None, one.uuid}
        and call.text("securitygroupname") in {None, one["name"]}
        and (machine is None or one.uuid in machine["groups"])
        and (call.text("keyword") or "").lower() in one["name"].lower()
        and has_tags(call, one)
    ]
    found.sort(key=lambda one: (one["name"] != "default", one.seq))
    return call.listing("securitygroup", found, lambda one: shown(world, one))


def check_authorize(call: Call) -> Entity:
    """The group a rule is for."""
    group = _named(call, "securitygroupid", "securitygroupname")
    if not call.items("cidrlist") and not call.values.get("usersecuritygrouplist"):
        raise bad_value("At least one cidr or at least one security group needs to be specified")
    return group


def _range(call: Call) -> tuple[str, int, int]:
    protocol = (call.text("protocol") or "all").lower()
    first, last = call.whole("startport"), call.whole("endport")
    if protocol.isdigit() and int(protocol) <= 255:
        return protocol, 0, 0
    if protocol not in PROTOCOLS:
        raise bad_value(f"Invalid protocol {protocol}")
    if protocol == "all":
        if first is not None or last is not None:
            raise bad_value("Cannot specify startPort or endPort without specifying protocol")
        return protocol, 0, 0
    if protocol == "icmp":
        kind, code = call.whole("icmptype"), call.whole("icmpcode")
        return protocol, -1 if kind is None else kind, -1 if code is None else code
    if first is None or last is None:
        raise bad_value("Invalid port range: start port or end port is missing")
    if not (0 <= first <= 65535 and 0 <= last <= 65535 and first <= last):
        raise bad_value(f"Invalid port range {first}:{last}")
    return protocol, first, last


def _sources(call: Call) -> list[dict[str, str]]:
    world, sources = call.world, []
    for cidr in call.items("cidrlist"):
        try:
            ip_network(cidr, strict=False)
        except ValueError:
            raise bad_value(f"Invalid cidr {cidr}") from None
        sources.append({"cidr": cidr})
    for element in call.values.get("usersecuritygrouplist") or ():
        accounts = [one.uuid for one in world.by("account", "name", element.get("account"))]
        named = [
            one
            for uuid in accounts
            for one in world.by("securitygroup", "account", uuid)
            if one["name"] == element.get("group")
        ]
        if not named:
            raise bad_value(f"Invalid account or security group: {element.get('account')}, {element.get('group')}")
        sources.append({"source": named[0].uuid})
    return sources


def authorize(call: Call, *, direction: str) -> dict[str, Any]:
    """Add rules, one for each CIDR and group; if one is there already, none is added and the job fails.

    The result shows the group with the new rules only. Source: scenario s08 of the recordings.
    """
    world, group = call.world, check_authorize(call)
    protocol, first, last = _range(call)
    sources = _sources(call)
    there = [
        (one["direction"], one["protocol"], one["first"], one["last"], one.get("cidr"), one.get("source"))
        for one in world.by("securityrule", "group", group.uuid)
    ]
    for source in sources:
        if (direction, protocol, first, last, source.get("cidr"), source.get("source")) in there:
            raise failed(f"Failed to authorize security group {direction} rule(s)")
    rules = [
        world.add(
            "securityrule",
            group=group.uuid,
            direction=direction,
            protocol=protocol,
            first=first,
            last=last,
            account=group["account"],
            **source,
        )
        for source in sources
    ]
    view = shown(world, group)
    view.pop("virtualmachinecount")
    empty: dict[str, Any] = {"ingressrule": [], "egressrule": [], "virtualmachineids": []}
    return {"securitygroup": view | empty | {f"{direction}rule": [shown_rule(world, rule) for rule in rules]}}


def rule_group(call: Call) -> Entity | None:
    """The group of the rule to be revoked: the job names it."""
    rule = call.world.get("securityrule", call.text("id"))
    return call.world.get("securitygroup", rule["group"]) if rule is not None else None


def revoke(call: Call, *, direction: str) -> None:
    """Take a rule away."""
    rule = call.world.get("securityrule", call.text("id"))
    if rule is None or rule["direction"] != direction:
        raise bad_value(f"Unable to find {direction} rule with id {call.text('id')}")
    call.check_access(rule)
    for tag in call.world.by("tag", "resource", rule.uuid):
        call.world.remove(tag)
    call.world.remove(rule)


COMMANDS = {
    "createSecurityGroup": create_group,
    "deleteSecurityGroup": delete_group,
    "updateSecurityGroup": update_group,
    "listSecurityGroups": list_groups,
}
WORKS = {
    "authorizeSecurityGroupIngress": Work(partial(authorize, direction="ingress"), create=check_authorize),
    "authorizeSecurityGroupEgress": Work(partial(authorize, direction="egress"), create=check_authorize),
    "revokeSecurityGroupIngress": Work(partial(revoke, direction="ingress"), create=rule_group),
    "revokeSecurityGroupEgress": Work(partial(revoke, direction="egress"), create=rule_group),
}
