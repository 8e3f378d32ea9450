"""`Stack`: the handle that the methods of `Stacks` give.

It shows the stack as it was when the handle was made or last refreshed, so that status, resources and outputs belong
together; `refresh` reads them anew. What changes the stack goes through `Stacks` and refreshes the handle.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from cfnlib.render.svg import Drawing
    from cfnlib.stacks import Stacks
    from cfnlib.state.model import Event, Resource
    from cfnlib.state.model import Stack as StackState
    from cfnlib.wanted import Source

_STACK_TYPE = "AWS::CloudFormation::Stack"
_GOING_BACK = ("CLEANUP", "ROLLBACK")


class Stack:
    """One stack. `stacks` is the facade it came from, `stack_id` tells it from an earlier one of the same name."""

    def __init__(self, stacks: Stacks, stack_id: str) -> None:
        self.stacks = stacks
        self.stack_id = stack_id
        self._read: StackState | None = None
        self._rows: list[Resource] | None = None

    # Looking

    @property
    def name(self) -> str:
        """The name."""
        return self._state.name

    @property
    def status(self) -> str:
        """The status, as CloudFormation says it."""
        return self._state.status.value

    @property
    def reason(self) -> str:
        """Why the stack is in its status; empty when there is nothing to say."""
        return self._state.reason

    @property
    def outputs(self) -> dict[str, Any]:
        """The values of the template's outputs, by name."""
        return dict(self._state.outputs)

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters with their values or defaults as texts; those with NoEcho as ****."""
        from cfnlib.template import Template  # noqa: PLC0415 - reading a template costs more than all else here

        template = Template.from_text(self._state.template, self._state.template_file)
        bound, _ = template.bind(self._state.parameters)
        return {name: value.shown for name, value in bound.items()}

    @property
    def resources(self) -> list[Resource]:
        """What the stack consists of, in the order of its making."""
        if self._rows is None:
            self._rows = self.stacks.store.resources(self.stack_id)
        return list(self._rows)

    def events(self, after: int = 0) -> list[Event]:
        """What has happened so far, oldest first; only what has a `sequence` above `after`."""
        return self.stacks.store.events(self.stack_id, after=after)

    def refresh(self) -> Stack:
        """Read the stack anew, and give this handle again."""
        self._read = self._rows = None
        return self

    def as_dict(self) -> dict[str, Any]:
        """The stack in JSON's types. Secret parameters are masked; times are ISO 8601, in UTC."""
        state = self._state
        return {
            "name": state.name,
            "stack_id": state.stack_id,
            "status": state.status.value,
            "reason": state.reason,
            "description": state.description,
            "parameters": self.parameters,
            "outputs": self.outputs,
            "resources": [resource_dict(row) for row in self.resources],
            "created_at": time_text(state.created_at),
            "updated_at": time_text(state.updated_at),
            "deleted_at": time_text(state.deleted_at),
        }

    def graph(self) -> Drawing:
        """What stands on what, each resource with its state: a picture that notebooks show.

        While the stack is being made or changed, what is still to come is in it too, as waiting.
        """
        from cfnlib.render.graph import Node, graph_svg  # noqa: PLC0415 - only who looks at a picture draws one
        from cfnlib.render.svg import Drawing  # noqa: PLC0415

        latest = {row.logical_id: row for row in sorted(self.resources, key=lambda row: row.generation)}
        nodes = [
            Node(
                key=row.logical_id,
                label=row.logical_id,
                kind=row.type,
                state=row.status.value,
                group=row.group,
                detail="\n".join(part for part in (row.physical_id, row.reason) if part),
            )
            for row in latest.values()
        ]
        edges = [(before, row.logical_id) for row in latest.values() for before in row.depends_on]
        for name, (kind, after) in self._to_come(latest).items():
            nodes.append(Node(name, name, kind, "waiting"))
            members = [row.logical_id for row in latest.values() if row.group == name]
            edges += [(before, name) for before in (*after, *members)]
        title = f"{self.name}: {self.status}"
        return Drawing(graph_svg(nodes, edges, title=title), title)

    def timeline(self) -> Drawing:
        """What ran when in the last operation, beside the critical path: a picture that notebooks show."""
        from cfnlib.plan.dag import Dag  # noqa: PLC0415 - as above
        from cfnlib.render.gantt import Bar, gantt_svg  # noqa: PLC0415
        from cfnlib.render.looks import clock_text  # noqa: PLC0415
        from cfnlib.render.svg import Drawing  # noqa: PLC0415

        groups = {row.logical_id: row.group for row in self.resources}
        last = last_operation(self.events())
        found = [
            Bar(f"{step[0]}/{number}", step[0], step[1], step[2], step[3], groups.get(step[0]))
            for number, step in enumerate(steps_of(last))
        ]
        now_s = max((event.at for event in last), default=0.0)
        done = {bar.label: bar for bar in found if not bar.state.startswith("DELETE")}
        after = {row.logical_id: row.depends_on for row in self.resources if row.logical_id in done}
        least_s, path = Dag(after).critical_path(lambda name: done[name].length_s(now_s))
        total_s = now_s - min((bar.start_s for bar in found), default=now_s)
        title = f"{self.name}: {clock_text(total_s)}"
        if path:
            title += f", critical path {clock_text(least_s)}"
        keys = [done[name].key for name in path]
        return Drawing(gantt_svg(found, keys, title=title, now_s=now_s), title)

    # Doing

    def update(
        self,
        template: Source | None = None,
        parameters: Mapping[str, Any] | None = None,
        *,
        on_failure: str = "ROLLBACK",
        on_event: Callable[[Event], None] | None = None,
    ) -> Stack:
        """Change the stack, and wait for it; see `Stacks.update`."""
        try:
            self.stacks.update(self.stack_id, template, parameters, on_failure=on_failure, on_event=on_event)
        finally:
            self.refresh()
        return self

    def resume(self, *, on_event: Callable[[Event], None] | None = None) -> Stack:
        """Carry on with an operation whose process ended; see `Stacks.resume`."""
        try:
            self.stacks.resume(self.stack_id, on_event=on_event)
        finally:
            self.refresh()
        return self

    def delete(self, *, on_event: Callable[[Event], None] | None = None) -> Stack:
        """Remove the stack and all that it made, and wait for it; see `Stacks.delete`."""
        try:
            self.stacks.delete(self.stack_id, on_event=on_event)
        finally:
            self.refresh()
        return self

    def cancel(self) -> None:
        """Ask the operation under way to stop and go back; see `Stacks.cancel`."""
        self.stacks.cancel(self.stack_id)

    # Within

    @property
    def _state(self) -> StackState:
        if self._read is None:
            self._read = self.stacks.store.stack(self.stack_id)
        return self._read

    def _to_come(self, there: Collection[str]) -> dict[str, tuple[str, frozenset[str]]]:
        """The types of the resources that the operation under way has not come to, and what they come after."""
        state = self._state
        if not state.status.in_progress or state.status.value.startswith(("DELETE", "ROLLBACK", "UPDATE_ROLLBACK")):
            return {}
        from cfnlib.errors import TemplateError  # noqa: PLC0415 - as above
        from cfnlib.template import Template  # noqa: PLC0415

        try:
            instance = Template.from_text(state.template, state.template_file).instantiate(
                state.parameters, stack_name=state.name, stack_id=state.stack_id, region="", account_id=""
            )
        except TemplateError:  # it is the operation that says so
            return {}
        after = instance.dependencies()
        return {name: (one.type, after[name]) for name, one in instance.resources.items() if name not in there}

    def __repr__(self) -> str:
        return f"<stack {self.name}: {self.status}, {len(self.resources)} resources>"

    def _repr_html_(self) -> str:
        from cfnlib.render.html import stack_html  # noqa: PLC0415 - only notebooks ask for it

        return stack_html(self.as_dict())


def resource_dict(row: Resource) -> dict[str, Any]:
    """A resource in JSON's types: without its properties and attributes, which may hold secrets."""
    return {
        "logical_id": row.logical_id,
        "physical_id": row.physical_id,
        "type": row.type,
        "name": row.name,
        "status": row.status.value,
        "reason": row.reason,
        "group": row.group,
        "depends_on": list(row.depends_on),
        "started_at": time_text(row.started_at or None),
        "ended_at": time_text(row.ended_at),
    }


def event_dict(event: Event) -> dict[str, Any]:
    """An event in JSON's types."""
    return {
        "sequence": event.sequence,
        "at": time_text(event.at),
        "stack_name": event.stack_name,
        "stack_id": event.stack_id,
        "logical_id": event.logical_id,
        "physical_id": event.physical_id,
        "type": event.type,
        "status": event.status,
        "reason": event.reason,
    }


def time_text(at: float | None) -> str | None:
    """A time, given in seconds since the epoch, as ISO 8601 in UTC with milliseconds; None stays None."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def last_operation(events: Sequence[Event]) -> list[Event]:
    """The events of the last operation that somebody asked for, with the rollback and clean-up it led to."""
    begin = 0
    for index, event in enumerate(events):
        of_stack = event.type == _STACK_TYPE and event.logical_id == event.stack_name
        asked = event.status.endswith("_IN_PROGRESS") and not any(word in event.status for word in _GOING_BACK)
        if of_stack and asked:
            begin = index
    return list(events[begin:])


def steps_of(events: Sequence[Event]) -> list[tuple[str, float, float | None, str]]:
    """What was done to each resource: logical id, beginning, end (None: not over) and the last status."""
    found: list[tuple[str, float, float | None, str]] = []
    open_steps: dict[tuple[str, str], list[int]] = {}
    for event in events:
        if event.type == _STACK_TYPE and event.logical_id == event.stack_name:
            continue
        key = (event.logical_id, event.status.split("_", maxsplit=1)[0])
        if event.status.endswith("_IN_PROGRESS"):
            open_steps.setdefault(key, []).append(len(found))
            found.append((event.logical_id, event.at, None, event.status))
        elif open_steps.get(key):
            index = open_steps[key].pop()
            found[index] = (event.logical_id, found[index][1], event.at, event.status)
        else:
            found.append((event.logical_id, event.at, event.at, event.status))
    return found
