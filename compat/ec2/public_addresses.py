"""Public addresses of machines in zones without security groups: how they are had, and those that come with a launch.

On EC2 a machine that is launched has a public address, by which scripts reach it (`dnsName`). In a zone of CloudStack
without security groups it has a private one, behind its network's router. Where the operator wants it
(`--public-addresses`) or the launch asks for it (`AssociatePublicIpAddress`), each machine is given an address with
static NAT, whose firewall lets through what the machine's groups allow (`firewall`). Until it has it the machine is
`pending`, so that nobody who waits for it takes its private address for its public one.

Such an address bears its machine's UUID in a tag, is none of those that DescribeAddresses tells of, as on EC2, and is
given back when the machine is terminated; an address whose machine has gone another way is given back at the next
launch or termination. If the bridge dies before the address has its tag, the address is left as one that was
allocated and is associated with nothing; if it dies before the machine has it, the machine is `running` without one
after `PATIENCE_S`.

Source: CloudStack 4.19, associateIpAddress: the first address of an isolated network is the one its router goes out
by, if it has none yet, and cannot be mapped (IpAddressManagerImpl); createFirewallRule needs no static NAT.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from cfnlib.errors import CapacityError, CfnlibError, LimitError, NotFoundError
from compat.ec2.faults import Ec2Error
from compat.ec2.firewall import change, wanted
from compat.ec2.launch import is_true
from compat.ec2.machines import GONE, PATIENCE_S
from compat.ec2.marks import PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compat.ec2.world import Row, World

OF = f"{PREFIX}instance"
"""The key of the tag that says which machine an address came with."""


def asked(world: World, params: Mapping[str, Any], deploy: Mapping[str, Any]) -> bool:
    """Whether the machines of a launch are to have public addresses; `deploy` is what deployVirtualMachine is told.

    One in a VPC is not, for a VPC of CloudStack has no security groups that would guard it (see `launch_cards`).
    """
    said = [one.get("AssociatePublicIpAddress") for one in params.get("NetworkInterfaces") or ()]
    explicit = next((one for one in said if one is not None), None)
    wanted_here = world.public_addresses if explicit is None else explicit
    networks = deploy.get("networkids") or [one["networkid"] for one in deploy.get("iptonetworklist") or ()]
    if not wanted_here or not networks:
        return False
    return all(row.get("vpcid") is None for row in world.rows("subnet", id=networks[0]))


def new_address(world: World, place: Mapping[str, str], ip: str | None = None) -> Row:
    """A further address of a network or VPC (`place`: networkid or vpcid), this one if it is named.

    Raises `Ec2Error`, or what the CloudStack driver raises.
    """
    if ip is not None and "networkid" in place:
        rows = world.rows("address", associatednetworkid=place["networkid"])
        if not any(is_true(row.get("issourcenat")) for row in rows):
            first = _associated(world, place, None)
            if not is_true(first.get("issourcenat")):
                world.done("disassociateIpAddress", id=first["id"])
    row = _associated(world, place, ip)
    if is_true(row.get("issourcenat")):  # the network's own way out, which it would have taken in any case
        row = _associated(world, place, ip)
    if is_true(row.get("issourcenat")):
        raise Ec2Error("InvalidParameterValue", f"the network goes out by {row['ipaddress']}, which it keeps")
    return row


def _associated(world: World, place: Mapping[str, str], ip: str | None) -> Row:
    try:
        answer = world.done("associateIpAddress", **place, ipaddress=ip)
    except LimitError as error:
        raise Ec2Error("AddressLimitExceeded", str(error)) from None
    except CapacityError as error:
        if ip is not None:
            raise Ec2Error("InvalidAddress.NotFound", f"Address '{ip}' is none that is free here.") from None
        raise Ec2Error("InsufficientAddressCapacity", str(error), 503) from None
    row: Row = answer.get("ipaddress", answer)
    return row


def came_with(row: Row) -> str | None:
    """The machine (its UUID) that an address came with, None for one that was allocated."""
    return next((str(tag["value"]) for tag in row.get("tags") or () if tag["key"] == OF), None)


def give(world: World, uuid: str) -> bool:
    """Give a machine its address as soon as it runs; gives whether it has one then.

    A machine that does not run has none; nor has one when this server ends before it runs. Raises what goes wrong,
    and leaves nothing of the address then.
    """
    row = _running(world, uuid)
    nic = next((one for one in (row or {}).get("nic") or () if one.get("isdefault")), None)
    if row is None or nic is None:
        return False
    address = new_address(world, {"networkid": str(nic["networkid"])})
    door = str(address["id"])
    try:
        tags = [{"key": OF, "value": uuid}]
        world.done("createTags", resourceids=door, resourcetype="PublicIpAddress", tags=tags)
        before = wanted(world, row, nic["networkid"])
        change(world, {door: (frozenset(), before)})
        world.call("enableStaticNat", ipaddressid=door, virtualmachineid=uuid, networkid=nic["networkid"])
        change(
            world, {door: (before, wanted(world, row, nic["networkid"]))}
        )  # what changed before the firewall was this machine's
    except CfnlibError:
        world.done("disassociateIpAddress", id=door)
        raise
    return True


def give_back(world: World, machine: Row) -> None:
    """Take back the address that came with a machine, for it is to have another."""
    for row in world.rows("address"):
        if came_with(row) == str(machine["id"]):
            world.done("disassociateIpAddress", id=row["id"])


def sweep(world: World) -> None:
    """Give back the addresses whose machines are gone, or about to be."""
    rows = [row for row in world.rows("address") if came_with(row)]
    if not rows:
        return
    live = {str(row["id"]) for row in world.rows("instance") if row.get("state") not in GONE} - set(world.doomed())
    for row in rows:
        if came_with(row) not in live:
            try:
                world.done("disassociateIpAddress", id=row["id"])
            except NotFoundError:
                continue  # another bridge was faster


def _running(world: World, uuid: str) -> Row | None:
    """A machine as soon as it runs; None when it is gone, stopped again, or not there in time."""
    pause_s, until = 0.1, time.monotonic() + PATIENCE_S
    while time.monotonic() < until and not world.closing.is_set():
        row = next((row for row in world.rows("instance", id=uuid) if row.get("state") not in GONE), None)
        if row is None or row.get("state") == "Running":
            return row
        if row.get("state") == "Stopped" and "jobid" not in row:
            return None
        world.closing.wait(pause_s)
        pause_s = min(pause_s * 1.5, 2.0)
    return None
