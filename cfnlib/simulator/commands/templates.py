"""Templates and ISOs: what machines are made from."""

from __future__ import annotations

from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import NAMESPACE_OID, uuid5

from cfnlib.simulator.encode import when
from cfnlib.simulator.errors import bad_parameter, bad_value
from cfnlib.simulator.jobs import Work
from cfnlib.simulator.limits import check_limit
from cfnlib.simulator.ownership import full_tags_of, has_tags, owner_fields, tagged

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity

FILTERS = ("featured", "self", "selfexecutable", "sharedexecutable", "executable", "community", "all", "shared")
FORMATS = ("VHD", "RAW", "QCOW2", "OVA", "TAR", "VDI", "VMDK", "VHDX", "BAREMETAL")
DEFAULT_SIZE_BYTES = 2147483648


def list_templates(call: Call, *, iso: bool = False) -> dict[str, Any]:
    """Templates (or ISOs), one entry for each zone one is in."""
    chosen = call.text("isofilter" if iso else "templatefilter") or ("selfexecutable" if iso else "")
    if chosen not in FILTERS:
        raise bad_parameter(f"No enum constant com.cloud.template.VirtualMachineTemplate.TemplateFilter.{chosen}")
    some = tagged(call, "template")
    pairs = [
        (one, zone)
        for one in call.world.each("template")
        if one["iso"] == iso and (some is None or one in some) and _fits(call, one, chosen) and has_tags(call, one)
        for zone in one["zones"]
        if call.text("zoneid") in {None, zone}
    ]
    return call.listing("iso" if iso else "template", pairs, lambda pair: shown(call, *pair))


def _fits(call: Call, template: Entity, chosen: str) -> bool:
    own = template.get("account") == call.account.uuid
    if chosen == "featured" and not template["featured"]:
        return False
    if chosen == "community" and (template["featured"] or not template["public"]):
        return False
    if chosen.startswith("self") and not own:
        return False
    if chosen.startswith("shared") and call.account.uuid not in template.get("shared_with", []):
        return False
    if not may_use(call, template):
        return False
    ids = call.items("ids")
    keyword = (call.text("keyword") or "").lower()
    return (
        call.text("id") in {None, template.uuid}
        and (not ids or template.uuid in ids)
        and call.text("name") in {None, template["name"]}
        and keyword in template["name"].lower()
    )


def may_use(call: Call, template: Entity) -> bool:
    """Whether the caller may make machines from a template."""
    owner = template.get("account")
    return (
        template["public"]
        or call.is_admin
        or owner == call.account.uuid
        or call.account.uuid in template.get("shared_with", [])
        or (owner is not None and call.may_act_for(owner))
    )


def shown(call: Call, template: Entity, zone_uuid: str) -> dict[str, Any]:
    """A template as it is in one zone; one that was registered is ready once it is downloaded."""
    world = call.world
    zone = world.need("zone", zone_uuid)
    view = {**template["view"]} | {"zoneid": zone.uuid, "zonename": zone["name"]}
    view |= {"ispublic": template["public"], "isfeatured": template["featured"]}
    if template.get("account"):
        view |= owner_fields(world, template["account"])
    if template.get("ready_at", 0.0) > world.now:
        view |= {"isready": False, "status": "0% Downloaded"}
        view.pop("size", None)
    return view | {"tags": full_tags_of(world, template.uuid)}


def _base(call: Call, uuid: str, created: float, template_type: str) -> dict[str, Any]:
    ostype = call.world.get("ostype", call.text("ostypeid")) or next(iter(call.world.each("ostype")))
    return {
        "id": uuid,
        "name": call.text("name"),
        "displaytext": call.text("displaytext") or call.text("name"),
        "created": when(created),
        "isready": True,
        "passwordenabled": call.flag("passwordenabled"),
        "crossZones": False,
        "status": "Download Complete",
        "size": DEFAULT_SIZE_BYTES,
        "templatetype": template_type,
        "isextractable": call.flag("isextractable"),
        "details": call.pairs("details"),
        "bits": 0,
        "sshkeyenabled": call.flag("sshkeyenabled"),
        "isdynamicallyscalable": call.flag("isdynamicallyscalable"),
        "directdownload": call.flag("directdownload"),
        "deployasis": False,
        "hasannotations": False,
        "ostypeid": ostype.uuid,
        "ostypename": ostype["name"],
    }


def _downloaded(zone: Entity) -> list[dict[str, str]]:
    return [
        {
            "downloadState": "DOWNLOADED",
            "datastore": f"{zone['name']}-sec",
            "datastoreRole": "Image",
            "downloadPercent": "100",
            "datastoreId": str(uuid5(NAMESPACE_OID, zone.uuid)),
        }
    ]


def create_template(call: Call) -> Entity:
    """A template from a disk (of a stopped machine) or from a snapshot."""
    world = call.world
    disk, snapshot = call.entity("volumeid", "volume"), call.entity("snapshotid", "snapshot")
    if (disk is None) == (snapshot is None):
        raise bad_value("Failed to create private template record, neither volume ID nor snapshot ID were specified")
    source = disk if disk is not None else snapshot
    if source is None:
        raise bad_value("The source of the template does not exist")
    call.check_access(source)
    machine = world.get("virtualmachine", source.get("vm"))
    if machine is not None and machine["state"] != "Stopped":
        raise bad_value(
            f"Unable to create template from volume: {source['name']}, the vm it is attached to must be stopped"
        )
    owner = world.need("account", source["account"])
    check_limit(world, owner, "template")
    uuid, zone = world.new_uuid(), world.need("zone", source["zone"])
    view = _base(call, uuid, world.now, "USER") | {
        "format": "RAW",
        "hypervisor": "Simulator",
        "size": source["size_bytes"],
        "downloaddetails": _downloaded(zone),
        "requireshvm": True,
        "details": dict(machine["details"]) if machine is not None else {},
    }
    if source.get("template"):
        view["sourcetemplateid"] = source["template"]
    return _add(call, uuid, view, owner, zone)


def _add(call: Call, uuid: str, view: dict[str, Any], owner: Entity, zone: Entity, **more: Any) -> Entity:  # noqa: ANN401 (any JSON values)
    return call.world.add(
        "template",
        id=uuid,
        name=view["name"],
        view=view,
        zones=[zone.uuid],
        account=owner.uuid,
        public=call.flag("ispublic"),
        featured=call.flag("isfeatured") and call.is_admin,
        size_bytes=view["size"],
        **({"iso": False} | more),
    )


def finish_create(call: Call) -> dict[str, Any]:
    """The template is there."""
    template = call.made("template")
    return {"template": shown(call, template, template["zones"][0])}


def fail_create(call: Call) -> None:
    """Nothing is left of a template that could not be made."""
    template = call.world.get("template", call.thing)
    if template is not None:
        call.world.remove(template)


def register(call: Call, *, iso: bool) -> dict[str, Any]:
    """A template (or ISO) to be downloaded from a URL; it is ready as soon as a job of that name would have ended."""
    world, owner, url = call.world, call.owner(), call.text("url") or ""
    check_url(url)
    zones = call.items("zoneids")
    chosen = call.text("zoneid") or (zones[0] if zones else None)
    if chosen in {None, "-1"}:
        chosen = next(iter(world.each("zone"))).uuid
    zone = world.get("zone", chosen)
    if zone is None:
        raise bad_value("Unable to find zone by id")
    shape = "ISO" if iso else (call.text("format") or "").upper()
    if not iso and shape not in FORMATS:
        raise bad_value(f"Please specify a valid format: {call.text('format')}")
    check_limit(world, owner, "template")
    uuid = world.new_uuid()
    view = _base(call, uuid, world.now, "USER") | {
        "format": shape,
        "url": url,
        "checksum": call.text("checksum") or "",
    }
    view |= {"downloaddetails": _downloaded(zone)}
    if iso:
        view |= {"bootable": call.flag("bootable", default=True)}
    else:
        view |= {"hypervisor": call.text("hypervisor"), "requireshvm": call.flag("requireshvm", default=True)}
    ready = world.now + call.latency.of_job(call.command.name, world.random)
    template = _add(call, uuid, view, owner, zone, iso=iso, ready_at=ready)
    return {"count": 1, "iso" if iso else "template": [shown(call, template, zone.uuid)]}


def check_url(url: str) -> None:
    """Refuse a URL the server would not download from: of another scheme, or that leads to itself."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https", "ftp", "nfs"}:
        raise bad_parameter(f"Unsupported scheme for url: {url}")
    try:
        address = ip_address(parts.hostname or "")
    except ValueError:
        local = parts.hostname == "localhost"
    else:
        local = address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast
    if local or not parts.hostname:
        raise bad_parameter("Illegal host specified in url")


def template_of(call: Call) -> Entity:
    """The template the parameter `id` names, which must be the caller's to change."""
    template = call.need("id", "template", "unable to find template with id {number}")
    if template.get("account") is None and not call.is_admin:
        raise bad_value("Unable to change template: it belongs to the system")
    return template


def delete(call: Call) -> None:
    """Delete a template; machines made from it run on."""
    call.world.remove(template_of(call))


def update(call: Call) -> dict[str, Any]:
    """Change the names of a template."""
    template = template_of(call)
    changes = {name: call.text(name) for name in ("name", "displaytext") if call.text(name)}
    call.world.change(template, view=template["view"] | changes, name=call.text("name") or template["name"])
    element = "iso" if template["iso"] else "template"
    return {element: shown(call, template, template["zones"][0])}


def update_permissions(call: Call) -> dict[str, Any]:
    """Say who may use a template: all (`ispublic`), or the accounts added or removed by `op`; reset: the owner only.

    Source: CloudStack 4.19: accounts are those of these names in the owner's domain, and projects.
    """
    world, template = call.world, template_of(call)
    allowed = list(template.get("shared_with", []))
    operation = call.text("op")
    if operation not in {None, "add", "remove", "reset"}:
        raise bad_value("Invalid operation on template permissions: only add, remove and reset are supported")
    named = _accounts_named(call, template)
    if named and operation not in {"add", "remove"}:
        raise bad_value(f"Invalid operation on accounts, it must be either 'add' or 'remove', not '{operation}'")
    changes: dict[str, Any] = {}
    if operation == "add":
        changes["shared_with"] = allowed + [uuid for uuid in named if uuid not in allowed]
    elif operation == "remove":
        changes["shared_with"] = [uuid for uuid in allowed if uuid not in named]
    elif operation == "reset":
        changes |= {"shared_with": [], "public": False, "featured": False}
    if "ispublic" in call.values:
        changes["public"] = call.flag("ispublic")
    if "isfeatured" in call.values and call.is_admin:
        changes["featured"] = call.flag("isfeatured")
    world.change(template, **changes)
    return {"success": True}


def _accounts_named(call: Call, template: Entity) -> list[str]:
    """The accounts that the parameters `accounts` (names) and `projectids` name."""
    world = call.world
    owner = world.need("account", template.get("account") or call.account.uuid)
    found = []
    for name in call.items("accounts"):
        [*same] = [one.uuid for one in world.by("account", "name", name) if one["domain"] == owner["domain"]]
        if not same:
            raise bad_value(
                f"Unable to grant a launch permission to account {name} in domain id={owner['domain']}, "
                "account not found."
            )
        found += same
    for uuid in call.items("projectids"):
        project = world.get("project", uuid)
        if project is None:
            raise bad_value(f"Unable to find project by id {uuid}")
        found.append(project["project_account"])
    return found


def list_permissions(call: Call) -> dict[str, Any]:
    """Who may use a template beside its owner; that of a public one anybody may ask.

    Source: CloudStack 4.19, listTemplatePermissions: the domain is shown to the root admin only.
    """
    world = call.world
    template = world.get("template", call.text("id"))
    if template is None:
        raise bad_value("unable to find template with id 0")
    if not template["public"]:
        call.check_access(template)
    accounts = [world.need("account", uuid) for uuid in template.get("shared_with", [])]
    view: dict[str, Any] = {"id": template.uuid, "ispublic": template["public"]}
    if call.is_admin and template.get("account"):
        view["domainid"] = world.need("account", template["account"])["domain"]
    names = [one["name"] for one in accounts if "project" not in one]
    projects = [one["project"] for one in accounts if "project" in one]
    view |= ({"account": names} if names else {}) | ({"projectids": projects} if projects else {})
    return {"templatepermission": view}


COMMANDS: dict[str, Callable[[Call], dict[str, Any]]] = {
    "listTemplates": list_templates,
    "listIsos": partial(list_templates, iso=True),
    "listTemplatePermissions": list_permissions,
    "listIsoPermissions": list_permissions,
    "registerTemplate": partial(register, iso=False),
    "registerIso": partial(register, iso=True),
    "updateTemplate": update,
    "updateIso": update,
    "updateTemplatePermissions": update_permissions,
    "updateIsoPermissions": update_permissions,
}
WORKS = {
    "createTemplate": Work(finish_create, create=create_template, fail=fail_create, creates=True),
    "deleteTemplate": Work(delete, create=template_of),
    "deleteIso": Work(delete, create=template_of),
}
