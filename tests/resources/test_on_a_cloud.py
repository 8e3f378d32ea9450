"""What the types' calls leave on a cloud: each type is made, changed and removed there."""

from __future__ import annotations

from base64 import b64encode

import pytest
from cloud_worlds import IMAGE, SMALL

from cfnlib.drivers.cloudstack.tags import EMPTY
from cfnlib.resources import find
from cfnlib.schema.calls import Find

NETWORK, ADDRESS, MACHINE = "CloudStack::Network", "CloudStack::IpAddress", "CloudStack::VirtualMachine"
INSTANCE, VOLUME, GROUP = "AWS::EC2::Instance", "AWS::EC2::Volume", "AWS::EC2::SecurityGroup"


def instance(**more: object):
    return {"ImageId": IMAGE, "InstanceType": SMALL, **more}


def tags_of(world, thing):
    return {tag["key"]: tag["value"] for tag in world.rows("listTags", "tag", resourceid=thing.physical_id)}


@pytest.fixture
def machine(isolated):
    network = isolated.make(NETWORK)
    return isolated.make(INSTANCE, **instance(_network=network.physical_id))


def row_of(world, thing):
    (row,) = world.rows("listVirtualMachines", "virtualmachine", id=thing.physical_id)
    return row


def test_an_instance_has_its_name_its_network_and_its_tags(isolated):
    network = isolated.make(NETWORK, displaytext="for the machines")
    tags = [{"Key": "role", "Value": "master"}]
    thing = isolated.make(INSTANCE, **instance(_network=network.physical_id, Tags=tags))
    row = row_of(isolated, thing)
    assert (row["name"], row["state"]) == (thing.name, "Running")
    assert row["nic"][0]["networkid"] == network.physical_id
    assert thing.attributes["PrivateIp"] == row["nic"][0]["ipaddress"]
    assert thing.attributes["PrivateDnsName"] == thing.name
    assert (thing.attributes["State.Name"], thing.attributes["State.Code"]) == ("running", 16)
    assert thing.attributes["PublicIp"] is None
    assert tags_of(isolated, thing) == {"role": "master"}


def test_an_instance_changes_its_type_and_its_user_data_and_runs_again(isolated, machine):
    data = b64encode(b"#!/bin/sh\n").decode()
    wanted = machine.properties | {"InstanceType": "Medium Instance", "UserData": data}
    wanted["Tags"] = [{"Key": "role", "Value": "agent"}]
    changed = isolated.change(INSTANCE, machine, **wanted)
    row = row_of(isolated, machine)
    assert (row["serviceofferingname"], row["state"]) == ("Medium Instance", "Running")
    answer = isolated.driver.client.call("getVirtualMachineUserData", {"virtualmachineid": machine.physical_id})
    assert answer["virtualmachineuserdata"]["userdata"] == data
    assert tags_of(isolated, machine) == {"role": "agent"}
    isolated.change(INSTANCE, changed, **(wanted | {"Tags": [{"Key": "role", "Value": "master"}]}))
    assert tags_of(isolated, machine) == {"role": "master"}


def test_the_value_of_a_tag_may_be_empty_although_cloudstack_has_no_such(isolated):
    network = isolated.make(NETWORK)
    tags = [{"Key": "spare", "Value": ""}, {"Key": "role", "Value": "agent"}]
    thing = isolated.make(INSTANCE, **instance(_network=network.physical_id, Tags=tags))
    there = Find("listTags", "tag", {"resourceid": thing.physical_id}, {"key": "spare", "value": ""})
    assert [row["value"] for row in isolated.driver.find(there)] == [""]
    assert tags_of(isolated, thing) == {"spare": EMPTY, "role": "agent"}
    turned = [{"Key": "spare", "Value": "yes"}, {"Key": "role", "Value": ""}]
    isolated.change(INSTANCE, thing, **(thing.properties | {"Tags": turned}))
    assert tags_of(isolated, thing) == {"spare": "yes", "role": EMPTY}


def test_nothing_is_left_of_an_instance_with_a_data_disk(isolated):
    network = isolated.make(NETWORK)
    disks = [
        {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 10}},
        {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 5}},
    ]
    thing = isolated.make(INSTANCE, **instance(_network=network.physical_id, BlockDeviceMappings=disks))
    volumes = isolated.rows("listVolumes", "volume", virtualmachineid=thing.physical_id)
    assert {volume["type"]: volume["size"] >> 30 for volume in volumes} == {"ROOT": 10, "DATADISK": 5}
    isolated.remove(INSTANCE, thing)
    isolated.remove(NETWORK, network)
    assert isolated.rows("listVolumes", "volume") == []
    assert isolated.rows("listNetworks", "network", type="Isolated") == []


def test_an_elastic_address_leads_to_its_machine_and_then_to_another(isolated, machine):
    network = machine.properties["_network"]
    other = isolated.make(INSTANCE, **instance(_network=network))
    address = isolated.make("AWS::EC2::EIP", _network=network, InstanceId=machine.physical_id, Domain="vpc")
    (row,) = isolated.rows("listPublicIpAddresses", "publicipaddress", id=address.physical_id)
    assert (row["isstaticnat"], row["virtualmachineid"]) == (True, machine.physical_id)
    assert address.attributes == {"PublicIp": row["ipaddress"], "AllocationId": row["id"]}
    moved = address.properties | {"InstanceId": other.physical_id}
    isolated.change("AWS::EC2::EIP", address, **moved)
    (row,) = isolated.rows("listPublicIpAddresses", "publicipaddress", id=address.physical_id)
    assert row["virtualmachineid"] == other.physical_id
    isolated.remove("AWS::EC2::EIP", address)
    assert isolated.rows("listPublicIpAddresses", "publicipaddress", isstaticnat=True) == []


@pytest.mark.parametrize("by", ["AllocationId", "EIP"])
def test_an_address_is_associated_by_its_id_or_by_itself(isolated, machine, by):
    address = isolated.make("AWS::EC2::EIP", _network=machine.properties["_network"])
    given = {"AllocationId": address.physical_id, "EIP": address.attributes["PublicIp"]}
    association = isolated.make("AWS::EC2::EIPAssociation", InstanceId=machine.physical_id, **{by: given[by]})
    (row,) = isolated.rows("listPublicIpAddresses", "publicipaddress", id=address.physical_id)
    assert (row["isstaticnat"], row["virtualmachineid"]) == (True, machine.physical_id)
    isolated.remove("AWS::EC2::EIPAssociation", association)
    (row,) = isolated.rows("listPublicIpAddresses", "publicipaddress", id=address.physical_id)
    assert row["isstaticnat"] is False


def test_two_addresses_are_not_the_same_one(isolated, machine):
    made = [isolated.make(ADDRESS, networkid=machine.properties["_network"]) for _ in range(3)]
    assert len({thing.attributes["ipaddress"] for thing in made}) == 3


def test_ports_of_an_address_are_opened_forwarded_and_spread(isolated, machine):
    network = machine.properties["_network"]
    address = isolated.make(ADDRESS, networkid=network)
    place = {"ipaddressid": address.physical_id}
    things = [
        ("CloudStack::FirewallRule", {**place, "protocol": "tcp", "startport": 0, "endport": 1024}),
        (
            "CloudStack::FirewallRule",
            {**place, "protocol": "tcp", "startport": 5050, "cidrlist": "10.0.0.0/8,192.168.0.0/16"},
        ),
        ("CloudStack::FirewallRule", {**place, "protocol": "icmp", "icmptype": -1, "icmpcode": -1}),
        ("CloudStack::EgressFirewallRule", {"networkid": network, "protocol": "all"}),
        (
            "CloudStack::PortForwardingRule",
            {
                **place,
                "protocol": "tcp",
                "publicport": 22,
                "privateport": 22,
                "virtualmachineid": machine.physical_id,
                "openfirewall": False,
            },
        ),
        (
            "CloudStack::LoadBalancerRule",
            {
                "publicipid": address.physical_id,
                "algorithm": "roundrobin",
                "publicport": 80,
                "privateport": 8080,
                "networkid": network,
                "openfirewall": False,
            },
        ),
    ]
    made = [(name, isolated.make(name, **values)) for name, values in things]
    balancer = made[-1][1]
    assigned = isolated.make(
        "CloudStack::ToLoadBalancerRule", id=balancer.physical_id, virtualmachineids=[machine.physical_id]
    )
    behind = isolated.rows("listLoadBalancerRuleInstances", "loadbalancerruleinstance", id=balancer.physical_id)
    assert [row["id"] for row in behind] == [machine.physical_id]
    isolated.remove("CloudStack::ToLoadBalancerRule", assigned)
    for name, thing in reversed(made):
        isolated.remove(name, thing)
    assert isolated.rows("listFirewallRules", "firewallrule", ipaddressid=address.physical_id) == []
    assert isolated.rows("listPortForwardingRules", "portforwardingrule", ipaddressid=address.physical_id) == []
    assert isolated.rows("listLoadBalancerRules", "loadbalancerrule", publicipid=address.physical_id) == []


def test_a_balancer_changes_its_algorithm_and_its_machines(isolated, machine):
    network = machine.properties["_network"]
    address = isolated.make(ADDRESS, networkid=network)
    values = {"publicipid": address.physical_id, "publicport": 80, "privateport": 80, "algorithm": "source"}
    balancer = isolated.make("CloudStack::LoadBalancerRule", **values)
    isolated.change("CloudStack::LoadBalancerRule", balancer, **(values | {"algorithm": "leastconn"}))
    (row,) = isolated.rows("listLoadBalancerRules", "loadbalancerrule", id=balancer.physical_id)
    assert row["algorithm"] == "leastconn"
    other = isolated.make(INSTANCE, **instance(_network=network))
    kind = "CloudStack::ToLoadBalancerRule"
    assigned = isolated.make(kind, id=balancer.physical_id, virtualmachineids=[machine.physical_id])
    isolated.change(kind, assigned, id=balancer.physical_id, virtualmachineids=[other.physical_id])
    behind = isolated.rows("listLoadBalancerRuleInstances", "loadbalancerruleinstance", id=balancer.physical_id)
    assert [row["id"] for row in behind] == [other.physical_id]


def test_a_volume_is_attached_taken_off_and_grown(isolated, machine):
    volume = isolated.make(VOLUME, Size=5, VolumeType="gp2", Tags=[{"Key": "for", "Value": "data"}])
    held = isolated.make(
        "AWS::EC2::VolumeAttachment",
        VolumeId=volume.physical_id,
        InstanceId=machine.physical_id,
        Device="/dev/sdf",
    )
    (row,) = isolated.rows("listVolumes", "volume", id=volume.physical_id)
    assert (row["virtualmachineid"], row["deviceid"]) == (machine.physical_id, 5)
    isolated.remove("AWS::EC2::VolumeAttachment", held)
    volume = isolated.change(VOLUME, volume, **(volume.properties | {"Size": 7}))
    (row,) = isolated.rows("listVolumes", "volume", id=volume.physical_id)
    assert row["size"] == 7 * 2**30
    assert "virtualmachineid" not in row


def test_a_named_disk_offering_gives_its_own_size(isolated):
    volume = isolated.make(VOLUME, VolumeType="Small")
    (row,) = isolated.rows("listVolumes", "volume", id=volume.physical_id)
    assert (row["diskofferingname"], row["size"]) == ("Small", 5 * 2**30)
    isolated.remove(VOLUME, volume)
    native = isolated.make("CloudStack::Volume", diskofferingid="Medium", tags={"for": "data"})
    assert tags_of(isolated, native) == {"for": "data"}
    isolated.remove("CloudStack::Volume", native)
    assert isolated.rows("listVolumes", "volume") == []


def test_a_volume_leaves_a_snapshot_when_anything_was_in_it(isolated, machine):
    empty, used = isolated.make(VOLUME, Size=1), isolated.make(VOLUME, Size=1)
    held = isolated.make("CloudStack::VolumeOps", id=used.physical_id, virtualmachineid=machine.physical_id)
    isolated.remove("CloudStack::VolumeOps", held)
    for volume in (empty, used):
        isolated.carry_out(find(VOLUME), find(VOLUME).native.snapshot(volume), volume.physical_id)
        isolated.remove(VOLUME, volume)
    (row,) = isolated.rows("listSnapshots", "snapshot")
    assert row["name"] == f"{used.name}-final"


def test_a_native_machine_keeps_its_given_name_and_takes_a_volume(isolated):
    network = isolated.make(NETWORK, name="my-net", tags={"a": "b"})
    values = {
        "serviceofferingid": SMALL,
        "templateid": IMAGE,
        "networkids": "my-net",
        "name": "web",
        "tags": {"tier": "front"},
    }
    thing = isolated.make(MACHINE, **values)
    assert row_of(isolated, thing)["name"] == "web"
    assert thing.attributes["networkid"] == network.physical_id
    isolated.change(MACHINE, thing, **(values | {"displayname": "The web", "serviceofferingid": "Medium Instance"}))
    row = row_of(isolated, thing)
    assert (row["displayname"], row["serviceofferingname"], row["state"]) == ("The web", "Medium Instance", "Running")
    volume = isolated.make("CloudStack::Volume", diskofferingid="Small")
    held = isolated.make("CloudStack::VolumeOps", id=volume.physical_id, virtualmachineid=thing.physical_id)
    isolated.remove("CloudStack::VolumeOps", held)
    isolated.remove(MACHINE, thing)
    isolated.remove(NETWORK, network)


def test_keys_are_registered_or_made_and_known_by_their_names(isolated):
    pair = isolated.make("AWS::EC2::KeyPair", KeyName="mine")
    assert pair.attributes["KeyName"] == "mine"
    assert "PRIVATE KEY" in pair.attributes["PrivateKey"]
    named = isolated.make("CloudStack::SSHKeyPair", name="other")
    assert {row["name"] for row in isolated.rows("listSSHKeyPairs", "sshkeypair")} == {"mine", "other"}
    isolated.remove("AWS::EC2::KeyPair", pair)
    isolated.remove("CloudStack::SSHKeyPair", named)
    assert isolated.rows("listSSHKeyPairs", "sshkeypair") == []


def test_static_nat_comes_and_goes(isolated, machine):
    address = isolated.make(ADDRESS, networkid=machine.properties["_network"])
    nat = isolated.make(
        "CloudStack::StaticNat", ipaddressid=address.physical_id, virtualmachineid=machine.physical_id
    )
    assert len(isolated.rows("listPublicIpAddresses", "publicipaddress", isstaticnat=True)) == 1
    isolated.remove("CloudStack::StaticNat", nat)
    assert isolated.rows("listPublicIpAddresses", "publicipaddress", isstaticnat=True) == []


def test_tags_follow_what_is_wanted_thing_by_thing(isolated, machine):
    volume = isolated.make(VOLUME, Size=1)
    values = {"resourcetype": "UserVm", "resourceids": [machine.physical_id], "tags": {"a": "1", "b": "2"}}
    tags = isolated.make("CloudStack::Tags", **values)
    assert tags_of(isolated, machine) == {"a": "1", "b": "2"}
    tags = isolated.change("CloudStack::Tags", tags, **(values | {"tags": {"a": "1", "b": "3", "c": "4"}}))
    assert tags_of(isolated, machine) == {"a": "1", "b": "3", "c": "4"}
    isolated.remove("CloudStack::Tags", tags)
    assert tags_of(isolated, machine) == tags_of(isolated, volume) == {}


def test_an_affinity_group_is_made_and_removed(isolated):
    group = isolated.make("CloudStack::AffinityGroup", type="host anti-affinity")
    (row,) = isolated.rows("listAffinityGroups", "affinitygroup")
    assert (row["name"], row["type"]) == (group.name, "host anti-affinity")
    isolated.remove("CloudStack::AffinityGroup", group)
    assert isolated.rows("listAffinityGroups", "affinitygroup") == []


def test_a_security_group_without_such_a_zone_is_its_name_alone(isolated):
    group = isolated.make(
        GROUP, GroupDescription="d", SecurityGroupIngress=[{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}]
    )
    assert group.physical_id == group.name
    isolated.remove(GROUP, group)


def rules_in(world, group, direction):
    (row,) = world.rows("listSecurityGroups", "securitygroup", id=group.physical_id)
    return {
        (
            rule["protocol"],
            rule.get("startport", rule.get("icmptype")),
            rule.get("endport", rule.get("icmpcode")),
            rule.get("cidr") or rule.get("securitygroupname"),
        )
        for rule in row[f"{direction}rule"]
    }


def test_the_rules_of_a_security_group_are_those_of_the_template(grouped):
    other = grouped.make(GROUP, GroupDescription="others", GroupName="others")
    ingress = [
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0"},
        {"IpProtocol": "6", "FromPort": 0, "ToPort": 65535, "SourceSecurityGroupName": "others"},
        {"IpProtocol": -1, "SourceSecurityGroupId": other.physical_id},
        {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1, "CidrIp": "10.0.0.0/8"},
    ]
    egress = [{"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "CidrIp": "0.0.0.0/0"}]
    values = {"GroupDescription": "d", "SecurityGroupIngress": ingress, "SecurityGroupEgress": egress}
    group = grouped.make(GROUP, **values)
    assert rules_in(grouped, group, "ingress") == {
        ("tcp", 22, 22, "0.0.0.0/0"),
        ("tcp", 1, 65535, "others"),
        ("all", 0, 0, "others"),
        ("icmp", -1, -1, "10.0.0.0/8"),
    }
    assert rules_in(grouped, group, "egress") == {("udp", 53, 53, "0.0.0.0/0")}
    changed = values | {"SecurityGroupIngress": [ingress[0] | {"CidrIp": "192.0.2.0/24"}, *ingress[1:2]]}
    group = grouped.change(GROUP, group, **changed)
    assert rules_in(grouped, group, "ingress") == {("tcp", 22, 22, "192.0.2.0/24"), ("tcp", 1, 65535, "others")}
    grouped.remove(GROUP, group)
    grouped.remove(GROUP, other)
    assert {row["name"] for row in grouped.rows("listSecurityGroups", "securitygroup")} == {"default"}


def test_rules_beside_a_group_come_and_go_by_themselves(grouped):
    group = grouped.make(GROUP, GroupDescription="d", GroupName="web")
    rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}
    made = [
        ("AWS::EC2::SecurityGroupIngress", {"GroupId": group.physical_id, **rule, "CidrIp": "0.0.0.0/0"}),
        ("AWS::EC2::SecurityGroupIngress", {"GroupName": "web", **rule, "SourceSecurityGroupId": group.physical_id}),
        ("AWS::EC2::SecurityGroupEgress", {"GroupId": "web", **rule, "CidrIp": "10.0.0.0/8"}),
        (
            "CloudStack::SecurityGroupIngress",
            {"securitygroupname": "web", "protocol": "tcp", "startport": 443, "cidrlist": "10.0.0.0/8,192.0.2.0/24"},
        ),
        (
            "CloudStack::SecurityGroupEgress",
            {"securitygroupid": group.physical_id, "usersecuritygrouplist": [{"group": "web"}]},
        ),
    ]
    things = [(name, grouped.make(name, **values)) for name, values in made]
    assert len(rules_in(grouped, group, "ingress")) == 4
    assert len(rules_in(grouped, group, "egress")) == 2
    for name, thing in things:
        grouped.remove(name, thing)
    assert rules_in(grouped, group, "ingress") == rules_in(grouped, group, "egress") == set()


def test_an_instance_is_in_the_groups_that_are_given_by_name_and_by_id(grouped):
    web = grouped.make(GROUP, GroupDescription="d", GroupName="web")
    native = grouped.make("CloudStack::SecurityGroup", name="db", description="for data", tags={"a": "b"})
    thing = grouped.make(INSTANCE, **instance(SecurityGroups=["db", web.physical_id]))
    assert {group["name"] for group in row_of(grouped, thing)["securitygroup"]} == {"web", "db"}
    assert thing.attributes["PublicIp"] == thing.attributes["PrivateIp"]
    grouped.remove(INSTANCE, thing)
    grouped.remove("CloudStack::SecurityGroup", native)
    grouped.remove(GROUP, web)
