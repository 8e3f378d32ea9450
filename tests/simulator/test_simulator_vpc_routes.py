"""Private gateways and static routes of VPCs, and VPCs whose router comes later."""

# What is test machinery is read by its name, and takes what it is given.

from __future__ import annotations

import pytest
from simulated_cloud import Refused


def made_vpc(cloud, client, **more):
    offering = client("listVPCOfferings", name="Default VPC offering")["vpcoffering"][0]["id"]
    given = {"zoneid": cloud.zone, "vpcofferingid": offering, "cidr": "10.7.0.0/16"}
    return client("createVPC", name="v", displaytext="v", **given, **more)["id"]


def made_tier(cloud, client, vpc):
    name = "DefaultIsolatedNetworkOfferingForVpcNetworks"
    offering = client("listNetworkOfferings", name=name)["networkoffering"][0]["id"]
    given = {"zoneid": cloud.zone, "networkofferingid": offering, "vpcid": vpc, "netmask": "255.255.255.0"}
    return client("createNetwork", name="tier", gateway="10.7.1.1", **given)["network"]["id"]


def made_gateway(client, vpc, number=1):
    given = {"gateway": "192.168.7.1", "netmask": "255.255.255.0", "ipaddress": f"192.168.7.{number + 1}"}
    return client("createPrivateGateway", vpcid=vpc, **given)["id"]


def addresses(client, vpc):
    return client("listPublicIpAddresses", vpcid=vpc).get("publicipaddress", [])


def test_a_vpc_that_is_not_started_gets_its_router_and_address_with_its_first_machine(cloud):
    vpc = made_vpc(cloud, cloud.user, start=False)
    assert cloud.user("listVPCs", id=vpc)["vpc"][0]["state"] == "Enabled"
    assert addresses(cloud.user, vpc) == []
    assert cloud.admin("listRouters", listall=True) == {}
    with pytest.raises(Refused) as refused:
        cloud.user("createVpnGateway", vpcid=vpc)
    assert refused.value.status == 530
    cloud.deploy(cloud.user, networkids=made_tier(cloud, cloud.user, vpc))
    assert [one["issourcenat"] for one in addresses(cloud.user, vpc)] == [True]
    assert cloud.user("createVpnGateway", vpcid=vpc)["id"]


def test_the_first_address_of_a_vpc_that_is_not_started_is_its_way_out(cloud):
    vpc = made_vpc(cloud, cloud.user, start=False)
    for _ in range(2):
        cloud.user("associateIpAddress", vpcid=vpc)
    assert sorted(one["issourcenat"] for one in addresses(cloud.user, vpc)) == [False, True]
    cloud.deploy(cloud.user, networkids=made_tier(cloud, cloud.user, vpc))
    assert sorted(one["issourcenat"] for one in addresses(cloud.user, vpc)) == [False, True]


def test_a_static_route_leads_through_a_private_gateway(cloud):
    vpc = made_vpc(cloud, cloud.user)
    gateway = made_gateway(cloud.user, vpc)
    [shown] = cloud.user("listPrivateGateways", vpcid=vpc)["privategateway"]
    assert (shown["id"], shown["state"], shown["vpcid"]) == (gateway, "Ready", vpc)
    route = cloud.user("createStaticRoute", gatewayid=gateway, cidr="172.16.0.0/12")["id"]
    [shown] = cloud.user("listStaticRoutes", vpcid=vpc)["staticroute"]
    assert (shown["id"], shown["gatewayid"], shown["cidr"], shown["state"]) == (
        route,
        gateway,
        "172.16.0.0/12",
        "Active",
    )
    assert cloud.user.job("deletePrivateGateway", id=gateway)["jobstatus"] == 2
    assert cloud.user.job("deleteStaticRoute", id=route)["jobstatus"] == 1
    assert cloud.user.job("deletePrivateGateway", id=gateway)["jobstatus"] == 1
    assert cloud.user("listPrivateGateways") == {}


@pytest.mark.parametrize("cidr", ["10.7.3.0/24", "0.0.0.0/0", "169.254.1.0/24", "172.20.0.0/16", "nonsense"])
def test_what_a_static_route_cannot_lead_to(cloud, cidr):
    gateway = made_gateway(cloud.user, made_vpc(cloud, cloud.user))
    cloud.user("createStaticRoute", gatewayid=gateway, cidr="172.16.0.0/12")
    with pytest.raises(Refused):
        cloud.user("createStaticRoute", gatewayid=gateway, cidr=cidr)


@pytest.mark.parametrize(
    "wrong", [{"gateway": "nonsense"}, {"ipaddress": "192.168.8.2"}, {"ipaddress": "192.168.7.2"}]
)
def test_what_a_private_gateway_cannot_be(cloud, wrong):
    vpc = made_vpc(cloud, cloud.user)
    made_gateway(cloud.user, vpc)
    given = {"gateway": "192.168.7.1", "netmask": "255.255.255.0", "ipaddress": "192.168.7.3"}
    with pytest.raises(Refused):
        cloud.user("createPrivateGateway", vpcid=vpc, **{**given, **wrong})


def test_a_vpc_goes_with_its_gateways_and_routes(cloud):
    vpc = made_vpc(cloud, cloud.user)
    route = cloud.user("createStaticRoute", gatewayid=made_gateway(cloud.user, vpc), cidr="172.16.0.0/12")["id"]
    tag = {"tags[0].key": "k", "tags[0].value": "v"}
    assert cloud.user.job("createTags", resourceids=route, resourcetype="StaticRoute", **tag)["jobstatus"] == 1
    assert cloud.user.job("deleteVPC", id=vpc)["jobstatus"] == 1
    world = cloud.simulator.world
    assert world.live("staticroute") == world.live("privategateway") == world.live("tag") == []


def test_the_gateways_and_routes_of_others_are_not_there(cloud):
    gateway = made_gateway(cloud.admin, made_vpc(cloud, cloud.admin))
    cloud.admin("createStaticRoute", gatewayid=gateway, cidr="172.16.0.0/12")
    assert cloud.user("listPrivateGateways") == cloud.user("listStaticRoutes") == {}
    with pytest.raises(Refused):
        cloud.user("createStaticRoute", gatewayid=gateway, cidr="172.31.0.0/16")
