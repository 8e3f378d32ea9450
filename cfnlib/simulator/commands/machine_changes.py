"""Rarer changes of a machine: its password, its host, its root disk, its affinity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.simulator.commands.lifecycle import machine_of
from cfnlib.simulator.commands.machine_view import shown
from cfnlib.simulator.commands.machines import affinity_groups, new_password
from cfnlib.simulator.commands.volumes import add_root_disk
from cfnlib.simulator.errors import ApiError, bad_value, no_capacity
from cfnlib.simulator.jobs import Work
from cfnlib.simulator.placement import displace, place

if TYPE_CHECKING:
    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity


def _by_long_name(call: Call) -> Entity:
    return machine_of(call, "virtualmachineid")


def set_affinity(call: Call) -> dict[str, Any]:
    """Put a stopped machine into other affinity groups."""
    machine = machine_of(call)
    if machine["state"] != "Stopped":
        raise bad_value(
            f"Unable update affinity groups of the virtual machine {machine['name']} in state {machine['state']}; "
            "make sure the virtual machine is stopped and not in an error state before updating."
        )
    owner = call.world.need("account", machine["account"])
    call.world.change(machine, affinity=affinity_groups(call, owner))
    return {"virtualmachine": shown(call, machine)}


def reset_password(call: Call) -> dict[str, Any]:
    """Give a stopped machine of a password-enabled template a new password; the result shows it."""
    machine = machine_of(call)
    template = call.world.need("template", machine["template"])
    if not template["view"]["passwordenabled"]:
        raise bad_value(
            f"Fail to reset password for the virtual machine, the template of {machine.uuid} is not password enabled"
        )
    if machine["state"] != "Stopped":
        raise bad_value(f"Vm {machine.uuid} should be stopped to do password reset")
    password = call.text("password") or new_password(call.world)
    return {"virtualmachine": shown(call, machine).value | {"password": password}}


def restore(call: Call) -> dict[str, Any]:
    """Make the root disk anew from the template, or from another; the machine runs, or not, as before."""
    world, machine = call.world, _by_long_name(call)
    if machine["state"] not in {"Running", "Stopped"}:
        raise bad_value(
            f"Vm {machine.uuid} currently in {machine['state']} state, restore vm can only execute when running"
        )
    template = call.entity("templateid", "template") or world.need("template", machine["template"])
    for disk in world.by("volume", "vm", machine.uuid):
        if disk["type"] == "ROOT":
            world.remove(disk)
    root = add_root_disk(world, machine, template, None)
    world.change(root, state="Ready")
    world.change(machine, template=template.uuid, updated=world.now)
    return {"virtualmachine": shown(call, machine)}


def migrate(call: Call) -> dict[str, Any]:
    """Move a running machine to another host."""
    world, machine = call.world, _by_long_name(call)
    if machine["state"] != "Running":
        raise bad_value(f"VM is not running, unable to migrate the vm {machine.uuid}")
    before = machine["host"]
    wanted = call.text("hostid")
    displace(world, machine)
    try:
        place(world, machine, only=wanted, without=before)
    except ApiError:
        place(world, machine, only=before)
        raise
    if machine["host"] == before:
        raise no_capacity(f"Unable to migrate {machine.uuid}: no other host has room for it")
    world.change(machine, updated=world.now)
    return {"virtualmachine": shown(call, machine)}


WORKS = {
    "updateVMAffinityGroup": Work(set_affinity, create=machine_of),
    "resetPasswordForVirtualMachine": Work(reset_password, create=machine_of),
    "restoreVirtualMachine": Work(restore, create=_by_long_name),
    "migrateVirtualMachine": Work(migrate, create=_by_long_name),
}
