"""What a call of CloudStack is in EC2: requests, what is waited for then, and the new thing in the last answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Params: TypeAlias = "Mapping[str, Any]"
Record: TypeAlias = "Mapping[str, Any]"


@frozen
class Request:
    """One request to the API."""

    action: str
    params: Params


@frozen
class Wait:
    """What is waited for: the thing (None: the one that the answer tells of), its kind, the state it will have."""

    kind: str
    state: str
    thing_id: str | None = None

    def job_id(self, made_id: str | None) -> str:
        """The text that stands for a job's id."""
        return f"{self.kind} {self.thing_id or made_id} {self.state}"

    @classmethod
    def of_job(cls, job_id: str) -> Wait:
        """What a job's id says."""
        kind, thing_id, state = job_id.split(" ", 2)
        return cls(kind, state, thing_id)


@frozen
class Work:
    """The requests of a call, one after the other. `made` reads the new thing's record from the last answer."""

    requests: Sequence[Request]
    wait: Wait | None = None
    made: Callable[[Params], Record] | None = None
    tags: Mapping[str, str] = field(factory=dict)


class Known(Protocol):
    """What is there, as `Listings` tells it, and the rest that a translation may have to ask for."""

    def group_id(self, group: str) -> str:
        """The id of a security group by its name or id."""

    def one(self, command: str, thing_id: str) -> Record:
        """The record of a thing by its id."""

    def root_device(self, image_id: str) -> str:
        """The device of the root disk of a machine that is made from an image."""


def born_with(kind: str, tags: Mapping[str, str]) -> dict[str, Any]:
    """A TagSpecification: a thing of this kind is made with these tags."""
    return {"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def listed(value: object) -> list[str]:
    """A parameter that is a list, or a text with commas, as a list."""
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, (list, tuple)) else str(value).split(",")


def given(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that have a value."""
    return {name: value for name, value in params.items() if value is not None}
