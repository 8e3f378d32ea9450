"""The line to the cloud: a bounded number of calls under way, and one poll at a time.

What comes back is put into one queue, which the walk reads; so the walk itself is single-threaded. Without a lane to
other threads every call is made in the walk's own, in order: a test with a clock of its own is then repeatable to the
last step.
"""

from __future__ import annotations

from collections import deque
from queue import Empty, SimpleQueue
from time import sleep
from typing import TYPE_CHECKING, Any

from attrs import frozen

from cfnlib.errors import CfnlibError, CloudError, LeaseLostError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.drivers.base import Clock
    from cfnlib.engine.crew import Lane


_GATHER_S = 0.01
"""How long a walk waits for more to come back, when more is under way: to be woken for each is dearer."""
POLLED = "polled"
"""What a message is that brings the ends of calls, whatever asked for them."""


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
    """Does pieces of work beside the walk, in the threads that `lane` leads to; None: in the walk's own.

    `holds` and `halted` are asked right before each piece: when the lease does not hold any more, the piece is not
    done, and its message is a `LeaseLostError`; when the operation is halted, the piece is recalled. `under_way` is
    how many calls have not come back yet.
    """

    def __init__(
        self, clock: Clock, holds: Callable[[], bool], halted: Callable[[], bool], lane: Lane | None
    ) -> None:
        self._clock = clock
        self._holds = holds
        self._halted = halted
        self._lane = lane
        self._came: SimpleQueue[Message] = SimpleQueue()
        self._waiting: deque[Callable[[], None]] = deque()
        self.under_way = 0

    def call(self, key: str, what: str, work: Callable[[], Any], *, first: bool = False) -> None:
        """Do a piece of work when there is room; `first`: before those that wait for room."""
        self.under_way += 1

        def piece() -> None:
            self._came.put(self._do(key, what, work))

        if self._lane is None:
            self._waiting.append(piece)
        else:
            self._lane.submit(piece, first=first)

    def poll(self, work: Callable[[], Any]) -> None:
        """Do a poll in the walk's own thread, after what waits there already."""
        self._waiting.append(lambda: self._came.put(self._do("", POLLED, work)))

    def deliver(self, message: Message) -> None:
        """Take what came from elsewhere."""
        self._came.put(message)

    def receive(self, timeout_s: float) -> list[Message]:
        """All the messages that have come; waits for the first one, at most so long."""
        if self._lane is None:
            if self._waiting:
                self._waiting.popleft()()
            elif self._came.empty():
                self._clock.sleep(timeout_s)
        found: list[Message] = []
        try:
            found.append(self._came.get(timeout=0.0 if self._lane is None else max(timeout_s, 0.0)))
            if self._lane is not None and self.under_way > 1:
                sleep(_GATHER_S)
            while True:
                found.append(self._came.get_nowait())
        except Empty:
            pass
        self.under_way -= sum(message.what != POLLED for message in found)
        return found

    def close(self) -> None:
        """Start nothing more; what is under way ends by itself."""
        self._waiting.clear()
        if self._lane is not None:
            self._lane.close()

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
