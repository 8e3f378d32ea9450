"""The static check: every fault of a template's expressions that shows before any parameter has a value.

The checker goes over each expression once, with the path it has come by, and asks the functions of the table about
their arguments. What names refer to what is collected on the way, for the cycles and the unused parameters.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from cfnlib.diagnostic import Code, Diagnostics
from cfnlib.source import ListNode, MapNode, Node, Scalar
from cfnlib.template.cycles import find_cycles
from cfnlib.template.functions.table import FUNCTIONS, UNSUPPORTED
from cfnlib.template.names import nearest
from cfnlib.template.reader import LOOP
from cfnlib.template.references import path_to
from cfnlib.template.values import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from cfnlib.diagnostic import Span
    from cfnlib.template.sections import ResourceNode, Sections

PSEUDO = (
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
)
EXTENSION_HINT = "add 'Transform: AWS::LanguageExtensions' to the template"


class Checker:
    """Goes over the expressions of one template. `open_names`: loops are not expanded, so any name may still come."""

    def __init__(
        self,
        sections: Sections,
        diagnostics: Diagnostics,
        *,
        extensions: bool,
        attributes: Callable[[str], Collection[str] | None] | None = None,
        open_names: bool = False,
    ) -> None:
        self.mappings = sections.mappings
        self.used: set[str] = set()
        self.edges: dict[str, dict[str, Span]] = {}
        self._sections = sections
        self._diagnostics = diagnostics
        self._extensions = extensions
        self._attributes = attributes
        self._open_names = open_names
        self._logical_id: str | None = None
        self._subject: str | None = None  # the resource or condition whose expressions are being looked at
        self._path: list[str | int] = []
        self._resource_free: str | None = None  # what may not refer to resources here, None when all may
        self._in_conditions = False
        self._in_rules = False
        self._nulls = False
        self._branches = 0

    def fault(self, fault: Fault, root: Node | None = None) -> None:
        """Collect a fault at its node, which is at or below `root`, which is where the checker is."""
        below = path_to(root, fault.node) if root is not None and root is not fault.node else ()
        self._diagnostics.add(
            fault.code,
            fault.message,
            fault.node.span,
            logical_id=self._logical_id,
            path=(*self._path, *(below or ())),
            hint=fault.hint,
        )

    def walk(self, node: Node, *steps: str | int) -> None:
        """Check what is below the present place by these steps."""
        self._path.extend(steps)
        self._visit(node)
        if steps:
            del self._path[-len(steps) :]

    def walk_items(self, node: Node) -> None:
        """Check each item of an argument list."""
        if isinstance(node, ListNode):
            for index, item in enumerate(node.items):
                self.walk(item, index)

    def walk_branches(self, node: Node) -> None:
        """Check the two values of Fn::If: what they refer to is not needed for certain."""
        if isinstance(node, ListNode):
            self._branches += 1
            for index in (1, 2):
                self.walk(node.items[index], index)
            self._branches -= 1

    @contextmanager
    def no_resources(self, where: str) -> Iterator[None]:
        """Within this, resources cannot be referred to."""
        before, self._resource_free = self._resource_free, self._resource_free or where
        try:
            yield
        finally:
            self._resource_free = before

    def condition_name(self, name: str, node: Node, *steps: str | int) -> None:
        """Check that there is such a condition, and remember that the present one needs it."""
        if name not in self._sections.conditions:
            if not self._open_names and name not in self._sections.broken:
                hint = nearest(name, self._sections.conditions, otherwise="declare it in Conditions")
                self._path.extend(steps)
                self.fault(Fault(Code.UNKNOWN_CONDITION, f"there is no condition '{name}'", node, hint))
                del self._path[len(self._path) - len(steps) :]
        elif self._in_conditions and self._subject is not None:
            self.edges.setdefault(self._subject, {}).setdefault(name, node.span)

    def condition_expression(self, node: Node, *steps: str | int) -> None:
        """Check a node that must be a condition function."""
        names = sorted(
            name for name, one in FUNCTIONS.items() if one.condition and (self._in_rules or not one.rules_only)
        )
        self._path.extend(steps)
        key = next(iter(node.entries)) if isinstance(node, MapNode) and len(node.entries) == 1 else None
        if key in names and key is not None and isinstance(node, MapNode):
            self._call(key, node)
        elif key is not None and key.startswith("Fn::") and key not in FUNCTIONS and isinstance(node, MapNode):
            self._unknown(key, node)
        else:
            self.fault(Fault(Code.FUNCTION_ARGUMENTS, f"a condition is one of {', '.join(names)}", node))
        del self._path[len(self._path) - len(steps) :]

    def reference(self, name: str, attribute: str | None, node: Node, others: Iterable[str] = ()) -> None:
        """Check a name; `attribute` is None for a Ref and "" for an attribute that is an expression."""
        shown = name if not attribute else f"{name}.{attribute}"
        if name in self._sections.parameters or name in PSEUDO:
            self.used.add(name)
            if attribute is not None:
                kind = "pseudo parameter" if name in PSEUDO else "parameter"
                message = f"'{name}' is a {kind} and has no attributes"
                self.fault(Fault(Code.UNKNOWN_REFERENCE, message, node, f"write Ref: {name}"))
            return
        resource = self._sections.resources.get(name)
        if resource is None:
            if self._open_names or name in self._sections.broken:
                return
            known = [*self._sections.resources]
            if attribute is None:
                known += [*self._sections.parameters, *PSEUDO, *others]
            what = "resource or parameter" if attribute is None else "resource"
            hint = nearest(name, known)
            self.fault(Fault(Code.UNKNOWN_REFERENCE, f"there is no {what} '{name}'", node, hint))
            return
        if self._resource_free is not None:
            message = f"{self._resource_free} cannot refer to the resource '{shown}'"
            hint = "only parameters, pseudo parameters and mappings are known here"
            self.fault(Fault(Code.FUNCTION_ARGUMENTS, message, node, hint))
            return
        if self._branches == 0 and self._subject is not None:
            self.edges.setdefault(self._subject, {}).setdefault(name, node.span)
        if attribute and self._attributes is not None:
            self._check_attribute(resource, attribute, node)

    def _check_attribute(self, resource: ResourceNode, attribute: str, node: Node) -> None:
        known = self._attributes(resource.type) if self._attributes is not None else None
        if known is not None and attribute not in known:
            hint = nearest(attribute, known, otherwise=_listed(known))
            message = f"'{resource.logical_id}' ({resource.type}) has no attribute '{attribute}'"
            self.fault(Fault(Code.UNKNOWN_ATTRIBUTE, message, node, hint))

    def _visit(self, node: Node) -> None:
        kind = node.__class__
        if kind is Scalar:
            self._visit_scalar(node)  # type: ignore[arg-type] # just tested
        elif kind is ListNode:
            path = self._path
            for index, item in enumerate(node.items):  # type: ignore[attr-defined] # just tested
                path.append(index)
                self._visit(item)
                path.pop()
        else:
            self._visit_map(node)  # type: ignore[arg-type] # the only kind left

    def _visit_scalar(self, node: Scalar) -> None:
        if node.value is None and not self._nulls:
            hint = "remove the key, or write !Ref AWS::NoValue"
            self.fault(Fault(Code.STRUCTURE, "an empty value (null)", node, hint))
        elif "{{resolve:" in node.text:
            hint = "pass the value as a parameter with NoEcho"
            message = "dynamic references ({{resolve:...}}) are not supported"
            self.fault(Fault(Code.UNKNOWN_FUNCTION, message, node, hint))

    def _visit_map(self, node: MapNode) -> None:
        path = self._path
        for key, child in node.entries.items():
            if key[:4] == "Fn::" or key == "Ref":
                if self._is_call(key, node):
                    self._call(key, node)
                    continue
                if key[:4] == "Fn::":
                    continue
            path.append(key)
            self._visit(child)
            path.pop()

    def _is_call(self, key: str, node: MapNode) -> bool:
        """Whether a key is a function's; complains of one that looks so and is none."""
        if key.startswith(LOOP):
            return False
        if key not in FUNCTIONS:
            self._unknown(key, node)
            return False
        if len(node.entries) == 1:
            return True
        if key != "Ref":
            message = f"{key} stands beside other keys in its map"
            hint = "a function is the only key of its map; is an indentation off?"
            self._diagnostics.add(
                Code.FUNCTION_ARGUMENTS,
                message,
                node.key_span(key),
                logical_id=self._logical_id,
                path=(*self._path, key),
                hint=hint,
            )
        return False

    def _unknown(self, key: str, node: MapNode) -> None:
        message, hint = f"there is no function '{key}'", nearest(key, FUNCTIONS)
        if key in UNSUPPORTED:
            message, hint = f"the function {key} is not supported", UNSUPPORTED[key]
        place = node.key_span(key)
        where = (*self._path, key)
        self._diagnostics.add(
            Code.UNKNOWN_FUNCTION, message, place, logical_id=self._logical_id, path=where, hint=hint
        )

    def _call(self, key: str, node: MapNode) -> None:
        """Check a function's place and its arguments."""
        function = FUNCTIONS[key]
        argument = node.entries[key]
        self._path.append(key)
        try:
            if function.extension and not self._extensions:
                self.fault(Fault(Code.UNKNOWN_FUNCTION, f"{key} is a language extension", node, EXTENSION_HINT))
            if function.condition and not self._in_conditions:
                hint = "give the condition a name in Conditions, and choose by Fn::If"
                raise Fault(Code.FUNCTION_ARGUMENTS, f"{key} stands in Conditions only", node, hint)  # noqa: TRY301 - collected below, as all faults are
            if function.rules_only and not self._in_rules:
                raise Fault(Code.FUNCTION_ARGUMENTS, f"{key} stands in Rules only", node)  # noqa: TRY301 - as above
            if key == "Fn::If" and self._in_conditions:
                hint = "combine conditions by Fn::And, Fn::Or and Fn::Not"
                raise Fault(Code.FUNCTION_ARGUMENTS, "Fn::If cannot stand in Conditions", node, hint)  # noqa: TRY301 - as above
            function.check(self, argument)
        except Fault as fault:
            self.fault(fault, argument)
        self._path.pop()

    def conditions(self) -> None:
        """Check the section Conditions, and that no condition needs itself."""
        self._in_conditions = True
        with self.no_resources("a condition"):
            for name, node in self._sections.conditions.items():
                self._subject = name
                self.condition_expression(node, "Conditions", name)
        self._in_conditions = False
        for cycle, span in find_cycles(self.edges):
            message = f"the condition depends on itself: {' -> '.join(cycle)}"
            self._diagnostics.add(Code.CYCLE, message, span, path=("Conditions", cycle[0]))
        self.edges = {}

    def rules(self) -> None:
        """Check the section Rules."""
        self._in_conditions = self._in_rules = True
        with self.no_resources("a rule"):
            for rule in self._sections.rules.values():
                if rule.condition is not None:
                    self.condition_expression(rule.condition, "Rules", rule.name, "RuleCondition")
                for assertion in rule.assertions:
                    self.condition_expression(assertion.node, *assertion.path)
        self._in_conditions = self._in_rules = False

    def resources(self) -> None:
        """Check the section Resources, and that no resource needs itself."""
        for resource in self._sections.resources.values():
            self._logical_id = self._subject = resource.logical_id
            here = ("Resources", resource.logical_id)
            self._path = list(here)
            entries = resource.node.entries
            for key in ("Properties", "CreationPolicy", "UpdatePolicy"):
                if isinstance(entries.get(key), MapNode):
                    self.walk(entries[key], key)
            if resource.metadata is not None:
                self._nulls = True
                self.walk(resource.metadata, "Metadata")
                self._nulls = False
            for key, node in resource.policy_nodes.items():
                self._policy(key, node)
            if resource.condition is not None:
                self.condition_name(resource.condition, entries["Condition"], "Condition")
            self._depends_on(resource)
        self._logical_id = self._subject = None
        for cycle, span in find_cycles(self.edges):
            self._diagnostics.add(
                Code.CYCLE,
                f"resources depend on each other: {' -> '.join(cycle)}",
                span,
                logical_id=cycle[0],
                path=("Resources", cycle[0]),
                hint="break the cycle: remove one DependsOn or reference, or move it to a resource of its own",
            )

    def _policy(self, key: str, node: Node) -> None:
        if not self._extensions:
            self.fault(Fault(Code.STRUCTURE, f"{key} is a function", node, EXTENSION_HINT))
        with self.no_resources(key):
            self.walk(node, key)

    def _depends_on(self, resource: ResourceNode) -> None:
        if not resource.depends_on:
            return
        node = resource.node.entries["DependsOn"]
        items = node.items if isinstance(node, ListNode) else [node]
        for index, item in enumerate(items):
            if not isinstance(item, Scalar):
                continue
            self._path += ["DependsOn", index] if isinstance(node, ListNode) else ["DependsOn"]
            if item.text in self._sections.resources:
                self.edges.setdefault(resource.logical_id, {}).setdefault(item.text, item.span)
            elif not self._open_names and item.text not in self._sections.broken:
                hint = nearest(item.text, self._sections.resources)
                self.fault(Fault(Code.UNKNOWN_REFERENCE, f"there is no resource '{item.text}'", item, hint))
            self._path = ["Resources", resource.logical_id]

    def outputs(self) -> None:
        """Check the section Outputs."""
        for output in self._sections.outputs.values():
            self._logical_id = output.name
            self._path = ["Outputs", output.name]
            self.walk(output.value, "Value")
            if output.export_name is not None:
                with self.no_resources("the name of an export"):
                    self.walk(output.export_name, "Export", "Name")
            if output.condition is not None:
                self.condition_name(output.condition, output.node.entries["Condition"], "Condition")
        self._logical_id = None
        self._path = []

    def unused(self, used_elsewhere: Collection[str] = ()) -> None:
        """Warn of the parameters that nothing refers to."""
        for name, parameter in self._sections.parameters.items():
            if name not in self.used and name not in used_elsewhere:
                message = f"the parameter '{name}' is not used"
                path = ("Parameters", name)
                self._diagnostics.add(Code.UNUSED_PARAMETER, message, parameter.span, path=path)


def _listed(names: Collection[str]) -> str:
    return f"its attributes are {', '.join(sorted(names))}" if names else "it has no attributes"


def check_sections(
    sections: Sections,
    *,
    extensions: bool,
    attributes: Callable[[str], Collection[str] | None] | None = None,
    open_names: bool = False,
    used_elsewhere: Collection[str] = (),
) -> tuple[Diagnostics, Mapping[str, Mapping[str, Span]]]:
    """All faults of the expressions, and the certain dependencies between resources with their places."""
    diagnostics = Diagnostics()
    checker = Checker(sections, diagnostics, extensions=extensions, attributes=attributes, open_names=open_names)
    checker.conditions()
    checker.rules()
    checker.resources()
    checker.outputs()
    if not open_names:
        checker.unused(used_elsewhere)
    return diagnostics, checker.edges
