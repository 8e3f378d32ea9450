"""The firewalls of public addresses, which do the security groups' work where a zone has no such groups.

A public address of CloudStack lets nothing through until a firewall rule does; on EC2 an address lets through what
its machine's security groups allow. So the firewall of an address with static NAT is opened for what the groups of
its machine let in from anywhere by CIDR, and follows them: a rule that is authorized opens it, one that is revoked
closes it again, and so does another choice of groups. What a group lets in from another group is opened for the
address's own network: its machines know each other by their public addresses too (the stock scripts write those into
every node's settings), and reach each other's private ones anyway, which CloudStack does not filter.

Nothing is kept: what an address should let through follows from the groups before and after a change, and a rule that
was made by hand is left alone. No two rules overlap, because CloudStack takes that for a conflict: ranges of ports
for one CIDR become one, and a CIDR inside a wider one has what the wider has not. Addresses in a VPC have no
firewall; there network ACLs decide.

Source: CloudStack 4.19, createFirewallRule: tcp, udp and icmp only, ports from 1 to 65535; FirewallManagerImpl: rules
of one protocol that have a CIDR in common must not overlap.
"""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any

from attrs import frozen

from cfnlib.errors import ConflictError, NotFoundError
from compat.ec2.faults import Ec2Error
from compat.ec2.rules import ALL, rule_of, rules_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from compat.ec2.rules import Rule
    from compat.ec2.world import Row, World

_PORTS = (1, 65535)


@frozen
class Opening:
    """What one firewall rule lets through: ports (or ICMP's type and code, -1 for any) from a CIDR."""

    protocol: str
    first: int
    last: int
    cidr: str

    def as_call(self, address_id: str) -> dict[str, Any]:
        """The parameters of a createFirewallRule."""
        names = ("icmptype", "icmpcode") if self.protocol == "icmp" else ("startport", "endport")
        ports = dict(zip(names, (self.first, self.last), strict=True))
        return {"ipaddressid": address_id, "protocol": self.protocol, "cidrlist": self.cidr, **ports}


def openings(rules: Iterable[Rule], inside: str | None = None) -> frozenset[Opening]:
    """What a firewall must let through, for rules of any number of groups.

    `inside` is the CIDR of the network that the address belongs to: where machines of other groups are.
    """
    ranges: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    messages: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for rule in rules:
        cidr = inside if rule.cidr is None else rule.cidr
        if cidr is None:
            continue
        if rule.protocol in {"icmp", ALL}:
            first, last = (-1, -1) if rule.protocol == ALL else (rule.first, rule.last)
            messages[cidr].add((-1 if first is None else first, -1 if last is None else last))
        for protocol in ("tcp", "udp"):
            if rule.protocol in {protocol, ALL}:
                lowest, highest = _PORTS
                first, last = rule.first or lowest, highest if rule.last is None else rule.last
                if last >= lowest:
                    ranges[protocol, cidr].append((first, last))
    found = set()
    for (protocol, cidr), each in ranges.items():
        wider = [
            one for (of, other), there in ranges.items() if of == protocol and _within(cidr, other) for one in there
        ]
        found |= {Opening(protocol, *one, cidr) for one in _without(_merged(each), _merged(wider))}
    for cidr, types in messages.items():
        wider = [one for other, there in messages.items() if _within(cidr, other) for one in there]
        if (-1, -1) not in wider:
            here = {(-1, -1)} if (-1, -1) in types else types - set(wider)
            found |= {Opening("icmp", *one, cidr) for one in here}
    return frozenset(found)


def _within(cidr: str, other: str) -> bool:
    """Whether a block lies inside another, wider one."""
    return cidr != other and IPv4Network(cidr).subnet_of(IPv4Network(other))


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def _without(ranges: Iterable[tuple[int, int]], others: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """What is left of ranges without those of another list; both are in order."""
    found = []
    for first, last in ranges:
        start = first
        for low, high in others:
            if start <= high and low <= last:
                if start < low:
                    found.append((start, low - 1))
                start = high + 1
        if start <= last:
            found.append((start, last))
    return found


def groups_named(world: World, machine: Row) -> list[str]:
    """The UUIDs of the groups that a machine was launched with, in a zone that has none itself."""
    return [text.split(" ", 1)[0] for text in world.marks(machine).groups]


def wanted(world: World, machine: Row, network_id: object) -> frozenset[Opening]:
    """What the groups of a machine let in by now, through an address of this network."""
    return _of(groups_named(world, machine), _rules(world), _cidrs(world).get(str(network_id)))


def follow(world: World, group: str, before: Iterable[Rule], after: Iterable[Rule]) -> None:
    """Let the firewalls follow a group (by UUID) whose incoming rules were `before` and are to be `after`."""
    doors = _doors(world)
    if not doors:
        return
    machines = {str(row["id"]): row for row in world.rows("instance")}
    rules, cidrs, changes = _rules(world), _cidrs(world), {}
    was, now = {**rules, group: list(before)}, {**rules, group: list(after)}
    for door in doors:
        machine = machines.get(str(door["virtualmachineid"]))
        named = [] if machine is None else groups_named(world, machine)
        if group in named:
            inside = cidrs.get(str(door.get("associatednetworkid")))
            changes[str(door["id"])] = (_of(named, was, inside), _of(named, now, inside))
    change(world, changes)


def follow_choice(world: World, machine: Row, before: Sequence[str], after: Sequence[str]) -> None:
    """Let the firewalls of a machine follow another choice of groups, by their UUIDs."""
    doors = [door for door in _doors(world) if str(door["virtualmachineid"]) == str(machine["id"])]
    if doors:
        rules, cidrs, changes = _rules(world), _cidrs(world), {}
        for door in doors:
            inside = cidrs.get(str(door.get("associatednetworkid")))
            changes[str(door["id"])] = (_of(before, rules, inside), _of(after, rules, inside))
        change(world, changes)


def change(world: World, changes: Mapping[str, tuple[frozenset[Opening], frozenset[Opening]]]) -> None:
    """Take from firewalls (by address) what only the first of two sets has, then let them have all of the second.

    Raises `Ec2Error`, or what the CloudStack driver raises, when all that could be done is done.
    """
    listings = world.together([partial(world.rows, "firewallrule", ipaddressid=door) for door in changes])
    closed, opened = [], []
    for (door, (was, now)), rows in zip(changes.items(), listings, strict=True):
        if isinstance(rows, BaseException):
            raise rows
        there = {_opening(row): str(row["id"]) for row in rows}
        closed += [partial(_close, world, there[one]) for one in was - now if one in there]
        opened += [partial(_open, world, door, one) for one in now if one not in there]
    _all(world, closed)
    _all(world, opened)


def guard(world: World, address: Row, machine: Row) -> None:
    """Let the firewall of an address let through what a machine's groups allow, and nothing else."""
    door, network = str(address["id"]), address.get("associatednetworkid")
    there = {_opening(row) for row in world.rows("firewallrule", ipaddressid=door)}
    change(world, {door: (frozenset(there), wanted(world, machine, network))})


def close(world: World, address_id: str) -> None:
    """Let nothing through any more."""
    rows = world.rows("firewallrule", ipaddressid=address_id)
    _all(world, [partial(_close, world, str(row["id"])) for row in rows])


def _doors(world: World) -> list[Row]:
    """The addresses that lead to machines, and have a firewall."""
    return [row for row in world.rows("address") if row.get("virtualmachineid") and not row.get("vpcid")]


def _rules(world: World) -> dict[str, list[Rule]]:
    """The incoming rules of the account's groups, by the groups' UUIDs."""
    return {str(row["id"]): [rule_of(raw) for raw in rules_of(row, "ingress")] for row in world.rows("securitygroup")}


def _cidrs(world: World) -> dict[str, str]:
    """The blocks of the account's networks, by the networks' UUIDs."""
    return {str(row["id"]): str(row["cidr"]) for row in world.rows("subnet") if row.get("cidr")}


def _of(groups: Iterable[str], rules: Mapping[str, Iterable[Rule]], inside: str | None) -> frozenset[Opening]:
    return openings((rule for group in groups for rule in rules.get(group, ())), inside)


def _opening(row: Row) -> Opening:
    """A firewall rule as CloudStack lists it."""
    protocol = str(row.get("protocol", "")).lower()
    names = ("icmptype", "icmpcode") if protocol == "icmp" else ("startport", "endport")
    first, last = (-1 if row.get(name) is None else int(row[name]) for name in names)
    return Opening(protocol, first, last, str(row.get("cidrlist") or ""))


def _open(world: World, address_id: str, opening: Opening) -> None:
    try:
        world.done("createFirewallRule", **opening.as_call(address_id))
    except ConflictError as error:
        rows = world.rows("firewallrule", ipaddressid=address_id)
        if opening in {_opening(row) for row in rows}:
            return  # another request has opened it meanwhile
        text = f"the security groups are changed, but a firewall cannot follow: {error}"
        raise Ec2Error("DependencyViolation", f"{text}. Delete the firewall rule that is in the way.") from None


def _close(world: World, rule_id: str) -> None:
    try:
        world.done("deleteFirewallRule", id=rule_id)
    except NotFoundError:
        return


def _all(world: World, works: Sequence[Callable[[], None]]) -> None:
    for result in world.together(works):
        if isinstance(result, BaseException):
            raise result
