"""Signals from machines: the URLs of wait handles, and SignalResource."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request

import pytest
from service_world import HELD, refused

from cfnlib.identity.urls import sign_url


@pytest.fixture
def cfn(place):
    return place.client()


def handle_url(place, stack_id):
    """The URL that a machine would find in its user data."""
    [row] = [row for row in place.service.store.resources(stack_id) if row.logical_id == "Handle"]
    return row.attributes["Url"]


def send(url, body=b"", method="PUT", content_type=""):
    """The status of a signal, sent as cfn-signal does."""
    call = urllib.request.Request(url, body, {"Content-Type": content_type}, method=method)
    try:
        with urllib.request.urlopen(call) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.read()
        return error.code


def said(**members):
    return json.dumps({"Status": "SUCCESS", "UniqueId": "a", "Reason": "done", "Data": "ready", **members}).encode()


def test_the_owner_sees_a_handles_url_as_its_physical_id(place, cfn):
    stack_id = place.held("shown")
    which = {"StackName": stack_id, "LogicalResourceId": "Handle"}
    url = cfn.describe_stack_resource(**which)["StackResourceDetail"]["PhysicalResourceId"]
    assert url == handle_url(place, stack_id)
    listed = cfn.list_stack_resources(StackName=stack_id)["StackResourceSummaries"]
    assert url in [row.get("PhysicalResourceId") for row in listed]
    assert send(url, said()) == 200
    place.until(stack_id, "CREATE_COMPLETE")
    place.removed(stack_id)


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize("content_type", ["", "application/json", "application/x-www-form-urlencoded"])
def test_a_signal_ends_the_wait(place, method, content_type):
    name = f"heard-{method}-{len(content_type)}"
    stack_id = place.held(name)
    assert send(handle_url(place, stack_id), said(), method, content_type) == 200
    stack = place.until(stack_id, "CREATE_COMPLETE")
    assert stack["Outputs"] == [{"OutputKey": "Data", "OutputValue": '{"a": "ready"}'}]
    place.removed(stack_id)


def test_a_failure_fails_the_stack(place, cfn):
    stack_id = place.held("broken")
    assert send(handle_url(place, stack_id), said(Status="FAILURE", Reason="no disk")) == 200
    stack = place.until(stack_id, "ROLLBACK_COMPLETE")
    events = cfn.describe_stack_events(StackName=stack_id)["StackEvents"]
    reasons = [event.get("ResourceStatusReason", "") for event in events]
    assert any("no disk" in reason for reason in reasons)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"


def test_a_url_is_good_for_its_handle_alone(place):
    stack_id, other_id = place.held("bound"), place.held("other")
    url = handle_url(place, stack_id)
    wrong = [
        url.replace("/Handle?", "/Wait?"),
        url.replace(stack_id.rpartition("/")[2], other_id.rpartition("/")[2]),
        re.sub(r"Signature=.", lambda found: found[0][:-1] + ("0" if found[0][-1] != "0" else "1"), url),
        url.partition("?")[0],
        re.sub(r"Expires=(\d+)", "Expires=4102444800", url),
    ]
    for one in wrong:
        assert one != url
        assert send(one, said()) == 403
    assert place.service.store.signals(stack_id, ["Handle", "Wait"]) in ({}, {"Handle": [], "Wait": []})
    assert place.client().describe_stacks(StackName=other_id)["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
    for one in (stack_id, other_id):
        place.removed(one)


def test_a_url_ends_with_its_time_and_with_its_stack(place):
    stack_id = place.held("over")
    path = f"/signal/{stack_id}/Handle"
    old = sign_url(place.public_url, path, place.service.secret_for("signal"), expires_at=int(time.time()) - 5)
    assert send(old, said()) in {400, 403}
    url = handle_url(place, stack_id)
    place.removed(stack_id)
    assert send(url, said()) == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"Status": "MAYBE"}', 400),
        (b'{"Status": ["SUCCESS"]}', 400),
        (b"\xff\xfe", 400),
        (b"x" * 5000, 413),
        (b"[" * 4000, 400),
    ],
)
def test_what_is_no_signal_is_refused(place, body, status):
    try:
        stack_id = place.client().describe_stacks(StackName="wrong")["Stacks"][0]["StackId"]
    except place.client().exceptions.ClientError:
        stack_id = place.held("wrong")
    assert send(handle_url(place, stack_id), body) == status
    assert place.client().describe_stacks(StackName="wrong")["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"


def test_a_handle_is_never_read(place):
    stack_id = place.held("silent")
    call = urllib.request.Request(handle_url(place, stack_id), method="GET")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(call)
    assert caught.value.code == 405
    place.removed(stack_id)


def test_a_resource_is_signalled_while_its_stack_is_under_way(place, cfn):
    stack_id = place.held("signalled")
    given = {"StackName": "signalled", "UniqueId": "i-1", "Status": "SUCCESS"}
    assert refused(cfn.signal_resource, LogicalResourceId="Nothing", **given) == (
        "ValidationError",
        "Resource Nothing does not exist for stack signalled",
    )
    cfn.signal_resource(LogicalResourceId="Handle", **given)
    place.until(stack_id, "CREATE_COMPLETE")
    code, text = refused(cfn.signal_resource, LogicalResourceId="Handle", **given)
    assert code == "ValidationError"
    assert text.endswith("is in CREATE_COMPLETE state and can not be signaled")
    assert "Handle" in HELD
