"""`Cluster`: one cluster, to be looked at, changed and destroyed."""

from __future__ import annotations

import time
from contextlib import suppress
from html import escape
from typing import TYPE_CHECKING, Any

from attrs import frozen

from cfnlib.clusters.blueprint import blueprint_of_state, wanted_blueprint
from cfnlib.clusters.config import SCHEMA, as_config
from cfnlib.clusters.declared import ClusterConfigError, Fault, faults_of
from cfnlib.clusters.shown import STATES, ClusterState, cluster_id_of, machines_of, shown
from cfnlib.errors import (
    NoUpdatesError,
    StackBusyError,
    StackError,
    StackNotFoundError,
    StalePlanError,
    TemplateError,
)
from cfnlib.state.model import StackStatus
from cfnlib.wanted import changed_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cfnlib.clusters.blueprint import Blueprint
    from cfnlib.clusters.config import ClusterConfig
    from cfnlib.clusters.shown import Machine
    from cfnlib.operations import Begun
    from cfnlib.plan.change import Plan
    from cfnlib.stack import Stack
    from cfnlib.stacks import Stacks
    from cfnlib.state.model import Event
    from cfnlib.state.model import Stack as StackState
    from cfnlib.template import Template

    Observer = Callable[[Event], None]
    Submit = Callable[[Begun], object]

_AGENT = "agent"
_TRIES, _SHORTLY_S = 20, 0.05
_KEPT = "****"
"""What a secret parameter is shown as; given back, it means the present value."""


@frozen
class _Change:
    """What an update is to be given. `template` None: the present one; `tags` None: the present ones."""

    template: Template | None
    values: Mapping[str, str]
    tags: Mapping[str, str] | None


class Cluster:
    """One cluster, as its stack was when this was made or last refreshed; what changes it, refreshes it."""

    def __init__(
        self,
        stacks: Stacks,
        stack_id: str,
        state: StackState | None = None,
        *,
        submit: Submit | None = None,
    ) -> None:
        self.stacks = stacks
        self.stack_id = stack_id
        self._state = state or stacks.store.stack(stack_id)
        self._submit = submit
        self._machines: list[Machine] | None = None

    # Looking

    @property
    def cluster_id(self) -> str:
        """The id: the name, and the last part of the stack's id."""
        return cluster_id_of(self.stack_id)

    @property
    def name(self) -> str:
        """The name, which is the stack's too."""
        return self._state.name

    @property
    def kind(self) -> str:
        """What it is, as its template says."""
        return self.blueprint.kind

    @property
    def state(self) -> ClusterState:
        """What it is in the middle of, or at rest in."""
        return STATES[self._state.status]

    @property
    def status(self) -> str:
        """The stack's status, as CloudFormation says it."""
        return self._state.status.value

    @property
    def reason(self) -> str:
        """Why it is in its status; empty when there is nothing to say."""
        return self._state.reason

    @property
    def revision(self) -> int:
        """How many changes were begun since the launch."""
        return self._state.revision

    @property
    def config(self) -> ClusterConfig:
        """What it was asked to be, with the defaults, without secret parameters."""
        return self.blueprint.config(self._state)

    @property
    def machines(self) -> Sequence[Machine]:
        """Its machines, by role and number."""
        if self._machines is None:
            rows = self.stacks.store.resources(self.stack_id)
            self._machines = machines_of(rows, self.blueprint.roles)
        return tuple(self._machines)

    @property
    def outputs(self) -> dict[str, Any]:
        """The values of the template's outputs, by name."""
        return dict(self._state.outputs)

    @property
    def stack(self) -> Stack:
        """The stack that it is: its resources, events, graph and timeline."""
        return self.stacks[self.stack_id]

    def refresh(self) -> Cluster:
        """Read the cluster anew, and give this handle again."""
        self._state = self.stacks.store.stack(self.stack_id)
        self._machines = None
        return self

    def summary(self) -> dict[str, Any]:
        """The cluster in JSON's types, as a list shows it."""
        return shown(self._state, self.kind).as_dict()

    def as_dict(self) -> dict[str, Any]:
        """The cluster in JSON's types, with its configuration, machines and outputs."""
        return shown(
            self._state,
            self.kind,
            config=self.config.as_dict(),
            machines=[machine.as_dict() for machine in self.machines],
            outputs=self.outputs,
        ).as_dict()

    # Doing

    def reconfigure(
        self,
        config: ClusterConfig | Mapping[str, Any],
        *,
        wait: bool = True,
        on_event: Observer | None = None,
        on_plan: Callable[[Plan], None] | None = None,
    ) -> Cluster:
        """Make the cluster what a whole configuration says, and wait for it, unless told not to.

        What the configuration does not give has the template's default again, except the template itself and secret
        parameters, which stay. Nothing happens when the cluster is that already. Raises `ClusterConfigError`, also
        for what is settled when a cluster is launched, and what `Stacks.update` raises.
        """
        if not wait:
            return self.begin_reconfigure(config)
        self.refresh()
        return self._carry(self._change(as_config(config)), on_event, on_plan)

    def begin_reconfigure(self, config: ClusterConfig | Mapping[str, Any], *, revision: int | None = None) -> Cluster:
        """Begin the same. `revision` is the one that the change is meant for; None: whichever there is.

        Raises `StalePlanError` when the cluster is of another revision.
        """
        self._of_revision(revision)
        return self._begin(self._change(as_config(config)))

    def resize(
        self,
        agents: int,
        *,
        wait: bool = True,
        on_event: Observer | None = None,
        on_plan: Callable[[Plan], None] | None = None,
    ) -> Cluster:
        """Give the cluster so many agents; nothing else changes. As `reconfigure`."""
        present = self._agents()
        faults = list(faults_of(agents, SCHEMA["properties"]["agents"], ("agents",)))
        if faults:
            raise ClusterConfigError(faults)
        change = _Change(None, {self.blueprint.parameters["agents"]: str(agents)}, None)
        if agents == present:
            return self
        return self._carry(change, on_event, on_plan) if wait else self._begin(change)

    def add_nodes(
        self,
        count: int,
        *,
        wait: bool = True,
        on_event: Observer | None = None,
        on_plan: Callable[[Plan], None] | None = None,
    ) -> Cluster:
        """Add so many agents. As `resize`."""
        return self.resize(self._agents() + _positive(count), wait=wait, on_event=on_event, on_plan=on_plan)

    def remove_nodes(
        self,
        nodes: int | Iterable[str],
        *,
        wait: bool = True,
        on_event: Observer | None = None,
        on_plan: Callable[[Plan], None] | None = None,
    ) -> Cluster:
        """Remove so many agents, those with the highest numbers; or those of these names, if they are just those.

        The agents of a group are numbered without gaps, for a machine works out its peers from the numbers. Raises
        `StackError` for names of which that is not so.
        """
        agents = self._agents()
        if not isinstance(nodes, int):
            names = set(nodes)
            present = [machine.name for machine in self.machines if machine.role == _AGENT]
            last = present[len(present) - len(names) :]
            if not names or names != set(last):
                raise StackError(
                    f"cluster {self.name} can only be made smaller from its end: {len(names)} fewer are without "
                    f"{', '.join(last) or 'any of them'}"
                )
            nodes = len(names)
        if _positive(nodes) > agents:
            raise StackError(f"cluster {self.name} has {agents} agents; {nodes} cannot be removed")
        return self.resize(agents - nodes, wait=wait, on_event=on_event, on_plan=on_plan)

    def destroy(self, *, wait: bool = True, on_event: Observer | None = None) -> Cluster:
        """Remove the cluster and all that it made, and wait for it, unless told not to. As `Stacks.delete`."""
        if not wait:
            return self.begin_destroy()
        try:
            self.stacks.delete(self.stack_id, on_event=on_event)
        finally:
            self.refresh()
        return self

    def begin_destroy(self, *, revision: int | None = None) -> Cluster:
        """Begin the same. An operation under way is asked to stop; whoever carries it on then removes the cluster.

        Raises `StalePlanError` when the cluster is of another revision than is named.
        """
        self._of_revision(revision)
        for _ in range(_TRIES):
            if self._began_to_destroy(self.stacks.mine(self.stack_id)):
                return self.refresh()
        raise StackBusyError(f"cluster {self.name} is busy; try again")

    def _began_to_destroy(self, state: StackState) -> bool:
        """Begin to remove the cluster, or ask for it; False when it has moved on in the meantime."""
        if state.status in {StackStatus.DELETE_COMPLETE, StackStatus.DELETE_IN_PROGRESS}:
            return True
        if state.protected:
            raise StackError(f"cluster {state.name} is protected: take its stack's termination protection away first")
        submit = carrier(self._submit)
        try:
            begun = self.stacks.operations.delete(state)
        except StackBusyError:
            try:
                self.stacks.store.ask(state.stack_id, "delete")
            except StackError:  # it has ended just now, or was protected
                time.sleep(_SHORTLY_S)
                return False
            return True
        if begun is not None:
            submit(begun)
        return True

    # Within

    @property
    def blueprint(self) -> Blueprint:
        """How the cluster is read in its stack's template."""
        found = blueprint_of_state(self._state)
        if found is None:
            raise StackNotFoundError(f"stack {self._state.name} is no cluster any more")
        return found

    def _agents(self) -> int:
        self.refresh()
        agents = self.config.agents
        if agents is None:
            raise StackError(f"the template of cluster {self.name} has no number of agents")
        return agents

    def _of_revision(self, revision: int | None) -> None:
        self.refresh()
        if revision is not None and revision != self.revision:
            raise StalePlanError(f"cluster {self.name} is of revision {self.revision}, not {revision}: look again")

    def _carry(
        self, change: _Change | None, on_event: Observer | None, on_plan: Callable[[Plan], None] | None
    ) -> Cluster:
        if change is None:
            return self
        try:
            self.stacks.update(
                self.stack_id, change.template, change.values, tags=change.tags, on_event=on_event, on_plan=on_plan
            )
        except NoUpdatesError:
            pass
        finally:
            self.refresh()
        return self

    def _begin(self, change: _Change | None) -> Cluster:
        if change is None:
            return self
        submit = carrier(self._submit)
        present = self.stacks.mine(self.stack_id)
        terms = {"token": None} if change.tags is None else {"token": None, "tags": dict(change.tags)}
        wanted = changed_state(present, change.template, change.values, terms)
        with suppress(NoUpdatesError):
            submit(self.stacks.operations.update(wanted, revision=self._state.revision))
        return self.refresh()

    def _change(self, config: ClusterConfig) -> _Change | None:
        """What makes the cluster what a configuration says; None when it is that."""
        state, present = self._state, self.blueprint
        blueprint = present if config.template is None else wanted_blueprint(config)
        faults = []
        if config.name != state.name:
            faults.append(Fault(("name",), f"is {config.name}; a cluster keeps its name, which is {state.name}"))
        if config.kind not in {None, present.kind}:
            faults.append(Fault(("kind",), f"is {config.kind}; the cluster is one of {present.kind}"))
        if faults:
            raise ClusterConfigError(faults)
        values = {name: text for name, text in blueprint.values(config).items() if text != _KEPT}
        secret = {name for name, one in blueprint.template.parameters.items() if one.no_echo}
        kept = {name: value for name, value in state.parameters.items() if name in secret}
        bound, diagnostics = blueprint.template.bind({**kept, **values})
        if diagnostics.errors:
            raise TemplateError(list(diagnostics))
        before = present.shown(state)
        changed = {
            name: one.text for name, one in bound.items() if name not in secret and one.text != before.get(name)
        }
        for option in sorted(blueprint.fixed):
            if blueprint.parameters[option] in changed:
                was = before.get(blueprint.parameters[option])
                faults.append(Fault((option,), f"is settled when a cluster is launched: {option} is {was} here"))
        if faults:
            raise ClusterConfigError(faults)
        changed |= {name: text for name, text in values.items() if name in secret}
        tags = dict(config.tags or {})
        if not changed and tags == state.terms.tags and blueprint.template.text == state.template:
            return None
        return _Change(None if config.template is None else blueprint.template, changed, tags)

    def __repr__(self) -> str:
        return f"<cluster {self.name}: {self.state.value}, {len(self.machines)} machines>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(one.name)}</td><td>{escape(one.role)}</td><td>{escape(one.state)}</td>"
            f"<td>{escape(one.private_address or '')}</td><td>{escape(one.public_address or '')}</td></tr>"
            for one in self.machines
        )
        heads = "".join(f"<th>{head}</th>" for head in ("machine", "role", "state", "address", "public address"))
        return f"<div><b>{escape(self.name)}</b> {self.state.value}<table><tr>{heads}</tr>{rows}</table></div>"


def carrier(submit: Submit | None) -> Submit:
    """What takes an operation that nobody waits for. Raises `StackError` when there is nothing."""
    if submit is None:
        raise StackError("nothing carries on what is not waited for: make Clusters with a submit")
    return submit


def _positive(count: int) -> int:
    if count < 1:
        raise StackError(f"the number of nodes is 1 or more, not {count}")
    return count
