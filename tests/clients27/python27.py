"""A Python 2.7 with packages from PyPI, for clients that were never ported and are still in use.

A 2.7 is looked for in the variable PYTHON27, on the PATH, and where pyenv keeps its versions. Packages are installed
once into a folder for temporary files (or the one that CFNLIB_TEST_CACHE names), and found there by later runs. A
test that needs them is skipped, with the reason, where there is no 2.7, or where PyPI cannot be reached.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

INSTALL_S = 300


def python27_with(*packages: str) -> tuple[str, dict[str, str]]:
    """The path of a Python 2.7, and the environment in which it has these packages (as pip names them).

    Their scripts come first on the environment's PATH. Skips the test that asks when they cannot be had.
    """
    python, why = interpreter()
    if python is None:
        pytest.skip(why)
    folder, why = installed(python, packages)
    if folder is None:
        pytest.skip(why)
    left_out = {"PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "PYTHONWARNINGS"}
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    environment |= {
        "PATH": os.pathsep.join((str(folder / "bin"), os.environ.get("PATH", os.defpath))),
        "PYTHONPATH": str(folder),
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
    }
    return python, environment


@cache
def interpreter() -> tuple[str | None, str]:
    """The path of a Python 2.7, or None and why there is none."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [os.environ.get("PYTHON27"), shutil.which("python2.7")]
    candidates += sorted(str(path) for path in versions.glob("2.7*/bin/python2.7"))
    for path in filter(None, candidates):
        asked = [path, "-c", "import sys, ssl, pip; print(sys.version_info[:2] == (2, 7))"]
        try:
            done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.stdout.strip() == "True":
            return path, ""
    return None, "there is no Python 2.7 with pip: set PYTHON27, or have python2.7 on the PATH or in pyenv"


@cache
def installed(python: str, packages: tuple[str, ...]) -> tuple[Path | None, str]:
    """The folder that holds the packages, or None and why they cannot be had."""
    shelf = Path(os.environ.get("CFNLIB_TEST_CACHE") or Path(tempfile.gettempdir()) / f"cfnlib-tests-{os.getuid()}")
    shelf.mkdir(mode=0o700, parents=True, exist_ok=True)
    if shelf.stat().st_uid != os.getuid():
        return None, f"{shelf} belongs to somebody else; set CFNLIB_TEST_CACHE"
    digest = hashlib.sha256("\n".join((python, *sorted(packages))).encode()).hexdigest()[:16]
    folder = shelf / f"python27-{digest}"
    if folder.exists():
        return folder, ""
    # Several tests may install at once: each into a folder of its own, and the first to be done gives its to all.
    with tempfile.TemporaryDirectory(dir=shelf) as scratch:
        fresh = Path(scratch) / "packages"
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--target", str(fresh), *packages]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_S)
        except subprocess.TimeoutExpired:
            return None, f"PyPI did not give {', '.join(packages)} in {INSTALL_S} s"
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["pip failed"])[-1]
            return None, f"{', '.join(packages)} cannot be installed: {last}"
        try:
            fresh.rename(folder)
        except OSError:
            if not folder.exists():
                raise
    return folder, ""
