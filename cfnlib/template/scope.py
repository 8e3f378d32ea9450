"""What the names of a template stand for while its expressions are worked out.

Working out goes over nodes directly and keeps no record of where it is: a template of thousands of resources is
resolved many times, and almost always without a fault. When there is one, it carries its node, and the path to that
node is looked for then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.diagnostic import Code
from cfnlib.source import ListNode, MapNode, Scalar
from cfnlib.template.names import nearest
from cfnlib.template.references import references
from cfnlib.template.values import NO_VALUE, Fault, Unknown, as_text, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cfnlib.source import Node
    from cfnlib.template.functions.table import Function

MASK = "****"


class Scope:
    """Parameters, pseudo parameters, mappings, conditions, and a way to ask for what resources are.

    `values` holds the parameters and pseudo parameters by name, `secret` the names of those that must not be shown.
    `absent` maps a resource whose condition is false to that condition. `ref` and `get_att` answer for everything
    else; None where resources cannot be referred to. `exports` None says that there is nothing to import from.
    """

    def __init__(
        self,
        functions: Mapping[str, Function],
        values: Mapping[str, object],
        *,
        secret: frozenset[str] = frozenset(),
        mappings: MapNode | None = None,
        conditions: Mapping[str, Node] | None = None,
        absent: Mapping[str, str] | None = None,
        zones: Sequence[str] = (),
        exports: Mapping[str, object] | None = None,
        ref: Callable[[str], Any] | None = None,
        get_att: Callable[[str, str], Any] | None = None,
    ) -> None:
        self.values = values
        self.secret = secret
        self.mappings = mappings
        self.zones = list(zones)
        self.exports = exports
        self.truth: dict[str, bool | None] = {}  # None while a condition is being worked out
        self._conditions = conditions or {}
        self._absent = absent or {}
        self._ref = ref
        self._get_att = get_att
        self._evaluate = {name: one.evaluate for name, one in functions.items() if name != "Condition"}
        self._truth_of = {name: one.evaluate for name, one in functions.items() if one.condition}

    def resolve(self, node: Node) -> Any:  # noqa: ANN401 - a template's value is of any type
        """Work out a node. Raises `Fault`."""
        kind = node.__class__
        if kind is Scalar:
            return node.exact  # type: ignore[attr-defined] # just tested
        if kind is ListNode:
            items = [self.resolve(item) for item in node.items]  # type: ignore[attr-defined] # just tested
            return [item for item in items if item is not NO_VALUE] if NO_VALUE in items else items
        entries: dict[str, Node] = node.entries  # type: ignore[attr-defined] # the only kind left
        if len(entries) == 1:
            for key, argument in entries.items():
                evaluate = self._evaluate.get(key)
                if evaluate is not None:
                    return evaluate(argument, self)
        found = {}
        for key, child in entries.items():
            value = self.resolve(child)
            if value is not NO_VALUE:
                found[key] = value
        return found

    def text(self, node: Node, what: str) -> str | Unknown:
        """Work out a node that must be a text. Raises `Fault` when it is none."""
        value = self.resolve(node)
        if isinstance(value, Unknown):
            return value
        text = as_text(value)
        if text is None:
            raise Fault(Code.FUNCTION_ARGUMENTS, f"{what} is {kind_of(value)}, not a text", node)
        return text

    def list(self, node: Node, what: str) -> list[Any] | Unknown:
        """Work out a node that must be a list; its items may be unknown. Raises `Fault` when it is none."""
        value = self.resolve(node)
        if isinstance(value, (list, Unknown)):
            return value
        hint = "split a text by Fn::Split" if isinstance(value, str) else None
        raise Fault(Code.FUNCTION_ARGUMENTS, f"{what} is {kind_of(value)}, not a list", node, hint)

    def ref(self, name: str, node: Node) -> Any:  # noqa: ANN401 - as above
        """What a name stands for. Raises `Fault`."""
        if name in self.values:
            value = self.values[name]
            return list(value) if isinstance(value, list) else value
        self._present(name, node)
        if self._ref is None:
            raise Fault(Code.UNKNOWN_REFERENCE, f"'{name}' has no value here", node, _HERE)
        return self._ref(name)

    def get_att(self, name: str, attribute: str, node: Node) -> Any:  # noqa: ANN401 - as above
        """An attribute of a resource. Raises `Fault`."""
        self._present(name, node)
        if self._get_att is None:
            raise Fault(Code.UNKNOWN_REFERENCE, f"'{name}.{attribute}' has no value here", node, _HERE)
        return self._get_att(name, attribute)

    def _present(self, name: str, node: Node) -> None:
        if name in self._absent:
            raise Fault(
                Code.CONDITIONAL_REFERENCE,
                f"'{name}' is not made, as its condition '{self._absent[name]}' is false",
                node,
                f"choose by Fn::If: [{self._absent[name]}, ..., !Ref AWS::NoValue]",
            )

    def condition(self, name: str, node: Node) -> bool:
        """Whether the named condition holds; worked out once. Raises `Fault`."""
        known = self.truth.get(name)
        if known is not None:
            return known
        if name in self.truth:
            raise Fault(Code.CYCLE, f"the condition '{name}' depends on itself", node)
        if name not in self._conditions:
            hint = nearest(name, self._conditions, otherwise="declare it in Conditions")
            raise Fault(Code.UNKNOWN_CONDITION, f"there is no condition '{name}'", node, hint)
        self.truth[name] = None
        try:
            self.truth[name] = result = self.holds(self._conditions[name])
        finally:
            if self.truth[name] is None:
                del self.truth[name]
        return result

    def holds(self, node: Node) -> bool:
        """Whether a condition function holds. Raises `Fault` when the node is none."""
        if isinstance(node, MapNode) and len(node.entries) == 1:
            ((key, argument),) = node.entries.items()
            if key in self._truth_of:
                return bool(self._truth_of[key](argument, self))
        raise Fault(Code.FUNCTION_ARGUMENTS, f"a condition is one of {', '.join(sorted(self._truth_of))}", node)

    def shown(self, value: object, node: Node) -> str:
        """A value for a message: masked when a parameter that must not be shown has a part in it."""
        if self.secret and any(one.logical_id in self.secret for one in references(node)):
            return MASK
        text = repr(value)
        return text if len(text) <= 60 else f"{text[:60]}..."


_HERE = "only parameters and pseudo parameters are known here, no resources"
