"""A type's declaration, as a page to read and as a JSON schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from cfnlib.schema.diff import milder
from cfnlib.schema.model import Kind, Update

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cfnlib.schema.model import Property, ResourceType

_JSON_TYPES = {
    Kind.STRING: "string",
    Kind.INTEGER: "integer",
    Kind.NUMBER: "number",
    Kind.BOOLEAN: "boolean",
    Kind.LIST: "array",
    Kind.OBJECT: "object",
    Kind.TAGS: "array",
}


def markdown(resource: ResourceType) -> str:
    """A page on a type: its properties, those that are ignored with the reason, its attributes and its calls."""
    lines = [f"# {resource.name}", "", resource.doc, ""]
    used = [(name, one) for name, one in _paths(resource.properties) if not one.ignored]
    ignored = [(name, one) for name, one in _paths(resource.properties) if one.ignored]
    if used:
        lines += ["## Properties", "", "| name | kind | when it changes | what it is |", "|---|---|---|---|"]
        lines += [f"| `{name}` | {_kind(one)} | {one.update.value} | {_meaning(one)} |" for name, one in used]
        lines.append("")
    for group in resource.exclusive:
        lines += [f"Only one of {_listed(group)} may be given.", ""]
    for group in resource.one_of:
        lines += [f"One of {_listed(group)} must be given.", ""]
    if ignored:
        lines += ["## Accepted and ignored", "", "Each is a warning at its line.", ""]
        lines += [f"- `{name}`: {one.ignored}" for name, one in ignored]
        lines.append("")
    given = f"`{resource.ref}`" if resource.ref else "its id"
    lines += ["## Attributes", "", f"`Ref` gives {given}.", ""]
    lines += [f"- `{name}`: {one.doc}" for name, one in resource.attributes.items()]
    if resource.source:
        lines += ["", f"Source: {resource.source}."]
    return "\n".join(lines).rstrip() + "\n"


def markdown_index(types: Iterable[ResourceType] | None = None) -> str:
    """A list of the types (all of them when none are given) with a line on each."""
    if types is None:
        from cfnlib.resources import all_types  # noqa: PLC0415 - imports every type

        types = all_types()
    lines = ["# Resource types", "", *(f"- `{resource.name}`: {resource.doc}" for resource in types)]
    return "\n".join(lines) + "\n"


def json_schema(resource: ResourceType) -> dict[str, Any]:
    """The type as a resource provider schema, the form that CloudFormation's DescribeType gives."""
    shown = {name: one for name, one in resource.properties.items() if not name.startswith("_")}
    create_only = [f"/properties/{name}" for name, one in shown.items() if one.update is Update.REPLACE]
    read_only = {name: one for name, one in resource.attributes.items() if name not in shown and "." not in name}
    schema = _object(shown)
    schema["properties"] |= {
        name: {"description": one.doc, "type": _JSON_TYPES.get(one.kind, "object")} for name, one in read_only.items()
    }
    schema |= {
        "typeName": resource.name,
        "description": resource.doc,
        "readOnlyProperties": [f"/properties/{name}" for name in read_only],
        "createOnlyProperties": create_only,
        "primaryIdentifier": [f"/properties/{name}" for name in [*resource.attributes][:1]],
    }
    schema["oneOf"] = [{"required": [name]} for group in resource.one_of[:1] for name in group]
    return {name: value for name, value in schema.items() if value != []}


def _object(fields: Mapping[str, Property]) -> dict[str, Any]:
    required = [name for name, one in fields.items() if one.required]
    found: dict[str, Any] = {
        "type": "object",
        "properties": {name: _value(one) for name, one in fields.items()},
        "additionalProperties": False,
    }
    return found | ({"required": required} if required else {})


def _value(declared: Property) -> dict[str, Any]:
    found: dict[str, Any] = {"description": declared.doc}
    if declared.kind is Kind.OBJECT:
        return found | _object(declared.fields)
    if declared.kind is not Kind.JSON:
        found["type"] = _JSON_TYPES[declared.kind]
    if declared.kind is Kind.LIST and declared.item is not None:
        found["items"] = _value(declared.item)
    rules = {
        "enum": list(declared.allowed) or None,
        "minimum": declared.minimum,
        "maximum": declared.maximum,
        "pattern": f"^({declared.pattern})$" if declared.pattern else None,
        "default": declared.default,
    }
    return found | {name: rule for name, rule in rules.items() if rule is not None}


def _paths(
    fields: Mapping[str, Property], prefix: str = "", update: Update = Update.REPLACE
) -> Iterator[tuple[str, Property]]:
    """Every property with its dotted path and its effect there, the nested ones after the one that holds them."""
    for name, one in fields.items():
        if name.startswith("_"):
            continue
        one = evolve(one, update=milder(update, one.update))  # noqa: PLW2901 - the same property, in its place
        yield prefix + name, one
        inner = one.item if one.kind is Kind.LIST else one
        if inner is not None and inner.fields and not one.ignored:
            yield from _paths(inner.fields, f"{prefix}{name}{'[]' if one.kind is Kind.LIST else ''}.", one.update)


def _kind(declared: Property) -> str:
    if declared.kind is Kind.LIST and declared.item is not None:
        return f"List of {declared.item.kind.value}"
    return declared.kind.value


def _meaning(declared: Property) -> str:
    parts = [declared.doc]
    if declared.required:
        parts.insert(0, "**Required.**")
    if declared.allowed:
        parts.append(f"One of {_listed(str(choice) for choice in declared.allowed)}.")
    if declared.minimum is not None:
        parts.append(f"At least {declared.minimum:g}.")
    if declared.maximum is not None:
        parts.append(f"At most {declared.maximum:g}.")
    if declared.default is not None:
        parts.append(f"`{declared.default}` when absent.")
    if declared.param:
        parts.append(f"CloudStack: `{declared.param}`.")
    return " ".join(parts).replace("|", "\\|")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
