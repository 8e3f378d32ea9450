"""References to resources that may not be there, found without any parameter's value.

A condition compares parameters with texts, so a finite number of cases covers all that can be passed: for each
parameter that the conditions in question name, the values it is allowed or compared with, and one for all others. In
each of these worlds it is known which resources exist. A reference that fails in every world in which it is followed
is an error; one that fails in some is a warning, as the author may know that these never come. When there are too
many worlds nothing is said: `instantiate` finds it with the values at hand.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from cfnlib.diagnostic import Code
from cfnlib.source import ListNode, MapNode, Scalar
from cfnlib.template.references import Reference, read_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cfnlib.diagnostic import Diagnostics
    from cfnlib.source import Node
    from cfnlib.template.sections import Sections

MAX_WORLDS = 2048
MAX_LOOKS = 200_000
"""Worlds that are looked at for one template, all its references together."""
_OTHER = "\0other"  # stands for every value that no condition names
Guards = tuple[tuple[str, bool], ...]
"""The conditions, and what they must be, for a reference to be followed."""


def check_absences(sections: Sections, diagnostics: Diagnostics) -> None:
    """Tell of every reference to a resource that its condition may leave out."""
    conditional = {name: one.condition for name, one in sections.resources.items() if one.condition}
    if not conditional:
        return
    worlds = _Worlds(sections)
    for logical_id, resource in sections.resources.items():
        own: Guards = ((resource.condition, True),) if resource.condition else ()
        for key in ("Properties", "Metadata"):
            node = resource.node.get(key)
            if node is not None:
                path = ("Resources", logical_id, key)
                _check(worlds, node, path, own, conditional, logical_id, diagnostics)
    for name, output in sections.outputs.items():
        own = ((output.condition, True),) if output.condition else ()
        _check(worlds, output.value, ("Outputs", name, "Value"), own, conditional, name, diagnostics)


def _check(
    worlds: _Worlds,
    node: Node,
    path: tuple[str | int, ...],
    own: Guards,
    conditional: Mapping[str, str],
    logical_id: str,
    diagnostics: Diagnostics,
) -> None:
    for reference, guards in _guarded(node, path, own):
        condition = conditional.get(reference.logical_id)
        if condition is None or (condition, True) in guards:
            continue
        followed = worlds.truths((*guards, (condition, True)), guards)
        if not followed or all(followed):
            continue
        always = not any(followed)
        when = f"when its condition '{condition}' is false"
        if always:
            when = f"here: its condition '{condition}' is false whenever this is used"
        diagnostics.add(
            Code.CONDITIONAL_REFERENCE if always else Code.MAYBE_ABSENT,
            f"'{reference.logical_id}' does not exist {when}",
            reference.span,
            logical_id=logical_id,
            path=reference.path,
            hint=f"choose by Fn::If: [{condition}, ..., !Ref AWS::NoValue], or give this the same Condition",
        )


def _guarded(node: Node, path: tuple[str | int, ...], guards: Guards) -> Iterator[tuple[Reference, Guards]]:
    """The references below a node, each with the conditions that lead to it."""
    if isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            yield from _guarded(item, (*path, index), guards)
    elif isinstance(node, MapNode):
        key = next(iter(node.entries)) if len(node.entries) == 1 else ""
        argument = node.entries.get(key)
        if key == "Fn::If" and isinstance(argument, ListNode) and len(argument.items) == 3:
            name = argument.items[0]
            for index, holds in ((1, True), (2, False)):
                more = ((name.text, holds),) if isinstance(name, Scalar) else ()
                yield from _guarded(argument.items[index], (*path, key, index), (*guards, *more))
            return
        for logical_id, attribute in read_names(node):
            yield Reference(logical_id, attribute, node.span, (*path, key)), guards
        for name_, child in node.entries.items():
            yield from _guarded(child, (*path, name_), guards)


class _Worlds:
    """The cases that the parameters of some conditions can make."""

    def __init__(self, sections: Sections) -> None:
        self.sections = sections
        self.known: dict[tuple[Guards, Guards], list[bool]] = {}
        self.looks = 0

    def truths(self, wanted: Guards, given: Guards) -> list[bool]:
        """Whether `wanted` holds, for each world in which `given` does; empty when there are none or too many."""
        key = (wanted, given)
        if key not in self.known:
            self.known[key] = [
                all(self.holds(name, world) is value for name, value in wanted)
                for world in self.worlds({name for name, _ in (*wanted, *given)})
                if all(self.holds(name, world) is value for name, value in given)
            ]
        return self.known[key]

    def worlds(self, names: set[str]) -> Iterator[dict[str, object]]:
        """Every combination of the values that these conditions tell apart; none when there are too many."""
        domains: dict[str, dict[object, None]] = {}
        for name in sorted(names):
            node = self.sections.conditions.get(name)
            if node is None:
                return
            self.collect(node, domains, set())
        count = 1
        for name, values in domains.items():
            parameter = self.sections.parameters.get(name)
            if parameter is not None and parameter.allowed_values is not None:
                domains[name] = dict.fromkeys(parameter.allowed_values)
            elif True not in values:
                values[_OTHER] = None
            count *= max(1, len(domains[name]))
        self.looks += count
        if count <= MAX_WORLDS and self.looks <= MAX_LOOKS:
            for values_of_world in product(*domains.values()):
                yield dict(zip(domains, values_of_world, strict=True))

    def collect(self, node: Node, domains: dict[str, dict[object, None]], seen: set[str]) -> None:
        """Find what the comparisons at and below a condition depend on."""
        if not isinstance(node, MapNode):
            return
        for key, argument in node.entries.items():
            if key == "Condition" and isinstance(argument, Scalar):
                if argument.text not in seen and argument.text in self.sections.conditions:
                    seen.add(argument.text)
                    self.collect(self.sections.conditions[argument.text], domains, seen)
            elif key == "Fn::Equals" and isinstance(argument, ListNode):
                compared = _compared(argument)
                if compared is None:
                    if not _is_constant(argument):
                        domains[_opaque(argument)] = {True: None, False: None}
                else:
                    domains.setdefault(compared[0], {})[compared[1]] = None
            elif isinstance(argument, ListNode):
                for item in argument.items:
                    self.collect(item, domains, seen)

    def holds(self, name: str, world: dict[str, object]) -> bool:
        """Whether a condition holds in a world, which remembers it. In a cycle, told elsewhere, it does not."""
        key = f"\0condition {name}"
        if key not in world:
            world[key] = False
            node = self.sections.conditions.get(name)
            world[key] = node is not None and self.truth(node, world)
        return bool(world[key])

    def truth(self, node: Node, world: dict[str, object]) -> bool:  # noqa: PLR0911 - one return for each function
        """Whether a condition function holds in a world."""
        if not isinstance(node, MapNode) or len(node.entries) != 1:
            return False
        ((key, argument),) = node.entries.items()
        if key == "Condition" and isinstance(argument, Scalar):
            return self.holds(argument.text, world)
        if not isinstance(argument, ListNode):
            return False
        if key == "Fn::Equals":
            compared = _compared(argument)
            if compared is not None:
                return world.get(compared[0]) == compared[1]
            if _is_constant(argument):
                return len({item.text for item in argument.items if isinstance(item, Scalar)}) == 1
            return bool(world.get(_opaque(argument)))
        truths = [self.truth(item, world) for item in argument.items]
        if key == "Fn::Not":
            return not any(truths)
        return all(truths) if key == "Fn::And" else any(truths)


def _compared(argument: ListNode) -> tuple[str, str] | None:
    """The parameter and the text of `Fn::Equals: [{Ref: parameter}, text]`; None for any other comparison."""
    names = [item.entries["Ref"] for item in argument.items if isinstance(item, MapNode) and list(item) == ["Ref"]]
    texts = [item for item in argument.items if isinstance(item, Scalar)]
    if len(argument.items) == 2 and len(names) == 1 and len(texts) == 1 and isinstance(names[0], Scalar):
        value = texts[0].value
        return names[0].text, str(value).lower() if isinstance(value, bool) else texts[0].text
    return None


def _is_constant(argument: ListNode) -> bool:
    return all(isinstance(item, Scalar) for item in argument.items)


def _opaque(argument: ListNode) -> str:
    """A name for a comparison of which only the outcome is told apart."""
    return f"\0{argument.plain()!r}"
