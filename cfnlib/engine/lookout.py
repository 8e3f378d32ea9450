"""One poll for all operations that use the same driver.

A poll asks about the pending calls of every operation at once, whichever of them was due. When an operation is due
follows from its own oldest call, as if it were alone; a poll that takes long is followed by a rest in proportion,
so that polling never takes more than a fixed share of the cloud's time.
"""

from __future__ import annotations

from itertools import count
from math import inf
from threading import Condition, Thread
from time import monotonic
from typing import TYPE_CHECKING

from attrs import evolve

from cfnlib.engine.line import POLLED, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cfnlib.drivers.base import Clock, Driver, Ended, Pending
    from cfnlib.engine.settings import Settings

_REST = 0.5
"""How many times as long as a poll took there is no other while calls are ending."""
_numbers = count()


class Lookout:
    """The pending calls of all operations over one driver, and the thread that asks about them.

    `watches` counts the operations, for the crew, which closes a lookout that has none left.
    """

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.watches = 0
        self._changed = Condition()
        self._asked: dict[str, tuple[Watch, Pending, float]] = {}
        self._due: dict[Watch, float] = {}
        self._rest_until = 0.0
        self._wakes_at = inf
        self._running = False
        self._closed = False

    def add(self, watch: Watch, pending: Pending) -> None:
        """Look for the end of a call. An operation's first one is asked about at once: it may have ended long ago."""
        now = monotonic()
        with self._changed:
            self._asked[pending.key] = (watch, pending, now)
            before = self._due.get(watch)
            self._due[watch] = due = now if before is None else min(before, now + watch.settings.poll_min_s)
            if not self._running:
                self._running = True
                Thread(target=self._run, name="cfnlib-lookout", daemon=True).start()
            elif max(due, self._rest_until) < self._wakes_at:
                self._changed.notify()

    def forget(self, keys: Iterable[str]) -> None:
        """Look for these no more."""
        with self._changed:
            for key in keys:
                self._asked.pop(key, None)

    def close(self) -> None:
        """End."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _run(self) -> None:
        while self._wait():
            with self._changed:
                asked = list(self._asked.values())
            began = monotonic()
            try:
                ends = list(self.driver.poll([pending for _, pending, _ in asked]))
            except Exception:  # noqa: BLE001 - it is asked again, and each call has a deadline of its own
                ends = []
            self._tell(ends, [watch for watch, _, _ in asked], monotonic() - began)

    def _wait(self) -> bool:
        """Wait until it is time to poll; False when the lookout is closed."""
        with self._changed:
            while not self._closed:
                now = monotonic()
                due = max(min(self._due.values()), self._rest_until) if self._asked and self._due else inf
                if due <= now:
                    return True
                self._wakes_at = due
                self._changed.wait(None if due == inf else due - now)
                self._wakes_at = -inf
            return False

    def _tell(self, ends: list[Ended], watches: Iterable[Watch], took: float) -> None:
        came: dict[Watch, list[Ended]] = {watch: [] for watch in watches}
        now = monotonic()
        with self._changed:
            for end in ends:
                found = self._asked.pop(end.key, None)
                if found is not None:
                    came[found[0]].append(end)
            oldest: dict[Watch, float] = {}
            for watch, _, since in self._asked.values():
                oldest[watch] = min(oldest.get(watch, now), since)
            longest = 0.0
            self._due = {}
            for watch, since in oldest.items():
                settings = watch.settings
                age = 0.0 if came.get(watch) else now - since
                pause = max(settings.poll_share * age, settings.poll_min_s)
                self._due[watch] = now + min(pause, settings.poll_max_s)
                rest = _REST if ends else settings.poll_rest
                longest = max(longest, min(rest * took, settings.poll_max_s))
            self._rest_until = now + longest
        for watch, mine in came.items():
            if mine:
                watch.deliver(Message("", POLLED, mine))


class Watch:
    """The calls whose end one operation waits for: what `Polls` is to one that is alone. `close` it in the end."""

    def __init__(
        self,
        lookout: Lookout,
        settings: Settings,
        clock: Clock,
        deliver: Callable[[Message], None],
        left: Callable[[Lookout], None],
    ) -> None:
        self.settings = settings
        self.deliver = deliver
        self._lookout = lookout
        self._clock = clock
        self._left = left
        self._marks: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        self._next_expiry = 0.0

    def add(self, pending: Pending) -> None:
        """Wait for the end of a call. It gets a mark of its own, so that no late end is taken for another call's."""
        mark = str(next(_numbers))
        self._marks[pending.key] = mark
        self._keys[mark] = pending.key
        self._lookout.add(self, evolve(pending, key=mark))

    def forget(self, key: str) -> None:
        """Wait for it no more."""
        mark = self._marks.pop(key, None)
        if mark is not None:
            del self._keys[mark]
            self._lookout.forget([mark])

    @staticmethod
    def due() -> float:
        """When something is to be done here: never, the lookout has its own thread."""
        return inf

    def start(self) -> None:
        """Do nothing, for the same reason."""

    def ended(self, message: Message) -> list[Ended]:
        """The ends that a message of the lookout brought."""
        found = []
        for end in message.value:
            key = self._keys.pop(end.key, None)
            if key is not None:
                del self._marks[key]
                found.append(evolve(end, key=key))
        return found

    def expired(self, deadline: Callable[[str], float]) -> list[str]:
        """The keys whose deadline has gone by; looked at once a heartbeat."""
        now = self._clock.now()
        if now < self._next_expiry:
            return []
        self._next_expiry = now + self.settings.heartbeat_s
        return [key for key in self._marks if deadline(key) < now]

    def close(self) -> None:
        """Wait for nothing any more."""
        self._lookout.forget(self._keys)
        self._left(self._lookout)
