"""`cfnlib simulator`: the embedded CloudStack as a program of its own."""

from __future__ import annotations

import argparse

from cfnlib.simulator.program import add_arguments, run


def simulate(arguments: argparse.Namespace) -> int:
    """Serve until told to stop; the options are the simulator's own."""
    own = argparse.ArgumentParser(prog="cfnlib simulator", description="Serve an embedded CloudStack.")
    add_arguments(own)
    rest = arguments.rest[1:] if arguments.rest[:1] == ["--"] else arguments.rest  # some versions of Python keep it
    return run(own.parse_args(rest))
