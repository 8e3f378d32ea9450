"""Printing what commands find: as tables where a person reads, as JSON where a program does."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cfnlib.plan.change import Operation
from cfnlib.stack import event_dict, time_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from cfnlib.plan.change import Action, Plan
    from cfnlib.stack import Stack
    from cfnlib.state.model import ChangeSet, Event
    from cfnlib.state.model import Stack as StackState

_SIGNS = {"create": "+", "update": "~", "replace": "±", "remove": "-", "forget": "!", "keep": " "}
_STYLES = {"create": "green", "update": "yellow", "replace": "magenta", "remove": "red", "forget": "red"}


class Printer:
    """Prints on the standard output, as JSON or for a person."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def said(self, text: str) -> None:
        """A word of confirmation."""
        print(json.dumps({"message": text}) if self._as_json else text)

    def plan(self, plan: Plan) -> None:
        """What would happen, and why."""
        if self._as_json:
            print(json.dumps(plan.as_dict(), indent=2))
            return
        for item in plan.diagnostics:
            print(item)
        for action in plan.changes:
            _console().print(_action_line(action), highlight=False, soft_wrap=True)
            for line in _change_lines(action.as_dict()):
                print(line)
        counts = plan.counts()
        told = ", ".join(f"{counts[one.value]} to {one.value}" for one in Operation if one.value in counts)
        print(f"{plan.stack_name}: {told or 'nothing to do'}")

    def change_set(self, stored: ChangeSet) -> None:
        """A stored plan."""
        if self._as_json:
            found = {"name": stored.name, "id": stored.change_set_id, "revision": stored.stack_revision}
            print(json.dumps({**found, "changes": stored.summary}, indent=2))
            return
        for action in stored.summary:
            sign = _SIGNS[str(action["operation"])]
            print(f"{sign} {action['logical_id']} ({action['type']}): {action['reason']}")
            for line in _change_lines(action):
                print(line)
        print(f"{stored.name}: {len(stored.summary)} changes, for revision {stored.stack_revision}")

    def stack(self, stack: Stack) -> None:
        """A stack, its resources and its outputs."""
        if self._as_json:
            print(json.dumps(stack.as_dict(), indent=2))
            return
        print(f"{stack.name}  {stack.status}" + (f"  {stack.reason}" if stack.reason else ""))
        rows = [
            (row.logical_id, row.type, row.status.value, row.physical_id or "", row.reason) for row in stack.resources
        ]
        _table(("logical id", "type", "status", "physical id", "reason"), rows)
        self.outputs(stack.outputs)

    def outputs(self, outputs: Mapping[str, Any]) -> None:
        """A stack's outputs."""
        if self._as_json:
            print(json.dumps(dict(outputs), indent=2))
            return
        for name, value in outputs.items():
            print(f"{name} = {value if isinstance(value, str | int | float) else json.dumps(value)}")

    def stacks(self, stacks: Iterable[StackState]) -> None:
        """Some stacks, a line each."""
        if self._as_json:
            found = [
                {
                    "name": state.name,
                    "stack_id": state.stack_id,
                    "status": state.status.value,
                    "reason": state.reason,
                    "created_at": time_text(state.created_at),
                    "updated_at": time_text(state.updated_at),
                }
                for state in stacks
            ]
            print(json.dumps(found, indent=2))
            return
        rows = [(s.name, s.status.value, time_text(s.updated_at or s.created_at) or "", s.reason) for s in stacks]
        if rows:
            _table(("name", "status", "since", "reason"), rows)
        else:
            print("there are no stacks")

    def event(self, event: Event) -> str:
        """An event as one line."""
        return json.dumps(event_dict(event)) if self._as_json else event_line(event)


def event_line(event: Event) -> str:
    """An event for a person: time of day, status, what, and why."""
    at = datetime.fromtimestamp(event.at).astimezone().strftime("%H:%M:%S")
    reason = f"  {event.reason}" if event.reason else ""
    return f"{at}  {event.status:<20}  {event.logical_id} ({event.type}){reason}"


def graph_file(stack: Stack, path: Path) -> None:
    """Draw a stack's graph into a file. Raises `ConfigError` when it cannot be written."""
    from cfnlib.errors import ConfigError  # noqa: PLC0415 - only when it fails

    try:
        stack.graph().save(path)
    except OSError as error:
        raise ConfigError(f"--graph {path}: {error.strerror}") from error


def _action_line(action: Action) -> str:
    name = action.operation.value
    style = _STYLES.get(name)
    head = f"{_SIGNS[name]} {action.logical_id}".replace("[", "\\[")
    told = f"[{style}]{head}[/{style}]" if style else head
    after = f"; {', '.join(action.unknown)} known after creation" if action.unknown else ""
    return f"{told} ({action.type}): {action.reason}{after}"


def _change_lines(action: Mapping[str, Any]) -> Iterable[str]:
    for change in action["changes"]:
        yield f"      {change['path']}: {_short(change['before'])} -> {_short(change['after'])} ({change['update']})"


def _short(value: object) -> str:
    return "absent" if value is None else value if isinstance(value, str) else json.dumps(value)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.table import Table  # noqa: PLC0415 - only for a person's eyes

    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*(cell.replace("[", "\\[") for cell in row))
    _console().print(table, highlight=False)


def _console() -> Any:  # noqa: ANN401 - rich is imported when it is needed
    from rich.console import Console  # noqa: PLC0415

    console = Console()
    return console if console.is_terminal else Console(width=200)
