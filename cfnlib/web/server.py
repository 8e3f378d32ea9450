"""The server: waitress, started and stopped from outside.

waitress reads requests without a thread for each, so a slow client holds none; a request is handed to a thread when
it is complete, and an answer is sent without one. What makes it stricter is in `channel`.
"""

from __future__ import annotations

import resource
import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from waitress import wasyncore
from waitress.server import BaseWSGIServer, create_server

from cfnlib.errors import ConfigError
from cfnlib.web.channel import Channel

if TYPE_CHECKING:
    from pathlib import Path

    from cfnlib.web.door import Door

MAX_HEADER_BYTES = 1 << 16
CHANNEL_TIMEOUT_S = 60.0
CONNECTIONS = 1000
_TURN_S = 0.5
_SWEEP_S = 1.0


class Server:
    """Serves a door at an address, or at a socket of the file system. Raises `ConfigError` when it cannot be had.

    `threads` answer requests. `body_bytes` is the longest body. `channel_timeout_s` is how long a client may be idle,
    how long a request may take to arrive (a body has more time, by its length) and how long an answer may lie
    unfetched. `connections` is how many clients there may be; None: as many as `CONNECTIONS`, or a half of the files
    that the process may open, since their bodies and the rest of the service need files too.
    """

    def __init__(
        self,
        app: Door,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        unix_socket: Path | None = None,
        threads: int = 16,
        body_bytes: int = 1 << 26,
        channel_timeout_s: float = CHANNEL_TIMEOUT_S,
        connections: int | None = None,
    ) -> None:
        place: dict[str, Any] = {"host": host, "port": port}
        if unix_socket is not None:
            place = {"unix_socket": str(unix_socket), "unix_socket_perms": "660"}
        self._map: dict[int, Any] = {}
        self._stopping = threading.Event()
        self._timeout_s = channel_timeout_s
        self._unix_socket = unix_socket
        self._until = 0.0
        if not 0 <= port <= 65535:
            raise ConfigError(f"cannot listen at {host}:{port}: a port is a number from 0 to 65535")
        try:
            self._server = create_server(
                app,
                map=self._map,
                **place,
                threads=threads,
                connection_limit=_most_connections() if connections is None else connections,
                backlog=1024,
                channel_timeout=1 << 30,  # `_sweep` does that
                max_request_header_size=MAX_HEADER_BYTES,
                max_request_body_size=body_bytes + 1,  # waitress means fewer bytes than that
                asyncore_use_poll=True,
                clear_untrusted_proxy_headers=True,
                ident="cfnlib",
            )
        except (OSError, ValueError) as error:
            where = unix_socket or f"{host}:{port}"
            raise ConfigError(f"cannot listen at {where}: {error}; choose another --host or --port") from error
        for one in self._map.values():
            if isinstance(one, BaseWSGIServer):
                one.channel_class = partial(Channel, door=app, stopping=self._stopping)
        listening = getattr(self._server, "effective_listen", None)
        self.port = 0
        if unix_socket is None:
            self.port = int(listening[0][1] if listening else self._server.effective_port)
        shown = f"[{host}]" if ":" in host else host
        self.url = f"unix:{unix_socket}" if unix_socket is not None else f"http://{shown}:{self.port}"
        self._thread = threading.Thread(target=self._run, name="cfnlib-http", daemon=True)

    def start(self) -> Self:
        """Begin to serve, beside the caller."""
        self._thread.start()
        return self

    def stop(self, timeout_s: float = 10.0) -> None:
        """Take no new connections, let the requests under way be answered (at most so long), and end."""
        self._until = time.monotonic() + timeout_s
        self._stopping.set()
        if self._thread.is_alive():
            for one in list(self._map.values()):
                if isinstance(one, BaseWSGIServer):
                    one.pull_trigger()
            self._thread.join(timeout_s + 5.0)
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=1)
        for one in list(self._map.values()):
            one.close()
        if self._unix_socket is not None:
            with suppress(OSError):
                self._unix_socket.unlink()

    def _run(self) -> None:
        """The loop over all connections; when it is to stop, until the last one has its answer."""
        swept = time.monotonic()
        while not self._stopping.is_set():
            wasyncore.loop(timeout=_TURN_S, use_poll=True, map=self._map, count=1)
            if time.monotonic() > swept + _SWEEP_S:
                self._sweep()
                swept = time.monotonic()
        for one in list(self._map.values()):
            if isinstance(one, BaseWSGIServer):
                wasyncore.dispatcher.close(one)
        while self._drop_idle() and time.monotonic() < self._until:
            wasyncore.loop(timeout=_TURN_S / 10, use_poll=True, map=self._map, count=1)

    def _channels(self) -> list[Channel]:
        return [one for one in list(self._map.values()) if isinstance(one, Channel)]

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._channels())

    def _sweep(self) -> None:
        """Close the connections whose clients have had their time."""
        now = time.time()
        for channel in self._channels():
            if channel.is_overdue(now, self._timeout_s):
                channel.drop()

    def _drop_idle(self) -> bool:
        """Close the connections that wait for nothing; whether there are others."""
        busy = False
        for channel in self._channels():
            if channel.is_busy():
                busy = True
            else:
                channel.drop()
        return busy


def _most_connections() -> int:
    """How many connections there may be, so that files remain for everything else."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return CONNECTIONS if soft == resource.RLIM_INFINITY else max(min(CONNECTIONS, soft // 2), 16)
