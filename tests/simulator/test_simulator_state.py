"""A state file keeps the world across a restart, and across a kill at any instant."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
from simulated_cloud import Client, Clock, Cloud

from cfnlib.simulator import Keys, Latency, Simulator


def world_of(simulator):
    kinds = ("virtualmachine", "network", "nic", "volume", "publicip", "tag", "keypair", "account", "user", "job")
    return {kind: [dict(one) for one in simulator.world.live(kind)] for kind in kinds}


def test_a_restart_changes_nothing(tmp_path):
    clock = Clock()
    with Simulator(state=tmp_path / "world", clock=clock) as simulator:
        cloud = Cloud(simulator, clock)
        network = cloud.network()
        made = [cloud.deploy(networkids=network, name=f"m{number}")["id"] for number in range(3)]
        cloud.admin("createSSHKeyPair", name="kept")
        cloud.admin(
            "createTags", resourceids=made[0], resourcetype="UserVm", **{"tags[0].key": "a", "tags[0].value": "b"}
        )
        cloud.admin("destroyVirtualMachine", id=made[1], expunge=True)
        cloud.admin("listZones")
        before, keys = world_of(simulator), simulator.admin
    with Simulator(state=tmp_path / "world", clock=clock) as simulator:
        assert simulator.admin == keys
        assert world_of(simulator) == before
        again = Cloud(simulator, clock)
        assert again.machine(made[0])["tags"][0]["key"] == "a"
        assert again.admin("listVirtualMachines", id=made[1]) == {}
        assert again.deploy(networkids=network, name="m1")["id"] not in made


def test_a_seeded_world_makes_no_uuid_twice(tmp_path):
    made = []
    for name in ("first", "second", "third"):
        with Simulator(state=tmp_path / "world", seed=1) as simulator:
            made.append(Cloud(simulator, None).network(name=name))
            kept = [one["name"] for one in simulator.world.live("network") if one["type"] == "Isolated"]
    assert len(set(made)) == 3
    assert kept == ["first", "second", "third"]


def test_jobs_in_flight_go_on_by_their_due_times(tmp_path):
    clock = Clock()
    latency = Latency(job_s=10.0)
    with Simulator(latency, state=tmp_path / "world", clock=clock) as simulator:
        cloud = Cloud(simulator, clock)
        made = cloud.deploy(networkids=cloud.network(), name="early")
        stop = cloud.admin("stopVirtualMachine", id=made["id"])["jobid"]
    clock.now += 9
    with Simulator(latency, state=tmp_path / "world", clock=clock) as simulator:
        cloud = Cloud(simulator, clock)
        assert cloud.machine(made["id"])["state"] == "Starting"
        clock.now += 1
        assert cloud.admin("queryAsyncJobResult", jobid=made["jobid"])["jobstatus"] == 1
        assert cloud.machine(made["id"])["state"] == "Stopping"
    clock.now += 1000
    with Simulator(latency, state=tmp_path / "world", clock=clock) as simulator:
        cloud = Cloud(simulator, clock)
        assert cloud.machine(made["id"])["state"] == "Stopped"
        job = cloud.admin("queryAsyncJobResult", jobid=stop)
        assert job["completed"] < cloud.admin("createInstanceGroup", name="now")["instancegroup"]["created"]


def serve(path):
    command = [sys.executable, "-m", "cfnlib.simulator", "--json", "--job-seconds", "0.05", "--state", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    reach = json.loads(process.stdout.readline())
    return process, Client(reach["endpoint"], Keys(reach["key"], reach["secret"]))


def test_whatever_was_answered_survives_a_kill(tmp_path):
    process, client = serve(tmp_path / "world")
    zone = client("listZones")["zone"][0]["id"]
    offering = client("listNetworkOfferings", name="DefaultIsolatedNetworkOfferingWithSourceNatService")
    given = {"zoneid": zone, "networkofferingid": offering["networkoffering"][0]["id"]}
    made = [client("createNetwork", name=f"n{number}", **given)["network"]["id"] for number in range(20)]
    job = client("deleteNetwork", id=made[0])["jobid"]
    process.send_signal(signal.SIGKILL)
    process.wait()
    process, client = serve(tmp_path / "world")
    try:
        there = {one["id"] for one in client("listNetworks", zoneid=zone)["network"]}
        assert set(made[1:]) <= there
        while client("queryAsyncJobResult", jobid=job)["jobstatus"] == 0:
            pass
        assert made[0] not in {one["id"] for one in client("listNetworks", zoneid=zone)["network"]}
    finally:
        process.terminate()
        assert process.wait(10) == 0


@pytest.mark.parametrize("arguments", [[], ["--no-limits"]])
def test_the_program_prints_how_to_reach_it(arguments):
    command = [sys.executable, "-m", "cfnlib.simulator", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGINT)
    reach = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
    assert set(reach) == {"CLOUDSTACK_ENDPOINT", "CLOUDSTACK_KEY", "CLOUDSTACK_SECRET"}
    assert process.returncode == 0
