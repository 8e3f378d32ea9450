"""Commands that make, change and remove stacks, as a person or a script sees them."""

from __future__ import annotations

import json

import pytest
from command_templates import PLAIN


def with_a_clash(home):
    """A template whose second network takes an address range that cannot be."""
    text = PLAIN.replace(
        "Outputs:",
        """  Bad:
    Type: CloudStack::PortForwardingRule
    DependsOn: Machine
    Properties:
      ipaddressid: 00000000-0000-0000-0000-000000000000
      privateport: 80
      publicport: 80
      protocol: tcp
      virtualmachineid: !Ref Machine
Outputs:""",
    )
    (home / "clash.yaml").write_text(text, encoding="utf-8")
    return "clash.yaml"


def test_a_stack_is_made_shown_changed_and_removed(run):
    made = run("create", "demo", "plain.yaml")
    assert made.code == 0
    assert "CREATE_COMPLETE     demo (AWS::CloudFormation::Stack)" in made.out
    assert "Size = Small Instance" in made.out
    status = run("status", "demo")
    assert status.out.splitlines()[0] == "demo  CREATE_COMPLETE"
    assert {line.split()[0] for line in status.out.splitlines()[2:4]} == {"Network", "Machine"}
    changed = run("update", "demo", "-p", "Size=Medium Instance")
    assert changed.code == 0
    assert run("outputs", "demo").out.splitlines()[-1] == "Size = Medium Instance"
    assert run("delete", "demo").code == 0
    assert run("list").out == "there are no stacks\n"
    assert "DELETE_COMPLETE" in run("list", "--deleted").out


def test_who_has_configured_no_cloud_is_told_where_the_embedded_one_is_kept(run, home):
    told = run("list").err
    assert "no cloud is configured" in told
    assert str(home) in told


def test_every_command_gives_one_json_document(run):
    made = run("create", "demo", "plain.yaml", "--json").json
    assert made["status"] == "CREATE_COMPLETE"
    assert made["outputs"]["Size"] == "Small Instance"
    assert {row["logical_id"] for row in made["resources"]} == {"Network", "Machine"}
    assert made["parameters"]["Secret"] == "****"
    assert run("status", "demo", "--json").json == made
    assert run("outputs", "demo", "--json").json == made["outputs"]
    [listed] = run("list", "--json").json
    assert (listed["name"], listed["stack_id"]) == ("demo", made["stack_id"])
    events = run("events", "demo", "--json").json
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    plan = run("plan", "demo", "-p", "Size=Medium Instance", "--json").json
    assert plan["counts"] == {"update": 2}
    assert run("update", "demo", "-p", "Size=Medium Instance", "--json").json["status"] == "UPDATE_COMPLETE"
    assert run("change-set", "create", "demo", "one", "-p", "Size=Small Instance", "--json").json["name"] == "one"
    assert [one["name"] for one in run("change-set", "list", "demo", "--json").json] == ["one"]
    assert run("change-set", "show", "demo", "one", "--json").json["changes"]
    assert run("change-set", "execute", "demo", "one", "--json").json["outputs"]["Size"] == "Small Instance"
    assert run("resume", "--all", "--json").json == []
    assert run("delete", "demo", "--json").json["status"] == "DELETE_COMPLETE"


def test_no_output_of_any_command_shows_a_secret(run, home):
    named = PLAIN.replace("templateid:", "displayname: !Ref Secret\n      templateid:")
    (home / "named.yaml").write_text(named, encoding="utf-8")
    outs = [run("create", "demo", "named.yaml", "-p", "Secret=hidden-word-2")]
    changing = ("demo", "-p", "Secret=hidden-word-3")
    looks = (["status", "demo", "--json"], ["plan", *changing], ["plan", *changing, "--json"], ["events", "demo"])
    outs += [run(*words) for words in looks]
    outs += [run("change-set", "create", "demo", "one", *changing[1:]), run("change-set", "show", "demo", "one")]
    outs += [run("update", *changing, "--json")]
    assert [ran.code for ran in outs] == [0] * len(outs)
    assert not [ran for ran in outs if "hidden-word" in ran.out + ran.err]


def test_a_plan_says_what_would_happen_and_touches_nothing(run):
    before = run("plan", "demo", "plain.yaml")
    assert "  + Machine (CloudStack::VirtualMachine)" in before.out
    assert before.out.splitlines()[-1] == "demo: 2 to create"
    assert run("list").out == "there are no stacks\n"
    run("create", "demo", "plain.yaml")
    after = run("plan", "demo", "-p", "Size=Medium Instance")
    assert "serviceofferingid: Small Instance -> Medium Instance" in after.out
    assert after.out.splitlines()[-1] == "demo: 2 to update"
    assert run("plan", "demo").out == "demo: nothing to do, 2 unchanged\n"


def test_members_of_a_large_group_are_told_together(run):
    planned = run("plan", "demo", "group.yaml").out
    assert "  + Agents[1..20] (AWS::EC2::Instance)" in planned
    assert "Agents[7]" not in planned
    run("create", "demo", "group.yaml")
    assert any(line.startswith("Agents[1..20]  ") for line in run("status", "demo").out.splitlines())
    assert "Agents[7]" in run("status", "demo", "--all").out
    assert len(run("status", "demo", "--json").json["resources"]) > 20


def test_an_operation_that_fails_ends_in_1_with_the_reason_and_the_way_out(run, home):
    failed = run("create", "demo", with_a_clash(home))
    assert failed.code == 1
    assert "ROLLBACK_COMPLETE" in failed.err
    assert "cfnlib delete demo" in failed.err
    assert run("status", "demo", "--json").json["status"] == "ROLLBACK_COMPLETE"
    assert run("delete", "demo").code == 0


@pytest.mark.parametrize(("choice", "status"), [("DO_NOTHING", "CREATE_FAILED"), ("DELETE", "DELETE_COMPLETE")])
def test_what_a_failure_leads_to_can_be_chosen(run, home, choice, status):
    failed = run("create", "demo", with_a_clash(home), "--on-failure", choice, "--json")
    assert (failed.code, failed.json["status"]) == (1, status)


def test_an_update_that_fails_goes_back(run, home):
    run("create", "demo", "plain.yaml")
    failed = run("update", "demo", with_a_clash(home))
    assert failed.code == 1
    assert "UPDATE_ROLLBACK_COMPLETE" in failed.err
    assert run("status", "demo", "--json").json["status"] == "UPDATE_ROLLBACK_COMPLETE"


def test_a_stored_plan_is_refused_once_the_stack_has_moved_on(run):
    run("create", "demo", "plain.yaml")
    assert "serviceofferingid" in run("change-set", "create", "demo", "one", "-p", "Size=Medium Instance").out
    assert run("change-set", "list", "demo").out.splitlines()[1].split()[0] == "one"
    assert "demo" not in run("change-set", "show", "demo", "one").err
    run("update", "demo", "-p", "Count=2")
    refused = run("change-set", "execute", "demo", "one")
    assert refused.code == 4
    assert run("change-set", "delete", "demo", "one").code == 0
    assert run("change-set", "list", "demo").out == "there are no change sets\n"
    assert run("change-set", "show", "demo", "one").code == 4


def test_parameters_come_from_a_file_and_the_command_line_wins(run, home):
    (home / "values.yaml").write_text("Size: Medium Instance\nCount: 0012\n", encoding="utf-8")
    run("create", "demo", "plain.yaml", "--parameters", "values.yaml")
    assert run("status", "demo", "--json").json["parameters"]["Size"] == "Medium Instance"
    run("update", "demo", "--parameters", "values.yaml", "-p", "Size=Small Instance")
    found = run("status", "demo", "--json").json["parameters"]
    assert (found["Size"], found["Count"]) == ("Small Instance", "0012")


def test_a_parameter_file_in_the_form_of_other_tools_is_read_too(run, home):
    entries = [
        {"ParameterKey": "Size", "ParameterValue": "Medium Instance"},
        {"ParameterKey": "Count", "ParameterValue": "3"},
    ]
    (home / "values.json").write_text(json.dumps(entries), encoding="utf-8")
    run("create", "demo", "plain.yaml", "--parameters", "values.json")
    keeps = [{"ParameterKey": "Size", "UsePreviousValue": True}, {"ParameterKey": "Count", "ParameterValue": "4"}]
    (home / "values.json").write_text(json.dumps(keeps), encoding="utf-8")
    run("update", "demo", "--parameters", "values.json")
    found = run("status", "demo", "--json").json["parameters"]
    assert (found["Size"], found["Count"]) == ("Medium Instance", "4")


def test_a_graph_and_a_timeline_are_drawn_into_files(run, home):
    run("create", "demo", "plain.yaml")
    assert run("status", "demo", "--graph", "graph.svg", "--timeline", "time.svg").code == 0
    assert ">Machine</text>" in (home / "graph.svg").read_text(encoding="utf-8")
    assert "critical path" in (home / "time.svg").read_text(encoding="utf-8")
