"""Stack policies: what an update may do to which resource.

A stack without a policy allows everything; once it has one, only what the policy allows. A denial weighs more than
any permission. What an update adds is never denied. Members of a group, and what is made of a resource, are judged as
the resource that they come from: its name is the one that a policy can name.

Source: AWS CloudFormation user guide, Prevent updates to stack resources: Effect, Action and NotAction
(Update:Modify, Update:Replace, Update:Delete, Update:*), Principal (only *), Resource and NotResource
(LogicalResourceId/name, with * and ?), Condition (StringEquals and StringLike of ResourceType).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from attrs import frozen

from cfnlib.errors import StackError
from cfnlib.plan.change import REPLACED, Operation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cfnlib.plan.change import Action, Plan

_ACTIONS = {
    Operation.UPDATE: "Update:Modify",
    Operation.REPLACE: "Update:Replace",
    Operation.REMOVE: "Update:Delete",
    Operation.FORGET: "Update:Delete",
}
_KNOWN = ("update:modify", "update:replace", "update:delete", "update:*", "*")
_TESTS = {"StringEquals": False, "StringLike": True}


@frozen
class _Statement:
    """One statement. `actions`, `resources` and `types` are patterns; the flags say that they name the exceptions."""

    number: int
    denies: bool
    actions: tuple[str, ...]
    not_actions: bool
    resources: tuple[str, ...]
    not_resources: bool
    types: tuple[tuple[str, ...], ...] = ()

    def meets(self, action: str, logical_id: str, type_name: str) -> bool:
        """Whether it speaks of this action on this resource."""
        acts = any(_like(pattern.lower(), action.lower()) for pattern in self.actions)
        is_meant = any(_names(pattern, logical_id) for pattern in self.resources)
        of_type = all(any(_like(pattern, type_name) for pattern in patterns) for patterns in self.types)
        return acts is not self.not_actions and is_meant is not self.not_resources and of_type


@frozen
class StackPolicy:
    """The statements of a policy."""

    statements: tuple[_Statement, ...]

    @classmethod
    def read(cls, text: str) -> StackPolicy:
        """The policy of a JSON text. Raises `StackError`, which says what is wrong with it."""
        try:
            found = json.loads(text)
        except ValueError as error:
            raise _invalid(f"it is no JSON: {error}") from None
        except RecursionError:
            raise _invalid("it is nested too deeply") from None
        given = found.get("Statement") if isinstance(found, dict) else None
        if isinstance(given, dict):
            given = [given]
        if not isinstance(given, list):
            raise _invalid("it needs a list Statement")
        return cls(tuple(_statement(number, one) for number, one in enumerate(given)))

    def refusal(self, action: str, logical_id: str, type_name: str) -> str | None:
        """Why an action (Update:Modify, Update:Replace, Update:Delete) is denied; None when it is allowed."""
        met = [one for one in self.statements if one.meets(action, logical_id, type_name)]
        denying = [one for one in met if one.denies]
        if met and not denying:
            return None
        named = ", ".join(f"#{one.number}" for one in denying)
        verb = "denies" if denying else "does not allow"
        return (
            f"Action denied by stack policy: Statement [{named}] {verb} [{action}] "
            f"for resource [LogicalResourceId/{logical_id}]"
        )


def denied(policy: StackPolicy, plan: Plan) -> list[tuple[Action, str]]:
    """The actions of an update's plan that a policy denies, each with the reason."""
    types = {action.logical_id: action.type for action in plan.actions}
    found = []
    for action in plan.actions:
        verb = _ACTIONS.get(action.operation)
        if verb is None or (verb == "Update:Delete" and action.reason.startswith(REPLACED)):
            continue
        logical_id = action.group or action.logical_id.partition("[")[0]
        reason = policy.refusal(verb, logical_id, types.get(logical_id, action.type))
        if reason is not None:
            found.append((action, reason))
    return found


def _statement(number: int, given: Any) -> _Statement:  # noqa: ANN401 - any JSON
    if not isinstance(given, dict):
        raise _invalid("each statement is an object")
    if given.get("Effect") not in {"Allow", "Deny"}:
        raise _invalid("Effect is Allow or Deny")
    if given.get("Principal") != "*":
        raise _invalid("Principal is *: a policy holds for everybody")
    actions, not_actions = _one_of(given, "Action")
    for action in actions:
        if action.lower() not in _KNOWN:
            raise _invalid(f"there is no action {action}; there are Update:Modify, Update:Replace, Update:Delete, *")
    resources, not_resources = _one_of(given, "Resource")
    for resource in resources:
        if resource != "*" and not resource.startswith("LogicalResourceId/"):
            raise _invalid(f"a resource is * or LogicalResourceId/ and a name, not {resource}")
    types = tuple(_types(given.get("Condition")))
    return _Statement(number, given["Effect"] == "Deny", actions, not_actions, resources, not_resources, types)


def _one_of(given: Mapping[str, Any], name: str) -> tuple[tuple[str, ...], bool]:
    """The texts of `name` or of its opposite, and whether it is the opposite."""
    if (name in given) is (f"Not{name}" in given):
        raise _invalid(f"a statement has {name} or Not{name}, and not both")
    opposite = name not in given
    return _texts(given[f"Not{name}" if opposite else name], name), opposite


def _types(condition: Any) -> Iterable[tuple[str, ...]]:  # noqa: ANN401 - any JSON
    """What the type must be like, each of them."""
    if condition is None:
        return
    if not isinstance(condition, dict):
        raise _invalid("Condition is an object")
    for test, asked in condition.items():
        if test not in _TESTS or not isinstance(asked, dict) or set(asked) != {"ResourceType"}:
            raise _invalid("a Condition is StringEquals or StringLike of ResourceType")
        texts = _texts(asked["ResourceType"], "ResourceType")
        yield texts if _TESTS[test] else tuple(re.sub(r"([*?\[])", r"[\1]", text) for text in texts)


def _texts(given: Any, name: str) -> tuple[str, ...]:  # noqa: ANN401 - any JSON
    texts: Sequence[Any] = given if isinstance(given, list) else [given]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise _invalid(f"{name} is a text or a list of texts")
    return tuple(texts)


def _names(pattern: str, logical_id: str) -> bool:
    return pattern == "*" or _like(pattern.removeprefix("LogicalResourceId/"), logical_id)


def _like(pattern: str, text: str) -> bool:
    """Whether a text is as a pattern of *, ? and plain characters says; [*] stands for the character itself."""
    parts = re.split(r"(\[[*?\[]\]|\*|\?)", pattern)
    known = {"*": ".*", "?": "."}
    expression = "".join(
        known.get(part) or re.escape(part[1] if len(part) == 3 and part[0] == "[" else part) for part in parts
    )
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _invalid(what: str) -> StackError:
    return StackError(f"Error validating stack policy: Invalid stack policy: {what}")
