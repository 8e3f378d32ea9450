"""RunInstances: machines that are submitted, not waited for.

CloudStack answers `deployVirtualMachine` with the machine's id and a job, so a reservation of many machines costs
the calls alone, many at a time. What was asked for beyond what that call takes is put on the machines by threads of
the bridge, while the client has its answer already.

EC2's promise: at least MinCount machines or none. When fewer could be submitted, those that were are removed, and
the client gets the error of the first that could not be.
"""

from __future__ import annotations

import base64
import binascii
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from attrs import evolve, frozen

from cfnlib.errors import CfnlibError, ConflictError
from compat.ec2 import names
from compat.ec2.actions.attributes import remark
from compat.ec2.actions.placement_groups import placement_group
from compat.ec2.boot import user_data
from compat.ec2.faults import Ec2Error, as_ec2, not_found, unsupported
from compat.ec2.homes import Home, check_keys, put
from compat.ec2.ids import ec2_id
from compat.ec2.launch import Disks, check_possible, disks_of, groups_asked
from compat.ec2.launch_cards import network_for
from compat.ec2.machines import Describer, reservations
from compat.ec2.marks import Marks, display_name, machine_name, new_reservation, reservation_of
from compat.ec2.public_addresses import asked as public_asked
from compat.ec2.public_addresses import give, sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from compat.ec2.world import Row, World

MOST_AT_ONCE = 1000
"""The most machines of one request."""
_TYPE = "m1.small"
_TAGGED_AT_ONCE = 100


@frozen
class Launch:
    """What is the same for all machines of a reservation."""

    reservation: str
    params: Mapping[str, Any]
    disks: Disks
    marks: Marks
    tags: Mapping[str, str]
    volume_tags: Mapping[str, str]


def run_instances(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Submit machines."""
    least, most = _counts(params)
    token = params.get("ClientToken")
    reservation = new_reservation(f"{world.caller.domain_id}/{world.caller.account}", token)
    if token is not None:
        before = _of_reservation(world, reservation)
        if before:
            _check_same(world, before, params)
            return _answer(world, before)
    launch = prepared(world, params, reservation, _market(params))
    rows = submitted(world, launch, least, most)
    return _answer(world, rows)


def _check_same(world: World, rows: Sequence[Row], params: Mapping[str, Any]) -> None:
    """Raise `Ec2Error` when machines of a client token are others than those that are asked for now."""
    asked = {"type": params.get("InstanceType") or _TYPE, "image": params.get("ImageId")}
    for row in rows:
        marks = world.marks(row)
        if any(getattr(marks, name) not in {"", value} for name, value in asked.items()):
            text = "Arguments on this idempotent request are inconsistent with arguments used in previous request(s)."
            raise Ec2Error("IdempotentParameterMismatch", text)


def _market(params: Mapping[str, Any]) -> Marks | None:
    """What is kept of machines that are to be spot instances; None for others. Raises `Ec2Error`."""
    options = params.get("InstanceMarketOptions") or {}
    if options.get("MarketType") in {None, ""}:
        return None
    if options["MarketType"] != "spot":
        raise unsupported(f"MarketType {options['MarketType']}: there are spot instances here, and the others")
    spot = options.get("SpotOptions") or {}
    return Marks(
        spot=ec2_id("spot", params.get("ClientToken") or uuid4().hex), spot_price=str(spot.get("MaxPrice") or "")
    )


def prepared(world: World, params: Mapping[str, Any], reservation: str, marks: Marks | None = None) -> Launch:
    """All that can be wrong with a request, found before the first machine is made. Raises `Ec2Error`."""
    check_possible(params)
    asked_type, asked_image = params.get("InstanceType") or _TYPE, params.get("ImageId")
    if not asked_image:
        raise Ec2Error("MissingParameter", "The request must contain the parameter ImageId")
    zone = names.zone(world, (params.get("Placement") or {}).get("AvailabilityZone"))
    image, offering = names.image(world, asked_image), names.offering(world, asked_type)
    groups = groups_asked(world, params)
    disks = disks_of(world, params.get("BlockDeviceMappings") or ())
    deploy: dict[str, Any] = {
        "zoneid": zone["id"],
        "templateid": image["id"],
        "serviceofferingid": offering["id"],
        "userdata": base64.b64encode(user_data(_given(params.get("UserData")))).decode(),
        **disks.deploy,
        **network_for(world, zone, params, groups),
    }
    key_name = params.get("KeyName")
    if key_name:
        if key_name not in {row["name"] for row in world.rows("keypair")}:
            raise not_found("keypair", key_name)
        deploy["keypair"] = key_name
    placement = params.get("Placement") or {}
    if placement.get("Tenancy") not in {None, "default"}:
        raise unsupported("machines share their hosts; CloudStack's administrator dedicates hosts to accounts")
    group_name = placement.get("GroupName") or placement.get("GroupId")
    if group_name:
        deploy["affinitygroupids"] = placement_group(world, group_name)["id"]
    kept = Marks(
        type=asked_type,
        image=asked_image,
        groups=tuple(f"{row['id']} {row['name']}" for row in groups),
        token=params.get("ClientToken") or "",
        kept=disks.kept,
        devices=disks.devices,
        public="yes" if public_asked(world, params, deploy) else "",
    )
    if marks is not None:
        kept = evolve(kept, spot=marks.spot, spot_price=marks.spot_price, launch_group=marks.launch_group)
    return Launch(reservation, deploy, disks, kept, _tags(params, "instance"), _tags(params, "volume"))


def submitted(world: World, launch: Launch, least: int, most: int) -> list[Row]:
    """Submit the machines, and give them as CloudStack lists them. Raises `Ec2Error` when there are too few."""
    answers = world.together([_deploy(world, launch, index) for index in range(most)])
    made = [str(answer["id"]) for answer in answers if not isinstance(answer, BaseException)]
    failures = [answer for answer in answers if isinstance(answer, BaseException)]
    for uuid in made:
        world.mark(uuid, launch.marks)
    if failures and all(isinstance(failure, ConflictError) for failure in failures):
        there = _of_reservation(world, launch.reservation)
        if len(there) >= least:  # the same request, sent twice, has come another way: these are its machines
            return there
    if len(made) < least:
        world.together([_destroy(world, uuid) for uuid in made])
        first = failures[0]
        raise as_ec2(first) if isinstance(first, CfnlibError) else first
    world.behind(
        [_tag(world, launch, made[first : first + _TAGGED_AT_ONCE]) for first in range(0, len(made), _TAGGED_AT_ONCE)]
    )
    if launch.marks.public:
        world.behind([lambda: sweep(world)])
    return _listed(world, made)


def _deploy(world: World, launch: Launch, index: int) -> Callable[[], Row]:
    name = machine_name(launch.reservation, index)

    def work() -> Row:
        shown_as = display_name(name, (text.split(" ", 1)[0] for text in launch.marks.groups))
        return world.call("deployVirtualMachine", name=name, displayname=shown_as, **launch.params)

    return work


def _destroy(world: World, uuid: str) -> Callable[[], Row]:
    extra = {"expunge": True} if world.may_expunge() else {}
    return lambda: world.call("destroyVirtualMachine", id=uuid, **extra)


def _tag(world: World, launch: Launch, uuids: Sequence[str]) -> Callable[[], None]:
    """Put the tags on machines, which are the same for all, and then what else each is to have.

    When they cannot be had together, as when one of the machines is gone already, each has its own.
    """

    def work() -> None:
        tags = {**launch.marks.as_tags(), **launch.tags}
        pairs = [{"key": key, "value": value} for key, value in tags.items()]
        try:
            world.done("createTags", resourceids=list(uuids), resourcetype="UserVm", tags=pairs)
        except CfnlibError:
            if len(uuids) == 1:
                raise
            world.behind([_tag(world, launch, [uuid]) for uuid in uuids])
        else:
            world.behind([_dress(world, launch, uuid, pairs) for uuid in uuids])

    return work


def _dress(world: World, launch: Launch, uuid: str, pairs: Sequence[Mapping[str, str]]) -> Callable[[], None]:
    """Make and attach the volumes that the deployment cannot make, and what else a machine with its tags lacks."""

    def work() -> None:
        launch.disks.add_to(world, uuid, str(launch.params["zoneid"]))
        if launch.volume_tags:
            for row in world.rows("volume", virtualmachineid=uuid):
                put(world, Home("Volume", str(row["id"])), launch.volume_tags)
        if launch.marks.public:
            given = False
            try:
                given = give(world, uuid)
            finally:
                if not given:  # nobody need wait for it any more
                    with suppress(CfnlibError):  # the machine may be gone
                        remark(world, {"id": uuid, "tags": pairs}, public="")

    return work


def _listed(world: World, uuids: Sequence[str]) -> list[Row]:
    """The machines as CloudStack lists them: each one is there as soon as its deployment is answered."""
    for pause_s in (0.0, 0.2, 0.5):
        time.sleep(pause_s)
        wanted = set(uuids)
        rows = [row for row in world.rows("instance", **_ids(uuids)) if row["id"] in wanted]
        if len(rows) == len(wanted):
            break
    return rows


def _ids(uuids: Sequence[str]) -> dict[str, Any]:
    return {"ids": list(uuids)} if len(uuids) <= 100 else {}


def _of_reservation(world: World, reservation: str) -> list[Row]:
    rows = world.rows("instance", keyword=reservation)
    return [row for row in rows if reservation_of(row)[0] == reservation]


def _answer(world: World, rows: Sequence[Row]) -> dict[str, Any]:
    describer = Describer(world, rows)
    found = reservations(describer.instance(row) for row in rows)
    return found[0]


def _counts(params: Mapping[str, Any]) -> tuple[int, int]:
    least, most = int(params["MinCount"]), int(params["MaxCount"])
    if least < 1 or most < least:
        raise Ec2Error("InvalidParameterValue", f"MinCount {least} and MaxCount {most}: 1 <= MinCount <= MaxCount")
    if most > MOST_AT_ONCE:
        raise Ec2Error("InstanceLimitExceeded", f"at most {MOST_AT_ONCE} instances can be asked for at once")
    return least, most


def _given(text: str | bytes | None) -> bytes | None:
    """The client's own user data, which comes in base64."""
    try:
        return base64.b64decode(text) if isinstance(text, str) else text
    except (binascii.Error, ValueError):
        raise Ec2Error("InvalidParameterValue", "Invalid BASE64 encoding of user data") from None


def _tags(params: Mapping[str, Any], resource_type: str) -> dict[str, str]:
    """The tags that are asked for, for machines or for their volumes. Raises `Ec2Error`."""
    found: dict[str, str] = {}
    for one in params.get("TagSpecifications") or ():
        kind = one.get("ResourceType")
        if kind not in {"instance", "volume"} and one.get("Tags"):
            raise unsupported(f"{kind}: of what a launch makes, machines and their volumes carry tags")
        if kind == resource_type:
            found.update({tag["Key"]: tag.get("Value") or "" for tag in one.get("Tags") or ()})
    check_keys(found)
    return found


ACTIONS = {"RunInstances": run_instances}
