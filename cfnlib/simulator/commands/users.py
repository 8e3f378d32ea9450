"""Changing users and accounts that are there."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from cfnlib.simulator.commands.accounts import shown_account, shown_user
from cfnlib.simulator.commands.domains import shown_domain
from cfnlib.simulator.errors import bad_value, not_permitted
from cfnlib.simulator.jobs import Work

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity


def user_of(call: Call) -> Entity:
    """The user the parameter `id` names, who must be the caller's to change."""
    user = call.world.get("user", call.text("id"))
    if user is None:
        raise bad_value("Unable to find active user by id")
    if not (call.is_admin or user["account"] == call.account.uuid or call.may_act_for(user["account"])):
        raise not_permitted(f"Account {call.account['name']} may not change user {user.uuid}")
    return user


def update_user(call: Call) -> dict[str, Any]:
    """Change a user's names or keys."""
    user = user_of(call)
    names = {"firstname": "firstname", "lastname": "lastname", "email": "email", "name": "username"}
    names |= {"apikey": "userapikey", "secretkey": "usersecretkey"}
    changes = {field: call.text(name) for field, name in names.items() if call.text(name)}
    taken = call.world.by("user", "apikey", changes.get("apikey")) if "apikey" in changes else []
    if any(one is not user for one in taken):
        raise bad_value("The API key is already in use")
    call.world.change(user, **changes)
    return {"user": shown_user(call, user)}


def set_state(call: Call, *, state: str) -> dict[str, Any]:
    """Enable, disable or lock a user: only an enabled one may call."""
    user = user_of(call)
    if user.get("isdefault"):
        raise bad_value("System default user can't be changed")
    call.world.change(user, state=state)
    return {"user": shown_user(call, user)}


def delete_user(call: Call) -> dict[str, Any]:
    """Delete a user; the account stays."""
    user = user_of(call)
    if user.get("isdefault"):
        raise bad_value("The user is system and can't be removed")
    call.world.remove(user)
    return {"success": True}


def update_account(call: Call) -> dict[str, Any]:
    """Rename an account."""
    account = call.entity("id", "account")
    if account is None:
        named = call.world.by("account", "name", call.text("account"))
        account = next((one for one in named if one["domain"] == call.text("domainid")), None)
    if account is None:
        raise bad_value("Unable to find account by id or name")
    name = call.text("newname")
    if name and any(one["domain"] == account["domain"] for one in call.world.by("account", "name", name)):
        raise bad_value(f"There already exists an account with the name {name} in the domain")
    if name:
        call.world.change(account, name=name)
    return {"account": shown_account(call, account)}


def list_children(call: Call) -> dict[str, Any]:
    """The domains below one: right below, or with `isrecursive` all."""
    world = call.world
    top = world.get("domain", call.text("id") or call.account["domain"])
    if top is None:
        raise bad_value("Domain id does not exist")
    deep = call.flag("isrecursive") or call.flag("listall")
    found = [
        one
        for one in world.each("domain")
        if (one["path"].startswith(top["path"] + "/") if deep else one.get("parent") == top.uuid)
        and call.text("name") in {None, one["name"]}
    ]
    return call.listing("domain", found, lambda one: shown_domain(call, one))


COMMANDS: dict[str, Callable[[Call], dict[str, Any]]] = {
    "updateUser": update_user,
    "enableUser": partial(set_state, state="enabled"),
    "lockUser": partial(set_state, state="locked"),
    "deleteUser": delete_user,
    "updateAccount": update_account,
    "listDomainChildren": list_children,
}
WORKS = {"disableUser": Work(partial(set_state, state="disabled"))}
