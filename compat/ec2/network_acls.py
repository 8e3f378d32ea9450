"""Network ACLs: CloudStack's access lists of VPCs, and their rules.

On EC2 a VPC has a default network ACL that lets everything through and that can be changed. CloudStack has the list
`default_allow` for all VPCs of the cloud, which cannot. So the default ACL, whose id comes from the VPC's UUID, is
that list until it is changed; then a list of the VPC's own is made and takes its place. Another list of the whole
cloud that a tier uses (`default_deny`) is shown as an ACL of that VPC.

EC2 numbers the rules of each direction by themselves, CloudStack all of a list together. So the rule n is number 2n
there when it is for what comes in and 2n+1 for what goes out, and says its own number in its `reason`; rules that
were made elsewhere keep CloudStack's numbers, and so do those that are added to them. A list of CloudStack without
rules for what goes out lets everything out, an ACL of EC2 nothing: so a new one has a last rule that says so.

EC2's ACLs do not remember connections, CloudStack's do: an answer to what was let through passes without a rule.

Source: CloudStack 4.19, createNetworkACL, NetworkACLServiceImpl; CloudStack documentation, "Configuring Network
Access Control List": the default of what goes out; Amazon VPC user guide, "Network ACL basics".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import frozen

from compat.ec2.homes import kept
from compat.ec2.ids import ec2_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from compat.ec2.world import Row, World

OWN_DEFAULT = "cfnlib-ec2-default"
"""The name of the list that stands for a VPC's default ACL after it was changed."""
ALLOW = "default_allow"
LAST = 32767
"""The number of the rule that forbids what no other rule is about; EC2 shows it as `*`."""
_REASON = re.compile(r"cfnlib:ec2:rule (\d+)( from port 0)?")
_NUMBERS = {"tcp": "6", "udp": "17", "icmp": "1", "all": "-1"}
_NAMES = {number: name for name, number in _NUMBERS.items()}
_EVERYWHERE = "0.0.0.0/0"


@frozen
class Acl:
    """An ACL as EC2 has it: `row` is the list of CloudStack's behind it, `users` the networks of its subnets."""

    acl_id: str
    vpc: Row
    row: Row
    default: bool
    users: tuple[Row, ...] = ()

    @property
    def own(self) -> bool:
        """Whether the list behind it is the VPC's own, so that it can be changed."""
        return bool(self.row.get("vpcid"))


def backing_of_default(lists: Iterable[Row], vpc_uuid: str) -> Row:
    """The list behind the default ACL of a VPC."""
    rows = list(lists)
    own = [row for row in rows if row.get("vpcid") == vpc_uuid and row.get("name") == OWN_DEFAULT]
    if own:
        return min(own, key=lambda row: str(row["id"]))
    shared = [row for row in rows if not row.get("vpcid")]
    return next(
        (row for row in shared if row.get("name") == ALLOW), shared[0] if shared else {"id": "", "name": ALLOW}
    )


def acls_of(world: World, vpc: Row, lists: Sequence[Row], networks: Iterable[Row]) -> list[Acl]:
    """The ACLs of a VPC, the default one first."""
    uuid = str(vpc["id"])
    tiers = [one for one in networks if one.get("vpcid") == uuid]

    def users(row: Row) -> tuple[Row, ...]:
        return tuple(tier for tier in tiers if tier.get("aclid") == row["id"])

    behind = backing_of_default(lists, uuid)
    found = [Acl(ec2_id("acl", uuid), vpc, behind, default=True, users=users(behind))]
    for row in lists:
        if row["id"] == behind["id"]:
            continue
        if row.get("vpcid") == uuid:
            found.append(Acl(world.learn("acl", str(row["id"])), vpc, row, default=False, users=users(row)))
        elif not row.get("vpcid") and users(row):
            found.append(Acl(ec2_id("acl", f"{uuid} {row['id']}"), vpc, row, default=False, users=users(row)))
    return found


def association_of(network: Row, acl: Acl) -> dict[str, str]:
    """The association of a subnet with its ACL."""
    return {
        "NetworkAclAssociationId": ec2_id("aclassociation", f"{network['id']} {acl.acl_id}"),
        "NetworkAclId": acl.acl_id,
        "SubnetId": ec2_id("subnet", str(network["id"])),
    }


def described(world: World, acl: Acl, rules: Iterable[Row]) -> dict[str, Any]:
    """An ACL with its entries; `rules` are those of all lists."""
    return {
        "NetworkAclId": acl.acl_id,
        "VpcId": world.learn("vpc", str(acl.vpc["id"])),
        "IsDefault": acl.default,
        "OwnerId": world.caller.account_number,
        "Entries": entries_of(acl, rules),
        "Associations": [association_of(network, acl) for network in acl.users],
        "Tags": kept(acl.vpc, acl.acl_id),
    }


def entries_of(acl: Acl, rules: Iterable[Row]) -> list[dict[str, Any]]:
    """The entries of an ACL in their order, the last one of each direction too."""
    found = [entry_of(rule, cidr) for rule in rules if rule.get("aclid") == acl.row["id"] for cidr in _cidrs(rule)]
    if acl.row.get("name") == ALLOW and not acl.own:
        found = [_whole(100, "allow", egress) for egress in (False, True)]
    there = {entry["Egress"] for entry in found if entry["RuleNumber"] == LAST}
    found += [_whole(LAST, "deny", egress) for egress in (False, True) if egress not in there]
    return sorted(found, key=lambda entry: (entry["Egress"], entry["RuleNumber"]))


def entry_of(rule: Row, cidr: str) -> dict[str, Any]:
    """A rule of CloudStack's as an entry."""
    protocol = str(rule.get("protocol", "all")).lower()
    entry: dict[str, Any] = {
        "RuleNumber": rule_number(rule),
        "Protocol": _NUMBERS.get(protocol, protocol),
        "RuleAction": str(rule.get("action", "allow")).lower(),
        "Egress": is_egress(rule),
        "CidrBlock": cidr,
    }
    if protocol == "icmp":
        entry["IcmpTypeCode"] = {"Type": _whole_number(rule, "icmptype"), "Code": _whole_number(rule, "icmpcode")}
    elif rule.get("startport") is not None:
        first, marked = int(rule["startport"]), _marked(rule)
        from_zero = marked is not None and marked[2]
        entry["PortRange"] = {"From": 0 if from_zero else first, "To": int(rule.get("endport") or first)}
    return entry


def rule_number(rule: Row) -> int:
    """The number of a rule on EC2."""
    marked = _marked(rule)
    return int(marked[1]) if marked else int(rule.get("number") or 0)


def is_egress(rule: Row) -> bool:
    """Whether a rule is about what goes out."""
    return str(rule.get("traffictype", "")).lower() == "egress"


def numbered(number: int, rules: Iterable[Row], *, egress: bool) -> dict[str, Any]:
    """CloudStack's number of a rule with a number of EC2's, in a list that has these rules, and the rule's reason."""
    foreign = any(_marked(rule) is None for rule in rules)
    return {"number": number if foreign else 2 * number + egress, "reason": f"cfnlib:ec2:rule {number}"}


def rule_asked(params: Mapping[str, Any], cidr: str) -> dict[str, Any]:
    """What a rule says, as createNetworkACL takes it; the numbers of protocols are EC2's, or any other's."""
    protocol = str(params["Protocol"]).lower()
    found: dict[str, Any] = {
        "protocol": _NAMES.get(protocol, protocol),
        "action": params["RuleAction"],
        "traffictype": "egress" if params["Egress"] else "ingress",
        "cidrlist": cidr,
    }
    ports, icmp = params.get("PortRange") or {}, params.get("IcmpTypeCode") or {}
    if found["protocol"] in {"tcp", "udp"}:
        first, last = int(ports["From"]), int(ports["To"])
        found |= {"startport": max(first, 1), "endport": max(last, 1)}  # CloudStack has no port 0
        if first == 0:
            found["reason"] = f"cfnlib:ec2:rule {params['RuleNumber']} from port 0"
    if found["protocol"] == "icmp":
        found |= {"icmptype": int(icmp.get("Type", -1)), "icmpcode": int(icmp.get("Code", -1))}
    return found


def last_rule() -> dict[str, Any]:
    """The rule that a new list has: what no other rule lets out stays inside."""
    everything = {"protocol": "all", "action": "deny", "traffictype": "egress", "cidrlist": _EVERYWHERE}
    return {**everything, **numbered(LAST, (), egress=True)}


def whole_rules() -> list[dict[str, Any]]:
    """The rules that a default ACL begins with: everything passes."""
    everything = {"protocol": "all", "action": "allow", "cidrlist": _EVERYWHERE}
    return [
        {**everything, "traffictype": name, **numbered(100, (), egress=egress)}
        for name, egress in (("ingress", False), ("egress", True))
    ]


def _marked(rule: Row) -> re.Match[str] | None:
    return _REASON.fullmatch(str(rule.get("reason") or ""))


def _whole(number: int, action: str, egress: bool) -> dict[str, Any]:
    return {
        "RuleNumber": number,
        "Protocol": "-1",
        "RuleAction": action,
        "Egress": egress,
        "CidrBlock": _EVERYWHERE,
    }


def _cidrs(rule: Row) -> list[str]:
    return str(rule.get("cidrlist") or _EVERYWHERE).split(",")


def _whole_number(rule: Row, name: str) -> int:
    value = rule.get(name)
    return -1 if value is None else int(value)
