"""How each kind of action begins, from what the plan wants and what the row says.

A row may carry the intent of an earlier process. Where the action wants just what that intent wants, the intent is
taken up at the call where it stopped. Where it wants something else (a rollback, a deletion), what was under way is
first waited for (`settling`), and the action begins from what that has left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from cfnlib.engine.task import Task
from cfnlib.errors import CfnlibError, CloudError, ConflictError, StackError
from cfnlib.plan.change import REPLACED, SKIPPED, Action, Operation
from cfnlib.plan.evaluate import raise_problems, with_ids
from cfnlib.resources import find as find_type
from cfnlib.schema.calls import Effect, Find
from cfnlib.schema.diff import diff, strongest
from cfnlib.schema.lifecycle import create_calls, delete_calls, update_calls
from cfnlib.schema.model import Existing, ResourceType, Update
from cfnlib.state.model import Resource, ResourceStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.drivers.base import Driver
    from cfnlib.engine.journal import Journal
    from cfnlib.plan.awaited import Awaited
    from cfnlib.plan.change import Plan
    from cfnlib.plan.evaluate import Evaluator
    from cfnlib.schema.model import Facts


class Beginner:
    """Makes the tasks of a plan's actions."""

    def __init__(self, plan: Plan, journal: Journal, driver: Driver, facts: Facts) -> None:
        self._plan = plan
        self._journal = journal
        self._driver = driver
        self._facts = facts
        self._taken: dict[str, dict[str, str]] = {}

    def keep(self, action: Action) -> None:
        """Let others refer to a row that stays as it is; one that is skipped counts as what it was before."""
        row = self._journal.rows[action.logical_id, action.generation]
        if action.reason == SKIPPED:
            now = self._journal.clock.now()
            row = evolve(row, status=ResourceStatus.UPDATE_COMPLETE, reason=SKIPPED, intent=None, ended_at=now)
            self._journal.put(row, event=True)
        self.made(row)

    def forget(self, action: Action) -> None:
        """Let a thing be, and know of it no more: its policy says that it stays."""
        row = self._journal.rows[action.logical_id, action.generation]
        self._journal.drop(evolve(row, status=ResourceStatus.DELETE_SKIPPED, reason=action.reason, intent=None))

    def made(self, row: Resource) -> None:
        """Let others refer to a row that has been made."""
        if self._plan.evaluator is not None:
            self._plan.evaluator.know(row)

    def task(self, action: Action) -> Task:
        """The task of an action, ready to start. Raises `CfnlibError` when it cannot begin."""
        if action.operation is Operation.CREATE:
            return self._creation(action)
        if action.operation is Operation.REPLACE:
            return self._replacement(action)
        row = self._journal.rows[action.logical_id, action.generation]
        if action.operation is Operation.UPDATE:
            return self._change(action, row)
        return self._removal(action, row)

    def after_settling(self, settled: Task) -> Task:
        """The task that was waited for the earlier process's calls to begin. The row now knows what they left."""
        row = evolve(settled.row, intent=None)
        if row.physical_id is None and settled.row.status is ResourceStatus.CREATE_IN_PROGRESS:
            row = evolve(row, status=ResourceStatus.CREATE_FAILED, reason="nothing was made")
        if settled.action.operation is Operation.UPDATE:
            row = evolve(row, properties=settled.target or row.properties)
            return self._change(settled.action, row)
        return self._removal(settled.action, row, settled.target)

    def successor(self, done: Task) -> Task | None:
        """What follows in the same action: the new thing, after the old one has made room for it."""
        action = done.action
        if action.operation is Operation.REPLACE and done.row.generation == action.old_generation:
            return self._creation(action)
        return None

    def refused(self, action: Action, error: CfnlibError) -> None:
        """Write down that an action could not even begin."""
        failed = {Operation.UPDATE: ResourceStatus.UPDATE_FAILED, Operation.REMOVE: ResourceStatus.DELETE_FAILED}
        row = self._journal.rows.get((action.logical_id, action.generation))
        if row is None:
            row = self._new_row(action, action.logical_id)
        status = failed.get(action.operation, ResourceStatus.CREATE_FAILED)
        self._journal.put(
            evolve(row, status=status, reason=str(error), ended_at=self._journal.clock.now()), event=True
        )

    def awaited(self, task: Task) -> Awaited | None:
        """The signals that a task's thing waits for once it is made, None for none."""
        evaluator = self._plan.evaluator
        declared = evaluator.declared.get(task.row.logical_id) if evaluator is not None else None
        return declared.awaited if declared is not None and task.verb == "CREATE" else None

    def attributes(self, task: Task, read: dict[str, Any] | None) -> dict[str, Any] | None:
        """The attributes of a thing that has been made: as read, or as its type computes them."""
        resource, row = task.resource, task.row
        if task.verb == "DELETE":
            return None
        if resource.native is None:
            if resource.local is None:
                return {}
            desired = self._evaluator.desired(row.logical_id, row.generation, task.target or {})
            return row.attributes | dict(resource.local(desired))
        if read is None and not task.calls and (task.verb == "CREATE" or resource.native.stands_for is not None):
            desired = self._evaluator.desired(row.logical_id, row.generation, task.target or {})
            record = {"id": row.name, "name": row.name, "account": self._facts.account}
            stands_for = resource.native.stands_for
            return resource.attributes_of({**record, **(stands_for(desired) if stands_for else {})})
        return read if read is None else _filled(row.attributes, read)

    @property
    def _evaluator(self) -> Evaluator:
        if self._plan.evaluator is None:
            raise StackError("a plan that only removes makes nothing")
        return self._plan.evaluator

    def _values(self, action: Action) -> dict[str, Any]:
        if not action.unknown:
            return dict(action.desired)
        values, unknown, problems = self._evaluator.properties(action.logical_id)
        raise_problems(problems)
        if unknown:
            raise StackError(f"{action.logical_id}: the values of {', '.join(unknown)} are not known")
        return values

    def _new_row(self, action: Action, name: str) -> Resource:
        evaluator = self._plan.evaluator
        declared = evaluator.declared.get(action.logical_id) if evaluator is not None else None
        return Resource(
            logical_id=action.logical_id,
            generation=action.generation,
            type=action.type,
            name=name,
            status=ResourceStatus.CREATE_IN_PROGRESS,
            depends_on=tuple(sorted(name for name in action.after if "/" not in name)),
            group=action.group,
            deletion_policy=declared.deletion_policy if declared else "Delete",
            replace_policy=declared.replace_policy if declared else "Delete",
        )

    def _creation(self, action: Action) -> Task:
        resource = self._evaluator.declared[action.logical_id].type
        row = self._journal.rows.get((action.logical_id, action.generation))
        if row is not None and row.intent is not None and (row.intent.calls or resource.native is None):
            task = Task(action, resource, row, adopted=True)
            task.resume()
            return task
        values = self._values(action)
        desired = self._evaluator.desired(action.logical_id, action.generation, values)
        calls = create_calls(resource, desired)
        self._refuse_taken(action, desired.name, calls[0].check if calls else None)
        task = Task(action, resource, self._new_row(action, desired.name))
        why = action.reason if action.operation is Operation.REPLACE else ""
        task.begin("CREATE", calls, values, self._journal.clock.now(), why)
        if all(call.effect is not Effect.CREATES for call in calls):
            task.row = evolve(task.row, physical_id=desired.name)
        return task

    def _refuse_taken(self, action: Action, name: str, check: Find | None) -> None:
        """Refuse a member's stable name that a stranger's machine has; one listing a group."""
        if action.group is None or check is None:
            return
        if action.group not in self._taken:
            prefix = name.rsplit("-", 1)[0]
            found = self._driver.find(Find(check.command, check.key, {"keyword": prefix}, unless=check.unless))
            self._taken[action.group] = {str(row.get("name")): str(row.get("id")) for row in found}
        holder = self._taken[action.group].get(name)
        if holder is not None and holder not in self._journal.own_ids:
            raise ConflictError(
                f"the name {name} is taken by a machine that this stack did not make ({holder}); "
                "remove that machine, or give the stack or the group another name"
            )

    def taken(self, command: str, found: Mapping[str, Any]) -> ConflictError:
        """The error for a thing that is there under the name, or at the place, of one that shall be made."""
        what = f"{found.get('name') or found.get('ipaddress') or ''} {found.get('id', '')}".strip()
        if found.get("id") in self._journal.own_ids:
            text = "is the one that it shall replace, and goes only when the new one is there; give another name"
        else:
            text = "is there already, and this stack did not make it; give another name, or remove it"
        return ConflictError(f"{command}: {what} {text}", command=command)

    def _replacement(self, action: Action) -> Task:
        old = self._journal.rows.get((action.logical_id, action.old_generation or 0))
        if old is None:
            return self._creation(action)
        if action.unknown and old.type == action.type:
            values = self._values(action)
            resource = self._evaluator.declared[action.logical_id].type
            if strongest(diff(resource, old.properties, values)) is not Update.REPLACE:
                known = evolve(
                    action, operation=Operation.UPDATE, desired=values, unknown=(), generation=old.generation
                )
                return self._change(known, old)
        return self._removal(action, old) if action.remove_first else self._creation(action)

    def _change(self, action: Action, row: Resource) -> Task:
        resource = self._evaluator.declared[action.logical_id].type
        values = self._values(action)
        task = Task(action, resource, row)
        intent = row.intent
        if intent is not None and intent.verb == "UPDATE":
            task.resume()
            if intent.target == values:
                task.adopted = True
                return task
            if intent.sent and row.status is ResourceStatus.UPDATE_IN_PROGRESS:
                task.settling = True
                return task
        base = intent.target if intent is not None and intent.target is not None else row.properties
        desired = self._evaluator.desired(action.logical_id, row.generation, values)
        before = {
            name: desired.properties.get(name) if value == values.get(name) else value for name, value in base.items()
        }
        existing = Existing(row.logical_id, row.name, row.physical_id or "", before, row.attributes, self._facts)
        calls = update_calls(resource, existing, desired)
        task.row = evolve(row, depends_on=tuple(sorted(name for name in action.after if "/" not in name)))
        task.begin("UPDATE", calls, values, self._journal.clock.now(), action.reason)
        return task

    def _removal(self, action: Action, row: Resource, half: dict[str, Any] | None = None) -> Task:
        """The removal of a row. `half` is what an update of it, which did not end well, wanted it to be."""
        resource = find_type(row.type)
        if resource is None:
            raise StackError(f"{row.logical_id}: this version of cfnlib has no type {row.type}")
        task = Task(action, resource, row)
        now = self._journal.clock.now()
        intent = row.intent
        if intent is not None and intent.sent and intent.verb != "DELETE":
            task.resume()
            task.settling = True
            task.adopted = True
            return task
        if intent is not None and intent.verb == "DELETE":
            task.resume()
            task.adopted = True
            return task
        replaced = action.operation is Operation.REPLACE or action.reason == REPLACED
        policy = row.replace_policy if replaced else row.deletion_policy
        if half is None and intent is not None:
            half = intent.target
        calls = self._removal_calls(resource, row, policy) if row.physical_id is not None else []
        if calls and half is not None and half != row.properties:
            more = self._removal_calls(resource, evolve(row, properties=half), "Delete")
            calls += [call for call in more if call not in calls]
        task.begin("DELETE", calls, None, now, action.reason)
        return task

    def _removal_calls(self, resource: ResourceType, row: Resource, policy: str) -> list[Any]:
        try:
            values = with_ids(resource, row.properties, self._driver.lookup)
        except CloudError:
            values = row.properties
        existing = Existing(row.logical_id, row.name, row.physical_id or "", values, row.attributes, self._facts)
        calls = list(delete_calls(resource, existing))
        snapshot = resource.native.snapshot if resource.native else None
        half_made = row.status in {ResourceStatus.CREATE_FAILED, ResourceStatus.CREATE_IN_PROGRESS}
        if policy == "Snapshot" and snapshot is not None and not half_made:
            calls[:0] = snapshot(existing)
        return calls


def _filled(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What was read now, with what only an earlier answer could tell (a private key, say)."""
    return {name: before.get(name) if value is None else value for name, value in after.items()}
