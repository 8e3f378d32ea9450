"""Holding properties to their declaration: in the template's text, and once their values are known.

`check_properties` reads the nodes of a template, where a value may still be a function: what a function gives is
not judged, but both branches of an `Fn::If` are. `coerce` reads resolved values, in which a value that is not plain
data is one that is not known yet, and is left as it is. Both hold a value to the same rules, those of
`scalar.convert`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.diagnostic import Code, Diagnostic, Diagnostics
from cfnlib.schema.model import Kind, Property
from cfnlib.schema.nearest import did_you_mean
from cfnlib.schema.scalar import Fault, convert, wrong_kind
from cfnlib.source.nodes import ListNode, MapNode, Node, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cfnlib.diagnostic import Span
    from cfnlib.schema.model import ResourceType

Path = tuple[str | int, ...]

_TAG = Property(
    "A tag.",
    kind=Kind.OBJECT,
    fields={
        "Key": Property("The tag's name.", required=True),
        "Value": Property("The tag's value."),
        "PropagateAtLaunch": Property("Whether a group's machines get the tag.", kind=Kind.BOOLEAN),
    },
)
_NATIVE_TAG = Property(
    "A tag.", kind=Kind.OBJECT, fields={"key": Property("Its name.", required=True), "value": Property("Its value.")}
)


def unknown_type(name: str) -> str:
    """A hint for a resource type that there is none of."""
    from cfnlib.resources import names  # noqa: PLC0415 - imports every type; needed only when something is wrong

    near = did_you_mean(name, names())
    return near or "`cfnlib docs` lists the types there are"


def check_properties(
    resource: ResourceType, logical_id: str, node: MapNode | None, span: Span | None = None
) -> Diagnostics:
    """What is wrong with the properties of a resource, as far as their text tells. `span` is the resource's place."""
    reader = _Reader(logical_id)
    if node is None:
        reader.missing(resource.properties, (), (), resource.name, span)
        present: list[str] = []
        definite: list[str] = []
    elif not isinstance(node, MapNode):
        reader.add(Fault(Code.WRONG_TYPE, "Properties must be a map"), node.span, ("Properties",))
        return reader.found
    else:
        reader.fields(resource.properties, node, ("Properties",), resource.name, span)
        present = list(node)
        definite = [name for name, value in node.items() if _function(value) != "Fn::If"]
    place = span if node is None else node.span
    for fault, path in _groups(resource, present, definite):
        reader.add(fault, place, path)
    return reader.found


def coerce(resource: ResourceType, values: Mapping[str, Any]) -> tuple[dict[str, Any], list[Diagnostic]]:
    """The values in their properties' own types, and what is wrong with them. What is not known yet stays as it is.

    The diagnostics have no place in a text; their paths start at the properties.
    """
    found: list[Diagnostic] = []
    coerced = _coerce_fields(resource.properties, values, (), resource.name, found)
    present = [name for name, value in coerced.items() if value is not None]
    found += [
        Diagnostic(fault.code, fault.message, path=path[1:]) for fault, path in _groups(resource, present, present)
    ]
    if resource.judge is not None and not found and _known(coerced):
        found += [Diagnostic(Code.NOT_ALLOWED, said, path=path) for path, said in resource.judge(coerced)]
    return coerced, found


def _groups(resource: ResourceType, present: Sequence[str], definite: Sequence[str]) -> Iterator[tuple[Fault, Path]]:
    """What is wrong with which properties are given: `present` at least perhaps, `definite` in any case."""
    for group in (*resource.exclusive, *resource.one_of):
        given = [name for name in group if name in definite]
        if len(given) > 1:
            yield Fault(Code.EXCLUSIVE, f"only one of {' and '.join(given)} may be given"), ("Properties", given[1])
    for group in resource.one_of:
        if not any(name in present for name in group):
            yield Fault(Code.MISSING_PROPERTY, f"one of {' or '.join(group)} must be given"), ("Properties",)


class _Reader:
    """Reads nodes and collects what is wrong with them."""

    def __init__(self, logical_id: str) -> None:
        self.found = Diagnostics()
        self._logical_id = logical_id

    def add(self, fault: Fault, span: Span | None, path: Path) -> None:
        """Collect one fault."""
        self.found.add(fault.code, fault.message, span, logical_id=self._logical_id, path=path, hint=fault.hint)

    def missing(
        self, fields: Mapping[str, Property], given: Iterable[str], path: Path, owner: str, span: Span | None
    ) -> None:
        """Collect the required fields that are not given."""
        for name in _missing(fields, given):
            self.add(Fault(Code.MISSING_PROPERTY, f"{owner} needs {name}", f"{name}: {fields[name].doc}"), span, path)

    def fields(
        self, fields: Mapping[str, Property], node: MapNode, path: Path, owner: str, span: Span | None = None
    ) -> None:
        """Read a map of named fields."""
        for name, value in node.items():
            declared = None if name.startswith("_") else fields.get(name)
            if declared is None:
                if not name.startswith("Fn::"):
                    self.add(_unknown(name, fields, owner), node.key_span(name), (*path, name))
            elif declared.ignored:
                fault = Fault(Code.IGNORED, f"{name} is ignored: {declared.ignored}")
                self.add(fault, node.key_span(name), (*path, name))
            else:
                self.value(declared, name, value, (*path, name))
        self.missing(fields, node, path, owner, span or node.span)

    def value(self, declared: Property, name: str, node: Node, path: Path) -> None:
        """Read a value."""
        function = _function(node)
        if function == "Fn::If" and isinstance(node, MapNode):
            branches = node.get("Fn::If")
            if isinstance(branches, ListNode):
                for index, branch in enumerate(branches.items[1:], start=1):
                    self.value(declared, name, branch, (*path, "Fn::If", index))
        elif function or declared.kind is Kind.JSON:
            return
        elif declared.kind is Kind.LIST:
            self._list(declared, name, node, path)
        elif declared.kind is Kind.TAGS:
            self._tags(declared, name, node, path)
        elif declared.kind is Kind.OBJECT:
            if isinstance(node, MapNode):
                self.fields(declared.fields, node, path, name)
            else:
                self.add(wrong_kind(declared, name, node.plain()), node.span, path)
        else:
            value = node.exact if isinstance(node, Scalar) else node.plain()
            _, fault = convert(declared, name, value)
            if fault is not None:
                self.add(fault, node.span, path)

    def _list(self, declared: Property, name: str, node: Node, path: Path) -> None:
        item = declared.item
        if isinstance(node, ListNode):
            for index, inner in enumerate(node if item is not None else ()):
                self.value(item or declared, f"an item of {name}", inner, (*path, index))
        elif not (isinstance(node, Scalar) and isinstance(node.value, str) and _plain_items(declared)):
            self.add(wrong_kind(declared, name, node.plain()), node.span, path)

    def _tags(self, declared: Property, name: str, node: Node, path: Path) -> None:
        if isinstance(node, ListNode):
            for index, inner in enumerate(node):
                self.value(_tag(name, inner), "a tag", inner, (*path, index))
        elif isinstance(node, MapNode) and name == "tags":
            for key, inner in node.items():
                self.value(_TAG.fields["Value"], key, inner, (*path, key))
        else:
            self.add(wrong_kind(declared, name, node.plain()), node.span, path)


def _coerce_fields(
    fields: Mapping[str, Property], values: Mapping[str, Any], path: Path, owner: str, found: list[Diagnostic]
) -> dict[str, Any]:
    coerced: dict[str, Any] = {}
    for name, value in values.items():
        declared = fields.get(name)
        if value is None:
            continue
        if declared is None:
            fault = _unknown(name, fields, owner)
            found.append(Diagnostic(fault.code, fault.message, path=(*path, name), hint=fault.hint))
        else:
            coerced[name] = _coerce(declared, name, value, (*path, name), found)
    found += [
        Diagnostic(Code.MISSING_PROPERTY, f"{owner} needs {name}", path=path, hint=f"{name}: {fields[name].doc}")
        for name in _missing(fields, coerced)
    ]
    return coerced


def _coerce(  # noqa: C901 - one step a kind
    declared: Property,
    name: str,
    value: Any,  # noqa: ANN401 - a value is of any type
    path: Path,
    found: list[Diagnostic],
) -> Any:  # noqa: ANN401 - as above
    if not _plain(value) or declared.kind is Kind.JSON or declared.ignored:
        return value
    if declared.kind is Kind.OBJECT and isinstance(value, dict):
        return _coerce_fields(declared.fields, value, path, name, found)
    if declared.kind is Kind.LIST:
        if isinstance(value, str) and _plain_items(declared):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if isinstance(value, list):
            return _coerce_items(declared.item, f"an item of {name}", value, path, found)
    if declared.kind is Kind.TAGS:
        if isinstance(value, list):
            given = [one for one in value if one is not None]
            return [_coerce(_tag(name, one), "a tag", one, (*path, index), found) for index, one in enumerate(given)]
        if isinstance(value, dict) and name == "tags":
            text = _TAG.fields["Value"]
            return {str(key): _coerce(text, str(key), one, (*path, key), found) for key, one in value.items()}
    fault: Fault | None = wrong_kind(declared, name, value)
    if declared.kind not in {Kind.OBJECT, Kind.LIST, Kind.TAGS}:
        value, fault = convert(declared, name, value)
    if fault is not None:
        found.append(Diagnostic(fault.code, fault.message, path=path, hint=fault.hint))
    return value


def _coerce_items(
    item: Property | None, name: str, values: list[Any], path: Path, found: list[Diagnostic]
) -> list[Any]:
    given = [one for one in values if one is not None]
    if item is None:
        return given
    return [_coerce(item, name, one, (*path, index), found) for index, one in enumerate(given)]


def _tag(name: str, given: object) -> Property:
    """What a tag in a list is: a property in lower case may say its keys so, or as AWS does."""
    small = isinstance(given, dict | MapNode) and ("key" in given or "value" in given)
    return _NATIVE_TAG if name == "tags" and small else _TAG


def _missing(fields: Mapping[str, Property], given: Iterable[str]) -> list[str]:
    names = set(given)
    if any(name.startswith("Fn::") for name in names):
        return []
    return [name for name, declared in fields.items() if declared.required and name not in names]


def _unknown(name: str, fields: Mapping[str, Property], owner: str) -> Fault:
    known = [one for one in fields if not one.startswith("_")]
    return Fault(Code.UNKNOWN_PROPERTY, f"{owner} has no {name}", did_you_mean(name, known))


def _function(node: Node) -> str | None:
    """The name of the function that a node calls, None when it calls none."""
    if not isinstance(node, MapNode) or len(node) != 1:
        return None
    name = next(iter(node))
    if name == "Condition":
        return name if isinstance(node.get(name), Scalar) else None
    return name if name == "Ref" or name.startswith("Fn::") else None


def _plain_items(declared: Property) -> bool:
    """Whether a list's items are scalars, so that a text with commas may stand for the list."""
    return declared.item is None or declared.item.kind not in {Kind.OBJECT, Kind.LIST, Kind.TAGS, Kind.JSON}


def _plain(value: object) -> bool:
    """Whether a value is plain data; what is not (the template's `Unknown`) is not known yet."""
    return value is None or isinstance(value, str | int | float | list | dict)


def _known(value: object) -> bool:
    if isinstance(value, dict):
        return all(_known(item) for item in value.values())
    if isinstance(value, list):
        return all(_known(item) for item in value)
    return _plain(value)
