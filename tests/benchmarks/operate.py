"""One stack made and deleted in a process of its own; prints what that cost as JSON.

Its arguments come as JSON on the standard input: `endpoint`, `key`, `secret`, `template`. What is measured is from
the call of `create` to its return: wall clock, CPU seconds of this process, the peak of its memory so far.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def operate(place: dict[str, str], template: str) -> dict[str, dict[str, float]]:
    """Run this module in a child, and read its measurements."""
    asked = json.dumps({**place, "template": template})
    ran = subprocess.run(
        [sys.executable, __file__], input=asked, stdout=subprocess.PIPE, text=True, check=True, timeout=1200
    )
    return json.loads(ran.stdout)


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

    asked = json.loads(sys.stdin.read())
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
            found = {"create": _measured(lambda: stacks.create("bench", template))}
            found["resources"] = len(stacks["bench"].resources)
            found["delete"] = _measured(lambda: stacks.delete("bench"))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
