"""Checking properties against their declaration, twice with one set of rules.

`check_properties` reads the nodes of a template, before anything is known but literals: a function's value is not
judged, the branches of Fn::If are. `coerce` judges values that have been resolved, and turns what is written in
another form into the declared one: "80" into 80 where an integer is meant, 80 into "80" where a string is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from cfnlib.diagnostic import Code, Diagnostics
from cfnlib.schema.model import Kind
from cfnlib.source import ListNode, MapNode, Node, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cfnlib.diagnostic import Span
    from cfnlib.schema.model import Property, ResourceType

Path = tuple[str | int, ...]
_TRUE = frozenset({"true", "yes", "1"})
_FALSE = frozenset({"false", "no", "0"})


class Problem(NamedTuple):
    """What is wrong with a value, and where below the properties."""

    code: Code
    message: str
    path: Path
    hint: str | None = None


def check_properties(resource: ResourceType, logical_id: str, node: Node | None, span: Span) -> Diagnostics:
    """Every fault of a resource's properties that can be told from the text. `span` is the resource's own place."""
    found = Diagnostics()
    if node is not None and not isinstance(node, MapNode):
        found.add(Code.WRONG_TYPE, "Properties must be a map", node.span, logical_id=logical_id)
        return found
    if node is not None and function_of(node):
        return found
    for problem, place in _check_fields(resource.properties, node, span, (), internal=False):
        found.add(problem.code, problem.message, place, logical_id=logical_id, path=problem.path, hint=problem.hint)
    given = set(node.entries) if node is not None else set()
    for problem in _check_groups(resource, given):
        place = node.span if node is not None else span
        found.add(problem.code, problem.message, place, logical_id=logical_id, hint=problem.hint)
    return found


def coerce(resource: ResourceType, values: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The resolved values in their declared forms, and what is wrong with them. Unknown values pass as they are."""
    problems: list[Problem] = []
    found = {}
    for name, value in values.items():
        declared = resource.properties.get(name)
        found[name] = value if declared is None else _coerced(declared, value, (name,), problems)
    for name, declared in resource.properties.items():
        if declared.required and found.get(name) is None:
            problems.append(_missing(name, (name,)))
    problems += _check_groups(resource, {name for name, value in found.items() if value is not None})
    if resource.judge is not None and not problems:
        problems += [Problem(Code.NOT_ALLOWED, message, path) for path, message in resource.judge(found)]
    return found, problems


def unknown_type(name: str) -> str:
    """A hint for a type that there is not: the nearest ones, or how to see them all."""
    from cfnlib.resources import names  # noqa: PLC0415 - every type is imported, which only a fault is worth

    return _near(name, names()) or "`cfnlib docs` lists the types there are"


def function_of(node: Node | None) -> str | None:
    """The name of the intrinsic function that a node calls, None when it is plain."""
    if isinstance(node, MapNode) and len(node.entries) == 1:
        (name,) = node.entries
        if name in {"Ref", "Condition"} or name.startswith("Fn::"):
            return name
    return None


def _check_fields(
    declared: Mapping[str, Property], node: MapNode | None, span: Span, path: Path, *, internal: bool
) -> Iterator[tuple[Problem, Span]]:
    if node is not None:
        for name, inner in node.items():
            here = (*path, name)
            if name.startswith("Fn::ForEach::"):
                continue
            one = declared.get(name)
            if one is None or (name.startswith("_") and not internal):
                known = [key for key in declared if not key.startswith("_")]
                yield (
                    Problem(Code.UNKNOWN_PROPERTY, f"there is no property {name}", here, _near(name, known)),
                    _key(node, name),
                )
            elif one.ignored is not None:
                message = f"{name} has no effect on CloudStack: {one.ignored}"
                yield Problem(Code.IGNORED, message, here), _key(node, name)
            else:
                yield from _check_node(one, inner, here)
        if any(name.startswith("Fn::ForEach::") for name in node):
            return
    for name, one in declared.items():
        if one.required and (node is None or name not in node):
            yield _missing(name, (*path, name)), node.span if node is not None else span


def _check_node(declared: Property, node: Node, path: Path) -> Iterator[tuple[Problem, Span]]:
    function = function_of(node)
    if function == "Fn::If" and isinstance(node, MapNode):
        branches = node.get(function)
        for branch in branches.items[1:] if isinstance(branches, ListNode) else ():
            yield from _check_node(declared, branch, path)
    elif function is None and isinstance(node, Scalar):
        for problem in _check_scalar(declared, node, path):
            yield problem, node.span
    elif function is None and isinstance(node, ListNode):
        yield from _check_list(declared, node, path)
    elif function is None and isinstance(node, MapNode):
        if declared.kind is Kind.OBJECT:
            yield from _check_fields(declared.fields, node, node.span, path, internal=True)
        elif declared.kind not in {Kind.TAGS, Kind.JSON}:
            yield Problem(Code.WRONG_TYPE, f"{_name(path)} is a map; it must be {_a(declared)}", path), node.span


def _check_scalar(declared: Property, node: Scalar, path: Path) -> list[Problem]:
    if node.value is None:
        return [Problem(Code.WRONG_TYPE, f"{_name(path)} is null; it must be {_a(declared)}", path)]
    problems: list[Problem] = []
    _coerced(declared, node.exact, path, problems)
    return problems


def _check_list(declared: Property, node: ListNode, path: Path) -> Iterator[tuple[Problem, Span]]:
    if declared.kind not in {Kind.LIST, Kind.TAGS, Kind.JSON}:
        yield Problem(Code.WRONG_TYPE, f"{_name(path)} is a list; it must be {_a(declared)}", path), node.span
    for index, item in enumerate(node.items if declared.item is not None else ()):
        yield from _check_node(declared.item or declared, item, (*path, index))


def _check_groups(resource: ResourceType, given: set[str]) -> Iterator[Problem]:
    for group in resource.exclusive:
        both = [name for name in group if name in given]
        if len(both) > 1:
            yield Problem(Code.EXCLUSIVE, f"{' and '.join(both)} exclude each other", (both[1],), "keep one of them")
    for group in resource.one_of:
        count = sum(name in given for name in group)
        if count == 0:
            yield Problem(Code.MISSING_PROPERTY, f"one of {', '.join(group)} is needed", ())
        elif count > 1:
            yield Problem(Code.EXCLUSIVE, f"only one of {', '.join(group)} may be given", (), "keep one of them")


def _coerced(declared: Property, value: Any, path: Path, problems: list[Problem]) -> Any:  # noqa: ANN401
    """The value in its declared form; what is wrong with it is added to the problems."""
    if value is None or type(value).__name__ == "Unknown":
        return value
    if declared.kind is Kind.LIST:
        return _coerced_list(declared, value, path, problems)
    if declared.kind is Kind.OBJECT:
        return _coerced_object(declared, value, path, problems)
    if declared.kind in {Kind.TAGS, Kind.JSON}:
        return value
    return _coerced_scalar(declared, value, path, problems)


def _coerced_scalar(declared: Property, value: Any, path: Path, problems: list[Problem]) -> Any:  # noqa: ANN401
    turned = None if isinstance(value, dict | list) else _scalar(declared.kind, value)
    if turned is None:
        shown = "a map" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)
        what = "" if declared.secret else f" is {shown}"
        problems.append(Problem(Code.WRONG_TYPE, f"{_name(path)}{what}; it must be {_a(declared)}", path))
        return value
    problems += _limits(declared, turned, path)
    return turned


def _coerced_list(declared: Property, value: Any, path: Path, problems: list[Problem]) -> Any:  # noqa: ANN401
    if isinstance(value, str) and declared.item is not None and declared.item.kind is Kind.STRING:
        value = [part.strip() for part in value.split(",")]
    if not isinstance(value, list):
        problems.append(Problem(Code.WRONG_TYPE, f"{_name(path)} must be a list", path, "write it as - item"))
        return value
    if declared.item is None:
        return value
    return [_coerced(declared.item, item, (*path, index), problems) for index, item in enumerate(value)]


def _coerced_object(declared: Property, value: Any, path: Path, problems: list[Problem]) -> Any:  # noqa: ANN401
    if not isinstance(value, dict):
        problems.append(Problem(Code.WRONG_TYPE, f"{_name(path)} must be a map", path))
        return value
    found = {}
    for name, item in value.items():
        inner = declared.fields.get(name)
        if inner is None:
            hint = _near(name, declared.fields)
            problems.append(Problem(Code.UNKNOWN_PROPERTY, f"there is no property {name}", (*path, name), hint))
        else:
            found[name] = _coerced(inner, item, (*path, name), problems)
    for name, inner in declared.fields.items():
        if inner.required and found.get(name) is None:
            problems.append(_missing(name, (*path, name)))
    return found


def _scalar(kind: Kind, value: str | float) -> str | float | None:
    """A scalar in the declared kind, None when it is none."""
    text = str(value).strip()
    if kind is Kind.STRING:
        return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    if kind is Kind.BOOLEAN:
        return True if text.lower() in _TRUE else False if text.lower() in _FALSE else None
    if isinstance(value, bool):
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    if kind is Kind.INTEGER:
        return int(number) if number.is_integer() else None
    return int(number) if number.is_integer() else number


def _limits(declared: Property, value: str | float, path: Path) -> Iterator[Problem]:
    name = _name(path)
    if declared.allowed and value not in declared.allowed:
        allowed = [str(item) for item in declared.allowed]
        hint = _near(str(value), allowed)
        yield Problem(Code.NOT_ALLOWED, f"{name} {value!r} is none of {', '.join(allowed)}", path, hint)
    if isinstance(value, int | float) and not isinstance(value, bool):
        if declared.minimum is not None and value < declared.minimum:
            yield Problem(Code.NOT_ALLOWED, f"{name} {value} is less than {declared.minimum:g}", path)
        if declared.maximum is not None and value > declared.maximum:
            yield Problem(Code.NOT_ALLOWED, f"{name} {value} is more than {declared.maximum:g}", path)
    if declared.pattern is not None and not re.fullmatch(declared.pattern, str(value)):
        shown = "" if declared.secret else f" {value!r}"
        yield Problem(Code.NOT_ALLOWED, f"{name}{shown} does not match {declared.pattern}", path)


def _missing(name: str, path: Path) -> Problem:
    return Problem(Code.MISSING_PROPERTY, f"the property {name} is missing", path)


def _key(node: MapNode, name: str) -> Span:
    return node.key_span(name)


def _name(path: Path) -> str:
    return ".".join(map(str, path))


def _a(declared: Property) -> str:
    return {
        Kind.INTEGER: "a whole number",
        Kind.NUMBER: "a number",
        Kind.BOOLEAN: "true or false",
        Kind.LIST: "a list",
        Kind.OBJECT: "a map",
        Kind.TAGS: "a list of tags",
    }.get(declared.kind, "a string")


def _near(name: str, known: Iterable[str]) -> str | None:
    from difflib import get_close_matches  # noqa: PLC0415 - a fault is rare, the import is not free

    names = list(known)
    near = get_close_matches(name, names, 1, 0.6) or [item for item in names if item.lower() == name.lower()]
    return f"did you mean {near[0]}?" if near else None
