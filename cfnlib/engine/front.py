"""How far a phase of a plan has come: what may begin, and which of the failures count."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from cfnlib.engine.outcome import Outcome
from cfnlib.plan.change import Operation

if TYPE_CHECKING:
    from cfnlib.plan.change import Action, Phase, Plan


class Front:
    """The actions of a phase between those that are done and those that must wait.

    `ready` are the keys of those that may begin, in the plan's order.
    """

    def __init__(self, plan: Plan, phase: Phase) -> None:
        self.outcome = Outcome()
        self.actions = {action.key: action for action in plan.actions if action.phase is phase}
        self._evaluator = plan.evaluator
        self._graph = plan.graph(phase)
        self._missing = {key: len(names) for key, names in self._graph.after.items()}
        self.ready = deque(key for key in self._graph.order if not self._missing[key])
        self._failed_members: dict[str, int] = {}

    def next(self) -> Action | None:
        """The next action that may begin; None when there is none, or when nothing shall begin any more."""
        if self.outcome.failures or self.outcome.stopped:
            self.ready.clear()
        return self.actions[self.ready.popleft()] if self.ready else None

    def release(self, key: str) -> None:
        """Note that an action is done: what waited for it alone may begin."""
        for name in self._graph.before[key]:
            self._missing[name] -= 1
            if not self._missing[name]:
                self.ready.append(name)

    def failed(self, action: Action, reason: str) -> None:
        """Note a failure. It does not count while enough other members of the action's group may succeed."""
        group = action.group if action.tolerated else None
        if group is not None and self._evaluator is not None and action.operation is not Operation.REMOVE:
            members = len(self._evaluator.members(group))
            failed = self._failed_members.get(group, 0) + 1
            self._failed_members[group] = failed
            if members - failed >= members * self._evaluator.declared[group].quorum:
                self.release(action.key)
                return
        self.outcome.failures.append((action.logical_id, reason))
