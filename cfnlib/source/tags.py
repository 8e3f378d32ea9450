"""CloudFormation's short tags: `!Ref x` is `{Ref: x}`, `!GetAtt a.b` is `{Fn::GetAtt: [a, b]}`."""

from __future__ import annotations

from cfnlib.source.nodes import ListNode, MapNode, Node, Place, Scalar

SHORT_TAGS: dict[str, str] = {
    "!Ref": "Ref",
    "!Condition": "Condition",
    **{
        f"!{name}": f"Fn::{name}"
        for name in (
            "And", "Base64", "Cidr", "Contains", "EachMemberEquals", "EachMemberIn", "Equals", "FindInMap",
            "ForEach", "GetAZs", "GetAtt", "If", "ImportValue", "Join", "Length", "Not", "Or", "RefAll", "Select",
            "Split", "Sub", "ToJsonString", "Transform", "ValueOf", "ValueOfAll",
        )
    },
}  # fmt: skip

STANDARD = "tag:yaml.org,2002:"
PLAIN_TAGS = frozenset({f"{STANDARD}{name}" for name in ("bool", "float", "int", "map", "null", "seq", "str")})
"""YAML's own tags that a template may use; `!!binary`, `!!omap`, `!!pairs`, `!!set` and `!!timestamp` are not
CloudFormation's (AWS user guide, "Template formats")."""


def long_form(function: str, argument: Node, place: Place) -> MapNode:
    """The map that a tagged node stands for; the function's name has the place of the whole."""
    if function == "Fn::GetAtt" and argument.__class__ is Scalar:
        argument = _split_attribute(argument)
    return MapNode({function: argument}, place, {function: place})


def _split_attribute(argument: Scalar) -> Node:
    """Split `Name.Attribute` at its first dot. A text without a dot is left to the function's check."""
    name, dot, attribute = argument.text.partition(".")
    if not dot:
        return argument
    return ListNode([Scalar(name, argument.place), Scalar(attribute, argument.place)], argument.place)


def is_known_tag(tag: str) -> bool:
    """Whether a template may use the tag."""
    return tag in SHORT_TAGS or tag in PLAIN_TAGS or tag == "!"


def shown_tag(tag: str) -> str:
    """The tag as an author writes it."""
    return f"!!{tag.removeprefix(STANDARD)}" if tag.startswith(STANDARD) else tag
