"""Change sets through boto3: stored, looked at, carried out, removed."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import WaiterError
from service_world import FAST, QUICK, refused

NOTHING = "The submitted information didn't contain changes. Submit different information to create a change set."
OTHER = QUICK.replace("${AWS::StackName}-${Name}", "${AWS::StackName}-other")


@pytest.fixture
def cfn(place):
    return place.client()


def test_a_stack_is_reviewed_before_it_is_made(place, cfn):
    made = cfn.create_change_set(
        StackName="reviewed", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=QUICK, Description="why"
    )
    cfn.get_waiter("change_set_create_complete").wait(StackName="reviewed", ChangeSetName="first", WaiterConfig=FAST)
    [stack] = cfn.describe_stacks(StackName="reviewed")["Stacks"]
    assert stack["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert stack["StackId"] == made["StackId"]
    found = cfn.describe_change_set(ChangeSetName=made["Id"])
    assert found["ExecutionStatus"] == "AVAILABLE"
    assert found["Description"] == "why"
    [change] = found["Changes"]
    assert change["ResourceChange"]["Action"] == "Add"
    assert change["ResourceChange"]["LogicalResourceId"] == "Key"
    assert cfn.get_template(StackName="reviewed", ChangeSetName="first")["TemplateBody"] == json.loads(QUICK)
    cfn.execute_change_set(ChangeSetName=made["Id"])
    cfn.get_waiter("stack_create_complete").wait(StackName="reviewed", WaiterConfig=FAST)
    assert place.cloud.listSSHKeyPairs(name="reviewed-key")["sshkeypair"]
    assert cfn.list_change_sets(StackName="reviewed")["Summaries"] == []
    assert cfn.describe_change_set(ChangeSetName=made["Id"])["ExecutionStatus"] == "EXECUTE_COMPLETE"


def test_a_stack_under_review_that_is_not_wanted_is_deleted(place, cfn):
    made = cfn.create_change_set(StackName="unwanted", ChangeSetName="a", ChangeSetType="CREATE", TemplateBody=QUICK)
    again = cfn.create_change_set(StackName="unwanted", ChangeSetName="b", ChangeSetType="CREATE", TemplateBody=QUICK)
    assert again["StackId"] == made["StackId"]
    place.removed(made["StackId"])


def test_an_update_shows_what_is_replaced(place, cfn):
    place.made("shown")
    cfn.create_change_set(StackName="shown", ChangeSetName="new", TemplateBody=OTHER)
    found = cfn.describe_change_set(StackName="shown", ChangeSetName="new", IncludePropertyValues=True)
    [change] = found["Changes"]
    assert change["Type"] == "Resource"
    change = change["ResourceChange"]
    assert (change["Action"], change["Replacement"], change["Scope"]) == ("Modify", "True", ["Properties"])
    [detail] = change["Details"]
    assert detail["Target"] == {
        "Attribute": "Properties",
        "Name": "KeyName",
        "RequiresRecreation": "Always",
        "Path": "/Properties/KeyName",
        "BeforeValue": "shown-key",
        "AfterValue": "shown-other",
    }
    assert cfn.describe_stacks(StackName="shown")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    cfn.execute_change_set(StackName="shown", ChangeSetName="new", ClientRequestToken="go")
    cfn.get_waiter("stack_update_complete").wait(StackName="shown", WaiterConfig=FAST)
    cfn.execute_change_set(StackName="shown", ChangeSetName="new", ClientRequestToken="go")
    code, _ = refused(cfn.execute_change_set, StackName="shown", ChangeSetName="new")
    assert code == "InvalidChangeSetStatus"


def test_a_change_set_that_changes_nothing_fails_in_the_words_that_clients_know(place, cfn):
    place.made("still")
    cfn.create_change_set(StackName="still", ChangeSetName="none", TemplateBody=QUICK)
    with pytest.raises(WaiterError):
        cfn.get_waiter("change_set_create_complete").wait(StackName="still", ChangeSetName="none", WaiterConfig=FAST)
    found = cfn.describe_change_set(StackName="still", ChangeSetName="none")
    assert (found["Status"], found["StatusReason"]) == ("FAILED", NOTHING)
    code, text = refused(cfn.execute_change_set, StackName="still", ChangeSetName="none")
    assert code == "InvalidChangeSetStatus"
    assert text.endswith("cannot be executed in its current status of [FAILED]")


def test_a_change_set_is_obsolete_once_the_stack_has_moved_on(place, cfn):
    place.made("moves")
    cfn.create_change_set(StackName="moves", ChangeSetName="old", TemplateBody=OTHER)
    cfn.update_stack(StackName="moves", TemplateBody=OTHER.replace("-other", "-third"))
    place.until("moves", "UPDATE_COMPLETE")
    found = cfn.describe_change_set(StackName="moves", ChangeSetName="old")
    assert found["ExecutionStatus"] == "OBSOLETE"
    code, _ = refused(cfn.execute_change_set, StackName="moves", ChangeSetName="old")
    assert code == "InvalidChangeSetStatus"


def test_a_change_set_is_there_once_and_made_again_by_the_same_token(place, cfn):
    place.made("once")
    given = {"StackName": "once", "ChangeSetName": "one", "TemplateBody": OTHER}
    made = cfn.create_change_set(**given, ClientToken="mine")
    assert cfn.create_change_set(**given, ClientToken="mine")["Id"] == made["Id"]
    assert refused(cfn.create_change_set, **given)[0] == "AlreadyExistsException"
    [summary] = cfn.list_change_sets(StackName="once")["Summaries"]
    assert (summary["ChangeSetName"], summary["ChangeSetId"]) == ("one", made["Id"])
    cfn.delete_change_set(StackName="once", ChangeSetName="one")
    cfn.delete_change_set(StackName="once", ChangeSetName="one")
    assert refused(cfn.describe_change_set, StackName="once", ChangeSetName="one") == (
        "ChangeSetNotFound",
        "ChangeSet [one] does not exist",
    )


def test_what_is_not_offered_is_said(place, cfn):
    place.made("plain")
    given = {"StackName": "plain", "ChangeSetName": "x", "TemplateBody": OTHER}
    assert "IMPORT" in refused(cfn.create_change_set, **given, ChangeSetType="IMPORT")[1]
    assert refused(cfn.create_change_set, **{**given, "StackName": "absent"}) == (
        "ValidationError",
        "Stack [absent] does not exist",
    )
    code, text = refused(cfn.create_change_set, **given, ChangeSetType="CREATE")
    assert code == "ValidationError"
    assert text == "Stack [plain] already exists and cannot be created again with the changeSet [x]."
    code, text = refused(cfn.describe_change_set, ChangeSetName="x")
    assert text == "StackName must be specified if ChangeSetName is not specified as an ARN."
