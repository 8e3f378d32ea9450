"""Clusters over REST, in one process: what a client sends, what it is told, and what is so on the cloud."""

from __future__ import annotations

import json
import re

import pytest
from cluster_worlds import PLAIN, SETTINGS, ClusterWorld, own
from hypothesis import given
from hypothesis import strategies as st
from werkzeug import Request
from werkzeug.test import Client, EnvironBuilder

from cfnlib.clusters.blueprint import shipped
from cfnlib.drivers.memory import MemoryDriver
from cfnlib.errors import LimitError, StoreError
from cfnlib.identity.refusal import Refusal, RefusedError
from cfnlib.server.clusters_rest import ClustersContext, respond
from cfnlib.server.faults import SaidError
from cfnlib.server.json_body import MAX_BYTES, MAX_DEPTH
from cfnlib.server.problems import problem_of
from cfnlib.stacks import Stacks
from cfnlib.testing import Fault, Trouble

DEMO = {"name": "demo", "masters": 3, "agents": 2}


def client_of(world, **context):
    """A client of the clusters of a world."""
    known = ClustersContext(world.stacks, world.begun.append, **context)

    return Client(Request.application(lambda request: respond(request, known)))


@pytest.fixture
def world():
    """As in a service: what is begun is held by a worker that lives."""
    return ClusterWorld(others_live=True)


@pytest.fixture
def client(world):
    return client_of(world)


def launched(world, client, **config):
    """The document of a cluster that is there."""
    answer = client.post("/clusters", json={**DEMO, **config})
    assert answer.status_code == 202
    world.carry_on()
    return client.get(answer.headers["Location"]).json


def problem(answer, status, code):
    """The places of a problem, once it is what it should be."""
    assert answer.content_type == "application/problem+json"
    assert (answer.status_code, answer.json["status"], answer.json["code"]) == (status, status, code)
    assert answer.json["title"]
    assert answer.json["detail"]
    return [one["pointer"] for one in answer.json.get("errors", ())]


# A cluster's life


def test_a_cluster_is_launched_and_tells_its_state_machines_and_addresses(world, client):
    begun = client.post("/clusters", json=DEMO)
    assert begun.status_code == 202
    assert begun.headers["Location"] == f"/clusters/{begun.json['id']}"
    assert (begun.json["state"], begun.json["machines"]) == ("launching", [])
    world.carry_on()
    there = client.get(begun.headers["Location"])
    assert there.status_code == 200
    assert there.json["state"] == "running"
    assert [one["name"] for one in there.json["machines"]] == [
        *(f"demo-master-{n}" for n in (1, 2, 3)),
        *(f"demo-agent-{n}" for n in (1, 2)),
    ]
    assert there.json["machines"][0]["public_address"] == there.json["outputs"]["MasterAddress"]
    assert there.json["config"].items() >= DEMO.items()
    assert client.get("/clusters/demo").json == there.json


def test_nodes_are_added_and_removed_by_putting_the_configuration_that_is_wanted(world, client):
    found = launched(world, client)
    place = f"/clusters/{found['id']}"
    grown = client.put(place, json={**found["config"], "agents": 4})
    assert (grown.status_code, grown.json["state"]) == (202, "changing")
    assert client.put(place, json={**found["config"], "agents": 4}).status_code == 202
    assert world.carry_on() == ["UPDATE_COMPLETE"]
    assert len(world.machines()) == 7
    same = client.put(place, json={**found["config"], "agents": 4})
    assert (same.status_code, same.json["revision"]) == (200, 1)
    assert client.put(place, json=DEMO).status_code == 202
    world.carry_on()
    assert len(world.machines()) == 5


def test_a_cluster_is_destroyed_and_then_not_there_any_more(world, client):
    found = launched(world, client)
    place = f"/clusters/{found['id']}"
    answer = client.delete(place)
    assert (answer.status_code, answer.json["state"]) == (202, "destroying")
    assert client.delete(place).status_code == 202
    assert world.carry_on() == ["DELETE_COMPLETE"]
    assert world.machines() == []
    for again in (client.get(place), client.delete(place), client.put(place, json=DEMO)):
        problem(again, 404, "destroyed")
    problem(client.get("/clusters/demo"), 404, "not-found")


def test_the_clusters_are_listed_and_other_stacks_are_not(world, client):
    assert client.get("/clusters").json == {"clusters": []}
    world.stacks.create("plain", PLAIN)
    world.stacks.create("by-another-door", shipped("mesos"), {"Agents": 0})
    found = launched(world, client)
    first, second = client.get("/clusters").json["clusters"]
    assert (first["name"], second["id"]) == ("by-another-door", found["id"])
    assert second == {name: found[name] for name in second}
    assert not {"machines", "config"} & set(first)
    problem(client.get("/clusters/plain"), 404, "not-found")


def test_a_launch_that_failed_says_why():
    world = ClusterWorld(faults=[Fault(Trouble.REFUSED, "deployVirtualMachine")])
    found = launched(world, client_of(world))
    assert (found["state"], found["status"]) == ("failed", "ROLLBACK_COMPLETE")
    assert found["reason"]


def test_a_cluster_of_a_template_of_ones_own_is_launched(world, client):
    answer = client.post("/clusters", json={"name": "pair", "template": own(), "frameworks": ["mpi"], "agents": 2})
    assert answer.status_code == 202
    world.carry_on()
    found = client.get(answer.headers["Location"]).json
    assert (found["kind"], found["outputs"]) == ("pair", {"Installed": "mpi"})
    assert "template" not in found["config"]


# Again, and meanwhile


def test_a_launch_repeated_under_its_key_makes_one_cluster(world, client):
    first = client.post("/clusters", json=DEMO, headers={"Idempotency-Key": '"key-1"'})
    again = client.post("/clusters", json=DEMO, headers={"Idempotency-Key": "key-1"})
    assert (again.status_code, again.json["id"]) == (202, first.json["id"])
    assert len(world.begun) == 1
    world.carry_on()
    later = client.post("/clusters", json=DEMO, headers={"Idempotency-Key": "key-1"})
    assert (later.status_code, later.headers["Location"]) == (200, first.headers["Location"])
    other = client.post("/clusters", json={**DEMO, "agents": 9}, headers={"Idempotency-Key": "key-1"})
    problem(other, 409, "exists")
    problem(client.post("/clusters", json=DEMO), 409, "exists")
    problem(client.post("/clusters", json=DEMO, headers={"Idempotency-Key": "a b"}), 400, "invalid-header")


def test_the_key_is_the_token_of_the_stack(world, client):
    found = client.post("/clusters", json=DEMO, headers={"Idempotency-Key": "key-1"}).json
    assert world.store.stack(found["stack_id"]).terms.token == "key-1"


def test_a_change_is_made_only_to_the_revision_that_was_looked_at(world, client):
    found = launched(world, client)
    place = f"/clusters/{found['id']}"
    tag = client.get(place).headers["ETag"]
    grown = client.put(place, json={**DEMO, "agents": 3}, headers={"If-Match": tag})
    assert grown.status_code == 202
    assert grown.headers["ETag"] != tag
    world.carry_on()
    problem(client.put(place, json=DEMO, headers={"If-Match": tag}), 412, "changed-meanwhile")
    problem(client.delete(place, headers={"If-Match": tag}), 412, "changed-meanwhile")
    problem(client.delete(place, headers={"If-Match": f"W/{grown.headers['ETag']}"}), 412, "changed-meanwhile")
    assert client.put(place, json=DEMO, headers={"If-Match": "*"}).status_code == 202


def test_another_change_while_one_is_under_way_is_refused(world, client):
    found = launched(world, client)
    client.put(f"/clusters/{found['id']}", json={**DEMO, "agents": 3})
    problem(client.put(f"/clusters/{found['id']}", json={**DEMO, "agents": 4}), 409, "not-now")


def test_two_changes_at_the_same_moment_are_not_both_made(world, client, monkeypatch):
    launched(world, client)
    update = world.stacks.operations.update

    def late(wanted, **given):
        monkeypatch.undo()
        client.put("/clusters/demo", json={**DEMO, "agents": 4})
        world.carry_on()
        return update(wanted, **given)

    monkeypatch.setattr(world.stacks.operations, "update", late)
    problem(client.put("/clusters/demo", json={**DEMO, "agents": 3}), 409, "changed-meanwhile")
    assert client.get("/clusters/demo").json["config"]["agents"] == 4


def test_what_is_settled_at_the_launch_is_not_changed(world, client):
    found = launched(world, client)
    answer = client.put(f"/clusters/{found['id']}", json={**DEMO, "masters": 5, "name": "demo"})
    assert problem(answer, 422, "invalid-configuration") == ["/masters"]
    answer = client.put(f"/clusters/{found['id']}", json={**DEMO, "name": "other"})
    assert problem(answer, 422, "invalid-configuration") == ["/name"]


# What is wrong with a request


@pytest.mark.parametrize(
    ("config", "pointers"),
    [
        ([], [""]),
        ({}, ["/name"]),
        ({"name": "demo", "agents": "3"}, ["/agents"]),
        ({"name": "demo", "agents": -1, "colour": "red"}, ["/agents", "/colour"]),
        ({"name": "demo", "masters": 2}, ["/masters"]),
        ({"name": "demo", "masters": 2, "parameters": {"Agents": "-1"}}, ["/masters", "/agents"]),
        ({"name": "demo", "parameters": {"Nope": "x", "a/b": "y"}}, ["/parameters/Nope", "/parameters/a~1b"]),
        ({"name": "demo", "frameworks": ["spark"]}, ["/frameworks"]),
        ({"name": "demo", "template": PLAIN}, ["/template"]),
        ({"name": "pair", "template": own(Fixed=["masters"])}, ["/template"]),
        ({"name": "pair", "template": own().replace("AWS::EC2::Instance", "AWS::EC2::Instanc")}, ["/template"]),
        ({"name": "demo", "image": "nowhere"}, [""]),
    ],
)
def test_what_is_wrong_with_a_configuration_is_told_with_its_places(world, client, config, pointers):
    found = problem(client.post("/clusters", json=config), 422, "invalid-configuration")
    assert list(dict.fromkeys(found)) == pointers
    assert world.store.stacks() == []


def test_a_template_that_cannot_be_read_is_told(client):
    answer = client.post("/clusters", json={"name": "pair", "template": "a: ["})
    problem(answer, 422, "invalid-template")
    assert "no valid YAML" in answer.json["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"name": "demo"} {}',
        b'{"name": "demo", "name": "other"}',
        b'{"name": "demo", "tags": {"a": "1", "a": "2"}}',
        b'{"name": "demo", "agents": NaN}',
        b'{"name": "demo", "agents": -Infinity}',
        b'{"name": "d\xff"}',
        b'\xef\xbb\xbf{"name": "demo"}',
        b'{"name": "demo", "agents": ' + b"1" * 5000 + b"}",
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b"[" * 100_000,
        b'{"name":' * 100_000,
        b"'demo'",
    ],
)
def test_a_body_that_is_no_json_is_refused(client, body):
    problem(client.post("/clusters", data=body, content_type="application/json"), 400, "invalid-json")


def test_brackets_in_a_text_are_no_nesting(client):
    text = '{"name": "demo", "image": "' + "[" * 100 + '\\"["}'
    answer = client.post("/clusters", data=text, content_type="application/json")
    problem(answer, 422, "invalid-configuration")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
def test_a_body_of_another_type_is_refused(client, headers):
    problem(client.post("/clusters", data=json.dumps(DEMO), headers=headers), 415, "unsupported-media-type")


def test_json_may_say_its_charset(client):
    answer = client.post("/clusters", data=json.dumps(DEMO), content_type="application/json; charset=UTF-8")
    assert answer.status_code == 202


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(client):
    body = json.dumps({**DEMO, "template": "x" * MAX_BYTES})
    problem(client.post("/clusters", data=body, content_type="application/json"), 413, "too-large")
    environ = EnvironBuilder("/clusters", method="POST", data=body, content_type="application/json").get_environ()
    del environ["CONTENT_LENGTH"]
    unsaid = client.open({**environ, "wsgi.input_terminated": True})
    problem(unsaid, 413, "too-large")


def test_a_body_that_ends_early_is_refused(world):
    environ = EnvironBuilder("/clusters", method="POST", data="{}", content_type="application/json").get_environ()
    request = Request({**environ, "CONTENT_LENGTH": "20"})
    problem(respond(request, ClustersContext(world.stacks, world.begun.append)), 400, "invalid-json")


def test_what_is_not_offered_is_said_with_what_is(client):
    for method, path, allowed in (
        ("DELETE", "/clusters", "GET, POST, HEAD"),
        ("PATCH", "/clusters/demo", "GET, PUT, DELETE, HEAD"),
        ("POST", "/clusters/openapi.json", "GET, HEAD"),
    ):
        answer = client.open(path, method=method)
        problem(answer, 405, "method-not-allowed")
        assert answer.headers["Allow"] == allowed
    for path in ("/clusters/", "/clusters/a/b", "/cluster", "/clusters/demo/"):
        problem(client.get(path), 404, "not-found")
    assert client.head("/clusters").status_code == 200


def test_an_account_at_its_limit_launches_nothing(world):
    def full():
        raise LimitError("the account has 20 stacks, which is its limit")

    client = client_of(world, before_launch=full)
    keyed = {"json": DEMO, "headers": {"Idempotency-Key": "key-1"}}
    problem(client.post("/clusters", json=DEMO), 409, "limit")
    problem(client.post("/clusters", **keyed), 409, "limit")
    assert world.store.stacks() == []
    there = client_of(world).post("/clusters", **keyed).json
    assert client.post("/clusters", **keyed).json["id"] == there["id"]


def test_what_is_the_operators_to_mend_is_told_without_details(world, client, caplog):
    def broken(**_):
        raise StoreError("no route to db-7.internal")

    world.store.stacks = broken
    answer = client.get("/clusters")
    problem(answer, 503, "store-unavailable")
    assert answer.headers["Retry-After"]
    assert "db-7" not in answer.text
    assert "db-7" in caplog.text
    world.store.stacks = None
    answer = client.get("/clusters")
    problem(answer, 500, "internal")
    assert "NoneType" not in answer.text
    assert "NoneType" in caplog.text


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (Refusal.MISSING, 401, "signature-missing"),
        (Refusal.MALFORMED, 400, "signature-malformed"),
        (Refusal.UNKNOWN_KEY, 403, "signature-unknown-key"),
        (Refusal.EXPIRED, 403, "signature-expired"),
        (Refusal.UNAVAILABLE, 503, "signature-unavailable"),
    ],
)
def test_who_is_not_admitted_is_told_why(refusal, status, code):
    found = problem_of(RefusedError(refusal, "it is so"))
    assert (found.status, found.code) == (status, code)
    assert ("WWW-Authenticate" in found.headers, "Retry-After" in found.headers) == (status == 401, status == 503)


def test_a_refusal_in_the_words_of_cloudformation_keeps_its_status():
    found = problem_of(SaidError("no more than 20", "LimitExceededException", 400))
    assert (found.status, found.code, found.detail) == (400, "limit-exceeded", "no more than 20")


def test_accounts_see_nothing_of_each_other(world):
    def of_account(name):
        driver = MemoryDriver(world.cloud)
        stacks = Stacks(driver, world.store, clock=world.clock, settings=SETTINGS, scope="here", account=name)
        known = ClustersContext(stacks, world.begun.append)
        return Client(Request.application(lambda request: respond(request, known)))

    one, other = of_account("here d/one"), of_account("here d/other")
    found = one.post("/clusters", json=DEMO).json
    assert other.get("/clusters").json == {"clusters": []}
    for name in (found["id"], "demo"):
        for answer in (
            other.get(f"/clusters/{name}"),
            other.put(f"/clusters/{name}", json=DEMO),
            other.delete(f"/clusters/{name}"),
        ):
            problem(answer, 404, "not-found")
    assert one.get(f"/clusters/{found['id']}").json["state"] == "launching"


# The document


def test_the_document_tells_of_every_field_what_it_means(client):
    schemas = client.get("/clusters/openapi.json").json["components"]["schemas"]
    for name in ("ClusterConfig", "Cluster", "Machine"):
        assert all(re.match("[A-Z].*[.]$", one["description"]) for one in schemas[name]["properties"].values())


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_no_body_is_answered_with_a_fault_of_the_services(body):
    answer = client_of(ClusterWorld()).post("/clusters", data=body, content_type="application/json")
    assert answer.status_code in {400, 422}
    assert answer.json["detail"]
