"""Templates by URL: from the service's own bucket, and from nowhere that is not allowed."""

from __future__ import annotations

import json

import pytest
from service_world import QUICK, refused

POLICY = '{"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}'


@pytest.fixture
def stored(place):
    """Puts a text into the caller's bucket; gives its URL."""

    def put(key, text, name="admin"):
        s3 = place.client(name, "s3")
        s3.create_bucket(Bucket="templates")
        s3.put_object(Bucket="templates", Key=key, Body=text.encode())
        return f"{place.public_url}/templates/{key}"

    return put


def test_a_stack_is_made_from_a_template_in_the_bucket(place, stored):
    url = stored("quick.json", QUICK + " " * 60_000)
    cfn = place.client()
    stack_id = cfn.create_stack(StackName="by-url", TemplateURL=url)["StackId"]
    place.until(stack_id, "CREATE_COMPLETE")
    assert cfn.get_template(StackName="by-url")["TemplateBody"] == json.loads(QUICK)
    assert cfn.validate_template(TemplateURL=url)["Description"] == "a key"
    assert cfn.get_template_summary(TemplateURL=url)["ResourceTypes"] == ["AWS::EC2::KeyPair"]
    cfn.set_stack_policy(StackName="by-url", StackPolicyURL=stored("policy.json", POLICY))
    assert cfn.get_stack_policy(StackName="by-url")["StackPolicyBody"] == POLICY


def test_a_template_that_is_too_large_is_refused(place, stored):
    url = stored("large.json", QUICK + " " * 1_048_576)
    assert refused(place.client().validate_template, TemplateURL=url)[0] == "ValidationError"


def test_a_bucket_is_its_accounts_own(place, stored):
    place.person("ann")
    url = stored("mine.json", QUICK)
    assert refused(place.client("ann").validate_template, TemplateURL=url)[0] == "ValidationError"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/t.json",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/t.json",
        "file:///etc/passwd",
        "ftp://127.0.0.1/t.json",
        "https://s3.amazonaws.com/nobody/t.json",
        "http://localhost/t.json",
        "not a url",
    ],
)
def test_a_url_that_leads_elsewhere_is_refused(place, url):
    assert refused(place.client().validate_template, TemplateURL=url)[0] == "ValidationError"


def test_buckets_are_listed_beside_the_query_api(place, stored):
    stored("a.json", QUICK)
    assert [one["Name"] for one in place.client("admin", "s3").list_buckets()["Buckets"]] == ["templates"]
