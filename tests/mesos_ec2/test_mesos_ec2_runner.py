"""Scripts of the stock kind, run through the runner: by a Python 2.7, and translated by a Python 3.11 or newer."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ec2_bridges import ec2_bridges, when
from mesos_clusters import RUNNER, Cluster, checkout, differences, recorded_bridges
from node_farm import flags
from python27 import interpreter


def pythons_of_pyenv(minor):
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    return [str(path) for path in sorted(versions.glob(f"3.{minor}.*/bin/python3"))]


def python_of(version):
    """An interpreter of this version, 3 for this one; the test is skipped where there is none."""
    if version == "3":
        return sys.executable
    if version == "2.7":
        path, why = interpreter()
        return path or pytest.skip(why)
    minor = int(version.removeprefix("3."))
    if sys.version_info[1] == minor:
        return sys.executable
    found = [shutil.which(f"python{version}"), *pythons_of_pyenv(minor)]
    for path in filter(None, found):
        if subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
            return path
    return pytest.skip(f"there is no Python {version}")


@pytest.fixture(params=["2.7", "3"])
def python(request):
    return python_of(request.param)


def act(cluster, requests, section, *words, status=0):
    """An action whose requests are those of the table; gives the runner's end."""
    requests.clear()
    done = cluster.act(*words)
    assert done.returncode == status, done.stderr
    assert differences(section, requests) is None
    return done


def live_machines(cluster):
    """What is known of the machines that are there, by role, without ids and addresses."""
    found = {}
    for row in cluster.world.ec2().describe_instances()["Reservations"]:
        for one in row["Instances"]:
            if one["State"]["Name"] != "terminated":
                kept = (one["State"]["Name"], one["InstanceType"], one.get("KeyName"), one["ImageId"])
                place = (one["Placement"]["AvailabilityZone"], one["AmiLaunchIndex"])
                found.setdefault(row["Groups"][0]["GroupName"], []).append((*kept, *place))
    return {group: sorted(rows) for group, rows in found.items()}


def rules(cluster):
    """Who may reach what, by security group."""
    found = {}
    for group in cluster.world.ec2().describe_security_groups()["SecurityGroups"]:
        names = {row["GroupId"]: row["GroupName"] for row in [group]}
        for rule in group["IpPermissions"]:
            sources = [pair.get("GroupName") or names.get(pair["GroupId"]) for pair in rule["UserIdGroupPairs"]]
            sources += [one["CidrIp"] for one in rule["IpRanges"]]
            ports = (rule["IpProtocol"], rule.get("FromPort"), rule.get("ToPort"))
            found.setdefault(group["GroupName"], set()).update((*ports, str(source)) for source in sources)
    return found


def renamed(requests):
    """Requests with each id by the order of its first appearance; of a run of equal ones only the first."""
    seen: dict[str, str] = {}

    def name(match):
        return seen.setdefault(match[0], f"{match[1]}-#{sum(key.startswith(match[1]) for key in seen)}")

    found = []
    for one in requests:
        asked = one.params
        if "InstanceId.2" in asked:  # machines of spot requests, which are listed in no order
            asked = dict.fromkeys(asked, "any")
        params = {key: re.sub(r"\b(i|sg|sir)-[0-9a-f]{8,17}\b", name, value) for key, value in asked.items()}
        line = (one.verb, one.action, params)
        polls = one.action in {"DescribeInstances", "DescribeSpotInstanceRequests"}
        if not (polls and line in found):
            found.append(line)
    return found


def services(cluster):
    """What runs on the machines, by group, with each address by its group and number."""
    names: dict[str, str] = {}
    reservations = cluster.world.ec2().describe_instances()["Reservations"]
    for row in reservations:
        group = row["Groups"][0]["GroupName"]
        for one in row["Instances"]:
            names[one.get("PublicIpAddress") or one["PrivateIpAddress"]] = f"{group}-{one['AmiLaunchIndex']}"
    found = {}
    for name, units in cluster.farm.services().items():
        plain = {}
        for unit, words in units.items():
            text = re.sub(r"\d+\.\d+\.\d+\.\d+", lambda match: names[match[0]], " ".join(words))
            plain[unit] = re.sub(r"zk://\S+/mesos", lambda match: ",".join(sorted(re.split("[/,]", match[0]))), text)
        found[names[name]] = plain
    return found


def whole_life(cluster, requests):
    """A cluster's life from launch to its end; gives all requests, and the cloud and machines at its height."""
    heard = []

    def step(section, *words, status=0):
        done = act(cluster, requests, section, *words, status=status)
        heard.extend(requests)
        return done

    done = step("launch", "-s", "2", "-o", "cloudstack", "launch", "demo")
    assert done.stdout.splitlines()[-1] == "Done!"
    world = (live_machines(cluster), rules(cluster), services(cluster))
    [master] = step("get-master", "get-master", "demo").stdout.split()
    assert master in done.stdout
    assert step("get-master in any zone", "--zone=", "get-master", "demo").stdout.split() == [master]
    assert step("get-master", "login", "demo").stdout == f"logged in at {master}\n"
    refused = step("launch on a running cluster", "launch", "demo", status=1)
    assert "already instances running" in refused.stderr
    step("resume", "--resume", "-o", "cloudstack", "launch", "demo")
    assert set(cluster.farm.restarts().values()) == {1}
    step("stop", "stop", "demo")
    cluster.wait("stopped")
    cluster.wait("stopped", "master")
    assert step("start", "-o", "cloudstack", "start", "demo").stdout.splitlines()[-1] == "Done!"
    assert (live_machines(cluster), rules(cluster), services(cluster)) == world
    step("destroy", "destroy", "demo")
    assert "Could not find" in step("get-master", "get-master", "demo", status=1).stderr
    step("launch with groups that have rules", "-s", "2", "-o", "cloudstack", "launch", "demo")
    return renamed(heard), world


@pytest.mark.parametrize("zone", [pytest.param("Sandbox", marks=pytest.mark.slow), "SandboxSG"])
def test_a_cluster_lives_and_ends_alike_under_2_7_and_translated(zone, tmp_path):
    lives = []
    for version in ("3", "2.7"):
        (tmp_path / version).mkdir()
        with recorded_bridges(zone, job_s=0.05) as (world, requests):
            cluster = Cluster(world, python_of(version), tmp_path / version)
            lives.append(whole_life(cluster, requests))
    machines, open_to, running = lives[0][1]
    assert {group: len(rows) for group, rows in machines.items()} == {"demo-master": 1, "demo-slaves": 2}
    assert ("tcp", 8080, 8081, "0.0.0.0/0") in open_to["demo-master"]
    assert [list(units) for _, units in sorted(running.items())] == [["mesos-ec2-master"], *[["mesos-ec2-agent"]] * 2]
    for here, there in zip(*lives, strict=True):
        assert here == there


def of_many_kinds(cluster, requests):
    """Clusters of all other kinds, one after the other; gives the requests and what was there."""
    heard, found = [], []
    kinds = {
        "launch of several masters with volumes": ("-f", "2", "-s", "2", "-m", "m1.xlarge", "--ebs-vol-size", "5"),
        "launch of spot machines with volumes": ("-s", "2", "--spot-price", "0.05", "--ebs-vol-size", "5"),
    }
    for number, (section, words) in enumerate(kinds.items()):
        act(cluster, requests, section, *words, "-o", "cloudstack", "launch", f"demo{number}")
        heard += requests
        sizes = when(
            lambda: sorted(row["Size"] for row in cluster.world.ec2().describe_volumes()["Volumes"]),
            lambda sizes, number=number: sizes.count(5) == (7, 10)[number],
        )
        found.append((live_machines(cluster), rules(cluster), sizes))
    return renamed(heard), found, services(cluster)


def test_several_masters_volumes_and_spot_machines_are_alike_under_2_7_and_translated(tmp_path):
    lives = []
    for version in ("3", "2.7"):
        (tmp_path / version).mkdir()
        with recorded_bridges(job_s=0.05) as (world, requests):
            lives.append(of_many_kinds(Cluster(world, python_of(version), tmp_path / version), requests))
    machines = lives[0][1][1][0]
    assert {group: len(rows) for group, rows in machines.items()} == {
        "demo0-master": 2,
        "demo0-slaves": 2,
        "demo0-zoo": 3,
        "demo1-master": 1,
        "demo1-slaves": 2,
    }
    assert {row[1] for row in machines["demo0-master"]} == {"m1.xlarge"}
    masters = [units["mesos-ec2-master"] for name, units in lives[0][2].items() if units.get("mesos-ec2-master")]
    assert sorted(flags(words.split()).get("quorum", "none") for words in masters) == ["2", "2", "none"]
    for here, there in zip(*lives, strict=True):
        assert here == there


@pytest.mark.parametrize("version", ["3.12", "3.13", "3.14"])
def test_newer_interpreters_translate_too_with_no_package_of_their_own(version, tmp_path):
    python = python_of(version)
    with recorded_bridges() as (world, requests):
        cluster = Cluster(world, python, tmp_path)
        assert act(cluster, requests, "launch", "-s", "2", "-o", "cloudstack", "launch", "demo")
        assert {role: len(names) for role, names in cluster.states().items()} == {"master": 1, "slaves": 2}


def test_a_launch_that_was_broken_off_is_taken_up(python, tmp_path):
    with recorded_bridges() as (world, requests):
        cluster = Cluster(world, python, tmp_path)
        for role in ("master", "slaves", "zoo"):
            world.ec2().create_security_group(GroupName=f"demo-{role}", Description="Mesos EC2 group")
        words = ("-s", "2", "-o", "cloudstack", "launch", "demo")
        act(cluster, requests, "launch with groups that have no rules", *words)
        assert {row[0] for row in rules(cluster)["demo-zoo"]} >= {"tcp"}


@pytest.mark.parametrize("named", ["--scripts", "--script"])
def test_a_script_of_the_later_style_runs_by_name_and_by_path(python, named, tmp_path):
    script = checkout(tmp_path) / "spark_ec2.py"
    with recorded_bridges() as (world, _):
        cluster = Cluster(world, python, tmp_path)
        if named == "--script":
            shutil.move(script, tmp_path / "elsewhere.py")
            words = ("--script", str(tmp_path / "elsewhere.py"))
        else:
            words = ("--script", "spark_ec2.py")
        done = cluster.run(*words, "-s", "2", "-t", "m1.small", "launch", "spark")
        assert done.returncode == 0, done.stderr
        [url] = re.findall(r"started at (\S+)", done.stdout)
        assert cluster.states() == {"master": ["running"], "slaves": ["running"] * 2}
        master = cluster.run(*words, "get-master", "spark").stdout.strip()
        assert url == f"http://{master}:8080"
        again = cluster.run(*words, "launch", "spark")
        assert (again.returncode, "already instances running" in again.stderr) == (1, True)
        done = cluster.run(*words, "destroy", "spark")
        assert done.returncode == 0, done.stderr
        assert cluster.states() == {}
        left = [row["GroupName"] for row in world.ec2().describe_security_groups()["SecurityGroups"]]
        assert not [name for name in left if name.startswith("spark-")]
        assert cluster.run(*words, "no-such-action", "spark").returncode == 1


@pytest.fixture(scope="module")
def quiet():
    with ec2_bridges() as world:
        yield world


def test_an_unknown_script_is_told_by_its_checksum(quiet, tmp_path):
    cluster = Cluster(quiet, sys.executable, tmp_path)
    assert "unknown checksum" in cluster.run("get-master", "x").stderr
    assert "checksum" not in cluster.run("--trust", "get-master", "x").stderr


def test_a_known_script_is_run_without_a_word(tmp_path):
    script = checkout(tmp_path) / "mesos_ec2.py"
    digest = hashlib.sha1(script.read_bytes(), usedforsecurity=False).hexdigest()
    code = "import sys; from pathlib import Path; from runner import script\n"
    code += f"assert len(list(script.check(Path({str(script)!r})))) == 1\n"
    code += f"script.KNOWN[{digest[:8]!r}] = 'ours'\n"
    code += f"assert list(script.check(Path({str(script)!r}))) == []\n"
    command = [sys.executable, "-B", "-c", code]
    done = subprocess.run(command, cwd=RUNNER.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_is_no_script_is_refused(quiet, tmp_path):
    cluster = Cluster(quiet, sys.executable, tmp_path)
    for folder in (tmp_path / "none", tmp_path):
        done = cluster.run("launch", "x", scripts=folder)
        assert (done.returncode, "--scripts: " in done.stderr) == (2, True)
    (tmp_path / "mesos_ec2.py").write_text("print 'nothing'\n")
    done = cluster.run("launch", "x", scripts=tmp_path)
    assert (done.returncode, "does not use boto" in done.stderr) == (2, True)


def test_the_script_is_not_touched_and_its_status_is_handed_on(quiet, python, tmp_path):
    copy = checkout(tmp_path)
    (copy / "beside.py").write_text("import boto\n")
    (copy / "mesos_ec2.py").write_text("import beside\n" + (copy / "mesos_ec2.py").read_text())
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    assert Cluster(quiet, python, tmp_path).run("no-such-action", "x", scripts=copy).returncode == 1
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/path", "ftp://127.0.0.1:1", "127.0.0.1:1", "http://a:b"])
def test_a_bridge_that_boto_cannot_be_led_to_is_refused(quiet, url, tmp_path):
    done = Cluster(quiet, sys.executable, tmp_path).run("--bridge", url, "launch", "x")
    assert (done.returncode, "--bridge: boto 2 can only be led to" in done.stderr) == (2, True)
