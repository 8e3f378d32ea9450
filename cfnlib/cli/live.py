"""Showing an operation while it runs: a live table on a terminal, a line an event elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from cfnlib.cli.show import event_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cfnlib.stacks import Stacks
    from cfnlib.state.model import Event

_STACK = "AWS::CloudFormation::Stack"
_FINAL = ("_COMPLETE", "_FAILED", "_SKIPPED")


@contextmanager
def watching(stacks: Stacks, name: str, *, as_json: bool) -> Iterator[Callable[[Event], None] | None]:
    """What to call with every event of the operation; None when nothing is to be shown.

    As JSON nothing is shown until the end. `stacks` and `name` tell how many resources there will be.
    """
    if as_json:
        yield None
    elif not sys.stdout.isatty():
        yield lambda event: print(event_line(event), flush=True)
    else:
        with _Live(stacks, name) as live:
            yield live.happened


class _Live:
    """The table of the resources at work, and a bar over the whole."""

    def __init__(self, stacks: Stacks, name: str) -> None:
        from rich.console import Console  # noqa: PLC0415 - only on a terminal
        from rich.live import Live  # noqa: PLC0415

        self._stacks = stacks
        self._name = name
        self._console = Console()
        self._rows: dict[str, tuple[Event, float]] = {}
        self._status = ""
        self._began = time.time()
        self._live = Live(get_renderable=self._view, console=self._console, refresh_per_second=8)

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def happened(self, event: Event) -> None:
        """Take note of an event."""
        if event.type == _STACK and event.logical_id == event.stack_name:
            self._status = event.status
            return
        begun = self._rows[event.logical_id][1] if event.logical_id in self._rows else event.at
        self._rows[event.logical_id] = (event, event.at if event.status.endswith("_IN_PROGRESS") else begun)

    def _view(self) -> Any:  # noqa: ANN401 - what rich draws
        from rich.console import Group  # noqa: PLC0415
        from rich.progress_bar import ProgressBar  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        now = time.time()
        events = [found for found, _ in self._rows.values()]
        done = sum(event.status.endswith(_FINAL) for event in events)
        table = Table(box=None, pad_edge=False, expand=False)
        for head in ("resource", "type", "status", "elapsed"):
            table.add_column(head)
        room = max(self._console.height - 5, 3)
        shown = self._in_view(room)
        for event, begun in shown:
            ended = event.status.endswith(_FINAL)
            style = "red" if "FAILED" in event.status else "green" if ended else "yellow"
            elapsed = (event.at if ended else now) - begun
            table.add_row(Text(event.logical_id), Text(event.type), Text(event.status, style), f"{elapsed:.1f} s")
        hidden = len(self._rows) - len(shown)
        more = [Text(f"and {hidden} more", "dim")] if hidden else []
        title = Text(f"{self._name}  {self._status}  {done} of {len(events)} done, {now - self._began:.0f} s")
        return Group(title, ProgressBar(total=max(len(events), 1), completed=done, width=60), table, *more)

    def _in_view(self, room: int) -> list[tuple[Event, float]]:
        """As many rows as there is room for: failures first, then what is at work, then what ended last."""

        def rank(found: tuple[Event, float]) -> tuple[int, float]:
            event = found[0]
            if "FAILED" in event.status:
                return 0, -event.at
            return (2, -event.at) if event.status.endswith(_FINAL) else (1, event.at)

        chosen = sorted(self._rows.values(), key=rank)[:room]
        keep = {event.logical_id for event, _ in chosen}
        return [found for name, found in self._rows.items() if name in keep]
