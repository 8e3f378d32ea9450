"""Projects: things that belong to several accounts together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.simulator.commands.accounts import COUNTED_FIRST, COUNTED_THEN, counted, machine_counts
from cfnlib.simulator.encode import when
from cfnlib.simulator.errors import bad_value, not_permitted
from cfnlib.simulator.jobs import Work
from cfnlib.simulator.limits import check_limit
from cfnlib.simulator.ownership import full_tags_of, has_tags
from cfnlib.simulator.seed import DEFAULT_LIMITS

if TYPE_CHECKING:
    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity


def shown(call: Call, project: Entity) -> dict[str, Any]:
    """A project with its owner and what it may have."""
    world = call.world
    domain = world.need("domain", project["domain"])
    account = world.need("account", project["project_account"])
    owners = [
        {"account": world.need("account", one["account"])["name"]}
        for one in project["members"]
        if one["role"] == "Admin"
    ]
    view = {
        "id": project.uuid,
        "name": project["name"],
        "displaytext": project["displaytext"],
        "domainid": domain.uuid,
        "domain": domain["name"],
        "owner": owners,
        "projectaccountname": account["name"],
        "state": project["state"],
        "tags": full_tags_of(world, project.uuid),
    }
    view |= counted(world, account, COUNTED_THEN[1:]) | counted(world, account, COUNTED_FIRST)
    return view | machine_counts(world, account.uuid) | {"created": when(project["created"])}


def create(call: Call) -> Entity:
    """A project, with an account of its own behind it."""
    world, owner, name = call.world, call.owner(), call.text("name") or ""
    if any(one["name"] == name and one["domain"] == owner["domain"] for one in world.each("project")):
        raise bad_value(f"Project with name {name} already exists in domain id={owner['domain']}")
    check_limit(world, owner, "project")
    project = world.add(
        "project",
        name=name,
        displaytext=call.text("displaytext") or name,
        domain=owner["domain"],
        state="Active",
        members=[{"account": owner.uuid, "role": "Admin"}],
        account=owner.uuid,
        project_account="",
    )
    account = world.add(
        "account",
        name=f"PrjAcct-{name}-{project.number}",
        type=5,
        role=next(one.uuid for one in world.each("role") if one["name"] == "User"),
        roletype="User",
        domain=owner["domain"],
        state="enabled",
        limits=dict(DEFAULT_LIMITS),
        project=project.uuid,
    )
    world.change(project, project_account=account.uuid)
    return project


def finish_create(call: Call) -> dict[str, Any]:
    """The project is there."""
    return {"project": shown(call, call.made("project"))}


def project_of(call: Call, name: str = "id") -> Entity:
    """The project a parameter names, which the caller must administer to change it."""
    project = call.world.get("project", call.text(name))
    if project is None:
        raise bad_value("Unable to find the project by id")
    admins = {one["account"] for one in project["members"] if one["role"] == "Admin"}
    if not (call.is_admin or call.account.uuid in admins):
        raise not_permitted(f"Account {call.account['name']} is not an admin of project {project.uuid}")
    return project


def delete(call: Call) -> None:
    """Delete a project; with machines or networks in it, it has to be cleaned up first."""
    world, project = call.world, project_of(call)
    account = world.need("account", project["project_account"])
    left = [kind for kind in ("virtualmachine", "network") if world.count(kind, "account", account.uuid)]
    if left and not call.flag("cleanup"):
        raise bad_value(f"Can't delete the project yet because it has {' and '.join(left)}s: specify cleanup=true")
    from cfnlib.simulator.commands.lifecycle import expunge  # noqa: PLC0415 (as in accounts)
    from cfnlib.simulator.commands.networks import remove_network  # noqa: PLC0415 (as in accounts)

    for machine in world.by("virtualmachine", "account", account.uuid):
        expunge(call, machine)
    for network in world.by("network", "account", account.uuid):
        remove_network(world, network)
    world.remove(account)
    world.remove(project)


def update(call: Call) -> dict[str, Any]:
    """Change a project's display text."""
    project = project_of(call)
    if call.text("displaytext"):
        call.world.change(project, displaytext=call.text("displaytext"))
    return {"project": shown(call, project)}


def list_projects(call: Call) -> dict[str, Any]:
    """The caller's projects, or with `listall` all an admin may see."""
    sees_all = call.is_admin and call.flag("listall")
    found = [
        one
        for one in call.world.each("project")
        if (sees_all or any(member["account"] == call.account.uuid for member in one["members"]))
        and call.text("id") in {None, one.uuid}
        and call.text("name") in {None, one["name"]}
        and (call.text("keyword") or "").lower() in one["name"].lower()
        and has_tags(call, one)
    ]
    return call.listing("project", found, lambda one: shown(call, one))


def add_account(call: Call) -> None:
    """Let a further account use a project."""
    world, project = call.world, project_of(call, "projectid")
    found = [one for one in world.by("account", "name", call.text("account")) if one["domain"] == project["domain"]]
    if not found:
        raise bad_value(f"Unable to find account {call.text('account')} in the domain of the project")
    if all(one["account"] != found[0].uuid for one in project["members"]):
        member = {"account": found[0].uuid, "role": call.text("roletype") or "Regular"}
        world.change(project, members=[*project["members"], member])


def remove_account(call: Call) -> None:
    """Let an account use a project no more."""
    world, project = call.world, project_of(call, "projectid")
    leaving = {one.uuid for one in world.by("account", "name", call.text("account"))}
    stays = [one for one in project["members"] if one["account"] not in leaving]
    if len(stays) == len(project["members"]):
        raise bad_value(f"Account {call.text('account')} is not assigned to the project")
    world.change(project, members=stays)


COMMANDS = {"listProjects": list_projects}
WORKS = {
    "createProject": Work(finish_create, create=create, creates=True),
    "deleteProject": Work(delete, create=project_of),
    "updateProject": Work(update, create=project_of),
    "addAccountToProject": Work(add_account),
    "deleteAccountFromProject": Work(remove_account),
}
