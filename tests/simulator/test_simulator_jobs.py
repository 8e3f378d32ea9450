"""Jobs end when their time has come, in order, and tell how they went."""

from __future__ import annotations

import pytest
from simulated_cloud import Cloud, Refused


def test_a_machine_waits_for_the_router_of_its_network_and_the_next_one_does_not(slow_cloud):
    network = slow_cloud.network()
    first = slow_cloud.deploy(networkids=network)["id"]
    slow_cloud.clock.now += 39
    assert slow_cloud.machine(first)["state"] == "Starting"
    slow_cloud.clock.now += 1
    assert slow_cloud.machine(first)["state"] == "Running"
    second = slow_cloud.deploy(networkids=network)["id"]
    slow_cloud.clock.now += 10
    assert slow_cloud.machine(second)["state"] == "Running"


def test_only_pending_jobs_are_listed(slow_cloud):
    network = slow_cloud.network()
    jobs = [slow_cloud.deploy(networkids=network)["jobid"] for _ in range(3)]
    listed = slow_cloud.admin("listAsyncJobs")
    assert [one["jobid"] for one in listed["asyncjobs"]] == jobs
    slow_cloud.clock.now += 40
    assert slow_cloud.admin("listAsyncJobs") == {}
    assert slow_cloud.admin("queryAsyncJobResult", jobid=jobs[0])["jobstatus"] == 1


def test_pending_jobs_come_in_pages(slow_cloud):
    network = slow_cloud.network()
    jobs = [slow_cloud.deploy(networkids=network)["jobid"] for _ in range(5)]
    pages = [slow_cloud.admin("listAsyncJobs", page=page, pagesize=2) for page in (1, 2, 3, 4)]
    assert [one["jobid"] for page in pages[:3] for one in page["asyncjobs"]] == jobs
    assert {page["count"] for page in pages} == {5}
    assert "asyncjobs" not in pages[3]


def test_jobs_of_others_are_not_listed(slow_cloud):
    network = slow_cloud.network(slow_cloud.user)
    job = slow_cloud.deploy(slow_cloud.user, networkids=network)["jobid"]
    assert slow_cloud.admin("listAsyncJobs") == {}
    assert slow_cloud.admin("listAsyncJobs", listall="true")["asyncjobs"][0]["jobid"] == job
    own = slow_cloud.admin("createTags", resourceids=network, resourcetype="Network", **{"tags[0].key": "k"})["jobid"]
    with pytest.raises(Refused):
        slow_cloud.user("queryAsyncJobResult", jobid=own)


def test_jobs_about_one_machine_wait_for_each_other(slow_cloud):
    machine = slow_cloud.deploy(networkids=slow_cloud.network())["id"]
    slow_cloud.clock.now += 40
    slow_cloud.admin("stopVirtualMachine", id=machine)
    start = slow_cloud.admin("startVirtualMachine", id=machine)["jobid"]
    assert slow_cloud.machine(machine)["state"] == "Stopping"
    slow_cloud.clock.now += 5
    assert slow_cloud.machine(machine)["state"] == "Starting"
    slow_cloud.clock.now += 5
    assert slow_cloud.machine(machine)["state"] == "Running"
    job = slow_cloud.admin("queryAsyncJobResult", jobid=start)
    assert job["jobstatus"] == 1


def test_a_machine_shows_the_job_under_way_about_it(slow_cloud):
    made = slow_cloud.deploy(networkids=slow_cloud.network())
    shown = slow_cloud.machine(made["id"])
    assert (shown["jobid"], shown["jobstatus"]) == (made["jobid"], 0)
    slow_cloud.clock.now += 40
    assert "jobid" not in slow_cloud.machine(made["id"])


def test_a_machine_too_large_for_any_host_is_left_in_error(cloud):
    numbers = {"cpunumber": 64, "cpuspeed": 1000, "memory": 9_000_000}
    huge = cloud.admin("createServiceOffering", name="huge", displaytext="huge", **numbers)["serviceoffering"]["id"]
    made = cloud.deploy(networkids=cloud.network(), serviceofferingid=huge, name="too-big")
    job = cloud.admin("queryAsyncJobResult", jobid=made["jobid"])
    assert (job["jobstatus"], job["jobresultcode"]) == (2, 533)
    assert cloud.machine(made["id"])["state"] == "Error"
    assert all(one["memory_mib"] == 0 for one in cloud.simulator.world.live("hostload"))


def test_hosts_fill_up_and_are_freed_again():

    from cfnlib.simulator import Capacity, Simulator  # noqa: PLC0415 (as above)

    with Simulator(capacity=Capacity(host_memory_mib=1024)) as simulator:
        cloud = Cloud(simulator, None)
        network = cloud.network()
        made = [cloud.deploy(networkids=network) for _ in range(21)]
        states = [cloud.machine(one["id"])["state"] for one in made]
        assert states == ["Running"] * 20 + ["Error"]
        cloud.admin.job("destroyVirtualMachine", id=made[0]["id"], expunge=True)
        assert cloud.machine(cloud.deploy(networkids=network)["id"])["state"] == "Running"
