"""What goes over the wire to an EC2 API: who signed it and how, which version, and what is never sent twice."""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from threading import Thread
from urllib.parse import parse_qsl

import pytest
from ec2_worlds import Gateway

from cfnlib.config import Config
from cfnlib.drivers.choose import open_driver
from cfnlib.drivers.cloudstack import CloudStackDriver
from cfnlib.drivers.ec2 import Client, Ec2Driver
from cfnlib.drivers.ec2.errors import from_answer
from cfnlib.errors import (
    AuthenticationError,
    CapacityError,
    CloudError,
    ConfigError,
    ConflictError,
    InUseError,
    InvalidRequestError,
    LimitError,
    NotAllowedError,
    NotFoundError,
    UnknownOutcomeError,
    UnreachableError,
)
from cfnlib.identity.gate import Gate
from cfnlib.identity.keyring import Caller
from cfnlib.identity.refusal import RefusedError
from cfnlib.identity.request import SignedRequest
from cfnlib.schema.calls import Call, Effect

KEY, SECRET = "an-access_key", "a secret/key+with~signs"
ANSWER = b'<DescribeRegionsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><regionInfo/></DescribeRegionsResponse>'


class Ring:
    """Knows one caller."""

    def secret(self, access_key) -> str:
        """The secret."""
        assert access_key == KEY
        return SECRET

    def caller(self, access_key) -> Caller:
        """The caller."""
        return Caller(access_key, SECRET, "u", "user", "account", "d", "/", "User", None)


class Stub:
    """Answers every request with what `replies` gives next: a status and a body; None: the connection is closed."""

    def __init__(self, *replies: object) -> None:
        self.replies = list(replies)
        self.requests: list[SignedRequest] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                method, target, _ = stream.readline().decode().split(" ")
                headers = []
                while (line := stream.readline().decode().rstrip("\r\n")) != "":
                    name, _, value = line.partition(":")
                    headers.append((name.lower(), value.strip()))
                body = stream.read(int(dict(headers).get("content-length", 0)))
                path, _, query = target.partition("?")
                self.requests.append(SignedRequest(method, path, query, tuple(headers), body))
                reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
                if reply is None:
                    continue
                status, content = reply
                head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
                connection.sendall(head.encode() + content)

    def close(self) -> None:
        """End."""
        self._socket.close()


@contextmanager
def stub(*replies, **settings):
    """A stub, and a client of it."""
    server = Stub(*replies)
    given = {"key": KEY, "secret": SECRET, "retry": 2, "retry_backoff_s": 0.0, "timeout_s": 5.0, **settings}
    client = Client(Config(ec2_url=server.url, **given))
    yield server, client
    client.close()
    server.close()


def form_of(request):
    return parse_qsl(request.body.decode(), keep_blank_values=True)


def fault(code, status=400):
    text = f"<Response><Errors><Error><Code>{code}</Code><Message>no {SECRET}</Message></Error></Errors></Response>"
    return status, text.encode()


@pytest.mark.parametrize("signature", ["v2", "v4"])
def test_requests_are_signed_as_asked(signature):
    with stub((200, ANSWER), ec2_signature=signature) as (server, client):
        client.call("DescribeRegions", {"RegionNames": ["a b~c*d"]})
    [request] = server.requests
    assert Gate(Ring(), now=time.time).admit(request, form_of(request)).access_key == KEY
    form = dict(form_of(request))
    assert form.get("SignatureVersion") == ("2" if signature == "v2" else None)
    assert any(name == "authorization" for name, _ in request.headers) is (signature == "v4")


@pytest.mark.parametrize("signature", ["v2", "v4"])
def test_an_altered_request_is_not_admitted(signature):
    with stub((200, ANSWER), ec2_signature=signature) as (server, client):
        client.call("DescribeRegions", {"RegionNames": ["one"]})
    [request] = server.requests
    body = request.body.replace(b"RegionName.1=one", b"RegionName.1=two")
    assert body != request.body
    altered = SignedRequest(request.method, request.raw_path, request.raw_query, request.headers, body)
    with pytest.raises(RefusedError):
        Gate(Ring()).admit(altered, form_of(altered))


@pytest.mark.parametrize(("version", "sent"), [(None, "2016-11-15"), ("2012-08-15", "2012-08-15")])
def test_the_version_that_is_asked_for_is_sent_and_signed(version, sent):
    with stub((200, ANSWER), ec2_version=version, ec2_signature="v2") as (server, client):
        client.call("DescribeRegions")
    [request] = server.requests
    assert dict(form_of(request))["Version"] == sent
    Gate(Ring()).admit(request, form_of(request))


def test_an_old_api_gets_its_tags_in_a_second_request():
    made = b"<CreateVolumeResponse><volumeId>vol-1</volumeId><size>1</size></CreateVolumeResponse>"
    call = Call("createVolume", {"name": "n", "zoneid": "z", "size": 1, "diskofferingid": "default"}, Effect.CREATES)
    with stub((200, made), ec2_version="2012-08-15") as (server, client):
        answer = Ec2Driver(client).submit(call)
    forms = [dict(form_of(request)) for request in server.requests]
    assert [form["Action"] for form in forms] == ["CreateVolume", "CreateTags"]
    assert not any(name.startswith("TagSpecification") for name in forms[0])
    assert forms[1]["Tag.1.Value"] == "n"
    assert answer.physical_id == "vol-1"


def test_nothing_of_awss_own_configuration_is_read(monkeypatch, tmp_path):
    (tmp_path / "config").write_text(
        "[default]\nregion = eu-west-1\nec2 =\n  endpoint_url = http://nowhere.invalid\n"
    )
    for name, value in {
        "AWS_ACCESS_KEY_ID": "another",
        "AWS_SECRET_ACCESS_KEY": "another",
        "AWS_PROFILE": "there-is-none",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_ENDPOINT_URL": "http://nowhere.invalid",
    }.items():
        monkeypatch.setenv(name, value)
    with stub((200, ANSWER)) as (server, client):
        client.call("DescribeRegions")
    Gate(Ring()).admit(server.requests[0], form_of(server.requests[0]))


def test_a_question_is_asked_again_and_a_change_is_not():
    with stub(None, (503, b"busy"), (200, ANSWER)) as (server, client):
        client.call("DescribeRegions")
    assert len(server.requests) == 3
    with stub(None) as (server, client), pytest.raises(UnknownOutcomeError, match="may or may not"):
        client.call("TerminateInstances", {"InstanceIds": ["i-1"]})
    assert len(server.requests) == 1
    with stub((200, b"a page of a proxy")) as (server, client), pytest.raises(UnknownOutcomeError):
        client.call("RunInstances", {"MinCount": 1, "MaxCount": 1})
    assert len(server.requests) == 1


def test_what_was_not_looked_at_may_be_sent_again():
    with stub(fault("RequestLimitExceeded", 503), (200, b"<X/>")) as (server, client):
        client.call("DeleteVolume", {"VolumeId": "vol-1"})
    assert len(server.requests) == 2


def test_an_api_that_is_not_there_was_never_asked():
    free = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{free.getsockname()[1]}"
    free.close()
    client = Client(Config(ec2_url=url, key=KEY, secret=SECRET, retry=0))
    with pytest.raises(UnreachableError, match="CFNLIB_EC2_URL"):
        client.call("RunInstances", {"MinCount": 1, "MaxCount": 1})


def test_an_error_never_holds_a_secret():
    with stub(fault("InvalidParameterValue")) as (_, client):
        with pytest.raises(InvalidRequestError) as caught:
            client.call("DeleteVolume", {"VolumeId": "vol-1"})
        assert SECRET not in str(caught.value)
    with stub(fault("InvalidParameterValue")) as (_, client), pytest.raises(InvalidRequestError):
        client.call("DeleteVolume", {"VolumeId": 5})


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("AuthFailure", 401, AuthenticationError),
        ("SignatureDoesNotMatch", 403, AuthenticationError),
        ("UnauthorizedOperation", 403, NotAllowedError),
        ("InvalidInstanceID.NotFound", 400, NotFoundError),
        ("InvalidGroup.NotFound", 400, NotFoundError),
        ("InvalidGroup.Duplicate", 400, ConflictError),
        ("InvalidPermission.Duplicate", 400, ConflictError),
        ("InvalidKeyPair.Duplicate", 400, ConflictError),
        ("IdempotentParameterMismatch", 400, ConflictError),
        ("DependencyViolation", 400, InUseError),
        ("InvalidGroup.InUse", 400, InUseError),
        ("VolumeInUse", 400, InUseError),
        ("IncorrectInstanceState", 400, InUseError),
        ("InstanceLimitExceeded", 400, LimitError),
        ("AddressLimitExceeded", 400, LimitError),
        ("ResourceLimitExceeded", 400, LimitError),
        ("InsufficientInstanceCapacity", 500, CapacityError),
        ("InvalidParameterValue", 400, InvalidRequestError),
        ("UnsupportedOperation", 400, InvalidRequestError),
        ("InternalError", 500, UnknownOutcomeError),
        ("Unavailable", 503, UnknownOutcomeError),
    ],
)
def test_each_code_is_the_exception_that_it_means(code, status, kind):
    assert type(from_answer("RunInstances", code, "text", status)) is kind
    assert type(from_answer("DescribeInstances", code, "text", status)) is (
        CloudError if kind is UnknownOutcomeError else kind
    )


def test_the_driver_follows_the_configuration():
    ec2, scope = open_driver(Config(ec2_url="http://127.0.0.1:1/", endpoint="http://x/api", key="k", secret="s"))
    assert isinstance(ec2, Ec2Driver)
    assert scope == "http://127.0.0.1:1/"
    native, scope = open_driver(Config(endpoint="http://127.0.0.1:1/api", key="k", secret="s"))
    assert isinstance(native, CloudStackDriver)
    assert scope == "http://127.0.0.1:1/api"
    with pytest.raises(ConfigError):
        open_driver(Config())


def test_the_environment_configures_it(tmp_path):
    keys = {"HOME": str(tmp_path), "CLOUDSTACK_KEY": "k", "CLOUDSTACK_SECRET": "s"}
    ec2 = {"CFNLIB_EC2_URL": "http://127.0.0.1:1/", "CFNLIB_EC2_SIGNATURE": "v2", "CFNLIB_EC2_VERSION": "2012-08-15"}
    config = Config.load(environ=keys | ec2)
    assert (config.ec2_url, config.ec2_signature, config.key, config.secret) == (
        "http://127.0.0.1:1/",
        "v2",
        "k",
        "s",
    )
    assert config.ec2_version == "2012-08-15"
    for wrong in (
        {"CFNLIB_EC2_URL": "nowhere"},
        {"CFNLIB_EC2_SIGNATURE": "v3"},
        {"CFNLIB_EC2_VERSION": "newest"},
        {"CLOUDSTACK_SECRET": ""},
    ):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            Config.load(environ=keys | ec2 | wrong)


def test_the_gateway_of_these_tests_loses_what_it_shall():
    with stub((200, ANSWER)) as (server, client):
        gateway = Gateway(server.url)
        near = Client(Config(ec2_url=gateway.url, key=KEY, secret=SECRET, retry=0))
        gateway.trouble["DescribeRegions"] = "lose"
        with pytest.raises(CloudError):
            near.call("DescribeRegions")
        assert server.requests == []
        gateway.trouble["DescribeRegions"] = "drop"
        with pytest.raises(CloudError):
            near.call("DescribeRegions")
        assert len(server.requests) == 1
        client.call("DescribeRegions")
        gateway.close()
