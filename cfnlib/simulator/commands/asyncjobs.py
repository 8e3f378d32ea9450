"""Looking at jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.simulator.errors import no_such, not_permitted
from cfnlib.simulator.jobs import shown

if TYPE_CHECKING:
    from cfnlib.simulator.call import Call


def query_job(call: Call) -> dict[str, Any]:
    """What became of a job."""
    uuid = call.text("jobid") or ""
    job = call.world.get("job", uuid)
    if job is None or job.get("vanished"):
        raise no_such("queryAsyncJobResult", "jobid", uuid)
    if not (call.is_admin or job["account"] == call.account.uuid or call.may_act_for(job["account"])):
        raise not_permitted(f"Account {call.account['name']} may not look at job {uuid}")
    view = shown(call.world, job)
    result = view.get("jobresult")
    if call.is_admin and result and "virtualmachine" in result and "name" in result["virtualmachine"]:
        # Source: scenario s11: whether this field shows depends on who asks, not on whose job it is.
        view["jobresult"] = {"virtualmachine": result["virtualmachine"] | {"displayvm": True}}
    return view


def list_jobs(call: Call) -> dict[str, Any]:
    """The jobs that have not ended: the caller's own, or with `listall` all that an admin may see."""
    world = call.world
    if call.flag("listall") and call.role != "User":
        owners = [
            one.uuid
            for one in world.each("account")
            if call.is_admin or one is call.account or call.may_act_for(one.uuid)
        ]
    else:
        owners = [call.owner().uuid]
    found = [job for owner in owners for job in world.by("job", "pending_of", owner)]
    return call.listing("asyncjobs", found, lambda job: shown(world, job))


COMMANDS = {"queryAsyncJobResult": query_job, "listAsyncJobs": list_jobs}
