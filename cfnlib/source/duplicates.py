"""The name under which a map holds the value of a key that it has already, until the map ends and it is dropped."""

from __future__ import annotations


class _Dropped(str):
    """A text that is equal to itself only, so that no key of a template can be it."""

    __slots__ = ()
    __eq__ = object.__eq__
    __hash__ = object.__hash__


DROPPED = _Dropped("a second value")
