"""The OpenAPI document is valid, and what it says of the clusters' REST face is so, whatever is sent."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest
from cluster_worlds import NAMES, ClusterWorld
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from werkzeug import Request, Response

import cfnlib
from cfnlib.server.clusters_openapi import document
from cfnlib.server.clusters_rest import OPENAPI_PATH, ClustersContext, openapi_response, respond

openapi_spec_validator = pytest.importorskip("openapi_spec_validator")
schemathesis = pytest.importorskip("schemathesis")

MAX_CHANGES = 100
"""A larger operation is begun and never comes to its end, as on a slow cloud."""

POSSIBLE = {
    "name": ["one", "two", "three"],
    "masters": [1, 3],
    "agents": [0, 1, 2, 5],
    "image": list(NAMES["template"]),
    "master_type": list(NAMES["serviceoffering"]),
    "agent_type": list(NAMES["serviceoffering"]),
    "allowed_cidr": ["192.0.2.0/24", "0.0.0.0/0"],
    "version": ["1.11.0", "1.9.0"],
}
"""What the cloud and the template know: clusters of these come to be."""

QUICK = settings(max_examples=30, derandomize=True, database=None, phases=(Phase.explicit, Phase.generate))
CONFIG = {
    "checks": {
        # What the cloud and the template know, a schema does not: which images there are, which names are taken.
        "positive_data_acceptance": {"expected-statuses": ["2xx", "404", "409", "412", "422"]},
        # A cluster that was made may have been destroyed by its name, which this takes for another one than its id's.
        "ensure_resource_availability": {"enabled": False},
    },
    # Where the document has links, nothing is guessed by names of fields.
    "phases": {"stateful": {"inference": {"algorithms": []}}},
}


class _App:
    """The clusters of a world, in which whatever is begun is done at once, below a document of them."""

    def __init__(self, found):
        self._document = found
        self.begin_anew()

    def begin_anew(self):
        """Take an empty world."""
        self._world = ClusterWorld()
        self._context = ClustersContext(self._world.stacks, self._carry_on)

    def __call__(self, environ, start_response):
        request = Request(environ)
        if (request.path, request.method) == (OPENAPI_PATH, "GET"):
            answer = Response(json.dumps(self._document), content_type="application/json")
        else:
            answer = respond(request, self._context)
        return answer(environ, start_response)

    def _carry_on(self, begun):
        if begun.plan is None or len(begun.plan.changes) < MAX_CHANGES:
            self._world.stacks.operations.carry_on(begun)


def _narrow(found):
    """Make a document tell of clusters that come to be when they are asked for."""
    schemas = found["components"]["schemas"]
    config = schemas["Possible"] = deepcopy(schemas["ClusterConfig"])
    for name in ("template", "frameworks", "parameters", "archive", "repository", "repository_key"):
        del config["properties"][name]
    for name, values in POSSIBLE.items():
        config["properties"][name] = {"type": config["properties"][name]["type"], "enum": values}
    for operations in found["paths"].values():
        for method in {"post", "put"} & set(operations):
            body = operations[method]["requestBody"]["content"]["application/json"]
            body["schema"] = {"$ref": "#/components/schemas/Possible"}
        for operation in operations.values():
            for answer in operation.get("responses", {}).values() if isinstance(operation, dict) else ():
                if "links" in answer:  # with what else is drawn, so that there is something to change
                    answer["links"]["changeCluster"]["requestBody"] = {"name": "$response.body#/name"}
    path = next(path for path in found["paths"] if path.endswith("{cluster}"))
    found["paths"][path]["parameters"][0]["schema"] = {"type": "string", "enum": POSSIBLE["name"]}


def described(*, possible=False):
    """A new world, by its document: schemathesis's schema, and the app."""
    found = deepcopy(document("0"))
    del found["security"]  # who calls is the service's to know, before it comes here
    if possible:
        _narrow(found)
    config = schemathesis.Config.from_dict({**CONFIG, "generation": {"mode": "positive" if possible else "all"}})
    app = _App(found)
    return schemathesis.openapi.from_wsgi(OPENAPI_PATH, app, config=config), app


anything, what_can_be = described()[0], described(possible=True)[0]


@anything.parametrize()
@QUICK
def test_whatever_is_sent_the_answer_is_as_the_document_says(case):
    case.call_and_validate()


@what_can_be.parametrize()
@QUICK
def test_what_comes_of_clusters_that_are_there_is_as_the_document_says(case):
    case.call_and_validate()


def sequences():
    """What sequences of calls along the document's links came to, each in an empty world: methods and statuses.

    Hypothesis draws the seed of what schemathesis calls true random numbers as it draws everything else, so with
    `derandomize` they are the same each time too.
    """
    schema, app = described(possible=True)
    made = []

    class Sequence(schema.as_state_machine()):
        def setup(self):
            app.begin_anew()
            made.append([])

        def validate_response(self, response, case, **given):
            made[-1].append((case.method, response.status_code))
            return super().validate_response(response, case, **given)

    several = settings(QUICK, max_examples=25, stateful_step_count=12, deadline=None)
    run_state_machine_as_test(Sequence, settings=settings(several, suppress_health_check=list(HealthCheck)))
    return made


def test_what_follows_the_documents_links_is_as_it_says_and_the_same_each_time():
    made = sequences()
    calls = {call for sequence in made for call in sequence}
    assert calls >= {("POST", 202), ("GET", 200), ("PUT", 200), ("DELETE", 202), ("GET", 404), ("DELETE", 404)}
    assert max(map(len, made)) > 5
    assert sequences() == made


def test_the_document_is_valid():
    validate = getattr(openapi_spec_validator, "validate", None) or openapi_spec_validator.validate_spec
    validate(openapi_response().json)
    assert openapi_response().json == document(cfnlib.__version__)
