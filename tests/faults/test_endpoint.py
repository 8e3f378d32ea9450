"""An endpoint that refuses, hangs, resets, or sends no answer of CloudStack: nothing leaked, nothing made twice."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from fault_worlds import TEMPLATE, World, cloud

from cfnlib.errors import AuthenticationError, CloudError, OperationFailedError, StackNotFoundError
from cfnlib.simulator import Fault, Simulator

BROKEN = ("reset", "html", "truncate", "drop_answer", "hang")
CREATING = (
    "registerSSHKeyPair",
    "createSSHKeyPair",
    "createNetwork",
    "deployVirtualMachine",
    "createTags",
    "associateIpAddress",
    "enableStaticNat",
    "createFirewallRule",
    "createEgressFirewallRule",
    "createVolume",
    "attachVolume",
)
REMOVING = (
    "deleteSSHKeyPair",
    "deleteNetwork",
    "destroyVirtualMachine",
    "disassociateIpAddress",
    "deleteFirewallRule",
    "deleteEgressFirewallRule",
    "detachVolume",
    "deleteVolume",
)
ASKING = ("listAsyncJobs", "queryAsyncJobResult", "listVirtualMachines", "listPublicIpAddresses", "listVolumes")


def broken(kind, command, **when: object):
    """A call whose answer does not come, or is no answer; one that hangs is given up after a second."""
    return Fault(command, kind, hang_s=1.5, **when)


def test_wrong_keys_are_an_error_that_says_so_and_leave_no_stack(world):
    for wrong in ({"secret": "wrong"}, {"key": "wrong"}):
        stacks = world.engine(**wrong)
        with pytest.raises(AuthenticationError, match="check the key, the secret"):
            stacks.create("demo", TEMPLATE)
        with pytest.raises(StackNotFoundError):
            world.store.stack("demo")
    assert world.held() == set()


def test_the_secret_is_in_no_error(world):
    with pytest.raises(AuthenticationError) as caught:
        world.engine(key="wrong").create("demo", TEMPLATE)
    assert world.config["secret"] not in str(caught.value)


def test_wrong_keys_change_nothing_about_a_stack_that_is_there(world):
    world.stacks.create("demo", TEMPLATE)
    there = world.picture()
    wrong = world.engine(secret="wrong")
    for operation in (wrong.delete, wrong.update, wrong.continue_rollback):
        with pytest.raises(AuthenticationError):
            operation("demo")
        assert world.stacks["demo"].status == "CREATE_COMPLETE"
    assert world.picture() == there


@pytest.mark.parametrize("kind", ["reset", "html", "truncate"])
def test_no_key_and_no_signature_is_in_the_log_while_questions_are_repeated(world, kind, caplog, capfd):
    world.fault(broken(kind, "list*", every=2, status=503))
    caplog.set_level("INFO")
    world.engine(retry=3).create("demo", TEMPLATE)
    seen = caplog.text + "".join(capfd.readouterr())
    assert "signature" not in seen
    assert world.config["key"] not in seen


def test_a_signature_that_has_expired_names_the_clock():
    with Simulator(clock=lambda: time.time() + 7200, seed=1) as simulator:
        late = World(simulator)
        with pytest.raises(AuthenticationError, match="clock"):
            late.stacks.create("demo", TEMPLATE)
        assert late.held() == set()


def test_keys_that_are_withdrawn_half_way_leave_a_stack_that_can_be_deleted_with_good_ones(world):
    world.fault(Fault("associateIpAddress", "error", errorcode=401, text="unable to verify user credentials"))
    with pytest.raises(OperationFailedError, match="verify user credentials"):
        world.stacks.create("demo", TEMPLATE)
    assert world.held() == world.known("demo") == set()


def test_an_endpoint_where_nobody_listens_is_told_by_its_url(world):
    stacks = world.engine(endpoint="http://127.0.0.1:9/client/api")
    with pytest.raises(CloudError, match=r"cannot reach CloudStack at http://127.0.0.1:9/"):
        stacks.create("demo", TEMPLATE)
    assert world.held() == set()


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("command", ["listZones", "listTemplates", "listServiceOfferings", "listNetworkOfferings"])
def test_a_look_up_that_is_never_answered_is_an_error_before_anything_is_made(world, kind, command):
    world.fault(broken(kind, command))
    with pytest.raises(CloudError, match=command):
        world.engine(timeout_s=1, retry=0).create("demo", TEMPLATE)
    assert world.held() == set()
    with pytest.raises(StackNotFoundError):
        world.store.stack("demo")


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_answer_to_the_first_call_of_each_command_makes_nothing_twice(world, kind):
    world.fault(*(broken(kind, command, nth=1) for command in CREATING))
    world.engine(timeout_s=1).create("demo", TEMPLATE)
    assert world.held() == world.known("demo")
    assert sorted(len(world.things(one)) for one in ("virtualmachine", "network", "keypair")) == [1, 1, 1]


@pytest.mark.parametrize("kind", ["reset", "html", "truncate", "drop_answer"])
@pytest.mark.parametrize("command", CREATING)
def test_a_call_that_is_never_answered_leaves_nothing(world, kind, command):
    world.fault(broken(kind, command))
    with suppress(OperationFailedError):  # a call that has its effect is found, though its answer never comes
        world.stacks.create("demo", TEMPLATE)
    stack = world.stacks["demo"]
    if stack.status == "CREATE_COMPLETE":
        assert world.held() == world.known("demo")
    else:
        assert stack.status == "ROLLBACK_COMPLETE"
        assert command in world.store.stack("demo").reason
        assert world.held() == set()


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_answer_to_the_first_call_of_each_removal_leaves_nothing(world, kind):
    world.stacks.create("demo", TEMPLATE)
    world.fault(*(broken(kind, command, nth=1) for command in REMOVING))
    assert world.engine(timeout_s=1).delete("demo").status == "DELETE_COMPLETE"
    assert world.held() == set()


@pytest.mark.parametrize("kind", ["reset", "html", "truncate", "drop_answer"])
@pytest.mark.parametrize("command", ["destroyVirtualMachine", "deleteNetwork", "disassociateIpAddress"])
def test_a_removal_that_is_never_answered_fails_and_can_be_tried_again(world, kind, command):
    stack_id = world.stacks.create("demo", TEMPLATE).stack_id
    world.fault(broken(kind, command))
    with suppress(OperationFailedError):  # as above
        world.stacks.delete("demo")
    state = world.store.stack(stack_id)
    assert state.status.value == "DELETE_COMPLETE" or command in state.reason
    assert world.held() == world.known(stack_id)
    world.mend()
    assert world.stacks.delete(stack_id).status == "DELETE_COMPLETE"
    assert world.held() == set()


@pytest.mark.parametrize("kind", BROKEN)
def test_questions_that_break_now_and_then_change_nothing(world, kind):
    world.fault(*(broken(kind, command, every=2, times=1 if kind == "hang" else None) for command in ASKING))
    stacks = world.engine(timeout_s=1, retry=4)  # several ask at once, so one may meet the fault more than once
    stacks.create("demo", TEMPLATE)
    assert world.held() == world.known("demo")
    assert stacks.delete("demo").status == "DELETE_COMPLETE"
    assert world.held() == set()


@pytest.mark.parametrize("kind", ["reset", "html"])
def test_while_no_poll_is_answered_nothing_is_lost(world, kind):
    world.fault(broken(kind, "listAsyncJobs", times=20), broken(kind, "queryAsyncJobResult", times=20))
    world.stacks.create("demo", TEMPLATE)
    assert world.held() == world.known("demo")


def test_a_cloud_that_goes_away_half_way_leaves_a_stack_that_says_so():
    with cloud() as world:
        world.fault(Fault("*", "html", status=502), Fault("*", "reset"))
        with pytest.raises(CloudError, match="502"):
            world.stacks.create("demo", TEMPLATE)
        world.mend()
        assert world.held() == set()
