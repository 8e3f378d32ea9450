"""The service as a process that the soak starts, kills, stops and looks at."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.request import urlopen

if TYPE_CHECKING:
    from pathlib import Path

READY_S = 60.0


class Serving:
    """`cfnlib serve` on a port of its own, over a store that it may share; `name` tells several apart."""

    def __init__(self, name: str, folder: Path, place: dict[str, str], *, pids: int = 0) -> None:
        self.name = name
        self.starts = pids
        self._folder = folder
        self._place = place
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"{name}.log"
        self._process: subprocess.Popen | None = None

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        environ = {
            **os.environ,
            "HOME": str(self._folder),
            "CLOUDSTACK_ENDPOINT": self._place["endpoint"],
            "CLOUDSTACK_KEY": self._place["key"],
            "CLOUDSTACK_SECRET": self._place["secret"],
            "CFNLIB_ZONE": "Sandbox",
        }
        store = f"sqlite:///{self._folder / 'stacks.db'}"
        secret = str(self._folder / "service.secret")
        command = [sys.executable, "-m", "cfnlib.cli", "serve", "--port", str(self.port), "--state", store]
        with self.log.open("a") as log:
            self._process = subprocess.Popen([*command, "--secret-file", secret], env=environ, stdout=log, stderr=log)
        self.starts += 1
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise RuntimeError(f"{self.name} ended at its start: {self.log.read_text()[-2000:]}")
            with suppress(OSError), urlopen(f"{self.url}/ready", timeout=2):
                return
            time.sleep(0.1)
        raise RuntimeError(f"{self.name} is not ready after {READY_S:g} s: {self.log.read_text()[-2000:]}")

    def kill(self) -> None:
        """End it without a word."""
        self._process.kill()
        self._process.wait(30)

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def end(self) -> float:
        """Ask it to end; gives how many seconds that took."""
        begun = time.monotonic()
        with suppress(OSError):
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        try:
            self._process.wait(90)
        except subprocess.TimeoutExpired:
            self.kill()
        return time.monotonic() - begun

    def size(self) -> tuple[float, int, int]:
        """Resident MiB, threads, and open files."""
        status = dict(line.split(":", 1) for line in _read(f"/proc/{self.pid}/status").splitlines() if ":" in line)
        files = len(os.listdir(f"/proc/{self.pid}/fd"))  # noqa: PTH208 - names are all that is wanted
        return int(status["VmRSS"].split()[0]) / 1024, int(status["Threads"]), files

    def traces(self) -> dict[str, int]:
        """The last lines of the traces in the log, and how many of each: nothing that is foreseen leaves one."""
        found: dict[str, int] = {}
        lines = self.log.read_text(errors="replace").splitlines()
        for at, line in enumerate(lines):
            if line.startswith("Traceback (most recent call last)"):
                rest = (one for one in lines[at + 1 :] if re.match(r"[\w.]+(:|$)", one))
                last = re.sub(r"[0-9a-f-]{12,}|\d+", "N", next(rest, "?"))[:160]
                found[last] = found.get(last, 0) + 1
        return found


def _read(path: str) -> str:
    with open(path) as file:  # noqa: PTH123 - as short as that
        return file.read()
