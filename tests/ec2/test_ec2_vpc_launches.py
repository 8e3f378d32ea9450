"""Machines in subnets, in each way that clients ask for them."""

from __future__ import annotations

import pytest
from ec2_bridges import IMAGE, TYPE, ec2_bridges, launched, refusal, settled
from vpc_walk import by

ASKED = {"ImageId": IMAGE, "InstanceType": TYPE, "MinCount": 1, "MaxCount": 1}


@pytest.fixture(scope="module")
def world():
    with ec2_bridges() as world:
        yield world


@pytest.fixture(scope="module")
def ec2(world):
    return world.ec2()


@pytest.fixture(scope="module")
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture(scope="module")
def subnets(ec2, vpc):
    cidrs = ("10.0.1.0/24", "10.0.2.0/24")
    return [ec2.create_subnet(VpcId=vpc, CidrBlock=cidr)["Subnet"]["SubnetId"] for cidr in cidrs]


def machine(ec2, **params):
    made = launched(ec2, **params)["Instances"][0]["InstanceId"]
    return ec2.describe_instances(InstanceIds=[made])["Reservations"][0]["Instances"][0]


def card(subnet, index=0, **more):
    return {"DeviceIndex": index, "SubnetId": subnet, **more}


def test_a_machine_is_in_its_subnet(world, ec2, vpc, subnets):
    one = machine(ec2, SubnetId=subnets[0], PrivateIpAddress="10.0.1.77")
    assert (one["VpcId"], one["SubnetId"], one["PrivateIpAddress"]) == (vpc, subnets[0], "10.0.1.77")
    [nic] = one["NetworkInterfaces"]
    assert (nic["VpcId"], nic["SubnetId"], nic["PrivateIpAddress"]) == (vpc, subnets[0], "10.0.1.77")
    real = world.machines()[f"{reservation_of(ec2, one['InstanceId'])}-0"]
    assert [row["networkname"] for row in real["nic"]] == ["subnet 10.0.1.0/24"]
    assert one["InstanceId"] in found(ec2, "vpc-id", vpc) & found(ec2, "subnet-id", subnets[0])
    assert one["InstanceId"] not in found(ec2, "subnet-id", subnets[1])
    assert refusal(ec2.run_instances, **ASKED, SubnetId=subnets[0], PrivateIpAddress="10.0.1.77") == (
        "InvalidIPAddress.InUse"
    )


def reservation_of(ec2, instance):
    return ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["ReservationId"]


def found(ec2, name, value):
    rows = ec2.describe_instances(Filters=by(name, value))["Reservations"]
    return {one["InstanceId"] for row in rows for one in row["Instances"]}


def test_interfaces_say_where_a_machine_is(ec2, vpc, subnets):
    group = ec2.create_security_group(GroupName="cards", Description="d")["GroupId"]
    addresses = [{"Primary": True, "PrivateIpAddress": "10.0.2.80"}]
    cards = [card(subnets[0], 1, PrivateIpAddress="10.0.1.80"), card(subnets[1], PrivateIpAddresses=addresses)]
    cards[1] |= {"Groups": [group], "DeleteOnTermination": True, "AssociatePublicIpAddress": False}
    one = machine(ec2, NetworkInterfaces=cards)
    assert (one["VpcId"], one["SubnetId"], one["PrivateIpAddress"]) == (vpc, subnets[1], "10.0.2.80")
    assert [row["GroupName"] for row in one["SecurityGroups"]] == ["cards"]
    told = {
        nic["Attachment"]["DeviceIndex"]: (nic["SubnetId"], nic["PrivateIpAddress"])
        for nic in one["NetworkInterfaces"]
    }
    assert told == {0: (subnets[1], "10.0.2.80"), 1: (subnets[0], "10.0.1.80")}
    both = machine(ec2, NetworkInterfaces=[card(subnets[0]), card(subnets[1], 1)])
    assert [nic["SubnetId"] for nic in both["NetworkInterfaces"]] == subnets


def test_a_spot_request_is_in_its_subnet(ec2, vpc, subnets):
    wanted = {"ImageId": IMAGE, "InstanceType": TYPE, "SubnetId": subnets[1]}
    [request] = ec2.request_spot_instances(LaunchSpecification=wanted)["SpotInstanceRequests"]
    settled(ec2, "running", [request["InstanceId"]])
    one = ec2.describe_instances(InstanceIds=[request["InstanceId"]])["Reservations"][0]["Instances"][0]
    assert (one["VpcId"], one["SubnetId"]) == (vpc, subnets[1])


def test_a_machine_without_a_subnet_is_in_no_vpc(ec2, subnets):
    one = machine(ec2)
    assert "VpcId" not in one
    assert "SubnetId" not in one
    assert subnets


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"SubnetId": "subnet-0123456789abcdef0"}, "InvalidSubnetID.NotFound"),
        ({"SubnetId": 0, "PrivateIpAddress": "10.0.2.9"}, "InvalidParameterValue"),
        ({"SubnetId": 0, "PrivateIpAddress": "10.0.1.1"}, "InvalidParameterValue"),
        ({"SubnetId": 0, "PrivateIpAddress": "nonsense"}, "InvalidParameterValue"),
        ({"SubnetId": 0, "PrivateIpAddress": "10.0.1.9", "MaxCount": 2}, "InvalidParameterCombination"),
        ({"SubnetId": 0, "Placement": {"AvailabilityZone": "SandboxSG"}}, "InvalidParameterValue"),
        ({"SubnetId": 0, "NetworkInterfaces": [card(0)]}, "InvalidParameterCombination"),
        ({"SecurityGroups": ["default"], "NetworkInterfaces": [card(0)]}, "InvalidParameterCombination"),
        ({"NetworkInterfaces": [card(0, 1)]}, "InvalidParameterValue"),
        ({"NetworkInterfaces": [card(0), card(1)]}, "InvalidParameterValue"),
        ({"NetworkInterfaces": [card(0), card(0, 1)]}, "UnsupportedOperation"),
        ({"NetworkInterfaces": [card(0, AssociatePublicIpAddress=True)]}, "UnsupportedOperation"),
        ({"NetworkInterfaces": [card(0, DeleteOnTermination=False)]}, "UnsupportedOperation"),
        ({"NetworkInterfaces": [card(0, SecondaryPrivateIpAddressCount=2)]}, "UnsupportedOperation"),
        ({"NetworkInterfaces": [{"DeviceIndex": 0, "NetworkInterfaceId": "eni-0"}]}, "UnsupportedOperation"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_made(world, ec2, subnets, params, code):
    def named(value):
        if isinstance(value, dict) and isinstance(value.get("SubnetId"), int):
            return {**value, "SubnetId": subnets[value["SubnetId"]]}
        return value

    asked = named({**ASKED, **params})
    asked["NetworkInterfaces"] = [named(one) for one in params.get("NetworkInterfaces", [])]
    before = world.machines()
    assert refusal(ec2.run_instances, **asked) == code
    assert world.machines().keys() == before.keys()


def test_a_zone_is_the_one_of_the_subnet(ec2, subnets):
    one = machine(ec2, SubnetId=subnets[0], Placement={"AvailabilityZone": "Sandbox"})
    assert one["Placement"]["AvailabilityZone"] == "Sandbox"


def test_a_subnet_of_another_zone_than_the_configured_one_says_where_machines_are():
    with ec2_bridges("SandboxSG") as world:
        ec2, cloud = world.ec2(), world.cloud_of(world.user)
        zone = next(row for row in cloud.rows("listZones", "zone", {}) if row["name"] == "Sandbox")
        vpc_offering = cloud.rows("listVPCOfferings", "vpcoffering", {"name": "Default VPC offering"})[0]["id"]
        given = {"zoneid": zone["id"], "name": "v", "displaytext": "v", "cidr": "10.0.0.0/16"}
        cloud.call("createVPC", {**given, "vpcofferingid": vpc_offering})
        [vpc] = ec2.describe_vpcs()["Vpcs"]
        subnet = ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.0.1.0/24")["Subnet"]
        assert subnet["AvailabilityZone"] == "Sandbox"
        one = machine(ec2, SubnetId=subnet["SubnetId"])
        assert (one["SubnetId"], one["Placement"]["AvailabilityZone"]) == (subnet["SubnetId"], "Sandbox")
