"""What a stack policy allows an update to do, as AWS's guide tells it."""

from __future__ import annotations

import json

import pytest
from worlds import World

from cfnlib.errors import OperationFailedError, StackError
from cfnlib.plan.policy import StackPolicy

ALLOW_ALL = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}
ACTIONS = ("Update:Modify", "Update:Replace", "Update:Delete")


def policy(*statements, **only):
    given = [{"Principal": "*", **one} for one in statements or (only,)]
    return StackPolicy.read(json.dumps({"Statement": given}))


def allowed(found, logical_id="Web", type_name="AWS::EC2::Instance"):
    return [action for action in ACTIONS if found.refusal(action, logical_id, type_name) is None]


def test_what_is_not_allowed_is_denied():
    assert allowed(policy(Effect="Allow", Action="Update:Modify", Resource="*")) == ["Update:Modify"]
    assert allowed(StackPolicy(())) == []


def test_a_denial_weighs_more_than_any_permission():
    found = policy(ALLOW_ALL, {"Effect": "Deny", "Action": "Update:Replace", "Resource": "LogicalResourceId/Web"})
    assert allowed(found) == ["Update:Modify", "Update:Delete"]
    assert allowed(found, "Database") == list(ACTIONS)


@pytest.mark.parametrize(
    ("pattern", "meant", "others"),
    [
        ("LogicalResourceId/Web", ["Web"], ["Web2", "web", "MyWeb"]),
        ("LogicalResourceId/Web*", ["Web", "Web2"], ["MyWeb"]),
        ("LogicalResourceId/?eb", ["Web"], ["eb", "Web2"]),
        ("*", ["Web", "MyWeb"], []),
    ],
)
def test_a_resource_is_named_by_a_pattern(pattern, meant, others):
    found = policy(Effect="Allow", Action=["Update:*"], Resource=[pattern])
    opposite = policy(Effect="Allow", Action=["Update:*"], NotResource=pattern)
    assert all(allowed(found, name) and not allowed(opposite, name) for name in meant)
    assert all(allowed(opposite, name) and not allowed(found, name) for name in others)


def test_not_action_is_everything_else():
    found = policy(ALLOW_ALL, {"Effect": "Deny", "NotAction": "Update:Modify", "Resource": "*"})
    assert allowed(found) == ["Update:Modify"]


@pytest.mark.parametrize(
    ("test", "types", "denied"),
    [
        ("StringEquals", "AWS::EC2::Instance", True),
        ("StringEquals", ["AWS::EC2::Volume", "AWS::EC2::Instance"], True),
        ("StringEquals", "AWS::EC2::*", False),
        ("StringLike", "AWS::EC2::*", True),
        ("StringLike", ["AWS::RDS::*"], False),
    ],
)
def test_a_condition_is_about_the_type(test, types, denied):
    no = {"Effect": "Deny", "Action": "Update:*", "Resource": "*", "Condition": {test: {"ResourceType": types}}}
    assert allowed(policy(ALLOW_ALL, no)) == ([] if denied else list(ACTIONS))


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ({"Effect": "Permit", "Action": "*", "Resource": "*"}, "Effect"),
        ({"Effect": "Allow", "Resource": "*"}, "Action or NotAction"),
        ({"Effect": "Allow", "Action": "*", "NotAction": "*", "Resource": "*"}, "not both"),
        ({"Effect": "Allow", "Action": "Update:Everything", "Resource": "*"}, "no action"),
        ({"Effect": "Allow", "Action": "*", "Resource": "Web"}, "LogicalResourceId"),
        ({"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "me"}, "Principal"),
        ({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {}}}, "Condition"),
        ({"Effect": "Allow", "Action": 3, "Resource": "*"}, "Action"),
    ],
)
def test_what_is_no_policy_is_refused_with_the_reason(statement, says):
    with pytest.raises(StackError, match=says):
        policy(statement)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"Statement": 3}', '{"Statement": ["x"]}'])
def test_a_text_that_has_no_statements_is_refused(text):
    with pytest.raises(StackError, match="Invalid stack policy"):
        StackPolicy.read(text)


def template(display, machines=2, image="Debian 12"):
    machine = {"zoneid": "Sandbox", "templateid": image, "serviceofferingid": "Small Instance"}
    net = {"networkofferingid": "Isolated", "displaytext": display}
    found = {"Net": {"Type": "CloudStack::Network", "Properties": net}}
    for number in range(machines):
        given = {**machine, "networkids": [{"Ref": "Net"}]}
        found[f"Web{number}"] = {"Type": "CloudStack::VirtualMachine", "Properties": given}
    return json.dumps({"Resources": found})


def text(*statements):
    return json.dumps({"Statement": [{"Principal": "*", **one} for one in statements]})


GUARDED = text(ALLOW_ALL, {"Effect": "Deny", "Action": "Update:*", "Resource": "LogicalResourceId/Net"})


@pytest.fixture
def world():
    found = World()
    found.stacks.create("demo", template("one"))
    found.store.set_policy(found.store.stack("demo").stack_id, GUARDED)
    return found


def test_an_update_that_the_policy_denies_something_touches_nothing_and_is_rolled_back(world):
    before, calls = world.there(), world.cloud.calls.total()
    with pytest.raises(OperationFailedError, match="Action denied by stack policy") as caught:
        world.stacks.update("demo", template("two", machines=3))
    assert caught.value.status == "UPDATE_ROLLBACK_COMPLETE"
    assert (world.there(), world.cloud.calls.total()) == (before, calls)
    state = world.store.stack("demo")
    assert state.template == template("one")
    failed = [event for event in world.store.events(state.stack_id) if event.status == "UPDATE_FAILED"]
    assert [event.logical_id for event in failed] == ["Net"]
    assert "[#1] denies [Update:Modify] for resource [LogicalResourceId/Net]" in failed[0].reason


def test_what_the_policy_allows_is_done_and_what_is_new_needs_no_permission(world):
    assert world.stacks.update("demo", template("one", machines=3)).status == "UPDATE_COMPLETE"
    assert len(world.there()) == 4
    assert world.stacks.update("demo", template("one", machines=1)).status == "UPDATE_COMPLETE"
    assert len(world.there()) == 2


def test_another_policy_may_stand_in_during_one_update(world):
    assert world.stacks.update("demo", template("two"), policy=text(ALLOW_ALL)).status == "UPDATE_COMPLETE"
    with pytest.raises(OperationFailedError):
        world.stacks.update("demo", template("three"))
    assert world.store.stack("demo").policy == GUARDED


def test_a_removal_and_a_replacement_have_names_of_their_own(world):
    state = world.store.stack("demo")
    no_loss = {"Effect": "Deny", "Action": ["Update:Delete", "Update:Replace"], "Resource": "*"}
    world.store.set_policy(state.stack_id, text(ALLOW_ALL, no_loss))
    for wanted, verb in ((template("one", machines=1), "Delete"), (template("one", image="Ubuntu 22.04"), "Replace")):
        with pytest.raises(OperationFailedError, match=rf"\[Update:{verb}\]"):
            world.stacks.update("demo", wanted)
    assert world.stacks.update("demo", template("two")).status == "UPDATE_COMPLETE"


def test_a_change_set_keeps_to_the_policy(world):
    world.stacks.create_change_set("demo", "change", template("two"))
    with pytest.raises(OperationFailedError, match="denied by stack policy"):
        world.stacks.execute_change_set("demo", "change")


def test_a_stack_with_a_policy_can_be_deleted(world):
    assert world.stacks.delete("demo").status == "DELETE_COMPLETE"
    assert world.there() == set()


@pytest.mark.parametrize("opening", ["[", '{"Statement":', '{"Statement":[{"Effect":'])
def test_a_policy_without_a_bottom_is_told_of(opening):
    with pytest.raises(StackError, match=r"Error validating stack policy: .*nested too deeply"):
        StackPolicy.read(opening * 200_000)
