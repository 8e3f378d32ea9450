"""A driver for the cloud in memory: thousands of operations a second, and no time passes but on its clock."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from cfnlib.drivers.base import Ended
from cfnlib.drivers.judge import Verdict, judge
from cfnlib.errors import CapacityError, JobFailedError, NotFoundError, UnknownOutcomeError
from cfnlib.schema.calls import Effect, Find, prepared
from cfnlib.schema.model import Facts, read_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cfnlib.drivers.base import Answer, Pending
    from cfnlib.drivers.memory_book import Thing
    from cfnlib.drivers.memory_cloud import MemoryCloud
    from cfnlib.schema.calls import Call
    from cfnlib.schema.model import ResourceType

_KIND_FAMILIES = {"keypair": "sshkeypair", "network": "network", "securitygroup": "securitygroup"}


class MemoryDriver:
    """The road to a `MemoryCloud`.

    `before` and `after` are called around each call that is submitted (`after` also when the call raised): a test
    raises there what a kill of the process would be, before or after the call had its effect.
    """

    def __init__(
        self,
        cloud: MemoryCloud,
        *,
        before: Callable[[Call], None] | None = None,
        after: Callable[[Call], None] | None = None,
    ) -> None:
        self.cloud = cloud
        self._before = before
        self._after = after
        self._handed_out: set[str] = set()

    def facts(self) -> Facts:
        """What a plan must know of this cloud."""
        names = self.cloud.names
        zone_name, zone_id = next(iter(names["zone"].items()))
        offering = next(iter(names.get("networkoffering", {}).values()), None)
        return Facts(zone_id, zone_name, security_groups=False, account="memory", network_offering_id=offering)

    def lookup(self, kind: str, name: str) -> str:
        """The id of the thing of this kind with this name. Raises `NotFoundError`."""
        known = self.cloud.names.get(kind, {})
        if name in known:
            return known[name]
        if name in known.values():
            return name
        family = _KIND_FAMILIES.get(kind, kind)
        thing = self.cloud.things.get(name)
        if thing is not None and thing.family == family:
            return name
        found = self.cloud.rows(Find("list", family, {}, {"name": name}))
        if found:
            return str(found[0]["id"])
        near = get_close_matches(name, list(known), n=3, cutoff=0.4)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise NotFoundError(f"there is no {kind} {name!r}{hint}")

    def prepare(self, call: Call) -> Call | None:
        """The call with everything chosen; None when it removes what is not there. Raises `NotFoundError`."""

        def first(find: Find, name: str) -> Any:  # noqa: ANN401 - a field of a record
            return next((read_path(row, name) for row in self.find(find)), None)

        try:
            return prepared(call, first, self._free_address)
        except LookupError as error:
            raise NotFoundError(str(error), command=call.command) from error

    def submit(self, call: Call, until: float | None = None) -> Answer:  # noqa: ARG002 - nothing is between
        """Make the call."""
        if self._before is not None:
            self._before(call)
        try:
            return self.cloud.perform(call)
        finally:
            if self._after is not None:
                self._after(call)

    def find(self, find: Find) -> list[Mapping[str, Any]]:
        """The rows of the listing that match."""
        return [dict(row) for row in self.cloud.rows(find)]

    def poll(self, pending: Sequence[Pending]) -> list[Ended]:
        """Those of the pending calls that have ended."""
        with self.cloud.lock:
            busy = self.cloud.under_way()
            found = [self._ended(item, busy) for item in pending]
        return [ended for ended in found if ended is not None]

    def read(self, resource: ResourceType, physical_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """The records of things by id; what does not exist is absent."""
        with self.cloud.lock:
            self.cloud.settle()
            found = {physical_id: self._record(resource, physical_id) for physical_id in physical_ids}
        return {physical_id: record for physical_id, record in found.items() if record is not None}

    def cancel(self, job_id: str) -> bool:  # noqa: ARG002 - a job of this cloud cannot be given up, as on CloudStack
        """Never: this cloud has no way to give up a job."""
        return False

    def close(self) -> None:
        """There is nothing to give back; the cloud lives on."""

    def _ended(self, pending: Pending, busy: set[str]) -> Ended | None:
        job = self.cloud.jobs.get(pending.job_id or "")
        record = self._record(pending.resource, pending.physical_id)
        if job is not None and not job.lost:
            if not job.ended:
                return None
            if job.error is not None:
                return Ended(pending.key, record or {}, job.error)
            return Ended(pending.key, {} if pending.call.effect is Effect.REMOVES else record or {})
        if pending.physical_id in busy:
            return None
        return self._judged(pending, record)

    def _judged(self, pending: Pending, record: Mapping[str, Any] | None) -> Ended | None:
        verdict = judge(pending, record)
        if verdict is Verdict.DONE:
            return Ended(pending.key, record or {})
        command = pending.call.command
        if verdict is Verdict.FAILED:
            return Ended(
                pending.key, record or {}, JobFailedError(f"{command}: the thing is in error", command=command)
            )
        if verdict is Verdict.UNDER_WAY:
            return None
        error = UnknownOutcomeError(f"{command}: the cloud does not know its job", command=command)
        return Ended(pending.key, record or {}, error)

    def _record(self, resource: ResourceType, physical_id: str | None) -> dict[str, Any] | None:
        thing = self.cloud.things.get(physical_id or "")
        return _as_listed(thing, resource) if thing is not None else None

    def _free_address(self) -> str:
        with self.cloud.lock:
            free = self.cloud.free_addresses()
            address = next((found for found in free if found not in self._handed_out), None)
            if address is None:
                raise CapacityError("no free public address is left in the zone", command="listPublicIpAddresses")
            self._handed_out.add(address)
            return address


def _as_listed(thing: Thing, resource: ResourceType) -> dict[str, Any]:
    """The thing's record, its state in the words of its type."""
    record = {**thing.record, "tags": [{"key": key, "value": value} for key, value in thing.tags.items()]}
    read = resource.native.read if resource.native else None
    if read is not None and read.state is not None and thing.is_ready and record.get(read.state) not in read.ready:
        record[read.state] = min(read.ready, default=record.get(read.state))
    return record
