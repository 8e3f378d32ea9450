"""Names turned into ids, and the facts that a plan needs, from an EC2 API.

A name is first looked up in the configuration's mapping (`images`, `types`, `zones`), as it is for CloudStack. What
it then says is an id of EC2's, or the name of the thing: an image's own name, the tag `Name` of a subnet or a volume.
"""

from __future__ import annotations

import time
from difflib import get_close_matches
from threading import Lock
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from cfnlib.drivers.ec2.records import NAME
from cfnlib.errors import CloudError, ConfigError, InvalidRequestError, NotFoundError
from cfnlib.schema.model import Facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cfnlib.drivers.ec2.client import Client

    Item = Mapping[str, Any]

MAX_AGE_S = 300.0
"""How long a name that was found is believed to mean the same thing."""
_UNKNOWN_ACTIONS = ("InvalidAction", "UnsupportedOperation", "Unsupported")
_MOST_NAMED = 8


@frozen
class Kind:
    """How the things of a kind are described. `name` is the item's field, empty: the tag `Name`."""

    words: str
    action: str
    key: str
    gives: str
    name: str = ""
    name_filter: str = "tag:Name"
    aliases: str = ""
    prefix: str = ""
    hint: Mapping[str, Any] = field(factory=dict)


KINDS: Mapping[str, Kind] = {
    "zone": Kind(
        "zone", "DescribeAvailabilityZones", "AvailabilityZones", "ZoneName", "ZoneName", "zone-name", "zones"
    ),
    "template": Kind(
        "image", "DescribeImages", "Images", "ImageId", "Name", "name", "images", "ami-", {"Owners": ["self"]}
    ),
    "serviceoffering": Kind(
        "instance type", "DescribeInstanceTypes", "InstanceTypes", "InstanceType", "InstanceType", "", "types"
    ),
    "network": Kind("subnet", "DescribeSubnets", "Subnets", "SubnetId", prefix="subnet-"),
    "securitygroup": Kind(
        "security group", "DescribeSecurityGroups", "SecurityGroups", "GroupId", "GroupName", "group-name", "", "sg-"
    ),
    "keypair": Kind("key pair", "DescribeKeyPairs", "KeyPairs", "KeyName", "KeyName", "key-name"),
    "volume": Kind("volume", "DescribeVolumes", "Volumes", "VolumeId", prefix="vol-"),
    "snapshot": Kind(
        "snapshot", "DescribeSnapshots", "Snapshots", "SnapshotId", prefix="snap-", hint={"OwnerIds": ["self"]}
    ),
    "virtualmachine": Kind("machine", "DescribeInstances", "Reservations", "InstanceId", prefix="i-"),
    "affinitygroup": Kind(
        "placement group", "DescribePlacementGroups", "PlacementGroups", "GroupName", "GroupName", "group-name"
    ),
}
_ID_FILTERS = {
    "template": "image-id",
    "network": "subnet-id",
    "securitygroup": "group-id",
    "volume": "volume-id",
    "snapshot": "snapshot-id",
    "virtualmachine": "instance-id",
}
_UNPAGED = frozenset({"zone", "keypair", "affinitygroup"})


class Lookups:
    """What the cloud has, by name, for one account. May be used by several threads at once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._found: dict[tuple[str, str], tuple[float, str]] = {}
        self._roots: dict[str, str] = {}
        self._lock = Lock()
        self._facts: Facts | None = None

    def lookup(self, kind: str, name: str) -> str:
        """The id of the thing of this kind with this name, alias or id. Raises `NotFoundError`."""
        known = KINDS.get(kind)
        if kind in ("diskoffering", "customdiskoffering"):
            return self._client.config.types.get(name, name)  # a volume type, of which an EC2 API has no list
        if known is None:
            raise NotFoundError(f"things of the kind {kind!r} cannot be looked up through an EC2 API; give an id")
        aliases: Mapping[str, str] = getattr(self._client.config, known.aliases) if known.aliases else {}
        wanted = aliases.get(name, name)
        with self._lock:
            at, found = self._found.get((kind, wanted), (0.0, ""))
        if not found or time.monotonic() - at > MAX_AGE_S:
            found = self._asked(kind, known, name, wanted)
            with self._lock:
                self._found[kind, wanted] = (time.monotonic(), found)
        return found

    def facts(self) -> Facts:
        """What a plan must know of the zone and the account. Raises `ConfigError` when the zone cannot be told.

        The account is told by the owner of the security group `default`, which every account has; where there is
        none, the key itself stands for the account.
        """
        with self._lock:
            if self._facts is not None:
                return self._facts
        zone = self._zone()
        groups = self._client.rows(
            "DescribeSecurityGroups", "SecurityGroups", self._filtered("group-name", ["default"])
        )
        owner = next((str(group["OwnerId"]) for group in groups if group.get("GroupName") == "default"), None)
        found = Facts(
            zone_id=zone,
            zone_name=zone,
            security_groups=True,
            account=owner or str(self._client.config.key),
            ec2=True,
            elastic_addresses=self._has_addresses(),
        )
        with self._lock:
            self._facts = found
        return found

    def root_device(self, image_id: str) -> str:
        """The device of the root disk of a machine made from an image."""
        if image_id not in self._roots:
            images = self._client.call("DescribeImages", {"ImageIds": [image_id]}).get("Images") or [{}]
            self._roots[image_id] = str(images[0].get("RootDeviceName") or "/dev/sda1")
        return self._roots[image_id]

    def _zone(self) -> str:
        rows = self._client.call("DescribeAvailabilityZones").get("AvailabilityZones") or []
        names = [str(row["ZoneName"]) for row in rows if row.get("State", "available") == "available"]
        asked = self._client.config.zone
        if asked is None:
            if not names:
                raise ConfigError("this cloud has no available zone that the account may use")
            return names[0]
        wanted = self._client.config.zones.get(asked, asked)
        for row in rows:
            if wanted in (row.get("ZoneName"), row.get("ZoneId")):
                return str(row["ZoneName"])
        raise ConfigError(
            f"zone: there is no zone {asked!r} on this cloud; set CFNLIB_ZONE to one of: {', '.join(names)}"
        )

    def _has_addresses(self) -> bool:
        """Whether the account may have elastic addresses; a limit of 0 says that the zone has none."""
        try:
            answer = self._client.call("DescribeAccountAttributes")
        except CloudError:  # an account may be forbidden to ask, and an old API may not know the question
            return True
        values = {
            str(one.get("AttributeName")): [value.get("AttributeValue") for value in one.get("AttributeValues") or ()]
            for one in answer.get("AccountAttributes") or ()
        }
        return values.get("max-elastic-ips") != ["0"] and values.get("vpc-max-elastic-ips") != ["0"]

    def _asked(self, kind: str, known: Kind, name: str, wanted: str) -> str:
        try:
            rows = self._named(kind, known, wanted)
        except (NotFoundError, InvalidRequestError) as error:
            if kind == "serviceoffering" and error.code in _UNKNOWN_ACTIONS:
                return wanted  # an old API has no list of types
            rows = []
        ids = sorted({str(row[known.gives]) for row in rows})
        if len(ids) > 1:
            shown = ", ".join(ids[:_MOST_NAMED])
            raise NotFoundError(f"there are {len(ids)} of the name {wanted!r} ({known.words}): give an id of {shown}")
        if ids:
            return ids[0]
        raise self._not_found(kind, known, name, wanted)

    def _named(self, kind: str, known: Kind, wanted: str) -> list[Item]:
        if kind == "serviceoffering":
            return list(self._client.call(known.action, {"InstanceTypes": [wanted]}).get(known.key) or [])
        by_id = bool(known.prefix) and (wanted.startswith(known.prefix) or wanted.count("-") == 4)
        name = _ID_FILTERS[kind] if by_id else known.name_filter
        rows = self._listed(kind, known, self._filtered(name, [wanted]))
        if rows or by_id or known.name:
            return [row for row in rows if by_id or not known.name or _name(known, row) == wanted]
        return self._listed(kind, known, self._filtered(f"tag:{NAME}", [wanted]))

    def _filtered(self, name: str, values: list[str]) -> dict[str, Any]:
        return {"Filters": [{"Name": name, "Values": values}]} if self._client.tags_at_birth else {}

    def _listed(self, kind: str, known: Kind, params: Mapping[str, Any]) -> list[Item]:
        if kind in _UNPAGED:
            return list(self._client.call(known.action, params).get(known.key) or [])
        rows: Iterable[Item] = self._client.rows(known.action, known.key, params)
        if kind == "virtualmachine":
            rows = [machine for row in rows for machine in row.get("Instances") or ()]
        return list(rows)

    def _not_found(self, kind: str, known: Kind, name: str, wanted: str) -> NotFoundError:
        try:
            rows = self._listed(kind, known, known.hint)
        except CloudError:  # the error is that the name is unknown; what else there is was only to help
            rows = []
        aliases: Mapping[str, str] = getattr(self._client.config, known.aliases) if known.aliases else {}
        lower = {text.lower(): text for text in (*(_name(known, row) for row in rows), *aliases) if text}
        near = [lower[found] for found in get_close_matches(wanted.lower(), list(lower), n=3, cutoff=0.5)]
        hint = f"; did you mean {' or '.join(repr(text) for text in near)}?" if near else ""
        if not near and lower:
            shown = sorted(lower.values())
            hint = f"; there are: {', '.join(shown[:_MOST_NAMED])}" + (", ..." if len(shown) > _MOST_NAMED else "")
        through = f" (which the mapping file gives for {name!r})" if wanted != name else ""
        return NotFoundError(f"there is no {known.words} {wanted!r}{through}{hint}", command=known.action)


def _name(known: Kind, row: Item) -> str:
    if known.name:
        return str(row.get(known.name) or "")
    tags = {str(tag.get("Key")): str(tag.get("Value") or "") for tag in row.get("Tags") or ()}
    return tags.get("Name") or tags.get(NAME) or ""
