"""Waiting for a word from inside a machine: wait conditions, and resources with a CreationPolicy.

A resource with a CreationPolicy is made, and then stays CREATE_IN_PROGRESS, with all its calls behind it, until the
signals have come: its row says so, and when the wait began, so another process goes on waiting where one ended.

Source: AWS CloudFormation user guide. WaitCondition: `Count` signals of SUCCESS with distinct unique ids complete it,
one FAILURE or the timeout fails it; the data come back as a JSON object by unique id. CreationPolicy: the same, told
in an event for each signal; a group may do with a share of them (MinSuccessfulInstancesPercent).
"""

from __future__ import annotations

import json
from math import inf
from typing import TYPE_CHECKING

from cfnlib.plan.lower import WAIT_CONDITIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.engine.journal import Journal
    from cfnlib.engine.task import Task
    from cfnlib.plan.awaited import Awaited
    from cfnlib.state.model import Signal

    Complete = Callable[[Task], None]
    Fail = Callable[[Task, str], None]

INITIATED = "Resource creation Initiated"
"""What the event says of a resource that is made and waits: word for word what clients show."""
_HEARD = "_heard"
"""The property that names the signals which had come before the resource was made: those of the one it replaces."""


class SignalWatch:
    """What of a walk waits for signals. `pause_s` is the time between two looks at what has come."""

    def __init__(self, journal: Journal, pause_s: float) -> None:
        self._journal = journal
        self._pause_s = pause_s
        self._tasks: dict[str, tuple[Task, Awaited | None]] = {}
        self._told: dict[str, set[str]] = {}
        self._next = inf

    @staticmethod
    def takes(task: Task) -> bool:
        """Whether a task is nothing but waiting for a handle's signals."""
        return task.resource.name in WAIT_CONDITIONS and task.verb == "CREATE" and "Handle" in (task.target or {})

    def add(self, task: Task, now: float, awaited: Awaited | None = None) -> None:
        """Wait for a task's signals: those to its handle, or (`awaited`) those to the resource itself."""
        wait_s = float((task.target or {}).get("Timeout", 43200)) if awaited is None else awaited.timeout_s
        task.deadline = task.row.started_at + wait_s
        self._tasks[task.key] = (task, awaited)
        self._next = now
        if awaited is not None and task.adopted:
            stack_id, name = self._journal.stack.stack_id, task.row.logical_id
            events = self._journal.store.events(stack_id)
            self._told[task.key] = {event.reason for event in events if event.logical_id == name}

    def remember(self, task: Task) -> None:
        """Note, before a thing is made in place of another one, what had been said to that one."""
        if task.row.generation and task.target is not None:
            came = self._journal.store.signals(self._journal.stack.stack_id, [task.row.logical_id])
            heard = [signal.unique_id for signal in came[task.row.logical_id]]
            task.retarget({**task.target, _HEARD: heard})

    def next_due(self) -> float:
        """When the signals should be looked at again."""
        return self._next if self._tasks else inf

    def judge(self, now: float, complete: Complete, fail: Fail) -> None:
        """Complete or fail the tasks of which the signals, or the time, say so; if it is time to look."""
        if now < self.next_due() or not self._tasks:
            return
        self._next = now + self._pause_s
        names = {key: _name(*waiting) for key, waiting in self._tasks.items()}
        came = self._journal.store.signals(self._journal.stack.stack_id, names.values())
        for key, (task, awaited) in list(self._tasks.items()):
            signals = came[names[key]]
            late = now >= task.deadline
            if awaited is None:
                ends, reason = _condition(task, signals, late)
            else:
                ends, reason = self._resource(task, awaited, signals, late)
            if not ends:
                continue
            del self._tasks[key]
            if reason is None:
                complete(task)
            else:
                fail(task, reason)

    def give_up(self, fail: Callable[[Task], None]) -> None:
        """Fail all that still wait."""
        waiting, self._tasks = list(self._tasks.values()), {}
        for task, _ in waiting:
            fail(task)

    def _resource(self, task: Task, awaited: Awaited, signals: list[Signal], late: bool) -> tuple[bool, str | None]:
        """Whether the wait is over, and why it failed; the events of the signals that are new are told."""
        heard = set((task.target or {}).get(_HEARD, ()))
        signals = [signal for signal in signals if signal.unique_id not in heard]
        told = self._told.setdefault(task.key, set())
        row = task.row
        for signal in signals:
            what = "SUCCESS" if signal.status == "SUCCESS" else "FAILURE"
            text = f"Received {what} signal with UniqueId {signal.unique_id}"
            if text not in told:
                told.add(text)
                self._journal.tell(row.logical_id, row.physical_id, row.type, row.status.value, text)
        bad = [signal for signal in signals if signal.status != "SUCCESS"]
        good = len(signals) - len(bad)
        if good >= awaited.count or (good >= awaited.needed and (late or len(signals) >= awaited.count)):
            task.heard = True
            return True, None
        if len(bad) > awaited.count - awaited.needed:
            reason = f": {bad[0].reason}" if bad[0].reason else ""
            if awaited.needed == awaited.count:
                return True, f"Received FAILURE signal with UniqueId {bad[0].unique_id}{reason}"
            share = f"{awaited.quorum:.0%} MinSuccessfulInstancesPercent requirement"
            return True, f"Received {len(bad)} FAILURE signal(s) out of {awaited.count}. Unable to satisfy {share}"
        missing = awaited.count - len(signals)
        return late, f"Failed to receive {missing} resource signal(s) within the specified duration"


def _name(task: Task, awaited: Awaited | None) -> str:
    """What the signals are kept under: the resource, or the handle that its URL (it may have a query) ends with."""
    if awaited is not None:
        return task.row.logical_id
    return str((task.target or {}).get("Handle", "")).partition("?")[0].rsplit("/", 1)[-1]


def _condition(task: Task, came: list[Signal], late: bool) -> tuple[bool, str | None]:
    """Whether a wait condition's wait is over, and why it failed."""
    target = task.target or {}
    wanted = int(target.get("Count", 1))
    bad = [signal for signal in came if signal.status != "SUCCESS"]
    if bad:
        return True, f"received a FAILURE signal with UniqueId {bad[0].unique_id}: {bad[0].reason}"
    if len(came) >= wanted:
        task.target = {**target, "_data": json.dumps({signal.unique_id: signal.data for signal in came})}
        return True, None
    return late, f"timed out: {len(came)} of {wanted} signals came within {target.get('Timeout')} s"
