"""A connection, as waitress has it, and stricter.

waitress forgives some forms that a proxy before it may read differently (a length beside chunks, chunks in HTTP/1.0,
two hosts); they are refused, since what can be read in two ways can hide a second request. It times idle connections
only: here a request has to arrive at a least speed, and an answer has to be fetched. How long a body may be is said
by the door when the head has come, so that no long one is taken in where none is meant to be. Its own errors get the
form that the door gives to errors, and are sent whole, although the client may still be sending.
"""

from __future__ import annotations

import re
import select
import socket
import time
from contextlib import suppress
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any
from weakref import proxy

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import BadRequest, RequestEntityTooLarge

from cfnlib.web.head import Head, Room, origin_form

if TYPE_CHECKING:
    from threading import Event

    from cfnlib.web.door import Door
    from cfnlib.web.head import RoomFor

MIN_BYTES_PER_S = 4096
"""How fast a body has to arrive, beyond the time that every request has."""

LINGER_S = 2.0
"""How long what a client still sends is read away after it was refused, so that it gets to read the answer."""

STAY_S = 0.002
"""How long a thread that has answered waits for the client's next request."""

_TRANSFER = re.compile(rb"^transfer-encoding[ \t]*:[ \t]*(.*?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_TLS = b"\x16\x03"
"""How a client begins that wants to speak https. Source: RFC 8446, section 5.1."""
_STRANGE = re.compile(r"[\x00-\x20\x7f#]")
_CODES = {
    400: ("BadRequest", "The request is not well-formed HTTP/1.1"),
    413: ("RequestEntityTooLarge", "The body is too large"),
    431: ("RequestHeaderFieldsTooLarge", "The request line and the headers are too large"),
    501: ("NotImplemented", "The only Transfer-Encoding that is understood is chunked"),
}
_FAILED = ("InternalFailure", "An internal error has occurred")


class Parser(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """Reads a request, in the one way in which everybody reads it. `room_for`: see `Door`."""

    error: Any = None
    room: Room | None = None

    def __init__(self, adj: Any, room_for: RoomFor | None = None) -> None:  # noqa: ANN401 - waitress's
        super().__init__(adj)
        self._room_for = room_for

    def received(self, data: bytes) -> int:
        """Take in bytes, and say how many.

        waitress 3.0.2 would wait for ever for the empty body of a request that expects to be told to go on; botocore
        sends one for each empty object.
        """
        if not self.headers_finished and (self.header_plus + data[:2])[:2] == _TLS:
            # At once: a client that waits for its handshake would wait for as long as a request may take.
            super().parse_header(b"GET / HTTP/1.0\r\n")
            self.error, self.completed = BadRequest("TLS"), True
            return len(data)
        taken: int = super().received(data)
        if self.headers_finished and self._is_too_long():
            self.error, self.completed = self.error or RequestEntityTooLarge("of its path"), True
        if self.completed:
            self.expect_continue = False
        return taken

    def _is_too_long(self) -> bool:
        if self._room_for is None or self.body_rcv is None:
            return False
        if self.room is None:
            names = ((name.lower().replace("_", "-"), value) for name, value in self.headers.items())
            path, query = origin_form(self.request_uri)
            self.room = self._room_for(Head(self.command, path, query, tuple(names)))
        length: int = max(self.content_length, self.body_bytes_received)
        return length > self.room.body_bytes

    def parse_header(self, header_plus: bytes) -> None:
        """Read the request line and the headers. Raises `ParsingError` for what is refused."""
        super().parse_header(header_plus)
        transfer = [value.lower() for value in _TRANSFER.findall(header_plus)]
        if transfer and (transfer != [b"chunked"] or not self.chunked):
            raise ParsingError("Transfer-Encoding must be chunked, once, and in HTTP/1.1")
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("Content-Length and Transfer-Encoding exclude each other")
        if "," in self.headers.get("HOST", ""):
            raise ParsingError("Host must be sent once")
        if _STRANGE.search(self.request_uri):
            raise ParsingError("The target has characters that must be encoded")


class Task(WSGITask):  # type: ignore[misc]  # as above
    """Answers a request; a server that stops says that the connection ends with it.

    The head is sent together with what comes first of the body: two packets wake the client twice.
    """

    def start(self) -> None:
        """Begin."""
        super().start()
        self.channel.head = b""
        if self.channel.stopping.is_set():
            self.set_close_on_finish()

    def build_response_header(self) -> bytes:
        """The head, which the channel keeps until there is more."""
        self.channel.head = super().build_response_header()
        return b""

    def finish(self) -> None:
        """End; the head of an answer without a body is still to be sent."""
        super().finish()
        self.channel.send_head()


class Refused(ErrorTask):  # type: ignore[misc]  # as above
    """Answers what is no request that the door could be given."""

    def execute(self) -> None:
        """Answer."""
        request, channel = self.request, self.channel
        status, (code, message) = request.error.code, _CODES.get(request.error.code, _FAILED)
        if status == 413 and request.room is not None:
            if request.room.learn is not None:
                request.room.learn()
            status, code, message = request.room[1:4]
        method = getattr(request, "command", "") or "GET"
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": getattr(request, "path", "") or "/",
            "QUERY_STRING": "",
            "REMOTE_ADDR": channel.addr[0],
            "SERVER_NAME": channel.server.server_name,
            "SERVER_PORT": str(channel.server.effective_port),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(),
        }
        response = channel.door.refused(environ, status, code, message)
        body = response.get_data()
        self.status = response.status
        self.response_headers += [item for item in response.headers if item[0].lower() != "content-length"]
        self.set_close_on_finish()
        self.content_length = len(body)
        channel.lingers = True
        self.write(b"" if method == "HEAD" else body)


class _Server:
    """The server as a channel has it: while a thread keeps the channel, the loop is not called for it."""

    def __init__(self, server: Any, channel: Channel) -> None:  # noqa: ANN401 - waitress's
        self._server, self._channel = server, proxy(channel)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as above
        return getattr(self._server, name)

    def add_task(self, channel: Channel) -> None:
        """Have a thread answer what has come."""
        if not channel.kept:
            self._server.add_task(channel)

    def pull_trigger(self) -> None:
        """Wake the loop, since what it is to wait for has changed."""
        if not self._channel.rests():
            self._server.pull_trigger()


class Channel(HTTPChannel):  # type: ignore[misc]  # as above
    """A connection. `door` says what is answered to what is refused, `stopping` that the server ends."""

    server: Any
    task_class = Task
    error_task_class = Refused
    lingers = False
    kept = False
    """Whether a thread has the connection to itself: the loop does not read then."""
    head = b""
    """The head of the answer that is being made, as long as nothing of it has been sent."""

    def __init__(self, *args: Any, door: Door, stopping: Event, **options: Any) -> None:  # noqa: ANN401 - waitress's
        self.door = door
        self.stopping = stopping
        self._coming: HTTPRequestParser | None = None
        self._since = 0.0
        self._shut_at: float | None = None
        self._poll = select.poll()
        self.parser_class = partial(Parser, room_for=door.room_for)
        super().__init__(*args, **options)
        self.server = _Server(self.server, self)

    def service(self) -> None:
        """Answer a request, and what the client asks right after it.

        To give the connection back to the loop and to take it over again costs as much as a simple answer.
        """
        self.kept = True
        try:
            super().service()
            while self._goes_on():
                super().service()
        finally:
            self.kept = False
            self.server.pull_trigger()

    def _goes_on(self) -> bool:
        """Whether a further request has come, or comes within `STAY_S`."""
        until = time.monotonic() + STAY_S
        while not self.requests:
            left = until - time.monotonic()
            if left <= 0 or not self._may_stay():
                return False
            there = self.socket
            if there is None:  # the loop has closed it
                return False
            try:
                self._poll.register(there, select.POLLIN)
                data = there.recv(self.adj.recv_bytes) if self._poll.poll(left * 1000) else b""
            except (OSError, ValueError):  # it was closed just now
                return False
            if not data:  # nothing, or the end, which the loop sees too
                return False
            self.last_activity = time.time()
            self.received(data)
        return True

    def _may_stay(self) -> bool:
        """Whether the connection is free for a request, and a thread for somebody else's."""
        pool = self.server.task_dispatcher
        free = len(pool.threads) > pool.active_count and not pool.queue
        return free and self.rests() and self.connected and not self.stopping.is_set()

    def rests(self) -> bool:
        """Whether a thread keeps the connection, and there is nothing for the loop to do."""
        return self.kept and not (
            self.requests or self.total_outbufs_len or self.close_when_flushed or self.will_close
        )

    def received(self, data: bytes) -> bool:
        """Take what came, and remember since when a request has been coming."""
        found: bool = super().received(data)
        if self.request is not self._coming:
            self._coming, self._since = self.request, time.time()
        return found

    def is_overdue(self, now: float, timeout_s: float) -> bool:
        """Whether the client has had its time: to send something, to send it all, or to fetch its answer."""
        if self._shut_at is not None:
            return now > self._shut_at + LINGER_S
        if self.requests:  # while one is answered, nothing of the next is read
            self._since = now
        coming = self.request
        if coming is not None and now > self._since + timeout_s + coming.body_bytes_received / MIN_BYTES_PER_S:
            return True
        waits_for_client = self.total_outbufs_len or not self.requests
        return bool(waits_for_client and now > self.last_activity + timeout_s)

    def write_soon(self, data: Any) -> int:  # noqa: ANN401 - bytes, or a file
        """Send; the client has its time from now on, however long it took to make the answer."""
        self.last_activity = time.time()
        if self.head and data:
            if isinstance(data, bytes):
                data, self.head = self.head + data, b""
            else:
                self.send_head()
        sent: int = super().write_soon(data)
        return sent

    def send_head(self) -> None:
        """Send the head of an answer, if it has not been sent."""
        data, self.head = self.head, b""
        super().write_soon(data)

    def is_busy(self) -> bool:
        """Whether a request is being answered, or an answer not sent yet."""
        return bool(self.requests or self.total_outbufs_len or self.kept)

    def drop(self) -> None:
        """Close at once."""
        self.lingers = False
        self.handle_close()

    def readable(self) -> bool:
        """See waitress."""
        return self._shut_at is not None or (not self.kept and bool(super().readable()))

    def writable(self) -> bool:
        """See waitress."""
        return self._shut_at is None and bool(super().writable())

    def handle_read(self) -> None:
        """See waitress; what comes after a refusal is read away."""
        if self._shut_at is None:
            super().handle_read()
            return
        try:
            self.recv(1 << 16)  # which closes when the client has closed
        except OSError:
            self.drop()

    def handle_close(self) -> None:
        """Close; after a refusal, for sending only."""
        if self.lingers and self._shut_at is None and self.socket is not None:
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
                self._shut_at = time.time()
                return
        super().handle_close()
