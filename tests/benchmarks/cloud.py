"""An embedded cloud in a process of its own, so that its work is not counted as the engine's.

As a program it prints where it is, then answers each line on its standard input with the requests so far; it ends
with its input.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Cloud:
    """The other side of the pipe."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.place: dict[str, str] = self._line()

    def requests(self) -> dict[str, int]:
        """How many requests came so far, by command."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the embedded cloud ended early")
        return json.loads(line)


@contextmanager
def running(job_s: float, *, faults: bool = False) -> Iterator[Cloud]:
    """A cloud whose jobs take this long; with `faults`, one call or job in fifty goes wrong in some way."""
    with subprocess.Popen(
        [sys.executable, __file__, "--job-s", str(job_s), *(["--faults"] if faults else [])],
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
    from cfnlib.simulator import Capacity, Fault, Latency, Simulator  # noqa: PLC0415 - only the child needs it

    parser = argparse.ArgumentParser()
    parser.add_argument("--job-s", type=float, required=True)
    parser.add_argument("--faults", action="store_true")
    asked = parser.parse_args()
    kinds = [("create*", "error"), ("deploy*", "job"), ("*", "reset"), ("deploy*", "drop_answer"), ("list*", "html")]
    faults = (
        [Fault(command, kind, share=0.02, seed=n) for n, (command, kind) in enumerate(kinds)] if asked.faults else []
    )
    roomy = Capacity(host_cores=4096, host_memory_mib=1 << 24)
    with Simulator(Latency(job_s=asked.job_s), capacity=roomy, faults=faults) as simulator:
        keys = simulator.admin
        print(json.dumps({"endpoint": simulator.endpoint, "key": keys.key, "secret": keys.secret}), flush=True)
        for _ in sys.stdin:
            print(json.dumps(dict(simulator.requests)), flush=True)


if __name__ == "__main__":
    main()
