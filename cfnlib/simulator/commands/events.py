"""Events: what was done, by whom, with what outcome.

The simulator keeps no log of its own for them. Each job is two events, its scheduling and its end, which can be told
from the job at any time; commands without a job leave none.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from cfnlib.simulator.api import commands
from cfnlib.simulator.encode import when
from cfnlib.simulator.ownership import owner_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity

# Source: the types of events in the recordings; other commands are called by verb and noun.
TYPES = {
    "deployVirtualMachine": "VM.CREATE",
    "startVirtualMachine": "VM.START",
    "stopVirtualMachine": "VM.STOP",
    "rebootVirtualMachine": "VM.REBOOT",
    "destroyVirtualMachine": "VM.DESTROY",
    "expungeVirtualMachine": "VM.EXPUNGE",
    "associateIpAddress": "NET.IPASSIGN",
    "disassociateIpAddress": "NET.IPRELEASE",
    "deleteNetwork": "NETWORK.DELETE",
    "createFirewallRule": "FIREWALL.OPEN",
    "deleteFirewallRule": "FIREWALL.CLOSE",
    "createPortForwardingRule": "NET.RULEADD",
    "deletePortForwardingRule": "NET.RULEDELETE",
    "createLoadBalancerRule": "LB.CREATE",
    "deleteLoadBalancerRule": "LB.DELETE",
    "createVolume": "VOLUME.CREATE",
    "attachVolume": "VOLUME.ATTACH",
    "detachVolume": "VOLUME.DETACH",
    "createTags": "CREATE_TAGS",
    "deleteTags": "DELETE_TAGS",
}


def _events_of(call: Call, job: Entity) -> Iterator[dict[str, Any]]:
    world, name = call.world, job["command"]
    user = world.need("user", job["user"])
    first = str(uuid.uuid5(uuid.NAMESPACE_OID, job.uuid + "scheduled"))
    base: dict[str, Any] = {"username": user["name"], "type": TYPES.get(name, name.upper()), "level": "INFO"}
    about: dict[str, Any] = owner_fields(world, job["account"])
    kind = commands()[name].instance_type
    thing = world.known_anywhere(job["thing"]) if job["thing"] else None
    if thing is not None:
        about["resourceid"] = thing.uuid
    if kind:
        about["resourcetype"] = kind
    if thing is not None and thing.get("name"):
        about["resourcename"] = thing["name"]
    if job["status"] != 0:
        level = "INFO" if job["status"] == 1 else "ERROR"
        outcome = "Successfully completed" if job["status"] == 1 else "Error while"
        yield (
            {"id": str(uuid.uuid5(uuid.NAMESPACE_OID, job.uuid + "completed"))}
            | base
            | {"level": level, "description": f"{outcome} {name}"}
            | about
            | {"created": when(job["completed"]), "state": "Completed", "parentid": first}
        )
    yield (
        {"id": first} | base | {"description": name} | about | {"created": when(job["created"]), "state": "Scheduled"}
    )


def list_events(call: Call) -> dict[str, Any]:
    """Events, newest first."""
    found = [
        event
        for job in reversed(list(call.visible("job")))
        for event in _events_of(call, job)
        if call.text("level") in {None, event["level"]}
        and call.text("type") in {None, event["type"]}
        and call.text("state") in {None, event["state"]}
        and call.text("id") in {None, event["id"]}
        and call.text("resourceid") in {None, event.get("resourceid")}
    ]
    return call.listing("event", found)


COMMANDS = {"listEvents": list_events}
