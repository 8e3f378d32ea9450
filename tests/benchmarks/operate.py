"""One stack made and deleted in a process of its own, so that its CPU time and memory are the engine's alone.

As a program it reads JSON in one line (`endpoint`, `key`, `secret`, `template`), makes the stack, prints what that
cost as a line of JSON, waits for a line, deletes the stack, and prints that as well. What is measured is from the
call to its return: wall clock, CPU seconds of this process, the peak of its memory so far.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloud import Cloud


def operate(cloud: Cloud, template: str) -> dict[str, dict[str, float]]:
    """Make and delete a stack in a child; what `create` and `delete` each cost, requests to the cloud included."""
    with subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        found = {}
        line = json.dumps({**cloud.place, "template": template})
        for name in ("create", "delete"):
            before = cloud.requests()
            child.stdin.write(line + "\n")
            child.stdin.flush()
            answer = child.stdout.readline()
            if not answer:
                raise RuntimeError(f"{name} failed; see above")
            requests = {name: count - before.get(name, 0) for name, count in cloud.requests().items()}
            found[name] = {**json.loads(answer), "requests": sum(requests.values()), "by_command": requests}
            line = ""
        return found


def _measured(work) -> dict[str, float]:
    cpu, wall = time.process_time(), time.monotonic()
    work()
    return {
        "seconds": time.monotonic() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Make the stack, and delete it."""
    from cfnlib.config import Config  # noqa: PLC0415 - as above
    from cfnlib.stacks import Stacks  # noqa: PLC0415 - only the child needs it
    from cfnlib.template import Template  # noqa: PLC0415 - as above

    asked = json.loads(sys.stdin.readline())
    with tempfile.TemporaryDirectory() as folder:
        config = Config.load(
            environ={"HOME": folder},
            endpoint=asked["endpoint"],
            key=asked["key"],
            secret=asked["secret"],
            zone="Sandbox",
            state_url=f"sqlite:///{Path(folder) / 'state.db'}",
        )
        with Stacks.from_config(config=config) as stacks:
            template = Template.from_text(asked["template"])
            cost = _measured(lambda: stacks.create("bench", template))
            rows = stacks.store.resources(stacks.store.stack("bench").stack_id)
            print(json.dumps({**cost, "resources": len(rows)}), flush=True)
            sys.stdin.readline()
            print(json.dumps(_measured(lambda: stacks.delete("bench"))), flush=True)


if __name__ == "__main__":
    main()
