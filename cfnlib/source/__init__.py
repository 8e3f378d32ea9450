"""Text that remembers positions.

`load` reads YAML or JSON into nodes, which know the line and column of every value and key, and collects what is
wrong as diagnostics; it never raises for a wrong text. `load_file` and `read_text` do so for a file, through Jinja2
when its name ends in .j2.
"""

from __future__ import annotations

from cfnlib.source.limits import DEFAULT_LIMITS, Limits
from cfnlib.source.nodes import ListNode, MapNode, Node, Place, Scalar, ScalarValue, scalar_text
from cfnlib.source.read import load, load_file, read_text

__all__ = [
    "DEFAULT_LIMITS",
    "Limits",
    "ListNode",
    "MapNode",
    "Node",
    "Place",
    "Scalar",
    "ScalarValue",
    "load",
    "load_file",
    "read_text",
    "render",
    "scalar_text",
]


def __getattr__(name: str) -> object:
    """Import `render` on its first use: Jinja2 is loaded only when asked for."""
    if name == "render":
        from cfnlib.source.jinja_text import render  # noqa: PLC0415 - see above

        return render
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
