"""Load balancer rules and their stickiness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.simulator.commands.addresses import allocated_address, card_in
from cfnlib.simulator.commands.machine_view import build
from cfnlib.simulator.commands.rules import check_conflict, open_firewall, remove_rule
from cfnlib.simulator.errors import ApiError, bad_value, failed
from cfnlib.simulator.jobs import Work
from cfnlib.simulator.ownership import has_tags, owner_fields, tags_of

if TYPE_CHECKING:
    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity, World

ALGORITHMS = ("roundrobin", "leastconn", "source")
METHODS = ("LbCookie", "AppCookie", "SourceBased")


def shown(world: World, rule: Entity, *, state: str | None = None) -> dict[str, Any]:
    """A load balancer rule; its ports are texts."""
    address, network = world.need("publicip", rule["ip"]), world.need("network", rule["network"])
    zone = world.need("zone", network["zone"])
    view: dict[str, Any] = {"id": rule.uuid, "name": rule["name"]}
    if rule.get("description"):
        view["description"] = rule["description"]
    view |= {
        "publicipid": address.uuid,
        "publicip": address["address"],
        "publicport": str(rule["startport"]),
        "privateport": str(rule["private_port"]),
        "algorithm": rule["algorithm"],
        "networkid": network.uuid,
    }
    if rule.get("cidrs"):
        view["cidrlist"] = rule["cidrs"]
    view |= owner_fields(world, rule["account"])
    view |= {"state": state or rule["state"], "zoneid": zone.uuid, "zonename": zone["name"]}
    if rule.get("lb_protocol"):
        view["protocol"] = rule["lb_protocol"]
    return view | {"tags": tags_of(world, rule.uuid), "fordisplay": True}


def create(call: Call) -> Entity:
    """Spread a port of a public address over machines still to be assigned."""
    world = call.world
    if call.text("publicipid"):
        address = allocated_address(call, "publicipid")
    else:
        network = call.need("networkid", "network", "Unable to find network by id")
        found = [one for one in world.by("publicip", "network", network.uuid) if one.get("source_nat")]
        if not found:
            raise bad_value("publicipid is required: the network has no address of its own")
        [address] = found
    algorithm = (call.text("algorithm") or "").lower()
    if algorithm not in ALGORITHMS:
        raise bad_value(f"Invalid algorithm: {call.text('algorithm')}")
    port, private_port = call.whole("publicport") or 0, call.whole("privateport") or 0
    for each in (port, private_port):
        if not 1 <= each <= 65535:
            raise bad_value(f"Invalid port number specified: {each}")
    where = call.text("networkid") or address.get("network")
    if where is None:
        raise bad_value("Unable to create load balancer rule: ip is not associated with any network")
    if address.get("static_nat"):
        raise ApiError(537, 4360, "Can't create load balancer rule: the ip address has static NAT enabled")
    taken = [*world.by("portforwardingrule", "ip", address.uuid), *world.by("loadbalancerrule", "ip", address.uuid)]
    check_conflict(taken, "tcp", port, port)
    opens = call.flag("openfirewall", default=not address.get("vpc")) and address.get("network")
    opened = open_firewall(call, address, "tcp", port, port) if opens else None
    return world.add(
        "loadbalancerrule",
        opened=opened,
        name=call.text("name"),
        description=call.text("description"),
        ip=address.uuid,
        network=where,
        account=address["account"],
        protocol="tcp",
        lb_protocol=call.text("protocol"),
        startport=port,
        endport=port,
        private_port=private_port,
        algorithm=algorithm,
        cidrs=",".join(call.items("cidrlist")),
        vms=[],
        state="Add",
    )


def finish_create(call: Call) -> dict[str, Any]:
    """The rule is there, in state Add until it has machines."""
    return {"loadbalancer": shown(call.world, call.made("loadbalancerrule"))}


def fail_create(call: Call) -> None:
    """Nothing is left of a rule that could not be made."""
    rule = call.world.get("loadbalancerrule", call.thing)
    if rule is not None:
        remove_rule(call.world, rule)


def rule_of(call: Call, name: str = "id") -> Entity:
    """The rule a parameter names."""
    return call.need(name, "loadbalancerrule", "Unable to find the load balancer rule by id")


def _machines(call: Call) -> list[str]:
    ids = call.items("virtualmachineids")
    ids += [element["vmid"] for element in call.values.get("vmidipmap") or () if "vmid" in element]
    return ids


def assign(call: Call) -> None:
    """Let machines serve a rule; one that does already makes the job fail."""
    world, rule = call.world, rule_of(call)
    wanted = _machines(call)
    if not wanted:
        raise bad_value("One of the options has to be specified: virtualmachineids, vmidipmap")
    for uuid in wanted:
        machine = world.get("virtualmachine", uuid)
        if machine is None:
            raise bad_value(f"Invalid instance id specified: {uuid}")
        call.check_access(machine)
        if machine["state"] in {"Destroyed", "Error"} or uuid in rule["vms"]:
            raise failed("Failed to assign load balancer rule")
        if card_in(world, machine, rule["network"]) is None:
            raise bad_value(f"VM {uuid} cannot be added because it doesn't belong in the same network.")
    world.change(rule, vms=[*rule["vms"], *dict.fromkeys(wanted)], state="Active")


def remove(call: Call) -> None:
    """Let machines serve a rule no more."""
    world, rule = call.world, rule_of(call)
    leaving = set(_machines(call))
    if not leaving <= set(rule["vms"]):
        raise failed("Failed to remove instance from load balancer rule")
    world.change(rule, vms=[uuid for uuid in rule["vms"] if uuid not in leaving])


def update(call: Call) -> dict[str, Any]:
    """Change a rule's name, algorithm or description."""
    world, rule = call.world, rule_of(call)
    algorithm = call.text("algorithm")
    if algorithm is not None and algorithm.lower() not in ALGORITHMS:
        raise bad_value(f"Invalid algorithm: {algorithm}")
    changes = {
        "algorithm": algorithm.lower() if algorithm else None,
        "name": call.text("name"),
        "description": call.text("description"),
        "lb_protocol": call.text("protocol"),
    }
    world.change(rule, **{key: value for key, value in changes.items() if value is not None})
    # Source: scenario s05: the answer shows the state Add, a listing afterwards Active.
    return {"loadbalancer": shown(world, rule, state="Add")}


def delete(call: Call) -> None:
    """Take a rule away with its stickiness policies."""
    world, rule = call.world, rule_of(call)
    for policy in world.by("stickinesspolicy", "rule", rule.uuid):
        world.remove(policy)
    remove_rule(world, rule)


def list_rules(call: Call) -> dict[str, Any]:
    """Load balancer rules."""
    world = call.world
    found = [
        rule
        for rule in call.visible("loadbalancerrule")
        if call.text("id") in {None, rule.uuid}
        and call.text("name") in {None, rule["name"]}
        and call.text("publicipid") in {None, rule["ip"]}
        and call.text("networkid") in {None, rule["network"]}
        and (call.text("virtualmachineid") is None or call.text("virtualmachineid") in rule["vms"])
        and call.text("zoneid") in {None, world.need("network", rule["network"])["zone"]}
        and (call.text("keyword") or "").lower() in rule["name"].lower()
        and has_tags(call, rule)
    ]
    return call.listing("loadbalancerrule", found, lambda rule: shown(world, rule))


def list_instances(call: Call) -> dict[str, Any]:
    """The machines that serve a rule, or with `applied=false` those in its network that could."""
    world, rule = call.world, rule_of(call)
    if call.flag("applied", default=True):
        chosen = rule["vms"]
    else:
        cards = world.by("nic", "network", rule["network"])
        chosen = [card["vm"] for card in cards if card["vm"] not in rule["vms"]]
    machines = [one for uuid in chosen if (one := world.get("virtualmachine", uuid)) is not None]
    if call.flag("lbvmips"):
        return call.listing(
            "lbrulevmidip",
            machines,
            lambda one: {
                "loadbalancerruleinstance": _instance(world, one),
                "lbvmipaddresses": [card["address"] for card in world.by("nic", "vm", one.uuid)[:1]],
            },
        )
    return call.listing("loadbalancerruleinstance", machines, lambda one: _instance(world, one))


def _instance(world: World, machine: Entity) -> dict[str, Any]:
    # Source: scenario s05: no host and no instance name, though the root admin asks and the cards show their VLAN.
    view = build(world, machine, True)
    return {key: value for key, value in view.items() if key not in {"hostid", "hostname", "instancename"}}


def check_policy(call: Call) -> Entity:
    """A stickiness policy for a rule."""
    rule = rule_of(call, "lbruleid")
    method = next((one for one in METHODS if one.lower() == (call.text("methodname") or "").lower()), None)
    if method is None:
        raise bad_value(
            f"Failed to validate Stickiness policy for rule: Invalid method name :{call.text('methodname')}"
        )
    return call.world.add(
        "stickinesspolicy",
        rule=rule.uuid,
        name=call.text("name"),
        method=method,
        params=call.pairs("param"),
        account=rule["account"],
    )


def _policies(world: World, rule: Entity) -> dict[str, Any]:
    policies = [
        {
            "id": one.uuid,
            "name": one["name"],
            "methodname": one["method"],
            "fordisplay": True,
            "params": one["params"],
        }
        for one in world.by("stickinesspolicy", "rule", rule.uuid)
    ]
    return {"lbruleid": rule.uuid} | owner_fields(world, rule["account"]) | {"stickinesspolicy": policies}


def finish_policy(call: Call) -> dict[str, Any]:
    """The policy, under its rule."""
    policy = call.made("stickinesspolicy")
    return {"stickinesspolicies": _policies(call.world, call.world.need("loadbalancerrule", policy["rule"]))}


def delete_policy(call: Call) -> None:
    """Take a stickiness policy away."""
    policy = call.need("id", "stickinesspolicy", "Invalid Load balancer policy id value: {number}")
    call.world.remove(policy)


def list_policies(call: Call) -> dict[str, Any]:
    """The stickiness policies of a rule."""
    if call.text("lbruleid") is None:
        raise bad_value("load balancer rule id or stickiness policy id is mandatory")
    return call.listing("stickinesspolicies", [rule_of(call, "lbruleid")], lambda rule: _policies(call.world, rule))


def refuse_health_check(call: Call) -> Entity | None:
    """A virtual router checks no health: it balances for networks of the recorded kind, and says so."""
    rule = rule_of(call, "lbruleid")
    raise ApiError(
        430,
        9999,
        "Failed to create HealthCheck policy: Validation Failed (HealthCheck Policy is not supported by LB Provider "
        f"for the LB rule id :{rule.number})",
    )


def no_result(_: Call) -> None:
    """Nothing more to do."""


COMMANDS = {
    "listLoadBalancerRules": list_rules,
    "listLoadBalancerRuleInstances": list_instances,
    "listLBStickinessPolicies": list_policies,
}
WORKS = {
    "createLoadBalancerRule": Work(finish_create, create=create, fail=fail_create, creates=True),
    "assignToLoadBalancerRule": Work(assign, create=rule_of),
    "removeFromLoadBalancerRule": Work(remove, create=rule_of),
    "updateLoadBalancerRule": Work(update, create=rule_of),
    "deleteLoadBalancerRule": Work(delete, create=rule_of),
    "createLBStickinessPolicy": Work(finish_policy, create=check_policy, creates=True),
    "deleteLBStickinessPolicy": Work(delete_policy),
    "createLBHealthCheckPolicy": Work(no_result, create=refuse_health_check),
}
