"""What comes to a server beside good requests: forms with two readings, slow clients, floods, odd methods."""

from __future__ import annotations

import json
import logging
import socket
import threading
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection

import pytest
import urllib3
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("waitress")
from werkzeug import Response
from werkzeug.test import EnvironBuilder

from cfnlib.errors import ConfigError
from cfnlib.web import (
    Door,
    FormError,
    JsonLines,
    Limits,
    Listening,
    Metrics,
    Server,
    form_of,
    note,
    signed_request_of,
)
from cfnlib.web.log import TextLines


def answered(request, _):
    """The path, as the handler sees it."""
    note(request, action="Look")
    return Response(signed_request_of(request).raw_path)


def as_xml(status, code, message, request_id, _):
    return Response(f"<Error>{code}|{message}|{request_id}</Error>", status, content_type="text/xml")


@contextmanager
def serving(handle=answered, *, limits=None, metrics=None, **options):
    door = Door(handle, name="test", refuse=as_xml, limits=limits, metrics=metrics)
    server = Server(door, **options).start()
    try:
        yield server
    finally:
        server.stop(5)


@pytest.fixture(scope="module")
def server():
    with serving() as one:
        yield one


def connected(server):
    one = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    one.settimeout(10)
    return one


def everything(one):
    return b"".join(iter(lambda: one.recv(65536), b""))


def raw(server, *pieces):
    with connected(server) as one:
        for piece in pieces:
            one.sendall(piece)
        return everything(one)


@pytest.mark.parametrize(
    "request_",
    [
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /a\x00b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /\tb HTTP/1.1\r\nHost: a\r\n\r\n",
        b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nno header\r\n\r\n",
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_in_the_doors_own_form(server, request_):
    answer = raw(server, request_)
    assert answer.split(b" ")[1] in {b"400", b"501"}
    assert b"<Error>" in answer
    assert b"x-amzn-requestid:" in answer.lower()


def test_what_is_refused_is_logged_and_counted_without_what_was_sent(caplog):
    caplog.set_level(logging.INFO, "cfnlib.access")
    metrics = Metrics()
    with serving(metrics=metrics) as server:
        raw(server, b"GET /?Signature=S3CRET HTTP/1.1\r\nHost: a\r\nAuthorization S3CRET\r\n\r\n")
    told = [record for record in caplog.records if record.name == "cfnlib.access"]  # waitress tells of its queue
    (line,) = [json.loads(JsonLines().format(record)) for record in told]
    assert (line["status"], line["code"]) == (400, "BadRequest")
    assert "S3CRET" not in caplog.text + json.dumps(line)
    assert b'cfnlib_errors_total{code="BadRequest",door="test"} 1.0' in metrics.text()


def test_who_speaks_https_to_it_learns_at_once_that_it_is_not(server):
    """A proxy does that; a client says that the version is wrong, instead of waiting for a minute."""
    pool = urllib3.PoolManager(retries=False, timeout=5, cert_reqs="CERT_NONE")
    with pytest.raises(urllib3.exceptions.SSLError, match=r"WRONG_VERSION_NUMBER|wrong version"):
        pool.request("GET", f"https://127.0.0.1:{server.port}/")
    assert urllib3.PoolManager().request("GET", f"http://127.0.0.1:{server.port}/still-there").status == 200


def test_who_sends_too_much_gets_to_read_that():
    """The client sends all of its body before it reads; the answer must not be lost for that."""
    with serving(body_bytes=1000) as server:
        with connected(server) as one:
            one.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n")
            for _ in range(30):
                one.sendall(b"x" * 100_000)
            answer = everything(one)
        assert answer.startswith(b"HTTP/1.1 413")
        assert b"RequestEntityTooLarge" in answer
        most = raw(
            server, b"POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000
        )
        assert most.startswith(b"HTTP/1.1 200")
        chunks = b"3E9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n"
        assert raw(server, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks).startswith(
            b"HTTP/1.1 413"
        )


@pytest.mark.parametrize(
    "begin", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"GET / HTTP/1.1\r\nX: \x00"]
)
def test_a_client_that_drips_is_dropped(begin):
    """A byte now and then keeps no connection: a request has its time, however lively its client."""
    with serving(channel_timeout_s=0.5) as server, connected(server) as one:
        one.sendall(begin)
        gone = threading.Event()

        def drip():
            with suppress(OSError):
                while begin and not gone.wait(0.05):
                    one.sendall(b"x")

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            with suppress(ConnectionError):
                assert everything(one) == b""
        finally:
            gone.set()
            dripping.join()


def test_a_client_that_does_not_fetch_its_answer_is_dropped_and_its_thread_is_free():
    large = b"x" * 40_000_000
    door = serving(lambda *_: Response(large), channel_timeout_s=0.5, threads=1)
    with door as server, connected(server) as deaf:
        deaf.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.request("GET", "/health")
        assert connection.getresponse().read() == b"ok\n"
        connection.close()


def test_who_waits_for_an_answer_is_not_idle():
    """Neither the answer that took long nor the next request, of which a part is there already, is lost."""
    pause = threading.Event()

    def slow(request, request_id):
        pause.wait(0 if request.path == "/b" else 2.2)  # longer than two sweeps
        return answered(request, request_id)

    with serving(slow, channel_timeout_s=0.5) as server, connected(server) as one:
        one.sendall(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\nConnection")
        first = one.recv(65536)
        one.sendall(b": close\r\n\r\n")
        answer = first + everything(one)
    assert answer.count(b"HTTP/1.1 200") == 2
    assert answer.endswith(b"/b")


def test_a_flood_of_connections_waits_outside():
    with serving(connections=20) as server, ExitStack() as stack:
        many = [stack.enter_context(connected(server)) for _ in range(60)]
        for one in many[:10]:
            one.sendall(b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert everything(one).startswith(b"HTTP/1.1 200")
        for one in many[10:-1]:
            one.close()
        many[-1].sendall(b"GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert everything(many[-1]).startswith(b"HTTP/1.1 200")


def test_requests_that_come_together_are_answered_in_their_order(server):
    together = b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(20))
    answer = raw(server, together + b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    bodies = [part.rpartition(b"\r\n\r\n")[2] for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert bodies == [*(b"/%d" % number for number in range(20)), b"/last"]


def test_a_connection_serves_one_request_after_another(server):
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    for number in range(5):
        connection.request("GET", f"/{number}")
        assert connection.getresponse().read() == f"/{number}".encode()
    connection.close()


def test_http_1_0_and_a_proxys_request_are_answered(server):
    assert raw(server, b"GET /x HTTP/1.0\r\n\r\n").endswith(b"/x")
    for target in (b"http://ec2.cs.internal/", b"http://ec2.cs.internal", b"http://ec2.cs.internal:80/?A=http://b/c"):
        answer = raw(
            server, b"POST " + target + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        assert answer.endswith(b"\r\n\r\n/")


def test_a_path_with_a_url_in_it_is_that_path(server):
    answer = raw(server, b"GET /b/http://x/y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.endswith(b"/b/http://x/y")


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("HEAD", b"200"),
        ("OPTIONS", b"200"),
        ("PATCH", b"405"),
        ("TRACE", b"405"),
        ("CONNECT", b"405"),
        ("X-Y", b"405"),
    ],
)
def test_each_method_has_an_answer(server, method, status):
    answer = raw(server, f"{method} /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    assert answer.split(b" ")[1] == status
    if method == "HEAD":
        assert answer.endswith(b"\r\n\r\n")
    else:
        assert b"Allow: DELETE, GET, HEAD, OPTIONS, POST, PUT" in answer


def test_a_stop_ends_idle_connections_and_tells_the_others():
    inside, leave = threading.Event(), threading.Event()

    def slow(*_):
        inside.set()
        leave.wait(20)
        return Response("late")

    with serving(slow) as server, connected(server) as idle, connected(server) as busy:
        busy.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert inside.wait(10)
        stopping = threading.Thread(target=server.stop, args=(20,))
        stopping.start()
        assert idle.recv(100) == b""
        leave.set()
        assert everything(busy).endswith(b"late")
        stopping.join(20)
        assert not stopping.is_alive()


def test_a_socket_in_the_file_system_serves_too(tmp_path):
    path = tmp_path / "s"
    with serving(listening=Listening(unix_socket=path)), socket.socket(socket.AF_UNIX) as one:
        one.settimeout(10)
        one.connect(str(path))
        one.sendall(b"GET /x HTTP/1.0\r\n\r\n")
        assert everything(one).endswith(b"/x")
    assert not path.exists()


@pytest.mark.parametrize("where", [{"port": 70_000}, {"host": "203.0.113.1"}, {"host": "no such host"}])
def test_an_address_that_cannot_be_had_is_said(where):
    with pytest.raises(ConfigError, match="cannot listen at"):
        Listening(**where)


@pytest.mark.parametrize(("peer", "status"), [("127.0.0.1", 200), ("::1", 200), ("203.0.113.1", 403)])
@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_operators_pages_can_be_this_machines_alone(peer, status, path):
    door = Door(answered, limits=Limits(operators="loopback"))
    seen = []
    list(
        door(
            EnvironBuilder(path=path, environ_overrides={"REMOTE_ADDR": peer}).get_environ(),
            lambda *a: seen.append(a),
        )
    )
    assert seen[0][0].startswith(str(status))


def request_of(**given_):
    return EnvironBuilder(method="POST", **given_).get_request()


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("given_", "text"),
    [
        ({"query_string": "a=%ff"}, "UTF-8"),
        ({"data": b"a=\xff", "content_type": FORM}, "UTF-8"),
        ({"data": b"a=1&b=2", "query_string": "c=3", "content_type": FORM}, "more than 2"),
        ({"data": b"x" * 101, "content_type": FORM}, "100 bytes"),
        ({"data": b"x", "content_type": FORM, "headers": {"Content-Encoding": "br"}}, "'br'"),
    ],
)
def test_parameters_that_cannot_be_read_are_an_error(given_, text):
    with pytest.raises(FormError, match=text):
        form_of(request_of(**given_), max_fields=2, max_bytes=100)


def test_a_small_body_that_becomes_a_large_one_is_refused():
    import gzip  # noqa: PLC0415 - for this test alone

    packed = gzip.compress(b"a" * 10_000_000)
    request = request_of(data=packed, content_type=FORM, headers={"Content-Encoding": "gzip"})
    with pytest.raises(FormError, match="larger than 1000000 bytes"):
        form_of(request, max_bytes=1_000_000)


@given(st.text(), st.text())
def test_a_line_of_the_log_is_one_line(path, code):
    record = logging.LogRecord("cfnlib.access", logging.INFO, "", 0, "request", None, None)
    record.fields = {"path": path, "code": code}
    assert json.loads(JsonLines().format(record))["path"] == path
    for line in (JsonLines().format(record), TextLines().format(record)):
        assert len(line.splitlines()) == 1


HEADER = st.sampled_from(
    [b"Content-Length: 3", b"Transfer-Encoding: chunked", b"Expect: 100-continue", b"Connection: close", b"Host: a"]
)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([b"GET", b"POST", b"PUT", b"\x00"]),
    st.binary(max_size=20),
    st.lists(HEADER | st.binary(max_size=30), max_size=5),
    st.binary(max_size=30),
)
def test_requests_that_are_nearly_good_bring_nothing_down(server, method, target, headers, body):
    with connected(server) as one, suppress(ConnectionError):
        one.sendall(b"\r\n".join((method + b" /" + target + b" HTTP/1.1", *headers, b"", body)))
        one.shutdown(socket.SHUT_WR)
        assert b"HTTP/1.1 500" not in everything(one)
    assert raw(server, b"GET /good HTTP/1.0\r\n\r\n").endswith(b"/good")
