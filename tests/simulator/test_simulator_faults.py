"""Each kind of fault befalls the calls it is meant for, and does what it says."""

from __future__ import annotations

import http.client
import json
import time

import pytest
from simulated_cloud import Refused

from cfnlib.simulator import Fault
from cfnlib.simulator.faults import Faults
from cfnlib.simulator.program import parse_fault


def test_a_failed_deployment_leaves_the_machine_in_error(cloud):
    network = cloud.network()
    cloud.simulator.faults.add(Fault("deployVirtualMachine", "job", nth=2, errorcode=533, text="no room"))
    made = [cloud.deploy(networkids=network)["id"] for _ in range(3)]
    assert [cloud.machine(uuid)["state"] for uuid in made] == ["Running", "Error", "Running"]
    [failed] = [job for job in cloud.simulator.world.live("job") if job["status"] == 2]
    assert (failed["code"], failed["result"]["errortext"]) == (533, "no room")


def test_a_failed_start_leaves_the_machine_stopped(cloud):
    machine = cloud.deploy(networkids=cloud.network())["id"]
    cloud.admin("stopVirtualMachine", id=machine)
    cloud.simulator.faults.add(Fault("startVirtualMachine"))
    assert cloud.admin.job("startVirtualMachine", id=machine)["jobstatus"] == 2
    assert cloud.machine(machine)["state"] == "Stopped"


def test_a_refused_call_has_no_effect(cloud):
    cloud.simulator.faults.add(Fault("createNetwork", "error", errorcode=533, cserrorcode=4390, text="full", times=1))
    with pytest.raises(Refused) as refused:
        cloud.network(name="a")
    assert (refused.value.status, refused.value.code, refused.value.text) == (533, 4390, "full")
    cloud.network(name="b")
    assert [one["name"] for one in cloud.simulator.world.live("network") if one["type"] == "Isolated"] == ["b"]


def test_a_job_that_never_ends_stays_pending(slow_cloud):
    slow_cloud.simulator.faults.add(Fault("deployVirtualMachine", "never"))
    job = slow_cloud.deploy(networkids=slow_cloud.network())["jobid"]
    slow_cloud.clock.now += 1e6
    assert slow_cloud.admin("listAsyncJobs")["asyncjobs"][0]["jobid"] == job
    assert slow_cloud.admin("queryAsyncJobResult", jobid=job)["jobstatus"] == 0


def test_a_vanished_job_cannot_be_found_but_is_carried_out(slow_cloud):
    slow_cloud.simulator.faults.add(Fault("deployVirtualMachine", "vanish"))
    made = slow_cloud.deploy(networkids=slow_cloud.network())
    assert slow_cloud.admin("listAsyncJobs") == {}
    with pytest.raises(Refused) as refused:
        slow_cloud.admin("queryAsyncJobResult", jobid=made["jobid"])
    assert refused.value.status == 431
    slow_cloud.clock.now += 40
    assert slow_cloud.machine(made["id"])["state"] == "Running"


def test_a_dropped_answer_comes_after_the_effect(cloud):
    cloud.simulator.faults.add(Fault("createNetwork", "drop_answer"))
    with pytest.raises(http.client.RemoteDisconnected):
        cloud.network(name="made")
    assert any(one["name"] == "made" for one in cloud.simulator.world.live("network"))


def test_a_reset_comes_before_the_effect(cloud):
    cloud.simulator.faults.add(Fault("createNetwork", "reset"))
    with pytest.raises(ConnectionResetError):
        cloud.network(name="made")
    assert all(one["name"] != "made" for one in cloud.simulator.world.live("network"))


def test_a_truncated_answer_is_half_of_one(cloud):
    cloud.simulator.faults.add(Fault("listZones", "truncate"))
    with pytest.raises(http.client.IncompleteRead) as cut:
        cloud.admin("listZones")
    assert len(cut.value.partial) > 100
    with pytest.raises(json.JSONDecodeError):
        json.loads(cut.value.partial)


def test_a_page_of_html_comes_instead_of_an_answer(cloud):
    cloud.simulator.faults.add(Fault("createNetwork", "html", status=200, text="Bad gateway"))
    status, text = cloud.admin.raw(cloud.admin.signed("createNetwork", name="x"))
    assert status == 200
    assert text.startswith("<html>")
    assert cloud.simulator.requests["createNetwork"] == 1


def test_a_hanging_call_holds_up_nobody_else(cloud):
    cloud.simulator.faults.add(Fault("listZones", "hang", hang_s=30.0))
    hanging = http.client.HTTPConnection(cloud.admin.connection.host, cloud.admin.connection.port, timeout=0.2)
    cloud.admin.connection, kept = hanging, cloud.admin.connection
    with pytest.raises(TimeoutError):
        cloud.admin("listZones")
    cloud.admin.connection = kept
    began = time.monotonic()
    cloud.admin("listTemplates", templatefilter="all")
    assert time.monotonic() - began < 10


def test_a_fault_looks_at_parameters(cloud):
    cloud.simulator.faults.add(Fault("createNetwork", "error", match={"name": "bad-*"}))
    cloud.network(name="good")
    with pytest.raises(Refused):
        cloud.network(name="bad-1")


def struck(fault, calls):
    faults = Faults([fault])
    return [number for number in range(1, calls + 1) if faults.befalling("listZones", {}) is not None]


def test_faults_count_calls():
    assert struck(Fault("listZones", "error"), 3) == [1, 2, 3]
    assert struck(Fault("list*", "error", nth=2), 5) == [2]
    assert struck(Fault("listZones", "error", every=2), 5) == [2, 4]
    assert struck(Fault("listZones", "error", every=2, times=1), 5) == [2]
    assert struck(Fault("listVolumes", "error"), 5) == []


def test_a_share_of_calls_is_the_same_for_the_same_seed():
    some = struck(Fault("listZones", "error", share=0.3, seed=5), 1000)
    assert some == struck(Fault("listZones", "error", share=0.3, seed=5), 1000)
    assert some != struck(Fault("listZones", "error", share=0.3, seed=6), 1000)
    assert 200 < len(some) < 400


def test_cleared_faults_strike_no_more(cloud):
    cloud.simulator.faults.add(Fault("listZones", "error"))
    cloud.simulator.faults.clear()
    assert cloud.admin("listZones")["count"] == 2


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("deployVirtualMachine", Fault("deployVirtualMachine", "job")),
        ("list*:hang:share=0.5,hang_s=2", Fault("list*", "hang", share=0.5, hang_s=2)),
        ("a:error:nth=3,text=no way,errorcode=533", Fault("a", "error", nth=3, text="no way", errorcode=533)),
        ("a:job:match.name=x*", Fault("a", "job", match={"name": "x*"})),
    ],
)
def test_a_fault_can_be_written_on_the_command_line(text, fault):
    assert parse_fault(text) == fault


@pytest.mark.parametrize("text", ["a:explode", "a:job:colour=red", "a:job:nth=0"])
def test_a_wrong_fault_is_refused(text):
    with pytest.raises(ValueError, match="fault"):
        parse_fault(text)
