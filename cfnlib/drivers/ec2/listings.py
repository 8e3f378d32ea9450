"""CloudStack's listings, answered from an EC2 API's descriptions.

A `Find` is asked in the terms of the declarations. Each listing has an action that describes the same things, and
filters for what the API can narrow down itself; whatever was asked for is looked at once more here, because an old
API knows few filters, and a description may come a moment too early or too late.

Two things are asked for by what EC2 has and CloudStack has not: a machine by the token of its launch (all machines
are described for that, which happens only after an interruption: an API may know tokens before it knows tags, and may
have no filter for them), and an address by a mark (its tag `cfnlib:name`), because EC2 gives an address of its own
choice.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from cfnlib.drivers.ec2 import records
from cfnlib.drivers.ec2.records import NAME, TOKEN
from cfnlib.errors import InvalidRequestError, NotFoundError
from cfnlib.schema.model import read_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cfnlib.drivers.ec2.client import Client
    from cfnlib.schema.calls import Find

    Record = dict[str, Any]

CHUNK = 200
"""The most values of one filter. Source: Amazon EC2 API reference, Filter."""
MARK = "cfnlib-address-"
"""What the mark of an address begins with."""
_GROUP_ID = re.compile(r"sg-([0-9a-f]{8}|[0-9a-f]{17})")


@frozen
class Listing:
    """How things of a kind are described: the action, the key of the items, and how each becomes a record.

    `filters` gives for a parameter of CloudStack's listing the filter that narrows the description.
    """

    action: str
    key: str
    record: Callable[[Mapping[str, Any]], Record]
    filters: Mapping[str, str] = field(factory=dict)
    params: Mapping[str, Any] = field(factory=dict)
    paged: bool = True
    within: str = ""


_BY_NAME = f"tag:{NAME}"
LISTINGS: Mapping[str, Listing] = {
    "listVirtualMachines": Listing(
        "DescribeInstances",
        "Reservations",
        records.instance,
        {"id": "instance-id", "ids": "instance-id", "name": _BY_NAME},
        within="Instances",
    ),
    "listVolumes": Listing(
        "DescribeVolumes",
        "Volumes",
        records.volume,
        {"id": "volume-id", "ids": "volume-id", "virtualmachineid": "attachment.instance-id", "name": _BY_NAME},
    ),
    "listSecurityGroups": Listing("DescribeSecurityGroups", "SecurityGroups", records.group, {"id": "group-id"}),
    "listSSHKeyPairs": Listing("DescribeKeyPairs", "KeyPairs", records.key_pair, {"name": "key-name"}, paged=False),
    "listPublicIpAddresses": Listing(
        "DescribeAddresses", "Addresses", records.address, {"id": "allocation-id"}, paged=False
    ),
    "listSnapshots": Listing(
        "DescribeSnapshots",
        "Snapshots",
        records.snapshot,
        {"id": "snapshot-id", "volumeid": "volume-id"},
        params={"OwnerIds": ["self"]},
    ),
    "listTags": Listing(
        "DescribeTags", "Tags", records.tag, {"resourceid": "resource-id", "key": "key", "value": "value"}
    ),
}


class Listings:
    """What an account has, listing by listing. Keeps nothing.

    `shared` says whether machines stand in a network of the world's, so that their own addresses are public.
    """

    def __init__(self, client: Client, shared: Callable[[], bool]) -> None:
        self._client = client
        self._shared = shared

    def find(self, find: Find) -> list[Mapping[str, Any]]:
        """The rows that match; none as well when what is asked about does not exist. Raises `CloudError`."""
        try:
            return self._as_known(find).select(self.listed(find.command, find.params, find.where))
        except NotFoundError:
            return []

    def listed(self, command: str, params: Mapping[str, Any], where: Mapping[str, Any] | None = None) -> list[Record]:
        """The records of a listing with these parameters. Raises `CloudError`, `InvalidRequestError`."""
        if command == "listDiskOfferings":
            return _disk_offerings(params)
        listing = LISTINGS.get(command)
        if listing is None:
            raise InvalidRequestError(f"{command}: an EC2 API has no such listing", command=command)
        if command == "listSecurityGroups" and "virtualmachineid" in params:
            return self._groups_of(str(params["virtualmachineid"]))
        asked = {name: value for name, value in params.items() if name != "name" or "clienttoken" not in params}
        found = [
            record
            for filters in self._filters(listing, asked)
            for record in self._described(listing, filters)
            if all(_holds(record, name, value) for name, value in asked.items())
        ]
        if command == "listVirtualMachines" and self._shared():
            found = [{**one, "nic": [{**nic, "type": "Shared"} for nic in one["nic"]]} for one in found]
        if command == "listVirtualMachines" and "userdata" in (where or {}):
            found = [{**record, "userdata": self._user_data(record["id"])} for record in found]
        return found

    def one(self, command: str, thing_id: str) -> Record:
        """The record of a thing by its id. Raises `NotFoundError`, `CloudError`."""
        found = self.listed(command, {"id": thing_id})
        if not found:
            raise NotFoundError(f"{command}: {thing_id} does not exist", command=command)
        return found[0]

    def group_id(self, group: str) -> str:
        """The id of a security group by its name or id. Raises `NotFoundError`, `CloudError`."""
        if is_group_id(group):
            return group
        found = self.listed("listSecurityGroups", {"securitygroupname": group})
        if not found:
            raise NotFoundError(f"there is no security group {group!r}", command="DescribeSecurityGroups")
        return str(found[0]["id"])

    def _described(self, listing: Listing, filters: Sequence[Mapping[str, Any]]) -> list[Record]:
        params = {**listing.params, **({"Filters": list(filters)} if filters else {})}
        ask = self._client.rows if listing.paged else self._whole
        items = ask(listing.action, listing.key, params)
        if listing.within:
            items = [inner for item in items for inner in item.get(listing.within) or ()]
        return [listing.record(item) for item in items]

    def _whole(self, action: str, key: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._client.call(action, params).get(key) or []
        return found

    def _filters(self, listing: Listing, params: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
        """The filters of each request that is made: many ids are asked for in several."""
        if not self._client.tags_at_birth:
            return [[]]
        found: list[tuple[str, list[str]]] = []
        for name, value in params.items():
            known = listing.filters.get(name)
            if known is not None:
                found.append((known, _texts(value)))
            elif name == "ipaddress":
                marked = str(value).startswith(MARK)
                found.append((_BY_NAME if marked else "public-ip", [str(value)]))
            elif name == "securitygroupname":
                found.append(("group-id" if is_group_id(str(value)) else "group-name", [str(value)]))
            elif name == "keyword" and _BY_NAME in listing.filters.values():
                found.append((_BY_NAME, [f"{value}*"]))
            elif name == "tags":
                found += [(f"tag:{pair['key']}", [str(pair["value"])]) for pair in value]
        many = next((one for one in found if len(one[1]) > CHUNK), None)
        if many is None:
            return [[{"Name": name, "Values": values} for name, values in found]]
        rest = [{"Name": name, "Values": values} for name, values in found if (name, values) != many]
        chunks = [many[1][at : at + CHUNK] for at in range(0, len(many[1]), CHUNK)]
        return [[{"Name": many[0], "Values": chunk}, *rest] for chunk in chunks]

    def _groups_of(self, machine_id: str) -> list[Record]:
        """The groups of a machine; each counts under its id as under its name."""
        groups = self.one("listVirtualMachines", machine_id)["securitygroup"]
        return [*groups, *({**group, "name": group["id"]} for group in groups)]

    def _user_data(self, machine_id: str) -> str:
        answer = self._client.call("DescribeInstanceAttribute", {"InstanceId": machine_id, "Attribute": "userData"})
        return str((answer.get("UserData") or {}).get("Value") or "")

    def _as_known(self, find: Find) -> Find:
        """The listing with a condition that an EC2 API's descriptions can meet in place of one that they cannot."""
        where = dict(find.where)
        if "securitygroupname" in where:
            where["securitygroupid"] = self.group_id(str(where.pop("securitygroupname")))
            where.pop("account", None)
        if find.command == "listPublicIpAddresses" and str(where.get("ipaddress", "")).startswith(MARK):
            del where["ipaddress"]
        if "clienttoken" in find.params or (
            find.command == "listSecurityGroups" and "securitygroupname" in find.params
        ):
            where.pop("name", None)
        return evolve(find, where=where)


def is_group_id(text: str) -> bool:
    """Whether a text is a security group's id, which no group's name may look like on EC2."""
    return _GROUP_ID.fullmatch(text) is not None


def _disk_offerings(params: Mapping[str, Any]) -> list[Record]:
    """A disk offering of CloudStack is a volume type on EC2: any name is one, and every size is free."""
    name = str(params.get("name") or records.DEFAULT_DISK)
    return [{"id": name, "name": name, "iscustomized": True}]


def _holds(record: Mapping[str, Any], name: str, value: object) -> bool:  # noqa: PLR0911 - one line a parameter
    if name in ("id", "ids"):
        return record.get("id") in _texts(value)
    if name == "ipaddress":
        return value in (record.get("ipaddress"), record.get("name"))
    if name == "securitygroupname":
        return value in (record.get("name"), record.get("id"))
    if name == "securitygroupid":
        return any(value in (group["id"], group["name"]) for group in record.get("securitygroup") or ())
    if name == "networkid":
        return bool(read_path(record, "nic.0.networkid") == value)
    if name == "keyword":
        return str(value).lower() in str(record.get("name", "")).lower()
    if name == "tags" and isinstance(value, list):
        there = {(tag["key"], tag["value"]) for tag in record.get("tags") or ()}
        return all((pair["key"], str(pair["value"])) in there for pair in value)
    if name == "clienttoken":
        there = {tag["value"] for tag in record.get("tags") or () if tag["key"] == TOKEN}
        return value == record.get("clienttoken") or value in there
    if name in ("name", "volumeid", "virtualmachineid", "resourceid", "key", "value"):
        return record.get(name) == value
    return True


def _texts(value: object) -> list[str]:
    if isinstance(value, (list, tuple, set, frozenset)):
        return [str(one) for one in value]
    return str(value).split(",")
