"""Values for any resource type's properties, drawn from its declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from hypothesis import strategies as st

from cfnlib.schema.model import Desired, Existing, Facts, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.schema.model import Property, ResourceType

IDS = st.integers(1, 2**64).map(lambda number: str(UUID(int=number)))
WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)
CIDRS = st.sampled_from(["0.0.0.0/0", "10.0.0.0/8", "192.168.1.0/24", "10.1.2.3/32"])
PLAIN_ZONE = Facts("zone-1", "Zone", security_groups=False, account="admin", network_offering_id="offering-1")
GROUPS_ZONE = Facts("zone-1", "Zone", security_groups=True, account="admin", network_offering_id="offering-1")


def value(declared: Property, name: str) -> st.SearchStrategy[Any]:
    """Values of one property, as they are once coerced."""
    key = (id(declared), name)
    if key not in _VALUES:
        _VALUES[key] = (
            st.sampled_from(declared.allowed) if declared.allowed else _OF_KIND[declared.kind](declared, name)
        )
    return _VALUES[key]


def _number(declared: Property, _: str) -> st.SearchStrategy[Any]:
    low = int(declared.minimum) if declared.minimum is not None else 0
    return st.integers(low, int(declared.maximum) if declared.maximum is not None else 1000)


def _list(declared: Property, name: str) -> st.SearchStrategy[Any]:
    item = declared.item
    if item is None or item.kind is Kind.OBJECT:
        return st.lists(WORDS if item is None else value(item, name), min_size=1, max_size=1)
    return st.lists(value(item, name), min_size=1, max_size=2, unique=True)


def _tags(_: Property, name: str) -> st.SearchStrategy[Any]:
    pairs = st.dictionaries(WORDS, WORDS, min_size=1, max_size=2)
    return (
        pairs if name == "tags" else pairs.map(lambda tags: [{"Key": key, "Value": one} for key, one in tags.items()])
    )


def _text(declared: Property, name: str) -> st.SearchStrategy[Any]:
    if "cidr" in name.lower():
        return CIDRS
    if declared.pattern:
        return st.from_regex(declared.pattern, fullmatch=True)
    return st.one_of(IDS, WORDS)


_VALUES: dict[tuple[int, str], st.SearchStrategy[Any]] = {}
_OF_KIND: dict[Kind, Callable[[Property, str], st.SearchStrategy[Any]]] = {
    Kind.STRING: _text,
    Kind.INTEGER: _number,
    Kind.NUMBER: _number,
    Kind.BOOLEAN: lambda _declared, _name: st.booleans(),
    Kind.JSON: lambda _declared, _name: st.dictionaries(WORDS, WORDS, min_size=1, max_size=1),
    Kind.LIST: _list,
    Kind.OBJECT: lambda declared, _: fields(declared.fields),
    Kind.TAGS: _tags,
}


def fields(declared: dict[str, Property]) -> st.SearchStrategy[dict[str, Any]]:
    """Maps with every required field, and some of the others. What is ignored is left out."""
    used = {name: one for name, one in declared.items() if not one.ignored}
    return st.fixed_dictionaries(
        {name: value(one, name) for name, one in used.items() if one.required},
        optional={name: value(one, name) for name, one in used.items() if not one.required},
    )


def properties(resource: ResourceType) -> st.SearchStrategy[dict[str, Any]]:
    """Properties of a type that go together."""
    if resource.name not in _PROPERTIES:
        _PROPERTIES[resource.name] = _together(resource)
    return _PROPERTIES[resource.name]


_PROPERTIES: dict[str, st.SearchStrategy[dict[str, Any]]] = {}


def _together(resource: ResourceType) -> st.SearchStrategy[dict[str, Any]]:
    whole = fields(resource.properties)

    @st.composite
    def together(draw: st.DrawFn) -> dict[str, Any]:
        drawn = draw(whole)
        for group in (*resource.exclusive, *resource.one_of):
            for name in [name for name in group if name in drawn][1:]:
                del drawn[name]
        for group in resource.one_of:
            if not any(name in drawn for name in group):
                name = draw(st.sampled_from(group))
                drawn[name] = draw(value(resource.properties[name], name))
        return drawn

    return together().filter(lambda drawn: resource.judge is None or not resource.judge(drawn))


def desired(values: dict[str, Any], facts: Facts = GROUPS_ZONE) -> Desired:
    """A thing that shall have these properties."""
    return Desired("Thing", "stack-thing-abc123", "stack", values, facts)


def existing(values: dict[str, Any], facts: Facts = GROUPS_ZONE) -> Existing:
    """A thing that has these properties."""
    return Existing("Thing", "stack-thing-abc123", "11111111-2222-3333-4444-555555555555", values, {}, facts)
