"""Rules of security groups one by one: their ids last, their descriptions are kept, every bridge tells the same."""

from __future__ import annotations

import pytest
from ec2_bridges import ec2_bridges, refusal

from cfnlib.simulator.faults import Fault

HERE, THERE = "192.0.2.0/24", "198.51.100.0/24"


def permission(port=80, cidr=HERE, text=None, protocol="tcp"):
    source = {"CidrIp": cidr, **({"Description": text} if text else {})}
    return {"IpProtocol": protocol, "FromPort": port, "ToPort": port, "IpRanges": [source]}


def asked(port=80, cidr=HERE, text=None):
    """A rule as ModifySecurityGroupRules takes one."""
    rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIpv4": cidr}
    return {**rule, **({"Description": text} if text else {})}


def rules(ec2, group):
    """The rules of a group by their ids."""
    found = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    return {row["SecurityGroupRuleId"]: row for row in found["SecurityGroupRules"]}


def in_cloud(world, name):
    """What the cloud has of a group: protocol, ports and source of its incoming rules."""
    rows = world.cloud.rows("listSecurityGroups", "securitygroup", {"listall": True, "securitygroupname": name})
    found = [rule for row in rows for rule in row["ingressrule"]]
    return sorted((one["protocol"], one.get("startport"), one.get("endport"), one.get("cidr")) for one in found)


@pytest.fixture
def group(ec2_world, request):
    """The id and the name of a new group."""
    name = f"rules {request.node.name}"[:250]
    return ec2_world.ec2().create_security_group(GroupName=name, Description="d")["GroupId"], name


def test_what_is_authorized_is_told_with_its_id(ec2_world, group):
    ec2, there = ec2_world.ec2(), ec2_world.ec2(bridge=1)
    made = ec2.authorize_security_group_ingress(
        GroupId=group[0],
        IpPermissions=[permission(80, text="web"), permission(81)],
        TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": [{"Key": "Name", "Value": "n"}]}],
    )["SecurityGroupRules"]
    found = rules(there, group[0])
    assert {row["SecurityGroupRuleId"]: row for row in made} == found
    assert {row["FromPort"]: row.get("Description") for row in found.values()} == {80: "web", 81: None}
    assert {tag["Value"] for row in found.values() for tag in row["Tags"]} == {"n"}
    [shown] = there.describe_security_groups(GroupIds=[group[0]])["SecurityGroups"]
    ranges = {one["FromPort"]: one["IpRanges"] for one in shown["IpPermissions"]}
    assert ranges == {80: [{"CidrIp": HERE, "Description": "web"}], 81: [{"CidrIp": HERE}]}


def test_a_rule_is_changed_under_its_id(ec2_world, group):
    ec2, there = ec2_world.ec2(), ec2_world.ec2(bridge=1)
    ec2.authorize_security_group_ingress(GroupId=group[0], IpPermissions=[permission(80, text="web")])
    [name] = rules(ec2, group[0])
    for port, text in ((81, "other"), (82, None), (82, "again")):
        change = [{"SecurityGroupRuleId": name, "SecurityGroupRule": asked(port, THERE, text)}]
        ec2.modify_security_group_rules(GroupId=group[0], SecurityGroupRules=change)
        [row] = rules(there, group[0]).values()
        assert (row["SecurityGroupRuleId"], row["FromPort"], row.get("Description")) == (name, port, text)
        assert in_cloud(ec2_world, group[1]) == [("tcp", port, port, THERE)]
    found = there.describe_security_group_rules(SecurityGroupRuleIds=[name])["SecurityGroupRules"]
    assert [row["FromPort"] for row in found] == [82]
    there.revoke_security_group_ingress(GroupId=group[0], SecurityGroupRuleIds=[name])
    assert in_cloud(ec2_world, group[1]) == []
    assert refusal(ec2.describe_security_group_rules, SecurityGroupRuleIds=[name]) == (
        "InvalidSecurityGroupRuleId.NotFound"
    )


def test_a_change_that_is_another_rule_or_none_changes_nothing(ec2_world, group):
    ec2 = ec2_world.ec2()
    ec2.authorize_security_group_ingress(GroupId=group[0], IpPermissions=[permission(80), permission(81)])
    before = rules(ec2, group[0])
    name = next(key for key, row in before.items() if row["FromPort"] == 80)

    def change(rule, rule_id=name):
        changes = [{"SecurityGroupRuleId": rule_id, "SecurityGroupRule": rule}]
        return refusal(ec2.modify_security_group_rules, GroupId=group[0], SecurityGroupRules=changes)

    assert change(asked(81)) == "InvalidPermission.Duplicate"
    assert change(asked(82), "sgr-0123456789abcdef0") == "InvalidSecurityGroupRuleId.NotFound"
    assert change({"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1}) == "InvalidParameterCombination"
    assert change(asked(82, "nowhere")) == "InvalidParameterValue"
    assert change({**asked(82), "Description": "x" * 256}) == "InvalidParameterValue"
    assert rules(ec2, group[0]) == before


def test_a_rule_may_turn_to_a_group(ec2_world, group):
    ec2 = ec2_world.ec2()
    ec2.authorize_security_group_ingress(GroupId=group[0], IpPermissions=[permission(80)])
    [name] = rules(ec2, group[0])
    rule = {"IpProtocol": "-1", "ReferencedGroupId": group[0]}
    change = [{"SecurityGroupRuleId": name, "SecurityGroupRule": rule}]
    ec2.modify_security_group_rules(GroupId=group[0], SecurityGroupRules=change)
    [row] = rules(ec2, group[0]).values()
    assert (row["SecurityGroupRuleId"], row["ReferencedGroupInfo"]["GroupId"]) == (name, group[0])
    assert "CidrIpv4" not in row


def test_descriptions_are_changed_and_taken_away(ec2_world, group):
    ec2, there = ec2_world.ec2(), ec2_world.ec2(bridge=1)
    for direction in ("ingress", "egress"):
        getattr(ec2, f"authorize_security_group_{direction}")(GroupId=group[0], IpPermissions=[permission(80)])
    names = {row["IsEgress"]: name for name, row in rules(ec2, group[0]).items()}

    def texts():
        return {row["IsEgress"]: row.get("Description") for row in rules(there, group[0]).values()}

    ingress, egress = (
        getattr(ec2, f"update_security_group_rule_descriptions_{one}") for one in ("ingress", "egress")
    )
    ingress(GroupId=group[0], IpPermissions=[permission(80, text="in")])
    egress(GroupId=group[0], SecurityGroupRuleDescriptions=[{"SecurityGroupRuleId": names[True], "Description": "o"}])
    assert texts() == {False: "in", True: "o"}
    wrong = [{"SecurityGroupRuleId": names[False], "Description": "x"}]
    assert refusal(egress, GroupId=group[0], SecurityGroupRuleDescriptions=wrong) == (
        "InvalidSecurityGroupRuleId.NotFound"
    )
    assert refusal(ingress, GroupId=group[0], IpPermissions=[permission(81)]) == "InvalidPermission.NotFound"
    ingress(GroupName=group[1], IpPermissions=[permission(80)])
    assert texts() == {False: None, True: "o"}
    assert set(rules(ec2, group[0])) == set(names.values())


@pytest.mark.parametrize(
    ("name", "values", "ports"),
    [
        ("description", ["we*"], {80}),
        ("from-port", ["81"], {81}),
        ("cidr-ipv4", [THERE], {81}),
        ("is-egress", ["false"], {80, 81}),
        ("is-egress", ["true"], set()),
    ],
)
def test_filters(ec2_world, group, name, values, ports):
    ec2 = ec2_world.ec2()
    given = [permission(80, text="web"), permission(81, THERE)]
    ec2.authorize_security_group_ingress(GroupId=group[0], IpPermissions=given)
    chosen = [{"Name": "group-id", "Values": [group[0]]}, {"Name": name, "Values": values}]
    found = ec2.describe_security_group_rules(Filters=chosen)["SecurityGroupRules"]
    assert {row["FromPort"] for row in found} == ports


@pytest.mark.parametrize("command", ["createTags", "revokeSecurityGroupIngress"])
def test_a_change_that_was_cut_off_is_brought_to_its_end(command):
    with ec2_bridges() as world:
        ec2 = world.ec2()
        group = ec2.create_security_group(GroupName="cut", Description="d")["GroupId"]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission(80)])
        [name] = rules(ec2, group)
        world.simulator.faults.add(Fault(command, "error", errorcode=530, cserrorcode=4250, times=1))
        change = {
            "GroupId": group,
            "SecurityGroupRules": [{"SecurityGroupRuleId": name, "SecurityGroupRule": asked(81)}],
        }
        assert refusal(ec2.modify_security_group_rules, **change)
        assert ("tcp", 81, 81, HERE) in in_cloud(world, "cut")
        if command == "createTags":  # the new rule has an id of its own yet: it is taken away, and made again
            other = next(key for key in rules(ec2, group) if key != name)
            ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[other])
        ec2.modify_security_group_rules(**change)
        assert in_cloud(world, "cut") == [("tcp", 81, 81, HERE)]
        assert list(rules(ec2, group)) == [name]


def test_another_account_has_none_of_them(plain_world):
    mine, other = plain_world.ec2(), plain_world.ec2(plain_world.stranger())
    group = mine.create_security_group(GroupName="of mine", Description="d")["GroupId"]
    mine.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission(80)])
    [name] = rules(mine, group)
    change = [{"SecurityGroupRuleId": name, "SecurityGroupRule": asked(81)}]
    texts = [{"SecurityGroupRuleId": name, "Description": "x"}]
    assert refusal(other.modify_security_group_rules, GroupId=group, SecurityGroupRules=change) == (
        "InvalidGroup.NotFound"
    )
    assert refusal(
        other.update_security_group_rule_descriptions_ingress, GroupId=group, SecurityGroupRuleDescriptions=texts
    ) == ("InvalidGroup.NotFound")
    assert refusal(other.describe_security_group_rules, SecurityGroupRuleIds=[name]) == (
        "InvalidSecurityGroupRuleId.NotFound"
    )
    assert rules(mine, group)[name]["FromPort"] == 80
