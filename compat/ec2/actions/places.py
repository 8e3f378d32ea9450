"""Regions, zones, instance types and what the account may have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compat.ec2 import names
from compat.ec2.actions.placement_groups import TYPES
from compat.ec2.faults import Ec2Error, not_found
from compat.ec2.filters import filtered
from compat.ec2.launch import is_true
from compat.ec2.names import type_of
from compat.ec2.pages import paged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compat.ec2.world import Row, World

_LIMITS = {"max-instances": "0", "max-elastic-ips": "1"}
"""EC2's account attributes and CloudStack's types of resource. Source: CloudStack 4.19, listResourceLimits."""
_ATTRIBUTES = {*_LIMITS, "default-vpc", "supported-platforms", "vpc-max-elastic-ips"} | {
    "vpc-max-security-groups-per-interface"
}
"""All that may be asked for. Source: Amazon EC2 API reference, DescribeAccountAttributes."""


def describe_regions(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The one region that this API is."""
    name = world.config.region
    asked = params.get("RegionNames")
    if asked and set(asked) - {name}:
        raise not_found("zone", next(one for one in asked if one != name))
    region = {"RegionName": name, "Endpoint": f"ec2.{name}", "OptInStatus": "opt-in-not-required"}
    finders = {"region-name": "RegionName", "endpoint": "Endpoint", "opt-in-status": "OptInStatus"}
    return {"Regions": filtered([region], params.get("Filters"), finders)}


def describe_availability_zones(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The zones of the cloud, by their names there; the names that the configuration gives them are taken as well."""
    region = world.config.region
    asked = params.get("ZoneNames") or ()
    wanted = {world.config.zones.get(name, name) for name in asked} | set(params.get("ZoneIds") or ())
    rows = world.rows("zone")
    known = {row[key] for row in rows for key in ("name", "id")}
    for name in sorted(wanted - known):
        raise not_found("zone", name)
    zones = [
        {
            "State": "available",
            "OptInStatus": "opt-in-not-required",
            "Messages": [],
            "RegionName": region,
            "ZoneName": row["name"],
            "ZoneId": row["id"],
            "GroupName": region,
            "NetworkBorderGroup": region,
            "ZoneType": "availability-zone",
        }
        for row in rows
        if not wanted or wanted & {row["name"], row["id"]}
    ]
    finders = {
        "group-name": "GroupName",
        "message": "Messages.Message",
        "opt-in-status": "OptInStatus",
        "region-name": "RegionName",
        "state": "State",
        "zone-id": "ZoneId",
        "zone-name": "ZoneName",
        "zone-type": "ZoneType",
    }
    return {"AvailabilityZones": filtered(zones, params.get("Filters"), finders)}


def describe_account_attributes(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """What the account may have, and that it needs no VPC."""
    limits = world.client.rows("listResourceLimits", "resourcelimit")
    most = {str(row.get("resourcetype")): int(row.get("max", -1)) for row in limits}
    values = {"supported-platforms": ["EC2", "VPC"], "default-vpc": ["none"]}
    for name, kind in _LIMITS.items():
        if most.get(kind, -1) >= 0:
            values[name] = [str(most[kind])]
    if is_true(names.zone(world, None).get("securitygroupsenabled")):
        values["max-elastic-ips"] = ["0"]  # as AllocateAddress says: machines there have addresses of their own
    asked = params.get("AttributeNames") or list(values)
    for name in set(asked) - _ATTRIBUTES:
        raise Ec2Error("InvalidParameterValue", f"Invalid value '{name}' for AttributeName.")
    return {
        "AccountAttributes": [
            {"AttributeName": name, "AttributeValues": [{"AttributeValue": one} for one in values[name]]}
            for name in asked
            if name in values
        ]
    }


def describe_instance_types(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The service offerings with a fixed size, under their aliases or names."""
    asked = params.get("InstanceTypes")
    if asked:
        types = [{**_type(world, _of_type(world, name)), "InstanceType": name} for name in dict.fromkeys(asked)]
    else:
        types = [_type(world, row) for row in world.rows("type") if row.get("memory")]
    finders = {
        "instance-type": "InstanceType",
        "memory-info.size-in-mib": "MemoryInfo.SizeInMiB",
        "vcpu-info.default-vcpus": "VCpuInfo.DefaultVCpus",
        "vcpu-info.default-cores": "VCpuInfo.DefaultCores",
        "current-generation": "CurrentGeneration",
        "bare-metal": "BareMetal",
        "hypervisor": "Hypervisor",
        "processor-info.supported-architecture": "ProcessorInfo.SupportedArchitectures",
        "supported-root-device-type": "SupportedRootDeviceTypes",
        "supported-virtualization-type": "SupportedVirtualizationTypes",
        "supported-usage-class": "SupportedUsageClasses",
    }
    page, token = paged(filtered(types, params.get("Filters"), finders), params, lambda one: str(one["InstanceType"]))
    return {"InstanceTypes": page, "NextToken": token}


def describe_instance_type_offerings(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Every type is offered in the region, and in each zone that its offering is not kept from."""
    kind = params.get("LocationType") or "region"
    offered = []
    for row in world.rows("type"):
        if kind == "region":
            places = [world.config.region]
        else:
            only = str(row.get("zoneid") or "").split(",") if row.get("zoneid") else []
            zones = [zone for zone in world.rows("zone") if not only or zone["id"] in only]
            places = [zone["name" if kind == "availability-zone" else "id"] for zone in zones]
        offered += [
            {"InstanceType": type_of(world, row), "LocationType": kind, "Location": place} for place in places
        ]
    finders = {"instance-type": "InstanceType", "location": "Location"}
    chosen = filtered(offered, params.get("Filters"), finders)
    page, token = paged(chosen, params, lambda one: f"{one['InstanceType']} {one['Location']}")
    return {"InstanceTypeOfferings": page, "NextToken": token}


def _of_type(world: World, name: str) -> Row:
    """The service offering of a type that a launch would take, of a fixed size. Raises `Ec2Error`."""
    text = f"The following supplied instance types do not exist: [{name}]"
    try:
        row = names.offering(world, name)
    except Ec2Error:
        raise Ec2Error("InvalidInstanceType", text) from None
    if not row.get("memory"):
        raise Ec2Error("InvalidInstanceType", text)
    return row


def _type(world: World, row: Row) -> dict[str, Any]:
    cores = int(row.get("cpunumber") or 1)
    rate = row.get("networkrate")
    return {
        "InstanceType": type_of(world, row),
        "CurrentGeneration": True,
        "FreeTierEligible": False,
        "SupportedUsageClasses": ["on-demand", "spot"],
        "SupportedRootDeviceTypes": ["ebs"],
        "SupportedVirtualizationTypes": ["hvm"],
        "BareMetal": False,
        "Hypervisor": "xen",
        "ProcessorInfo": {
            "SupportedArchitectures": ["x86_64"],
            "SustainedClockSpeedInGhz": round(int(row.get("cpuspeed") or 0) / 1000, 3),
        },
        "VCpuInfo": {"DefaultVCpus": cores, "DefaultCores": cores, "DefaultThreadsPerCore": 1},
        "MemoryInfo": {"SizeInMiB": int(row["memory"])},
        "InstanceStorageSupported": False,
        "EbsInfo": {
            "EbsOptimizedSupport": "unsupported",
            "EncryptionSupport": "unsupported",
            "NvmeSupport": "unsupported",
        },
        "NetworkInfo": {
            "NetworkPerformance": f"{rate} Megabit" if rate else "",
            "Ipv6AddressesPerInterface": 0,
            "Ipv6Supported": False,
            "EnaSupport": "unsupported",
            "EfaSupported": False,
        },
        "PlacementGroupInfo": {"SupportedStrategies": list(TYPES)},
        "HibernationSupported": False,
        "BurstablePerformanceSupported": False,
        "DedicatedHostsSupported": False,
        "AutoRecoverySupported": bool(row.get("offerha")),
    }


ACTIONS = {
    "DescribeAccountAttributes": describe_account_attributes,
    "DescribeAvailabilityZones": describe_availability_zones,
    "DescribeInstanceTypeOfferings": describe_instance_type_offerings,
    "DescribeInstanceTypes": describe_instance_types,
    "DescribeRegions": describe_regions,
}
