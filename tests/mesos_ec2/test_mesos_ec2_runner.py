"""A script of the stock kind, run through the runner: by a Python 2.7, and translated by a Python 3.11 or newer.

The script of these tests is our own and unknown to the runner. It writes the nodes' files instead of sending them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ec2_bridges import ec2_bridges
from python27 import interpreter

ROOT = Path(__file__).resolve().parents[2]
RUNNER = ROOT / "scripts" / "mesos-ec2" / "mesos-ec2"
SCRIPTS = Path(__file__).parent / "data" / "ec2"
"""A checkout, but for the script's name: as Python 2 it must not look like a program of this project."""


def checkout(folder):
    """A checkout of the scripts in this folder."""
    place = folder / "ec2"
    if not place.exists():
        shutil.copytree(SCRIPTS, place)
        (place / "launcher.txt").rename(place / "mesos_ec2.py")
    return place


class Cluster:
    """Runs the runner in front of a cloud."""

    def __init__(self, world, python, folder):
        self.world, self.python, self.folder, self.deployed = world, python, folder, folder / "deployed"

    def run(self, *words, scripts=None, **more):
        """The runner's end, with these arguments."""
        scripts = scripts or checkout(self.folder)
        environment = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "BOTO_"))}
        environment |= {"AWS_ACCESS_KEY_ID": self.world.user.key, "AWS_SECRET_ACCESS_KEY": self.world.user.secret}
        environment |= {"DEPLOYED": str(self.deployed), **more}
        own = ["--scripts", str(scripts), "--bridge", self.world.urls[0], "--python", self.python]
        command = [sys.executable, str(RUNNER), *own, *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)

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


@pytest.fixture(params=["2.7", "3"])
def python(request):
    """An interpreter of either kind; without a Python 2.7 that half is skipped."""
    if request.param == "3":
        return sys.executable
    path, why = interpreter()
    return path or pytest.skip(why)


@pytest.fixture(params=["Sandbox", "SandboxSG"])
def cluster(request, python, tmp_path):
    with ec2_bridges(request.param, job_s=0.1) as world:
        yield Cluster(world, python, tmp_path)


def test_a_cluster_lives_and_ends(cluster):
    done = cluster.run("-s", "2", "-t", "m1.small", "launch", "demo")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Done!"), done.stderr
    assert cluster.states() == {"master": ["running"], "slaves": ["running"] * 2}
    [master] = (cluster.deployed / "root" / "masters").read_text().split()
    assert cluster.run("get-master", "demo").stdout.strip() == master
    again = cluster.run("-t", "m1.small", "launch", "demo")
    assert (again.returncode, "already instances running" in again.stderr) == (1, True)
    assert cluster.run("--resume", "launch", "demo").returncode == 0
    assert cluster.run("stop", "demo").returncode == 0
    cluster.wait("stopped")
    assert cluster.run("start", "demo").returncode == 0
    assert cluster.states() == {"master": ["running"], "slaves": ["running"] * 2}
    assert cluster.run("destroy", "demo").returncode == 0
    assert cluster.run("get-master", "demo").returncode == 1
    assert cluster.run("get-master", "other").returncode == 1


def test_several_masters_with_zookeeper_volumes_and_our_own_node_files(cluster):
    words = ("-f", "2", "-s", "1", "-t", "m1.small", "--ebs-vol-size", "5", "-o", "cloudstack")
    done = cluster.run(*words, "launch", "demo")
    assert done.returncode == 0, done.stderr
    assert cluster.states() == {"master": ["running"] * 2, "slaves": ["running"], "zoo": ["running"] * 3}
    place = cluster.deployed / "root" / "mesos-ec2"
    counts = {name: len((place / name).read_text().split()) for name in ("masters", "slaves", "zoo")}
    assert counts == {"masters": 2, "slaves": 1, "zoo": 3}
    sizes = [row["Size"] for row in cluster.world.ec2().describe_volumes()["Volumes"]]
    assert sizes.count(5) >= 6


def test_spot_machines(cluster):
    done = cluster.run("-s", "2", "-t", "m1.small", "--spot-price", "0.05", "launch", "demo")
    assert done.returncode == 0, done.stderr
    assert cluster.states() == {"master": ["running"], "slaves": ["running"] * 2}


@pytest.fixture(scope="module")
def quiet():
    with ec2_bridges() as world:
        yield world


def test_an_unknown_script_is_told_by_its_checksum(quiet, tmp_path):
    cluster = Cluster(quiet, sys.executable, tmp_path)
    assert "unknown checksum" in cluster.run("get-master", "x").stderr
    assert "checksum" not in cluster.run("--trust", "get-master", "x").stderr


def test_what_is_no_script_is_refused(quiet, tmp_path):
    cluster = Cluster(quiet, sys.executable, tmp_path)
    for folder in (tmp_path / "none", tmp_path):
        done = cluster.run("launch", "x", scripts=folder)
        assert (done.returncode, "--scripts: " in done.stderr) == (2, True)
    (tmp_path / "mesos_ec2.py").write_text("print 'nothing'\n")
    done = cluster.run("launch", "x", scripts=tmp_path)
    assert (done.returncode, "does not use boto" in done.stderr) == (2, True)


def test_the_script_is_not_touched_and_its_status_is_handed_on(quiet, tmp_path):
    copy = checkout(tmp_path)
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    assert Cluster(quiet, sys.executable, tmp_path).run("no-such-action", "x", scripts=copy).returncode == 1
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


def test_a_bridge_with_a_path_is_refused(quiet, tmp_path):
    quiet = Cluster(quiet, sys.executable, tmp_path)
    done = quiet.run("--bridge", f"{quiet.world.urls[0]}/path", "launch", "x")
    assert (done.returncode, "--bridge" in done.stderr) == (2, True)
