"""A cloud in memory: things, jobs that take time, and a schedule of faults.

It knows no resource type. It carries out `Call` values by what they say of themselves: a call that CREATES makes a
thing of the kind that its check would list, one that REMOVES takes away what its check would find, and whatever a
check looks for is made true when the call has its effect. So the fake serves every type there is or will be, and a
type whose check cannot tell its effect shows up as a wrong result here too.

What it does insist on is what makes a wrong order or a doubled call visible: a thing that others refer to cannot be
removed, a reference to a thing that is not there is refused, and so is a second thing under a unique name.

The world outlives the driver: a test kills an engine, and lets another one go on with the same cloud.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from threading import RLock
from typing import TYPE_CHECKING, Any

from attrs import define, evolve

from cfnlib.drivers.base import Answer, VirtualClock
from cfnlib.drivers.memory_book import CATALOGUE, Book, Thing, listed, make_true, make_untrue, states_of
from cfnlib.drivers.memory_faults import Fault, Trouble
from cfnlib.errors import (
    ConflictError,
    InUseError,
    InvalidRequestError,
    LimitError,
    NotFoundError,
    UnknownOutcomeError,
)
from cfnlib.schema.calls import Effect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cfnlib.drivers.base import Clock
    from cfnlib.errors import CloudError
    from cfnlib.schema.calls import Call, Find

UNIQUE = frozenset({"virtualmachine", "sshkeypair", "securitygroup", "affinitygroup", "userdata"})
"""The keys of listings in which a name occurs once. Source: CloudStack 4.19; a network's name may occur twice."""

SYNCHRONOUS = frozenset(
    {
        "createNetwork",
        "createSSHKeyPair",
        "registerSSHKeyPair",
        "deleteSSHKeyPair",
        "createSecurityGroup",
        "deleteSecurityGroup",
        "updateVirtualMachine",
    }
)
"""Commands answered with the result itself. Source: CloudStack 4.19, listApis, `isasync`."""

_LIST_KEYS = {"ipaddress": "publicipaddress", "keypair": "sshkeypair"}
_DELETING = ("delete", "destroy", "release", "disassociate", "revoke", "expunge")
_MINTED = "00000000-0000-4000-8000-"


@define
class Job:
    """A job: what it will have done at `ends_at`, unless there is an `error`."""

    job_id: str
    ends_at: float
    thing_id: str | None
    effect: Callable[[], None]
    error: CloudError | None = None
    lost: bool = False
    ended: bool = False


class MemoryCloud:
    """The world. `things` by id; `calls` counts what was asked, by command.

    `job_s` is how long a job takes, as a number or a function of the command; each job takes up to a quarter more or
    less. `names` are the things of the provider, as `{kind: {name: id}}`. `limits` says how many things there may
    be of a family (`{"virtualmachine": 20}`).
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        job_s: float | Callable[[str], float] = 3.0,
        faults: Sequence[Fault] = (),
        limits: Mapping[str, int] | None = None,
        names: Mapping[str, Mapping[str, str]] | None = None,
        seed: int = 0,
    ) -> None:
        self.clock: Clock = clock if clock is not None else VirtualClock()
        self.faults = list(faults)
        self.limits = dict(limits or {})
        self.names = {kind: dict(found) for kind, found in (CATALOGUE if names is None else names).items()}
        self.addresses = [f"198.51.{third}.{last}" for third in (100, 101) for last in range(1, 255)]
        self.book = Book()
        self.jobs: dict[str, Job] = {}
        self.calls: Counter[str] = Counter()
        self.lock = RLock()
        self._job_s = job_s if callable(job_s) else lambda _: job_s
        self._random = random.Random(seed)  # noqa: S311 - a repeatable world, no secrets
        self._due: list[tuple[float, str]] = []
        self._met: Counter[int] = Counter()
        self._count = 0

    @property
    def things(self) -> dict[str, Thing]:
        """Every thing there is, by id."""
        return self.book.things

    # Looking

    def records(self, family: str) -> list[dict[str, Any]]:
        """The records of a family (`virtualmachine`, `network`, ...), as they are now."""
        with self.lock:
            self.settle()
            return [dict(thing.record) for thing in self.book.family(family).values()]

    def rows(self, find: Find) -> list[Mapping[str, Any]]:
        """What a listing shows."""
        with self.lock:
            self.settle()
            return self.book.rows(find) or find.select(self._provided(find.key))

    def _provided(self, kind: str) -> list[dict[str, Any]]:
        """What the provider has of a kind, as listed."""
        rows: list[dict[str, Any]] = [{"id": key, "name": name} for name, key in self.names.get(kind, {}).items()]
        if kind == "diskoffering":
            custom = self.names.get("customdiskoffering", {})
            rows += [{"id": key, "name": name, "iscustomized": True} for name, key in custom.items()]
        return rows

    def settle(self) -> None:
        """Let every job end whose time has come."""
        with self.lock:
            now = self.clock.now()
            while self._due and self._due[0][0] <= now:
                job = self.jobs[heapq.heappop(self._due)[1]]
                job.ended = True
                if job.error is None:
                    job.effect()
                else:
                    self._spoil(job.thing_id)

    def free_addresses(self) -> list[str]:
        """The public addresses that nobody has, in no particular order."""
        with self.lock:
            taken = {record.get("ipaddress") for record in self.records("publicipaddress")}
            free = [address for address in self.addresses if address not in taken]
            self._random.shuffle(free)
            return free

    def under_way(self) -> set[str]:
        """The ids of the things for which a job has not ended."""
        with self.lock:
            self.settle()
            return {job.thing_id for _, job_id in self._due if (job := self.jobs[job_id]).thing_id is not None}

    # Doing

    def add(self, family: str, **record: Any) -> str:  # noqa: ANN401 - a record of the cloud
        """Put a thing there that nobody asked for by a call (a stranger's); gives its id."""
        with self.lock:
            thing_id = str(record.pop("id", None) or self._mint())
            state = states_of(family)[1]
            self.book.enter(Thing(thing_id, family, {"id": thing_id, "state": state, **record}))
            return thing_id

    def remove(self, thing_id: str) -> None:
        """Take a thing away behind everybody's back."""
        with self.lock:
            self.book.leave(thing_id)

    def perform(self, call: Call) -> Answer:
        """Carry out a call, or raise what the cloud would answer."""
        with self.lock:
            self.settle()
            self.calls[call.command] += 1
            fault = self._fault(call)
            trouble = fault.trouble if fault else None
            if fault and trouble is Trouble.REFUSED:
                raise fault.exception(call.command)
            if trouble is Trouble.CALL_LOST:
                raise _unknown(call.command)
            answer = self._perform(call, fault)
            if trouble is Trouble.ANSWER_LOST:
                raise _unknown(call.command)
            return answer

    def _perform(self, call: Call, fault: Fault | None) -> Answer:
        self._check_references(call)
        given = str(call.params.get("id", ""))
        known = self.book.things.get(given)
        nested = call.check is not None and call.check.nested
        if given.startswith(_MINTED) and known is None and not nested:
            raise _missing(call.command, given)
        thing_id, effect, error = known.thing_id if known else None, _nothing, None
        if call.command == "createTags":
            effect = self._tagging(call)
        elif call.command == "deleteTags":
            effect = self._untagging(call)
        elif call.effect is Effect.REMOVES:
            effect, error = self._removal(call, known)
        elif call.effect is Effect.CREATES and (known is None or known.family != _family(call)):
            thing_id = self._creation(call)
            effect = self._finishing(thing_id)
        else:
            effect = self._change(call, known)
        if fault and fault.trouble is Trouble.JOB_FAILED:
            error = fault.exception(call.command)
        return self._answer(call, thing_id, effect, error, fault)

    def _answer(
        self,
        call: Call,
        thing_id: str | None,
        effect: Callable[[], None],
        error: CloudError | None,
        fault: Fault | None,
    ) -> Answer:
        thing = self.book.things.get(thing_id) if thing_id else None
        physical_id = str(thing.record["id"]) if thing and call.effect is Effect.CREATES else None
        if call.command in SYNCHRONOUS:
            if error is not None:
                self._spoil(thing_id)
                raise error
            effect()
            return Answer(physical_id, None, dict(thing.record) if thing else {})
        seconds = self._job_s(call.command) * self._random.uniform(0.75, 1.25)
        seconds *= fault.factor if fault and fault.trouble is Trouble.SLOW else 1.0
        job = Job(self._mint(), self.clock.now() + seconds, thing_id, effect, error)
        job.lost = bool(fault and fault.trouble is Trouble.JOB_LOST)
        self.jobs[job.job_id] = job
        heapq.heappush(self._due, (job.ends_at, job.job_id))
        return Answer(physical_id, job.job_id)

    def _creation(self, call: Call) -> str:
        family = _family(call)
        name = str(call.params.get("name") or call.params.get("ipaddress") or "")
        taken = family in UNIQUE or "ipaddress" in call.params
        if name and taken and self.book.named(family, name):
            raise ConflictError(f"{call.command}: {name} already exists", command=call.command, code=431)
        limit = self.limits.get(family)
        if limit is not None and len(self.book.family(family)) >= limit:
            raise LimitError(f"{call.command}: the account may have {limit}", command=call.command, code=535)
        thing_id = self._mint()
        record = {key: value for key, value in call.params.items() if key != "id" and not isinstance(value, list)}
        record |= {"id": thing_id, "state": states_of(family)[0], "name": name}
        refers = (
            frozenset(item for value in call.params.values() for item in _ids_in(value)) & self.book.things.keys()
        )
        thing = Thing(thing_id, family, record, refers_to=refers, association="id" in call.params)
        make_true(thing, call.check, self._mint())
        self.book.enter(thing)
        return thing_id

    def _finishing(self, thing_id: str) -> Callable[[], None]:
        def finish() -> None:
            thing = self.book.things.get(thing_id)
            if thing is not None:
                thing.record["state"] = states_of(thing.family)[1]

        return finish

    def _change(self, call: Call, known: Thing | None) -> Callable[[], None]:
        def change() -> None:
            check, thing = call.check, self.book.things.get(known.thing_id) if known else None
            if known is not None and thing is None:
                return  # it went while the job ran
            if check is not None and (thing is None or thing.family != check.key):
                items = self.book.items(evolve(check, where={})) if "id" in check.params else []
                thing = next(iter(items), None)
                if thing is None and not self.book.matching(check):
                    thing_id = self._mint()
                    thing = Thing(thing_id, check.key, {"id": thing_id}, association=True)
                    self.book.enter(thing)
            elif thing is not None:
                plain = {key: value for key, value in call.params.items() if key != "id"}
                self.book.rename(thing, {**thing.record, **plain})
            if thing is not None:
                make_true(thing, check, self._mint())

        return change

    def _removal(self, call: Call, known: Thing | None) -> tuple[Callable[[], None], CloudError | None]:
        deleting = call.command.lower().startswith(_DELETING) and not (call.check and call.check.nested)
        found = [known] if known and deleting else self.book.matching(call.check) if call.check else []
        if not found:
            if call.check is not None:
                raise _missing(call.command, str(call.params.get("id") or call.params.get("name") or ""))
            return _nothing, None
        going = [thing.thing_id for thing in found]
        users = {user for thing_id in going for user in self.book.users(thing_id)} - set(going)
        if deleting and users:
            what = ", ".join(sorted(str(self.book.things[user].record.get("name", user)) for user in users)[:5])
            text = f"{call.command}: still used by {what}"
            return _nothing, InUseError(text, command=call.command, code=530, text=text)

        def remove() -> None:
            for thing_id in going:
                thing = self.book.things.get(thing_id)
                if thing is not None and (deleting or thing.association):
                    self.book.leave(thing_id)
                elif thing is not None and call.check is not None:
                    make_untrue(thing, call.check)

        return remove, None

    def _tagging(self, call: Call) -> Callable[[], None]:
        targets = self._tagged(call)
        pairs = {str(pair["key"]): str(pair["value"]) for pair in call.params.get("tags", ())}
        for thing in targets:
            double = next((key for key in pairs if key in thing.tags), None)
            if double is not None:
                text = f"createTags: tag {double} already on {thing.thing_id}"
                raise ConflictError(text, command=call.command, code=530, text=text)

        def tag() -> None:
            for thing in targets:
                thing.tags.update(pairs)

        return tag

    def _untagging(self, call: Call) -> Callable[[], None]:
        targets = self._tagged(call)
        keys = [str(pair["key"]) for pair in call.params.get("tags", ())]

        def untag() -> None:
            for thing in targets:
                for key in keys or list(thing.tags):
                    thing.tags.pop(key, None)

        return untag

    def _tagged(self, call: Call) -> list[Thing]:
        targets = []
        for thing_id in listed(call.params.get("resourceids")):
            thing = self.book.things.get(thing_id)
            if thing is None:
                raise _missing(call.command, thing_id)
            targets.append(thing)
        return targets

    def _spoil(self, thing_id: str | None) -> None:
        thing = self.book.things.get(thing_id or "")
        if thing is None or thing.record.get("state") != states_of(thing.family)[0]:
            return
        if thing.family == "virtualmachine":
            thing.record["state"] = states_of(thing.family)[2]
        else:
            self.book.leave(thing.thing_id)

    def _check_references(self, call: Call) -> None:
        for name, value in call.params.items():
            for item in _ids_in(value):
                if name not in ("id", "resourceids") and item not in self.book.things:
                    text = f"{call.command}: {name} {item} does not exist"
                    raise InvalidRequestError(text, command=call.command, code=431, text=text)

    def _fault(self, call: Call) -> Fault | None:
        for number, fault in enumerate(self.faults):
            if fault.meets(call):
                self._met[number] += 1
                if (fault.nth is None or self._met[number] in fault.nth) and self._random.random() < fault.share:
                    return fault
        return None

    def _mint(self) -> str:
        self._count += 1
        return f"{_MINTED}{self._count:012x}"


def _family(call: Call) -> str:
    return call.check.key if call.check is not None else _LIST_KEYS.get(call.key, call.key)


def _ids_in(value: object) -> Iterable[str]:
    for item in value if isinstance(value, (list, tuple)) else (value,):
        if isinstance(item, dict):
            yield from (found for inner in item.values() for found in _ids_in(inner))
        elif isinstance(item, str) and _MINTED in item:
            yield from (part for part in item.split(",") if part.startswith(_MINTED))


def _nothing() -> None:
    return None


def _missing(command: str, what: str) -> NotFoundError:
    return NotFoundError(f"{command}: {what} does not exist", command=command, code=431)


def _unknown(command: str) -> UnknownOutcomeError:
    return UnknownOutcomeError(f"{command}: no answer came back", command=command)
