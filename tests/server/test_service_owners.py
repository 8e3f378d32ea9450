"""Who sees and changes whose stacks: several accounts, domains and administrators on one service."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from service_world import QUICK, refused

OWNERS = ("admin", "ann", "ben", "cat", "don")
"""ann and ben are users beside each other, cat is a user in a domain of which don is the administrator."""

SEES = {
    "admin": set(OWNERS),
    "ann": {"ann"},
    "twin": {"ann"},
    "ben": {"ben"},
    "cat": {"cat"},
    "don": {"cat", "don"},
}
"""Whose stacks exist for whom; twin is another user in ann's account."""

POLICY = json.dumps({"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]})
CALLS = {
    "describe_stacks": {},
    "describe_stack_events": {},
    "describe_stack_resource": {"LogicalResourceId": "Key"},
    "describe_stack_resources": {},
    "list_stack_resources": {},
    "get_template": {},
    "get_template_summary": {},
    "get_stack_policy": {},
    "list_change_sets": {},
    "set_stack_policy": {"StackPolicyBody": POLICY},
    "signal_resource": {"LogicalResourceId": "Key", "UniqueId": "x", "Status": "SUCCESS"},
    "update_stack": {"TemplateBody": QUICK},
    "update_termination_protection": {"EnableTerminationProtection": False},
    "cancel_update_stack": {},
    "continue_update_rollback": {},
    "create_change_set": {"ChangeSetName": "cs", "TemplateBody": QUICK},
    "describe_change_set": {"ChangeSetName": "cs"},
    "execute_change_set": {"ChangeSetName": "cs"},
    "delete_change_set": {"ChangeSetName": "cs"},
    "delete_stack": {},
}
"""Every operation that names a stack, with what else it needs."""


@pytest.fixture(scope="module")
def owned(place):
    """The ids of a stack `mine` of each owner."""
    below = place.domain("below")
    place.person("ann")
    place.person("twin", account="ann")
    place.person("ben")
    place.person("cat", below)
    place.person("don", below, kind=2)
    return {name: place.made("mine", name=name) for name in OWNERS}


def outcome(client, operation, **given):
    """The error, without what differs from one stack to another, or None."""
    try:
        getattr(client, operation)(**given)
    except ClientError as error:
        found = error.response["Error"]
        return error.response["ResponseMetadata"]["HTTPStatusCode"], found["Code"], found["Message"]
    return None


def test_every_account_lists_its_own_stacks_and_no_others(place, owned):
    for name in SEES:
        client = place.client(name)
        owner = "ann" if name == "twin" else name
        assert [stack["StackId"] for stack in client.describe_stacks()["Stacks"]] == [owned[owner]]
        assert [one["StackId"] for one in client.list_stacks()["StackSummaries"]] == [owned[owner]]


def test_the_same_name_in_another_account_is_another_stack(place, owned):
    for name in OWNERS:
        [stack] = place.client(name).describe_stacks(StackName="mine")["Stacks"]
        assert stack["StackId"] == owned[name]
    assert len(set(owned.values())) == len(OWNERS)


def test_what_a_stack_makes_is_in_its_owners_account(place, owned):
    for name in OWNERS:
        found = place.cloud.listSSHKeyPairs(listall=True, name="mine-key")["sshkeypair"]
        assert sorted(one["account"] for one in found) == sorted(OWNERS)
        assert owned[name].split(":")[4] != "000000000000"


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_to_those_who_may_not_see_it_a_stack_is_as_one_that_is_not_there(place, owned, data):
    name = data.draw(st.sampled_from(sorted(SEES)), "who")
    owner = data.draw(st.sampled_from([one for one in OWNERS if one not in SEES[name]] or ["nobody"]), "whose")
    operation = data.draw(st.sampled_from(sorted(CALLS)), "what")
    if owner == "nobody":
        return
    client = place.client(name)
    absent = owned[owner][:-12] + "0123456789ab"
    theirs = outcome(client, operation, StackName=owned[owner], **CALLS[operation])
    nothing = outcome(client, operation, StackName=absent, **CALLS[operation])
    assert theirs is not None
    assert nothing is not None
    assert theirs == (nothing[0], nothing[1], nothing[2].replace(absent, owned[owner]))
    assert place.service.store.stack(owned[owner]).status.value == "CREATE_COMPLETE"


def test_administrators_see_the_stacks_of_theirs_by_id(place, owned):
    for name, seen in SEES.items():
        for owner in seen:
            [stack] = place.client(name).describe_stacks(StackName=owned[owner])["Stacks"]
            assert stack["StackId"] == owned[owner]


def test_what_an_administrator_does_to_a_stack_is_done_with_its_owners_keys(place):
    stack_id = place.made("helped", name="cat")
    for name in ("don", "admin"):
        given = {"ParameterKey": "Name", "ParameterValue": f"by-{name}"}
        place.client(name).update_stack(StackName=stack_id, UsePreviousTemplate=True, Parameters=[given])
        place.until(stack_id, "UPDATE_COMPLETE", "cat")
        [pair] = place.cloud.listSSHKeyPairs(listall=True, name=f"helped-by-{name}")["sshkeypair"]
        assert pair["account"] == "cat"
    place.client("admin").delete_stack(StackName=stack_id)
    place.until(stack_id, "DELETE_COMPLETE", "cat")
    assert place.cloud.listSSHKeyPairs(listall=True, keyword="helped") == {}


def test_two_users_of_an_account_share_its_stacks(place):
    stack_id = place.made("shared", name="ann")
    place.removed(stack_id, "twin")
    assert place.client("ann").describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.usefixtures("owned")
def test_a_change_set_of_others_is_not_there_by_its_id_either(place):
    other = QUICK.replace("${AWS::StackName}-${Name}", "${AWS::StackName}-x")
    made = place.client("ann").create_change_set(StackName="mine", ChangeSetName="private", TemplateBody=other)
    absent = made["Id"][:-12] + "0123456789ab"
    for operation in ("describe_change_set", "execute_change_set", "delete_change_set"):
        code, text = refused(getattr(place.client("ben"), operation), ChangeSetName=made["Id"])
        assert (code, text.replace(made["Id"], absent)) == refused(
            getattr(place.client("ben"), operation), ChangeSetName=absent
        )
    assert place.client("ann").describe_change_set(ChangeSetName=made["Id"])["Status"] == "CREATE_COMPLETE"


def test_a_token_of_a_list_is_good_in_its_account_only(place, monkeypatch):
    monkeypatch.setattr("cfnlib.server.actions.looking.STACKS_PAGE", 1)
    place.made("second", name="ann")
    token = place.client("ann").describe_stacks()["NextToken"]
    assert refused(place.client("ben").describe_stacks, NextToken=token)[0] == "ValidationError"
    assert place.client("twin").describe_stacks(NextToken=token)["Stacks"]


def test_keys_that_nobody_has_are_refused(place):
    person = place.people["admin"]
    place.people["stranger"] = person._replace(key="x" * 86)
    place.people["forger"] = person._replace(secret="x" * 86)
    assert refused(place.client("stranger").describe_stacks)[0] == "InvalidClientTokenId"
    assert refused(place.client("forger").describe_stacks)[0] == "SignatureDoesNotMatch"


def test_an_account_whose_name_has_blanks_is_an_account_like_others(place):
    place.person("eve and more")
    stack_id = place.made("blank", name="eve and more")
    assert place.client("admin").describe_stacks(StackName=stack_id)["Stacks"]
    assert refused(place.client("ben").describe_stacks, StackName=stack_id)[0] == "ValidationError"
