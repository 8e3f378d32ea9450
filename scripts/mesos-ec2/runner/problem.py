"""What keeps a script from being run, and the way out."""

from __future__ import annotations


class Problem(Exception):  # noqa: N818 - it is told to a person, as it is
    """Said to the user as it stands."""
