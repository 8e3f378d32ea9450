"""What the static check says: one example for each fault, as `file:line:column: CODE id: message`."""

from __future__ import annotations

import pytest

from cfnlib.template import Template, check

FRAME = """\
Parameters:
  Env: {Type: String}
Mappings:
  Sizes: {small: {cpu: 1}}
Conditions:
  Prod: !Equals [!Ref Env, prod]
Resources:
  Web:
    Type: AWS::EC2::Instance
    Properties:
      X: %s
"""
KNOWN = {"AWS::EC2::Instance": {"PrivateIp", "PublicIp"}}


def said(text: str) -> list[str]:
    return [str(item).split("\n")[0] for item in check(Template.from_text(text, "t.yaml"), KNOWN.get)]


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("!Ref Wep", "10: E203 Web: there is no resource or parameter 'Wep'"),
        ("!Ref AWS::StackNam", "10: E203 Web: there is no resource or parameter 'AWS::StackNam'"),
        ("!Ref [a]", "10: E202 Web: the name of Ref must be written down as a text"),
        ("!GetAtt Env.Ip", "10: E203 Web: 'Env' is a parameter and has no attributes"),
        ("!GetAtt AWS::Region.Ip", "10: E203 Web: 'AWS::Region' is a pseudo parameter and has no attributes"),
        ("!GetAtt Other.Ip", "10: E203 Web: there is no resource 'Other'"),
        ("!GetAtt Web", "10: E202 Web: Fn::GetAtt has no attribute"),
        ("!Sub '${Nope}'", "10: E203 Web: there is no resource or parameter 'Nope'"),
        ("!Sub '${Nope.Ip}'", "10: E203 Web: there is no resource 'Nope'"),
        ("!Sub '${shell:-default}'", "10: E202 Web: '${shell:-default}' in Fn::Sub is no name"),
        ("!Sub [text, nothing]", "22: E202 Web: the variables of Fn::Sub are no map"),
        ("!Sub {a: b}", "10: E202 Web: Fn::Sub has a map"),
        ("!Join [a, b, c]", "10: E202 Web: Fn::Join has 3 arguments"),
        ("!Join ['', text]", "21: E202 Web: the second argument of Fn::Join is no list"),
        ("!Split ['', text]", "18: E202 Web: the delimiter of Fn::Split is empty"),
        ("!Select [-1, [a]]", "19: E202 Web: the index of Fn::Select is -1, not 0 or more"),
        ("!Select [0, a]", "22: E202 Web: the second argument of Fn::Select is no list"),
        ("!FindInMap [Size, small, cpu]", "22: E205 Web: there is no mapping 'Size'"),
        ("!FindInMap [Sizes, big, cpu]", "29: E205 Web: the mapping 'Sizes' has no key 'big'"),
        ("!FindInMap [Sizes, small, mem]", "36: E205 Web: the mapping 'Sizes.small' has no key 'mem'"),
        ("!FindInMap [Sizes, small, !Ref Web]",
         "36: E202 Web: Fn::FindInMap cannot refer to the resource 'Web'"),
        ("!FindInMap [Sizes, small, mem, nothing]",
         "41: E202 Web: the fourth item of Fn::FindInMap is no default"),
        ("!If [Prodd, a, b]", "15: E206 Web: there is no condition 'Prodd'"),
        ("!If [!Equals [a, b], a, b]", "15: E202 Web: Fn::If takes the name of a condition, no expression"),
        ("!If [Prod, a]", "10: E202 Web: Fn::If has 2 arguments"),
        ("!Equals [a, b]", "10: E202 Web: Fn::Equals stands in Conditions only"),
        ("!Joinn [a]", "10: E006 unknown tag !Joinn"),
        ("{Fn::Joinn: [a]}", "11: E201 Web: there is no function 'Fn::Joinn'"),
        ("!Transform {Name: x}", "10: E201 Web: the function Fn::Transform is not supported"),
        ("{Fn::Sub: a, Other: b}", "11: E202 Web: Fn::Sub stands beside other keys in its map"),
        ("!Length [a]", "10: E201 Web: Fn::Length is a language extension"),
        ("!Contains [[a], a]", "10: E202 Web: Fn::Contains stands in Conditions only"),
        ("!GetAZs [a]", "10: E202 Web: Fn::GetAZs has no region"),
        ("!Cidr [10.0.0.0/33, 1, 8]", "10: E202 Web: 10.0.0.0/33 is no block of addresses"),
        ("!Cidr [10.0.0.0/24, 300, 1]", "10: E202 Web: the count of Fn::Cidr is 300, not 1 to 256"),
        ("!ImportValue {Ref: Web}", "29: E202 Web: Fn::ImportValue cannot refer to the resource 'Web'"),
        ("!Base64 [a]", "10: E202 Web: Fn::Base64 has no text"),
        ("", "9: E101 Web: an empty value (null)"),
        ("'{{resolve:ssm:x}}'", "10: E201 Web: dynamic references ({{resolve:...}}) are not supported"),
        ("!Ref Web", "10: E207 Web: resources depend on each other: Web -> Web"),
    ],
)  # fmt: skip
def test_a_fault_in_an_expression_is_said_at_its_place(expression, fault):
    found = said(FRAME % expression)
    assert [line for line in found if " W4" not in line] == [f"t.yaml:11:{fault}"]


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("!Ref Wep", "did you mean Web?"),
        ("!Ref env", "did you mean Env?"),
        ("!Ref AWS::StackNam", "did you mean AWS::StackName?"),
        ("!GetAtt Web.PrivatIp", "did you mean PrivateIp?"),
        ("!FindInMap [Size, small, cpu]", "did you mean Sizes?"),
        ("!If [Prodd, a, b]", "did you mean Prod?"),
        ("{Fn::Joinn: [a]}", "did you mean Fn::Join?"),
        ("!Sub '${a b}'", "write ${!a b}"),
        ("!Equals [a, b]", "choose by Fn::If"),
        ("!Length [a]", "Transform: AWS::LanguageExtensions"),
        ("!Join [a]", "write Fn::Join: [delimiter, [value, ...]]"),
    ],
)
def test_a_hint_says_what_to_write(expression, hint):
    diagnostics = check(Template.from_text(FRAME % expression), KNOWN.get)
    assert any(hint in (item.hint or "") for item in diagnostics)


def test_a_fault_has_the_path_from_the_root():
    (fault,) = check(Template.from_text(FRAME % "[a, !Join ['', [b, !Ref Nope]]]")).errors
    assert fault.path == ("Resources", "Web", "Properties", "X", 1, "Fn::Join", 1, 1, "Ref")


def test_attributes_are_those_that_the_type_has():
    assert said(FRAME % "{a: !GetAtt Wed.Ip}".replace("Wed", "Web"))[-2:] == [
        "t.yaml:11:14: E204 Web: 'Web' (AWS::EC2::Instance) has no attribute 'Ip'",
        "t.yaml:11:14: E207 Web: resources depend on each other: Web -> Web",
    ]
    assert not [line for line in said((FRAME % "!GetAtt R.Any") + "  R: {Type: Any::Type}\n") if " E" in line]


def test_a_right_template_has_no_faults():
    text = FRAME % "!If [Prod, !Sub '${Env}', !FindInMap [Sizes, !Ref Env, cpu]]"
    assert said(text) == []


def test_all_faults_are_found_in_one_go():
    text = """\
Parameters:
  Unused: {Type: String}
Conditions:
  A: !Not [!Condition B]
  B: !Not [!Condition A]
  C: !Equals [!Ref Web, x]
  D: nothing
  E: !And [!Condition C]
  F: !If [C, a, b]
Resources:
  Web:
    Type: T::T::T
    Condition: Nope
    DependsOn: [Db, Gone]
    Properties: {A: !Ref Gone}
  Db:
    Type: T::T::T
    Properties: {A: [!Ref Web]}
    Metadata: {a: ~, b: !Ref Gone}
Outputs:
  O:
    Value: !Ref Gone
    Condition: Nope
    Export: {Name: !Ref Web}
"""
    assert said(text) == [
        "t.yaml:2:3: W401 the parameter 'Unused' is not used",
        "t.yaml:4:12: E207 the condition depends on itself: A -> B -> A",
        "t.yaml:6:15: E202 a condition cannot refer to the resource 'Web'",
        f"t.yaml:7:6: E202 a condition is one of {CONDITIONS}",
        "t.yaml:8:6: E202 Fn::And has 1 argument",
        f"t.yaml:9:6: E202 a condition is one of {CONDITIONS}",
        "t.yaml:13:16: E206 Web: there is no condition 'Nope'",
        "t.yaml:14:17: E207 Web: resources depend on each other: Web -> Db -> Web",
        "t.yaml:14:21: E203 Web: there is no resource 'Gone'",
        "t.yaml:15:21: E203 Web: there is no resource or parameter 'Gone'",
        "t.yaml:19:25: E203 Db: there is no resource or parameter 'Gone'",
        "t.yaml:22:12: E203 O: there is no resource or parameter 'Gone'",
        "t.yaml:23:16: E206 O: there is no condition 'Nope'",
        "t.yaml:24:20: E202 O: the name of an export cannot refer to the resource 'Web'",
    ]


CONDITIONS = "Condition, Fn::And, Fn::Equals, Fn::Not, Fn::Or"


def test_a_cycle_is_told_once_from_where_it_begins_in_the_text():
    text = """\
Resources:
  C: {Type: T, Properties: {x: !Ref A}}
  A: {Type: T, DependsOn: B}
  B: {Type: T, Properties: {x: !Sub '${C} ${A}'}}
"""
    assert said(text) == ["t.yaml:2:32: E207 C: resources depend on each other: C -> A -> B -> C"]


def test_a_cycle_through_fn_if_is_not_certain():
    text = FRAME % "!If [Prod, !Ref Db, a]" + "  Db: {Type: T, Properties: {x: !If [Prod, a, !Ref Web]}}\n"
    assert said(text) == []


def test_a_name_that_is_declared_wrongly_is_complained_of_once():
    text = "Parameters: {P: {Type: Sting}}\nResources: {R: {Type: T, Properties: {a: !Ref P, b: !Ref Q}}, Q: {}}"
    assert said(text) == [
        "t.yaml:1:24: E404 unknown parameter type 'Sting'",
        "t.yaml:2:63: E101 Q: the resource has no Type",
    ]


CONDITIONAL = """\
Parameters:
  Env: {Type: String, AllowedValues: [prod, dev]}
  Size: {Type: String}
Conditions:
  Prod: !Equals [!Ref Env, prod]
  Dev: !Equals [!Ref Env, dev]
  NotProd: !Not [!Condition Prod]
  Big: !And [!Condition Prod, !Equals [!Ref Size, big]]
Resources:
  P: {Type: T, Condition: Prod}
  D: {Type: T, Condition: Dev}
  N: {Type: T, Condition: NotProd}
  B: {Type: T, Condition: Big}
  X: {Type: T, %s}
"""


@pytest.mark.parametrize(
    ("rest", "codes"),
    [
        ("Properties: {a: !Ref P}", ["W208"]),
        ("Properties: {a: !If [Prod, !Ref P, !Ref N]}", []),
        ("Properties: {a: !If [Prod, !Ref P, !Ref D]}", []),
        ("Properties: {a: !If [Prod, !Ref D, !Ref P]}", ["E208", "E208"]),
        ("Condition: Prod, Properties: {a: !Ref P}", []),
        ("Condition: Dev, Properties: {a: !Ref N}", []),
        ("Condition: Dev, Properties: {a: !Sub '${P.Ip}'}", ["E208"]),
        ("Condition: Big, Properties: {a: !Ref P}", []),
        ("Condition: Prod, Properties: {a: !Ref B}", ["W208"]),
        ("Condition: Prod, Properties: {a: !If [Dev, !Ref N, x]}", []),
        ("Condition: Big, Metadata: {a: !GetAtt D.Ip}", ["E208"]),
        ("DependsOn: P", []),
    ],
)
def test_a_reference_to_what_is_not_made_is_an_error_if_never_and_a_warning_if_at_times(rest, codes):
    found = check(Template.from_text(CONDITIONAL % rest))
    assert [item.code.value for item in found if item.logical_id == "X"] == codes


def test_many_conditions_are_looked_at_in_bounded_time():
    chain = [f"  C{n}: !And [!Condition C{n - 1}, !Condition C{n - 1}]" for n in range(1, 90)]
    wide = "  W: !Or [" + ", ".join(f"!Equals [!Ref P{n}, a]" for n in range(10)) + "]"
    text = "\n".join([
        "Parameters:",
        *(f"  P{n}: {{Type: String}}" for n in range(12)),
        "Conditions:",
        "  C0: !Equals [!Ref P0, a]",
        *chain,
        wide,
        "  V: !And [!Condition W, !Equals [!Ref P10, a], !Equals [!Ref P11, a]]",
        "Resources:",
        "  A: {Type: T, Condition: C89}",
        "  B: {Type: T, Condition: V}",
        "  X: {Type: T, Properties: {a: !Ref A, b: !Ref B}}",
    ])  # fmt: skip
    assert [item.message for item in check(Template.from_text(text))] == [
        "'A' does not exist when its condition 'C89' is false"
    ]
