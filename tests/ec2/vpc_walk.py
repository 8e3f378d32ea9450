"""A VPC with all that belongs to it, made, read back and removed as Terraform's AWS provider does it."""

from __future__ import annotations

from typing import NamedTuple

EVERYWHERE = "0.0.0.0/0"


class Made(NamedTuple):
    """The ids of what was made."""

    vpc: str
    subnet: str
    gateway: str
    table: str
    association: str
    acl: str
    nat: str


def named(kind, name):
    """What a client sends to have a new thing of this type named."""
    return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}]


def by(name, *values):
    """A filter."""
    return [{"Name": name, "Values": list(values)}]


def make(ec2, cidr="10.20.0.0/16"):
    """Make everything, reading back what is made as the provider does; gives the ids."""
    vpc = _made_vpc(ec2, cidr)
    subnet = _made_subnet(ec2, vpc, cidr.replace(".0.0/16", ".1.0/24"))
    gateway = _made_gateway(ec2, vpc)
    nat = _made_nat(ec2, vpc, subnet)
    table, association = _made_table(ec2, vpc, subnet, {"GatewayId": gateway}, {"NatGatewayId": nat})
    return Made(vpc, subnet, gateway, table, association, _made_acl(ec2, vpc, subnet), nat)


def _made_vpc(ec2, cidr):
    vpc = ec2.create_vpc(CidrBlock=cidr, TagSpecifications=named("vpc", "walk"))["Vpc"]["VpcId"]
    [read] = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
    assert (read["State"], read["CidrBlock"], read["InstanceTenancy"]) == ("available", cidr, "default")
    for attribute in ("enableDnsSupport", "enableDnsHostnames", "enableNetworkAddressUsageMetrics"):
        value = ec2.describe_vpc_attribute(VpcId=vpc, Attribute=attribute)[attribute[0].upper() + attribute[1:]]
        assert value == {"Value": attribute == "enableDnsSupport"}
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    assert ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")["EnableDnsHostnames"]["Value"]
    [_] = ec2.describe_network_acls(Filters=[*by("default", "true"), *by("vpc-id", vpc)])["NetworkAcls"]
    [_] = ec2.describe_route_tables(Filters=[*by("association.main", "true"), *by("vpc-id", vpc)])["RouteTables"]
    [_] = ec2.describe_dhcp_options(DhcpOptionsIds=[read["DhcpOptionsId"]])["DhcpOptions"]
    ec2.associate_dhcp_options(VpcId=vpc, DhcpOptionsId="default")
    return vpc


def _made_subnet(ec2, vpc, cidr):
    made = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, TagSpecifications=named("subnet", "a"))["Subnet"]
    subnet = made["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    [read] = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
    assert (read["State"], read["CidrBlock"], read["MapPublicIpOnLaunch"]) == ("available", cidr, True)
    return subnet


def _made_gateway(ec2, vpc):
    made = ec2.create_internet_gateway(TagSpecifications=named("internet-gateway", "g"))["InternetGateway"]
    gateway = made["InternetGatewayId"]
    assert ec2.describe_internet_gateways(InternetGatewayIds=[gateway])["InternetGateways"][0]["Attachments"] == []
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    [read] = ec2.describe_internet_gateways(InternetGatewayIds=[gateway])["InternetGateways"]
    assert read["Attachments"] == [{"State": "available", "VpcId": vpc}]
    assert read["Tags"] == [{"Key": "Name", "Value": "g"}]
    return gateway


def _made_nat(ec2, vpc, subnet):
    made = ec2.create_nat_gateway(SubnetId=subnet, TagSpecifications=named("natgateway", "n"))["NatGateway"]
    [read] = ec2.describe_nat_gateways(NatGatewayIds=[made["NatGatewayId"]])["NatGateways"]
    assert (read["State"], read["SubnetId"], read["VpcId"]) == ("available", subnet, vpc)
    return made["NatGatewayId"]


def _made_table(ec2, vpc, subnet, first, second):
    """A table with a route to `first`, which for a while leads to `second`."""
    made = ec2.create_route_table(VpcId=vpc, TagSpecifications=named("route-table", "t"))["RouteTable"]
    table = made["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock=EVERYWHERE, **first)
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    ec2.replace_route(RouteTableId=table, DestinationCidrBlock=EVERYWHERE, **second)
    [read] = ec2.describe_route_tables(Filters=by("route.nat-gateway-id", *second.values()))["RouteTables"]
    assert {one["State"] for one in read["Routes"]} == {"active"}
    ec2.replace_route(RouteTableId=table, DestinationCidrBlock=EVERYWHERE, **first)
    main = ec2.describe_route_tables(Filters=[*by("association.main", "true"), *by("vpc-id", vpc)])["RouteTables"][0]
    moved = ec2.replace_route_table_association(AssociationId=association, RouteTableId=main["RouteTableId"])
    back = ec2.replace_route_table_association(AssociationId=moved["NewAssociationId"], RouteTableId=table)
    assert back["NewAssociationId"] == association
    [read] = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    [route] = [one for one in read["Routes"] if one["DestinationCidrBlock"] == EVERYWHERE]
    assert (route["GatewayId"], route["State"], route["Origin"]) == (first["GatewayId"], "active", "CreateRoute")
    [one] = read["Associations"]
    assert (one["RouteTableAssociationId"], one["SubnetId"], one["Main"]) == (association, subnet, False)
    return table, association


def _made_acl(ec2, vpc, subnet):
    made = ec2.create_network_acl(VpcId=vpc, TagSpecifications=named("network-acl", "n"))["NetworkAcl"]
    acl = made["NetworkAclId"]
    rule = {"RuleNumber": 100, "Protocol": "6", "RuleAction": "allow", "CidrBlock": EVERYWHERE}
    for egress in (False, True):
        ports = {"From": 22, "To": 80} if egress else {"From": 443, "To": 443}
        ec2.create_network_acl_entry(NetworkAclId=acl, Egress=egress, PortRange=ports, **rule)
    changed = {**rule, "Egress": False, "PortRange": {"From": 0, "To": 1024}, "RuleAction": "deny"}
    ec2.replace_network_acl_entry(NetworkAclId=acl, **changed)
    [read] = ec2.describe_network_acls(Filters=by("association.subnet-id", subnet))["NetworkAcls"]
    [before] = [one["NetworkAclAssociationId"] for one in read["Associations"] if one["SubnetId"] == subnet]
    ec2.replace_network_acl_association(AssociationId=before, NetworkAclId=acl)
    [read] = ec2.describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"]
    assert [one["SubnetId"] for one in read["Associations"]] == [subnet]
    assert read["Entries"][0] == changed
    return acl


def unmake(ec2, made):
    """Remove everything in the order of the provider."""
    main = ec2.describe_network_acls(Filters=[*by("default", "true"), *by("vpc-id", made.vpc)])["NetworkAcls"][0]
    [read] = ec2.describe_network_acls(NetworkAclIds=[made.acl])["NetworkAcls"]
    for one in read["Associations"]:
        ec2.replace_network_acl_association(
            AssociationId=one["NetworkAclAssociationId"], NetworkAclId=main["NetworkAclId"]
        )
    ec2.delete_network_acl_entry(NetworkAclId=made.acl, RuleNumber=100, Egress=True)
    ec2.delete_network_acl(NetworkAclId=made.acl)
    ec2.delete_nat_gateway(NatGatewayId=made.nat)
    ec2.disassociate_route_table(AssociationId=made.association)
    ec2.delete_route(RouteTableId=made.table, DestinationCidrBlock=EVERYWHERE)
    ec2.delete_route_table(RouteTableId=made.table)
    ec2.detach_internet_gateway(InternetGatewayId=made.gateway, VpcId=made.vpc)
    ec2.delete_internet_gateway(InternetGatewayId=made.gateway)
    ec2.delete_subnet(SubnetId=made.subnet)
    ec2.delete_vpc(VpcId=made.vpc)
