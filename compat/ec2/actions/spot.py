"""Spot requests: granted at once, at whatever price, because a CloudStack has no market.

A request is kept on its machine (`Marks.spot`), so it lasts as long as the machine does. Cancelling it leaves the
machine, as on EC2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from compat.ec2.actions.attributes import remark
from compat.ec2.actions.instances import machines
from compat.ec2.actions.run import MOST_AT_ONCE, prepared, submitted
from compat.ec2.faults import Ec2Error, not_found, unsupported
from compat.ec2.filters import filtered
from compat.ec2.homes import tags_asked
from compat.ec2.ids import ec2_id
from compat.ec2.machines import GONE, tags_of, time_of
from compat.ec2.marks import Marks, new_reservation, spot_request
from compat.ec2.pages import paged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compat.ec2.world import Row, World

FILTERS: dict[str, Any] = {
    "instance-id": "InstanceId",
    "launch-group": "LaunchGroup",
    "launch.image-id": "LaunchSpecification.ImageId",
    "launch.instance-type": "LaunchSpecification.InstanceType",
    "launch.key-name": "LaunchSpecification.KeyName",
    "spot-instance-request-id": "SpotInstanceRequestId",
    "spot-price": "SpotPrice",
    "state": "State",
    "status-code": "Status.Code",
    "type": "Type",
}


def request_spot_instances(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Make the machines, and say that the requests are active."""
    count = int(params.get("InstanceCount") or 1)
    if not 1 <= count <= MOST_AT_ONCE:
        raise Ec2Error("InvalidParameterValue", f"InstanceCount {count}: it is 1 to {MOST_AT_ONCE}")
    price = str(params.get("SpotPrice") or "")
    if price:
        try:
            good = float(price) > 0
        except ValueError:
            good = False
        if not good:
            raise Ec2Error("InvalidParameterValue", f"Invalid value '{price}' for SpotPrice.")
    if params.get("Type") not in {None, "", "one-time"}:
        raise unsupported("a spot request is granted at once and for good here: its type is one-time")
    if tags_asked(params, "spot-instances-request"):
        raise unsupported("a spot request is its machine here: tag that with CreateTags")
    wanted = dict(params.get("LaunchSpecification") or {})
    token = params.get("ClientToken")
    reservation = new_reservation(f"{world.caller.domain_id}/{world.caller.account}", token)
    marks = Marks(
        spot=ec2_id("spot", token or uuid4().hex), spot_price=price, launch_group=params.get("LaunchGroup") or ""
    )
    launch = prepared(world, {**wanted, "ClientToken": token}, reservation, marks)
    rows = submitted(world, launch, count, count)
    return {"SpotInstanceRequests": [_described(world, row) for row in rows]}


def describe_spot_instance_requests(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The requests whose machines are there, or were until not long ago."""
    rows = [row for row in machines(world, None) if world.marks(row).spot]
    found = [_described(world, row) for row in rows]
    asked = params.get("SpotInstanceRequestIds")
    if asked:
        known = {one["SpotInstanceRequestId"] for one in found}
        for name in asked:
            if name not in known:
                raise not_found("spot", name)
        found = [one for one in found if one["SpotInstanceRequestId"] in asked]
    chosen = filtered(found, params.get("Filters"), FILTERS)
    chosen.sort(key=_place)
    page, token = paged(chosen, params, _place)
    return {"SpotInstanceRequests": page, "NextToken": token}


def cancel_spot_instance_requests(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Keep that the requests are cancelled; their machines stay."""
    known = {spot_request(row, world.marks(row)): row for row in machines(world, None)}
    for name in params["SpotInstanceRequestIds"]:
        if name not in known:
            raise not_found("spot", name)
    cancelled = []
    for name in params["SpotInstanceRequestIds"]:
        gone = known[name].get("state") in GONE
        if not gone:
            remark(world, known[name], spot_state="cancelled")
        cancelled.append({"SpotInstanceRequestId": name, "State": "closed" if gone else "cancelled"})
    return {"CancelledSpotInstanceRequests": cancelled}


def _place(request: Mapping[str, Any]) -> str:
    """A request's place in a list: the oldest first."""
    return f"{request['CreateTime']} {request['SpotInstanceRequestId']}"


def describe_spot_price_history(_world: World, _params: Mapping[str, Any]) -> dict[str, Any]:
    """There is no market, so there is no history."""
    return {"SpotPriceHistory": [], "NextToken": ""}


def _described(world: World, row: Row) -> dict[str, Any]:
    marks = world.marks(row)
    gone = row.get("state") in GONE
    created = time_of(row.get("created"))
    if marks.spot_state:
        status = {"Code": "request-canceled-and-instance-running", "Message": "Your spot request is cancelled."}
    elif gone:
        status = {"Code": "instance-terminated-by-user", "Message": "The instance is gone."}
    else:
        status = {"Code": "fulfilled", "Message": "Your spot request is fulfilled."}
    return {
        "SpotInstanceRequestId": spot_request(row, marks),
        "SpotPrice": marks.spot_price or None,
        "Type": "one-time",
        "State": marks.spot_state or ("closed" if gone else "active"),
        "Status": {**status, "UpdateTime": created},
        "LaunchGroup": marks.launch_group or None,
        "LaunchSpecification": {
            "ImageId": marks.image,
            "InstanceType": marks.type,
            "KeyName": row.get("keypairs") or None,
            "Placement": {"AvailabilityZone": row.get("zonename")},
        },
        "InstanceId": world.learn("instance", str(row["id"])),
        "CreateTime": created,
        "ProductDescription": "Linux/UNIX",
        "LaunchedAvailabilityZone": row.get("zonename"),
        "Tags": tags_of(row),
    }


ACTIONS = {
    "CancelSpotInstanceRequests": cancel_spot_instance_requests,
    "DescribeSpotInstanceRequests": describe_spot_instance_requests,
    "DescribeSpotPriceHistory": describe_spot_price_history,
    "RequestSpotInstances": request_spot_instances,
}
