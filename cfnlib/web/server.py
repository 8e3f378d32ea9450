"""The server: waitress, started and stopped from outside.

waitress reads requests without a thread for each, so a slow client holds none; a request is handed to a thread when
it is complete. It refuses what can be read in two ways (two lengths, odd chunks).
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Self

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server

from cfnlib.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from cfnlib.web.door import Door

MAX_HEADER_BYTES = 1 << 16
CHANNEL_TIMEOUT_S = 60
CONNECTIONS = 1000
_TURN_S = 0.5


class Server:
    """Serves a door at an address, or at a socket of the file system. Raises `ConfigError` when it cannot be had."""

    def __init__(
        self,
        app: Door,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        unix_socket: Path | None = None,
        threads: int = 16,
        body_bytes: int = 1 << 26,
        channel_timeout_s: int = CHANNEL_TIMEOUT_S,
    ) -> None:
        place: dict[str, Any] = {"host": host, "port": port}
        if unix_socket is not None:
            place = {"unix_socket": str(unix_socket), "unix_socket_perms": "660"}
        self._map: dict[int, Any] = {}
        self._stopping = threading.Event()
        self._until = 0.0
        try:
            self._server = create_server(
                app,
                map=self._map,
                **place,
                threads=threads,
                connection_limit=CONNECTIONS,
                backlog=1024,
                channel_timeout=channel_timeout_s,
                cleanup_interval=max(min(channel_timeout_s // 2, 30), 1),
                max_request_header_size=MAX_HEADER_BYTES,
                max_request_body_size=body_bytes,
                asyncore_use_poll=True,
                clear_untrusted_proxy_headers=True,
                ident="cfnlib",
            )
        except (OSError, ValueError) as error:
            where = unix_socket or f"{host}:{port}"
            raise ConfigError(f"cannot listen at {where}: {error}; choose another --host or --port") from error
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
            self._thread.join(timeout_s + 5.0)
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=1)
        for one in list(self._map.values()):
            one.close()

    def _run(self) -> None:
        """The loop over all connections; when it is to stop, until the last one has its answer."""
        while not self._stopping.is_set():
            wasyncore.loop(timeout=_TURN_S, use_poll=True, map=self._map, count=1)
        for one in list(self._map.values()):
            if isinstance(one, BaseWSGIServer):
                wasyncore.dispatcher.close(one)
        while self._busy() and time.monotonic() < self._until:
            wasyncore.loop(timeout=_TURN_S / 10, use_poll=True, map=self._map, count=1)

    def _busy(self) -> bool:
        """Whether a request is being answered, or an answer not sent yet."""
        channels = [one for one in list(self._map.values()) if isinstance(one, HTTPChannel)]
        return any(one.requests or one.total_outbufs_len for one in channels)
