"""The state of the simulated cloud: things of a kind, found by uuid or by an indexed field, and what changed.

A thing is a `Entity`: a dict of plain JSON values, so that it can be stored as it is; one thing names another by
uuid. Every change goes through `World.change`, which keeps the indexes, the set of what a store has still to write,
and the stamps by which a rendered answer is known to be stale. Most CloudStack things are only marked as removed:
their uuid is still known (a second delete says so in other words than an unknown uuid), but nothing lists them.
"""

from __future__ import annotations

import heapq
import random
import threading
import time
import uuid
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# Fields by whose value things of a kind are looked up. A value that is a list puts the thing under each element.
INDEXES: Final[dict[str, tuple[str, ...]]] = {
    "virtualmachine": ("name", "account", "groups", "affinity", "group"),
    "nic": ("vm", "network", "addresses"),
    "volume": ("vm", "account"),
    "network": ("account", "vpc"),
    "publicip": ("network", "account", "address", "vpc", "free_in", "vm"),
    "firewallrule": ("ip", "network"),
    "portforwardingrule": ("ip", "vm", "network"),
    "loadbalancerrule": ("ip", "network", "vms"),
    "stickinesspolicy": ("rule",),
    "tag": ("resource", "key"),
    "user": ("account", "apikey"),
    "account": ("domain", "name"),
    "keypair": ("account", "name"),
    "affinitygroup": ("account",),
    "securitygroup": ("account",),
    "securityrule": ("group",),
    "router": ("network", "vpc"),
    "job": ("pending_of",),
    "snapshot": ("volume",),
    "vmsnapshot": ("vm",),
    "resourcelimit": ("owner",),
    "event": ("account",),
    "instancegroup": ("account",),
    "userdata": ("account",),
    "hostload": ("host", "zone"),
    "networkacl": ("list",),
    "networkacllist": ("vpc",),
}
# Things that change all the time and that only their own virtual machine shows; any other change makes every
# rendered answer stale.
FINE_GRAINED: Final = frozenset(
    {"virtualmachine", "nic", "volume", "tag", "job", "event", "publicip", "firewallrule", "hostload"}
)
# Kinds that leave no trace when they are deleted.
FORGOTTEN: Final = frozenset(
    {
        "firewallrule",
        "portforwardingrule",
        "loadbalancerrule",
        "tag",
        "securityrule",
        "keypair",
        "nic",
        "stickinesspolicy",
        "securitygroup",
        "networkacl",
        "networkacllist",
    }
)


class Entity(dict[str, Any]):
    """One thing. `number` is CloudStack's internal id (the texts of some errors show it); `seq` orders all things."""

    __slots__ = ("kind", "number", "removed", "seq", "stamp", "views")

    def __init__(self, kind: str, number: int, seq: int, fields: dict[str, Any], *, removed: bool = False) -> None:
        super().__init__(fields)
        self.kind = kind
        self.number = number
        self.seq = seq
        self.removed = removed
        self.stamp = 0
        self.views: dict[bool, tuple[tuple[int, int], object]] = {}

    @property
    def uuid(self) -> str:
        """The id by which clients know it."""
        return str(self["id"])

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


class World:
    """All things of the simulated cloud, and its clock. Look at it under `lock`; the public methods take it."""

    def __init__(self, clock: Callable[[], float] = time.time, seed: int | None = None) -> None:
        self.lock = threading.RLock()
        self.random = random.Random(seed)
        self._seed = seed
        self._clock = clock
        self._moment: float | None = None
        self._live: dict[str, dict[str, Entity]] = defaultdict(dict)
        self._gone: dict[str, dict[str, Entity]] = defaultdict(dict)
        self._index: dict[tuple[str, str], dict[Any, dict[str, Entity]]] = defaultdict(lambda: defaultdict(dict))
        self._numbers: dict[str, int] = defaultdict(int)
        self._seq = 0
        self.dirty: dict[tuple[str, str], Entity] = {}
        self.forgotten: set[tuple[str, str]] = set()
        self.coarse_stamp = 0
        self._stamps = 0
        self._due: list[tuple[float, int, str, str]] = []
        self._turn = 0
        self.on_due: Callable[[Entity, str], None] | None = None

    # -- time

    @property
    def now(self) -> float:
        """Seconds since the epoch: the clock's, or the due time of what is being carried out."""
        return self._clock() if self._moment is None else self._moment

    def schedule(self, at: float, job: str, phase: str) -> None:
        """Have `phase` of the job (or timer) with that uuid carried out when the clock has reached `at`."""
        self._turn += 1
        heapq.heappush(self._due, (at, self._turn, job, phase))

    def advance(self) -> None:
        """Carry out everything that is due by now, in the order in which it fell due."""
        due = self._due
        if not due or due[0][0] > (now := self._clock()):
            return
        try:
            while due and due[0][0] <= now:
                at, _, job_uuid, phase = heapq.heappop(due)
                job = self._live["job"].get(job_uuid) or self._live["timer"].get(job_uuid)
                if job is not None and self.on_due is not None:
                    self._moment = at
                    self.on_due(job, phase)
        finally:
            self._moment = None

    # -- looking

    def live(self, kind: str) -> list[Entity]:
        """The things of a kind that are not removed, oldest first; what is due by now has been carried out."""
        with self.lock:
            if self._moment is None:
                self.advance()
            return list(self._live[kind].values())

    def each(self, kind: str) -> Iterable[Entity]:
        """Like `live` but without a copy and without a look at the clock: for use inside a command."""
        return self._live[kind].values()

    def get(self, kind: str, uuid_: str | None) -> Entity | None:
        """The thing with that uuid unless it is removed."""
        return self._live[kind].get(uuid_ or "")

    def need(self, kind: str, uuid_: str) -> Entity:
        """The thing with that uuid, removed or not; references inside the world never dangle: KeyError is a bug."""
        return self._live[kind].get(uuid_) or self._gone[kind][uuid_]

    def known(self, kind: str, uuid_: str) -> Entity | None:
        """The thing with that uuid, removed or not, or None if there never was one."""
        return self._live[kind].get(uuid_) or self._gone[kind].get(uuid_)

    def known_anywhere(self, uuid_: str) -> Entity | None:
        """The thing with that uuid whatever its kind."""
        for tables in (self._live, self._gone):
            for kind, table in tables.items():
                if uuid_ in table and kind != "job":
                    return table[uuid_]
        return None

    def by(self, kind: str, field: str, value: object) -> list[Entity]:
        """The things of a kind whose indexed field has (or contains) that value, oldest first."""
        found = self._index[kind, field].get(value)
        return list(found.values()) if found else []

    def first(self, kind: str, field: str, value: object) -> Entity | None:
        """The oldest of what `by` would give."""
        found = self._index[kind, field].get(value)
        return next(iter(found.values())) if found else None

    def count(self, kind: str, field: str, value: object) -> int:
        """How many `by` would give."""
        return len(self._index[kind, field].get(value, ()))

    # -- changing

    def new_uuid(self) -> str:
        """A random uuid; the same sequence for the same seed."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def add(self, kind: str, **fields: Any) -> Entity:  # noqa: ANN401 (fields are any JSON values)
        """A new thing, with an `id` and a `created` time unless they are given."""
        self._numbers[kind] += 1
        self._seq += 1
        if "id" not in fields:
            fields["id"] = self.new_uuid()
        fields.setdefault("created", self.now)
        entity = Entity(kind, self._numbers[kind], self._seq, fields)
        self._put(entity)
        self._mark(entity)
        return entity

    def change(self, entity: Entity, **fields: Any) -> None:  # noqa: ANN401 (fields are any JSON values)
        """Set fields of a thing; None takes a field away."""
        names, before = INDEXES.get(entity.kind, ()), entity.get("vm")
        for name, value in fields.items():
            if name in names and not entity.removed:
                self._unindex(entity, name)
            if value is None:
                entity.pop(name, None)
            else:
                entity[name] = value
            if name in names and not entity.removed:
                self._enindex(entity, name)
        self._mark(entity)
        if before is not None and before != entity.get("vm"):
            self.touch(before)

    def remove(self, entity: Entity) -> None:
        """Take a thing out of every listing; most kinds stay known as removed."""
        if entity.removed:
            return
        for name in INDEXES.get(entity.kind, ()):
            self._unindex(entity, name)
        self._live[entity.kind].pop(entity.uuid, None)
        entity.removed = True
        if entity.kind in FORGOTTEN:
            self.forgotten.add((entity.kind, entity.uuid))
            self._mark(entity)
            self.dirty.pop((entity.kind, entity.uuid), None)
        else:
            self._gone[entity.kind][entity.uuid] = entity
            self._mark(entity)

    def go_on(self) -> None:
        """Say that all that was stored is restored: random uuids go on where no earlier run has been."""
        if self._seed is not None:
            self.random.seed(f"{self._seed} {self._seq}")

    def restore(self, entity: Entity) -> None:
        """Take in a thing read from a store."""
        self._numbers[entity.kind] = max(self._numbers[entity.kind], entity.number)
        self._seq = max(self._seq, entity.seq)
        if entity.removed:
            self._gone[entity.kind][entity.uuid] = entity
        else:
            self._put(entity)

    def start_numbers(self, kind: str, at: int) -> None:
        """Let the next thing of a kind have an internal id of at least `at`."""
        self._numbers[kind] = max(self._numbers[kind], at - 1)

    def touch(self, vm_uuid: str | None) -> None:
        """Say that an answer about this machine is stale for a reason its own fields do not show."""
        machine = self._live["virtualmachine"].get(vm_uuid or "")
        if machine is not None:
            self._stamps += 1
            machine.stamp = self._stamps

    def _touch_any(self, uuid_: str) -> None:
        self._stamps += 1
        for kind in ("virtualmachine", "network"):
            entity = self._live[kind].get(uuid_)
            if entity is not None:
                entity.stamp = self._stamps

    def _mark(self, entity: Entity) -> None:
        self.dirty[entity.kind, entity.uuid] = entity
        self._stamps += 1
        entity.stamp = self._stamps
        if entity.kind in FINE_GRAINED:
            if entity.kind == "tag":
                self._touch_any(entity["resource"])
            elif entity.kind != "virtualmachine":
                self.touch(entity.get("vm"))
        else:
            self.coarse_stamp = self._stamps

    def _put(self, entity: Entity) -> None:
        self._live[entity.kind][entity.uuid] = entity
        for name in INDEXES.get(entity.kind, ()):
            self._enindex(entity, name)

    def _keys(self, entity: Entity, name: str) -> Iterator[Any]:
        value = entity.get(name)
        if isinstance(value, list):
            yield from value
        elif value is not None:
            yield value

    def _enindex(self, entity: Entity, name: str) -> None:
        for key in self._keys(entity, name):
            self._index[entity.kind, name][key][entity.uuid] = entity

    def _unindex(self, entity: Entity, name: str) -> None:
        for key in self._keys(entity, name):
            under = self._index[entity.kind, name]
            under[key].pop(entity.uuid, None)
            if not under[key]:
                del under[key]
