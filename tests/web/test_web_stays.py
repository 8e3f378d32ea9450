"""A thread that has answered waits a moment for the client's next request: nothing is lost, and nobody else waits."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("waitress")
from test_web_edges import connected, serving


@pytest.fixture(scope="module")
def server():
    with serving(threads=3) as one:
        yield one


def request(number):
    """A request, some with a body, whose answer is its path."""
    body = b"b" * (number % 3 * 40)
    return b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s" % (number, len(body), body)


def answers(one, count):
    """The paths that come back."""
    found, rest = [], b""
    while len(found) < count:
        rest += one.recv(65536) or pytest.fail(f"closed after {found}")
        while b"\r\n\r\n" in rest:
            head, _, after = rest.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            if len(after) < length:
                break
            found.append(after[:length])
            rest = after[length:]
    return found


pieces = st.lists(st.tuples(st.integers(1, 200), st.sampled_from([0, 0, 0.001, 0.002, 0.004])), max_size=12)


def in_pieces(server, count, cuts):
    with connected(server) as one:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        left = b"".join(request(number) for number in range(count))
        for size, pause_s in cuts:
            one.sendall(left[:size])
            left = left[size:]
            time.sleep(pause_s)
        one.sendall(left)
        return answers(one, count)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6), pieces), min_size=1, max_size=5))
def test_however_requests_come_each_is_answered_once_and_in_order(server, clients):
    """More clients than threads among them, whose requests come whole, in parts, several at once, with pauses."""
    with ThreadPoolExecutor(len(clients)) as pool:
        found = list(pool.map(lambda client: in_pieces(server, *client), clients))
    assert found == [[b"/%d" % number for number in range(count)] for count, _ in clients]


def test_who_was_answered_and_begins_a_request_holds_no_thread(server):
    with ExitStack() as all_:
        for _ in range(12):
            one = all_.enter_context(connected(server))
            one.sendall(request(1))
            assert answers(one, 1) == [b"/1"]
            one.sendall(request(2)[:50])
        other = all_.enter_context(connected(server))
        other.sendall(request(3))
        assert answers(other, 1) == [b"/3"]


def test_who_closes_after_an_answer_is_let_go(server):
    for _ in range(30):
        with connected(server) as one:
            one.sendall(request(4))
            assert answers(one, 1) == [b"/4"]
    until = time.monotonic() + 10
    while server.connections and time.monotonic() < until:
        time.sleep(0.01)
    assert server.connections == 0
