"""A plan as data: what will be done to each resource, why, and in which order. Printable, storable, comparable."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from cfnlib.plan.dag import Dag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.diagnostic import Diagnostics
    from cfnlib.plan.evaluate import Evaluator
    from cfnlib.schema.diff import Change


REPLACED = "it is replaced"
"""The reason of a removal that makes room for, or follows, a replacement: its policy is UpdateReplacePolicy."""

SKIPPED = "it is skipped by the rollback"
"""The reason of an action that leaves a row as it is, although its update failed, because somebody asked for that."""


class Operation(Enum):
    """What is done to a resource."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    REMOVE = "remove"
    FORGET = "forget"
    KEEP = "keep"


class Phase(Enum):
    """When: the clean-up comes after everything of the main phase has succeeded."""

    MAIN = "main"
    CLEANUP = "cleanup"


@frozen
class Action:
    """One step of a plan.

    `generation` is that of the row that the action works on (for REPLACE: of the new row; `old_generation` is then
    the row that goes). `remove_first` says that the old thing must go before the new one can be (a rule on the same
    port). `desired` is the properties as far as they are known now; `unknown` names those that are known only when
    others are made. `tolerated` says that the group decides whether a failure counts.
    """

    key: str
    logical_id: str
    type: str
    operation: Operation
    reason: str
    phase: Phase = Phase.MAIN
    generation: int = 0
    old_generation: int | None = None
    remove_first: bool = False
    physical_id: str | None = None
    changes: tuple[Change, ...] = ()
    desired: Mapping[str, Any] = field(factory=dict, repr=False)
    unknown: tuple[str, ...] = ()
    after: frozenset[str] = frozenset()
    group: str | None = None
    tolerated: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The action in JSON's types; secret values are left out."""
        return {
            "logical_id": self.logical_id,
            "type": self.type,
            "operation": self.operation.value,
            "reason": self.reason,
            "phase": self.phase.value,
            "physical_id": self.physical_id,
            "after": sorted(self.after),
            "changes": [change.as_dict() for change in self.changes],
            "known_after_creation": list(self.unknown),
        }


@frozen
class Plan:
    """What turns a stack's present state into what a template wants.

    `actions` are in an order in which they could be done one by one. `evaluator` works out, while the plan is carried
    out, the values that were not known when it was made; it is no part of the plan's data.
    """

    stack_name: str
    revision: int
    actions: tuple[Action, ...]
    diagnostics: Diagnostics
    evaluator: Evaluator | None = field(default=None, eq=False, repr=False)

    @property
    def changes(self) -> tuple[Action, ...]:
        """The actions that do something."""
        return tuple(action for action in self.actions if action.operation is not Operation.KEEP)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.changes

    def graph(self, phase: Phase = Phase.MAIN) -> Dag:
        """The graph of the actions of a phase, by their keys."""
        return Dag({action.key: action.after for action in self.actions if action.phase is phase})

    def counts(self) -> dict[str, int]:
        """How many actions there are of each operation that occurs."""
        found: dict[str, int] = {}
        for action in self.actions:
            found[action.operation.value] = found.get(action.operation.value, 0) + 1
        return found

    def as_dict(self) -> dict[str, Any]:
        """The plan in JSON's types."""
        return {
            "stack_name": self.stack_name,
            "revision": self.revision,
            "counts": self.counts(),
            "actions": [action.as_dict() for action in self.actions],
            "diagnostics": [item.as_dict() for item in self.diagnostics],
        }

    def _repr_html_(self) -> str:
        from cfnlib.render.html import plan_html  # noqa: PLC0415 - only notebooks ask for it

        return plan_html(self.as_dict())
