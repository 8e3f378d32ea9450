"""Machines behind their network's router are reached by public addresses, for what their security groups allow."""

from __future__ import annotations

import pytest
from ec2_bridges import IMAGE, TYPE, ec2_bridges, launched, refusal, settled, when
from hypothesis import given
from hypothesis import strategies as st

from cfnlib.simulator.faults import Fault
from compat.ec2.firewall import openings
from compat.ec2.ids import ec2_id
from compat.ec2.rules import Rule

ANYWHERE, OFFICE = "0.0.0.0/0", "192.0.2.0/24"
ASKED = {"ImageId": IMAGE, "InstanceType": TYPE, "MinCount": 1, "MaxCount": 1}


def permission(first, last=None, *, cidr=ANYWHERE, protocol="tcp"):
    ports = {"FromPort": first, "ToPort": first if last is None else last}
    return {"IpProtocol": protocol, **ports, "IpRanges": [{"CidrIp": cidr}]}


def group_of(ec2, name, *permissions):
    """The id of a new group with these rules."""
    group = ec2.create_security_group(GroupName=name, Description="d")["GroupId"]
    if permissions:
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=list(permissions))
    return group


def addresses(world):
    """The public addresses that the cloud has given out, without the networks' own."""
    rows = world.cloud.rows("listPublicIpAddresses", "publicipaddress", {"listall": True})
    return {row["ipaddress"]: row for row in rows if row["state"] == "Allocated" and not row["issourcenat"]}


def let_through(world, ip):
    """What the firewall of an address lets through."""
    asked = {"listall": True, "ipaddressid": addresses(world)[ip]["id"]}
    rows = world.cloud.rows("listFirewallRules", "firewallrule", asked)
    ports = ("icmptype", "icmpcode")
    return {
        (
            one["protocol"],
            *(one.get(name) for name in (ports if one["protocol"] == "icmp" else _PORTS)),
            one["cidrlist"],
        )
        for one in rows
    }


def network_of(world, ip):
    """The block of the network that an address belongs to."""
    uuid = addresses(world)[ip]["associatednetworkid"]
    return next(
        row["cidr"] for row in world.cloud_of(world.user).rows("listNetworks", "network") if row["id"] == uuid
    )


_PORTS = ("startport", "endport")


def instance(ec2, name):
    [row] = ec2.describe_instances(InstanceIds=[name])["Reservations"]
    return row["Instances"][0]


@pytest.fixture(scope="module")
def public_world():
    """Two bridges that give every machine a public address."""
    with ec2_bridges(bridges=2, public_addresses=True) as world:
        yield world


def test_a_machine_is_launched_with_an_address_that_its_groups_open(public_world):
    ec2, there = public_world.ec2(), public_world.ec2(bridge=1)
    group_of(ec2, "open", permission(22), permission(8080, 8081, cidr=OFFICE))
    made = launched(ec2, 2, SecurityGroups=["open"])
    names = [one["InstanceId"] for one in made["Instances"]]
    shown = [instance(there, name) for name in names]
    ips = [one["PublicIpAddress"] for one in shown]
    assert [one["PublicDnsName"] for one in shown] == ips
    assert set(ips) <= set(addresses(public_world))
    assert {addresses(public_world)[ip]["virtualmachinename"] for ip in ips} == set(public_world.machines())
    for ip in ips:
        assert let_through(public_world, ip) == {("tcp", 22, 22, ANYWHERE), ("tcp", 8080, 8081, OFFICE)}
    assert there.describe_addresses()["Addresses"] == []
    assert refusal(ec2.disassociate_address, PublicIp=ips[0]) == "InvalidAddress.NotFound"
    ec2.stop_instances(InstanceIds=names[:1])
    settled(ec2, "stopped", names[:1])
    assert instance(ec2, names[0])["PublicIpAddress"] == ips[0]
    there.terminate_instances(InstanceIds=names)
    when(lambda: addresses(public_world), lambda found: found == {})


def test_who_waits_for_a_machine_waits_for_its_address():
    with ec2_bridges(bridges=2, public_addresses=True) as world:
        world.simulator.faults.add(Fault("associateIpAddress", "hang", hang_s=0.6, times=2))
        [made] = world.ec2().run_instances(**ASKED)["Instances"]

        def look():
            return [instance(world.ec2(bridge=bridge), made["InstanceId"]) for bridge in (0, 1)]

        def told(shown):
            """Nobody is told that it runs before it can be told where."""
            ready = [one for one in shown if one["State"]["Name"] != "pending"]
            assert all(one["PublicDnsName"] == one.get("PublicIpAddress") for one in ready)
            return len(ready) == len(shown)

        shown = when(look, told)
        assert {one["PublicIpAddress"] for one in shown} <= set(addresses(world))


@pytest.mark.parametrize("command", ["associateIpAddress", "createTags", "enableStaticNat"])
def test_a_machine_without_an_address_runs_all_the_same_and_nothing_is_left(command):
    with ec2_bridges(public_addresses=True) as world:
        ec2 = world.ec2()
        launched(ec2)
        when(lambda: addresses(world), lambda found: all(row["isstaticnat"] for row in found.values()) and found)
        before = addresses(world)
        nth = {"nth": 2} if command == "createTags" else {}
        world.simulator.faults.add(Fault(command, "error", errorcode=533, cserrorcode=4390, times=1, **nth))
        made = launched(ec2)["Instances"][0]["InstanceId"]
        shown = instance(ec2, made)
        assert "PublicIpAddress" not in shown
        assert shown["PublicDnsName"] == shown["PrivateIpAddress"]
        when(lambda: set(addresses(world)), lambda found: found == set(before))


def test_a_launch_may_ask_for_an_address_or_for_none(plain_world, public_world):
    card = {"DeviceIndex": 0}
    with_one = [{**card, "AssociatePublicIpAddress": True}]
    made = launched(plain_world.ec2(), NetworkInterfaces=with_one)["Instances"][0]["InstanceId"]
    assert instance(plain_world.ec2(), made)["PublicIpAddress"] in addresses(plain_world)
    plain_world.ec2().terminate_instances(InstanceIds=[made])
    when(lambda: addresses(plain_world), lambda found: found == {})
    without = [{**card, "AssociatePublicIpAddress": False}]
    made = launched(public_world.ec2(), NetworkInterfaces=without)["Instances"][0]["InstanceId"]
    assert "PublicIpAddress" not in instance(public_world.ec2(), made)
    public_world.ec2().terminate_instances(InstanceIds=[made])


def test_an_address_whose_machine_went_another_way_is_given_back(public_world):
    ec2 = public_world.ec2()
    first = launched(ec2)["Instances"][0]["InstanceId"]
    [row] = [one for one in public_world.machines().values() if ec2_id("instance", one["id"]) == first]
    ip = instance(ec2, first)["PublicIpAddress"]
    public_world.cloud.call("destroyVirtualMachine", {"id": row["id"], "expunge": True})
    when(public_world.machines, lambda found: row["name"] not in found)
    second = launched(ec2)["Instances"][0]["InstanceId"]
    when(
        lambda: addresses(public_world),
        lambda found: ip not in found or found[ip]["virtualmachinename"] != row["name"],
    )
    ec2.terminate_instances(InstanceIds=[second])
    when(lambda: addresses(public_world), lambda found: found == {})


def test_an_allocated_address_takes_the_place_of_the_one_it_came_with(public_world):
    ec2 = public_world.ec2()
    made = launched(ec2)["Instances"][0]["InstanceId"]
    first = instance(ec2, made)["PublicIpAddress"]
    one, two = (ec2.allocate_address() for _ in range(2))
    for address in (one, two):
        ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=made)
        assert instance(ec2, made)["PublicIpAddress"] == address["PublicIp"]
    assert first not in addresses(public_world)
    rows = {row["PublicIp"]: row.get("InstanceId") for row in ec2.describe_addresses()["Addresses"]}
    assert rows == {one["PublicIp"]: None, two["PublicIp"]: made}
    ec2.terminate_instances(InstanceIds=[made])
    settled(ec2, "terminated", [made])
    for address in (one, two):
        when(lambda: ec2.describe_addresses()["Addresses"], lambda rows: not any("InstanceId" in row for row in rows))
        ec2.release_address(AllocationId=address["AllocationId"])


@pytest.fixture(scope="module")
def door(plain_world):
    """A machine in two groups, and an address of its own."""
    ec2 = plain_world.ec2()
    group_of(ec2, "first", permission(22))
    group_of(ec2, "second", permission(22), permission(443))
    made = launched(ec2, SecurityGroups=["first", "second"])["Instances"][0]["InstanceId"]
    address = ec2.allocate_address()
    ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=made)
    return made, address["PublicIp"]


def test_the_firewall_follows_the_groups_through_any_bridge(plain_world, door):
    ec2, there, ip = plain_world.ec2(), plain_world.ec2(bridge=1), door[1]
    both = {("tcp", 22, 22, ANYWHERE), ("tcp", 443, 443, ANYWHERE)}
    assert let_through(plain_world, ip) == both
    there.authorize_security_group_ingress(GroupName="first", IpPermissions=[permission(80, cidr=OFFICE)])
    assert let_through(plain_world, ip) == both | {("tcp", 80, 80, OFFICE)}
    ec2.revoke_security_group_ingress(GroupName="first", IpPermissions=[permission(22)])
    assert let_through(plain_world, ip) == both | {("tcp", 80, 80, OFFICE)}, "the second group allows it still"
    ec2.revoke_security_group_ingress(GroupName="second", IpPermissions=[permission(22)])
    assert let_through(plain_world, ip) == {("tcp", 443, 443, ANYWHERE), ("tcp", 80, 80, OFFICE)}
    ec2.revoke_security_group_ingress(GroupName="first", IpPermissions=[permission(80, cidr=OFFICE)])
    there.authorize_security_group_ingress(GroupName="second", IpPermissions=[permission(22)])
    assert let_through(plain_world, ip) == both


def test_ranges_that_overlap_are_one_rule_and_come_apart_again(plain_world, door):
    ec2, ip = plain_world.ec2(), door[1]
    before = let_through(plain_world, ip)
    ec2.authorize_security_group_ingress(GroupName="first", IpPermissions=[permission(400, 500)])
    assert let_through(plain_world, ip) == {("tcp", 22, 22, ANYWHERE), ("tcp", 400, 500, ANYWHERE)}
    ec2.authorize_security_group_ingress(
        GroupName="first", IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": ANYWHERE}]}]
    )
    everything = {("icmp", -1, -1, ANYWHERE), ("tcp", 1, 65535, ANYWHERE), ("udp", 1, 65535, ANYWHERE)}
    assert let_through(plain_world, ip) == everything
    ec2.revoke_security_group_ingress(
        GroupName="first", IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": ANYWHERE}]}]
    )
    ec2.revoke_security_group_ingress(GroupName="first", IpPermissions=[permission(400, 500)])
    assert let_through(plain_world, ip) == before


def test_machines_of_a_network_reach_each_other_by_their_public_addresses_too(plain_world, door):
    ec2, ip = plain_world.ec2(), door[1]
    before = let_through(plain_world, ip)
    inside = network_of(plain_world, ip)
    group_of(ec2, "others")
    source = {"IpProtocol": "tcp", "FromPort": 9000, "ToPort": 9001, "UserIdGroupPairs": [{"GroupName": "others"}]}
    ec2.authorize_security_group_ingress(GroupName="first", IpPermissions=[source])
    assert let_through(plain_world, ip) == before | {("tcp", 9000, 9001, inside)}
    ec2.authorize_security_group_ingress(GroupName="second", SourceSecurityGroupName="others")
    assert before == {("tcp", 22, 22, ANYWHERE), ("tcp", 443, 443, ANYWHERE)}
    others = {("tcp", *ports, inside) for ports in ((1, 21), (23, 442), (444, 65535))}
    everything = others | {("icmp", -1, -1, inside), ("udp", 1, 65535, inside)}
    assert let_through(plain_world, ip) == before | everything
    ec2.revoke_security_group_ingress(GroupName="second", SourceSecurityGroupName="others")
    ec2.revoke_security_group_ingress(GroupName="first", IpPermissions=[source])
    assert let_through(plain_world, ip) == before


def test_a_changed_rule_and_another_choice_of_groups_are_followed(plain_world, door):
    ec2, (made, ip) = plain_world.ec2(), door
    before = let_through(plain_world, ip)
    third = group_of(ec2, "third", permission(53, protocol="udp"))
    assert let_through(plain_world, ip) == before
    old = [one["GroupId"] for one in instance(ec2, made)["SecurityGroups"]]
    ec2.stop_instances(InstanceIds=[made])
    settled(ec2, "stopped", [made])
    ec2.modify_instance_attribute(InstanceId=made, Groups=[third])
    assert let_through(plain_world, ip) == {("udp", 53, 53, ANYWHERE)}
    [rule] = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [third]}])[
        "SecurityGroupRules"
    ]
    wanted = {"IpProtocol": "udp", "FromPort": 54, "ToPort": 54, "CidrIpv4": OFFICE}
    change = [{"SecurityGroupRuleId": rule["SecurityGroupRuleId"], "SecurityGroupRule": wanted}]
    ec2.modify_security_group_rules(GroupId=third, SecurityGroupRules=change)
    assert let_through(plain_world, ip) == {("udp", 54, 54, OFFICE)}
    ec2.modify_instance_attribute(InstanceId=made, Groups=old)
    assert let_through(plain_world, ip) == before


def test_what_was_cut_off_is_done_when_it_is_asked_again(plain_world, door):
    ec2, ip = plain_world.ec2(), door[1]
    before = let_through(plain_world, ip)
    plain_world.simulator.faults.add(Fault("createFirewallRule", "error", errorcode=530, cserrorcode=4250, times=1))
    given = {"GroupName": "first", "IpPermissions": [permission(81)]}
    assert refusal(ec2.authorize_security_group_ingress, **given)
    assert let_through(plain_world, ip) == before
    assert refusal(ec2.authorize_security_group_ingress, **given) == "InvalidPermission.Duplicate"
    assert let_through(plain_world, ip) == before | {("tcp", 81, 81, ANYWHERE)}
    plain_world.simulator.faults.add(
        Fault("revokeSecurityGroupIngress", "error", errorcode=530, cserrorcode=4250, times=1)
    )
    assert refusal(ec2.revoke_security_group_ingress, **given)
    assert let_through(plain_world, ip) == before | {("tcp", 81, 81, ANYWHERE)}, "the group allows it still"
    ec2.revoke_security_group_ingress(**given)
    assert let_through(plain_world, ip) == before


def test_what_was_opened_by_hand_is_left_alone_until_the_address_leads_elsewhere(plain_world, door):
    ec2, (made, ip) = plain_world.ec2(), door
    before = let_through(plain_world, ip)
    cloud = plain_world.cloud_of(plain_world.user)
    row = addresses(plain_world)[ip]
    given = {"ipaddressid": row["id"], "protocol": "tcp", "startport": 7, "endport": 7, "cidrlist": OFFICE}
    cloud.call("createFirewallRule", given)
    by_hand = {("tcp", 7, 7, OFFICE)}
    when(lambda: let_through(plain_world, ip), lambda found: found == before | by_hand)
    ec2.authorize_security_group_ingress(GroupName="first", IpPermissions=[permission(81)])
    ec2.revoke_security_group_ingress(GroupName="first", IpPermissions=[permission(81)])
    assert let_through(plain_world, ip) == before | by_hand
    in_the_way = {"GroupName": "first", "IpPermissions": [permission(5, 9, cidr=OFFICE)]}
    assert refusal(ec2.authorize_security_group_ingress, **in_the_way) == "DependencyViolation"
    ec2.revoke_security_group_ingress(**in_the_way)
    ec2.disassociate_address(PublicIp=ip)
    assert let_through(plain_world, ip) == set()
    ec2.associate_address(PublicIp=ip, InstanceId=made)
    assert let_through(plain_world, ip) == before


def test_an_address_may_be_for_another_network_or_a_vpc(plain_world, door):
    ec2 = plain_world.ec2()
    subnet = ec2_id("subnet", plain_world.network("Sandbox", "beside"))
    address = ec2.allocate_address(NetworkBorderGroup=subnet)
    asked = {"AllocationId": address["AllocationId"], "InstanceId": door[0]}
    assert refusal(ec2.associate_address, **asked) == "InvalidParameterValue"
    attachment = ec2.attach_network_interface(NetworkInterfaceId=subnet, InstanceId=door[0], DeviceIndex=1)
    cards = ec2.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": [subnet]}])["NetworkInterfaces"]
    eni = cards[0]["NetworkInterfaceId"]
    ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=eni)
    assert addresses(plain_world)[address["PublicIp"]]["vmipaddress"] == cards[0]["PrivateIpAddress"]
    ec2.disassociate_address(PublicIp=address["PublicIp"])
    ec2.detach_network_interface(AttachmentId=attachment["AttachmentId"])
    ec2.release_address(AllocationId=address["AllocationId"])
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    inside = ec2.allocate_address(NetworkBorderGroup=vpc)
    assert ec2_id("vpc", addresses(plain_world)[inside["PublicIp"]]["vpcid"]) == vpc
    assert refusal(ec2.allocate_address, NetworkBorderGroup="elsewhere") == "InvalidParameterValue"
    assert refusal(ec2.allocate_address, NetworkBorderGroup="vpc-0123456789abcdef0") == "InvalidVpcID.NotFound"
    ec2.release_address(AllocationId=inside["AllocationId"])
    ec2.delete_vpc(VpcId=vpc)


def test_nobody_elses_firewall_is_touched(plain_world, door):
    other, ip = plain_world.ec2(plain_world.stranger()), door[1]
    before = let_through(plain_world, ip)
    group_of(other, "first", permission(9999))
    other.revoke_security_group_ingress(GroupName="first", IpPermissions=[permission(9999)])
    assert let_through(plain_world, ip) == before
    assert refusal(other.associate_address, PublicIp=ip, InstanceId=door[0]) == "InvalidAddress.NotFound"


PORTS = st.integers(0, 65535)
RANGES = st.lists(st.tuples(PORTS, PORTS).map(sorted), max_size=6)


@given(RANGES, RANGES, st.lists(PORTS, max_size=8))
def test_what_is_let_through_is_what_some_rule_allows_and_no_two_openings_are_in_conflict(wide, narrow, samples):
    rules = [Rule("tcp", *one, cidr=ANYWHERE) for one in wide] + [Rule("tcp", *one, cidr=OFFICE) for one in narrow]
    found = openings(rules)
    for port in {*samples, *(port for one in wide + narrow for port in one)} - {0}:
        through = [one.cidr for one in found if one.first <= port <= one.last]
        anywhere = any(first <= port <= last for first, last in wide)
        office = any(first <= port <= last for first, last in narrow)
        assert through == ([ANYWHERE] if anywhere else [OFFICE] if office else [])
    assert all(1 <= one.first <= one.last <= 65535 for one in found)


@given(st.lists(st.sampled_from([(-1, -1), (8, 0), (0, 0)])), st.lists(st.sampled_from([(-1, -1), (8, 0)])))
def test_icmp_is_let_through_once(wide, narrow):
    rules = [Rule("icmp", *one, cidr=ANYWHERE) for one in wide] + [Rule("icmp", *one, cidr=OFFICE) for one in narrow]
    found = openings(rules)
    for cidr, asked in ((ANYWHERE, set(wide)), (OFFICE, set(wide) | set(narrow))):
        has = {(one.first, one.last) for one in found if one.cidr in {ANYWHERE, cidr}}
        assert has == ({(-1, -1)} | ({*wide} & has) if (-1, -1) in asked else asked)


@pytest.mark.parametrize(
    ("ranges", "merged"),
    [
        ([(1, 5), (3, 9)], {(1, 9)}),
        ([(1, 5), (6, 9)], {(1, 5), (6, 9)}),
        ([(0, 0)], set()),
        ([(0, 3)], {(1, 3)}),
        ([(1, 9), (2, 3), (9, 10)], {(1, 10)}),
    ],
)
def test_ports_are_cloudstacks(ranges, merged):
    found = openings(Rule("tcp", first, last, cidr=ANYWHERE) for first, last in ranges)
    assert {(one.first, one.last) for one in found} == merged
