"""The commands that work on stacks."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cfnlib.cli.cloud import open_stacks, parameters_of
from cfnlib.cli.live import watching
from cfnlib.cli.show import Printer, as_document
from cfnlib.cli.usage import UsageError
from cfnlib.errors import OperationFailedError, StackBusyError, TemplateError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cfnlib.cli.live import Watch
    from cfnlib.stack import Stack
    from cfnlib.stacks import Stacks

    Work = Callable[[Stacks, Watch], Stack]

_BEGINNINGS = {
    "create": "CREATE_IN_PROGRESS",
    "update": "UPDATE_IN_PROGRESS",
    "change_set_execute": "UPDATE_IN_PROGRESS",
    "delete": "DELETE_IN_PROGRESS",
    "rollback": "UPDATE_ROLLBACK_IN_PROGRESS",
    "launch": "CREATE_IN_PROGRESS",
    "resize": "UPDATE_IN_PROGRESS",
    "destroy": "DELETE_IN_PROGRESS",
}
_WAYS_OUT = {
    "CREATE_FAILED": "`cfnlib delete {name}` removes what was made",
    "ROLLBACK_COMPLETE": "nothing of it is left on the cloud; `cfnlib delete {name}` frees the name",
    "ROLLBACK_FAILED": "`cfnlib delete {name}` tries again to remove what is left",
    "DELETE_FAILED": "`cfnlib delete {name}` tries again",
    "UPDATE_FAILED": "`cfnlib update {name}` tries again; `cfnlib rollback {name}` goes back",
    "UPDATE_ROLLBACK_COMPLETE": "it is what it was before the update",
    "UPDATE_ROLLBACK_FAILED": "`cfnlib rollback {name}` tries again to go back",
}


def plan(arguments: argparse.Namespace) -> int:
    """Show what would happen."""
    with open_stacks(arguments) as stacks:
        with _every_fault(arguments.template):
            found = stacks.plan(arguments.name, arguments.template, parameters_of(arguments))
        Printer(arguments.json).plan(found)
    return 0


def create(arguments: argparse.Namespace) -> int:
    """Make a stack."""
    parameters = parameters_of(arguments)
    return operate(
        arguments,
        lambda stacks, watch: stacks.create(
            arguments.name,
            arguments.template,
            parameters,
            on_failure=arguments.on_failure,
            on_plan=watch.planned,
            on_event=watch.happened,
        ),
    )


def update(arguments: argparse.Namespace) -> int:
    """Change a stack."""
    parameters = parameters_of(arguments)
    return operate(
        arguments,
        lambda stacks, watch: stacks.update(
            arguments.name,
            arguments.template,
            parameters,
            on_failure=arguments.on_failure,
            on_plan=watch.planned,
            on_event=watch.happened,
        ),
    )


def delete(arguments: argparse.Namespace) -> int:
    """Remove a stack."""

    def work(stacks: Stacks, watch: Watch) -> Stack:
        watch.planned(stacks.plan_delete(arguments.name))
        return stacks.delete(arguments.name, on_event=watch.happened)

    return operate(arguments, work)


def rollback(arguments: argparse.Namespace) -> int:
    """Go on with a rollback that failed."""
    return operate(arguments, lambda stacks, watch: stacks.continue_rollback(arguments.name, on_event=watch.happened))


def resume(arguments: argparse.Namespace) -> int:
    """Carry on with one stack, or with every one that nobody works on."""
    if arguments.name is not None:
        return operate(arguments, lambda stacks, watch: stacks.resume(arguments.name, on_event=watch.happened))
    if not arguments.all:
        raise UsageError("name a stack, or say --all")
    worst = 0
    came: list[dict[str, Any]] = []
    with open_stacks(arguments) as stacks:
        for state in stacks.states():
            if not state.status.in_progress:
                continue
            try:
                with watching(state.name, state.status.value, as_json=arguments.json) as watch:
                    stacks.resume(state.stack_id, on_event=watch.happened)
            except StackBusyError as error:
                sys.stderr.write(f"cfnlib: {error}\n")
                continue
            except OperationFailedError as error:
                sys.stderr.write(f"cfnlib: {error}\n")
                worst = 1
            came.append(stacks[state.stack_id].as_dict())
    if arguments.json:
        as_document(came)
    elif not came:
        Printer(as_json=False).said("there is nothing to carry on with")
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
        Printer(arguments.json).stack(stack, every=arguments.all)
        if arguments.graph is not None:
            stack.graph().save(arguments.graph)
        if arguments.timeline is not None:
            stack.timeline().save(arguments.timeline)
    return 0


def outputs(arguments: argparse.Namespace) -> int:
    """Show the outputs."""
    with open_stacks(arguments) as stacks:
        Printer(arguments.json).outputs(stacks[arguments.name].outputs)
    return 0


def list_stacks(arguments: argparse.Namespace) -> int:
    """List the stacks."""
    with open_stacks(arguments) as stacks:
        Printer(arguments.json).stacks(stacks.states(deleted=arguments.deleted))
    return 0


def events(arguments: argparse.Namespace) -> int:
    """Show the events, and with --follow those to come, until the operation under way has ended."""
    with open_stacks(arguments) as stacks:
        stack_id = stacks[arguments.name].stack_id
        last = 0
        while True:
            running = stacks.store.stack(stack_id).status.in_progress
            found = stacks.store.events(stack_id, after=last)
            if found or not arguments.follow:
                Printer(arguments.json).events(found, as_lines=arguments.follow)
            last = found[-1].sequence if found else last
            if not arguments.follow or not running:
                return 0
            time.sleep(0.3)


def operate(
    arguments: argparse.Namespace, work: Work, document: Callable[[Stack], dict[str, Any]] | None = None
) -> int:
    """Do an operation while it is shown, then say what came of it; `document` makes the JSON of the stack."""
    with open_stacks(arguments) as stacks:
        failure: OperationFailedError | None = None
        begin = _BEGINNINGS.get(arguments.function, "")
        with watching(arguments.name, begin, as_json=arguments.json) as watch:
            try:
                with _every_fault(getattr(arguments, "template", None)):
                    stack = work(stacks, watch)
            except OperationFailedError as error:
                failure = error
                stack = stacks[watch.stack_id or arguments.name]
        stack.refresh()
        if arguments.json:
            as_document(stack.as_dict() if document is None else document(stack))
        elif failure is None and not stack.status.startswith("DELETE"):
            Printer(as_json=False).outputs(stack.outputs)
        if failure is not None:
            hint = _WAYS_OUT.get(failure.status, "").format(name=stack.name)
            sys.stderr.write(f"cfnlib: {failure}\n" + (f"  {hint}\n" if hint else ""))
            return 1
    return 0


@contextmanager
def _every_fault(template: Path | None) -> Iterator[None]:
    """Tell every fault of the template in a file, if one is named, when it is refused."""
    if template is None:
        yield
        return
    from cfnlib.plan.validate import every_fault  # noqa: PLC0415 - commands without a template start without it
    from cfnlib.template import Template  # noqa: PLC0415 - as above

    try:
        yield
    except TemplateError:
        with every_fault(Template.from_file(template)):
            raise
