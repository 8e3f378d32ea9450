"""Tags on things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.simulator.errors import bad_value, failed
from cfnlib.simulator.jobs import Work
from cfnlib.simulator.ownership import owner_fields

if TYPE_CHECKING:
    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity

# CloudStack's word for what can carry a tag -> the kinds it may be.
# Source: CloudStack 4.19, ResourceTag.ResourceObjectType: those with resourceTagsSupport.
TAGGABLE = {
    "UserVm": ("virtualmachine",),
    "Network": ("network",),
    "PublicIpAddress": ("publicip",),
    "FirewallRule": ("firewallrule", "egressrule"),
    "PortForwardingRule": ("portforwardingrule",),
    "LoadBalancer": ("loadbalancerrule",),
    "Volume": ("volume",),
    "Snapshot": ("snapshot",),
    "Template": ("template",),
    "ISO": ("template",),
    "SecurityGroup": ("securitygroup",),
    "SecurityGroupRule": ("securityrule",),
    "Vpc": ("vpc",),
    "NetworkACL": ("networkacl",),
    "VMSnapshot": ("vmsnapshot",),
    "Project": ("project",),
    "StaticRoute": ("staticroute",),
    "RemoteAccessVpn": ("remoteaccessvpn",),
    "SnapshotPolicy": ("snapshotpolicy",),
    "User": ("user",),
    "Account": ("account",),
    "VpcOffering": ("vpcoffering",),
}
# What it has a word for all the same, for details, and refuses to tag.
_WITHOUT = (
    "Nic",
    "Zone",
    "ServiceOffering",
    "Storage",
    "PrivateGateway",
    "NetworkACLList",
    "VpnGateway",
    "CustomerGateway",
    "VpnConnection",
    "DiskOffering",
    "AutoScaleVmProfile",
    "AutoScaleVmGroup",
    "LBStickinessPolicy",
    "LBHealthCheckPolicy",
    "GuestOs",
    "NetworkOffering",
    "Domain",
)
_BY_LOWER_CASE = {name.lower(): name for name in (*TAGGABLE, *_WITHOUT)}


def _resources(call: Call) -> tuple[str, list[Entity]]:
    given = call.text("resourcetype") or ""
    name = _BY_LOWER_CASE.get(given.lower())
    if name is None:
        raise bad_value(f"Invalid resource type {given}")
    if name not in TAGGABLE:
        raise bad_value(f"The resource type {name} doesn't support resource tags")
    found = []
    for uuid in call.items("resourceids"):
        resource = next((one for kind in TAGGABLE[name] if (one := call.world.get(kind, uuid)) is not None), None)
        if resource is None:
            raise bad_value(f"Unable to find resource by id {uuid} and type {name}")
        call.check_access(resource)
        found.append(resource)
    return name, found


def create_tags(call: Call) -> None:
    """Put tags on things; if one has a tag of that key already, none gets any."""
    name, resources = _resources(call)
    pairs = call.pairs("tags")
    for key, value in pairs.items():
        if not value:  # Source: CloudStack 4.19, TaggedResourceManagerImpl.createTags
            raise bad_value(f"Value for the key {key} is either null or empty")
    for resource in resources:
        there = {tag["key"] for tag in call.world.by("tag", "resource", resource.uuid)}
        for key in pairs:
            if key in there:
                raise failed(f"tag {key} already on {name} with id {resource.uuid}")
    for resource in resources:
        for key, value in pairs.items():
            call.world.add(
                "tag",
                key=key,
                value=value,
                type=name,
                resource=resource.uuid,
                account=resource.get("account") or call.account.uuid,
            )


def delete_tags(call: Call) -> None:
    """Take tags off things: those of the keys given (with the values given), or all."""
    _, resources = _resources(call)
    wanted = call.pairs("tags")
    matching = [
        tag
        for resource in resources
        for tag in call.world.by("tag", "resource", resource.uuid)
        if not wanted or (tag["key"] in wanted and wanted[tag["key"]] in {"", tag["value"]})
    ]
    if not matching:
        raise bad_value("Unable to find any tags which conform to specified delete parameters.")
    for tag in matching:
        call.world.remove(tag)


def list_tags(call: Call) -> dict[str, Any]:
    """Tags, by key, value, thing and type of thing."""
    given = call.text("resourcetype")
    name = _BY_LOWER_CASE.get(given.lower()) if given else None
    if given and name is None:
        raise bad_value(f"Invalid resource type {given}")
    mine = (
        {account.uuid for account in call.world.each("account")} if call.is_admin and call.flag("listall") else None
    )
    candidates = call.visible("tag") if mine is None else call.world.each("tag")
    found = [
        tag
        for tag in candidates
        if call.text("key") in {None, tag["key"]}
        and call.text("value") in {None, tag["value"]}
        and call.text("resourceid") in {None, tag["resource"]}
        and name in {None, tag["type"]}
        and (call.text("keyword") or "").lower() in tag["key"].lower()
    ]
    return call.listing("tag", found, lambda tag: _shown(call, tag))


def _shown(call: Call, tag: Entity) -> dict[str, Any]:
    shown = {"key": tag["key"], "value": tag["value"], "resourcetype": tag["type"], "resourceid": tag["resource"]}
    return shown | owner_fields(call.world, tag["account"])


COMMANDS = {"listTags": list_tags}
WORKS = {"createTags": Work(create_tags), "deleteTags": Work(delete_tags)}
