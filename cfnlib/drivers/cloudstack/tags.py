"""The empty values of tags, which templates and EC2's clients may have, and CloudStack refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

EMPTY = "\u00a0"
"""What stands on CloudStack for the empty value of a tag: a blank that nobody types.

Source: CloudStack 4.19, TaggedResourceManagerImpl.createTags.
"""


def kept_value(value: object) -> str:
    """The value of a tag as CloudStack keeps it."""
    return str(value) if value not in {None, ""} else EMPTY


def told_value(value: object) -> str:
    """The value of a tag as whoever gave it knows it."""
    return "" if value in {None, EMPTY} else str(value)


def kept_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of createTags, with values that CloudStack takes."""
    return {**params, "tags": [{**pair, "value": kept_value(pair.get("value"))} for pair in params["tags"]]}
