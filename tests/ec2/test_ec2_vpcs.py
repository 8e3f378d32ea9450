"""VPCs and what belongs to them, over sockets, in front of a cloud that has no such things as EC2 knows them."""

from __future__ import annotations

import pytest
from ec2_bridges import ec2_bridges, launched, refusal, settled, when
from vpc_walk import EVERYWHERE, by, make, named, unmake

from cfnlib.simulator.faults import Fault

NONE = "0123456789abcdef0"


@pytest.fixture
def world():
    with ec2_bridges(bridges=2) as world:
        yield world


@pytest.fixture
def ec2(world):
    return world.ec2()


@pytest.fixture
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


def subnet_in(ec2, vpc, cidr="10.0.1.0/24"):
    return ec2.create_subnet(VpcId=vpc, CidrBlock=cidr)["Subnet"]["SubnetId"]


def everything(ec2):
    """All that a bridge tells of VPCs."""
    told = {
        "vpcs": ec2.describe_vpcs()["Vpcs"],
        "subnets": ec2.describe_subnets()["Subnets"],
        "gateways": ec2.describe_internet_gateways()["InternetGateways"],
        "tables": ec2.describe_route_tables()["RouteTables"],
        "acls": ec2.describe_network_acls()["NetworkAcls"],
        "nats": ec2.describe_nat_gateways()["NatGateways"],
        "options": ec2.describe_dhcp_options()["DhcpOptions"],
        "tags": ec2.describe_tags()["Tags"],
    }
    return {name: sorted(rows, key=str) for name, rows in told.items()}


def left(world):
    """What an account has on the cloud itself, of all kinds that a VPC could leave behind."""
    cloud = world.cloud_of(world.user)
    kinds = {"listVPCs": "vpc", "listNetworks": "network", "listTags": "tag", "listSecurityGroups": "securitygroup"}
    kinds |= {"listNetworkACLs": "networkacl", "listPublicIpAddresses": "publicipaddress"}
    found = [row for command, key in kinds.items() for row in cloud.rows(command, key, {})]
    lists = cloud.rows("listNetworkACLLists", "networkacllist", {})
    return [row for row in found if row.get("type") != "Shared"] + [row for row in lists if row.get("vpcid")]


def test_what_terraform_makes_it_can_remove_and_nothing_is_left(world, ec2):
    unmake(ec2, make(ec2))
    assert all(rows == [] for rows in everything(ec2).values())
    assert [row["name"] for row in left(world)] == ["default"]


def test_every_bridge_tells_the_same_of_what_another_made(world):
    here, there = world.ec2(), world.ec2(bridge=1)
    made = make(here)
    told = everything(here)
    assert everything(there) == told
    assert len(told["tables"]) == len(told["acls"]) == 2
    assert {(row["ResourceType"], row["Value"]) for row in told["tags"]} == {
        ("vpc", "walk"),
        ("subnet", "a"),
        ("internet-gateway", "g"),
        ("route-table", "t"),
        ("natgateway", "n"),
        ("network-acl", "n"),
    }
    unmake(there, made)
    assert all(rows == [] for rows in everything(here).values())


def test_an_internet_gateway_lasts_without_a_vpc_and_is_no_security_group(world, ec2):
    asked = {"TagSpecifications": named("internet-gateway", "alone")}
    gateway = ec2.create_internet_gateway(**asked)["InternetGateway"]["InternetGatewayId"]
    there = world.ec2(bridge=1)
    [read] = there.describe_internet_gateways(Filters=by("tag:Name", "alone"))["InternetGateways"]
    assert (read["InternetGatewayId"], read["Attachments"]) == (gateway, [])
    assert [row["GroupName"] for row in there.describe_security_groups()["SecurityGroups"]] == ["default"]
    there.delete_internet_gateway(InternetGatewayId=gateway)
    assert refusal(ec2.delete_internet_gateway, InternetGatewayId=gateway) == "InvalidInternetGatewayID.NotFound"


def test_a_gateway_is_attached_to_one_vpc_and_a_vpc_has_one(ec2, vpc):
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    gateways = [ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"] for _ in range(2)]
    ec2.attach_internet_gateway(InternetGatewayId=gateways[0], VpcId=vpc)
    attach, detach = ec2.attach_internet_gateway, ec2.detach_internet_gateway
    assert refusal(attach, InternetGatewayId=gateways[0], VpcId=other) == "Resource.AlreadyAssociated"
    assert refusal(attach, InternetGatewayId=gateways[1], VpcId=vpc) == "InvalidParameterValue"
    assert refusal(detach, InternetGatewayId=gateways[0], VpcId=other) == "Gateway.NotAttached"
    assert refusal(ec2.delete_internet_gateway, InternetGatewayId=gateways[0]) == "DependencyViolation"
    assert refusal(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    detach(InternetGatewayId=gateways[0], VpcId=vpc)
    assert refusal(detach, InternetGatewayId=gateways[0], VpcId=vpc) == "Gateway.NotAttached"
    ec2.delete_vpc(VpcId=vpc)


def test_what_cannot_be_had_is_told_with_a_reason(ec2, vpc):
    subnet = subnet_in(ec2, vpc)
    answers = [
        (ec2.create_vpc, {"CidrBlock": "10.9.0.0/16", "InstanceTenancy": "dedicated"}),
        (ec2.create_vpc, {"CidrBlock": "10.9.0.0/16", "AmazonProvidedIpv6CidrBlock": True}),
        (ec2.create_default_vpc, {}),
        (ec2.create_default_subnet, {"AvailabilityZone": "Sandbox"}),
        (ec2.modify_vpc_attribute, {"VpcId": vpc, "EnableDnsSupport": {"Value": False}}),
        (ec2.modify_subnet_attribute, {"SubnetId": subnet, "AssignIpv6AddressOnCreation": {"Value": True}}),
        (ec2.create_dhcp_options, {"DhcpConfigurations": [{"Key": "domain-name", "Values": ["example.org"]}]}),
        (ec2.create_nat_gateway, {"SubnetId": subnet, "ConnectivityType": "private"}),
    ]
    for call, params in answers:
        assert refusal(call, **params) == "UnsupportedOperation"
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": True})
    ec2.modify_subnet_attribute(SubnetId=subnet, AssignIpv6AddressOnCreation={"Value": False})


def test_a_zone_with_security_groups_has_no_vpcs():
    with ec2_bridges("SandboxSG") as world:
        ec2 = world.ec2()
        assert refusal(ec2.create_vpc, CidrBlock="10.0.0.0/16") == "UnsupportedOperation"
        assert all(rows == [] for rows in everything(ec2).values())


def test_a_cloud_that_offers_no_vpcs_or_no_tiers_says_so(world, ec2, vpc):
    def withdraw(kind, of_vpcs):
        for offering in world.simulator.world.live(kind):
            if of_vpcs(offering["view"]):
                world.simulator.world.change(offering, view={**offering["view"], "state": "Disabled"})

    withdraw("networkoffering", lambda view: view["forvpc"])
    assert refusal(ec2.create_subnet, VpcId=vpc, CidrBlock="10.0.1.0/24") == "UnsupportedOperation"
    withdraw("vpcoffering", lambda _: True)
    assert refusal(ec2.create_vpc, CidrBlock="10.1.0.0/16") == "UnsupportedOperation"
    assert [row["VpcId"] for row in ec2.describe_vpcs()["Vpcs"]] == [vpc]


def test_what_cannot_be_tagged_is_not_left_behind(world, ec2):
    world.simulator.faults.add(Fault("createTags", "error", times=4))
    assert refusal(ec2.create_vpc, CidrBlock="10.0.0.0/16", TagSpecifications=named("vpc", "x"))
    assert refusal(ec2.create_internet_gateway, TagSpecifications=named("internet-gateway", "x"))
    assert [row["name"] for row in left(world)] == ["default"]
    wrong = named("subnet", "x")
    assert refusal(ec2.create_vpc, CidrBlock="10.0.0.0/16", TagSpecifications=wrong) == "InvalidParameterValue"
    assert everything(ec2)["vpcs"] == []


def test_attributes_that_are_kept_are_taken_back(ec2, vpc):
    subnet = subnet_in(ec2, vpc)
    for value in (True, True, False, False, True):
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": value})
        ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": value})
        read = ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")
        assert read["EnableDnsHostnames"]["Value"] is value
        assert ec2.describe_subnets()["Subnets"][0]["MapPublicIpOnLaunch"] is value
    assert ec2.describe_tags()["Tags"] == []


NOT_THERE = {
    "InvalidVpcID.NotFound": [
        ("create_subnet", {"VpcId": f"vpc-{NONE}", "CidrBlock": "10.0.1.0/24"}),
        ("delete_vpc", {"VpcId": f"vpc-{NONE}"}),
        ("describe_vpcs", {"VpcIds": [f"vpc-{NONE}"]}),
        ("describe_vpc_attribute", {"VpcId": f"vpc-{NONE}", "Attribute": "enableDnsSupport"}),
        ("create_route_table", {"VpcId": f"vpc-{NONE}"}),
        ("create_network_acl", {"VpcId": f"vpc-{NONE}"}),
    ],
    "InvalidSubnetID.NotFound": [
        ("delete_subnet", {"SubnetId": f"subnet-{NONE}"}),
        ("describe_subnets", {"SubnetIds": [f"subnet-{NONE}"]}),
        ("create_nat_gateway", {"SubnetId": f"subnet-{NONE}"}),
    ],
    "InvalidRouteTableID.NotFound": [
        ("delete_route_table", {"RouteTableId": f"rtb-{NONE}"}),
        ("describe_route_tables", {"RouteTableIds": [f"rtb-{NONE}"]}),
        ("delete_route", {"RouteTableId": f"rtb-{NONE}", "DestinationCidrBlock": EVERYWHERE}),
        ("create_tags", {"Resources": [f"rtb-{NONE}"], "Tags": [{"Key": "k", "Value": "v"}]}),
    ],
    "InvalidNetworkAclID.NotFound": [
        ("delete_network_acl", {"NetworkAclId": f"acl-{NONE}"}),
        ("describe_network_acls", {"NetworkAclIds": [f"acl-{NONE}"]}),
        ("delete_network_acl_entry", {"NetworkAclId": f"acl-{NONE}", "RuleNumber": 1, "Egress": True}),
    ],
    "InvalidAssociationID.NotFound": [
        ("disassociate_route_table", {"AssociationId": f"rtbassoc-{NONE}"}),
        ("replace_network_acl_association", {"AssociationId": f"aclassoc-{NONE}", "NetworkAclId": f"acl-{NONE}"}),
    ],
    "NatGatewayNotFound": [
        ("delete_nat_gateway", {"NatGatewayId": f"nat-{NONE}"}),
        ("describe_nat_gateways", {"NatGatewayIds": [f"nat-{NONE}"]}),
    ],
    "InvalidInternetGatewayID.NotFound": [
        ("describe_internet_gateways", {"InternetGatewayIds": [f"igw-{NONE}"]}),
        ("attach_internet_gateway", {"InternetGatewayId": f"igw-{NONE}", "VpcId": f"vpc-{NONE}"}),
    ],
    "InvalidDhcpOptionID.NotFound": [
        ("describe_dhcp_options", {"DhcpOptionsIds": [f"dopt-{NONE}"]}),
        ("delete_dhcp_options", {"DhcpOptionsId": f"dopt-{NONE}"}),
    ],
}


def test_what_is_not_there_has_the_code_of_its_kind(ec2, vpc):
    assert vpc
    told = {
        (code, name): refusal(getattr(ec2, name), **params)
        for code, calls in NOT_THERE.items()
        for name, params in calls
    }
    assert {key: code for key, code in told.items() if code != key[0]} == {}


def test_another_account_sees_and_changes_nothing(world, ec2):
    made = make(ec2)
    told = everything(ec2)
    other = world.ec2(world.stranger())
    assert all(rows == [] for rows in everything(other).values())
    mine = other.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    gateway = other.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    answers = [
        (other.delete_vpc, {"VpcId": made.vpc}, "InvalidVpcID.NotFound"),
        (other.create_subnet, {"VpcId": made.vpc, "CidrBlock": "10.20.9.0/24"}, "InvalidVpcID.NotFound"),
        (other.attach_internet_gateway, {"InternetGatewayId": gateway, "VpcId": made.vpc}, "InvalidVpcID.NotFound"),
        (
            other.attach_internet_gateway,
            {"InternetGatewayId": made.gateway, "VpcId": mine},
            "InvalidInternetGatewayID.NotFound",
        ),
        (
            other.delete_internet_gateway,
            {"InternetGatewayId": made.gateway},
            "InvalidInternetGatewayID.NotFound",
        ),
        (other.delete_subnet, {"SubnetId": made.subnet}, "InvalidSubnetID.NotFound"),
        (other.delete_route_table, {"RouteTableId": made.table}, "InvalidRouteTableID.NotFound"),
        (other.disassociate_route_table, {"AssociationId": made.association}, "InvalidAssociationID.NotFound"),
        (other.delete_network_acl, {"NetworkAclId": made.acl}, "InvalidNetworkAclID.NotFound"),
        (other.delete_nat_gateway, {"NatGatewayId": made.nat}, "NatGatewayNotFound"),
        (
            other.run_instances,
            {"ImageId": "ami-4517dc2c", "MinCount": 1, "MaxCount": 1, "SubnetId": made.subnet},
            "InvalidSubnetID.NotFound",
        ),
    ]
    for call, params, code in answers:
        assert refusal(call, **params) == code
    by_uuid = {row["name"]: row["id"] for row in world.cloud_of(world.user).rows("listVPCs", "vpc", {})}
    assert refusal(other.delete_vpc, VpcId=by_uuid["walk"]) == "InvalidVpcID.NotFound"
    assert everything(ec2) == told


def test_a_security_group_says_for_which_vpc_it_was_made(world, ec2, vpc):
    group = ec2.create_security_group(GroupName="web", Description="d", VpcId=vpc)["GroupId"]
    plain = ec2.create_security_group(GroupName="plain", Description="d")["GroupId"]
    told = world.ec2(bridge=1).describe_security_groups()["SecurityGroups"]
    assert {row["GroupName"]: row.get("VpcId") for row in told} == {"default": None, "web": vpc, "plain": None}
    [row] = ec2.describe_security_groups(Filters=[*by("group-name", "default"), *by("vpc-id", vpc)])["SecurityGroups"]
    assert row["VpcId"] == vpc
    found = ec2.describe_security_groups(Filters=by("vpc-id", vpc))["SecurityGroups"]
    assert {row["GroupName"] for row in found} == {"default", "web"}
    assert ec2.describe_security_groups(Filters=by("vpc-id", f"vpc-{NONE}"))["SecurityGroups"] == []
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": EVERYWHERE}]}]
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=everything)
    assert refusal(ec2.revoke_security_group_egress, GroupId=plain, IpPermissions=everything) == (
        "InvalidPermission.NotFound"
    )
    sixth = [{"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}]
    assert refusal(ec2.revoke_security_group_egress, GroupId=group, IpPermissions=sixth) == (
        "InvalidPermission.NotFound"
    )
    missing = {"GroupName": "none", "Description": "d", "VpcId": f"vpc-{NONE}"}
    assert refusal(ec2.create_security_group, **missing) == "InvalidVpcID.NotFound"
    assert refusal(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    ec2.delete_security_group(GroupId=group)
    ec2.delete_vpc(VpcId=vpc)


def test_a_vpc_that_was_made_elsewhere_is_described_too(world, ec2, vpc):
    cloud = world.cloud_of(world.user)
    [row] = cloud.rows("listVPCs", "vpc", {})
    offering = "DefaultIsolatedNetworkOfferingForVpcNetworks"
    offering_id = cloud.rows("listNetworkOfferings", "networkoffering", {"name": offering})[0]["id"]
    given = {"zoneid": row["zoneid"], "vpcid": row["id"], "networkofferingid": offering_id}
    tier = cloud.call("createNetwork", {**given, "name": "tier", "gateway": "10.0.3.1", "netmask": "255.255.255.0"})[
        "network"
    ]["id"]
    [subnet] = ec2.describe_subnets(SubnetIds=[tier])["Subnets"]
    assert (subnet["VpcId"], subnet["CidrBlock"]) == (vpc, "10.0.3.0/24")
    [acl] = ec2.describe_network_acls(Filters=by("association.subnet-id", subnet["SubnetId"]))["NetworkAcls"]
    assert not acl["IsDefault"]
    assert {entry["RuleAction"] for entry in acl["Entries"]} == {"deny"}
    rule = {"RuleNumber": 1, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": EVERYWHERE, "Egress": False}
    assert refusal(ec2.create_network_acl_entry, NetworkAclId=acl["NetworkAclId"], **rule) == "UnsupportedOperation"
    assert refusal(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    ec2.delete_subnet(SubnetId=tier)
    ec2.delete_vpc(VpcId=row["id"])


def test_pages_and_filters_of_vpcs(ec2):
    made = {ec2.create_vpc(CidrBlock=f"10.{n}.0.0/16")["Vpc"]["VpcId"] for n in range(7)}
    pages = ec2.get_paginator("describe_vpcs").paginate(PaginationConfig={"PageSize": 5})
    told = [[row["VpcId"] for row in page["Vpcs"]] for page in pages]
    assert [len(page) for page in told] == [5, 2]
    assert {name for page in told for name in page} == made
    found = ec2.describe_vpcs(Filters=[*by("cidr", "10.[0-9].0.0/16", "10.3.*"), *by("state", "available")])["Vpcs"]
    assert [row["CidrBlock"] for row in found] == ["10.3.0.0/16"]
    assert refusal(ec2.describe_vpcs, Filters=by("nonsense", "x")) == "InvalidParameterValue"
    assert refusal(ec2.create_vpc, CidrBlock="10.9.0.0/16", DryRun=True) == "DryRunOperation"


def test_the_addresses_of_a_vpc_are_not_lost_with_it(ec2, vpc):
    subnet = subnet_in(ec2, vpc)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    machine = launched(ec2, SubnetId=subnet)["Instances"][0]["InstanceId"]
    address = ec2.allocate_address(NetworkBorderGroup=vpc)["AllocationId"]
    ec2.associate_address(AllocationId=address, InstanceId=machine)
    assert refusal(ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc) == "DependencyViolation"
    ec2.terminate_instances(InstanceIds=[machine])
    settled(ec2, "terminated", [machine])
    when(lambda: gone(ec2, subnet), bool)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert refusal(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    ec2.release_address(AllocationId=address)
    ec2.delete_vpc(VpcId=vpc)


def test_a_subnet_with_machines_is_not_removed_until_they_are_gone(ec2, vpc):
    subnet = subnet_in(ec2, vpc)
    ids = [one["InstanceId"] for one in launched(ec2, 2, SubnetId=subnet)["Instances"]]
    assert ec2.describe_subnets()["Subnets"][0]["AvailableIpAddressCount"] == 251 - 2
    assert refusal(ec2.delete_subnet, SubnetId=subnet) == "DependencyViolation"
    ec2.terminate_instances(InstanceIds=ids)
    settled(ec2, "terminated", ids)
    when(lambda: gone(ec2, subnet), bool)
    assert refusal(ec2.delete_subnet, SubnetId=subnet) == "InvalidSubnetID.NotFound"
    ec2.delete_vpc(VpcId=vpc)


def gone(ec2, subnet):
    """Whether a subnet could be removed."""
    try:
        ec2.delete_subnet(SubnetId=subnet)
    except ec2.exceptions.ClientError as error:
        return error.response["Error"]["Code"] != "DependencyViolation"
    return True
