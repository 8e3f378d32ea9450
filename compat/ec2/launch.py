"""What of a launch has to be translated: disks, security groups, the network that is shared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from compat.ec2.faults import Ec2Error, not_found, unsupported
from compat.ec2.ids import ec2_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from compat.ec2.world import Row, World

ROOTS = frozenset({"/dev/sda1", "/dev/sda", "/dev/xvda", "/dev/xvda1", "/dev/vda"})
NETWORK = "cfnlib-ec2"
"""The network that is made where a zone has no security groups and the account no network."""
_GIB = 1 << 30
_CDROM = 3
"""The device id that CloudStack keeps for the CD. Source: CloudStack 4.19, attachVolume."""


_IMPOSSIBLE: Mapping[str, tuple[str, object, str]] = {
    "CpuOptions": ("", None, "the processors of a machine are its service offering's"),
    "DisableApiStop": ("", False, "a machine cannot be kept from being stopped by its owner"),
    "DisableApiTermination": ("", False, "a machine cannot be kept from being terminated by its owner"),
    "EnclaveOptions": ("Enabled", False, "CloudStack has no enclaves"),
    "HibernationOptions": ("Configured", False, "CloudStack does not hibernate machines: stop them"),
    "IamInstanceProfile": ("", None, "CloudStack has no roles for machines: hand keys over in the user data"),
    "InstanceInitiatedShutdownBehavior": ("", "stop", "a machine that shuts itself down is stopped, not terminated"),
    "Ipv6AddressCount": ("", 0, "this API gives addresses of IPv4"),
    "Ipv6Addresses": ("", None, "this API gives addresses of IPv4"),
    "KernelId": ("", None, "a machine starts the kernel that its image has"),
    "LaunchTemplate": ("", None, "nothing is stored here: give RunInstances the template's parameters"),
    "LicenseSpecifications": ("", None, "CloudStack counts no licenses"),
    "MetadataOptions": ("HttpTokens", "optional", "CloudStack's metadata asks for no tokens"),
    "RamdiskId": ("", None, "a machine starts with the RAM disk that its image has"),
}
"""What of a launch cannot be honoured: which member says so, the value that changes nothing, and why."""


@frozen
class Disk:
    """A volume beside the root: in GiB, None for a snapshot's size; `device_id` is CloudStack's."""

    device: str
    device_id: int
    size_gib: int | None
    snapshot_id: str | None = None


@frozen
class Disks:
    """The disks of a launch.

    `deploy` is what deployVirtualMachine takes (the root's size and one volume), `more` is made and attached when the
    machine is there. `kept` are the devices that stay when it is terminated, `devices` the names that were asked for.
    """

    deploy: Mapping[str, Any] = field(factory=dict)
    more: tuple[Disk, ...] = ()
    kept: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()

    def add_to(self, world: World, machine_id: str, zone_id: str) -> None:
        """Make and attach what the deployment could not."""
        for disk in self.more:
            created = world.done(
                "createVolume", **creation(world, disk.size_gib, disk.snapshot_id, zone_id, disk.device)
            )
            volume = created.get("volume", created)
            if disk.snapshot_id is not None and disk.size_gib is not None:
                world.done("resizeVolume", id=volume["id"], size=disk.size_gib)
            world.done("attachVolume", id=volume["id"], virtualmachineid=machine_id, deviceid=disk.device_id)


def check_possible(params: Mapping[str, Any]) -> None:
    """Raise `Ec2Error` for what is asked of a launch and cannot be had here."""
    for name, (member, harmless, reason) in _IMPOSSIBLE.items():
        said = params.get(name)
        value = said.get(member) if member and isinstance(said, dict) else said
        if value and value != harmless:
            raise unsupported(f"{name}: {reason}")


def check_plain(ebs: Mapping[str, Any]) -> None:
    """Raise `Ec2Error` for a volume that shall be encrypted or shared: that is for its disk offering to say."""
    for name in ("Encrypted", "KmsKeyId", "MultiAttachEnabled"):
        if ebs.get(name):
            raise unsupported(
                f"{name}: whether a volume is encrypted is its disk offering's, and it is attached to one machine: "
                "leave it out, and have the administrator make the disk offering one that encrypts"
            )


def disks_of(world: World, mappings: Iterable[Mapping[str, Any]]) -> Disks:
    """The disks that block device mappings ask for. Raises `Ec2Error`."""
    deploy: dict[str, Any] = {}
    more: list[Disk] = []
    kept, devices = [], []
    next_id = 1
    for mapping in mappings:
        device, ebs = mapping.get("DeviceName") or "", mapping.get("Ebs")
        if ebs is None or mapping.get("NoDevice") is not None:
            continue  # instance stores and suppressed devices: a machine of CloudStack has none of its image's
        check_plain(ebs)
        if device in ROOTS:
            deploy |= _root(ebs)
            continue
        size, snapshot_id = _content(world, device, ebs)
        if ebs.get("DeleteOnTermination") is False:
            kept.append(device)
        devices.append(f"{next_id} {device}")
        if snapshot_id is None and "diskofferingid" not in deploy:
            offering = disk_offering(world, int(size or 1))
            deploy["diskofferingid"] = offering["id"]
            if offering.get("iscustomized"):
                deploy["size"] = size
        else:
            more.append(Disk(device, next_id, size, snapshot_id))
        next_id += 2 if next_id + 1 == _CDROM else 1
    return Disks(deploy, tuple(more), tuple(kept), tuple(devices))


def _size(ebs: Mapping[str, Any]) -> int | None:
    size: int | None = ebs.get("VolumeSize")
    if size is not None and size < 1:
        raise Ec2Error("InvalidParameterValue", f"Volume of {size}GiB is too small; minimum is 1GiB.")
    return size


def _root(ebs: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked of a machine's root volume. Raises `Ec2Error`."""
    if ebs.get("DeleteOnTermination") is False:
        raise unsupported("DeleteOnTermination: the root volume of a machine of CloudStack goes with it")
    size = _size(ebs)
    return {} if size is None else {"rootdisksize": size}


def _content(world: World, device: str, ebs: Mapping[str, Any]) -> tuple[int | None, str | None]:
    """The size of a volume in GiB, None for its snapshot's, and the UUID of that. Raises `Ec2Error`."""
    size = _size(ebs)
    if ebs.get("SnapshotId") is not None:
        snapshot = world.one("snapshot", ebs["SnapshotId"])
        return size if grows(snapshot, size) else None, str(snapshot["id"])
    if size is None:
        raise Ec2Error("MissingParameter", f"The block device {device} needs a VolumeSize or a SnapshotId")
    return size, None


def grows(snapshot: Row, size_gib: int | None) -> bool:
    """Whether a volume of this size is larger than its snapshot. Raises `Ec2Error` when it is smaller."""
    least = -(-int(snapshot.get("virtualsize") or 0) // _GIB)
    if size_gib is not None and size_gib < least:
        text = f"Volume of size {size_gib}GB is smaller than snapshot '{ec2_id('snapshot', str(snapshot['id']))}'"
        raise Ec2Error("InvalidParameterValue", f"{text}, expect size >= {least}GB")
    return size_gib is not None and size_gib > least


def disk_offering(world: World, size_gib: int) -> Row:
    """An offering for a volume of this size: one of a custom size, else the smallest that is large enough."""
    rows = world.rows("diskoffering")
    custom = [row for row in rows if row.get("iscustomized")]
    if custom:
        return custom[0]
    enough = [row for row in rows if int(row.get("disksize") or 0) >= size_gib]
    if not enough:
        raise unsupported(f"no disk offering of this cloud is of a custom size, and none has {size_gib} GiB")
    return min(enough, key=lambda row: int(row["disksize"]))


def creation(world: World, size_gib: int | None, snapshot_id: str | None, zone_id: str, name: str) -> dict[str, Any]:
    """The parameters of a createVolume."""
    params: dict[str, Any] = {"name": name.rpartition("/")[2] or "volume", "zoneid": zone_id}
    if snapshot_id is not None:
        return {**params, "snapshotid": snapshot_id}
    offering = disk_offering(world, int(size_gib or 1))
    params["diskofferingid"] = offering["id"]
    if offering.get("iscustomized"):
        params["size"] = size_gib
    return params


def groups_asked(world: World, params: Mapping[str, Any]) -> list[Row]:
    """The security groups of a launch, by name, id, or of the first network interface. Raises `Ec2Error`."""
    names, ids = list(params.get("SecurityGroups") or ()), list(params.get("SecurityGroupIds") or ())
    for interface in params.get("NetworkInterfaces") or ():
        ids += interface.get("Groups") or ()
    rows = world.rows("securitygroup")
    by_name = {str(row["name"]): row for row in rows}
    by_id = {key: row for row in rows for key in (str(row["id"]), ec2_id("securitygroup", str(row["id"])))}
    found: dict[str, Row] = {}
    for asked, known in [(name, by_name) for name in names] + [(one, by_id) for one in ids]:
        if asked not in known:
            raise not_found("securitygroup", asked)
        found[str(known[asked]["id"])] = known[asked]
    if not found and "default" in by_name:
        return [by_name["default"]]
    return list(found.values())


def default_network(world: World, zone: Row) -> str:
    """The network of machines whose launcher names none, in a zone without security groups; made if there is none."""
    rows = [row for row in world.rows("subnet", zoneid=zone["id"]) if not row.get("vpcid")]
    usable = [row for row in rows if is_true(row.get("canusefordeploy", True))]
    for row in usable:
        if row.get("name") == NETWORK:
            return str(row["id"])
    if len(usable) == 1:
        return str(usable[0]["id"])
    with world.making:
        for row in world.rows("subnet", zoneid=zone["id"]):
            if row.get("name") == NETWORK:
                return str(row["id"])
        offerings = world.client.rows(
            "listNetworkOfferings",
            "networkoffering",
            {"state": "Enabled", "guestiptype": "Isolated", "forvpc": False, "supportedservices": "SourceNat"},
        )
        wanted = world.config.network_offering
        chosen = [row for row in offerings if wanted in {None, row.get("name"), row.get("id")}]
        if not chosen:
            raise unsupported("no network was named, and no network offering can be found to make one with")
        text = "Made by the EC2 API for machines whose launcher named no network"
        answer = world.call(
            "createNetwork",
            name=NETWORK,
            displaytext=text,
            zoneid=zone["id"],
            networkofferingid=chosen[0]["id"],
            gateway="10.1.0.1",
            netmask="255.255.0.0",
        )
        return str(answer.get("network", answer)["id"])


def is_true(value: object) -> bool:
    """Whether a truth value of CloudStack, which may come as a text, is true."""
    return value is True or str(value).lower() == "true"
