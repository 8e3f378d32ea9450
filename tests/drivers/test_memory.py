"""The cloud in memory insists on what a real one does, and every resource type finds in it what it looks for."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from driver_things import MACHINE, NETWORK, create_key_pair, create_network, delete_network, deploy, destroy

from cfnlib.drivers.base import Pending, VirtualClock
from cfnlib.errors import (
    CapacityError,
    CloudError,
    ConflictError,
    InUseError,
    InvalidRequestError,
    LimitError,
    NotFoundError,
    UnknownOutcomeError,
)
from cfnlib.resources import all_types
from cfnlib.schema.calls import Call, Effect, Find
from cfnlib.schema.lifecycle import create_calls, delete_calls
from cfnlib.schema.model import Desired, Existing, Kind, Property, ResourceType
from cfnlib.testing import Fault, MemoryCloud, MemoryDriver, Trouble, facts, memory_driver

NATIVE = [resource for resource in all_types() if resource.native is not None]
TARGETS = {
    "virtualmachine": ("InstanceId", "virtualmachineid", "virtualmachineids"),
    "publicipaddress": ("AllocationId", "ipaddressid", "publicipid"),
    "volume": ("VolumeId", "volumeid", "id"),
    "network": ("networkid", "networkids", "SubnetId"),
    "securitygroup": ("GroupId", "securitygroupid", "securitygroupids"),
    "loadbalancerrule": ("LoadBalancerRuleId", "loadbalancerid", "lbruleid"),
}
TEXTS = {"CidrIp": "10.0.0.0/8", "cidrlist": "10.0.0.0/8", "IpProtocol": "tcp", "protocol": "tcp"}


def run(
    driver: MemoryDriver, resource: ResourceType, call: Call, physical_id: str | None = None
) -> CloudError | None:
    """Make a call and let the time pass until its end."""
    answer = driver.submit(call)
    if answer.job_id is None:
        return None
    item = Pending("it", resource, call, answer.job_id, answer.physical_id or physical_id)
    while not (ends := driver.poll([item])):
        driver.cloud.clock.sleep(1.0)
    return ends[0].error


def network_of(driver: MemoryDriver) -> str:
    return str(driver.submit(create_network("n", "zone-1", "networkoffering-1")).physical_id)


def sample(name: str, declared: Property, targets: dict[str, str]) -> object:
    """A value that the property takes."""
    if declared.kind is Kind.LIST:
        return [sample(name, declared.item, targets)] if declared.item else ["x"]
    if declared.kind is Kind.OBJECT:
        return {key: sample(key, inner, targets) for key, inner in declared.fields.items() if inner.required}
    plain = {
        Kind.INTEGER: int(declared.minimum or 22),
        Kind.NUMBER: 1.0,
        Kind.BOOLEAN: True,
        Kind.TAGS: [{"Key": "role", "Value": "db"}],
    }
    text = declared.allowed[0] if declared.allowed else targets.get(name, TEXTS.get(name, f"x-{name.lower()}"))
    return plain.get(declared.kind, text)


def properties_of(resource: ResourceType, cloud: MemoryCloud) -> dict[str, Any]:
    targets = {name: cloud.add(family, name=family) for family, names in TARGETS.items() for name in names[:1]}
    for names in TARGETS.values():
        targets |= dict.fromkeys(names[1:], targets[names[0]])
    targets["resourceids"] = targets["InstanceId"]
    wanted = {name for name, declared in resource.properties.items() if declared.required}
    wanted |= {group[0] for group in resource.one_of}
    return {name: sample(name, resource.properties[name], targets) for name in sorted(wanted)}


@pytest.mark.parametrize("resource", NATIVE, ids=lambda resource: resource.name)
def test_what_a_type_looks_for_is_there_after_its_calls_and_gone_after_its_removal(resource):
    driver = memory_driver()
    properties = properties_of(resource, driver.cloud)
    before = Counter(thing.family for thing in driver.cloud.things.values())
    physical_id = "name"
    for declared in create_calls(resource, Desired("L", "name", "stack", properties, facts())):
        call = driver.prepare(declared.bound(physical_id))
        assert call is not None
        if call.check is not None and call.effect is Effect.CREATES:
            assert driver.find(call.check) == []
        answer = driver.submit(call)
        physical_id = answer.physical_id or physical_id
        driver.cloud.clock.sleep(10.0)
        checked = call.bound(physical_id).check
        assert checked is None or driver.find(checked), call.command
    existing = Existing("L", "name", physical_id, properties, {}, facts())
    for declared in delete_calls(resource, existing):
        call = driver.prepare(declared.bound(physical_id))
        assert call is not None, declared.command
        assert run(driver, resource, call, physical_id) is None
        assert call.check is None or driver.find(call.check) == [], call.command
    assert Counter(thing.family for thing in driver.cloud.things.values()) == before


def test_a_thing_that_others_refer_to_cannot_be_removed():
    driver = memory_driver()
    network_id = network_of(driver)
    machine = driver.submit(deploy("m", network_id, "zone-1", "template-1", "offering-1")).physical_id
    assert isinstance(run(driver, NETWORK, delete_network(network_id), network_id), InUseError)
    assert run(driver, MACHINE, destroy(str(machine)), machine) is None
    assert run(driver, NETWORK, delete_network(network_id), network_id) is None
    assert driver.cloud.things == {}


def test_a_reference_to_what_is_gone_is_refused():
    driver = memory_driver()
    network_id = network_of(driver)
    driver.cloud.remove(network_id)
    with pytest.raises(InvalidRequestError, match="networkids"):
        driver.submit(deploy("m", network_id, "zone-1", "template-1", "offering-1"))


def test_a_strangers_thing_holds_its_name():
    driver = memory_driver()
    driver.cloud.add("sshkeypair", name="Mine")
    with pytest.raises(ConflictError):
        driver.submit(create_key_pair("mine"))


def test_an_account_has_limits():
    driver = MemoryDriver(MemoryCloud(limits={"sshkeypair": 2}))
    driver.submit(create_key_pair("a"))
    driver.submit(create_key_pair("b"))
    with pytest.raises(LimitError):
        driver.submit(create_key_pair("c"))


def test_a_job_takes_its_time_on_the_clock_of_the_cloud():
    clock = VirtualClock(now=100.0)
    driver = MemoryDriver(
        MemoryCloud(clock=clock, job_s=lambda command: 40.0 if command.startswith("deploy") else 1.0)
    )
    call = deploy("m", network_of(driver), "zone-1", "template-1", "offering-1")
    answer = driver.submit(call)
    item = Pending("m", MACHINE, call, answer.job_id, answer.physical_id)
    clock.sleep(29.0)
    assert driver.poll([item]) == []
    clock.sleep(22.0)
    assert [end.record["state"] for end in driver.poll([item])] == ["Running"]
    assert clock.now() == 151.0


@pytest.mark.parametrize(
    ("fault", "failing"),
    [
        (Fault(Trouble.REFUSED, nth=frozenset({2, 4})), {2, 4}),
        (Fault(Trouble.REFUSED, "create*", name="k?"), {1, 2, 3, 4, 5}),
        (Fault(Trouble.REFUSED, name="k3"), {3}),
        (Fault(Trouble.REFUSED, "deploy*"), set()),
        (Fault(Trouble.REFUSED, share=0.0), set()),
    ],
)
def test_a_fault_meets_the_calls_that_it_names(fault, failing):
    driver = memory_driver(faults=[fault])
    failed = set()
    for number in range(1, 6):
        try:
            driver.submit(create_key_pair(f"k{number}"))
        except CloudError:
            failed.add(number)
    assert failed == failing
    assert {row["name"] for row in driver.cloud.records("sshkeypair")} == {
        f"k{n}" for n in range(1, 6) if n not in failing
    }


def test_a_fault_has_the_class_of_error_that_is_asked_for():
    driver = memory_driver(faults=[Fault(Trouble.REFUSED, error=CapacityError)])
    with pytest.raises(CapacityError):
        driver.submit(create_key_pair("k"))


def test_a_machine_whose_job_fails_stays_in_error_and_any_other_thing_does_not_stay():
    driver = memory_driver(faults=[Fault(Trouble.JOB_FAILED, "deploy*"), Fault(Trouble.JOB_FAILED, "createVolume")])
    call = deploy("m", network_of(driver), "zone-1", "template-1", "offering-1")
    assert run(driver, MACHINE, call) is not None
    assert [row["state"] for row in driver.cloud.records("virtualmachine")] == ["Error"]
    volume = Call(
        "createVolume", {"name": "v"}, Effect.CREATES, "volume", Find("listVolumes", "volume", {}, {"name": "v"})
    )
    assert run(driver, MACHINE, volume) is not None
    assert driver.cloud.records("volume") == []


def test_a_slow_job_takes_longer():
    driver = memory_driver(faults=[Fault(Trouble.SLOW, factor=100.0)])
    driver.submit(deploy("m", network_of(driver), "zone-1", "template-1", "offering-1"))
    driver.cloud.clock.sleep(100.0)
    assert [row["state"] for row in driver.cloud.records("virtualmachine")] == ["Starting"]


def test_a_kill_before_or_after_a_call_is_played_by_the_hooks():
    class Killed(BaseException):
        pass

    def kill(_: Call) -> None:
        raise Killed

    cloud = MemoryCloud()
    with pytest.raises(Killed):
        MemoryDriver(cloud, before=kill).submit(create_key_pair("before"))
    with pytest.raises(Killed):
        MemoryDriver(cloud, after=kill).submit(create_key_pair("after"))
    assert [row["name"] for row in cloud.records("sshkeypair")] == ["after"]


def test_two_worlds_of_one_seed_are_the_same():
    def story(seed: int) -> list[Any]:
        driver = memory_driver(seed=seed, faults=[Fault(Trouble.ANSWER_LOST, share=0.5)])
        outcomes: list[Any] = []
        for number in range(20):
            try:
                outcomes.append(driver.submit(create_key_pair(f"k{number}")).physical_id)
            except UnknownOutcomeError:
                outcomes.append(None)
        return [*outcomes, driver.cloud.free_addresses()]

    assert story(1) == story(1)
    assert story(1) != story(2)


def test_what_was_removed_behind_our_back_is_not_found():
    driver = memory_driver()
    answer = driver.submit(create_key_pair("k"))
    driver.cloud.remove(str(answer.physical_id))
    with pytest.raises(NotFoundError):
        driver.submit(Call("deleteSSHKeyPair", {"name": "k"}, Effect.REMOVES, check=create_key_pair("k").check))


def test_when_all_addresses_are_taken_there_is_none_to_choose():
    driver = memory_driver()
    for address in driver.cloud.addresses:
        driver.cloud.add("publicipaddress", ipaddress=address)
    with pytest.raises(CapacityError):
        driver.prepare(Call("associateIpAddress", {"ipaddress": "${free-address}"}, Effect.CREATES))
