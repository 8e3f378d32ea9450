"""The HTTP layer over real sockets: whatever comes, it is answered or dropped, and the next one is served."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import threading
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from urllib.request import urlopen

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("waitress")
from werkzeug import Response

from cfnlib.errors import ConfigError
from cfnlib.web import Door, FormError, JsonLines, Limits, Listening, Quota, Server, form_of, note, signed_request_of


def echo(request, _):
    """What the door's handler sees of a request."""
    note(request, action="Echo", account="demo")
    signed = signed_request_of(request)
    try:
        form = form_of(request)
    except FormError as error:
        return Response(str(error), 400)
    seen = {"method": signed.method, "path": signed.raw_path, "query": signed.raw_query, "form": form}
    return Response(json.dumps({**seen, "body": len(signed.body)}), content_type="application/json")


@contextmanager
def serving(handle=echo, *, limits=None, ready=None, **options):
    door = Door(handle, name="test", limits=limits, ready=ready)
    server = Server(door, **options).start()
    try:
        yield server
    finally:
        server.stop(5)


def ask(server, method, target, body=None, headers=()):
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in dict(headers).items():
        connection.putheader(name, value)
    if body is not None and "Transfer-Encoding" not in dict(headers):
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content, {name.lower(): value for name, value in answer.getheaders()}


def raw(server, *pieces, timeout=5):
    """Send bytes, and read until the server closes or says nothing more."""
    found = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=timeout) as one, suppress(OSError):
        for piece in pieces:
            one.sendall(piece)
        one.shutdown(socket.SHUT_WR)
        while piece := one.recv(65536):
            found += piece
    return found


@pytest.fixture(scope="module")
def server():
    with serving(channel_timeout_s=2) as one:
        yield one


def test_a_request_is_seen_as_it_was_sent(server):
    _, body, _ = ask(server, "GET", "/a%2Fb/%C3%A9?Action=X&N.1=%20+", None)
    seen = json.loads(body)
    assert (seen["path"], seen["query"]) == ("/a%2Fb/%C3%A9", "Action=X&N.1=%20+")
    assert seen["form"] == [["Action", "X"], ["N.1", "  "]]


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8", ""]
)
def test_a_form_is_read_whatever_it_says_that_it_is(server, kind):
    headers = {"Content-Type": kind} if kind else {}
    _, body, _ = ask(server, "POST", "/?A=1", b"B=2&C=", headers)
    assert json.loads(body)["form"] == [["A", "1"], ["B", "2"], ["C", ""]]


def test_a_body_of_another_kind_is_no_form(server):
    _, body, _ = ask(server, "PUT", "/bucket/key", b"B=2", {"Content-Type": "text/plain"})
    assert json.loads(body)["form"] == []


def test_a_packed_form_is_unpacked(server):
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"}
    _, body, _ = ask(server, "POST", "/", gzip.compress(b"Action=CreateStack"), headers)
    assert json.loads(body)["form"] == [["Action", "CreateStack"]]
    assert ask(server, "POST", "/", b"no gzip", headers)[0] == 400


def test_a_proxys_request_is_the_same_request(server):
    head = b"POST http://ec2.cs.internal/?A=1 HTTP/1.1\r\nHost: ec2.cs.internal\r\nContent-Length: 0\r\n"
    answer = raw(server, head + b"Connection: close\r\n\r\n")
    assert b'"path": "/"' in answer
    assert b'"query": "A=1"' in answer


def test_a_client_that_waits_for_100_continue_is_told_to_go_on(server):
    head = b"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as one:
        one.sendall(head)
        assert one.recv(1000).startswith(b"HTTP/1.1 100")
        one.sendall(b"abc")
        assert b'"body": 3' in b"".join(iter(lambda: one.recv(1000), b""))


def test_a_client_that_waits_and_has_nothing_to_send_is_answered(server):
    head = b"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    assert b'"body": 0' in raw(server, head)


def test_chunks_are_put_together(server):
    _, body, _ = ask(server, "PUT", "/x", b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", {"Transfer-Encoding": "chunked"})
    assert json.loads(body)["body"] == 5


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 3\r\nTransfer-Encoding: chunked",
        b"Content-Length: 3\r\nContent-Length: 4",
        b"Content-Length: +3",
        b"Transfer-Encoding: xchunked",
        b"Content-Length : 3",
    ],
)
def test_a_request_that_can_be_read_in_two_ways_is_refused(server, head):
    answer = raw(
        server, b"POST /?A=1 HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n\r\nabcGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    assert b"smuggled" not in answer
    assert b" 200 " not in answer.split(b"\r\n")[0]


def test_what_is_too_long_is_refused():
    with serving(body_bytes=1000) as server:
        assert ask(server, "POST", "/", b"x" * 2000)[0] == 413
        assert ask(server, "GET", "/?" + "x" * 70_000)[0] in {400, 414, 431}
        assert ask(server, "GET", "/")[0] == 200


def test_too_many_fields_are_refused(server):
    body = "&".join(f"a{number}=1" for number in range(20_001)).encode()
    status, text, _ = ask(server, "POST", "/", body)
    assert (status, b"20000" in text) == (400, True)


def test_a_slow_client_holds_nothing(server):
    """More connections that stop in the middle of a request than there are threads: others are served."""
    slow = []
    for _ in range(40):
        one = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        one.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc")
        slow.append(one)
    assert ask(server, "GET", "/")[0] == 200
    for one in slow:  # and after its time each is dropped
        one.settimeout(20)
        with suppress(ConnectionError):
            while one.recv(1000):
                pass
        one.close()


any_path = st.text(max_size=100).map(lambda text: f"GET /{text} HTTP/1.1\r\nHost: a\r\n\r\n".encode())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400) | any_path)
def test_no_bytes_bring_it_down(server, content):
    answer = raw(server, content)
    assert b" 500 " not in answer.split(b"\r\n")[0]
    assert ask(server, "GET", "/")[0] == 200


def test_a_fault_of_ours_is_an_answer_and_a_trace_in_the_log(caplog):
    def broken(*_):
        raise RuntimeError("secret detail")

    with serving(broken) as server:
        status, text, headers = ask(server, "GET", "/")
    assert status == 500
    assert b"secret detail" not in text
    assert headers["x-amzn-requestid"]
    assert "secret detail" in caplog.text


def test_the_log_says_what_was_asked_and_no_secret(caplog):
    caplog.set_level(logging.INFO, "cfnlib.access")
    with serving() as server:
        ask(server, "GET", "/signal/stack/handle?Signature=S3CRET", None, {"Authorization": "S3CRET"})
        ask(server, "POST", "/?X-Amz-Signature=S3CRET", b"secret=S3CRET", {"X-Amz-Security-Token": "S3CRET"})
    lines = [JsonLines().format(record) for record in caplog.records if record.name == "cfnlib.access"]
    assert len(lines) == 2
    assert all(json.loads(line)["action"] == "Echo" for line in lines)
    assert "S3CRET" not in "".join(lines)
    assert "handle" not in "".join(lines)


def test_operators_see_whether_it_lives_works_and_what_it_did():
    why = [None]
    with serving(ready=lambda: why[0]) as server:
        ask(server, "GET", "/")
        assert urlopen(f"{server.url}/health").read() == b"ok\n"
        assert ask(server, "GET", "/ready")[0] == 200
        why[0] = "the store cannot be reached"
        status, text, _ = ask(server, "GET", "/ready")
        assert (status, text) == (503, b"the store cannot be reached\n")
        found = ask(server, "GET", "/metrics")[1].decode()
    assert 'cfnlib_requests_total{action="Echo",door="test",status="2xx"} 1.0' in found


def test_more_at_once_than_there_is_room_for_are_told_to_come_again():
    inside, leave = threading.Event(), threading.Event()

    def slow(*_):
        inside.set()
        leave.wait(20)
        return Response("late")

    with serving(slow, limits=Limits(under_way=1)) as server:
        answers = []
        first = threading.Thread(target=lambda: answers.append(ask(server, "GET", "/")[0]))
        first.start()
        assert inside.wait(10)
        assert ask(server, "GET", "/")[0] == 503
        leave.set()
        first.join(10)
    assert answers == [200]


def test_a_stop_lets_a_request_be_answered():
    inside, leave = threading.Event(), threading.Event()

    def slow(*_):
        inside.set()
        leave.wait(20)
        return Response("late")

    answers = []
    with serving(slow) as server:
        asking = threading.Thread(target=lambda: answers.append(ask(server, "GET", "/")))
        asking.start()
        assert inside.wait(10)
        stopping = threading.Thread(target=server.stop, args=(20,))
        stopping.start()
        leave.set()
        asking.join(20)
        stopping.join(20)
    assert answers[0][:2] == (200, b"late")
    with pytest.raises(ConnectionRefusedError):
        ask(server, "GET", "/")


def test_a_port_that_is_taken_is_said():
    with serving() as server, pytest.raises(ConfigError, match="cannot listen"):
        Listening(port=server.port)


@given(st.lists(st.floats(0, 5), max_size=60), st.integers(1, 10), st.floats(0.1, 10))
def test_nobody_asks_more_than_the_quota(pauses, burst, per_s):
    now = [0.0]
    quota = Quota(per_s, burst, now=lambda: now[0])
    passed = 0
    for pause in pauses:
        now[0] += pause
        passed += quota.allows("a")
        assert passed <= burst + per_s * now[0] + 1e-6
    assert quota.allows("another")
