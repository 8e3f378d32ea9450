"""Types that only show what they are when they stand in a stack."""

from __future__ import annotations

import json

import pytest
from cloud_worlds import IMAGE

from cfnlib.stacks import Stacks
from cfnlib.state.sql import SqlStore

MACHINE = f"""
  Net: {{Type: CloudStack::Network}}
  Web:
    Type: AWS::EC2::Instance
    Properties: {{ImageId: "{IMAGE}", InstanceType: Small Instance, SubnetId: !Ref Net}}
"""


@pytest.fixture
def stacks(isolated):
    return Stacks(isolated.driver, SqlStore("sqlite:///:memory:"))


@pytest.mark.parametrize(("policy", "kept"), [("Delete", 0), ("Snapshot", 1)])
def test_the_deletion_policy_says_whether_a_volume_leaves_a_snapshot(isolated, stacks, policy, kept):
    template = f"""
Resources:{MACHINE}
  Data:
    Type: AWS::EC2::Volume
    DeletionPolicy: {policy}
    Properties: {{Size: 3, AvailabilityZone: !GetAtt Web.AvailabilityZone}}
  Mount:
    Type: AWS::EC2::VolumeAttachment
    Properties: {{VolumeId: !Ref Data, InstanceId: !Ref Web, Device: /dev/sdf}}
"""
    stacks.create("demo", template)
    stacks.delete("demo")
    assert isolated.rows("listVolumes", "volume") == []
    assert len(isolated.rows("listSnapshots", "snapshot")) == kept


@pytest.mark.parametrize("by", ["InstanceId: !Ref Web", ""])
def test_an_address_belongs_to_the_network_that_its_machine_names(isolated, stacks, by):
    template = f"""
Resources:{MACHINE}
  Address:
    Type: AWS::EC2::EIP
    Properties: {{Domain: vpc, {by}}}
"""
    if not by:
        template += """
  Association:
    Type: AWS::EC2::EIPAssociation
    Properties: {AllocationId: !GetAtt Address.AllocationId, InstanceId: !Ref Web}
"""
    stacks.create("demo", template)
    (network,) = isolated.rows("listNetworks", "network", type="Isolated")
    (address,) = isolated.rows("listPublicIpAddresses", "publicipaddress", isstaticnat=True)
    assert address["associatednetworkid"] == network["id"]
    stacks.delete("demo")
    assert isolated.rows("listNetworks", "network", type="Isolated") == []


def test_the_group_tells_its_members_and_what_a_key_pair_told_once_is_kept(isolated, stacks):
    template = f"""
Resources:
  Key: {{Type: AWS::EC2::KeyPair, Properties: {{KeyName: mine}}}}
  Like:
    Type: AWS::AutoScaling::LaunchConfiguration
    Properties: {{ImageId: "{IMAGE}", InstanceType: Small Instance, KeyName: !Ref Key}}
  Agents:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties: {{MinSize: "2", MaxSize: "2", LaunchConfigurationName: !Ref Like}}
Outputs:
  Names: {{Value: !Join [",", !GetAtt Agents.Members]}}
  Addresses: {{Value: !Join [",", !GetAtt Agents.PrivateIps]}}
  Secret: {{Value: !GetAtt Key.PrivateKey}}
"""
    outputs = stacks.create("demo", template).outputs
    machines = isolated.rows("listVirtualMachines", "virtualmachine")
    assert {machine["keypairs"] for machine in machines} == {"mine"}
    assert set(outputs["Names"].split(",")) == {machine["name"] for machine in machines}
    assert set(outputs["Addresses"].split(",")) == {machine["nic"][0]["ipaddress"] for machine in machines}
    assert "PRIVATE KEY" in json.dumps(outputs["Secret"])


def test_security_groups_and_the_rules_beside_them_come_and_go_with_the_stack(grouped):
    stacks = Stacks(grouped.driver, SqlStore("sqlite:///:memory:"))
    template = f"""
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: machines
      SecurityGroupIngress: [{{IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 0.0.0.0/0}}]
  Among:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: {{GroupId: !Ref Group, IpProtocol: -1, SourceSecurityGroupId: !GetAtt Group.GroupId}}
  Web:
    Type: AWS::EC2::Instance
    Properties: {{ImageId: "{IMAGE}", InstanceType: Small Instance, SecurityGroups: [!Ref Group]}}
"""
    stacks.create("demo", template)
    (group,) = [one for one in grouped.rows("listSecurityGroups", "securitygroup") if one["name"] != "default"]
    assert len(group["ingressrule"]) == 2
    (machine,) = grouped.rows("listVirtualMachines", "virtualmachine")
    assert [one["id"] for one in machine["securitygroup"]] == [group["id"]]
    stacks.delete("demo")
    assert [one["name"] for one in grouped.rows("listSecurityGroups", "securitygroup")] == ["default"]
