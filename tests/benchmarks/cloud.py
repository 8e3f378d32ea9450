"""An embedded cloud in a process of its own, so that its work is not counted as the engine's.

As a program it prints where it is, then answers each line on its standard input, and ends with it. An empty line asks
for the requests so far, by command; other lines are JSON: `{"faults": [...], "full": true}` says what goes wrong from
now on, `{"things": true}` asks for what is there.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT = ("job", "event", "router", "hostload", "user", "account", "domain", "resourcelimit", "role")
"""Kinds that stay when what they are about has gone, or that nobody makes by a stack."""


class Cloud:
    """The other side of the pipe."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lock = threading.Lock()
        self.place: dict[str, str] = self._line()

    def requests(self) -> dict[str, int]:
        """How many requests came so far, by command."""
        return self._asked("")

    def go_wrong(self, *faults: dict, full: bool = False) -> None:
        """What goes wrong from now on, in place of what did before; `full`: no host has room for a machine."""
        self._asked(json.dumps({"faults": faults, "full": full}))

    def things(self) -> dict[str, list[str]]:
        """What is there, by kind, as far as stacks make it; and, under `crashes`, what went wrong in the cloud."""
        return self._asked(json.dumps({"things": True}))

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        os.kill(self._process.pid, number)

    def _asked(self, line: str) -> dict:
        with self._lock:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
            return self._line()

    def _line(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the embedded cloud ended early")
        return json.loads(line)


@contextmanager
def running(job_s: float, **given: object) -> Iterator[Cloud]:
    """A cloud whose jobs take this long. `given` are further options of the program, by name."""
    more = [part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    with subprocess.Popen(
        [sys.executable, __file__, "--job-s", str(job_s), *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Cloud(process)
        finally:
            process.stdin.close()
            process.wait(60)


def main() -> None:
    """Serve until the input ends."""
    from cfnlib.simulator import Capacity, Latency, Simulator  # noqa: PLC0415 - only the child needs it

    parser = argparse.ArgumentParser()
    parser.add_argument("--job-s", type=float, required=True)
    parser.add_argument("--router-s", type=float, default=0.0)
    parser.add_argument("--jitter", type=float, default=0.0)
    parser.add_argument("--machines-of-user", type=int, default=20)
    asked = parser.parse_args()
    limits = {"user_vm": asked.machines_of_user}
    roomy = Capacity(host_cores=4096, host_memory_mib=1 << 24, limits=limits)
    latency = Latency(job_s=asked.job_s, router_s=asked.router_s, jitter=asked.jitter)
    with Simulator(latency, capacity=roomy) as simulator:
        keys = simulator.admin
        print(json.dumps({"endpoint": simulator.endpoint, "key": keys.key, "secret": keys.secret}), flush=True)
        for line in sys.stdin:
            print(json.dumps(_answer(simulator, json.loads(line) if line.strip() else {})), flush=True)


def _answer(simulator, asked: dict) -> dict:
    if "faults" in asked:
        _go_wrong(simulator, asked)
        return {}
    if "things" in asked:
        return _things(simulator)
    return dict(simulator.requests)


def _go_wrong(simulator, asked: dict) -> None:
    from cfnlib.simulator import Fault  # noqa: PLC0415 - as above

    simulator.faults.clear()
    simulator.faults.add(*(Fault(**one) for one in asked["faults"]))
    world = simulator.world
    with world.lock:
        for host in list(world.each("host")):
            if "memory_mib" in host:
                world.change(host, memory_mib=0 if asked["full"] else 1 << 24)


def _things(simulator) -> dict[str, list[str]]:
    from cfnlib.simulator.world import INDEXES  # noqa: PLC0415 - as above

    world = simulator.world
    with world.lock:
        found = {
            kind: [f"{one.get('name') or one.get('address') or ''} {one.uuid}".strip() for one in world.live(kind)]
            for kind in sorted({*INDEXES, "vpc"} - {*KEPT})
        }
        taken = [f"{one['address']} {one.uuid}" for one in world.live("publicip") if one["state"] != "Free"]
    return found | {"publicip": taken, "crashes": [repr(one) for one in simulator.crashes]}


if __name__ == "__main__":
    main()
