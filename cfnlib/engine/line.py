"""The line to the cloud: a bounded number of calls under way, and one poll at a time.

What comes back is put into one queue, which the walk reads; so the walk itself is single-threaded. With `inline`
every call is made in the walk's own thread, in order: a test with a clock of its own is then repeatable to the last
step.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from attrs import frozen

from cfnlib.errors import CfnlibError, CloudError, LeaseLostError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.drivers.base import Clock


@frozen
class Message:
    """What came back for a task (`key`): the result of one piece of work, or the error.

    `recalled` says that the piece was never begun.
    """

    key: str
    what: str
    value: Any = None
    error: CfnlibError | None = None
    recalled: bool = False


class Line:
    """Does pieces of work beside the walk.

    `holds` and `halted` are asked right before each piece: when the lease does not hold any more, the piece is not
    done, and its message is a `LeaseLostError`; when the operation is halted, the piece is recalled.
    """

    def __init__(
        self,
        clock: Clock,
        holds: Callable[[], bool],
        halted: Callable[[], bool],
        *,
        calls_in_flight: int,
        inline: bool,
    ) -> None:
        self._clock = clock
        self._holds = holds
        self._halted = halted
        self._inline = inline
        self._came: SimpleQueue[Message] = SimpleQueue()
        self._waiting: deque[Callable[[], None]] = deque()
        self._calls = None if inline else ThreadPoolExecutor(calls_in_flight, "cfnlib-call")
        self._polls = None if inline else ThreadPoolExecutor(1, "cfnlib-poll")
        self.under_way = 0

    def call(self, key: str, what: str, work: Callable[[], Any]) -> None:
        """Do a piece of work when there is room."""
        self._start(self._calls, key, what, work)

    def poll(self, work: Callable[[], Any]) -> None:
        """Do the poll, beside the calls."""
        self._start(self._polls, "", "polled", work)

    def receive(self, timeout_s: float) -> list[Message]:
        """All the messages that have come; waits for the first one, at most so long."""
        if self._inline:
            if self._waiting:
                self._waiting.popleft()()
            elif self._came.empty():
                self._clock.sleep(timeout_s)
        found: list[Message] = []
        try:
            found.append(self._came.get(timeout=0.0 if self._inline else max(timeout_s, 0.0)))
            while True:
                found.append(self._came.get_nowait())
        except Empty:
            pass
        self.under_way -= len(found)
        return found

    def close(self) -> None:
        """Start nothing more; what is under way ends by itself."""
        self._waiting.clear()
        for pool in (self._calls, self._polls):
            if pool is not None:
                pool.shutdown(wait=False, cancel_futures=True)

    def _start(self, pool: ThreadPoolExecutor | None, key: str, what: str, work: Callable[[], Any]) -> None:
        self.under_way += 1

        def piece() -> None:
            self._came.put(self._do(key, what, work))

        if pool is None:
            self._waiting.append(piece)
        else:
            pool.submit(piece)

    def _do(self, key: str, what: str, work: Callable[[], Any]) -> Message:
        if self._halted():
            return Message(key, what, recalled=True)
        if not self._holds():
            return Message(key, what, error=LeaseLostError("the lease expired before the call"))
        try:
            return Message(key, what, work())
        except CfnlibError as error:
            return Message(key, what, error=error)
        except Exception as error:  # noqa: BLE001 - a fault of ours must end the operation, not hang it
            return Message(key, what, error=CloudError(f"{type(error).__name__}: {error}"))
