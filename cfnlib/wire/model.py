"""A service's operations and shapes, as botocore's models tell them.

Only botocore's loader is used (it finds the file and unpacks it), when a service is first asked for: no session, no
client. The shapes stay the plain dictionaries they were in the file; what reads a request and what writes an answer
is made from them per operation, the first time that operation comes.

EC2 has changed almost nothing on the wire since 2014: of 160 operations in the model of 2014-10-01 one parameter has
another wire name in the newest, and some have become required. So the newest model is always the one used, and the
model of an older client adds its own wire names and takes back what was not required of it.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import field, frozen

from cfnlib.wire.faults import UnknownOperationError, UnknownVersionError

if TYPE_CHECKING:
    from collections.abc import Mapping

Shape = dict[str, Any]
"""A shape as it stands in the model's file."""

READS = re.compile("(Batch)?(Describe|Get|List|Search|Validate|Estimate|Detect)[A-Z]")
TOKENS = ("ClientRequestToken", "ClientToken")
"""What a token is named where the model does not mark it; CloudFormation's stack operations do not."""

OLDEST_EC2 = "2010-01-01"


class ModelError(NamedTuple):
    """An error that the model documents: the code on the wire, the HTTP status, and whose fault it is."""

    code: str
    http_status: int
    type: str
    """"Sender" or "Receiver"."""


class Paging(NamedTuple):
    """How a listing goes on: the names of the members that carry it, for the first of several tokens."""

    input_token: str
    output_token: str
    limit_key: str | None
    result_keys: tuple[str, ...]


@frozen
class Operation:
    """What an operation takes and gives. `errors` are names of shapes, for `Service.error`."""

    name: str
    input_shape: str | None
    output_shape: str | None
    result_wrapper: str | None
    errors: tuple[str, ...]
    token: str | None
    """The member that makes a repeated request the same request."""
    reads: bool
    """True where nothing is changed by it."""
    paging: Paging | None

    @property
    def paginated(self) -> bool:
        """Whether its answer may come in several pages."""
        return self.paging is not None


@frozen(eq=False)
class Service:
    """One service's model. Compared by identity: `load` gives the same one again."""

    name: str
    protocol: str
    """"query" or "ec2"."""
    api_version: str
    """The model's own version, for EC2 that of the older model in use."""
    namespace: str
    operations: Mapping[str, Operation] = field(repr=False)
    shapes: Mapping[str, Shape] = field(repr=False)
    older: Service | None = field(default=None, repr=False)
    readers: dict[Any, Any] = field(factory=dict, init=False, repr=False)
    writers: dict[str, Any] = field(factory=dict, init=False, repr=False)

    @staticmethod
    def load(name: str, api_version: str | None = None) -> Service:
        """The service `name` ("cloudformation", "sts", "ec2"); raises UnknownVersionError.

        `api_version` is what the client says; None is the newest. EC2's clients may say any day from 2010 on.
        """
        available = versions(name)
        if api_version is None or api_version == available[-1]:
            return _service(name, available[-1], None)
        if name != "ec2":
            if api_version not in available:
                raise UnknownVersionError(f"{name} has no version {api_version!r}; it has {', '.join(available)}")
            return _service(name, api_version, None)
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", api_version, re.ASCII) or api_version < OLDEST_EC2:
            raise UnknownVersionError(
                f"ec2 has no version {api_version!r}; a version is a day, {OLDEST_EC2} or later"
            )
        fitting = [version for version in available if version <= api_version] or [available[0]]
        return _service(name, available[-1], None if fitting[-1] == available[-1] else fitting[-1])

    def operation(self, name: str) -> Operation:
        """The operation of this name; raises UnknownOperationError."""
        found = self.operations.get(name)
        if found is None:
            raise UnknownOperationError(f"{self.name} has no operation {name!r}")
        return found

    def error(self, shape_name: str) -> ModelError:
        """What an exception shape of the model is on the wire; raises KeyError for a name that is no such shape.

        Its code may differ from its name: OperationStatusCheckFailedException is ConditionalCheckFailed.
        """
        shape = self.shapes[shape_name]
        if not shape.get("exception"):
            raise KeyError(shape_name)
        said = shape.get("error", {})
        status = said.get("httpStatusCode", 400)
        sender = said.get("senderFault", status < 500)
        return ModelError(said.get("code", shape_name), status, "Sender" if sender else "Receiver")

    def namespace_of(self, version: str) -> str:
        """The XML namespace for a client that asked for `version`; it is part of EC2's alone."""
        return f"http://ec2.amazonaws.com/doc/{version}/" if self.protocol == "ec2" else self.namespace


@cache
def versions(name: str) -> tuple[str, ...]:
    """The versions of a service that botocore has models of, the oldest first; never none (UnknownVersionError)."""
    from botocore.exceptions import DataNotFoundError  # noqa: PLC0415 - a tenth of a second, for those who need it

    try:
        return tuple(_loader().list_api_versions(name, "service-2"))
    except DataNotFoundError as error:
        raise UnknownVersionError(f"botocore has no model of {name!r}") from error


@cache
def _loader() -> Any:  # noqa: ANN401 - botocore has no types
    """Botocore's own data only: what lies in a user's home directory does not change this service."""
    from botocore.loaders import Loader  # noqa: PLC0415 - as above

    return Loader(include_default_search_paths=False, extra_search_paths=[Loader.BUILTIN_DATA_PATH])


@cache
def _service(name: str, version: str, older: str | None) -> Service:
    from botocore.exceptions import DataNotFoundError  # noqa: PLC0415 - as above

    raw: dict[str, Any] = _loader().load_service_model(name, "service-2", version)
    try:
        pagination = _loader().load_service_model(name, "paginators-1", version)["pagination"]
    except DataNotFoundError:
        pagination = {}
    metadata, shapes = raw["metadata"], raw["shapes"]
    namespace = metadata.get("xmlNamespace", f"http://{metadata['endpointPrefix']}.amazonaws.com/doc/{version}/")
    before = _service(name, older, None) if older else None
    return Service(
        name=name,
        protocol=metadata["protocol"],
        api_version=older or version,
        namespace=before.namespace if before else namespace.rstrip("/") + "/",
        operations={key: _operation(said, shapes, pagination) for key, said in raw["operations"].items()},
        shapes=shapes,
        older=before,
    )


def _operation(said: dict[str, Any], shapes: dict[str, Shape], pagination: dict[str, Any]) -> Operation:
    given = said.get("input", {}).get("shape")
    members: dict[str, Any] = shapes[given]["members"] if given else {}
    marked = [
        name
        for name, member in members.items()
        if member.get("idempotencyToken") or shapes[member["shape"]].get("idempotencyToken")
    ]
    return Operation(
        name=said["name"],
        input_shape=given,
        output_shape=said.get("output", {}).get("shape"),
        result_wrapper=said.get("output", {}).get("resultWrapper"),
        errors=tuple(error["shape"] for error in said.get("errors", ())),
        token=next(iter(marked), next((name for name in TOKENS if name in members), None)),
        reads=READS.match(said["name"]) is not None,
        paging=_paging(pagination.get(said["name"])),
    )


def _paging(said: dict[str, Any] | None) -> Paging | None:
    if said is None:
        return None

    def several(value: str | list[str]) -> tuple[str, ...]:
        return (value,) if isinstance(value, str) else tuple(value)

    return Paging(
        several(said["input_token"])[0],
        several(said["output_token"])[0],
        said.get("limit_key"),
        several(said["result_key"]),
    )
