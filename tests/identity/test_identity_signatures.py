"""Requests that clients sign are admitted; with anything of them changed, they are not."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

auth = pytest.importorskip("botocore.auth")
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.credentials import Credentials  # noqa: E402

from cfnlib.identity import Caller, Gate, Refusal, RefusedError, SignedRequest  # noqa: E402

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
EXAMPLE = (
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, "
    "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
)
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp()


class OneKey:
    """A keyring with one pair."""

    def secret(self, access_key):  # noqa: D102 - see Keyring
        if access_key != KEY:
            raise RefusedError(Refusal.UNKNOWN_KEY, "unknown")
        return SECRET

    def caller(self, access_key):  # noqa: D102 - see Keyring
        return Caller(access_key, self.secret(access_key), account="demo")


def gate(now=NOW):
    return Gate(OneKey(), now=lambda: now)


def signed(signer, method="POST", url="http://127.0.0.1:8773/", body=b"", at=NOW, headers=(), **options):
    """A request as botocore signs it, and as it then comes over the wire."""
    request = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
    made = signer(
        Credentials(KEY, SECRET), "s3" if "S3" in signer.__name__ else "cloudformation", "us-east-1", **options
    )
    moment = datetime.fromtimestamp(at, UTC)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda **_: moment.replace(tzinfo=None), raising=False)
        made.add_auth(request)
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    sent = [
        (name.lower(), value if isinstance(value, str) else value.decode())
        for name, value in prepared.headers.items()
    ]
    if "host" not in dict(sent):
        sent.insert(0, ("host", parts.netloc))
    data = prepared.body or b""
    return SignedRequest(
        method, parts.path or "/", parts.query, tuple(sent), data if isinstance(data, bytes) else data.encode()
    )


def refusal_of(request, form=(), now=NOW):
    with pytest.raises(RefusedError) as caught:
        gate(now).admit(request, form)
    return caught.value.refusal


BODY = urlencode({"Action": "DescribeStacks", "StackName": "a b~c*é+", "Version": "2010-05-15"}).encode()
FORM_HEADERS = (("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),)


def test_the_published_example_is_admitted():
    """AWS's signature test suite, get-vanilla."""
    request = SignedRequest(
        "GET",
        "/",
        "",
        (
            ("host", "example.amazonaws.com"),
            ("x-amz-date", "20150830T123600Z"),
            ("authorization", EXAMPLE),
        ),
    )
    assert gate().admit(request, ()).access_key == KEY


@pytest.mark.parametrize(
    ("signer", "method", "url", "body"),
    [
        (auth.SigV4Auth, "POST", "http://127.0.0.1:8773/", BODY),
        (auth.SigV4Auth, "GET", "http://ec2.example.org/?Action=A&Names.1=%C3%A9%20x&Empty=", b""),
        (auth.SigV4QueryAuth, "GET", "http://127.0.0.1:8773/?Action=DescribeInstances", b""),
        (auth.S3SigV4Auth, "PUT", "http://127.0.0.1:8000/bucket/a%20b/c%2Bd//e", b"content"),
        (auth.S3SigV4QueryAuth, "GET", "http://127.0.0.1:8000/bucket/a%20b/c%2Bd", b""),
    ],
)
def test_what_botocore_signs_is_admitted(signer, method, url, body):
    assert gate().admit(signed(signer, method, url, body), ()).account == "demo"


def v2(pairs, method="POST", host="127.0.0.1:8773", sign_host=None, digest="HmacSHA256"):
    """A request of Signature Version 2, signed by hand as the documentation says."""
    values = {**dict(pairs), "AWSAccessKeyId": KEY, "SignatureVersion": "2", "SignatureMethod": digest}
    values.setdefault("Timestamp", "2015-08-30T12:36:00Z")
    text = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted(values.items()))
    what = f"{method}\n{(sign_host or host).lower()}\n/\n{text}".encode()
    name = "sha256" if digest == "HmacSHA256" else "sha1"
    values["Signature"] = base64.b64encode(hmac.digest(SECRET.encode(), what, name)).decode()
    query = urlencode(values)
    body = b"" if method == "GET" else query.encode()
    return SignedRequest(method, "/", query if method == "GET" else "", (("host", host),), body), list(values.items())


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("digest", ["HmacSHA256", "HmacSHA1"])
@pytest.mark.parametrize("sign_host", ["127.0.0.1:8773", "127.0.0.1"])
def test_version_2_is_admitted_with_the_port_and_without(method, digest, sign_host):
    request, form = v2({"Action": "DescribeInstances"}, method, sign_host=sign_host, digest=digest)
    assert gate().admit(request, form).access_key == KEY


def test_boto_2_is_admitted():
    boto = pytest.importorskip("boto.ec2.connection", exc_type=ImportError)
    regioninfo = pytest.importorskip("boto.regioninfo", exc_type=ImportError)
    connection = boto.EC2Connection(
        KEY, SECRET, is_secure=False, port=8773, region=regioninfo.RegionInfo(name="cs", endpoint="127.0.0.1")
    )
    params = {"Action": "RunInstances", "UserData": "a~b c*", "Version": connection.APIVersion}
    request = connection.build_base_http_request("POST", "/", None, params, {}, "", "127.0.0.1:8773")
    request.authorize(connection=connection)
    body = request.body if isinstance(request.body, bytes) else request.body.encode()
    headers = tuple((name.lower(), str(value)) for name, value in request.headers.items() if name.lower() != "host")
    sent = SignedRequest("POST", "/", "", (("host", "127.0.0.1:8773"), *headers), body)
    now = datetime.now(UTC).timestamp()
    assert gate(now).admit(sent, ()).access_key == KEY


def parts_of(request):
    """Each place of a request that can be changed: a label, and how."""
    yield from (("method", lambda flip, r=request: evolve(r, method=flip(r.method))),)
    yield "path", lambda flip: evolve(request, raw_path=flip(request.raw_path))
    if request.raw_query:
        yield "query", lambda flip: evolve(request, raw_query=flip(request.raw_query))
    for index, (name, value) in enumerate(request.headers):
        if name in {"authorization", "host", "x-amz-date", "x-amz-content-sha256"} and value:

            def changed(flip, index=index, name=name, value=value):
                headers = list(request.headers)
                headers[index] = (name, flip(value))
                return evolve(request, headers=tuple(headers))

            yield name, changed
    if request.body:
        yield "body", lambda flip: evolve(request, body=flip(request.body.decode("latin-1")).encode("latin-1"))


def equivalent(a, b):
    """Whether two requests differ only in what does not mean anything: how a query is encoded, blanks in headers."""

    def shape(request):
        pairs = sorted(parse_qsl(request.raw_query, keep_blank_values=True, errors="surrogateescape"))
        headers = tuple(
            (name, " ".join(value.split()).replace(", ", ",").replace(" ,", ",")) for name, value in request.headers
        )
        path = "/" + "/".join(part for part in request.raw_path.split("/") if part not in {"", "."})
        return request.method, path, pairs, headers, request.body

    return shape(a) == shape(b)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_with_one_bit_changed_a_request_is_never_admitted(data):
    signer, method, url, body = data.draw(
        st.sampled_from(
            [
                (auth.SigV4Auth, "POST", "http://127.0.0.1:8773/", BODY),
                (auth.SigV4Auth, "GET", "http://ec2.example.org/?Action=Terminate&InstanceId.1=i-1", b""),
                (auth.SigV4QueryAuth, "GET", "http://127.0.0.1:8773/?Action=DescribeInstances", b""),
                (auth.S3SigV4Auth, "PUT", "http://127.0.0.1:8000/bucket/key", b"content"),
            ]
        )
    )
    request = signed(signer, method, url, body)
    _, change = data.draw(st.sampled_from(list(parts_of(request))), label="part")

    def flip(text):
        at = data.draw(st.integers(0, len(text) - 1), label="at")
        bit = data.draw(st.integers(0, 6), label="bit")
        return text[:at] + chr(ord(text[at]) ^ (1 << bit)) + text[at + 1 :]

    other = change(flip)
    if equivalent(request, other):
        return
    refusal_of(other)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_version_2_with_one_bit_changed_is_never_admitted(data):
    _, form = v2({"Action": "TerminateInstances", "InstanceId.1": "i-0123"})
    index = data.draw(st.integers(0, len(form) - 1))
    part = data.draw(st.integers(0, 1))
    text = form[index][part]
    at, bit = data.draw(st.integers(0, len(text) - 1)), data.draw(st.integers(0, 6))
    pair = list(form[index])
    pair[part] = text[:at] + chr(ord(text[at]) ^ (1 << bit)) + text[at + 1 :]
    changed = [tuple(pair) if number == index else one for number, one in enumerate(form)]
    request = SignedRequest("POST", "/", "", (("host", "127.0.0.1:8773"),), urlencode(changed).encode())
    refusal_of(request, changed)


@settings(max_examples=300, deadline=None)
@given(
    method=st.text(max_size=8),
    path=st.text(max_size=20),
    query=st.text(max_size=60),
    headers=st.lists(
        st.tuples(
            st.sampled_from(["authorization", "host", "x-amz-date", "date", "x-amz-x", "x-amz-content-sha256"]),
            st.text(max_size=120)
            | st.sampled_from(
                ["AWS4-HMAC-SHA256 Credential=a/20150830/r/s/aws4_request,SignedHeaders=host,Signature=" + "0" * 64]
            ),
        ),
        max_size=5,
    ),
    form=st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "Signature",
                    "AWSAccessKeyId",
                    "SignatureVersion",
                    "Timestamp",
                    "Expires",
                    "SignatureMethod",
                    "X-Amz-Signature",
                ]
            ),
            st.text(max_size=30) | st.sampled_from(["2", KEY, "HmacSHA256", "2015-08-30T12:36:00Z"]),
        ),
        max_size=7,
    ),
    body=st.binary(max_size=50),
)
def test_whatever_comes_is_refused_and_breaks_nothing(method, path, query, headers, form, body):
    refusal_of(SignedRequest(method, path, query, tuple(headers), body), form)


@pytest.mark.parametrize("off", [-901, 901])
def test_a_time_too_far_from_ours_is_refused(off):
    assert refusal_of(signed(auth.SigV4Auth, body=BODY, at=NOW + off)) is Refusal.SKEWED
    assert gate().admit(signed(auth.SigV4Auth, body=BODY, at=NOW + off / 2), ())


def test_a_presigned_request_is_good_until_it_expires():
    request = signed(auth.SigV4QueryAuth, "GET", "http://h/?Action=A", expires=60)
    assert gate(NOW + 59).admit(request, ())
    assert refusal_of(request, now=NOW + 61) is Refusal.EXPIRED


def test_a_request_may_come_again_at_once_and_not_later():
    request = signed(auth.SigV4Auth, body=BODY)
    times = iter([NOW, NOW + 1, NOW + 30])
    one = Gate(OneKey(), now=lambda: next(times))
    assert one.admit(request, ())
    assert one.admit(request, ())
    with pytest.raises(RefusedError) as caught:
        one.admit(request, ())
    assert caught.value.refusal is Refusal.REPLAYED


def test_a_request_is_signed_in_one_way():
    request = signed(auth.SigV4Auth, body=BODY)
    assert refusal_of(evolve(request, raw_query="X-Amz-Signature=00")) is Refusal.MALFORMED
    assert refusal_of(request, [("Signature", "x")]) is Refusal.MALFORMED


@pytest.mark.parametrize("name", ["authorization", "host", "x-amz-date"])
def test_a_header_that_is_signed_comes_once(name):
    request = signed(auth.SigV4Auth, body=BODY)
    twice = evolve(request, headers=(*request.headers, (name, dict(request.headers)[name])))
    assert refusal_of(twice) is Refusal.MALFORMED


def test_a_header_of_aws_that_is_not_signed_is_refused():
    request = signed(auth.SigV4Auth, body=BODY)
    assert refusal_of(evolve(request, headers=(*request.headers, ("x-amz-target", "Evil")))) is Refusal.MISMATCH


def test_nobody_learns_a_secret_from_a_refusal():
    texts = []
    for request in (signed(auth.SigV4Auth, body=BODY), SignedRequest("GET", "/", "", ())):
        try:
            gate(NOW + 10_000).admit(request, ())
        except RefusedError as error:
            texts.append(f"{error} {error!r}")
    shown = json.dumps([*texts, repr(Caller(KEY, SECRET)), repr(request)])
    assert SECRET not in shown
