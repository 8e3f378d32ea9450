"""Asynchronous jobs: carried out when they fall due, without a thread.

A job goes through three phases, each a plain function of the command's module. `create` runs while the call is
answered: it refuses, or makes the thing and names it. `begin` runs when the job starts, at once unless an earlier job
about the same thing is under way (CloudStack queues these). `finish` runs when the job falls due and gives its
result. Only uuids and parameters are kept with a job, so after a restart it goes on where it was.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from attrs import frozen

from cfnlib.simulator.api import commands
from cfnlib.simulator.call import Call
from cfnlib.simulator.encode import Rendered, when
from cfnlib.simulator.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cfnlib.simulator.faults import Fault
    from cfnlib.simulator.latency import Latency
    from cfnlib.simulator.world import Entity, World

LOG = logging.getLogger("cfnlib.simulator")
MANAGEMENT_SERVER = 3281355014145
# What shows the job under way about it.
SHOW_THEIR_JOB = ("virtualmachine", "volume")


@frozen
class Work:
    """How an asynchronous command is carried out.

    `create` returns the thing the job is about, or None; `creates` says that it is new, so that the answer shows its
    id (or the one under "made" in the call's `extra`). `fail` puts the world right after a job that failed. `ready`
    is the earliest moment the thing is free (seconds since the epoch), for what waits for something else, such as a
    router. A `finish` that returns None means success.
    """

    finish: Callable[[Call], dict[str, Any] | None]
    create: Callable[[Call], Entity | None] | None = None
    begin: Callable[[Call], None] | None = None
    fail: Callable[[Call], None] | None = None
    creates: bool = False
    queue: str | None = None
    ready: Callable[[Call], float] | None = None


def start_timer(call: Call, what: str, thing: str, at: float) -> None:
    """Have something happen by itself later: what, is a name in the `TIMERS` of a module of commands.

    The function there is given a call in the name of this one's caller, with `thing` set, and returns when it wants
    to be called again, or None.
    """
    timer = call.world.add(
        "timer",
        what=what,
        command=call.command.name,
        account=call.account.uuid,
        user=call.user.uuid,
        values={},
        thing=thing,
        extra={},
        at=at,
    )
    call.world.schedule(at, timer.uuid, "tick")


class Jobs:
    """Starts jobs, carries them out when they fall due, and shows them."""

    def __init__(
        self,
        world: World,
        works: Mapping[str, Work],
        timers: Mapping[str, Callable[[Call], float | None]],
        latency: Latency,
    ) -> None:
        self._world = world
        self._works = works
        self._timers = timers
        self._latency = latency
        self._busy: dict[str, float] = {}
        self.crashes: list[Exception] = []
        world.on_due = self._carry_out

    def resume(self) -> None:
        """Schedule what was pending when the world was stored."""
        for job in self._world.each("job"):
            if job["status"] == 0 and not job.get("never"):
                if job["queue"]:
                    self._busy[job["queue"]] = max(self._busy.get(job["queue"], 0.0), job["due"])
                if not job["begun"]:
                    self._world.schedule(job["starts"], job.uuid, "begin")
                self._world.schedule(job["due"], job.uuid, "finish")
        for timer in self._world.each("timer"):
            self._world.schedule(timer["at"], timer.uuid, "tick")

    def start(self, call: Call, fault: Fault | None) -> dict[str, Any]:
        """Begin a job for a checked call; returns the content of the answer."""
        work, world = self._works[call.command.name], self._world
        made = work.create(call) if work.create else None
        if made is not None:
            call.thing = made.uuid
        queue = call.values.get(work.queue) if work.queue else None
        queue = queue or (call.thing if made is not None and made.kind == "virtualmachine" else None)
        starts = max(world.now, self._busy.get(queue, 0.0) if queue else 0.0)
        ready = max(starts, work.ready(call)) if work.ready else starts
        due = ready + self._latency.of_job(call.command.name, world.random)
        job = world.add(
            "job",
            command=call.command.name,
            account=call.account.uuid,
            pending_of=call.account.uuid,
            user=call.user.uuid,
            values=call.values,
            thing=call.thing,
            extra=call.extra,
            queue=queue,
            starts=starts,
            due=due,
            begun=False,
            status=0,
        )
        if made is not None and made.kind in SHOW_THEIR_JOB:
            world.change(made, job=job.uuid)
        self._apply_fault(job, fault)
        if queue:
            self._busy[queue] = due
            if len(self._busy) > 4096:
                self._busy = {name: at for name, at in self._busy.items() if at > world.now}
        if starts <= world.now:
            self._carry_out(job, "begin")
        else:
            world.schedule(starts, job.uuid, "begin")
        if job["status"] == 0 and not job.get("never"):
            world.schedule(due, job.uuid, "finish")
        made_id = call.extra.get("made") or call.thing
        return ({"id": made_id} if work.creates and made_id else {}) | {"jobid": job.uuid}

    def _apply_fault(self, job: Entity, fault: Fault | None) -> None:
        if fault is None:
            return
        if fault.kind == "never":
            self._world.change(job, never=True)
        elif fault.kind == "vanish":
            self._world.change(job, vanished=True, pending_of=None)
        elif fault.kind == "job":
            self._world.change(job, fault={"code": fault.errorcode, "text": fault.text})

    def _call_of(self, job: Entity) -> Call:
        world = self._world
        return Call(
            world=world,
            command=commands()[job["command"]],
            values=job["values"],
            account=world.need("account", job["account"]),
            user=world.need("user", job["user"]),
            latency=self._latency,
            job=job,
            thing=job["thing"],
            extra=job["extra"],
        )

    def _carry_out(self, job: Entity, phase: str) -> None:
        if job.kind == "timer":
            self._tick(job)
            return
        if job["status"] != 0:
            return
        work, call = self._works[job["command"]], self._call_of(job)
        try:
            if phase == "begin":
                self._world.change(job, begun=True)
                if work.begin:
                    work.begin(call)
                return
            _fail_on_purpose(job)
            result = work.finish(call)
        except ApiError as error:
            if work.fail:
                work.fail(call)
            self._end(job, 2, error.status, {"errorcode": error.status, "errortext": error.text})
        except Exception as error:
            self.crashes.append(error)
            LOG.exception("the job of %s crashed", job["command"])
            text = f"Internal error executing command: {type(error).__name__}: {error}"
            self._end(job, 2, 530, {"errorcode": 530, "errortext": text})
        else:
            self._end(job, 1, 0, {"success": True} if result is None else result)

    def _tick(self, timer: Entity) -> None:
        again = self._timers[timer["what"]](self._call_of(timer))
        if again is None:
            self._world.remove(timer)
        else:
            self._world.change(timer, at=again)
            self._world.schedule(again, timer.uuid, "tick")

    def _end(self, job: Entity, status: int, code: int, result: dict[str, Any]) -> None:
        plain = {key: value.value if isinstance(value, Rendered) else value for key, value in result.items()}
        self._world.change(
            job, status=status, code=code, result=plain, completed=self._world.now, pending_of=None, extra={}
        )
        for kind in SHOW_THEIR_JOB:
            thing = self._world.get(kind, job["thing"])
            if thing is not None and thing.get("job") == job.uuid:
                self._world.change(thing, job=None)


def _fail_on_purpose(job: Entity) -> None:
    if "fault" in job:
        raise ApiError(job["fault"]["code"], None, job["fault"]["text"])


def shown(world: World, job: Entity) -> dict[str, Any]:
    """A job as queryAsyncJobResult and listAsyncJobs show it."""
    account = world.need("account", job["account"])
    domain = world.need("domain", account["domain"])
    command = commands()[job["command"]]
    ended = job["status"] != 0
    view = {
        "accountid": account.uuid,
        "account": account["name"],
        "domainid": domain.uuid,
        "domainpath": domain["path"],
        "userid": job["user"],
        "cmd": command.job_class_for(account["roletype"]),
        "jobstatus": job["status"],
        "jobprocstatus": 0,
        "jobresultcode": job.get("code", 0),
    }
    if ended:
        view |= {"jobresulttype": "object", "jobresult": job["result"]}
    if command.instance_type:
        view["jobinstancetype"] = command.instance_type
        if command.shows_instance and job["thing"]:
            view["jobinstanceid"] = job["thing"]
    if not ended:
        view["managementserverid"] = MANAGEMENT_SERVER
    view["created"] = when(job["created"])
    if ended:
        view["completed"] = when(job["completed"])
    return view | {"jobid": job.uuid}
