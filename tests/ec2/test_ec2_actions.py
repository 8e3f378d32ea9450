"""Every action of the EC2 API, called with boto3 in an order in which an account uses them, in each kind of zone."""

from __future__ import annotations

import base64

import pytest
from ec2_bridges import IMAGE, TYPE, ec2_bridges, launched, refusal, settled, when
from vpc_walk import make, unmake

from compat.ec2.actions import REFUSED, table
from compat.ec2.ids import ec2_id

PUBLIC_KEY = b"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7 me@example.org"
WEB = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 81, "IpRanges": [{"CidrIp": "192.0.2.0/24"}]}


@pytest.fixture(scope="module")
def called():
    """The actions that were called with success, by any test of this file."""
    return set()


@pytest.fixture(scope="module", params=["Sandbox", "SandboxSG"])
def ec2(request, called):
    with ec2_bridges(request.param) as world:
        client = world.ec2()
        client.zone, client.world = request.param, world
        client.meta.events.register(
            "after-call.ec2.*",
            lambda http_response, model, **_: called.add(model.name) if http_response.status_code == 200 else None,
        )
        yield client


def test_places(ec2):
    names = {zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]}
    assert {"Sandbox", "SandboxSG"} <= names
    assert len(ec2.describe_regions()["Regions"]) == 1
    attributes = {row["AttributeName"] for row in ec2.describe_account_attributes()["AccountAttributes"]}
    assert "max-instances" in attributes
    [one] = ec2.describe_account_attributes(AttributeNames=["default-vpc"])["AccountAttributes"]
    assert one["AttributeValues"] == [{"AttributeValue": "none"}]
    plain = {"AttributeNames": ["max-instances"]}
    assert ec2.describe_account_attributes(**plain)["AccountAttributes"][0]["AttributeName"] == "max-instances"
    assert refusal(ec2.describe_account_attributes, AttributeNames=["many"]) == "InvalidParameterValue"
    types = {row["InstanceType"]: row for row in ec2.describe_instance_types()["InstanceTypes"]}
    offered = ec2.describe_instance_type_offerings()["InstanceTypeOfferings"]
    assert types
    assert {row["InstanceType"] for row in offered} >= set(types)
    for name, row in types.items():
        assert ec2.describe_instance_types(InstanceTypes=[name])["InstanceTypes"] == [row]
    assert ec2.describe_instance_credit_specifications()["InstanceCreditSpecifications"] == []


def test_key_pairs(ec2):
    made = ec2.create_key_pair(KeyName="made")
    assert made["KeyMaterial"].startswith("-----BEGIN")
    ec2.import_key_pair(KeyName="brought", PublicKeyMaterial=PUBLIC_KEY)
    assert {row["KeyName"] for row in ec2.describe_key_pairs()["KeyPairs"]} == {"made", "brought"}
    assert refusal(ec2.create_key_pair, KeyName="made") == "InvalidKeyPair.Duplicate"
    ec2.delete_key_pair(KeyName="made")
    assert refusal(ec2.describe_key_pairs, KeyNames=["made"]) == "InvalidKeyPair.NotFound"
    ec2.delete_key_pair(KeyName="made")


def test_groups_and_rules(ec2):
    group = ec2.create_security_group(GroupName="web", Description="d")["GroupId"]
    assert refusal(ec2.create_security_group, GroupName="web", Description="d") == "InvalidGroup.Duplicate"

    def rules(key="IpPermissions"):
        return ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0][key]

    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[WEB])
    assert refusal(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[WEB]) == (
        "InvalidPermission.Duplicate"
    )
    ec2.authorize_security_group_ingress(GroupName="web", SourceSecurityGroupName="web")
    assert {one["IpProtocol"] for one in rules()} >= {"tcp"}
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[WEB])
    assert rules("IpPermissionsEgress")[0]["IpRanges"] == WEB["IpRanges"]
    own = [{"Name": "group-id", "Values": [group]}]
    described = ec2.describe_security_group_rules(Filters=own)["SecurityGroupRules"]
    assert {row["IsEgress"] for row in described} == {True, False}
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[WEB])
    assert rules("IpPermissionsEgress") == []
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[WEB])
    assert not [one for one in rules() if one["IpRanges"]]
    ec2.delete_security_group(GroupId=group)
    assert refusal(ec2.delete_security_group, GroupId=group) == "InvalidGroup.NotFound"


def test_rules_one_by_one(ec2):
    group = ec2.create_security_group(GroupName="one by one", Description="d")["GroupId"]
    [rule] = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[WEB])["SecurityGroupRules"]
    name = rule["SecurityGroupRuleId"]
    wanted = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "CidrIpv4": "192.0.2.0/24"}
    change = [{"SecurityGroupRuleId": name, "SecurityGroupRule": wanted}]
    ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=change)
    texts = [{"SecurityGroupRuleId": name, "Description": "names"}]
    ec2.update_security_group_rule_descriptions_ingress(GroupId=group, SecurityGroupRuleDescriptions=texts)
    [found] = ec2.describe_security_group_rules(SecurityGroupRuleIds=[name])["SecurityGroupRules"]
    assert {**found, **wanted, "Description": "names"} == found
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[WEB])
    ec2.update_security_group_rule_descriptions_egress(GroupId=group, IpPermissions=[WEB])
    ec2.delete_security_group(GroupId=group)


def test_placement_groups(ec2):
    ec2.create_placement_group(GroupName="p", Strategy="cluster")
    assert [row["GroupName"] for row in ec2.describe_placement_groups()["PlacementGroups"]] == ["p"]
    ec2.delete_placement_group(GroupName="p")
    assert ec2.describe_placement_groups()["PlacementGroups"] == []


def test_interfaces(ec2):
    if ec2.zone == "SandboxSG":
        pytest.skip("in a zone with security groups a user has no further networks")
    machine = launched(ec2)["Instances"][0]
    subnet = ec2_id("subnet", ec2.world.network(ec2.zone))
    given = {"NetworkInterfaceId": subnet, "InstanceId": machine["InstanceId"], "DeviceIndex": 1}
    attachment = ec2.attach_network_interface(**given)["AttachmentId"]
    [one] = ec2.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": [subnet]}])["NetworkInterfaces"]
    eni = one["NetworkInterfaceId"]
    made = ec2.assign_private_ip_addresses(NetworkInterfaceId=eni, SecondaryPrivateIpAddressCount=1)
    further = [row["PrivateIpAddress"] for row in made["AssignedPrivateIpAddresses"]]
    ec2.unassign_private_ip_addresses(NetworkInterfaceId=eni, PrivateIpAddresses=further)
    assert ec2.describe_network_interface_attribute(NetworkInterfaceId=eni, Attribute="groupSet")["Groups"]
    ec2.modify_network_interface_attribute(NetworkInterfaceId=eni, SourceDestCheck={"Value": True})
    ec2.reset_network_interface_attribute(NetworkInterfaceId=eni, SourceDestCheck="true")
    ec2.detach_network_interface(AttachmentId=attachment)
    assert refusal(ec2.delete_network_interface, NetworkInterfaceId=eni) == "InvalidNetworkInterfaceID.NotFound"
    ec2.terminate_instances(InstanceIds=[machine["InstanceId"]])


def test_images(ec2):
    images = ec2.describe_images()["Images"]
    assert images
    assert refusal(ec2.describe_images, ImageIds=["ami-0123456789abcdef0"]) == "InvalidAMIID.NotFound"
    made = launched(ec2)["Instances"][0]["InstanceId"]
    ec2.stop_instances(InstanceIds=[made])
    settled(ec2, "stopped", [made])
    image = ec2.create_image(InstanceId=made, Name="own")["ImageId"]
    look = lambda: ec2.describe_images(ImageIds=[image])["Images"][0]["State"]  # noqa: E731 - short
    when(look, lambda state: state == "available")
    assert ec2.describe_image_attribute(ImageId=image, Attribute="description")["ImageId"] == image
    ec2.modify_image_attribute(ImageId=image, Description={"Value": "of our own"})
    ec2.reset_image_attribute(ImageId=image, Attribute="launchPermission")
    ec2.deregister_image(ImageId=image)
    brought = ec2.register_image(Name="brought", ImageLocation="http://images.example.org/a.qcow2")["ImageId"]
    ec2.deregister_image(ImageId=brought)
    when(lambda: refusal(ec2.describe_images, ImageIds=[image]), lambda code: code == "InvalidAMIID.NotFound")
    ec2.terminate_instances(InstanceIds=[made])


def test_vpcs(ec2):
    if ec2.zone == "SandboxSG":
        assert refusal(ec2.create_vpc, CidrBlock="10.20.0.0/16") == "UnsupportedOperation"
        pytest.skip("a zone with security groups has no VPCs")
    unmake(ec2, make(ec2))
    assert ec2.describe_vpcs()["Vpcs"] == []


def test_what_cannot_be_done_says_why(ec2):
    image = ec2.describe_images()["Images"][0]["ImageId"]
    answers = {
        "copy_image": {"Name": "n", "SourceImageId": image, "SourceRegion": "elsewhere"},
        "copy_snapshot": {"SourceRegion": "elsewhere", "SourceSnapshotId": "snap-00000000"},
        "create_default_subnet": {"AvailabilityZone": "Sandbox"},
        "create_default_vpc": {},
        "create_dhcp_options": {"DhcpConfigurations": [{"Key": "domain-name", "Values": ["example.org"]}]},
        "register_image": {"Name": "own", "ImageLocation": "bucket/own.manifest.xml"},
        "reset_instance_attribute": {"InstanceId": "i-00000000", "Attribute": "kernel"},
    }
    for name, params in answers.items():
        assert refusal(getattr(ec2, name), **params) in {
            "UnsupportedOperation",
            "MissingParameter",
            "InvalidParameterValue",
        }


def test_instances(ec2):
    data = base64.b64encode(b"#!/bin/sh\n").decode()
    made = launched(ec2, 2, UserData="#!/bin/sh\n")
    ids = [one["InstanceId"] for one in made["Instances"]]
    assert ec2.describe_instance_attribute(InstanceId=ids[0], Attribute="userData")["UserData"]["Value"] == data
    status = ec2.describe_instance_status(InstanceIds=ids)["InstanceStatuses"]
    assert {row["InstanceState"]["Name"] for row in status} == {"running"}
    ec2.reboot_instances(InstanceIds=ids)
    assert base64.b64decode(ec2.get_console_output(InstanceId=ids[0])["Output"])
    assert ec2.get_password_data(InstanceId=ids[0])["InstanceId"] == ids[0]
    assert ec2.monitor_instances(InstanceIds=ids)["InstanceMonitorings"][0]["Monitoring"]["State"] == "disabled"
    ec2.unmonitor_instances(InstanceIds=ids)
    assert refusal(ec2.modify_instance_attribute, InstanceId=ids[0], InstanceType={"Value": "m1.medium"}) == (
        "IncorrectInstanceState"
    )
    settled(ec2, "running", ids)
    ec2.stop_instances(InstanceIds=ids)
    settled(ec2, "stopped", ids)
    ec2.modify_instance_attribute(InstanceId=ids[0], InstanceType={"Value": "m1.medium"})
    [row] = ec2.describe_instances(InstanceIds=ids[:1])["Reservations"]
    assert row["Instances"][0]["InstanceType"] == "m1.medium"
    ec2.start_instances(InstanceIds=ids)
    settled(ec2, "running", ids)
    ec2.terminate_instances(InstanceIds=ids)
    settled(ec2, "terminated", ids)


def test_spot_requests_are_granted_at_once(ec2):
    [one] = ec2.request_spot_instances(
        SpotPrice="0.05", LaunchSpecification={"ImageId": IMAGE, "InstanceType": TYPE}
    )["SpotInstanceRequests"]
    [again] = ec2.describe_spot_instance_requests()["SpotInstanceRequests"]
    assert again["State"] == one["State"] == "active"
    assert again["InstanceId"] == one["InstanceId"]
    ec2.cancel_spot_instance_requests(SpotInstanceRequestIds=[one["SpotInstanceRequestId"]])
    assert ec2.describe_spot_price_history()["SpotPriceHistory"] == []
    ec2.terminate_instances(InstanceIds=[one["InstanceId"]])


def test_volumes_and_snapshots(ec2):
    machine = launched(ec2)["Instances"][0]["InstanceId"]
    volume = ec2.create_volume(AvailabilityZone=ec2.zone, Size=5)["VolumeId"]

    def state():
        return ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["State"]

    when(state, lambda found: found == "available")
    ec2.attach_volume(VolumeId=volume, InstanceId=machine, Device="/dev/sdf")
    when(state, lambda found: found == "in-use")
    [attachment] = ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Attachments"]
    assert (attachment["InstanceId"], attachment["Device"]) == (machine, "/dev/sdf")
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    look = lambda: ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["State"]  # noqa: E731 - short
    when(look, lambda found: found == "completed")
    assert ec2.describe_volume_status(VolumeIds=[volume])["VolumeStatuses"][0]["VolumeStatus"]["Status"] == "ok"
    ec2.detach_volume(VolumeId=volume)
    when(state, lambda found: found == "available")
    ec2.modify_volume(VolumeId=volume, Size=7)
    when(lambda: ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Size"], lambda size: size == 7)
    assert ec2.describe_volumes_modifications(VolumeIds=[volume])["VolumesModifications"][0]["TargetSize"] == 7
    ec2.delete_snapshot(SnapshotId=snapshot)
    ec2.delete_volume(VolumeId=volume)
    when(lambda: refusal(ec2.describe_volumes, VolumeIds=[volume]), lambda code: code == "InvalidVolume.NotFound")
    ec2.terminate_instances(InstanceIds=[machine])


def test_addresses(ec2):
    if ec2.zone == "SandboxSG":
        pytest.skip("a zone with security groups has no addresses of its own")
    machine = launched(ec2)["Instances"][0]["InstanceId"]
    address = ec2.allocate_address()
    association = ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=machine)["AssociationId"]
    [row] = ec2.describe_addresses(AllocationIds=[address["AllocationId"]])["Addresses"]
    asked = {"AllocationIds": [address["AllocationId"]], "Attribute": "domain-name"}
    [named] = ec2.describe_addresses_attribute(**asked)["Addresses"]
    assert named == {"PublicIp": address["PublicIp"], "AllocationId": address["AllocationId"]}
    assert (row["InstanceId"], row["PublicIp"]) == (machine, address["PublicIp"])
    ec2.disassociate_address(AssociationId=association)
    ec2.release_address(AllocationId=address["AllocationId"])
    assert refusal(ec2.release_address, AllocationId=address["AllocationId"]) == "InvalidAllocationID.NotFound"
    ec2.terminate_instances(InstanceIds=[machine])


def test_tags(ec2):
    ids = [one["InstanceId"] for one in launched(ec2, 2)["Instances"]]
    ec2.create_tags(Resources=ids, Tags=[{"Key": "Name", "Value": "a"}, {"Key": "role", "Value": "x*y"}])
    ec2.create_tags(Resources=ids[:1], Tags=[{"Key": "Name", "Value": "b"}])
    rows = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": ids}, {"Name": "key", "Values": ["Name"]}])
    assert {(row["ResourceId"], row["Value"]) for row in rows["Tags"]} == {(ids[0], "b"), (ids[1], "a")}

    def found(*filters):
        answer = ec2.describe_instances(Filters=[{"Name": name, "Values": values} for name, *values in filters])
        return {one["InstanceId"] for row in answer["Reservations"] for one in row["Instances"]}

    assert found(("tag:Name", "a")) == {ids[1]}
    assert found(("tag:Name", "a", "b"), ("tag:role", "x\\*?")) == set(ids)
    assert found(("tag:role", "x\\**"), ("tag:Name", "c")) == set()
    ec2.delete_tags(Resources=ids, Tags=[{"Key": "Name", "Value": "a"}])
    assert found(("tag-key", "Name")) == {ids[0]}
    ec2.delete_tags(Resources=ids)
    assert found(("tag-key", "*")) == set()
    ec2.terminate_instances(InstanceIds=ids)


def test_pages_hold_everything_once(ec2):
    groups = {ec2.create_security_group(GroupName=f"page-{n}", Description="d")["GroupId"] for n in range(7)}
    pages = ec2.get_paginator("describe_security_groups").paginate(
        Filters=[{"Name": "group-name", "Values": ["page-?"]}], PaginationConfig={"PageSize": 5}
    )
    told = [row["GroupId"] for page in pages for row in page["SecurityGroups"]]
    assert sorted(told) == sorted(groups)
    assert refusal(ec2.describe_security_groups, MaxResults=5, NextToken="%%") == "InvalidNextToken"


def test_a_dry_run_does_nothing(ec2):
    before = ec2.world.machines()
    assert refusal(ec2.run_instances, ImageId=IMAGE, MinCount=1, MaxCount=1, DryRun=True) == "DryRunOperation"
    assert refusal(ec2.terminate_instances, InstanceIds=["i-00000000"], DryRun=True) == "DryRunOperation"
    assert ec2.world.machines() == before
    assert refusal(ec2.create_default_vpc, DryRun=True) == "UnsupportedOperation"


@pytest.mark.usefixtures("ec2")
def test_no_action_was_left_out(called):
    assert set(table()) - called - REFUSED == set()
