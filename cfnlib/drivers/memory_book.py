"""The book of the cloud in memory: which things there are, and how they are found."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from attrs import define, field

from cfnlib.schema.model import read_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.schema.calls import Find

STATES = {
    "virtualmachine": ("Starting", "Running", "Error"),
    "network": ("Allocated", "Implemented", "Shutdown"),
    "publicipaddress": ("Allocating", "Allocated", "Releasing"),
    "volume": ("Creating", "Ready", "UploadError"),
}
"""The states of a thing by the key of its listing: while a job makes it, when it is ready, when it failed."""

CATALOGUE = {
    "zone": {"Sandbox": "zone-1"},
    "template": {"CentOS 5.6 (64-bit) no GUI (Simulator)": "template-1"},
    "serviceoffering": {"Small Instance": "offering-1", "Medium Instance": "offering-2"},
    "diskoffering": {"Small": "disk-1"},
    "customdiskoffering": {"Custom": "disk-2"},
    "networkoffering": {"DefaultIsolatedNetworkOfferingWithSourceNatService": "networkoffering-1"},
}
"""What the provider has, by kind and name, when a test says nothing else."""

_NO_FILTER = frozenset({"listall", "page", "pagesize", "details", "isrecursive", "projectid", "templatefilter"})


@define
class Thing:
    """A thing of the cloud: its record as the cloud lists it, and what else can be asked about it."""

    thing_id: str
    family: str
    record: dict[str, Any]
    facts: dict[str, Any] = field(factory=dict)
    refers_to: frozenset[str] = frozenset()
    tags: dict[str, str] = field(factory=dict)
    association: bool = False

    @property
    def is_ready(self) -> bool:
        """Whether the job that makes it has ended well."""
        return self.record.get("state") not in (states_of(self.family)[0], states_of(self.family)[2])


class Book:
    """The things by id, and by what they are looked up by."""

    def __init__(self) -> None:
        self.things: dict[str, Thing] = {}
        self._families: dict[str, dict[str, Thing]] = defaultdict(dict)
        self._named: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._referers: dict[str, set[str]] = defaultdict(set)

    def family(self, family: str) -> Mapping[str, Thing]:
        """The things of a family (the key of a listing), by id."""
        return self._families[family]

    def named(self, family: str, name: str) -> list[str]:
        """The ids of the things with this name, without case."""
        return sorted(self._named[family, name.lower()])

    def users(self, thing_id: str) -> set[str]:
        """The ids of the things that refer to this one."""
        return self._referers[thing_id]

    def enter(self, thing: Thing) -> None:
        """Write a thing into the book."""
        self.things[thing.thing_id] = thing
        self._families[thing.family][thing.thing_id] = thing
        self._named[thing.family, str(thing.record.get("name", "")).lower()].add(thing.thing_id)
        for used in thing.refers_to:
            self._referers[used].add(thing.thing_id)

    def leave(self, thing_id: str) -> None:
        """Strike a thing out; nothing happens when it is not there."""
        thing = self.things.pop(thing_id, None)
        if thing is None:
            return
        del self._families[thing.family][thing_id]
        self._named[thing.family, str(thing.record.get("name", "")).lower()].discard(thing_id)
        for used in thing.refers_to:
            self._referers[used].discard(thing_id)

    def rename(self, thing: Thing, record: dict[str, Any]) -> None:
        """Give a thing a new record, perhaps with another name."""
        self._named[thing.family, str(thing.record.get("name", "")).lower()].discard(thing.thing_id)
        thing.record = record
        self._named[thing.family, str(record.get("name", "")).lower()].add(thing.thing_id)

    def items(self, find: Find) -> list[Thing]:
        """The things that a listing shows before its `where` is looked at."""
        family = self._families[find.key]
        ids = [*listed(find.params.get("id")), *listed(find.params.get("ids"))]
        name = find.params.get("name") if find.nested else find.where.get("name", find.params.get("name"))
        if ids:
            candidates = [family[found] for found in ids if found in family] or [
                thing for thing in family.values() if thing.facts.get("id") in ids
            ]
        elif name is not None:
            candidates = [self.things[found] for found in self.named(find.key, str(name))]
        else:
            candidates = list(family.values())
        asked = [(key, value) for key, value in find.params.items() if key not in ("id", "ids")]
        return [thing for thing in candidates if all(_holds(thing, key, value) for key, value in asked)]

    def matching(self, find: Find) -> list[Thing]:
        """The things in which a row counts."""
        return [thing for thing in self.items(find) if find.select([thing.record])]

    def rows(self, find: Find) -> list[Mapping[str, Any]]:
        """The rows that count."""
        if find.key == "tag":
            return self.tag_rows(find)
        return find.select([thing.record for thing in self.items(find)])

    def tag_rows(self, find: Find) -> list[Mapping[str, Any]]:
        """What `listTags` shows."""
        targets = listed(find.params.get("resourceid")) or list(self.things)
        rows: list[dict[str, Any]] = [
            {"key": key, "value": value, "resourceid": thing_id}
            for thing_id in targets
            for key, value in (self.things[thing_id].tags if thing_id in self.things else {}).items()
        ]
        asked = {key: value for key, value in find.params.items() if key in ("key", "value")}
        return [
            row for row in rows if all(_same(row.get(key), value) for key, value in {**asked, **find.where}.items())
        ]


def make_true(thing: Thing, check: Find | None, row_id: str) -> None:
    """Give a thing all that a check looks for; a row inside the thing gets an id of its own."""
    if check is None:
        return
    target = thing.record
    if check.nested:
        target = {"id": row_id, "ruleid": row_id}
        rows = read_path(thing.record, check.nested)
        set_path(thing.record, check.nested, [*(rows or ()), target])
    for path, value in check.where.items():
        set_path(target, path, value)
    thing.facts |= {key: value for key, value in check.params.items() if key not in _NO_FILTER}


def make_untrue(thing: Thing, check: Find) -> None:
    """Take from a thing all that a check looks for."""
    if check.nested:
        going = check.select([thing.record])
        kept = [row for row in read_path(thing.record, check.nested) or () if row not in going]
        set_path(thing.record, check.nested, kept)
        return
    for path in check.where:
        set_path(thing.record, path, None)
    for name in check.params:
        thing.facts.pop(name, None)


def states_of(family: str) -> tuple[str, str, str]:
    """The states of a thing of a family: while it is made, ready, failed."""
    return STATES.get(family, ("Creating", "Ready", "Failed"))


def listed(value: object) -> list[str]:
    """A parameter that is a list, or a text with commas, as a list."""
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else str(value).split(",")


def _holds(thing: Thing, key: str, value: object) -> bool:
    if key in _NO_FILTER:
        return True
    if key == "keyword":
        return str(value).lower() in str(thing.record.get("name", "")).lower()
    if key == "tags" and isinstance(value, list):
        return all(thing.tags.get(str(pair["key"])) == str(pair["value"]) for pair in value)
    if key in thing.facts:
        return _same(thing.facts[key], value)
    return key not in thing.record or _same(thing.record[key], value)


def _same(found: object, asked: object) -> bool:
    return found is not None and str(found).lower() == str(asked).lower()


def set_path(record: dict[str, Any], path: str, value: object) -> None:
    """Write at `a.0.b` in nested mappings and lists, making what is missing on the way."""
    parts = path.split(".")
    place: Any = record
    for part, following in pairwise(parts):
        if isinstance(place, list):
            place.extend({} for _ in range(int(part) + 1 - len(place)))
            place = place[int(part)]
        else:
            place = place.setdefault(part, [] if following.isdigit() else {})
    if isinstance(place, list):
        place.extend(None for _ in range(int(parts[-1]) + 1 - len(place)))
        place[int(parts[-1])] = value
    else:
        place[parts[-1]] = value
