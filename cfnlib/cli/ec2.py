"""`cfnlib ec2`: the EC2 API, of the package that brings it.

cfnlib knows nothing of what is built on it; the command is found among the entry points `cfnlib.commands`.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from cfnlib.cli.serve import check_packages
from cfnlib.errors import ConfigError

if TYPE_CHECKING:
    import argparse


def ec2(arguments: argparse.Namespace) -> int:
    """Serve until told to stop; the options are the EC2 API's own."""
    check_packages()
    found = entry_points(group="cfnlib.commands", name="ec2")
    if not found:
        raise ConfigError("the EC2 API is not installed: install cfnlib anew, it brings compat.ec2")
    rest = arguments.rest[1:] if arguments.rest[:1] == ["--"] else arguments.rest  # as for the simulator
    command = next(iter(found)).load()
    code: int = command(rest)
    return code
