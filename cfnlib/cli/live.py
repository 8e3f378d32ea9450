"""Showing an operation while it runs: a live table on a terminal, a line an event elsewhere.

The table is drawn by a thread of rich's, some times a second, from what the operation's own thread has noted; a
thousand events between two drawings cost a thousand entries in a dict.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from cfnlib.cli.show import event_line, warn
from cfnlib.cli.text import STYLES, write
from cfnlib.render.looks import clock_text, look, short_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cfnlib.plan.change import Plan
    from cfnlib.state.model import Event

_STACK = "AWS::CloudFormation::Stack"
_BAR = 40
_CHROME = 3


class Row(NamedTuple):
    """A resource at work: its last event, and when what it is doing began."""

    event: Event
    began: float

    @property
    def under_way(self) -> bool:
        """Whether it is not at its end."""
        return self.event.status.endswith("_IN_PROGRESS")


class Watch:
    """What is called with the plan and the events of an operation. This one shows the plan's warnings, no events."""

    def __init__(self) -> None:
        self.stack_id: str | None = None

    def planned(self, plan: Plan) -> None:
        """Take note of what is going to be done."""
        warn(plan.diagnostics)

    def happened(self, event: Event) -> None:
        """Take note of an event."""
        self.stack_id = event.stack_id


@contextmanager
def watching(name: str, status: str = "", *, as_json: bool) -> Iterator[Watch]:
    """What shows an operation on the stack of this name: as JSON nothing of it, until the end.

    `status` is the one that the operation begins with, as far as it is known.
    """
    if as_json:
        yield Watch()
    elif not sys.stdout.isatty():
        yield _Lines()
    else:
        live = _Live(name, status)
        try:
            yield live
        finally:
            live.stop()


class _Lines(Watch):
    """A line an event."""

    def happened(self, event: Event) -> None:
        super().happened(event)
        write([event_line(event)])


class Progress:
    """What has happened so far. Noted by one thread, read by another.

    `expected` are the types of the resources that something will happen to, by logical id, as far as it is known.
    """

    def __init__(self, status: str = "") -> None:
        self._expected: dict[str, str] = {}
        self._rows: dict[str, Row] = {}
        self._lock = Lock()
        self.status = status

    def planned(self, expected: Mapping[str, str]) -> None:
        """Take note of what something is going to happen to."""
        with self._lock:
            self._expected = dict(expected)

    def happened(self, event: Event) -> None:
        """Take note of an event."""
        with self._lock:
            if event.type == _STACK and event.logical_id == event.stack_name:
                if event.status.endswith("ROLLBACK_IN_PROGRESS"):
                    self._go_back(event.status)
                self.status = event.status
                return
            before = self._rows.get(event.logical_id)
            goes_on = before is not None and before.under_way
            self._rows[event.logical_id] = Row(event, before.began if before and goes_on else event.at)

    def seen(self, room: int) -> tuple[list[Row], dict[str, str], int, int, int]:
        """As many rows as there is room for, those that wait, how many are hidden, done, and there in all.

        Failures come before what is at work, that before what ended last, and that before what waits.
        """
        with self._lock:
            rows = dict(self._rows)
            waiting = {name: kind for name, kind in self._expected.items() if name not in rows}
        chosen = sorted(rows.values(), key=_rank)[:room]
        names = {row.event.logical_id for row in chosen}
        shown = [row for name, row in rows.items() if name in names]
        idle = dict(list(waiting.items())[: room - len(shown)])
        total = len(rows) + len(waiting)
        done = sum(not row.under_way for row in rows.values())
        return shown, idle, total - len(shown) - len(idle), done, total

    def _go_back(self, status: str) -> None:
        """From now on it is what was made that something happens to; what failed stays in view."""
        made = {name: row for name, row in self._rows.items() if not row.event.status.endswith("FAILED")}
        whole = status == "ROLLBACK_IN_PROGRESS"
        self._expected = {name: row.event.type for name, row in made.items()} if whole else {}
        self._rows = {name: row for name, row in self._rows.items() if name not in made}


def _rank(row: Row) -> tuple[int, float]:
    if row.event.status.endswith("FAILED"):
        return 0, -row.event.at
    return (1, row.began) if row.under_way else (2, -row.event.at)


class _Live(Watch):
    """The table of the resources, and a bar over the whole. It appears when there is something to show."""

    def __init__(self, name: str, status: str) -> None:
        from rich.console import Console  # noqa: PLC0415 - only on a terminal
        from rich.live import Live  # noqa: PLC0415

        super().__init__()
        self._name = name
        self._console = Console()
        self._progress = Progress(status)
        self._began = time.time()
        self._shown = False
        self._live = Live(
            get_renderable=self._view, console=self._console, refresh_per_second=8, vertical_overflow="crop"
        )

    def planned(self, plan: Plan) -> None:
        super().planned(plan)
        self._progress.planned({action.logical_id: action.type for action in plan.changes})

    def happened(self, event: Event) -> None:
        super().happened(event)
        self._progress.happened(event)
        if not self._shown:
            self._shown = True
            self._live.start(refresh=True)

    def stop(self) -> None:
        """Leave the last view on the screen."""
        if self._shown:
            self._live.stop()

    def _view(self) -> Any:  # noqa: ANN401 - what rich draws
        from rich.console import Group  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        now = time.time()
        room = max(self._console.height - _CHROME, 3)
        rows, idle, hidden, done, total = self._progress.seen(room)
        filled = round(_BAR * done / total) if total else 0
        status = self._progress.status
        head = Text.assemble(
            (self._name, "bold"),
            "  ",
            (status, STYLES[look(status).tone]),
            "  ",
            ("━" * filled, "green"),
            ("━" * (_BAR - filled), "dim"),
            f"  {done} of {total}  {clock_text(now - self._began)}",
        )
        head.no_wrap = True
        table = Table.grid(padding=(0, 2))
        for _ in range(4):
            table.add_column(no_wrap=True, overflow="ellipsis")
        for row in rows:
            one = look(row.event.status)
            spent = (now if row.under_way else row.event.at) - row.began
            table.add_row(
                Text(f"{one.symbol} {row.event.logical_id}"),
                Text(short_type(row.event.type), "dim"),
                Text(one.word, STYLES[one.tone]),
                Text(clock_text(max(spent, 0.0)) if one.symbol != "✗" else row.event.reason),
            )
        for name, kind in idle.items():
            table.add_row(Text(f"· {name}", "dim"), Text(short_type(kind), "dim"), Text("waiting", "dim"), "")
        more = [Text(f"  and {hidden} more", "dim")] if hidden else []
        return Group(head, table, *more)
