"""The difference between what a thing was last given and what it shall be given, with the effect of each change."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from attrs import frozen

from cfnlib.schema.model import Kind, Update

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cfnlib.schema.model import Property, ResourceType

_STRENGTH = {Update.IN_PLACE: 0, Update.RESTART: 1, Update.REPLACE: 2}
_LONG = 60


@frozen
class Change:
    """One change: `before` or `after` None means absent. The values of a `secret` change are never shown."""

    path: tuple[str | int, ...]
    before: Any
    after: Any
    update: Update
    secret: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The change in JSON's types; a secret value is masked, a long one is told by its length and a digest."""
        return {
            "path": ".".join(map(str, self.path)),
            "before": _shown(self.before, self.secret),
            "after": _shown(self.after, self.secret),
            "update": self.update.value,
        }


def diff(resource: ResourceType, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """The changes from one set of resolved properties to another, in the order of their names.

    A property that is absent equals one that has its default. A value that is not known yet counts as changed.
    """
    found: list[Change] = []
    for name in sorted({*before, *after}):
        declared = resource.properties.get(name)
        if declared is None or declared.ignored is not None:
            continue
        found += _changes((name,), declared, before.get(name), after.get(name))
    return tuple(found)


def strongest(changes: tuple[Change, ...]) -> Update | None:
    """The effect that doing all the changes has; None when there are none."""
    return max((change.update for change in changes), key=_STRENGTH.__getitem__, default=None)


def _changes(path: tuple[str | int, ...], declared: Property, before: Any, after: Any) -> Iterator[Change]:  # noqa: ANN401
    before = declared.default if before is None else before
    after = declared.default if after is None else after
    if _same(before, after):
        return
    if declared.kind is Kind.OBJECT and isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            inner = declared.fields.get(name)
            if inner is None:
                yield Change((*path, name), before.get(name), after.get(name), declared.update, declared.secret)
            elif inner.ignored is None:
                yield from _changes((*path, name), inner, before.get(name), after.get(name))
        return
    yield Change(path, before, after, declared.update, declared.secret)


def _same(before: object, after: object) -> bool:
    """Whether two values are equal as a template means them: `80` and `"80"` are."""
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(_same(value, after[name]) for name, value in before.items())
    if isinstance(before, list | tuple) and isinstance(after, list | tuple):
        return len(before) == len(after) and all(map(_same, before, after))
    if isinstance(before, str | int | float | bool) and isinstance(after, str | int | float | bool):
        return before == after or str(before).lower() == str(after).lower()
    return before == after


def _shown(value: object, secret: bool) -> Any:  # noqa: ANN401 - a value of any type
    if value is None:
        return None
    if secret:
        return "****"
    if isinstance(value, str) and len(value) > _LONG:
        return f"<{len(value)} characters, {sha256(value.encode()).hexdigest()[:8]}>"
    if isinstance(value, str | int | float | bool | list | dict):
        return value
    return str(value)
