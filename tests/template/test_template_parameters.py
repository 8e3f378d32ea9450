"""Parameters: their declarations, their values, and that secrets are never shown."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfnlib.errors import TemplateError
from cfnlib.template import Template, bind, resolve

RESOURCES = "\nResources: {R: {Type: T}}\n"
PLACE = {"stack_name": "s", "stack_id": "i", "region": "r", "account_id": "1"}


def template(*declarations: str) -> Template:
    return Template.from_text("Parameters:\n" + "".join(f"  {item}\n" for item in declarations) + RESOURCES, "t.yaml")


def declared(declaration: str) -> list[str]:
    return [str(item).split("\n")[0] for item in template(f"P: {declaration}").diagnostics]


def bound(declaration: str, **values: object) -> object:
    found, diagnostics = bind(template(f"P: {declaration}"), values)
    assert not list(diagnostics), list(diagnostics)
    return found["P"].value


def refused(declaration: str, **values: object) -> list[str]:
    _, diagnostics = bind(template(f"P: {declaration}"), values)
    return [str(item).split("\n")[0] for item in diagnostics]


@pytest.mark.parametrize(
    "name",
    [
        "String",
        "Number",
        "CommaDelimitedList",
        "List<Number>",
        "AWS::EC2::KeyPair::KeyName",
        "AWS::EC2::Subnet::Id",
        "List<AWS::EC2::Subnet::Id>",
        "AWS::EC2::AvailabilityZone::Name",
        "AWS::EC2::SecurityGroup::GroupName",
        "AWS::Route53::HostedZone::Id",
        "CloudStack::Zone::Name",
        "List<CloudStack::Network::Id>",
    ],
)
def test_a_type_is_known(name):
    assert declared(f"{{Type: '{name}'}}") == []


@pytest.mark.parametrize(
    ("declaration", "line"),
    [
        ("{Type: Strin}", "t.yaml:2:13: E404 unknown parameter type 'Strin'"),
        ("{Type: List<String>}", "t.yaml:2:13: E404 unknown parameter type 'List<String>'"),
        ("{Type: 'AWS::SSM::Parameter::Value<String>'}",
         "t.yaml:2:13: E404 there is no parameter store to read from"),
        ("{Default: x}", "t.yaml:2:6: E404 the parameter 'P' has no Type"),
        ("text", "t.yaml:2:6: E101 the parameter 'P' is a single value, not a map"),
        ("{Type: String, Defualt: x}", "t.yaml:2:21: E101 unknown key 'Defualt' in the parameter"),
        ("{Type: String, Default: [a]}", "t.yaml:2:30: E404 a Default is a text or a number"),
        ("{Type: String, AllowedValues: a}", "t.yaml:2:36: E404 AllowedValues is no list of values"),
        ("{Type: String, AllowedPattern: '('}",
         "t.yaml:2:37: E404 no regular expression: missing ), unterminated subpattern at position 0"),
        ("{Type: String, MinLength: -1}", "t.yaml:2:32: E404 MinLength is no number of characters"),
        ("{Type: Number, MaxValue: big}", "t.yaml:2:31: E404 MaxValue is no number"),
        ("{Type: String, AllowedValues: [a, b], Default: c}",
         "t.yaml:2:53: E404 the default 'c' is not one of a, b"),
        ("{Type: Number, Default: x}", "t.yaml:2:30: E404 the default 'x' is no number"),
        ("{Type: String, NoEcho: true, MinLength: 9, Default: hunter2}",
         "t.yaml:2:58: E404 the default is shorter than 9 characters"),
    ],
)  # fmt: skip
def test_a_wrong_declaration_is_said_at_its_place(declaration, line):
    assert declared(declaration) == [line]


def test_an_unquoted_yes_is_a_boolean_and_its_hint_says_so():
    found = template("P: {Type: String, AllowedValues: [yes, no], Default: 'yes'}").diagnostics
    assert [item.message for item in found] == ["the default 'yes' is not one of true, false"]
    assert [item.hint for item in found] == ["an unquoted yes is the boolean true: write 'yes'"]
    assert bound("{Type: String, AllowedValues: [yes, no], Default: yes}") == "true"


@pytest.mark.parametrize(
    ("declaration", "given_value", "value"),
    [
        ("{Type: String}", "x", "x"),
        ("{Type: String}", 5, "5"),
        ("{Type: String}", True, "true"),
        ("{Type: String}", "", ""),
        ("{Type: Number}", "8080", 8080),
        ("{Type: Number}", 1.5, 1.5),
        ("{Type: Number}", "007", "007"),
        ("{Type: Number}", "1.10", "1.10"),
        ("{Type: Number}", "-3", -3),
        ("{Type: CommaDelimitedList}", "a, b ,c", ["a", "b", "c"]),
        ("{Type: CommaDelimitedList}", ["a", "b"], ["a", "b"]),
        ("{Type: CommaDelimitedList}", "", []),
        ("{Type: List<Number>}", "1, 2.5", [1, 2.5]),
        ("{Type: 'List<AWS::EC2::Subnet::Id>'}", "s-1,s-2", ["s-1", "s-2"]),
        ("{Type: AWS::EC2::KeyPair::KeyName}", "mine", "mine"),
        ("{Type: String, AllowedPattern: '[a-z]+'}", "abc", "abc"),
        ("{Type: CommaDelimitedList, AllowedValues: [a, b]}", "b,a", ["b", "a"]),
    ],
)
def test_a_value_is_what_its_type_makes_of_it(declaration, given_value, value):
    assert bound(declaration, P=given_value) == value


@pytest.mark.parametrize(
    ("declaration", "values", "line"),
    [
        ("{Type: String}", {}, "t.yaml:2:3: E401 the parameter 'P' has no value"),
        ("{Type: String, Default: x}", {"Q": 1}, "t.yaml:1:1: E403 there is no parameter 'Q'"),
        ("{Type: String}", {"P": {"a": 1}}, "t.yaml:2:3: E402 the parameter 'P' is no text, number or list of them"),
        ("{Type: Number}", {"P": "x"}, "t.yaml:2:3: E402 the value 'x' is no number (parameter 'P')"),
        ("{Type: Number}", {"P": "1_0"}, "t.yaml:2:3: E402 the value '1_0' is no number (parameter 'P')"),
        ("{Type: Number}", {"P": "nan"}, "t.yaml:2:3: E402 the value 'nan' is no number (parameter 'P')"),
        ("{Type: Number, MinValue: 1}", {"P": 0}, "t.yaml:2:3: E402 the value '0' is less than 1 (parameter 'P')"),
        ("{Type: Number, MaxValue: 1}", {"P": 2}, "t.yaml:2:3: E402 the value '2' is more than 1 (parameter 'P')"),
        ("{Type: String, MinLength: 2}", {"P": "a"},
         "t.yaml:2:3: E402 the value 'a' is shorter than 2 characters (parameter 'P')"),
        ("{Type: String, MaxLength: 2}", {"P": "abc"},
         "t.yaml:2:3: E402 the value 'abc' is longer than 2 characters (parameter 'P')"),
        ("{Type: String, AllowedValues: [a, b]}", {"P": "c"},
         "t.yaml:2:3: E402 the value 'c' is not one of a, b (parameter 'P')"),
        ("{Type: String, AllowedPattern: '[a-z]'}", {"P": "ab"},
         "t.yaml:2:3: E402 the value 'ab' does not match [a-z] (parameter 'P')"),
        ("{Type: List<Number>, MaxValue: 5}", {"P": "1,9"},
         "t.yaml:2:3: E402 the value '9' is more than 5 (parameter 'P')"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_said_at_the_declaration(declaration, values, line):
    assert line in refused(declaration, **values)


def test_a_hint_has_the_nearest_name_or_the_authors_own_words():
    _, found = bind(template("Size: {Type: Number, MaxValue: 5, ConstraintDescription: at most five}"), {"Sise": 1})
    assert [item.hint for item in found] == ["did you mean Size?", "pass Size=..., or give the parameter a Default"]
    _, found = bind(template("Size: {Type: Number, MaxValue: 5, ConstraintDescription: at most five}"), {"Size": 9})
    assert [item.hint for item in found] == ["at most five"]


SECRET = """\
Parameters:
  Key: {Type: String, NoEcho: true, MaxLength: 20, AllowedPattern: '[a-z0-9-]*', AllowedValues: [%s, other]}
Mappings: {M: {a: {b: c}}}
Conditions: {C: !Equals [!Ref Key, x]}
Resources:
  R:
    Type: T
    Properties:
      A: !FindInMap [M, !Ref Key, b]
      B: !Select [!Ref Key, [a]]
      C: !Cidr [!Ref Key, 1, 8]
      D: !GetAZs {Ref: Key}
      E: !ImportValue {Ref: Key}
      F: !Select [0, !Sub '${Key}']
"""


@given(st.from_regex(r"[a-z0-9-]{6,40}", fullmatch=True).filter(lambda text: "a" * 6 not in text))
def test_a_secret_is_in_no_message(secret):
    secret = f"zq{secret}"
    one = Template.from_text(SECRET % "zqzqzq", "t.yaml")
    for text in (secret, f"{secret}!", "zqzqzq", f"{secret},{secret}"):
        with pytest.raises(TemplateError) as raised:
            one.instantiate({"Key": text}, **PLACE, exports={})
        shown = json.dumps([item.as_dict() for item in raised.value.diagnostics]) + str(raised.value)
        assert text not in shown
        assert secret not in shown


def test_a_secret_is_in_no_repr_and_no_dict_but_reaches_its_property():
    text = (
        "Parameters: {Key: {Type: String, NoEcho: true, Default: hunter2}}\nResources: {R: {Type: T, Properties: %s}}"
    )
    one = Template.from_text(text % "{a: !Sub 'x-${Key}'}")
    instance = one.instantiate({}, **PLACE)
    shown = [repr(one), repr(one.parameters), one.parameters["Key"].as_dict(), repr(instance)]
    shown += [repr(instance.parameters), instance.parameters["Key"].as_dict(), instance.parameters["Key"].shown]
    assert "hunter2" not in str(shown)
    assert resolve(instance.resources["R"].properties_node, instance.scope()) == {"a": "x-hunter2"}


@given(
    st.dictionaries(
        st.text(max_size=5), st.one_of(st.text(max_size=9), st.integers(), st.none(), st.lists(st.text()))
    )
)
def test_any_values_are_bound_or_refused(values):
    one = template("A: {Type: Number}", "B: {Type: CommaDelimitedList, Default: ''}", "C: {Type: String}")
    found, diagnostics = one.bind(values)
    assert diagnostics.errors or set(found) == {"A", "B", "C"}


def test_rules_refuse_parameters_in_the_authors_words():
    text = """\
Parameters: {Env: {Type: String}, Sizes: {Type: CommaDelimitedList}}
Rules:
  Small:
    RuleCondition: !Equals [!Ref Env, dev]
    Assertions:
      - Assert: !EachMemberIn [!Ref Sizes, [s, m]]
        AssertDescription: development machines are small
      - Assert: !Contains [!Ref Sizes, s]
      - Assert: !Not [!EachMemberEquals [!Ref Sizes, m]]
Resources: {R: {Type: T}}
"""
    one = Template.from_text(text, "t.yaml")
    assert not list(one.check())
    assert one.instantiate({"Env": "prod", "Sizes": "xl"}, **PLACE)
    assert one.instantiate({"Env": "dev", "Sizes": "s,m"}, **PLACE)
    with pytest.raises(TemplateError) as raised:
        one.instantiate({"Env": "dev", "Sizes": "xl"}, **PLACE)
    assert [str(item) for item in raised.value.diagnostics] == [
        "t.yaml:6:17: E402 the rule 'Small' refuses the parameters: development machines are small",
        "t.yaml:8:17: E402 the rule 'Small' refuses the parameters: an assertion does not hold",
    ]
