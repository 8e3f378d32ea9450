"""What differs between two versions of a thing's properties, and what that does to the thing.

A default equals absence. The effect of a nested change is the mildest on its path: a list that is changed in place is
changed in place whatever its items say, and a part that changes nothing replaces nothing.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from attrs import frozen

from cfnlib.schema.model import Kind, Update

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cfnlib.schema.model import Property, ResourceType

_LONG = 60
_STRENGTH = {Update.IN_PLACE: 0, Update.RESTART: 1, Update.REPLACE: 2}


@frozen
class Change:
    """One value that differs. None stands for absence; a value that is not known yet differs from every other."""

    path: tuple[str | int, ...]
    before: Any
    after: Any
    update: Update
    secret: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The change in JSON's types: a secret value is masked, a long text is told by its length and a digest."""
        return {
            "path": ".".join(map(str, self.path)),
            "before": _shown(self.before, secret=self.secret),
            "after": _shown(self.after, secret=self.secret),
            "update": self.update.value,
        }


def diff(resource: ResourceType, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """The changes from one version to another, in the order of the type's properties."""
    return tuple(_fields(resource.properties, before, after, (), Update.REPLACE, secret=False))


def strongest(changes: Iterable[Change]) -> Update | None:
    """The strongest effect among the changes, None when there are none."""
    return max((change.update for change in changes), key=_STRENGTH.__getitem__, default=None)


def milder(one: Update, other: Update) -> Update:
    """The milder of two effects."""
    return min(one, other, key=_STRENGTH.__getitem__)


def _fields(
    fields: Mapping[str, Property],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    path: tuple[str | int, ...],
    update: Update,
    *,
    secret: bool,
) -> Iterator[Change]:
    for name, declared in fields.items():
        old, new = before.get(name), after.get(name)
        old = declared.default if old is None else old
        new = declared.default if new is None else new
        yield from _values(declared, old, new, (*path, name), update, secret=secret)


def _values(
    declared: Property, old: object, new: object, path: tuple[str | int, ...], update: Update, *, secret: bool
) -> Iterator[Change]:
    update = milder(update, declared.update)
    secret = secret or declared.secret
    if _same(declared, old, new):
        return
    if isinstance(old, dict) and isinstance(new, dict) and declared.fields:
        yield from _fields(declared.fields, old, new, path, update, secret=secret)
    elif isinstance(old, list) and isinstance(new, list) and declared.item is not None:
        for index in range(max(len(old), len(new))):
            one = old[index] if index < len(old) else None
            other = new[index] if index < len(new) else None
            yield from _values(declared.item, one, other, (*path, index), update, secret=secret)
    else:
        yield Change(path, old, new, update, secret)


def _same(declared: Property, old: object, new: object) -> bool:
    if declared.kind is Kind.TAGS and isinstance(old, list) and isinstance(new, list):
        return _by_key(old) == _by_key(new)
    return bool(old == new)


def _by_key(tags: list[Any]) -> list[Any]:
    """The tags in the order of their keys: a set of tags has none of its own."""
    return sorted(tags, key=lambda tag: repr(tag.get("Key", tag.get("key"))) if isinstance(tag, dict) else repr(tag))


def _shown(value: object, *, secret: bool) -> Any:  # noqa: ANN401 - a value of any type
    if value is None:
        return None
    if secret:
        return "****"
    if isinstance(value, str) and len(value) > _LONG:
        return f"<{len(value)} characters, sha256 {sha256(value.encode()).hexdigest()[:8]}>"
    return value if isinstance(value, str | int | float | bool | list | dict) else str(value)
