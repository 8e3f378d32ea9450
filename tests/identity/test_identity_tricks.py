"""Requests that are old, come again, or can be read in more than one way: each is refused for what it is."""

from __future__ import annotations

import base64
import hmac
import random
import tracemalloc
from urllib.parse import parse_qsl, urlencode

import pytest
from attrs import evolve
from botocore import auth
from signed_requests import FORM, KEY, NOW, SECRET, OneKey, gate, refusal_of, signed, v2

from cfnlib.errors import StoreError
from cfnlib.identity import Gate, Refusal, RefusedError, SignedRequest
from cfnlib.identity.replay import TOGETHER_S, Seen

BODY = urlencode({"Action": "DescribeStacks"}).encode()
GOOD = signed(auth.SigV4Auth, body=BODY, headers=(FORM,))
SAID = dict(GOOD.headers)["authorization"]


def with_header(name, value):
    """The good request with another value in one header, in its place."""
    return evolve(GOOD, headers=tuple((one, value if one == name else old) for one, old in GOOD.headers))


def moving_gate(*times, **options):
    """A gate at whose every look at the clock it is the next of these times."""
    left = iter(times)
    return Gate(OneKey(), now=lambda: next(left), **options)


# Times


@pytest.mark.parametrize("off", [-901, 901])
def test_a_time_too_far_from_ours_is_refused(off):
    assert refusal_of(signed(auth.SigV4Auth, body=BODY, at=NOW + off)) is Refusal.SKEWED
    assert gate().admit(signed(auth.SigV4Auth, body=BODY, at=NOW + off / 2), ())
    assert refusal_of(*v2({"Action": "A"}), now=NOW + off) is Refusal.SKEWED


def test_a_presigned_request_is_good_until_it_expires_and_as_often_as_wanted():
    request = signed(auth.SigV4QueryAuth, "GET", "http://h/?Action=A", expires=60)
    one = moving_gate(NOW, NOW + 30, NOW + 59, NOW + 61)
    for _ in range(3):
        assert one.admit(request, ())
    with pytest.raises(RefusedError) as caught:
        one.admit(request, ())
    assert caught.value.refusal is Refusal.EXPIRED
    assert refusal_of(request, now=NOW - 901) is Refusal.SKEWED


def test_version_2_may_say_when_it_expires():
    request, form = v2({"Action": "A", "Expires": "2015-08-30T13:00:00Z"}, "GET")
    one = moving_gate(NOW, NOW + 600, NOW + 24 * 60 + 1)
    assert one.admit(request, form)
    assert one.admit(request, form)
    with pytest.raises(RefusedError) as caught:
        one.admit(request, form)
    assert caught.value.refusal is Refusal.EXPIRED
    assert refusal_of(*v2({"Action": "A", "Expires": "2016-08-30T13:00:00Z"})) is Refusal.SKEWED


@pytest.mark.parametrize("expires", ["0", "604801", "-1", "6e4", "", "²"])
def test_how_long_a_presigned_request_is_good_has_bounds(expires):
    request = signed(auth.SigV4QueryAuth, "GET", "http://h/?Action=A", expires=60)
    query = request.raw_query.replace("X-Amz-Expires=60", urlencode({"X-Amz-Expires": expires}))
    assert refusal_of(evolve(request, raw_query=query)) is Refusal.MALFORMED


@pytest.mark.parametrize("request_and_form", [(GOOD, ()), v2({"Action": "A"})], ids=["v4", "v2"])
def test_a_request_may_come_again_at_once_and_not_later(request_and_form):
    one = moving_gate(NOW, NOW + 1, NOW + 9, NOW + 11, NOW + 800)
    for _ in range(3):
        assert one.admit(*request_and_form)
    for _ in range(2):
        with pytest.raises(RefusedError) as caught:
            one.admit(*request_and_form)
        assert caught.value.refusal is Refusal.REPLAYED


def test_what_is_refused_is_not_remembered():
    one = gate()
    with pytest.raises(RefusedError):
        one.admit(evolve(GOOD, body=b"x"), ())
    assert len(one._seen) == 0


def test_signatures_are_forgotten_when_their_time_is_over_anyway():
    seen = Seen(again_s=10)
    for number in range(1000):
        assert seen.fresh(str(number), now=number, until=number + 100)
        assert len(seen) <= 100 + 2 * TOGETHER_S + 1
    assert not seen.fresh("950", now=1000, until=1050)


def test_whatever_comes_when_a_signature_is_taken_for_as_long_as_it_may_be_repeated():
    """Against a memory that keeps everything."""
    chance, seen, first, now = random.Random(1), Seen(again_s=10), {}, 0.0
    for _ in range(20_000):
        now += chance.expovariate(10)
        sent = int(now - chance.choice([0, 0, 5, 20, 60, 200]))
        name = f"{sent}-{chance.randrange(3)}"
        expected = now - first.setdefault(name, now) <= 10
        assert seen.fresh(name, now, sent + 300.0) == expected
    assert len(seen) <= 3 * (300 + 2 * TOGETHER_S)


def test_little_is_kept_of_a_signature_that_may_not_be_repeated_any_more():
    seen = Seen(again_s=10)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(100_000):
        seen.fresh(str(number), now=number / 200, until=number / 200 + 900)
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert len(seen) == 100_000
    assert taken < 30 * 100_000


def test_the_memory_of_signatures_is_bounded():
    seen = Seen(again_s=10, most=50)
    for number in range(1000):
        seen.fresh(str(number), now=0, until=100)
        assert len(seen) <= 50
    assert not seen.fresh("999", now=50, until=100)


# More than one way to read it


def test_a_request_is_signed_in_one_way():
    assert refusal_of(evolve(GOOD, raw_query="X-Amz-Signature=00")) is Refusal.MALFORMED
    assert refusal_of(GOOD, [("Signature", "x")]) is Refusal.MALFORMED
    presigned = signed(auth.SigV4QueryAuth, "GET", "http://h/?Action=A&Signature=x")
    assert refusal_of(presigned) is Refusal.MALFORMED


@pytest.mark.parametrize("name", ["authorization", "host", "x-amz-date", "content-type"])
def test_a_header_that_is_signed_comes_once(name):
    twice = evolve(GOOD, headers=(*GOOD.headers, (name, dict(GOOD.headers)[name])))
    assert refusal_of(twice) is Refusal.MALFORMED


def test_a_parameter_that_is_signed_comes_once():
    assert refusal_of(signed(auth.SigV4Auth, "GET", "http://h/?Action=A&Action=B")) is Refusal.MALFORMED
    presigned = signed(auth.SigV4QueryAuth, "GET", "http://h/?Action=A")
    assert refusal_of(evolve(presigned, raw_query=f"{presigned.raw_query}&X-Amz-Date=x")) is Refusal.MALFORMED
    request, _ = v2({"Action": "A"})
    twice = evolve(request, body=request.body + b"&AWSAccessKeyId=other")
    assert refusal_of(twice, parse_qsl(twice.body.decode())) is Refusal.MALFORMED


@pytest.mark.parametrize("path", ["/a/../b", "/./a", "//", "/a//b", "/.."])
def test_a_path_comes_in_its_simplest_form(path):
    assert refusal_of(signed(auth.SigV4Auth, "GET", f"http://h{path}")) is Refusal.MALFORMED


@pytest.mark.parametrize("path", ["/é", "/a b", "/\r\nX: y", "/\x00", "*", "http://other/"])
def test_a_target_that_no_client_sends_is_refused(path):
    assert refusal_of(evolve(GOOD, raw_path=path)) is Refusal.MALFORMED
    assert refusal_of(evolve(GOOD, raw_query=path + "\n")) is Refusal.MALFORMED


@pytest.mark.parametrize("method", ["", "get", "PO ST", "É", "POST\r\n"])
def test_a_method_that_is_none_is_refused(method):
    assert refusal_of(evolve(GOOD, method=method)) is Refusal.MALFORMED


@pytest.mark.parametrize("value", ["20150830T123600Z\r\nx-evil: 1", "\x00", "a\x7f"])
def test_a_header_with_a_line_break_is_refused(value):
    assert refusal_of(with_header("x-amz-date", value)) is Refusal.MALFORMED


def test_giant_headers_are_refused():
    assert refusal_of(with_header("authorization", SAID + "," * 9000)) is Refusal.MALFORMED
    assert refusal_of(evolve(GOOD, headers=(*GOOD.headers, ("x-a", "a" * 70_000)))) is Refusal.MALFORMED
    many = tuple((f"x-{number}", "") for number in range(500))
    assert refusal_of(evolve(GOOD, headers=GOOD.headers + many)) is Refusal.MALFORMED
    assert refusal_of(evolve(GOOD, raw_query="a" * 300_000)) is Refusal.MALFORMED
    long_key = SAID.replace(KEY, "k" * 300)
    assert refusal_of(with_header("authorization", long_key)) is Refusal.INCOMPLETE


# What is missing, or not ours


def test_without_a_signature_there_is_none():
    assert refusal_of(SignedRequest("GET", "/", "", (("host", "h"),))) is Refusal.MISSING
    assert refusal_of(SignedRequest("POST", "/", "Action=A", (), b"Action=A")) is Refusal.MISSING


@pytest.mark.parametrize("query", [f"AWSAccessKeyId={KEY}", "X-Amz-Credential=a&X-Amz-Algorithm=b"])
def test_a_key_without_a_signature_is_incomplete(query):
    assert refusal_of(SignedRequest("GET", "/", query, (("host", "h"),)), parse_qsl(query)) is Refusal.INCOMPLETE


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Basic dXNlcjpwYXNz",
        f"AWS {KEY}:c2lnbmF0dXJl",
        "AWS4-HMAC-SHA256",
        SAID.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        SAID.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"),
        SAID.replace("Signature=", "Signature=Signature="),
        SAID + "," + SAID.partition(" ")[2],
        SAID.replace("SignedHeaders=content-type;host;x-amz-date", "SignedHeaders=content-type;x-amz-date"),
        SAID.replace("content-type;host;x-amz-date", "host;content-type;x-amz-date"),
        SAID.replace("content-type;host;x-amz-date", "content-type;host;host;x-amz-date"),
        SAID.replace("content-type;host;x-amz-date", "Content-Type;Host;X-Amz-Date"),
        SAID.replace("/aws4_request", "/aws5_request"),
        SAID.replace("/20150830/", "/2015083/"),
        SAID[:-1],
        SAID[:-64] + SAID[-64:].upper().replace("0", "g"),
    ],
)
def test_a_claim_with_something_missing_is_incomplete(said):
    assert refusal_of(with_header("authorization", said)) is Refusal.INCOMPLETE


def test_a_machine_that_shows_its_document_is_told_to_use_keys():
    """cfn-init and cfn-signal without keys do so."""
    with pytest.raises(RefusedError, match="--access-key") as caught:
        gate().admit(with_header("authorization", "CFN_V1 e30=:c2lnbmF0dXJl"), ())
    assert caught.value.refusal is Refusal.INCOMPLETE


def test_a_signed_header_that_was_not_sent_does_not_match():
    without = tuple(pair for pair in GOOD.headers if pair[0] != "content-type")
    assert refusal_of(evolve(GOOD, headers=without)) is Refusal.MISMATCH


def test_a_header_of_aws_that_is_not_signed_is_refused():
    assert refusal_of(evolve(GOOD, headers=(*GOOD.headers, ("x-amz-target", "Evil")))) is Refusal.MISMATCH


def test_the_day_of_the_scope_is_that_of_the_request():
    assert refusal_of(with_header("authorization", SAID.replace("/20150830/", "/20150829/"))) is Refusal.MISMATCH


@pytest.mark.parametrize(
    "date", ["20150830123600", "20150830T126000Z", "20150830T1236\uff10\uff10Z", "Sun, 30 Aug 2015"]
)
def test_a_date_that_is_none_is_incomplete(date):
    assert refusal_of(with_header("x-amz-date", date)) is Refusal.INCOMPLETE


def test_without_a_date_a_request_is_incomplete():
    without = tuple(pair for pair in GOOD.headers if pair[0] != "x-amz-date")
    fewer = evolve(GOOD, headers=without)
    assert refusal_of(fewer) is Refusal.INCOMPLETE
    assert refusal_of(evolve(fewer, headers=(*without, ("date", "tomorrow")))) is Refusal.INCOMPLETE


@pytest.mark.parametrize(
    ("payload", "refusal"),
    [
        ("UNSIGNED-PAYLOAD", Refusal.MISMATCH),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", Refusal.MISMATCH),
        ("0" * 64, Refusal.MISMATCH),
        ("é", Refusal.MISMATCH),
    ],
)
def test_a_body_that_is_not_signed_is_refused(payload, refusal):
    request = signed(auth.SigV4Auth, body=BODY, headers=(("X-Amz-Content-SHA256", payload),))
    assert refusal_of(request) is refusal


def test_chunks_that_are_signed_one_by_one_are_refused_with_the_way_out():
    request = signed(auth.S3SigV4Auth, "PUT", "http://h/bucket/key", b"content")
    headers = tuple(
        (name, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" if name == "x-amz-content-sha256" else value)
        for name, value in request.headers
    )
    with pytest.raises(RefusedError, match="as a whole"):
        gate().admit(evolve(request, headers=headers), ())


@pytest.mark.parametrize(
    "changes",
    [
        {"SignatureVersion": "1"},
        {"SignatureMethod": "HmacMD5"},
        {"Timestamp": "now"},
        {"Timestamp": None},
        {"AWSAccessKeyId": ""},
        {"Expires": "2015-08-30T13:00:00Z"},
    ],
)
def test_version_2_with_something_missing_is_incomplete(changes):
    values = {"Action": "A", "AWSAccessKeyId": KEY, "SignatureVersion": "2", "SignatureMethod": "HmacSHA256"}
    values |= {"Timestamp": "2015-08-30T12:36:00Z", **changes}
    values = {name: value for name, value in values.items() if value is not None}
    text = "POST\nh\n/\n" + urlencode(sorted(values.items()))
    values["Signature"] = base64.b64encode(hmac.digest(SECRET.encode(), text.encode(), "sha256")).decode()
    request = SignedRequest("POST", "/", "", (("host", "h"), FORM), urlencode(values).encode())
    assert refusal_of(request, list(values.items())) is Refusal.INCOMPLETE


def test_an_unknown_key_is_unknown_however_it_looks():
    for key in ("AKIDEXAMPLF", "k" * 256, "a/b", "%", "'"):
        assert refusal_of(with_header("authorization", SAID.replace(KEY, key))) is Refusal.UNKNOWN_KEY
    for key in ("é", "\u202e", "k" * 300, "\udcff"):
        request, form = v2({"Action": "A"})
        form = [(name, key if name == "AWSAccessKeyId" else value) for name, value in form]
        body = urlencode(form, errors="surrogateescape").encode()
        assert refusal_of(evolve(request, body=body), form) is Refusal.UNKNOWN_KEY


def test_a_keyring_that_fails_is_an_answer_too():
    class Broken(OneKey):
        def caller(self, access_key):
            raise StoreError(f"{access_key} {SECRET}")

    with pytest.raises(RefusedError) as caught:
        Gate(Broken(), now=lambda: NOW).admit(GOOD, ())
    assert caught.value.refusal is Refusal.UNAVAILABLE
    assert SECRET not in str(caught.value)
