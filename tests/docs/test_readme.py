"""What the README says is so."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import readme_parts as readme

from cfnlib.cli import main

TEXT = readme.read()
CFNLIB = Path(sys.executable).parent / "cfnlib"


@pytest.fixture
def environ(tmp_path):
    """An environment in which no cloud is configured, with a home of its own."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("CLOUDSTACK_", "CFNLIB_", "XDG_"))
    }
    return {**kept, "HOME": str(tmp_path)}


def run(words, environ, cwd=readme.ROOT):
    return subprocess.run(words, env=environ, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


def test_the_command_that_ci_runs_is_the_one_in_the_readme(environ):
    extract = re.search(
        r"^command=\$\((.*)\)$", (readme.ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE
    )
    ran = run(["bash", "-c", extract[1]], environ)
    assert ran.stdout.splitlines() == readme.command("test", TEXT)
    assert len(ran.stdout.splitlines()) == 1


def test_the_main_job_and_what_follows_it_run(environ, tmp_path):
    [main] = readme.command("main", TEXT)
    steps = [step.strip() for step in main.split("&&")]
    assert steps[0] == "python3 -m venv .venv"
    assert steps[1].startswith(".venv/bin/pip install ")
    for step in [steps[2], *readme.command("after", TEXT)]:
        program, *words = shlex.split(step)
        assert program == ".venv/bin/cfnlib"
        words = [str(readme.ROOT / word) if word.startswith("templates/") else word for word in words]
        words = [word.replace("/tmp/", f"{tmp_path}/") for word in words]
        ran = run([CFNLIB, *words], environ, tmp_path)
        assert ran.returncode == 0, f"{step}\n{ran.stdout}\n{ran.stderr}"
    assert (tmp_path / "mesos.svg").read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize("snippet", readme.blocks("python", TEXT))
def test_a_python_snippet_runs(snippet, environ):
    ran = run([sys.executable, "-c", snippet], environ)
    assert ran.returncode == 0, ran.stderr


def test_the_faults_of_the_template_that_is_shown_are_those_that_validate_finds(environ, tmp_path):
    shown = re.search(r"<!-- template: site.yaml -->\n```yaml\n(.*?)```", TEXT, re.DOTALL)[1]
    (tmp_path / "site.yaml").write_text(shown, encoding="utf-8")
    told = re.search(r"<!-- validate: site.yaml -->\n```\n(.*?)```", TEXT, re.DOTALL)[1]
    ran = run([CFNLIB, "validate", "site.yaml"], environ, tmp_path)
    assert ran.stdout == told
    assert ran.returncode == 2


def test_there_is_a_python_snippet_of_ten_lines():
    assert max(len(snippet.splitlines()) for snippet in readme.blocks("python", TEXT)) <= 12


def test_shell_blocks_are_proper_shell(environ):
    for block in readme.blocks("sh", TEXT):
        assert run(["bash", "-n", "-c", block], environ).returncode == 0


def test_each_command_of_the_command_line_that_is_named_exists(environ):
    shown = "\n".join([*readme.blocks("sh", TEXT), *re.findall(r"`(cfnlib [^`]*)`", TEXT)])
    named = set(re.findall(r"(?:^|bin/)cfnlib ([a-z][a-z-]+)\b", shown, re.MULTILINE))
    assert {"create", "resume", "docs", "simulator"} <= named
    for name in sorted(named):
        assert run([CFNLIB, name, "--help"], environ).returncode == 0, name


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_inside_the_project_lead_somewhere(document):
    text = (readme.ROOT / document).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in target:
            assert (readme.ROOT / target).exists(), target


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_files_of_the_project_that_are_named_are_there(document):
    text = (readme.ROOT / document).read_text(encoding="utf-8")
    named = set(re.findall(r"\b((?:cfnlib|tests|notebooks|templates|compat|scripts)/[\w./-]+\w)", text))
    assert named
    assert {path for path in named if not (readme.ROOT / path).exists()} == set()


def test_the_table_of_types_is_that_of_the_code():
    assert readme.part("types", TEXT) == readme.types_table(), "run: python tests/docs/readme_parts.py"


def test_the_table_of_functions_is_that_of_the_code():
    assert readme.part("functions", TEXT) == readme.functions_table(), "run: python tests/docs/readme_parts.py"


def test_the_benchmarks_are_where_the_readme_says():
    [named] = {word for word in TEXT.split() if word.startswith("tests/benchmarks/")}
    assert (readme.ROOT / named).exists()


def test_the_exit_codes_are_those_of_the_help(environ):
    told = re.findall(r"^  (\d+) +(.*)$", run([CFNLIB, "--help"], environ).stdout, re.MULTILINE)
    assert len(told) >= 5
    assert told == re.findall(r"^\| (\d+) \| (.*) \|$", readme.part("exit codes", TEXT), re.MULTILINE)


def test_there_is_a_page_for_every_type(capsys):
    listed = re.findall(r"^\| `(\w+::[^`]+)`", readme.part("types", TEXT), re.MULTILINE)
    assert listed
    for name in listed:
        assert main(["docs", name]) == 0
        assert name in capsys.readouterr().out
