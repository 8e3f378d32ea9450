"""The commands that work on stacks."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

from cfnlib.cli.cloud import open_stacks, parameters_of
from cfnlib.cli.live import watching
from cfnlib.cli.show import Printer, graph_file
from cfnlib.errors import CfnlibError, ConfigError, OperationFailedError, StackBusyError
from cfnlib.stack import event_dict

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from cfnlib.stack import Stack
    from cfnlib.stacks import Stacks
    from cfnlib.state.model import Event


def plan(arguments: argparse.Namespace) -> int:
    """Show what would happen."""
    with open_stacks(arguments) as stacks:
        found = stacks.plan(arguments.name, arguments.template, parameters_of(arguments))
        Printer(arguments.json).plan(found)
    return 0


def create(arguments: argparse.Namespace) -> int:
    """Make a stack."""
    parameters = parameters_of(arguments)
    return operate(
        arguments,
        lambda stacks, on_event: stacks.create(
            arguments.name, arguments.template, parameters, on_failure=arguments.on_failure, on_event=on_event
        ),
    )


def update(arguments: argparse.Namespace) -> int:
    """Change a stack."""
    parameters = parameters_of(arguments)
    return operate(
        arguments,
        lambda stacks, on_event: stacks.update(
            arguments.name, arguments.template, parameters, on_failure=arguments.on_failure, on_event=on_event
        ),
    )


def delete(arguments: argparse.Namespace) -> int:
    """Remove a stack."""
    return operate(arguments, lambda stacks, on_event: stacks.delete(arguments.name, on_event=on_event))


def rollback(arguments: argparse.Namespace) -> int:
    """Go on with a rollback that failed."""
    return operate(arguments, lambda stacks, on_event: stacks.continue_rollback(arguments.name, on_event=on_event))


def resume(arguments: argparse.Namespace) -> int:
    """Carry on with one stack, or with all."""
    if arguments.name is not None:
        return operate(arguments, lambda stacks, on_event: stacks.resume(arguments.name, on_event=on_event))
    if not arguments.all:
        raise ConfigError("name a stack, or say --all")
    worst = 0
    with open_stacks(arguments) as stacks:
        names = [state.stack_id for state in stacks.store.stacks() if state.status.in_progress]
    for name in names:
        arguments.name = name
        try:
            worst = max(worst, resume(arguments))
        except StackBusyError as error:
            print(f"cfnlib: {error}", file=sys.stderr)
        except OperationFailedError as error:
            print(f"cfnlib: {error}", file=sys.stderr)
            worst = max(worst, 1)
    return worst


def cancel(arguments: argparse.Namespace) -> int:
    """Ask an operation to stop."""
    with open_stacks(arguments) as stacks:
        stacks.cancel(arguments.name)
        Printer(arguments.json).said(
            f"asked the operation on {arguments.name} to stop; it goes back to what was before"
        )
    return 0


def signal(arguments: argparse.Namespace) -> int:
    """Send a signal to a handle."""
    with open_stacks(arguments) as stacks:
        stacks.signal(
            arguments.name,
            arguments.handle,
            unique_id=arguments.id,
            status=arguments.status,
            reason=arguments.reason,
            data=arguments.data,
        )
        Printer(arguments.json).said(f"{arguments.status} {arguments.id} is kept for {arguments.handle}")
    return 0


def status(arguments: argparse.Namespace) -> int:
    """Show a stack."""
    with open_stacks(arguments) as stacks:
        stack = stacks[arguments.name]
        Printer(arguments.json).stack(stack)
        if arguments.graph is not None:
            graph_file(stack, arguments.graph)
    return 0


def outputs(arguments: argparse.Namespace) -> int:
    """Show the outputs."""
    with open_stacks(arguments) as stacks:
        Printer(arguments.json).outputs(stacks[arguments.name].outputs)
    return 0


def list_stacks(arguments: argparse.Namespace) -> int:
    """List the stacks."""
    with open_stacks(arguments) as stacks:
        Printer(arguments.json).stacks(stacks.store.stacks(deleted=arguments.deleted))
    return 0


def events(arguments: argparse.Namespace) -> int:
    """Show the events, and with --follow those to come."""
    with open_stacks(arguments) as stacks:
        stack_id = stacks.store.stack(arguments.name).stack_id
        last = 0
        while True:
            running = stacks.store.stack(stack_id).status.in_progress
            found = stacks.store.events(stack_id, after=last)
            printer = Printer(arguments.json)
            if arguments.json and not arguments.follow:
                print(json.dumps([event_dict(event) for event in found], indent=2))
            else:
                for event in found:
                    print(printer.event(event), flush=True)
            last = found[-1].sequence if found else last
            if not arguments.follow or not running:
                return 0
            time.sleep(0.5)


def operate(arguments: argparse.Namespace, work: Callable[[Stacks, Callable[[Event], None] | None], Stack]) -> int:
    """Do an operation while it is shown, then show the stack as it is."""
    with open_stacks(arguments) as stacks:
        failure: CfnlibError | None = None
        try:
            with watching(stacks, arguments.name, as_json=arguments.json) as on_event:
                work(stacks, on_event)
        except OperationFailedError as error:
            failure = error
        stack = _latest(stacks, arguments.name)
        if arguments.json:
            print(json.dumps(stack.as_dict(), indent=2))
        elif failure is None and not stack.status.startswith("DELETE"):
            Printer(as_json=False).outputs(stack.outputs)
        if failure is not None:
            print(f"cfnlib: {failure}", file=sys.stderr)
            return 1
    return 0


def _latest(stacks: Stacks, name: str) -> Stack:
    """The stack of this name, or the one of this name that was deleted last."""
    found = [state for state in stacks.store.stacks(deleted=True) if name in {state.name, state.stack_id}]
    return stacks[found[-1].stack_id]
