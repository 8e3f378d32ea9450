"""Reading the section Parameters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cfnlib.diagnostic import Code
from cfnlib.source import ListNode, MapNode, Scalar, scalar_text
from cfnlib.template.names import nearest
from cfnlib.template.parameters import KNOWN_TYPES, Parameter, is_known_type, number_of

if TYPE_CHECKING:
    from cfnlib.source import Node
    from cfnlib.template.reader import Reader

_ATTRIBUTES = (
    "Type",
    "Default",
    "Description",
    "AllowedValues",
    "AllowedPattern",
    "MinLength",
    "MaxLength",
    "MinValue",
    "MaxValue",
    "ConstraintDescription",
    "NoEcho",
)


def read_parameters(reader: Reader, section: Node) -> dict[str, Parameter]:
    """The declared parameters by name; what is wrong with them goes to the reader's diagnostics."""
    declared = {}
    for name, node in reader.named_maps(section, "Parameters", "parameter"):
        parameter = _read(reader, name, node, section)
        if parameter is not None:
            declared[name] = parameter
    return declared


def _read(reader: Reader, name: str, node: MapNode, section: Node) -> Parameter | None:
    path = ("Parameters", name)
    reader.known_keys(node, _ATTRIBUTES, path, "parameter")
    type_node = node.get("Type")
    if not isinstance(type_node, Scalar) or not is_known_type(type_node.text):
        _wrong_type(reader, name, node, type_node)
        return None
    texts = {key: reader.text(node, key, path) for key in ("Description", "AllowedPattern", "ConstraintDescription")}
    numbers = {key: _number(reader, node, key, path) for key in ("MinLength", "MaxLength", "MinValue", "MaxValue")}
    pattern = texts["AllowedPattern"]
    if pattern is not None:
        try:
            re.compile(pattern)
        except re.error as error:
            place = node.entries["AllowedPattern"].span
            reader.add(
                Code.PARAMETER_DECLARATION, f"no regular expression: {error}", place, (*path, "AllowedPattern")
            )
            pattern = None
    lengths = {key: None if numbers[key] is None else int(numbers[key] or 0) for key in ("MinLength", "MaxLength")}
    parameter = Parameter(
        name=name,
        type=type_node.text,
        span=section.key_span(name) if isinstance(section, MapNode) else node.span,
        default=_default(reader, node, path),
        description=texts["Description"] or "",
        allowed_values=_allowed(reader, node, path),
        allowed_pattern=pattern,
        min_length=lengths["MinLength"],
        max_length=lengths["MaxLength"],
        min_value=numbers["MinValue"],
        max_value=numbers["MaxValue"],
        constraint_description=texts["ConstraintDescription"],
        no_echo=(reader.text(node, "NoEcho", path) or "").lower() in {"true", "yes"},
    )
    if parameter.default is not None:
        place = node.entries["Default"].span
        for problem in parameter.problems(parameter.default):
            hint = _quoting(node)
            reader.add(Code.PARAMETER_DECLARATION, f"the default{problem}", place, (*path, "Default"), hint)
    return parameter


def _wrong_type(reader: Reader, name: str, node: MapNode, type_node: Node | None) -> None:
    path = ("Parameters", name, "Type")
    hint: str | None
    if type_node is None:
        message, hint = f"the parameter '{name}' has no Type", "add Type: String"
        reader.add(Code.PARAMETER_DECLARATION, message, node.span, path[:2], hint)
        return
    said = type_node.text if isinstance(type_node, Scalar) else "..."
    if said.startswith("AWS::SSM::"):
        message = "there is no parameter store to read from"
        hint = "declare the parameter as String and pass the value itself"
    else:
        message = f"unknown parameter type '{said}'"
        hint = nearest(said, KNOWN_TYPES, otherwise="String, Number, CommaDelimitedList, List<Number> always work")
    reader.add(Code.PARAMETER_DECLARATION, message, type_node.span, path, hint)


def _number(reader: Reader, node: MapNode, key: str, path: tuple[str, ...]) -> float | None:
    text = reader.text(node, key, path)
    if text is None:
        return None
    number = number_of(text)
    is_length = key.endswith("Length")
    if number is None or (is_length and (number < 0 or number != int(number))):
        kind = "no number of characters" if is_length else "no number"
        reader.add(Code.PARAMETER_DECLARATION, f"{key} is {kind}", node.entries[key].span, (*path, key))
        return None
    return number


def _default(reader: Reader, node: MapNode, path: tuple[str, ...]) -> str | None:
    default = node.get("Default")
    if default is None:
        return None
    if isinstance(default, Scalar) and default.value is not None:
        return _said(default)
    message = "a Default is a text or a number"
    hint = "write a list as one text with commas" if isinstance(default, ListNode) else None
    reader.add(Code.PARAMETER_DECLARATION, message, default.span, (*path, "Default"), hint)
    return None


def _allowed(reader: Reader, node: MapNode, path: tuple[str, ...]) -> tuple[str, ...] | None:
    allowed = node.get("AllowedValues")
    if allowed is None:
        return None
    if isinstance(allowed, ListNode) and all(isinstance(item, Scalar) for item in allowed.items):
        return tuple(_said(item) for item in allowed.items if isinstance(item, Scalar))
    reader.add(
        Code.PARAMETER_DECLARATION, "AllowedValues is no list of values", allowed.span, (*path, "AllowedValues")
    )
    return None


def _said(node: Scalar) -> str:
    """A scalar as a parameter's text: an unquoted yes is "true", as for CloudFormation; a number keeps its digits."""
    return scalar_text(node.value) if isinstance(node.value, bool) else node.text


def _quoting(node: MapNode) -> str | None:
    """A hint when an unquoted yes or no has become a boolean."""
    allowed = node.get("AllowedValues")
    scalars = [node.get("Default"), *(allowed.items if isinstance(allowed, ListNode) else ())]
    for item in scalars:
        if isinstance(item, Scalar) and isinstance(item.value, bool) and item.text not in {"true", "false"}:
            return f"an unquoted {item.text} is the boolean {str(item.value).lower()}: write '{item.text}'"
    return None
