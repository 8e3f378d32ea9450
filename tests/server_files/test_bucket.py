"""The folder in S3's shape, used by AWS's own client; and keys and names that mean harm."""

from __future__ import annotations

import io
import os
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

boto3 = pytest.importorskip("boto3")
from botocore.config import Config as BotoConfig  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

from cfnlib.identity import Caller, Gate, Refusal, RefusedError  # noqa: E402
from cfnlib.server.bucket import Bucket, respond  # noqa: E402
from cfnlib.server.faults import SaidError  # noqa: E402
from cfnlib.web import Door, Server, signed_request_of  # noqa: E402


class TwoKeys:
    """Two accounts, each with the key that is its name."""

    def secret(self, access_key):  # noqa: D102 - see Keyring
        if access_key not in {"ann", "bob"}:
            raise RefusedError(Refusal.UNKNOWN_KEY, "unknown")
        return f"{access_key}-secret"

    def caller(self, access_key):  # noqa: D102 - see Keyring
        return Caller(access_key, self.secret(access_key), account=access_key, domain_id="d")


ANN, BOB = TwoKeys().caller("ann"), TwoKeys().caller("bob")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A bucket behind a door, and clients for both accounts."""
    folder = tmp_path_factory.mktemp("bucket")
    gate = Gate(TwoKeys())
    box = []

    def handle(request, request_id):
        return respond(box[0], gate, request, signed_request_of(request), request_id)

    server = Server(Door(handle)).start()
    box.append(Bucket(folder, server.url, max_object_bytes=30_000_000, max_account_bytes=60_000_000))

    def client(name, secret=None):
        return boto3.client(
            "s3",
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id=name,
            aws_secret_access_key=secret or f"{name}-secret",
            config=BotoConfig(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )

    yield box[0], client
    server.stop(5)


def code_of(work, **params):
    with pytest.raises(ClientError) as caught:
        work(**params)
    return caught.value.response["Error"]["Code"]


def test_a_file_goes_in_and_comes_out(world):
    bucket, client = world
    s3 = client("ann")
    s3.create_bucket(Bucket="one")
    s3.head_bucket(Bucket="one")
    s3.put_object(Bucket="one", Key="a/b c+é.yaml", Body=b"Resources: {}")
    assert s3.get_object(Bucket="one", Key="a/b c+é.yaml")["Body"].read() == b"Resources: {}"
    assert s3.get_object(Bucket="one", Key="a/b c+é.yaml", Range="bytes=0-8")["Body"].read() == b"Resources"
    assert s3.head_object(Bucket="one", Key="a/b c+é.yaml")["ContentLength"] == 13
    assert bucket.read(ANN, "one", "a/b c+é.yaml") == b"Resources: {}"
    s3.delete_object(Bucket="one", Key="a/b c+é.yaml")
    assert code_of(s3.get_object, Bucket="one", Key="a/b c+é.yaml") == "NoSuchKey"
    s3.delete_bucket(Bucket="one")
    assert code_of(s3.list_objects_v2, Bucket="one") == "NoSuchBucket"


def test_a_large_file_goes_in_by_parts(world):
    _, client = world
    s3 = client("ann")
    s3.create_bucket(Bucket="large")
    content = os.urandom(9_000_000)
    s3.upload_fileobj(io.BytesIO(content), "large", "big")
    assert s3.get_object(Bucket="large", Key="big")["Body"].read() == content
    s3.delete_object(Bucket="large", Key="big")


def test_a_listing_has_pages_and_folders(world):
    _, client = world
    s3 = client("ann")
    s3.create_bucket(Bucket="list")
    for number in range(7):
        s3.put_object(Bucket="list", Key=f"x/{number}", Body=b"")
    s3.put_object(Bucket="list", Key="y", Body=b"")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="list", PaginationConfig={"PageSize": 3})
    assert [one["Key"] for page in pages for one in page["Contents"]] == [*(f"x/{n}" for n in range(7)), "y"]
    found = s3.list_objects_v2(Bucket="list", Delimiter="/")
    assert [one["Prefix"] for one in found["CommonPrefixes"]] == ["x/"]
    assert [one["Key"] for one in found["Contents"]] == ["y"]


def test_buckets_are_an_accounts_own(world):
    bucket, client = world
    client("ann").create_bucket(Bucket="same")
    client("bob").create_bucket(Bucket="same")
    client("ann").put_object(Bucket="same", Key="k", Body=b"ann's")
    assert code_of(client("bob").get_object, Bucket="same", Key="k") == "NoSuchKey"
    with pytest.raises(SaidError, match="key does not exist"):
        bucket.read(BOB, "same", "k")


def test_who_signs_wrong_gets_nothing(world):
    _, client = world
    assert code_of(client("ann", "wrong").list_objects_v2, Bucket="same") == "SignatureDoesNotMatch"
    assert code_of(client("eve").list_objects_v2, Bucket="same") == "InvalidAccessKeyId"


def test_there_is_an_end_to_what_goes_in(world):
    _, client = world
    s3 = client("bob")
    s3.create_bucket(Bucket="full")
    assert code_of(s3.put_object, Bucket="full", Key="k", Body=b"x" * 30_000_001) == "EntityTooLarge"


NAMES = st.text(max_size=12) | st.sampled_from(
    ["..", ".", "../..", "/etc", "a/../../b", "\0", "x" * 2000, "con", "a\\b"]
)


@settings(max_examples=80, deadline=None)
@given(name=NAMES, key=NAMES)
def test_nothing_is_ever_written_beside_the_folder(world, name, key):
    bucket, _ = world
    before = set(bucket.folder.parent.iterdir())
    for work in (lambda: bucket.read(ANN, name, key), lambda: bucket.read(ANN, "list", key)):
        with suppress(SaidError):
            work()
    assert set(bucket.folder.parent.iterdir()) == before


@settings(max_examples=40, deadline=None)
@given(key=st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=40))
def test_any_key_is_a_key(world, key):
    bucket, client = world
    s3 = client("ann")
    s3.create_bucket(Bucket="any")
    if key.startswith("/") or set(key.split("/")) & {".", ".."}:
        return  # clients themselves make other paths of these
    s3.put_object(Bucket="any", Key=key, Body=key.encode())
    assert bucket.read(ANN, "any", key) == key.encode()
    s3.delete_object(Bucket="any", Key=key)
