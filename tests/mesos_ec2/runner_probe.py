"""Runs the runner for a user with an empty home, and shows what a script sees that it starts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from mesos_clusters import RUNNER, clean_environment

PROBE = """\
import boto, boto.provider, json, os, signal, sys, time

def told(name, value):
    path = os.path.join(os.environ["PROBE"], name)
    with open(path + ".new", "w") as out:
        json.dump(value, out)
    os.rename(path + ".new", path)

folder = os.path.dirname(os.environ["BOTO_CONFIG"])
files = dict((name, os.stat(os.path.join(folder, name)).st_mode & 511) for name in os.listdir(folder)
             if not os.path.isdir(os.path.join(folder, name)))
told("start", {
    "environment": dict(os.environ), "configuration": open(os.environ["BOTO_CONFIG"]).read(), "files": files,
    "mode": os.stat(folder).st_mode & 511, "folder": folder, "version": list(sys.version_info[:2]),
    "arguments": sys.argv[1:], "pid": os.getpid(), "boto": boto.__version__,
    "token": boto.provider.get_default().security_token,
})
"""
"""A script for either Python. It may be continued."""

WAITS = """
heard = []
def hear(number, frame):
    heard.append(number)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, hear)
told("ready", 1)
until = time.time() + 60
while not heard and time.time() < until:
    time.sleep(0.02)
time.sleep(0.3)
told("heard", heard)
sys.exit(7)
"""
"""A probe that waits for a signal, and ends in its own way."""


class Probe:
    """A user's home, the probe as a script in it, and what the probe has told."""

    def __init__(self, folder: Path, more: str = "", **environment: str) -> None:
        self.home = folder / "home"
        self.told_folder = folder / "told"
        self.told_folder.mkdir()
        self.script = folder / "probe.py"
        self.script.write_text(PROBE + more)
        self.environment = clean_environment(self.home, PROBE=str(self.told_folder)) | environment

    def command(self, *words: str, python: tuple[str, ...] = (sys.executable,)) -> list[str]:
        """The runner with the probe, as a list of words."""
        return [*python, str(RUNNER), "--trust", "--script", str(self.script), *words]

    def run(self, *words: str, python: tuple[str, ...] = (sys.executable,), **more: str):
        """The runner's end."""
        return subprocess.run(
            self.command(*words, python=python),
            env=self.environment | more,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd=self.home,
        )

    def start(self, *words: str, **more):
        """The runner, in a group of its own as a shell would start it."""
        return subprocess.Popen(
            self.command(*words),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **more,
        )

    def told(self, name: str):
        """What the probe has told under a name; waits for it."""
        path = self.told_folder / name
        until = time.monotonic() + 60
        while not path.exists():
            assert time.monotonic() < until, f"the probe has not told {name}"
            time.sleep(0.02)
        return json.loads(path.read_text())

    def left_behind(self) -> list[str]:
        """What is in the folder for temporary files."""
        return sorted(path.name for path in (self.home / "tmp").iterdir())

    def servers(self) -> list[int]:
        """The processes that serve an EC2 API for this home."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                words = (path / "cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            if "runner.serving" in words and any(word.startswith(str(self.home)) for word in words):
                found.append(int(path.name))
        return found

    def nothing_left(self) -> bool:
        """Whether the runner has left neither a file nor a process; waits for it."""
        until = time.monotonic() + 30
        while self.left_behind() or self.servers():
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
        return True

    def kill_servers(self) -> None:
        """End what a failed test has left."""
        for pid in self.servers():
            os.kill(pid, signal.SIGKILL)
