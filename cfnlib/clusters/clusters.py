"""`Clusters`: launches, finds and lists clusters.

It is a thin face on `Stacks`. What waits uses its blocking methods; what does not wait writes the operation down
and gives it to `submit`, which carries it on: a worker of the service, or a thread of the caller's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import evolve

from cfnlib.clusters.blueprint import blueprint_of_state, wanted_blueprint
from cfnlib.clusters.cluster import Cluster, carrier
from cfnlib.clusters.config import MAX_NAME, ClusterConfig, as_config
from cfnlib.clusters.declared import ClusterConfigError, Fault
from cfnlib.clusters.shown import cluster_id_of
from cfnlib.errors import StackExistsError, StackNotFoundError
from cfnlib.state.model import Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cfnlib.operations import Begun
    from cfnlib.plan.change import Plan
    from cfnlib.stacks import Stacks
    from cfnlib.state.model import Event
    from cfnlib.state.model import Stack as StackState

    Observer = Callable[[Event], None]

_ID = re.compile(r"(.+)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Clusters:
    """The clusters among the stacks of an account.

    `submit` takes operations that nobody waits for, and sees to it that each is carried on, for example
    `lambda begun: pool.submit(stacks.operations.carry_on, begun)` with a `ThreadPoolExecutor`.
    """

    def __init__(self, stacks: Stacks, *, submit: Callable[[Begun], object] | None = None) -> None:
        self.stacks = stacks
        self._submit = submit

    def launch(
        self,
        config: ClusterConfig | Mapping[str, Any],
        *,
        wait: bool = True,
        on_event: Observer | None = None,
        on_plan: Callable[[Plan], None] | None = None,
    ) -> Cluster:
        """Make a cluster, and wait until it is there, unless told not to (see `begin_launch`).

        Raises `ClusterConfigError`, and what `Stacks.create` raises.
        """
        if not wait:
            return self.begin_launch(config)
        wanted = _new(config)
        blueprint = wanted_blueprint(wanted)
        made = self.stacks.create(
            wanted.name,
            blueprint.template,
            blueprint.values(wanted),
            tags=wanted.tags,
            on_event=on_event,
            on_plan=on_plan,
        )
        return Cluster(self.stacks, made.stack_id, submit=self._submit)

    def begin_launch(self, config: ClusterConfig | Mapping[str, Any], *, token: str | None = None) -> Cluster:
        """Begin to make a cluster. One that was launched under the same token (the client's mark) is given again.

        Raises as `launch` does; `StackExistsError` also for the token of a launch with another configuration.
        """
        state = self._new_state(_new(config), token)
        submit = carrier(self._submit)
        try:
            begun = self.stacks.operations.create(state)
        except StackExistsError:
            found = self._launched_before(state)
            if found is None:
                raise
            return found
        submit(begun)
        return self._cluster(state)

    def launched(self, config: ClusterConfig | Mapping[str, Any], *, token: str) -> Cluster | None:
        """The cluster that `begin_launch` would give again, None when it would make one. Raises as it does."""
        return self._launched_before(self._new_state(_new(config), token))

    def __getitem__(self, name: str) -> Cluster:
        """The cluster of this name or id, or of this stack id. Raises `StackNotFoundError`."""
        for find in (self._by_id, self._by_name):
            found = find(name)
            if found is not None and blueprint_of_state(found):
                return self._cluster(found)
        raise StackNotFoundError(f"there is no cluster {name}")

    def list(self) -> Sequence[Cluster]:
        """All clusters, oldest first."""
        return [self._cluster(state) for state in self.stacks.states() if blueprint_of_state(state)]

    def _new_state(self, wanted: ClusterConfig, token: str | None) -> StackState:
        blueprint = wanted_blueprint(wanted)
        state = self.stacks.operations.new(wanted.name, blueprint.template, blueprint.values(wanted))
        return evolve(state, terms=Terms(tags=dict(wanted.tags or {}), token=token))

    def _cluster(self, state: StackState) -> Cluster:
        return Cluster(self.stacks, state.stack_id, state, submit=self._submit)

    def _by_name(self, name: str) -> StackState | None:
        try:
            return self.stacks.store.stack(self.stacks[name].stack_id)
        except StackNotFoundError:
            return None

    def _by_id(self, name: str) -> StackState | None:
        parts = _ID.fullmatch(name)
        if parts is None:
            return None
        found = self._by_name(parts[1])
        if found is not None and cluster_id_of(found.stack_id) == name:
            return found
        deleted = self.stacks.states(deleted=True)
        return next((state for state in deleted if cluster_id_of(state.stack_id) == name), None)

    def _launched_before(self, wanted: StackState) -> Cluster | None:
        """The cluster of this name, if it was launched under the same token, and as the same unless changed since."""
        found = self._by_name(wanted.name)
        if found is None or wanted.terms.token is None or blueprint_of_state(found) is None:
            return None
        # The stack has the token of its last operation, its first event that of the launch; the stack comes first.
        first = self.stacks.store.events(found.stack_id, limit=1)
        if wanted.terms.token != (first[0].token if first else found.terms.token):
            return None
        given = (wanted.template, wanted.parameters, wanted.terms.tags)
        if not found.revision and given != (found.template, found.parameters, found.terms.tags):
            return None
        return self._cluster(found)


def _new(config: ClusterConfig | Mapping[str, Any]) -> ClusterConfig:
    wanted = as_config(config)
    if len(wanted.name) > MAX_NAME:
        raise ClusterConfigError([Fault(("name",), f"has {len(wanted.name)} characters, and may have {MAX_NAME}")])
    return wanted
