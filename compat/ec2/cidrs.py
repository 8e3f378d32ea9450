"""Blocks of addresses of VPCs, subnets, routes and rules, checked as EC2 checks them.

A block that has bits beyond its prefix set is taken for the block it lies in, as EC2 does it.

Source: Amazon VPC user guide, "VPC CIDR blocks" and "Subnet sizing": /16 to /28; Amazon EC2 API reference, CreateVpc,
CreateSubnet; the codes are those that the service answers.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from compat.ec2.faults import Ec2Error

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORTEST, LONGEST = 16, 28
"""The prefix lengths of the largest and of the smallest block of a VPC or of a subnet."""
RESERVED = 5
"""How many addresses of a subnet EC2 keeps. CloudStack keeps three (network, gateway, broadcast)."""
_FORM = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}/\d{1,2}", re.ASCII)


def block(text: object, parameter: str) -> IPv4Network:
    """The block that a text names. Raises `Ec2Error` when it is none of IPv4."""
    try:
        if _FORM.fullmatch(str(text)):
            return IPv4Network(str(text), strict=False)
    except ValueError:
        pass
    said = f"Value ({str(text)[:60]}) for parameter {parameter} is invalid. This is not a valid CIDR block."
    raise Ec2Error("InvalidParameterValue", said)


def vpc_block(text: object) -> IPv4Network:
    """The block of a new VPC. Raises `Ec2Error`."""
    found = block(text, "cidrBlock")
    if not SHORTEST <= found.prefixlen <= LONGEST:
        raise Ec2Error("InvalidVpc.Range", f"The CIDR '{text}' is invalid: a VPC has a block of /16 to /28.")
    return found


def subnet_block(text: object, vpc: IPv4Network, others: Iterable[IPv4Network]) -> IPv4Network:
    """The block of a new subnet of a VPC beside `others`. Raises `Ec2Error`."""
    found = block(text, "cidrBlock")
    if not SHORTEST <= found.prefixlen <= LONGEST or not found.subnet_of(vpc):
        raise Ec2Error("InvalidSubnet.Range", f"The CIDR '{text}' is invalid.")
    if any(found.overlaps(other) for other in others):
        raise Ec2Error("InvalidSubnet.Conflict", f"The CIDR '{text}' conflicts with another subnet")
    return found


def address_in(text: str, subnet: IPv4Network) -> str:
    """An address that a machine of a subnet may have: not the first, which is the router's. Raises `Ec2Error`."""
    try:
        found = IPv4Address(text)
    except ValueError:
        said = f"Value ({text[:60]}) for parameter privateIpAddress is invalid. Invalid IP address."
        raise Ec2Error("InvalidParameterValue", said) from None
    if found not in subnet:
        raise Ec2Error("InvalidParameterValue", f"Address {text} does not fall within the subnet's address range")
    if found in {subnet.network_address, subnet.network_address + 1, subnet.broadcast_address}:
        raise Ec2Error("InvalidParameterValue", f"Address {text} is in subnet's reserved address range")
    return str(found)
