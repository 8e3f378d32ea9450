"""The functions of the template language, by name.

This is the one place that knows them all. A new function is one entry here and one pair of functions beside its kin:
`check(checker, argument)` looks at the shape before anything is known, `evaluate(argument, scope)` works it out; both
raise `Fault` for what is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cfnlib.template.functions import choice, lookup, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.source import Node
    from cfnlib.template.check import Checker
    from cfnlib.template.scope import Scope


class Function(NamedTuple):
    """One function.

    `condition`: it is true or false, and stands in Conditions and Rules only, with `rules_only` in Rules only.
    `extension`: the template must have `Transform: AWS::LanguageExtensions`.
    """

    check: Callable[[Checker, Node], None]
    evaluate: Callable[[Node, Scope], Any]
    condition: bool = False
    extension: bool = False
    rules_only: bool = False


FUNCTIONS: dict[str, Function] = {
    "Ref": Function(lookup.check_ref, lookup.ref),
    "Condition": Function(choice.check_condition, choice.condition, condition=True),
    "Fn::And": Function(choice.check_and, choice.all_hold, condition=True),
    "Fn::Base64": Function(text.check_base64, text.base64),
    "Fn::Cidr": Function(lookup.check_cidr, lookup.cidr),
    "Fn::Contains": Function(choice.check_contains, choice.contains, condition=True, rules_only=True),
    "Fn::EachMemberEquals": Function(choice.check_each_equals, choice.each_equals, condition=True, rules_only=True),
    "Fn::EachMemberIn": Function(choice.check_each_in, choice.each_in, condition=True, rules_only=True),
    "Fn::Equals": Function(choice.check_equals, choice.equals, condition=True),
    "Fn::FindInMap": Function(lookup.check_find_in_map, lookup.find_in_map),
    "Fn::GetAZs": Function(lookup.check_get_azs, lookup.get_azs),
    "Fn::GetAtt": Function(lookup.check_get_att, lookup.get_att),
    "Fn::If": Function(choice.check_if, choice.choose),
    "Fn::ImportValue": Function(lookup.check_import_value, lookup.import_value),
    "Fn::Join": Function(text.check_join, text.join),
    "Fn::Length": Function(text.check_length, text.length, extension=True),
    "Fn::Not": Function(choice.check_not, choice.negation, condition=True),
    "Fn::Or": Function(choice.check_or, choice.any_holds, condition=True),
    "Fn::Select": Function(text.check_select, text.select),
    "Fn::Split": Function(text.check_split, text.split),
    "Fn::Sub": Function(text.check_sub, text.sub),
    "Fn::ToJsonString": Function(text.check_any, text.to_json_string, extension=True),
}

UNSUPPORTED: dict[str, str] = {
    "Fn::ForEach": "a loop has a name, and is a key beside others: Fn::ForEach::Name: [X, [a, b], {Key${X}: ...}]",
    "Fn::Transform": "cfnlib runs no macros: write what the macro would make, or render the template through Jinja2",
    "Fn::RefAll": "rules can look at parameters only, not at what is in the account",
    "Fn::ValueOf": "rules can look at parameters only, not at what is in the account",
    "Fn::ValueOfAll": "rules can look at parameters only, not at what is in the account",
    "Fn::GetStackOutput": "pass the other stack's output as a parameter",
}
"""Functions of AWS that cfnlib does not have, and what to do instead."""
