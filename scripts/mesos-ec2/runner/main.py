"""The command: takes its own options away, passes all others on, and gets out of the way."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from runner.boto import modules_folder, write_configuration
from runner.bridge import bridge
from runner.ending import Stopped, signals_raised, undisturbed, waited
from runner.interpreter import chosen
from runner.problem import Problem
from runner.script import absolute, check, find_script, workplace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.interpreter import Interpreter

_USAGE = """\
%(prog)s --scripts FOLDER [options] ACTION...

Runs the user's own, unmodified checkout of the Mesos EC2 scripts (or another of that family) against CloudStack.
Every argument that is not listed here goes to the script as it stands.
"""
_LOOPBACK = "127.0.0.1,localhost"


def main(arguments: list[str]) -> int:
    """Run the script; gives its exit status, 2 when it could not be started, 128 and more when a signal ended it."""
    own, passed = _parser().parse_known_args(arguments)
    try:
        with signals_raised():
            script = find_script(own.scripts, own.script)
            for line in check(script, trust=own.trust):
                sys.stderr.write(f"mesos-ec2: {line}\n")
            interpreter = chosen(own.python)
            with _folder() as folder:
                return _run(script, passed, interpreter, own, folder)
    except Problem as problem:
        sys.stderr.write(f"mesos-ec2: {problem}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    except Stopped as stopped:
        return 128 + stopped.number


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that only this user can read, for as long as the script runs."""
    folder = Path(tempfile.mkdtemp(prefix="mesos-ec2-"))
    try:
        yield folder
    finally:
        with undisturbed():
            shutil.rmtree(folder, ignore_errors=True)


def _run(script: Path, passed: list[str], interpreter: Interpreter, own: argparse.Namespace, folder: Path) -> int:
    modules = modules_folder(folder, translates=interpreter.translates)
    with bridge(own.bridge, folder, own.profile) as near:
        configuration = write_configuration(folder / "boto.cfg", near.url, own.ca_file, os.environ)
        environment = {**os.environ, **near.keys}
        environment["BOTO_CONFIG"] = str(configuration)
        environment["PYTHONPATH"] = os.pathsep.join([str(modules), str(script.parent)])
        environment["PYTHONDONTWRITEBYTECODE"] = "1"  # the checkout stays as it is
        environment["AWS_SECURITY_TOKEN"] = ""  # boto would take another cloud's from ~/.aws
        for name in ("no_proxy", "NO_PROXY"):
            environment[name] = ",".join(filter(None, [os.environ.get(name), _LOOPBACK]))
        process = subprocess.Popen(  # noqa: S603 - it is what the user asked for
            interpreter.command(script, absolute(passed)), env=environment, cwd=workplace(script, folder)
        )
        return waited(process)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("mesos-ec2", usage=_USAGE, add_help=False, allow_abbrev=False)
    parser.add_argument("--scripts", metavar="FOLDER", help="the ec2 folder of the checkout")
    parser.add_argument("--script", metavar="NAME", help="another script than mesos_ec2.py, by name or path")
    parser.add_argument("--bridge", metavar="URL", help="an EC2 API that runs already; else one is started")
    parser.add_argument("--profile", metavar="NAME", help="the section of ~/.cloudstack.ini to use")
    parser.add_argument("--python", metavar="PATH", help="the interpreter: a Python 2.7, or 3.11 and newer")
    parser.add_argument("--ca-file", metavar="PATH", help="the certificates to trust, when the bridge is at https://")
    parser.add_argument("--trust", action="store_true", help="run a script with an unknown checksum without a word")
    return parser
