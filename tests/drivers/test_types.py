"""Each resource type, made and removed by its own calls on the embedded cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from driver_things import ADDRESS, MACHINE, associate, create_network, deploy
from driver_worlds import TEMPLATE, World

from cfnlib.config import Config
from cfnlib.drivers.base import Pending
from cfnlib.drivers.cloudstack import CloudStackDriver
from cfnlib.resources import all_types
from cfnlib.resources import find as find_type
from cfnlib.schema.calls import Effect
from cfnlib.schema.lifecycle import create_calls, delete_calls
from cfnlib.schema.model import Desired, Existing
from cfnlib.simulator import Latency, Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

NET, VM, IP, DISK, ZONE, TPL, OFFER, SMALL, OPEN = (
    "$network", "$machine", "$address", "$volume", "$zone", "$template", "$offering", "$small", "$networkoffering",
)  # fmt: skip
PORTS = {"privateport": 80, "publicport": 80, "protocol": "tcp"}
RANGE = {"protocol": "tcp", "startport": 22, "endport": 22, "cidrlist": ["192.0.2.0/24"]}
WORLD_RULE = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0"}
CASES: list[tuple[str, dict[str, Any]]] = [
    ("AWS::EC2::EIP", {"_network": NET}),
    ("AWS::EC2::EIPAssociation", {"AllocationId": IP, "InstanceId": VM}),
    ("AWS::EC2::Instance", {"ImageId": TPL, "InstanceType": OFFER, "_network": NET}),
    ("AWS::EC2::KeyPair", {"KeyName": "mine"}),
    ("AWS::EC2::Volume", {"Size": 5, "AvailabilityZone": ZONE}),
    ("AWS::EC2::VolumeAttachment", {"InstanceId": VM, "VolumeId": DISK, "Device": "/dev/sdf"}),
    ("CloudStack::AffinityGroup", {"type": "host anti-affinity"}),
    ("CloudStack::EgressFirewallRule", {"networkid": NET, "protocol": "tcp", "startport": 22, "endport": 22}),
    ("CloudStack::FirewallRule", {"ipaddressid": IP, **RANGE}),
    ("CloudStack::IpAddress", {"networkid": NET}),
    (
        "CloudStack::LoadBalancerRule",
        {"publicipid": IP, "algorithm": "roundrobin", "privateport": 81, "publicport": 81},
    ),
    ("CloudStack::Network", {"networkofferingid": OPEN, "zoneid": ZONE}),
    ("CloudStack::PortForwardingRule", {"ipaddressid": IP, "virtualmachineid": VM, **PORTS}),
    ("CloudStack::SSHKeyPair", {}),
    ("CloudStack::StaticNat", {"ipaddressid": IP, "virtualmachineid": VM}),
    ("CloudStack::Tags", {"resourceids": [VM], "resourcetype": "UserVm", "tags": {"role": "db"}}),
    (
        "CloudStack::VirtualMachine",
        {"templateid": TPL, "serviceofferingid": OFFER, "networkids": [NET], "zoneid": ZONE},
    ),
    ("CloudStack::Volume", {"diskofferingid": SMALL, "zoneid": ZONE}),
]
GROUP_CASES: list[tuple[str, dict[str, Any]]] = [
    ("AWS::EC2::SecurityGroup", {"GroupDescription": "d", "SecurityGroupIngress": [WORLD_RULE]}),
    ("AWS::EC2::SecurityGroupIngress", {"GroupId": "$group", **WORLD_RULE}),
    ("AWS::EC2::SecurityGroupEgress", {"GroupId": "$group", **WORLD_RULE}),
    ("CloudStack::SecurityGroup", {}),
    ("CloudStack::SecurityGroupIngress", {"securitygroupid": "$group", **RANGE}),
    ("CloudStack::SecurityGroupEgress", {"securitygroupid": "$group", **RANGE}),
]


@pytest.fixture(scope="module")
def cloud() -> Iterator[Simulator]:
    with Simulator(latency=Latency(), seed=1) as running:
        yield running


def world_in(cloud: Simulator, zone: str) -> World:
    config = Config(endpoint=cloud.endpoint, key=cloud.admin.key, secret=cloud.admin.secret, zone=zone)
    return World(CloudStackDriver(config), lambda: None, None)


@pytest.fixture(scope="module")
def isolated(cloud) -> World:
    return world_in(cloud, "Sandbox")


@pytest.fixture(scope="module")
def grouped(cloud) -> World:
    return world_in(cloud, "SandboxSG")


@pytest.fixture(scope="module")
def targets(isolated) -> dict[str, str]:
    """Things that the types refer to."""
    driver, facts = isolated.driver, isolated.driver.facts()
    network = driver.submit(create_network("net", facts.zone_id, facts.network_offering_id)).physical_id
    template, offering = driver.lookup("template", TEMPLATE), driver.lookup("serviceoffering", "Small Instance")
    machine, _ = isolated.make(MACHINE, deploy("vm", network, facts.zone_id, template, offering))
    address, _ = isolated.make(ADDRESS, driver.prepare(associate(network)))
    small = driver.lookup("diskoffering", "Small")
    volume = find_type("CloudStack::Volume")
    desired = Desired("V", "disk", "s", {"diskofferingid": small, "zoneid": facts.zone_id}, facts)
    disk, _ = isolated.make(volume, create_calls(volume, desired)[0])
    return {
        NET: network, VM: machine.physical_id, IP: address.physical_id, DISK: disk.physical_id, ZONE: facts.zone_id,
        TPL: template, OFFER: offering, SMALL: small, OPEN: facts.network_offering_id,
    }  # fmt: skip


def put_in(value: Any, targets: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [put_in(item, targets) for item in value]
    return targets.get(value, value) if isinstance(value, str) else value


def make_and_remove(world: World, type_name: str, properties: dict[str, Any]) -> None:
    driver, facts, resource = world.driver, world.driver.facts(), find_type(type_name)
    physical_id, record = "a-name", {}
    calls = create_calls(resource, Desired("L", "a-name", "stack", properties, facts))
    for call in [driver.prepare(call.bound(physical_id)) for call in calls[:1]] + calls[1:]:
        made = driver.prepare(call.bound(physical_id))
        assert made is not None
        assert made.check is None or driver.find(made.check) == [], f"{made.command} seems done before it is made"
        answer, end = world.make(resource, made, physical_id)
        assert end is None or end.error is None
        physical_id = answer.physical_id or physical_id
        check = made.bound(physical_id).check
        assert check is None or driver.find(check), f"{made.command} has no effect that can be seen"
        record = (end.record if end else answer.record) or record
    if any(call.effect is Effect.CREATES for call in calls):
        assert driver.read(resource, [physical_id])[physical_id]["id"] == physical_id
    for call in delete_calls(resource, Existing("L", "a-name", physical_id, properties, {}, facts)):
        going = driver.prepare(call.bound(physical_id))
        assert going is not None, f"{call.command} has nothing to remove"
        _, end = world.make(resource, going, physical_id)
        assert end is None or end.error is None
        assert going.check is None or driver.find(going.check) == [], f"{going.command} leaves something"
        item = Pending("it", resource, going, None, physical_id)
        assert world.settle(item)["it"].error is None


@pytest.mark.parametrize(("type_name", "properties"), CASES, ids=[name for name, _ in CASES])
def test_a_type_is_made_seen_and_removed(isolated, targets, type_name, properties):
    make_and_remove(isolated, type_name, {name: put_in(value, targets) for name, value in properties.items()})


@pytest.mark.parametrize(("type_name", "properties"), GROUP_CASES, ids=[name for name, _ in GROUP_CASES])
def test_a_type_of_zones_with_security_groups_is_made_seen_and_removed(grouped, type_name, properties):
    client = grouped.driver.client
    group = client.call("createSecurityGroup", {"name": f"group-of-{type_name}"})["securitygroup"]["id"]
    make_and_remove(
        grouped, type_name, {name: put_in(value, {"$group": group}) for name, value in properties.items()}
    )


def test_the_embedded_cloud_is_left_as_it_was(isolated, targets):
    driver = isolated.driver
    assert [row["id"] for row in driver.client.rows("listVirtualMachines", "virtualmachine")] == [targets[VM]]
    assert [row["id"] for row in driver.client.rows("listNetworks", "network", {"zoneid": targets[ZONE]})] == [
        targets[NET]
    ]


def test_every_type_that_makes_something_is_among_the_cases():
    left_out = {
        "CloudStack::ToLoadBalancerRule",
        "CloudStack::VolumeOps",
    }  # they need more than one thing beside them
    native = {resource.name for resource in all_types() if resource.native is not None}
    assert native - left_out - {name for name, _ in CASES + GROUP_CASES} == set()
