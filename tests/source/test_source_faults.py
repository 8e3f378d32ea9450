"""What the reader says of texts that are wrong: one example for each fault, and any text at all."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cfnlib.source import Limits, load, load_file, yaml_text

VALID = """\
AWSTemplateFormatVersion: 2010-09-09
Parameters: &p
  Count: {Type: Number, Default: 3}
Resources:
  Node:
    Type: AWS::EC2::Instance
    Properties:
      UserData: !Base64
        Fn::Sub: |
          #!/bin/sh
          echo ${Count} "ü"
      Tags: [{Key: a, Value: !Join ['-', [a, !Ref Count]]}, *p]
"""

CANNOT_START = "found character that cannot start any token while scanning for the next token"
STILL_OPEN = "the bracket of line 1 is still open"


def said(text: str, file: str = "t.yaml", limits: Limits | None = None) -> list[str]:
    _, diagnostics = load(text, file, limits or Limits())
    return [str(item).split("\n")[0] for item in diagnostics]


def hints(text: str) -> str:
    return "\n".join(str(item.hint) for item in load(text)[1])


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("A: 1\nB: 2\nA: 3\n", ["t.yaml:3:1: E002 the key 'A' is here twice, first in line 1"]),
        ("A: !Reff X\n", ["t.yaml:1:4: E006 unknown tag !Reff"]),
        ("A: !!binary aGk=\nB: !X [1]\n",
         ["t.yaml:1:4: E006 unknown tag !!binary", "t.yaml:2:4: E006 unknown tag !X"]),
        ("!Ref A: 1\n", ["t.yaml:1:1: E006 a key cannot have the tag !Ref"]),
        ("A: *b\n", ["t.yaml:1:4: E001 the alias *b has no anchor &b before it"]),
        ("A: &a [*a]\n", ["t.yaml:1:8: E005 the alias *a stands inside of what it names"]),
        ("A: &a {x: 1}\nB:\n  <<: *a\n",
         ["t.yaml:3:3: E001 merge keys (<<) are not part of CloudFormation's YAML"]),
        ("[a]: 1\n", ["t.yaml:1:1: E001 a key must be a text, not a list or a map"]),
        ("A: &a [1]\n*a : 2\n", ["t.yaml:2:1: E001 a key must be a text, not a list or a map"]),
        ("{A: 1}", ['t.yaml:1:2: E001 no valid JSON: a "key" or } is expected, not A']),
        ("? \n: 1\n", ["t.yaml:1:2: E001 a key is empty"]),
        ("A: 1\n---\nB: 2\n", ["t.yaml:2:1: E001 a second YAML document begins here"]),
        ("- a\n", ["t.yaml:1:1: E101 the text is a list, a template is a map of sections"]),
        ("hello\n", ["t.yaml:1:1: E101 the text is a single value, a template is a map of sections"]),
        ("", ["t.yaml:1:1: E001 the text is empty"]),
        (" \n\n", ["t.yaml:1:1: E001 the text is empty"]),
        ("# only\n", ["t.yaml:1:1: E001 the text has only comments"]),
        ("A: \x00", ["t.yaml:1:4: E001 the control character U+0000 cannot stand in YAML"]),
        ("A: \ud800", ["t.yaml:1:4: E001 half a character (a lone surrogate)"]),
        ("A: !!int x\n", ["t.yaml:1:4: E001 'x' is no !!int"]),
        ("A:\n\tB: 1\n",
         [f"t.yaml:2:1: E001 no valid YAML: {CANNOT_START}"]),
        ("A: b: c\n", ["t.yaml:1:5: E001 no valid YAML: mapping values are not allowed in this context"]),
        ('{"A": 1,\n "A": 2}', ["t.yaml:2:2: E002 the key 'A' is here twice, first in line 1"]),
        ('{"A": 1,}', ['t.yaml:1:9: E001 no valid JSON: a "key" is expected, not }']),
        ('{"A": [1,]}', ["t.yaml:1:10: E001 no valid JSON: a value is expected, not ]"]),
        ('{"A" 1}', ["t.yaml:1:6: E001 no valid JSON: ':' is expected, not 1"]),
        ('{"A": 1 "B": 2}',
         ["t.yaml:1:9: E001 no valid JSON: ',' or the closing bracket is expected, not \"B\""]),
        ('{"A": [1}', ["t.yaml:1:9: E001 no valid JSON: ',' or the closing bracket is expected, not }"]),
        ('{"A": 01}', ["t.yaml:1:7: E001 no valid JSON: a value is expected, not 01"]),
        ('{"A": NaN}', ["t.yaml:1:7: E001 no valid JSON: a value is expected, not NaN"]),
        ('{"A": 1e999}', ["t.yaml:1:7: E001 the number 1e999 is too large"]),
        ('{"A": "\\x"}', ["t.yaml:1:7: E001 no valid JSON: the text has an unknown escape"]),
        ('{"A": "\\ud800"}',
         ["t.yaml:1:7: E001 no valid JSON: an escape names half a character (a lone surrogate)"]),
        ('{"A": "x\ny"}', ['t.yaml:1:7: E001 no valid JSON: a value is expected, not "x']),
        ('{"A": {\n\n',
         [f't.yaml:3:1: E001 no valid JSON: the text ends where a "key" or }} is expected; {STILL_OPEN}']),
        ("{} {}", ["t.yaml:1:4: E001 no valid JSON: the end of the text is expected, not {"]),
    ],
)  # fmt: skip
def test_a_fault_is_said_at_its_place(text, lines):
    assert said(text) == lines


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("A: !Reff X", "did you mean !Ref?"),
        ("A:\n\tB: 1", "indent by spaces"),
        ("A: !Base64 !Sub x", "write the outer one, !Base64, long"),
        ("A: !Base64\n  !Sub x", "write the outer one, !Base64, long"),
        ("A: [1", "bracket"),
        ("A: 'x\n", "opened above and never closed"),
        ("A: @x", "must be quoted"),
        ("A: x\n B: y", "indentation"),
        ('{"A": 1,}', "no comma after the last item"),
        ("{'A': 1}", "double quotes"),
        ('{"A": 1} // x', "no comments"),
        ('{"A": !Ref B}', "YAML's"),
    ],
)
def test_a_hint_says_the_way_out(text, hint):
    assert hint in hints(text)


def test_faults_that_do_not_hide_each_other_are_all_said():
    assert [line.split(" ")[1] for line in said("A: !X 1\nA: !Y 2\n<<: 3\n")] == ["E006", "E002", "E006", "E001"]


@pytest.mark.parametrize("text", ["[" * 5000 + "]" * 5000, "A: " + "[" * 5000, '{"a":' * 5000, "- " * 5000 + "a"])
def test_deep_nesting_is_a_fault_and_no_crash(text):
    assert said(text) in ([line] for line in said(text) if " E004 " in line)


def test_depth_counts_what_aliases_and_short_tags_add():
    lists = "\n".join(["A0: &a0 [x]", *(f"A{n}: &a{n} [[[*a{n - 1}]]]" for n in range(1, 60))])
    assert [line.split(" ")[1] for line in said(lists)] == ["E004"]
    assert [line.split(" ")[1] for line in said("A: " + "!Not [" * 60 + "x" + "]" * 60)] == ["E004"]
    assert said("A: " + "!Not [" * 45 + "x" + "]" * 45) == []


def test_an_alias_bomb_is_a_fault():
    bomb = "\n".join(
        ["A0: &a0 [x,x,x,x,x,x,x,x,x,x]", *(f"A{n}: &a{n} [{f'*a{n - 1},' * 10}]" for n in range(1, 12))]
    )
    assert [line.split(" ")[1] for line in said(bomb)] == ["E005"]


def test_a_text_over_the_limit_is_not_read():
    assert said("A: 12345", limits=Limits(max_bytes=5)) == [
        "t.yaml:1:1: E003 the text has 8 bytes, more than the 5 that are read"
    ]


def test_a_file_of_other_bytes_is_a_fault(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"A: 1\nB: \xc3\xbc\xff\n")
    node, diagnostics = load_file(path)
    assert node is None
    assert [str(item).split("\n")[0] for item in diagnostics] == [
        f"{path}:2:5: E001 no valid UTF-8: the byte 0xFF (invalid start byte)"
    ]
    path.write_bytes(b"A: 1\n" * 10)
    assert [item.code.value for item in load_file(path, Limits(max_bytes=10))[1]] == ["E003"]


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_with_a_place(text):
    node, diagnostics = load(text)
    assert node is not None or diagnostics.errors
    assert all(item.span is not None and item.span.line >= 1 and item.span.column >= 1 for item in diagnostics)


@given(st.text("[]{}:,-!&*#'\"|>?%@ \n\tab0\\xu\ud800\x85", max_size=40), st.booleans())
def test_any_text_of_marks_is_read_or_refused(text, pure):
    with pytest.MonkeyPatch.context() as patch:
        if pure:
            patch.setattr(yaml_text, "_FastParser", yaml.SafeLoader)
        node, diagnostics = load(text)
    assert node is not None or diagnostics.errors


@given(st.integers(0, len(VALID)), st.integers(0, 5), st.text(max_size=3))
def test_any_change_of_a_right_text_is_read_or_refused(at, removed, added):
    node, diagnostics = load(VALID[:at] + added + VALID[at + removed :])
    assert node is not None or diagnostics.errors


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data)
    node, diagnostics = load_file(path)
    assert node is not None or diagnostics.errors
