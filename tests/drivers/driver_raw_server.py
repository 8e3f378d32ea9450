"""A server that answers each request with the bytes it is told to, or worse."""

from __future__ import annotations

import json
import socket
import struct
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable


def answer(body: bytes, status: str = "200 OK", kind: str = "application/json", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n\r\n".encode() + body


def fields(**values: object) -> bytes:
    return answer(json.dumps({"someresponse": values}).encode())


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def hang_up(connection: socket.socket) -> None:
    connection.close()


class RawServer:
    """Gives the n-th request the n-th answer (bytes, or what is done to the connection), the last one ever after.

    What is no HTTP (the beginning of TLS) is answered as well.
    """

    def __init__(self, *answers: bytes | Callable[[socket.socket], None]) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.connections = 0
        self._stop = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    @property
    def endpoint(self) -> str:
        """The URL of an API here."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/client/api"

    def hang(self, connection: socket.socket) -> None:
        """Leave a request without an answer until the server is closed."""
        self._stop.wait(10)
        connection.close()

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        buffer = b""
        while True:
            try:
                more = connection.recv(65536)
            except OSError:
                return
            if not more:
                return
            buffer += more
            head, found, rest = buffer.partition(b"\r\n\r\n")
            if not found and not buffer.startswith(b"\x16"):
                continue
            length = next(
                (
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                ),
                0,
            )
            if len(rest) < length:
                continue
            self.requests.append(head + found + rest[:length])
            buffer = rest[length:]
            what = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if not isinstance(what, bytes):
                what(connection)
                return
            connection.sendall(what)
            if b"\r\n\r\n" in what and b"Content-Length: 999" in what:
                connection.close()
                return
