"""HTTP/1.1 to one server, without a proxy between: connections that are kept, and nothing that is not needed.

An operation on a large cluster is thousands of short calls, and a service does that for many at once in one
interpreter. So what a call costs in processor time is what bounds how fast machines are made. With 64 threads a call
took 0.5 ms through requests and urllib3, 0.2 ms through the innermost layer of urllib3, 0.13 ms through http.client
and takes 0.05 ms here: what was left out reads and writes URLs, headers, cookies and redirects anew for each call.

A connection that was idle for a while is looked at before it is used, since the server may have closed it. One that
was just used is not: a server that closes after an answer says so in it.

Errors are those of urllib3, so that what follows from them is decided in one place for both ways.
"""

from __future__ import annotations

import logging
import select
import socket
import ssl
import time
import zlib
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NameResolutionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util import parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_log = logging.getLogger(__name__)

FORM = "application/x-www-form-urlencoded"
"""What a body is."""
_AT_ONCE = 1 << 16
_HEAD_BYTES = 1 << 16
_TRUSTED_S = 0.5
"""How long after its last use a connection is taken for one that still stands."""
_KEPT = 64
_PORTS = {"http": 80, "https": 443}


class HalfAnswerError(ProtocolError):
    """An answer that broke off; the text is why."""


class TooLateError(HTTPError):
    """A request that was not sent, because the time in which it might be is over."""


class Answer(NamedTuple):
    """A whole answer. The names of `headers` are in lower case."""

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes


class Direct:
    """The connections to the server of one URL. Any thread may use it.

    `tls` makes what is needed where the URL says https. Times are seconds: to connect, and between two pieces of an
    answer. Raises `LocationValueError` for a URL or a header that cannot be used.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        tls: Callable[[], ssl.SSLContext],
        *,
        connect_s: float,
        read_s: float,
    ) -> None:
        parts = parse_url(url)
        if parts.scheme not in _PORTS or parts.host is None:
            raise LocationValueError("it is not a URL of http or https")
        self._host = parts.host.strip("[]")
        self._port = parts.port or _PORTS[parts.scheme]
        self._secure = parts.scheme == "https"
        self._make_tls = tls
        self._tls: ssl.SSLContext | None = None
        self._connect_s = connect_s
        self._read_s = read_s
        self._target = parts.path or "/"
        given = {"Host": parts.netloc or parts.host, "Accept": "*/*", "Accept-Encoding": "gzip", **headers}
        if any(character in f"{name}{value}" for name, value in given.items() for character in "\r\n\0"):
            raise LocationValueError("a header has more than one line")
        self._head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        self._idle: deque[_Connection] = deque()
        self._closed = False

    def exchange(self, method: str, query: str, body: bytes | None, most: int, until: float | None = None) -> Answer:
        """Send a request, and read its answer, of whose body no more than `most` bytes and one are read.

        From `until` on (seconds since the epoch) it is not sent any more: that is looked at last of all.
        """
        target = f"{self._target}?{query}" if query else self._target
        length = "" if body is None else f"Content-Type: {FORM}\r\nContent-Length: {len(body)}\r\n"
        request = f"{method} {target} HTTP/1.1\r\n{self._head}{length}\r\n".encode() + (body or b"")
        connection = self._connection()
        stays = False
        try:
            if until is not None and time.time() >= until:
                raise TooLateError
            connection.send(request)
            answer, stays = connection.answer(most)
        except TimeoutError as error:
            raise ReadTimeoutError(None, None, "no answer in time") from error  # type: ignore[arg-type]
        except OSError as error:
            raise ProtocolError("the connection broke off") from error
        finally:
            if stays and not self._closed and len(self._idle) < _KEPT:
                connection.used_at = time.monotonic()
                self._idle.append(connection)
            else:
                connection.close()
        return answer

    def close(self) -> None:
        """Close what is idle, and keep nothing more."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _connection(self) -> _Connection:
        found: _Connection | None
        while True:
            try:
                found = self._idle.pop()
            except IndexError:
                found = None
            if found is None:
                return self._connected()
            if time.monotonic() - found.used_at < _TRUSTED_S or found.stands():
                return found
            found.close()

    def _connected(self) -> _Connection:
        _log.debug("connecting to %s port %d", self._host, self._port)
        tls = self._context() if self._secure else None
        opened: socket.socket | None = None
        try:
            opened = socket.create_connection((self._host, self._port), self._connect_s)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls is not None:
                opened = tls.wrap_socket(opened, server_hostname=self._host)
            opened.settimeout(self._read_s)
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(self._host, None, error) from error  # type: ignore[arg-type]
        except ssl.SSLError as error:
            _close(opened)
            raise SSLError("no secure connection") from error
        except OSError as error:
            _close(opened)
            raise ConnectTimeoutError("no connection") from error
        return _Connection(opened)

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            try:
                self._tls = self._make_tls()
            except OSError as error:  # a file is missing, or holds something else
                raise SSLError("no secure connection") from error
        return self._tls


def _close(opened: socket.socket | None) -> None:
    if opened is not None:
        opened.close()


class _Connection:
    """A connection, and what has come on it and was not read yet."""

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        self._buffer = b""
        self.used_at = 0.0

    def send(self, request: bytes) -> None:
        """Send a whole request."""
        self._socket.sendall(request)

    def stands(self) -> bool:
        """Whether nothing has come while nothing was asked: neither bytes nor the end."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def answer(self, most: int) -> tuple[Answer, bool]:
        """The next answer, and whether the connection can be used for another one after it."""
        while True:
            version, status, reason, headers = self._head()
            if status >= 200:
                break
        stays = "close" not in headers.get("connection", "").lower()
        if version == "HTTP/1.0":
            stays = "keep-alive" in headers.get("connection", "").lower()
        if status in (204, 304):
            body = b""
        elif "chunked" in headers.get("transfer-encoding", "").lower():
            body = self._chunks(most)
        elif "content-length" in headers:
            body = self._exactly(min(_number(headers["content-length"], 10), most + 1))
        else:
            body, stays = self._rest(most), False
        if len(body) > most or self._buffer:
            stays = False
        elif "content-encoding" in headers:
            body = _plain(body, headers["content-encoding"], most)
        return Answer(status, reason, headers, body), stays

    def _head(self) -> tuple[str, int, str, dict[str, str]]:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > _HEAD_BYTES:
                raise HalfAnswerError("its head has no end")
            self._more("before it began" if not self._buffer else "in its head")
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        self._buffer = self._buffer[end + 4 :]
        version, _, said = first.partition(" ")
        code, _, reason = said.partition(" ")
        if not version.startswith("HTTP/1.") or len(code) != 3 or not code.isdigit():
            raise HalfAnswerError("it is no HTTP")
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon:
                raise HalfAnswerError("its head cannot be read")
            headers[name.lower()] = value.strip()
        return version, int(code), reason, headers

    def _exactly(self, length: int) -> bytes:
        pieces, have = [self._buffer], len(self._buffer)
        while have < length:
            piece = self._socket.recv(_AT_ONCE)
            if not piece:
                raise HalfAnswerError("it is shorter than it says")
            pieces.append(piece)
            have += len(piece)
        whole = b"".join(pieces) if len(pieces) > 1 else pieces[0]
        self._buffer = whole[length:]
        return whole[:length]

    def _chunks(self, most: int) -> bytes:
        pieces: list[bytes] = []
        have = 0
        while True:
            length = _number(self._line().partition(b";")[0].decode("latin-1"), 16)
            if not length:
                break
            if have + length > most:
                return b"".join(pieces) + self._exactly(most + 1 - have)
            pieces.append(self._exactly(length))
            have += length
            if self._line():
                raise HalfAnswerError("a part of it is longer than it says")
        while self._line():
            pass
        return b"".join(pieces)

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > _HEAD_BYTES:
                raise HalfAnswerError("a line of it has no end")
            self._more("in the middle")
        line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
        return line

    def _rest(self, most: int) -> bytes:
        pieces, have = [self._buffer], len(self._buffer)
        while have <= most and (piece := self._socket.recv(_AT_ONCE)):
            pieces.append(piece)
            have += len(piece)
        self._buffer = b""
        return b"".join(pieces)

    def _more(self, where: str) -> None:
        piece = self._socket.recv(_AT_ONCE)
        if not piece:
            raise HalfAnswerError(f"the server closed the connection {where}")
        self._buffer += piece


def _number(text: str, base: int) -> int:
    try:
        found = int(text.strip(), base)
    except ValueError:
        found = -1
    if found < 0:
        raise HalfAnswerError("it does not say how long it is")
    return found


def _plain(body: bytes, coding: str, most: int) -> bytes:
    """A body as it was before it was compressed, at most `most` bytes and one of it."""
    if coding.lower() in {"", "identity"} or not body:
        return body
    if coding.lower() not in {"gzip", "x-gzip"}:
        raise HalfAnswerError("it is compressed in a way that nobody asked for")
    try:
        unpacking = zlib.decompressobj(wbits=31)
        plain = unpacking.decompress(body, most + 1)
    except zlib.error:
        raise HalfAnswerError("it is compressed, and cannot be unpacked") from None
    if not unpacking.eof and len(plain) <= most:
        raise HalfAnswerError("it is compressed, and has no end")
    return plain
