"""Elastic addresses: CloudStack's public addresses with static NAT.

An address belongs to a network (or VPC) on CloudStack, on EC2 to the account alone. So one that is allocated goes to
the network that machines are launched into; to associate it with a machine of another network is an error. A public
address lets nothing through on CloudStack until a firewall rule does; on EC2 that is the security groups' work. So an
association opens the firewall for what the machine's groups allow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compat.ec2 import names
from compat.ec2.faults import Ec2Error, not_found, unsupported
from compat.ec2.filters import filtered
from compat.ec2.ids import ec2_id
from compat.ec2.launch import default_network, is_true
from compat.ec2.machines import tags_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from compat.ec2.world import Row, World

FILTERS: dict[str, Any] = {
    "allocation-id": "AllocationId",
    "association-id": "AssociationId",
    "domain": "Domain",
    "instance-id": "InstanceId",
    "private-ip-address": "PrivateIpAddress",
    "public-ip": "PublicIp",
}


def allocate_address(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Take a public address, for the network that machines are launched into."""
    zone = names.zone(world, None)
    if is_true(zone.get("securitygroupsenabled")):
        raise unsupported(
            "machines of this zone have addresses of their own; it has none that move from one to another"
        )
    answer = world.done(
        "associateIpAddress", networkid=default_network(world, zone), ipaddress=params.get("Address") or None
    )
    row = answer.get("ipaddress", answer)
    tags = [tag for one in params.get("TagSpecifications") or () for tag in one.get("Tags") or ()]
    if tags:
        pairs = [{"key": tag["Key"], "value": tag.get("Value") or ""} for tag in tags]
        world.done("createTags", resourceids=row["id"], resourcetype="PublicIpAddress", tags=pairs)
    found = described(world, row)
    return {key: found[key] for key in ("PublicIp", "AllocationId", "Domain")}


def release_address(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Give an address back. One that is associated is not released, as on EC2 with an AllocationId."""
    row = _address(world, params)
    if row.get("virtualmachineid"):
        raise Ec2Error("InvalidIPAddress.InUse", f"Address {row['ipaddress']} is in use.")
    world.done("disassociateIpAddress", id=row["id"])
    return {}


def describe_addresses(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The addresses of the account, without those that networks keep for their own way out."""
    rows = [row for row in world.rows("address") if not is_true(row.get("issourcenat"))]
    for key, of, kind in (("PublicIps", _ip, "InvalidAddress.NotFound"), ("AllocationIds", _ids, "")):
        asked = params.get(key)
        if asked:
            known = {name for row in rows for name in of(row)}
            missing = [name for name in asked if name not in known]
            if missing:
                raise (
                    Ec2Error(kind, f"Address '{missing[0]}' not found.") if kind else not_found("address", missing[0])
                )
            rows = [row for row in rows if set(of(row)) & set(asked)]
    return {"Addresses": filtered((described(world, row) for row in rows), params.get("Filters"), FILTERS)}


def described(world: World, row: Row) -> dict[str, Any]:
    """An address."""
    found: dict[str, Any] = {
        "PublicIp": row.get("ipaddress"),
        "AllocationId": world.learn("address", str(row["id"])),
        "Domain": "vpc",
        "NetworkBorderGroup": world.config.region,
        "Tags": tags_of(row),
    }
    machine = row.get("virtualmachineid")
    if machine:
        found |= {
            "InstanceId": world.learn("instance", str(machine)),
            "AssociationId": ec2_id("association", str(row["id"])),
            "PrivateIpAddress": row.get("vmipaddress"),
        }
    return found


def associate_address(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Let an address lead to a machine, for what its security groups allow."""
    row = _address(world, params)
    asked = params.get("InstanceId")
    if not asked:
        raise unsupported("an address is associated with an instance here, not with a network interface")
    machine = world.one("instance", asked)
    if row.get("virtualmachineid") == machine["id"]:
        return {"AssociationId": ec2_id("association", str(row["id"]))}
    if row.get("virtualmachineid"):
        if params.get("AllowReassociation") is False:
            raise Ec2Error(
                "Resource.AlreadyAssociated", f"resource {params.get('AllocationId')} is already associated"
            )
        world.done("disableStaticNat", ipaddressid=row["id"])
    nics = machine.get("nic") or ()
    nic = next((one for one in nics if one.get("networkid") == row.get("associatednetworkid")), None)
    if nic is None:
        network = row.get("associatednetworkname")
        text = f"the address belongs to the network {network}, in which {asked} has no interface"
        raise Ec2Error("InvalidParameterValue", text)
    world.call("enableStaticNat", ipaddressid=row["id"], virtualmachineid=machine["id"], networkid=nic["networkid"])
    open_for(world, str(row["id"]), machine)
    return {"AssociationId": ec2_id("association", str(row["id"]))}


def open_for(world: World, address_id: str, machine: Row) -> None:
    """Open the firewall of an address for what a machine's groups allow from anywhere by CIDR."""
    wanted = {text.split(" ", 1)[0] for text in world.marks(machine).groups}
    rules = [
        rule for row in world.rows("securitygroup") if row["id"] in wanted for rule in row.get("ingressrule") or ()
    ]
    calls = []
    for rule in rules:
        protocol = str(rule.get("protocol", "all")).lower()
        if not rule.get("cidr") or protocol not in {"tcp", "udp", "icmp"}:
            continue
        ports = ("icmptype", "icmpcode") if protocol == "icmp" else ("startport", "endport")
        calls.append(
            {
                "ipaddressid": address_id,
                "protocol": protocol,
                "cidrlist": rule["cidr"],
                **{key: rule.get(key) for key in ports},
            }
        )
    there = {_key(row) for row in world.client.rows("listFirewallRules", "firewallrule", {"ipaddressid": address_id})}
    for call in calls:
        if _key(call) not in there:
            world.done("createFirewallRule", **call)


def disassociate_address(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Let an address lead nowhere any more, and take its firewall rules away."""
    row = _address(world, params)
    if not row.get("virtualmachineid"):
        return {}
    for rule in world.client.rows("listFirewallRules", "firewallrule", {"ipaddressid": row["id"]}):
        world.done("deleteFirewallRule", id=rule["id"])
    world.done("disableStaticNat", ipaddressid=row["id"])
    return {}


def _address(world: World, params: Mapping[str, Any]) -> Row:
    allocation, association, ip = (params.get(key) for key in ("AllocationId", "AssociationId", "PublicIp"))
    if not (allocation or association or ip):
        raise Ec2Error("MissingParameter", "The request must contain the parameter AllocationId or PublicIp")
    for row in world.rows("address"):
        if (allocation or association or "") in _ids(row) or (ip and row.get("ipaddress") == ip):
            return row
    if allocation:
        raise not_found("address", allocation)
    if association:
        raise not_found("association", association)
    raise Ec2Error("InvalidAddress.NotFound", f"Address '{ip}' not found.")


def _ids(row: Row) -> Iterable[str]:
    uuid = str(row["id"])
    return (uuid, ec2_id("address", uuid), ec2_id("association", uuid))


def _ip(row: Row) -> Iterable[str]:
    return (str(row.get("ipaddress")),)


def _key(rule: Mapping[str, Any]) -> tuple[str, ...]:
    names_ = ("protocol", "startport", "endport", "icmptype", "icmpcode", "cidrlist")
    return tuple("" if rule.get(name) is None else str(rule[name]).lower() for name in names_)


ACTIONS = {
    "AllocateAddress": allocate_address,
    "AssociateAddress": associate_address,
    "DescribeAddresses": describe_addresses,
    "DisassociateAddress": disassociate_address,
    "ReleaseAddress": release_address,
}
