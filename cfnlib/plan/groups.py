"""A group of machines becomes its members.

CloudStack's own autoscale group needs a load balancer rule, so a group without one is a set of machines that the
engine owns: its size is known when the plan is made, its members have stable names, and an update adds members at
the end or takes them from there. As in CloudFormation, members that are there keep what they were made with unless
the group has an UpdatePolicy; with `AutoScalingRollingUpdate` they are replaced, `MaxBatchSize` at a time. Because a
member's name is stable, its old machine goes before the new one comes.

Source: AWS CloudFormation user guide, CreationPolicy (AutoScalingCreationPolicy) and UpdatePolicy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from cfnlib.diagnostic import Code, Diagnostics
from cfnlib.plan.evaluate import Declared
from cfnlib.plan.nodes import ListNode, MapNode, Node, mapping, referred, scalar
from cfnlib.resources import find as find_type
from cfnlib.template import Unknown, resolve

if TYPE_CHECKING:
    from cfnlib.schema.model import ResourceType
    from cfnlib.template import Instance, Scope

GROUP = "AWS::AutoScaling::AutoScalingGroup"
CONFIGURATION = "AWS::AutoScaling::LaunchConfiguration"
_SHARED = ("ImageId", "InstanceType", "KeyName", "SecurityGroups", "UserData", "BlockDeviceMappings")
_MAX_MEMBERS = 10_000


def expand_groups(instance: Instance, declared: dict[str, Declared], diagnostics: Diagnostics) -> None:
    """Put the members of every group beside it, and make the group come after them."""
    for group in [one for one in declared.values() if one.type.name == GROUP]:
        configuration = _configuration(group, declared, diagnostics)
        size = _size(instance, group, diagnostics)
        member_type = find_type("AWS::EC2::Instance")
        if configuration is None or size is None or member_type is None:
            continue
        source = instance.resources[group.logical_id]
        update = source.update_policy
        rolling = update.get("AutoScalingRollingUpdate") if isinstance(update, MapNode) else None
        replacing = isinstance(update, MapNode) and ("AutoScalingReplacingUpdate" in update or rolling is not None)
        scope = _scope(instance)
        members = []
        nodes: dict[tuple[int, ...], MapNode] = {}
        entries, places = _shared(group, configuration, scope)
        for number in range(1, size + 1):
            own = _own(group, number, scope)
            known = tuple(map(id, own.values()))  # they live as long as the node that has them
            if known not in nodes:
                nodes[known] = MapNode({**entries, **own}, *places)
            one = _member(group, configuration, member_type, number, nodes[known], settled=not replacing)
            declared[one.logical_id] = one
            members.append(one.logical_id)
        batch = _plain(rolling.get("MaxBatchSize"), scope) if isinstance(rolling, MapNode) else None
        declared[group.logical_id] = evolve(
            group,
            depends_on=(*group.depends_on, *members),
            quorum=_quorum(source.creation_policy, scope),
            batch=int(batch or 1) if isinstance(rolling, MapNode) else 0,
        )


def _configuration(group: Declared, declared: dict[str, Declared], diagnostics: Diagnostics) -> Declared | None:
    node = group.node.get("LaunchConfigurationName") if group.node else None
    found = declared.get(referred(node) or "")
    if found is None or found.type.name != CONFIGURATION:
        diagnostics.add(
            Code.NOT_ALLOWED,
            "LaunchConfigurationName must be a Ref to a launch configuration of this template",
            node.span if node else group.span,
            logical_id=group.logical_id,
            path=("LaunchConfigurationName",),
            hint="LaunchConfigurationName: !Ref NameOfTheLaunchConfiguration",
        )
        return None
    return found


def _size(instance: Instance, group: Declared, diagnostics: Diagnostics) -> int | None:
    node = group.node
    if node is None:
        return 0
    scope = _scope(instance)
    limits: dict[str, int] = {}
    for name in ("MinSize", "MaxSize", "DesiredCapacity"):
        value = _plain(node.get(name), scope)
        if value is None:
            continue
        try:
            limits[name] = int(str(value))
        except ValueError:
            limits[name] = -1
        if not 0 <= limits[name] <= _MAX_MEMBERS:
            inner = node.get(name)
            diagnostics.add(
                Code.WRONG_TYPE,
                f"{name} must be known when the plan is made, a whole number from 0 to {_MAX_MEMBERS}",
                inner.span if inner else group.span,
                logical_id=group.logical_id,
                path=(name,),
                hint="give a number, or a Ref to a parameter",
            )
            return None
    low, high = limits.get("MinSize", 0), limits.get("MaxSize", _MAX_MEMBERS)
    size = limits.get("DesiredCapacity", low)
    if not low <= size <= high:
        diagnostics.add(
            Code.NOT_ALLOWED,
            f"the size {size} is not between MinSize {low} and MaxSize {high}",
            node.span,
            logical_id=group.logical_id,
        )
        return None
    return size


def _shared(group: Declared, configuration: Declared, scope: Scope) -> tuple[dict[str, Node], tuple[Any, Any]]:
    """What all members have, and where it stands."""
    entries: dict[str, Node] = {}
    if configuration.node is not None:
        entries = {name: inner for name, inner in configuration.node.items() if name in _SHARED}
    tags = group.node.get("Tags") if group.node else None
    if isinstance(tags, ListNode):
        kept = [_tag(tag, scope) for tag in tags]
        entries["Tags"] = ListNode([tag for tag in kept if tag is not None], tags.place)
    place = group.node.place if group.node else ("", 0, 0, 0, 0)
    return entries, (place, configuration.node.key_places if configuration.node else {})


def _own(group: Declared, number: int, scope: Scope) -> dict[str, Node]:
    """What the n-th member has for itself."""
    entries: dict[str, Node] = {}
    for name, target in (("AvailabilityZones", "AvailabilityZone"), ("VPCZoneIdentifier", "SubnetId")):
        chosen = _one_of(group.node.get(name) if group.node else None, number, scope)
        if chosen is not None:
            entries[target] = chosen
    return entries


def _member(
    group: Declared, configuration: Declared, member: ResourceType, number: int, node: MapNode, *, settled: bool
) -> Declared:
    """A member. Those that have the same properties have the same node, so that it is worked out once for all."""
    return Declared(
        f"{group.logical_id}[{number}]",
        member,
        node,
        depends_on=tuple(dict.fromkeys((*group.depends_on, *configuration.depends_on))),
        deletion_policy=group.deletion_policy,
        replace_policy=group.replace_policy,
        span=group.span,
        group=group.logical_id,
        number=number,
        settled=settled,
    )


def _tag(tag: Node, scope: Scope) -> MapNode | None:
    if not isinstance(tag, MapNode) or str(_plain(tag.get("PropagateAtLaunch"), scope)).lower() != "true":
        return None
    return mapping(tag.place, Key=tag.get("Key"), Value=tag.get("Value"))


def _one_of(node: Node | None, number: int, scope: Scope) -> Node | None:
    """The item of a list that the n-th member gets, in turn."""
    if isinstance(node, ListNode) and node.items:
        return node.items[(number - 1) % len(node.items)]
    value = _plain(node, scope)
    if node is not None and isinstance(value, list) and value:
        return scalar(value[(number - 1) % len(value)], node.place)
    return None


def _quorum(policy: Node | None, scope: Scope) -> float:
    inner = policy.get("AutoScalingCreationPolicy") if isinstance(policy, MapNode) else None
    percent = _plain(inner.get("MinSuccessfulInstancesPercent"), scope) if isinstance(inner, MapNode) else None
    return float(100 if percent is None else percent) / 100


def _scope(instance: Instance) -> Scope:
    return instance.scope(
        ref=lambda name: Unknown(frozenset({name})),
        get_att=lambda name, attribute: Unknown(frozenset({f"{name}.{attribute}"})),
    )


def _plain(node: Node | None, scope: Scope) -> Any:  # noqa: ANN401 - a value of the template
    return None if node is None else resolve(node, scope)
