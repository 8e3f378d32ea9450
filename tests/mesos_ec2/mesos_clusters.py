"""The runner with a script of the stock kind, in front of a cloud and of machines that are folders.

The script is our own and unknown to the runner. As Python 2 it must not look like a program of this project, so it is
kept under another name.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import ec2_bridges
from ec2_bridges import Bridge
from node_farm import Farm

from cfnlib.web import form_of

ROOT = Path(__file__).resolve().parents[2]
RUNNER = ROOT / "scripts" / "mesos-ec2" / "mesos-ec2"
SCRIPTS = Path(__file__).parent / "data" / "ec2"
KEY_NAME = "mykey"
_LEFT_OUT = ("AWS_", "BOTO_", "CLOUDSTACK_", "CFNLIB_", "XDG_", "PYTHONDONTWRITEBYTECODE")


def checkout(folder: Path) -> Path:
    """A checkout of the scripts in this folder."""
    place = folder / "ec2"
    if not place.exists():
        shutil.copytree(SCRIPTS, place)
        (place / "launcher.txt").rename(place / "mesos_ec2.py")
        (place / "launcher_of_spark.txt").rename(place / "spark_ec2.py")
    return place


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """This process's environment for a user who has configured nothing, with a home of its own."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(_LEFT_OUT)}
    temporary = home / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    return kept | {"HOME": str(home), "TMPDIR": str(temporary), **more}


class Request(NamedTuple):
    """A request as it came: verb, action, and the other parameters."""

    verb: str
    action: str
    params: dict[str, str]

    @property
    def shape(self) -> tuple[str, ...]:
        """Verb, action, and the names of the parameters."""
        return (self.verb, self.action, *sorted(self.params))


_OF_ALL = {"Action", "Version", "AWSAccessKeyId", "Signature", "SignatureMethod", "SignatureVersion", "Timestamp"}


@contextmanager
def recorded_bridges(zone="Sandbox", **more):
    """A world as the tests of the EC2 API have it, and the list of requests that it gets."""
    requests: list[Request] = []

    class Recording(Bridge):
        def handle(self, request, request_id):
            params = dict(form_of(request))
            named = {name: value for name, value in params.items() if name not in _OF_ALL}
            requests.append(Request(request.method, params["Action"], named))
            return super().handle(request, request_id)

    with mock.patch.object(ec2_bridges, "Bridge", Recording), ec2_bridges.ec2_bridges(zone, **more) as world:
        world.ec2().import_key_pair(KeyName=KEY_NAME, PublicKeyMaterial=PUBLIC_KEY)
        requests.clear()
        yield world, requests


PUBLIC_KEY = b"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7 nobody@example.org"


class Cluster:
    """Runs the runner in front of a cloud, with machines that are folders."""

    def __init__(self, world, python, folder):
        self.world, self.python, self.folder = world, python, folder
        self.farm = Farm(folder / "farm")
        self.farm.any_machine()

    def run(self, *words, scripts=None, answer="y\n", **more):
        """The runner's end, with these arguments."""
        scripts = scripts or checkout(self.folder)
        environment = clean_environment(self.folder / "home", **self.farm.environment) | {
            "HOME": str(self.folder / "home"),
            "PATH": f"{self.farm.environment['PATH']}:{os.environ['PATH']}",
            "AWS_ACCESS_KEY_ID": self.world.user.key,
            "AWS_SECRET_ACCESS_KEY": self.world.user.secret,
            **more,
        }
        own = ["--scripts", str(scripts), "--bridge", self.world.urls[0], "--python", self.python]
        command = [sys.executable, str(RUNNER), *own, *words]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=120, input=answer
        )

    def act(self, *words, **more):
        """The same, with what is needed to reach the machines."""
        key = ("-k", KEY_NAME, "-i", str(self.farm.folder / "key"), "-w", "0", "--swap", "0", "-t", "m1.small")
        return self.run(*key, *words, **more)

    def states(self):
        """The machines' states, by the role that their group says."""
        found: dict[str, list[str]] = {}
        for row in self.world.ec2().describe_instances()["Reservations"]:
            role = row["Groups"][0]["GroupName"].rpartition("-")[2]
            alive = [one["State"]["Name"] for one in row["Instances"] if one["State"]["Name"] != "terminated"]
            found.setdefault(role, []).extend(alive)
        return {role: names for role, names in found.items() if names}

    def wait(self, name, role="slaves"):
        """Until all machines of a role are in a state."""
        until = time.monotonic() + 20
        while set(self.states().get(role, ())) != {name}:
            assert time.monotonic() < until, self.states()
            time.sleep(0.05)


def expected(section):
    """The lines of a section of the table of requests: how many at least, whether more, any order, and the shape."""
    text = (SCRIPTS.parent / "requests.txt").read_text()
    [body] = re.findall(rf"^\[{re.escape(section)}\]\n(.*?)(?:\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    found = []
    for line in body.splitlines():
        count, *shape = line.split()
        found.append((int(count.strip("~+")), "+" in count, "~" in count, tuple(shape)))
    return found


def differences(section, requests):
    """Where requests are not those of the table: the first that is not, or None."""
    left = [one.shape for one in requests]
    lines = expected(section)
    while lines:
        count, more, mixed, shape = lines.pop(0)
        if mixed:
            wanted = Counter({shape: count})
            while lines and lines[0][2]:
                other = lines.pop(0)
                wanted[other[3]] += other[0]
            size = sum(wanted.values())
            if Counter(left[:size]) != wanted:
                return f"not {wanted} in any order, but {Counter(left[:size])}"
            left = left[size:]
            continue
        for number in range(count):
            if not left or left[0] != shape:
                return f"not {shape} ({number + 1} of {count}), but {left[0] if left else 'nothing'}"
            left.pop(0)
        while more and left and left[0] == shape:
            left.pop(0)
    return f"more: {left}" if left else None
