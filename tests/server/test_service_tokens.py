"""The same request again is the same operation: ClientRequestToken."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError
from service_world import QUICK, refused

OTHER = QUICK.replace("${AWS::StackName}-${Name}", "${AWS::StackName}-other")


@pytest.fixture
def cfn(place):
    return place.client()


def test_a_creation_that_is_asked_for_again_is_the_same_stack(place, cfn):
    given = {"StackName": "again", "TemplateBody": QUICK, "ClientRequestToken": "one"}
    first = cfn.create_stack(**given)["StackId"]
    assert cfn.create_stack(**given)["StackId"] == first
    place.until("again", "CREATE_COMPLETE")
    assert cfn.create_stack(**given)["StackId"] == first
    assert refused(cfn.create_stack, **{**given, "ClientRequestToken": "two"})[0] == "AlreadyExistsException"


def test_an_update_that_is_asked_for_again_is_the_same_update(place, cfn):
    place.made("twice", ClientRequestToken="made")
    given = {"StackName": "twice", "TemplateBody": OTHER, "ClientRequestToken": "changed"}
    assert cfn.update_stack(**given) is not None
    assert cfn.update_stack(**given)["StackId"] == place.until("twice", "UPDATE_COMPLETE")["StackId"]
    assert cfn.update_stack(**given)["StackId"]
    starts = [
        event
        for event in cfn.describe_stack_events(StackName="twice")["StackEvents"]
        if event["ResourceStatus"] == "UPDATE_IN_PROGRESS" and event["LogicalResourceId"] == "twice"
    ]
    assert [event["ClientRequestToken"] for event in starts] == ["changed"]


def test_a_token_of_another_operation_is_refused(place, cfn):
    place.made("mixed", ClientRequestToken="mine")
    given = {"StackName": "mixed", "TemplateBody": OTHER, "ClientRequestToken": "mine"}
    assert refused(cfn.update_stack, **given)[0] == "TokenAlreadyExistsException"


def test_a_token_marks_the_events_of_its_operation(place, cfn):
    stack_id = place.made("marked", ClientRequestToken="first")
    cfn.update_stack(StackName="marked", TemplateBody=OTHER, ClientRequestToken="second")
    place.until("marked", "UPDATE_COMPLETE")
    cfn.delete_stack(StackName="marked", ClientRequestToken="third")
    place.until(stack_id, "DELETE_COMPLETE")
    seen = {}
    for event in cfn.describe_stack_events(StackName=stack_id)["StackEvents"]:
        if event["LogicalResourceId"] == "marked":
            seen.setdefault(event["ResourceStatus"].split("_")[0], set()).add(event["ClientRequestToken"])
    assert seen == {"CREATE": {"first"}, "UPDATE": {"second"}, "DELETE": {"third"}}


def test_of_many_that_create_the_same_at_once_one_stack_comes(place, cfn):
    def create(token):
        try:
            return cfn.create_stack(StackName="race", TemplateBody=QUICK, ClientRequestToken=token)["StackId"]
        except ClientError as error:
            return error.response["Error"]["Code"]

    with ThreadPoolExecutor(8) as pool:
        same = set(pool.map(create, ["same"] * 8))
        others = set(pool.map(create, [f"other-{number}" for number in range(4)]))
    assert len(same) == 1
    assert others == {"AlreadyExistsException"}
    place.until("race", "CREATE_COMPLETE")
    names = [one["name"] for one in place.cloud.listSSHKeyPairs(keyword="race")["sshkeypair"]]
    assert names == ["race-key"]


def test_of_many_that_update_at_once_one_update_comes(place, cfn):
    place.made("contended")

    def update(number):
        template = json.loads(QUICK)
        template["Parameters"]["Name"]["Default"] = f"name-{number}"
        try:
            cfn.update_stack(StackName="contended", TemplateBody=json.dumps(template))
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
        return None

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(update, range(6)))
    refusals = [one for one in found if one is not None]
    assert len(refusals) < 6
    assert all(status in {400, 409} for status, _ in refusals)
    place.until("contended", "UPDATE_COMPLETE")
    assert len(place.cloud.listSSHKeyPairs(keyword="contended")["sshkeypair"]) == 1
