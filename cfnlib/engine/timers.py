"""What is to be done later, in the walk's own thread."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.drivers.base import Clock


class Timers:
    """Pieces of work that wait for their time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def after(self, wait_s: float, work: Callable[[], None]) -> None:
        """Do it when so many seconds have passed."""
        self._count += 1
        heapq.heappush(self._waiting, (self._clock.now() + wait_s, self._count, work))

    def due(self) -> float:
        """When the next piece is to be done; far away when there is none."""
        return self._waiting[0][0] if self._waiting else float("inf")

    def run(self) -> None:
        """Do all whose time has come."""
        while self.due() <= self._clock.now():
            heapq.heappop(self._waiting)[2]()
