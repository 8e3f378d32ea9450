"""A template made concrete: conditions, dependencies, places of values, and every fault in one go."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfnlib.diagnostic import Diagnostics
from cfnlib.errors import TemplateError
from cfnlib.source import MapNode, Scalar, load
from cfnlib.template import Template, Unknown, locate, references, resolve

PLACE = {"stack_name": "web", "stack_id": "id-1", "region": "here", "account_id": "1"}
TEXT = """\
Parameters:
  Env: {Type: String, Default: dev}
  Unused: {Type: String, Default: x}
Conditions:
  Prod: !Equals [!Ref Env, prod]
  Dev: !Not [!Condition Prod]
Resources:
  Web:
    Type: AWS::EC2::Instance
    DependsOn: [Standby, Disk]
    Metadata: {AWS::CloudFormation::Init: {a: !GetAtt Db.Ip, empty: ~}}
    Properties:
      Image: !If [Prod, !Ref Standby, !Ref Small]
      Tags:
        - !If [Prod, {Key: a}, !Ref AWS::NoValue]
        - Key: b
          Value: !Sub '${Disk.Size}'
  Standby: {Type: T, Condition: Prod}
  Small: {Type: T, Condition: Dev}
  Disk: {Type: T}
  Db: {Type: T}
Outputs:
  Url: {Value: !GetAtt Web.Ip, Export: {Name: !Sub '${AWS::StackName}-url'}}
  Old: {Value: !Ref Standby, Condition: Prod}
"""


def instance(text: str = TEXT, **parameters: object):
    return Template.from_text(text, "t.yaml").instantiate(parameters, **PLACE)


def said(text: str, **parameters: object) -> list[str]:
    with pytest.raises(TemplateError) as raised:
        instance(text, **parameters)
    return [str(item).split("\n")[0] for item in raised.value.diagnostics]


def test_what_a_false_condition_leaves_out():
    dev, prod = instance(), instance(Env="prod")
    assert (dev.conditions, prod.conditions) == ({"Prod": False, "Dev": True}, {"Prod": True, "Dev": False})
    assert list(dev.resources) == ["Web", "Small", "Disk", "Db"]
    assert list(prod.resources) == ["Web", "Standby", "Disk", "Db"]
    assert dev.absent == {"Standby": "Prod"}
    assert (list(dev.outputs), list(prod.outputs)) == (["Url"], ["Url", "Old"])


def test_an_instance_tells_its_stack_and_its_warnings():
    one = instance(Env="prod")
    assert (one.stack_name, one.stack_id, one.region, one.account_id) == ("web", "id-1", "here", "1")
    assert one.parameters["Env"].value == "prod"
    assert [item.code.value for item in one.diagnostics] == ["W401"]
    assert resolve(one.outputs["Url"].export_name, one.scope()) == "web-url"


def test_dependencies_are_those_of_the_branches_taken():
    assert instance().dependencies() == {
        "Web": {"Small", "Disk", "Db"},
        "Small": frozenset(),
        "Disk": frozenset(),
        "Db": frozenset(),
    }
    assert instance(Env="prod").dependencies()["Web"] == {"Standby", "Disk", "Db"}


class Member:
    """A stand-in for what a resource is lowered to."""

    def __init__(self, node: MapNode | None, *depends_on: str, internal: dict[str, object] | None = None) -> None:
        self.node = node
        self.depends_on = depends_on
        self.internal = internal or {}


def test_dependencies_of_what_stands_for_resources():
    one = instance()
    node = one.resources["Web"].properties_node
    inner, _ = load("x: !Ref Group")
    declared = {"Web1": Member(node, "Group", "Gone"), "Group": Member(None), "Disk": Member(None)}
    declared["Web2"] = Member(None, internal={"_group": inner})
    assert one.dependencies(declared) == {
        "Web1": {"Group", "Disk"},
        "Group": frozenset(),
        "Disk": frozenset(),
        "Web2": {"Group"},
    }


def test_resources_come_from_the_callbacks_and_may_be_unknown():
    one = instance()
    scope = one.scope(ref=lambda name: f"{name}-id", get_att=lambda name, attribute: Unknown([f"{name}.{attribute}"]))
    assert resolve(one.resources["Web"].properties_node, scope) == {
        "Image": "Small-id",
        "Tags": [{"Key": "b", "Value": Unknown(["Disk.Size"])}],
    }


def test_names_that_the_template_lacks_are_asked_for_too():
    made = MapNode({"Ref": Scalar("Member7", ("x", 1, 1, 1, 1))}, ("x", 1, 1, 1, 1))
    assert resolve(made, instance().scope(ref=lambda name: name.upper())) == "MEMBER7"


def test_a_reference_to_what_is_left_out_is_a_fault():
    text = TEXT + "  New: {Value: !Ref Standby}\n"
    assert "t.yaml:25:16: E208 New: 'Standby' is not made, as its condition 'Prod' is false" in said(text)
    assert instance(text, Env="prod")


def test_a_cycle_that_only_some_parameters_close_is_a_fault_for_those():
    text = TEXT.replace("Disk: {Type: T}", "Disk: {Type: T, Properties: {a: !If [Prod, !Ref Web, x]}}")
    assert instance(text)
    (cycle,) = [line for line in said(text, Env="prod") if "E207" in line]
    assert cycle == "t.yaml:10:26: E207 Web: resources depend on each other: Web -> Disk -> Web"


def test_faults_of_values_are_found_in_every_property_at_once():
    text = """\
Parameters: {Index: {Type: Number}, Zone: {Type: String}}
Mappings: {M: {a: {b: c}}}
Resources:
  R:
    Type: T
    Properties:
      A: !Select [!Ref Index, [x]]
      B: [1, {c: !FindInMap [M, !Ref Zone, b]}]
Outputs:
  O: {Value: !Select [!Ref Index, [x]]}
"""
    with pytest.raises(TemplateError) as raised:
        instance(text, Index=5, Zone="z")
    assert [str(item).split("\n")[0] for item in raised.value.diagnostics] == [
        "t.yaml:7:10: E202 R: Fn::Select asks for item 5 of a list of 1",
        "t.yaml:8:33: E205 R: the mapping 'M' has no key 'z'",
        "t.yaml:10:14: E202 O: Fn::Select asks for item 5 of a list of 1",
    ]
    assert raised.value.diagnostics[1].path == ("Resources", "R", "Properties", "B", 1, "c", "Fn::FindInMap", 1)


def test_faults_of_reading_parameters_and_expressions_are_told_together():
    text = "Parameters: {P: {Type: Number}}\nResources: {R: {Type: T, Propertys: {}, DependsOn: X}}"
    assert [line.split(" ")[1] for line in said(text, P="x", Q=1)] == ["E403", "E402", "W401", "E101", "E203"]


def test_a_text_that_cannot_be_read_has_one_fault():
    assert said("a: [", P=1) == [
        "t.yaml:1:5: E001 no valid YAML: did not find expected node content while parsing a flow node"
    ]


def test_policies_can_be_functions_with_the_extensions():
    text = """\
Transform: AWS::LanguageExtensions
Parameters: {Keep: {Type: String, Default: Retain}}
Conditions: {K: !Equals [!Ref Keep, Retain]}
Resources:
  R: {Type: T, DeletionPolicy: !Ref Keep, UpdateReplacePolicy: !If [K, Retain, !Ref AWS::NoValue]}
"""
    one = instance(text).resources["R"]
    assert (one.deletion_policy, one.update_replace_policy) == ("Retain", "Retain")
    other = instance(text, Keep="Snapshot").resources["R"]
    assert (other.deletion_policy, other.update_replace_policy) == ("Snapshot", "Delete")
    assert said(text, Keep="Burn") == ["t.yaml:5:32: E101 R: the DeletionPolicy comes to 'Burn'"]
    without = text.replace("Transform: AWS::LanguageExtensions\n", "")
    assert [line.split(" ", 1)[1] for line in said(without)] == [
        "E101 R: DeletionPolicy is a function",
        "E101 R: UpdateReplacePolicy is a function",
    ]


def test_faults_can_be_collected_instead_of_raised():
    node, _ = load("x: !Select [1, [a]]", "t.yaml")
    faults = Diagnostics()
    value = resolve(node.get("x"), instance().scope(), faults=faults, logical_id="R", path=("Resources", "R", "x"))
    assert value == Unknown(())
    assert [(item.logical_id, item.path) for item in faults] == [("R", ("Resources", "R", "x", "Fn::Select"))]


def test_references_have_their_places_and_paths():
    node, _ = load("a: !Ref X\nb: [!GetAtt Y.Ip, !Sub '${Z.Dns} ${W}']\nc: !If [C, !Ref T, !Ref E]", "t.yaml")
    found = references(node)
    assert [(one.logical_id, one.attribute) for one in found] == [
        ("X", None), ("Y", "Ip"), ("Z", "Dns"), ("W", None), ("T", None), ("E", None),
    ]  # fmt: skip
    assert str(found[1].span) == "t.yaml:2:5"
    assert found[1].path == ("b", 0, "Fn::GetAtt")
    assert [one.logical_id for one in references(node, {"C": False})][-2:] == ["W", "E"]
    assert [one.logical_id for one in references(node, names={"Y", "T"})] == ["Y", "T"]


def test_a_value_is_located_through_fn_if_and_around_what_is_left_out():
    properties = instance().resources["Web"].properties_node
    dev, prod = {"Prod": False}, {"Prod": True}
    assert str(locate(properties, ("Image",), dev)) == "t.yaml:13:39"
    assert str(locate(properties, ("Image",), prod)) == "t.yaml:13:25"
    assert str(locate(properties, ("Image",))) == "t.yaml:13:25"
    assert str(locate(properties, ("Tags", 0, "Key"), dev)) == "t.yaml:16:16"
    assert str(locate(properties, ("Tags", 0, "Key"), prod)) == "t.yaml:15:28"
    assert str(locate(properties, ("Tags", 1, "Value"), prod, key=True)) == "t.yaml:17:11"
    assert str(locate(properties, ("Tags", 0, "Value", "deeper"), dev)) == "t.yaml:17:18"
    assert str(locate(properties, ("Gone",), dev)) == str(properties.span)


LEAVES = st.sampled_from(["a", 1, {"Ref": "V"}, {"Fn::GetAtt": ["W", "Ip"]}, {"Ref": "AWS::NoValue"}, {"Ref": "Env"}])
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
        st.tuples(st.sampled_from(["Prod", "Dev"]), inner, inner).map(lambda one: {"Fn::If": list(one)}),
        st.lists(inner, max_size=2).map(lambda one: {"Fn::ToJsonString": one}),
    ),
    max_leaves=12,
)


def reasons_in(value: object) -> set[str]:
    if isinstance(value, Unknown):
        return set(value.reasons)
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {reason for child in children for reason in reasons_in(child)}


def paths_in(value: object) -> list[tuple[str | int, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(), *((step, *rest) for step, child in pairs for rest in paths_in(child))]


@given(EXPRESSIONS, st.sampled_from(["dev", "prod"]))
def test_what_is_unknown_is_what_the_taken_branches_refer_to(expression, env):
    one = instance(Env=env)
    node, _ = load(json.dumps({"x": expression}), "t.json")
    scope = one.scope(ref=lambda name: Unknown([name]), get_att=lambda name, attr: Unknown([f"{name}.{attr}"]))
    found = references(node, one.conditions, names={"V", "W"})
    expected = {f"{ref.logical_id}.{ref.attribute}" if ref.attribute else ref.logical_id for ref in found}
    assert reasons_in(resolve(node, scope)) == expected


@given(EXPRESSIONS, st.sampled_from(["dev", "prod"]))
def test_every_value_is_located_at_a_node_that_resolves_to_it(expression, env):
    one = instance(Env=env)
    text = json.dumps({"x": expression})
    node, _ = load(text, "t.json")
    scope = one.scope(ref=str.lower, get_att=lambda name, attribute: f"{name}/{attribute}")
    value = resolve(node, scope)
    for path in paths_in(value):
        part = value
        for step in path:
            part = part[step]
        span = locate(node, path, one.conditions)
        there, faults = load(f'{{"y": {text[span.column - 1 : span.end_column - 1]}}}')
        assert not list(faults)
        assert resolve(there.get("y"), scope) == part


def test_what_must_not_be_shown_can_be_told():
    text = (
        "Parameters: {K: {Type: String, NoEcho: true}, L: {Type: String}}\nResources: {R: {Type: T, Properties: %s}}"
    )
    one = instance(text % "{a: !Sub 'x${K}', b: !Ref L, c: [!Join ['', [!Ref K]]]}", K="1", L="2")
    secret = {key: one.is_secret(node) for key, node in one.resources["R"].properties_node.items()}
    assert secret == {"a": True, "b": False, "c": True}
