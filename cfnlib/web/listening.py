"""The sockets that take connections: opened once, for one process or for several that are forked from it."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from cfnlib.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

BACKLOG = 1024
_PERMISSIONS = 0o660


class Listening:
    """Takes connections at an address, or at a socket of the file system. Raises `ConfigError` when it cannot be had.

    A name may stand for several addresses; port 0 is any free one. `url` says where it is, `port` is 0 for a file.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, unix_socket: Path | None = None) -> None:
        self._file = unix_socket
        self._owner = os.getpid()
        self.sockets: list[socket.socket] = []
        self.port = 0
        if not 0 <= port <= 65535:
            raise ConfigError(f"cannot listen at {host}:{port}: a port is a number from 0 to 65535")
        try:
            if unix_socket is not None:
                self.sockets.append(_in_file(unix_socket))
            else:
                for family, address in _addresses(host, port):
                    self.sockets.append(socket.create_server(address, family=family, backlog=BACKLOG))
        except (OSError, ValueError) as error:
            self.close()
            where = unix_socket or f"{host}:{port}"
            raise ConfigError(f"cannot listen at {where}: {error}; choose another --host or --port") from error
        if unix_socket is None:
            self.port = int(self.sockets[0].getsockname()[1])
        shown = f"[{host}]" if ":" in host else host
        self.url = f"unix:{unix_socket}" if unix_socket is not None else f"http://{shown}:{self.port}"

    def close(self) -> None:
        """Take no more connections here; the file goes with the process that made it."""
        for one in self.sockets:
            one.close()
        if self._file is not None and self.sockets and os.getpid() == self._owner:
            with suppress(OSError):
                self._file.unlink()
        self.sockets = []


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, Any]]:
    """The addresses that a name stands for, each once; an empty name is all of this machine's."""
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((family, where) for family, _, _, _, where in found))


def _in_file(path: Path) -> socket.socket:
    """A socket at a path; what a process left there that ended without a word makes room."""
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        one.bind(str(path))
        path.chmod(_PERMISSIONS)
        one.listen(BACKLOG)
    except OSError:
        one.close()
        raise
    return one
