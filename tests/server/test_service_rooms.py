"""Long bodies: each path takes what it needs, and no more is read before it is known who sends it."""

from __future__ import annotations

import socket
import time
from hashlib import sha256
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import boto3
import pytest
import urllib3
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config as BotoConfig
from botocore.credentials import Credentials
from service_world import QUICK

from cfnlib.identity.refusal import Refusal, RefusedError
from cfnlib.server.room import BUCKET_BYTES, QUERY_BYTES, SMALL_BYTES, STRANGER_BYTES, Rooms
from cfnlib.web import Head

MIB = 1 << 20
POOL = urllib3.PoolManager(retries=False)


def head_of(place, method, path, name="admin", *, presigned=False):
    """The head of a request to the bucket, as an S3 client signs it."""
    person = place.people[name]
    keys = Credentials(person.key, person.secret)
    request = AWSRequest(method, place.public_url + path, {}, b"")
    auth = S3SigV4QueryAuth(keys, "s3", "us-east-1", 60) if presigned else S3SigV4Auth(keys, "s3", "us-east-1")
    auth.add_auth(request)
    sent = request.prepare()
    path, _, query = sent.url.removeprefix(place.public_url).partition("?")
    headers = tuple((name.lower(), str(value)) for name, value in sent.headers.items())
    return Head(sent.method, path, query, (*headers, ("host", place.public_url.removeprefix("http://"))))


def error_of(body):
    return ET.fromstring(body).findtext("Code")


@pytest.mark.parametrize(
    "path", ["/", "/cost", "/clusters", "/clusters/one", "/client/api", "/signal/x/Handle", "/a/b"]
)
def test_a_body_that_a_path_does_not_take_is_refused_before_it_is_sent(place, path):
    """Only the head is sent: who would wait for the body waits for ever."""
    with socket.create_connection(("127.0.0.1", place.server.port), timeout=5) as one:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: {60 * MIB}\r\n\r\n"
        one.sendall(head.encode())
        answer = one.recv(65536)
    assert answer.split()[1] in {b"413", b"403"}


@pytest.mark.parametrize("path", ["/", "/a/b"])
def test_who_waits_for_permission_to_send_is_not_given_it(place, path):
    with socket.create_connection(("127.0.0.1", place.server.port), timeout=5) as one:
        head = f"PUT {path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {60 * MIB}\r\n\r\n"
        one.sendall(head.encode())
        assert one.recv(65536).split()[1] in {b"413", b"403"}


def test_chunks_count_as_they_come(place):
    def chunks():
        for _ in range(40):
            yield b"x" * (1 << 16)

    answer = POOL.request("POST", f"{place.public_url}/", body=chunks(), chunked=True)
    assert (answer.status, b"RequestEntityTooLarge" in answer.data) == (413, True)


def test_a_template_as_long_as_it_may_be_is_taken_in_any_encoding(place):
    text = QUICK[:-1] + " " * (51_200 - len(QUICK)) + QUICK[-1:]
    assert len(urlencode({"TemplateBody": text})) < QUERY_BYTES
    place.client().validate_template(TemplateBody=text)
    long = '{"Description": "' + "\u20ac" * 17_000 + '", ' + QUICK[1:]
    with pytest.raises(place.client().exceptions.ClientError, match="51200"):
        place.client().validate_template(TemplateBody=long)


def test_a_long_object_is_taken_from_who_was_admitted_and_a_stranger_is_looked_up(place):
    """As boto3 does it, a first request of 20 MiB is told to come again, and is then taken."""
    place.person("fresh")
    person = place.people["fresh"]
    s3 = boto3.client(
        "s3",
        endpoint_url=place.public_url,
        region_name="us-east-1",
        aws_access_key_id=person.key,
        aws_secret_access_key=person.secret,
        config=BotoConfig(s3={"addressing_style": "path"}, retries={"max_attempts": 3}),
    )
    body = b"0123456789abcdef" * (20 * MIB // 16)
    boto3.client(
        "s3",
        endpoint_url=place.public_url,
        region_name="us-east-1",
        aws_access_key_id=place.people["admin"].key,
        aws_secret_access_key=place.people["admin"].secret,
    ).create_bucket(Bucket="fresh-ones")  # somebody else's: it makes nobody else known
    place.app.rooms._known.clear()
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.put_object(Bucket="fresh-ones", Key="long", Body=body)
    s3.create_bucket(Bucket="fresh-ones")
    s3.put_object(Bucket="fresh-ones", Key="long", Body=body)
    assert sha256(s3.get_object(Bucket="fresh-ones", Key="long")["Body"].read()).digest() == sha256(body).digest()


def test_a_made_up_key_never_has_room_for_more_than_a_part(place):
    rooms = place.app.rooms
    place.people["nobody"] = place.people["admin"]._replace(key="made-up")
    head = head_of(place, "PUT", "/a/b", "nobody")
    for _ in range(2):
        room = rooms.room_for(head)
        assert (room.body_bytes, room.status, room.code) == (STRANGER_BYTES, 503, "SlowDown")
        room.learn()


@pytest.mark.parametrize("presigned", [False, True])
def test_the_time_of_a_signature_is_looked_at_before_the_body(place, presigned):
    place.client().describe_account_limits()
    head = head_of(place, "PUT", "/a/b", presigned=presigned)
    assert place.app.rooms.room_for(head).body_bytes == BUCKET_BYTES
    for off_s in (-3600.0, 3600.0):
        rooms = Rooms(has_bucket=True, look_up=lambda _: None, now=lambda off_s=off_s: time.time() + off_s)
        room = rooms.room_for(head)
        assert (room.body_bytes, room.status) == (SMALL_BYTES, 403)


def test_what_is_refused_of_the_bucket_is_s3s_error(place):
    answer = POOL.request("PUT", f"{place.public_url}/some/thing", body=b"x" * (SMALL_BYTES + 1))
    assert (answer.status, error_of(answer.data)) == (403, "AccessDenied")
    assert answer.headers["Content-Type"] == "application/xml"


def test_without_a_bucket_there_is_no_room_for_one():
    rooms = Rooms(has_bucket=False, look_up=lambda _: None)
    assert rooms.room_for(Head("PUT", "/a/b", "", ())).body_bytes == SMALL_BYTES


def test_a_key_that_cannot_be_looked_up_is_not_taken_for_known():
    def look_up(_):
        raise RefusedError(Refusal.UNAVAILABLE, "not now")

    rooms = Rooms(has_bucket=True, look_up=look_up)
    rooms._learn("key")
    assert not rooms._known
