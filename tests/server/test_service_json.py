"""boto 2.49, which asks for JSON and signs with hmac-v4; and JSON and XML as they stand on the wire."""

from __future__ import annotations

import json
import urllib.request
import xml.etree.ElementTree as ET

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from service_world import QUICK

cloudformation = pytest.importorskip(
    "boto.cloudformation.connection", reason="boto 2 is not for this Python", exc_type=ImportError
)
regioninfo = pytest.importorskip("boto.regioninfo", exc_type=ImportError)
BotoServerError = pytest.importorskip("boto.exception", exc_type=ImportError).BotoServerError


@pytest.fixture
def old(place):
    """A connection of boto 2, without tries of its own."""
    person = place.people["admin"]
    region = regioninfo.RegionInfo(name="us-east-1", endpoint="127.0.0.1")
    found = cloudformation.CloudFormationConnection(
        aws_access_key_id=person.key,
        aws_secret_access_key=person.secret,
        region=region,
        port=place.server.port,
        is_secure=False,
        validate_certs=False,
    )
    found.num_retries = 0
    return found


def asked(place, method="POST", **pairs):
    """Status, headers and body of a signed request of the Query API."""
    person = place.people["admin"]
    pairs = {"Version": "2010-05-15", **pairs}
    if method == "POST":
        request = AWSRequest(method, place.public_url + "/", data=pairs)
    else:
        request = AWSRequest(method, place.public_url + "/", params=pairs)
    SigV4Auth(Credentials(person.key, person.secret), "cloudformation", "us-east-1").add_auth(request)
    ready = request.prepare()
    body = ready.body.encode() if isinstance(ready.body, str) else ready.body
    call = urllib.request.Request(ready.url, body, dict(ready.headers.items()), method=method)
    try:
        with urllib.request.urlopen(call) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_boto_2_makes_and_looks_at_a_stack(place, old):
    made = old.create_stack("old", template_body=QUICK, parameters=[("Name", "k")], tags={"a": "b"})
    assert made.startswith("arn:aws:cloudformation:")
    place.until("old", "CREATE_COMPLETE")
    [stack] = old.describe_stacks("old")
    assert stack.stack_id == made
    assert stack.stack_status == "CREATE_COMPLETE"
    assert [(one.key, one.value) for one in stack.outputs] == [("Key", "old-k")]
    assert next(iter(old.describe_stack_events("old"))).resource_status == "CREATE_COMPLETE"
    assert old.get_template("old")["GetTemplateResponse"]["GetTemplateResult"]["TemplateBody"] == QUICK
    detail = old.describe_stack_resource("old", "Key")
    detail = detail["DescribeStackResourceResponse"]["DescribeStackResourceResult"]["StackResourceDetail"]
    assert detail["ResourceStatus"] == "CREATE_COMPLETE"
    assert isinstance(detail["LastUpdatedTimestamp"], float | int)
    assert old.update_stack("old", template_body=QUICK, parameters=[("Name", "new")]) == made
    place.until("old", "UPDATE_COMPLETE")
    assert "old" in [one.stack_name for one in old.list_stacks()]
    assert old.validate_template(template_body=QUICK).description == "a key"
    old.delete_stack("old")
    place.until(made, "DELETE_COMPLETE")


def test_boto_2_reads_errors(old):
    with pytest.raises(BotoServerError) as caught:
        old.describe_stacks("nobody")
    assert (caught.value.status, caught.value.error_code) == (400, "ValidationError")
    assert caught.value.error_message == "Stack with id nobody does not exist"
    with pytest.raises(BotoServerError) as caught:
        old.get_template("nobody")
    assert json.loads(caught.value.body)["Error"] == {
        "Code": "ValidationError",
        "Message": "Stack with id nobody does not exist",
        "Type": "Sender",
    }


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_answers_are_xml_or_json_as_asked(place, method):
    status, headers, body = asked(place, method, Action="DescribeAccountLimits")
    assert status == 200
    assert headers["Content-Type"].startswith("text/xml")
    root = ET.fromstring(body)
    assert root.tag == "{http://cloudformation.amazonaws.com/doc/2010-05-15/}DescribeAccountLimitsResponse"
    status, headers, body = asked(place, method, Action="DescribeAccountLimits", ContentType="JSON")
    assert headers["Content-Type"].startswith("application/json")
    found = json.loads(body)["DescribeAccountLimitsResponse"]
    assert found["DescribeAccountLimitsResult"]["AccountLimits"]
    assert found["ResponseMetadata"]["RequestId"] == headers["x-amzn-RequestId"]


@pytest.mark.parametrize(
    ("pairs", "code"),
    [
        ({"Action": "Fly"}, "InvalidAction"),
        ({"Action": "DescribeStacks", "Version": "2011-01-01"}, "NoSuchVersion"),
        ({}, "MissingAction"),
        ({"Action": "GetCallerIdentity"}, "InvalidAction"),
        ({"Action": "AssumeRole", "Version": "2011-06-15"}, "InvalidAction"),
    ],
)
def test_what_is_no_request_of_the_api_is_refused_by_name(place, pairs, code):
    status, _, body = asked(place, **pairs)
    assert status == 400
    assert f"<Code>{code}</Code>".encode() in body


def test_other_methods_are_told_which_there_are(place):
    status, headers, _ = asked(place, "PUT", Action="ListStacks")
    assert status == 405
    assert headers["Allow"] == "GET, POST"


def test_the_cost_page_can_be_read_without_keys(place):
    with urllib.request.urlopen(f"{place.public_url}/cost") as answer:
        assert b"no price list" in answer.read()
