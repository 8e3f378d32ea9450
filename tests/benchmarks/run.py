"""The figures that cfnlib is held to. Each line printed is `name value`; nothing here passes or fails.

python tests/benchmarks/run.py [stack] [growth] [validate]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import generated
from cloud import running
from operate import operate

JOB_S = 20.0


def figure(name: str, value: float) -> None:
    """Print one figure."""
    print(f"{name} {value:.4g}", flush=True)


def stack(machines: int = 1000) -> None:
    """A stack of many machines whose jobs take as long as on a loaded server.

    The critical path of the creation is one machine's job. That of the deletion is two: a network can be deleted only
    when its last machine is gone.
    """
    with running(JOB_S) as cloud:
        found = operate(cloud, generated.cluster(machines))
    count = found["create"]["resources"]
    figure("stack_resources", count)
    for name, path_s in (("create", JOB_S), ("delete", 2 * JOB_S)):
        one = found[name]
        figure(f"stack_{name}_seconds", one["seconds"])
        figure(f"stack_{name}_critical_path_seconds", path_s)
        figure(f"stack_{name}_over_critical_path", one["seconds"] / path_s)
        figure(f"stack_{name}_requests_per_resource", one["requests"] / count)
        for command, number in sorted(one["by_command"].items(), key=lambda pair: -pair[1])[:4]:
            figure(f"stack_{name}_requests_{command}", number)


def growth() -> None:
    """What a resource costs, in a small stack and in a large one: the same, if the cost is linear."""
    each: dict[int, float] = {}
    memory: dict[int, float] = {}
    for machines in (1000, 5000):
        with running(0.5) as cloud:
            found = operate(cloud, generated.cluster(machines))
        count = found["create"]["resources"]
        for name in ("create", "delete"):
            figure(f"growth_{name}_cpu_seconds_per_resource_{machines}", found[name]["cpu_seconds"] / count)
            figure(f"growth_{name}_seconds_{machines}", found[name]["seconds"])
        each[machines] = (found["create"]["cpu_seconds"] + found["delete"]["cpu_seconds"]) / count
        memory[machines] = found["delete"]["peak_mib"]
        figure(f"growth_peak_mib_{machines}", memory[machines])
    figure("growth_cpu_per_resource_5000_over_1000", each[5000] / each[1000])
    figure("growth_peak_mib_per_1000_more", (memory[5000] - memory[1000]) / 4)


def validate(resources: int = 500) -> None:
    """A large template validated by a whole process, cfnlib's and cfn-lint's in turn."""
    own = Path(sys.executable).parent / "cfnlib"
    with tempfile.TemporaryDirectory() as folder:
        lint = _cfn_lint(Path(folder))
        file = Path(folder) / "large.yaml"
        file.write_text(generated.large(resources), encoding="utf-8")
        figure("validate_lines", file.read_text(encoding="utf-8").count("\n"))
        ours, theirs = [], []
        for _ in range(3):
            ours += [_timed([str(own), "validate", str(file)]) for _ in range(3)]
            theirs.append(_timed([str(lint), str(file)]))
    figure("validate_cfnlib_seconds", statistics.median(ours))
    figure("validate_cfn_lint_seconds", statistics.median(theirs))
    figure("validate_times_as_fast", statistics.median(theirs) / statistics.median(ours))


def _cfn_lint(folder: Path) -> Path:
    """The cfn-lint of this environment (extra `bench`), or one in an environment that is thrown away."""
    present = Path(sys.executable).parent / "cfn-lint"
    if present.exists():
        return present
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "--quiet", "install", "cfn-lint"], check=True)
    return python.parent / "cfn-lint"


def _timed(command: list[str]) -> float:
    environ = {"PATH": os.defpath, "HOME": str(Path.home()), "LANG": "C.UTF-8"}
    begun = time.monotonic()
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    took = time.monotonic() - begun
    if ran.returncode not in {0, 4}:  # cfn-lint ends with 4 when it has warnings
        raise RuntimeError(
            f"{' '.join(command)} ended with {ran.returncode}:\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}"
        )
    return took


if __name__ == "__main__":
    known = {"stack": stack, "growth": growth, "validate": validate}
    for asked in sys.argv[1:] or known:
        known[asked]()
