"""What many operations in one process share: a bounded number of calls, and one poll a cloud account.

Calls are made by a bounded number of threads. Whose turn it is goes round the accounts, and within an account round
its operations, so a large stack does not keep the small ones waiting, nor an account with many stacks another one.
An operation has no more calls under way than its own settings allow: that bounds what a process may do after it was
stopped, taken over, and woken up again.

Source: tests/benchmarks/many_stacks.py: operations that poll each for themselves ask once an operation for all the
jobs of the account, which is quadratic in their number.
"""

from __future__ import annotations

from collections import deque
from threading import Condition, Thread
from typing import TYPE_CHECKING

from cfnlib.engine.lookout import Lookout, Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.drivers.base import Clock, Driver
    from cfnlib.engine.line import Message
    from cfnlib.engine.settings import Settings

    Piece = Callable[[], object]


class Crew:
    """Threads for the calls of all operations, and a lookout for the jobs of each driver. Any thread may use it."""

    def __init__(self, calls_in_flight: int = 64) -> None:
        self._most = calls_in_flight
        self._changed = Condition()
        self._accounts: deque[str] = deque()
        self._lanes: dict[str, deque[Lane]] = {}
        self._threads = 0
        self._idle = 0
        self._closed = False
        self._lookouts: dict[int, Lookout] = {}

    def lane(self, account: str, limit: int) -> Lane:
        """The way of one operation to the crew's threads, at most `limit` of which work for it at once."""
        return Lane(self, account, limit)

    def watch(self, driver: Driver, settings: Settings, clock: Clock, deliver: Callable[[Message], None]) -> Watch:
        """What waits for the ends of one operation's calls; they are given to `deliver`, in a thread of the crew."""
        with self._changed:
            lookout = self._lookouts.get(id(driver))
            if lookout is None:
                lookout = self._lookouts[id(driver)] = Lookout(driver)
            lookout.watches += 1
            return Watch(lookout, settings, clock, deliver, self._left)

    def close(self) -> None:
        """Begin nothing more; what is under way ends by itself."""
        with self._changed:
            self._closed = True
            self._accounts.clear()
            self._lanes.clear()
            self._changed.notify_all()

    def put(self, lane: Lane, piece: Piece, *, first: bool) -> None:
        """Have a piece of work done in the lane's turn; `first`: before the lane's others."""
        with self._changed:
            (lane.pieces.appendleft if first else lane.pieces.append)(piece)
            self._queue(lane)

    def drop(self, lane: Lane) -> None:
        """Forget what the lane still wants done."""
        with self._changed:
            lane.pieces.clear()

    def _left(self, lookout: Lookout) -> None:
        """Give up a lookout when its last watch has ended."""
        with self._changed:
            lookout.watches -= 1
            if not lookout.watches:
                self._lookouts.pop(id(lookout.driver))
                lookout.close()

    def _queue(self, lane: Lane) -> None:
        """Give a lane its turn, if it wants one."""
        if lane.queued or not lane.pieces or lane.running >= lane.limit or self._closed:
            return
        lane.queued = True
        if lane.account not in self._lanes:
            self._lanes[lane.account] = deque()
            self._accounts.append(lane.account)
        self._lanes[lane.account].append(lane)
        if self._idle:
            self._changed.notify()
        elif self._threads < self._most:
            self._threads += 1
            Thread(target=self._work, name=f"cfnlib-call-{self._threads}", daemon=True).start()

    def _work(self) -> None:
        while (turn := self._take()) is not None:
            lane, piece = turn
            ends = True
            try:
                piece()
                ends = False
            finally:
                del piece, turn
                with self._changed:
                    self._threads -= ends  # an error that ends this thread leaves room for another one
                    lane.running -= 1
                    self._queue(lane)

    def _take(self) -> tuple[Lane, Piece] | None:
        with self._changed:
            while not self._closed:
                while self._accounts:
                    lane = self._next_lane()
                    if lane.pieces:
                        piece = lane.pieces.popleft()
                        lane.running += 1
                        self._queue(lane)
                        return lane, piece
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
            return None

    def _next_lane(self) -> Lane:
        account = self._accounts.popleft()
        lanes = self._lanes[account]
        lane = lanes.popleft()
        lane.queued = False
        if lanes:
            self._accounts.append(account)
        else:
            del self._lanes[account]
        return lane


class Lane:
    """The pieces of work of one operation that wait for their turn."""

    def __init__(self, crew: Crew, account: str, limit: int) -> None:
        self.account = account
        self.limit = limit
        self.pieces: deque[Piece] = deque()
        self.running = 0
        self.queued = False
        self._crew = crew

    def submit(self, piece: Piece, *, first: bool = False) -> None:
        """Have a piece of work done when there is room, and it is this lane's turn; `first`: before its others."""
        self._crew.put(self, piece, first=first)

    def close(self) -> None:
        """Begin nothing more; what is under way ends by itself."""
        self._crew.drop(self)
