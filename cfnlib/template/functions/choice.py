"""Conditions and the choice between two values: Equals, And, Or, Not, Condition, If.

A condition knows parameters, pseudo parameters and mappings only, so it is always known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.diagnostic import Code
from cfnlib.source import ListNode, MapNode, Node
from cfnlib.template.functions.shape import arguments, literal, may_be_list
from cfnlib.template.values import Fault, as_text, unknown_reasons

if TYPE_CHECKING:
    from cfnlib.template.check import Checker
    from cfnlib.template.scope import Scope

EQUALS = "Fn::Equals: [value, value]"
AND = "Fn::And: [condition, condition, ...]"
OR = "Fn::Or: [condition, condition, ...]"
NOT = "Fn::Not: [condition]"
CONDITION = "Condition: name"
CONTAINS = "Fn::Contains: [[value, ...], value]"
EACH_EQUALS = "Fn::EachMemberEquals: [[value, ...], value]"
EACH_IN = "Fn::EachMemberIn: [[value, ...], [value, ...]]"
IF = "Fn::If: [condition name, value if true, value if false]"
_MOST = 10  # Source: AWS, condition functions: Fn::And and Fn::Or take two to ten conditions


def check_equals(checker: Checker, node: Node) -> None:
    """Check two values."""
    arguments(node, EQUALS, 2)
    checker.walk_items(node)


def equals(node: Node, scope: Scope) -> bool:
    """Compare two values as the texts they are: the number 1 equals "1", true equals "true"."""
    left_node, right_node = arguments(node, EQUALS, 2)
    left, right = scope.resolve(left_node), scope.resolve(right_node)
    if unknown_reasons(left) or unknown_reasons(right):
        raise Fault(Code.FUNCTION_ARGUMENTS, "Fn::Equals compares what is known only when resources are made", node)
    return bool(_comparable(left) == _comparable(right))


def _comparable(value: object) -> object:
    if isinstance(value, list):
        return [_comparable(item) for item in value]
    if isinstance(value, dict):
        return {key: _comparable(item) for key, item in value.items()}
    text = as_text(value)
    return value if text is None else text


def check_and(checker: Checker, node: Node) -> None:
    """Check two to ten conditions."""
    _check_each(checker, node, AND, 2, _MOST)


def check_or(checker: Checker, node: Node) -> None:
    """Check two to ten conditions."""
    _check_each(checker, node, OR, 2, _MOST)


def check_not(checker: Checker, node: Node) -> None:
    """Check one condition."""
    _check_each(checker, node, NOT, 1, 1)


def _check_each(checker: Checker, node: Node, usage: str, least: int, most: int) -> None:
    for index, item in enumerate(arguments(node, usage, least, most)):
        checker.condition_expression(item, index)


def all_hold(node: Node, scope: Scope) -> bool:
    """Whether all the conditions hold. Each is worked out, so that a fault in any of them is found."""
    found = [scope.holds(item) for item in arguments(node, AND, 2, _MOST)]
    return all(found)


def any_holds(node: Node, scope: Scope) -> bool:
    """Whether one of the conditions holds."""
    found = [scope.holds(item) for item in arguments(node, OR, 2, _MOST)]
    return any(found)


def negation(node: Node, scope: Scope) -> bool:
    """Whether the condition does not hold."""
    return not scope.holds(arguments(node, NOT, 1)[0])


def check_condition(checker: Checker, node: Node) -> None:
    """Check the name of a condition."""
    checker.condition_name(literal(node, "the name of a condition", CONDITION), node)


def condition(node: Node, scope: Scope) -> bool:
    """Whether the named condition holds."""
    return scope.condition(literal(node, "the name of a condition", CONDITION), node)


def check_contains(checker: Checker, node: Node) -> None:
    """Check a list and a value."""
    _check_members(checker, node, CONTAINS)


def check_each_equals(checker: Checker, node: Node) -> None:
    """Check a list and a value."""
    _check_members(checker, node, EACH_EQUALS)


def check_each_in(checker: Checker, node: Node) -> None:
    """Check two lists."""
    _check_members(checker, node, EACH_IN)


def _check_members(checker: Checker, node: Node, usage: str) -> None:
    members, _ = arguments(node, usage, 2)
    if not may_be_list(members):
        name = usage.split(": ", maxsplit=1)[0]
        raise Fault(Code.FUNCTION_ARGUMENTS, f"the first argument of {name} is no list", members, f"write {usage}")
    checker.walk_items(node)


def contains(node: Node, scope: Scope) -> bool:
    """Whether a value is in a list."""
    members, value = arguments(node, CONTAINS, 2)
    return _comparable(scope.resolve(value)) in _members(members, scope)


def each_equals(node: Node, scope: Scope) -> bool:
    """Whether all the values of a list are the one."""
    members, value = arguments(node, EACH_EQUALS, 2)
    wanted = _comparable(scope.resolve(value))
    return all(member == wanted for member in _members(members, scope))


def each_in(node: Node, scope: Scope) -> bool:
    """Whether all the values of a list are in another one."""
    members, allowed = arguments(node, EACH_IN, 2)
    known = _members(allowed, scope)
    return all(member in known for member in _members(members, scope))


def _members(node: Node, scope: Scope) -> list[object]:
    values = scope.list(node, "an argument of a rule's function")
    return [_comparable(value) for value in values] if isinstance(values, list) else []


def check_if(checker: Checker, node: Node) -> None:
    """Check a condition's name and two values."""
    name_node, _, _ = arguments(node, IF, 3)
    if isinstance(name_node, MapNode) and list(name_node.entries) != ["Condition"]:
        hint = "declare it in Conditions, and name it here"
        raise Fault(Code.FUNCTION_ARGUMENTS, "Fn::If takes the name of a condition, no expression", name_node, hint)
    if isinstance(name_node, (MapNode, ListNode)):
        raise Fault(Code.FUNCTION_ARGUMENTS, "Fn::If takes the bare name of a condition", name_node, f"write {IF}")
    name = literal(name_node, "the condition of Fn::If", IF)
    checker.condition_name(name, name_node, 0)
    checker.walk_branches(node)


def choose(node: Node, scope: Scope) -> Any:  # noqa: ANN401 - a branch may be anything
    """The value of the branch that the condition chooses; the other one is not looked at."""
    name_node, then, otherwise = arguments(node, IF, 3)
    name = literal(name_node, "the condition of Fn::If", IF)
    return scope.resolve(then if scope.condition(name, name_node) else otherwise)
