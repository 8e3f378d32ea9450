"""A machine to try boot programs on: the real shell and its tools, with the rest of a machine played by stand-ins.

Paths under /etc, /usr/local and /var lead into a folder. What was installed and started is written down there.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAMS = {
    "hostname": 'echo "{name}"',
    "ip": 'echo "192.0.2.1 via 10.1.1.1 dev eth0 src 10.1.1.7 uid 0"',
    "apt-get": 'echo "$*" >>"$LOG/apt-get"',
    "systemctl": 'echo "$*" >>"$LOG/systemctl"',
    "curl": 'echo "$*" >>"$LOG/curl"; while [[ $1 != -o ]]; do shift; done; echo content >"$2"',
    "gpg": "exit 0",
    "ldconfig": "exit 0",
    "chown": "exit 0",
    "install": "exit 0",
    "sleep": "exit 0",
    "mariadb": 'cat >>"$LOG/mariadb"',
}
_FOLDERS = (
    "etc/apt/sources.list.d",
    "etc/apt/trusted.gpg.d",
    "etc/mysql/mariadb.conf.d",
    "etc/systemd/system",
    "etc/zookeeper/conf",
    "var/lib/zookeeper",
    "var/tmp",
    "var/www/html",
)


class Machine:
    """A machine of this name whose image brings these programs."""

    def __init__(self, folder: Path, name: str, programs: tuple[str, ...] = (), **replaced: str) -> None:
        self.folder = folder
        bodies = {**_PROGRAMS, **dict.fromkeys(programs, "exit 0"), **replaced}
        (folder / "bin").mkdir(parents=True)
        (folder / "log").mkdir()
        for below in _FOLDERS:
            (folder / below).mkdir(parents=True)
        for program, body in bodies.items():
            path = folder / "bin" / program
            path.write_text(f"#!/bin/bash\n{body.replace('{name}', name)}\n", encoding="utf-8")
            path.chmod(0o755)

    def boot(self, program: str) -> subprocess.CompletedProcess[str]:
        """Run a boot program to its end."""
        moved = re.sub(r"(?<![\w/.])/(etc|var|usr/local)/", rf"{self.folder}/\1/", program)
        environ = {"PATH": f"{self.folder / 'bin'}:/usr/bin:/bin", "LOG": str(self.folder / "log")}
        return subprocess.run(
            ["bash"],
            input=moved,
            env=environ,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def read(self, path: str) -> str:
        """A file of the machine, its own paths as the machine would see them; empty when it is not there."""
        file = self.folder / path.lstrip("/")
        return file.read_text(encoding="utf-8").replace(str(self.folder), "") if file.exists() else ""
