"""Packages for a Python 2.7 are found once and found again."""

from __future__ import annotations

import subprocess

import pytest
from python27 import installed, interpreter, python27_with


def test_a_package_is_there_for_python_2_7_alone():
    python, environment = python27_with("six==1.16.0")
    asked = [python, "-c", "import six, sys; print(six.__version__, sys.version_info[0])"]
    done = subprocess.run(asked, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "('1.16.0', 2)"
    assert python27_with("six==1.16.0") == (python, environment)


def test_what_cannot_be_had_skips_with_its_reason(tmp_path, monkeypatch):
    python, why = interpreter()
    if python is None:
        pytest.skip(why)
    monkeypatch.setenv("CFNLIB_TEST_CACHE", str(tmp_path))
    folder, why = installed(python, ("./no-such-folder",))
    assert folder is None
    assert "no-such-folder cannot be installed" in why
