"""What the reader makes of texts that are right."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cfnlib.source import Limits, ListNode, MapNode, Node, Scalar, load, load_file, yaml_text

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\ufeff\x85\u2028\u2029"), max_size=12)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**18), 10**18), st.floats(allow_nan=False, allow_infinity=False), TEXT
)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=25,
)
ROOTS = st.dictionaries(TEXT, DATA, min_size=1, max_size=5)


@pytest.fixture(params=["libyaml", "pure Python"])
def either_parser(request, monkeypatch):
    if request.param == "pure Python":
        monkeypatch.setattr(yaml_text, "_FastParser", yaml.SafeLoader)


def read(text: str) -> Node:
    node, diagnostics = load(text, "t.yaml")
    assert not list(diagnostics)
    assert node is not None
    return node


def every_node(node: Node) -> list[Node]:
    if isinstance(node, MapNode):
        return [node, *(found for child in node.entries.values() for found in every_node(child))]
    if isinstance(node, ListNode):
        return [node, *(found for child in node.items for found in every_node(child))]
    return [node]


def cut(text: str, node: Node) -> str:
    """The characters between the two ends of a node's span."""
    span = node.span
    lines = text.split("\n")[span.line - 1 : span.end_line]
    lines[-1] = lines[-1][: span.end_column - 1]
    lines[0] = lines[0][span.column - 1 :]
    return "\n".join(lines)


@given(ROOTS)
def test_yaml_that_is_dumped_loads_to_the_same_data(data):
    assert read("# x\n" + yaml.safe_dump(data, allow_unicode=True, sort_keys=False)).plain() == data


@given(ROOTS, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_json_that_is_dumped_loads_to_the_same_data(data, indent, ascii_only):
    assert read(json.dumps(data, indent=indent, ensure_ascii=ascii_only)).plain() == data


@given(ROOTS, st.sampled_from([None, 2]))
def test_a_span_of_json_cuts_the_text_of_its_node(data, indent):
    text = json.dumps(data, indent=indent)
    for node in every_node(read(text)):
        assert json.loads(cut(text, node)) == node.plain()


@given(ROOTS, st.booleans())
def test_a_span_of_a_yaml_scalar_cuts_its_text(data, flow):
    text = "# x\n" + yaml.safe_dump(data, default_flow_style=flow, width=10_000)
    for node in every_node(read(text)):
        if isinstance(node, Scalar) and "\n" not in node.text:
            assert yaml.safe_load(cut(text, node) or "~") == node.value


@given(ROOTS)
def test_yaml_of_a_document_is_within_the_document(data):
    text = yaml.safe_dump(data)
    lines = text.count("\n") + 1
    for node in every_node(read("---\n" + text)):
        assert (1, 1) < (node.span.line, node.span.column) <= (node.span.end_line, node.span.end_column)
        assert node.span.end_line <= lines + 1


@pytest.mark.usefixtures("either_parser")
def test_values_and_keys_know_their_places():
    root = read("A:\n  - x\n  - {b: 'long one', c: [1, 2]}\nD: !Ref E\n")
    assert isinstance(root, MapNode)
    listed = root.get("A")
    assert isinstance(listed, ListNode)
    inner = listed[1]
    assert isinstance(inner, MapNode)
    assert str(listed[0].span) == "t.yaml:2:5"
    assert inner.span == ("t.yaml", 3, 5, 3, 31)
    assert inner.key_span("c") == ("t.yaml", 3, 21, 3, 22)
    assert inner.get("c").span == ("t.yaml", 3, 24, 3, 30)
    assert root.get("D").span == ("t.yaml", 4, 4, 4, 10)
    assert root.span == ("t.yaml", 1, 1, 4, 10)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("No", False),
        ("ON", True),
        ("y", "y"),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-7", -7),
        ("0", 0),
        ("012345678901", "012345678901"),
        ("0o17", "0o17"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("+49", "+49"),
        ("2010-09-09", "2010-09-09"),
        ("1.5", 1.5),
        ("1e3", "1e3"),
        ("10.1.0.0", "10.1.0.0"),
        (".nan", ".nan"),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("!!int 12", 12),
        ("!!float 1.5", 1.5),
        ("!!bool yes", True),
        ("!!null ~", None),
        ("9" * 60, "9" * 60),
    ],
)
def test_a_plain_scalar_means(written, value):
    node = read(f"A: {written}").get("A")
    assert node.value == value
    assert type(node.value) is type(value)


def test_a_number_keeps_its_text():
    node = read("A: 1.10").get("A")
    assert (node.value, node.text, node.exact) == (1.1, "1.10", "1.10")
    assert read("A: 1.1").get("A").exact == 1.1
    assert read("A: yes").get("A").exact is True


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("!Ref X", {"Ref": "X"}),
        ("!Ref 0123", {"Ref": "0123"}),
        ("!Condition C", {"Condition": "C"}),
        ("!GetAtt A.B.C", {"Fn::GetAtt": ["A", "B.C"]}),
        ("!GetAtt [A, B]", {"Fn::GetAtt": ["A", "B"]}),
        ("!GetAtt A", {"Fn::GetAtt": "A"}),
        ("!Sub 'a${B}'", {"Fn::Sub": "a${B}"}),
        ("!Join ['', [a, !Ref B]]", {"Fn::Join": ["", ["a", {"Ref": "B"}]]}),
        ("!GetAZs ''", {"Fn::GetAZs": ""}),
        ("!If [C, !Select [0, !Split [',', x]], !Ref AWS::NoValue]",
         {"Fn::If": ["C", {"Fn::Select": [0, {"Fn::Split": [",", "x"]}]}, {"Ref": "AWS::NoValue"}]}),
        ("!Transform {Name: X}", {"Fn::Transform": {"Name": "X"}}),
        ("!Not [!Equals [a, b]]", {"Fn::Not": [{"Fn::Equals": ["a", "b"]}]}),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("either_parser")
def test_a_short_tag_is_its_long_form(short, long):
    assert read(f"A: {short}").plain() == {"A": long}


def test_an_alias_stands_for_the_anchored_value():
    root = read("A: &a {x: !Ref B}\nC: *a\nD: [*a, *a]\n")
    assert root.plain() == {"A": {"x": {"Ref": "B"}}, "C": {"x": {"Ref": "B"}}, "D": [{"x": {"Ref": "B"}}] * 2}
    assert str(root.get("C").span) == "t.yaml:1:4"


def test_a_merge_key_in_quotes_is_a_key():
    assert read("'<<': 1").plain() == {"<<": 1}


def test_a_file_is_read_with_its_name(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes("\ufeffA: ü\r\nB: 1\r\n".encode())
    node, diagnostics = load_file(path)
    assert not list(diagnostics)
    assert node.plain() == {"A": "ü", "B": 1}
    assert str(node.get("B").span) == f"{path}:2:4"


def test_a_file_that_is_not_there_raises(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_file(tmp_path / "none.yaml")


def test_the_limits_can_be_raised():
    text = "A: [" + "x," * 600_000 + "]"
    assert load(text)[0] is None
    node, diagnostics = load(text, "t", Limits(max_bytes=10_000_000))
    assert len(node.get("A")) == 600_000
    assert not list(diagnostics)
