"""A template made concrete: parameters bound, loops expanded, conditions decided. Left to know are the resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from attrs import evolve, field, frozen

from cfnlib.diagnostic import Code, Diagnostic, Diagnostics
from cfnlib.errors import TemplateError
from cfnlib.source import ListNode, MapNode, Scalar
from cfnlib.template.cycles import find_cycles
from cfnlib.template.functions.table import FUNCTIONS
from cfnlib.template.loops import CollectionUnknownError
from cfnlib.template.references import Reference, path_to, references
from cfnlib.template.rules import assert_rules
from cfnlib.template.scope import Scope
from cfnlib.template.sections import POLICIES
from cfnlib.template.values import NO_VALUE, Fault, Unknown, as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from cfnlib.diagnostic import Span
    from cfnlib.source import Node
    from cfnlib.template.parameters import ParameterValue
    from cfnlib.template.sections import OutputNode, ResourceNode
    from cfnlib.template.template import Attributes, Template


class Depending(Protocol):
    """What has a node of properties and names to come after; see `Instance.dependencies`."""

    @property
    def node(self) -> MapNode | None:
        """The properties."""
        ...

    @property
    def depends_on(self) -> tuple[str, ...]:
        """The logical ids that come first."""
        ...


@frozen(eq=False)
class Instance:
    """What a stack shall be made of. `resources` and `outputs` are those whose condition holds, or that have none.

    `diagnostics` holds the warnings. `template` is the template with its loops expanded.
    """

    template: Template
    stack_name: str
    stack_id: str
    region: str
    account_id: str
    parameters: dict[str, ParameterValue]
    resources: dict[str, ResourceNode] = field(repr=False)
    outputs: dict[str, OutputNode] = field(repr=False)
    conditions: dict[str, bool]
    diagnostics: Diagnostics = field(repr=False)
    absent: dict[str, str] = field(repr=False)
    _values: dict[str, object] = field(repr=False)
    _zones: tuple[str, ...] = field(repr=False)
    _exports: Mapping[str, object] | None = field(repr=False)

    @property
    def description(self) -> str:
        """The template's Description."""
        return self.template.description

    def scope(
        self,
        *,
        ref: Callable[[str], Any] | None = None,
        get_att: Callable[[str, str], Any] | None = None,
    ) -> Scope:
        """A scope to resolve nodes in; `ref` and `get_att` answer for resources, with a value or `Unknown`."""
        scope = _scope(
            self.template, self.parameters, self._values, self._zones, self._exports, self.absent, ref, get_att
        )
        scope.truth.update(self.conditions)
        return scope

    def references(self, logical_id: str) -> list[Reference]:
        """Which resources a resource's properties and metadata refer to, by the branches that are taken."""
        resource = self.resources[logical_id]
        found = []
        for key in ("Properties", "Metadata", "CreationPolicy", "UpdatePolicy"):
            node = resource.node.get(key)
            found += references(node, self.conditions, names=self.resources, path=(key,))
        return found

    def is_secret(self, node: Node) -> bool:
        """Whether a node refers to a parameter with NoEcho, so that its value must not be shown."""
        return any(
            one.logical_id in self.parameters and self.parameters[one.logical_id].no_echo for one in references(node)
        )

    def dependencies(self, declared: Mapping[str, Depending] | None = None) -> dict[str, frozenset[str]]:
        """What each resource comes after: what it refers to and its DependsOn.

        `declared` replaces the resources by what else stands for them (members of a group, say): anything with the
        properties as `node`, `depends_on`, and optionally more nodes in a mapping `internal`. Names that are not in
        it are left out, as are those whose condition is false.
        """
        if declared is None:
            return {
                logical_id: frozenset(
                    {one.logical_id for one in self.references(logical_id)}
                    | {name for name in resource.depends_on if name in self.resources}
                )
                for logical_id, resource in self.resources.items()
            }
        found = {}
        for logical_id, one in declared.items():
            nodes: list[Node | None] = [one.node, *getattr(one, "internal", {}).values()]
            if logical_id in self.resources:
                nodes.append(self.resources[logical_id].metadata)
            needed = {
                reference.logical_id
                for node in nodes
                for reference in references(node, self.conditions, names=declared)
            }
            found[logical_id] = frozenset(needed | {name for name in one.depends_on if name in declared})
        return found


def resolve(
    node: Node,
    scope: Scope,
    *,
    faults: Diagnostics | None = None,
    logical_id: str | None = None,
    path: tuple[str | int, ...] = (),
) -> Any:  # noqa: ANN401 - a template's value is of any type
    """Work out a node: plain Python data, with `Unknown` where a resource is not known yet.

    What comes to nothing (`Ref: AWS::NoValue`) is left out of maps and lists; the node itself then yields `NO_VALUE`.
    A fault raises `TemplateError`, or with `faults` is collected there, and the value is `Unknown` for no reason.
    `logical_id` and the node's `path` are for the diagnostics.
    """
    try:
        return scope.resolve(node)
    except Fault as fault:
        found = diagnostic_of(fault, node, logical_id, path)
    if faults is None:
        raise TemplateError([found])
    faults.extend([found])
    return Unknown(())


def diagnostic_of(fault: Fault, root: Node, logical_id: str | None, path: tuple[str | int, ...]) -> Diagnostic:
    """A fault with its place; `path` is the root's."""
    below = path_to(root, fault.node) or ()
    return Diagnostic(fault.code, fault.message, fault.node.span, logical_id, (*path, *below), fault.hint)


def _scope(
    template: Template,
    parameters: Mapping[str, ParameterValue],
    values: Mapping[str, object],
    zones: Sequence[str],
    exports: Mapping[str, object] | None,
    absent: Mapping[str, str],
    ref: Callable[[str], Any] | None,
    get_att: Callable[[str, str], Any] | None,
) -> Scope:
    return Scope(
        FUNCTIONS,
        values,
        secret=frozenset(name for name, one in parameters.items() if one.no_echo),
        mappings=template.mappings,
        conditions=template.conditions,
        absent=absent,
        zones=zones,
        exports=exports,
        ref=ref,
        get_att=get_att,
    )


def make_instance(
    template: Template,
    given: Mapping[str, object],
    pseudo: Mapping[str, object],
    zones: Sequence[str],
    exports: Mapping[str, object] | None,
    attributes: Attributes | None,
) -> Instance:
    """See `Template.instantiate`."""
    found = Diagnostics(template.diagnostics)
    if template.root is None:
        found.raise_if_errors()
    parameters, problems = template.bind(given)
    found.extend(problems)
    values = {
        "AWS::NoValue": NO_VALUE,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
        **pseudo,
        **{name: one.value for name, one in parameters.items()},
    }
    if template.has_loops and not found.errors:
        try:
            template = template.expanded(values)
        except CollectionUnknownError:
            message = "a loop goes over what is known only when resources are made"
            found.add(Code.FUNCTION_ARGUMENTS, message, template.root.span if template.root else None)
        found.extend(template.diagnostics)
    found.extend(template.check_expressions(attributes, open_names=template.has_loops and bool(found.errors)))
    found.raise_if_errors()

    scope = _scope(template, parameters, values, zones, exports, {}, None, None)
    conditions = {}
    for name, node in template.conditions.items():
        try:
            conditions[name] = scope.condition(name, node)
        except Fault as fault:
            found.extend([diagnostic_of(fault, node, None, ("Conditions", name))])
    assert_rules(template.sections.rules, scope, found)
    found.raise_if_errors()

    absent = {
        name: one.condition
        for name, one in template.resources.items()
        if one.condition is not None and not conditions[one.condition]
    }
    instance = Instance(
        template=template,
        stack_name=str(pseudo["AWS::StackName"]),
        stack_id=str(pseudo["AWS::StackId"]),
        region=str(pseudo["AWS::Region"]),
        account_id=str(pseudo["AWS::AccountId"]),
        parameters=parameters,
        resources={
            name: _with_policies(one, scope, found) for name, one in template.resources.items() if name not in absent
        },
        outputs={
            name: one for name, one in template.outputs.items() if one.condition is None or conditions[one.condition]
        },
        conditions=conditions,
        diagnostics=found,
        absent=absent,
        values=values,
        zones=tuple(zones),
        exports=exports,
    )
    _verify(instance, found)
    found.raise_if_errors()
    return instance


def _with_policies(resource: ResourceNode, scope: Scope, found: Diagnostics) -> ResourceNode:
    """A resource whose policies are worked out, where they are functions."""
    if not resource.policy_nodes:
        return resource
    policies = {}
    for key, node in resource.policy_nodes.items():
        path = ("Resources", resource.logical_id, key)
        value = resolve(node, scope, faults=found, logical_id=resource.logical_id, path=path)
        said = "Delete" if value is NO_VALUE else as_text(value)
        if said not in POLICIES[key]:
            message = f"the {key} comes to {scope.shown(value, node)}"
            hint = f"the choices are {', '.join(POLICIES[key])}"
            found.add(Code.STRUCTURE, message, node.span, logical_id=resource.logical_id, path=path, hint=hint)
            said = "Delete"
        policies[key] = said or "Delete"
    return evolve(
        resource,
        deletion_policy=policies.get("DeletionPolicy", resource.deletion_policy),
        update_replace_policy=policies.get("UpdateReplacePolicy", resource.update_replace_policy),
    )


def _verify(instance: Instance, found: Diagnostics) -> None:
    """Work out everything once with all resources unknown, and look for cycles by the branches that are taken."""
    scope = instance.scope(
        ref=lambda logical_id: Unknown([logical_id]),
        get_att=lambda logical_id, attribute: Unknown([f"{logical_id}.{attribute}"]),
    )
    for logical_id, resource in instance.resources.items():
        for key in ("Properties", "Metadata", "CreationPolicy", "UpdatePolicy"):
            node = resource.node.get(key)
            if node is not None:
                _verify_part(node, scope, found, logical_id, ("Resources", logical_id, key))
    for name, output in instance.outputs.items():
        for node, path in ((output.value, ("Value",)), (output.export_name, ("Export", "Name"))):
            if node is not None:
                resolve(node, scope, faults=found, logical_id=name, path=("Outputs", name, *path))
    edges = {
        logical_id: {
            **{one.logical_id: one.span for one in instance.references(logical_id)},
            **{name: span for name, span in _depends_on(resource).items() if name in instance.resources},
        }
        for logical_id, resource in instance.resources.items()
    }
    for cycle, span in find_cycles(edges):
        message = f"resources depend on each other: {' -> '.join(cycle)}"
        found.add(Code.CYCLE, message, span, logical_id=cycle[0], path=("Resources", cycle[0]))


def _depends_on(resource: ResourceNode) -> dict[str, Span]:
    """The names in a resource's DependsOn, with their places."""
    node = resource.node.get("DependsOn")
    items = node.items if isinstance(node, ListNode) else [node]
    return {item.text: item.span for item in items if isinstance(item, Scalar)}


def _verify_part(node: Node, scope: Scope, found: Diagnostics, logical_id: str, path: tuple[str | int, ...]) -> None:
    """Resolve a part; only when that fails its entries one by one, so that one fault does not hide another."""
    try:
        scope.resolve(node)
    except Fault:
        entries: Collection[tuple[str, Node]] = list(node.items()) if isinstance(node, MapNode) else ()
        for key, child in entries:
            resolve(child, scope, faults=found, logical_id=logical_id, path=(*path, key))
        if not entries:
            resolve(node, scope, faults=found, logical_id=logical_id, path=path)
