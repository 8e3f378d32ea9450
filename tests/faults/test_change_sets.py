"""Plans that are stored and executed later: they touch nothing until then, and are refused when they are stale."""

from __future__ import annotations

import json

import pytest
from fault_worlds import TEMPLATE

from cfnlib.errors import OperationFailedError, StackError, StackExistsError, StackNotFoundError, StalePlanError
from cfnlib.simulator import Fault


def test_a_change_set_changes_nothing_until_it_is_executed(world):
    world.stacks.create("demo", TEMPLATE)
    before = world.picture()
    stored = world.stacks.create_change_set("demo", "bigger", None, {"Size": "Medium Instance"})
    assert [(one["logical_id"], one["operation"]) for one in stored.summary] == [("Web", "update")]
    assert world.picture() == before
    assert world.engine().execute_change_set("demo", "bigger").status == "UPDATE_COMPLETE"
    assert world.picture() != before
    assert world.stacks.change_sets("demo") == []
    assert world.held() == world.known("demo")


def test_a_change_set_of_an_earlier_revision_is_refused(world):
    world.stacks.create("demo", TEMPLATE)
    world.stacks.create_change_set("demo", "bigger", None, {"Size": "Medium Instance"})
    world.stacks.update("demo", None, {"Ssh": "23"})
    before = world.picture()
    with pytest.raises(StalePlanError, match="make it anew"):
        world.stacks.execute_change_set("demo", "bigger")
    assert world.picture() == before
    world.stacks.delete_change_set("demo", "bigger")
    world.stacks.create_change_set("demo", "bigger", None, {"Size": "Medium Instance"})
    assert world.stacks.execute_change_set("demo", "bigger").status == "UPDATE_COMPLETE"


def test_a_change_set_whose_update_fails_leaves_what_was_before(world):
    world.stacks.create("demo", TEMPLATE)
    before = world.picture()
    world.stacks.create_change_set("demo", "bigger", None, {"Size": "Medium Instance"})
    world.fault(Fault("changeServiceForVirtualMachine", "error", times=1))
    with pytest.raises(OperationFailedError) as caught:
        world.stacks.execute_change_set("demo", "bigger")
    assert caught.value.status == "UPDATE_ROLLBACK_COMPLETE"
    assert world.picture() == before


def test_names_of_change_sets_are_taken_once_and_unknown_ones_are_errors(world):
    world.stacks.create("demo", TEMPLATE)
    world.stacks.create_change_set("demo", "one", None, {"Ssh": "23"})
    with pytest.raises(StackExistsError, match="one"):
        world.stacks.create_change_set("demo", "one", None, {"Ssh": "24"})
    with pytest.raises(StackNotFoundError, match="two"):
        world.stacks.execute_change_set("demo", "two")
    with pytest.raises(StackNotFoundError):
        world.stacks.create_change_set("other", "one", TEMPLATE)


def test_the_change_sets_of_a_stack_go_with_it(world):
    world.stacks.create("demo", TEMPLATE)
    world.stacks.create_change_set("demo", "one", None, {"Ssh": "23"})
    world.stacks.delete("demo")
    with pytest.raises(StackError):
        world.stacks.execute_change_set("demo", "one")
    assert world.held() == set()


def test_an_update_that_would_change_nothing_is_an_error_and_changes_nothing(world):
    world.stacks.create("demo", TEMPLATE)
    before = world.picture()
    with pytest.raises(StackError, match="No updates are to be performed"):
        world.stacks.update("demo", None, {"Ssh": "22"})
    assert world.picture() == before


SECRET = "correct-horse-battery"
WITH_SECRET = TEMPLATE.replace("Parameters:", "Parameters:\n  Password: {Type: String, NoEcho: true}").replace(
    "Tags: [{Key: role", "UserData: {'Fn::Base64': !Sub 'password=${Password}'}\n      Tags: [{Key: role"
)


def test_a_secret_is_in_no_plan_no_event_and_no_error(world):
    told = []
    secret = {"Password": SECRET}
    plan = world.stacks.plan("demo", WITH_SECRET, secret)
    world.stacks.create("demo", WITH_SECRET, secret, on_event=told.append)
    other = {"Password": SECRET[::-1]}
    change = world.stacks.plan("demo", None, other)
    stored = world.stacks.create_change_set("demo", "other", None, other)
    world.fault(Fault("startVirtualMachine", "job", text=f"cannot start with {SECRET[::-1]} and {SECRET}", times=1))
    with pytest.raises(OperationFailedError) as caught:
        world.stacks.update("demo", None, other, on_event=told.append)
    events = world.store.events(world.store.stack("demo").stack_id)
    seen = [json.dumps(plan.as_dict()), json.dumps(change.as_dict()), json.dumps(stored.summary), str(caught.value)]
    seen += [str(plan), str(change), *map(str, told), *map(str, events)]
    for text in seen:
        assert SECRET not in text
        assert SECRET[::-1] not in text
    assert "cannot start" in str(caught.value)


def test_a_secret_of_a_wrong_value_is_not_repeated_in_the_error(world):
    template = WITH_SECRET.replace("NoEcho: true}", "NoEcho: true, MinLength: 30}")
    with pytest.raises(Exception, match="Password") as caught:
        world.stacks.create("demo", template, {"Password": SECRET})
    assert SECRET not in str(caught.value)
    assert world.held() == set()
