"""With anything of a signed request changed, it is not admitted; and nothing that comes breaks the gate."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, unquote_to_bytes, urlencode

import pytest
from attrs import evolve
from botocore import auth
from hypothesis import given, settings
from hypothesis import strategies as st
from signed_requests import FORM, KEY, SECRET, gate, refusal_of, signed, v2

from cfnlib.identity import RefusedError, SignedRequest

BODY = urlencode({"Action": "DescribeStacks", "StackName": "a b~c*é+", "Version": "2010-05-15"}).encode()
UNSIGNED_HEADERS = {"user-agent", "content-length"}
PRISTINE = [
    signed(auth.SigV4Auth, "POST", "http://127.0.0.1:8773/", BODY, headers=(FORM,)),
    signed(auth.SigV4Auth, "GET", "http://ec2.example.org/?Action=Terminate&InstanceId.1=i-1", b""),
    signed(auth.SigV4Auth, "POST", "http://h/clusters/a-b", b'{"nodes": 3}', headers=(("X-Amz-Meta", "a b"),)),
    signed(auth.SigV4QueryAuth, "GET", "http://127.0.0.1:8773/?Action=DescribeInstances", b"", expires=60),
    signed(auth.S3SigV4Auth, "PUT", "http://127.0.0.1:8000/bucket/a%2Fkey", b"content"),
    signed(auth.S3SigV4QueryAuth, "GET", "http://127.0.0.1:8000/bucket/key", b"", expires=60),
    v2({"Action": "TerminateInstances", "InstanceId.1": "i-0123"}, "POST")[0],
    v2({"Action": "TerminateInstances", "InstanceId.1": "i-0123"}, "GET")[0],
    v2({"Action": "TerminateInstances", "Expires": "2015-08-30T13:00:00Z"}, "GET", digest="HmacSHA1")[0],
]


def form_of(request):
    pairs = parse_qsl(request.raw_query, keep_blank_values=True, errors="surrogateescape")
    return pairs + parse_qsl(request.body.decode("latin-1"), keep_blank_values=True)


def places_of(request):
    """Each text of a request that is signed, with how to put another in its place."""
    yield request.method, lambda new: evolve(request, method=new)
    yield request.raw_path, lambda new: evolve(request, raw_path=new)
    if request.raw_query:
        yield request.raw_query, lambda new: evolve(request, raw_query=new)
    if request.body:
        yield request.body.decode("latin-1"), lambda new: evolve(request, body=new.encode("latin-1"))
    for index, (name, value) in enumerate(request.headers):
        by_v2 = b"SignatureVersion" in request.body or "SignatureVersion" in request.raw_query
        if name not in UNSIGNED_HEADERS and not (by_v2 and name != "host"):

            def put(new, index=index, name=name):
                headers = [*request.headers[:index], (name, new), *request.headers[index + 1 :]]
                return evolve(request, headers=tuple(headers))

            yield value, put


def meaning(request):
    """What a request says, whatever the encoding of its parameters; a run of blanks in a header is one blank.

    The host's letter case says nothing to version 2, nor how a path is encoded to S3, segment by segment.
    """
    form = form_of(request)
    by_v2 = "SignatureVersion" in dict(form)
    body = sorted(form) if by_v2 else request.body
    query = sorted(parse_qsl(request.raw_query, keep_blank_values=True, errors="surrogateescape"))
    headers = {}
    for name, value in request.headers:
        text = " ".join(value.split(" ")).strip(" ")
        text = text.replace(", ", ",").replace(" ,", ",") if name == "authorization" else text
        headers[name] = text.lower() if name == "host" and by_v2 else text
    of_s3 = "/s3/" in headers.get("authorization", "") or "/s3/" in unquote(request.raw_query)
    path = [unquote_to_bytes(part) for part in request.raw_path.split("/")] if of_s3 else request.raw_path or "/"
    return request.method, path, query, headers, body


def same(one, other):
    return meaning(one) == meaning(other)


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_with_one_bit_changed_a_request_is_never_admitted(data):
    request = data.draw(st.sampled_from(PRISTINE), label="request")
    text, put = data.draw(st.sampled_from(list(places_of(request))), label="place")
    at = data.draw(st.integers(0, len(text) - 1), label="at")
    bit = data.draw(st.integers(0, 6), label="bit")
    changed = put(text[:at] + chr(ord(text[at]) ^ (1 << bit)) + text[at + 1 :])
    if not same(request, changed):
        refusal_of(changed, form_of(changed))


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_with_a_piece_put_in_or_taken_out_a_request_is_never_admitted(data):
    request = data.draw(st.sampled_from(PRISTINE), label="request")
    text, put = data.draw(st.sampled_from(list(places_of(request))), label="place")
    start = data.draw(st.integers(0, len(text)), label="start")
    end = data.draw(st.integers(start, len(text)), label="end")
    piece = data.draw(
        st.sampled_from(["", "&", "=", "/", "%", "+", "a", "&x=1", "%00", "\r\n", "//", "/../", ";", ",", "é"]),
        label="new",
    )
    changed = put(text[:start] + piece + text[end:])
    if not same(request, changed):
        refusal_of(changed, form_of(changed))


def test_the_pristine_ones_are_admitted():
    for request in PRISTINE:
        assert gate().admit(request, form_of(request)).access_key == KEY


def test_a_changed_body_is_refused_even_where_only_parameters_are_signed():
    """Version 2 signs no body; what is not a form would come through as it is."""
    request, form = v2({"Action": "A"}, "GET")
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded", ""):
        headers = (*request.headers, *((("content-type", kind),) if kind else ()))
        altered = evolve(request, headers=headers, body=b'{"nodes": 1000}')
        refusal_of(altered, ())
        refusal_of(altered, form)


_names = st.sampled_from(
    ["authorization", "host", "x-amz-date", "date", "x-amz-x", "x-amz-content-sha256", "content-type", "", "a b", "é"]
)
_values = st.text(max_size=80) | st.sampled_from(
    [
        "AWS4-HMAC-SHA256 Credential=a/20150830/r/s/aws4_request,SignedHeaders=host,Signature=" + "0" * 64,
        f"AWS4-HMAC-SHA256 Credential={KEY}/20150830/r/s3/aws4_request,SignedHeaders=host,Signature=" + "0" * 64,
        f"AWS4-HMAC-SHA256 Credential={KEY}/20150830/r/s/aws4_request,SignedHeaders=é,Signature=" + "0" * 64,
        "20150830T123600Z",
        "20159930T993600Z",
        "Sun, 30 Aug 2015 12:36:00 GMT",
        "Sun, 99 Zzz 2015 99:36:00 GMT",
        "UNSIGNED-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "CFN_V1 e30=:sig",
    ]
)
_text = st.text(max_size=40) | st.text(st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF), max_size=3)
_queries = _text | st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders"),
                *(
                    "X-Amz-Signature",
                    "AWSAccessKeyId",
                    "Signature",
                    "SignatureVersion",
                    "SignatureMethod",
                    "Timestamp",
                ),
            ]
        ),
        st.sampled_from(
            [
                *("AWS4-HMAC-SHA256", f"{KEY}/20150830/r/s/aws4_request", "20150830T123600Z", "60", "-1", "99999999"),
                *("host", "0" * 64, "2", KEY, "HmacSHA256", "2015-08-30T12:36:00Z", "\udcff", "%ff", ""),
            ]
        ),
    ),
    max_size=8,
).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs))


@settings(max_examples=500, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST"]) | _text,
    path=st.sampled_from(["/", "", "/a/../b"]) | _text,
    query=_queries,
    headers=st.lists(st.tuples(_names, _values), max_size=6),
    form=st.lists(st.tuples(_text | st.sampled_from(["Signature", "AWSAccessKeyId"]), _text), max_size=4),
    body=st.binary(max_size=50),
)
def test_whatever_comes_is_refused_and_breaks_nothing(method, path, query, headers, form, body):
    refusal_of(SignedRequest(method, path, query, tuple(headers), body), form)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        _text | st.sampled_from(["apikey", "signature", "expires", "signatureversion", "apiKey"]),
        _text | st.sampled_from([KEY, "3", "2015-08-30T12:36:00+0000"]),
        max_size=6,
    )
)
def test_whatever_comes_to_cloudstacks_own_door_is_refused(params):
    with pytest.raises(RefusedError) as caught:
        gate().admit_cloudstack(params)
    assert SECRET not in str(caught.value)
