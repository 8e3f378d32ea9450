"""Which Python runs the script: a 2.7 as it was written for, else a Python 3 that translates it in memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from runner.problem import Problem

_TRANSLATED = Path(__file__).with_name("translated.py")


class Interpreter(NamedTuple):
    """An interpreter; `translates` says that it is a Python 3."""

    path: str
    translates: bool

    def command(self, script: Path, arguments: list[str]) -> list[str]:
        """The command that runs a script of Python 2."""
        through = [str(_TRANSLATED)] if self.translates else []
        return [self.path, *through, str(script), *arguments]


def chosen(asked: str | None) -> Interpreter:
    """The interpreter that the user names, else a Python 2.7 where one is found, else this one. Raises `Problem`."""
    if asked is not None:
        version = _version(asked)
        if version is None:
            raise Problem(f"--python: {asked} is no Python that can be run")
        if version != (2, 7) and version < (3, 11):
            raise Problem(
                f"--python: {asked} is a Python {version[0]}.{version[1]}; it takes a 2.7, or 3.11 and newer"
            )
        return Interpreter(asked, version > (3, 0))
    for path in _candidates():
        if _version(path) == (2, 7):
            return Interpreter(path, translates=False)
    return Interpreter(sys.executable, translates=True)


def _candidates() -> list[str]:
    found = [path for name in ("python2.7", "python2") if (path := shutil.which(name))]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found += sorted(str(path) for path in pyenv.glob("versions/2.7*/bin/python2.7"))
    return found


def _version(path: str) -> tuple[int, int] | None:
    code = "import sys; sys.stdout.write('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run([path, "-c", code], capture_output=True, timeout=20, check=True)  # noqa: S603 - asks its version
        major, minor = answer.stdout.decode().split(".")
        return int(major), int(minor)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
