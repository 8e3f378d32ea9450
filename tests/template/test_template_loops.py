"""Fn::ForEach: what loops make, and what is said of wrong ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfnlib.errors import TemplateError
from cfnlib.source import load
from cfnlib.template import Template, loops, resolve

PLACE = {"stack_name": "s", "stack_id": "i", "region": "r", "account_id": "1"}
HEAD = "Transform: AWS::LanguageExtensions\n"


def made(text: str, **parameters: object) -> dict[str, object]:
    """The sections with loops, expanded, as plain data."""
    root = Template.from_text(HEAD + text).instantiate(parameters, **PLACE).template.root
    return {key: node.plain() for key, node in root.items() if key in {"Resources", "Outputs", "Conditions"}}


def said(text: str, **parameters: object) -> list[str]:
    with pytest.raises(TemplateError) as raised:
        Template.from_text(HEAD + text, "t.yaml").instantiate(parameters, **PLACE)
    return [str(item).split("\n")[0] for item in raised.value.diagnostics]


def test_a_loop_over_a_parameter_makes_a_resource_for_each_item():
    text = """\
Parameters: {Names: {Type: CommaDelimitedList, Default: "a,b"}}
Resources:
  Fn::ForEach::Nodes:
    - Name
    - !Ref Names
    - Node${Name}:
        Type: T
        DependsOn: Disk
        Properties: {Name: !Ref Name, Text: !Sub '${Name}-${AWS::Region}', Plain: 'x${Name}'}
      Extra&{Name}: {Type: T}
  Disk: {Type: T}
"""
    found = made(text, Names="x, y")["Resources"]
    assert list(found) == ["Nodex", "Extrax", "Nodey", "Extray", "Disk"]
    assert found["Nodey"] == {
        "Type": "T",
        "DependsOn": "Disk",
        "Properties": {"Name": "y", "Text": {"Fn::Sub": "y-${AWS::Region}"}, "Plain": "xy"},
    }
    assert list(made(text)["Resources"]) == ["Nodea", "Extraa", "Nodeb", "Extrab", "Disk"]


def test_an_item_is_put_into_a_name_without_its_marks():
    text = "Resources: {'Fn::ForEach::L': [X, [10.0.0.1, a-b], {'N&{X}': {Type: T, Properties: {a: !Ref X}}}]}"
    assert made(text)["Resources"] == {
        "N10001": {"Type": "T", "Properties": {"a": "10.0.0.1"}},
        "Nab": {"Type": "T", "Properties": {"a": "a-b"}},
    }


def test_loops_within_loops_in_every_section():
    text = """\
Conditions:
  Fn::ForEach::C: [X, [A, B], {'Is${X}': !Equals ['${X}', A]}]
Mappings: {M: {A: {ports: [1, 2]}, B: {ports: [3]}}}
Resources:
  Fn::ForEach::Outer:
    - X
    - [A, B]
    - Fn::ForEach::Inner:
        - Port
        - !FindInMap [M, !Ref X, ports]
        - Rule${X}${Port}: {Type: T, Condition: 'Is${X}', Properties: {Port: !Ref Port}}
  Web:
    Type: T
    Properties:
      Fn::ForEach::Tags: [T, [p, q], {'Tag${T}': !Sub '${T}-${AWS::StackName}'}]
      List: [{'Fn::ForEach::Deep': [T, [p], {'${T}': {v: !Ref T}}]}]
Outputs:
  Fn::ForEach::O: [X, [A], {'Fn::ForEach::P': [Y, [Arn], {'O${X}${Y}': {Value: !GetAtt [!Sub 'Rule${X}1', !Ref Y]}}]}]
"""
    found = made(text)
    assert list(found["Resources"]) == ["RuleA1", "RuleA2", "RuleB3", "Web"]
    assert found["Resources"]["RuleB3"] == {"Type": "T", "Condition": "IsB", "Properties": {"Port": "3"}}
    assert found["Resources"]["Web"]["Properties"] == {
        "Tagp": {"Fn::Sub": "p-${AWS::StackName}"},
        "Tagq": {"Fn::Sub": "q-${AWS::StackName}"},
        "List": [{"p": {"v": "p"}}],
    }
    assert found["Conditions"] == {"IsA": {"Fn::Equals": ["A", "A"]}, "IsB": {"Fn::Equals": ["B", "A"]}}
    assert found["Outputs"] == {"OAArn": {"Value": {"Fn::GetAtt": ["RuleA1", "Arn"]}}}


def test_what_a_loop_makes_has_the_place_of_its_original():
    text = HEAD + "Resources:\n  Fn::ForEach::N:\n    - X\n    - [a, b]\n    - N${X}:\n        Type: T\n"
    instance = Template.from_text(text, "t.yaml").instantiate({}, **PLACE)
    assert [str(one.span) for one in instance.resources.values()] == ["t.yaml:6:7"] * 2
    assert [str(one.type_span) for one in instance.resources.values()] == ["t.yaml:7:15"] * 2


def test_a_template_with_loops_keeps_its_text():
    text = HEAD + "Resources: {'Fn::ForEach::N': [X, [a], {'N${X}': {Type: T}}]}"
    instance = Template.from_text(text).instantiate({}, **PLACE)
    assert instance.template.text == text
    assert list(instance.resources) == ["Na"]


@pytest.mark.parametrize(
    ("resources", "line"),
    [
        ("[X, [a], {'N${X}': {Type: T}}]", None),
        ("[X, [a]]", "t.yaml:3:31: E202 Fn::ForEach::Name has 2 arguments"),
        ("[[X], [a], {}]", "t.yaml:3:32: E202 the identifier of Fn::ForEach must be written down as a text"),
        ("[X, [a], b]", "t.yaml:3:40: E202 the third item of Fn::ForEach is no map"),
        ("[X, text, {'N${X}': {Type: T}}]",
         "t.yaml:3:35: E202 the collection of Fn::ForEach is a single value, not a list"),
        ("[X, [a, [b]], {'N${X}': {Type: T}}]",
         "t.yaml:3:35: E202 an item of the collection of Fn::ForEach is no text"),
        ("[X, [a, b], {N: {Type: T}}]", "t.yaml:3:43: E002 a loop makes the key 'N' twice"),
        ("[P, [a], {'N${P}': {Type: T}}]", "t.yaml:3:32: E106 the identifier 'P' is also a parameter"),
        ("[X, !Ref S, {'N${X}': {Type: T}}]", "t.yaml:3:35: E202 Fn::ForEach goes over a parameter with NoEcho"),
        ("[X, !Ref Nope, {'N${X}': {Type: T}}]", "t.yaml:3:35: E203 'Nope' has no value here"),
        ("[X, [a.b], {'N${X}': {Type: T}}]",
         "t.yaml:3:43: E106 Na.b: the resource's name 'Na.b' is not made of letters and digits alone"),
    ],
)  # fmt: skip
def test_a_wrong_loop_is_said_at_its_place(resources, line):
    text = (
        "Parameters: {P: {Type: String, Default: x}, S: {Type: CommaDelimitedList, NoEcho: true, Default: x}}\n"
        f"Resources: {{'Fn::ForEach::L': {resources}, Z: {{Type: T, Properties: {{a: !Ref P}}}}}}\n"
    )
    if line is None:
        assert list(made(text)["Resources"]) == ["Na", "Z"]
    else:
        assert line in said(text)


def test_a_loop_needs_the_transform_and_a_name():
    text = "Resources: {'Fn::ForEach::L': [X, [a], {'N${X}': {Type: T}}]}"
    assert [item.hint for item in Template.from_text(text).diagnostics] == [
        "add 'Transform: AWS::LanguageExtensions' to the template"
    ]
    nameless = HEAD + "Resources: {R: {Type: T, Properties: {'Fn::ForEach': [X, [a], {'N${X}': 1}]}}}"
    assert [item.code.value for item in Template.from_text(nameless).check()] == ["E201"]


def test_loops_that_make_too_much_are_stopped(monkeypatch):
    monkeypatch.setattr(loops, "MAX_NODES", 10_000)
    items = ", ".join(f"a{n}" for n in range(30))
    body = "{'R${A}${B}${C}${D}': {Type: T}}"
    for name in "DCBA":
        body = f"{{'Fn::ForEach::L{name}': [{name}, [{items}], {body}]}}"
    assert [line.split(" ")[1] for line in said(f"Resources: {body}")] == ["E104"]


def test_loops_that_write_too_much_are_stopped(monkeypatch):
    monkeypatch.setattr(loops, "MAX_CHARACTERS", 1000)
    body = "{'N&{X}': {Type: T, Metadata: {a: '${X}', b: '${X}'}}}"
    text = f"Resources: {{'Fn::ForEach::L': [X, [{'a' * 600}, b], {body}]}}"
    assert [line.split(" ")[1] for line in said(text)] == ["E104"]


OPEN = """\
Parameters: {Names: {Type: CommaDelimitedList}, Env: {Type: String}}
Resources:
  Fn::ForEach::N: [X, !Ref Names, {'N${X}': {Type: T, Properties: {a: !Ref Nope}}}]
  R: {Type: T, DependsOn: Na, Properties: {a: !Ref Nb, b: !Join [x]}}
"""


def test_names_that_a_loop_may_make_are_let_pass_until_the_parameters_are_known():
    one = Template.from_text(HEAD + OPEN, "t.yaml")
    assert [item.code.value for item in one.check()] == ["E202"]
    assert said(OPEN.replace("Join [x]", "Ref Env"), Names="a", Env="x") == [
        "t.yaml:4:71: E203 Na: there is no resource or parameter 'Nope'",
        "t.yaml:5:47: E203 R: there is no resource or parameter 'Nb'",
    ]


def test_the_static_check_expands_loops_with_the_defaults():
    text = HEAD + OPEN.replace("{Type: CommaDelimitedList}", "{Type: CommaDelimitedList, Default: a}")
    found = Template.from_text(text, "t.yaml").check()
    assert [item.code.value for item in found] == ["W401", "E203", "E203", "E202"]
    assert [item.message for item in found.warnings] == ["the parameter 'Env' is not used"]
    assert list(Template.from_text(text).with_defaults().resources) == ["Na", "R"]
    assert list(Template.from_text(HEAD + OPEN).with_defaults().resources) == ["R"]


@given(st.lists(st.from_regex(r"[a-z0-9]{1,4}", fullmatch=True), unique=True, max_size=6))
def test_a_loop_is_what_its_turns_are_written_out(items):
    loop = (
        "Resources:\n  'Fn::ForEach::L':\n    - X\n    - !Ref P\n    - 'N${X}': {Type: T, Properties: {a: !Ref X}}\n"
    )
    written = "".join(f"  N{item}: {{Type: T, Properties: {{a: '{item}'}}}}\n" for item in items)
    head = f"{HEAD}Parameters: {{P: {{Type: CommaDelimitedList}}}}\n"
    looped = Template.from_text(head + loop + "  Z: {Type: T}\n").instantiate({"P": items}, **PLACE)
    node, _ = load("Resources:\n" + written + "  Z: {Type: T}\n")
    assert looped.template.root.get("Resources").plain() == node.get("Resources").plain()
    assert all(
        one.properties_node is None or resolve(one.properties_node, looped.scope()) == {"a": name[1:]}
        for name, one in looped.resources.items()
    )
