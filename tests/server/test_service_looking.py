"""Looking at stacks, events and resources: order, pages, tokens, filters."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from service_world import HELD, IMAGE, KIND, QUICK, refused

from cfnlib.server import paging
from cfnlib.server.actions import looking


@pytest.fixture
def cfn(place):
    return place.client()


@pytest.fixture
def small_pages(monkeypatch):
    for module in ("looking", "events", "resources", "change_sets", "types"):
        monkeypatch.setattr(f"cfnlib.server.actions.{module}.PAGE", 2)
    monkeypatch.setattr("cfnlib.server.actions.looking.STACKS_PAGE", 2)


@pytest.mark.usefixtures("small_pages")
def test_every_stack_is_listed_once_newest_first_page_by_page(place, cfn):
    names = [f"page-{number}" for number in range(5)]
    for name in names:
        place.made(name)
    pages = list(cfn.get_paginator("describe_stacks").paginate())
    found = [stack["StackName"] for page in pages for stack in page["Stacks"]]
    assert [name for name in found if name in names] == names[::-1]
    assert len(found) == len(set(found))
    assert all(len(page["Stacks"]) <= 2 for page in pages)
    place.removed(cfn.describe_stacks(StackName="page-0")["Stacks"][0]["StackId"])
    pages = cfn.get_paginator("list_stacks").paginate(StackStatusFilter=["DELETE_COMPLETE"])
    deleted = [one for page in pages for one in page["StackSummaries"]]
    assert "page-0" in [one["StackName"] for one in deleted]
    assert {one["StackStatus"] for one in deleted} == {"DELETE_COMPLETE"}
    pages = cfn.get_paginator("list_stacks").paginate()
    assert {*names} <= {one["StackName"] for page in pages for one in page["StackSummaries"]}


@pytest.mark.usefixtures("small_pages")
def test_events_come_newest_first_with_ids_that_stay(place, cfn):
    stack_id = place.made("told", ClientRequestToken="begin")
    events = [
        event
        for page in cfn.get_paginator("describe_stack_events").paginate(StackName="told")
        for event in page["StackEvents"]
    ]
    assert events[0]["ResourceStatus"] == "CREATE_COMPLETE"
    assert events[-1]["ResourceStatus"] == "CREATE_IN_PROGRESS"
    assert [event["Timestamp"] for event in events] == sorted((e["Timestamp"] for e in events), reverse=True)
    ids = [event["EventId"] for event in events]
    assert len(ids) == len(set(ids))
    assert {event["ClientRequestToken"] for event in events} == {"begin"}
    place.removed(stack_id)
    later = [
        event["EventId"]
        for page in cfn.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        for event in page["StackEvents"]
    ]
    assert later[-len(ids) :] == ids
    assert refused(cfn.describe_stack_events, StackName="told") == (
        "ValidationError",
        "Stack [told] does not exist",
    )


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(token=st.text(min_size=1, max_size=60), cut=st.integers(0, 40))
def test_a_token_that_no_list_gave_is_refused(place, monkeypatch, token, cut):
    monkeypatch.setattr("cfnlib.server.actions.looking.STACKS_PAGE", 1)
    cfn = place.client()
    for name in ("token-1", "token-2"):
        with suppress(ClientError):
            place.made(name)
    good = cfn.describe_stacks()["NextToken"]
    assert cfn.describe_stacks(NextToken=good)["Stacks"]
    for wrong in (token, good[:cut], good + "A", good[::-1]):
        if wrong != good:
            code, _ = refused(cfn.describe_stacks, NextToken=wrong)
            assert code == "ValidationError"
    assert refused(cfn.list_stacks, NextToken=good)[0] == "ValidationError"


@pytest.mark.usefixtures("small_pages")
def test_resources_are_told_with_what_they_are_on_the_cloud(place, cfn):
    template = {
        "Resources": {
            "Key": {"Type": "AWS::EC2::KeyPair", "Properties": {"KeyName": {"Ref": "AWS::StackName"}}},
            "Machine": {
                "Type": "AWS::EC2::Instance",
                "Metadata": {"Init": {"key": {"Ref": "Key"}, "where": {"Fn::Sub": "${AWS::StackName}"}}},
                "Properties": {"ImageId": IMAGE, "InstanceType": KIND, "KeyName": {"Ref": "Key"}},
            },
        }
    }
    place.made("whole", json.dumps(template))
    pages = cfn.get_paginator("list_stack_resources").paginate(StackName="whole")
    rows = {row["LogicalResourceId"]: row for page in pages for row in page["StackResourceSummaries"]}
    assert {"Key", "Machine"} <= rows.keys()
    machine = place.cloud.listVirtualMachines(id=rows["Machine"]["PhysicalResourceId"])["virtualmachine"]
    assert machine[0]["keypairs"] == "whole"
    detail = cfn.describe_stack_resource(StackName="whole", LogicalResourceId="Machine")["StackResourceDetail"]
    assert json.loads(detail["Metadata"]) == {"Init": {"key": "whole", "where": "whole"}}
    assert detail["ResourceStatus"] == "CREATE_COMPLETE"
    by_id = cfn.describe_stack_resources(PhysicalResourceId=rows["Machine"]["PhysicalResourceId"])
    assert {row["StackName"] for row in by_id["StackResources"]} == {"whole"}
    one = cfn.describe_stack_resources(StackName="whole", LogicalResourceId="Key")["StackResources"]
    assert [row["LogicalResourceId"] for row in one] == ["Key"]


def test_resources_that_are_not_there_are_told_in_the_operations_own_words(place, cfn):
    place.made("bare")
    assert refused(cfn.describe_stack_resource, StackName="bare", LogicalResourceId="No") == (
        "ValidationError",
        "Resource No does not exist for stack bare",
    )
    assert refused(cfn.describe_stack_resource, StackName="no", LogicalResourceId="No")[1] == (
        "Stack 'no' does not exist"
    )
    assert refused(cfn.list_stack_resources, StackName="no")[1] == "Stack with id no does not exist"
    assert refused(cfn.describe_stack_resources, PhysicalResourceId="no")[1] == "Stack for no does not exist"
    assert refused(cfn.describe_stack_resources)[0] == "ValidationError"


def test_templates_are_given_back_as_they_came(place, cfn):
    place.made("text")
    found = cfn.get_template(StackName="text", TemplateStage="Original")
    assert found["TemplateBody"] == json.loads(QUICK)
    assert found["StagesAvailable"] == ["Original", "Processed"]


def test_a_template_is_told_in_short(cfn):
    valid = cfn.validate_template(TemplateBody=QUICK)
    assert valid["Description"] == "a key"
    assert {one["ParameterKey"]: one["NoEcho"] for one in valid["Parameters"]} == {"Name": False, "Secret": True}
    summary = cfn.get_template_summary(TemplateBody=QUICK)
    assert summary["ResourceTypes"] == ["AWS::EC2::KeyPair"]
    [hidden] = [one for one in summary["Parameters"] if one["ParameterKey"] == "Secret"]
    assert hidden["DefaultValue"] == "****"
    unknown = '{"Resources": {"A": {"Type": "AWS::S3::Bucket"}}}'
    warned = cfn.get_template_summary(TemplateBody=unknown)["Warnings"]
    assert warned == {"UnrecognizedResourceTypes": ["AWS::S3::Bucket"]}


def test_what_expands_a_template_is_acknowledged(cfn):
    template = json.loads(QUICK) | {"Transform": "AWS::LanguageExtensions"}
    code, text = refused(cfn.create_stack, StackName="macro", TemplateBody=json.dumps(template))
    assert code == "InsufficientCapabilitiesException"
    assert text == "Requires capabilities : [CAPABILITY_AUTO_EXPAND]"
    found = cfn.validate_template(TemplateBody=json.dumps(template))
    assert found["Capabilities"] == ["CAPABILITY_AUTO_EXPAND"]


@pytest.mark.usefixtures("small_pages")
def test_the_types_are_those_of_the_library_with_their_schemas(cfn):
    pages = cfn.get_paginator("list_types").paginate()
    names = [one["TypeName"] for page in pages for one in page["TypeSummaries"]]
    assert names == sorted(set(names))
    assert "AWS::EC2::Instance" in names
    assert "CloudStack::Network" in names
    found = cfn.describe_type(Type="RESOURCE", TypeName="AWS::EC2::Instance")
    schema = json.loads(found["Schema"])
    assert schema["typeName"] == "AWS::EC2::Instance"
    assert "ImageId" in schema["properties"]
    assert cfn.describe_type(Arn=found["Arn"])["TypeName"] == "AWS::EC2::Instance"
    assert refused(cfn.describe_type, Type="RESOURCE", TypeName="AWS::S3::Bucket")[0] == "TypeNotFoundException"


def test_cost_and_limits_are_answered(place, cfn):
    url = cfn.estimate_template_cost(TemplateBody=QUICK)["Url"]
    assert url == f"{place.public_url}/cost"
    limits = cfn.describe_account_limits()["AccountLimits"]
    assert {"Name": "StackLimit", "Value": 2000} in limits


def test_who_calls_is_told(place):
    found = place.client(service="sts").get_caller_identity()
    assert found["UserId"] == place.people["admin"].user_id
    assert found["Arn"].endswith(":user/admin")
    assert len(found["Account"]) == 12


def test_other_operations_say_that_they_are_not_offered(cfn):
    assert refused(cfn.list_stack_sets)[0] == "InvalidAction"
    assert refused(cfn.detect_stack_drift, StackName="x")[0] == "InvalidAction"


def test_a_held_stack_shows_how_far_it_is(place, cfn):
    stack_id = place.held("waits")
    rows = cfn.describe_stack_resources(StackName="waits")["StackResources"]
    states = {row["LogicalResourceId"]: row["ResourceStatus"] for row in rows}
    assert states["Wait"] == "CREATE_IN_PROGRESS"
    assert cfn.get_template(StackName=stack_id)["TemplateBody"] == json.loads(HELD)
    place.removed(stack_id)


def test_pages_are_of_the_size_that_cloudformation_has():
    assert (paging.PAGE, looking.STACKS_PAGE) == (100, 50)
