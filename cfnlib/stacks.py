"""`Stacks`: the one face that scripts, notebooks, the command line and the service use."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from attrs import evolve

from cfnlib.drivers.base import SystemClock
from cfnlib.engine.holding import Holder
from cfnlib.engine.operation import Engine
from cfnlib.engine.settings import Settings
from cfnlib.errors import (
    OperationFailedError,
    StackBusyError,
    StackError,
    StackExistsError,
    StackNotFoundError,
)
from cfnlib.operations import Operations
from cfnlib.plan.make import plan_removal
from cfnlib.plan.name import signal_url_below
from cfnlib.plan.validate import validate
from cfnlib.shelf import Shelf, adopt
from cfnlib.stack import Stack
from cfnlib.state.model import CANCELLABLE, Event, Signal, StackStatus, Terms
from cfnlib.wanted import as_template, changed_state, check_choice

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from cfnlib.config import Config
    from cfnlib.diagnostic import Diagnostics
    from cfnlib.drivers.base import Clock, Driver
    from cfnlib.engine.crew import Crew
    from cfnlib.operations import Begun
    from cfnlib.plan.change import Plan
    from cfnlib.plan.name import SignalUrl
    from cfnlib.state.model import ChangeSet
    from cfnlib.state.model import Stack as StackState
    from cfnlib.state.store import Store
    from cfnlib.wanted import Source

    Observer = Callable[[Event], None]

_S = StackStatus
EMBEDDED = "embedded"
"""The scope of stacks on the embedded cloud, which has no endpoint that lasts."""


class Stacks:
    """The stacks of one account on one cloud, kept in one store.

    `driver` is the road to the cloud, `store` keeps what is known; `scope` is the cloud's endpoint, when the store
    may hold stacks of others too, `account` the mark of the account whose stacks alone are meant (see `Shelf`).
    `signal_url` is where machines reach what takes their signals. Closing gives driver and store back. `on_event`,
    where a method takes it, is called with every event as soon as it is written down, in the thread of the operation.
    `operations` begins operations without waiting for their end. `crew` is what many operations in one process share.
    """

    def __init__(
        self,
        driver: Driver,
        store: Store,
        *,
        clock: Clock | None = None,
        settings: Settings | None = None,
        region: str = "cloudstack",
        signal_url: str | SignalUrl | None = None,
        scope: str = "",
        account: str | None = None,
        owner: str = "",
        crew: Crew | None = None,
    ) -> None:
        self.driver = driver
        self.store = store
        self.settings = settings or Settings()
        self._clock = clock or SystemClock()
        place = signal_url if callable(signal_url) else signal_url_below(signal_url)
        self._engine = Engine(store, driver, self._clock, self.settings, region=region, signal_url=place, crew=crew)
        self._shelf = Shelf(store, driver, scope, account)
        holder = Holder(store, self._clock, self.settings)
        self.operations = Operations(
            store, driver, self._engine, self._shelf, holder, self._clock, region=region, owner=owner
        )
        self._also_close: list[Callable[[], None]] = []

    @classmethod
    def embedded(
        cls,
        *,
        state: str | Path | None = None,
        job_s: float = 0.0,
        settings: Settings | None = None,
        config: Config | None = None,
        state_url: str | None = None,
    ) -> Self:
        """Stacks on a CloudStack of their own, inside this process; nothing else is needed.

        `state` is a directory that keeps cloud and stacks from one process to the next; None keeps nothing.
        `job_s` is how long each job of the cloud takes, in seconds. `config` may give the zone and aliases of names,
        `state_url` another store than the directory's.
        """
        from cfnlib.embedded import open_embedded  # noqa: PLC0415 - a cloud is started only when one is asked for

        folder = None if state is None else Path(state)
        driver, store, close = open_embedded(folder, job_s=job_s, config=config, state_url=state_url)
        if state_url is None:
            adopt(store, driver, EMBEDDED)
        stacks = cls(driver, store, settings=settings, scope=EMBEDDED)
        stacks._also_close.append(close)
        return stacks

    @classmethod
    def from_config(cls, profile: str | None = None, *, config: Config | None = None) -> Self:
        """Stacks on the cloud of the environment or of `~/.cloudstack.ini`, as `cs` reads them.

        Where `CFNLIB_EC2_URL` is set, the cloud is reached through that EC2 API instead, which the log says.
        `profile` names a section of the file. Raises `ConfigError` when no cloud is configured.
        """
        from cfnlib.config import Config  # noqa: PLC0415 - the library works without any configuration
        from cfnlib.drivers.choose import open_driver  # noqa: PLC0415
        from cfnlib.state.open import open_store  # noqa: PLC0415

        config = config or Config.load(profile)
        store = open_store(config.state_url)
        driver, scope = open_driver(config)
        return cls(driver, store, region=config.region, signal_url=config.signal_url, scope=scope)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back the connections, and end the embedded cloud, if this is one."""
        self.driver.close()
        self.store.close()
        for close in self._also_close:
            close()

    # Looking

    def validate(self, template: Source) -> Diagnostics:
        """Every fault of a template that can be told without the cloud and without parameters."""
        return validate(as_template(template))

    def __getitem__(self, name: str) -> Stack:
        """The stack of this name (or id). Raises `StackNotFoundError`."""
        return Stack(self, self._shelf.find(name).stack_id)

    def list(self, *, deleted: bool = False) -> Sequence[Stack]:
        """All stacks, oldest first."""
        return [Stack(self, state.stack_id) for state in self.states(deleted=deleted)]

    def states(self, *, deleted: bool = False) -> Sequence[StackState]:
        """The same as plain values, as the store has them."""
        return self._shelf.all(deleted=deleted)

    def mine(self, name: str) -> StackState:
        """The stack of this name or id as a plain value. Raises `StackError` when it is another account's."""
        return self._shelf.mine(name)

    def adopt(self) -> int:
        """Take the stacks that are marked as nobody's, as the first versions made them, for this account's.

        Gives how many there were. Do it when all of them are of this cloud and this account.
        """
        return adopt(self.store, self.driver, self._shelf.scope)

    def plan(self, name: str, template: Source | None = None, parameters: Mapping[str, Any] | None = None) -> Plan:
        """What `create` or `update` of this name would do. Touches nothing. Raises `TemplateError`."""
        try:
            present = self._shelf.mine(name)
        except StackNotFoundError:
            if template is None:
                raise
            return self._engine.plan(self.operations.new(name, template, parameters))
        return self._engine.plan(changed_state(present, template, parameters))

    def plan_delete(self, name: str) -> Plan:
        """What `delete` of this stack would do."""
        state = self._shelf.mine(name)
        return plan_removal(state.name, self.store.resources(state.stack_id), revision=state.revision)

    # Doing

    def create(
        self,
        name: str,
        template: Source,
        parameters: Mapping[str, Any] | None = None,
        *,
        on_failure: str = "ROLLBACK",
        tags: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        on_event: Observer | None = None,
        on_plan: Callable[[Plan], None] | None = None,
    ) -> Stack:
        """Make a stack, and wait until it is there.

        A creation of the same stack that another process left behind is carried to its end instead. `on_failure` is
        ROLLBACK, DO_NOTHING or DELETE; `tags` are put on everything that can have tags; a creation that takes longer
        than `timeout_s` seconds fails. Raises `TemplateError` before anything is touched; `StackExistsError`;
        `OperationFailedError` when it could not be made (it is then in the status that `on_failure` leads
        to).
        """
        check_choice("on_failure", on_failure, ("ROLLBACK", "DO_NOTHING", "DELETE"))
        wanted = self.operations.new(name, template, parameters)
        wanted = evolve(wanted, on_failure=on_failure, terms=Terms(tags=dict(tags or {}), timeout_s=timeout_s))
        done = self._left_behind(wanted, on_event)
        if done is not None:
            return done
        return self._carry(self.operations.create(wanted, on_plan=on_plan, on_event=on_event), on_event)

    def update(
        self,
        name: str,
        template: Source | None = None,
        parameters: Mapping[str, Any] | None = None,
        *,
        on_failure: str = "ROLLBACK",
        tags: Mapping[str, str] | None = None,
        policy: str | None = None,
        on_event: Observer | None = None,
        on_plan: Callable[[Plan], None] | None = None,
    ) -> Stack:
        """Change a stack to what a template (None: the present one) with these parameters wants, and wait for it.

        Parameters that are not given keep their present values, and so do `tags`. An operation that another process
        left behind is carried to its end first. `on_failure` is ROLLBACK or DO_NOTHING; `policy` (JSON) stands in for
        the stack policy, if the stack has one, during this update. Raises as `create` does, and `StackError`
        when the stack's status allows no update or nothing would change.
        """
        check_choice("on_failure", on_failure, ("ROLLBACK", "DO_NOTHING"))
        present = self._carried_on(self._shelf.mine(name), on_event)
        terms = None if tags is None else {"tags": dict(tags)}
        wanted = changed_state(present, template, parameters, terms)
        begun = self.operations.update(
            wanted, on_failure=on_failure, policy=policy, on_plan=on_plan, on_event=on_event
        )
        return self._carry(begun, on_event)

    def delete(self, name: str, *, retain: Collection[str] = (), on_event: Observer | None = None) -> Stack:
        """Remove a stack and all that it made, and wait for it. An operation under way is stopped first.

        `retain` are the logical ids of resources that are left where they are, and forgotten.
        Raises `OperationFailedError` when something could not be removed; deleting again tries again. Raises
        `StackError` when the stack is protected.
        """
        state = self._shelf.mine(name)
        if state.status is _S.DELETE_COMPLETE:
            return Stack(self, state.stack_id)
        if state.protected:
            raise StackError(f"stack {state.name} is protected: take its termination protection away first")
        self.driver.facts()  # a cloud that does not answer is told before the stack is marked as one that goes
        begun = self.operations.delete_in_turn(state, terms={"retained": tuple(retain)}, on_event=on_event)
        return Stack(self, state.stack_id) if begun is None else self._carry(begun, on_event)

    def cancel(self, name: str) -> None:
        """Ask a creation or an update under way, in whichever process, to stop and go back. Does not wait."""
        state = self._shelf.mine(name)
        if state.status not in CANCELLABLE:
            raise StackError(f"stack {state.name} is {state.status.value}: there is no operation to cancel")
        self.store.ask(state.stack_id, "cancel")

    def resume(self, name: str, *, on_event: Observer | None = None) -> Stack:
        """Carry on with the operation of a process that ended. Does nothing when none is under way.

        Raises `StackBusyError` while another process is at it; `OperationFailedError` as the operation itself.
        """
        state = self._shelf.mine(name)
        begun = self.operations.take_up(state) if state.status.in_progress else None
        return Stack(self, state.stack_id) if begun is None else self._carry(begun, on_event)

    def continue_rollback(self, name: str, *, skip: Collection[str] = (), on_event: Observer | None = None) -> Stack:
        """Try again to go back to what was before a failed update, leaving the resources `skip` as they are."""
        state = self._shelf.mine(name)
        self.driver.facts()  # as in delete
        begun = self.operations.continue_rollback(state, terms={"skipped": tuple(skip)}, on_event=on_event)
        return self._carry(begun, on_event)

    # Change sets

    def create_change_set(
        self, name: str, change_set: str, template: Source | None = None, parameters: Mapping[str, Any] | None = None
    ) -> ChangeSet:
        """Store what an update would do, to be executed later with `execute_change_set`."""
        wanted = changed_state(self._shelf.mine(name), template, parameters)
        return self.operations.create_change_set(change_set, wanted, kind="UPDATE")

    def change_sets(self, name: str) -> Sequence[ChangeSet]:
        """The stored change sets of a stack that were not executed yet, oldest first."""
        found = self.store.change_sets(self._shelf.find(name).stack_id)
        return [one for one in found if one.execution != "EXECUTE_COMPLETE"]

    def delete_change_set(self, name: str, change_set: str) -> None:
        """Remove a stored change set. Raises `StackNotFoundError` when there is none of this name."""
        self.store.delete_change_set(self._change_set(name, change_set).change_set_id)

    def execute_change_set(
        self, name: str, change_set: str, *, on_failure: str = "ROLLBACK", on_event: Observer | None = None
    ) -> Stack:
        """Carry out a stored change set. Raises `StalePlanError` when the stack has moved on since it was made."""
        stored = self._change_set(name, change_set)
        self._shelf.mine(stored.stack_id)
        return self._carry(self.operations.execute(stored, on_failure=on_failure, on_event=on_event), on_event)

    # Signals

    def signal(
        self, name: str, handle: str, *, unique_id: str, status: str = "SUCCESS", reason: str = "", data: str = ""
    ) -> None:
        """Say to a wait condition's handle (its logical id) that something inside a machine is done, or failed."""
        check_choice("status", status, ("SUCCESS", "FAILURE"))
        state = self._shelf.mine(name)
        known = {row.logical_id for row in self.store.resources(state.stack_id)}
        if handle not in known:
            raise StackNotFoundError(f"stack {state.name} has no wait condition handle {handle}")
        self.store.add_signal(state.stack_id, handle, Signal(unique_id, status, reason, data))

    # Within

    def _carried_on(self, present: StackState, on_event: Observer | None) -> StackState:
        """The stack, once the operation that a process left behind is ended. Raises `StackBusyError` if it lives."""
        if present.status.in_progress:
            with suppress(OperationFailedError):
                self.resume(present.stack_id, on_event=on_event)
        return self.store.stack(present.stack_id)

    def _left_behind(self, wanted: StackState, on_event: Observer | None) -> Stack | None:
        """The stack that is wanted, if a process that ended had begun to make it. Raises `StackExistsError`."""
        try:
            found = self.store.stack(wanted.name, wanted.account)
        except StackNotFoundError:
            return None
        begun = found.status is _S.CREATE_IN_PROGRESS
        with suppress(StackBusyError):
            found = self._carried_on(found, on_event)
        if found.status is _S.DELETE_COMPLETE:
            return None
        same = (found.template, found.parameters) == (wanted.template, wanted.parameters)
        if begun and same and found.status is _S.CREATE_COMPLETE:
            return Stack(self, found.stack_id)
        raise StackExistsError(
            f"stack {found.name} is there already ({found.status.value}); update it, or delete it first"
        )

    def _carry(self, begun: Begun, on_event: Observer | None) -> Stack:
        wanted, state = begun.wanted, self.operations.carry_on(begun, on_event)
        good = not state.status.failed if wanted is None else state.status is wanted
        if not good and state.status.in_progress:
            raise StackBusyError(f"stack {state.name}: another process was asked to delete it, and goes on from here")
        if not good:
            status, reason = state.status.value, state.reason
            raise OperationFailedError(
                f"stack {state.name} ended in {status}: {reason}", status=status, reason=reason
            )
        return Stack(self, state.stack_id)

    def _change_set(self, name: str, change_set: str) -> ChangeSet:
        for found in self.change_sets(name):
            if change_set in {found.name, found.change_set_id}:
                return found
        raise StackNotFoundError(f"stack {name} has no change set {change_set}")
