"""Comparing what is wanted with what is there.

`make_plan` is pure: it reads a template's instance, the rows of the stack and what the cloud is (facts, and names
looked up), and gives a plan. It serves a first creation, an update, a rollback and the resumption of any of them
alike: a row that an operation left half-way is simply a row, with an intent, and the plan says how to go on from it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from attrs import evolve

from cfnlib.diagnostic import Diagnostics
from cfnlib.plan.change import REPLACED, SKIPPED, Action, Operation, Phase, Plan
from cfnlib.plan.dag import Dag
from cfnlib.plan.evaluate import Evaluator
from cfnlib.plan.lower import lower
from cfnlib.resources import find as find_type
from cfnlib.schema.diff import diff, strongest
from cfnlib.schema.model import Update
from cfnlib.state.model import ResourceStatus

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from cfnlib.plan.evaluate import Declared, Lookup
    from cfnlib.plan.name import SignalUrl
    from cfnlib.schema.diff import Change
    from cfnlib.schema.model import Facts, ResourceType
    from cfnlib.state.model import Resource
    from cfnlib.template import Instance

    _Candidate = tuple[Operation, Resource, tuple[Change, ...], str]

_USABLE = frozenset(
    {
        ResourceStatus.CREATE_COMPLETE,
        ResourceStatus.UPDATE_COMPLETE,
        ResourceStatus.UPDATE_IN_PROGRESS,
        ResourceStatus.UPDATE_FAILED,
        ResourceStatus.CREATE_IN_PROGRESS,
    }
)
_HALF_MADE = frozenset({ResourceStatus.CREATE_IN_PROGRESS, ResourceStatus.CREATE_FAILED})
_COST = {Operation.KEEP: 0, Operation.UPDATE: 1, Operation.CREATE: 1, Operation.REPLACE: 2}


def make_plan(
    instance: Instance,
    rows: Sequence[Resource],
    facts: Facts,
    lookup: Lookup,
    *,
    revision: int = 0,
    going_back: bool = False,
    cleaning: bool = False,
    signal_url: SignalUrl | None = None,
    tags: Mapping[str, str] | None = None,
    skipped: Collection[str] = (),
) -> Plan:
    """Plan how the rows become what the instance describes.

    `going_back` says that this is a rollback: between two rows that would do, the older is taken, and what is left
    half-made is not completed. `cleaning` says that only the clean-up will be done: every removal is then part of it.
    `tags` are put on everything that can have tags. `skipped` are the logical ids that a rollback leaves as they are.
    Faults of the values are in the plan's diagnostics, all of them.
    """
    declared, diagnostics = lower(instance, facts)
    diagnostics.extend(instance.diagnostics)
    evaluator = Evaluator(instance, declared, facts, lookup, signal_url=signal_url, going_back=going_back, tags=tags)
    after = instance.dependencies(declared)
    by_id: dict[str, list[Resource]] = defaultdict(list)
    for row in rows:
        by_id[row.logical_id].append(row)
    maker = _Maker(evaluator, by_id, after, diagnostics, going_back=going_back, skipped=skipped)
    for logical_id in Dag(after).order:
        maker.decide(declared[logical_id])
    maker.roll()
    maker.remove_the_rest(cleaning=cleaning)
    return Plan(instance.stack_name, revision, tuple(_ordered(maker.actions)), diagnostics, evaluator)


def plan_removal(
    stack_name: str,
    rows: Sequence[Resource],
    *,
    revision: int = 0,
    rollback: bool = False,
    retained: Collection[str] = (),
) -> Plan:
    """Plan how everything goes. `rollback` says that it goes because its creation failed.

    `retained` are the logical ids of what is left where it is, whatever its policy.
    """
    why = "the creation is rolled back" if rollback else "the stack is deleted"
    actions = [_removal(row, why, rollback) for row in rows]
    actions = [
        evolve(a, operation=Operation.FORGET, reason=f"{why}; it is to be retained") if _named(a, retained) else a
        for a in actions
    ]
    return Plan(stack_name, revision, tuple(_ordered(_in_reverse(actions, rows, Phase.MAIN))), Diagnostics())


class _Maker:
    def __init__(
        self,
        evaluator: Evaluator,
        rows: Mapping[str, list[Resource]],
        after: Mapping[str, frozenset[str]],
        diagnostics: Diagnostics,
        *,
        going_back: bool,
        skipped: Collection[str],
    ) -> None:
        self.actions: list[Action] = []
        self._evaluator = evaluator
        self._rows = rows
        self._after = after
        self._diagnostics = diagnostics
        self._going_back = going_back
        self._skipped = skipped
        self._kept: set[tuple[str, int]] = set()
        self._changing: set[str] = set()

    def decide(self, one: Declared) -> None:
        """Add the action for one declared resource, and make its row known to those that refer to it."""
        values, unknown, problems = self._evaluator.properties(one.logical_id)
        self._diagnostics.extend(problems)
        candidates = self._candidates(one, values)
        base = Action(
            key=one.logical_id,
            logical_id=one.logical_id,
            type=one.type.name,
            operation=Operation.CREATE,
            reason="it is not there yet",
            desired=values,
            unknown=unknown,
            after=self._after[one.logical_id],
            group=one.group,
            tolerated=one.group is not None,
        )
        rows = self._rows.get(one.logical_id, ())
        if rows and _named(base, self._skipped):
            row = min([found[1] for found in candidates] or rows, key=lambda found: found.generation)
            self._kept.add(row.key)
            self._evaluator.know(row)
            action = evolve(base, operation=Operation.KEEP, reason=SKIPPED, generation=row.generation)
        elif not candidates:
            generation = max((row.generation for row in rows), default=-1) + 1
            action = evolve(base, generation=generation)
        else:
            action = self._action_for(base, one, candidates)
            hidden = [
                c
                if c.secret or not self._evaluator.secret(one.logical_id, str(c.path[0]))
                else evolve(c, secret=True)
                for c in action.changes
            ]
            action = evolve(action, changes=tuple(hidden))
        if action.operation is not Operation.KEEP:
            self._changing.add(one.logical_id)
            if not problems.errors:
                self._diagnostics.extend(self._evaluator.missing_on_cloud(one.logical_id, values))
        self.actions.append(action)

    def _action_for(self, base: Action, one: Declared, candidates: list[_Candidate]) -> Action:
        oldest_first = -1 if self._going_back else 1
        operation, row, changes, reason = min(
            candidates, key=lambda found: (_COST[found[0]], -oldest_first * found[1].generation)
        )
        action = evolve(
            base,
            operation=operation,
            reason=reason,
            generation=row.generation,
            physical_id=row.physical_id,
            changes=changes,
        )
        if operation is Operation.REPLACE:
            newest = max(found.generation for found in self._rows[one.logical_id])
            action = evolve(
                action,
                generation=newest + 1,
                old_generation=row.generation,
                remove_first=one.group is not None or _is_in_the_way(one.type, row.properties, base.desired),
            )
            if action.remove_first:
                self._kept.add(row.key)
        else:
            self._kept.add(row.key)
            members_change = any(name in self._changing for name in self._evaluator.members(one.logical_id))
            if operation is Operation.KEEP or (operation is Operation.UPDATE and one.type.native is not None):
                if members_change:
                    action = evolve(action, operation=Operation.UPDATE, reason="its members change")
                else:
                    self._evaluator.know(row)
        return action

    def _candidates(self, one: Declared, values: Mapping[str, Any]) -> list[_Candidate]:
        found: list[_Candidate] = []
        for row in self._rows.get(one.logical_id, ()):
            if row.status not in _USABLE:
                continue
            half_made = row.status is ResourceStatus.CREATE_IN_PROGRESS
            if half_made and (self._going_back or row.intent is None):
                continue
            if row.type != one.type.name:
                found.append((Operation.REPLACE, row, (), f"its type was {row.type}"))
                continue
            if half_made:
                found.append((Operation.CREATE, row, (), "its creation was interrupted"))
                continue
            found.append(self._compared(one, row, values))
        return found

    @staticmethod
    def _compared(one: Declared, row: Resource, values: Mapping[str, Any]) -> _Candidate:
        applied = row.intent.target if row.intent and row.intent.target is not None else None
        changes = diff(one.type, row.properties, values)
        effect = strongest(changes)
        if effect is not None and one.settled:
            return Operation.KEEP, row, (), "members keep what they were made with: the group has no UpdatePolicy"
        if effect is Update.REPLACE:
            return Operation.REPLACE, row, changes, _because(changes, Update.REPLACE)
        if effect is not None or applied is not None:
            return Operation.UPDATE, row, changes, _because(changes, effect) or "its update was interrupted"
        return Operation.KEEP, row, (), "nothing changes"

    def roll(self) -> None:
        """Let the members that a rolling update replaces go batch by batch."""
        for group in self._evaluator.declared.values():
            if not group.batch:
                continue
            members = set(self._evaluator.members(group.logical_id))
            replaced = [a.key for a in self.actions if a.operation is Operation.REPLACE and a.logical_id in members]
            turn = {key: number // group.batch for number, key in enumerate(replaced)}
            self.actions = [
                evolve(a, after=a.after | {key for key in replaced if turn[key] == turn[a.key] - 1})
                if a.key in turn
                else a
                for a in self.actions
            ]

    def remove_the_rest(self, *, cleaning: bool) -> None:
        """Add a removal for every row that no action keeps.

        It comes in the clean-up, or at once where the row's thing stands in the way of a new one: by its type, or
        because it holds the place that another one is to have, or because it is a member of a group, whose next
        machine has the same name, or because it was left half-made and has no id of its own, so that what is made
        next is the very same (a tag, say).
        """
        declared = self._evaluator.declared
        rows = [row for rows in self._rows.values() for row in rows if row.key not in self._kept]
        removals = []
        for row in rows:
            reason = REPLACED if row.logical_id in declared else "it is no longer in the template"
            removals.append(_removal(row, reason, self._going_back))
        same = {
            f"{row.logical_id}/{row.generation}"
            for row in rows
            if row.logical_id in declared
            and (row.group or (row.status in _HALF_MADE and row.physical_id == row.name))
        }
        early = (
            set()
            if cleaning
            else same
            | {action.key for action, row in zip(removals, rows, strict=True) if self._stands_in_the_way(row)}
        )
        removals = [evolve(a, phase=Phase.MAIN if a.key in early else Phase.CLEANUP) for a in removals]
        everything = _in_reverse([a for a in removals if a.key not in early], rows, Phase.CLEANUP)
        first = _in_reverse([a for a in removals if a.key in early], rows, Phase.MAIN)
        by_type, by_id = defaultdict(set), defaultdict(set)
        for action in first:
            if action.key in same:
                by_id[action.logical_id].add(action.key)
            else:
                by_type[action.type].add(action.key)
        self.actions = [
            evolve(a, after=a.after | by_type[a.type] | by_id[a.logical_id])
            if a.operation is not Operation.KEEP
            else a
            for a in self.actions
        ]
        self.actions += first + everything

    def _stands_in_the_way(self, row: Resource) -> bool:
        """Whether what goes holds a place that something else is to have."""
        resource = find_type(row.type)
        first = resource.native.remove_first if resource is not None and resource.native is not None else False
        if isinstance(first, bool):
            return first
        changing = (a for a in self.actions if a.type == row.type and a.operation is not Operation.KEEP)
        return any(first(row.properties, action.desired) for action in changing)


def _named(action: Action, names: Collection[str]) -> bool:
    """Whether an action is on one of these resources, or on what comes of it: a member of a group, say."""
    return bool(names) and (action.logical_id in names or action.logical_id.partition("[")[0] in names)


def _is_in_the_way(resource: ResourceType, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a thing with the properties of before holds a place that one with those of after needs."""
    first = resource.native.remove_first if resource.native is not None else False
    return first if isinstance(first, bool) else first(before, after)


def _removal(row: Resource, reason: str, rollback: bool) -> Action:
    policy = row.replace_policy if reason == REPLACED else row.deletion_policy
    keeps = policy == "Retain" or (policy == "RetainExceptOnCreate" and not rollback)
    made = row.status not in {ResourceStatus.CREATE_FAILED, ResourceStatus.CREATE_IN_PROGRESS}
    return Action(
        key=f"{row.logical_id}/{row.generation}",
        logical_id=row.logical_id,
        type=row.type,
        operation=Operation.FORGET if keeps and made else Operation.REMOVE,
        reason=reason if not (keeps and made) else f"{reason}; its policy is {policy}",
        phase=Phase.CLEANUP,
        generation=row.generation,
        physical_id=row.physical_id,
    )


def _in_reverse(actions: Sequence[Action], rows: Iterable[Resource], phase: Phase) -> list[Action]:
    """Order removals: what was made after a thing goes before it."""
    keys: dict[str, set[str]] = defaultdict(set)
    for action in actions:
        keys[action.logical_id].add(action.key)
    after: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        mine = f"{row.logical_id}/{row.generation}"
        for name in row.depends_on:
            for key in keys.get(name, ()):
                after[key].add(mine)
    return [evolve(action, after=frozenset(after[action.key]), phase=phase) for action in actions]


def _ordered(actions: Sequence[Action]) -> list[Action]:
    by_key = {action.key: action for action in actions}
    found = []
    for phase in Phase:
        graph = Dag({action.key: action.after for action in actions if action.phase is phase})
        found += [evolve(by_key[key], after=graph.after[key]) for key in graph.order]
    return found


def _because(changes: tuple[Change, ...], effect: Update | None) -> str:
    names = sorted({str(change.path[0]) for change in changes if effect is None or change.update is effect})
    return f"{', '.join(names)} changed ({effect.value})" if effect else ""
