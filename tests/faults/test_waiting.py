"""Wait conditions: what comes from inside the machines, or does not come."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from fault_worlds import IMAGE

from cfnlib.errors import CfnlibError, OperationFailedError, StackNotFoundError

TEMPLATE = f"""
Parameters:
  Count: {{Type: Number, Default: 1}}
  Patience: {{Type: Number, Default: 20}}
Resources:
  Ready: {{Type: AWS::CloudFormation::WaitConditionHandle}}
  Web:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: {IMAGE}
      InstanceType: Small Instance
      UserData: !Base64 {{Ref: Ready}}
  Wait:
    Type: AWS::CloudFormation::WaitCondition
    DependsOn: Web
    Properties: {{Handle: !Ref Ready, Timeout: !Ref Patience, Count: !Ref Count}}
  After: {{Type: CloudStack::SSHKeyPair, DependsOn: Wait}}
Outputs:
  Said: {{Value: !GetAtt Wait.Data}}
"""


class Creation:
    """A creation in a thread, and what machines say to it."""

    def __init__(self, world, pool, **parameters: object) -> None:
        self._world = world
        waiting = Event()

        def tell(event) -> None:
            if event.logical_id == "Wait":
                waiting.set()

        self._future = pool.submit(world.engine().create, "demo", TEMPLATE, parameters, on_event=tell)
        assert waiting.wait(10)

    def says(self, unique_id, status="SUCCESS", **more: object):
        """Send a word to the handle."""
        self._world.stacks.signal("demo", "Ready", unique_id=unique_id, status=status, **more)

    def end(self):
        """What the creation ended with: the stack, or the error."""
        try:
            return self._future.result(30)
        except CfnlibError as error:
            return error


@pytest.fixture
def creation(world):
    with ThreadPoolExecutor(1) as pool:
        yield lambda **parameters: Creation(world, pool, **parameters)


def test_what_comes_after_waits_for_the_word_of_the_machine(world, creation):
    making = creation()
    assert world.things("keypair") == []
    making.says("web-1", data="all well")
    stack = making.end()
    assert stack.status == "CREATE_COMPLETE"
    assert json.loads(stack.outputs["Said"]) == {"web-1": "all well"}
    assert len(world.things("keypair")) == 1
    assert world.held() == world.known("demo")


def test_as_many_different_machines_as_are_counted_must_have_spoken(world, creation):
    making = creation(Count="3")
    for unique_id in ("one", "two", "two", "one"):
        making.says(unique_id)
    assert world.things("keypair") == []
    making.says("three")
    stack = making.end()
    assert set(json.loads(stack.outputs["Said"])) == {"one", "two", "three"}


def test_one_failure_takes_the_stack_back(world, creation):
    making = creation(Count="3")
    making.says("one")
    making.says("two", "FAILURE", reason="the disk is full")
    error = making.end()
    assert isinstance(error, OperationFailedError)
    assert error.status == "ROLLBACK_COMPLETE"
    assert "the disk is full" in error.reason
    assert world.held() == set()


@pytest.mark.parametrize(("count", "come"), [("1", 0), ("3", 2)])
def test_when_too_few_come_in_time_the_stack_goes_back(world, creation, count, come):
    making = creation(Count=count, Patience="1")
    for number in range(come):
        making.says(f"machine-{number}")
    error = making.end()
    assert error.status == "ROLLBACK_COMPLETE"
    assert f"{come} of {count} signals came within 1 s" in error.reason
    assert world.held() == set()


def test_a_word_to_a_handle_that_there_is_not_is_an_error(world, creation):
    making = creation()
    with pytest.raises(StackNotFoundError, match="no wait condition handle Raedy"):
        world.stacks.signal("demo", "Raedy", unique_id="x")
    making.says("x")
    assert making.end().status == "CREATE_COMPLETE"


def test_what_was_said_once_is_kept_by_an_update(world, creation):
    making = creation(Count="2")
    making.says("one")
    making.says("two")
    making.end()
    assert world.stacks.update("demo", None, {"Patience": "30"}).status == "UPDATE_COMPLETE"
    assert json.loads(world.stacks["demo"].outputs["Said"]).keys() == {"one", "two"}


def test_a_creation_that_waits_can_be_cancelled_and_deleted(world, creation):
    making = creation(Patience="600")
    world.engine().cancel("demo")
    assert making.end().status == "ROLLBACK_COMPLETE"
    assert world.held() == set()
    world.stacks.delete("demo")
