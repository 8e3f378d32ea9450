"""A bridge that is cut off between making a thing and its tags leaves nothing that a client cannot put right."""

from __future__ import annotations

import pytest
from ec2_bridges import IMAGE, TYPE, ec2_bridges, launched, refusal, settled, when

from cfnlib.simulator.faults import Fault

TAGS = [{"Key": "Name", "Value": "data"}, {"Key": "role", "Value": ""}]


def tagged(kind):
    return [{"ResourceType": kind, "Tags": TAGS}]


def cut(world, command, **more):
    """Let the next call of a command fail, as if nothing after it happened."""
    world.simulator.faults.add(Fault(command, "error", errorcode=530, cserrorcode=4250, times=1, **more))


def told(rows):
    return sorted((tag["Key"], tag["Value"]) for row in rows for tag in row.get("Tags", ()))


def in_cloud(world, command, key):
    return world.cloud.rows(command, key, {"listall": True})


@pytest.mark.parametrize("bridge", [0, 1])
def test_a_volume_is_made_once_and_gets_its_tags(bridge):
    with ec2_bridges(bridges=2) as world:
        asked = {"AvailabilityZone": "Sandbox", "Size": 3, "ClientToken": "t", "TagSpecifications": tagged("volume")}
        cut(world, "createTags")
        assert refusal(world.ec2().create_volume, **asked)
        [left] = in_cloud(world, "listVolumes", "volume")
        assert left["tags"] == []
        made = world.ec2(bridge=bridge).create_volume(**asked)
        again = world.ec2(bridge=1 - bridge).create_volume(**asked)
        assert made["VolumeId"] == again["VolumeId"]
        [row] = in_cloud(world, "listVolumes", "volume")
        assert row["id"] == left["id"]
        assert row["name"].startswith("data ")
        shown = world.ec2().describe_volumes()["Volumes"]
        assert told(shown) == [("Name", "data"), ("role", "")]
        other = {**asked, "Size": 4}
        assert refusal(world.ec2().create_volume, **other) == "IdempotentParameterMismatch"
        more = world.ec2().create_volume(**{**asked, "ClientToken": "u"})
        assert more["VolumeId"] != made["VolumeId"]


def test_the_token_of_another_account_is_another(plain_world):
    asked = {"AvailabilityZone": "Sandbox", "Size": 1, "ClientToken": "same"}
    mine = plain_world.ec2().create_volume(**asked)["VolumeId"]
    hers = plain_world.ec2(plain_world.stranger()).create_volume(**asked)["VolumeId"]
    assert mine != hers


def test_a_token_makes_another_volume_when_the_first_is_gone(plain_world):
    ec2 = plain_world.ec2()
    asked = {"AvailabilityZone": "Sandbox", "Size": 1, "ClientToken": "twice"}
    first = ec2.create_volume(**asked)["VolumeId"]
    ec2.delete_volume(VolumeId=first)
    when(lambda: refusal(ec2.describe_volumes, VolumeIds=[first]), lambda code: code == "InvalidVolume.NotFound")
    second = ec2.create_volume(**asked)["VolumeId"]
    assert second != first
    ec2.delete_volume(VolumeId=second)


def test_a_snapshots_tags_are_part_of_the_call_that_makes_it():
    with ec2_bridges(bridges=2) as world:
        ec2 = world.ec2()
        made = launched(ec2)["Instances"][0]["InstanceId"]
        [root] = [row["VolumeId"] for row in ec2.describe_volumes()["Volumes"]]
        cut(world, "createTags")
        snapshot = ec2.create_snapshot(VolumeId=root, TagSpecifications=tagged("snapshot"))
        assert told([snapshot]) == [("Name", "data"), ("role", "")]

        def look():
            return world.ec2(bridge=1).describe_snapshots(SnapshotIds=[snapshot["SnapshotId"]])["Snapshots"]

        when(look, lambda rows: rows[0]["State"] == "completed")
        assert told(look()) == [("Name", "data"), ("role", "")]
        ec2.terminate_instances(InstanceIds=[made])


def test_an_address_whose_tags_cannot_be_made_is_given_back():
    with ec2_bridges() as world:
        ec2 = world.ec2()
        first = ec2.allocate_address(TagSpecifications=tagged("elastic-ip"))
        assert told(ec2.describe_addresses()["Addresses"]) == [("Name", "data"), ("role", "")]
        cut(world, "createTags")
        assert refusal(ec2.allocate_address, TagSpecifications=tagged("elastic-ip"))
        assert [row["PublicIp"] for row in ec2.describe_addresses()["Addresses"]] == [first["PublicIp"]]


def test_an_address_without_its_tags_is_an_address_all_the_same(plain_world):
    """What a bridge leaves that dies before it makes the tags: CloudStack's call takes none."""
    ec2 = plain_world.ec2()
    launched(ec2)
    cloud = plain_world.cloud_of(plain_world.user)
    [network] = cloud.rows("listNetworks", "network", {"keyword": "cfnlib-ec2"})
    cloud.call("associateIpAddress", {"networkid": network["id"]})
    when(lambda: ec2.describe_addresses()["Addresses"], lambda rows: len(rows) == 1)
    [row] = ec2.describe_addresses()["Addresses"]
    ec2.create_tags(Resources=[row["AllocationId"]], Tags=TAGS)
    assert told(ec2.describe_addresses()["Addresses"]) == [("Name", "data"), ("role", "")]
    ec2.release_address(AllocationId=row["AllocationId"])
    assert ec2.describe_addresses()["Addresses"] == []


def test_a_group_whose_tags_cannot_be_made_is_not_left():
    with ec2_bridges() as world:
        ec2 = world.ec2()
        asked = {"GroupName": "g", "Description": "d", "TagSpecifications": tagged("security-group")}
        cut(world, "createTags")
        assert refusal(ec2.create_security_group, **asked)
        group = ec2.create_security_group(**asked)["GroupId"]
        assert told(ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]) == [
            ("Name", "data"),
            ("role", ""),
        ]


def test_a_machine_that_never_got_its_tags_is_in_its_groups_and_loses_no_volume(monkeypatch):
    monkeypatch.setattr("compat.ec2.machines.TAGS_S", 1.0)
    with ec2_bridges(bridges=2) as world:
        ec2, there = world.ec2(), world.ec2(bridge=1)
        for name in ("master", "slaves"):
            ec2.create_security_group(GroupName=name, Description="d")
        cut(world, "createTags")
        disks = [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}}]
        asked = {"ImageId": IMAGE, "InstanceType": TYPE, "MinCount": 1, "MaxCount": 1, "BlockDeviceMappings": disks}
        made = ec2.run_instances(**asked, SecurityGroups=["slaves", "master"])
        [reservation] = there.describe_instances()["Reservations"]
        names = {group["GroupName"] for group in reservation["Groups"]}
        assert names == {"master", "slaves"}
        assert {group["GroupId"] for group in reservation["Groups"]} == {
            group["GroupId"] for group in made["Instances"][0]["SecurityGroups"]
        }
        [machine] = [one["InstanceId"] for one in made["Instances"]]
        settled(ec2, "running", [machine])
        assert refusal(there.delete_security_group, GroupName="slaves") == "InvalidGroup.InUse"
        there.terminate_instances(InstanceIds=[machine])
        settled(there, "terminated", [machine])
        rows = when(lambda: in_cloud(world, "listVolumes", "volume"), lambda rows: len(rows) == 1)
        assert rows[0]["type"] == "DATADISK"


def test_what_was_attached_later_stays_and_what_was_launched_goes(plain_world):
    ec2 = plain_world.ec2()
    disks = [
        {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}},
        {"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": 1, "DeleteOnTermination": False}},
    ]
    machine = launched(ec2, BlockDeviceMappings=disks)["Instances"][0]["InstanceId"]
    mine = [{"Name": "attachment.instance-id", "Values": [machine]}]

    def volumes():
        rows = ec2.describe_volumes(Filters=mine)["Volumes"]
        return {row["Attachments"][0]["Device"]: row["VolumeId"] for row in rows}

    when(volumes, lambda found: set(found) >= {"/dev/sdf", "/dev/sdg"})
    first = volumes()
    later = ec2.create_volume(AvailabilityZone="Sandbox", Size=1)["VolumeId"]
    ec2.attach_volume(VolumeId=later, InstanceId=machine, Device="/dev/sdh")
    when(volumes, lambda found: later in found.values())
    ec2.detach_volume(VolumeId=first["/dev/sdf"])
    when(volumes, lambda found: first["/dev/sdf"] not in found.values())
    again = ec2.create_volume(AvailabilityZone="Sandbox", Size=1)["VolumeId"]
    ec2.attach_volume(VolumeId=again, InstanceId=machine, Device="/dev/sdb")  # where the first was, for CloudStack
    when(volumes, lambda found: again in found.values())
    ec2.terminate_instances(InstanceIds=[machine])
    settled(ec2, "terminated", [machine])
    stay = {later, again, first["/dev/sdf"], first["/dev/sdg"]}
    left = {row["VolumeId"]: row for row in ec2.describe_volumes()["Volumes"]}
    assert stay <= set(left)
    for name in stay:
        when(lambda name=name: ec2.describe_volumes(VolumeIds=[name])["Volumes"][0]["State"], "available".__eq__)
        ec2.delete_volume(VolumeId=name)


def test_tags_for_what_carries_none_are_refused(plain_world):
    ec2 = plain_world.ec2()
    assert refusal(ec2.create_key_pair, KeyName="k", TagSpecifications=tagged("key-pair")) == "UnsupportedOperation"
    assert refusal(ec2.create_volume, AvailabilityZone="Sandbox", Size=1, TagSpecifications=tagged("instance")) == (
        "InvalidParameterValue"
    )
    assert ec2.describe_key_pairs()["KeyPairs"] == []
    asked = {"ImageId": IMAGE, "InstanceType": TYPE, "MinCount": 1, "MaxCount": 1}
    before = plain_world.machines()
    spot = {"LaunchSpecification": {"ImageId": IMAGE}, "TagSpecifications": tagged("spot-instances-request")}
    assert refusal(ec2.request_spot_instances, **spot) == "UnsupportedOperation"
    assert (
        refusal(ec2.run_instances, **asked, TagSpecifications=tagged("network-interface")) == "UnsupportedOperation"
    )
    assert plain_world.machines() == before


def test_the_volumes_of_a_launch_are_tagged(plain_world):
    ec2 = plain_world.ec2()
    disks = [
        {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}},
        {"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": 2}},
    ]
    made = launched(ec2, BlockDeviceMappings=disks, TagSpecifications=tagged("volume"))["Instances"][0]["InstanceId"]
    mine = [{"Name": "attachment.instance-id", "Values": [made]}]
    look = lambda: [told([row]) for row in ec2.describe_volumes(Filters=mine)["Volumes"]]  # noqa: E731 - short
    when(look, lambda found: found == [[("Name", "data"), ("role", "")]] * 3)
    ec2.terminate_instances(InstanceIds=[made])
    settled(ec2, "terminated", [made])


def test_a_rule_is_tagged_under_the_id_that_lasts(ec2_world):
    ec2, there = ec2_world.ec2(), ec2_world.ec2(bridge=1)
    group = ec2.create_security_group(GroupName=f"tagged {ec2_world.zone}", Description="d")["GroupId"]
    source = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1}
    [rule] = ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[{**source, "IpRanges": [{"CidrIp": "192.0.2.0/24"}]}]
    )["SecurityGroupRules"]
    name = rule["SecurityGroupRuleId"]
    wanted = {**source, "CidrIpv4": "198.51.100.0/24"}
    change = [{"SecurityGroupRuleId": name, "SecurityGroupRule": wanted}]
    ec2.create_tags(Resources=[name], Tags=TAGS[:1])
    ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=change)
    there.create_tags(Resources=[name], Tags=TAGS[1:])
    asked = [{"Name": "resource-id", "Values": [name]}]
    assert [row["Key"] for row in ec2.describe_tags(Filters=asked)["Tags"]] == ["Name", "role"]
    assert {row["ResourceType"] for row in ec2.describe_tags(Filters=asked)["Tags"]} == {"security-group-rule"}
    shown = there.describe_security_group_rules(Filters=[{"Name": "tag:Name", "Values": ["data"]}])
    assert [row["SecurityGroupRuleId"] for row in shown["SecurityGroupRules"]] == [name]
    ec2.delete_tags(Resources=[name])
    assert ec2.describe_tags(Filters=asked)["Tags"] == []
    assert refusal(ec2.create_tags, Resources=["sgr-0123456789abcdef0"], Tags=TAGS) == (
        "InvalidSecurityGroupRuleId.NotFound"
    )
