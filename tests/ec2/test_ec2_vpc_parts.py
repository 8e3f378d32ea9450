"""Route tables, network ACLs and NAT gateways of a VPC, and their dependence on each other."""

from __future__ import annotations

import pytest
from ec2_bridges import ec2_bridges, launched, refusal
from vpc_walk import EVERYWHERE, by

CIDR = "10.0.0.0/16"
OPEN = {"RuleNumber": 100, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": EVERYWHERE}
SHUT = {"RuleNumber": 32767, "Protocol": "-1", "RuleAction": "deny", "CidrBlock": EVERYWHERE}


@pytest.fixture
def world():
    with ec2_bridges(bridges=2) as world:
        yield world


@pytest.fixture
def ec2(world):
    return world.ec2()


@pytest.fixture
def vpc(ec2):
    return ec2.create_vpc(CidrBlock=CIDR)["Vpc"]["VpcId"]


@pytest.fixture
def subnet(ec2, vpc):
    return ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]


@pytest.fixture
def gateway(ec2, vpc):
    made = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=made, VpcId=vpc)
    return made


def table_in(ec2, vpc):
    return ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]


def tables(ec2, **filters):
    asked = [one for name, value in filters.items() for one in by(name.replace("_", "-", 1), value)]
    return {row["RouteTableId"]: row for row in ec2.describe_route_tables(Filters=asked)["RouteTables"]}


def main_of(ec2, vpc):
    asked = [*by("association.main", "true"), *by("vpc-id", vpc)]
    [row] = ec2.describe_route_tables(Filters=asked)["RouteTables"]
    [name] = [one["RouteTableAssociationId"] for one in row["Associations"] if one["Main"]]
    return row["RouteTableId"], name


def routes(ec2, table):
    [row] = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    keys = ("GatewayId", "NatGatewayId")
    return {
        one["DestinationCidrBlock"]: (next(one[key] for key in keys if key in one), one["State"])
        for one in row["Routes"]
    }


def entries(ec2, acl):
    [row] = ec2.describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"]
    sides = {False: [], True: []}
    for one in row["Entries"]:
        sides[one.pop("Egress")].append(one)
    return sides[False], sides[True]


def acl_of(ec2, subnet):
    [row] = ec2.describe_network_acls(Filters=by("association.subnet-id", subnet))["NetworkAcls"]
    [name] = [one["NetworkAclAssociationId"] for one in row["Associations"] if one["SubnetId"] == subnet]
    return row["NetworkAclId"], name


# Route tables


def test_a_route_leads_to_what_is_attached_and_is_a_black_hole_afterwards(ec2, vpc, gateway):
    table, _ = main_of(ec2, vpc)
    assert routes(ec2, table) == {CIDR: ("local", "active")}
    create = ec2.create_route
    create(RouteTableId=table, DestinationCidrBlock=EVERYWHERE, GatewayId=gateway)
    again = {"RouteTableId": table, "DestinationCidrBlock": EVERYWHERE, "GatewayId": gateway}
    assert refusal(create, **again) == "RouteAlreadyExists"
    assert routes(ec2, table)[EVERYWHERE] == (gateway, "active")
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert routes(ec2, table)[EVERYWHERE] == (gateway, "blackhole")
    assert refusal(create, **{**again, "DestinationCidrBlock": "192.0.2.0/24"}) == "InvalidParameterValue"
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock=EVERYWHERE)
    gone = {"RouteTableId": table, "DestinationCidrBlock": EVERYWHERE}
    assert refusal(ec2.delete_route, **gone) == "InvalidRoute.NotFound"
    assert refusal(ec2.replace_route, **gone, GatewayId=gateway) == "InvalidRoute.NotFound"


def test_what_a_route_cannot_be(ec2, vpc, gateway):
    table, _ = main_of(ec2, vpc)

    def code(cidr=EVERYWHERE, **target):
        return refusal(ec2.create_route, RouteTableId=table, DestinationCidrBlock=cidr, **target)

    assert code() == "MissingParameter"
    assert code(GatewayId=gateway, NatGatewayId="nat-0") == "InvalidParameterCombination"
    assert code(GatewayId="igw-0123456789abcdef0") == "InvalidInternetGatewayID.NotFound"
    assert code(GatewayId="vgw-0123456789abcdef0") == "InvalidGatewayID.NotFound"
    assert code(NatGatewayId="nat-0123456789abcdef0") == "InvalidNatGatewayID.NotFound"
    assert code(InstanceId="i-0123456789abcdef0") == "UnsupportedOperation"
    assert code("10.0.3.0/24", GatewayId=gateway) == "InvalidParameterValue"
    assert code("nonsense", GatewayId=gateway) == "InvalidParameterValue"
    local = {"RouteTableId": table, "DestinationCidrBlock": CIDR}
    assert refusal(ec2.delete_route, **local) == "InvalidParameterValue"
    assert routes(ec2, table) == {CIDR: ("local", "active")}


def test_a_subnet_has_one_table_and_a_table_in_use_stays(ec2, vpc, subnet):
    first, second = table_in(ec2, vpc), table_in(ec2, vpc)
    name = ec2.associate_route_table(RouteTableId=first, SubnetId=subnet)["AssociationId"]
    assert ec2.associate_route_table(RouteTableId=first, SubnetId=subnet)["AssociationId"] == name
    assert refusal(ec2.associate_route_table, RouteTableId=second, SubnetId=subnet) == "Resource.AlreadyAssociated"
    assert refusal(ec2.delete_route_table, RouteTableId=first) == "DependencyViolation"
    assert refusal(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    ec2.delete_subnet(SubnetId=subnet)
    assert tables(ec2)[first]["Associations"] == []
    for table in (first, second):
        ec2.delete_route_table(RouteTableId=table)
    assert refusal(ec2.delete_route_table, RouteTableId=main_of(ec2, vpc)[0]) == "DependencyViolation"
    ec2.delete_vpc(VpcId=vpc)


def test_another_table_becomes_the_main_one_and_the_first_may_go_then(ec2, vpc, subnet, gateway):
    first, association = main_of(ec2, vpc)
    assert refusal(ec2.disassociate_route_table, AssociationId=association) == "InvalidParameterValue"
    other = table_in(ec2, vpc)
    ec2.create_route(RouteTableId=first, DestinationCidrBlock=EVERYWHERE, GatewayId=gateway)
    moved = ec2.replace_route_table_association(AssociationId=association, RouteTableId=other)["NewAssociationId"]
    assert main_of(ec2, vpc) == (other, moved)
    back = ec2.replace_route_table_association(AssociationId=moved, RouteTableId=first)["NewAssociationId"]
    assert (main_of(ec2, vpc), back) == ((first, association), association)
    ec2.replace_route_table_association(AssociationId=association, RouteTableId=other)
    ec2.delete_route_table(RouteTableId=first)
    assert set(tables(ec2)) == {other}
    assert refusal(ec2.delete_route_table, RouteTableId=other) == "DependencyViolation"
    assert subnet


def test_tables_and_subnets_of_two_vpcs_do_not_meet(ec2, vpc, subnet, gateway):
    there = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    foreign = table_in(ec2, there)
    assert refusal(ec2.associate_route_table, RouteTableId=foreign, SubnetId=subnet) == "InvalidParameterValue"
    asked = {"RouteTableId": foreign, "DestinationCidrBlock": EVERYWHERE, "GatewayId": gateway}
    assert refusal(ec2.create_route, **asked) == "InvalidParameterValue"
    mine = {"AssociationId": main_of(ec2, vpc)[1], "RouteTableId": foreign}
    assert refusal(ec2.replace_route_table_association, **mine) == "InvalidParameterValue"


def test_a_client_token_makes_one_table_and_one_nat_gateway(world, vpc, subnet):
    here, there = world.ec2(), world.ec2(bridge=1)
    made = {one.create_route_table(VpcId=vpc, ClientToken="t")["RouteTable"]["RouteTableId"] for one in (here, there)}
    assert len(made) == 1
    assert made < set(tables(here))
    nats = [one.create_nat_gateway(SubnetId=subnet, ClientToken="t")["NatGateway"] for one in (here, there)]
    assert nats[0]["NatGatewayId"] == nats[1]["NatGatewayId"]
    assert len(here.describe_nat_gateways()["NatGateways"]) == 1


def test_a_private_gateway_is_a_target_and_its_routes_are_the_clouds_own(world, ec2, vpc):
    cloud = world.cloud_of(world.user)
    [row] = cloud.rows("listVPCs", "vpc", {})
    given = {"gateway": "192.168.7.1", "netmask": "255.255.255.0", "ipaddress": "192.168.7.2"}
    cloud.call("createPrivateGateway", {"vpcid": row["id"], **given})
    [private] = cloud.rows("listPrivateGateways", "privategateway", {})
    table = table_in(ec2, vpc)
    asked = {"RouteTableId": table, "DestinationCidrBlock": "172.16.0.0/12"}
    ec2.create_route(**asked, GatewayId=private["id"])
    [(name, state)] = [found for cidr, found in routes(ec2, table).items() if cidr == "172.16.0.0/12"]
    assert (name[:4], state) == ("vgw-", "active")
    assert [one["cidr"] for one in cloud.rows("listStaticRoutes", "staticroute", {})] == ["172.16.0.0/12"]
    assert refusal(ec2.create_route, **asked, GatewayId=name) == "RouteAlreadyExists"
    assert refusal(ec2.create_route, **{**asked, "DestinationCidrBlock": EVERYWHERE}, GatewayId=name) == (
        "InvalidParameterValue"
    )
    ec2.replace_route(**asked, GatewayId=name)
    ec2.delete_route(**asked)
    ec2.create_route(**asked, GatewayId=name)
    ec2.delete_route_table(RouteTableId=table)
    assert cloud.rows("listStaticRoutes", "staticroute", {}) == []


# Network ACLs


def test_the_default_acl_lets_everything_through_until_it_is_changed(world, ec2, vpc, subnet):
    acl, association = acl_of(ec2, subnet)
    assert entries(ec2, acl) == ([OPEN, SHUT], [OPEN, SHUT])
    assert refusal(ec2.delete_network_acl, NetworkAclId=acl) == "InvalidParameterValue"
    web = {"RuleNumber": 50, "Protocol": "6", "RuleAction": "deny", "CidrBlock": "192.0.2.0/24"}
    web["PortRange"] = {"From": 80, "To": 80}
    ec2.create_network_acl_entry(NetworkAclId=acl, Egress=False, **web)
    assert acl_of(ec2, subnet) == (acl, association)
    assert entries(ec2, acl) == ([web, OPEN, SHUT], [OPEN, SHUT])
    later = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.2.0/24")["Subnet"]["SubnetId"]
    assert acl_of(ec2, later)[0] == acl
    cloud = world.cloud_of(world.user)
    tiers = cloud.rows("listNetworks", "network", {"forvpc": True})
    assert len({tier["aclid"] for tier in tiers}) == 1
    rules = cloud.rows("listNetworkACLs", "networkacl", {"aclid": tiers[0]["aclid"]})
    order = sorted((one["traffictype"], one["number"], one["action"]) for one in rules)
    assert [one[0::2] for one in order] == [
        ("Egress", "Allow"),
        ("Egress", "Deny"),
        ("Ingress", "Deny"),
        ("Ingress", "Allow"),
    ]
    for egress in (False, True):
        ec2.delete_network_acl_entry(NetworkAclId=acl, RuleNumber=100, Egress=egress)
    assert entries(ec2, acl) == ([web, SHUT], [SHUT])
    for name in (subnet, later):
        ec2.delete_subnet(SubnetId=name)
    ec2.delete_vpc(VpcId=vpc)


def test_the_rules_of_each_direction_are_numbered_by_themselves(ec2, vpc):
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    assert entries(ec2, acl) == ([SHUT], [SHUT])
    ping = {"Protocol": "1", "RuleAction": "allow", "CidrBlock": EVERYWHERE, "IcmpTypeCode": {"Type": 8, "Code": -1}}
    ports = {"Protocol": "17", "RuleAction": "deny", "CidrBlock": "192.0.2.0/24", "PortRange": {"From": 0, "To": 53}}
    other = {"Protocol": "47", "RuleAction": "allow", "CidrBlock": EVERYWHERE}
    for egress in (False, True):
        for number, rule in ((300, ping), (1, ports), (32766, other)):
            ec2.create_network_acl_entry(NetworkAclId=acl, Egress=egress, RuleNumber=number, **rule)
    wanted = [{**ports, "RuleNumber": 1}, {**ping, "RuleNumber": 300}, {**other, "RuleNumber": 32766}, SHUT]
    assert entries(ec2, acl) == (wanted, wanted)
    again = {"NetworkAclId": acl, "Egress": False, "RuleNumber": 300, **other}
    assert refusal(ec2.create_network_acl_entry, **again) == "NetworkAclEntryAlreadyExists"
    ec2.replace_network_acl_entry(**again)
    assert entries(ec2, acl)[0][1] == {**other, "RuleNumber": 300}
    gone = {"NetworkAclId": acl, "Egress": True, "RuleNumber": 7}
    assert refusal(ec2.delete_network_acl_entry, **gone) == "InvalidNetworkAclEntry.NotFound"
    assert refusal(ec2.replace_network_acl_entry, **gone, **other) == "InvalidNetworkAclEntry.NotFound"
    last = {"NetworkAclId": acl, "Egress": True, "RuleNumber": 32767}
    assert refusal(ec2.delete_network_acl_entry, **last) == "InvalidNetworkAclEntry.NotFound"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"RuleNumber": 0}, "InvalidParameterValue"),
        ({"RuleNumber": 32767}, "InvalidParameterValue"),
        ({"Protocol": "nonsense"}, "InvalidParameterValue"),
        ({"Protocol": "256"}, "InvalidParameterValue"),
        ({"Protocol": "6"}, "MissingParameter"),
        ({"Protocol": "6", "PortRange": {"From": 2, "To": 1}}, "InvalidParameterValue"),
        ({"Protocol": "1"}, "MissingParameter"),
        ({"CidrBlock": "nonsense"}, "InvalidParameterValue"),
        ({"Ipv6CidrBlock": "::/0"}, "UnsupportedOperation"),
    ],
)
def test_what_a_rule_cannot_be(ec2, vpc, changed, code):
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    rule = {"NetworkAclId": acl, "Egress": False, **OPEN, **changed}
    assert refusal(ec2.create_network_acl_entry, **rule) == code
    assert entries(ec2, acl) == ([SHUT], [SHUT])


def test_an_acl_that_a_subnet_has_stays(ec2, vpc, subnet):
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    before, association = acl_of(ec2, subnet)
    replace = ec2.replace_network_acl_association
    name = replace(AssociationId=association, NetworkAclId=acl)["NewAssociationId"]
    assert acl_of(ec2, subnet) == (acl, name)
    assert refusal(ec2.delete_network_acl, NetworkAclId=acl) == "DependencyViolation"
    assert refusal(replace, AssociationId=association, NetworkAclId=before) == "InvalidAssociationID.NotFound"
    foreign = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    other = ec2.create_network_acl(VpcId=foreign)["NetworkAcl"]["NetworkAclId"]
    assert refusal(replace, AssociationId=name, NetworkAclId=other) == "InvalidParameterValue"
    assert replace(AssociationId=name, NetworkAclId=before)["NewAssociationId"] == association
    ec2.create_tags(Resources=[acl], Tags=[{"Key": "k", "Value": "v"}])
    ec2.delete_network_acl(NetworkAclId=acl)
    assert ec2.describe_tags()["Tags"] == []


# NAT gateways and tags


def test_a_nat_gateway_is_the_address_that_its_vpc_goes_out_by(ec2, vpc, subnet):
    gateway = ec2.create_nat_gateway(SubnetId=subnet)["NatGateway"]["NatGatewayId"]
    assert "PublicIp" not in ec2.describe_nat_gateways()["NatGateways"][0]["NatGatewayAddresses"][0]
    launched(ec2, SubnetId=subnet)
    [read] = ec2.describe_nat_gateways(Filters=by("vpc-id", vpc))["NatGateways"]
    [address] = read["NatGatewayAddresses"]
    assert address["PublicIp"]
    more = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address["AllocationId"])["NatGateway"]
    other = ec2.allocate_address()["AllocationId"]
    assert refusal(ec2.create_nat_gateway, SubnetId=subnet, AllocationId=other) == "UnsupportedOperation"
    assert refusal(ec2.delete_subnet, SubnetId=subnet) == "DependencyViolation"
    for name in (gateway, more["NatGatewayId"]):
        assert ec2.delete_nat_gateway(NatGatewayId=name)["NatGatewayId"] == name
    assert ec2.describe_nat_gateways()["NatGateways"] == []


def test_a_tag_may_be_empty_though_the_clouds_may_not(ec2, vpc, subnet):
    things = [vpc, subnet, table_in(ec2, vpc)]
    ec2.create_tags(Resources=things, Tags=[{"Key": "empty", "Value": ""}, {"Key": "none"}])
    ec2.create_tags(Resources=things, Tags=[{"Key": "empty", "Value": ""}])
    told = ec2.describe_tags(Filters=by("value", ""))["Tags"]
    assert sorted((row["ResourceId"], row["Key"]) for row in told) == sorted(
        (name, key) for name in things for key in ("empty", "none")
    )
    [row] = ec2.describe_vpcs(Filters=by("tag:empty", ""))["Vpcs"]
    assert row["Tags"] == [{"Key": "empty", "Value": ""}, {"Key": "none", "Value": ""}]
    ec2.delete_tags(Resources=things, Tags=[{"Key": "empty", "Value": ""}, {"Key": "none"}])
    assert ec2.describe_tags()["Tags"] == []


def test_tags_of_what_the_cloud_does_not_have(world, ec2, vpc, subnet, gateway):
    acl, _ = acl_of(ec2, subnet)
    options = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["DhcpOptionsId"]
    nat = ec2.create_nat_gateway(SubnetId=subnet)["NatGateway"]["NatGatewayId"]
    things = [acl, options, nat, gateway, main_of(ec2, vpc)[0], table_in(ec2, vpc), vpc, subnet]
    ec2.create_tags(Resources=things, Tags=[{"Key": "Name", "Value": "a"}, {"Key": "tag:x y", "Value": "b"}])
    ec2.create_tags(Resources=things[:5], Tags=[{"Key": "Name", "Value": "c"}])
    there = world.ec2(bridge=1)
    told = there.describe_tags(Filters=by("key", "Name"))["Tags"]
    assert {row["ResourceId"]: row["Value"] for row in told} == {
        name: "c" if number < 5 else "a" for number, name in enumerate(things)
    }
    assert acl_of(there, subnet)[0] in {
        row["NetworkAclId"] for row in there.describe_network_acls(Filters=by("tag:Name", "c"))["NetworkAcls"]
    }
    assert len(there.describe_route_tables(Filters=by("tag:tag:x y", "b"))["RouteTables"]) == 2
    ec2.delete_tags(Resources=things, Tags=[{"Key": "Name", "Value": "c"}])
    told = there.describe_tags()["Tags"]
    assert {row["ResourceId"] for row in told if row["Key"] == "Name"} == set(things[5:])
    ec2.delete_tags(Resources=things)
    assert there.describe_tags()["Tags"] == []
    assert routes(ec2, things[5]) == {CIDR: ("local", "active")}
    assert refusal(ec2.create_tags, Resources=[vpc], Tags=[{"Key": "cfnlib:ec2:main", "Value": "x"}]) == (
        "InvalidParameterValue"
    )
