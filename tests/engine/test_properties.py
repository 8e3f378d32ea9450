"""For any template and any schedule of faults: a terminal status, a state that equals the cloud, and no orphan."""

from __future__ import annotations

import json
from contextlib import suppress

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from worlds import World

from cfnlib.drivers.memory_faults import Fault, Trouble
from cfnlib.errors import OperationFailedError, StackError

COMMANDS = (
    "createNetwork",
    "deployVirtualMachine",
    "associateIpAddress",
    "createFirewallRule",
    "createVolume",
    "attachVolume",
    "registerSSHKeyPair",
    "destroyVirtualMachine",
    "deleteNetwork",
    "disassociateIpAddress",
    "deleteFirewallRule",
    "detachVolume",
    "deleteVolume",
)


@st.composite
def templates(draw):
    """A template of up to three networks with machines, addresses, rules and disks, some of which need others."""
    resources = {}
    for n in range(draw(st.integers(1, 3))):
        net = f"Net{n}"
        offering = {"networkofferingid": "Isolated", "displaytext": draw(st.sampled_from(["one", "two"]))}
        resources[net] = {"Type": "CloudStack::Network", "Properties": offering}
        for m in range(draw(st.integers(0, 3))):
            machine = f"Machine{n}{m}"
            resources[machine] = {
                "Type": "CloudStack::VirtualMachine",
                "Properties": {
                    "zoneid": "Sandbox",
                    "templateid": draw(st.sampled_from(["Debian 12", "Ubuntu 22.04"])),
                    "serviceofferingid": draw(st.sampled_from(["Small Instance", "Medium Instance"])),
                    "networkids": [{"Ref": net}],
                },
            }
            if m and draw(st.booleans()):
                resources[machine]["DependsOn"] = f"Machine{n}{m - 1}"
        for a in range(draw(st.integers(0, 2))):
            address = f"Address{n}{a}"
            resources[address] = {"Type": "CloudStack::IpAddress", "Properties": {"networkid": {"Ref": net}}}
            for r in range(draw(st.integers(0, 2))):
                port = draw(st.sampled_from([22, 80])) + 1000 * r
                resources[f"Rule{n}{a}{r}"] = {
                    "Type": "CloudStack::FirewallRule",
                    "Properties": {
                        "ipaddressid": {"Ref": address},
                        "protocol": "tcp",
                        "startport": port,
                        "endport": port,
                        "cidrlist": ["0.0.0.0/0"],
                    },
                }
        for v in range(draw(st.integers(0, 1))):
            size = draw(st.sampled_from([5, 10]))
            resources[f"Disk{n}{v}"] = {
                "Type": "AWS::EC2::Volume",
                "Properties": {"AvailabilityZone": "Sandbox", "Size": size},
                "DeletionPolicy": "Delete",
            }
            if f"Machine{n}0" in resources:
                resources[f"Attach{n}{v}"] = {
                    "Type": "AWS::EC2::VolumeAttachment",
                    "Properties": {
                        "InstanceId": {"Ref": f"Machine{n}0"},
                        "VolumeId": {"Ref": f"Disk{n}{v}"},
                        "Device": "/dev/sdc",
                    },
                }
    return json.dumps({"Resources": resources}, indent=1)


faults = st.lists(
    st.builds(
        Fault,
        st.sampled_from(
            [
                Trouble.REFUSED,
                Trouble.JOB_FAILED,
                Trouble.JOB_LOST,
                Trouble.CALL_LOST,
                Trouble.ANSWER_LOST,
                Trouble.SLOW,
            ]
        ),
        st.sampled_from(COMMANDS),
        nth=st.sets(st.integers(1, 5), min_size=1, max_size=3).map(frozenset),
    ),
    max_size=4,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    wanted=st.lists(templates(), min_size=1, max_size=3),
    schedule=faults,
    armed=st.integers(0, 2),
    delete=st.booleans(),
)
def test_every_operation_ends_with_the_cloud_as_the_stack_says(wanted, schedule, armed, delete):
    world = World()
    stranger = world.cloud.add("virtualmachine", name="a-stranger")
    for number, template in enumerate(wanted):
        if number == min(armed, len(wanted) - 1):
            world.cloud.faults.extend(schedule)
        try:
            if number == 0:
                world.stacks.create("demo", template)
            else:
                world.stacks.update("demo", template)
            event("as asked")
        except OperationFailedError as error:
            event(error.status)
        except StackError as error:
            event(str(error)[:30])
        state = world.store.stack("demo")
        assert not state.status.in_progress
        assert world.known("demo") == world.there() - {stranger}
    if delete:
        world.cloud.faults.clear()
        world.stacks.delete("demo")
        assert world.there() == {stranger}


class Killed(BaseException):
    """Stands for kill -9 at one call."""


def hooks(kills):
    """The hooks of a driver that is killed at a call, before or after it had its effect; none when none are left."""
    for number, late in kills:
        left = [number]

        def strike(_call, left=left):
            left[0] -= 1
            if left[0] == 0:
                raise Killed

        return {"after" if late else "before": strike}
    return {}


def attempt(world, kills, work):
    """Let a process that may be killed do something."""
    with suppress(Killed, StackError, OperationFailedError):
        work(world.engine(**hooks(kills)))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    wanted=st.lists(templates(), min_size=1, max_size=2),
    kills=st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=4).map(iter),
    verb=st.sampled_from(["resume", "delete"]),
)
def test_an_engine_killed_before_or_after_any_call_is_followed_by_one_that_ends_its_work(wanted, kills, verb):
    world = World()
    for number, template in enumerate(wanted):
        begin = "create" if number == 0 else "update"
        attempt(world, kills, lambda stacks, begin=begin, template=template: getattr(stacks, begin)("demo", template))
        for _ in range(6):
            if world.store.stacks(deleted=True)[0].status.in_progress:
                attempt(world, kills, lambda stacks: getattr(stacks, verb)("demo"))
        state = world.store.stacks(deleted=True)[0]
        assert not state.status.in_progress
        if state.status.value == "DELETE_COMPLETE":
            assert world.there() == set()
            return
        assert world.known("demo") == world.there()
