"""EC2's filters over what a describe action is about to answer.

Each action names, for its items, where a filter finds its values; `tag:KEY`, `tag-key` and `tag-value` work on
everything that has `Tags`. Values of one filter are alternatives, filters are all required. `*` stands for any text,
`?` for one character, and a backslash takes their meaning away.

Source: Amazon EC2 API reference, Filter; user guide, "List and filter using the CLI and API".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeAlias

from compat.ec2.faults import Ec2Error

Item: TypeAlias = Mapping[str, Any]
Finder: TypeAlias = str | Callable[[Item], object]
"""Where a filter's values are: a path as `State.Name` or `BlockDeviceMappings.Ebs.VolumeId` (lists are gone through),
or a function of the item."""

_OF_TAGS = ("tag-key", "tag-value")


def filtered(items: Iterable[Item], filters: Sequence[Item] | None, finders: Mapping[str, Finder]) -> list[Item]:
    """The items that pass every filter. Raises `Ec2Error` for a filter that the action does not have."""
    asked = [(one.get("Name") or "", one.get("Values") or []) for one in filters or ()]
    for name, _ in asked:
        if name not in finders and not name.startswith("tag:") and name not in _OF_TAGS:
            raise Ec2Error("InvalidParameterValue", f"The filter '{name}' is invalid")
    return [item for item in items if all(_passes(item, name, values, finders) for name, values in asked)]


def _passes(item: Item, name: str, values: Sequence[str], finders: Mapping[str, Finder]) -> bool:
    found = [_text(value) for value in _values(item, name, finders)]
    return any(_pattern(value).fullmatch(text) for value in values for text in found)


def _values(item: Item, name: str, finders: Mapping[str, Finder]) -> Iterable[object]:
    tags = item.get("Tags") or ()
    if name.startswith("tag:"):
        return [tag["Value"] for tag in tags if tag["Key"] == name[4:]]
    if name in _OF_TAGS and name not in finders:
        return [tag["Key" if name == "tag-key" else "Value"] for tag in tags]
    finder = finders[name]
    found = finder(item) if callable(finder) else _at(item, finder.split("."))
    return [
        one for one in (found if isinstance(found, (list, tuple, set, frozenset)) else [found]) if one is not None
    ]


def _at(value: object, path: Sequence[str]) -> list[object]:
    if isinstance(value, (list, tuple)):
        return [found for one in value for found in _at(one, path)]
    if not path:
        return [] if value is None else [value]
    return _at(value[path[0]], path[1:]) if isinstance(value, Mapping) and path[0] in value else []


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


@lru_cache(maxsize=1024)
def _pattern(value: str) -> re.Pattern[str]:
    parts = re.findall(r"\\.|[*?]|[^*?\\]+|\\", value, re.DOTALL)
    wild = {"*": ".*", "?": "."}
    return re.compile(
        "".join(
            wild.get(part) or re.escape(part[1:] if len(part) == 2 and part[0] == "\\" else part) for part in parts
        ),
        re.DOTALL,
    )
