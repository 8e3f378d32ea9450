"""The same template in a zone with security groups and in one without: what it lets through is the same."""

from __future__ import annotations

import pytest
from fault_worlds import IMAGE, cloud

TEMPLATE = f"""
Parameters:
  Port: {{Type: String, Default: "80"}}
  Public: {{Type: String, Default: "no"}}
Conditions:
  IsPublic: !Equals [!Ref Public, "yes"]
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: web
      SecurityGroupIngress:
        - {{IpProtocol: tcp, FromPort: !Ref Port, ToPort: !Ref Port, CidrIp: 0.0.0.0/0}}
        - {{IpProtocol: icmp, FromPort: -1, ToPort: -1, CidrIp: 10.0.0.0/8}}
  Among:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: {{GroupId: !Ref Group, IpProtocol: tcp, FromPort: 2181, ToPort: 2888, CidrIp: 192.168.0.0/16}}
  Web:
    Type: AWS::EC2::Instance
    Properties: {{ImageId: {IMAGE}, InstanceType: Small Instance, SecurityGroups: [!Ref Group]}}
  Address: {{Type: AWS::EC2::EIP, Condition: IsPublic, Properties: {{InstanceId: !Ref Web}}}}
Outputs:
  Machine: {{Value: !Ref Web}}
"""


def ports(rule):
    """The first and the last port of a rule, which the cloud calls otherwise in a security group."""
    return rule.get("startport", rule.get("first")), rule.get("endport", rule.get("last"))


def let_in(world, port="80"):
    """What is let in: protocol, first and last port, from where; and what the template says should be."""
    kind = "securityrule" if world.things("securityrule") else "firewallrule"
    found = {
        (one["protocol"], *ports(one), str(one.get("cidrs") or one.get("cidr")))
        for one in world.things(kind)
        if one.get("direction", "ingress") == "ingress"
    }
    wanted = {("tcp", int(port), int(port), "0.0.0.0/0"), ("tcp", 2181, 2888, "192.168.0.0/16")}
    return {one for one in found if one[0] == "tcp"}, wanted


def test_in_a_zone_with_security_groups_the_group_is_one_of_the_clouds():
    with cloud(zone="SandboxSG") as world:
        world.stacks.create("demo", TEMPLATE)
        (group,) = [one for one in world.things("securitygroup") if one["name"] != "default"]
        (machine,) = world.things("virtualmachine")
        assert machine["groups"] == [group["id"]]
        found, wanted = let_in(world)
        assert found == wanted
        assert world.things("network") == world.things("firewallrule") == world.things("egressrule") == []
        assert world.held() == world.known("demo")
        world.stacks.update("demo", None, {"Port": "8080"})
        found, wanted = let_in(world, "8080")
        assert found == wanted
        world.stacks.delete("demo")
        assert world.held() == set()


def test_in_an_isolated_zone_the_group_becomes_rules_of_the_address_and_the_network(world):
    world.stacks.create("demo", TEMPLATE, {"Public": "yes"})
    found, wanted = let_in(world)
    assert found == wanted
    assert [one["protocol"] for one in world.things("egressrule")] == ["all"]
    assert [one for one in world.things("securitygroup") if one["name"] != "default"] == []
    assert world.held() == world.known("demo")
    world.stacks.update("demo", None, {"Port": "8080"})
    found, wanted = let_in(world, "8080")
    assert found == wanted
    world.stacks.delete("demo")
    assert world.held() == set()


def test_without_an_address_nothing_is_let_in_and_the_plan_says_so(world):
    plan = world.stacks.plan("demo", TEMPLATE)
    (warning,) = [one for one in plan.diagnostics if one.logical_id == "Group"]
    assert "no security groups" in warning.message
    assert "nothing from outside reaches them" in warning.message
    assert warning.span.line == TEMPLATE.split("AWS::EC2::SecurityGroup", maxsplit=1)[0].count("\n") + 1
    world.stacks.create("demo", TEMPLATE)
    assert world.things("firewallrule") == []


def test_rules_come_and_go_with_the_address(world):
    world.stacks.create("demo", TEMPLATE)
    for public in ("yes", "no", "yes"):
        world.stacks.update("demo", None, {"Public": public})
        found, wanted = let_in(world)
        assert found == (wanted if public == "yes" else set())
        assert world.held() == world.known("demo")


@pytest.mark.parametrize("zone", ["Sandbox", "SandboxSG"])
def test_what_a_group_lets_out_is_all_or_what_it_says(zone):
    egress = "      SecurityGroupEgress: [{IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0}]\n"
    narrow = TEMPLATE.replace("  Among:", f"{egress}  Among:")
    with cloud(zone=zone) as world:
        world.stacks.create("demo", narrow)
        kind = "egressrule" if zone == "Sandbox" else "securityrule"
        rules = [one for one in world.things(kind) if one.get("direction", "egress") == "egress"]
        assert [(one["protocol"], *ports(one)) for one in rules] == [("tcp", 443, 443)]
        world.stacks.update("demo", TEMPLATE)
        rules = [one for one in world.things(kind) if one.get("direction", "egress") == "egress"]
        assert [one["protocol"] for one in rules] == (["all"] if zone == "Sandbox" else [])
        assert world.held() == world.known("demo")
