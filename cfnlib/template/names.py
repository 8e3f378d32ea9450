"""Names that a template did not mean: the nearest right one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], *, otherwise: str | None = None) -> str | None:
    """A hint that names the nearest of the known names, or lists them when they are few, or says `otherwise`."""
    from difflib import get_close_matches  # noqa: PLC0415 - a fault is rare, the import is not free

    names = list(known)
    near = get_close_matches(name, names, 1, 0.6)
    if not near:
        folded = {item.lower(): item for item in names}
        near = [folded[name.lower()]] if name.lower() in folded else []
    if near:
        return f"did you mean {near[0]}?"
    if 0 < len(names) <= 8:
        return f"there is {', '.join(sorted(names))}"
    return otherwise
