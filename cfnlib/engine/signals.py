"""Wait conditions: tasks that end by a word from inside a machine, not by a job of the cloud.

Source: AWS CloudFormation user guide, WaitCondition: `Count` signals of SUCCESS with distinct unique ids complete it,
one FAILURE or the timeout fails it; the data come back as a JSON object by unique id.
"""

from __future__ import annotations

import json
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.engine.journal import Journal
    from cfnlib.engine.task import Task

WAIT_CONDITIONS = frozenset({"AWS::CloudFormation::WaitCondition", "StackMate::WaitCondition"})


class SignalWatch:
    """The wait conditions of a walk."""

    def __init__(self, journal: Journal, pause_s: float) -> None:
        self._journal = journal
        self._pause_s = pause_s
        self._tasks: dict[str, Task] = {}
        self._next = inf

    @staticmethod
    def takes(task: Task) -> bool:
        """Whether a task waits for signals."""
        return task.resource.name in WAIT_CONDITIONS and task.verb == "CREATE"

    def add(self, task: Task, now: float) -> None:
        """Wait for a task's signals, from when it first began."""
        target = task.target or {}
        task.deadline = task.row.started_at + float(target.get("Timeout", 43200))
        self._tasks[task.key] = task
        self._next = now

    def next_due(self) -> float:
        """When the signals should be looked at again."""
        return self._next if self._tasks else inf

    def due(self, now: float) -> list[Task]:
        """The tasks to judge now."""
        if not self._tasks or now < self._next:
            return []
        self._next = now + self._pause_s
        return list(self._tasks.values())

    def judge(self, task: Task, complete: Callable[..., None], fail: Callable[..., None]) -> None:
        """Complete or fail a task when its signals, or the time, say so."""
        target = task.target or {}
        handle = str(target.get("Handle", "")).partition("?")[0].rsplit("/", 1)[-1]
        stack_id = self._journal.stack.stack_id
        came = self._journal.store.signals(stack_id, [handle]).get(handle, [])
        bad = [signal for signal in came if signal.status != "SUCCESS"]
        if bad:
            del self._tasks[task.key]
            fail(task, f"received a FAILURE signal with UniqueId {bad[0].unique_id}: {bad[0].reason}")
        elif len(came) >= int(target.get("Count", 1)):
            del self._tasks[task.key]
            data = json.dumps({signal.unique_id: signal.data for signal in came})
            task.target = {**target, "_data": data}
            complete(task)
        elif self._journal.clock.now() >= task.deadline:
            del self._tasks[task.key]
            wanted = int(target.get("Count", 1))
            fail(task, f"timed out: {len(came)} of {wanted} signals came within {target.get('Timeout')} s")

    def give_up(self, fail: Callable[[Task], None]) -> None:
        """Fail all that still wait."""
        tasks, self._tasks = list(self._tasks.values()), {}
        for task in tasks:
            fail(task)
