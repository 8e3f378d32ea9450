"""What happens to a machine after it was made: start, stop, reboot, change, destroy, recover, expunge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.simulator.commands.keypairs import find_keypair
from cfnlib.simulator.commands.machine_view import shown
from cfnlib.simulator.commands.machines import (
    FREED,
    check_user_data,
    has_started,
    mocked,
    named,
    routers_ready,
    security_groups,
    start_machine,
)
from cfnlib.simulator.commands.offerings import size_of
from cfnlib.simulator.commands.rules import remove_rule
from cfnlib.simulator.errors import ApiError, bad_value, failed
from cfnlib.simulator.jobs import Work
from cfnlib.simulator.limits import check_limit
from cfnlib.simulator.placement import description, displace

if TYPE_CHECKING:
    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity

GONE = "Unable to find UUID for id [{number}] of type [VirtualMachine]"


def machine_of(call: Call, name: str = "id") -> Entity:
    """The machine a parameter names, in the words of the real server if it is gone."""
    return call.need(name, "virtualmachine", GONE)


def _in_job(call: Call) -> Entity:
    machine = call.world.get("virtualmachine", call.thing)
    if machine is None:
        raise ApiError(431, 4350, f"Unable to find a virtual machine with id {call.thing}")
    return machine


def begin_start(call: Call) -> None:
    """Start a stopped machine."""
    machine = _in_job(call)
    if machine["state"] == "Running":
        raise bad_value(f"The virtual machine {machine.uuid} ({machine['displayname']}) is already running")
    if machine["state"] != "Stopped":
        raise failed(f"Unable to start {description(machine, call.world.need('account', machine['account']))}")
    call.extra["was"] = "Stopped"
    start_machine(call, machine)


def finish_start(call: Call) -> dict[str, Any]:
    """The machine runs."""
    machine = _in_job(call)
    has_started(call, machine)
    return {"virtualmachine": shown(call, machine)}


def fail_start(call: Call) -> None:
    """A machine that did not start is stopped again."""
    machine = call.world.get("virtualmachine", call.thing)
    if machine is not None and machine["state"] == "Starting":
        displace(call.world, machine)
        call.world.change(machine, state="Stopped", updated=call.world.now)


def begin_stop(call: Call) -> None:
    """A running machine begins to stop; to stop a stopped one is no error."""
    machine = _in_job(call)
    if mocked(call, "StopCommand") and not call.flag("forced"):
        raise failed(f"Unable to stop {description(machine, call.world.need('account', machine['account']))}")
    if machine["state"] == "Running":
        call.world.change(machine, state="Stopping", updated=call.world.now)


def finish_stop(call: Call) -> dict[str, Any]:
    """The machine is stopped."""
    machine = _in_job(call)
    if machine["state"] == "Stopping":
        displace(call.world, machine)
        call.world.change(machine, state="Stopped", updated=call.world.now, details=FREED | machine["details"])
    return {"virtualmachine": shown(call, machine)}


def fail_stop(call: Call) -> None:
    """A machine that did not stop runs on."""
    machine = call.world.get("virtualmachine", call.thing)
    if machine is not None and machine["state"] == "Stopping":
        call.world.change(machine, state="Running", updated=call.world.now)


def finish_reboot(call: Call) -> dict[str, Any]:
    """A running machine ran on; another cannot be rebooted."""
    machine = _in_job(call)
    if machine["state"] != "Running":
        raise failed(f"Unable to reboot vm {machine.uuid}: it is not running")
    call.world.change(machine, updated=call.world.now)
    return {"virtualmachine": shown(call, machine)}


def begin_destroy(call: Call) -> None:
    """Whatever runs is stopped first."""
    machine = _in_job(call)
    if machine["state"] in {"Running", "Starting"}:
        call.world.change(machine, state="Stopping", updated=call.world.now)


def finish_destroy(call: Call) -> dict[str, Any]:
    """Destroyed, it can be recovered; expunged, nothing is left of it."""
    machine = _in_job(call)
    if machine.get("host"):
        displace(call.world, machine)
        call.world.change(machine, details=FREED | machine["details"])
    if call.flag("expunge") or machine["state"] == "Error":
        expunge(call, machine)
        return {"null": {"securitygroup": [], "nic": [], "affinitygroup": [], "tags": []}}
    call.world.change(machine, state="Destroyed", updated=call.world.now)
    return {"virtualmachine": shown(call, machine)}


def expunge(call: Call, machine: Entity) -> None:
    """Take a machine away with its cards, its root disk, its tags and the rules that lead to it."""
    world = call.world
    displace(world, machine)
    for rule in world.by("portforwardingrule", "vm", machine.uuid):
        remove_rule(world, rule)
    for rule in world.by("loadbalancerrule", "vms", machine.uuid):
        world.change(rule, vms=[uuid for uuid in rule["vms"] if uuid != machine.uuid])
    for address in world.by("publicip", "vm", machine.uuid):
        world.change(address, vm=None, vm_address=None, static_nat=None)
    for card in world.by("nic", "vm", machine.uuid):
        world.remove(card)
    for disk in world.by("volume", "vm", machine.uuid):
        if disk["type"] == "ROOT" or disk.uuid in call.items("volumeids"):
            world.remove(disk)
        else:
            world.change(disk, vm=None, device=None)
    for tag in world.by("tag", "resource", machine.uuid):
        world.remove(tag)
    for snapshot in world.by("vmsnapshot", "vm", machine.uuid):
        world.remove(snapshot)
    world.change(machine, state="Expunging", job=None)
    world.remove(machine)


def finish_expunge(call: Call) -> None:
    """Expunge a machine that was destroyed before."""
    machine = _in_job(call)
    if machine["state"] not in {"Destroyed", "Error"}:
        raise bad_value(f"Please destroy vm with specified vmId before expunge: {machine.uuid}")
    expunge(call, machine)


def recover(call: Call) -> dict[str, Any]:
    """Bring a destroyed machine back, stopped."""
    machine = machine_of(call)
    if machine["state"] != "Destroyed":
        raise bad_value(f"Unable to recover vm {machine.uuid}: it is not destroyed")
    check_limit(call.world, call.world.need("account", machine["account"]), "user_vm")
    call.world.change(machine, state="Stopped")
    return {"virtualmachine": shown(call, machine).value}


def update(call: Call) -> dict[str, Any]:
    """Change a machine's names, user data, details or instance group."""
    world, machine = call.world, machine_of(call)
    changes: dict[str, Any] = {name: call.text(name) for name in ("displayname", "name") if call.text(name)}
    if call.text("userdata") is not None:
        changes["userdata"] = check_user_data(call)
    if call.pairs("details"):
        if machine["state"] != "Stopped":
            raise bad_value("Virtual machine must be stopped to change its details")
        changes["details"] = call.pairs("details")
    if call.flag("cleanupdetails"):
        changes["details"] = {}
    owner = world.need("account", machine["account"])
    if call.text("group") is not None:
        changes["group"] = _instance_group(call, owner)
    if call.items("securitygroupids") or call.items("securitygroupnames"):
        if machine["state"] != "Stopped":
            raise bad_value("Virtual machine must be stopped prior to update security groups")
        changes["groups"] = security_groups(call, world.need("zone", machine["zone"]), owner)
    world.change(machine, **changes)
    return {"virtualmachine": shown(call, machine).value}


def _instance_group(call: Call, owner: Entity) -> str | None:
    name = call.text("group")
    if not name:
        return None
    group = named(call.world, "instancegroup", owner, name)
    return (group or call.world.add("instancegroup", name=name, account=owner.uuid)).uuid


def change_service(call: Call) -> dict[str, Any]:
    """Give a stopped machine another size."""
    machine = machine_of(call)
    resize(call, machine)
    return {"virtualmachine": shown(call, machine).value}


def resize(call: Call, machine: Entity) -> None:
    """Check a new size and set it."""
    offering = call.need("serviceofferingid", "serviceoffering")
    if machine["state"] != "Stopped":
        raise bad_value(
            f"Unable to upgrade virtual machine {machine.uuid} in state {machine['state']}; make sure the virtual "
            "machine is stopped"
        )
    owner = call.world.need("account", machine["account"])
    given = call.pairs("details")
    if machine["offering"] == offering.uuid and not given:
        # Not in the recordings. Source: CloudStack 4.19, checkIfCanUpgrade.
        what = f"the requested service offering ({offering['name']})"
        raise bad_value(f"Not upgrading vm {description(machine, owner)} since it already has {what}")
    cores, core_mhz, memory_mib = size_of(offering, given)
    for resource, amount in (("cpu", cores - machine["cores"]), ("memory", memory_mib - machine["memory_mib"])):
        if amount > 0:
            check_limit(call.world, owner, resource, amount)
    call.world.change(machine, offering=offering.uuid, cores=cores, core_mhz=core_mhz, memory_mib=memory_mib)


def finish_scale(call: Call) -> dict[str, Any]:
    """scaleVirtualMachine: the same as a job."""
    machine = _in_job(call)
    resize(call, machine)
    return {"virtualmachine": shown(call, machine)}


def finish_reset_key(call: Call) -> dict[str, Any]:
    """Put another SSH key on a stopped machine."""
    machine = _in_job(call)
    names = call.items("keypairs") or [call.text("keypair") or ""]
    pairs = [find_keypair(call.world, machine["account"], name) for name in names]
    if any(pair is None for pair in pairs):
        raise bad_value("Not all specified keyparis exist")
    if machine["state"] != "Stopped":
        raise bad_value(f"Vm {machine.uuid} should be stopped to do SSH Key reset")
    found = [pair for pair in pairs if pair is not None]
    details = machine["details"] | {
        "SSH.PublicKey": found[-1]["publickey"],
        "SSH.KeyPairNames": ",".join(pair["name"] for pair in found),
    }
    call.world.change(machine, details=details, keypairs=[pair["name"] for pair in found])
    return {"virtualmachine": shown(call, machine)}


def user_data(call: Call) -> dict[str, Any]:
    """The user data of a machine, as it was given."""
    machine = machine_of(call, "virtualmachineid")
    data = {"virtualmachineid": machine.uuid}
    if machine.get("userdata"):
        data["userdata"] = machine["userdata"]
    return {"virtualmachineuserdata": data}


def configure_mock(call: Call) -> dict[str, Any]:
    """configureSimulator: make the next commands of a kind to hosts fail, as CloudStack's own simulator can."""
    count = call.whole("count") or 1
    mock = call.world.add("mock", name=call.text("name"), left=count, value=call.text("value"))
    return {"null": {"id": mock.number, "zoneid": 1, "name": mock["name"], "count": count}}


COMMANDS = {
    "recoverVirtualMachine": recover,
    "updateVirtualMachine": update,
    "changeServiceForVirtualMachine": change_service,
    "getVirtualMachineUserData": user_data,
    "configureSimulator": configure_mock,
}
WORKS = {
    "startVirtualMachine": Work(
        finish_start,
        create=machine_of,
        begin=begin_start,
        fail=fail_start,
        ready=lambda call: routers_ready(call, call.world.get("virtualmachine", call.thing)),
    ),
    "stopVirtualMachine": Work(finish_stop, create=machine_of, begin=begin_stop, fail=fail_stop),
    "rebootVirtualMachine": Work(finish_reboot, create=machine_of),
    "destroyVirtualMachine": Work(finish_destroy, create=machine_of, begin=begin_destroy),
    "expungeVirtualMachine": Work(finish_expunge, create=machine_of),
    "scaleVirtualMachine": Work(finish_scale, create=machine_of),
    "resetSSHKeyForVirtualMachine": Work(finish_reset_key, create=machine_of),
}
