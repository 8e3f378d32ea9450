"""The cloud as one caller sees it: CloudStack's API with the caller's own keys, and the way from EC2's ids to UUIDs.

Nothing is kept but what lasts: which UUID an id stands for, and for a short while the listings that hardly change
(zones, offerings, images).
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from attrs import frozen

from cfnlib.drivers.cloudstack import errors
from cfnlib.drivers.cloudstack.client import Client
from cfnlib.drivers.cloudstack.tags import kept_params
from cfnlib.errors import NotFoundError
from compat.ec2.faults import MALFORMED, Ec2Error, not_found
from compat.ec2.ids import PREFIXES, ec2_id, has_form, is_uuid
from compat.ec2.marks import Marks, groups_shown, marks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cfnlib.config import Config
    from cfnlib.identity.keyring import Caller

Row = dict[str, Any]
_log = logging.getLogger("cfnlib.ec2")

GATEWAY = "cfnlib:ec2:internet-gateway:"
"""What the names of the security groups begin with that stand for internet gateways."""
LASTING_S = 30.0
"""How long a listing of what hardly changes is good for, in seconds."""
JOB_TIMEOUT_S = 60.0
"""How long an action that EC2 answers only when it is done waits for CloudStack's job, in seconds."""
TOMBSTONE_S = 3600.0
"""How long a terminated instance is still described, in seconds, as EC2 does it."""
AT_ONCE = 32
"""How many calls for one caller are under way at a time."""


@frozen
class Kind:
    """How things of a kind are listed: the command, the key of the rows, fixed parameters, the field of the id.

    `lasting` marks what hardly changes. `variants` are those of a listing that needs several calls. `begins` is what
    the names of things of the kind begin with, `never` what they do not: where things of two kinds are listed as one.
    """

    command: str
    key: str
    params: Mapping[str, Any] = {}
    field: str = "id"
    lasting: bool = False
    variants: Sequence[Mapping[str, Any]] = ({},)
    begins: str = ""
    never: str | None = None

    def has(self, row: Row) -> bool:
        """Whether a row of the listing is a thing of this kind."""
        name = str(row.get("name", ""))
        return name.startswith(self.begins) and not (self.never and name.startswith(self.never))


KINDS: dict[str, Kind] = {
    "instance": Kind("listVirtualMachines", "virtualmachine"),
    "image": Kind(
        "listTemplates",
        "template",
        lasting=True,
        variants=[
            {"templatefilter": name} for name in ("featured", "community", "selfexecutable", "sharedexecutable")
        ],
    ),
    "volume": Kind("listVolumes", "volume"),
    "snapshot": Kind("listSnapshots", "snapshot"),
    "securitygroup": Kind("listSecurityGroups", "securitygroup", never=GATEWAY),
    "gateway": Kind("listSecurityGroups", "securitygroup", {"keyword": GATEWAY}, begins=GATEWAY),
    "address": Kind("listPublicIpAddresses", "publicipaddress", {"allocatedonly": True, "forvirtualnetwork": True}),
    "vpc": Kind("listVPCs", "vpc"),
    "subnet": Kind("listNetworks", "network"),
    "acl": Kind("listNetworkACLLists", "networkacllist"),
    "aclrule": Kind("listNetworkACLs", "networkacl"),
    "staticroute": Kind("listStaticRoutes", "staticroute"),
    "privategateway": Kind("listPrivateGateways", "privategateway"),
    "firewallrule": Kind("listFirewallRules", "firewallrule"),
    "keypair": Kind("listSSHKeyPairs", "sshkeypair"),
    "placementgroup": Kind("listAffinityGroups", "affinitygroup"),
    "zone": Kind("listZones", "zone", {"available": True}, lasting=True),
    "type": Kind("listServiceOfferings", "serviceoffering", {"issystem": False}, lasting=True),
    "diskoffering": Kind("listDiskOfferings", "diskoffering", lasting=True),
    "hypervisor": Kind("listHypervisors", "hypervisor", field="name"),
    "system": Kind("listOsTypes", "ostype"),
}
_OF_NO_PROJECT = {"zone", "type", "diskoffering", "hypervisor", "system"}


class World:
    """What one caller has. May be used by several threads at once; `close` gives the connections back.

    `public_addresses`: whether the machines of every launch are given public addresses (see `public_addresses`).
    """

    def __init__(
        self,
        config: Config,
        caller: Caller,
        *,
        public_addresses: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.config = config
        self.caller = caller
        self.public_addresses = public_addresses
        self.now = now
        self.client = Client(config)
        self._scope = {"projectid": caller.project_id} if caller.project_id else {}
        self._known: dict[tuple[str, str], str] = {}
        self._lasting: dict[str, tuple[float, list[Row]]] = {}
        self._marks: dict[str, Marks] = {}
        self._group_names: dict[str | None, str] = {}
        self._buried: dict[str, tuple[float, Row]] = {}
        self._lock = Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._behind: ThreadPoolExecutor | None = None
        self._may_expunge: bool | None = None
        self.making = Lock()
        self.closing = Event()

    # Calls

    def call(self, command: str, **params: Any) -> Row:  # noqa: ANN401 - whatever the command takes
        """Make a call, and give what is inside its answer. Raises `CloudError`."""
        if command == "createTags":
            params = kept_params(params)
        scoped = {**self._scope, **params} if not command.startswith(("assign", "query")) else params
        return self.client.call(command, scoped)

    def done(self, command: str, **params: Any) -> Row:  # noqa: ANN401 - as above
        """Make a call and wait until its job has ended; gives the job's result. Raises `CloudError`, `Ec2Error`.

        For what EC2 itself answers only when it is done; never for machines, volumes or snapshots.
        """
        answer = self.call(command, **params)
        job_id = answer.get("jobid")
        if job_id is None:
            return answer
        pause_s, until = 0.05, time.monotonic() + JOB_TIMEOUT_S
        while True:
            job = self.client.call("queryAsyncJobResult", {"jobid": job_id})
            status = int(job.get("jobstatus", 0))
            result = job.get("jobresult")
            result = result if isinstance(result, dict) else {}
            if status == 2:
                text = str(result.get("errortext") or "it failed, and CloudStack gives no reason")
                raise errors.from_answer(command, int(result.get("errorcode", 530)), text, job=True)
            if status:
                return result
            if time.monotonic() > until:
                raise Ec2Error("RequestTimeout", f"{command} has not ended after {JOB_TIMEOUT_S:g} s", 503)
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, 2.0)

    def together(self, works: Iterable[Callable[[], Any]]) -> list[Any]:
        """Do several pieces of work at a time; each result is what it gave, or the exception that it raised."""
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(AT_ONCE, "ec2-call")
        futures = [self._pool.submit(work) for work in works]
        return [future.exception() or future.result() for future in futures]

    def behind(self, works: Iterable[Callable[[], Any]]) -> None:
        """Do pieces of work after the client has its answer; what fails is logged."""
        with self._lock:
            if self._behind is None:
                self._behind = ThreadPoolExecutor(AT_ONCE, "ec2-behind")
        for work in works:
            try:
                self._behind.submit(_logged, work)
            except RuntimeError:  # it is closed while what it still does asks for more
                _logged(work)

    # Listings

    def rows(self, kind: str, **params: Any) -> list[Row]:  # noqa: ANN401 - as above
        """The caller's things of a kind, as CloudStack lists them, each once; `params` narrow the listing."""
        how = KINDS[kind]
        if how.lasting and not params:
            kept = self._lasting.get(kind)
            if kept is not None and self.now() - kept[0] < LASTING_S:
                return kept[1]
        scope = {} if kind in _OF_NO_PROJECT else self._scope
        found: dict[str, Row] = {}
        for variant in how.variants:
            for row in self.client.rows(how.command, how.key, {**scope, **how.params, **variant, **params}):
                if how.has(row):
                    found.setdefault(str(row.get(how.field)), row)
        self._learn(kind, found)
        rows = list(found.values())
        if how.lasting and not params:
            self._lasting[kind] = (self.now(), rows)
        return rows

    def listed(self, *kinds: str) -> list[list[Row]]:
        """The caller's things of several kinds, asked for at the same time. Raises what a listing raises."""
        found = self.together([partial(self.rows, kind) for kind in kinds])
        for rows in found:
            if isinstance(rows, BaseException):
                raise rows
        return found

    def forget(self, kind: str) -> None:
        """Let the next listing of what hardly changes be a new one."""
        self._lasting.pop(kind, None)

    # Ids

    def uuid(self, kind: str, asked: str) -> str:
        """The UUID behind an id in EC2's form (or a UUID). Raises `Ec2Error` when the caller has no such thing.

        A UUID is given back as it is: the call that it is for will say whether there is such a thing.
        """
        if is_uuid(asked):
            return asked.lower()
        known = self._known.get((kind, asked))
        if known is not None:
            return known
        if not has_form(kind, asked):
            code = MALFORMED.get(kind)
            raise Ec2Error(code, f'Invalid id: "{asked}"') if code else not_found(kind, asked)
        self.forget(kind)
        self.rows(kind)
        known = self._known.get((kind, asked))
        if known is None:
            raise not_found(kind, asked)
        return known

    def one(self, kind: str, asked: str) -> Row:
        """The row of one thing by its id. Raises `Ec2Error` when the caller has no such thing."""
        uuid = self.uuid(kind, asked)
        try:
            found = [row for row in self.rows(kind, id=uuid) if str(row.get("id")) == uuid]
        except NotFoundError:
            found = []
        if not found:
            raise not_found(kind, asked)
        return found[0]

    def chosen(self, kind: str, asked: Sequence[str] | None) -> list[Row]:
        """The rows of the things that are asked for by their ids, in that order; all of them when none are.

        Raises `Ec2Error` for the first id that the caller has not.
        """
        rows = self.rows(kind)
        if not asked:
            return rows
        by_uuid = {str(row["id"]): row for row in rows}
        found = []
        for name in dict.fromkeys(asked):
            uuid = name.lower() if is_uuid(name) else self._known.get((kind, name), "")
            if uuid not in by_uuid:
                if not has_form(kind, name) and kind in MALFORMED:
                    raise Ec2Error(MALFORMED[kind], f'Invalid id: "{name}"')
                raise not_found(kind, name)
            found.append(by_uuid[uuid])
        return found

    def learn(self, kind: str, uuid: str) -> str:
        """Remember the UUID of a new thing, and give its id in EC2's form."""
        name = ec2_id(kind, uuid)
        self._known[kind, name] = uuid
        return name

    # What the cloud does not show yet

    def marks(self, row: Row) -> Marks:
        """What is kept on a machine, or will be as soon as its tags are made; without them, what it is shown as."""
        said = marks_of(row.get("tags") or ())
        if said != Marks():
            return said
        kept = self._marks.get(str(row["id"]))
        if kept is not None:
            return kept
        ids = groups_shown(row)
        if any(("securitygroup", one) not in self._known for one in ids):
            self.rows("securitygroup")
        groups = [self._known.get(("securitygroup", one)) for one in ids]
        return Marks(
            groups=tuple(f"{uuid} {self._group_names[uuid]}" for uuid in groups if uuid in self._group_names)
        )

    def mark(self, uuid: str, marks: Marks) -> None:
        """Say what will be kept on a machine: its tags are being made."""
        self._marks[uuid] = marks

    def doomed(self) -> Iterable[str]:
        """The machines whose removal was asked for here."""
        return tuple(self._buried)

    def bury(self, row: Row) -> None:
        """Remember a machine that is being removed: CloudStack does not show it to its user any more."""
        self._buried[str(row["id"])] = (self.now(), row)
        for uuid in [uuid for uuid, (at, _) in self._buried.items() if self.now() - at > TOMBSTONE_S]:
            del self._buried[uuid]

    def may_expunge(self) -> bool:
        """Whether the caller may remove a machine at once and for good.

        Else CloudStack keeps it for a while, with its name and its place in its groups. Source: CloudStack 4.19, the
        setting allow.user.expunge.recover.vm, which listCapabilities tells.
        """
        if self._may_expunge is None:
            said = self.client.call("listCapabilities").get("capability", {}).get("allowuserexpungerecovervm")
            self._may_expunge = self.caller.role == "Admin" or str(said).lower() == "true"
        return self._may_expunge

    def tombstones(self) -> list[Row]:
        """The machines that were removed here not long ago, as they last were."""
        now = self.now()
        return [row for at, row in self._buried.values() if now - at <= TOMBSTONE_S]

    def close(self) -> None:
        """Give back connections and threads."""
        self.closing.set()
        for pool in (self._pool, self._behind):
            if pool is not None:
                pool.shutdown(wait=pool is self._behind, cancel_futures=pool is self._pool)
        self.client.close()

    def _learn(self, kind: str, found: Mapping[str, Row]) -> None:
        if kind == "securitygroup":
            self._group_names.update({uuid: str(row["name"]) for uuid, row in found.items()})
        if kind in PREFIXES:
            self._known.update({(kind, ec2_id(kind, uuid)): uuid for uuid in found})


def _logged(work: Callable[[], Any]) -> None:
    try:
        work()
    except Exception:  # noqa: BLE001 - nobody waits for it: whatever it is, the log is where it can be told
        _log.exception("something that was to be done to a new machine was not")
