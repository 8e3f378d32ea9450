"""What may carry tags, which rules of a firewall conflict, and who sees which public addresses."""

from __future__ import annotations

import pytest
from simulated_cloud import Refused


@pytest.fixture
def address(cloud):
    """An address of a network that has a machine already."""
    network = cloud.network()
    cloud.deploy(networkids=network)
    made = cloud.admin("associateIpAddress", networkid=network)
    return {"id": made["id"], "associatednetworkid": network}


def refused(make, *arguments: object, **given: object) -> tuple:
    """How a call is refused at once, or its job fails."""
    try:
        answer = make(*arguments, **given)
    except Refused as error:
        return error.status, error.text
    result = answer["jobresult"]
    return answer["jobstatus"] == 2 and result["errorcode"], result.get("errortext")


def test_cards_and_lists_of_rules_carry_no_tags(cloud):
    machine = cloud.deploy(networkids=cloud.network())["id"]
    card = cloud.machine(machine)["nic"][0]["id"]
    for kind, uuid in (("Nic", card), ("nic", card), ("NetworkACLList", card), ("Zone", cloud.zone)):
        given = {"tags[0].key": "a", "tags[0].value": "b"}
        status, text = refused(cloud.admin.job, "createTags", resourceids=uuid, resourcetype=kind, **given)
        assert status == 431
        assert text.endswith("doesn't support resource tags")
    assert cloud.admin("listTags", listall=True) == {}
    status, text = refused(cloud.admin.job, "createTags", resourceids=card, resourcetype="Card", **given)
    assert (status, text) == (431, "Invalid resource type Card")


def rule(cloud, address, **given: object) -> object:
    """A firewall rule of an address: None when it is made, else how it is refused."""
    asked = {"ipaddressid": address["id"], "protocol": "tcp", **given}
    try:
        cloud.admin("createFirewallRule", **asked)
    except Refused as error:
        return error.status
    return None


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        ({"startport": 22, "cidrlist": "10.0.0.0/8"}, {"startport": 22, "cidrlist": "10.1.0.0/16"}, None),
        ({"startport": 22, "cidrlist": "10.0.0.0/8"}, {"startport": 22}, None),
        ({"startport": 22, "cidrlist": "10.0.0.0/8"}, {"startport": 22, "cidrlist": "10.0.0.0/8"}, 537),
        ({"startport": 22, "cidrlist": "1.0.0.0/8,2.0.0.0/8"}, {"startport": 22, "cidrlist": "2.0.0.0/8"}, 537),
        ({"startport": 20, "endport": 30}, {"startport": 25, "endport": 40}, 537),
        ({"startport": 20, "endport": 30}, {"startport": 31, "endport": 40}, None),
        ({"startport": 20, "endport": 30}, {"startport": 25, "protocol": "udp"}, None),
        ({}, {"startport": 25}, None),
        ({}, {}, 537),
        ({"protocol": "icmp"}, {"protocol": "icmp"}, 431),
        ({"protocol": "icmp"}, {"protocol": "icmp", "icmptype": 8, "icmpcode": 0}, None),
    ],
)
def test_rules_conflict_where_they_have_ports_and_a_cidr_in_common(cloud, address, first, second, status):
    assert rule(cloud, address, **first) is None
    assert rule(cloud, address, **second) == status


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        ({"destcidrlist": "8.8.0.0/16"}, {"destcidrlist": "8.8.0.0/16"}, 537),
        ({"destcidrlist": "8.8.0.0/16"}, {"destcidrlist": "8.8.8.0/24"}, None),
        ({"destcidrlist": "8.8.0.0/16"}, {}, None),
        ({}, {}, 537),
    ],
)
def test_rules_of_what_goes_out_conflict_by_both_ends(cloud, address, first, second, status):
    given = {"networkid": address["associatednetworkid"], "protocol": "tcp", "startport": 53}
    cloud.admin("createEgressFirewallRule", **given, **first)
    if status is None:
        cloud.admin("createEgressFirewallRule", **given, **second)
    else:
        assert refused(cloud.admin, "createEgressFirewallRule", **given, **second)[0] == status


def test_a_machine_has_one_address_by_static_nat(cloud, address):
    [machine] = cloud.admin("listVirtualMachines")["virtualmachine"]
    network = address["associatednetworkid"]
    other = cloud.admin("associateIpAddress", networkid=network)
    given = {"virtualmachineid": machine["id"]}
    cloud.admin("enableStaticNat", ipaddressid=address["id"], **given)
    for again in (other, address):
        status, text = refused(cloud.admin, "enableStaticNat", ipaddressid=again["id"], **given)
        assert status == 431
        assert "is already associated with another public ip" in text
    cloud.admin("disableStaticNat", ipaddressid=address["id"])
    cloud.admin("enableStaticNat", ipaddressid=other["id"], **given)
    assert cloud.machine(machine["id"])["publicipid"] == other["id"]


def test_who_sees_which_public_addresses(cloud):
    theirs = cloud.admin("associateIpAddress", networkid=cloud.network())["id"]
    mine = cloud.user("associateIpAddress", networkid=cloud.network(cloud.user))["id"]

    def seen(client, **given: object) -> dict:
        found = client("listPublicIpAddresses", **given).get("publicipaddress", [])
        return {one["id"]: one["state"] for one in found}

    assert set(seen(cloud.user)) == set(seen(cloud.user, listall=True)) == {mine}
    assert {theirs, mine} <= set(seen(cloud.admin, listall=True))
    everything = seen(cloud.user, allocatedonly=False)
    assert theirs not in everything
    assert {state for uuid, state in everything.items() if uuid != mine} == {"Free"}
    assert seen(cloud.admin, allocatedonly=False, id=theirs) == {theirs: "Allocated"}
