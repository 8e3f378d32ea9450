"""What a client has asked for is what it is told afterwards, under the names that it gave."""

from __future__ import annotations

import pytest
from ec2_bridges import IMAGE, TYPE, ec2_bridges, launched, refusal, settled, when

ASKED = {"ImageId": IMAGE, "InstanceType": TYPE, "MinCount": 1, "MaxCount": 1}


def volume_of(ec2, size=1, **more):
    return ec2.create_volume(AvailabilityZone="Sandbox", Size=size, **more)["VolumeId"]


def snapshot_of(ec2, volume):
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot], WaiterConfig={"Delay": 0.1})
    return snapshot


def test_a_volume_is_attached_under_the_name_that_was_given(plain_world):
    ec2 = plain_world.ec2()
    machine = launched(ec2)["Instances"][0]["InstanceId"]
    for device in ("/dev/xvdf", "/dev/sdd", "/dev/sdh", "xvdg"):
        volume = volume_of(ec2)
        ec2.attach_volume(VolumeId=volume, InstanceId=machine, Device=device)
        mine = [{"Name": "attachment.device", "Values": [device]}]
        [found] = when(lambda mine=mine: ec2.describe_volumes(Filters=mine)["Volumes"], lambda rows: len(rows) == 1)
        assert found["VolumeId"] == volume
        [instance] = ec2.describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"]
        assert device in {one["DeviceName"] for one in instance["BlockDeviceMappings"]}
        assert found["Tags"] == []
        again = volume_of(ec2)
        asked = {"VolumeId": again, "InstanceId": machine, "Device": device}
        assert refusal(ec2.attach_volume, **asked) == "InvalidParameterValue"
        ec2.delete_volume(VolumeId=again)
        assert ec2.detach_volume(VolumeId=volume)["Device"] == device
        when(
            lambda volume=volume: ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0],
            lambda row: row["State"] == "available",
        )
        ec2.attach_volume(VolumeId=volume, InstanceId=machine, Device="/dev/sdm")
        shown = when(
            lambda volume=volume: ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Attachments"],
            lambda rows: len(rows) == 1,
        )
        assert shown[0]["Device"] == "/dev/sdm"
        ec2.detach_volume(VolumeId=volume)
        when(
            lambda volume=volume: ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0],
            lambda row: row["State"] == "available",
        )
    assert ec2.describe_tags(Filters=[{"Name": "resource-type", "Values": ["volume"]}])["Tags"] == []
    ec2.terminate_instances(InstanceIds=[machine])


def test_a_volume_of_a_snapshot_has_the_size_that_was_asked_for(plain_world):
    ec2 = plain_world.ec2()
    machine = launched(ec2)["Instances"][0]["InstanceId"]
    volume = volume_of(ec2, 5)
    ec2.attach_volume(VolumeId=volume, InstanceId=machine, Device="/dev/sdf")
    snapshot = snapshot_of(ec2, volume)
    asked = {"AvailabilityZone": "Sandbox", "SnapshotId": snapshot}
    assert refusal(ec2.create_volume, **asked, Size=4) == "InvalidParameterValue"
    assert refusal(ec2.create_volume, **asked, Size=9) == "UnsupportedOperation"
    for size in ({}, {"Size": 5}):
        made = ec2.create_volume(**asked, **size)
        assert made["Size"] == 5
        ec2.get_waiter("volume_available").wait(VolumeIds=[made["VolumeId"]], WaiterConfig={"Delay": 0.1})
    small = [{"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": snapshot, "VolumeSize": 4}}]
    assert refusal(ec2.run_instances, **ASKED, BlockDeviceMappings=small) == "InvalidParameterValue"
    large = [{"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": snapshot, "VolumeSize": 9}}]
    other = launched(ec2, BlockDeviceMappings=large)["Instances"][0]["InstanceId"]
    mine = [{"Name": "attachment.instance-id", "Values": [other]}]
    volumes = when(lambda: ec2.describe_volumes(Filters=mine)["Volumes"], lambda rows: len(rows) == 2)
    assert 9 in {one["Size"] for one in volumes}
    ec2.terminate_instances(InstanceIds=[machine, other])


def test_a_spot_instance_names_its_request(plain_world):
    ec2 = plain_world.ec2()
    asked = {"ImageId": IMAGE, "InstanceType": TYPE}
    made = ec2.request_spot_instances(SpotPrice="0.1", InstanceCount=2, LaunchSpecification=asked)
    requests = {one["SpotInstanceRequestId"]: one["InstanceId"] for one in made["SpotInstanceRequests"]}
    assert len(requests) == 2
    settled(ec2, "running", list(requests.values()))
    market = {"MarketType": "spot", "SpotOptions": {"MaxPrice": "0.2"}}
    by_option = launched(ec2, InstanceMarketOptions=market)["Instances"][0]["InstanceId"]
    [told] = ec2.describe_spot_instance_requests(Filters=[{"Name": "instance-id", "Values": [by_option]}])[
        "SpotInstanceRequests"
    ]
    assert told["SpotPrice"] == "0.2"
    for request, machine in {**requests, told["SpotInstanceRequestId"]: by_option}.items():
        mine = [{"Name": "spot-instance-request-id", "Values": [request]}]
        [found] = ec2.describe_instances(Filters=mine)["Reservations"]
        assert [one["InstanceId"] for one in found["Instances"]] == [machine]
        assert found["Instances"][0]["InstanceLifecycle"] == "spot"
    ec2.terminate_instances(InstanceIds=[*requests.values(), by_option])
    settled(ec2, "terminated", list(requests.values()))
    found = ec2.describe_spot_instance_requests(SpotInstanceRequestIds=list(requests))["SpotInstanceRequests"]
    assert {(one["State"], one["Status"]["Code"]) for one in found} == {("closed", "instance-terminated-by-user")}
    cancelled = ec2.cancel_spot_instance_requests(SpotInstanceRequestIds=list(requests))
    assert {one["State"] for one in cancelled["CancelledSpotInstanceRequests"]} == {"closed"}
    again = {"SpotPrice": "0.1", "LaunchSpecification": asked, "Type": "persistent"}
    assert refusal(ec2.request_spot_instances, **again) == "UnsupportedOperation"


def test_a_type_that_a_launch_takes_is_described_under_its_name(plain_world):
    ec2 = plain_world.ec2()
    [told] = ec2.describe_instance_types(InstanceTypes=["t2.micro"])["InstanceTypes"]
    assert told["InstanceType"] == "t2.micro"
    assert told["MemoryInfo"]["SizeInMiB"] > 0
    assert {"EbsInfo", "NetworkInfo", "PlacementGroupInfo"} <= set(told)
    assert refusal(ec2.describe_instance_types, InstanceTypes=["no.such"]) == "InvalidInstanceType"


@pytest.mark.parametrize("protocol", ["50", "47", "esp"])
def test_rules_of_any_protocol_are_made_described_and_revoked(ec2_world, protocol):
    ec2 = ec2_world.ec2()
    group = ec2.create_security_group(GroupName=f"of {protocol}", Description="d")["GroupId"]
    asked = [{"IpProtocol": protocol, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    if protocol == "esp":
        assert refusal(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=asked)
    else:
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=asked)
        [told] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
        [permission] = told["IpPermissions"]
        assert permission["IpProtocol"] == protocol
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[permission])
    ec2.delete_security_group(GroupId=group)


def test_a_token_is_of_one_request(plain_world):
    ec2 = plain_world.ec2()
    made = ec2.run_instances(**ASKED, ClientToken="of one")
    assert ec2.run_instances(**ASKED, ClientToken="of one")["ReservationId"] == made["ReservationId"]
    other = {**ASKED, "InstanceType": "m1.large", "ClientToken": "of one"}
    assert refusal(ec2.run_instances, **other) == "IdempotentParameterMismatch"
    ec2.terminate_instances(InstanceIds=[made["Instances"][0]["InstanceId"]])


def test_an_image_has_a_name_of_its_own(plain_world):
    ec2 = plain_world.ec2()
    machine = launched(ec2)["Instances"][0]["InstanceId"]
    ec2.stop_instances(InstanceIds=[machine])
    settled(ec2, "stopped", [machine])
    made = ec2.create_image(InstanceId=machine, Name="its own")["ImageId"]
    assert refusal(ec2.create_image, InstanceId=machine, Name="its own") == "InvalidAMIName.Duplicate"
    assert refusal(ec2.reboot_instances, InstanceIds=[machine]) == "IncorrectInstanceState"
    ec2.deregister_image(ImageId=made)
    ec2.terminate_instances(InstanceIds=[machine])


def test_a_machine_that_is_stopping_is_not_started():
    with ec2_bridges(job_s=0.5) as world:
        ec2 = world.ec2()
        machine = launched(ec2)["Instances"][0]["InstanceId"]
        [change] = ec2.stop_instances(InstanceIds=[machine])["StoppingInstances"]
        assert list(change) == ["InstanceId", "CurrentState", "PreviousState"]
        assert refusal(ec2.start_instances, InstanceIds=[machine]) == "IncorrectInstanceState"
        settled(ec2, "stopped", [machine])
        ec2.start_instances(InstanceIds=[machine])
        settled(ec2, "running", [machine])


def test_an_address_that_the_network_does_not_have_is_a_clients_error():
    with ec2_bridges(zone="Sandbox") as world:
        asked = {**ASKED, "PrivateIpAddress": "192.0.2.5"}
        assert refusal(world.ec2().run_instances, **asked) == "InvalidParameterValue"
        assert world.machines() == {}


def test_what_cannot_be_changed_may_be_said_to_be_what_it_is(plain_world):
    ec2 = plain_world.ec2()
    machine = launched(ec2)["Instances"][0]["InstanceId"]
    for attribute, value in (("disableApiTermination", "false"), ("instanceInitiatedShutdownBehavior", "stop")):
        ec2.modify_instance_attribute(InstanceId=machine, Attribute=attribute, Value=value)
        other = "true" if value == "false" else "terminate"
        asked = {"InstanceId": machine, "Attribute": attribute, "Value": other}
        assert refusal(ec2.modify_instance_attribute, **asked) == "UnsupportedOperation"
    ec2.modify_instance_attribute(InstanceId=machine, InstanceInitiatedShutdownBehavior={"Value": "stop"})
    ec2.terminate_instances(InstanceIds=[machine])


def test_an_elastic_address_names_the_interface_that_it_leads_to(plain_world):
    ec2 = plain_world.ec2()
    machine = launched(ec2)["Instances"][0]
    address = ec2.allocate_address()["AllocationId"]
    ec2.associate_address(AllocationId=address, InstanceId=machine["InstanceId"])
    [card] = ec2.describe_instances(InstanceIds=[machine["InstanceId"]])["Reservations"][0]["Instances"][0][
        "NetworkInterfaces"
    ]
    mine = [{"Name": "network-interface-id", "Values": [card["NetworkInterfaceId"]]}]
    [told] = ec2.describe_addresses(Filters=mine)["Addresses"]
    assert told["AllocationId"] == address
    ec2.disassociate_address(AssociationId=told["AssociationId"])
    ec2.release_address(AllocationId=address)
    ec2.terminate_instances(InstanceIds=[machine["InstanceId"]])


def test_to_revoke_what_names_no_source_takes_nothing_away(plain_world):
    """Scripts of boto 2 revoke each grant as one of a group; those of a CIDR block then name nothing."""
    ec2 = plain_world.ec2()
    group = ec2.create_security_group(GroupName="with a grant", Description="d")["GroupId"]
    grant = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[{**grant, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    asked = [("Action", "RevokeSecurityGroupIngress"), ("Version", "2014-10-01"), ("GroupId", group)]
    asked += [(f"IpPermissions.1.{name}", str(value)) for name, value in grant.items()]
    status, text = plain_world.ask(asked)
    assert (status, "<return>true</return>" in text) == (200, True)
    [told] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert len(told["IpPermissions"]) == 1
    asked[0] = ("Action", "AuthorizeSecurityGroupIngress")
    assert plain_world.ask(asked)[0] == 400
    ec2.delete_security_group(GroupId=group)
