"""Clusters from the library: launched, looked at, resized, changed and destroyed."""

from __future__ import annotations

import html
from pathlib import Path

import pytest
from attrs import evolve
from cluster_worlds import PLAIN, ClusterWorld, own

from cfnlib.clusters import ClusterConfig, ClusterConfigError, Clusters, ClusterState
from cfnlib.clusters.blueprint import shipped
from cfnlib.clusters.shown import _MACHINE_STATES, STATES
from cfnlib.errors import (
    OperationFailedError,
    StackError,
    StackExistsError,
    StackNotFoundError,
    StalePlanError,
    TemplateError,
)
from cfnlib.state.model import ResourceStatus, StackStatus, Terms
from cfnlib.testing import Fault, Trouble

DEMO = ClusterConfig("demo", masters=3, agents=2)
MASTERS = ["demo-master-1", "demo-master-2", "demo-master-3"]


def agents(count):
    return [f"demo-agent-{number}" for number in range(1, count + 1)]


def test_a_cluster_is_launched_with_its_machines(world):
    cluster = world.clusters.launch(DEMO)
    assert (cluster.name, cluster.kind, cluster.state) == ("demo", "mesos", ClusterState.RUNNING)
    assert [(one.name, one.role, one.state) for one in cluster.machines] == [
        *((name, "master", "running") for name in MASTERS),
        *((name, "agent", "running") for name in agents(2)),
    ]
    assert sorted(one.name for one in cluster.machines) == world.machines()
    assert {one.machine_id for one in cluster.machines} <= set(world.cloud.things)


def test_the_first_master_is_reached_from_outside(world):
    cluster = world.clusters.launch(DEMO)
    first, *others = cluster.machines
    assert first.public_address == cluster.outputs["MasterAddress"]
    assert {one.public_address for one in others} == {None}


def test_a_cluster_says_what_it_was_asked_to_be_with_the_defaults(world):
    config = world.clusters.launch({"name": "demo", "masters": 3, "tags": {"team": "data"}}).config
    assert (config.masters, config.agents, config.public_address) == (3, 3, True)
    assert (config.version, config.key_pair, config.tags) == ("1.11.0", None, {"team": "data"})


def test_a_cluster_is_made_what_it_says_it_is_without_any_change(world):
    cluster = world.clusters.launch(DEMO)
    cluster.reconfigure(cluster.config)
    assert (cluster.revision, cluster.status) == (0, "CREATE_COMPLETE")
    other = world.clusters.launch({"name": "pair", "template": own()})
    other.reconfigure(other.config.as_dict())
    assert other.revision == 0


def test_agents_are_added_and_removed_and_nothing_else_changes(world):
    cluster = world.clusters.launch(DEMO)
    before = {one.name: one.machine_id for one in cluster.machines}
    cluster.add_nodes(2)
    assert world.machines() == sorted(MASTERS + agents(4))
    cluster.remove_nodes(3)
    assert world.machines() == sorted(MASTERS + agents(1))
    assert {one.name: one.machine_id for one in cluster.machines}.items() <= before.items()
    cluster.resize(0)
    assert world.machines() == MASTERS
    assert cluster.config.agents == 0


def test_agents_are_removed_by_name_from_the_end_only(world):
    cluster = world.clusters.launch(ClusterConfig("demo", agents=4))
    with pytest.raises(StackError, match="2 fewer are without demo-agent-3, demo-agent-4"):
        cluster.remove_nodes(["demo-agent-1", "demo-agent-4"])
    with pytest.raises(StackError, match="from its end"):
        cluster.remove_nodes(["demo-agent-9"])
    with pytest.raises(StackError, match="from its end"):
        cluster.remove_nodes([])
    cluster.remove_nodes(["demo-agent-4", "demo-agent-3"])
    assert [one.name for one in cluster.machines if one.role == "agent"] == agents(2)


def test_a_size_that_is_none_is_refused(world):
    cluster = world.clusters.launch(ClusterConfig("demo", agents=1))
    with pytest.raises(ClusterConfigError, match="/agents: is -1"):
        cluster.resize(-1)
    with pytest.raises(StackError, match="has 1 agents; 2 cannot be removed"):
        cluster.remove_nodes(2)
    for change in (cluster.add_nodes, cluster.remove_nodes):
        with pytest.raises(StackError, match="1 or more"):
            change(0)
    assert world.machines() == ["demo-agent-1", "demo-master-1"]


def test_the_same_size_again_is_no_change(world):
    cluster = world.clusters.launch(DEMO)
    assert cluster.resize(2).revision == 0


def test_the_number_of_masters_is_settled_at_the_launch(world):
    cluster = world.clusters.launch(DEMO)
    with pytest.raises(
        ClusterConfigError, match="/masters: is settled when a cluster is launched: masters is 3 here"
    ):
        cluster.reconfigure(ClusterConfig("demo", masters=5, agents=2))
    assert world.machines() == sorted(MASTERS + agents(2))


def test_a_whole_configuration_sets_back_what_it_does_not_name(world):
    cluster = world.clusters.launch(ClusterConfig("demo", agents=1, public_address=False, tags={"a": "b"}))
    cluster.reconfigure({"name": "demo", "agents": 1})
    assert cluster.config.public_address is True
    assert cluster.config.tags is None
    assert cluster.outputs["MasterAddress"] == cluster.machines[0].public_address


def test_a_cluster_keeps_its_name_and_kind(world):
    cluster = world.clusters.launch({"name": "pair", "template": own()})
    with pytest.raises(ClusterConfigError) as caught:
        cluster.reconfigure({"name": "other", "kind": "mesos"})
    assert [fault.pointer for fault in caught.value.faults] == ["/name", "/kind"]


def test_a_destroyed_cluster_leaves_nothing_and_still_answers(world):
    before = world.cloud.things.copy()
    cluster = world.clusters.launch(DEMO)
    cluster.destroy()
    assert cluster.state is ClusterState.DESTROYED
    assert cluster.machines == ()
    assert world.cloud.things.keys() == before.keys()
    assert world.clusters.list() == []
    assert world.clusters[cluster.cluster_id].state is ClusterState.DESTROYED
    with pytest.raises(StackNotFoundError, match="no cluster demo"):
        world.clusters["demo"]


def test_an_id_means_one_cluster_even_when_another_has_its_name(world):
    first = world.clusters.launch(ClusterConfig("demo", agents=0)).destroy()
    second = world.clusters.launch(ClusterConfig("demo", agents=1))
    assert world.clusters[first.cluster_id].stack_id == first.stack_id
    for known_as in ("demo", second.cluster_id, second.stack_id):
        assert world.clusters[known_as].stack_id == second.stack_id


def test_a_cluster_whose_launch_fails_is_failed_and_nothing_is_left():
    world = ClusterWorld(faults=[Fault(Trouble.REFUSED, "deployVirtualMachine")])
    with pytest.raises(OperationFailedError, match="ROLLBACK_COMPLETE"):
        world.clusters.launch(DEMO)
    cluster = world.clusters["demo"]
    assert cluster.state is ClusterState.FAILED
    assert cluster.reason
    assert world.machines() == []


# What is a cluster


def test_a_stack_is_a_cluster_by_its_template_however_it_was_made(world):
    world.stacks.create("plain", PLAIN)
    world.stacks.create("made-as-a-stack", shipped("mesos"), {"Agents": "1"})
    [cluster] = world.clusters.list()
    assert cluster.name == "made-as-a-stack"
    assert cluster.config.agents == 1
    cluster.add_nodes(1)
    assert world.stacks["made-as-a-stack"].outputs["AgentCount"] == "2"
    with pytest.raises(StackNotFoundError, match="no cluster plain"):
        world.clusters["plain"]


def test_the_shipped_template_is_that_of_the_checkout():
    template = Path(__file__).parents[2] / "templates" / "mesos.yaml"
    assert shipped("mesos") == template.read_text(encoding="utf-8")


def test_a_template_of_ones_own_says_what_its_cluster_is(world):
    cluster = world.clusters.launch(
        {
            "name": "pair",
            "template": own(),
            "agents": 2,
            "frameworks": ["spark", "mpi"],
            "public_address": True,
            "parameters": {"Motto": "onward"},
        }
    )
    head, *workers = cluster.machines
    assert (cluster.kind, head.role, head.state) == ("pair", "head", "running")
    assert [one.name for one in workers] == ["pair-worker-1", "pair-worker-2"]
    assert head.public_address == next(
        row.attributes["PublicIp"] for row in cluster.stack.resources if row.logical_id == "Address"
    )
    assert cluster.outputs == {"Installed": "spark+mpi"}
    assert cluster.config == ClusterConfig(
        "pair",
        agents=2,
        image="Debian 12",
        frameworks=("spark", "mpi"),
        public_address=True,
        parameters={"Motto": "onward"},
    )


def test_a_secret_parameter_is_never_shown_and_stays_as_it_is(world):
    cluster = world.clusters.launch({"name": "pair", "template": own(), "parameters": {"Password": "hidden-word"}})
    assert "hidden-word" not in str(cluster.as_dict())
    cluster.reconfigure({"name": "pair", "agents": 2})
    cluster.reconfigure({"name": "pair", "agents": 3, "parameters": {"Password": "****"}})
    assert world.store.stack(cluster.stack_id).parameters["Password"] == "hidden-word"
    cluster.reconfigure({"name": "pair", "agents": 1, "parameters": {"Password": "other-word"}})
    assert world.store.stack(cluster.stack_id).parameters["Password"] == "other-word"


def test_a_new_template_is_taken_with_a_new_configuration(world):
    cluster = world.clusters.launch({"name": "pair", "template": own()})
    changed = own().replace('"+"', '"-"')
    cluster.reconfigure({"name": "pair", "template": changed, "frameworks": ["a", "b"]})
    assert cluster.outputs == {"Installed": "a-b"}


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"Kind": None}, "Kind: is missing"),
        ({"Kind": "Big Data"}, "Kind: is 'Big Data'"),
        ({"Roles": {"head": "Hat"}}, "Roles/head: there is no resource Hat"),
        ({"Parameters": {"agents": "Number"}}, "Parameters/agents: there is no parameter Number"),
        ({"Parameters": {"agnets": "Count"}}, "did you mean agents"),
        ({"Parameters": {"agents": "Count", "masters": "Count"}}, "named twice"),
        ({"Fixed": ["masters"]}, "Fixed: masters has no parameter"),
        ({"Fixed": ["size"]}, "Fixed/0: is 'size'"),
        ({"Colour": "red"}, "Colour: is not known"),
    ],
)
def test_a_template_whose_entry_is_wrong_makes_no_cluster(world, entry, said):
    with pytest.raises(ClusterConfigError, match=f"^/template: Metadata/Cfnlib::Cluster.*{said}"):
        world.clusters.launch({"name": "pair", "template": own(**entry)})
    assert world.store.stacks() == []


def test_a_stack_whose_entry_is_wrong_is_not_taken_for_a_cluster(world):
    world.stacks.create("pair", own(Fixed=["masters"]))
    assert world.clusters.list() == []


def test_a_template_without_the_entry_or_that_cannot_be_read_makes_no_cluster(world):
    with pytest.raises(ClusterConfigError, match="the template has no Cfnlib::Cluster in its Metadata"):
        world.clusters.launch({"name": "pair", "template": PLAIN})
    with pytest.raises(TemplateError, match="no valid YAML"):
        world.clusters.launch({"name": "pair", "template": "a: [\n"})


def test_a_path_is_not_read_where_a_text_is_wanted(world, tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(own(), encoding="utf-8")
    with pytest.raises((ClusterConfigError, TemplateError)):
        world.clusters.launch({"name": "pair", "template": str(path)})


def test_what_the_template_has_no_parameter_for_is_refused(world):
    with pytest.raises(ClusterConfigError) as caught:
        world.clusters.launch({"name": "demo", "frameworks": ["spark"], "parameters": {"Agents": "3", "Nope": "x"}})
    assert [fault.pointer for fault in caught.value.faults] == ["/frameworks", "/parameters/Nope"]
    with pytest.raises(ClusterConfigError, match="/parameters/Agents: is given already, as agents"):
        world.clusters.launch({"name": "demo", "agents": 3, "parameters": {"Agents": "3"}})


def test_what_the_template_does_not_allow_is_refused_before_anything_is_touched(world):
    with pytest.raises(TemplateError, match="is not one of 1, 3, 5, 7"):
        world.clusters.launch({"name": "demo", "masters": 2})
    with pytest.raises(ClusterConfigError, match="/name: has 51 characters"):
        world.clusters.launch({"name": "d" * 51})
    assert world.store.stacks() == []
    assert world.machines() == []


def test_a_cluster_without_a_number_of_agents_cannot_be_resized(world):
    cluster = world.clusters.launch({"name": "pair", "template": own(Parameters={})})
    with pytest.raises(StackError, match="has no number of agents"):
        cluster.add_nodes(1)


# Without waiting


def test_what_is_not_waited_for_is_given_away_and_shows_its_state_meanwhile(world):
    cluster = world.clusters.launch(DEMO, wait=False)
    assert (cluster.state, world.machines()) == (ClusterState.LAUNCHING, [])
    assert world.carry_on() == ["CREATE_COMPLETE"]
    assert cluster.refresh().state is ClusterState.RUNNING
    assert cluster.resize(3, wait=False).state is ClusterState.CHANGING
    assert world.carry_on() == ["UPDATE_COMPLETE"]
    assert cluster.reconfigure(DEMO, wait=False).state is ClusterState.CHANGING
    assert world.carry_on() == ["UPDATE_COMPLETE"]
    assert cluster.destroy(wait=False).state is ClusterState.DESTROYING
    assert world.carry_on() == ["DELETE_COMPLETE"]
    assert world.machines() == []
    assert cluster.destroy(wait=False).state is ClusterState.DESTROYED
    assert world.begun == []


def test_nothing_is_begun_when_nobody_carries_it_on(world):
    clusters = Clusters(world.stacks)
    with pytest.raises(StackError, match="submit"):
        clusters.launch(DEMO, wait=False)
    assert world.store.stacks() == []
    cluster = clusters.launch(DEMO)
    for change in (lambda: cluster.resize(3, wait=False), lambda: cluster.destroy(wait=False)):
        with pytest.raises(StackError, match="submit"):
            change()
    assert cluster.refresh().status == "CREATE_COMPLETE"
    assert cluster.resize(3).status == "UPDATE_COMPLETE"


def test_a_launch_repeated_under_its_token_is_the_same_cluster(world):
    first = world.clusters.begin_launch(DEMO, token="one")
    assert world.clusters.begin_launch(DEMO, token="one").stack_id == first.stack_id
    assert len(world.begun) == 1
    with pytest.raises(StackExistsError):
        world.clusters.begin_launch(DEMO, token="two")
    with pytest.raises(StackExistsError):
        world.clusters.begin_launch(DEMO)
    with pytest.raises(StackExistsError):
        world.clusters.begin_launch({"name": "demo", "agents": 7}, token="one")
    world.carry_on()
    first.resize(5)
    assert world.clusters.begin_launch(DEMO, token="one").config.agents == 5


def test_a_launch_is_known_by_its_token_before_its_first_event_is_written(world):
    text = shipped("mesos")
    state = world.stacks.operations.new("demo", text, {"Masters": "3", "Agents": "2"})
    world.store.create_stack(evolve(state, terms=Terms(token="one")))
    assert world.clusters.begin_launch(DEMO, token="one").stack_id == state.stack_id
    with pytest.raises(StackExistsError):
        world.clusters.begin_launch(DEMO, token="two")


def test_a_change_that_is_meant_for_another_revision_is_refused(world):
    cluster = world.clusters.launch(DEMO)
    cluster.resize(3)
    with pytest.raises(StalePlanError, match="revision 1, not 0"):
        cluster.begin_reconfigure(DEMO, revision=0)
    with pytest.raises(StalePlanError):
        cluster.begin_destroy(revision=0)
    assert cluster.begin_reconfigure(DEMO, revision=1).state is ClusterState.CHANGING


def test_a_cluster_that_is_launching_is_destroyed_by_whoever_carries_it_on():
    world = ClusterWorld(others_live=True)
    cluster = world.clusters.launch(DEMO, wait=False)
    cluster.destroy(wait=False)
    assert len(world.begun) == 1
    world.carry_on()
    world.begun.append(world.stacks.operations.take_up(world.store.stack(cluster.stack_id)))
    assert world.carry_on() == ["DELETE_COMPLETE"]
    assert world.machines() == []


def test_a_protected_cluster_is_not_destroyed(world):
    cluster = world.clusters.launch(DEMO)
    world.store.protect(cluster.stack_id, protected=True)
    for wait in (True, False):
        with pytest.raises(StackError, match="protected"):
            cluster.destroy(wait=wait)
    assert len(world.machines()) == 5


# How it is shown


def test_a_cluster_is_shown_in_a_notebook(world):
    cluster = world.clusters.launch(DEMO)
    page = html.unescape(cluster._repr_html_())
    assert all(one.name in page and (one.private_address or "") in page for one in cluster.machines)
    assert repr(cluster) == "<cluster demo: running, 5 machines>"


def test_every_status_of_a_stack_and_of_a_machine_is_a_state():
    assert set(STATES) == set(StackStatus)
    assert set(_MACHINE_STATES) == set(ResourceStatus)
