"""What commands find, as lines for a person or as JSON for a program."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cfnlib.cli.text import Piece, of_state, table, write
from cfnlib.stack import event_dict, time_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cfnlib.diagnostic import Diagnostic
    from cfnlib.plan.change import Plan
    from cfnlib.stack import Stack
    from cfnlib.state.model import ChangeSet, Event, Resource
    from cfnlib.state.model import Stack as StackState

FOLD_ABOVE = 12
"""More members of a group than this are told together, those that failed excepted."""

_SIGNS = {"create": "+", "update": "~", "replace": "-/+", "remove": "-", "forget": "!", "keep": "="}
_COUNTED = {
    "create": "to create",
    "update": "to update",
    "replace": "to replace",
    "remove": "to remove",
    "forget": "to let go of",
    "keep": "unchanged",
}
_MEMBER = re.compile(r"(.+)\[(\d+)\]")


class Printer:
    """Prints on the standard output: one JSON document, or lines for a person."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def said(self, text: str) -> None:
        """A word of confirmation."""
        if self._as_json:
            as_document({"message": text})
        else:
            write([text])

    def plan(self, plan: Plan) -> None:
        """What would happen, and why; warnings go to the standard error."""
        found = plan.as_dict()
        if self._as_json:
            as_document(found)
            return
        warn(plan.diagnostics)
        write(_action_lines([action for action in found["actions"] if action["operation"] != "keep"]))
        told = ", ".join(f"{plan.counts()[name]} {word}" for name, word in _COUNTED.items() if name in plan.counts())
        write([f"{plan.stack_name}: {'nothing to do, ' if plan.empty else ''}{told or 'no resources'}"])

    def change_set(self, stored: ChangeSet) -> None:
        """A stored plan."""
        if self._as_json:
            as_document({**change_set_dict(stored), "changes": stored.summary})
            return
        write(_action_lines(stored.summary))
        changes = f"{len(stored.summary)} change{'' if len(stored.summary) == 1 else 's'}"
        write([f"{stored.name}: {changes}, for revision {stored.stack_revision} of the stack"])

    def change_sets(self, found: Sequence[ChangeSet]) -> None:
        """Stored plans, a line each."""
        if self._as_json:
            as_document([change_set_dict(stored) for stored in found])
            return
        heads = ("change set", "changes", "revision", "made at")
        rows = [
            (one.name, str(len(one.summary)), str(one.stack_revision), time_text(one.created_at) or "")
            for one in found
        ]
        write(table(heads, rows) or ["there are no change sets"])

    def stack(self, stack: Stack, *, every: bool = False) -> None:
        """A stack, its resources (a large group told as one, unless `every`) and its outputs."""
        if self._as_json:
            as_document(stack.as_dict())
            return
        write([[Piece(stack.name, "bold"), Piece("  "), of_state(stack.status)]])
        if stack.reason:
            write([f"  {stack.reason}"])
        heads = ("resource", "type", "status", "id", "reason")
        write(table(heads, _resource_rows(stack.resources, every=every)))
        if stack.outputs:
            write([""])
            self.outputs(stack.outputs)

    def outputs(self, outputs: Mapping[str, Any]) -> None:
        """A stack's outputs."""
        if self._as_json:
            as_document(dict(outputs))
            return
        for name, value in outputs.items():
            shown = value if isinstance(value, str) else json.dumps(value)
            write([[Piece(name, "bold"), Piece(f" = {shown}")]])

    def stacks(self, stacks: Iterable[StackState]) -> None:
        """Some stacks, a line each."""
        if self._as_json:
            as_document(
                [
                    {
                        "name": state.name,
                        "stack_id": state.stack_id,
                        "status": state.status.value,
                        "reason": state.reason,
                        "created_at": time_text(state.created_at),
                        "updated_at": time_text(state.updated_at),
                        "deleted_at": time_text(state.deleted_at),
                    }
                    for state in stacks
                ]
            )
            return
        rows = [
            (
                Piece(state.name, "bold"),
                of_state(state.status.value),
                time_text(state.deleted_at or state.updated_at or state.created_at) or "",
                state.reason,
            )
            for state in stacks
        ]
        write(table(("stack", "status", "changed at", "reason"), rows) or ["there are no stacks"])

    def events(self, events: Sequence[Event], *, as_lines: bool) -> None:
        """Events: as one document, or, with `as_lines`, each as a line, of JSON where that is asked for."""
        if not self._as_json:
            write(event_line(event) for event in events)
        elif as_lines:
            write(json.dumps(event_dict(event)) for event in events)
        else:
            as_document([event_dict(event) for event in events])


def as_document(value: object) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")
    sys.stdout.flush()


def warn(items: Iterable[Diagnostic]) -> None:
    """Write diagnostics to the standard error."""
    for item in items:
        write([str(item)], sys.stderr)


def event_line(event: Event) -> list[Piece]:
    """An event for a person: time of day, status, what, and why."""
    at = datetime.fromtimestamp(event.at).astimezone().strftime("%H:%M:%S")
    rest = f"  {event.logical_id} ({event.type})" + (f"  {event.reason}" if event.reason else "")
    return [Piece(f"{at}  "), of_state(event.status, f"{event.status:<18}"), Piece(rest)]


def change_set_dict(stored: ChangeSet) -> dict[str, Any]:
    """A stored plan in JSON's types, without its template and parameters, which may hold secrets."""
    return {
        "name": stored.name,
        "change_set_id": stored.change_set_id,
        "stack_id": stored.stack_id,
        "revision": stored.stack_revision,
        "status": stored.status,
        "created_at": time_text(stored.created_at),
    }


# Resources


def _resource_rows(resources: Sequence[Resource], *, every: bool) -> list[Sequence[Piece | str]]:
    sizes = Counter(row.group for row in resources if row.group is not None)
    rows: list[Sequence[Piece | str]] = []
    told: set[str] = set()
    for row in resources:
        folded = not every and row.group is not None and sizes[row.group] > FOLD_ABOVE
        if folded and row.group is not None and row.group not in told:
            told.add(row.group)
            members = [one for one in resources if one.group == row.group]
            rows.append(_folded(row.group, members))
        if not folded or row.status.value.endswith("FAILED"):
            rows.append((row.logical_id, row.type, of_state(row.status.value), row.physical_id or "", row.reason))
    return rows


def _folded(group: str, members: Sequence[Resource]) -> Sequence[Piece | str]:
    counts = Counter(row.status.value for row in members)
    said = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    worst = next((status for status in counts if status.endswith("FAILED")), counts.most_common(1)[0][0])
    return (f"{group}[1..{len(members)}]", members[0].type, of_state(worst, said), "", "")


# Plans


def _action_lines(actions: Sequence[Mapping[str, Any]]) -> list[list[Piece]]:
    lines = []
    for members in _alike(actions):
        action = members[0]
        name = str(action["logical_id"])
        if len(members) > 1:
            last = _MEMBER.fullmatch(str(members[-1]["logical_id"]))
            name = f"{name.removesuffix(']')}..{last[2] if last else ''}]"
        style = of_state(str(action["operation"])).style
        reason = str(action["reason"])
        lines.append(
            [
                Piece(f"{_SIGNS[str(action['operation'])]:>3} {name}", style),
                Piece(f" ({action['type']})" + (f": {reason}" if reason else "")),
            ]
        )
        shown = {str(change["path"]).split(".", maxsplit=1)[0] for change in action["changes"]}
        unknown = action["known_after_creation"]
        lines += [_change_line(change, later=change["path"] in unknown) for change in action["changes"]]
        later = [one for one in unknown if one not in shown and not one.startswith("_")]
        if later:
            lines.append([Piece(f"      known after creation: {', '.join(later)}", "dim")])
    return lines


def _change_line(change: Mapping[str, Any], *, later: bool) -> list[Piece]:
    after = "(known after creation)" if later else _short(change["after"])
    return [Piece(f"      {change['path']}: {_short(change['before'])} -> {after} ({change['update']})")]


def _alike(actions: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """The actions, with members of a group that get the same in the same way put together when they are many."""
    runs: list[list[Mapping[str, Any]]] = []
    for action in actions:
        found = _MEMBER.fullmatch(str(action["logical_id"]))
        if runs and found and _follows(runs[-1][-1], action, found):
            runs[-1].append(action)
        else:
            runs.append([action])
    return [part for run in runs for part in ([run] if len(run) > FOLD_ABOVE else [[one] for one in run])]


def _follows(before: Mapping[str, Any], action: Mapping[str, Any], found: re.Match[str]) -> bool:
    last = _MEMBER.fullmatch(str(before["logical_id"]))
    same = all(
        before[key] == action[key] for key in ("operation", "reason", "type", "changes", "known_after_creation")
    )
    return last is not None and last[1] == found[1] and int(found[2]) == int(last[2]) + 1 and same


def _short(value: object) -> str:
    return "absent" if value is None else value if isinstance(value, str) else json.dumps(value)
