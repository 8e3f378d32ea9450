"""Any sequence of requests to the clusters leaves on the cloud just what the last accepted ones asked for."""

from __future__ import annotations

from cluster_worlds import ClusterWorld
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from werkzeug import Request
from werkzeug.test import Client

from cfnlib.server.clusters_rest import ClustersContext, respond

NAMES = st.sampled_from(["one", "two"])
SIZES = st.integers(0, 4)
KEYS = st.sampled_from([None, "key-1", "key-2"])


# A rule is read by its name.
# ruff: noqa: D102


class Requests(RuleBasedStateMachine):
    """Two names, some sizes and keys; `wanted` is what was accepted: number of agents, key, revision by name."""

    def __init__(self):
        super().__init__()
        self.world = ClusterWorld(others_live=True)
        context = ClustersContext(self.world.stacks, self.world.begun.append)
        self.client = Client(Request.application(lambda request: respond(request, context)))
        self.wanted = {}
        self.moving = set()

    @rule(name=NAMES, agents=SIZES, key=KEYS)
    def launch(self, name, agents, key):
        headers = {"Idempotency-Key": key} if key else {}
        answer = self.client.post("/clusters", json={"name": name, "agents": agents}, headers=headers)
        known = self.wanted.get(name)
        if known is None:
            assert answer.status_code == 202
            self.wanted[name] = (agents, key, 0, agents)
            self.moving.add(name)
        elif key is not None and key == known[1] and (known[2] or agents == known[3]):
            assert answer.json["config"]["agents"] == known[0]
        else:
            assert (answer.status_code, answer.json["code"]) == (409, "exists")

    @rule(name=NAMES, agents=SIZES, behind=st.sampled_from([None, 0, 1]))
    def change(self, name, agents, behind):
        known = self.wanted.get(name)
        headers = {} if behind is None or known is None else {"If-Match": f'"{known[2] - behind}"'}
        answer = self.client.put(f"/clusters/{name}", json={"name": name, "agents": agents}, headers=headers)
        if known is None:
            assert answer.status_code == 404
        elif behind:
            assert answer.status_code == 412
        elif agents == known[0]:
            assert answer.status_code == (202 if name in self.moving else 200)
        elif name in self.moving:
            assert answer.status_code == 409
        else:
            assert answer.status_code == 202
            self.wanted[name] = (agents, known[1], known[2] + 1, known[3])
            self.moving.add(name)

    @rule(name=NAMES)
    def destroy(self, name):
        if name in self.moving:
            self.carry_on()
        answer = self.client.delete(f"/clusters/{name}")
        assert answer.status_code == (404 if self.wanted.pop(name, None) is None else 202)
        self.carry_on()

    @rule()
    def carry_on(self):
        assert set(self.world.carry_on()) <= {"CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"}
        self.moving.clear()

    @invariant()
    def the_cloud_has_what_is_wanted(self):
        if not self.moving:
            assert self.world.machines() == sorted(
                machine
                for name, (agents, *_) in self.wanted.items()
                for machine in (f"{name}-master-1", *(f"{name}-agent-{number}" for number in range(1, agents + 1)))
            )

    @invariant()
    def the_list_has_the_names(self):
        listed = self.client.get("/clusters").json["clusters"]
        assert {one["name"]: one["revision"] for one in listed} == {
            name: known[2] for name, known in self.wanted.items()
        }


def test_what_is_accepted_is_what_comes_to_be():
    run_state_machine_as_test(
        Requests, settings=settings(max_examples=25, stateful_step_count=12, derandomize=True, database=None)
    )
