"""A machine of CloudStack as EC2 describes an instance.

CloudStack makes a machine in the state Stopped and then starts it, while a job is under way; `listVirtualMachines`
tells of that job. So a stopped machine with a job is `pending`. Whether a machine that is stopping will be gone, or
just stopped, is known from the job, which is asked for only where there is such a machine.

Source: CloudStack 4.19, recorded answers of listVirtualMachines (jobid and jobstatus 0 while a job is pending) and
listAsyncJobs (cmd, jobinstanceid); Amazon EC2 API reference, Instance, InstanceState.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cfnlib.drivers.cloudstack.tags import told_value
from compat.ec2.homes import mark
from compat.ec2.ids import ec2_id
from compat.ec2.marks import is_bare, is_mark, reservation_of, spot_request
from compat.ec2.names import type_of
from compat.ec2.nics import of_instance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from compat.ec2.marks import Marks
    from compat.ec2.world import Row, World

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
"""EC2's instance states and their codes."""
PATIENCE_S = 600.0
"""How long after its launch a machine may wait for its public address, in seconds (see `public_addresses`)."""
TAGS_S = 30.0
"""How long it may wait for the tags that it was launched with, which on EC2 it has from the beginning."""
DEVICE = "device"
"""The tag of a volume that was attached under a name which its place does not say."""
GONE = frozenset({"Destroyed", "Expunging", "Error"})
_DESTROY = "DestroyVMCmd"
_PLAIN = {
    "Running": "running",
    "Starting": "pending",
    "Stopping": "stopping",
    "Stopped": "stopped",
    "Migrating": "running",
    "Restoring": "pending",
    "Shutdown": "stopped",
    "Unknown": "pending",
}
_DEVICES = "abcdefghijklmnopqrstuvwxyz"


def device_name(device_id: int) -> str:
    """The device of a volume with this id on its machine: 0 is the root, 1 is /dev/sdb."""
    return "/dev/sda1" if device_id == 0 else f"/dev/sd{_DEVICES[device_id % 26]}"


def shown_device(volume: Row, marks: Marks | None) -> str:
    """The device of an attached volume: as its launch or its attachment named it, or by its place."""
    number = str(volume.get("deviceid", 0))
    asked = dict(text.split(" ", 1) for text in marks.devices) if marks is not None else {}
    return asked.get(number) or mark(volume, DEVICE) or device_name(int(number))


def state_of(row: Row, doomed: frozenset[str]) -> str:
    """EC2's state of a machine; `doomed` are the machines for which a removal is under way."""
    state = str(row.get("state"))
    if state in GONE:
        return "terminated"
    if str(row.get("id")) in doomed:
        return "shutting-down"
    if state == "Stopped" and "jobid" in row and int(row.get("jobstatus", 0)) == 0:
        return "pending"
    return _PLAIN.get(state, "pending")


def shown_state(world: World, row: Row, doomed: frozenset[str]) -> str:
    """EC2's state of a machine; one that runs and waits for its tags or its public address is `pending` still."""
    name, created = state_of(row, doomed), time_of(row.get("created"))
    if name != "running" or created is None:
        return name
    patience_s = 0.0
    if world.marks(row).public and not row.get("publicip"):
        patience_s = PATIENCE_S
    elif is_bare(row):
        patience_s = TAGS_S
    return "pending" if world.now() - created.timestamp() < patience_s else name


def doomed_among(world: World, rows: Iterable[Row]) -> frozenset[str]:
    """The machines that are about to be removed."""
    found = frozenset(world.doomed())
    if any(row.get("state") == "Stopping" or ("jobid" in row and row.get("state") == "Running") for row in rows):
        jobs = world.client.rows("listAsyncJobs", "asyncjobs")
        found |= {
            str(job["jobinstanceid"]) for job in jobs if _DESTROY in str(job.get("cmd")) and "jobinstanceid" in job
        }
    return found


def state(name: str) -> dict[str, Any]:
    """An InstanceState."""
    return {"Code": CODES[name], "Name": name}


def tags_of(row: Row) -> list[dict[str, str]]:
    """The tags of a thing that the user set, sorted by key."""
    tags = row.get("tags") or ()
    found = [
        {"Key": str(tag["key"]), "Value": told_value(tag.get("value"))}
        for tag in tags
        if not is_mark(str(tag["key"]))
    ]
    return sorted(found, key=lambda tag: tag["Key"])


def time_of(text: object) -> datetime | None:
    """A time of CloudStack (`2026-11-22T20:25:54+0000`), None when there is none."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except ValueError:
        return None


class Describer:
    """Describes machines; asks for offerings, volumes and removals once for all of them."""

    def __init__(self, world: World, rows: Sequence[Row], volumes: Iterable[Row] = ()) -> None:
        self._world = world
        self._doomed = doomed_among(world, rows)
        self._offerings = {str(row["id"]): row for row in world.rows("type")}
        self._volumes: dict[str, list[Row]] = defaultdict(list)
        for volume in volumes:
            self._volumes[str(volume.get("virtualmachineid"))].append(volume)
        self._types: dict[str, str] = {}

    def state(self, row: Row) -> str:
        """EC2's state of a machine."""
        return shown_state(self._world, row, self._doomed)

    def instance(self, row: Row) -> dict[str, Any]:
        """One machine."""
        world, uuid = self._world, str(row["id"])
        marks = world.marks(row)
        nics = row.get("nic") or []
        nic = next((one for one in nics if one.get("isdefault")), nics[0] if nics else {})
        private = nic.get("ipaddress")
        public = row.get("publicip")
        name = self.state(row)
        reservation, index = reservation_of(row)
        groups = groups_of(row, marks)
        reachable = (public or private) if name not in {"terminated", "shutting-down"} else ""
        found: dict[str, Any] = {
            "InstanceId": world.learn("instance", uuid),
            "ImageId": marks.image or ec2_id("image", str(row.get("templateid"))),
            "State": state(name),
            "PrivateDnsName": private or "",
            "PublicDnsName": reachable or "",
            "StateTransitionReason": "",
            "KeyName": row.get("keypairs") or None,
            "AmiLaunchIndex": index,
            "ProductCodes": [],
            "InstanceType": marks.type or self._type(row),
            "LaunchTime": time_of(row.get("created")),
            "Placement": {
                "AvailabilityZone": row.get("zonename"),
                "GroupName": _placement_group(row),
                "Tenancy": "default",
            },
            "Monitoring": {"State": "disabled"},
            "PrivateIpAddress": private,
            "PublicIpAddress": public,
            "Architecture": "i386" if "32-bit" in str(row.get("osdisplayname")) else "x86_64",
            "RootDeviceType": "ebs",
            "RootDeviceName": device_name(0),
            "BlockDeviceMappings": self._devices(uuid, marks),
            "VirtualizationType": "hvm",
            "ClientToken": marks.token,
            "Tags": tags_of(row),
            "SecurityGroups": groups,
            "VpcId": ec2_id("vpc", str(nic["vpcid"])) if nic.get("vpcid") else None,
            "SubnetId": ec2_id("subnet", str(nic["networkid"])) if nic.get("vpcid") else None,
            "NetworkInterfaces": of_instance(world, row, groups, time_of(row.get("created"))),
            "Hypervisor": "xen",
            "EbsOptimized": False,
            "InstanceLifecycle": "spot" if marks.spot else None,
            "SpotInstanceRequestId": spot_request(row, marks),
            "_reservation": reservation,
            "_owner": world.caller.account_number,
        }
        if row.get("state") == "Error":
            text = "Server.InternalError: the cloud could not start the machine"
            found["StateReason"] = {"Code": "Server.InternalError", "Message": text}
        return found

    def _type(self, row: Row) -> str:
        offering_id = str(row.get("serviceofferingid"))
        if offering_id not in self._types:
            offering = self._offerings.get(offering_id) or {"id": offering_id, "name": row.get("serviceofferingname")}
            self._types[offering_id] = type_of(self._world, offering)
        return self._types[offering_id]

    def _devices(self, uuid: str, marks: Marks) -> list[dict[str, Any]]:
        found = []
        for volume in sorted(self._volumes.get(uuid, ()), key=lambda row: int(row.get("deviceid", 0))):
            number = str(volume.get("deviceid", 0))
            ebs = {
                "VolumeId": self._world.learn("volume", str(volume["id"])),
                "Status": "attached",
                "AttachTime": time_of(volume.get("attached") or volume.get("created")),
                "DeleteOnTermination": volume.get("type") == "ROOT" or marks.dooms(number),
            }
            found.append({"DeviceName": shown_device(volume, marks), "Ebs": ebs})
        return found


def groups_of(row: Row, marks: Marks) -> list[dict[str, str]]:
    """The security groups of a machine: CloudStack's own, or those that were named where it has none."""
    real = [
        {"GroupName": str(group["name"]), "GroupId": ec2_id("securitygroup", str(group["id"]))}
        for group in row.get("securitygroup") or ()
    ]
    if real or not marks.groups:
        return sorted(real, key=lambda group: group["GroupName"])
    named = []
    for text in marks.groups:
        uuid, _, name = text.partition(" ")
        named.append({"GroupName": name, "GroupId": ec2_id("securitygroup", uuid)})
    return named


def reservations(instances: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The instances by their reservations: in the order of their launch, each by its launch index.

    The groups stand on the reservation as well as on the instance: scripts of EC2's first years look there.
    """
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for one in sorted(
        instances, key=lambda one: (str(one["LaunchTime"]), one["_reservation"], one["AmiLaunchIndex"])
    ):
        found[one["_reservation"]].append(one)
    return [
        {
            "ReservationId": name,
            "OwnerId": members[0]["_owner"],
            "Groups": members[0]["SecurityGroups"],
            "Instances": [_plain(one) for one in sorted(members, key=lambda one: one["AmiLaunchIndex"])],
        }
        for name, members in found.items()
    ]


def _plain(instance: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in instance.items() if not key.startswith("_") and value is not None}


def _placement_group(row: Row) -> str:
    return next((str(group["name"]) for group in row.get("affinitygroup") or ()), "")
