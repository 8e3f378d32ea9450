"""When to ask the cloud which jobs have ended, and about which calls.

One poll is under way at a time and asks about all pending calls at once, so the number of polls does not grow with
the number of jobs. The pause between two grows with the age of the oldest job, and with what a poll costs; while
jobs are ending it is short, because what was begun together ends together. This is for a walk that does everything in
its own thread; `lookout` does the same for many at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.drivers.base import Clock, Driver, Ended, Pending
    from cfnlib.engine.line import Line, Message
    from cfnlib.engine.settings import Settings


class Polls:
    """The calls whose end is waited for."""

    def __init__(self, driver: Driver, line: Line, clock: Clock, settings: Settings) -> None:
        self._driver = driver
        self._line = line
        self._clock = clock
        self._settings = settings
        self._pending: dict[str, tuple[Pending, float]] = {}
        self._under_way = False
        self._began = 0.0
        self._next = 0.0
        self._next_expiry = 0.0

    def add(self, pending: Pending) -> None:
        """Wait for the end of a call. The first one is asked about at once: it may have ended long ago."""
        now = self._clock.now()
        self._next = min(self._next, now + self._settings.poll_min_s) if self._pending else now
        self._pending[pending.key] = (pending, now)

    def forget(self, key: str) -> None:
        """Wait for it no more."""
        self._pending.pop(key, None)

    def due(self) -> float:
        """When something is to be done here; far away when nothing is."""
        return self._next if self._pending and not self._under_way else float("inf")

    def start(self) -> None:
        """Poll, if it is time."""
        now = self._clock.now()
        if now < self.due():
            return
        self._under_way = True
        self._began = now
        pending = [found for found, _ in self._pending.values()]
        self._line.poll(lambda: self._driver.poll(pending))

    def ended(self, message: Message) -> list[Ended]:
        """The ends that a poll brought; a poll that failed brings none, and is made again."""
        self._under_way = False
        now = self._clock.now()
        ends = [end for end in (message.value if message.error is None else ()) if end.key in self._pending]
        for end in ends:
            del self._pending[end.key]
        settings = self._settings
        oldest = now if ends else min((since for _, since in self._pending.values()), default=now)
        took = now - self._began
        pause = max(settings.poll_share * (now - oldest), settings.poll_rest * took, settings.poll_min_s)
        self._next = now + min(pause, settings.poll_max_s)
        return ends

    def expired(self, deadline: Callable[[str], float]) -> list[str]:
        """The keys whose deadline has gone by; looked at once a heartbeat."""
        now = self._clock.now()
        if now < self._next_expiry:
            return []
        self._next_expiry = now + self._settings.heartbeat_s
        return [key for key in self._pending if deadline(key) < now]

    def close(self) -> None:
        """There is nothing to give back."""
