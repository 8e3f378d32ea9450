"""The calls of tasks: prepared, written down as intents, and only then made."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from cfnlib.schema.calls import needs_prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cfnlib.drivers.base import Answer, Driver
    from cfnlib.engine.journal import Journal
    from cfnlib.engine.line import Line
    from cfnlib.engine.task import Task
    from cfnlib.errors import ConflictError
    from cfnlib.schema.calls import Call

    Taken = Callable[[str, Mapping[str, Any]], ConflictError]

_REST = 8.0
"""How many times as long as the last writing took the next one waits that is not urgent."""
_LONGEST_REST_S = 1.0


class Sender:
    """Makes the present calls of tasks, when `write` has written down what they are.

    `taken` makes the error for a stranger's thing (found by a command) at the place of one that shall be made.
    `write_s` is how long what need not be written at once may wait for more; where writing takes long, because many
    write, it waits longer.
    """

    def __init__(self, driver: Driver, line: Line, journal: Journal, write_s: float, taken: Taken) -> None:
        self._driver = driver
        self._line = line
        self._journal = journal
        self._write_s = write_s
        self._taken = taken
        self._to_send: list[tuple[Task, bool]] = []
        self._next_write = 0.0

    def next_call(self, task: Task) -> None:
        """Make a task's present call; first let the driver choose what is to be chosen for it."""
        call = task.call
        if call.exclusive or needs_prepare(call):
            self._line.call(task.key, "prepared", lambda: self._prepare(call))
        else:
            self.send(task)

    def send(self, task: Task, *, first: bool = False) -> None:
        """Make a task's present call as it is; `first`: before those that wait, for it has waited already."""
        task.sending()
        self._journal.put(task.row)
        self._to_send.append((task, first))

    def write(self) -> None:
        """Write down what changed; then, and only then, make the calls whose intents are now written."""
        began = self._journal.clock.now()
        if self._to_send or began >= self._next_write:
            self._journal.flush()
            now = self._journal.clock.now()
            self._next_write = now + max(self._write_s, min(_REST * (now - began), _LONGEST_REST_S))
        sending, self._to_send = self._to_send, []
        for task, first in sending:
            self._line.call(task.key, "answered", partial(self._submit, task.call), first=first)

    def due(self) -> float:
        """When something is to be written; far away when nothing is."""
        return self._next_write if self._journal.dirty else float("inf")

    def recall(self) -> None:
        """Make none of the calls that were not handed to the line yet."""
        while self._to_send:
            self.recalled(self._to_send.pop()[0])

    def recalled(self, task: Task) -> None:
        """Write down that a task's call was not made after all."""
        task.recalled()
        self._journal.put(task.row)

    def _submit(self, call: Call) -> Answer:
        """Make a call that must not reach the cloud when the lease is over.

        A process that is stopped between the look at its lease and the call, and woken up when another one has the
        stack, would else make the call then.
        """
        return self._driver.submit(call, time.time() + self._journal.lease.expires_at - self._journal.clock.now())

    def _prepare(self, call: Call) -> Call | None:
        """The call as it will be made; None when there is nothing to do.

        Raises `ConflictError` for a stranger's thing.
        """
        prepared = self._driver.prepare(call)
        place = None if prepared is None else prepared.taken or prepared.check
        if prepared is not None and prepared.exclusive and place is not None:
            found = self._driver.find(place)
            if found:
                raise self._taken(call.command, found[0])
        return prepared
