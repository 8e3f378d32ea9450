"""Wrong parameters, drawn from the model, for every operation that is offered: refused, and never by a crash."""

from __future__ import annotations

import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from service_world import QUICK
from valid_parameters import valid_params
from wrong_parameters import wrongs

from cfnlib.errors import CloudError
from cfnlib.server.actions import CLOUDFORMATION, STS
from cfnlib.server.context import Context
from cfnlib.server.faults import told
from cfnlib.wire import Service as Model
from cfnlib.wire import parse, render

POLICY = '{"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}'
NAMED = [("StackName", "good")]
CHANGE_SET = [*NAMED, ("ChangeSetName", "cs")]
TEMPLATE = [("TemplateBody", QUICK)]
GOOD = {
    "CreateStack": [("StackName", "made"), *TEMPLATE],
    "UpdateStack": [*NAMED, *TEMPLATE],
    "DeleteStack": [("StackName", "absent")],
    "CancelUpdateStack": NAMED,
    "ContinueUpdateRollback": NAMED,
    "DescribeStacks": NAMED,
    "ListStacks": [],
    "DescribeStackEvents": NAMED,
    "DescribeStackResource": [*NAMED, ("LogicalResourceId", "Key")],
    "DescribeStackResources": NAMED,
    "ListStackResources": NAMED,
    "SignalResource": [*NAMED, ("LogicalResourceId", "Key"), ("UniqueId", "u"), ("Status", "SUCCESS")],
    "GetTemplate": NAMED,
    "ValidateTemplate": TEMPLATE,
    "GetTemplateSummary": TEMPLATE,
    "CreateChangeSet": [*CHANGE_SET, *TEMPLATE],
    "DescribeChangeSet": CHANGE_SET,
    "ExecuteChangeSet": CHANGE_SET,
    "ListChangeSets": NAMED,
    "DeleteChangeSet": CHANGE_SET,
    "GetStackPolicy": NAMED,
    "SetStackPolicy": [*NAMED, ("StackPolicyBody", POLICY)],
    "UpdateTerminationProtection": [*NAMED, ("EnableTerminationProtection", "false")],
    "EstimateTemplateCost": TEMPLATE,
    "DescribeAccountLimits": [],
    "ListTypes": [],
    "DescribeType": [("Type", "RESOURCE"), ("TypeName", "AWS::EC2::Instance")],
}


@pytest.fixture(scope="module")
def context(place):
    """A request of the administrator, who has a stack called good."""
    place.made("good")
    caller = place.service.keyring.caller(place.people["admin"].key)
    return Context(place.service, caller, "request")


def test_every_operation_that_is_offered_is_tried_here():
    assert GOOD.keys() == CLOUDFORMATION.keys()


def answer_to(context, operation, params):
    """What is told of the error that an action ends in, None when it does not, with the result then rendered."""
    model = Model.load("cloudformation")
    try:
        pairs = params() if callable(params) else params
        result = CLOUDFORMATION[operation](context, pairs)
    except Exception as error:  # noqa: BLE001 - every one must be in the table
        return error, told(error)
    render(model, operation, result, request_id="r")
    render(model, operation, result, request_id="r", json=True)
    return None, None


def codes_of(model, operation):
    """The codes that the model or every operation may answer with."""
    own = {model.error(name).code for name in model.operation(operation).errors}
    return own | {
        "ValidationError",
        "InvalidAction",
        "ChangeSetNotFound",
        "InvalidChangeSetStatus",
        "TypeNotFoundException",
        "AlreadyExistsException",
    }


@pytest.mark.parametrize("operation", sorted(GOOD))
def test_a_wrong_parameter_is_refused_with_a_code_of_the_model(place, context, operation, caplog):
    model = Model.load("cloudformation")
    before = {state.stack_id: state.status for state in place.service.store.stacks()}
    count = 0
    for label, pairs in wrongs(model, operation, GOOD[operation]):
        count += 1
        error, found = answer_to(context, operation, lambda pairs=pairs: parse(model, operation, pairs))
        assert found is not None, label
        assert found.http_status < 500, (label, error)
        assert found.code in codes_of(model, operation), (label, error)
        assert found.message, label
    assert count or operation in {"ListStacks", "DescribeAccountLimits"}
    assert {state.stack_id: state.status for state in place.service.store.stacks()} == before
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


TEMPLATES = [
    QUICK,
    "",
    "{}",
    "[]",
    "Resources: {}",
    "Resources: {A: {Type: 'AWS::EC2::KeyPair', Properties: {KeyName: !Ref B}}}",
    "Parameters: {P: {Type: Number}}\nResources: {A: {Type: 'AWS::CloudFormation::WaitConditionHandle'}}",
    "Resources: {A: {Type: 'AWS::EC2::Instance', Properties: {ImageId: no, InstanceType: no}}}",
    "Resources: &a {A: *a}",
    "{" * 500,
    "\x00",
    "Outputs: {O: {Value: !GetAtt [X, Y]}}",
]


@pytest.mark.parametrize("operation", sorted(GOOD))
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.large_base_example],
)
@given(data=st.data())
def test_whatever_the_model_allows_is_done_or_refused(place, context, operation, data):
    model = Model.load("cloudformation")
    params = data.draw(valid_params(model, operation))
    members = model.shapes[model.operation(operation).input_shape]["members"]
    stack_id = place.service.store.stack("good", context.mark).stack_id
    names = st.sampled_from(["good", "absent", stack_id, stack_id[:-1], "arn:aws:nothing"])
    if "StackName" in members and operation not in {"CreateStack", "DeleteStack"}:
        params["StackName"] = data.draw(names)
    if "TemplateBody" in members and data.draw(st.booleans()):
        params["TemplateBody"] = data.draw(st.sampled_from(TEMPLATES))
        params.pop("TemplateURL", None)
    error, found = answer_to(context, operation, params)
    assert error is None or found.http_status < 500 or isinstance(error, CloudError), (params, error)


def test_the_same_holds_for_sts(context):
    assert STS["GetCallerIdentity"](context, {})["UserId"]
