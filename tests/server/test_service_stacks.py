"""Stacks through boto3 over a real socket: made, looked at, changed, removed."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import WaiterError
from service_world import FAST, HELD, QUICK, refused


@pytest.fixture
def cfn(place):
    return place.client()


def test_a_stack_is_made_and_described_and_removed(place, cfn):
    made = cfn.create_stack(
        StackName="life",
        TemplateBody=QUICK,
        Parameters=[{"ParameterKey": "Secret", "ParameterValue": "word"}],
        Tags=[{"Key": "team", "Value": "red"}],
        Capabilities=["CAPABILITY_IAM"],
        NotificationARNs=["arn:aws:sns:eu-west-1:123456789012:topic"],
        TimeoutInMinutes=5,
    )
    cfn.get_waiter("stack_create_complete").wait(StackName="life", WaiterConfig=FAST)
    [stack] = cfn.describe_stacks(StackName="life")["Stacks"]
    assert stack["StackId"] == made["StackId"]
    assert stack["StackId"].startswith("arn:aws:cloudformation:")
    assert stack["Description"] == "a key"
    assert stack["Parameters"] == [
        {"ParameterKey": "Name", "ParameterValue": "key"},
        {"ParameterKey": "Secret", "ParameterValue": "****"},
    ]
    assert stack["Outputs"] == [
        {"OutputKey": "Key", "OutputValue": "life-key", "Description": "its name", "ExportName": "life"}
    ]
    assert stack["Tags"] == [{"Key": "team", "Value": "red"}]
    assert stack["Capabilities"] == ["CAPABILITY_IAM"]
    assert stack["NotificationARNs"] == ["arn:aws:sns:eu-west-1:123456789012:topic"]
    assert stack["TimeoutInMinutes"] == 5
    assert stack["DisableRollback"] is False
    assert "LastUpdatedTime" not in stack
    assert "DetailedStatus" not in stack
    cfn.delete_stack(StackName="life")
    cfn.get_waiter("stack_delete_complete").wait(StackName="life", WaiterConfig=FAST)
    assert place.cloud.listSSHKeyPairs(name="life-key") == {}
    [gone] = cfn.describe_stacks(StackName=made["StackId"])["Stacks"]
    assert gone["StackStatus"] == "DELETE_COMPLETE"
    assert gone["DeletionTime"] >= gone["CreationTime"]
    assert refused(cfn.describe_stacks, StackName="life") == (
        "ValidationError",
        "Stack with id life does not exist",
    )


def test_an_update_changes_the_stack_and_says_so(place, cfn):
    place.made("grows", Tags=[{"Key": "team", "Value": "red"}])
    cfn.update_stack(
        StackName="grows",
        UsePreviousTemplate=True,
        Parameters=[
            {"ParameterKey": "Name", "ParameterValue": "other"},
            {"ParameterKey": "Secret", "UsePreviousValue": True},
        ],
    )
    cfn.get_waiter("stack_update_complete").wait(StackName="grows", WaiterConfig=FAST)
    [stack] = cfn.describe_stacks(StackName="grows")["Stacks"]
    assert stack["Outputs"][0]["OutputValue"] == "grows-other"
    assert stack["LastUpdatedTime"] >= stack["CreationTime"]
    assert stack["Tags"] == [{"Key": "team", "Value": "red"}]
    cfn.update_stack(
        StackName="grows",
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": "Name", "UsePreviousValue": True}],
        Tags=[],
    )
    cfn.get_waiter("stack_update_complete").wait(StackName="grows", WaiterConfig=FAST)
    [stack] = cfn.describe_stacks(StackName="grows")["Stacks"]
    assert stack["Tags"] == []


def test_an_update_that_changes_nothing_says_it_in_the_words_that_clients_know(place, cfn):
    place.made("same")
    assert refused(cfn.update_stack, StackName="same", TemplateBody=QUICK) == (
        "ValidationError",
        "No updates are to be performed.",
    )


def test_a_previous_value_is_the_one_the_parameter_had_even_by_default(place, cfn):
    place.made("keeps")
    changed = json.loads(QUICK)
    changed["Parameters"]["Name"]["Default"] = "new"
    changed["Description"] = "changed"
    cfn.update_stack(
        StackName="keeps",
        TemplateBody=json.dumps(changed),
        Parameters=[{"ParameterKey": "Name", "UsePreviousValue": True}],
    )
    place.until("keeps", "UPDATE_COMPLETE")
    [stack] = cfn.describe_stacks(StackName="keeps")["Stacks"]
    assert stack["Outputs"][0]["OutputValue"] == "keeps-key"


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ([{"ParameterKey": "Nope", "ParameterValue": "x"}], "Parameters: [Nope] do not exist in the template"),
        ([{"ParameterKey": "Name"}], "Need to specify either usePreviousValue as true or a value"),
        ([{"ParameterValue": "x"}], "needs a ParameterKey"),
        ([{"ParameterKey": "Name", "UsePreviousValue": True}], "not in the previous template"),
        ([{"ParameterKey": "Name", "ParameterValue": "x"}] * 2, "must not be given more than once"),
    ],
)
def test_wrong_parameters_are_told_by_name(cfn, parameters, words):
    code, text = refused(cfn.create_stack, StackName="never", TemplateBody=QUICK, Parameters=parameters)
    assert code == "ValidationError"
    assert words in text


def test_parameters_without_values_are_told_in_the_words_of_cloudformation(cfn):
    template = json.dumps({"Parameters": {"A": {"Type": "String"}, "B": {"Type": "String"}}, "Resources": {}})
    wanted = json.loads(template)
    wanted["Resources"] = json.loads(QUICK)["Resources"]
    wanted["Resources"]["Key"]["Properties"]["KeyName"] = {"Fn::Sub": "${A}${B}"}
    found = refused(cfn.create_stack, StackName="never", TemplateBody=json.dumps(wanted))
    assert found == ("ValidationError", "Parameters: [A, B] must have values")


def test_a_wrong_template_is_told_with_the_place(cfn):
    code, text = refused(cfn.create_stack, StackName="never", TemplateBody="Resources:\n  A: [1,\n")
    assert code == "ValidationError"
    assert text.startswith("Template format error: ")
    assert "(line " in text
    code, text = refused(cfn.validate_template, TemplateBody="Resources:\n  A:\n    Type: AWS::EC2::Nothing\n")
    assert code == "ValidationError"
    assert text.startswith("Template validation error: A: there is no resource type AWS::EC2::Nothing (line 3, ")


def test_a_template_is_given_exactly_once_and_within_its_size(cfn):
    assert refused(cfn.create_stack, StackName="never") == (
        "ValidationError",
        "Either Template URL or Template Body must be specified.",
    )
    code, text = refused(cfn.create_stack, StackName="never", TemplateBody=QUICK, TemplateURL="http://x.example/t")
    assert (code, "exactly one" in text) == ("ValidationError", True)
    code, text = refused(cfn.create_stack, StackName="never", TemplateBody=QUICK + " " * 51_200)
    assert code == "ValidationError"
    assert "Member must have length less than or equal to 51200" in text


def test_what_to_do_on_failure_is_said_once(cfn):
    code, _ = refused(
        cfn.create_stack, StackName="never", TemplateBody=QUICK, OnFailure="DELETE", DisableRollback=True
    )
    assert code == "ValidationError"


def test_a_stack_that_cannot_be_made_rolls_back_and_the_waiter_sees_it(place, cfn):
    place.made("first")
    taken = QUICK.replace("${AWS::StackName}-${Name}", "first-key")
    cfn.create_stack(StackName="second", TemplateBody=taken)
    with pytest.raises(WaiterError):
        cfn.get_waiter("stack_create_complete").wait(StackName="second", WaiterConfig=FAST)
    place.until("second", "ROLLBACK_COMPLETE")
    code, text = refused(cfn.update_stack, StackName="second", TemplateBody=QUICK)
    assert code == "ValidationError"
    assert text.endswith("is in ROLLBACK_COMPLETE state and can not be updated.")
    stack_id = cfn.create_stack(StackName="third", TemplateBody=taken, OnFailure="DELETE")["StackId"]
    place.until(stack_id, "DELETE_COMPLETE")
    cfn.create_stack(StackName="fourth", TemplateBody=taken, DisableRollback=True)
    assert place.until("fourth", "CREATE_FAILED")["DisableRollback"] is True


def test_a_protected_stack_is_not_deleted(place, cfn):
    stack_id = place.made("guarded", EnableTerminationProtection=True)
    assert cfn.describe_stacks(StackName="guarded")["Stacks"][0]["EnableTerminationProtection"] is True
    code, text = refused(cfn.delete_stack, StackName="guarded")
    assert code == "ValidationError"
    assert text == "Stack [guarded] cannot be deleted while TerminationProtection is enabled"
    answer = cfn.update_termination_protection(StackName="guarded", EnableTerminationProtection=False)
    assert answer["StackId"] == stack_id
    place.removed(stack_id)


def test_deleting_what_is_not_there_does_nothing(cfn):
    cfn.delete_stack(StackName="nothing")


def test_a_deletion_ends_a_creation_that_is_under_way(place, cfn):
    stack_id = place.held("short")
    cfn.delete_stack(StackName="short", ClientRequestToken="away")
    place.until(stack_id, "DELETE_COMPLETE")
    assert place.cloud.listSSHKeyPairs(name="short-held") == {}
    events = cfn.describe_stack_events(StackName=stack_id)["StackEvents"]
    assert events[0]["ClientRequestToken"] == "away"


def test_an_update_can_be_cancelled(place, cfn):
    place.made("turns")
    code, text = refused(cfn.cancel_update_stack, StackName="turns")
    assert (code, text) == (
        "ValidationError",
        "CancelUpdateStack cannot be called from current stack status CREATE_COMPLETE",
    )
    cfn.update_stack(StackName="turns", TemplateBody=HELD)
    cfn.cancel_update_stack(StackName="turns")
    place.until("turns", "UPDATE_ROLLBACK_COMPLETE")
    assert cfn.get_template(StackName="turns")["TemplateBody"] == json.loads(QUICK)


def test_a_deleted_stack_is_not_updated_by_its_id(place, cfn):
    stack_id = place.made("late")
    place.removed(stack_id)
    code, text = refused(cfn.update_stack, StackName=stack_id, TemplateBody=QUICK)
    assert (code, text) == (
        "ValidationError",
        f"Stack:{stack_id} is in DELETE_COMPLETE state and can not be updated.",
    )
    assert refused(cfn.update_stack, StackName="late", TemplateBody=QUICK) == (
        "ValidationError",
        "Stack [late] does not exist",
    )


def test_a_name_is_taken_once(place, cfn):
    place.made("taken")
    assert refused(cfn.create_stack, StackName="taken", TemplateBody=QUICK) == (
        "AlreadyExistsException",
        "Stack [taken] already exists",
    )


def test_a_stack_policy_is_kept_as_it_was_given(place, cfn):
    policy = '{"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}'
    place.made("ruled")
    assert "StackPolicyBody" not in cfn.get_stack_policy(StackName="ruled")
    cfn.set_stack_policy(StackName="ruled", StackPolicyBody=policy)
    assert cfn.get_stack_policy(StackName="ruled")["StackPolicyBody"] == policy
    code, _ = refused(cfn.set_stack_policy, StackName="ruled", StackPolicyBody="{")
    assert code == "ValidationError"


def test_resources_that_are_not_there_are_not_kept_either(place, cfn):
    place.made("whole")
    code, text = refused(cfn.delete_stack, StackName="whole", RetainResources=["Key"])
    assert code == "ValidationError"
    assert "only for stacks in the DELETE_FAILED state" in text


def test_what_has_no_effect_is_said_in_the_first_event(place, cfn):
    template = json.loads(QUICK)
    template["Resources"]["Key"]["Properties"]["Tags"] = [{"Key": "a", "Value": "b"}]
    role = "arn:aws:iam::123456789012:role/builder"
    stack_id = place.made("noted", json.dumps(template), RoleARN=role)
    first = cfn.describe_stack_events(StackName=stack_id)["StackEvents"][-1]
    assert first["ResourceStatusReason"].startswith("User Initiated; RoleARN has no effect: ")
    assert "Key: " in first["ResourceStatusReason"]
    [stack] = cfn.describe_stacks(StackName=stack_id)["Stacks"]
    assert stack["RoleARN"] == role
    assert "StackStatusReason" not in stack


def test_an_update_that_the_policy_denies_goes_back(place, cfn):
    policy = {"Statement": [{"Effect": "Deny", "Action": "Update:Replace", "Principal": "*", "Resource": "*"}]}
    stack_id = place.made("fixed", StackPolicyBody=json.dumps(policy))
    given = {"StackName": "fixed", "UsePreviousTemplate": True}
    named = [{"ParameterKey": "Name", "ParameterValue": "new"}]
    cfn.update_stack(**given, Parameters=named)
    place.until("fixed", "UPDATE_ROLLBACK_COMPLETE")
    events = cfn.describe_stack_events(StackName=stack_id)["StackEvents"]
    assert any("Action denied by stack policy" in event.get("ResourceStatusReason", "") for event in events)
    allowed = {"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}
    cfn.update_stack(**given, Parameters=named, StackPolicyDuringUpdateBody=json.dumps(allowed))
    place.until("fixed", "UPDATE_COMPLETE")
    assert json.loads(cfn.get_stack_policy(StackName="fixed")["StackPolicyBody"]) == policy


def test_every_fault_of_a_template_is_told_at_once_whatever_it_is_for(place, cfn):
    """The reference that is wrong is found before types and properties are looked at."""
    stack_id = place.made("faulty")
    wrong = json.dumps(
        {
            "Resources": {
                "Web": {"Type": "AWS::EC2::Instance", "Properties": {"ImageID": {"Ref": "Nope"}}},
                "Other": {"Type": "AWS::EC2::Instnce"},
            }
        }
    )
    set_of = {"ChangeSetName": "c", "ChangeSetType": "CREATE"}
    for call, given in (
        (cfn.create_stack, {"StackName": "never"}),
        (cfn.update_stack, {"StackName": stack_id}),
        (cfn.create_change_set, {"StackName": stack_id, "ChangeSetName": "c"}),
        (cfn.create_change_set, {"StackName": "never", **set_of}),
        (cfn.validate_template, {}),
    ):
        code, text = refused(call, TemplateBody=wrong, **given)
        assert code == "ValidationError"
        for fault in ("'Nope'", "has no ImageID", "needs ImageId", "AWS::EC2::Instnce", "line 1"):
            assert fault in text, call
    place.removed(stack_id)


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ("list_stack_sets", "there are no stack sets"),
        ("detect_stack_drift", "nothing compares a stack"),
        ("list_exports", "DescribeStacks shows"),
        ("describe_organizations_access", "domains"),
        ("describe_publisher", "types come with cfnlib"),
    ],
)
def test_what_is_not_offered_says_why_and_what_there_is_instead(cfn, operation, words):
    given = {"StackName": "some"} if operation == "detect_stack_drift" else {}
    code, text = refused(getattr(cfn, operation), **given)
    assert code == "InvalidAction"
    assert words in text
