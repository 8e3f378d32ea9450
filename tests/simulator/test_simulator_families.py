"""What families of commands do beyond what was recorded of them."""

# What is test machinery is read by its name, and takes what it is given.

from __future__ import annotations

import base64
import hashlib

import pytest
from simulated_cloud import Refused


@pytest.fixture
def vpc(cloud):
    offering = cloud.admin("listVPCOfferings", name="Default VPC offering")["vpcoffering"][0]["id"]
    given = {"zoneid": cloud.zone, "vpcofferingid": offering, "cidr": "10.7.0.0/16"}
    return cloud.admin("createVPC", name="v", displaytext="v", **given)["id"]


def tier(cloud, vpc, number, **more):
    name = "DefaultIsolatedNetworkOfferingForVpcNetworks"
    offering = cloud.admin("listNetworkOfferings", name=name)["networkoffering"][0]["id"]
    given = {"zoneid": cloud.zone, "networkofferingid": offering, "vpcid": vpc, "netmask": "255.255.255.0"}
    made = cloud.admin("createNetwork", name=f"tier{number}", gateway=f"10.7.{number}.1", **given, **more)
    return made["network"]


def test_a_name_is_unique_in_all_tiers_of_a_vpc(cloud, vpc):
    tiers = [tier(cloud, vpc, number)["id"] for number in (1, 2)]
    cloud.deploy(networkids=tiers[0], name="web")
    with pytest.raises(Refused) as refused:
        cloud.deploy(networkids=tiers[1], name="web")
    assert refused.value.code == 4350


def test_a_tier_without_a_list_denies_everything(cloud, vpc):
    assert tier(cloud, vpc, 1)["aclname"] == "default_deny"


def test_a_list_in_use_cannot_be_deleted(cloud, vpc):
    acl = cloud.admin("createNetworkACLList", name="acl", vpcid=vpc)["id"]
    tier(cloud, vpc, 1, aclid=acl)
    assert cloud.admin.job("deleteNetworkACLList", id=acl)["jobstatus"] == 2


def test_rules_of_a_list_are_numbered_on(cloud, vpc):
    acl = cloud.admin("createNetworkACLList", name="acl", vpcid=vpc)["id"]
    for number in (None, 10, None):
        cloud.admin("createNetworkACL", aclid=acl, protocol="tcp", startport=1, endport=2, number=number)
    found = cloud.admin("listNetworkACLs", aclid=acl)["networkacl"]
    assert [one["number"] for one in found] == [1, 10, 11]


def test_nothing_is_left_of_a_deleted_vpc(cloud, vpc):
    cloud.admin("createNetworkACLList", name="acl", vpcid=vpc)
    cloud.admin("associateIpAddress", vpcid=vpc)
    cloud.admin("createVpnGateway", vpcid=vpc)
    assert cloud.admin.job("deleteVPC", id=vpc)["jobstatus"] == 1
    world = cloud.simulator.world
    assert all(one["state"] == "Free" for one in world.live("publicip"))
    assert [one["name"] for one in world.live("networkacllist")] == ["default_allow", "default_deny"]
    assert world.live("router") == world.live("vpngateway") == []


def test_an_autoscale_group_makes_its_least_members_by_itself(slow_cloud):
    cloud, network = slow_cloud, slow_cloud.network()
    address = cloud.admin("associateIpAddress", networkid=network)["id"]
    ports = {"publicport": 80, "privateport": 80, "algorithm": "roundrobin"}
    balancer = cloud.admin("createLoadBalancerRule", name="lb", publicipid=address, networkid=network, **ports)["id"]
    machine = {"zoneid": cloud.zone, "templateid": cloud.template, "serviceofferingid": cloud.offering}
    profile = cloud.admin("createAutoScaleVmProfile", **machine)["id"]
    counter = cloud.admin("listCounters")["counter"][0]["id"]
    condition = cloud.admin("createCondition", counterid=counter, relationaloperator="GT", threshold=70)["id"]
    given = {"conditionids": condition, "duration": 60, "quiettime": 60}
    up = cloud.admin("createAutoScalePolicy", action="scaleup", **given)["id"]
    down = cloud.admin("createAutoScalePolicy", action="scaledown", **given)["id"]
    group = cloud.admin(
        "createAutoScaleVmGroup",
        lbruleid=balancer,
        vmprofileid=profile,
        minmembers=2,
        maxmembers=4,
        interval=60,
        scaleuppolicyids=up,
        scaledownpolicyids=down,
    )["id"]
    cloud.clock.now += 11
    assert cloud.admin("listVirtualMachines", autoscalevmgroupid=group) == {}
    cloud.clock.now += 60
    members = cloud.admin("listVirtualMachines", autoscalevmgroupid=group)["virtualmachine"]
    assert [one["state"] for one in members] == ["Running", "Running"]
    assert cloud.admin("listLoadBalancerRuleInstances", id=balancer)["count"] == 2
    cloud.admin("destroyVirtualMachine", id=members[0]["id"], expunge=True)
    cloud.clock.now += 80
    assert cloud.admin("listAutoScaleVmGroups", id=group)["autoscalevmgroup"][0]["availablevirtualmachinecount"] == 2
    cloud.admin("deleteAutoScaleVmGroup", id=group, cleanup=True)
    cloud.clock.now += 10
    assert cloud.simulator.world.live("virtualmachine") == []


def test_a_registered_template_is_ready_when_it_is_downloaded(slow_cloud):
    cloud = slow_cloud
    ostype = cloud.admin("listOsTypes")["ostype"][0]["id"]
    given = {"zoneid": cloud.zone, "ostypeid": ostype, "hypervisor": "Simulator", "format": "VHD"}
    url = "http://templates.example.org/a.vhd"
    made = cloud.user("registerTemplate", name="t", displaytext="t", url=url, **given)["template"][0]
    assert not made["isready"]
    network = cloud.network(cloud.user)
    with pytest.raises(Refused):
        cloud.deploy(cloud.user, networkids=network, templateid=made["id"])
    cloud.clock.now += 10
    [shown] = cloud.user("listTemplates", templatefilter="self")["template"]
    assert shown["isready"]
    cloud.deploy(cloud.user, networkids=network, templateid=made["id"])


def test_a_private_template_is_for_its_owner_and_those_it_is_shared_with(cloud):
    domain = cloud.admin("listDomains")["domain"][0]["id"]
    person = {"firstname": "a", "lastname": "b", "email": "c@example.org", "password": "d"}
    made = cloud.admin("createAccount", username="other", accounttype=0, domainid=domain, **person)["account"]
    ostype = cloud.admin("listOsTypes")["ostype"][0]["id"]
    given = {"zoneid": cloud.zone, "ostypeid": ostype, "hypervisor": "Simulator", "format": "VHD"}
    url = "http://templates.example.org/a.vhd"
    template = cloud.admin("registerTemplate", name="t", displaytext="t", url=url, **given)["template"][0]["id"]
    names = [one["name"] for one in cloud.user("listTemplates", templatefilter="executable")["template"]]
    assert "t" not in names
    cloud.admin("updateTemplatePermissions", id=template, op="add", accounts="user")
    [shared] = cloud.user("listTemplates", templatefilter="shared")["template"]
    assert shared["id"] == template
    assert made["name"] == "other"


def test_things_of_a_project_are_seen_through_it(cloud):
    project = cloud.user("createProject", name="p", displaytext="p")["id"]
    network = cloud.network(cloud.user, projectid=project)
    machine = cloud.deploy(cloud.user, networkids=network, projectid=project)["id"]
    assert cloud.user("listVirtualMachines") == {}
    assert cloud.user("listVirtualMachines", projectid=project)["virtualmachine"][0]["id"] == machine
    assert cloud.user("listVirtualMachines", projectid="-1")["virtualmachine"][0]["project"] == "p"
    assert cloud.user.job("deleteProject", id=project)["jobstatus"] == 2  # it has a machine in it
    assert cloud.user.job("deleteProject", id=project, cleanup=True)["jobstatus"] == 1
    assert cloud.simulator.world.live("virtualmachine") == []


def test_a_disk_goes_from_machine_to_machine(cloud):
    network = cloud.network()
    made = [cloud.deploy(networkids=network)["id"] for _ in range(2)]
    offering = cloud.admin("listDiskOfferings", name="Custom")["diskoffering"][0]["id"]
    disk = cloud.admin("createVolume", name="d", diskofferingid=offering, size=3, zoneid=cloud.zone)["id"]
    for machine in made:
        cloud.admin("attachVolume", id=disk, virtualmachineid=machine)
        disks = cloud.admin("listVolumes", virtualmachineid=machine)["volume"]
        assert [(one["type"], one["deviceid"]) for one in disks] == [("ROOT", 0), ("DATADISK", 1)]
        cloud.admin("detachVolume", id=disk)
    cloud.admin("attachVolume", id=disk, virtualmachineid=made[0])
    cloud.admin("destroyVirtualMachine", id=made[0], expunge=True)
    [left] = cloud.admin("listVolumes", id=disk)["volume"]
    assert "virtualmachineid" not in left


def test_an_account_goes_with_all_it_has(cloud):
    [account] = [one for one in cloud.simulator.world.live("account") if one["name"] == "user"]
    machine = cloud.deploy(cloud.user, networkids=cloud.network(cloud.user))["id"]
    cloud.user("createSSHKeyPair", name="k")
    assert cloud.admin.job("deleteAccount", id=account.uuid)["jobstatus"] == 1
    world = cloud.simulator.world
    for kind in ("virtualmachine", "nic", "volume", "keypair", "router"):
        assert world.live(kind) == []
    assert cloud.admin("listVirtualMachines", id=machine) == {}
    with pytest.raises(Refused):
        cloud.user("listZones")


def test_the_password_of_a_new_machine_is_shown_once(cloud):
    ostype = cloud.admin("listOsTypes")["ostype"][0]["id"]
    given = {"zoneid": cloud.zone, "ostypeid": ostype, "hypervisor": "Simulator", "format": "VHD"}
    given |= {"url": "http://templates.example.org/a.vhd", "passwordenabled": "true", "displaytext": "p"}
    template = cloud.admin("registerTemplate", name="p", **given)["template"][0]["id"]
    made = cloud.deploy(networkids=cloud.network(), templateid=template)
    result = cloud.admin("queryAsyncJobResult", jobid=made["jobid"])["jobresult"]["virtualmachine"]
    assert len(result["password"]) == 6
    assert "password" not in cloud.machine(made["id"])


def test_a_machine_can_be_made_with_kept_user_data(cloud):
    kept = cloud.admin("registerUserData", name="u", userdata="QUJD")["userdata"]["id"]
    machine = cloud.deploy(networkids=cloud.network(), userdataid=kept)["id"]
    data = cloud.admin("getVirtualMachineUserData", virtualmachineid=machine)["virtualmachineuserdata"]
    assert data["userdata"] == "QUJD"
    with pytest.raises(Refused):
        cloud.admin("deleteUserData", id=kept)
    cloud.admin("destroyVirtualMachine", id=machine, expunge=True)
    cloud.admin("deleteUserData", id=kept)


def test_a_machine_moves_to_another_host(cloud):
    machine = cloud.deploy(networkids=cloud.network())["id"]
    before = cloud.machine(machine)["hostid"]
    assert cloud.admin.job("migrateVirtualMachine", virtualmachineid=machine)["jobstatus"] == 1
    after = cloud.machine(machine)["hostid"]
    assert after != before
    loads = {one["host"]: one["memory_mib"] for one in cloud.simulator.world.live("hostload")}
    assert (loads[before], loads[after]) == (0, 512)


def test_a_forwarding_rule_can_be_led_elsewhere(cloud):
    network = cloud.network()
    first, second = (cloud.deploy(networkids=network)["id"] for _ in range(2))
    address = cloud.admin("associateIpAddress", networkid=network)["id"]
    ports = {"publicport": 22, "privateport": 22, "protocol": "tcp"}
    rule = cloud.admin("createPortForwardingRule", ipaddressid=address, virtualmachineid=first, **ports)["id"]
    cloud.admin("updatePortForwardingRule", id=rule, virtualmachineid=second, privateport=2222)
    [shown] = cloud.admin("listPortForwardingRules", id=rule)["portforwardingrule"]
    assert (shown["virtualmachineid"], shown["privateport"], shown["publicport"]) == (second, "2222", "22")


def test_a_disabled_user_may_not_call(cloud):
    [user] = [one for one in cloud.simulator.world.live("user") if one["name"] == "user"]
    cloud.admin("disableUser", id=user.uuid)
    cloud.admin("listZones")
    with pytest.raises(Refused):
        cloud.user("listZones")
    cloud.admin("enableUser", id=user.uuid)
    assert cloud.user("listZones")["count"] == 2


def test_the_fingerprint_of_a_key_is_that_of_its_bytes(cloud):
    key = base64.b64encode(b"\0\0\0\x07ssh-rsa" + b"k" * 80).decode()
    wanted = hashlib.md5(base64.b64decode(key)).hexdigest()
    for name, text in (
        ("plain", f"ssh-rsa {key} me@here"),
        ("coded", base64.b64encode(f"ssh-rsa {key}".encode()).decode()),
    ):
        made = cloud.admin("registerSSHKeyPair", name=name, publickey=text)["keypair"]
        assert made["fingerprint"].replace(":", "") == wanted
    kept = {one["publickey"] for one in cloud.simulator.world.live("keypair")}
    assert kept == {f"ssh-rsa {key}"}


def test_a_further_address_comes_off_its_card_again(cloud):
    machine = cloud.deploy(networkids=cloud.network())
    [card] = cloud.admin("listNics", virtualmachineid=machine["id"])["nic"]
    made = cloud.admin.job("addIpToNic", nicid=card["id"])["jobresult"]["nicsecondaryip"]
    [with_it] = cloud.admin("listNics", virtualmachineid=machine["id"])["nic"]
    assert [one["ipaddress"] for one in with_it["secondaryip"]] == [made["ipaddress"]]
    assert cloud.admin.job("removeIpFromNic", id=made["id"])["jobstatus"] == 1
    assert cloud.admin("listNics", virtualmachineid=machine["id"])["nic"] == [card]
    with pytest.raises(Refused):
        cloud.admin("removeIpFromNic", id=made["id"])
