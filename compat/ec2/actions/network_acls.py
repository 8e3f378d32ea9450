"""Network ACLs, their entries and which subnets they are for (`compat.ec2.network_acls` says how they are kept)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.errors import CfnlibError, ConflictError, InUseError, JobFailedError
from compat.ec2.cidrs import block
from compat.ec2.faults import Ec2Error, not_found, unsupported
from compat.ec2.filters import filtered
from compat.ec2.homes import dress, home_on_vpc, kept, shown, tags_asked, take
from compat.ec2.ids import is_uuid
from compat.ec2.network_acls import (
    LAST,
    OWN_DEFAULT,
    Acl,
    acls_of,
    association_of,
    described,
    is_egress,
    last_rule,
    numbered,
    rule_asked,
    rule_number,
    whole_rules,
)
from compat.ec2.pages import paged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compat.ec2.world import Row, World

FILTERS: dict[str, Any] = {
    "association.association-id": "Associations.NetworkAclAssociationId",
    "association.network-acl-id": "Associations.NetworkAclId",
    "association.subnet-id": "Associations.SubnetId",
    "default": "IsDefault",
    "entry.cidr": "Entries.CidrBlock",
    "entry.egress": "Entries.Egress",
    "entry.icmp.code": "Entries.IcmpTypeCode.Code",
    "entry.icmp.type": "Entries.IcmpTypeCode.Type",
    "entry.port-range.from": "Entries.PortRange.From",
    "entry.port-range.to": "Entries.PortRange.To",
    "entry.protocol": "Entries.Protocol",
    "entry.rule-action": "Entries.RuleAction",
    "entry.rule-number": "Entries.RuleNumber",
    "network-acl-id": "NetworkAclId",
    "owner-id": "OwnerId",
    "vpc-id": "VpcId",
}
_LONGEST = 255
"""How long a name of CloudStack's may be."""
_PORTS = {"6", "17", "tcp", "udp"}


def create_network_acl(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Make an ACL that nothing passes."""
    vpc, tags = world.one("vpc", params["VpcId"]), tags_asked(params, "network-acl")
    name = (tags.get("Name") or f"network ACL {len(world.rows('acl', vpcid=vpc['id']))}")[:_LONGEST]
    uuid = _made(world, vpc, name, [last_rule()])
    acl_id = world.learn("acl", uuid)
    dress(world, home_on_vpc(str(vpc["id"]), acl_id), tags, lambda: world.done("deleteNetworkACLList", id=uuid))
    acl = Acl(acl_id, vpc, {"id": uuid, "vpcid": vpc["id"], "name": name}, default=False)
    return {
        "NetworkAcl": {**described(world, acl, ()), "Tags": shown(tags)},
        "ClientToken": params.get("ClientToken"),
    }


def delete_network_acl(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Remove an ACL that no subnet has."""
    acl = acl_of(world, params["NetworkAclId"])
    if acl.default:
        raise Ec2Error("InvalidParameterValue", f"cannot delete default network ACL {acl.acl_id}")
    if acl.users or not acl.own:
        raise _in_use(acl)
    try:
        world.done("deleteNetworkACLList", id=acl.row["id"])
    except (InUseError, JobFailedError) as error:
        raise _in_use(acl) from error
    home = home_on_vpc(str(acl.vpc["id"]), acl.acl_id)
    take(world, home, [tag["Key"] for tag in kept(acl.vpc, acl.acl_id)])
    return {}


def describe_network_acls(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The ACLs of the account's VPCs."""
    asked = params.get("NetworkAclIds")
    rules, *rest = world.listed("aclrule", "vpc", "acl", "subnet")
    acls = _all(world, *rest)
    if asked:
        acls = [_chosen(acls, name) for name in dict.fromkeys(asked)]
    found = filtered((described(world, acl, rules) for acl in acls), params.get("Filters"), FILTERS)
    page, token = paged(found, params, lambda one: str(one["NetworkAclId"]))
    return {"NetworkAcls": page, "NextToken": token}


def create_entry(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Add a rule."""
    cidr = _checked(params)
    acl = _changeable(world, acl_of(world, params["NetworkAclId"]))
    rules = world.rows("aclrule", aclid=acl.row["id"])
    if _found(rules, params) is not None:
        raise _taken(params)
    number = numbered(int(params["RuleNumber"]), rules, egress=bool(params["Egress"]))
    try:
        world.done("createNetworkACL", aclid=acl.row["id"], **{**number, **rule_asked(params, cidr)})
    except ConflictError:
        raise _taken(params) from None
    return {}


def replace_entry(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Put a rule in the place of another one."""
    cidr = _checked(params)
    acl = _changeable(world, acl_of(world, params["NetworkAclId"]))
    rule = _needed(world, acl, params)
    same = {"id": rule["id"], "number": rule["number"], "partialupgrade": False}
    reason = numbered(int(params["RuleNumber"]), (), egress=bool(params["Egress"]))["reason"]
    world.done("updateNetworkACLItem", **{**same, "reason": reason, **rule_asked(params, cidr)})
    return {}


def delete_entry(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Remove a rule."""
    acl = _changeable(world, acl_of(world, params["NetworkAclId"]))
    world.done("deleteNetworkACL", id=_needed(world, acl, params)["id"])
    return {}


def replace_association(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Give a subnet another ACL."""
    asked = params["AssociationId"]
    acls = _all(world, *world.listed("vpc", "acl", "subnet"))
    users = [(network, acl) for acl in acls for network in acl.users]
    found = [one for one in users if association_of(*one)["NetworkAclAssociationId"] == asked]
    if not found:
        raise not_found("association", asked)
    [(network, before)] = found
    wanted = _chosen(acls, params["NetworkAclId"])
    if wanted.vpc["id"] != before.vpc["id"]:
        text = f"The networkAcl {wanted.acl_id} and the association {asked} belong to different networks"
        raise Ec2Error("InvalidParameterValue", text)
    if wanted.acl_id != before.acl_id:
        world.done("replaceNetworkACLList", networkid=network["id"], aclid=wanted.row["id"])
    return {"NewAssociationId": association_of(network, wanted)["NetworkAclAssociationId"]}


def acl_of(world: World, asked: str) -> Acl:
    """The ACL that is meant. Raises `Ec2Error`."""
    return _chosen(_all(world, *world.listed("vpc", "acl", "subnet")), asked)


def _all(world: World, vpcs: list[Row], lists: list[Row], networks: list[Row]) -> list[Acl]:
    return [acl for vpc in vpcs for acl in acls_of(world, vpc, lists, networks)]


def _chosen(acls: list[Acl], asked: str) -> Acl:
    for acl in acls:
        if asked == acl.acl_id or (is_uuid(asked) and acl.own and asked.lower() == acl.row["id"]):
            return acl
    raise not_found("acl", asked)


def _made(world: World, vpc: Row, name: str, rules: list[dict[str, Any]]) -> str:
    """Make a list with rules, or none at all; gives its UUID."""
    text = "Made by the EC2 API, which numbers its rules by twice their own number"
    answer = world.done("createNetworkACLList", name=name, description=text, vpcid=vpc["id"])
    uuid = str(answer.get("networkacllist", answer)["id"])
    try:
        for rule in rules:
            world.done("createNetworkACL", aclid=uuid, **rule)
    except CfnlibError:
        world.done("deleteNetworkACLList", id=uuid)
        raise
    return uuid


def _changeable(world: World, acl: Acl) -> Acl:
    """The ACL with a list of its own behind it: a default one is given that before it is changed first."""
    if acl.own:
        return acl
    if not acl.default:
        text = f"{acl.acl_id} is the list {acl.row.get('name')} of the whole cloud, which its users cannot change"
        raise unsupported(text)
    with world.making:
        again = acl_of(world, acl.acl_id)
        if again.own:
            return again
        _made(world, acl.vpc, OWN_DEFAULT, [*whole_rules(), last_rule()])
        made = acl_of(world, acl.acl_id)
        for network in again.users:
            world.done("replaceNetworkACLList", networkid=network["id"], aclid=made.row["id"])
    return made


def _checked(params: Mapping[str, Any]) -> str:
    """The block of a rule, after all of it was checked. Raises `Ec2Error`."""
    number, protocol = int(params["RuleNumber"]), str(params["Protocol"]).lower()
    if not 1 <= number < LAST:
        text = f"Value ({number}) for parameter ruleNumber is invalid. It must be 1 to {LAST - 1}."
        raise Ec2Error("InvalidParameterValue", text)
    if params.get("Ipv6CidrBlock"):
        raise unsupported("Ipv6CidrBlock: a VPC of CloudStack has blocks of IPv4 only")
    if not params.get("CidrBlock"):
        raise Ec2Error("MissingParameter", "The request must contain the parameter cidrBlock")
    if protocol not in {"-1", "tcp", "udp", "icmp", "all"} and not (protocol.isdecimal() and int(protocol) <= 255):
        raise Ec2Error("InvalidParameterValue", f"Invalid value '{protocol[:40]}' for IP protocol. Unknown protocol.")
    if protocol in _PORTS:
        ports = params.get("PortRange") or {}
        if ports.get("From") is None or ports.get("To") is None:
            raise Ec2Error(
                "MissingParameter", "The request must contain the parameter portRange.from and portRange.to"
            )
        if not 0 <= ports["From"] <= ports["To"] <= 65535:
            raise Ec2Error("InvalidParameterValue", f"Invalid TCP/UDP port range ({ports['From']}:{ports['To']})")
    if protocol in {"1", "icmp"} and params.get("IcmpTypeCode") is None:
        raise Ec2Error("MissingParameter", "The request must contain the parameter icmpTypeCode")
    return str(block(params["CidrBlock"], "cidrBlock"))


def _found(rules: list[Row], params: Mapping[str, Any]) -> Row | None:
    number, egress = int(params["RuleNumber"]), bool(params["Egress"])
    return next((rule for rule in rules if rule_number(rule) == number and is_egress(rule) == egress), None)


def _needed(world: World, acl: Acl, params: Mapping[str, Any]) -> Row:
    rule = _found(world.rows("aclrule", aclid=acl.row["id"]), params)
    if rule is None or rule_number(rule) == LAST:
        direction = "egress" if params["Egress"] else "ingress"
        text = f"The {direction} entry with rule number {params['RuleNumber']} does not exist in {acl.acl_id}"
        raise Ec2Error("InvalidNetworkAclEntry.NotFound", text)
    return rule


def _taken(params: Mapping[str, Any]) -> Ec2Error:
    text = f"The network acl entry identified by {params['RuleNumber']} already exists."
    return Ec2Error("NetworkAclEntryAlreadyExists", text)


def _in_use(acl: Acl) -> Ec2Error:
    text = f"The networkAcl '{acl.acl_id}' has dependencies and cannot be deleted."
    return Ec2Error("DependencyViolation", text)


ACTIONS = {
    "CreateNetworkAcl": create_network_acl,
    "CreateNetworkAclEntry": create_entry,
    "DeleteNetworkAcl": delete_network_acl,
    "DeleteNetworkAclEntry": delete_entry,
    "DescribeNetworkAcls": describe_network_acls,
    "ReplaceNetworkAclAssociation": replace_association,
    "ReplaceNetworkAclEntry": replace_entry,
}
