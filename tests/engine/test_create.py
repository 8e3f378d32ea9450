"""A template becomes things on the cloud, or nothing remains of it."""

from __future__ import annotations

import pytest
from worlds import World

from cfnlib.drivers.memory_faults import Fault, Trouble
from cfnlib.errors import OperationFailedError, StackExistsError, TemplateError

TEMPLATE = """
Parameters:
  Size: {Type: Number, Default: 2}
Resources:
  Net:
    Type: CloudStack::Network
    Properties: {networkofferingid: Isolated, displaytext: a net}
  Web:
    Type: CloudStack::VirtualMachine
    Properties:
      zoneid: Sandbox
      templateid: Debian 12
      serviceofferingid: Small Instance
      networkids: [!Ref Net]
  Address:
    Type: CloudStack::IpAddress
    Properties: {networkid: !Ref Net}
  Open:
    Type: CloudStack::FirewallRule
    Properties: {ipaddressid: !Ref Address, protocol: tcp, startport: 80, endport: 80, cidrlist: [0.0.0.0/0]}
Outputs:
  Machine: {Value: !Ref Web}
"""


def test_what_a_template_describes_is_there_when_create_returns():
    world = World()
    stack = world.stacks.create("demo", TEMPLATE)
    assert stack.status == "CREATE_COMPLETE"
    assert world.known("demo") == world.there()
    assert len(world.there()) == 4
    assert stack.outputs["Machine"] in world.there()


def test_a_second_stack_of_the_same_name_is_refused():
    world = World()
    world.stacks.create("demo", TEMPLATE)
    with pytest.raises(StackExistsError, match="demo"):
        world.stacks.create("demo", TEMPLATE)
    assert len(world.there()) == 4


def test_a_wrong_template_touches_nothing_and_names_every_fault():
    world = World()
    wrong = TEMPLATE.replace("Debian 12", "Debain 12").replace("!Ref Address", "!Ref Adress")
    with pytest.raises(TemplateError) as caught:
        world.stacks.create("demo", wrong)
    assert world.there() == set()
    assert world.cloud.calls.total() == 0
    assert "Adress" in str(caught.value)


@pytest.mark.parametrize("trouble", [Trouble.REFUSED, Trouble.JOB_FAILED])
@pytest.mark.parametrize(
    "command", ["createNetwork", "deployVirtualMachine", "associateIpAddress", "createFirewallRule"]
)
def test_a_failure_anywhere_leaves_nothing_behind(trouble, command):
    if trouble is Trouble.JOB_FAILED and command == "createNetwork":
        pytest.skip("createNetwork has no job")
    world = World(faults=[Fault(trouble, command)])
    with pytest.raises(OperationFailedError) as caught:
        world.stacks.create("demo", TEMPLATE)
    assert caught.value.status == "ROLLBACK_COMPLETE"
    assert world.there() == set()


@pytest.mark.parametrize("trouble", [Trouble.CALL_LOST, Trouble.ANSWER_LOST])
@pytest.mark.parametrize(
    "command", ["createNetwork", "deployVirtualMachine", "associateIpAddress", "createFirewallRule"]
)
def test_a_lost_call_or_answer_makes_nothing_twice(trouble, command):
    world = World(faults=[Fault(trouble, command, nth=frozenset({1}))])
    stack = world.stacks.create("demo", TEMPLATE)
    assert stack.status == "CREATE_COMPLETE"
    assert world.known("demo") == world.there()
    assert len(world.there()) == 4


def test_deleting_leaves_nothing():
    world = World()
    world.stacks.create("demo", TEMPLATE)
    stack = world.stacks.delete("demo")
    assert stack.status == "DELETE_COMPLETE"
    assert world.there() == set()


def test_do_nothing_keeps_what_was_made():
    world = World(faults=[Fault(Trouble.JOB_FAILED, "createFirewallRule")])
    with pytest.raises(OperationFailedError) as caught:
        world.stacks.create("demo", TEMPLATE, on_failure="DO_NOTHING")
    assert caught.value.status == "CREATE_FAILED"
    assert len(world.there()) >= 3
    world.stacks.delete("demo")
    assert world.there() == set()


class Killed(BaseException):
    """Stands for kill -9."""


def killed_at(number):
    left = [number]

    def strike(_call):
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    return strike


def test_the_same_create_again_carries_on_what_a_killed_process_began():
    world = World()
    with pytest.raises(Killed):
        world.engine(after=killed_at(2)).create("demo", TEMPLATE)
    stack = world.stacks.create("demo", TEMPLATE)
    assert stack.status == "CREATE_COMPLETE"
    assert world.known("demo") == world.there()
    assert len(world.there()) == 4


def test_another_create_of_the_name_ends_what_was_begun_and_is_refused():
    world = World()
    with pytest.raises(Killed):
        world.engine(after=killed_at(2)).create("demo", TEMPLATE)
    with pytest.raises(StackExistsError, match="CREATE_COMPLETE"):
        world.stacks.create("demo", TEMPLATE, {"Size": "3"})
    assert world.known("demo") == world.there()


def test_an_update_first_ends_what_a_killed_process_began():
    world = World()
    with pytest.raises(Killed):
        world.engine(before=killed_at(3)).create("demo", TEMPLATE)
    stack = world.stacks.update("demo", TEMPLATE.replace("a net", "another net"))
    assert stack.status == "UPDATE_COMPLETE"
    assert world.known("demo") == world.there()
