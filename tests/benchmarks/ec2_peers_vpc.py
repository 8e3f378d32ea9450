"""The steps of the walk that are about a VPC: its subnets, gateways, routes, access lists, interfaces, VPNs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ec2_peers_walk import got

if TYPE_CHECKING:
    from ec2_peers_walk import Walk

EVERYWHERE = "0.0.0.0/0"


def vpc_things(w: Walk, machine: str) -> None:
    """A VPC, all that belongs to it, and a second one, which is removed again."""

    def of(vpc: str) -> dict[str, Any]:
        return w.row("DescribeVpcs", "Vpcs", "VpcId", vpc)

    made = w.step("CreateVpc", lambda a: of(a["Vpc"]["VpcId"])["State"] == "available", CidrBlock="10.20.0.0/16")
    vpc = got(made, "Vpc.VpcId", "vpc")
    w.step("DescribeVpcs", lambda a: [one["CidrBlock"] for one in a["Vpcs"]] == ["10.20.0.0/16"], VpcIds=[vpc])
    named = {"VpcId": vpc, "Attribute": "enableDnsHostnames"}
    w.step(
        "ModifyVpcAttribute",
        lambda _: w.ask("DescribeVpcAttribute", **named)["EnableDnsHostnames"]["Value"],
        VpcId=vpc,
        EnableDnsHostnames={"Value": True},
    )
    w.step("DescribeVpcAttribute", lambda a: a["EnableDnsHostnames"]["Value"], **named)
    subnet = _subnets(w, vpc)
    _gateways_and_routes(w, vpc, subnet)
    _network_acls(w, vpc)
    _interfaces(w, subnet, machine)
    _dhcp_options(w)
    other = got(w.tried("CreateVpc", CidrBlock="10.30.0.0/16"), "Vpc.VpcId", "vpc")
    w.step(
        "CreateVpcPeeringConnection",
        lambda a: w.row(
            "DescribeVpcPeeringConnections",
            "VpcPeeringConnections",
            "VpcPeeringConnectionId",
            a["VpcPeeringConnection"]["VpcPeeringConnectionId"],
        ),
        VpcId=vpc,
        PeerVpcId=other,
    )
    there = bool(of(other))
    w.step("DeleteVpc", lambda _: there and not of(other), VpcId=other)


def _subnets(w: Walk, vpc: str) -> str:
    """A subnet that stays, and one that is removed."""

    def of(subnet: str) -> dict[str, Any]:
        return w.row("DescribeSubnets", "Subnets", "SubnetId", subnet)

    made = w.step(
        "CreateSubnet",
        lambda a: of(a["Subnet"]["SubnetId"])["VpcId"] == vpc,
        VpcId=vpc,
        CidrBlock="10.20.1.0/24",
        AvailabilityZone=w.zone,
    )
    subnet = got(made, "Subnet.SubnetId", "subnet")
    w.step("DescribeSubnets", lambda a: [one["SubnetId"] for one in a["Subnets"]] == [subnet], SubnetIds=[subnet])
    w.step(
        "ModifySubnetAttribute",
        lambda _: of(subnet)["MapPublicIpOnLaunch"],
        SubnetId=subnet,
        MapPublicIpOnLaunch={"Value": True},
    )
    other = w.tried("CreateSubnet", VpcId=vpc, CidrBlock="10.20.2.0/24", AvailabilityZone=w.zone)
    name = got(other, "Subnet.SubnetId", "subnet")
    w.step("DeleteSubnet", lambda _: other and not of(name), SubnetId=name)
    return subnet


def _gateways_and_routes(w: Walk, vpc: str, subnet: str) -> None:
    def gateway(name: str) -> dict[str, Any]:
        return w.row("DescribeInternetGateways", "InternetGateways", "InternetGatewayId", name)

    def table(name: str) -> dict[str, Any]:
        return w.row("DescribeRouteTables", "RouteTables", "RouteTableId", name)

    made = w.step("CreateInternetGateway", lambda a: gateway(a["InternetGateway"]["InternetGatewayId"]))
    igw = got(made, "InternetGateway.InternetGatewayId", "igw")
    w.step(
        "AttachInternetGateway",
        lambda _: gateway(igw)["Attachments"][0]["VpcId"] == vpc,
        InternetGatewayId=igw,
        VpcId=vpc,
    )
    w.step(
        "DescribeInternetGateways",
        lambda a: [one["InternetGatewayId"] for one in a["InternetGateways"]] == [igw],
        InternetGatewayIds=[igw],
    )
    made = w.step("CreateRouteTable", lambda a: table(a["RouteTable"]["RouteTableId"])["VpcId"] == vpc, VpcId=vpc)
    name = got(made, "RouteTable.RouteTableId", "rtb")
    w.step(
        "CreateRoute",
        lambda _: igw in {one.get("GatewayId") for one in table(name)["Routes"]},
        RouteTableId=name,
        DestinationCidrBlock=EVERYWHERE,
        GatewayId=igw,
    )
    w.step(
        "AssociateRouteTable",
        lambda _: subnet in {one.get("SubnetId") for one in table(name)["Associations"]},
        RouteTableId=name,
        SubnetId=subnet,
    )
    w.step(
        "DescribeRouteTables",
        lambda a: [one["RouteTableId"] for one in a["RouteTables"]] == [name],
        RouteTableIds=[name],
    )
    address = got(w.tried("AllocateAddress", Domain="vpc"), "AllocationId", "eipalloc")
    w.step(
        "CreateNatGateway",
        lambda a: (
            w.row("DescribeNatGateways", "NatGateways", "NatGatewayId", a["NatGateway"]["NatGatewayId"])["SubnetId"]
            == subnet
        ),
        SubnetId=subnet,
        AllocationId=address,
    )
    w.step("DescribeNatGateways", lambda a: isinstance(a["NatGateways"], list))
    other = w.tried("CreateInternetGateway")
    spare = got(other, "InternetGateway.InternetGatewayId", "igw")
    w.step("DeleteInternetGateway", lambda _: other and not gateway(spare), InternetGatewayId=spare)


def _network_acls(w: Walk, vpc: str) -> None:
    def of(acl: str) -> dict[str, Any]:
        return w.row("DescribeNetworkAcls", "NetworkAcls", "NetworkAclId", acl)

    made = w.step("CreateNetworkAcl", lambda a: of(a["NetworkAcl"]["NetworkAclId"])["VpcId"] == vpc, VpcId=vpc)
    acl = got(made, "NetworkAcl.NetworkAclId", "acl")
    w.step(
        "CreateNetworkAclEntry",
        lambda _: 100 in {one["RuleNumber"] for one in of(acl)["Entries"]},
        NetworkAclId=acl,
        RuleNumber=100,
        Protocol="6",
        RuleAction="allow",
        Egress=False,
        CidrBlock=EVERYWHERE,
        PortRange={"From": 22, "To": 22},
    )
    w.step(
        "DescribeNetworkAcls",
        lambda a: [one["NetworkAclId"] for one in a["NetworkAcls"]] == [acl],
        NetworkAclIds=[acl],
    )


def _interfaces(w: Walk, subnet: str, machine: str) -> None:
    """Interfaces that are made by themselves; where they cannot, the questions are about the machine's own."""

    def of(eni: str) -> dict[str, Any]:
        return w.row("DescribeNetworkInterfaces", "NetworkInterfaces", "NetworkInterfaceId", eni)

    made = w.step(
        "CreateNetworkInterface",
        lambda a: of(a["NetworkInterface"]["NetworkInterfaceId"])["SubnetId"] == subnet,
        SubnetId=subnet,
    )
    eni = got(made, "NetworkInterface.NetworkInterfaceId", "eni")
    own = w.instances().get(machine, {}).get("NetworkInterfaces") or [{}]
    first = own[0].get("NetworkInterfaceId", eni)
    asked = eni if made else first
    w.step(
        "DescribeNetworkInterfaces",
        lambda a: [one["NetworkInterfaceId"] for one in a["NetworkInterfaces"]] == [asked],
        NetworkInterfaceIds=[asked],
    )
    led = w.step(
        "AttachNetworkInterface",
        lambda _: of(eni)["Attachment"]["InstanceId"] == machine,
        NetworkInterfaceId=eni,
        InstanceId=machine,
        DeviceIndex=1,
    )
    w.step(
        "AssignPrivateIpAddresses",
        lambda _: len(of(asked)["PrivateIpAddresses"]) > 1,
        NetworkInterfaceId=asked,
        SecondaryPrivateIpAddressCount=1,
    )
    w.step(
        "DetachNetworkInterface",
        lambda _: of(eni) and not of(eni).get("Attachment", {}).get("InstanceId"),
        AttachmentId=got(led, "AttachmentId", "eni-attach"),
    )
    w.step("DeleteNetworkInterface", lambda _: made and not of(eni), NetworkInterfaceId=eni)


def _dhcp_options(w: Walk) -> None:
    w.step(
        "CreateDhcpOptions",
        lambda a: w.row("DescribeDhcpOptions", "DhcpOptions", "DhcpOptionsId", a["DhcpOptions"]["DhcpOptionsId"]),
        DhcpConfigurations=[{"Key": "domain-name", "Values": ["example.org"]}],
    )
    w.step("DescribeDhcpOptions", lambda a: a["DhcpOptions"][0]["DhcpOptionsId"])


def vpn(w: Walk) -> None:
    """VPNs to elsewhere."""
    made = w.step(
        "CreateCustomerGateway",
        lambda a: w.row(
            "DescribeCustomerGateways",
            "CustomerGateways",
            "CustomerGatewayId",
            a["CustomerGateway"]["CustomerGatewayId"],
        ),
        Type="ipsec.1",
        PublicIp="192.0.2.9",
        BgpAsn=65000,
    )
    far = got(made, "CustomerGateway.CustomerGatewayId", "cgw")
    made = w.step(
        "CreateVpnGateway",
        lambda a: w.row("DescribeVpnGateways", "VpnGateways", "VpnGatewayId", a["VpnGateway"]["VpnGatewayId"]),
        Type="ipsec.1",
    )
    w.step(
        "CreateVpnConnection",
        lambda a: w.row(
            "DescribeVpnConnections", "VpnConnections", "VpnConnectionId", a["VpnConnection"]["VpnConnectionId"]
        ),
        Type="ipsec.1",
        CustomerGatewayId=far,
        VpnGatewayId=got(made, "VpnGateway.VpnGatewayId", "vgw"),
    )
