"""What can be bought: service, disk, network and VPC offerings."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

from cfnlib.simulator.api import read_data
from cfnlib.simulator.commands.infrastructure import shown_matching
from cfnlib.simulator.encode import when
from cfnlib.simulator.errors import bad_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity


def _list(call: Call, *, kind: str, element: str, filters: tuple[str, ...]) -> dict[str, Any]:
    if "id" in call.values and (one := call.entity("id", kind)) is not None:
        return call.listing(element, [one["view"]])
    return call.listing(element, shown_matching(call, kind, filters), lambda one: one["view"])


def list_network_offerings(call: Call) -> dict[str, Any]:
    """Network offerings; `supportedservices` leaves those with all of the services named."""
    found = shown_matching(
        call, "networkoffering", ("id", "state", "guestiptype", "forvpc", "isdefault", "availability")
    )
    wanted = set(call.items("supportedservices"))
    if wanted:
        found = [one for one in found if wanted <= {service["name"] for service in one["view"]["service"]}]
    return call.listing("networkoffering", found, lambda one: one["view"])


@cache
def _recorded(kind: str) -> dict[str, Any]:
    """An offering of the recorded cloud: a new one has the same fields."""
    return dict(read_data("world.json.gz")[kind][0])


def create_service_offering(call: Call) -> dict[str, Any]:
    """A new size of machine."""
    numbers = [call.whole(name) for name in ("cpunumber", "cpuspeed", "memory")]
    custom = all(number is None for number in numbers)
    if not custom and any(number is None or number <= 0 for number in numbers):
        raise bad_value("For creating a custom compute offering cpu, cpu speed and memory all should be null")
    world = call.world
    like = _recorded("serviceoffering")
    size = dict(zip(("cpunumber", "cpuspeed", "memory"), numbers, strict=True))
    view = {key: value for key, value in like.items() if key not in size} | {
        "id": world.new_uuid(),
        "name": call.text("name"),
        "displaytext": call.text("displaytext") or call.text("name"),
        "created": when(world.now),
        "iscustomized": custom,
    }
    view |= {key: value for key, value in size.items() if value is not None}
    view["storagetype"] = call.text("storagetype") or "shared"
    world.add("serviceoffering", id=view["id"], name=view["name"], view=view)
    return {"serviceoffering": view}


def create_disk_offering(call: Call) -> dict[str, Any]:
    """A new size of disk; without `disksize` each volume says its own."""
    world = call.world
    size, custom = call.whole("disksize"), call.flag("customized")
    if size is None and not custom:
        raise bad_value("Disksize is required for a non-customized disk offering")
    like = _recorded("diskoffering")
    view = like | {
        "id": world.new_uuid(),
        "name": call.text("name"),
        "displaytext": call.text("displaytext") or call.text("name"),
        "disksize": 0 if custom else size,
        "iscustomized": custom,
        "created": when(world.now),
    }
    world.add("diskoffering", id=view["id"], name=view["name"], view=view)
    return {"diskoffering": view}


def _delete(call: Call, *, kind: str) -> dict[str, Any]:
    call.world.remove(call.need("id", kind))
    return {"success": True}


def size_of(offering: Entity, details: dict[str, str]) -> tuple[int, int, int]:
    """Cores, MHz a core and MiB of a machine with an offering; a custom one takes them from the details."""
    view = offering["view"]
    if not view["iscustomized"]:
        return view["cpunumber"], view["cpuspeed"], view["memory"]
    try:
        return int(details["cpuNumber"]), int(details.get("cpuSpeed", 500)), int(details["memory"])
    except (KeyError, ValueError):
        raise bad_value(
            "Need to specify custom parameter values cpuNumber, cpuSpeed and memory when using custom offering"
        ) from None


COMMANDS: dict[str, Callable[[Call], dict[str, Any]]] = {
    "listServiceOfferings": partial(
        _list, kind="serviceoffering", element="serviceoffering", filters=("id", "issystem", "cpunumber", "memory")
    ),
    "listDiskOfferings": partial(_list, kind="diskoffering", element="diskoffering", filters=("id",)),
    "listNetworkOfferings": list_network_offerings,
    "listVPCOfferings": partial(
        _list, kind="vpcoffering", element="vpcoffering", filters=("id", "state", "isdefault")
    ),
    "createServiceOffering": create_service_offering,
    "deleteServiceOffering": partial(_delete, kind="serviceoffering"),
    "createDiskOffering": create_disk_offering,
    "deleteDiskOffering": partial(_delete, kind="diskoffering"),
}
