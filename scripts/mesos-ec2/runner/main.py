"""The command: takes its own options away, passes all others on, and gets out of the way."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from runner.boto import boto_folder, write_configuration
from runner.bridge import Bridge, credentials
from runner.interpreter import Interpreter, chosen
from runner.problem import Problem
from runner.script import absolute, check, find_script, workplace

_USAGE = """\
%(prog)s --scripts FOLDER [options] ACTION...

Runs the user's own, unmodified checkout of the Mesos EC2 scripts (or another of that family) against CloudStack.
Every argument that is not listed here goes to the script as it stands.
"""


def main(arguments: list[str]) -> int:
    """Run the script; gives its exit status, or 2 when it could not be started."""
    own, passed = _parser().parse_known_args(arguments)
    try:
        script = find_script(own.scripts, own.script)
        for line in check(script, trust=own.trust):
            sys.stderr.write(f"mesos-ec2: {line}\n")
        interpreter = chosen(own.python)
        with tempfile.TemporaryDirectory(prefix="mesos-ec2-") as folder:
            return _run(script, passed, interpreter, own, Path(folder))
    except Problem as problem:
        sys.stderr.write(f"mesos-ec2: {problem}\n")
        return 2


def _run(script: Path, passed: list[str], interpreter: Interpreter, own: argparse.Namespace, folder: Path) -> int:
    with Bridge(own.bridge, folder, own.profile) as bridge:
        environment = dict(os.environ)
        environment.update(credentials(own.profile, bridge))
        configuration = write_configuration(folder / "boto.cfg", bridge.url, own.ca_file)
        environment.update(BOTO_CONFIG=str(configuration), NO_PROXY="127.0.0.1,localhost,::1")
        command = interpreter.command(script, absolute(passed))
        environment["PYTHONPATH"] = os.pathsep.join([str(boto_folder(folder)), str(script.parent)])
        place = workplace(script, folder)
        process = subprocess.Popen(command, env=environment, cwd=place)  # noqa: S603 - it is what the user asked for
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # the script has it too, and decides what to do with it
                continue


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
