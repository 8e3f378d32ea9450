"""The name that was meant, when a name is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The nearest of the names; None when none is near. Case and underscores count for little."""
    known = {_plain(one): one for one in names}
    plain = _plain(name)
    if plain in known:
        return known[plain]
    from difflib import get_close_matches  # noqa: PLC0415 - needed only when something is wrong

    found = get_close_matches(plain, known, n=1, cutoff=0.7)
    return known[found[0]] if found else None


def did_you_mean(name: str, names: Iterable[str]) -> str | None:
    """A hint with the nearest name, None when there is none."""
    found = nearest(name, names)
    return f"did you mean {found}?" if found else None


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
