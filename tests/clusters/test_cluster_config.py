"""What a cluster is to be, and what is wrong with it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfnlib.clusters import ClusterConfig, ClusterConfigError
from cfnlib.clusters.config import SCHEMA
from cfnlib.clusters.declared import Fault, faults_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def faults(given):
    """The faults of a configuration, as pointers and messages."""
    with pytest.raises(ClusterConfigError) as caught:
        ClusterConfig.from_dict(given)
    return {fault.pointer: fault.message for fault in caught.value.faults}


def test_what_is_not_given_is_left_to_the_template():
    config = ClusterConfig.from_dict({"name": "demo", "agents": 5})
    assert config == ClusterConfig("demo", agents=5)
    assert config.as_dict() == {"name": "demo", "agents": 5}


def test_a_configuration_is_read_back_from_what_it_is_written_as():
    config = ClusterConfig(
        "demo",
        masters=3,
        public_address=False,
        frameworks=("spark", "mpi"),
        parameters={"A": "b"},
        tags={"team": "data"},
    )
    assert ClusterConfig.from_dict(json.loads(json.dumps(config.as_dict()))) == config


def test_every_fault_is_told_with_its_place():
    found = faults(
        {
            "nmae": "x",
            "masters": True,
            "agents": -1,
            "image": 3,
            "key_pair": "",
            "allowed_cidr": "everywhere",
            "frameworks": ["spark", "spark", 7],
            "parameters": {"a/b~c": 1},
            "kind": "hadoop",
        }
    )
    assert found == {
        "/name": "is missing",
        "/nmae": "is not known; did you mean name?",
        "/masters": "is true, and must be a whole number",
        "/agents": "is -1, and must be from 0 to 5000",
        "/image": "is 3, and must be a text",
        "/key_pair": "has 0 characters, and must have from 1 to 255",
        "/allowed_cidr": "is 'everywhere', and must match ^([0-9]{1,3}[.]){3}[0-9]{1,3}/[0-9]{1,2}$",
        "/frameworks": "has an entry twice",
        "/frameworks/2": "is 7, and must be a text",
        "/parameters/a~1b~0c": "is 1, and must be a text",
        "/kind": "is 'hadoop', and must be one of mesos",
    }


@pytest.mark.parametrize("value", [None, [], "demo", 3, True])
def test_a_configuration_is_an_object(value):
    assert list(faults(value)) == [""]


def test_a_whole_number_may_be_written_with_a_point_but_not_be_endless():
    assert ClusterConfig.from_dict({"name": "demo", "agents": 3.0}).agents == 3
    assert "/agents" in faults({"name": "demo", "agents": 3.5})
    assert "/agents" in faults({"name": "demo", "agents": float("inf")})
    assert "/agents" in faults({"name": "demo", "agents": float("nan")})


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_a_text_that_no_store_can_keep_is_refused(text):
    assert "/image" in faults({"name": "demo", "image": text})
    assert "/tags" in faults({"name": "demo", "tags": {text: "x"}})


def test_a_name_ends_where_it_ends():
    assert "/name" in faults({"name": "demo\n"})
    assert "/name" in faults({"name": "9demo"})


def test_a_kind_and_a_template_do_not_go_together():
    assert "/kind" in faults({"name": "demo", "kind": "mesos", "template": "Resources: {}\n"})


def test_a_configuration_that_is_made_in_python_is_checked_when_it_is_used(world):
    with pytest.raises(ClusterConfigError, match="/agents"):
        world.clusters.launch(ClusterConfig("demo", agents=-1))
    assert world.machines() == []


@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"], "other"]), JSON))
def test_whatever_is_given_is_a_configuration_or_has_faults_with_places(given):
    wrong = list(faults_of(given, SCHEMA))
    if wrong or {"kind", "template"} <= set(given):
        found = faults(given)
        assert found
        assert {pointer.split("/")[1] for pointer in found if pointer} <= {*given, "name"}
    else:
        assert not list(faults_of(ClusterConfig.from_dict(given).as_dict(), SCHEMA))


def test_a_pointer_says_where_in_a_document_a_fault_is():
    assert str(Fault(("tags", "a/b", 0, "~"), "is wrong")) == "/tags/a~1b/0/~0: is wrong"
    assert str(Fault((), "is wrong")) == "is wrong"
