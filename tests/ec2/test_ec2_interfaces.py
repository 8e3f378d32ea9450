"""Network interfaces are the cards of machines, as every bridge tells and as the cloud has them."""

from __future__ import annotations

import pytest
from ec2_bridges import launched, refusal

from compat.ec2.ids import ec2_id


@pytest.fixture(scope="module")
def machine(plain_world):
    """A machine of the user's, and a further network."""
    made = launched(plain_world.ec2())["Instances"][0]["InstanceId"]
    return made, ec2_id("subnet", plain_world.network("Sandbox"))


def of(ec2, instance):
    """The interfaces of a machine by their device indexes."""
    asked = [{"Name": "attachment.instance-id", "Values": [instance]}]
    rows = ec2.describe_network_interfaces(Filters=asked)["NetworkInterfaces"]
    return {row["Attachment"]["DeviceIndex"]: row for row in rows}


def cards(world, instance):
    """The cards that the cloud has in a machine."""
    [row] = [row for row in world.machines().values() if ec2_id("instance", row["id"]) == instance]
    return {ec2_id("nic", nic["id"]): nic for nic in row["nic"]}


def test_an_interface_is_a_card_of_its_machine_at_every_bridge(plain_world, machine):
    instance, _ = machine
    here, there = plain_world.ec2(), plain_world.ec2(bridge=1)
    [one] = of(here, instance).values()
    [nic] = cards(plain_world, instance).values()
    assert one["NetworkInterfaceId"] == ec2_id("nic", nic["id"])
    assert (one["PrivateIpAddress"], one["MacAddress"]) == (nic["ipaddress"], nic["macaddress"])
    assert (one["SubnetId"], one["Status"]) == (ec2_id("subnet", nic["networkid"]), "in-use")
    assert of(there, instance) == of(here, instance)
    [row] = here.describe_instances(InstanceIds=[instance])["Reservations"]
    [shown] = row["Instances"][0]["NetworkInterfaces"]
    assert shown["NetworkInterfaceId"] == one["NetworkInterfaceId"]
    assert shown["Attachment"]["AttachmentId"] == one["Attachment"]["AttachmentId"]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("network-interface-id", "NetworkInterfaceId"),
        ("subnet-id", "SubnetId"),
        ("mac-address", "MacAddress"),
        ("private-ip-address", "PrivateIpAddress"),
        ("addresses.private-ip-address", "PrivateIpAddress"),
    ],
)
def test_filters_find_it(plain_world, machine, name, key):
    ec2 = plain_world.ec2()
    one = of(ec2, machine[0])[0]
    found = ec2.describe_network_interfaces(Filters=[{"Name": name, "Values": [one[key]]}])["NetworkInterfaces"]
    assert one in found
    assert ec2.describe_network_interfaces(Filters=[{"Name": name, "Values": ["none"]}])["NetworkInterfaces"] == []


def test_one_is_attached_by_its_subnet_and_gone_when_it_is_detached(plain_world, machine):
    instance, subnet = machine
    ec2, there = plain_world.ec2(), plain_world.ec2(bridge=1)
    attachment = ec2.attach_network_interface(NetworkInterfaceId=subnet, InstanceId=instance, DeviceIndex=1)
    new = of(there, instance)[1]
    assert (new["SubnetId"], new["Attachment"]["AttachmentId"]) == (subnet, attachment["AttachmentId"])
    assert set(cards(plain_world, instance)) == {one["NetworkInterfaceId"] for one in of(ec2, instance).values()}
    wrong = [{"DeviceIndex": 2}, {"DeviceIndex": 1}]
    for more in wrong:
        asked = {"NetworkInterfaceId": subnet, "InstanceId": instance, **more}
        assert refusal(ec2.attach_network_interface, **asked) == "InvalidParameterValue"
    eni = new["NetworkInterfaceId"]
    again = {"NetworkInterfaceId": eni, "InstanceId": instance, "DeviceIndex": 2}
    assert refusal(ec2.attach_network_interface, **again) == "InvalidNetworkInterface.InUse"
    assert refusal(ec2.delete_network_interface, NetworkInterfaceId=eni) == "InvalidNetworkInterface.InUse"
    there.detach_network_interface(AttachmentId=attachment["AttachmentId"])
    assert set(of(ec2, instance)) == {0}
    assert set(cards(plain_world, instance)) == {of(ec2, instance)[0]["NetworkInterfaceId"]}
    assert refusal(ec2.delete_network_interface, NetworkInterfaceId=eni) == "InvalidNetworkInterfaceID.NotFound"
    gone = refusal(ec2.detach_network_interface, AttachmentId=attachment["AttachmentId"])
    assert gone == "InvalidAttachmentID.NotFound"


def test_the_first_stays(plain_world, machine):
    ec2 = plain_world.ec2()
    first = of(ec2, machine[0])[0]["Attachment"]["AttachmentId"]
    assert refusal(ec2.detach_network_interface, AttachmentId=first) == "OperationNotPermitted"
    assert 0 in of(ec2, machine[0])


def test_one_without_a_machine_is_nothing_here_and_the_way_is_told(plain_world, machine):
    status, text = plain_world.ask(
        [("Action", "CreateNetworkInterface"), ("Version", "2016-11-15"), ("SubnetId", machine[1])]
    )
    assert status == 400
    assert "UnsupportedOperation" in text
    assert "AttachNetworkInterface" in text


def test_further_addresses_come_and_go(plain_world, machine):
    instance, _ = machine
    ec2 = plain_world.ec2()
    eni = of(ec2, instance)[0]["NetworkInterfaceId"]
    made = ec2.assign_private_ip_addresses(NetworkInterfaceId=eni, SecondaryPrivateIpAddressCount=2)
    told = {one["PrivateIpAddress"] for one in made["AssignedPrivateIpAddresses"]}

    def further():
        return {one["ipaddress"] for one in cards(plain_world, instance)[eni]["secondaryip"]}

    assert further() == told
    assert len(told) == 2
    shown = of(plain_world.ec2(bridge=1), instance)[0]["PrivateIpAddresses"]
    assert {one["PrivateIpAddress"] for one in shown if not one["Primary"]} == told
    [first, second] = sorted(told)
    ec2.unassign_private_ip_addresses(NetworkInterfaceId=eni, PrivateIpAddresses=[first])
    assert further() == {second}
    gone = {"NetworkInterfaceId": eni, "PrivateIpAddresses": [first]}
    assert refusal(ec2.unassign_private_ip_addresses, **gone) == "InvalidParameterValue"
    ec2.assign_private_ip_addresses(NetworkInterfaceId=eni, PrivateIpAddresses=[first])
    assert further() == told
    assert refusal(ec2.assign_private_ip_addresses, **gone) == "InvalidParameterValue"
    neither = {"NetworkInterfaceId": eni}
    assert refusal(ec2.assign_private_ip_addresses, **neither) == "InvalidParameterCombination"
    ec2.unassign_private_ip_addresses(NetworkInterfaceId=eni, PrivateIpAddresses=sorted(told))


def test_attributes(plain_world, machine):
    ec2 = plain_world.ec2()
    one = of(ec2, machine[0])[0]
    eni = one["NetworkInterfaceId"]

    def attribute(name):
        return ec2.describe_network_interface_attribute(NetworkInterfaceId=eni, Attribute=name)

    assert attribute("sourceDestCheck")["SourceDestCheck"] == {"Value": True}
    assert attribute("attachment")["Attachment"]["AttachmentId"] == one["Attachment"]["AttachmentId"]
    assert attribute("groupSet")["Groups"] == one["Groups"]
    assert attribute("description")["NetworkInterfaceId"] == eni
    ec2.modify_network_interface_attribute(NetworkInterfaceId=eni, SourceDestCheck={"Value": True})
    ec2.reset_network_interface_attribute(NetworkInterfaceId=eni, SourceDestCheck="true")
    for change in ({"SourceDestCheck": {"Value": False}}, {"Description": {"Value": "d"}}, {}):
        asked = {"NetworkInterfaceId": eni, **change}
        assert refusal(ec2.modify_network_interface_attribute, **asked) == "UnsupportedOperation"
    group = ec2.create_security_group(GroupName="of a card", Description="d")["GroupId"]
    ec2.modify_network_interface_attribute(NetworkInterfaceId=eni, Groups=[group])  # while it runs: marks, and rules
    assert [one["GroupId"] for one in attribute("groupSet")["Groups"]] == [group]


def test_a_public_address_is_shown_on_the_interface(plain_world, machine):
    instance, _ = machine
    ec2 = plain_world.ec2()
    address = ec2.allocate_address()
    ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=instance)
    association = of(ec2, instance)[0]["Association"]
    assert association["PublicIp"] == address["PublicIp"]
    assert association["AllocationId"] == address["AllocationId"]
    found = ec2.describe_network_interfaces(
        Filters=[{"Name": "association.public-ip", "Values": [address["PublicIp"]]}]
    )
    assert [row["NetworkInterfaceId"] for row in found["NetworkInterfaces"]] == [
        of(ec2, instance)[0]["NetworkInterfaceId"]
    ]
    ec2.disassociate_address(AssociationId=association["AssociationId"])
    ec2.release_address(AllocationId=address["AllocationId"])
    assert "Association" not in of(ec2, instance)[0]


def test_those_of_another_account_are_not_there(plain_world, machine):
    mine, other = plain_world.ec2(), plain_world.ec2(plain_world.stranger())
    one = of(mine, machine[0])[0]
    for eni in (one["NetworkInterfaceId"], next(iter(cards(plain_world, machine[0]).values()))["id"]):
        assert refusal(other.describe_network_interfaces, NetworkInterfaceIds=[eni]) == (
            "InvalidNetworkInterfaceID.NotFound"
        )
        asked = {"NetworkInterfaceId": eni, "SecondaryPrivateIpAddressCount": 1}
        assert refusal(other.assign_private_ip_addresses, **asked) == "InvalidNetworkInterfaceID.NotFound"
    attachment = one["Attachment"]["AttachmentId"]
    assert refusal(other.detach_network_interface, AttachmentId=attachment) == "InvalidAttachmentID.NotFound"
    asked = {"NetworkInterfaceId": machine[1], "InstanceId": machine[0], "DeviceIndex": 1}
    assert refusal(other.attach_network_interface, **asked) == "InvalidSubnetID.NotFound"
    assert other.describe_network_interfaces()["NetworkInterfaces"] == []


@pytest.mark.parametrize("name", ["eni", "i-00000000", "", "eni-0"])
def test_what_is_no_id_is_malformed(plain_world, name):
    asked = {"NetworkInterfaceIds": [name]}
    assert refusal(plain_world.ec2().describe_network_interfaces, **asked) == "InvalidNetworkInterfaceId.Malformed"


def test_they_come_in_pages(plain_world, machine):
    ec2 = plain_world.ec2()
    launched(ec2, 6)
    every = {row["NetworkInterfaceId"] for row in ec2.describe_network_interfaces()["NetworkInterfaces"]}
    pages = ec2.get_paginator("describe_network_interfaces").paginate(PaginationConfig={"PageSize": 5})
    told = [row["NetworkInterfaceId"] for page in pages for row in page["NetworkInterfaces"]]
    assert sorted(told) == sorted(every)
    assert of(ec2, machine[0])[0]["NetworkInterfaceId"] in every
