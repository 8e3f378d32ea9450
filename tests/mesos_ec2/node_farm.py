"""Machines that are folders: what the node files of a cluster make of them, without a machine or a right of root's.

The programs in data/programs stand for those of a machine that reach beyond its folder: ssh and rsync lead from one
folder to another, systemctl keeps what would run. All others, and the node files, are the real ones.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE / "data" / "programs"
NODE_FILES = HERE.parents[1] / "scripts" / "mesos-ec2" / "deploy.cloudstack"
_SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Farm:
    """Machines below a folder, each by the name that others reach it under."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "key").write_text("the cluster's private key\n")
        (folder / "key").chmod(0o600)
        self.environment = {
            "PATH": f"{PROGRAMS}:{_SYSTEM}",
            "HOME": str(folder),
            "FARM": str(folder),
            "PROGRAMS": str(PROGRAMS),
            "SETTLE_S": "1",
            "SSH_PATIENCE_S": "60",
            **settings,
        }

    def machine(self, name: str, *, mesos: bool = True) -> Path:
        """A machine that is there already, or a new one of an image with or without Mesos."""
        place = self.folder / name
        if not place.exists():
            for part in ("root/.ssh", "usr/bin", "etc/apt/sources.list.d", "etc/apt/trusted.gpg.d"):
                (place / part).mkdir(parents=True)
            for program in ("mesos-master", "mesos-agent") if mesos else ():
                shutil.copy(PROGRAMS / "mesos", place / "usr" / "bin" / program)
        return place

    def any_machine(self):
        """From now on, every name leads to a machine."""
        self.machine(".image")

    def deploy(self, masters, agents=(), zoo=(), *, make=True):
        """Send the node files to the first master, rendered as the stock script does it, and its key."""
        for name in (*masters, *agents, *zoo) if make else ():
            self.machine(name or "nowhere")
        first = self.machine(masters[0])
        url = "zoo://" + ",".join(f"{name}:2181/mesos" for name in zoo) if zoo else f"master@{masters[0]}:5050"
        values = {"master_list": masters, "slave_list": agents, "zoo_list": zoo or ["NONE"], "cluster_url": [url]}
        for path in NODE_FILES.rglob("*"):
            target = first / path.relative_to(NODE_FILES)
            if path.is_dir():
                target.mkdir(exist_ok=True)
                continue
            text = path.read_text()
            for name, lines in values.items():
                text = text.replace("{{" + name + "}}", "\n".join(lines))
            target.write_text(text)
        (first / "root" / "mesos-ec2" / "setup").chmod(0o744)
        shutil.copy(self.folder / "key", first / "root" / ".ssh" / "id_rsa")
        return first

    def setup(self, first: Path, swap_mb: int = 0, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run what the stock script runs on the first master."""
        command = f"mesos-ec2/setup cloudstack none master {swap_mb}"
        return subprocess.run(
            ["ssh", "-i", str(self.folder / "key"), "-t", f"root@{first.name}", command],
            env=self.environment | settings,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def services(self):
        """What runs on each machine: the commands by the units' names, by the machines' names."""
        found = {}
        for place in sorted(self.folder.glob("[!.]*/")):
            units = {}
            for path in sorted(place.glob("run/state/active/*")):
                assert (place / "run/state/enabled" / path.name).exists(), f"{path.name} would not survive a restart"
                units[path.name] = command_of((place / f"run/state/running-{path.name}").read_text(), self.folder)
            found[place.name] = units
        return found

    def restarts(self):
        """How often each machine has started something."""
        logs = {path.parts[-4]: path.read_text().split() for path in self.folder.glob("*/run/state/restarts")}
        return {name: len(lines) for name, lines in logs.items()}


def command_of(unit: str, folder: Path):
    """The words that a unit starts, with the machine's folder cut off."""
    [line] = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    words = shlex.split(line.removeprefix("ExecStart="))
    return [word.replace("%%", "%").replace("$$", "$").replace(str(folder), "") for word in words]


def flags(words):
    """The flags among a command's words, by name."""
    pairs = [word.removeprefix("--").partition("=") for word in words if word.startswith("--")]
    return {name: value for name, _, value in pairs}


def kill_all(folder: Path) -> None:
    """End what machines without systemd have started: by process group, as each is the leader of one."""
    for path in folder.rglob("*.pid"):
        try:
            os.killpg(int(path.read_text()), 9)
        except (ProcessLookupError, ValueError):
            continue
