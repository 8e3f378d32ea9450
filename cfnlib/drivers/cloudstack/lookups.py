"""Names of things on the cloud, turned into ids; and the facts that a plan needs.

Each kind of thing is listed at most once in a while for each driver, by whichever thread asks first. A name that is
not in a listing is looked for once more in a fresh one, because it may have been made since.
"""

from __future__ import annotations

import re
import time
from difflib import get_close_matches
from threading import Lock
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from cfnlib.errors import CloudError, ConfigError, NotFoundError
from cfnlib.schema.model import Facts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cfnlib.drivers.cloudstack.client import Client

    Row = Mapping[str, Any]

MAX_AGE_S = 300.0
"""How long a listing is believed."""

MIN_AGE_S = 2.0
"""How old a listing must be to be asked for again when a name is not in it."""


_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@frozen
class Kind:
    """How the things of a kind are listed, and what they are called.

    `gives` is the field that `lookup` answers: a key pair is known to CloudStack's commands by its name.
    `aliases` is the setting that maps foreign names; `zoned` says that a listing is of one zone.
    """

    words: str
    command: str
    key: str
    params: Mapping[str, Any] = field(factory=dict)
    name: str = "name"
    gives: str = "id"
    aliases: str = ""
    zoned: bool = False
    only: Callable[[Row], bool] = lambda _: True


KINDS: Mapping[str, Kind] = {
    "zone": Kind("zone", "listZones", "zone", aliases="zones"),
    "template": Kind(
        "template", "listTemplates", "template", {"templatefilter": "executable"}, aliases="images", zoned=True
    ),
    "iso": Kind("ISO", "listIsos", "iso", {"isofilter": "executable"}, aliases="images", zoned=True),
    "serviceoffering": Kind("service offering", "listServiceOfferings", "serviceoffering", aliases="types"),
    "diskoffering": Kind("disk offering", "listDiskOfferings", "diskoffering", aliases="types"),
    "customdiskoffering": Kind(
        "disk offering of a custom size",
        "listDiskOfferings",
        "diskoffering",
        aliases="types",
        only=lambda row: row.get("iscustomized") in (True, "true"),
    ),
    "networkoffering": Kind("network offering", "listNetworkOfferings", "networkoffering", {"state": "Enabled"}),
    "vpcoffering": Kind("VPC offering", "listVPCOfferings", "vpcoffering", {"state": "Enabled"}),
    "network": Kind("network", "listNetworks", "network"),
    "vpc": Kind("VPC", "listVPCs", "vpc"),
    "networkacllist": Kind("network ACL list", "listNetworkACLLists", "networkacllist"),
    "securitygroup": Kind("security group", "listSecurityGroups", "securitygroup"),
    "affinitygroup": Kind("affinity group", "listAffinityGroups", "affinitygroup"),
    "keypair": Kind("key pair", "listSSHKeyPairs", "sshkeypair", gives="name"),
    "volume": Kind("volume", "listVolumes", "volume"),
    "snapshot": Kind("snapshot", "listSnapshots", "snapshot"),
    "virtualmachine": Kind("machine", "listVirtualMachines", "virtualmachine"),
    "ostype": Kind("type of operating system", "listOsTypes", "ostype", name="description"),
    "project": Kind("project", "listProjects", "project"),
    "domain": Kind("domain", "listDomains", "domain"),
}


@define
class _Listing:
    """The rows of a kind, when they were asked for, and those that were chosen by name before."""

    rows: Sequence[Row]
    asked_at: float
    chosen: dict[str, Row] = field(factory=dict)

    def row(self, kind: Kind, wanted: str) -> Row | None:
        """The row of this id or name, None when there is none. Raises `NotFoundError` for several."""
        found = self.chosen.get(wanted)
        if found is None:
            found = _chosen(kind, wanted, self.rows)
            if found is not None:
                self.chosen[wanted] = found
        return found


class Lookups:
    """What the cloud has, by name, for one account. May be used by several threads at once."""

    def __init__(self, client: Client, scope: Mapping[str, Any]) -> None:
        self._client = client
        self._scope = scope
        self._listings: dict[str, _Listing] = {}
        self._locks: dict[str, Lock] = {}
        self._lock = Lock()
        self._facts_lock = Lock()
        self._met: set[tuple[str, str]] = set()
        self._facts: Facts | None = None

    def lookup(self, kind: str, name: str) -> str:
        """The id of the thing of this kind with this name, alias or id. Raises `NotFoundError`, `ConfigError`."""
        known = KINDS.get(kind)
        if known is None:
            raise NotFoundError(f"things of the kind {kind!r} cannot be looked up by name; give an id")
        aliases: Mapping[str, str] = getattr(self._client.config, known.aliases) if known.aliases else {}
        wanted = aliases.get(name, name)
        if _UUID.fullmatch(wanted) and self._is_there(known, wanted):
            return wanted
        listing = self._listing(kind, MAX_AGE_S)
        row = listing.row(known, wanted)
        if row is None and time.monotonic() - listing.asked_at > MIN_AGE_S:
            listing = self._listing(kind, MIN_AGE_S)
            row = listing.row(known, wanted)
        if row is None:
            raise _not_found(known, name, wanted, listing.rows, aliases)
        return str(row[known.gives])

    def made(self, key: str, thing_id: str) -> None:
        """Note that a thing is there, because it was made just now; `key` is that of its kind's listing."""
        self._met.add((key, thing_id))

    def _is_there(self, kind: Kind, thing_id: str) -> bool:
        """Whether a thing exists: it may be one that no listing of names has shown yet, or ever shows."""
        if (kind.key, thing_id) not in self._met:
            params = {**kind.params, "id": thing_id, **self._scope}
            try:
                rows = self._client.rows(kind.command, kind.key, params)
            except NotFoundError:
                return False
            if not any(row.get("id") == thing_id for row in rows):
                return False
            self._met.add((kind.key, thing_id))
        return kind.gives == "id"

    def facts(self) -> Facts:
        """What a plan must know of the zone and the account. Raises `ConfigError` when the zone cannot be told."""
        with self._facts_lock:
            if self._facts is None:
                self._facts = self._found_facts()
            return self._facts

    def _found_facts(self) -> Facts:
        zone = self._zone()
        capability = self._client.call("listCapabilities").get("capability", {})
        account = self._account()
        security_groups = _true(zone.get("securitygroupsenabled"))
        return Facts(
            zone_id=str(zone["id"]),
            zone_name=str(zone["name"]),
            security_groups=security_groups,
            account=str(account.get("name", "")),
            domain_id=str(account.get("domainid", "")),
            may_expunge=_true(capability.get("allowuserexpungerecovervm")) or account.get("roletype") == "Admin",
            network_offering_id=self._network_offering(),
            project_id=self._client.config.project_id,
        )

    def _zone(self) -> Row:
        rows = self._listing("zone", MAX_AGE_S).rows
        asked = self._client.config.zone
        if asked:
            row = _chosen(KINDS["zone"], self._client.config.zones.get(asked, asked), rows)
            if row is not None:
                return row
            names = ", ".join(str(row["name"]) for row in rows)
            raise ConfigError(f"zone: there is no zone {asked!r} on this cloud; set CFNLIB_ZONE to one of: {names}")
        enabled = [row for row in rows if str(row.get("allocationstate", "Enabled")) == "Enabled"]
        if not enabled:
            raise ConfigError("this cloud has no enabled zone that the account may use")
        return enabled[0]

    def _account(self) -> Row:
        """The account that the key belongs to; nothing when it cannot be told.

        Source: CloudStack 4.19: `listAccounts` answers an ordinary user with its own account, an administrator with
        those of the domain, each with its users and their API keys.
        """
        try:
            rows = self._client.rows("listAccounts", "account")
        except CloudError:  # an account may be forbidden to ask; what it is called is then of no use either
            return {}
        if len(rows) == 1:
            return dict(rows[0])
        key = self._client.config.key
        mine = [row for row in rows if any(user.get("apikey") == key for user in row.get("user", ()))]
        return dict(mine[0]) if len(mine) == 1 else {}

    def _network_offering(self) -> str | None:
        """The offering for a network of which nothing else is said: the named one, the default, or any fit."""
        asked = self._client.config.network_offering
        if asked:
            return self.lookup("networkoffering", asked)
        rows = [row for row in self._listing("networkoffering", MAX_AGE_S).rows if _fit(row)]
        rows.sort(key=lambda row: row.get("name") != "DefaultIsolatedNetworkOfferingWithSourceNatService")
        return str(rows[0]["id"]) if rows else None

    def _listing(self, kind: str, max_age_s: float) -> _Listing:
        known = self._listings.get(kind)
        if known is not None and time.monotonic() - known.asked_at <= max_age_s:
            return known
        with self._lock:
            lock = self._locks.setdefault(kind, Lock())
        with lock:
            listing = self._listings.get(kind)
            if listing is None or time.monotonic() - listing.asked_at > max_age_s:
                asked_at = time.monotonic()
                listing = self._listings[kind] = _Listing(self._rows(KINDS[kind]), asked_at)
            return listing

    def _rows(self, kind: Kind) -> list[Row]:
        zone = {"zoneid": self.facts().zone_id} if kind.zoned else {}
        rows = self._client.rows(kind.command, kind.key, {**kind.params, **zone, **self._scope})
        self._met |= {(kind.key, str(row.get("id"))) for row in rows}
        return [row for row in rows if kind.only(row)]


def _chosen(kind: Kind, wanted: str, rows: Sequence[Row]) -> Row | None:
    """The row with this id or this name, in this case if there is such a one. Raises `NotFoundError` for several."""
    for row in rows:
        if row.get("id") == wanted:
            return row
    same = [row for row in rows if row.get(kind.name) == wanted]
    same = same or [row for row in rows if str(row.get(kind.name, "")).lower() == wanted.lower()]
    by_id = {str(row.get("id")): row for row in same}
    if len(by_id) > 1:
        ids = ", ".join(sorted(by_id))
        raise NotFoundError(
            f"there are {len(by_id)} of the name {wanted!r} ({kind.words}): give one of the ids {ids}"
        )
    return next(iter(by_id.values()), None)


def _not_found(kind: Kind, name: str, wanted: str, rows: Sequence[Row], aliases: Mapping[str, str]) -> NotFoundError:
    names = sorted({str(row.get(kind.name, "")) for row in rows} | set(aliases))
    lower = {item.lower(): item for item in names}
    near = [lower[found] for found in get_close_matches(wanted.lower(), list(lower), n=3, cutoff=0.5)]
    if near:
        hint = f"did you mean {' or '.join(repr(item) for item in near)}?"
    elif names:
        hint = f"there are: {', '.join(names[:8])}" + (", ..." if len(names) > 8 else "")
    else:
        hint = "the account can use none"
    through = f" (which the mapping file gives for {name!r})" if wanted != name else ""
    return NotFoundError(f"there is no {kind.words} {wanted!r}{through}; {hint}", command=kind.command)


def _fit(row: Row) -> bool:
    services = {service.get("name") for service in row.get("service", ())}
    isolated = row.get("guestiptype") == "Isolated" and "SourceNat" in services
    return isolated and not _true(row.get("forvpc")) and not _true(row.get("specifyvlan"))


def _true(value: object) -> bool:
    return str(value).lower() == "true"
