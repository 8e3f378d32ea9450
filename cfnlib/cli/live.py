"""Showing an operation while it runs: a live table on a terminal, a line an event elsewhere.

The table is drawn by a thread of rich's, some times a second, from what the operation's own thread has noted; a
thousand events between two drawings cost a thousand entries in a dict.
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from cfnlib.cli.show import event_line, warn
from cfnlib.cli.text import STYLES, write
from cfnlib.render.looks import Look, Tone, clock_text, look, short_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cfnlib.plan.change import Plan
    from cfnlib.state.model import Event

_STACK = "AWS::CloudFormation::Stack"
_BAR = 40
_CHROME = 3
_MEMBER = re.compile(r"(.+)\[\d+\]")


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


class Line(NamedTuple):
    """A line of the view: of one resource, or of several that are alike. Those of low rank are dropped last."""

    name: str
    kind: str
    look: Look
    word: str
    note: str
    rank: tuple[int, float]
    stands_for: int = 1


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

    def counts(self) -> tuple[int, int]:
        """How many resources are done, and how many there are in all."""
        with self._lock:
            waiting = sum(name not in self._rows for name in self._expected)
            return sum(not row.under_way for row in self._rows.values()), len(self._rows) + waiting

    def lines(self, room: int, now: float) -> tuple[list[Line], int]:
        """At most so many lines, and how many resources are in none of them.

        Where there is not room for all, the members of a group share a line. If there still is not, failures come
        before what is at work, that before what ended last, and that before what waits.
        """
        with self._lock:
            rows = dict(self._rows)
            found = [_line(row, now) for row in rows.values()]
            found += [_waiting(name, kind) for name, kind in self._expected.items() if name not in rows]
        if len(found) > room:
            found = _folded(found)
        if len(found) <= room:
            return found, 0
        chosen = {line.name for line in sorted(found, key=lambda line: line.rank)[:room]}
        hidden = sum(line.stands_for for line in found if line.name not in chosen)
        return [line for line in found if line.name in chosen], hidden

    def _go_back(self, status: str) -> None:
        """From now on it is what was made that something happens to; what failed stays in view."""
        made = {name: row for name, row in self._rows.items() if not row.event.status.endswith("FAILED")}
        whole = status == "ROLLBACK_IN_PROGRESS"
        self._expected = {name: row.event.type for name, row in made.items()} if whole else {}
        self._rows = {name: row for name, row in self._rows.items() if name not in made}


def _line(row: Row, now: float) -> Line:
    event, one = row.event, look(row.event.status)
    spent = clock_text(max((now if row.under_way else event.at) - row.began, 0.0))
    failed = event.status.endswith("FAILED")
    rank = (0, -event.at) if failed else (1, row.began) if row.under_way else (2, -event.at)
    return Line(event.logical_id, event.type, one, one.word, event.reason if failed else spent, rank)


def _waiting(name: str, kind: str) -> Line:
    one = look("waiting")
    return Line(name, kind, one, one.word, "", (3, 0.0))


def _folded(lines: Sequence[Line]) -> list[Line]:
    """The lines with the members of each group as one, but those that failed."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        if (member := _MEMBER.fullmatch(line.name)) and line.look.tone is not Tone.BAD:
            groups.setdefault(member[1], []).append(line)
    found = []
    for line in lines:
        member = _MEMBER.fullmatch(line.name)
        members = groups.get(member[1], []) if member else []
        if len(members) < 2 or line.look.tone is Tone.BAD:
            found.append(line)
        elif line is members[0]:
            words = Counter(one.word for one in members)
            said = ", ".join(f"{count} {word}" for word, count in words.most_common())
            first = min(members, key=lambda one: one.rank)
            name = f"{member[1] if member else ''}[{len(members)} members]"
            found.append(Line(name, first.kind, first.look, said, first.note, first.rank, len(members)))
    return found


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
        lines, hidden = self._progress.lines(max(self._console.height - _CHROME, 3), now)
        done, total = self._progress.counts()
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
        for line in lines:
            style = STYLES[line.look.tone]
            table.add_row(
                Text(f"{line.look.symbol} {line.name}"),
                Text(short_type(line.kind), "dim"),
                Text(line.word, style),
                Text(line.note),
            )
        more = [Text(f"  and {hidden} more", "dim")] if hidden else []
        return Group(head, table, *more)
