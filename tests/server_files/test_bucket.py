"""The buckets in S3's form, used by AWS's own clients; and keys and names that mean harm."""

from __future__ import annotations

import base64
import io
import os
import socket
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

boto3 = pytest.importorskip("boto3")
pytest.importorskip("waitress")
import yaml  # noqa: E402 - after the skips
from botocore.config import Config as BotoConfig  # noqa: E402 - as above
from botocore.exceptions import ClientError  # noqa: E402 - as above

from cfnlib.identity import Caller, Gate, Refusal, RefusedError  # noqa: E402 - as above
from cfnlib.server.bucket import Bucket, respond  # noqa: E402 - as above
from cfnlib.server.bucket_body import content_of  # noqa: E402 - as above
from cfnlib.server.bucket_files import BucketLimits  # noqa: E402 - as above
from cfnlib.server.bucket_keys import RESERVED, S3Error, key_of, parts_of  # noqa: E402 - as above
from cfnlib.server.template_url import TemplateUrlError, fetch_template  # noqa: E402 - as above
from cfnlib.web import Door, Server, signed_request_of  # noqa: E402 - as above

LIMITS = BucketLimits(object_bytes=30_000_000, account_bytes=60_000_000, buckets=40)


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
    box.append(Bucket(folder, limits=LIMITS, public_url=server.url))

    def client(name, secret=None, **options):
        return boto3.client(
            "s3",
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id=name,
            aws_secret_access_key=secret or f"{name}-secret",
            config=BotoConfig(retries={"total_max_attempts": 1}, **options),
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
    assert bucket.read(ANN, "one", "a/b c+é.yaml", 9) == b"Resources"
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
    with pytest.raises(S3Error, match="key does not exist"):
        bucket.read(BOB, "same", "k", 100)


def test_who_signs_wrong_gets_nothing(world):
    _, client = world
    assert code_of(client("ann", "wrong").list_objects_v2, Bucket="same") == "SignatureDoesNotMatch"
    assert code_of(client("eve").list_objects_v2, Bucket="same") == "InvalidAccessKeyId"


def test_there_is_an_end_to_what_goes_in(world):
    _, client = world
    s3 = client("bob")
    s3.create_bucket(Bucket="full")
    assert code_of(s3.put_object, Bucket="full", Key="k", Body=b"x" * 30_000_001) == "EntityTooLarge"


def files_in(folder):
    return {path for path in folder.rglob("*") if path.is_file()}


HARMFUL = [
    "..",
    ".",
    "../..",
    "/etc",
    "a/../../b",
    "a//b",
    "\0",
    "con",
    "NUL.txt",
    "a\\b",
    ".hidden",
    "a.",
    "a/",
    "%",
    "%2E",
]
PART = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(HARMFUL)
KEYS = st.lists(PART, min_size=1, max_size=6).map("/".join).filter(bool)


@given(KEYS, KEYS)
def test_every_key_has_a_path_of_its_own(one, other):
    path = parts_of(one)
    assert key_of(path) == one
    assert (parts_of(other) == path) == (other == one)
    for part in path:
        assert part not in {"", ".", ".."}
        assert not set(part) & set("/\\:\0")


@settings(max_examples=60, deadline=None)
@given(key=KEYS)
def test_any_key_is_kept_found_listed_and_removed(tmp_path_factory, key):
    around = tmp_path_factory.mktemp("keys")
    folder = around / "a" / "b"
    files = Bucket(folder).files(ANN)
    files.make("any")
    files.put("any", key, key.encode(), files_about())
    assert files.keys("any", "") == [key]
    assert files.keys("any", key[: len(key) // 2]) == [key]
    with files.open("any", key)[0] as file:
        assert file.read() == key.encode()
    inside = folder.resolve()
    assert all(path.resolve().is_relative_to(inside) for path in files_in(around))
    files.delete("any", key)
    assert files.keys("any", "") == []
    files.drop("any")
    assert files_in(around) == set()


def files_about():
    from cfnlib.server.bucket_files import About  # noqa: PLC0415 - for this test alone

    return About("text/plain", {})


@pytest.mark.parametrize(
    "name", ["..", "", "A", "ab", "a/b", "x" * 64, "127.0.0.1", "a..b", "clusters", "client", "\0aa"]
)
def test_a_bucket_cannot_be_named_so(world, name):
    bucket, _ = world
    with pytest.raises(S3Error, match=r"not valid|kept for"):
        bucket.files(ANN).make(name)
    with pytest.raises(S3Error) as caught:
        bucket.read(ANN, name, "k", 10)
    assert caught.value.code == "NoSuchBucket"


def test_no_bucket_stands_where_the_service_has_something_else():
    from cfnlib.server.app import ROUTES  # noqa: PLC0415 - for this test alone

    names = {route.path.split("/")[1] for route in ROUTES} - {""}
    assert names | {"health", "ready", "metrics"} == RESERVED


@pytest.mark.parametrize("key", ["x" * 1025, "x" * 300, "/".join("a" * 60), ""])
def test_a_key_that_is_too_long_is_said_to_be(key):
    with pytest.raises(S3Error) as caught:
        parts_of(key)
    assert caught.value.code == "KeyTooLongError"


def test_no_link_leads_out(world, tmp_path):
    bucket, client = world
    (tmp_path / "secret").write_text("outside")
    client("ann").create_bucket(Bucket="links")
    (place,) = bucket.files(ANN).folder.glob("buckets/links")
    (place / "file").symlink_to(tmp_path / "secret")
    (place / "folder").symlink_to(tmp_path)
    s3 = client("ann")
    for key in ("file", "folder/secret"):
        assert code_of(s3.get_object, Bucket="links", Key=key) == "NoSuchKey"
    assert code_of(s3.put_object, Bucket="links", Key="folder/new", Body=b"x") == "InvalidRequest"
    assert s3.list_objects_v2(Bucket="links")["KeyCount"] == 0
    assert s3.list_objects_v2(Bucket="links", Prefix="folder/")["KeyCount"] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_what_an_operator_puts_there_is_an_object(world):
    bucket, client = world
    client("ann").create_bucket(Bucket="given")
    (bucket.files(ANN).folder / "buckets/given/site.yaml").write_text("Resources: {}")
    found = client("ann").get_object(Bucket="given", Key="site.yaml")
    assert found["Body"].read() == b"Resources: {}"
    assert client("ann").head_object(Bucket="given", Key="site.yaml", IfMatch=found["ETag"])["ETag"] == found["ETag"]


def test_type_and_metadata_are_kept_with_the_content_they_came_with(world):
    _, client = world
    s3 = client("ann")
    s3.create_bucket(Bucket="about")
    s3.put_object(Bucket="about", Key="k", Body=b"1", ContentType="text/yaml", Metadata={"Made-By": "me"})
    found = s3.head_object(Bucket="about", Key="k")
    assert found["ContentType"] == "text/yaml"
    assert {name.lower(): value for name, value in found["Metadata"].items()} == {"made-by": "me"}
    s3.put_object(Bucket="about", Key="k", Body=b"2")
    assert s3.head_object(Bucket="about", Key="k")["Metadata"] == {}


def test_conditions_hold(world):
    _, client = world
    s3 = client("ann")
    s3.create_bucket(Bucket="cond")
    tag = s3.put_object(Bucket="cond", Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    assert code_of(s3.put_object, Bucket="cond", Key="k", Body=b"2", IfNoneMatch="*") == "PreconditionFailed"
    assert s3.get_object(Bucket="cond", Key="k", IfMatch=tag)["Body"].read() == b"1"
    assert code_of(s3.get_object, Bucket="cond", Key="k", IfMatch='"x"') == "PreconditionFailed"
    assert code_of(s3.get_object, Bucket="cond", Key="k", IfNoneMatch=tag) == "304"
    assert code_of(s3.get_object, Bucket="cond", Key="k", Range="bytes=7-") == "InvalidRange"
    assert s3.get_object(Bucket="cond", Key="k", Range="bytes=-5")["Body"].read() == b"1"


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_a_body_that_is_not_what_its_checksum_says_is_refused(world, algorithm):
    _, client = world
    s3 = client("ann")
    s3.create_bucket(Bucket="sums")
    s3.put_object(Bucket="sums", Key="good", Body=b"abc", ChecksumAlgorithm=algorithm)
    wrong = {
        f"Checksum{algorithm}": base64.b64encode(b"\0" * {"CRC32": 4, "SHA1": 20, "SHA256": 32}[algorithm]).decode()
    }
    assert code_of(s3.put_object, Bucket="sums", Key="bad", Body=b"abc", **wrong) == "BadDigest"
    assert code_of(s3.head_object, Bucket="sums", Key="bad") == "404"


@pytest.mark.parametrize(("name", "value"), [("crc32c", "e3069283"), ("crc64nvme", "ae8b14860a799888")])
def test_checksums_that_no_library_has_are_right(name, value):
    """Source: the check values of both in the catalogue of parametrised CRC algorithms."""
    said = {f"x-amz-checksum-{name}": base64.b64encode(bytes.fromhex(value)).decode()}
    assert content_of(b"123456789", said) == (b"123456789", said)
    with pytest.raises(S3Error):
        content_of(b"123456780", said)


def chunked(pieces, trailer=b""):
    text = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return text + b"0\r\n" + trailer + b"\r\n"


IN_CHUNKS = {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=5))
def test_chunks_are_taken_apart_and_their_checksum_is_checked(pieces):
    body = b"".join(pieces)
    for wrong in (0, 1):
        said = base64.b64encode((zlib.crc32(body) ^ wrong).to_bytes(4, "big"))
        sent = chunked(pieces, b"x-amz-checksum-crc32:" + said + b"\r\n")
        if wrong:
            with pytest.raises(S3Error, match="did not match"):
                content_of(sent, IN_CHUNKS)
        else:
            assert content_of(sent, IN_CHUNKS)[0] == body


@given(st.binary(max_size=100) | st.lists(st.binary(min_size=1), max_size=3).map(chunked), st.integers(0, 60))
def test_what_are_no_chunks_is_refused_as_such(sent, length):
    with suppress(S3Error):
        content_of(sent[:length], IN_CHUNKS)
    with pytest.raises(S3Error):
        content_of(sent, {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"})


def test_what_is_not_offered_is_refused_and_not_passed_over(world):
    _, client = world
    s3 = client("ann")
    s3.create_bucket(Bucket="not")
    s3.put_object(Bucket="not", Key="k", Body=b"1")
    for work, given_ in (
        (s3.copy_object, {"Key": "l", "CopySource": "not/k"}),
        (s3.put_object, {"Key": "k", "ACL": "public-read"}),
        (s3.put_object, {"Key": "k", "ServerSideEncryption": "aws:kms"}),
        (s3.get_object_tagging, {"Key": "k"}),
        (s3.put_bucket_policy, {"Policy": "{}"}),
        (s3.get_bucket_acl, {}),
    ):
        assert code_of(work, Bucket="not", **given_) == "NotImplemented"
    assert s3.get_object(Bucket="not", Key="k")["Body"].read() == b"1"


def test_buckets_are_listed_and_go_when_they_are_empty(world):
    _, client = world
    s3 = client("bob")
    s3.create_bucket(Bucket="gone")
    assert s3.get_bucket_location(Bucket="gone")["LocationConstraint"] is None
    assert "gone" in [one["Name"] for one in s3.list_buckets()["Buckets"]]
    for key in ("a/b/c", "a/b/d", "e"):
        s3.put_object(Bucket="gone", Key=key, Body=b"x")
    assert code_of(s3.delete_bucket, Bucket="gone") == "BucketNotEmpty"
    found = s3.delete_objects(Bucket="gone", Delete={"Objects": [{"Key": "a/b/c"}, {"Key": "e"}, {"Key": "none"}]})
    assert [one["Key"] for one in found["Deleted"]] == ["a/b/c", "e", "none"]
    s3.delete_object(Bucket="gone", Key="a/b/d")
    s3.delete_bucket(Bucket="gone")
    assert "gone" not in [one["Name"] for one in s3.list_buckets()["Buckets"]]


def test_an_upload_that_is_given_up_or_wrong_leaves_nothing(world):
    bucket, client = world
    s3 = client("bob")
    s3.create_bucket(Bucket="parts")
    upload = s3.create_multipart_upload(Bucket="parts", Key="k")["UploadId"]
    part = s3.upload_part(Bucket="parts", Key="k", UploadId=upload, PartNumber=1, Body=b"abc")
    wrong = {"Parts": [{"PartNumber": 1, "ETag": '"no"'}]}
    same = {"Bucket": "parts", "Key": "k", "UploadId": upload}
    assert code_of(s3.complete_multipart_upload, MultipartUpload=wrong, **same) == "InvalidPart"
    other = client("ann")
    other.create_bucket(Bucket="parts")
    assert code_of(other.upload_part, PartNumber=1, Body=b"x", **same) == "NoSuchUpload"
    good = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    assert code_of(s3.complete_multipart_upload, MultipartUpload=good, **{**same, "Key": "l"}) == "NoSuchUpload"
    s3.abort_multipart_upload(**same)
    assert code_of(s3.complete_multipart_upload, MultipartUpload=good, **same) == "NoSuchUpload"
    assert s3.list_objects_v2(Bucket="parts")["KeyCount"] == 0
    assert list((bucket.files(BOB).folder / "uploads").iterdir()) == []


def test_an_account_keeps_no_more_than_it_may(tmp_path):
    files = Bucket(tmp_path, limits=BucketLimits(account_bytes=100, account_files=5)).files(ANN)
    files.make("small")
    about = files_about()
    files.put("small", "k", b"x" * 60, about)
    with pytest.raises(S3Error) as caught:
        files.put("small", "l", b"x" * 60, about)
    assert caught.value.code == "QuotaExceeded"
    files.delete("small", "k")
    files.put("small", "l", b"x" * 60, about)
    for number in range(4):
        files.put("small", f"{number}", b"", about)
    with pytest.raises(S3Error, match="5 files"):
        files.put("small", "more", b"", about)


def test_writers_at_once_leave_one_whole_object(tmp_path):
    files = Bucket(tmp_path).files(ANN)
    files.make("race")
    about = files_about()

    def work(number):
        for _ in range(20):
            files.put("race", "a/b/k", bytes([number]) * 2000, about)
            files.delete("race", "a/b/other")
            with suppress(S3Error):
                with files.open("race", "a/b/k")[0] as file:
                    assert len(set(file.read())) == 1
                files.delete("race", "a/b/k")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    files.put("race", "a/b/k", b"last", about)
    assert files.keys("race", "") == ["a/b/k"]


@given(
    st.sets(st.text("ab/é", min_size=1, max_size=5).filter(lambda key: "//" not in key and key[-1] != "/")),
    st.text("ab/", max_size=2),
    st.sampled_from(["", "/", "b"]),
    st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_pages_put_together_are_the_list(tmp_path_factory, keys, prefix, delimiter, size):
    from xml.etree import ElementTree as ET  # noqa: PLC0415 - for this test alone

    from cfnlib.server.bucket_list import listed  # noqa: PLC0415 - as above

    files = Bucket(tmp_path_factory.mktemp("pages")).files(ANN)
    files.make("list")
    kept = set()
    for key in keys:
        with suppress(S3Error):  # an object below another
            files.put("list", key, b"", files_about())
            kept.add(key)
    matching = {key for key in kept if key.startswith(prefix)}
    groups = {
        key[: key.index(delimiter, len(prefix)) + 1]
        for key in matching
        if delimiter and delimiter in key[len(prefix) :]
    }
    single = {key for key in matching if not delimiter or delimiter not in key[len(prefix) :]}
    seen_keys, seen_groups, query = [], [], {"list-type": "2", "prefix": prefix, "max-keys": str(size)}
    if delimiter:
        query["delimiter"] = delimiter
    while True:
        root = ET.fromstring(listed(files, "list", query))
        seen_keys += [one.findtext("{*}Key") for one in root.iterfind("{*}Contents")]
        seen_groups += [one.findtext("{*}Prefix") for one in root.iterfind("{*}CommonPrefixes")]
        token = root.findtext("{*}NextContinuationToken")
        if token is None:
            break
        query["continuation-token"] = token
    assert seen_keys == sorted(single, key=str.encode)
    assert seen_groups == sorted(groups, key=str.encode)


def test_a_presigned_url_is_enough_to_read(world):
    _, client = world
    s3 = client("ann", signature_version="s3v4")
    s3.create_bucket(Bucket="url")
    s3.put_object(Bucket="url", Key="k", Body=b"1")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "url", "Key": "k"})
    with urlopen(url) as answer:
        assert answer.read() == b"1"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@settings(max_examples=60, deadline=None)
@given(
    path=st.text(max_size=30), query=st.text(max_size=20), method=st.sampled_from(["GET", "PUT", "POST", "DELETE"])
)
def test_no_unsigned_request_is_more_than_refused(world, path, query, method):
    bucket, _ = world
    host, _, port = bucket.public_url.removeprefix("http://").partition(":")
    target = f"/{quote(path)}?{quote(query)}"
    with socket.create_connection((host, int(port)), timeout=10) as one:
        one.sendall(f"{method} {target} HTTP/1.0\r\nHost: a\r\nContent-Length: 0\r\n\r\n".encode())
        status = b"".join(iter(lambda: one.recv(4096), b"")).split(b" ")[1]
    assert status in {b"403", b"400", b"404", b"200"}
    assert status != b"200" or path.strip("/") in {"health", "ready", "metrics"}


def aws(world, *arguments, cwd):
    bucket, _ = world
    program = Path(sys.executable).with_name("aws")
    if not program.exists():
        pytest.skip("there is no awscli beside this Python")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(cwd),
        "AWS_ACCESS_KEY_ID": "ann",
        "AWS_SECRET_ACCESS_KEY": "ann-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": bucket.public_url,
        "AWS_MAX_ATTEMPTS": "1",
    }
    done = subprocess.run(
        [program, *arguments], cwd=cwd, env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_awscli_makes_fills_reads_and_empties_a_bucket(world, tmp_path):
    content = os.urandom(9_000_000)
    (tmp_path / "big").write_bytes(content)
    (tmp_path / "tree" / "a").mkdir(parents=True)
    (tmp_path / "tree" / "a" / "é.txt").write_text("1")
    (tmp_path / "tree" / "b").write_text("2")
    aws(world, "s3", "mb", "s3://cli", cwd=tmp_path)
    aws(world, "s3", "cp", "big", "s3://cli/big", cwd=tmp_path)
    aws(world, "s3", "cp", "s3://cli/big", "back", cwd=tmp_path)
    assert (tmp_path / "back").read_bytes() == content
    aws(world, "s3", "sync", "tree", "s3://cli/tree", cwd=tmp_path)
    assert "a/é.txt" in aws(world, "s3", "ls", "s3://cli/tree/", "--recursive", cwd=tmp_path)
    assert "PRE tree/" in aws(world, "s3", "ls", "s3://cli", cwd=tmp_path)
    aws(world, "s3", "rb", "s3://cli", "--force", cwd=tmp_path)
    assert " cli" not in aws(world, "s3", "ls", cwd=tmp_path)


def test_what_awscli_packages_is_found_by_the_urls_it_writes(world, tmp_path):
    bucket, client = world
    client("ann").create_bucket(Bucket="package")
    (tmp_path / "below.yaml").write_text("Description: below\nResources: {}\n")
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "below.yaml"}}
    (tmp_path / "top.yaml").write_text(yaml.safe_dump({"Resources": {"Below": nested}}))
    words = (
        "cloudformation",
        "package",
        "--template-file",
        "top.yaml",
        "--s3-bucket",
        "package",
        "--s3-prefix",
        "p/q",
    )
    written = yaml.safe_load(aws(world, *words, cwd=tmp_path))
    url = written["Resources"]["Below"]["Properties"]["TemplateURL"]
    assert yaml.safe_load(fetch_template(url, ANN, bucket=bucket, allowed=()))["Description"] == "below"
    with pytest.raises(TemplateUrlError, match="S3 error: The specified bucket does not exist"):
        fetch_template(url, BOB, bucket=bucket, allowed=())
