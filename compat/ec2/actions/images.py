"""Images: CloudStack's templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compat.ec2 import names, registered
from compat.ec2.faults import Ec2Error, not_found, unsupported
from compat.ec2.filters import filtered
from compat.ec2.homes import Home, put, tags_asked
from compat.ec2.ids import ec2_id
from compat.ec2.machines import device_name, tags_of, time_of
from compat.ec2.pages import paged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compat.ec2.world import Row, World

FILTERS: dict[str, Any] = {
    "architecture": "Architecture",
    "block-device-mapping.delete-on-termination": "BlockDeviceMappings.Ebs.DeleteOnTermination",
    "block-device-mapping.device-name": "BlockDeviceMappings.DeviceName",
    "block-device-mapping.encrypted": "BlockDeviceMappings.Ebs.Encrypted",
    "block-device-mapping.snapshot-id": "BlockDeviceMappings.Ebs.SnapshotId",
    "block-device-mapping.volume-size": "BlockDeviceMappings.Ebs.VolumeSize",
    "block-device-mapping.volume-type": "BlockDeviceMappings.Ebs.VolumeType",
    "creation-date": "CreationDate",
    "description": "Description",
    "ena-support": "EnaSupport",
    "hypervisor": "Hypervisor",
    "image-id": "ImageId",
    "image-type": "ImageType",
    "is-public": "Public",
    "name": "Name",
    "owner-alias": "ImageOwnerAlias",
    "owner-id": "OwnerId",
    "platform": "Platform",
    "product-code": "ProductCodes.ProductCodeId",
    "product-code.type": "ProductCodes.ProductCodeType",
    "root-device-name": "RootDeviceName",
    "root-device-type": "RootDeviceType",
    "state": "State",
    "virtualization-type": "VirtualizationType",
}
_ALL_USERS = "all"


def describe_images(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The images that the account may use. One that was asked for by an alias is described under it."""
    asked = params.get("ImageIds")
    if asked:
        images = [described(world, names.image(world, name), name) for name in dict.fromkeys(asked)]
    else:
        images = [described(world, row) for row in world.rows("image")]
    owners = set(params.get("Owners") or ())
    if owners:
        mine = {"self"} & owners
        images = [
            one
            for one in images
            if one["OwnerId"] in owners
            or (one["_mine"] and mine)
            or (one["ImageOwnerAlias"] in owners and one["ImageOwnerAlias"])
        ]
    users = set(params.get("ExecutableUsers") or ())
    if users:
        images = [
            one
            for one in images
            if (one["Public"] and _ALL_USERS in users) or (not one["Public"] and "self" in users)
        ]
    chosen = filtered(images, params.get("Filters"), FILTERS)
    page, token = paged(chosen, params, lambda one: str(one["ImageId"]))
    return {"Images": page, "NextToken": token}


def described(world: World, row: Row, asked: str | None = None) -> dict[str, Any]:
    """A template as an image; `asked` is the name that the client knows it by."""
    image_id = world.learn("image", str(row["id"]))
    built_in = row.get("templatetype") in {"BUILTIN", "SYSTEM"}
    mine = row.get("account") == world.caller.account
    size_gib = max(-(-int(row.get("size") or 0) // (1 << 30)), 1)
    created = time_of(row.get("created"))
    return {
        "ImageId": asked if asked and asked.startswith("ami-") else image_id,
        "Name": row.get("name"),
        "Description": row.get("displaytext") or "",
        "ImageLocation": f"{row.get('account')}/{row.get('name')}",
        "State": "available" if row.get("isready") else "pending",
        "OwnerId": world.caller.account_number if mine else ec2_id("reservation", str(row.get("account")))[2:14],
        "ImageOwnerAlias": "amazon" if built_in else None,
        "Public": bool(row.get("ispublic")),
        "Architecture": "i386" if "32-bit" in str(row.get("ostypename")) else "x86_64",
        "ImageType": "machine",
        "Platform": "windows" if "windows" in str(row.get("ostypename")).lower() else None,
        "Hypervisor": "xen",
        "VirtualizationType": "hvm",
        "RootDeviceType": "ebs",
        "RootDeviceName": device_name(0),
        "BlockDeviceMappings": [
            {
                "DeviceName": device_name(0),
                "Ebs": {"VolumeSize": size_gib, "DeleteOnTermination": True, "VolumeType": "gp2", "Encrypted": False},
            }
        ],
        "CreationDate": created.isoformat(timespec="milliseconds").replace("+00:00", "Z") if created else None,
        "ProductCodes": [],
        "Tags": tags_of(row),
        "_mine": mine,
    }


def create_image(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Make a template of a stopped machine's root disk. CloudStack cannot take one of a running machine's."""
    machine = world.one("instance", params["InstanceId"])
    if machine.get("state") != "Stopped":
        raise Ec2Error(
            "IncorrectInstanceState",
            f"The instance '{params['InstanceId']}' is not stopped: CloudStack makes images of stopped ones only.",
        )
    roots = [row for row in world.rows("volume", virtualmachineid=machine["id"]) if row.get("type") == "ROOT"]
    if not roots:
        raise Ec2Error("InvalidParameterValue", f"The instance '{params['InstanceId']}' has no root volume")
    _check_free(world, params["Name"])
    tags = tags_asked({"TagSpecifications": _of_image(params)}, "image")
    answer = world.call(
        "createTemplate",
        name=params["Name"],
        displaytext=params.get("Description") or params["Name"],
        volumeid=roots[0]["id"],
        ostypeid=machine.get("ostypeid") or machine.get("guestosid"),
    )
    put(world, Home("Template", str(answer["id"])), tags)
    world.forget("image")
    return {"ImageId": world.learn("image", str(answer["id"]))}


def _check_free(world: World, name: str) -> None:
    """Raise `Ec2Error` when an image of the account's own has this name."""
    for row in world.rows("image"):
        if row.get("name") == name and row.get("account") == world.caller.account:
            taken = world.learn("image", str(row["id"]))
            raise Ec2Error("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI {taken}")


def _of_image(params: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What is said of an image's tags; those for its snapshots are for none, an image of CloudStack has no such."""
    said = params.get("TagSpecifications") or ()
    return [one for one in said if one.get("ResourceType") != "snapshot"]


def register_image(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Make a template of a snapshot, or of what lies at a URL (`ImageLocation`), which CloudStack then fetches."""
    _check_free(world, params["Name"])
    tags = tags_asked(params, "image")
    given = {
        "name": params["Name"],
        "displaytext": params.get("Description") or params["Name"],
        "ostypeid": registered.system_type(world, params.get("Architecture") or "x86_64"),
    }
    snapshot = registered.snapshot_of(params)
    if snapshot is not None:
        answer = world.call("createTemplate", **given, snapshotid=world.one("snapshot", snapshot)["id"])
    else:
        rows = world.call("registerTemplate", **given, **registered.source(world, params.get("ImageLocation")))
        answer = rows["template"][0]
    put(world, Home("Template", str(answer["id"])), tags)
    world.forget("image")
    return {"ImageId": world.learn("image", str(answer["id"]))}


def deregister_image(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Delete a template of one's own."""
    row = _mine(world, params["ImageId"])
    world.done("deleteTemplate", id=row["id"])
    world.forget("image")
    return {"Return": True}


def copy_image(world: World, _params: Mapping[str, Any]) -> dict[str, Any]:
    """A template that is brought to another zone stays the same one there: to delete the copy would delete both."""
    raise unsupported(
        f"there is one region here, {world.config.region}, and the image is in it already: CloudStack's copyTemplate "
        "brings it to further zones, under the same id"
    )


def describe_image_attribute(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Who may use a template, or what it is called."""
    row = names.image(world, params["ImageId"])
    found: dict[str, Any] = {"ImageId": params["ImageId"]}
    attribute = params["Attribute"]
    if attribute == "launchPermission":
        if row.get("ispublic"):
            return {**found, "LaunchPermissions": [{"Group": _ALL_USERS}]}
        answer = world.call("listTemplatePermissions", id=row["id"])
        accounts = answer.get("templatepermission", {}).get("account", [])
        return {**found, "LaunchPermissions": [{"UserId": name} for name in accounts]}
    if attribute == "description":
        return {**found, "Description": {"Value": row.get("displaytext") or ""}}
    if attribute == "blockDeviceMapping":
        return {**found, "BlockDeviceMappings": described(world, row)["BlockDeviceMappings"]}
    raise unsupported(f"CloudStack's templates have no {attribute}")


def modify_image_attribute(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Let others use a template, or describe it anew. Accounts are named by their names on CloudStack."""
    row = _mine(world, params["ImageId"])
    description = params.get("Description")
    value = description.get("Value") if isinstance(description, dict) else None
    if value is None and params.get("Attribute") == "description":
        value = params.get("Value")
    if value is not None:
        world.call("updateTemplate", id=row["id"], displaytext=value)
    added, removed = _permissions(params)
    for entries, public, operation in ((added, True, "add"), (removed, False, "remove")):
        if any(one.get("Group") == _ALL_USERS for one in entries):
            world.call("updateTemplatePermissions", id=row["id"], ispublic=public)
        accounts = [one["UserId"] for one in entries if one.get("UserId")]
        if accounts:
            world.call("updateTemplatePermissions", id=row["id"], op=operation, accounts=accounts)
    world.forget("image")
    return {}


def reset_image_attribute(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Take a template back for oneself."""
    row = _mine(world, params["ImageId"])
    world.call("updateTemplatePermissions", id=row["id"], op="reset")
    world.forget("image")
    return {}


def _permissions(params: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    said = params.get("LaunchPermission") or {}
    added, removed = list(said.get("Add") or ()), list(said.get("Remove") or ())
    flat = [{"UserId": name} for name in params.get("UserIds") or ()]
    flat += [{"Group": name} for name in params.get("UserGroups") or ()]
    if params.get("OperationType") == "remove":
        removed += flat
    else:
        added += flat
    return added, removed


def _mine(world: World, asked: str) -> Row:
    row = names.image(world, asked)
    if row.get("account") != world.caller.account and world.caller.role != "Admin":
        raise Ec2Error("AuthFailure", f"Not authorized for image:{asked}", 403)
    if not row:
        raise not_found("image", asked)
    return row


ACTIONS = {
    "CopyImage": copy_image,
    "CreateImage": create_image,
    "DeregisterImage": deregister_image,
    "DescribeImageAttribute": describe_image_attribute,
    "DescribeImages": describe_images,
    "ModifyImageAttribute": modify_image_attribute,
    "RegisterImage": register_image,
    "ResetImageAttribute": reset_image_attribute,
}
