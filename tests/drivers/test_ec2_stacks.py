"""The same templates through an EC2 API: made, changed, taken back, removed, on every API that there is."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

import pytest
from ec2_worlds import IMAGE, MEDIUM, MESOS, SMALL

from cfnlib.errors import NoUpdatesError, OperationFailedError, TemplateError

LAMP = (Path(__file__).parents[2] / "templates" / "lamp.yaml").read_text(encoding="utf-8")
TAKEN = """  Late:
    Type: AWS::EC2::SecurityGroup
    DependsOn: [Mount, Nodes]
    Properties: {GroupName: taken, GroupDescription: d}
Outputs:"""
NO_KEY = """  Late:
    Type: AWS::EC2::KeyPair
    DependsOn: [Mount, Master]
    Properties: {KeyName: bad, PublicKeyMaterial: this is no key}
Outputs:"""


def ports(group, direction="IpPermissions"):
    """The rules of a group, without their other side."""
    return sorted((rule["IpProtocol"], rule.get("FromPort"), rule.get("ToPort")) for rule in group[direction])


def test_a_cluster_is_made_as_the_template_says(ec2_world):
    stack = ec2_world.stacks.create("mesos", MESOS)
    assert stack.status == "CREATE_COMPLETE"
    assert ec2_world.held() == ec2_world.known("mesos") | {
        "volume": sorted(v["VolumeId"] for v in ec2_world.volumes())
    }
    machines = ec2_world.machines()
    assert len(machines) == 5
    assert {one["State"]["Name"] for one in machines.values()} == {"running"}
    assert {"mesos-nodes-1", "mesos-nodes-2", "mesos-nodes-3"} <= machines.keys()
    master = next(one for name, one in machines.items() if "master" in name)
    assert master["PrivateIpAddress"] == stack.outputs["Inner"]
    assert master["KeyName"] == "mesos-key"
    groups = ec2_world.groups()
    inside = next(group for name, group in groups.items() if "inside" in name)
    masters = next(group for name, group in groups.items() if "masters" in name)
    assert {group["GroupId"] for group in master["SecurityGroups"]} == {inside["GroupId"], masters["GroupId"]}
    assert ("tcp", 5050, 5050) in ports(masters)
    among = next(rule for rule in inside["IpPermissions"] if rule["IpProtocol"] == "-1")
    assert [pair["GroupId"] for pair in among["UserIdGroupPairs"]] == [inside["GroupId"]]
    sizes = {volume["Size"]: [one["InstanceId"] for one in volume["Attachments"]] for volume in ec2_world.volumes()}
    assert sizes == {5: [master["InstanceId"]], 7: [master["InstanceId"]]}


def test_user_data_and_tags_arrive(ec2_world):
    ec2_world.stacks.create("mesos", MESOS)
    machines = ec2_world.machines()
    master = next(one for name, one in machines.items() if "master" in name)
    assert {"Key": "role", "Value": "master"} in master["Tags"]
    asked = {"InstanceId": machines["mesos-nodes-2"]["InstanceId"], "Attribute": "userData"}
    said = ec2_world.client.call("DescribeInstanceAttribute", asked)["UserData"]["Value"]
    assert f"master={master['PrivateIpAddress']}" in b64decode(said).decode()
    [data] = [volume for volume in ec2_world.volumes() if volume["Size"] == 5]
    assert {"Key": "keeps", "Value": "logs"} in data["Tags"]
    assert {"Key": "spare", "Value": ""} in data["Tags"]


def test_an_address_leads_to_its_machine_or_is_the_machines_own(ec2_world):
    stack = ec2_world.stacks.create("mesos", MESOS)
    master = next(one for name, one in ec2_world.machines().items() if "master" in name)
    if ec2_world.addresses:
        [address] = ec2_world.addresses_held()
        assert address["InstanceId"] == master["InstanceId"]
        assert address["PublicIp"] == stack.outputs["Address"]
    else:
        assert stack.outputs["Address"] == master["PrivateIpAddress"]


def test_what_is_removed_leaves_nothing(ec2_world):
    ec2_world.stacks.create("mesos", MESOS)
    assert ec2_world.stacks.delete("mesos").status == "DELETE_COMPLETE"
    assert ec2_world.held() == {}


def test_an_update_changes_what_changed_and_keeps_the_rest(ec2_world):
    ec2_world.stacks.create("mesos", MESOS)
    before = ec2_world.machines()
    changed = {"Agents": "4", "Port": "5051", "Disk": "9", "Size": MEDIUM}
    assert ec2_world.stacks.update("mesos", None, changed).status == "UPDATE_COMPLETE"
    after = ec2_world.machines()
    assert after.keys() - before.keys() == {"mesos-nodes-4"}
    assert {name: one["InstanceId"] for name, one in after.items() if name in before} == {
        name: one["InstanceId"] for name, one in before.items()
    }
    name = next(name for name in after if "master" in name)
    assert after[name]["InstanceType"] == ec2_world.config.types.get(MEDIUM, MEDIUM)
    assert after[name]["State"]["Name"] == "running"
    masters = next(group for name, group in ec2_world.groups().items() if "masters" in name)
    assert ("tcp", 5051, 5051) in ports(masters)
    assert ("tcp", 5050, 5050) not in ports(masters)
    assert {volume["Size"] for volume in ec2_world.volumes()} == {7, 9}
    with pytest.raises(NoUpdatesError):
        ec2_world.stacks.update("mesos", None, changed)
    ec2_world.stacks.delete("mesos")
    assert ec2_world.held() == {}


def test_an_update_that_replaces_a_machine_leaves_only_the_new_one(ec2_world):
    template = f"""
Parameters: {{Root: {{Type: Number, Default: 20}}}}
Resources:
  One:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: {IMAGE}
      InstanceType: {SMALL}
      BlockDeviceMappings: [{{DeviceName: /dev/sda1, Ebs: {{VolumeSize: !Ref Root}}}}]
  Data: {{Type: AWS::EC2::Volume, Properties: {{Size: 3}}}}
  Mount: {{Type: AWS::EC2::VolumeAttachment, Properties: {{VolumeId: !Ref Data, InstanceId: !Ref One}}}}
"""
    ec2_world.stacks.create("one", template)
    [old] = ec2_world.machines().values()
    ec2_world.stacks.update("one", None, {"Root": "30"})
    [new] = ec2_world.machines().values()
    assert new["InstanceId"] != old["InstanceId"]
    [volume] = ec2_world.volumes()
    assert [one["InstanceId"] for one in volume["Attachments"]] == [new["InstanceId"]]
    ec2_world.stacks.delete("one")
    assert ec2_world.held() == {}


def test_the_lamp_template_needs_no_change(ec2_world):
    stack = ec2_world.stacks.create("lamp", LAMP)
    assert stack.outputs["URL"] == f"http://{stack.outputs['Address']}/"
    assert len(ec2_world.machines()) == 2
    assert ec2_world.stacks.delete("lamp").status == "DELETE_COMPLETE"
    assert ec2_world.held() == {}


def test_a_creation_that_fails_is_taken_back(ec2_world):
    taken = {"GroupName": "taken", "Description": "a stranger's"}
    ec2_world.client.call("CreateSecurityGroup", taken)
    stranger = ec2_world.held()
    template = MESOS.replace("Outputs:", TAKEN)
    with pytest.raises(OperationFailedError, match="taken"):
        ec2_world.stacks.create("mesos", template)
    assert ec2_world.stacks["mesos"].status == "ROLLBACK_COMPLETE"
    assert ec2_world.held() == stranger


def test_an_update_that_fails_is_taken_back(ec2_world):
    ec2_world.stacks.create("mesos", MESOS)
    before = ec2_world.held()
    template = MESOS.replace("Outputs:", NO_KEY)
    with pytest.raises(OperationFailedError):
        ec2_world.stacks.update("mesos", template, {"Port": "5051", "Size": MEDIUM})
    assert ec2_world.stacks["mesos"].status == "UPDATE_ROLLBACK_COMPLETE"
    assert ec2_world.held() == before
    master = next(one for name, one in ec2_world.machines().items() if "master" in name)
    assert master["InstanceType"] == ec2_world.config.types.get(SMALL, SMALL)
    assert master["State"]["Name"] == "running"


def test_egress_rules_are_the_only_way_out_and_without_them_all_may_leave_again(ec2_world):
    template = """
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupName: out
      GroupDescription: d
      SecurityGroupEgress:
        - {IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0}
        - {IpProtocol: udp, FromPort: 53, ToPort: 53, CidrIp: 192.0.2.0/24}
"""
    ec2_world.stacks.create("out", template)
    assert ports(ec2_world.groups()["out"], "IpPermissionsEgress") == [("tcp", 443, 443), ("udp", 53, 53)]
    closed = template.replace("      SecurityGroupEgress:\n", "").replace("        - {", "      # {")
    ec2_world.stacks.update("out", closed)
    open_again = ec2_world.groups()["out"]
    assert ports(open_again, "IpPermissionsEgress") in ([], [("-1", None, None)])
    assert bool(open_again["IpPermissionsEgress"]) is bool(open_again.get("VpcId"))


def test_a_type_without_a_counterpart_is_told_before_anything_is_made(ec2_world):
    template = "Resources:\n  Net: {Type: CloudStack::Network, Properties: {networkofferingid: any}}"
    with pytest.raises(TemplateError, match=r"CloudStack::Network has no counterpart .* EC2 driver"):
        ec2_world.stacks.create("net", template)
    assert ec2_world.held() == {}


def test_names_that_the_cloud_does_not_know_are_told_with_their_place(ec2_world):
    template = f"""Resources:
  One:
    Type: AWS::EC2::Instance
    Properties: {{ImageId: {IMAGE}x, InstanceType: Smal Instance}}
"""
    with pytest.raises(TemplateError) as caught:
        ec2_world.stacks.create("one", template)
    texts = [str(item) for item in caught.value.diagnostics]
    assert any("Smal Instance" in text and "Small Instance" in text and ":4:" in text for text in texts)
    assert any(f"{IMAGE}x" in text for text in texts)
