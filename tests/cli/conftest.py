"""A command line with a home of its own, in which no cloud is configured but the embedded one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import NamedTuple

import pytest
from command_templates import GROUP, PLAIN, WRONG

from cfnlib.cli import main


class Ran(NamedTuple):
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """The one document on the standard output."""
        return json.loads(self.out)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home and a working directory with templates, and an environment that names no cloud."""
    for name in os.environ:
        if name.startswith(("CLOUDSTACK_", "CFNLIB_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.chdir(tmp_path)
    for name, text in {"plain.yaml": PLAIN, "group.yaml": GROUP, "wrong.yaml": WRONG}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(home, capsys):  # noqa: ARG001 - the home is to be there
    """Run a command in this process; jobs of the embedded cloud take no time."""

    def ran(*words) -> Ran:
        given = [str(word) for word in words]
        if given[0] in {"create", "update", "delete", "resume", "rollback", "plan"} or given[:2] == [
            "change-set",
            "execute",
        ]:
            given += ["--job-seconds", "0"]
        capsys.readouterr()
        try:
            code = main(given)
        except SystemExit as end:
            code = end.code
        return Ran(code, *capsys.readouterr())

    return ran


@pytest.fixture
def program(home):
    """Start the command line as a process of its own."""
    started = []

    def start(*words, **options) -> subprocess.Popen:
        command = [sys.executable, "-m", "cfnlib.cli", *map(str, words)]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": home, **options}
        started.append(subprocess.Popen(command, **options))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.wait()
        for pipe in (one.stdout, one.stderr):
            if pipe is not None:
                pipe.close()
