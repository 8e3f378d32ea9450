"""A resource with a CreationPolicy is there only when what runs in it has said so."""

from __future__ import annotations

import threading

import pytest
from worlds import World

from cfnlib.drivers.memory_faults import Fault, Trouble
from cfnlib.errors import OperationFailedError, TemplateError
from cfnlib.plan.awaited import duration_s
from cfnlib.state.model import Signal
from cfnlib.template import Template

TEMPLATE = """
Parameters:
  Count: {Type: Number, Default: 1}
  Image: {Type: String, Default: Debian 12}
Resources:
  Net:
    Type: CloudStack::Network
    Properties: {networkofferingid: Isolated, displaytext: a net}
  Web:
    Type: CloudStack::VirtualMachine
    CreationPolicy: {ResourceSignal: {Count: !Ref Count, Timeout: PT15M}}
    Properties:
      zoneid: Sandbox
      templateid: !Ref Image
      serviceofferingid: Small Instance
      networkids: [!Ref Net]
  After:
    Type: CloudStack::IpAddress
    DependsOn: Web
    Properties: {networkid: !Ref Net}
"""
GROUP = """
Resources:
  Like:
    Type: AWS::AutoScaling::LaunchConfiguration
    Properties: {ImageId: Debian 12, InstanceType: Small Instance}
  Nodes:
    Type: AWS::AutoScaling::AutoScalingGroup
    CreationPolicy:
      AutoScalingCreationPolicy: {MinSuccessfulInstancesPercent: 50}
      ResourceSignal: {Count: 4, Timeout: PT10M}
    Properties: {LaunchConfigurationName: !Ref Like, MinSize: 4, MaxSize: 4}
"""
GOOD, BAD = "SUCCESS", "FAILURE"


class Machines:
    """What runs in the machines: it says something when an event tells that somebody waits for it."""

    def __init__(self, world, *words, name="Web"):
        self.world, self.words, self.name = world, words, name
        self.halt = threading.Event()

    def __call__(self, event):
        """Hear an event."""
        if event.reason == "Resource creation Initiated" and event.logical_id == self.name:
            for unique_id, status in self.words:
                self.world.store.add_signal(event.stack_id, self.name, Signal(unique_id, status, "out of disk"))
            if not self.words:
                self.halt.set()


def create(world, *words, template=TEMPLATE, name="Web", **parameters):
    return world.stacks.create("demo", template, parameters, on_event=Machines(world, *words, name=name))


def told(world, name="Web"):
    """What the events tell of a resource."""
    events = world.store.events(world.store.stacks(deleted=True)[-1].stack_id)
    return [(event.status, event.reason) for event in events if event.logical_id == name]


def test_a_machine_is_complete_when_it_has_signalled_and_only_then_what_comes_after_it():
    world = World()
    assert create(world, ("i-1", GOOD)).status == "CREATE_COMPLETE"
    assert told(world) == [
        ("CREATE_IN_PROGRESS", ""),
        ("CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("CREATE_IN_PROGRESS", "Received SUCCESS signal with UniqueId i-1"),
        ("CREATE_COMPLETE", ""),
    ]
    events = [(event.logical_id, event.status) for event in world.store.events(world.store.stack("demo").stack_id)]
    assert events.index(("After", "CREATE_IN_PROGRESS")) > events.index(("Web", "CREATE_COMPLETE"))
    assert world.known("demo") == world.there()


def test_signals_are_told_apart_by_their_unique_id():
    world = World()
    with pytest.raises(OperationFailedError, match=r"Failed to receive 1 resource signal\(s\) within the specified"):
        create(world, ("one", GOOD), ("one", GOOD), Count="2")
    assert world.there() == set()
    world = World()
    assert create(world, ("one", GOOD), ("two", GOOD), Count="2").status == "CREATE_COMPLETE"


def test_one_failure_is_enough():
    world = World()
    with pytest.raises(OperationFailedError, match="Received FAILURE signal with UniqueId two: out of disk"):
        create(world, ("one", GOOD), ("two", BAD), Count="3")
    assert world.store.stack("demo").status.value == "ROLLBACK_COMPLETE"
    assert world.there() == set()


def test_without_a_word_it_fails_when_its_time_is_over():
    world = World()
    began = world.clock.now()
    with pytest.raises(OperationFailedError, match=r"Failed to receive 3 resource signal"):
        create(world, Count="3")
    assert 900 <= world.clock.now() - began < 1000
    assert world.there() == set()


def test_a_policy_that_waits_for_none_waits_for_none():
    world = World()
    assert create(world, Count="0").status == "CREATE_COMPLETE"


@pytest.mark.parametrize(
    ("statuses", "ends"),
    [
        ([GOOD] * 4, "CREATE_COMPLETE"),
        ([GOOD, GOOD, BAD, BAD], "CREATE_COMPLETE"),
        ([GOOD, GOOD], "CREATE_COMPLETE"),
        ([GOOD, BAD, BAD, BAD], "ROLLBACK_COMPLETE"),
        ([GOOD], "ROLLBACK_COMPLETE"),
    ],
)
def test_a_group_may_do_with_a_share_of_its_signals(statuses, ends):
    world = World()
    words = [(f"i-{number}", status) for number, status in enumerate(statuses)]
    try:
        found = create(world, *words, template=GROUP, name="Nodes").status
    except OperationFailedError as error:
        found = error.status
    assert found == ends


def test_a_wait_condition_may_have_a_policy_instead_of_a_handle():
    world = World()
    waits = 'Resources: {Wait: {Type: "AWS::CloudFormation::WaitCondition", CreationPolicy: {ResourceSignal: {}}}}\n'
    assert create(world, ("x", GOOD), template=waits, name="Wait").status == "CREATE_COMPLETE"
    with pytest.raises(TemplateError, match="needs a Handle"):
        world.stacks.create("other", 'Resources:\n  Wait: {Type: "AWS::CloudFormation::WaitCondition"}\n')


def test_another_process_goes_on_waiting_where_one_ended():
    world = World()
    machines = Machines(world)
    operations = world.stacks.operations
    begun = operations.create(operations.new("demo", TEMPLATE, {"Count": "2"}))
    state = operations.carry_on(begun, machines, machines.halt)
    assert state.status.in_progress
    world.clock.sleep(600)
    world.store.add_signal(state.stack_id, "Web", Signal("one", GOOD))
    halt, heard = threading.Event(), []

    def hear(event):
        if "Received" in event.reason:
            heard.append(event.reason)
            halt.set()

    second = world.engine()
    begun = second.operations.take_up(world.store.stack(state.stack_id))
    assert second.operations.carry_on(begun, hear, halt).status.in_progress
    assert len(heard) == 1
    with pytest.raises(OperationFailedError, match="Failed to receive 1 resource"):
        world.engine().resume("demo", on_event=hear)
    assert len(heard) == 1
    assert [reason for _, reason in told(world)].count("Received SUCCESS signal with UniqueId one") == 1
    assert world.clock.now() < begun.stack.created_at + 950
    assert world.there() == set()


def test_what_waits_can_be_cancelled_and_deleted_by_another_process():
    world = World()
    machines = Machines(world)
    operations = world.stacks.operations
    begun = operations.create(operations.new("demo", TEMPLATE))
    operations.carry_on(begun, machines, machines.halt)
    assert world.there()
    assert world.engine().delete("demo").status == "DELETE_COMPLETE"
    assert world.there() == set()


@pytest.mark.parametrize("wish", ["delete", "cancel"])
def test_what_begins_to_wait_only_after_it_was_asked_to_stop_does_not_wait(wish):
    world = World()

    def ask(event):
        if event.logical_id == "Web" and event.status == "CREATE_IN_PROGRESS" and not event.reason:
            world.store.ask(event.stack_id, wish)

    begun = world.stacks.operations.create(world.stacks.operations.new("demo", TEMPLATE))
    state = world.stacks.operations.carry_on(begun, ask)
    assert state.status.value == {"delete": "CREATE_IN_PROGRESS", "cancel": "ROLLBACK_COMPLETE"}[wish]
    assert world.clock.now() < begun.stack.created_at + 300
    assert world.stacks.delete("demo").status == "DELETE_COMPLETE"
    assert world.there() == set()


def test_nothing_waits_for_a_machine_any_more_when_something_else_has_failed():
    world = World(faults=[Fault(Trouble.JOB_FAILED, "associateIpAddress")])
    template = TEMPLATE.replace("    DependsOn: Web\n", "")
    begun = world.stacks.operations.create(world.stacks.operations.new("demo", template))
    state = world.stacks.operations.carry_on(begun)
    assert state.status.value == "ROLLBACK_COMPLETE"
    assert world.clock.now() < begun.stack.created_at + 300
    assert ("CREATE_FAILED", "Resource creation cancelled") in told(world)
    assert world.there() == set()


def test_what_was_said_to_a_machine_does_not_count_for_the_one_that_replaces_it():
    world = World()
    create(world, ("old", GOOD))
    with pytest.raises(OperationFailedError, match="Failed to receive 1 resource signal"):
        world.stacks.update("demo", None, {"Image": "Ubuntu 22.04"})
    assert world.known("demo") == world.there()
    heard = Machines(world, ("new", GOOD))
    assert world.stacks.update("demo", None, {"Image": "Ubuntu 22.04"}, on_event=heard).status == "UPDATE_COMPLETE"
    assert world.known("demo") == world.there()


def test_an_update_in_place_waits_for_nothing():
    world = World()
    create(world, ("i-1", GOOD))
    other = TEMPLATE.replace("Small", "Medium")
    assert world.stacks.update("demo", other).status == "UPDATE_COMPLETE"


@pytest.mark.parametrize("wrong", ["15 minutes", "PT", "P", "PT13H", "PT0S", "", "15"])
def test_a_time_that_is_none_is_told_at_its_line(wrong):
    world = World()
    with pytest.raises(TemplateError, match="ISO 8601"):
        world.stacks.create("demo", TEMPLATE.replace("PT15M", f'"{wrong}"'))
    assert world.there() == set()


@pytest.mark.parametrize(
    ("text", "seconds"), [("PT15M", 900), ("PT1H30M", 5400), ("PT5S", 5), ("P1DT1S", 86401), ("PT0.5S", 0.5)]
)
def test_a_duration_of_iso_8601(text, seconds):
    assert duration_s(text) == seconds


def test_a_policy_on_what_sends_no_signals_is_a_warning():
    world = World()
    template = TEMPLATE.replace("    DependsOn: Web", "    CreationPolicy: {ResourceSignal: {Count: 1}}")
    plan = world.stacks.plan("demo", Template.from_text(template))
    assert any("sends no signals" in item.message for item in plan.diagnostics)
