"""Attributes of instances, and what CloudStack has no counterpart for but clients ask all the same."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from attrs import evolve

from cfnlib.errors import CfnlibError
from compat.ec2 import names
from compat.ec2.actions.instances import machines
from compat.ec2.faults import Ec2Error, unsupported
from compat.ec2.firewall import follow_choice, groups_named
from compat.ec2.launch import groups_asked, is_true
from compat.ec2.machines import Describer, groups_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compat.ec2.world import World


def describe_instance_attribute(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """One attribute of a machine."""
    row = world.one("instance", params["InstanceId"])
    one = Describer(world, [row], world.rows("volume", virtualmachineid=row["id"])).instance(row)
    attribute = params["Attribute"]
    found: dict[str, Any] = {"InstanceId": params["InstanceId"]}
    if attribute == "userData":
        data = world.call("getVirtualMachineUserData", virtualmachineid=row["id"])
        text = data.get("virtualmachineuserdata", data).get("userdata")
        return {**found, "UserData": {"Value": text} if text else {}}
    values: dict[str, tuple[str, Any]] = {
        "blockDeviceMapping": ("BlockDeviceMappings", one["BlockDeviceMappings"]),
        "disableApiTermination": ("DisableApiTermination", {"Value": False}),
        "disableApiStop": ("DisableApiStop", {"Value": False}),
        "ebsOptimized": ("EbsOptimized", {"Value": False}),
        "enaSupport": ("EnaSupport", {"Value": False}),
        "groupSet": ("Groups", groups_of(row, world.marks(row))),
        "instanceInitiatedShutdownBehavior": ("InstanceInitiatedShutdownBehavior", {"Value": "stop"}),
        "instanceType": ("InstanceType", {"Value": one["InstanceType"]}),
        "kernel": ("KernelId", {}),
        "productCodes": ("ProductCodes", []),
        "ramdisk": ("RamdiskId", {}),
        "rootDeviceName": ("RootDeviceName", {"Value": one["RootDeviceName"]}),
        "sourceDestCheck": ("SourceDestCheck", {"Value": True}),
        "sriovNetSupport": ("SriovNetSupport", {}),
    }
    if attribute not in values:
        raise unsupported(f"a machine of CloudStack has no {attribute}")
    name, value = values[attribute]
    return {**found, name: value}


_PRESENT = {
    "DisableApiTermination": "false",
    "EbsOptimized": "false",
    "SourceDestCheck": "true",
    "DisableApiStop": "false",
    "InstanceInitiatedShutdownBehavior": "stop",
}
"""What an attribute that cannot be changed is, and may be said to be."""


def modify_instance_attribute(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Change a stopped machine's type, user data or groups."""
    row = world.one("instance", params["InstanceId"])
    flat = {params["Attribute"]: params.get("Value")} if params.get("Attribute") else {}
    wanted_type = _value(params.get("InstanceType")) or flat.get("instanceType")
    user_data = _value(params.get("UserData"))
    secure = is_true(names.zone(world, row.get("zonename")).get("securitygroupsenabled"))
    if wanted_type or user_data is not None or "userData" in flat or (params.get("Groups") and secure):
        _stopped(row, params["InstanceId"])
    if wanted_type:
        world.done(
            "changeServiceForVirtualMachine", id=row["id"], serviceofferingid=names.offering(world, wanted_type)["id"]
        )
        remark(world, row, type=wanted_type)
        return {}
    if user_data is not None or "userData" in flat:
        data = user_data if user_data is not None else flat["userData"]
        text = base64.b64encode(data).decode() if isinstance(data, bytes) else str(data or "")
        world.call("updateVirtualMachine", id=row["id"], userdata=text)
        return {}
    if params.get("Groups"):
        groups = groups_asked(world, {"SecurityGroupIds": params["Groups"]})
        if secure:
            world.call("updateVirtualMachine", id=row["id"], securitygroupids=[one["id"] for one in groups])
        else:
            follow_choice(world, row, groups_named(world, row), [str(one["id"]) for one in groups])
        remark(world, row, groups=tuple(f"{one['id']} {one['name']}" for one in groups))
        return {}
    for name, present in _PRESENT.items():
        asked = _value(params.get(name))
        if asked is None:
            asked = flat.get(name[0].lower() + name[1:])
        if asked is not None:
            if str(asked).lower() != present:
                raise unsupported(f"{name} cannot be changed on CloudStack")
            return {}
    raise unsupported("only the instance type, the user data and the security groups can be changed")


def reset_instance_attribute(_world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Kernels and RAM disks are not CloudStack's."""
    raise unsupported(f"{params['Attribute']} cannot be reset on CloudStack")


def get_console_output(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """CloudStack shows a console in a browser, it keeps no text of it."""
    row = world.one("instance", params["InstanceId"])
    text = (
        "CloudStack keeps no text of a machine's console. To look at it, ask for one with createConsoleEndpoint, "
        f"virtualmachineid={row['id']}.\n"
    )
    return {
        "InstanceId": world.learn("instance", str(row["id"])),
        "Timestamp": world.now(),
        "Output": base64.b64encode(text.encode()).decode(),
    }


def get_password_data(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The password of a machine, encrypted with its key pair; empty when it has none."""
    row = world.one("instance", params["InstanceId"])
    try:
        answer = world.call("getVMPassword", id=row["id"])
    except CfnlibError:
        answer = {}
    password = answer.get("password", {})
    data = password.get("encryptedpassword", "") if isinstance(password, dict) else ""
    return {"InstanceId": params["InstanceId"], "Timestamp": world.now(), "PasswordData": data}


def monitor_instances(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Monitoring is what the cloud does anyway; it cannot be turned on or off."""
    rows = machines(world, params["InstanceIds"])
    return {
        "InstanceMonitorings": [
            {"InstanceId": world.learn("instance", str(row["id"])), "Monitoring": {"State": "disabled"}}
            for row in rows
        ]
    }


def describe_instance_credit_specifications(_world: World, _params: Mapping[str, Any]) -> dict[str, Any]:
    """There are no burstable types."""
    return {"InstanceCreditSpecifications": []}


def _value(said: object) -> Any:  # noqa: ANN401 - of whatever type the attribute is
    return said.get("Value") if isinstance(said, dict) else said


def remark(world: World, row: Mapping[str, Any], **changes: Any) -> None:  # noqa: ANN401 - a field of Marks
    """Keep what has changed of a machine that EC2 knows and CloudStack does not."""
    before = world.marks(dict(row))
    after = evolve(before, **changes)
    old, new = before.as_tags(), after.as_tags()
    for command, pairs in (
        ("deleteTags", [{"key": key} for key in old if new.get(key) != old[key]]),
        ("createTags", [{"key": key, "value": value} for key, value in new.items() if old.get(key) != value]),
    ):
        if pairs:
            world.done(command, resourceids=row["id"], resourcetype="UserVm", tags=pairs)
    world.mark(str(row["id"]), after)


def _stopped(row: Mapping[str, Any], asked: str) -> None:
    if row.get("state") != "Stopped":
        raise Ec2Error("IncorrectInstanceState", f"The instance '{asked}' is not in the 'stopped' state.")


ACTIONS = {
    "DescribeInstanceAttribute": describe_instance_attribute,
    "DescribeInstanceCreditSpecifications": describe_instance_credit_specifications,
    "GetConsoleOutput": get_console_output,
    "GetPasswordData": get_password_data,
    "ModifyInstanceAttribute": modify_instance_attribute,
    "MonitorInstances": monitor_instances,
    "ResetInstanceAttribute": reset_instance_attribute,
    "UnmonitorInstances": monitor_instances,
}
