"""What each function comes to, and the laws that hold for any argument."""

from __future__ import annotations

import base64
import ipaddress
import json
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cfnlib.errors import TemplateError
from cfnlib.source import load
from cfnlib.template import NO_VALUE, Template, Unknown, resolve

PREAMBLE = """
Transform: AWS::LanguageExtensions
Parameters:
  Text: {Type: String, Default: hello}
  Port: {Type: Number, Default: 8080}
  Digits: {Type: Number, Default: '1.10'}
  Names: {Type: CommaDelimitedList, Default: 'a, b,c'}
  Ports: {Type: List<Number>, Default: '1,2'}
  None_: {Type: String, Default: x}
Mappings:
  Sizes:
    small: {cpu: 1, disks: [10, 20]}
    hello: {cpu: 2}
Conditions:
  Yes: !Equals [!Ref Text, hello]
  No: !Not [!Condition Yes]
Resources:
  R: {Type: A::B::C}
""".replace("None_", "None0")
PLACE = {"stack_name": "web", "stack_id": "arn:web", "region": "here", "account_id": "0042"}


@pytest.fixture(scope="module")
def instance():
    return Template.from_text(PREAMBLE).instantiate(
        {}, **PLACE, zones=["z1", "z2"], exports={"web-vpc": "vpc-1"}, notification_arns=["n1"]
    )


@pytest.fixture(scope="module")
def scope(instance):
    return instance.scope(
        ref=lambda name: name.lower() if name == "R" else Unknown([name]),
        get_att=lambda name, attribute: f"{name}/{attribute}" if name == "R" else Unknown([f"{name}.{attribute}"]),
    )


def value(scope, expression: object) -> object:
    """An expression, as Python data or as YAML, worked out."""
    text = expression if isinstance(expression, str) else json.dumps(expression)
    node, diagnostics = load(f'{{"x": {text}}}' if not isinstance(expression, str) else f"x: {text}")
    assert not list(diagnostics)
    return resolve(node.get("x"), scope)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("!Ref Text", "hello"),
        ("!Ref Port", 8080),
        ("!Ref Digits", "1.10"),
        ("!Ref Names", ["a", "b", "c"]),
        ("!Ref Ports", [1, 2]),
        ("!Ref R", "r"),
        ("!Ref AWS::NoValue", NO_VALUE),
        ("!Ref AWS::StackName", "web"),
        ("!Ref AWS::StackId", "arn:web"),
        ("!Ref AWS::Region", "here"),
        ("!Ref AWS::AccountId", "0042"),
        ("!Ref AWS::Partition", "aws"),
        ("!Ref AWS::URLSuffix", "amazonaws.com"),
        ("!Ref AWS::NotificationARNs", ["n1"]),
        ("!GetAtt R.Ip", "R/Ip"),
        ("!GetAtt R.Outputs.Ip", "R/Outputs.Ip"),
        ("{Fn::GetAtt: [R, Outputs, Ip]}", "R/Outputs.Ip"),
        ("{Fn::GetAtt: R.Ip}", "R/Ip"),
        ("!GetAtt [R, !Ref Text]", "R/hello"),
        ("!Sub '${Text}:${Port}/${R}/${R.Ip} ${!Text} $Text ${AWS::StackName} ${open'",
         "hello:8080/r/R/Ip ${Text} $Text web ${open"),
        ("!Sub ['${a}-${Text}', {a: !Join ['+', !Ref Names]}]", "a+b+c-hello"),
        ("!Sub ['${Text}', {Text: other}]", "other"),
        ("!Join ['-', [a, 1, true, 1.10, !Ref Port, !Ref AWS::NoValue]]", "a-1-true-1.10-8080"),
        ("!Join ['', []]", ""),
        ("!Join [',', !Ref Names]", "a,b,c"),
        ("!Split [',', 'a,,b']", ["a", "", "b"]),
        ("!Select [1, !Ref Names]", "b"),
        ("!Select ['0', [x, y]]", "x"),
        ("!Select [0, !Split ['.', 10.2.3.4]]", "10"),
        ("!FindInMap [Sizes, small, cpu]", 1),
        ("!FindInMap [Sizes, !Ref Text, cpu]", 2),
        ("!FindInMap [Sizes, small, disks]", [10, 20]),
        ("!FindInMap [Sizes, big, cpu, {DefaultValue: !Ref Text}]", "hello"),
        ("!FindInMap [Sizes, small, cpu, {DefaultValue: 9}]", 1),
        ("!Base64 hällo", base64.b64encode("hällo".encode()).decode()),
        ("!If [Yes, 1, !Select [9, [a]]]", 1),
        ("!If [No, 1, !Ref AWS::NoValue]", NO_VALUE),
        ("!GetAZs ''", ["z1", "z2"]),
        ("!GetAZs {Ref: AWS::Region}", ["z1", "z2"]),
        ("!Cidr [10.0.0.0/16, 3, 8]", ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"]),
        ("!Cidr [10.0.0.0/16, 2]", ["10.0.0.0/24", "10.0.1.0/24"]),
        ("!Cidr ['fd00::/56', 1]", ["fd00::/64"]),
        ("!ImportValue {Fn::Sub: '${AWS::StackName}-vpc'}", "vpc-1"),
        ("!Length [a, b]", 2),
        ("!Length {Ref: Names}", 3),
        ("!ToJsonString {a: [1, true, !Ref Text], b: {c: ü}}", '{"a":[1,true,"hello"],"b":{"c":"ü"}}'),
        ("{a: [1, !Ref AWS::NoValue], b: !Ref AWS::NoValue, c: {Condition: x}}", {"a": [1], "c": {"Condition": "x"}}),
        ("{Ref: Text, Other: 1}", {"Ref": "Text", "Other": 1}),
    ],
)  # fmt: skip
def test_an_expression_comes_to(scope, expression, expected):
    assert value(scope, expression) == expected


@pytest.mark.parametrize(
    ("expression", "reasons"),
    [
        ("!Ref V", {"V"}),
        ("!Sub '${V} ${Text} ${W.Ip}'", {"V", "W.Ip"}),
        ("!Join ['', [a, !Ref V]]", {"V"}),
        ("!Join ['', [a, {b: !Ref V}]]", {"V"}),
        ("!Base64 {Ref: V}", {"V"}),
        ("!Split [',', !GetAtt V.Names]", {"V.Names"}),
        ("!Select [1, !GetAtt V.Names]", {"V.Names"}),
        ("!Select [!Ref V, [a]]", {"V"}),
        ("!Select [1, [a, !Ref V]]", {"V"}),
        ("!ToJsonString {a: [!Ref V]}", {"V"}),
        ("!Cidr [!GetAtt V.Cidr, 2, 8]", {"V.Cidr"}),
        ("!Length {Fn::Split: [',', !Ref V]}", {"V"}),
        ("!If [Yes, !Ref V, !Ref W]", {"V"}),
        ("!GetAtt [R, !Ref V]", {"V"}),
    ],
)
def test_what_has_an_unknown_part_is_unknown(scope, expression, reasons):
    assert value(scope, expression) == Unknown(reasons)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("!Select [0, [a, !Ref V]]", "a"),
        ("!Length [a, !Ref V]", 2),
        ("!If [No, !Ref V, x]", "x"),
        ("!Sub ['${a}', {a: x, b: !Ref V}]", "x"),
        ("{a: 1, b: [!Ref V]}", {"a": 1, "b": [Unknown({"V"})]}),
    ],
)
def test_what_needs_no_unknown_part_is_known(scope, expression, expected):
    assert value(scope, expression) == expected


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("!Select [3, !Ref Names]", "E202 Fn::Select asks for item 3 of a list of 3"),
        ("!Select [!Ref Text, !Ref Names]", "E202 the index of Fn::Select is 'hello', not 0 or more"),
        ("!Select [0, !Ref Text]", "E202 the second argument of Fn::Select is a single value, not a list"),
        ("!Join [',', [!Ref Names]]", "E202 Fn::Join joins texts, one of its values is a list"),
        ("!Sub '${Names}'", "E202 ${Names} in Fn::Sub is a list, not a text"),
        ("!Sub '${AWS::NoValue}'", "E202 ${AWS::NoValue} in Fn::Sub is AWS::NoValue, not a text"),
        ("!FindInMap [Sizes, small, !Ref Text]", "E205 the mapping 'Sizes.small' has no key 'hello'"),
        ("!FindInMap [!Ref Text, a, b]", "E205 there is no mapping 'hello'"),
        ("!GetAZs elsewhere", "E202 the region 'elsewhere' is not this one, 'here'"),
        ("!Cidr [!Ref Text, 1, 8]", "E202 'hello' is no block of addresses"),
        ("!Cidr [10.0.0.0/24, 4, 8]", "E202 '10.0.0.0/24' does not hold '4' parts of '8' bits"),
        ("!Cidr [10.0.0.0/24, 0, 8]", "E202 the count of Fn::Cidr is '0', not 1 to 256"),
        ("!ImportValue nothing", "E203 no stack exports 'nothing'"),
        ("!Base64 [a]", "E202 the argument of Fn::Base64 is a list, not a text"),
        ("!Length {Ref: Text}", "E202 the argument of Fn::Length is a single value, not a list"),
        ("!ToJsonString {Ref: Text}", "E202 Fn::ToJsonString has a single value, not a list or a map"),
        ("!Join [a]", "E202 Fn::Join has 1 argument"),
        ("!If [Perhaps, 1, 2]", "E206 there is no condition 'Perhaps'"),
    ],
)
def test_what_cannot_be_worked_out_raises_with_its_place(scope, expression, said):
    with pytest.raises(TemplateError) as raised:
        value(scope, expression)
    (diagnostic,) = raised.value.diagnostics
    assert f"{diagnostic.code.value} {diagnostic.message}" == said
    assert diagnostic.span.line == 1


def test_exports_are_refused_where_there_are_none():
    other = Template.from_text("Resources: {R: {Type: A, Properties: {a: !ImportValue x}}}")
    with pytest.raises(TemplateError, match="E203 R: the export 'x' cannot be looked up here"):
        other.instantiate({}, **PLACE)


TEXT = st.text(st.characters(codec="utf-8"), max_size=10)


@given(st.lists(TEXT, min_size=1), st.text(st.characters(codec="utf-8"), min_size=1, max_size=3))
def test_split_undoes_join(scope, parts, delimiter):
    assume(not any(delimiter in part for part in parts))
    assume(delimiter.join(parts).split(delimiter) == parts)
    joined = {"Fn::Join": [delimiter, parts]}
    assert value(scope, {"Fn::Split": [delimiter, joined]}) == parts


@given(TEXT, st.text(st.characters(codec="utf-8"), min_size=1, max_size=3))
def test_join_undoes_split(scope, text, delimiter):
    assert value(scope, {"Fn::Join": [delimiter, {"Fn::Split": [delimiter, text]}]}) == text


@given(TEXT)
def test_sub_leaves_a_text_without_names_alone(scope, text):
    assume("${" not in text)
    assert value(scope, {"Fn::Sub": text}) == text
    assert value(scope, {"Fn::Sub": ["${a}", {"a": text}]}) == text
    assert value(scope, {"Fn::Sub": "${!" + text.replace("{", "").replace("}", "") + "}"}).startswith("${")


@given(TEXT)
def test_base64_can_be_undone(scope, text):
    assert base64.b64decode(value(scope, {"Fn::Base64": text})).decode() == text


@given(st.integers(0, 2**32 - 1), st.integers(0, 32), st.integers(1, 64), st.integers(1, 32))
def test_cidr_blocks_are_apart_and_inside(scope, address, prefix, count, bits):
    block = ipaddress.ip_network((address, prefix), strict=False)
    fits = 32 - bits >= prefix and count <= 2 ** (32 - bits - prefix)
    expression = {"Fn::Cidr": [str(block), count, bits]}
    if not fits:
        with pytest.raises(TemplateError, match="does not hold"):
            value(scope, expression)
        return
    parts = [ipaddress.ip_network(part) for part in value(scope, expression)]
    assert len(parts) == count
    assert all(part.prefixlen == 32 - bits and part.subnet_of(block) for part in parts)
    assert all(not one.overlaps(two) for one, two in pairwise(parts))


JSON = st.recursive(
    st.one_of(st.booleans(), st.integers(-99, 99), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)


@given(st.lists(JSON, max_size=3))
def test_data_without_functions_comes_to_itself(scope, data):
    assume("Fn::" not in str(data) and "Ref" not in str(data))
    assert value(scope, data) == data
    assert json.loads(value(scope, {"Fn::ToJsonString": data})) == data


@given(st.lists(st.sampled_from(["a", {"Ref": "V"}, {"Fn::GetAtt": ["W", "Ip"]}]), max_size=5))
def test_a_join_is_unknown_for_exactly_the_reasons_of_its_parts(scope, parts):
    names = {"V" for part in parts if part == {"Ref": "V"}} | {"W.Ip" for part in parts if "Fn::GetAtt" in part}
    expected = Unknown(names) if names else "a" * len(parts)
    assert value(scope, {"Fn::Join": ["", parts]}) == expected
