"""Where the tags of a thing are kept, for things too that CloudStack does not have.

What EC2 knows of a VPC and CloudStack does not, such as its route tables, is kept on the VPC itself, in tags whose
keys begin with `cfnlib:ec2:`; what belongs to a subnet, on its network. So every bridge tells the same, nothing
outlives the VPC, and CloudStack's refusal of a second tag with one key decides between two requests at once::

    cfnlib:ec2:gateway                       igw-…      (of a VPC) the internet gateway that is attached
    cfnlib:ec2:main                          rtb-…      the main route table, when it is not the VPC's first one
    cfnlib:ec2:rtb-…                         made       a route table beside the first; `deleted`: the first is gone
    cfnlib:ec2:rtb-… 0.0.0.0/0               igw-…      a route of that table
    cfnlib:ec2:rtb-… tag:Name                web        a tag of that table; network ACLs and DHCP options likewise
    cfnlib:ec2:dns-hostnames                 true       what was asked for (`actions/vpcs.py`)
    cfnlib:ec2:routetable                    rtb-…      (of a network) the route table that the subnet was given
    cfnlib:ec2:nat-…                         2026-…     a NAT gateway in the subnet, and when it was made
    cfnlib:ec2:public-addresses              true       MapPublicIpOnLaunch
    cfnlib:ec2:vpc                           UUID       (of a security group) the VPC that it was made for

An internet gateway may belong to no VPC, and has to last nevertheless: so it is a security group without rules and
machines, whose name begins with `cfnlib:ec2:internet-gateway:` and which no other action shows. Of what an account of
CloudStack can make, a security group alone costs nothing, counts against no limit, belongs to no zone and carries
tags; its UUID gives the gateway's id. (An affinity group carries none, a key pair needs a key, user data cannot be
changed and is not there before 4.18.)

Source: CloudStack 4.19, TaggedResourceManagerImpl: keys and values of up to 255 characters, a key once for a thing,
no empty values; the tags of an access list are the system's, which its owner may not set.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from attrs import frozen

from cfnlib.drivers.cloudstack.tags import told_value
from cfnlib.errors import CfnlibError, NotFoundError
from compat.ec2.faults import Ec2Error
from compat.ec2.marks import PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from compat.ec2.world import Row, World

_TAG = " tag:"


@frozen
class Home:
    """Where tags are: on which thing of CloudStack's, and what the keys begin with there."""

    resource_type: str
    uuid: str
    prefix: str = ""


def home_on_vpc(vpc_uuid: str, ec2_id: str) -> Home:
    """Where the tags of a thing are that is kept on its VPC."""
    return Home("Vpc", vpc_uuid, f"{PREFIX}{ec2_id}{_TAG}")


def home_on_subnet(network_uuid: str, ec2_id: str) -> Home:
    """Where the tags of a thing are that is kept on its subnet."""
    return Home("Network", network_uuid, f"{PREFIX}{ec2_id}{_TAG}")


def tag_owner(key: str) -> tuple[str, str] | None:
    """The thing that a tag is of, by the key that it is kept under, and its own key; None for any other mark."""
    name, found, own = key.removeprefix(PREFIX).partition(_TAG)
    return (name, own) if found and key.startswith(PREFIX) else None


def kept(row: Row, ec2_id: str) -> list[dict[str, str]]:
    """The tags of a thing that is kept on another one, as EC2 shows them."""
    prefix = f"{PREFIX}{ec2_id}{_TAG}"
    found = {key.removeprefix(prefix): value for key, value in tags(row).items() if key.startswith(prefix)}
    return [{"Key": key, "Value": found[key]} for key in sorted(found)]


def tags(row: Row) -> dict[str, str]:
    """All tags of a row, the bridge's own too."""
    return {str(tag["key"]): told_value(tag.get("value")) for tag in row.get("tags") or ()}


def mark(row: Row, name: str) -> str | None:
    """The bridge's own tag of a row by its name, None when there is none."""
    return tags(row).get(PREFIX + name)


def put(world: World, home: Home, pairs: Mapping[str, str]) -> None:
    """Make tags. Raises `CloudError` when one of them is there already."""
    if pairs:
        made = [{"key": home.prefix + key, "value": value} for key, value in pairs.items()]
        world.done("createTags", resourceids=home.uuid, resourcetype=home.resource_type, tags=made)


def dress(world: World, home: Home, pairs: Mapping[str, str], undo: Callable[[], object]) -> None:
    """Make the tags of a new thing. When they cannot be made the thing is removed, for nobody was told of it."""
    try:
        put(world, home, pairs)
    except CfnlibError:
        undo()
        raise


def take(world: World, home: Home, keys: Iterable[str]) -> None:
    """Remove tags; those that are not there do no harm."""
    gone = [{"key": home.prefix + key} for key in keys]
    if gone:
        with suppress(NotFoundError):
            world.done("deleteTags", resourceids=home.uuid, resourcetype=home.resource_type, tags=gone)


def tags_asked(params: Mapping[str, Any], resource_type: str) -> dict[str, str]:
    """The tags that a new thing of this type shall have. Raises `Ec2Error` when they are for another type."""
    found: dict[str, str] = {}
    for one in params.get("TagSpecifications") or ():
        if one.get("ResourceType") not in {None, resource_type}:
            text = f"'{one['ResourceType']}' is not a valid taggable resource type for this operation."
            raise Ec2Error("InvalidParameterValue", text)
        found.update({tag.get("Key") or "": tag.get("Value") or "" for tag in one.get("Tags") or ()})
    check_keys(found)
    return found


def check_keys(keys: Iterable[str]) -> None:
    """Raise `Ec2Error` for a tag that a user must not set."""
    if any(key.startswith(("aws:", PREFIX)) or not key for key in keys):
        raise Ec2Error("InvalidParameterValue", "Tag keys starting with 'aws:' or 'cfnlib:ec2:' are reserved")


def shown(pairs: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as EC2 shows them."""
    return [{"Key": key, "Value": pairs[key]} for key in sorted(pairs)]
