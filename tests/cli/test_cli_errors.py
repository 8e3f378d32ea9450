"""How commands end when something is wrong: where it says so, in which words, with which code."""

from __future__ import annotations

import re

import pytest

from cfnlib import errors
from cfnlib.cli import code_of
from cfnlib.cli.usage import UsageError


def test_validate_tells_every_fault_at_its_place(run):
    told = run("validate", "wrong.yaml")
    assert told.code == 2
    places = re.findall(r"^wrong\.yaml:(\d+):(\d+): (E\d+) (\w+): ", told.out, re.MULTILINE)
    assert {(code, logical_id) for _, _, code, logical_id in places} == {
        ("E301", "A"), ("E302", "B"), ("E303", "B"), ("E203", "B")
    }  # fmt: skip
    assert "did you mean AWS::EC2::Instance?" in told.out


def test_validate_takes_many_templates_and_passes_good_ones(run):
    assert run("validate", "plain.yaml", "group.yaml").code == 0
    assert run("validate", "plain.yaml", "wrong.yaml").code == 2
    found = run("validate", "plain.yaml", "wrong.yaml", "--json").json
    assert found["valid"] is False
    assert {item["file"] for item in found["diagnostics"] if item["severity"] == "error"} == {"wrong.yaml"}


@pytest.mark.parametrize("command", ["create", "plan"])
def test_a_wrong_template_is_refused_with_all_its_faults_before_anything_is_touched(run, command):
    refused = run(command, "demo", "wrong.yaml")
    assert refused.code == 2
    assert {"E301", "E302", "E203"} <= set(re.findall(r"E\d{3}", refused.err))
    assert refused.out == ""
    assert run("list").out == "there are no stacks\n"


def test_a_refused_template_as_json_is_its_diagnostics(run):
    found = run("create", "demo", "wrong.yaml", "--json").json
    assert found["error"] == "TemplateError"
    assert {item["logical_id"] for item in found["diagnostics"]} == {"A", "B"}


def test_warnings_are_shown_before_the_work_begins(run, home):
    text = (home / "group.yaml").read_text(encoding="utf-8")
    (home / "warned.yaml").write_text(text.replace("InstanceType:", "EbsOptimized: true, InstanceType:"), "utf-8")
    made = run("create", "demo", "warned.yaml", "-p", "Count=1")
    assert made.code == 0
    assert re.search(r"^warned\.yaml:\d+:\d+: W301 Launch: ", made.err, re.MULTILINE)
    assert "W301" not in made.out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["status", "demo"], 4),
        (["delete", "demo"], 4),
        (["update", "demo"], 4),
        (["cancel", "demo"], 4),
        (["resume", "demo"], 4),
        (["events", "demo"], 4),
        (["outputs", "demo"], 4),
        (["resume"], 2),
        (["create", "demo", "missing.yaml"], 2),
        (["validate", "missing.yaml"], 2),
        (["validate", "."], 2),
        (["create", "demo", "plain.yaml", "-p", "Size"], 2),
        (["create", "demo", "plain.yaml", "-p", "Sise=1"], 2),
        (["create", "demo", "plain.yaml", "--parameters", "missing.yaml"], 2),
        (["create", "demo", "plain.yaml", "--parameters", "list.yaml"], 2),
        (["create", "demo", "plain.yaml", "--parameters", "deep.yaml"], 2),
        (["create", "4demo", "plain.yaml"], 4),
        (["list", "--profile", "nowhere"], 3),
        (["list", "--mapping", "missing.yaml"], 3),
        (["list", "--state", "nonsense://x"], 3),
        (["docs", "AWS::EC2::Instanc"], 2),
        (["frobnicate"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_a_user_s_mistake_is_one_clear_line_and_a_code(run, home, words, code):
    (home / "list.yaml").write_text("- 1\n", encoding="utf-8")
    (home / "deep.yaml").write_text("Size: {a: 1}\n", encoding="utf-8")
    ran = run(*words)
    assert ran.code == code
    told = [line for line in ran.err.splitlines() if "no cloud is configured" not in line]
    assert told
    assert "Traceback" not in ran.err


def test_a_cloud_that_cannot_be_reached_is_3_and_says_which(run, monkeypatch):
    monkeypatch.setenv("CLOUDSTACK_ENDPOINT", "http://127.0.0.1:9/client/api")
    monkeypatch.setenv("CLOUDSTACK_KEY", "the-key")
    monkeypatch.setenv("CLOUDSTACK_SECRET", "the-secret")
    monkeypatch.setenv("CLOUDSTACK_RETRY", "0")
    refused = run("create", "demo", "plain.yaml")
    assert refused.code == 3
    assert "127.0.0.1:9" in refused.err
    assert "the-secret" not in refused.err
    assert "the-key" not in refused.err


def test_a_name_that_is_taken_is_4(run):
    run("create", "demo", "plain.yaml")
    again = run("create", "demo", "group.yaml")
    assert again.code == 4
    assert "there already" in again.err


def test_the_help_explains_every_code_that_an_error_can_give(run):
    told = set(map(int, re.findall(r"^  (\d+)  ", run("--help").out, re.MULTILINE)))
    kinds = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    made = [kind.__new__(kind) for kind in [*kinds, UsageError, OSError]]
    assert {code_of(error) for error in made} | {0, 130} == told


def test_the_docs_of_a_type_are_printed_and_so_is_the_list(run):
    assert "# AWS::EC2::Instance" in run("docs", "AWS::EC2::Instance").out
    assert "AWS::EC2::Instance" in run("docs").out
    assert run("docs", "AWS::EC2::Instance", "--json").json["typeName"] == "AWS::EC2::Instance"
