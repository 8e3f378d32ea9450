"""Functions of texts and lists: Join, Split, Select, Sub, Base64, Length, ToJsonString.

Whatever has an unknown part is unknown as a whole, except where only the known part is taken: Select picks one item,
Length counts them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.diagnostic import Code
from cfnlib.source import MapNode, Node, Scalar
from cfnlib.template.functions.shape import arguments, function_name, literal, may_be_list
from cfnlib.template.sub import Name, parts_of
from cfnlib.template.values import NO_VALUE, Fault, Unknown, as_text, kind_of, unknown_reasons

if TYPE_CHECKING:
    from cfnlib.template.check import Checker
    from cfnlib.template.scope import Scope

MAX_CHARACTERS = 16_000_000
"""The length of a text that a function may make."""

JOIN = "Fn::Join: [delimiter, [value, ...]]"
SPLIT = "Fn::Split: [delimiter, text]"
SELECT = "Fn::Select: [index, [value, ...]]"
SUB = "Fn::Sub: 'text with ${Name}', or [text, {Name: value}]"
BASE64 = "Fn::Base64: text"
LENGTH = "Fn::Length: [value, ...]"


def check_join(checker: Checker, node: Node) -> None:
    """Check a delimiter and a list."""
    _, values = arguments(node, JOIN, 2)
    _want_list(values, JOIN)
    checker.walk_items(node)


def join(node: Node, scope: Scope) -> str | Unknown:
    """Join the values, the delimiter between each two."""
    delimiter_node, values_node = arguments(node, JOIN, 2)
    delimiter = scope.text(delimiter_node, "the delimiter of Fn::Join")
    values = scope.list(values_node, "the second argument of Fn::Join")
    reasons = unknown_reasons(delimiter) | unknown_reasons(values)
    if reasons or isinstance(delimiter, Unknown) or isinstance(values, Unknown):
        return Unknown(reasons)
    texts = [as_text(value) for value in values]
    if None in texts:
        kind = kind_of(values[texts.index(None)])
        raise Fault(Code.FUNCTION_ARGUMENTS, f"Fn::Join joins texts, one of its values is {kind}", values_node)
    return _joined(delimiter, [text for text in texts if text is not None], node)


def check_split(checker: Checker, node: Node) -> None:
    """Check a delimiter and a text."""
    delimiter, _ = arguments(node, SPLIT, 2)
    if literal(delimiter, "the delimiter of Fn::Split", SPLIT) == "":
        raise Fault(Code.FUNCTION_ARGUMENTS, "the delimiter of Fn::Split is empty", delimiter)
    checker.walk_items(node)


def split(node: Node, scope: Scope) -> list[str] | Unknown:
    """Split a text at each delimiter."""
    delimiter_node, text_node = arguments(node, SPLIT, 2)
    delimiter = literal(delimiter_node, "the delimiter of Fn::Split", SPLIT)
    if not delimiter:
        raise Fault(Code.FUNCTION_ARGUMENTS, "the delimiter of Fn::Split is empty", delimiter_node)
    text = scope.text(text_node, "the second argument of Fn::Split")
    return text if isinstance(text, Unknown) else text.split(delimiter)


def check_select(checker: Checker, node: Node) -> None:
    """Check an index and a list."""
    index, values = arguments(node, SELECT, 2)
    _want_list(values, SELECT)
    if isinstance(index, Scalar):
        _index(index.exact, index.text, index)
    checker.walk_items(node)


def select(node: Node, scope: Scope) -> Any:  # noqa: ANN401 - an item may be anything
    """Pick one item; only that one need be known."""
    index_node, values_node = arguments(node, SELECT, 2)
    wanted = scope.resolve(index_node)
    values = scope.list(values_node, "the second argument of Fn::Select")
    if isinstance(wanted, Unknown) or isinstance(values, Unknown):
        return Unknown(unknown_reasons(wanted) | unknown_reasons(values))
    index = _index(wanted, scope.shown(wanted, index_node), index_node)
    if index >= len(values):
        raise Fault(
            Code.FUNCTION_ARGUMENTS,
            f"Fn::Select asks for item {scope.shown(index, index_node)} of a list of {len(values)}",
            node,
            "the first item has the index 0",
        )
    return values[index]


def _index(value: object, shown: str, node: Node) -> int:
    text = as_text(value)
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise Fault(Code.FUNCTION_ARGUMENTS, f"the index of Fn::Select is {shown}, not 0 or more", node)
    return int(text)


def check_sub(checker: Checker, node: Node) -> None:
    """Check a text's names and the values of its own variables."""
    text_node, variables = _sub_arguments(node)
    text = literal(text_node, "the text of Fn::Sub", SUB)
    own = variables.entries if variables is not None else {}
    for part in parts_of(text):
        if isinstance(part, Name):
            if not part.valid:
                checker.fault(_bad_name(part, text_node))
            elif part.text not in own:
                name, dot, attribute = part.text.partition(".")
                checker.reference(name, attribute if dot else None, text_node, others=own)
    if variables is not None:
        checker.walk(variables, 1)


def sub(node: Node, scope: Scope) -> str | Unknown:
    """Put values in the place of the names in a text."""
    text_node, variables = _sub_arguments(node)
    own = variables.entries if variables is not None else {}
    pieces: list[str] = []
    reasons: frozenset[str] = frozenset()
    for part in parts_of(literal(text_node, "the text of Fn::Sub", SUB)):
        if isinstance(part, str):
            pieces.append(part)
            continue
        if not part.valid:
            raise _bad_name(part, text_node)
        name = part.text
        if name in own:
            value = scope.resolve(own[name])
        elif "." in name:
            logical_id, _, attribute = name.partition(".")
            value = scope.get_att(logical_id, attribute, text_node)
        else:
            value = scope.ref(name, text_node)
        text = as_text(value)
        if text is not None:
            pieces.append(text)
            continue
        found = unknown_reasons(value)
        if not found:
            kind = "AWS::NoValue" if value is NO_VALUE else kind_of(value)
            hint = f"join it first: a variable {{Name: {{Fn::Join: [',', {{Ref: {name}}}]}}}}"
            raise Fault(Code.FUNCTION_ARGUMENTS, f"${{{name}}} in Fn::Sub is {kind}, not a text", text_node, hint)
        reasons |= found
    return Unknown(reasons) if reasons else _joined("", pieces, node)


def _joined(delimiter: str, texts: list[str], node: Node) -> str:
    """The texts as one, unless a short template makes a very long text of them."""
    size = sum(map(len, texts)) + len(delimiter) * len(texts)
    if size > MAX_CHARACTERS:
        raise Fault(Code.LIMIT, f"a text of more than {MAX_CHARACTERS} characters", node)
    return delimiter.join(texts)


def _sub_arguments(node: Node) -> tuple[Node, MapNode | None]:
    if isinstance(node, Scalar):
        return node, None
    text, variables = arguments(node, SUB, 2)
    if not isinstance(variables, MapNode) or function_name(variables):
        raise Fault(Code.FUNCTION_ARGUMENTS, "the variables of Fn::Sub are no map", variables, f"write {SUB}")
    return text, variables


def _bad_name(part: Name, node: Node) -> Fault:
    hint = f"write ${{!{part.text}}} for a ${{{part.text}}} that stays in the text"
    return Fault(Code.FUNCTION_ARGUMENTS, f"'${{{part.text}}}' in Fn::Sub is no name", node, hint)


def check_any(checker: Checker, node: Node) -> None:
    """Check one argument that may be any expression."""
    checker.walk(node)


def check_base64(checker: Checker, node: Node) -> None:
    """Check one text."""
    if not isinstance(node, Scalar) and function_name(node) is None:
        raise Fault(Code.FUNCTION_ARGUMENTS, "Fn::Base64 has no text", node, f"write {BASE64}")
    checker.walk(node)


def base64(node: Node, scope: Scope) -> str | Unknown:
    """Encode a text's UTF-8 in Base64."""
    from base64 import b64encode  # noqa: PLC0415 - cheap, and most commands never need it

    text = scope.text(node, "the argument of Fn::Base64")
    return text if isinstance(text, Unknown) else b64encode(text.encode()).decode()


def check_length(checker: Checker, node: Node) -> None:
    """Check one list."""
    _want_list(node, LENGTH)
    checker.walk(node)


def length(node: Node, scope: Scope) -> int | Unknown:
    """Count a list's items; they need not be known."""
    values = scope.list(node, "the argument of Fn::Length")
    return values if isinstance(values, Unknown) else len(values)


def to_json_string(node: Node, scope: Scope) -> str | Unknown:
    """Write a list or map as JSON without blanks."""
    from json import dumps  # noqa: PLC0415 - as above

    value = scope.resolve(node)
    if not isinstance(value, (list, dict, Unknown)):
        raise Fault(Code.FUNCTION_ARGUMENTS, f"Fn::ToJsonString has {kind_of(value)}, not a list or a map", node)
    reasons = unknown_reasons(value)
    if reasons or isinstance(value, Unknown):
        return Unknown(reasons)
    return dumps(value, separators=(",", ":"), ensure_ascii=False)


def _want_list(node: Node, usage: str) -> None:
    if not may_be_list(node):
        raise Fault(Code.FUNCTION_ARGUMENTS, f"{_WHERE[usage]} is no list", node, f"write {usage}")


_WHERE = {
    JOIN: "the second argument of Fn::Join",
    SELECT: "the second argument of Fn::Select",
    LENGTH: "the argument of Fn::Length",
}
