"""Whatever a text says, it becomes a template with or without faults, and never an exception of another kind."""

from __future__ import annotations

import contextlib
import json

import yaml
from hypothesis import given
from hypothesis import strategies as st

from cfnlib.diagnostic import Diagnostics
from cfnlib.errors import TemplateError
from cfnlib.template import Template, Unknown, resolve

VALID = """\
AWSTemplateFormatVersion: 2010-09-09
Transform: AWS::LanguageExtensions
Parameters:
  Env: {Type: String, AllowedValues: [dev, prod], Default: dev}
  Names: {Type: CommaDelimitedList, Default: 'a,b'}
  Key: {Type: String, NoEcho: true, Default: s3cret}
Mappings: {M: {dev: {cpu: 1}, prod: {cpu: 8}}}
Conditions:
  Prod: !Equals [!Ref Env, prod]
  Other: !Or [!Condition Prod, !Not [!Condition Prod]]
Rules:
  R: {Assertions: [{Assert: !Contains [[dev, prod], !Ref Env]}]}
Resources:
  Fn::ForEach::L: [X, !Ref Names, {'N${X}': {Type: T, Properties: {a: !Ref X}}}]
  Web:
    Type: AWS::EC2::Instance
    DependsOn: [Disk]
    DeletionPolicy: !If [Prod, Retain, Delete]
    Properties:
      Cpu: !FindInMap [M, !Ref Env, cpu]
      UserData: !Base64 {Fn::Sub: ['${Key} ${a} ${Disk.Size}', {a: !Join [',', !Ref Names]}]}
      Zone: !Select [0, !GetAZs '']
      Block: !Select [1, !Cidr [10.0.0.0/16, 4, 8]]
      Old: !If [Prod, !Ref Old, !Ref AWS::NoValue]
      Text: !ToJsonString {n: !Length [1, 2], s: !Split [',', 'a,b']}
  Disk: {Type: T, UpdateReplacePolicy: Snapshot}
  Old: {Type: T, Condition: Prod}
Outputs:
  O: {Value: !GetAtt Web.Ip, Export: {Name: !Sub '${AWS::StackName}-o'}}
"""
LINES = VALID.splitlines(keepends=True)
WORDS = [
    "Fn::",
    "Ref",
    "!Ref",
    "!If ",
    "[",
    "]",
    "{",
    "}",
    ":",
    ": ",
    "- ",
    "\n",
    "  ",
    "''",
    "~",
    "0",
    "Web",
    "Prod",
    "${",
    "}",
]


def use(text: str) -> None:
    """Do all that can be done to a template."""
    template = Template.from_text(text, "fuzz")
    diagnostics = template.check(lambda _: {"Ip", "Size"})
    assert isinstance(diagnostics, Diagnostics)
    json.dumps([item.as_dict() for item in diagnostics])
    assert all(item.span is None or item.span.line > 0 for item in diagnostics)
    template._repr_html_()
    with contextlib.suppress(TemplateError):
        instance = template.instantiate({}, stack_name="s", stack_id="i", region="r", account_id="1", zones=["z"])
        assert not diagnostics.errors or template.has_loops
        scope = instance.scope(ref=lambda name: Unknown([name]), get_att=lambda name, attr: Unknown([name, attr]))
        instance.dependencies()
        for one in instance.resources.values():
            if one.properties_node is not None:
                resolve(one.properties_node, scope)


def test_the_valid_template_is_valid():
    assert not Template.from_text(VALID).check().errors
    use(VALID)


@given(st.integers(0, len(VALID)))
def test_a_truncated_text(length):
    use(VALID[:length])


@given(st.integers(0, len(VALID)), st.integers(0, 12), st.one_of(st.sampled_from(WORDS), st.text(max_size=4)))
def test_a_text_with_a_part_replaced(at, removed, added):
    use(VALID[:at] + added + VALID[at + removed :])


@given(
    st.lists(st.integers(0, len(LINES) - 1), max_size=4),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=2),
)
def test_a_text_with_lines_removed_and_moved(removed, moved):
    lines = [line for index, line in enumerate(LINES) if index not in removed]
    for origin, target in moved:
        lines.insert(target, lines.pop(origin % len(lines)))
    use("".join(lines))


NAMES = ["Ref", "Condition", "Fn::Nope", "Fn::ForEach", "Fn::ForEach::Z", *(
    f"Fn::{name}" for name in (
        "And", "Base64", "Cidr", "Contains", "EachMemberEquals", "EachMemberIn", "Equals", "FindInMap", "GetAZs",
        "GetAtt", "If", "ImportValue", "Join", "Length", "Not", "Or", "Select", "Split", "Sub", "ToJsonString",
        "Transform",
    )
)]  # fmt: skip
ATOMS = st.sampled_from([
    None, True, 0, 1, 1.5, "", "a", "Web", "Prod", "Env", "Names", "M", "dev", "cpu", "Web.Ip", "${Web}", "${Env}",
    "${", "${!x}", "10.0.0.0/8", "AWS::NoValue", "AWS::Region",
])  # fmt: skip
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["a", "b", "Key", *NAMES]), inner, max_size=2),
        st.tuples(st.sampled_from(NAMES), st.lists(inner, max_size=4)).map(lambda pair: {pair[0]: pair[1]}),
        st.tuples(st.sampled_from(NAMES), inner).map(lambda pair: {pair[0]: pair[1]}),
    ),
    max_leaves=12,
)


@given(
    EXPRESSIONS,
    st.sampled_from(["Properties", "Conditions", "Outputs", "Mappings", "Rules", "Parameters", "Resources"]),
)
def test_any_expression_at_any_place(expression, section):
    data = {
        "Transform": "AWS::LanguageExtensions",
        "Parameters": {
            "Env": {"Type": "String", "Default": "x"},
            "Names": {"Type": "CommaDelimitedList", "Default": "a"},
        },
        "Mappings": {"M": {"dev": {"cpu": 1}}},
        "Conditions": {"Prod": {"Fn::Equals": ["a", {"Ref": "Env"}]}},
        "Resources": {"Web": {"Type": "T"}},
    }
    if section == "Properties":
        data["Resources"]["Web"]["Properties"] = {"X": expression}
    elif section in {"Rules", "Outputs"}:
        rules = {"R": {"RuleCondition": expression, "Assertions": [{"Assert": expression}]}}
        data[section] = rules if section == "Rules" else {"O": {"Value": expression, "Export": {"Name": expression}}}
    else:
        data[section]["New"] = expression
    use(json.dumps(data))
    use(yaml.safe_dump(data))


SECTIONS = ["Resources", "Outputs", "Parameters", "Mappings", "Conditions", "Rules", "Transform", "Metadata", "X"]


@given(st.dictionaries(st.sampled_from(SECTIONS), EXPRESSIONS))
def test_any_sections(data):
    use(json.dumps(data))


def test_nesting_to_the_limit_is_no_trouble_anywhere():
    joined = "[" * 3 + "'x'" + "]" * 3
    for _ in range(30):
        joined = f"{{Fn::Join: ['', [{joined}]]}}"
    lists = "[" * 94 + "]" * 94
    negated = "!Not [" * 47 + "!Equals [a, b]" + "]" * 47
    head = f"Conditions:\n  C: {negated}\nResources:\n  R: {{Type: T, Condition: C}}\n"
    text = f"{head}  Q: {{Type: T, Properties: {{a: {lists}}}}}\n"
    template = Template.from_text(text)
    assert not template.check().errors
    use(text)
    use(text + f"  S: {{Type: T, Properties: {{a: {joined}}}}}\n")
    loops = "{x: 1}"
    for name in range(14):
        loops = f"{{'Fn::ForEach::L{name}': [X{name}, [a], {loops}]}}"
    looped = f"Transform: AWS::LanguageExtensions\nResources: {{R: {{Type: T, Properties: {loops}}}}}"
    assert Template.from_text(looped).with_defaults().resources["R"].properties_node.plain() == {"x": 1}
