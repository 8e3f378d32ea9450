"""User data kept under a name, for machines to be made with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.simulator.commands.machines import check_user_data
from cfnlib.simulator.errors import ApiError, bad_value
from cfnlib.simulator.ownership import owner_fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity


def shown(call: Call, data: Entity) -> dict[str, Any]:
    """Kept user data."""
    view = {"id": data.uuid, "name": data["name"], "accountid": data["account"]}
    view |= owner_fields(call.world, data["account"]) | {"userdata": data["userdata"]}
    return view | ({"params": data["params"]} if data.get("params") else {}) | {"hasannotations": False}


def register(call: Call) -> dict[str, Any]:
    """Keep user data under a name that is new in the account."""
    owner, name, text = call.owner(), call.text("name"), check_user_data(call)
    if any(
        one["name"] == name or one["userdata"] == text for one in call.world.by("userdata", "account", owner.uuid)
    ):
        raise bad_value(f"A userdata with name {name} or the same content already exists for account {owner['name']}")
    data = call.world.add("userdata", name=name, userdata=text, params=call.text("params"), account=owner.uuid)
    return {"userdata": shown(call, data)}


def list_all(call: Call) -> dict[str, Any]:
    """What is kept."""
    found = [
        one
        for one in call.visible("userdata")
        if call.text("id") in {None, one.uuid}
        and call.text("name") in {None, one["name"]}
        and (call.text("keyword") or "").lower() in one["name"].lower()
    ]
    return call.listing("userdata", found, lambda one: shown(call, one))


def delete(call: Call) -> dict[str, Any]:
    """Forget user data, unless a machine was made with it."""
    data = call.need("id", "userdata", "unable to find userdata with id {number}")
    if any(one.get("userdata_id") == data.uuid for one in call.world.each("virtualmachine")):
        raise ApiError(530, 4250, f"Userdata {data['name']} cannot be removed as it is linked to active user VMs")
    call.world.remove(data)
    return {"success": True}


COMMANDS: dict[str, Callable[[Call], dict[str, Any]]] = {
    "registerUserData": register,
    "listUserData": list_all,
    "deleteUserData": delete,
}
