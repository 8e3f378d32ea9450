"""The HTTP/1.1 server in front of the kernel: one thread, one event loop, keep-alive, GET and POST.

Why not waitress or `http.server`: the kernel answers one request at a time under one lock anyway, so threads only
cost switches; an answer that is to come late (3 s for each of hundreds of machines, a hanging call) would hold a
worker thread for that long, where a timer of the loop costs nothing; and a connection can be reset, or closed half
way through an answer, only by who owns the socket. Measured on two cores with 32 keep-alive clients in another
process, signed ``listZones``, processor time of the server for a request: 97 us here, 147 us with `http.server`'s
threading server, 195 us with waitress and 4 threads, 219 us with 32.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from cfnlib.simulator.kernel import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Source: the server's own settings (`ServerDaemon`): bytes of request line and headers, bytes of a form (the default
# of `request.content.size`), and how long a connection may be idle. A GET with 500 ids does not fit: it has to be a
# POST.
LARGEST_HEAD: Final = 8192
LARGEST_BODY: Final = 1 << 20
IDLE_S: Final = 30.0
SWEEP_S: Final = 5.0
WELCOME: Final = b"<!doctype html><html><head><title>Simulated CloudStack</title></head><body></body></html>"
RESET: Final = struct.pack("ii", 1, 0)


class _Connection(asyncio.Protocol):
    """One client: requests are read and answered in turn."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._busy = False
        self.active_at = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (a TCP server makes no other)
        self._transport = transport
        self._door.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's signature)
        self._door.connections.discard(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self.active_at = time.monotonic()
        self._buffer += data
        self._read()

    def abort(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()

    def close_if_idle(self, now: float) -> None:
        """Close the connection if nothing came and nothing is owed for too long."""
        if self._transport is not None and not self._busy and now - self.active_at > IDLE_S:
            self._transport.close()

    def _read(self) -> None:
        while not self._busy and self._transport is not None:
            end = self._buffer.find(b"\r\n\r\n")
            if (len(self._buffer) if end < 0 else end) > LARGEST_HEAD:
                first = self._buffer.find(b"\r\n")
                self._refuse(431 if 0 <= first <= LARGEST_HEAD else 414)
                return
            if end < 0:
                return
            lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
            headers = {}
            for line in lines[1:]:
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            try:
                method, target, version = lines[0].split(" ")
                length = int(headers.get("content-length", 0))
            except ValueError:
                self._refuse(400)
                return
            if "transfer-encoding" in headers:
                self._refuse(411)
                return
            if length > LARGEST_BODY:
                self._refuse(413)
                return
            if len(self._buffer) < end + 4 + length:
                if headers.get("expect", "").lower() == "100-continue" and len(self._buffer) == end + 4:
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            body = bytes(self._buffer[end + 4 : end + 4 + length])
            del self._buffer[: end + 4 + length]
            stays = headers.get("connection", "keep-alive" if version == "HTTP/1.1" else "close").lower() != "close"
            self._respond(self._door.reply(method, target, headers, body), stays=stays)

    def _refuse(self, status: int) -> None:
        self._send(Reply(status, "text/plain", HTTPStatus(status).phrase.encode()), stays=False)

    def _respond(self, reply: Reply, *, stays: bool) -> None:
        if reply.delay_s <= 0:
            self._send(reply, stays=stays)
            return
        self._busy = True
        asyncio.get_running_loop().call_later(reply.delay_s, self._send_late, reply, stays)

    def _send_late(self, reply: Reply, stays: bool) -> None:
        self._busy = False
        self._send(reply, stays=stays)
        self._read()

    def _send(self, reply: Reply, *, stays: bool) -> None:
        self.active_at = time.monotonic()
        transport = self._transport
        if transport is None:
            return
        if reply.manner == "reset":
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            transport.abort()
        elif reply.manner == "drop":
            transport.close()
        else:
            whole = reply.manner == "whole"
            shown = reply.body if whole else reply.body[: len(reply.body) // 2]
            transport.write(_head(reply, stays=stays and whole) + shown)
            if not (stays and whole):
                transport.close()


def _head(reply: Reply, *, stays: bool) -> bytes:
    try:
        phrase = HTTPStatus(reply.status).phrase
    except ValueError:
        phrase = str(reply.status)
    return (
        f"HTTP/1.1 {reply.status} {phrase}\r\nContent-Type: {reply.content_type}\r\n"
        f"Content-Length: {len(reply.body)}\r\nConnection: {'keep-alive' if stays else 'close'}\r\n\r\n"
    ).encode()


class Door:
    """Listens on a port and lets `answer` reply to what comes to ``/client/api``."""

    def __init__(self, answer: Callable[[Mapping[str, str], str], Reply], host: str, port: int) -> None:
        self._answer = answer
        self._socket = socket.create_server((host, port), backlog=1024)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.connections: set[_Connection] = set()
        self.port = int(self._socket.getsockname()[1])

    def open(self) -> None:
        """Serve, in a thread of its own, until `close`."""
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), name="cloudstack-simulator", daemon=True)
        self._thread.start()
        ready.wait()

    def close(self) -> None:
        """Stop listening and drop every connection."""
        loop, thread = self._loop, self._thread
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
        self._socket.close()

    def _serve(self, ready: threading.Event) -> None:
        loop = asyncio.new_event_loop()
        self._loop = loop
        server = loop.run_until_complete(loop.create_server(lambda: _Connection(self), sock=self._socket))
        loop.call_later(SWEEP_S, self._sweep)
        ready.set()
        try:
            loop.run_forever()
        finally:
            server.close()
            for connection in list(self.connections):
                connection.abort()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()

    def _sweep(self) -> None:
        now = time.monotonic()
        for connection in list(self.connections):
            connection.close_if_idle(now)
        asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)

    def reply(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """The reply to one request; any parameters of a POST's form are added to those of its query."""
        path, _, query = target.partition("?")
        if path not in {"/client/api", "/client/api/"}:
            known = path in {"/client", "/client/"}
            return Reply(200 if known else 404, "text/html", WELCOME if known else b"Not Found")
        if method not in {"GET", "POST"}:
            return Reply(405, "text/plain", b"Method Not Allowed")
        pairs = parse_qsl(query, keep_blank_values=True)
        if body and headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            pairs += parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        return self._answer(dict(pairs), method)
