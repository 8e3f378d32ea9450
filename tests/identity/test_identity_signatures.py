"""Requests that clients sign are admitted."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from email.utils import formatdate
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from attrs import evolve
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from signed_requests import FORM, KEY, NOW, SECRET, client, gate, received, refusal_of, sent_by, signed, v2

from cfnlib.identity import Caller, RefusedError, SignedRequest

BODY = urlencode({"Action": "DescribeStacks", "StackName": "a b~c*é+", "Version": "2010-05-15"}).encode()
ALL = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "body", "signature"),
    [
        ("GET", "/", "", (), b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "/", "", (), b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "GET",
            "/",
            "Param2=value2&Param1=value1",
            (),
            b"",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        ("POST", "/", "Param1=value1", (), b"", "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"),
        ("GET", "/", "%E1%88%B4=bar", (), b"", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
        ("GET", "/", f"{ALL}={ALL}", (), b"", "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"),
        ("GET", f"/{ALL}", "", (), b"", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"),
        (
            "POST",
            "/",
            "",
            (("content-type", "application/x-www-form-urlencoded"),),
            b"Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
        (
            "GET",
            "/",
            "",
            (("my-header1", " value1"), ("my-header2", ' "a   b   c"')),
            b"",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
    ],
)
def test_the_published_examples_are_admitted(method, path, query, headers, body, signature):
    """AWS's signature test suite."""
    names = ";".join(sorted(["host", "x-amz-date", *(name for name, _ in headers)]))
    said = (
        f"AWS4-HMAC-SHA256 Credential={KEY}/20150830/us-east-1/service/aws4_request, SignedHeaders={names}, "
        f"Signature={signature}"
    )
    sent = (
        ("host", "example.amazonaws.com"),
        ("x-amz-date", "20150830T123600Z"),
        *headers,
        ("authorization", said),
    )
    assert gate().admit(SignedRequest(method, path, query, sent, body), ()).access_key == KEY


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


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:8773", "https://cloud.example.org", "http://[::1]:8773"])
@pytest.mark.parametrize(
    ("service", "operation", "given"),
    [
        ("cloudformation", "describe_stacks", {"StackName": "a b~c*é+/"}),
        ("ec2", "run_instances", {"UserData": "x" * 16000, "MinCount": 1, "MaxCount": 2}),
        ("sts", "get_caller_identity", {}),
        ("s3", "put_object", {"Bucket": "code", "Key": "a b/c+d~é", "Body": b"content"}),
        ("s3", "put_object", {"Bucket": "code", "Key": "empty", "Body": b"", "Metadata": {"Who": "me  too"}}),
        ("s3", "upload_part", {"Bucket": "code", "Key": "k", "UploadId": "u", "PartNumber": 1, "Body": b"x" * 99999}),
        ("s3", "complete_multipart_upload", {"Bucket": "code", "Key": "k", "UploadId": "u", "MultipartUpload": {}}),
        ("s3", "list_objects_v2", {"Bucket": "code", "Prefix": "a b+~", "Delimiter": "/"}),
        ("s3", "head_object", {"Bucket": "code", "Key": "k"}),
    ],
)
def test_what_boto3_sends_is_admitted(endpoint, service, operation, given):
    request = sent_by(client(service, endpoint, s3={"addressing_style": "path"}), operation, **given)
    assert gate(time.time()).admit(request, ()).access_key == KEY


@pytest.mark.parametrize(
    ("service", "operation", "given"),
    [
        ("cloudformation", "describe_stacks", {"StackName": "a b~c*é+"}),
        ("ec2", "describe_instances", {"InstanceIds": ["i-1", "i-2"]}),
        ("s3", "get_object", {"Bucket": "code", "Key": "a b/c+d~é"}),
        ("s3", "put_object", {"Bucket": "code", "Key": "k"}),
    ],
)
def test_what_boto3_presigns_is_admitted(service, operation, given):
    of = client(service, signature_version="s3v4" if service == "s3" else None, s3={"addressing_style": "path"})
    method = "PUT" if operation == "put_object" else "GET"
    url = urlsplit(of.generate_presigned_url(operation, given, ExpiresIn=60, HttpMethod=method))
    body = b"whatever comes" if method == "PUT" else b""
    request = SignedRequest(method, url.path, url.query, (("host", url.netloc),), body)
    assert gate(time.time()).admit(request, parse_qsl(url.query)).access_key == KEY


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("digest", ["HmacSHA256", "HmacSHA1"])
@pytest.mark.parametrize(
    ("host", "sign_host"),
    [
        ("127.0.0.1:8773", "127.0.0.1:8773"),
        ("127.0.0.1:8773", "127.0.0.1"),
        ("EC2.Example.Org", "ec2.example.org"),
        ("[::1]:8773", "[::1]"),
        ("[::1]", "[::1]"),
    ],
)
def test_version_2_is_admitted_with_the_port_and_without(method, digest, host, sign_host):
    request, form = v2({"Action": "A", "N": "a b~*é+"}, method, host=host, sign_host=sign_host, digest=digest)
    assert gate().admit(request, form).access_key == KEY


def test_what_botocore_signs_by_version_2_is_admitted():
    request = sent_by(client("ec2", signature_version="v2"), "describe_instances", InstanceIds=["i-1"])
    assert b"SignatureVersion=2" in request.body
    assert gate(time.time()).admit(request, parse_qsl(request.body.decode())).access_key == KEY


def boto_2(method, params, version):
    """What boto 2 sends."""
    connections = pytest.importorskip("boto.ec2.connection", exc_type=ImportError)
    regions = pytest.importorskip("boto.regioninfo", exc_type=ImportError)
    adapters = pytest.importorskip("boto.auth", exc_type=ImportError)
    connection = connections.EC2Connection(
        KEY, SECRET, is_secure=False, port=8773, region=regions.RegionInfo(name="cs", endpoint="127.0.0.1")
    )
    if version == 2:
        adapter = adapters.QuerySignatureV2AuthHandler("127.0.0.1", connection, connection.provider)
        connection._auth_handler = adapter
    params = {**params, "Version": connection.APIVersion}
    request = connection.build_base_http_request(method, "/", None, params, {}, "", "127.0.0.1:8773")
    request.authorize(connection=connection)
    body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
    headers = [(name.lower(), str(value)) for name, value in request.headers.items() if name.lower() != "host"]
    path, _, query = request.path.partition("?")
    return SignedRequest(method, path, query, (("host", "127.0.0.1:8773"), *headers), body)


@pytest.mark.parametrize("version", [4, 2])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_boto_2_sends_is_admitted(method, version):
    request = boto_2(method, {"Action": "RunInstances", "UserData": "a~b c*+/é"}, version)
    form = parse_qsl(request.raw_query, keep_blank_values=True) + parse_qsl(request.body.decode())
    assert gate(time.time()).admit(request, form).access_key == KEY


def test_a_date_header_may_stand_for_amazons_own_if_it_is_signed():
    date = formatdate(NOW, usegmt=True)
    request = signed(auth.SigV4Auth, body=BODY, headers=(FORM, ("Date", date)))
    assert dict(request.headers).keys().isdisjoint({"x-amz-date"})
    assert gate().admit(request, ()).access_key == KEY
    bare = evolve(request, headers=tuple((n, v.replace("date;", "")) for n, v in request.headers))
    assert refusal_of(bare).name == "INCOMPLETE"


@pytest.mark.parametrize("region", ["0", "localhost", "us-east-1"])
def test_any_region_and_service_may_stand_in_the_scope(region):
    """Such as those that boto 2 guesses from the host's name."""
    request = AWSRequest(method="POST", url="http://127.0.0.1:8773/", data=BODY)
    auth.SigV4Auth(Credentials(KEY, SECRET), "127", region).add_auth(request)
    assert gate(time.time()).admit(received(request.prepare()), ()).access_key == KEY


def test_a_session_token_is_not_looked_at():
    request = signed(auth.SigV4Auth, body=BODY)
    assert gate().admit(evolve(request, headers=(*request.headers, ("x-amz-security-token", "t"))), ())


def test_nobody_learns_a_secret_from_a_refusal():
    texts = []
    for request in (signed(auth.SigV4Auth, body=BODY), SignedRequest("GET", "/", "", ())):
        try:
            gate(NOW + 10_000).admit(request, ())
        except RefusedError as error:
            texts.append(f"{error} {error!r}")
    assert len(texts) == 2
    shown = json.dumps([*texts, repr(Caller(KEY, SECRET)), repr(request)])
    assert SECRET not in shown


def test_the_time_of_version_2_is_read_in_every_form_that_clients_send():
    moment = datetime.fromtimestamp(NOW, UTC)
    for text in (moment.strftime("%Y-%m-%dT%H:%M:%SZ"), moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")):
        request, form = v2({"Action": "A", "Timestamp": text})
        assert gate().admit(request, form).access_key == KEY
