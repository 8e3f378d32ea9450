"""Disks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.simulator.errors import bad_value

if TYPE_CHECKING:
    from cfnlib.simulator.world import Entity, World

GIB = 1 << 30


def add_root_disk(world: World, machine: Entity, template: Entity, size_gib: int | None) -> Entity:
    """The disk a machine boots from; as large as the template unless `size_gib` asks for more."""
    size = template["size_bytes"]
    if size_gib is not None:
        if size_gib * GIB < size:
            raise bad_value(f"The root disk size of {size_gib} GB is smaller than the template")
        size = size_gib * GIB
    return world.add(
        "volume",
        name=f"ROOT-{machine.number}",
        type="ROOT",
        vm=machine.uuid,
        device=0,
        template=template.uuid,
        zone=machine["zone"],
        size_bytes=size,
        state="Allocated",
        account=machine["account"],
        user=machine["user"],
    )


def add_data_disk(world: World, machine: Entity, offering: Entity, size_gib: int | None) -> Entity:
    """A further disk a machine is made with."""
    size = offering["view"]["disksize"] or size_gib
    if not size:
        raise bad_value("This disk offering requires a custom size specified")
    return world.add(
        "volume",
        name=f"DATA-{machine.number}",
        type="DATADISK",
        vm=machine.uuid,
        device=1,
        offering=offering.uuid,
        zone=machine["zone"],
        size_bytes=size * GIB,
        state="Allocated",
        account=machine["account"],
        user=machine["user"],
    )
