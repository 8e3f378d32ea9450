"""Whatever the stack commands are given, what is wrong with it is the caller's, and is told in CloudStack's form."""

from __future__ import annotations

import json
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from client_api_calls import client_of, refused, sent
from hypothesis import given
from hypothesis import strategies as st
from service_world import QUICK

from cfnlib.simulator.signature import sign

COMMANDS = (
    "createStack",
    "updateStack",
    "deleteStack",
    "listStacks",
    "listStackEvents",
    "listStackResources",
    "validateTemplate",
)
NAMES = (
    "name",
    "id",
    "stackid",
    "templatebody",
    "templateurl",
    "parameters",
    "parameters[0].key",
    "parameters[0].value",
    "parameters[0].Name",
    "parameters[1]",
    "tags[0].key",
    "tags[0].value",
    "tags[999999].x",
    "capabilities",
    "capabilities[0]",
    "onfailure",
    "timeout",
    "projectid",
    "keyword",
    "status",
    "listall",
    "page",
    "pagesize",
)
VALUES = (
    "there",
    "arn:aws:cloudformation:x:1:stack/there/2",
    QUICK,
    QUICK[:-1],
    "Resources: {A: {Type: AWS::EC2::Instance}}",
    "Resources: !Ref A",
    "[]",
    "{}",
    "null",
    "Resources: &a [*a]",
    "http://127.0.0.1:1/t",
    "file:///etc/passwd",
    "true",
    "-1",
    "0",
    "1",
    "501",
    "99999999999999999999",
    "9" * 5000,
    "٣",
    "1e3",
    "ROLLBACK",
    "CREATE_COMPLETE",
    "00000000-0000-4000-8000-000000000000",
    "x" * 2000,
)
values = st.one_of(st.sampled_from(VALUES), st.text(st.characters(codec="utf-8"), max_size=40))
keys = st.one_of(
    st.sampled_from(NAMES),
    st.sampled_from(NAMES).map(str.upper),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=12),
).filter(
    lambda name: name.lower() not in {"command", "apikey", "signature", "signatureversion", "expires", "response"}
)


RIGHT = {
    "createStack": {"name": "fuzzed", "templatebody": QUICK},
    "updateStack": {"id": "there", "parameters[0].Name": "x"},
    "deleteStack": {"name": "fuzzed"},
    "listStacks": {"keyword": "there"},
    "listStackEvents": {"stackid": "there", "page": "1", "pagesize": "3"},
    "listStackResources": {"id": "there"},
    "validateTemplate": {"templatebody": QUICK},
}


@pytest.fixture(scope="module", autouse=True)
def _there(client):
    client.createStack(name="there", templatebody=QUICK, fetch_result=True)


@given(
    command=st.sampled_from(COMMANDS),
    parameters=st.dictionaries(keys, values, max_size=6),
    almost_right=st.booleans(),
    as_json=st.booleans(),
)
def test_no_call_ends_in_an_error_of_ours(place, command, parameters, almost_right, as_json):
    if almost_right:
        parameters = {**RIGHT[command], **dict(list(parameters.items())[:2])}
    person = place.people["admin"]
    said = {"command": command, "apiKey": person.key, **parameters, **({"response": "json"} if as_json else {})}
    form = urlencode({**said, "signature": sign(said, person.secret)}).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    found = sent(place.public_url, method="POST", body=form, headers=kind)
    # 536: another operation on the stack is under way, begun by the call before.
    assert found.status in {200, 431, 536}, found.body
    envelope = f"{command.lower()}response"
    if as_json:
        content = json.loads(found.body)[envelope]
    else:
        document = ET.fromstring(found.body)
        assert document.tag == envelope
        content = {one.tag: one.text for one in document}
    if found.status != 200:
        assert int(content["errorcode"]) == found.status
        assert int(content["cserrorcode"]) in {4350, 9999}
        assert content["errortext"]
        assert found.header("X-Description")


@pytest.mark.parametrize(
    ("command", "wrong", "words"),
    [
        ("createStack", {}, "missing parameter name"),
        ("createStack", {"name": "x" * 129, "templatebody": QUICK}, "max allowed length 128 for param: name"),
        ("createStack", {"name": "a b", "templatebody": QUICK}, "no stack name"),
        ("createStack", {"name": "ok", "templatebody": QUICK, "timeout": "soon"}, "incorrect integer value format"),
        ("createStack", {"name": "ok", "templatebody": QUICK, "timeout": "0"}, "at least 1"),
        ("createStack", {"name": "ok", "templatebody": QUICK, "onfailure": "CRY"}, "OnFailure is one of ROLLBACK"),
        ("createStack", {"name": "ok", "templatebody": QUICK, "parameters": "Name=x"}, "parameters is a map"),
        ("createStack", {"name": "ok", "templatebody": QUICK, "paramters[0].a": "b"}, "did you mean parameters?"),
        ("createStack", {"name": "ok", "templatebody": QUICK, "parameters": {"No": "x"}}, "[No] do not exist"),
        ("createStack", {"name": "ok", "templatebody": QUICK, "name[0]": "x"}, "two ways"),
        ("createStack", {"name": "ok", "templatebody": QUICK, "projectid": "mine"}, "Invalid parameter projectid"),
        ("createStack", {"name": "ok", "templatebody": "a\x00b"}, "non-printable"),
        ("createStack", {"name": "ok"}, "Template"),
        ("createStack", {"name": "ok", "templateurl": "http://127.0.0.1:1/x"}, ""),
        ("createStack", {"name": "ok", "templatebody": QUICK + " " * 51_200}, "51200"),
        ("updateStack", {"id": "there", "name": "there"}, "id of a stack or its name"),
        ("updateStack", {}, "id of a stack or its name"),
        ("deleteStack", {"name": "never"}, "Invalid parameter name value=never"),
        ("listStacks", {"listall": "yes"}, "it is true or false"),
        ("validateTemplate", {"templatebody": "{"}, "Template format error"),
    ],
)
def test_what_is_wrong_is_told(place, command, wrong, words):
    code, detail, text = refused(getattr(client_of(place), command), **wrong)
    assert code == 431
    assert detail in {4350, 9999}
    assert words in text


def test_a_map_that_names_something_twice_is_refused(place):
    both = [{"key": "Name", "value": "a"}, {"Name": "b"}]
    code, _, text = refused(client_of(place).createStack, name="ok", templatebody=QUICK, parameters=both)
    assert (code, "has Name more than once" in text) == (431, True)
