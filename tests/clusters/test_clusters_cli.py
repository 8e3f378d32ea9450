"""`cfnlib cluster`, as a person or a script sees it."""

from __future__ import annotations

import json
import os
from typing import NamedTuple

import pytest
from cluster_worlds import PLAIN, own

from cfnlib.cli import main
from cfnlib.cli.arguments import parser
from cfnlib.clusters.config import OPTIONS


class Ran(NamedTuple):
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """The one document on the standard output."""
        return json.loads(self.out)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command in a home of its own, in which no cloud is configured but the embedded one."""
    for name in list(os.environ):
        if name.startswith(("CLOUDSTACK_", "CFNLIB_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.json").write_text(own().replace("Debian 12", "Debian 12 (Simulator)"), encoding="utf-8")
    (tmp_path / "plain.yaml").write_text(PLAIN, encoding="utf-8")

    def ran(*words) -> Ran:
        capsys.readouterr()
        try:
            code = main([str(word) for word in [*words, *(["--job-seconds", 0] if words[0] != "--help" else [])]])
        except SystemExit as end:
            code = end.code
        return Ran(code, *capsys.readouterr())

    return ran


def names(ran, role):
    return [one["name"] for one in ran.json["machines"] if one["role"] == role]


def test_a_cluster_is_launched_shown_resized_and_destroyed(run):
    made = run("cluster", "launch", "demo", "--masters", 3, "--agents", 2)
    assert made.code == 0
    assert "CREATE_COMPLETE     demo (AWS::CloudFormation::Stack)" in made.out
    assert "MasterUrl = http://" in made.out
    status = run("cluster", "status", "demo").out.splitlines()
    assert status[0] == "demo  mesos  running"
    assert [line.split()[:3] for line in status[2:7]] == [
        *([f"demo-master-{n}", "master", "running"] for n in (1, 2, 3)),
        *([f"demo-agent-{n}", "agent", "running"] for n in (1, 2)),
    ]
    assert run("cluster", "list").out.splitlines()[1].split()[:3] == ["demo", "mesos", "running"]
    assert run("cluster", "resize", "demo", "--add", 2).code == 0
    assert "AgentCount = 4" in run("cluster", "resize", "demo", "--agents", 4).out
    assert "AgentCount = 1" in run("cluster", "resize", "demo", "--remove", 3).out
    assert run("cluster", "destroy", "demo").code == 0
    assert run("cluster", "list").out == "there are no clusters\n"


def test_every_command_gives_one_json_document(run):
    made = run("cluster", "launch", "demo", "--agents", 1, "--no-public-address", "--tag", "team=data", "--json")
    assert (made.json["state"], made.json["config"]["public_address"]) == ("running", False)
    assert made.json["config"]["tags"] == {"team": "data"}
    assert run("cluster", "status", "demo", "--json").json == made.json
    [listed] = run("cluster", "list", "--json").json
    assert listed["id"] == made.json["id"]
    assert names(run("cluster", "resize", "demo", "--agents", 2, "--json"), "agent") == [
        "demo-agent-1",
        "demo-agent-2",
    ]
    assert run("cluster", "destroy", made.json["id"], "--json").json["state"] == "destroyed"
    assert run("cluster", "list", "--json").json == []


def test_a_configuration_comes_from_a_file_and_the_command_line_wins(run, tmp_path):
    (tmp_path / "demo.yaml").write_text("agents: 2\nmasters: 3\ntags: {team: data}\n", encoding="utf-8")
    made = run("cluster", "launch", "demo", "--config", "demo.yaml", "--agents", 1, "--json")
    found = made.json["config"]
    assert (found["masters"], found["agents"], found["tags"]) == (3, 1, {"team": "data"})


def test_a_cluster_is_launched_from_a_template_of_ones_own(run):
    made = run("cluster", "launch", "pair", "--template", "own.json", "--frameworks", "spark", "mpi", "--json")
    assert made.code == 0
    assert (made.json["kind"], made.json["outputs"]) == ("pair", {"Installed": "spark+mpi"})


def test_a_large_cluster_is_told_by_role(run):
    run("cluster", "launch", "demo", "--agents", 15)
    lines = run("cluster", "status", "demo").out.splitlines()
    assert any(line.startswith("demo-agent-1..15  agent   15 running") for line in lines)
    assert sum(line.startswith("demo-agent-") for line in lines) == 1
    assert "demo-agent-7 " in run("cluster", "status", "demo", "--all").out
    assert len(run("cluster", "status", "demo", "--json").json["machines"]) == 16


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("9demo",), "NAME is '9demo', and must match"),
        (("demo", "--agents", "-1"), "--agents is -1, and must be from 0 to 5000"),
        (("demo", "--minimum-agents-percent", "200"), "--minimum-agents-percent is 200"),
        (("demo", "--frameworks", "spark"), "--frameworks the template of a mesos cluster takes no frameworks"),
        (("demo", "-p", "Nope=1"), "-p Nope is no parameter of the template"),
        (("demo", "--template", "plain.yaml"), "--template the template has no Cfnlib::Cluster"),
        (("demo", "--tag", "team"), "--tag team: write it as --tag Key=Value"),
        (("demo", "--masters", "2"), "is not one of 1, 3, 5, 7"),
        (("demo", "--kind", "other"), "invalid choice: 'other'"),
        (("demo", "--template", "nowhere.yaml"), "nowhere.yaml: No such file"),
        (("demo", "--config", "list.yaml"), "--config list.yaml: give a mapping"),
    ],
)
def test_wrong_usage_is_told_by_the_options_and_ends_in_2(run, tmp_path, words, told):
    (tmp_path / "list.yaml").write_text("- no\n- mapping\n", encoding="utf-8")
    ran = run("cluster", "launch", *words)
    assert ran.code == 2
    assert told in ran.err
    assert run("list").out == "there are no stacks\n"


def test_what_is_no_cluster_or_not_there_ends_in_4(run):
    run("create", "plain", "plain.yaml")
    for words in (("status", "plain"), ("resize", "nothing", "--agents", 1), ("destroy", "plain")):
        ran = run("cluster", *words)
        assert ran.code == 4
        assert f"there is no cluster {words[1]}" in ran.err
    assert run("status", "plain").code == 0


def test_a_launch_that_fails_ends_in_1_with_the_way_out(run):
    failed = run("cluster", "launch", "demo", "--key-pair", "nobodys")
    assert failed.code == 1
    assert "cfnlib delete demo" in failed.err
    assert run("cluster", "status", "demo").out.splitlines()[0] == "demo  mesos  failed"
    assert run("cluster", "destroy", "demo").code == 0


def test_a_name_that_a_stack_has_ends_in_4(run):
    run("create", "plain", "plain.yaml")
    ran = run("cluster", "launch", "plain")
    assert (ran.code, "there already" in ran.err) == (4, True)


def test_more_agents_than_there_are_cannot_be_removed(run):
    run("cluster", "launch", "demo", "--agents", 1)
    ran = run("cluster", "resize", "demo", "--remove", 2)
    assert (ran.code, "has 1 agents; 2 cannot be removed" in ran.err) == (4, True)


def test_every_part_of_a_configuration_is_an_option():
    given = parser().parse_args(["cluster", "launch", "demo"])
    assert set(OPTIONS) <= set(vars(given))
