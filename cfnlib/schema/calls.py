"""A call to the cloud as a value: what a driver carries out and a plan can print.

Every call can be told to have had its effect by looking at the cloud (`check`), because a process may die, or an
answer may be lost, between sending a call and writing its answer down.

Three things are not known while the calls of a resource are worked out, and are chosen by the driver just before
the intent is written: a free public address (`FREE_ADDRESS`), the id of a thing that only a listing can tell
(`found_id`), and a text that no other call has (`FRESH`). They stand in the parameters and in the check of a call;
`needs_prepare` says whether a call has any, `prepared` puts in what the driver chose. All drivers and their tests use
these two functions, so that a mark means the same everywhere.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from attrs import asdict, evolve, field, fields, frozen

from cfnlib.schema.model import read_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

SELF = "${self}"
"""Stands in a parameter for the physical id of the resource that the call belongs to."""

FREE_ADDRESS = "${free-address}"
"""Stands in a parameter for a free public address, which the driver chooses before the intent is written."""

FRESH = "${fresh}"
"""Stands in a parameter for a text that no other call has, by which a repeated call is known to be the same one."""

_FIND = "$find"


class Effect(Enum):
    """What a call does to the resource: its answer gives the physical id only when it CREATES."""

    CREATES = "creates"
    CHANGES = "changes"
    REMOVES = "removes"


@frozen
class Find:
    """A listing that shows whether a call had its effect.

    `command` with `params` answers a list under `key`. With `nested`, the rows are those of the lists under this path
    in each item (the rules inside a security group); else they are the items. A row counts when each field of `where`
    (a path into the row) has the given value, and no field of `unless` has one of its listed values. Values are
    compared as text without case; a list, or a text with commas, as a set.

    For a call that REMOVES, the effect is there when no row is found.
    """

    command: str
    key: str
    params: Mapping[str, Any] = field(factory=dict)
    where: Mapping[str, Any] = field(factory=dict)
    nested: str = ""
    unless: Mapping[str, Any] = field(factory=dict)

    def select(self, items: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """The rows that count among the items that the listing answered."""
        rows: list[Mapping[str, Any]] = []
        for item in items:
            inner = read_path(item, self.nested) if self.nested else [item]
            rows += [row for row in inner or () if self._counts(row)]
        return rows

    def _counts(self, row: Mapping[str, Any]) -> bool:
        if any(_text(read_path(row, path)) != _text(value) for path, value in self.where.items()):
            return False
        return not any(
            _text(read_path(row, path)) in {_text(value) for value in values} for path, values in self.unless.items()
        )

    def as_json(self) -> dict[str, Any]:
        """The listing in JSON's types."""
        plain = asdict(self, recurse=False)
        return {name: value for name, value in plain.items() if value or name in {"command", "key"}}


@frozen
class Call:
    """One call: `key` is the record's key in the answer (empty when there is none).

    `exclusive` is set when the thing is known by a name or a place that a stranger could hold too: the engine then
    looks before it calls for the first time, and a thing found there is a conflict, not ours. It looks with `taken`
    where that is given, else with `check`: a check that is narrower, because it also says where the thing is, takes
    no stranger's thing for ours when a process died between its intent and its call.
    `sensitive` names the parameters that are never shown. `ready` are the states in which the thing shows that the
    call is done, when they are others than those of its type. `chosen` is the free address that the driver put in;
    a record with one of the `unfit` fields set shows that this address came to serve another purpose. `patient`: what
    is in its way may be about to leave, by another call of the same operation; a refusal for that is not the end.
    """

    command: str
    params: Mapping[str, Any]
    effect: Effect = Effect.CHANGES
    key: str = ""
    check: Find | None = None
    exclusive: bool = False
    sensitive: tuple[str, ...] = ()
    taken: Find | None = None
    ready: tuple[str, ...] = ()
    chosen: str = ""
    unfit: tuple[str, ...] = ()
    patient: bool = False

    def bound(self, physical_id: str | None) -> Call:
        """The call with SELF replaced by the resource's physical id, in the parameters and in the check."""
        if physical_id is None:
            return self
        return _mapped(self, lambda value: value.replace(SELF, physical_id) if isinstance(value, str) else value)

    def unchosen(self) -> Call:
        """The call as it was before the driver chose an address for it."""
        if not self.chosen:
            return self
        return _mapped(evolve(self, chosen=""), lambda value: FREE_ADDRESS if value == self.chosen else value)

    def missed(self, record: Mapping[str, Any]) -> bool:
        """Whether the address that the driver chose came to serve another purpose, as the thing's record shows."""
        return bool(self.chosen) and any(read_path(record, path) for path in self.unfit)

    def as_json(self) -> dict[str, Any]:
        """The call in JSON's types, to be written down as an intent."""
        plain = {name: value for name in _FIELDS if (value := getattr(self, name))}
        plain |= {"command": self.command, "effect": self.effect.value}
        if self.check is not None:
            plain["check"] = self.check.as_json()
        if self.taken is not None:
            plain["taken"] = self.taken.as_json()
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Call:
        """Read back what `as_json` wrote."""
        check, taken = plain.get("check"), plain.get("taken")
        return cls(
            command=plain["command"],
            params=plain.get("params", {}),
            effect=Effect(plain["effect"]),
            key=plain.get("key", ""),
            check=Find(**check) if check else None,
            exclusive=plain.get("exclusive", False),
            sensitive=tuple(plain.get("sensitive", ())),
            taken=Find(**taken) if taken else None,
            ready=tuple(plain.get("ready", ())),
            chosen=plain.get("chosen", ""),
            unfit=tuple(plain.get("unfit", ())),
            patient=plain.get("patient", False),
        )


_FIELDS = tuple(one.name for one in fields(Call))


def found_id(
    find: Find, field: str = "id", *, needed: bool = True, swap: tuple[str, str] | None = None
) -> dict[str, Any]:
    """A value that stands for a field of the row that a listing finds when the call is about to be made.

    It may stand anywhere in `params`, and in the `params` and `where` of the `check`, and of another such listing. A
    driver's `prepare` replaces it. When no row is found, a call that REMOVES is done already, and any other call
    fails: what it needs is not there; unless it is not `needed`: then there is nothing to do. `swap` puts its second
    text in the place of its first in what was found: so a thing is found whose name follows from another's.
    """
    found: dict[str, Any] = {_FIND: find.as_json(), "field": field}
    return found | ({} if needed else {"needed": False}) | ({"swap": list(swap)} if swap else {})


def needs_prepare(call: Call) -> bool:
    """Whether the driver must choose or find something before the call's intent can be written."""
    parts: list[object] = [call.params]
    if call.check is not None:
        parts += [call.check.params, call.check.where]
    return any(_has_mark(part) for part in parts)


def prepared(call: Call, find: Callable[[Find, str], Any], free_address: Callable[[], str]) -> Call | None:
    """The call with its marks replaced; None when there is nothing to do.

    `find` gives a field of the first row that a listing finds, None when it finds none. `free_address` is asked at
    most once. Raises `LookupError` when a call that makes or changes needs a thing that is not found.
    """
    if not needs_prepare(call):
        return call
    fresh = uuid4().hex
    call = _mapped(call, lambda value: fresh if value == FRESH else value)
    chosen: list[str] = []
    absent: list[bool] = []
    known: dict[str, Any] = {}

    def replace(value: object) -> object:
        if value == FREE_ADDRESS:
            if not chosen:
                chosen.append(free_address())
            return chosen[0]
        if isinstance(value, dict) and _FIND in value:
            mark = repr(value)
            if mark not in known:
                listing = Find(**_walked(value[_FIND], replace))
                known[mark] = find(listing, value["field"])
                if known[mark] is None:
                    absent.append(value.get("needed", True))
                    raise LookupError(f"{call.command}: {listing.command} finds nothing with {dict(listing.where)}")
            before, after = value.get("swap", ("", ""))
            return str(known[mark]).replace(before, after) if before else known[mark]
        return value

    try:
        found = _mapped(call, replace)
        return evolve(found, chosen=chosen[0]) if chosen else found
    except LookupError:
        if call.effect is Effect.REMOVES or absent == [False]:
            return None
        raise


def _mapped(call: Call, replace: Callable[[object], object]) -> Call:
    check = call.check
    if check is not None:
        check = evolve(check, params=_walked(check.params, replace), where=_walked(check.where, replace))
    return evolve(call, params=_walked(call.params, replace), check=check)


def _walked(value: Any, replace: Callable[[object], object]) -> Any:  # noqa: ANN401 - a parameter is of any type
    replaced = replace(value)
    if replaced is not value:
        return replaced
    if isinstance(value, dict):
        return {key: _walked(item, replace) for key, item in value.items()}
    if isinstance(value, list):
        return [_walked(item, replace) for item in value]
    return value


def _has_mark(value: object) -> bool:
    if isinstance(value, dict):
        return _FIND in value or any(_has_mark(item) for item in value.values())
    if isinstance(value, list):
        return any(_has_mark(item) for item in value)
    return value in (FREE_ADDRESS, FRESH)


def _text(value: object) -> object:
    """A value as it is compared: a text, or a set of several."""
    if value is None:
        return ""
    parts = [str(item) for item in value] if isinstance(value, list | tuple) else str(value).split(",")
    texts = frozenset(part.strip().lower() for part in parts)
    return next(iter(texts)) if len(texts) == 1 else texts
