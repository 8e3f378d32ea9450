"""Jobs that fail, never end or vanish, and a cloud or an account with no room: everything is gone again, or there."""

from __future__ import annotations

import pytest
from attrs import evolve
from fault_worlds import IMAGE, SETTINGS, TEMPLATE, cloud

from cfnlib.errors import OperationFailedError
from cfnlib.simulator import Capacity, Fault

JOBS = (
    "deployVirtualMachine",
    "associateIpAddress",
    "createFirewallRule",
    "createEgressFirewallRule",
    "createVolume",
    "attachVolume",
    "createTags",
)
REMOVING_JOBS = (
    "destroyVirtualMachine",
    "deleteNetwork",
    "disassociateIpAddress",
    "deleteFirewallRule",
    "detachVolume",
)
IMPATIENT = evolve(SETTINGS, job_timeout_s=1.5, settle_s=0.3)
MACHINES = f"""
Parameters:
  Size: {{Type: Number, Default: 6}}
Resources:
  Like:
    Type: AWS::AutoScaling::LaunchConfiguration
    Properties: {{ImageId: {IMAGE}, InstanceType: Small Instance}}
  Nodes:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties: {{LaunchConfigurationName: !Ref Like, MinSize: !Ref Size, MaxSize: 40}}
Outputs:
  Names: {{Value: !Join [",", !GetAtt Nodes.Members]}}
"""


@pytest.mark.parametrize("command", JOBS)
def test_a_job_that_fails_takes_the_whole_stack_back(world, command):
    world.fault(Fault(command, "job", text="the host caught fire"))
    with pytest.raises(OperationFailedError, match="the host caught fire") as caught:
        world.stacks.create("demo", TEMPLATE)
    assert caught.value.status == "ROLLBACK_COMPLETE"
    assert world.held() == set()


@pytest.mark.parametrize("command", JOBS)
def test_a_job_that_vanishes_is_judged_by_what_it_did(world, command):
    world.fault(Fault(command, "vanish"))
    world.stacks.create("demo", TEMPLATE)
    assert world.held() == world.known("demo")
    assert world.things("publicip")[-1]["vm"] == world.things("virtualmachine")[0]["id"]


@pytest.mark.parametrize("command", REMOVING_JOBS)
def test_a_removing_job_that_vanishes_is_judged_by_what_it_did(world, command):
    world.stacks.create("demo", TEMPLATE)
    world.fault(Fault(command, "vanish"))
    assert world.stacks.delete("demo").status == "DELETE_COMPLETE"
    assert world.held() == set()


@pytest.mark.parametrize(
    "command", ["deployVirtualMachine", "associateIpAddress", "createFirewallRule", "createVolume"]
)
def test_a_job_that_never_ends_fails_in_time_and_is_told(world, command):
    world.fault(Fault(command, "never", times=1))
    with pytest.raises(OperationFailedError, match=f"{command}: its job has not ended after 1.5 s"):
        world.engine(settings=IMPATIENT).create("demo", TEMPLATE)
    assert not world.store.stack("demo").status.in_progress
    assert world.held() == world.known("demo")


def test_a_removal_that_never_ends_fails_and_the_stack_still_knows_the_thing(world):
    world.stacks.create("demo", TEMPLATE)
    world.fault(Fault("destroyVirtualMachine", "never", times=1))
    with pytest.raises(OperationFailedError, match="its job has not ended") as caught:
        world.engine(settings=IMPATIENT).delete("demo")
    assert caught.value.status == "DELETE_FAILED"
    assert world.held() == world.known("demo")


@pytest.mark.parametrize("command", REMOVING_JOBS)
def test_a_removing_job_that_always_fails_is_an_error_and_a_later_deletion_ends_it(world, command):
    world.stacks.create("demo", TEMPLATE)
    world.fault(Fault(command, "job", text="the host does not answer"))
    with pytest.raises(OperationFailedError, match="the host does not answer") as caught:
        world.stacks.delete("demo")
    assert caught.value.status == "DELETE_FAILED"
    assert world.held() == world.known("demo")
    world.mend()
    assert world.stacks.delete("demo").status == "DELETE_COMPLETE"
    assert world.held() == set()


@pytest.mark.parametrize("command", REMOVING_JOBS)
def test_a_removing_job_that_fails_once_is_tried_again(world, command):
    world.stacks.create("demo", TEMPLATE)
    world.fault(Fault(command, "job", nth=1))
    assert world.stacks.delete("demo").status == "DELETE_COMPLETE"
    assert world.held() == set()


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"user_vm": 3}, "Type = 'user_vm'"),
        ({"cpu": 4}, "Type = 'cpu'"),
        ({"volume": 3}, "Type = 'volume'"),
    ],
)
def test_a_quota_that_is_used_up_half_way_leaves_nothing_and_says_which(limits, said):
    with cloud(capacity=Capacity(limits=limits)) as world:
        with pytest.raises(OperationFailedError, match=said) as caught:
            world.stacks.create("demo", MACHINES)
        assert caught.value.status == "ROLLBACK_COMPLETE"
        assert "ask for a higher limit" in caught.value.reason
        assert world.held() == set()


def test_hosts_that_are_full_half_way_leave_nothing():
    with cloud(capacity=Capacity(host_memory_mib=1024, limits={"user_vm": -1, "cpu": -1, "memory": -1})) as world:
        with pytest.raises(OperationFailedError) as caught:
            world.stacks.create("demo", MACHINES, {"Size": "40"})
        assert caught.value.status == "ROLLBACK_COMPLETE"
        assert "deployVirtualMachine" in caught.value.reason
        assert world.held() == set()


def test_a_zone_without_a_free_address_leaves_nothing_and_says_so():
    with cloud(capacity=Capacity(public_addresses=1)) as world:
        with pytest.raises(OperationFailedError, match="no free public address"):
            world.stacks.create("demo", TEMPLATE)
        assert world.held() == set()


def test_a_quota_met_by_an_update_leaves_the_stack_as_it_was():
    with cloud(capacity=Capacity(limits={"user_vm": 4})) as world:
        world.stacks.create("demo", MACHINES, {"Size": "2"})
        before = world.picture()
        with pytest.raises(OperationFailedError) as caught:
            world.stacks.update("demo", None, {"Size": "8"})
        assert caught.value.status == "UPDATE_ROLLBACK_COMPLETE"
        assert world.picture() == before
        assert world.held() == world.known("demo")
        assert world.stacks.update("demo", None, {"Size": "3"}).status == "UPDATE_COMPLETE"
        assert len(world.machines()) == 3


@pytest.mark.parametrize("trouble", ["drop_answer", "vanish", "reset"])
@pytest.mark.parametrize("started", [True, False])
def test_a_machine_is_done_when_it_is_as_it_was_asked_for(world, trouble, started):
    template = f"""
Resources:
  Net: {{Type: CloudStack::Network}}
  Web:
    Type: CloudStack::VirtualMachine
    Properties:
      zoneid: Sandbox
      templateid: {IMAGE}
      serviceofferingid: Small Instance
      networkids: [!Ref Net]
      startvm: {str(started).lower()}
"""
    world.fault(Fault("deployVirtualMachine", trouble, nth=1))
    world.engine(settings=evolve(SETTINGS, job_timeout_s=5.0)).create("demo", template)
    assert [one["state"] for one in world.things("virtualmachine")] == ["Running" if started else "Stopped"]
    assert world.held() == world.known("demo")
