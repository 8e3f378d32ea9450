"""Properties of AWS's types that mean nothing on CloudStack.

They are declared all the same, so that a name that is not declared is a slip of the pen and an error, while these
are a warning with the reason.
"""

from __future__ import annotations

from cfnlib.schema.model import Kind, Property, Update


def ignored(why: str, *names: str) -> dict[str, Property]:
    """Properties of any kind that cannot be honoured, all for the same reason (a clause: `there is no ...`)."""
    return {
        name: Property(f"Not used: {why}.", kind=Kind.JSON, update=Update.IN_PLACE, ignored=why) for name in names
    }
