"""Working out what a resource shall be: its properties resolved, its names looked up, its references followed.

The same evaluator serves the plan, while much is still unknown, and the engine, when what was unknown has been made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from cfnlib.diagnostic import Code, Diagnostics
from cfnlib.errors import NotFoundError, TemplateError
from cfnlib.plan.name import member_name, signal_url_below, thing_name
from cfnlib.schema.check import coerce
from cfnlib.schema.model import Desired, Facts, Kind
from cfnlib.template import Unknown, locate, resolve
from cfnlib.template.values import as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cfnlib.diagnostic import Span
    from cfnlib.plan.awaited import Awaited
    from cfnlib.plan.name import SignalUrl
    from cfnlib.schema.model import Property, ResourceType
    from cfnlib.source import MapNode, Node
    from cfnlib.state.model import Resource
    from cfnlib.template import Instance

    Lookup = Callable[[str, str], str]


@frozen
class Declared:
    """A resource as the plan sees it: from the template, or added by the lowering.

    `internal` are properties that the lowering adds; their names begin with an underscore. `group` and `number` tell
    a member of a group; `settled` says that a member that is there keeps the properties it was made with. `quorum`
    is, for a group, the share of its members that must succeed, `batch` how many of them an update replaces at once.
    `awaited` are the signals that it waits for once it is made.
    """

    logical_id: str
    type: ResourceType
    node: MapNode | None
    depends_on: tuple[str, ...] = ()
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"
    span: Span | None = None
    internal: Mapping[str, Node] = field(factory=dict)
    group: str | None = None
    number: int = 0
    settled: bool = False
    quorum: float = 1.0
    batch: int = 0
    awaited: Awaited | None = None


class Evaluator:
    """Resolves the properties of declared resources against the rows that are there.

    `current` maps a logical id to its row once the row can be referred to; `know` adds to it as things are made.
    `tags` are the stack's. The members of a group that are declared by the same nodes are worked out once.
    """

    def __init__(
        self,
        instance: Instance,
        declared: Mapping[str, Declared],
        facts: Facts,
        lookup: Lookup,
        *,
        signal_url: SignalUrl | None = None,
        going_back: bool = False,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self.instance = instance
        self.declared = declared
        self.facts = facts
        self.current: dict[str, Resource] = {}
        self._same: dict[tuple[object, ...], tuple[dict[str, Any], tuple[str, ...]]] = {}
        self._found: set[tuple[object, ...]] = set()
        self._lookup = lookup
        self._signal_url = signal_url or signal_url_below(None)
        self._going_back = going_back
        self._tags = dict(tags or {})
        self._scope = instance.scope(ref=self._ref, get_att=self._get_att)
        self._members: dict[str, list[str]] = {}
        for one in declared.values():
            if one.group:
                self._members.setdefault(one.group, []).append(one.logical_id)

    def know(self, row: Resource) -> None:
        """Let others refer to a row."""
        self.current[row.logical_id] = row
        self._same.clear()

    def members(self, group: str) -> list[str]:
        """The logical ids of a group's members, in the order of their numbers."""
        return self._members.get(group, [])

    def name(self, logical_id: str, generation: int) -> str:
        """The deterministic name of a thing."""
        one = self.declared[logical_id]
        if one.group:
            return member_name(self.instance.stack_name, one.group, one.number)
        return thing_name(self.instance.stack_name, self.instance.stack_id, logical_id, generation)

    def properties(self, logical_id: str) -> tuple[dict[str, Any], tuple[str, ...], Diagnostics]:
        """The resolved properties, the names of those that are still unknown, and what is wrong with the values."""
        one = self.declared[logical_id]
        found = Diagnostics()
        same = self._same.get(_sameness(one)) if one.group else None
        if same is not None:
            return dict(same[0]), same[1], found
        values: dict[str, Any] = {}
        if one.node is not None:
            resolved = resolve(one.node, self._scope, faults=found, logical_id=logical_id)
            values = dict(resolved) if isinstance(resolved, dict) else {}
        for name, node in one.internal.items():
            values[name] = resolve(node, self._scope)
        values = self._tagged(one, {name: value for name, value in values.items() if value is not None})
        unknown = tuple(name for name, value in values.items() if _has_unknown(value))
        values, problems = coerce(one.type, values)
        for problem in problems:
            span = self._span(one, problem.path)
            found.add(
                problem.code, problem.message, span, logical_id=logical_id, path=problem.path, hint=problem.hint
            )
        if one.group and not found:
            self._same[_sameness(one)] = dict(values), unknown
        return values, unknown, found

    def missing_on_cloud(self, logical_id: str, values: Mapping[str, Any]) -> Diagnostics:
        """A diagnostic for each name in the values that the cloud does not know."""
        one = self.declared[logical_id]
        found = Diagnostics()
        if one.group and _sameness(one) in self._found:
            return found
        for path, kind, name in _lookups(one.type.properties, values):
            try:
                self._lookup(kind, name)
            except NotFoundError as error:
                span = self._span(one, path)
                found.add(Code.NOT_ON_CLOUD, self.masked(str(error)), span, logical_id=logical_id, path=path)
        if one.group and not found:
            self._found.add(_sameness(one))
        return found

    def desired(self, logical_id: str, generation: int, values: Mapping[str, Any]) -> Desired:
        """What the thing shall be, with ids for names. Raises `CloudError` when the cloud lacks a name."""
        one = self.declared[logical_id]
        properties = with_ids(one.type, values, self._lookup)
        if one.type.native is None:
            properties |= self._local_properties(one)
        elif one.type.native.stands_for is not None:
            rows = self.current.values()
            properties["_addresses"] = {row.physical_id: row.attributes.get("PublicIp") for row in rows}
        name = self.name(logical_id, generation)
        return Desired(logical_id, name, self.instance.stack_name, properties, self.facts, self._going_back)

    def masked(self, text: str) -> str:
        """A text for people, with the values of NoEcho parameters made unreadable."""
        for parameter in self.instance.parameters.values():
            if parameter.no_echo and parameter.text:
                text = text.replace(parameter.text, "****")
        return text

    def secret(self, logical_id: str, name: str) -> bool:
        """Whether a property is made from a NoEcho parameter."""
        one = self.declared[logical_id]
        node = one.node.get(name) if one.node is not None else None
        return node is not None and self.instance.is_secret(node)

    def outputs(self) -> dict[str, Any]:
        """The outputs that can be told now, scalars as texts; one that depends on what is not there is left out."""
        found = {}
        for name, output in self.instance.outputs.items():
            value = resolve(output.value, self._scope)
            if not _has_unknown(value):
                text = as_text(value)
                found[name] = value if text is None else text
        return found

    def output_notes(self) -> dict[str, dict[str, str]]:
        """The description and the export name of each output that has any."""
        found = {}
        for name, output in self.instance.outputs.items():
            export = None if output.export_name is None else resolve(output.export_name, self._scope)
            notes = {"description": output.description, "export_name": export if isinstance(export, str) else ""}
            if any(notes.values()):
                found[name] = {key: text for key, text in notes.items() if text}
        return found

    def _tagged(self, one: Declared, values: dict[str, Any]) -> dict[str, Any]:
        """The values with the tags of the stack, below the thing's own ones, if it is one that can have tags.

        Rules that the lowering makes of a resource are left out: nobody looks for them, and each would cost a job.
        """
        native = one.type.native
        made_of_another = "[" in one.logical_id and one.group is None
        name = next((name for name, declared in one.type.properties.items() if declared.kind is Kind.TAGS), None)
        if not self._tags or name is None or native is None or native.tag_type is None or made_of_another:
            return values
        own = values.get(name, [])
        if isinstance(own, dict):
            return {**values, name: {**self._tags, **own}}
        if not isinstance(own, list):
            return values
        keys = [pair.get("Key", pair.get("key")) for pair in own if isinstance(pair, dict)]
        more = [{"Key": key, "Value": value} for key, value in self._tags.items() if key not in keys]
        return {**values, name: [*own, *more]}

    def _local_properties(self, one: Declared) -> dict[str, Any]:
        rows = [self.current[name] for name in self.members(one.logical_id) if name in self.current]
        url = self._signal_url(self.instance.stack_id, one.logical_id)
        return {"_members": [{"name": row.name, **row.attributes} for row in rows], "_url": url}

    def _ref(self, logical_id: str) -> Any:  # noqa: ANN401 - a reference's value is of any type
        row = self.current.get(logical_id)
        if row is None:
            return Unknown(frozenset({logical_id}))
        ref = self.declared[logical_id].type.ref if logical_id in self.declared else None
        value = row.attributes.get(ref) if ref else None
        return row.physical_id if value is None else value

    def _get_att(self, logical_id: str, attribute: str) -> Any:  # noqa: ANN401 - as above
        row = self.current.get(logical_id)
        if row is None:
            return Unknown(frozenset({f"{logical_id}.{attribute}"}))
        value = row.attributes.get(attribute)
        return "" if value is None else value

    def _span(self, one: Declared, path: tuple[str | int, ...]) -> Span | None:
        return locate(one.node, path, self.instance.conditions) if one.node is not None else one.span


def _sameness(one: Declared) -> tuple[object, ...]:
    """What two members of a group have in common when their properties are the same ones."""
    internal = [part for name, node in one.internal.items() for part in (name, id(node))]
    return (one.group, one.type.name, id(one.node), *internal)


def with_ids(resource: ResourceType, values: Mapping[str, Any], lookup: Lookup) -> dict[str, Any]:
    """The values with every name that the cloud knows replaced by its id. Raises `CloudError` for an unknown name."""
    return {
        name: _replace(resource.properties[name], value, lookup) if name in resource.properties else value
        for name, value in values.items()
    }


def raise_problems(problems: Diagnostics) -> None:
    """Raise `TemplateError` for the errors among the problems of values that became known late."""
    if problems.errors:
        raise TemplateError(problems.errors)


def _has_unknown(value: object) -> bool:
    if isinstance(value, Unknown):
        return True
    if isinstance(value, dict):
        return any(_has_unknown(item) for item in value.values())
    return isinstance(value, list) and any(_has_unknown(item) for item in value)


def _lookups(
    properties: Mapping[str, Property], values: Mapping[str, Any], path: tuple[str | int, ...] = ()
) -> Iterable[tuple[tuple[str | int, ...], str, str]]:
    for name, value in values.items():
        declared = properties.get(name)
        if declared is not None:
            yield from _lookups_in(declared, value, (*path, name))


def _lookups_in(
    declared: Property, value: object, path: tuple[str | int, ...]
) -> Iterable[tuple[tuple[str | int, ...], str, str]]:
    if isinstance(value, Unknown):
        return
    if declared.kind is Kind.OBJECT and isinstance(value, dict):
        yield from _lookups(declared.fields, value, path)
    elif declared.kind is Kind.LIST and isinstance(value, list) and declared.item is not None:
        for index, item in enumerate(value):
            yield from _lookups_in(declared.item, item, (*path, index))
    elif declared.lookup and isinstance(value, str):
        yield path, declared.lookup, value


def _replace(declared: Property, value: Any, lookup: Lookup) -> Any:  # noqa: ANN401 - a value is of any type
    if isinstance(value, Unknown):
        return value
    if declared.kind is Kind.OBJECT and isinstance(value, dict):
        return {
            name: _replace(declared.fields[name], item, lookup) if name in declared.fields else item
            for name, item in value.items()
        }
    if declared.kind is Kind.LIST and isinstance(value, list) and declared.item is not None:
        return [_replace(declared.item, item, lookup) for item in value]
    return lookup(declared.lookup, value) if declared.lookup and isinstance(value, str) else value
