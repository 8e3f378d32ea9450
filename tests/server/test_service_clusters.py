"""Clusters over REST at the service itself: signed requests over a socket, beside CloudFormation's own clients."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import NamedTuple

import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from service_world import HELD

from cfnlib.clusters.blueprint import shipped
from cfnlib.state.model import Signal

POOL = urllib3.PoolManager(maxsize=8, retries=False)
MACHINES = ["demo-agent-1", "demo-agent-2", "demo-master-1"]


class Answered(NamedTuple):
    """What the service answered."""

    status: int
    headers: urllib3.HTTPHeaderDict
    json: dict


@pytest.fixture(scope="module")
def ask(place):
    """Send a request with somebody's signature; without one when nobody is named."""
    place.person("ann")
    place.person("ben")

    def asked(method, path, body=None, *, who="ann", **headers):
        data = None if body is None else json.dumps(body)
        given = {} if body is None else {"Content-Type": "application/json"}
        request = AWSRequest(method, place.public_url + path, {**given, **headers}, data)
        if who is not None:
            person = place.people[who]
            SigV4Auth(Credentials(person.key, person.secret), "clusters", "us-east-1").add_auth(request)
        answer = POOL.request(method, request.url, body=data, headers=dict(request.headers))
        return Answered(answer.status, answer.headers, answer.json() if answer.data else {})

    return asked


def until(ask, path, state, **more):
    """The cluster, as soon as it is in the state, or not there any more when that is None."""
    for _ in range(400):
        found = ask("GET", path, **more)
        if found.json.get("state") == state:
            return found.json
        Event().wait(0.05)
    raise AssertionError(f"{path} is {found.json}")


def machines(place):
    """The names of the machines that are on the cloud."""
    found = place.cloud.listVirtualMachines(listall=True, fetch_list=True)
    return sorted(one["name"] for one in found if one["state"] != "Destroyed")


def test_a_cluster_lives_and_is_a_stack_of_its_owners(place, ask):
    begun = ask("POST", "/clusters", {"name": "demo", "agents": 2})
    assert (begun.status, begun.json["state"]) == (202, "launching")
    there = until(ask, begun.headers["Location"], "running")
    assert sorted(one["name"] for one in there["machines"]) == machines(place) == MACHINES
    stack = place.client("ann").describe_stacks(StackName="demo")["Stacks"][0]
    assert stack["StackId"] == there["stack_id"]
    assert {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]} == there["outputs"]

    grown = ask("PUT", begun.headers["Location"], {**there["config"], "agents": 3}, **{"If-Match": '"0"'})
    assert (grown.status, grown.headers["ETag"]) == (202, '"1"')
    until(ask, "/clusters/demo", "running")
    assert machines(place) == sorted([*MACHINES, "demo-agent-3"])

    assert ask("GET", "/clusters", who="ben").json == {"clusters": []}
    for method, body in (("GET", None), ("PUT", {"name": "demo"}), ("DELETE", None)):
        answer = ask(method, begun.headers["Location"], body, who="ben")
        assert (answer.status, answer.json["code"]) == (404, "not-found")

    assert ask("DELETE", begun.headers["Location"]).status == 202
    assert until(ask, begun.headers["Location"], None)["code"] == "destroyed"
    assert machines(place) == []


def test_a_stack_that_cloudformation_made_is_a_cluster(place, ask):
    parameters = [{"ParameterKey": "Agents", "ParameterValue": "1"}]
    place.made("by-stack", shipped("mesos"), "ben", Parameters=parameters)
    [found] = ask("GET", "/clusters", who="ben").json["clusters"]
    assert (found["name"], found["state"]) == ("by-stack", "running")
    assert ask("PUT", "/clusters/by-stack", {"name": "by-stack", "agents": 0}, who="ben").status == 202
    place.until("by-stack", "UPDATE_COMPLETE", "ben")
    assert machines(place) == ["by-stack-master-1"]
    place.removed(found["stack_id"], "ben")
    assert ask("GET", f"/clusters/{found['id']}", who="ben").json["code"] == "destroyed"


def test_a_launch_repeated_at_the_same_moment_makes_one_cluster(place, ask):
    with ThreadPoolExecutor(8) as pool:
        config = {"name": "once", "agents": 1}
        asking = [pool.submit(ask, "POST", "/clusters", config, **{"Idempotency-Key": "k-1"}) for _ in range(8)]
        answers = [one.result() for one in asking]
    assert {one.status for one in answers} <= {200, 202}
    assert len({one.json["id"] for one in answers}) == 1
    until(ask, "/clusters/once", "running")
    assert machines(place) == ["once-agent-1", "once-master-1"]
    ask("DELETE", "/clusters/once")
    until(ask, "/clusters/once", None)


def test_a_cluster_that_is_launching_is_destroyed_at_once(place, ask):
    begun = ask("POST", "/clusters", {"name": "brief", "agents": 3})
    assert ask("DELETE", begun.headers["Location"]).status == 202
    assert until(ask, begun.headers["Location"], None)["code"] == "destroyed"
    assert machines(place) == []


def test_a_cluster_whose_launch_ends_just_when_it_shall_be_destroyed_is_destroyed(place, ask, monkeypatch):
    mark = {"Kind": "held", "Roles": {"key": "Key"}}
    template = json.dumps({**json.loads(HELD), "Metadata": {"Cfnlib::Cluster": mark}})
    begun = ask("POST", "/clusters", {"name": "crossing", "template": template})
    stack_id = begun.json["stack_id"]
    store = type(place.service.store)
    tell = store.ask

    def comes_too_late(self, found, request, terms=None):
        self.add_signal(found, "Handle", Signal("a", "SUCCESS"))
        place.until(found, "CREATE_COMPLETE")
        tell(self, found, request, terms)

    monkeypatch.setattr(store, "ask", comes_too_late)
    assert ask("DELETE", begun.headers["Location"]).status == 202
    until(ask, begun.headers["Location"], None)
    statuses = [event.status for event in place.service.store.events(stack_id) if event.logical_id == "crossing"]
    assert statuses == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"]


def test_who_does_not_sign_learns_only_what_the_api_is(ask):
    for method, path in (("GET", "/clusters"), ("POST", "/clusters"), ("DELETE", "/clusters/demo")):
        answer = ask(method, path, {"name": "demo"} if method == "POST" else None, who=None)
        assert (answer.status, answer.json["code"]) == (401, "signature-missing")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["WWW-Authenticate"] == "AWS4-HMAC-SHA256"
    document = ask("GET", "/clusters/openapi.json", who=None)
    assert document.json["openapi"] == "3.0.3"


def test_a_body_that_is_not_the_signed_one_is_refused(place, ask):
    person = place.people["ann"]
    request = AWSRequest(
        "POST", f"{place.public_url}/clusters", {"Content-Type": "application/json"}, json.dumps({"name": "a"})
    )
    SigV4Auth(Credentials(person.key, person.secret), "clusters", "us-east-1").add_auth(request)
    answer = POOL.request("POST", request.url, body=json.dumps({"name": "b"}), headers=dict(request.headers))
    assert (answer.status, answer.json()["code"]) == (403, "signature-mismatch")
    assert ask("GET", "/clusters").json == {"clusters": []}
