"""The order to stop, which comes as a signal."""

from __future__ import annotations

import signal
from queue import Empty, SimpleQueue


class Stop:
    """Given by SIGTERM or SIGINT from when it is made, in the main thread.

    A `threading.Event` would not do: who waits for it holds its lock now and then, and Python calls what answers a
    signal in between, in the same thread. A second signal right behind the first would stop the program for good, in
    the middle of things. Source: queue.SimpleQueue.put, which may be called anywhere.
    """

    def __init__(self) -> None:
        self._orders: SimpleQueue[int] = SimpleQueue()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: self._orders.put(number))

    def wait(self, seconds: float) -> bool:
        """Wait for it, so long at most. Gives whether it came."""
        try:
            self._orders.get(timeout=seconds)
        except Empty:
            return False
        return True
