"""Names, rules and addresses that a stranger has: an error that names them, and the stranger is left alone."""

from __future__ import annotations

from contextlib import suppress

import pytest
from attrs import evolve
from fault_worlds import IMAGE

from cfnlib.errors import OperationFailedError

NAMED = f"""
Resources:
  Net: {{Type: CloudStack::Network}}
  Web:
    Type: CloudStack::VirtualMachine
    Properties:
      name: the-web
      zoneid: Sandbox
      templateid: {IMAGE}
      serviceofferingid: Small Instance
      networkids: [!Ref Net]
"""
GROUP = f"""
Parameters:
  Size: {{Type: Number, Default: 3}}
Resources:
  Like:
    Type: AWS::AutoScaling::LaunchConfiguration
    Properties: {{ImageId: {IMAGE}, InstanceType: Small Instance}}
  Nodes:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties: {{LaunchConfigurationName: !Ref Like, MinSize: !Ref Size, MaxSize: 9}}
"""
KEY = "Resources: {Key: {Type: AWS::EC2::KeyPair, Properties: {KeyName: mine}}}\n"


class Killed(BaseException):
    """Stands for kill -9."""


def killed_at(world, command, *, late):
    """Stacks whose process dies at the first call of a command, before it is made or after it was answered."""
    stacks = world.engine(settings=evolve(world.settings, inline=True))
    submit = stacks.driver.submit

    def dying(call, until=None) -> object:
        if call.command == command and not late:
            raise Killed
        answer = submit(call, until)
        if call.command == command:
            raise Killed
        return answer

    stacks.driver.submit = dying
    return stacks


def by_id(world, machine_id):
    (found,) = [one for one in world.things("virtualmachine") if one["id"] == machine_id]
    return found


@pytest.mark.parametrize(("template", "name"), [(NAMED, "the-web"), (GROUP, "demo-nodes-2")])
def test_a_machine_of_a_stranger_is_left_alone_and_named(world, template, name):
    stranger = world.stranger(name)
    before = by_id(world, stranger)
    there = world.held()
    with pytest.raises(OperationFailedError) as caught:
        world.stacks.create("demo", template)
    assert caught.value.status == "ROLLBACK_COMPLETE"
    assert name in caught.value.reason
    assert stranger in caught.value.reason
    assert world.held() == there
    assert by_id(world, stranger) == before
    world.stacks.delete("demo")
    assert world.held() == there


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("verb", ["resume", "delete"])
def test_a_stranger_is_left_alone_after_a_kill_too(world, late, verb):
    stranger = world.stranger("demo-nodes-2")
    there = world.held()
    stacks = killed_at(world, "createNetwork", late=late)
    _die(stacks, GROUP)
    _carry_on(world, verb)
    assert world.held() == there
    assert by_id(world, stranger)["state"] == "Running"


@pytest.mark.parametrize("verb", ["resume", "delete"])
def test_a_stranger_who_takes_the_name_while_the_process_is_dead_is_left_alone(world, verb):
    """The intent was written and the call never made: a machine of that name is then somebody else's."""
    _die(killed_at(world, "deployVirtualMachine", late=False), NAMED)
    own = world.held()
    stranger = world.stranger("the-web")
    theirs = world.held() - own
    _carry_on(world, verb)
    assert by_id(world, stranger)["state"] == "Running"
    assert theirs <= world.held() == theirs | world.known(_stack_id(world))
    if verb == "delete":
        assert world.held() == theirs


def test_a_key_pair_of_a_stranger_is_left_alone(world):
    world.stacks.create("other", KEY)
    there = world.picture()
    with pytest.raises(OperationFailedError, match="mine"):
        world.stacks.create("demo", KEY)
    world.stacks.delete("demo")
    assert world.picture() == there


def test_a_rule_that_a_stranger_has_on_the_address_is_left_alone(world):
    first = """
Resources:
  Net: {Type: CloudStack::Network}
  Address: {Type: CloudStack::IpAddress, Properties: {networkid: !Ref Net}}
  Open:
    Type: CloudStack::FirewallRule
    Properties: {ipaddressid: !Ref Address, protocol: tcp, startport: 80, endport: 80, cidrlist: [0.0.0.0/0]}
Outputs: {Address: {Value: !Ref Address}}
"""
    address = world.stacks.create("first", first).outputs["Address"]
    second = f"""
Resources:
  Open:
    Type: CloudStack::FirewallRule
    Properties: {{ipaddressid: {address}, protocol: tcp, startport: 80, endport: 80, cidrlist: [0.0.0.0/0]}}
"""
    there = world.picture()
    with pytest.raises(OperationFailedError):
        world.stacks.create("second", second)
    world.stacks.delete("second")
    assert world.picture() == there
    assert world.known("first") == world.held()


def test_a_member_made_by_hand_stops_only_the_update_that_would_meet_it(world):
    world.stacks.create("demo", GROUP)
    stranger = world.stranger("demo-nodes-5")
    there = world.held()
    with pytest.raises(OperationFailedError, match=stranger) as caught:
        world.stacks.update("demo", None, {"Size": "5"})
    assert caught.value.status == "UPDATE_ROLLBACK_COMPLETE"
    assert world.held() == there
    assert world.stacks.update("demo", None, {"Size": "4"}).status == "UPDATE_COMPLETE"


def _die(stacks, template) -> None:
    with pytest.raises(Killed):
        stacks.create("demo", template)


def _carry_on(world, verb) -> None:
    with suppress(OperationFailedError):
        getattr(world.engine(), verb)("demo")
    assert not world.store.stacks(deleted=True)[-1].status.in_progress


def _stack_id(world) -> str:
    return world.store.stacks(deleted=True)[-1].stack_id


def test_a_thing_with_a_name_of_its_own_that_needs_replacement_asks_for_another_name(world):
    world.stacks.create("demo", NAMED)
    before = world.picture()
    other = NAMED.replace(IMAGE, "Ubuntu 22.04 (Simulator)")
    with pytest.raises(OperationFailedError, match=r"the one that it shall replace.*give another name") as caught:
        world.stacks.update("demo", other)
    assert caught.value.status == "UPDATE_ROLLBACK_COMPLETE"
    assert world.picture() == before
    world.stacks.update("demo", other.replace("the-web", "the-new-web"))
    assert set(world.machines()) == {"the-new-web"}
    assert world.held() == world.known("demo")
