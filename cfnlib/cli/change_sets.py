"""`cfnlib change-set`: stored plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.cli.cloud import open_stacks, parameters_of
from cfnlib.cli.commands import operate
from cfnlib.cli.show import Printer
from cfnlib.errors import StackNotFoundError

if TYPE_CHECKING:
    import argparse


def change_set_create(arguments: argparse.Namespace) -> int:
    """Store what an update would do."""
    with open_stacks(arguments) as stacks:
        stored = stacks.create_change_set(
            arguments.name, arguments.change_set, arguments.template, parameters_of(arguments)
        )
        Printer(arguments.json).change_set(stored)
    return 0


def change_set_list(arguments: argparse.Namespace) -> int:
    """List the stored plans."""
    with open_stacks(arguments) as stacks:
        Printer(arguments.json).change_sets(stacks.change_sets(arguments.name))
    return 0


def change_set_show(arguments: argparse.Namespace) -> int:
    """Show a stored plan."""
    with open_stacks(arguments) as stacks:
        for stored in stacks.change_sets(arguments.name):
            if arguments.change_set in {stored.name, stored.change_set_id}:
                Printer(arguments.json).change_set(stored)
                return 0
        raise StackNotFoundError(f"stack {arguments.name} has no change set {arguments.change_set}")


def change_set_execute(arguments: argparse.Namespace) -> int:
    """Carry out a stored plan."""
    return operate(
        arguments,
        lambda stacks, watch: stacks.execute_change_set(
            arguments.name, arguments.change_set, on_event=watch.happened
        ),
    )


def change_set_delete(arguments: argparse.Namespace) -> int:
    """Remove a stored plan."""
    with open_stacks(arguments) as stacks:
        stacks.delete_change_set(arguments.name, arguments.change_set)
        Printer(arguments.json).said(f"change set {arguments.change_set} is removed")
    return 0
