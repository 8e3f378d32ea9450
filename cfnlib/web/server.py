"""The server: waitress, started and stopped from outside.

waitress reads requests without a thread for each, so a slow client holds none; a request is handed to a thread when
it is complete, and an answer is sent without one. What makes it stricter is in `channel`.
"""

from __future__ import annotations

import resource
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from waitress import wasyncore
from waitress.server import BaseWSGIServer, create_server

from cfnlib.web.channel import Channel
from cfnlib.web.listening import BACKLOG, Listening

if TYPE_CHECKING:
    from cfnlib.web.door import Door

MAX_HEADER_BYTES = 1 << 16
CHANNEL_TIMEOUT_S = 60.0
CONNECTIONS = 1000
_TURN_S = 0.5
_SWEEP_S = 1.0


class Server:
    """Serves a door where `listening` takes connections; None: at any free port of 127.0.0.1.

    `threads` answer requests. `body_bytes` is the longest body. `channel_timeout_s` is how long a client may be idle,
    how long a request may take to arrive (a body has more time, by its length) and how long an answer may lie
    unfetched. `connections` is how many clients there may be; None: as many as `CONNECTIONS`, or a half of the files
    that the process may open, since their bodies and the rest of the service need files too.
    """

    def __init__(
        self,
        app: Door,
        listening: Listening | None = None,
        *,
        threads: int = 16,
        body_bytes: int = 1 << 26,
        channel_timeout_s: float = CHANNEL_TIMEOUT_S,
        connections: int | None = None,
    ) -> None:
        self._listening = Listening() if listening is None else listening
        self.port, self.url = self._listening.port, self._listening.url
        self._map: dict[int, Any] = {}
        self._stopping = threading.Event()
        self._timeout_s = channel_timeout_s
        self._until = 0.0
        self._server = create_server(
            app,
            map=self._map,
            sockets=self._listening.sockets,
            threads=threads,
            connection_limit=_most_connections() if connections is None else connections,
            backlog=BACKLOG,
            channel_timeout=1 << 30,  # `_sweep` does that
            max_request_header_size=MAX_HEADER_BYTES,
            max_request_body_size=body_bytes + 1,  # waitress means fewer bytes than that
            asyncore_use_poll=True,
            clear_untrusted_proxy_headers=True,
            ident="cfnlib",
        )
        for one in self._map.values():
            if isinstance(one, BaseWSGIServer):
                one.channel_class = partial(Channel, door=app, stopping=self._stopping)
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
        self._listening.close()

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
