"""Waiting in line: whoever came first goes first.

A `threading.Lock` is had by whoever happens to run when it comes free, which mostly is who has just given it back.
With many threads at work some would wait for seconds, longer than a lease may go without being renewed.
"""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType


class Turns:
    """A line with `count` places at its head: `with turns:` waits for one of them."""

    def __init__(self, count: int) -> None:
        self._lock = Lock()
        self._free = count
        self._line: deque[Lock] = deque()

    def __enter__(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            called = Lock()
            called.acquire()  # it is given back by who calls this one to the head
            self._line.append(called)
        try:
            called.acquire()
        except BaseException:  # interrupted while waiting
            self._leave(called)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._next()

    def _next(self) -> None:
        if self._line:
            self._line.popleft().release()
        else:
            self._free += 1

    def _leave(self, called: Lock) -> None:
        """Go out of the line; a place that came in the meantime goes to the next one."""
        with self._lock:
            try:
                self._line.remove(called)
            except ValueError:
                self._next()
