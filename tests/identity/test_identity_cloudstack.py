"""CloudStack's own signature, as its clients make it."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

import pytest
from cs import CloudStack
from hypothesis import given
from hypothesis import strategies as st
from signed_requests import KEY, NOW, SECRET, gate

from cfnlib.identity import Refusal, RefusedError
from cfnlib.simulator.signature import sign

EXPIRES = datetime.fromtimestamp(NOW + 600, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
FIELDS = {
    "command": "createStack",
    "apiKey": KEY,
    "response": "json",
    "signatureVersion": "3",
    "expires": EXPIRES,
    "parameters[0].Name": "a b",
    "parameters[0].age": "~*+%é[1]",
}


def signed_as(fields, encode=lambda value: quote(value, safe="*"), key=lambda pair: pair[0]):
    """The parameters with a signature over values that are encoded so, in this order of the names."""
    text = "&".join(f"{name}={encode(value)}" for name, value in sorted(fields.items(), key=key)).lower()
    return {**fields, "signature": base64.b64encode(hmac.digest(SECRET.encode(), text.encode(), "sha1")).decode()}


def refusal_of(params, now=NOW):
    with pytest.raises(RefusedError) as caught:
        gate(now).admit_cloudstack(params)
    return caught.value.refusal


@pytest.mark.parametrize("key", [lambda pair: pair[0], lambda pair: pair[0].lower()], ids=["as-is", "lower"])
@pytest.mark.parametrize(
    "encode",
    [
        lambda value: quote(value, safe="*"),
        lambda value: quote(value, safe=""),
        lambda value: quote(value, safe="*").replace("~", "%7E"),
        lambda value: quote(value, safe="").replace("~", "%7E"),
        quote_plus,
        lambda value: quote_plus(value, safe="*").replace("~", "%7E"),
        lambda value: quote(value, safe="*[]"),
    ],
)
def test_clients_may_encode_as_they_do(encode, key):
    assert gate().admit_cloudstack(signed_as(FIELDS, encode, key)).access_key == KEY


def test_what_the_real_server_takes_is_taken():
    assert gate().admit_cloudstack({**FIELDS, "signature": sign(FIELDS, SECRET)}).access_key == KEY


def test_what_cs_signs_is_taken():
    kept = []

    class Session:
        def send(self, prepared, **_):
            kept.append(prepared.url)
            raise ConnectionError

    cloud = CloudStack(endpoint="http://h/client/api", key=KEY, secret=SECRET, expiration=600, session=Session())
    with pytest.raises(ConnectionError):
        cloud.createStack(name="a b*+é", tags=[{"key": "k", "value": "v"}])
    params = parse_qsl(urlsplit(kept[0]).query)
    now = datetime.now(UTC).timestamp()
    assert gate(now).admit_cloudstack(params).access_key == KEY
    assert refusal_of(params, now + 700) is Refusal.EXPIRED


def test_names_may_be_in_any_case_and_parameters_in_any_order():
    params = signed_as({**{k: v for k, v in FIELDS.items() if k != "apiKey"}, "APIKEY": KEY})
    assert gate().admit_cloudstack(list(reversed(params.items()))).access_key == KEY


def test_the_same_request_comes_as_often_as_its_client_polls():
    one, params = gate(), signed_as(FIELDS)
    assert {one.admit_cloudstack(params).access_key for _ in range(3)} == {KEY}


def test_version_1_has_no_time():
    fields = {"command": "listStacks", "apikey": KEY}
    assert gate(NOW * 2).admit_cloudstack(signed_as(fields)).access_key == KEY


@pytest.mark.parametrize(
    "expires", ["2015-08-30T12:36:01+0000", "2015-08-30T14:36:01+0200", "2015-08-30T12:36:01.5Z"]
)
def test_expires_may_be_in_any_zone(expires):
    params = signed_as({**FIELDS, "expires": expires})
    assert gate().admit_cloudstack(params)
    assert refusal_of(params, NOW + 3) is Refusal.EXPIRED


@pytest.mark.parametrize("expires", ["", "soon", "2015-08-30", "99999-01-01T00:00:00+0000"])
def test_expires_that_cannot_be_read_is_incomplete(expires):
    assert refusal_of(signed_as({**FIELDS, "expires": expires})) is Refusal.INCOMPLETE


def test_version_3_needs_a_time():
    fields = {name: value for name, value in FIELDS.items() if name != "expires"}
    assert refusal_of(signed_as(fields)) is Refusal.INCOMPLETE


def test_a_name_cannot_swallow_its_neighbours():
    """Names are not encoded: `a=1&b` with the value 2 signs as `a=1` and `b=2` do, and so could hide `expires`."""
    params = signed_as(FIELDS)
    swallowed = ("expires", "parameters[0].Name", "parameters[0].age", "response", "signatureVersion")
    rest = {name: value for name, value in params.items() if name not in swallowed}
    name = "&".join(f"{one}={quote(params[one], safe='*')}" for one in swallowed[:-1]).lower() + "&signatureversion"
    assert refusal_of({**rest, name: "3"}, NOW + 10_000) is Refusal.MALFORMED


@pytest.mark.parametrize("again", [("APIKEY", "other"), ("Command", "deleteStack"), ("expires", EXPIRES)])
def test_a_parameter_comes_once_in_whatever_case(again):
    assert refusal_of([*signed_as(FIELDS).items(), again]) is Refusal.MALFORMED


def test_without_key_or_signature_there_is_none():
    assert refusal_of(FIELDS) is Refusal.MISSING
    assert refusal_of(signed_as({"command": "listStacks"})) is Refusal.MISSING


def test_an_unknown_key_is_unknown():
    assert refusal_of(signed_as({**FIELDS, "apiKey": "other"})) is Refusal.UNKNOWN_KEY


@given(st.data())
def test_with_one_bit_changed_a_request_is_not_admitted(data):
    params = signed_as(FIELDS)
    name = data.draw(st.sampled_from(sorted(params)))
    part = data.draw(st.sampled_from(["name", "value"]))
    text = name if part == "name" else params[name]
    at, bit = data.draw(st.integers(0, len(text) - 1)), data.draw(st.integers(0, 6))
    changed = text[:at] + chr(ord(text[at]) ^ (1 << bit)) + text[at + 1 :]
    if changed.lower() == text.lower() and (name, part) != (
        "signature",
        "value",
    ):  # the case of letters is not signed
        return
    pairs = [(one, value) for one, value in params.items() if one != name]
    refusal_of([*pairs, (changed, params[name]) if part == "name" else (name, changed)])
