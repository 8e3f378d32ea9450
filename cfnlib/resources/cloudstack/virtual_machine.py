"""CloudStack::VirtualMachine is what deployVirtualMachine makes, under its own parameter names.

Source: CloudStack 4.19, deployVirtualMachine, updateVirtualMachine, changeServiceForVirtualMachine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from cfnlib.resources import machines
from cfnlib.resources.zones import ZONE
from cfnlib.schema.calls import SELF, Call, Find
from cfnlib.schema.lifecycle import parameters, retag_calls, tag_call, tags_of
from cfnlib.schema.model import Kind, Native, Property, ResourceType, Update

if TYPE_CHECKING:
    from cfnlib.schema.model import Desired, Existing

_LATER = ("displayname", "group", "haenable", "isdynamicallyscalable")


def _create(desired: Desired) -> list[Call]:
    given = parameters(TYPE, desired.properties)
    own = {"zoneid": desired.facts.zone_id, "name": desired.name, "displayname": given.get("name", desired.name)}
    later = {name: given.pop(name) for name in ("haenable", "isdynamicallyscalable") if name in given}
    calls = [machines.deploy(own | given, exclusive="name" in given)]
    calls += [machines.change(**later)] if later else []
    tags = tags_of(TYPE, desired.properties)
    return [*calls, tag_call("UserVm", tags)] if tags else calls


def _update(existing: Existing, desired: Desired) -> list[Call]:
    changed = [name for name in TYPE.properties if existing.get(name) != desired.get(name)]
    calls = []
    if "serviceofferingid" in changed:
        calls.append(machines.change_offering(desired.get("serviceofferingid")))
    if "userdata" in changed:
        calls.append(machines.change(userdata=desired.get("userdata", "")))
    groups = [name for name in ("securitygroupids", "securitygroupnames") if name in changed and desired.get(name)]
    calls += [_regroup(name, desired.get(name)) for name in groups]
    if "affinitygroupids" in changed or "affinitygroupnames" in changed:
        calls.append(_affinity(desired))
    if calls and desired.get("startvm", default=True):
        calls = [machines.stop(), *calls, machines.start()]
    fresh = {name: desired.get(name, "") for name in _LATER if name in changed}
    calls += [machines.change(**fresh)] if fresh else []
    return [*calls, *retag_calls("UserVm", tags_of(TYPE, existing.properties), tags_of(TYPE, desired.properties))]


def _regroup(name: str, groups: list[str]) -> Call:
    check = Find("listSecurityGroups", "securitygroup", {"virtualmachineid": SELF}, {name[13:-1]: groups[-1]})
    return evolve(machines.change(**{name: groups}), check=check)


def _affinity(desired: Desired) -> Call:
    name = "affinitygroupids" if desired.get("affinitygroupids") else "affinitygroupnames"
    groups = desired.get(name, [])
    check = Find(
        "listAffinityGroups", "affinitygroup", {"virtualmachineid": SELF}, {name[13:-1]: groups[-1]} if groups else {}
    )
    return Call("updateVMAffinityGroup", {"id": SELF, name: groups}, key="virtualmachine", check=check)


def _delete(existing: Existing) -> list[Call]:
    return machines.destroy(existing)


def _list(doc: str, param: str, update: Update = Update.REPLACE, lookup: str | None = None) -> Property:
    return Property(doc, kind=Kind.LIST, update=update, param=param, item=Property("One of them.", lookup=lookup))


TYPE = ResourceType(
    name="CloudStack::VirtualMachine",
    doc="A machine: deployVirtualMachine, under CloudStack's own parameter names.",
    properties={
        "serviceofferingid": Property(
            "The service offering, by name or id.",
            required=True,
            update=Update.RESTART,
            param="serviceofferingid",
            lookup="serviceoffering",
        ),
        "templateid": Property("The template, by name or id.", required=True, param="templateid", lookup="template"),
        "zoneid": ZONE,
        "networkids": _list("The networks, by name or id, one card each.", "networkids", lookup="network"),
        "name": Property("The host name, unique in the network domain; one is made when absent.", param="name"),
        "displayname": Property("The display name.", update=Update.IN_PLACE, param="displayname"),
        "keypair": Property("The SSH key pair's name.", param="keypair"),
        "userdata": Property("What cloud-init gets, in base64.", update=Update.RESTART, param="userdata"),
        "affinitygroupids": _list("The affinity groups' ids.", "affinitygroupids", Update.RESTART),
        "affinitygroupnames": _list("The affinity groups' names.", "affinitygroupnames", Update.RESTART),
        "securitygroupids": _list("The security groups' ids.", "securitygroupids", Update.RESTART),
        "securitygroupnames": _list("The security groups' names.", "securitygroupnames", Update.RESTART),
        "diskofferingid": Property("The offering of a data disk.", param="diskofferingid", lookup="diskoffering"),
        "size": Property("That disk's size in GiB, for a custom offering.", kind=Kind.INTEGER, param="size"),
        "rootdisksize": Property("The root disk's size in GiB.", kind=Kind.INTEGER, minimum=1, param="rootdisksize"),
        "ipaddress": Property("The address in the first network.", param="ipaddress"),
        "ip6address": Property("The IPv6 address in the first network.", param="ip6address"),
        "macaddress": Property("The hardware address in the first network.", param="macaddress"),
        "iptonetworklist": Property(
            "Addresses by network: ip, ipv6, networkid.", kind=Kind.JSON, param="iptonetworklist"
        ),
        "details": Property("Details, as a map.", kind=Kind.JSON, param="details"),
        "group": Property("The instance group.", update=Update.IN_PLACE, param="group"),
        "haenable": Property(
            "Restart it when its host fails.", Kind.BOOLEAN, update=Update.IN_PLACE, param="haenable"
        ),
        "isdynamicallyscalable": Property(
            "Whether it may be scaled while it runs.",
            kind=Kind.BOOLEAN,
            update=Update.IN_PLACE,
            param="isdynamicallyscalable",
        ),
        "hostid": Property("The host to start on; administrators.", param="hostid"),
        "hypervisor": Property("The hypervisor, for an ISO.", param="hypervisor"),
        "keyboard": Property("The console's keyboard.", param="keyboard"),
        "password": Property("The first password.", param="password", secret=True),
        "boottype": Property("UEFI or BIOS.", param="boottype"),
        "bootmode": Property("Secure or Legacy.", param="bootmode"),
        "startvm": Property("Whether to start it.", kind=Kind.BOOLEAN, default=True, param="startvm"),
        "account": Property("The account to make it for; with domainid.", param="account"),
        "domainid": Property("The domain of that account.", param="domainid", lookup="domain"),
        "projectid": Property("The project to make it in.", param="projectid", lookup="project"),
        "tags": Property("Tags of the machine.", kind=Kind.TAGS, update=Update.IN_PLACE),
    },
    attributes=machines.FIELDS,
    exclusive=(
        ("affinitygroupids", "affinitygroupnames"),
        ("securitygroupids", "securitygroupnames"),
        ("networkids", "iptonetworklist"),
    ),
    native=Native(
        key="virtualmachine", create=_create, update=_update, delete=_delete, read=machines.READ, tag_type="UserVm"
    ),
    source="CloudStack 4.19 deployVirtualMachine, updateVirtualMachine, changeServiceForVirtualMachine",
)
