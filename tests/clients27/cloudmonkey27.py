"""CloudMonkey 5.3, run as a person would run it."""

# What is test machinery is read by its name, and takes what it is given.
# ruff: noqa: D102

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from python27 import python27_with

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = (
    "cloudmonkey==5.3.3.1",
    "requests<2.28",
    "requests-toolbelt<0.10",
    "argcomplete<2",
    "Pygments<2.6",
    "prettytable<2",
)


class CloudMonkey:
    """A CloudMonkey whose home is `home`, in front of a cloud."""

    def __init__(self, home: Path, url: str, key: str, secret: str) -> None:
        python, environment = python27_with(*PACKAGES)
        self._environment = environment | {"HOME": str(home)}
        self._start = [python, "-c", "from cloudmonkey.cloudmonkey import main; main()"]
        config = home / ".cloudmonkey" / "config"
        config.parent.mkdir()
        config.write_text(
            f"[core]\nprofile = cloud\n[ui]\ncolor = false\ndisplay = json\n"
            f"[cloud]\nurl = {url}\napikey = {key}\nsecretkey = {secret}\n",
            encoding="utf-8",
        )
        self("set", "display", "json")  # it says which settings it takes from itself, once

    def __call__(self, *words: str) -> str:
        """What it prints."""
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [*self._start, *words]
        return subprocess.run(
            command, env=self._environment, capture_output=True, text=True, check=False, timeout=120
        )
