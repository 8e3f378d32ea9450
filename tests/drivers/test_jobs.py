"""Which of many jobs have ended, and what it costs to know."""

from __future__ import annotations

import time
from typing import Any

import pytest
from driver_fake_session import FakeSession
from driver_things import ADDRESS, MACHINE, NETWORK, create_network, deploy, destroy
from driver_worlds import TEMPLATE

from cfnlib.config import Config
from cfnlib.drivers.base import Pending
from cfnlib.drivers.cloudstack import CloudStackDriver
from cfnlib.errors import AuthenticationError, CapacityError, CloudError, InvalidRequestError, JobFailedError
from cfnlib.schema.calls import Call, Effect
from cfnlib.simulator import Capacity, Latency, Simulator

PAGE = 500
DEPLOY = deploy("m", "n", "z", "t", "o")


class Cloud:
    """Jobs and machines, as CloudStack lists them; `between` happens after each page of jobs."""

    def __init__(self, count: int) -> None:
        self.jobs = [f"job-{number}" for number in range(count)]
        self.machines = {f"vm-{number}": "Starting" for number in range(count)}
        self.results: dict[str, dict[str, Any]] = {}
        self.session = FakeSession(self.respond)
        self.driver = CloudStackDriver(self.session.client())
        self.pending = [Pending(f"{n}", MACHINE, DEPLOY, f"job-{n}", f"vm-{n}") for n in range(count)]

    def between(self) -> None:
        """Nothing happens between two pages."""

    def respond(self, query):
        """Answer a call."""
        if query["command"] == "listAsyncJobs":
            first = (int(query["page"]) - 1) * PAGE
            rows = [
                {"jobid": job, "jobinstanceid": job.replace("job", "vm")} for job in self.jobs[first : first + PAGE]
            ]
            count = len(self.jobs)
            self.between()
            return {"count": count, "asyncjobs": rows} if rows else {}
        if query["command"] == "queryAsyncJobResult":
            return self.results.get(query["jobid"], {"jobstatus": 0 if query["jobid"] in self.jobs else 1})
        wanted = (query.get("ids") or query.get("id") or "").split(",")
        rows = [{"id": name, "state": self.machines[name]} for name in wanted if name in self.machines]
        return {"count": len(rows), "virtualmachine": rows} if rows else {}

    def end(self, number: int, state: str = "Running") -> None:
        """End a job, and leave its machine in a state."""
        self.jobs.remove(f"job-{number}")
        self.machines[f"vm-{number}"] = state


def test_what_is_listed_goes_on():
    cloud = Cloud(3)
    assert cloud.driver.poll(cloud.pending) == []
    assert cloud.session.commands == ["listAsyncJobs"]


def test_those_that_have_ended_are_read_together():
    cloud = Cloud(100)
    for number in range(90):
        cloud.end(number)
    ends = cloud.driver.poll(cloud.pending)
    assert {end.key for end in ends} == {str(number) for number in range(90)}
    assert {end.record["state"] for end in ends} == {"Running"}
    assert cloud.session.commands == ["listAsyncJobs", "listVirtualMachines"]


def test_only_a_failed_one_is_asked_why():
    cloud = Cloud(10)
    for number in range(9):
        cloud.end(number)
    cloud.end(9, "Error")
    failure = {"errorcode": 533, "errortext": "No destination found for the machine"}
    cloud.results["job-9"] = {"jobstatus": 2, "jobresultcode": 530, "jobresult": failure}
    ends = {end.key: end.error for end in cloud.driver.poll(cloud.pending)}
    assert isinstance(ends.pop("9"), CapacityError)
    assert set(ends.values()) == {None}
    assert cloud.session.commands == ["listAsyncJobs", "listVirtualMachines", "queryAsyncJobResult"]


def test_a_single_one_is_asked_for_directly():
    cloud = Cloud(1)
    cloud.end(0)
    cloud.results["job-0"] = {"jobstatus": 1, "jobresult": {"virtualmachine": {"id": "vm-0", "state": "Running"}}}
    [end] = cloud.driver.poll(cloud.pending)
    assert end.record == {"id": "vm-0", "state": "Running"}
    assert cloud.session.commands == ["queryAsyncJobResult"]


def test_jobs_that_move_to_an_earlier_page_while_pages_are_read_are_not_taken_for_ended():
    cloud = Cloud(1200)

    def oldest_end() -> None:
        for number in [int(job.split("-")[1]) for job in cloud.jobs[:50]]:
            cloud.end(number)

    cloud.between = oldest_end  # type: ignore[method-assign]
    ends = {int(end.key) for end in cloud.driver.poll(cloud.pending)}
    assert ends <= {number for number in range(1200) if f"job-{number}" not in cloud.jobs}
    assert "queryAsyncJobResult" not in cloud.session.commands


def test_a_machine_that_the_listing_of_jobs_missed_still_goes_on():
    cloud = Cloud(3)
    hidden = cloud.jobs.copy()
    cloud.jobs.clear()
    cloud.results = {job: {"jobstatus": 0} for job in hidden}
    assert cloud.driver.poll(cloud.pending) == []


def test_machines_whose_jobs_were_lost_are_read_together():
    cloud = Cloud(50)
    for number in range(49):
        cloud.end(number)
    lost = [Pending(item.key, MACHINE, DEPLOY, None, item.physical_id) for item in cloud.pending]
    assert {end.key for end in cloud.driver.poll(lost)} == {str(number) for number in range(49)}
    assert cloud.session.commands == ["listAsyncJobs", "listVirtualMachines"]


def test_a_machine_in_error_whose_job_was_lost_has_failed():
    cloud = Cloud(1)
    cloud.end(0, "Error")
    [end] = cloud.driver.poll([Pending("0", MACHINE, DEPLOY, None, "vm-0")])
    assert isinstance(end.error, JobFailedError)
    assert "Error" in str(end.error)


def test_removed_machines_that_are_still_listed_as_destroyed_are_gone():
    cloud = Cloud(2)
    cloud.end(0, "Expunging")
    cloud.end(1)
    del cloud.machines["vm-1"]
    pending = [Pending(f"{n}", MACHINE, destroy(f"vm-{n}"), f"job-{n}", f"vm-{n}") for n in range(2)]
    assert [end.error for end in cloud.driver.poll(pending)] == [None, None]
    assert cloud.session.commands == ["listAsyncJobs", "listVirtualMachines"]


def test_a_job_that_ended_without_success_has_failed():
    cloud = Cloud(1)
    cloud.results["job-0"] = {"jobstatus": 1, "jobresult": {"success": False, "displaytext": "it is in use"}}
    [end] = cloud.driver.poll(
        [Pending("0", NETWORK, Call("deleteNetwork", {"id": "n"}, Effect.REMOVES), "job-0", "n")]
    )
    assert isinstance(end.error, CloudError)
    assert "in use" in str(end.error)


def test_a_failed_job_shows_no_secret_of_its_call():
    cloud = Cloud(1)
    text = "Invalid user data hunter22 from the-secret"
    cloud.results["job-0"] = {"jobstatus": 2, "jobresult": {"errorcode": 431, "errortext": text}}
    call = Call("deployVirtualMachine", {"userdata": "hunter22"}, Effect.CREATES, sensitive=("userdata",))
    [end] = cloud.driver.poll([Pending("0", MACHINE, call, "job-0", "vm-0")])
    assert isinstance(end.error, InvalidRequestError)
    assert "hunter22" not in str(end.error)
    assert "the-secret" not in str(end.error)


def test_an_error_of_one_question_does_not_hide_the_other_ends():
    cloud = Cloud(3)
    cloud.jobs.clear()
    items = [
        Pending(f"{n}", ADDRESS, Call("associateIpAddress", {}, Effect.CREATES), f"job-{n}", f"ip-{n}")
        for n in range(3)
    ]
    cloud.results["job-1"] = {"errorcode": 530, "errortext": "busy"}
    assert {end.key for end in cloud.driver.poll(items)} == {"0", "2"}


def test_when_nothing_can_be_learnt_the_error_is_raised():
    session = FakeSession(lambda _: {"errorcode": 401, "errortext": "unable to verify user credentials"})
    driver = CloudStackDriver(session.client())
    with pytest.raises(AuthenticationError):
        driver.poll([Pending("0", MACHINE, DEPLOY, "job-0", "vm-0")])


def test_a_hundred_machines_take_less_than_one_and_a_half_requests_each():
    limits = dict.fromkeys(("user_vm", "cpu", "memory", "volume", "primary_storage"), -1)
    with Simulator(Latency(job_s=0.05, jitter=0.9, seed=1), capacity=Capacity(limits=limits), seed=1) as cloud:
        driver = CloudStackDriver(Config(endpoint=cloud.endpoint, key=cloud.admin.key, secret=cloud.admin.secret))
        facts = driver.facts()
        template = driver.lookup("template", TEMPLATE)
        offering = driver.lookup("serviceoffering", "Small Instance")
        network = driver.submit(create_network("n", facts.zone_id, facts.network_offering_id or "")).physical_id or ""
        before = sum(cloud.requests.values())
        pending = {}
        for number in range(100):
            call = deploy(f"m{number}", network, facts.zone_id, template, offering)
            answer = driver.submit(call)
            pending[f"{number}"] = Pending(f"{number}", MACHINE, call, answer.job_id, answer.physical_id)
            if number % 10 == 9:
                for end in driver.poll(list(pending.values())):
                    assert end.error is None
                    del pending[end.key]
        while pending:
            time.sleep(0.05)
            for end in driver.poll(list(pending.values())):
                del pending[end.key]
        assert driver.client.call("listVirtualMachines", {"page": 1, "pagesize": 1})["count"] == 100
        assert (sum(cloud.requests.values()) - before) / 100 < 1.5


def test_in_a_project_things_are_made_and_looked_for_in_it_and_jobs_are_the_accounts_own():
    session = FakeSession(lambda query: {"id": "1", "jobid": "2"} if query["command"].startswith("deploy") else {})
    driver = CloudStackDriver(session.client(project_id="p"))
    answer = driver.submit(DEPLOY)
    driver.find(DEPLOY.check or pytest.fail("it has one"))
    pending = [Pending(f"{n}", MACHINE, DEPLOY, answer.job_id, answer.physical_id) for n in range(2)]
    driver.poll(pending)
    scopes = {query["command"]: query.get("projectid") for query in session.asked}
    assert scopes["deployVirtualMachine"] == scopes["listVirtualMachines"] == "p"
    assert scopes["listAsyncJobs"] is None
