"""Answers in every form that HTTP/1.1 allows, kept connections, TLS, a proxy, and what is signed."""

from __future__ import annotations

import gzip
import json
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from cs import CloudStack
from driver_raw_server import RawServer, fields
from hypothesis import given
from hypothesis import strategies as st

from cfnlib.config import Config
from cfnlib.drivers.cloudstack import direct
from cfnlib.drivers.cloudstack.client import Client
from cfnlib.drivers.cloudstack.signing import form_of
from cfnlib.errors import CloudError, ConfigError, UnknownOutcomeError, UnreachableError

if TYPE_CHECKING:
    import socket

BODY = json.dumps({"someresponse": {"text": "ü" * 3000}}, ensure_ascii=False).encode()
TYPE = b"Content-Type: application/json\r\n"
LOOPBACK = str(Path(__file__).parent / "data" / "loopback.pem")
"""A key and the certificate of 127.0.0.1 that it signed itself: good for nothing but this."""


def client(endpoint: str, **settings: object) -> Client:
    values: dict[str, Any] = {"timeout_s": 5.0, "retry": 0, **settings}
    return Client(Config(endpoint=endpoint, key="key", secret="secret", **values))


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x; note=1\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\nTrailer: 1\r\n\r\n"


def by_length(body: bytes, more: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + TYPE + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


CHUNKS = b"HTTP/1.1 200 OK\r\n" + TYPE + b"Transfer-Encoding: chunked\r\n\r\n"
PACKED = gzip.compress(BODY)


@pytest.mark.parametrize(
    "answer",
    [
        by_length(BODY),
        by_length(BODY).replace(b"Content-Type", b"CONTENT-TYPE").replace(b"Content-Length", b"content-length"),
        by_length(PACKED, b"Content-Encoding: gzip\r\n"),
        CHUNKS + chunked(BODY, 100),
        CHUNKS + chunked(BODY, 10_000),
        CHUNKS.replace(b"chunked\r\n", b"chunked\r\nContent-Encoding: gzip\r\n") + chunked(PACKED, 7),
        b"HTTP/1.1 100 Continue\r\n\r\n" + by_length(BODY),
    ],
)
def test_an_answer_is_read_whole_and_the_connection_kept(answer):
    with RawServer(answer) as server:
        used = client(server.endpoint)
        for _ in range(3):
            assert used.call("listZones") == {"text": "ü" * 3000}
        assert server.connections == 1


@pytest.mark.parametrize("said", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\n"])
def test_an_answer_that_ends_with_the_connection_is_read_whole(said):
    def answer(connection: socket.socket) -> None:
        connection.sendall(said + TYPE + b"\r\n" + BODY)
        connection.close()

    with RawServer(answer) as server:
        used = client(server.endpoint)
        assert [used.call("listZones") for _ in range(2)] == [{"text": "ü" * 3000}] * 2
        assert server.connections == 2


@pytest.mark.parametrize(
    "broken",
    [
        CHUNKS + b"zz\r\n",
        CHUNKS + b"-5\r\n",
        CHUNKS + b"5\r\n12345678\r\n0\r\n\r\n",
        by_length(BODY, b"Content-Encoding: br\r\n"),
        by_length(b"no gzip", b"Content-Encoding: gzip\r\n"),
        by_length(PACKED[:-9], b"Content-Encoding: gzip\r\n"),
        b"HTTP/1.1 200 OK\r\n" + TYPE + b"Content-Length: -1\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nLong: " + b"x" * 100_000,
    ],
)
def test_an_answer_that_cannot_be_read_leaves_the_outcome_open(broken):
    with RawServer(broken) as server:
        with pytest.raises(UnknownOutcomeError, match="broke off"):
            client(server.endpoint).call("createNetwork")
        assert len(server.requests) == 1


def test_a_connection_that_the_server_closed_while_it_was_idle_is_not_used(monkeypatch):
    monkeypatch.setattr(direct, "_TRUSTED_S", 0.0)
    closed = []

    def answer(connection: socket.socket) -> None:
        connection.sendall(fields(count=0))
        connection.close()
        closed.append(connection)

    with RawServer(answer) as server:
        used = client(server.endpoint)
        for number in range(3):
            assert used.call("createNetwork") == {"count": 0}
            while len(closed) == number:
                time.sleep(0.001)
        assert server.connections == 3


def test_what_nobody_asked_for_is_not_taken_for_the_next_answer():
    with RawServer(fields(count=0) + fields(count=1)) as server:
        used = client(server.endpoint)
        assert [used.call("listZones") for _ in range(3)] == [{"count": 0}] * 3


def test_a_call_whose_time_is_over_is_not_sent():
    with RawServer(fields(count=0)) as server:
        used = client(server.endpoint)
        assert used.call("createNetwork", until=time.time() + 60) == {"count": 0}
        with pytest.raises(UnreachableError, match="its time was over"):
            used.call("createNetwork", until=time.time())
        assert used.call("createNetwork") == {"count": 0}
        assert len(server.requests) == 2


def test_a_closed_client_keeps_no_connection():
    with RawServer(fields(count=0)) as server:
        used = client(server.endpoint)
        used.call("listZones")
        used.close()
        used.call("listZones")
        used.call("listZones")
        assert server.connections == 3


@pytest.mark.parametrize("settings", [{"endpoint": "ftp://127.0.0.1/"}, {"headers": {"X-Two": "1\r\nLines: 2"}}])
def test_what_cannot_be_sent_is_told_of_at_once(settings):
    with pytest.raises(ConfigError, match="cannot be used"):
        client(**{"endpoint": "http://127.0.0.1/", **settings})


def test_headers_of_the_configuration_are_sent():
    with RawServer(fields(count=0)) as server:
        client(server.endpoint, headers={"X-Door": "seven"}).call("listZones")
        assert b"X-Door: seven\r\n" in server.requests[0] + b"\r\n"


class SecureServer(RawServer):
    """The same behind TLS."""

    def _serve(self, connection: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(LOOPBACK)
        try:
            secure = context.wrap_socket(connection, server_side=True)
        except OSError:
            return
        super()._serve(secure)

    @property
    def endpoint(self) -> str:
        """The URL of an API here."""
        return super().endpoint.replace("http:", "https:")


@pytest.mark.parametrize("verify", [LOOPBACK, False])
def test_a_server_that_is_trusted_is_spoken_to(verify):
    with SecureServer(fields(count=0)) as server:
        used = client(server.endpoint, verify=verify)
        assert [used.call("createNetwork") for _ in range(3)] == [{"count": 0}] * 3
        assert server.connections == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_that_is_not_trusted_or_not_who_it_should_be_is_sent_nothing(host):
    with SecureServer(fields(count=0)) as server:
        used = client(server.endpoint.replace("127.0.0.1", host), verify=True if host == "127.0.0.1" else LOOPBACK)
        with pytest.raises(UnreachableError, match="no secure connection"):
            used.call("createNetwork")
        assert server.requests == []


def test_a_bundle_that_is_not_there_is_told_of():
    with SecureServer(fields(count=0)) as server, pytest.raises(UnreachableError, match="No such file"):
        client(server.endpoint, verify="/nowhere/bundle.pem").call("createNetwork")


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_proxy_is_asked_for_the_whole_url(method):
    with RawServer(fields(count=0)) as server:
        proxy = server.endpoint.removesuffix("/client/api")
        used = client("http://cloud.test/client/api", proxy=proxy, method=method)
        assert used.call("createNetwork", {"name": "n"}) == {"count": 0}
        with pytest.raises(UnreachableError, match="its time was over"):
            used.call("createNetwork", until=time.time())
        (request,) = server.requests
        assert request.startswith(f"{method.upper()} http://cloud.test/client/api".encode())
        assert b"name=n" in request


class Seen(Exception):  # noqa: N818 - it is no error
    """Ends a call of cs where it would be sent."""


class Catching:
    """Stands for the session of cs."""

    def send(self, prepared, **_: object):
        """Show what would be sent."""
        raise Seen(prepared.url)


@given(
    st.dictionaries(
        st.text("abXYZ[].0", min_size=1, max_size=6).map("p{}".format),
        st.text(st.characters(codec="utf-8", exclude_characters="~", exclude_categories=["Cs"]), max_size=20),
        max_size=6,
    )
)
def test_what_is_sent_is_what_cs_sends(params):
    theirs = CloudStack("http://cloud.test/", key="the key", secret="s", expiration=-1, session=Catching())
    with pytest.raises(Seen) as caught:
        theirs.someCommand(**params)
    sent = parse_qsl(urlsplit(str(caught.value)).query, keep_blank_values=True)
    ours = parse_qsl(form_of("someCommand", params, "the key", "s", None), keep_blank_values=True)
    assert sorted(ours) == sorted(sent)


def test_without_keys_nothing_is_signed():
    assert form_of("listZones", {"a": "b c"}, None, None, 0.0) == "a=b%20c&command=listZones&response=json"


def test_a_signature_has_its_end():
    sent = dict(parse_qsl(form_of("listZones", {}, "k", "s", 0.0)))
    assert (sent["signatureVersion"], sent["expires"]) == ("3", "1970-01-01T00:00:00+0000")


def test_a_nested_answer_without_end_is_no_answer():
    deep = b'{"a":' * 100_000
    with RawServer(by_length(deep)) as server, pytest.raises(CloudError):
        client(server.endpoint).call("listZones")
