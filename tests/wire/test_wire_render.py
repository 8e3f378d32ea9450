"""Answers, byte for byte where clients look at bytes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from xml.etree import ElementTree as ET

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from valid_parameters import filled

from cfnlib.wire import Service, UnwritableResultError, render, render_error

CLOUDFORMATION = Service.load("cloudformation")
EC2 = Service.load("ec2")
CF = 'xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"'
METADATA = "<ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata>"


def xml(operation, result, service=CLOUDFORMATION, **options):
    return render(service, operation, result, request_id="r-1", **options).decode()


def inside(stack):
    """The only stack's element in an answer of DescribeStacks."""
    text = xml("DescribeStacks", {"Stacks": [stack]})
    return text.partition("<Stacks><member>")[2].partition("</member></Stacks>")[0]


def read_back(text):
    """A text written into an answer, as an XML parser sees it."""
    root = ET.fromstring(xml("GetTemplate", {"TemplateBody": text}))
    return root.findtext(".//{*}TemplateBody")


def test_an_answer_has_its_envelope():
    assert xml("CreateStack", {"StackId": "arn:1"}) == (
        f"<CreateStackResponse {CF}><CreateStackResult><StackId>arn:1</StackId></CreateStackResult>{METADATA}"
        "</CreateStackResponse>"
    )


def test_an_operation_without_a_result_has_the_envelope_alone():
    assert xml("DeleteStack", {}) == f"<DeleteStackResponse {CF}>{METADATA}</DeleteStackResponse>"


def test_stss_wrapper():
    text = xml("GetCallerIdentity", {"Account": "123456789012"}, Service.load("sts"))
    assert "<GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult>" in text
    assert 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"' in text


def test_none_is_left_out_and_an_empty_list_is_an_empty_element():
    assert inside({"Description": None, "Tags": [], "Outputs": ()}) == "<Tags></Tags><Outputs></Outputs>"


def test_an_ec2_answer_is_flat_with_its_wrappers():
    instance = {"InstanceId": "i-1", "State": {"Code": 0, "Name": "pending"}, "Monitoring": {}}
    text = xml("RunInstances", {"ReservationId": "r-9", "Groups": [], "Instances": [instance]}, EC2)
    assert text == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<RunInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        "<requestId>r-1</requestId><reservationId>r-9</reservationId><groupSet></groupSet><instancesSet><item>"
        "<instanceId>i-1</instanceId><instanceState><code>0</code><name>pending</name></instanceState>"
        "<monitoring></monitoring></item></instancesSet></RunInstancesResponse>"
    )


def test_an_ec2_operation_without_a_result_returns_true():
    assert "<requestId>r-1</requestId><return>true</return></CreateTagsResponse>" in xml("CreateTags", {}, EC2)


def test_an_ec2_client_gets_the_namespace_that_it_asked_for():
    text = xml("CreateTags", {}, EC2, namespace=EC2.namespace_of("2012-08-15"))
    assert 'xmlns="http://ec2.amazonaws.com/doc/2012-08-15/"' in text
    assert CLOUDFORMATION.namespace_of("2012-08-15") == CLOUDFORMATION.namespace


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_700_000_000.5, "2023-11-14T22:13:20.500Z"),
        (1_700_000_000.9999, "2023-11-14T22:13:21.000Z"),
        (1_700_000_000.001, "2023-11-14T22:13:20.001Z"),
        (datetime(2026, 3, 1, 12, 30, 15, 250_000, UTC), "2026-03-01T12:30:15.250Z"),
        (datetime(2026, 3, 1, 12, 30, tzinfo=timezone(timedelta(hours=2))), "2026-03-01T10:30:00.000Z"),
    ],
)
def test_times_are_in_utc_with_milliseconds(value, text):
    assert inside({"CreationTime": value}) == f"<CreationTime>{text}</CreationTime>"


def test_plain_values():
    assert inside({"DisableRollback": True, "TimeoutInMinutes": 5}) == (
        "<DisableRollback>true</DisableRollback><TimeoutInMinutes>5</TimeoutInMinutes>"
    )


@pytest.mark.parametrize(
    "text", ["a <b> & 'c' \"d\" ]]>", "line\r\nline\rline\n", "  spaces\t", "é \U0001f600 \u2028", "", "&amp;"]
)
def test_a_text_comes_back_as_it_was(text):
    assert read_back(text) == text


@given(st.text(st.characters()))
def test_any_text_can_be_read_by_an_xml_parser(text):
    back = read_back(text)
    assert len(back) == len(text)
    assert all(there in {here, "\ufffd"} for here, there in zip(text, back, strict=True))


def test_what_xml_cannot_carry_is_replaced():
    assert read_back("a\x00b\x1bc\ufffed\udcffe") == "a\ufffdb\ufffdc\ufffdd\ufffde"


@pytest.mark.parametrize("json_form", [False, True])
@pytest.mark.parametrize(
    "result",
    [
        {"Stack": []},
        {"Stacks": [{"StackNme": "web"}]},
        {"Stacks": [{"StackName": 5}]},
        {"Stacks": [{"DisableRollback": "true"}]},
        {"Stacks": [{"TimeoutInMinutes": "5"}]},
        {"Stacks": [{"TimeoutInMinutes": True}]},
        {"Stacks": [{"CreationTime": "2026-03-01"}]},
        {"Stacks": [{"CreationTime": datetime(2026, 3, 1)}]},  # noqa: DTZ001 - that it has no zone is the point
        {"Stacks": [{"CreationTime": float("nan")}]},
        {"Stacks": [{"CreationTime": 1e30}]},
        {"Stacks": [None]},
        {"Stacks": ["web"]},
        {"Stacks": {"StackName": "web"}},
        {"Stacks": "web"},
    ],
)
def test_a_result_that_the_model_does_not_have_is_a_mistake_and_not_an_answer(result, json_form):
    with pytest.raises(UnwritableResultError):
        xml("DescribeStacks", result, json=json_form)


def test_there_is_no_result_where_the_model_has_none():
    with pytest.raises(UnwritableResultError, match="StackId"):
        xml("DeleteStack", {"StackId": "arn:1"})


def test_errors():
    assert render_error(CLOUDFORMATION, "ValidationError", "a < b\x00", request_id="r-1").decode() == (
        f"<ErrorResponse {CF}><Error><Type>Sender</Type><Code>ValidationError</Code><Message>a &lt; b\ufffd</Message>"
        "</Error><RequestId>r-1</RequestId></ErrorResponse>"
    )
    text = render_error(CLOUDFORMATION, "InternalFailure", "", request_id="r-1", type="Receiver").decode()
    assert "<Type>Receiver</Type>" in text
    assert render_error(EC2, "MissingParameter", "m", request_id="r-1").decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>MissingParameter</Code>'
        "<Message>m</Message></Error></Errors><RequestID>r-1</RequestID></Response>"
    )
    said = render_error(CLOUDFORMATION, "ValidationError", "\udcff <", request_id="r-1", json=True)
    assert json.loads(said) == {
        "Error": {"Code": "ValidationError", "Message": "\udcff <", "Type": "Sender"},
        "RequestId": "r-1",
    }


def test_json_has_numbers_for_times_and_something_for_all_that_is_absent():
    result = {
        "Stacks": [{"StackName": "web", "CreationTime": 1_700_000_000.25, "DisableRollback": False, "Tags": None}]
    }
    [answer] = json.loads(xml("DescribeStacks", result, json=True)).values()
    [stack] = answer["DescribeStacksResult"]["Stacks"]
    assert (stack["StackName"], stack["CreationTime"], stack["DisableRollback"]) == ("web", 1_700_000_000.25, False)
    assert (stack["Outputs"], stack["Tags"], stack["Description"]) == ([], [], None)
    assert answer["ResponseMetadata"] == {"RequestId": "r-1"}


def test_json_of_an_operation_without_a_result():
    text = xml("SignalResource", {}, json=True)
    assert json.loads(text) == {"SignalResourceResponse": {"ResponseMetadata": {"RequestId": "r-1"}}}


def test_every_result_can_be_had_in_json():
    for operation in CLOUDFORMATION.operations.values():
        if operation.output_shape:
            result = filled(CLOUDFORMATION, operation.output_shape)
            answer = json.loads(xml(operation.name, result, json=True))[f"{operation.name}Response"]
            times_apart = json.loads(json.dumps(result, default=datetime.timestamp))
            assert answer[operation.result_wrapper] == times_apart


def test_ec2_has_no_json():
    with pytest.raises(UnwritableResultError, match="XML"):
        xml("DescribeRegions", {}, EC2, json=True)


def test_several_threads_may_ask_for_the_same_answer_first():
    service = evolve(EC2)  # with nothing made yet
    result = {"Reservations": [{"ReservationId": "r-1"}]}
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(lambda _: xml("DescribeInstances", result, service), range(64)))
    assert len(answers) == 1
