"""What is asked of a stack beside its template: a limit of time, tags, what a deletion retains, a rollback skips."""

from __future__ import annotations

import json

import pytest
from test_create import Killed, killed_at
from worlds import World

from cfnlib.drivers.memory_faults import Fault, Trouble
from cfnlib.errors import NoUpdatesError, OperationFailedError


def template(machines=2, size="Small Instance", **more):
    """A network with machines, one after the other, and some more resources."""
    net = {"networkofferingid": "Isolated", "displaytext": "a net"}
    found = {"Net": {"Type": "CloudStack::Network", "Properties": net}}
    for number in range(machines):
        given = {"zoneid": "Sandbox", "templateid": "Debian 12", "serviceofferingid": size}
        found[f"Web{number}"] = {
            "Type": "CloudStack::VirtualMachine",
            "Properties": {**given, "networkids": [{"Ref": "Net"}]},
            **({"DependsOn": f"Web{number - 1}"} if number else {}),
        }
    return json.dumps({"Resources": found | more})


def statuses(world, name="demo"):
    """The last status that the events tell of each resource."""
    state = next(state for state in world.store.stacks(deleted=True) if name in {state.name, state.stack_id})
    return {event.logical_id: event.status for event in world.store.events(state.stack_id)}


def tags(world):
    """The tags of everything on the cloud, by kind."""
    return sorted((thing.family, tuple(sorted(thing.tags.items()))) for thing in world.cloud.things.values())


def test_a_creation_that_takes_longer_than_it_may_goes_back():
    world = World()
    with pytest.raises(OperationFailedError) as caught:
        world.stacks.create("demo", template(4), timeout_s=5.0)
    assert caught.value.status == "ROLLBACK_COMPLETE"
    assert caught.value.reason.startswith("Stack creation time exceeded the specified timeout.")
    assert world.there() == set()
    assert world.stacks.create("other", template(4), timeout_s=60.0).status == "CREATE_COMPLETE"


def test_the_time_of_a_process_that_died_counts_as_well():
    world = World()
    with pytest.raises(Killed):
        world.engine(after=killed_at(3)).create("demo", template(4), timeout_s=60.0)
    world.clock.sleep(100.0)
    with pytest.raises(OperationFailedError, match="exceeded the specified timeout"):
        world.stacks.resume("demo")
    assert world.there() == set()


def test_the_limit_of_a_creation_is_none_of_its_updates_and_deletion():
    world = World()
    world.stacks.create("demo", template(1), timeout_s=30.0)
    world.clock.sleep(1000.0)
    assert world.stacks.update("demo", template(3)).status == "UPDATE_COMPLETE"
    world.clock.sleep(1000.0)
    assert world.stacks.delete("demo").status == "DELETE_COMPLETE"


def test_what_a_deletion_retains_stays_on_the_cloud_and_is_told_of_as_skipped():
    world = World()
    world.stacks.create("demo", template(2))
    world.cloud.faults.append(Fault(Trouble.REFUSED, "destroyVirtualMachine"))
    with pytest.raises(OperationFailedError) as caught:
        world.stacks.delete("demo")
    assert caught.value.status == "DELETE_FAILED"
    left = [name for name, status in statuses(world).items() if status == "DELETE_FAILED" and name != "demo"]
    there = world.there()
    world.cloud.faults.clear()
    assert world.stacks.delete("demo", retain=[*left, "Net"]).status == "DELETE_COMPLETE"
    assert {statuses(world)[name] for name in [*left, "Net"]} == {"DELETE_SKIPPED"}
    assert world.there() <= there
    assert len(world.there()) == len(left) + 1


def test_a_group_is_retained_with_its_members():
    world = World()
    group = {
        "Like": {
            "Type": "AWS::AutoScaling::LaunchConfiguration",
            "Properties": {"ImageId": "Debian 12", "InstanceType": "Small Instance"},
        },
        "Nodes": {
            "Type": "AWS::AutoScaling::AutoScalingGroup",
            "Properties": {"LaunchConfigurationName": {"Ref": "Like"}, "MinSize": "3", "MaxSize": "3"},
        },
    }
    world.stacks.create("demo", template(0, **group))
    world.stacks.delete("demo", retain=["Nodes", "DefaultNetwork"])
    families = sorted(thing.family for thing in world.cloud.things.values())
    assert families.count("virtualmachine") == 3
    assert "network" in families


def test_a_rollback_that_cannot_be_done_goes_on_without_what_it_skips():
    world = World()
    world.stacks.create("demo", template(2))
    doomed = {"Doomed": {"Type": "CloudStack::AffinityGroup", "DependsOn": "Web1", "Properties": {"type": "x"}}}
    world.cloud.faults += [
        Fault(Trouble.REFUSED, "createAffinityGroup"),
        Fault(Trouble.REFUSED, "scaleVirtualMachine", nth=frozenset({3})),
        Fault(Trouble.REFUSED, "changeServiceForVirtualMachine", nth=frozenset({3})),
    ]
    with pytest.raises(OperationFailedError) as caught:
        world.stacks.update("demo", template(2, "Medium Instance", **doomed))
    assert caught.value.status == "UPDATE_ROLLBACK_FAILED"
    failed = [
        row.logical_id
        for row in world.store.resources(world.store.stack("demo").stack_id)
        if row.status.value == "UPDATE_FAILED"
    ]
    assert failed
    stack = world.stacks.continue_rollback("demo", skip=failed)
    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"
    assert all(statuses(world)[name] == "UPDATE_COMPLETE" for name in failed)
    assert world.known("demo") == world.there()
    world.cloud.faults.clear()
    assert world.stacks.update("demo", template(3)).status == "UPDATE_COMPLETE"
    assert world.stacks.delete("demo").status == "DELETE_COMPLETE"
    assert world.there() == set()


TAGGED = json.loads(template(1))
TAGGED["Resources"]["Web0"]["Properties"]["tags"] = [{"key": "role", "value": "web"}, {"key": "team", "value": "own"}]
TAGGED = json.dumps(TAGGED)


def test_the_tags_of_a_stack_are_on_all_that_can_have_tags_below_their_own():
    world = World()
    world.stacks.create("demo", TAGGED, tags={"team": "stack", "cost": "7"})
    assert tags(world) == [
        ("network", (("cost", "7"), ("team", "stack"))),
        ("virtualmachine", (("cost", "7"), ("role", "web"), ("team", "own"))),
    ]


def test_an_update_of_the_tags_alone_changes_them_in_place():
    world = World()
    world.stacks.create("demo", TAGGED, tags={"cost": "7", "old": "x"})
    before = world.there()
    assert world.stacks.update("demo", tags={"cost": "8"}).status == "UPDATE_COMPLETE"
    assert world.there() == before
    assert tags(world)[0] == ("network", (("cost", "8"),))
    with pytest.raises(NoUpdatesError):
        world.stacks.update("demo", tags={"cost": "8"})
    assert world.stacks.update("demo", tags={}).status == "UPDATE_COMPLETE"
    assert tags(world)[0] == ("network", ())


def test_a_rollback_brings_the_former_tags_back():
    world = World()
    world.stacks.create("demo", TAGGED, tags={"cost": "7"})
    before = tags(world)
    doomed = json.loads(TAGGED)
    doomed["Resources"]["Doomed"] = {
        "Type": "CloudStack::AffinityGroup",
        "DependsOn": "Web0",
        "Properties": {"type": "x"},
    }
    world.cloud.faults.append(Fault(Trouble.REFUSED, "createAffinityGroup"))
    with pytest.raises(OperationFailedError) as caught:
        world.stacks.update("demo", json.dumps(doomed), tags={"cost": "8", "new": "y"})
    assert caught.value.status == "UPDATE_ROLLBACK_COMPLETE"
    assert tags(world) == before
    assert world.store.stack("demo").terms.tags == {"cost": "7"}


def test_of_a_deleted_stack_it_can_still_be_told_what_it_had():
    world = World()
    world.stacks.create("demo", template(2))
    stack_id = world.store.stack("demo").stack_id
    ids = {row.logical_id: row.physical_id for row in world.store.resources(stack_id)}
    world.stacks.delete("demo", retain=["Web0", "Net"])
    left = {row.logical_id: row for row in world.store.resources(stack_id, deleted=True)}
    assert {name: row.physical_id for name, row in left.items()} == ids
    assert {name: row.status.value for name, row in left.items()} == {
        "Net": "DELETE_SKIPPED",
        "Web0": "DELETE_SKIPPED",
        "Web1": "DELETE_COMPLETE",
    }
    assert not any(row.properties or row.attributes for row in left.values())


def test_a_deletion_that_is_taken_up_again_leaves_alone_what_was_retained():
    world = World()
    world.stacks.create("demo", template(3))
    with pytest.raises(Killed):
        world.engine(before=killed_at(2)).delete("demo", retain=["Web0", "Net"])
    assert world.stacks.resume(world.store.stacks(deleted=True)[0].stack_id).status == "DELETE_COMPLETE"
    assert len(world.there()) == 2
