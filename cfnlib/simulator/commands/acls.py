"""Network access lists of VPCs and their rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.simulator.commands.rules import cidrs_of, ports, protocol_of
from cfnlib.simulator.errors import bad_value
from cfnlib.simulator.jobs import Work
from cfnlib.simulator.ownership import has_tags, tagged, tags_of

if TYPE_CHECKING:
    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity, World

EVERYWHERE = "0.0.0.0/0"


def shown_list(world: World, acl: Entity) -> dict[str, Any]:
    """An access list; the two default ones belong to no VPC."""
    view: dict[str, Any] = {"id": acl.uuid, "name": acl["name"], "description": acl["description"]}
    if acl.get("vpc"):
        view |= {"vpcid": acl["vpc"], "vpcname": world.need("vpc", acl["vpc"])["name"]}
    return view | {"fordisplay": True}


def shown(world: World, item: Entity) -> dict[str, Any]:
    """A rule of an access list; its ports are texts."""
    view: dict[str, Any] = {"id": item.uuid, "protocol": item["protocol"]}
    for name in ("startport", "endport"):
        if item.get(name) is not None:
            view[name] = str(item[name])
    view |= {"traffictype": item["direction"], "state": item["state"], "cidrlist": item["cidrs"]}
    for name in ("icmptype", "icmpcode"):
        if item.get(name) is not None:
            view[name] = item[name]
    acl = world.need("networkacllist", item["list"])
    view |= {"tags": tags_of(world, item.uuid), "aclid": acl.uuid, "aclname": acl["name"], "number": item["number"]}
    view |= {"action": item["action"], "fordisplay": True}
    return view | ({"reason": item["reason"]} if item.get("reason") else {})


def create_list(call: Call) -> Entity:
    """An access list in a VPC: nothing passes until rules say so."""
    vpc = call.need("vpcid", "vpc", "Unable to find VPC")
    name = call.text("name")
    return call.world.add(
        "networkacllist",
        name=name,
        description=call.text("description") or name,
        vpc=vpc.uuid,
        account=vpc["account"],
    )


def finish_list(call: Call) -> dict[str, Any]:
    """The list is there."""
    return {"networkacllist": shown_list(call.world, call.made("networkacllist"))}


def fail_list(call: Call) -> None:
    """Nothing is left of a list that could not be made."""
    acl = call.world.get("networkacllist", call.thing)
    if acl is not None:
        call.world.remove(acl)


def list_of(call: Call, name: str = "id") -> Entity:
    """The list a parameter names, which must not be a default one."""
    acl = call.need(name, "networkacllist", "Unable to find specified ACL")
    if not acl.get("vpc"):
        raise bad_value("Default ACL cannot be changed or removed")
    return acl


def delete_list(call: Call) -> None:
    """Delete a list that no tier uses."""
    world, acl = call.world, list_of(call)
    if any(one.get("acl") == acl.uuid for one in world.by("network", "vpc", acl["vpc"])):
        raise bad_value("ACL is still associated with 1 or more networks, it cannot be removed")
    for item in world.by("networkacl", "list", acl.uuid):
        world.remove(item)
    world.remove(acl)


def list_lists(call: Call) -> dict[str, Any]:
    """Access lists, those of a VPC before the default ones."""
    visible = {one.uuid for one in call.visible("networkacllist")}
    network = call.entity("networkid", "network")
    found = [
        one
        for one in call.world.each("networkacllist")
        if (one.uuid in visible or not one.get("vpc"))
        and call.text("id") in {None, one.uuid}
        and call.text("name") in {None, one["name"]}
        and (not call.text("vpcid") or one.get("vpc") in {None, call.text("vpcid")})
        and (network is None or network.get("acl") == one.uuid)
    ]
    found.sort(key=lambda one: (not one.get("vpc"), one.seq))
    return call.listing("networkacllist", found, lambda one: shown_list(call.world, one))


def _items_list(call: Call) -> Entity:
    if call.text("aclid"):
        return list_of(call, "aclid")
    network = call.need("networkid", "network", "Unable to find network by id")
    acl = call.world.get("networkacllist", network.get("acl"))
    if acl is None or not acl.get("vpc"):
        raise bad_value("Cannot create rule: the network has a default ACL; specify aclid")
    return acl


def _checked_item(call: Call) -> dict[str, Any]:
    protocol = protocol_of(call)
    start, end = ports(call, "startport", "endport")
    if protocol in {"tcp", "udp"} and start is None:
        start, end = 1, 65535
    direction = (call.text("traffictype") or "ingress").capitalize()
    if direction not in {"Ingress", "Egress"}:
        raise bad_value(f"Invalid traffic type {call.text('traffictype')}")
    action = (call.text("action") or "allow").capitalize()
    if action not in {"Allow", "Deny"}:
        raise bad_value(f"Invalid action. Allowed actions are: 'Allow' and 'Deny', not {call.text('action')}")
    fields: dict[str, Any] = {"protocol": protocol, "direction": direction, "action": action, "startport": start}
    fields |= {"endport": end, "cidrs": ",".join(cidrs_of(call, "cidrlist") or [EVERYWHERE])}
    if protocol == "icmp":
        kind, code = call.whole("icmptype"), call.whole("icmpcode")
        fields |= {"icmptype": -1 if kind is None else kind, "icmpcode": -1 if code is None else code}
    return fields


def create(call: Call) -> Entity:
    """A rule; without a number it becomes the last one."""
    world, acl = call.world, _items_list(call)
    numbers = [one["number"] for one in world.by("networkacl", "list", acl.uuid)]
    number = call.whole("number")
    if number is not None and number < 1:
        raise bad_value(f"Invalid number: {number}. Number cannot be < 1")
    if number in numbers:
        raise bad_value(f"ACL item with number {number} already exists in ACL: {acl.uuid}")
    return world.add(
        "networkacl",
        list=acl.uuid,
        account=acl["account"],
        number=number or max(numbers, default=0) + 1,
        reason=call.text("reason"),
        state="Add",
        **_checked_item(call),
    )


def finish_create(call: Call) -> dict[str, Any]:
    """The rule is in force."""
    item = call.made("networkacl")
    call.world.change(item, state="Active")
    return {"networkacl": shown(call.world, item)}


def fail_create(call: Call) -> None:
    """Nothing is left of a rule that could not be made."""
    item = call.world.get("networkacl", call.thing)
    if item is not None:
        call.world.remove(item)


def item_of(call: Call) -> Entity:
    """The rule the parameter `id` names."""
    return call.need("id", "networkacl", "Unable to find specified ACL item")


def update(call: Call) -> dict[str, Any]:
    """Change a rule: what is given replaces what was there, with another protocol all of its ports and types."""
    world, item = call.world, item_of(call)
    given = {"icmptype": None, "icmpcode": None, **_checked_item(call)} if call.text("protocol") else {}
    if not given:
        for name in ("action", "traffictype"):
            if call.text(name):
                given["direction" if name == "traffictype" else name] = (call.text(name) or "").capitalize()
        if call.items("cidrlist"):
            given["cidrs"] = ",".join(cidrs_of(call, "cidrlist"))
    if call.text("reason") is not None or not call.flag("partialupgrade", default=True):
        given["reason"] = call.text("reason")
    number = call.whole("number")
    if number is not None:
        if any(one["number"] == number and one is not item for one in world.by("networkacl", "list", item["list"])):
            raise bad_value(f"ACL item with number {number} already exists in ACL: {item['list']}")
        given["number"] = number
    world.change(item, **given)
    return {"networkacl": shown(world, item)}


def delete(call: Call) -> None:
    """Delete a rule."""
    world, item = call.world, item_of(call)
    for tag in world.by("tag", "resource", item.uuid):
        world.remove(tag)
    world.remove(item)


def list_items(call: Call) -> dict[str, Any]:
    """Rules of access lists."""
    world, some, network = call.world, tagged(call, "networkacl"), call.entity("networkid", "network")
    found = [
        one
        for one in call.visible("networkacl")
        if (some is None or one in some)
        and call.text("id") in {None, one.uuid}
        and call.text("aclid") in {None, one["list"]}
        and (network is None or network.get("acl") == one["list"])
        and (call.text("traffictype") or one["direction"]).lower() == one["direction"].lower()
        and (call.text("action") or one["action"]).lower() == one["action"].lower()
        and (call.text("protocol") or one["protocol"]).lower() == one["protocol"]
        and has_tags(call, one)
    ]
    return call.listing("networkacl", found, lambda one: shown(world, one))


def replace(call: Call) -> None:
    """Give a tier another access list."""
    network = call.need("networkid", "network", "Network specified doesn't exist")
    acl = call.need("aclid", "networkacllist", "Unable to find specified NetworkACL")
    if not network.get("vpc"):
        raise bad_value(f"Network is not part of a VPC: {network.uuid}")
    if acl.get("vpc") not in {None, network["vpc"]}:
        raise bad_value("private network and ACL are not in the same VPC")
    call.world.change(network, acl=acl.uuid)


COMMANDS = {"listNetworkACLLists": list_lists, "listNetworkACLs": list_items}
WORKS = {
    "createNetworkACLList": Work(finish_list, create=create_list, fail=fail_list, creates=True),
    "deleteNetworkACLList": Work(delete_list, create=list_of),
    "createNetworkACL": Work(finish_create, create=create, fail=fail_create, creates=True),
    "updateNetworkACLItem": Work(update, create=item_of),
    "deleteNetworkACL": Work(delete, create=item_of),
    "replaceNetworkACLList": Work(replace),
}
