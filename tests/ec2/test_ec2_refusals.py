"""What is not offered says why and what to do instead; who asks too often is told so, and nobody else is."""

from __future__ import annotations

import re

import pytest
from ec2_bridges import IMAGE, SERVICE, TYPE, code_of, ec2_bridges, launched, refusal

from cfnlib.simulator.api import commands
from compat.ec2.actions import table
from compat.ec2.command import main
from compat.ec2.reasons import FALLBACK, REASONS, reason

OFFERED = set(table())
OTHERS = [name for name in SERVICE.operations if name not in OFFERED]
WORDS_OF_ITS_OWN = {"autoEnableIO"}
NAMES_OF_PARAMETERS = {"InstanceType", "NetworkBorderGroup", "PrivateIpAddress", "SnapshotId"}
NAMES_OF_PROGRAMS = {"CloudStack", "CloudFormation"}


def test_every_action_that_is_not_offered_has_a_reason_of_its_own():
    assert [name for name in OTHERS if FALLBACK in reason(name)] == []


def test_no_reason_is_left_over():
    used = {next(word for word, _ in REASONS if word in name) for name in OTHERS}
    assert [word for word, _ in REASONS if word not in used] == []


@pytest.mark.parametrize(("word", "text"), REASONS)
def test_a_reason_names_what_there_is(word, text):
    told = set(re.findall(r"\b[a-z]+[A-Z]\w+", text)) - WORDS_OF_ITS_OWN
    assert told <= set(commands()), word
    of_ec2 = set(re.findall(r"\b(?:[A-Z][a-z]+){2,}\b", text)) - NAMES_OF_PROGRAMS - NAMES_OF_PARAMETERS
    assert of_ec2 <= OFFERED, word


@pytest.mark.parametrize(
    ("action", "way"),
    [
        ("CreateLaunchTemplate", "RunInstances"),
        ("CreateFleet", "createAutoScaleVmGroup"),
        ("CreateVpcPeeringConnection", "createVpnConnection"),
        ("CreateVpnConnection", "createVpnConnection"),
        ("ImportImage", "registerTemplate"),
        ("ExportImage", "extractTemplate"),
        ("CreateCapacityReservationFleet", "dedicateHost"),
    ],
)
def test_the_way_out_is_told(plain_world, action, way):
    status, text = plain_world.ask([("Action", action), ("Version", "2016-11-15")])
    assert (status, code_of(text)) == (400, "UnsupportedOperation")
    assert way in text


def test_an_account_that_asks_too_often_is_told_so_and_others_are_not():
    with ec2_bridges(requests_per_s=0.2) as world:
        mine, other = world.ec2(), world.ec2(world.stranger())
        asked = [("Action", "DescribeRegions"), ("Version", "2016-11-15")]
        assert [world.ask(asked)[0] for _ in range(2)] == [200, 200]
        status, text = world.ask(asked)
        assert (status, code_of(text)) == (503, "RequestLimitExceeded")
        assert refusal(mine.run_instances, ImageId="i", MinCount=1, MaxCount=1) == "RequestLimitExceeded"
        assert world.machines() == {}
        assert other.describe_regions()["Regions"]


@pytest.mark.parametrize("number", ["0", "-1", "nan", "inf", "many"])
def test_a_rate_that_is_none_is_refused_at_the_start(number, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--requests-per-second", number])
    assert ended.value.code == 2
    assert "--requests-per-second" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("harmless", "wanted"),
    [
        ({"DisableApiTermination": False}, {"DisableApiTermination": True}),
        ({"InstanceInitiatedShutdownBehavior": "stop"}, {"InstanceInitiatedShutdownBehavior": "terminate"}),
        ({"HibernationOptions": {"Configured": False}}, {"HibernationOptions": {"Configured": True}}),
        ({"EbsOptimized": True}, {"IamInstanceProfile": {"Name": "n"}}),
        ({"MetadataOptions": {"HttpTokens": "optional"}}, {"MetadataOptions": {"HttpTokens": "required"}}),
        ({}, {"BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"DeleteOnTermination": False}}]}),
        ({}, {"InstanceMarketOptions": {"MarketType": "capacity-block"}}),
        ({"Monitoring": {"Enabled": True}}, {"LaunchTemplate": {"LaunchTemplateName": "n"}}),
        ({}, {"BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"Encrypted": True}}]}),
    ],
)
def test_what_a_launch_cannot_have_is_refused_and_what_changes_nothing_is_not(plain_world, harmless, wanted):
    ec2 = plain_world.ec2()
    before = plain_world.machines()
    asked = {"ImageId": IMAGE, "InstanceType": TYPE, "MinCount": 1, "MaxCount": 1}
    assert refusal(ec2.run_instances, **asked, **wanted) == "UnsupportedOperation"
    assert plain_world.machines() == before
    made = launched(ec2, **harmless)["Instances"][0]["InstanceId"]
    ec2.terminate_instances(InstanceIds=[made])


@pytest.mark.parametrize("wanted", [{"KeyType": "ed25519"}, {"KeyFormat": "ppk"}])
def test_a_key_is_not_made_of_another_kind_than_was_asked_for(plain_world, wanted):
    ec2 = plain_world.ec2()
    assert refusal(ec2.create_key_pair, KeyName="other", **wanted) == "UnsupportedOperation"
    assert "other" not in {one["KeyName"] for one in ec2.describe_key_pairs()["KeyPairs"]}
    ec2.create_key_pair(KeyName="other", KeyType="rsa", KeyFormat="pem")
    ec2.delete_key_pair(KeyName="other")


@pytest.mark.parametrize("wanted", [{"Encrypted": True}, {"KmsKeyId": "k"}, {"MultiAttachEnabled": True}])
def test_a_volume_is_not_made_in_the_clear_when_it_was_to_be_encrypted(plain_world, wanted):
    ec2 = plain_world.ec2()
    before = ec2.describe_volumes()["Volumes"]
    assert refusal(ec2.create_volume, AvailabilityZone="Sandbox", Size=1, **wanted) == "UnsupportedOperation"
    assert ec2.describe_volumes()["Volumes"] == before
