"""A call to the cloud as a value: what a driver carries out and a plan can print.

Every call can be told to have had its effect by looking at the cloud (`check`), because a process may die, or an
answer may be lost, between sending a call and writing its answer down.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from attrs import asdict, field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

SELF = "${self}"
"""Stands in a parameter for the physical id of the resource that the call belongs to."""

FREE_ADDRESS = "${free-address}"
"""Stands in a parameter for a free public address, which the driver chooses before the intent is written."""


class Effect(Enum):
    """What a call does to the resource: its answer gives the physical id only when it CREATES."""

    CREATES = "creates"
    CHANGES = "changes"
    REMOVES = "removes"


@frozen
class Find:
    """A listing that shows whether a call had its effect.

    `command` with `params` answers a list under `key`; a row counts when each field of `where` (a path into the row)
    has the given value, compared as text, without case. For a call that REMOVES, the effect is there when no row is
    found.
    """

    command: str
    key: str
    params: Mapping[str, Any] = field(factory=dict)
    where: Mapping[str, Any] = field(factory=dict)


@frozen
class Call:
    """One call: `key` is the record's key in the answer (empty when there is none).

    `exclusive` is set when the thing is known by a name or a place that a stranger could hold too: the engine then
    looks before it calls for the first time, and a thing found there is a conflict, not ours.
    `sensitive` names the parameters that are never shown.
    """

    command: str
    params: Mapping[str, Any]
    effect: Effect = Effect.CHANGES
    key: str = ""
    check: Find | None = None
    exclusive: bool = False
    sensitive: tuple[str, ...] = ()

    def bound(self, physical_id: str | None) -> Call:
        """The call with SELF replaced by the resource's physical id, in the parameters and in the check."""
        if physical_id is None:
            return self
        check = self.check
        if check is not None:
            check = Find(check.command, check.key, _bind(check.params, physical_id), _bind(check.where, physical_id))
        return Call(
            self.command,
            _bind(self.params, physical_id),
            self.effect,
            self.key,
            check,
            self.exclusive,
            self.sensitive,
        )

    def as_json(self) -> dict[str, Any]:
        """The call in JSON's types, to be written down as an intent."""
        plain = asdict(self, filter=lambda _, value: value not in (None, "", False, ()))
        plain["effect"] = self.effect.value
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Call:
        """Read back what `as_json` wrote."""
        check = plain.get("check")
        return cls(
            command=plain["command"],
            params=plain.get("params", {}),
            effect=Effect(plain["effect"]),
            key=plain.get("key", ""),
            check=Find(**check) if check else None,
            exclusive=plain.get("exclusive", False),
            sensitive=tuple(plain.get("sensitive", ())),
        )


def _bind(params: Mapping[str, Any], physical_id: str) -> dict[str, Any]:
    def replace(value: object) -> object:
        if isinstance(value, str):
            return value.replace(SELF, physical_id)
        if isinstance(value, list):
            return [replace(item) for item in value]
        if isinstance(value, dict):
            return {key: replace(item) for key, item in value.items()}
        return value

    return {key: replace(value) for key, value in params.items()}
