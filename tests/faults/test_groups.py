"""Groups: members that do not boot, stable names while a group grows and shrinks, and rolling updates."""

from __future__ import annotations

import pytest
from fault_worlds import IMAGE, cloud

from cfnlib.errors import OperationFailedError
from cfnlib.simulator import Fault, Latency

TEMPLATE = """
Parameters:
  Size: {Type: Number, Default: 4}
  Image: {Type: String, Default: "%s"}
Resources:
  Like:
    Type: AWS::AutoScaling::LaunchConfiguration
    Properties: {ImageId: !Ref Image, InstanceType: Small Instance}
  Nodes:
    Type: AWS::AutoScaling::AutoScalingGroup
    CreationPolicy: {AutoScalingCreationPolicy: {MinSuccessfulInstancesPercent: 50}}%s
    Properties: {LaunchConfigurationName: !Ref Like, MinSize: !Ref Size, MaxSize: 20}
Outputs:
  Names: {Value: !Join [",", !GetAtt Nodes.Members]}
  Addresses: {Value: !Join [",", !GetAtt Nodes.PrivateIps]}
"""
ROLLING = """
    UpdatePolicy: {AutoScalingRollingUpdate: {MaxBatchSize: 2}}"""
GROUP = TEMPLATE % (IMAGE, "")
OTHER_IMAGE = "Ubuntu 22.04 (Simulator)"


def names(*numbers: int):
    return {f"demo-nodes-{number}" for number in numbers}


def failing(number, **when: object):
    return Fault("deployVirtualMachine", "job", match={"name": f"demo-nodes-{number}"}, **when)


def addresses(world, machines):
    return {nic["address"] for nic in world.things("nic") if nic["vm"] in {one["id"] for one in machines}}


def test_members_that_do_not_boot_are_removed_and_the_outputs_tell_of_the_others(world):
    world.fault(failing(2), failing(4))
    outputs = world.stacks.create("demo", GROUP).outputs
    assert set(world.machines()) == names(1, 3)
    assert set(outputs["Names"].split(",")) == names(1, 3)
    assert set(outputs["Addresses"].split(",")) == addresses(world, world.machines().values())
    assert world.held() == world.known("demo")


def test_an_update_tries_the_members_that_did_not_boot_again(world):
    world.fault(failing(2), failing(4))
    world.stacks.create("demo", GROUP)
    kept = {one["id"] for one in world.machines().values()}
    world.mend()
    outputs = world.stacks.update("demo", None, {"Size": "5"}).outputs
    assert set(world.machines()) == names(1, 2, 3, 4, 5)
    assert kept < {one["id"] for one in world.machines().values()}
    assert set(outputs["Names"].split(",")) == names(1, 2, 3, 4, 5)
    assert world.held() == world.known("demo")


def test_too_few_members_fail_the_stack_and_nothing_stays(world):
    world.fault(failing(1), failing(2), failing(4))
    with pytest.raises(OperationFailedError) as caught:
        world.stacks.create("demo", GROUP)
    assert caught.value.status == "ROLLBACK_COMPLETE"
    assert world.held() == set()


@pytest.mark.parametrize("trouble", ["error", "drop_answer", "vanish"])
def test_a_member_whose_call_goes_wrong_otherwise_is_not_made_twice(world, trouble):
    world.fault(Fault("deployVirtualMachine", trouble, match={"name": "demo-nodes-3"}))
    outputs = world.stacks.create("demo", GROUP).outputs
    assert len(world.things("virtualmachine")) == len(world.machines()) == (3 if trouble == "error" else 4)
    assert set(outputs["Names"].split(",")) == set(world.machines())
    assert world.held() == world.known("demo")


def test_the_group_keeps_the_first_members_when_it_shrinks_and_their_names_when_it_grows(world):
    world.stacks.create("demo", GROUP, {"Size": "2"})
    first = {name: one["id"] for name, one in world.machines().items()}
    for size in (5, 3, 1, 4):
        outputs = world.stacks.update("demo", None, {"Size": str(size)}).outputs
        machines = world.machines()
        assert set(machines) == names(*range(1, size + 1))
        assert machines["demo-nodes-1"]["id"] == first["demo-nodes-1"]
        assert set(outputs["Names"].split(",")) == set(machines)
        assert world.held() == world.known("demo")
    world.stacks.update("demo", None, {"Size": "0"})
    assert world.machines() == {}
    world.stacks.delete("demo")
    assert world.held() == set()


def test_members_keep_what_they_were_made_with_when_the_group_has_no_update_policy(world):
    world.stacks.create("demo", GROUP, {"Size": "2"})
    before = {name: one["id"] for name, one in world.machines().items()}
    world.stacks.update("demo", None, {"Image": OTHER_IMAGE, "Size": "3"})
    after = world.machines()
    assert {name: after[name]["id"] for name in before} == before
    assert len({one["template"] for one in after.values()}) == 2
    assert world.held() == world.known("demo")


def test_a_rolling_update_replaces_every_member_and_keeps_the_names():
    with cloud(latency=Latency(job_s=0.05)) as world:
        world.stacks.create("demo", TEMPLATE % (IMAGE, ROLLING))
        before = {one["id"] for one in world.machines().values()}
        fewest, seen = 9, []

        def look(_event) -> None:
            nonlocal fewest
            running = [one for one in world.things("virtualmachine") if one["state"] == "Running"]
            fewest = min(fewest, len(running))
            seen.append(len(running))

        world.stacks.update("demo", None, {"Image": OTHER_IMAGE}, on_event=look)
        after = world.machines()
        assert set(after) == names(1, 2, 3, 4)
        assert not before & {one["id"] for one in after.values()}
        assert len({one["template"] for one in after.values()}) == 1
        assert fewest >= 2, seen
        assert world.held() == world.known("demo")


def test_a_rolling_update_that_fails_goes_back_to_the_old_machines_image():
    with cloud() as world:
        world.stacks.create("demo", TEMPLATE.replace("50", "100") % (IMAGE, ROLLING))
        (image,) = {one["template"] for one in world.machines().values()}
        world.fault(Fault("deployVirtualMachine", "job", nth=3))
        with pytest.raises(OperationFailedError) as caught:
            world.stacks.update("demo", None, {"Image": OTHER_IMAGE})
        assert caught.value.status == "UPDATE_ROLLBACK_COMPLETE"
        assert set(world.machines()) == names(1, 2, 3, 4)
        assert {one["template"] for one in world.machines().values()} == {image}
        assert world.held() == world.known("demo")


def test_a_growth_that_fails_goes_back_to_the_members_that_were_there(world):
    template = GROUP.replace("50", "100")
    outputs = world.stacks.create("demo", template, {"Size": "2"}).outputs
    before = world.picture()
    world.fault(failing(5))
    with pytest.raises(OperationFailedError) as caught:
        world.stacks.update("demo", None, {"Size": "6"})
    assert caught.value.status == "UPDATE_ROLLBACK_COMPLETE"
    assert world.picture() == before
    assert world.stacks["demo"].outputs == outputs
    assert world.held() == world.known("demo")


def may_not_expunge(world):
    """Let ordinary accounts not expunge their machines, as production servers have it."""
    (found,) = world.simulator.world.live("capability")
    world.simulator.world.change(found, view={**found["view"], "allowuserexpungerecovervm": False})


def test_where_destroyed_machines_stay_for_a_day_their_names_are_free_again_at_once(world):
    may_not_expunge(world)
    world.stacks.create("demo", TEMPLATE % (IMAGE, ROLLING))
    world.stacks.update("demo", None, {"Image": OTHER_IMAGE})
    there = world.machines().values()
    assert {one["name"] for one in there if one["state"] == "Running"} == names(1, 2, 3, 4)
    assert [one["state"] for one in there].count("Destroyed") == 4
    with pytest.raises(OperationFailedError, match="destroyed but not expunged keeps its network") as caught:
        world.stacks.delete("demo")
    assert caught.value.status == "DELETE_FAILED"
    assert world.known("demo") == {one["id"] for one in world.things("network")}
    admin = world.engine(key=world.simulator.admin.key, secret=world.simulator.admin.secret).driver.client
    for one in world.things("virtualmachine"):
        admin.call("expungeVirtualMachine", {"id": one["id"]})
    assert world.stacks.delete("demo").status == "DELETE_COMPLETE"
    assert world.held() == set()
