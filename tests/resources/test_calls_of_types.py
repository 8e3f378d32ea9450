"""What the embedded cloud cannot show of the irregular types' calls."""

from __future__ import annotations

import pytest
from attrs import evolve
from property_values import GROUPS_ZONE, PLAIN_ZONE, desired, existing

from cfnlib.resources import find
from cfnlib.resources.disks import device_number
from cfnlib.schema.calls import FREE_ADDRESS
from cfnlib.schema.check import coerce
from cfnlib.schema.lifecycle import create_calls, delete_calls, update_calls

INSTANCE = find("AWS::EC2::Instance")
NATIVE = find("CloudStack::VirtualMachine")
MACHINE = {"ImageId": "image-1", "InstanceType": "type-1"}
GROUP_ID = "11111111-2222-3333-4444-555555555555"


def changed(resource, before, after, facts=GROUPS_ZONE):
    return update_calls(resource, existing(before, facts), desired(after, facts))


def test_a_machine_stands_still_while_its_groups_change():
    stop, change, start = changed(
        INSTANCE, {**MACHINE, "SecurityGroups": ["a"]}, {**MACHINE, "SecurityGroups": [GROUP_ID]}
    )
    assert [stop.command, start.command] == ["stopVirtualMachine", "startVirtualMachine"]
    assert change.command == "updateVirtualMachine"
    assert change.params["securitygroupids"] == [GROUP_ID]
    assert change.check.params["securitygroupid"] == GROUP_ID


def test_a_machine_that_leaves_its_last_group_is_in_the_default_one():
    _, change, _ = changed(INSTANCE, {**MACHINE, "SecurityGroups": ["a"]}, MACHINE)
    assert change.params["securitygroupnames"] == ["default"]


def test_groups_mean_nothing_to_a_machine_in_a_zone_without_them():
    values = {**MACHINE, "SecurityGroups": ["a"]}
    (make,) = create_calls(INSTANCE, desired(values, PLAIN_ZONE))
    assert not make.params.keys() & {"securitygroupids", "securitygroupnames"}
    assert changed(INSTANCE, values, MACHINE, PLAIN_ZONE) == []


def test_a_native_machine_changes_all_that_needs_a_stop_in_one_stop():
    before = {"templateid": "t", "serviceofferingid": "s", "userdata": "YQ==", "affinitygroupnames": ["a"]}
    after = before | {"serviceofferingid": "m", "userdata": "Yg==", "affinitygroupnames": ["b"]}
    assert [call.command for call in changed(NATIVE, before, after)] == [
        "stopVirtualMachine",
        "changeServiceForVirtualMachine",
        "updateVirtualMachine",
        "updateVMAffinityGroup",
        "startVirtualMachine",
    ]


def test_a_machine_that_was_never_to_run_is_not_started_by_an_update():
    before = {"templateid": "t", "serviceofferingid": "s", "startvm": False}
    (change,) = changed(NATIVE, before, before | {"serviceofferingid": "m"})
    assert change.command == "changeServiceForVirtualMachine"


def test_an_account_that_may_not_expunge_does_not_ask_for_it():
    rename, remove = delete_calls(INSTANCE, existing(MACHINE, evolve(GROUPS_ZONE, may_expunge=False)))
    assert rename.check.select([{"id": "1", "name": rename.params["name"]}]) == []
    assert "expunge" not in remove.params
    assert remove.check.select([{"id": "1", "state": "Destroyed"}]) == []


def test_network_cards_are_in_the_order_of_their_numbers_and_an_explicit_network_goes_first():
    cards = [{"DeviceIndex": 1, "SubnetId": "back"}, {"DeviceIndex": 0, "SubnetId": "front", "GroupSet": [GROUP_ID]}]
    (make,) = create_calls(INSTANCE, desired({**MACHINE, "NetworkInterfaces": cards, "_network": "made"}))
    assert make.params["networkids"] == ["front", "back"]
    assert make.params["securitygroupids"] == [GROUP_ID]
    (make,) = create_calls(INSTANCE, desired({**MACHINE, "_network": "made"}, PLAIN_ZONE))
    assert make.params["networkids"] == ["made"]


@pytest.mark.parametrize(
    ("disks", "said"),
    [
        (
            [
                {"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 1}},
                {"DeviceName": "/dev/sdc", "Ebs": {"VolumeSize": 1}},
            ],
            "one data disk",
        ),
        ([{"DeviceName": "/dev/sdb", "Ebs": {"VolumeType": "gp2"}}], "needs a VolumeSize"),
        ([{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8}}, {"DeviceName": "/dev/sdb", "NoDevice": {}}], None),
    ],
)
def test_a_machine_is_made_with_one_data_disk_at_most(disks, said):
    _, problems = coerce(INSTANCE, {**MACHINE, "BlockDeviceMappings": disks})
    assert [said in one.message for one in problems] == ([True] if said else [])


def test_a_disk_that_outlives_its_machine_is_not_looked_for():
    keep = {"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 1, "DeleteOnTermination": False}}
    values = {**MACHINE, "BlockDeviceMappings": [keep]}
    assert [call.command for call in delete_calls(INSTANCE, existing(values))] == ["destroyVirtualMachine"]


def test_an_address_is_taken_for_the_network_and_none_where_machines_have_public_ones():
    address = find("AWS::EC2::EIP")
    (of_network,) = create_calls(address, desired({"_network": "net"}, PLAIN_ZONE))
    assert of_network.params == {"ipaddress": FREE_ADDRESS, "networkid": "net"}
    assert not create_calls(address, desired({"_network": "net"}, GROUPS_ZONE))
    (asked,) = create_calls(address, desired({"Address": "192.0.2.7"}, PLAIN_ZONE))
    assert (asked.params["ipaddress"], asked.exclusive) == ("192.0.2.7", True)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"protocol": "tcp", "startport": 80, "endport": 22}, "the last port 22 is before the first, 80"),
        ({"protocol": "icmp", "startport": 80}, "icmp has no ports"),
        ({"protocol": "udp", "icmptype": 8}, "udp has no icmptype"),
        ({"protocol": "icmp", "icmptype": 8, "icmpcode": 0}, None),
    ],
)
def test_a_firewall_rule_has_what_its_protocol_has(values, said):
    _, problems = coerce(find("CloudStack::FirewallRule"), {"ipaddressid": "a", **values})
    assert [said in one.message for one in problems] == ([True] if said else [])


def test_a_group_has_a_size_within_its_limits():
    group = find("AWS::AutoScaling::AutoScalingGroup")
    values = {"MinSize": "2", "MaxSize": "4", "LaunchConfigurationName": "like"}
    assert coerce(group, values)[1] == []
    (problem,) = coerce(group, values | {"DesiredCapacity": 5})[1]
    assert problem.message == "the size 5 is not between MinSize 2 and MaxSize 4"


def test_a_group_tells_of_its_members_one_by_one():
    group = find("AWS::AutoScaling::AutoScalingGroup")
    members = [{"name": "g-1", "InstanceId": "i", "PrivateIp": "10.1.1.5", "PublicIp": None, "PrivateDnsName": "g-1"}]
    told = group.local(desired({"_members": members}))
    assert told["Members"] == told["DNSNames"] == ["g-1"]
    assert (told["InstanceIds"], told["PrivateIps"], told["PublicIps"]) == (["i"], ["10.1.1.5"], [""])


def test_a_volume_without_size_snapshot_or_offering_is_refused():
    volume = find("AWS::EC2::Volume")
    assert [bool(coerce(volume, values)[1]) for values in ({}, {"VolumeType": "gp2"}, {"VolumeType": "Small"})] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("device", "number"),
    [("/dev/sdf", 5), ("xvdb", 1), ("vdc1", 2), ("7", 7), (3, 3), ("/dev/sda", None), ("data", None), (None, None)],
)
def test_a_device_is_a_number_where_its_name_says_one(device, number):
    assert device_number(device) == number
