"""Limits, capacity, names and addresses: what the cloud refuses, and in which words."""

from __future__ import annotations

import pytest
from simulated_cloud import Cloud, Refused

from cfnlib.simulator import Capacity, Simulator


@pytest.fixture
def limited():
    with Simulator(capacity=Capacity(public_addresses=3, limits={"user_vm": 2, "network": 3})) as simulator:
        yield Cloud(simulator, None)


def test_an_account_has_no_more_machines_than_its_limit(limited):
    network = limited.network(limited.user)
    made = [limited.deploy(limited.user, networkids=network)["id"] for _ in range(2)]
    with pytest.raises(Refused) as refused:
        limited.deploy(limited.user, networkids=network)
    assert (refused.value.status, refused.value.code) == (535, 9999)
    assert "Type = 'user_vm' for Account Name = user" in refused.value.text
    limited.user("destroyVirtualMachine", id=made[0], expunge=True)
    limited.deploy(limited.user, networkids=network)


def test_the_root_admin_has_no_limit(limited):
    network = limited.network()
    assert all(limited.deploy(networkids=network)["id"] for _ in range(5))


def test_an_admin_can_change_a_limit(limited):
    network = limited.network(limited.user)
    domain = limited.admin("listDomains")["domain"][0]["id"]
    limited.admin("updateResourceLimit", account="user", domainid=domain, resourcetype=0, max=0)
    with pytest.raises(Refused) as refused:
        limited.deploy(limited.user, networkids=network)
    assert refused.value.status == 535
    limited.admin("updateResourceLimit", account="user", domainid=domain, resourcetype=0, max=-1)
    assert all(limited.deploy(limited.user, networkids=network)["id"] for _ in range(4))


def test_public_addresses_run_out(limited):
    network = limited.network()
    limited.deploy(networkids=network)  # its source NAT takes the first address
    limited.admin("associateIpAddress", networkid=network)
    limited.admin("associateIpAddress", networkid=network)
    with pytest.raises(Refused) as refused:
        limited.admin("associateIpAddress", networkid=network)
    assert refused.value.status == 533


def test_a_released_address_can_be_had_again(limited):
    network = limited.network()
    *_, last = [limited.admin("associateIpAddress", networkid=network)["id"] for _ in range(3)]
    limited.admin("disassociateIpAddress", id=last)
    again = limited.admin("associateIpAddress", networkid=network)["id"]
    assert again == last


def test_the_first_address_of_an_isolated_network_is_its_routers_own(cloud):
    network = cloud.network()
    first, second = (cloud.admin("associateIpAddress", networkid=network)["id"] for _ in range(2))
    cloud.deploy(networkids=network)
    listed = cloud.admin("listPublicIpAddresses", associatednetworkid=network)["publicipaddress"]
    assert {one["id"]: one["issourcenat"] for one in listed} == {first: True, second: False}


def test_a_network_of_eight_addresses_holds_five_machines(cloud):
    network = cloud.network(gateway="10.9.0.1", netmask="255.255.255.248")
    made = [cloud.deploy(networkids=network)["id"] for _ in range(5)]
    addresses = {cloud.machine(uuid)["nic"][0]["ipaddress"] for uuid in made}
    assert addresses == {f"10.9.0.{last}" for last in range(2, 7)}
    with pytest.raises(Refused) as refused:
        cloud.deploy(networkids=network)
    assert refused.value.status == 530
    cloud.admin("destroyVirtualMachine", id=made[0], expunge=True)
    cloud.deploy(networkids=network)


def test_a_name_is_free_again_once_its_machine_is_expunged(cloud):
    network = cloud.network()
    first = cloud.deploy(networkids=network, name="web")["id"]
    cloud.admin("destroyVirtualMachine", id=first)
    with pytest.raises(Refused) as refused:
        cloud.deploy(networkids=network, name="web")
    assert refused.value.code == 4350
    cloud.admin("destroyVirtualMachine", id=first, expunge=True)
    cloud.deploy(networkids=network, name="web")


def test_the_same_name_may_be_used_in_another_network(cloud):
    made = [cloud.deploy(networkids=cloud.network(name=name), name="web")["id"] for name in ("a", "b")]
    assert len(set(made)) == 2


def test_user_data_too_long_for_a_get_is_refused(cloud):
    network = cloud.network()
    assert cloud.deploy(networkids=network, userdata="QUJD" * 1023)["id"]
    with pytest.raises(Refused) as refused:
        cloud.deploy(networkids=network, userdata="QUJD" * 1024)
    assert refused.value.text == "User data is too long for an http GET request"


def test_a_router_goes_with_its_network(cloud):
    network = cloud.network()
    assert cloud.admin("listRouters", networkid=network) == {}
    machine = cloud.deploy(networkids=network)["id"]
    assert cloud.admin("listRouters", networkid=network)["count"] == 1
    assert cloud.admin.job("deleteNetwork", id=network)["jobstatus"] == 2
    cloud.admin("destroyVirtualMachine", id=machine, expunge=True)
    assert cloud.admin.job("deleteNetwork", id=network)["jobstatus"] == 1
    world = cloud.simulator.world
    assert world.live("router") == []
    assert all(one["state"] == "Free" for one in world.live("publicip"))


def test_a_static_nat_address_shows_at_its_machine_until_it_is_taken_away(cloud):
    network = cloud.network()
    machine = cloud.deploy(networkids=network)["id"]
    address = cloud.admin("associateIpAddress", networkid=network)["id"]
    cloud.admin("enableStaticNat", ipaddressid=address, virtualmachineid=machine)
    assert cloud.machine(machine)["publicipid"] == address
    cloud.admin("disableStaticNat", ipaddressid=address)
    assert "publicipid" not in cloud.machine(machine)


def test_pages_hold_what_was_asked_for(cloud):
    network = cloud.network()
    made = [cloud.deploy(networkids=network)["id"] for _ in range(5)]
    pages = [cloud.admin("listVirtualMachines", page=page, pagesize=2) for page in (1, 2, 3)]
    assert [one["id"] for page in pages for one in page["virtualmachine"]] == made
    assert {page["count"] for page in pages} == {5}
    some = cloud.admin("listVirtualMachines", ids=",".join(made[1:3]))["virtualmachine"]
    assert [one["id"] for one in some] == made[1:3]


def test_tags_are_searched_by_key_and_value(cloud):
    network = cloud.network()
    made = [cloud.deploy(networkids=network)["id"] for _ in range(3)]
    for number, uuid in enumerate(made):
        tags = {"tags[0].key": "stack", "tags[0].value": "s", "tags[1].key": "n", "tags[1].value": number}
        cloud.admin("createTags", resourceids=uuid, resourcetype="UserVm", **tags)
    wanted = {"tags[0].key": "stack", "tags[0].value": "s", "tags[1].key": "n", "tags[1].value": 1}
    assert [one["id"] for one in cloud.admin("listVirtualMachines", **wanted)["virtualmachine"]] == [made[1]]
    all_of_them = {"tags[0].key": "stack", "tags[0].value": "s"}
    assert [one["id"] for one in cloud.admin("listVirtualMachines", **all_of_them)["virtualmachine"]] == made
    assert cloud.admin("listVirtualMachines", **(wanted | {"tags[1].value": 9})) == {}


def test_user_data_is_shown_when_asked_for(cloud):
    machine = cloud.deploy(networkids=cloud.network(), userdata="QUJD")["id"]
    assert "userdata" not in cloud.machine(machine)
    assert cloud.admin("listVirtualMachines", id=machine, userdata="true")["virtualmachine"][0]["userdata"] == "QUJD"


def test_the_security_groups_of_a_stopped_machine_can_be_changed(cloud):
    group = cloud.admin("createSecurityGroup", name="other")["securitygroup"]["id"]
    machine = cloud.deploy(zoneid=cloud.zone_with_groups)["id"]
    assert [one["name"] for one in cloud.machine(machine)["securitygroup"]] == ["default"]
    with pytest.raises(Refused):
        cloud.admin("updateVirtualMachine", id=machine, securitygroupids=group)
    cloud.admin("stopVirtualMachine", id=machine)
    cloud.admin("updateVirtualMachine", id=machine, securitygroupids=group)
    assert [one["name"] for one in cloud.machine(machine)["securitygroup"]] == ["other"]


def test_anti_affinity_keeps_machines_on_different_hosts(cloud):
    group = cloud.admin("createAffinityGroup", name="apart", type="host anti-affinity")["id"]
    network = cloud.network()
    made = [cloud.deploy(networkids=network, affinitygroupids=group)["id"] for _ in range(11)]
    hosts = [cloud.machine(uuid).get("hostid") for uuid in made]
    assert len(set(hosts[:10])) == 10
    assert cloud.machine(made[10])["state"] == "Error"
