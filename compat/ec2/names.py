"""Which image, offering or zone of this cloud is meant by a name that was written for another one.

The mapping file of the configuration (`images`, `types`, `zones`) says so first. What it does not say is worked out:
an instance type is the offering of the same name, else the one with the nearest memory to what AWS's type has; a zone
is the one of the same name, else the configured or the only one; an image is known by its id, its UUID, its name, and
the images that the stock scripts name by default are the configured `default` image, else the newest featured one.

Source: instance types' sizes: AWS, "Previous generation instances" and the EC2 user guide; the scripts' defaults:
apache/mesos ec2/mesos_ec2.py (July 2013) and apache/spark ec2/spark_ec2.py (1.6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compat.ec2.faults import Ec2Error, not_found
from compat.ec2.ids import ec2_id, is_uuid

if TYPE_CHECKING:
    from compat.ec2.world import Row, World

MEMORY_GIB = {
    "t1.micro": 0.6,
    "t2.nano": 0.5, "t2.micro": 1, "t2.small": 2, "t2.medium": 4, "t2.large": 8, "t2.xlarge": 16, "t2.2xlarge": 32,
    "t3.nano": 0.5, "t3.micro": 1, "t3.small": 2, "t3.medium": 4, "t3.large": 8, "t3.xlarge": 16, "t3.2xlarge": 32,
    "m1.small": 1.7, "m1.medium": 3.75, "m1.large": 7.5, "m1.xlarge": 15,
    "m2.xlarge": 17.1, "m2.2xlarge": 34.2, "m2.4xlarge": 68.4,
    "m3.medium": 3.75, "m3.large": 7.5, "m3.xlarge": 15, "m3.2xlarge": 30,
    "m4.large": 8, "m4.xlarge": 16, "m4.2xlarge": 32, "m5.large": 8, "m5.xlarge": 16, "m5.2xlarge": 32,
    "c1.medium": 1.7, "c1.xlarge": 7, "cc1.4xlarge": 23, "cc2.8xlarge": 60.5, "cg1.4xlarge": 22.5,
    "c3.large": 3.75, "c3.xlarge": 7.5, "c3.2xlarge": 15, "c3.4xlarge": 30, "c3.8xlarge": 60,
    "c4.large": 3.75, "c4.xlarge": 7.5, "c4.2xlarge": 15, "c5.large": 4, "c5.xlarge": 8, "c5.2xlarge": 16,
    "r3.large": 15.25, "r3.xlarge": 30.5, "r3.2xlarge": 61, "r4.large": 15.25, "r5.large": 16,
    "hi1.4xlarge": 60.5, "i2.xlarge": 30.5, "i2.2xlarge": 61, "cr1.8xlarge": 244, "hs1.8xlarge": 117,
}  # fmt: skip
"""The memory of AWS's instance types that scripts name, in GiB."""

STOCK_IMAGES = frozenset({"ami-4517dc2c", "latest", "ami-5bb18832", "ami-35b1885c"})
"""What the stock scripts ask for when the user names no image."""


def image(world: World, asked: str) -> Row:
    """The template that is meant. Raises `Ec2Error` when there is none in a listing of just now."""
    name = world.config.images.get(asked, asked)
    found = _image(world, name)
    if found is None:
        world.forget("image")
        found = _image(world, name)
    if found is not None:
        return found
    rows = world.rows("image")
    if name is asked and asked in STOCK_IMAGES:
        default = world.config.images.get("default")
        if default is not None:
            return image(world, default)
        usable = [row for row in rows if row.get("isready") and row.get("isfeatured")] or rows
        if usable:
            return max(usable, key=lambda row: str(row.get("created", "")))
    if name is not asked:
        raise Ec2Error("InvalidAMIID.NotFound", f"The image id '[{asked}]' stands for '{name}', which does not exist")
    if not (is_uuid(asked) or asked.startswith("ami-")):
        raise Ec2Error("InvalidAMIID.Malformed", f'Invalid id: "{asked}" (expecting "ami-...")')
    raise not_found("image", asked)


def _image(world: World, name: str) -> Row | None:
    for row in world.rows("image"):
        if name in {row.get("id"), row.get("name"), row.get("displaytext"), ec2_id("image", str(row["id"]))}:
            return row
    return None


def offering(world: World, asked: str) -> Row:
    """The service offering that an instance type means. Raises `Ec2Error`."""
    rows = world.rows("type")
    name = world.config.types.get(asked, asked)
    for row in rows:
        if name in {row.get("id"), row.get("name")}:
            return row
    fixed = [row for row in rows if row.get("memory") and not row.get("iscustomized")]
    if asked in MEMORY_GIB and name is asked and fixed:
        wanted_mib = MEMORY_GIB[asked] * 1024
        return min(fixed, key=lambda row: (abs(int(row["memory"]) - wanted_mib), str(row["name"])))
    raise not_found("type", asked)


def type_of(world: World, row: Row) -> str:
    """What a service offering is called where EC2 wants an instance type: its alias, else its name."""
    name, offering_id = row.get("name"), row.get("id")
    for alias, meant in world.config.types.items():
        if meant in {name, offering_id}:
            return alias
    return str(name)


def zone(world: World, asked: str | None) -> Row:
    """The zone that is meant; None: the configured or the only one. Raises `Ec2Error`."""
    rows = world.rows("zone")
    name: Any = asked or world.config.zone
    if name is not None:
        name = world.config.zones.get(name, name)
        for row in rows:
            if name in {row.get("id"), row.get("name")}:
                return row
    default = world.config.zone
    if asked and default:
        return zone(world, None)
    if asked and len(rows) > 1 and not _of_aws(asked):
        raise not_found("zone", asked)
    if rows:
        return rows[0]
    raise Ec2Error("InvalidParameterValue", "this cloud has no zone that can be used")


def _of_aws(name: str) -> bool:
    """Whether a name is one of AWS's zones, such as us-east-1b: meant for another cloud."""
    region, number = name[:-1], name[-2:-1]
    return name[-1:].isalpha() and number.isdigit() and region.count("-") >= 2
