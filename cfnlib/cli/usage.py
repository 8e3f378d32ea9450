"""The one error of the command line's own."""

from __future__ import annotations

from cfnlib.errors import CfnlibError


class UsageError(CfnlibError):
    """The command was given what it cannot work with."""
