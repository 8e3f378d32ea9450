"""The section Rules: assertions about the parameters, looked at before anything is made.

Source: AWS CloudFormation user guide, "Rules". Fn::RefAll, Fn::ValueOf and Fn::ValueOfAll are not there: they ask AWS
about the account's VPCs and subnets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from cfnlib.diagnostic import Code
from cfnlib.source import ListNode, MapNode, Node
from cfnlib.template.reader import Reader, kind_of
from cfnlib.template.references import path_to
from cfnlib.template.values import Fault

if TYPE_CHECKING:
    from cfnlib.diagnostic import Diagnostics
    from cfnlib.template.scope import Scope


@frozen
class Assertion:
    """What a rule asserts, and what to say when it does not hold."""

    node: Node = field(repr=False)
    description: str
    path: tuple[str | int, ...]


@frozen
class Rule:
    """A rule. `condition` is None when it always applies."""

    name: str
    condition: Node | None = field(repr=False)
    assertions: tuple[Assertion, ...] = ()


def read_rules(reader: Reader, section: Node) -> dict[str, Rule]:
    """The rules by name."""
    found = {}
    for name, node in reader.named_maps(section, "Rules", "rule"):
        path = ("Rules", name)
        reader.known_keys(node, ("RuleCondition", "Assertions"), path, "rule")
        found[name] = Rule(name, node.get("RuleCondition"), tuple(_read_assertions(reader, node, path)))
    return found


def _read_assertions(reader: Reader, node: MapNode, path: tuple[str | int, ...]) -> list[Assertion]:
    listed = node.get("Assertions")
    if not isinstance(listed, ListNode):
        message = "the rule has no Assertions" if listed is None else f"Assertions is {kind_of(listed)}, not a list"
        place = node.span if listed is None else listed.span
        reader.add(Code.STRUCTURE, message, place, path, "add Assertions: [{Assert: ..., AssertDescription: ...}]")
        return []
    found = []
    for index, item in enumerate(listed.items):
        here = (*path, "Assertions", index)
        entry = reader.map(item, "an assertion", here)
        if entry is None:
            continue
        reader.known_keys(entry, ("Assert", "AssertDescription"), here, "assertion")
        expression = entry.get("Assert")
        if expression is None:
            reader.add(Code.STRUCTURE, "the assertion has no Assert", entry.span, here)
            continue
        found.append(Assertion(expression, reader.text(entry, "AssertDescription", here) or "", (*here, "Assert")))
    return found


def assert_rules(rules: dict[str, Rule], scope: Scope, diagnostics: Diagnostics) -> None:
    """Tell of every assertion that does not hold for the parameters in the scope."""
    for rule in rules.values():
        try:
            if rule.condition is not None and not scope.holds(rule.condition):
                continue
        except Fault as fault:
            _add(fault, rule.condition, ("Rules", rule.name, "RuleCondition"), diagnostics)
            continue
        for assertion in rule.assertions:
            try:
                holds = scope.holds(assertion.node)
            except Fault as fault:
                _add(fault, assertion.node, assertion.path, diagnostics)
                continue
            if not holds:
                said = assertion.description or "an assertion does not hold"
                message = f"the rule '{rule.name}' refuses the parameters: {said}"
                diagnostics.add(Code.PARAMETER_VALUE, message, assertion.node.span, path=assertion.path)


def _add(fault: Fault, root: Node | None, path: tuple[str | int, ...], diagnostics: Diagnostics) -> None:
    below = path_to(root, fault.node) if root is not None else None
    diagnostics.add(fault.code, fault.message, fault.node.span, path=(*path, *(below or ())), hint=fault.hint)
