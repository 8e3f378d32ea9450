"""CloudStack as a `Driver`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Any

from cfnlib.drivers.base import Answer
from cfnlib.drivers.cloudstack import errors
from cfnlib.drivers.cloudstack.addresses import FreeAddresses
from cfnlib.drivers.cloudstack.client import PAGE_SIZE, Client
from cfnlib.drivers.cloudstack.jobs import Poll, failure_in, record_in, secrets_of
from cfnlib.drivers.cloudstack.lookups import Lookups
from cfnlib.drivers.cloudstack.tags import kept_params, told_value
from cfnlib.drivers.judge import is_gone
from cfnlib.errors import CapacityError, ConflictError, NotFoundError
from cfnlib.schema.calls import Effect, prepared
from cfnlib.schema.model import read_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cfnlib.config import Config
    from cfnlib.drivers.base import Ended, Pending
    from cfnlib.schema.calls import Call, Find
    from cfnlib.schema.model import Facts, Read, ResourceType

ASKED_AT_ONCE = 8
"""How many single questions of one poll or one read are under way at a time."""

_OF_NO_PROJECT = ("assign", "listAsyncJobs", "listZones", "listProjects", "listDomains", "listAccounts")
"""Commands for which a project id has another meaning or none. Source: CloudStack 4.19, listApis."""


class CloudStackDriver:
    """The road to a CloudStack, for one account (and one project, when the configuration names it).

    Takes a `Config` that has an endpoint, or a `Client`. Raises `ConfigError` when there is no endpoint.
    """

    def __init__(self, config: Config | Client) -> None:
        self.client = config if isinstance(config, Client) else Client(config)
        project_id = self.client.config.project_id
        self._scope: dict[str, Any] = {"projectid": project_id} if project_id else {}
        self._lookups = Lookups(self.client, self._scope)
        self._addresses = FreeAddresses(self.client)
        self._lock = Lock()
        self._pool: ThreadPoolExecutor | None = None

    def facts(self) -> Facts:
        """What a plan must know of the zone and this account. Asked for once."""
        return self._lookups.facts()

    def lookup(self, kind: str, name: str) -> str:
        """The id of the thing of this kind with this name, alias or id. Raises `NotFoundError`."""
        return self._lookups.lookup(kind, name)

    def prepare(self, call: Call) -> Call | None:
        """The call with everything chosen; None when it removes what is not there. Raises `NotFoundError`."""

        def first(find: Find, name: str) -> Any:  # noqa: ANN401 - a field of a record
            return next((read_path(row, name) for row in self.find(find)), None)

        try:
            return prepared(call, first, lambda: self._addresses.take(self.facts().zone_id))
        except LookupError as error:
            raise NotFoundError(str(error), command=call.command) from None

    def submit(self, call: Call, until: float | None = None) -> Answer:
        """Make the call, once, and not any more from `until` on."""
        secrets = secrets_of(call)
        params = self._scoped(call.command, call.params)
        if call.command == "createTags":
            params = kept_params(params)
        try:
            answer = self.client.call(call.command, params, secrets=secrets, until=until)
        except (CapacityError, ConflictError) as error:
            address = call.params.get("ipaddress")
            if call.command != "associateIpAddress" or not address:
                raise
            self._addresses.forget()
            raise errors.address_taken(error, str(address)) from None
        job_id = answer.get("jobid")
        record = {} if job_id else record_in(answer, call.key)
        if not job_id and (failure := failure_in(answer)):
            raise errors.from_answer(call.command, 530, failure, job=True, secrets=(*self.client.secrets, *secrets))
        physical_id = answer.get("id") or record.get("id") if call.effect is Effect.CREATES else None
        if physical_id and call.key:
            self._lookups.made(call.key, str(physical_id))
        return Answer(str(physical_id) if physical_id else None, str(job_id) if job_id else None, record)

    def find(self, find: Find) -> list[Mapping[str, Any]]:
        """The rows of the listing that match; none as well when what it is asked about does not exist."""
        try:
            rows = self.client.rows(find.command, find.key, self._scoped(find.command, find.params))
        except NotFoundError:
            return []
        if find.command == "listTags":
            rows = [{**row, "value": told_value(row.get("value"))} for row in rows]
        return find.select(rows)

    def poll(self, pending: Sequence[Pending]) -> list[Ended]:
        """Those of the pending calls that have ended."""
        return Poll(self.client, self.read, self.find, self._together).ended(pending)

    def read(self, resource: ResourceType, physical_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """The records of things by id; what does not exist, or is only listed as destroyed, is absent."""
        read = resource.native.read if resource.native else None
        if read is None or not physical_ids:
            return {}
        if read.ids is not None:
            asked = [list(physical_ids[at : at + PAGE_SIZE]) for at in range(0, len(physical_ids), PAGE_SIZE)]
        else:
            asked = [[physical_id] for physical_id in physical_ids]
        wanted = set(physical_ids)
        return {
            str(row["id"]): row
            for rows in self._together(lambda ids: self._listed(read, ids), asked)
            for row in rows
            if str(row.get("id")) in wanted and not is_gone(resource, row)
        }

    def _listed(self, read: Read, ids: list[str]) -> list[dict[str, Any]]:
        """The rows with these ids. An id that the cloud never heard of spoils a whole listing, so it is halved."""
        params: dict[str, Any] = {read.id: ids[0]} if len(ids) == 1 or read.ids is None else {read.ids: ids}
        try:
            return self.client.rows(read.command, read.key, self._scoped(read.command, params))
        except NotFoundError:
            if len(ids) == 1:
                return []
            middle = len(ids) // 2
            return self._listed(read, ids[:middle]) + self._listed(read, ids[middle:])

    def cancel(self, job_id: str) -> bool:  # noqa: ARG002 - of no use here
        """Never: CloudStack has no command that gives up a job."""
        return False

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
        self.client.close()

    def _scoped(self, command: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        if not self._scope or command.startswith(_OF_NO_PROJECT):
            return params
        return {**self._scope, **params}

    def _together(self, ask: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """The answers to several questions, in order, a few under way at a time."""
        asked = list(items)
        if len(asked) < 2:
            return [ask(item) for item in asked]
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(ASKED_AT_ONCE, "cfnlib-ask")
            pool = self._pool
        return list(pool.map(ask, asked))
