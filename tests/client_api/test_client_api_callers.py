"""Who may call the stack commands, and whose stacks there are for them."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from client_api_calls import PATH, client_of, job_of, refused, sent, signed
from cs import CloudStack
from service_world import QUICK

from cfnlib.config import Config
from cfnlib.server.app import App, LateApp
from cfnlib.server.opening import open_embedded_service
from cfnlib.server.settings import ServiceSettings
from cfnlib.web import Door, Server

UNVERIFIED = "unable to verify user credentials and/or request signature"


@pytest.fixture(scope="module")
def people(place):
    """A user, another, a domain's administrator and a user of that domain."""
    domain = place.domain("below")
    place.person("alice")
    place.person("bob")
    place.person("chief", domain, kind=2)
    place.person("worker", domain)
    return {name: client_of(place, name) for name in place.people}


@pytest.mark.usefixtures("people")
def test_nobody_calls_a_stack_command_without_a_good_signature(place):
    alice = place.people["alice"]
    good = signed(alice, "listStacks")
    assert sent(place.public_url, good).status == 200
    wrong = {
        "another secret": signed(alice._replace(secret="x"), "listStacks"),
        "an unknown key": signed(alice._replace(key="nobody"), "listStacks"),
        "an altered parameter": good + "&listall=true",
        "no signature": good.partition("&signature=")[0],
        "nothing": "command=listStacks&response=json",
        "expired": signed(alice, "listStacks", signatureVersion=3, expires="2020-01-01T00:00:00+0000"),
        "a session": "command=listStacks&response=json&sessionkey=abc",
    }
    for what, query in wrong.items():
        found = sent(place.public_url, query)
        assert found.status == 401, what
        said = json.loads(found.body)["liststacksresponse"]
        assert (said["errorcode"], "cserrorcode" in said) == (401, False), what
        assert said["errortext"].startswith(UNVERIFIED), what
        assert alice.secret not in found.body.decode()
    xml = ET.fromstring(sent(place.public_url, "command=listStacks").body)
    assert (xml.tag, xml.findtext("errorcode"), xml.findtext("errortext")) == (
        "liststacksresponse",
        "401",
        UNVERIFIED,
    )


@pytest.mark.usefixtures("people")
def test_a_request_is_good_until_it_expires_however_often_it_comes(place):
    later = (datetime.now(UTC) + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%S+0000")
    query = signed(place.people["alice"], "listStacks", signatureVersion=3, expires=later)
    assert [sent(place.public_url, query).status for _ in range(3)] == [200, 200, 200]


@pytest.mark.usefixtures("people")
def test_a_parameter_or_a_command_that_comes_twice_is_refused(place):
    alice = place.people["alice"]
    twice = signed(alice, "listStacks", keyword="a") + "&keyword=b"
    assert sent(place.public_url, twice).status == 431
    other = sent(place.public_url, signed(alice, "deleteStack", name="x") + "&command=listZones")
    assert other.status == 431
    assert "more than one command" in other.body.decode()


def test_a_stack_exists_for_its_account_alone(people):
    made = people["alice"].createStack(name="hers", templatebody=QUICK)
    job_of(people["alice"], made["jobid"], 1)
    bob = people["bob"]
    assert bob.listStacks() == bob.listStacks(listall=True) == bob.listStacks(name="hers") == {}
    nothing = "arn:aws:cloudformation:cloudstack:000000000000:stack/hers/00000000-0000-4000-8000-000000000000"
    for command in ("listStacks", "deleteStack", "updateStack", "listStackEvents", "listStackResources"):
        call = getattr(bob, command)
        there, absent = refused(call, id=made["id"]), refused(call, id=nothing)
        assert there[:2] == absent[:2] == (431, 9999)
        assert there[2].replace(made["id"], "") == absent[2].replace(nothing, "")
    unknown = str(uuid.uuid4())
    hidden, absent = (refused(bob.queryAsyncJobResult, jobid=one) for one in (made["jobid"], unknown))
    assert hidden[2].replace(made["jobid"], "") == absent[2].replace(unknown, "")
    assert [one["name"] for one in people["alice"].listStacks()["stack"]] == ["hers"]


def test_an_administrator_sees_the_stacks_of_others_when_all_are_asked_for(people):
    made = people["worker"].createStack(name="theirs", templatebody=QUICK)
    job_of(people["worker"], made["jobid"], 1)
    assert "theirs" not in [one["name"] for one in people["admin"].listStacks(fetch_list=True)]
    for name in ("admin", "chief"):
        found = {one["name"]: one for one in people[name].listStacks(listall=True, fetch_list=True)}
        assert found["theirs"]["account"] == "worker"
        assert ("hers" in found) == (name == "admin")
        assert people[name].listStackResources(id=made["id"])["count"] == 1
        domain = found["theirs"]["domainid"]
        assert [one["name"] for one in people[name].listStacks(domainid=domain, account="worker")["stack"]] == [
            "theirs"
        ]
        assert people[name].listStacks(domainid=domain, account="chief") == {}
    assert people["bob"].listStacks(domainid=domain, account="worker") == {}
    assert refused(people["bob"].listStacks, account="worker")[:2] == (431, 9999)
    assert job_of(people["chief"], made["jobid"])["jobstatus"] == 1
    # What an administrator has done is done with the owner's keys: it stays the owner's.
    people["chief"].updateStack(id=made["id"], parameters={"Name": "new"}, fetch_result=True)
    assert people["worker"].listSSHKeyPairs(name="theirs-new")["count"] == 1
    assert people["chief"].deleteStack(id=made["id"], fetch_result=True) == {"success": True}


def test_a_project_has_stacks_of_its_own(place, people):
    alice = people["alice"]
    project = alice.createProject(name="joint", displaytext="joint", fetch_result=True)["project"]["id"]
    made = alice.createStack(name="shared", templatebody=QUICK, projectid=project, fetch_result=True)["stack"]
    assert made["projectid"] == project
    assert alice.listSSHKeyPairs(projectid=project)["sshkeypair"][0]["name"] == "shared-key"
    assert [one["name"] for one in alice.listStacks(projectid=project)["stack"]] == ["shared"]
    assert [one["name"] for one in alice.listStacks(projectid="-1")["stack"]] == ["shared"]
    assert alice.listStacks(name="shared") == {}
    assert refused(people["bob"].listStacks, projectid=project)[:2] == (431, 9999)
    assert refused(alice.createStack, name="x", templatebody=QUICK, projectid=str(uuid.uuid4()))[:2] == (431, 9999)
    assert refused(alice.createStack, name="x", templatebody=QUICK, projectid="-1")[:2] == (431, 9999)
    place.cloud.addAccountToProject(projectid=project, account="bob", fetch_result=True)
    assert alice.deleteStack(name="shared", projectid=project, fetch_result=True) == {"success": True}


def test_an_id_of_a_job_that_nobody_gave_out_goes_to_the_cloud(place, people):
    made = people["alice"].createStack(name="marked", templatebody=QUICK)
    job_of(people["alice"], made["jobid"], 1)
    last = "0" if made["jobid"][-1] != "0" else "1"
    for forged in (made["jobid"][:-1] + last, str(uuid.uuid4()), "nonsense", "", "{" + made["jobid"] + "}"):
        here = refused(people["alice"].queryAsyncJobResult, jobid=forged)
        assert here == refused(client_of_cloud(place, "alice").queryAsyncJobResult, jobid=forged)


def client_of_cloud(place, name):
    """Somebody's `cs` at the management server itself."""
    found = client_of(place, name)
    found.endpoint = place.simulator.endpoint
    return found


def test_the_embedded_cloud_of_the_service_is_called_through_it_too(tmp_path):
    late = LateApp()
    server = Server(Door(late.handle)).start()
    settings = ServiceSettings(public_url=server.url, secret=b"s" * 32)
    opened = open_embedded_service(Config(), settings, folder=tmp_path)
    try:
        with opened.service:
            late.app = App(opened.service)
            client = CloudStack(
                server.url + PATH, opened.access_key, opened.secret, job_timeout=30, poll_interval=0.02
            )
            assert client.listZones()["count"] >= 1
            made = client.createStack(name="near", templatebody=QUICK, fetch_result=True)["stack"]
            assert made["status"] == "CREATE_COMPLETE"
            assert client.listSSHKeyPairs(name="near-key")["count"] == 1
    finally:
        server.stop()


def test_a_service_with_another_secret_does_not_take_this_ones_jobs(place):
    jobs = place.app.client_api._jobs
    job_id = jobs.id_of("createStack", "arn:x", "cs-0000abcd")
    assert jobs.read(job_id) == ("createStack", "cs-0000abcd", jobs.read(job_id).stack_digest)
    assert jobs.read(job_id.upper()) == jobs.read(job_id)
    jobs._secret, kept = b"other", jobs._secret
    assert jobs.read(job_id) is None
    jobs._secret = kept
