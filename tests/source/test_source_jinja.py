"""Templates of templates: Jinja2 first, only when asked."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cfnlib.source import Limits, load_file, read_text, render


def said(text: str, **variables: object) -> list[str]:
    rendered, diagnostics = render(text, variables, "t.j2")
    assert rendered is None
    return [str(item).split("\n")[0] for item in diagnostics]


def test_a_text_is_rendered_with_its_variables():
    text, diagnostics = render(
        "{% for n in range(count) %}N{{ n }}: {{ name }}\n{% endfor %}", {"count": 2, "name": "x"}, "t"
    )
    assert text == "N0: x\nN1: x\n"
    assert not list(diagnostics)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A: 1\nB: {{ nmae }}\n", "t.j2:2:1: E001 Jinja2: 'nmae' is undefined"),
        ("A\n{% if %}", "t.j2:2:1: E001 Jinja2: Expected an expression, got 'end of statement block'"),
        ("A\n\n{{ 1 / 0 }}", "t.j2:3:1: E001 Jinja2: division by zero"),
        ("{{ ''.__class__.__mro__ }}",
         "t.j2:1:1: E001 Jinja2: access to attribute '__class__' of 'str' object is unsafe."),
        ("{{ 'x' * 99999999 }}", "t.j2:1:1: E001 Jinja2: a repetition of more than 1000000 items"),
        ("{{ 10 ** 99999 }}", "t.j2:1:1: E001 Jinja2: a power of more than 4096"),
    ],
)  # fmt: skip
def test_a_fault_is_said_with_its_line(text, line):
    assert said(text) == [line]


def test_output_without_end_is_a_fault():
    loop = "{% for a in range(99999) %}{% for b in range(99999) %}xxxxxxxxxx{% endfor %}{% endfor %}"
    assert [line.split(" ")[1] for line in said(loop)] == ["E003"]


def test_only_a_name_in_j2_or_variables_ask_for_rendering(tmp_path):
    plain, asked = tmp_path / "a.yaml", tmp_path / "a.yaml.j2"
    plain.write_text("A: '{{ x }}'")
    asked.write_text("A: '{{ x }}'")
    assert load_file(plain)[0].plain() == {"A": "{{ x }}"}
    assert load_file(plain, variables={"x": 1})[0].plain() == {"A": "1"}
    assert load_file(asked, Limits(), {"x": 2})[0].plain() == {"A": "2"}
    assert load_file(asked)[0] is None
    assert read_text(asked, variables={"x": 3})[0] == "A: '3'"


def test_jinja_and_yaml_are_not_imported_before_they_are_needed():
    code = "import sys, cfnlib.source as s; s.load('{}', 'x'); print({'jinja2', 'yaml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
