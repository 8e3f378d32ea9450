"""Accounts, users and their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.simulator.encode import when
from cfnlib.simulator.errors import bad_value, not_permitted
from cfnlib.simulator.jobs import Work
from cfnlib.simulator.limits import UNLIMITED, amount_of, limit_of
from cfnlib.simulator.seed import DEFAULT_LIMITS, new_keys

if TYPE_CHECKING:
    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity, World

# How answers call the resources, in their order: (prefix of the three fields, resource).
COUNTED_FIRST = (
    ("vm", "user_vm"),
    ("ip", "public_ip"),
    ("volume", "volume"),
    ("snapshot", "snapshot"),
    ("template", "template"),
)
COUNTED_THEN = (
    ("project", "project"),
    ("network", "network"),
    ("vpc", "vpc"),
    ("cpu", "cpu"),
    ("memory", "memory"),
    ("primarystorage", "primary_storage"),
    ("secondarystorage", "secondary_storage"),
)
ROLE_OF_TYPE = {0: "User", 1: "Root Admin", 2: "Domain Admin"}


def counted(world: World, account: Entity, what: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """The fields that tell limit, total and what is left of resources."""
    fields: dict[str, Any] = {}
    for prefix, resource in what:
        limit, total = limit_of(account, resource), amount_of(world, account.uuid, resource)
        exact = resource == "secondary_storage"
        free = limit - total
        fields[prefix + "limit"] = "Unlimited" if limit == UNLIMITED else str(limit)
        fields[prefix + "total"] = float(total) if exact else total
        fields[prefix + "available"] = "Unlimited" if limit == UNLIMITED else str(float(free) if exact else free)
    return fields


def machine_counts(world: World, account: str) -> dict[str, int]:
    """How many machines of an account are stopped, and run."""
    states = [one["state"] for one in world.by("virtualmachine", "account", account)]
    return {"vmstopped": states.count("Stopped"), "vmrunning": states.count("Running")}


def shown_user(call: Call, user: Entity, *, nested: bool = False) -> dict[str, Any]:
    """A user; the key is shown, the secret never."""
    world = call.world
    account = world.need("account", user["account"])
    domain, role = world.need("domain", account["domain"]), world.need("role", account["role"])
    view = {
        "id": user.uuid,
        "username": user["name"],
        "firstname": user["firstname"],
        "lastname": user["lastname"],
        "email": user["email"],
        "created": when(user["created"]),
        "state": user["state"],
        "account": account["name"],
        "accounttype": account["type"],
        "usersource": "native",
        "roleid": role.uuid,
        "roletype": role["roletype"],
        "rolename": role["name"],
        "domainid": domain.uuid,
        "domain": domain["name"],
    }
    if user.get("apikey"):
        view["apikey"] = user["apikey"]
    below = not nested and domain.uuid != call.account["domain"] and call.command.name == "listUsers"
    return view | {
        "accountid": account.uuid,
        "iscallerchilddomain": below,
        "isdefault": bool(user.get("isdefault")),
        "is2faenabled": False,
        "is2famandated": False,
    }


def shown_account(call: Call, account: Entity) -> dict[str, Any]:
    """An account with its users and what it may have."""
    world = call.world
    domain, role = world.need("domain", account["domain"]), world.need("role", account["role"])
    view = {
        "id": account.uuid,
        "name": account["name"],
        "accounttype": account["type"],
        "roleid": role.uuid,
        "roletype": role["roletype"],
        "rolename": role["name"],
        "domainid": domain.uuid,
        "domain": domain["name"],
        "domainpath": domain["path"],
    }
    view |= counted(world, account, COUNTED_FIRST) | machine_counts(world, account.uuid)
    view |= counted(world, account, COUNTED_THEN) | {"state": account["state"]}
    if not account.get("isdefault"):
        view["created"] = when(account["created"])
    users = [shown_user(call, user, nested=True) for user in world.by("user", "account", account.uuid)]
    return view | {"user": users, "isdefault": bool(account.get("isdefault")), "groups": []}


def _domain_of(call: Call) -> Entity:
    uuid = call.text("domainid")
    if uuid is None:
        return call.world.need("domain", call.account["domain"])
    domain = call.world.get("domain", uuid)
    if domain is None:
        raise bad_value("Please specify a valid domain ID.")
    return domain


def create_account(call: Call) -> dict[str, Any]:
    """An account and its first user."""
    world = call.world
    username = call.text("username") or ""
    name, domain = call.text("account") or username, _domain_of(call)
    if any(one["domain"] == domain.uuid for one in world.by("account", "name", name)):
        raise bad_value(f"The specified account: {name} already exists")
    role = call.entity("roleid", "role")
    if role is None:
        kind = call.whole("accounttype")
        if kind is None:
            raise bad_value("Both account type and role ID are not provided")
        role = next((one for one in world.each("role") if one["name"] == ROLE_OF_TYPE.get(kind)), None)
    if role is None:
        raise bad_value("Invalid account type or role")
    kinds = {"Admin": 1, "DomainAdmin": 2, "ResourceAdmin": 3}
    account = world.add(
        "account",
        name=name,
        type=kinds.get(role["roletype"], 0),
        role=role.uuid,
        roletype=role["roletype"],
        domain=domain.uuid,
        state="enabled",
        limits={} if role["roletype"] == "Admin" else dict(DEFAULT_LIMITS),
    )
    _add_user(call, account, username)
    return {"account": shown_account(call, account)}


def _add_user(call: Call, account: Entity, username: str) -> Entity:
    return call.world.add(
        "user",
        name=username,
        firstname=call.text("firstname"),
        lastname=call.text("lastname"),
        email=call.text("email"),
        account=account.uuid,
        state="enabled",
    )


def create_user(call: Call) -> dict[str, Any]:
    """A further user of an account."""
    world, domain = call.world, _domain_of(call)
    accounts = [one for one in world.by("account", "name", call.text("account")) if one["domain"] == domain.uuid]
    if not accounts:
        raise bad_value(f"Unable to find account {call.text('account')} in domain id={domain.uuid} to create user")
    username = call.text("username") or ""
    if any(
        world.need("account", one["account"])["domain"] == domain.uuid
        for one in world.each("user")
        if one["name"] == username
    ):
        raise bad_value(f"The user {username} already exists in domain {domain.uuid}")
    return {"user": shown_user(call, _add_user(call, accounts[0], username))}


def list_accounts(call: Call) -> dict[str, Any]:
    """The caller's own account, or with `listall` all an admin may see."""
    world = call.world
    sees_all = call.role != "User" and (call.flag("listall") or {"id", "name", "domainid"} & call.values.keys())
    found = [
        one
        for one in world.each("account")
        if one["type"] != 5
        and (one is call.account or (sees_all and (call.is_admin or call.may_act_for(one.uuid))))
        and call.text("id") in {None, one.uuid}
        and call.text("name") in {None, one["name"]}
        and call.text("domainid") in {None, one["domain"]}
        and call.text("state") in {None, one["state"]}
    ]
    return call.listing("account", found, lambda one: shown_account(call, one))


def list_users(call: Call) -> dict[str, Any]:
    """The caller's fellow users, or with `listall` or an id all an admin may see."""
    sees_all = call.role != "User" and (call.flag("listall") or {"id", "domainid", "username"} & call.values.keys())
    found = [
        one
        for one in call.world.each("user")
        if (one["account"] == call.account.uuid or (sees_all and (call.is_admin or call.may_act_for(one["account"]))))
        and call.text("id") in {None, one.uuid}
        and call.text("username") in {None, one["name"]}
        and call.text("account") in {None, call.world.need("account", one["account"])["name"]}
    ]
    return call.listing("user", found, lambda one: shown_user(call, one))


def get_user(call: Call) -> dict[str, Any]:
    """The user to whom a key belongs."""
    [*users] = call.world.by("user", "apikey", call.text("userapikey"))
    if not users:
        raise bad_value("User with specified API key does not exist")
    return {"user": shown_user(call, users[0])}


def _keys_of(call: Call) -> Entity:
    user = call.world.get("user", call.text("id"))
    if user is None:
        raise bad_value("unable to find user by id")
    if not (call.is_admin or user["account"] == call.account.uuid or call.may_act_for(user["account"])):
        raise not_permitted("Not permitted to see or change the keys of that user")
    return user


def register_keys(call: Call) -> dict[str, Any]:
    """Give a user new keys; the old ones are worth nothing from now on."""
    user = _keys_of(call)
    call.world.change(user, **new_keys(call.world))
    return {"userkeys": {"apikey": user["apikey"], "secretkey": user["secretkey"]}}


def get_keys(call: Call) -> dict[str, Any]:
    """The keys of a user."""
    user = _keys_of(call)
    return {"userkeys": {key: user[key] for key in ("apikey", "secretkey") if user.get(key)}}


def _set_state(call: Call, state: str) -> Entity:
    account = call.world.get("account", call.text("id"))
    if account is None:
        named = [
            one
            for one in call.world.by("account", "name", call.text("account"))
            if one["domain"] == call.text("domainid")
        ]
        if not named:
            raise bad_value("Unable to find account by accountId or name")
        account = named[0]
    call.world.change(account, state=state)
    return account


def check_delete_account(call: Call) -> Entity:
    """An account that may be deleted."""
    account = call.need("id", "account", "The specified account does not exist in the system")
    if account.get("isdefault"):
        raise bad_value("The account id is system default and can't be deleted")
    if account is call.account:
        raise bad_value("The caller can't delete his own account")
    return account


def delete_account(call: Call) -> None:
    """Delete an account with everything that is its own."""
    from cfnlib.simulator.commands.lifecycle import expunge  # noqa: PLC0415 (lifecycle needs limits, which need accounts)
    from cfnlib.simulator.commands.networks import free_public_address, remove_network  # noqa: PLC0415 (as above)

    world, account = call.world, check_delete_account(call)
    for machine in world.by("virtualmachine", "account", account.uuid):
        expunge(call, machine)
    for network in world.by("network", "account", account.uuid):
        remove_network(world, network)
    for address in world.by("publicip", "account", account.uuid):
        free_public_address(world, address)
    for kind in (
        "volume",
        "keypair",
        "affinitygroup",
        "securitygroup",
        "instancegroup",
        "snapshot",
        "template",
        "vpc",
        "tag",
    ):
        for one in [one for one in world.each(kind) if one.get("account") == account.uuid]:
            world.remove(one)
    for user in world.by("user", "account", account.uuid):
        world.remove(user)
    world.remove(account)


def list_roles(call: Call) -> dict[str, Any]:
    """The roles there are."""
    found = [
        one
        for one in call.world.each("role")
        if call.text("id") in {None, one.uuid} and call.text("name") in {None, one["name"]}
    ]
    return call.listing(
        "role", found, lambda one: {"id": one.uuid, "name": one["name"], "type": one["roletype"], "isdefault": True}
    )


COMMANDS = {
    "createAccount": create_account,
    "createUser": create_user,
    "listAccounts": list_accounts,
    "listUsers": list_users,
    "getUser": get_user,
    "registerUserKeys": register_keys,
    "getUserKeys": get_keys,
    "listRoles": list_roles,
    "enableAccount": lambda call: {"account": shown_account(call, _set_state(call, "enabled"))},
}
WORKS = {
    "deleteAccount": Work(delete_account, create=check_delete_account),
    "disableAccount": Work(lambda call: {"account": shown_account(call, _set_state(call, "disabled"))}),
}
