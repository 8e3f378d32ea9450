"""Internet gateways, and the sets of DHCP options.

A VPC of CloudStack has its own way out, so a gateway is a record: `compat.ec2.homes` says where it is kept. To attach
or detach it changes nothing that a machine would notice.

Which names machines are given, and who resolves them, is decided when a VPC of CloudStack is made. So every VPC
has a set of DHCP options of its own that says what they are, and no other can be made.

Source: Amazon EC2 API reference, AttachInternetGateway, DhcpOptions; CloudStack 4.19, createVPC (networkdomain).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from cfnlib.errors import ConflictError
from compat.ec2.faults import Ec2Error, not_found, unsupported
from compat.ec2.filters import filtered
from compat.ec2.homes import Home, dress, kept, mark, put, shown, tags_asked, take
from compat.ec2.ids import ec2_id
from compat.ec2.machines import tags_of
from compat.ec2.marks import PREFIX
from compat.ec2.pages import paged
from compat.ec2.vpc_parts import attached_gateway
from compat.ec2.world import GATEWAY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compat.ec2.world import Row, World

FILTERS: dict[str, Any] = {
    "attachment.state": "Attachments.State",
    "attachment.vpc-id": "Attachments.VpcId",
    "internet-gateway-id": "InternetGatewayId",
    "owner-id": "OwnerId",
}
OPTION_FILTERS: dict[str, Any] = {
    "dhcp-options-id": "DhcpOptionsId",
    "key": "DhcpConfigurations.Key",
    "owner-id": "OwnerId",
    "value": "DhcpConfigurations.Values.Value",
}


def create_internet_gateway(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Make a record of a gateway."""
    tags = tags_asked(params, "internet-gateway")
    text = "Stands for an internet gateway of the EC2 API; no machine belongs in it"
    answer = world.call("createSecurityGroup", name=f"{GATEWAY}{uuid4().hex}", description=text)
    row = answer.get("securitygroup", answer)
    dress(
        world,
        Home("SecurityGroup", str(row["id"])),
        tags,
        lambda: world.call("deleteSecurityGroup", id=row["id"]),
    )
    return {"InternetGateway": {**described(world, row, ()), "Tags": shown(tags)}}


def delete_internet_gateway(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Remove a gateway that is attached to no VPC."""
    row = world.one("gateway", params["InternetGatewayId"])
    if _vpc_of(row, world.rows("vpc")) is not None:
        text = f"The internetGateway '{params['InternetGatewayId']}' has dependencies and cannot be deleted."
        raise Ec2Error("DependencyViolation", text)
    world.call("deleteSecurityGroup", id=row["id"])
    return {}


def describe_internet_gateways(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The gateways of the account."""
    rows = world.chosen("gateway", params.get("InternetGatewayIds"))
    vpcs = world.rows("vpc") if rows else []
    found = filtered((described(world, row, vpcs) for row in rows), params.get("Filters"), FILTERS)
    page, token = paged(found, params, lambda one: str(one["InternetGatewayId"]))
    return {"InternetGateways": page, "NextToken": token}


def described(world: World, row: Row, vpcs: list[Row] | tuple[Row, ...]) -> dict[str, Any]:
    """A gateway."""
    vpc = _vpc_of(row, vpcs)
    attachments = [] if vpc is None else [{"State": "available", "VpcId": world.learn("vpc", str(vpc["id"]))}]
    return {
        "InternetGatewayId": world.learn("gateway", str(row["id"])),
        "OwnerId": world.caller.account_number,
        "Attachments": attachments,
        "Tags": tags_of(row),
    }


def attach_internet_gateway(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Attach a gateway that is attached to nothing to a VPC that has none."""
    gateway, vpc = world.one("gateway", params["InternetGatewayId"]), world.one("vpc", params["VpcId"])
    name = ec2_id("gateway", str(gateway["id"]))
    vpcs, gateways = world.listed("vpc", "gateway")
    there = _vpc_of(gateway, vpcs)
    if there is not None:
        text = f"resource {name} is already attached to network {ec2_id('vpc', str(there['id']))}"
        raise Ec2Error("Resource.AlreadyAssociated", text)
    if attached_gateway(vpc, gateways) is not None:
        raise _has_one(params)
    home = Home("Vpc", str(vpc["id"]), PREFIX)
    if mark(vpc, "gateway") is not None:  # of a gateway that was removed with CloudStack's own means
        take(world, home, ["gateway"])
    try:
        put(world, home, {"gateway": name})
    except ConflictError:
        raise _has_one(params) from None
    return {}


def detach_internet_gateway(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Detach a gateway from the VPC that it is attached to."""
    gateway, vpc = world.one("gateway", params["InternetGatewayId"]), world.one("vpc", params["VpcId"])
    name = ec2_id("gateway", str(gateway["id"]))
    if mark(vpc, "gateway") != name:
        raise Ec2Error("Gateway.NotAttached", f"resource {name} is not attached to network {params['VpcId']}")
    if any(row.get("vpcid") == vpc["id"] and row.get("virtualmachineid") for row in world.rows("address")):
        text = (
            f"Network {params['VpcId']} has some mapped public address(es). Unmap those before detaching the gateway."
        )
        raise Ec2Error("DependencyViolation", text)
    take(world, Home("Vpc", str(vpc["id"]), PREFIX), ["gateway"])
    return {}


def _vpc_of(gateway: Row, vpcs: list[Row] | tuple[Row, ...]) -> Row | None:
    name = ec2_id("gateway", str(gateway["id"]))
    return next((vpc for vpc in vpcs if mark(vpc, "gateway") == name), None)


def _has_one(params: Mapping[str, Any]) -> Ec2Error:
    text = f"Network {params['VpcId']} already has an internet gateway attached"
    return Ec2Error("InvalidParameterValue", text)


def create_dhcp_options(_world: World, _params: Mapping[str, Any]) -> dict[str, Any]:
    """There is no VPC that they could be given to."""
    raise unsupported("the domain and the name servers of a CloudStack VPC are decided when it is made, and stay so")


def describe_dhcp_options(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """What the VPCs of the account were made with."""
    sets = [_options(world, vpc) for vpc in world.rows("vpc")]
    asked = params.get("DhcpOptionsIds")
    if asked:
        known = {one["DhcpOptionsId"]: one for one in sets}
        missing = next((name for name in asked if name not in known), None)
        if missing is not None:
            raise not_found("dhcpoptions", missing)
        sets = [known[name] for name in dict.fromkeys(asked)]
    found = filtered(sets, params.get("Filters"), OPTION_FILTERS)
    page, token = paged(found, params, lambda one: str(one["DhcpOptionsId"]))
    return {"DhcpOptions": page, "NextToken": token}


def associate_dhcp_options(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Accept for a VPC what it has."""
    vpc, asked = world.one("vpc", params["VpcId"]), params["DhcpOptionsId"]
    if asked in {"default", ec2_id("dhcpoptions", str(vpc["id"]))}:
        return {}
    _known_options(world, asked)
    raise unsupported("the domain and the name servers of a CloudStack VPC are decided when it is made, and stay so")


def delete_dhcp_options(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """A set is there as long as its VPC."""
    asked = params["DhcpOptionsId"]
    _known_options(world, asked)
    raise Ec2Error("DependencyViolation", f"The dhcpOptions '{asked}' has dependencies and cannot be deleted.")


def _known_options(world: World, asked: str) -> None:
    if asked not in {ec2_id("dhcpoptions", str(vpc["id"])) for vpc in world.rows("vpc")}:
        raise not_found("dhcpoptions", asked)


def _options(world: World, vpc: Row) -> dict[str, Any]:
    name = ec2_id("dhcpoptions", str(vpc["id"]))
    servers = [vpc[key] for key in ("dns1", "dns2") if vpc.get(key)]
    settings = [
        ("domain-name", [vpc["networkdomain"]] if vpc.get("networkdomain") else []),
        ("domain-name-servers", servers or ["AmazonProvidedDNS"]),
    ]
    return {
        "DhcpOptionsId": name,
        "OwnerId": world.caller.account_number,
        "DhcpConfigurations": [
            {"Key": key, "Values": [{"Value": value} for value in values]} for key, values in settings if values
        ],
        "Tags": kept(vpc, name),
    }


ACTIONS = {
    "AssociateDhcpOptions": associate_dhcp_options,
    "AttachInternetGateway": attach_internet_gateway,
    "CreateDhcpOptions": create_dhcp_options,
    "CreateInternetGateway": create_internet_gateway,
    "DeleteDhcpOptions": delete_dhcp_options,
    "DeleteInternetGateway": delete_internet_gateway,
    "DescribeDhcpOptions": describe_dhcp_options,
    "DescribeInternetGateways": describe_internet_gateways,
    "DetachInternetGateway": detach_internet_gateway,
}
