"""The declaration of a resource type.

One `ResourceType` value says all there is to know about a type: its properties with their update effects, its
attributes, and (in `Native`) which CloudStack calls make, change, find and remove it. Validation, the difference
between two versions, the documentation and the drivers all read this one value.

A regular type names its commands; its calls follow from the properties' `param`. An irregular type gives a pure
function from what is desired to a list of calls. Nothing here talks to a cloud.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias

    from cfnlib.schema.calls import Call, Find

Json: TypeAlias = "str | int | float | bool | list[Any] | dict[str, Any] | None"


class Kind(Enum):
    """What kind of value a property holds."""

    STRING = "String"
    INTEGER = "Integer"
    NUMBER = "Number"
    BOOLEAN = "Boolean"
    JSON = "Json"
    LIST = "List"
    OBJECT = "Object"
    TAGS = "Tags"


class Update(Enum):
    """What a change of a property does to the thing, in CloudFormation's words."""

    IN_PLACE = "no interruption"
    RESTART = "some interruptions"
    REPLACE = "replacement"


@frozen
class Property:
    """One property of a type.

    `param` is the name of CloudStack's parameter that takes the value as it is; None when a function of the type
    uses it. `lookup` names the kind of thing on the cloud whose *name* the value may be (`zone`, `template`,
    `serviceoffering`, `diskoffering`, `networkoffering`, `network`, ...): the plan replaces it by the id.
    `item` describes the items of a LIST, `fields` those of an OBJECT. `ignored` says why the property cannot be
    honoured on CloudStack: giving it is a warning at its line. `secret` values are never shown. A property whose name
    begins with an underscore is internal: the plan gives it, a template may not.
    """

    doc: str
    kind: Kind = Kind.STRING
    required: bool = False
    update: Update = Update.REPLACE
    param: str | None = None
    lookup: str | None = None
    item: Property | None = None
    fields: Mapping[str, Property] = field(factory=dict)
    allowed: tuple[Json, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    default: Json = None
    ignored: str | None = None
    secret: bool = False


@frozen
class Attribute:
    """A value that `Fn::GetAtt` gives, read from the record that the cloud answers.

    `source` is a path into the record (`nic.0.ipaddress`) or a function from the whole record; None is given while
    the record lacks it. `secret` values are never shown.
    """

    doc: str
    source: str | Callable[[Mapping[str, Any]], Json]
    kind: Kind = Kind.STRING
    secret: bool = False


@frozen
class Facts:
    """What the plan must know of the cloud it plans for.

    `security_groups` says whether the zone enables them; `may_expunge` whether this account may expunge a machine
    at once (else a destroyed machine keeps its name and its network until the cloud expunges it);
    `network_offering_id` is the offering for a network that the template does not describe; `project_id` the project
    that things are made in, None for the account's own. `ec2` says that the cloud is reached through an EC2 API;
    `elastic_addresses` whether addresses can be led to machines, None: where there are no security groups, as on
    CloudStack.
    """

    zone_id: str
    zone_name: str
    security_groups: bool
    account: str = ""
    domain_id: str = ""
    may_expunge: bool = True
    network_offering_id: str | None = None
    project_id: str | None = None
    ec2: bool = False
    elastic_addresses: bool | None = None

    @property
    def leads_addresses(self) -> bool:
        """Whether a public address can be led to a machine."""
        return not self.security_groups if self.elastic_addresses is None else self.elastic_addresses


@frozen
class Desired:
    """What a thing shall be: its deterministic name, and its properties, resolved, with ids for looked-up names.

    `going_back` says that this is what it was before a change that failed: what cannot be undone without losing data
    then stays as it is.
    """

    logical_id: str
    name: str
    stack_name: str
    properties: Mapping[str, Any]
    facts: Facts
    going_back: bool = False

    def get(self, name: str, default: object = None) -> Any:  # noqa: ANN401 - a template's value is of any type
        """Give a property's value, or the default when it is absent."""
        value = self.properties.get(name)
        return default if value is None else value


@frozen
class Existing:
    """What a thing is: its id, the properties it was last given, and its attributes."""

    logical_id: str
    name: str
    physical_id: str
    properties: Mapping[str, Any]
    attributes: Mapping[str, Any]
    facts: Facts

    def get(self, name: str, default: object = None) -> Any:  # noqa: ANN401 - as in Desired
        """Give a property's value, or the default when it is absent."""
        value = self.properties.get(name)
        return default if value is None else value


CreateCalls: TypeAlias = "Callable[[Desired], Sequence[Call]]"
Judge: TypeAlias = "Callable[[Mapping[str, Any]], Sequence[tuple[tuple[str | int, ...], str]]]"
UpdateCalls: TypeAlias = "Callable[[Existing, Desired], Sequence[Call]]"
DeleteCalls: TypeAlias = "Callable[[Existing], Sequence[Call]]"
InTheWay: TypeAlias = "Callable[[Mapping[str, Any], Mapping[str, Any]], bool]"


@frozen
class Read:
    """How things of a type are read back.

    `command` lists them and answers a list under `key`; `ids` is the parameter that takes many ids at once (None
    when there is no such parameter, then `id` is used, one call a thing). `state` names the field that tells how
    the thing is, with the states in which it is `ready` and those in which it has `failed`; any other state means
    that the cloud is still at it. With no `state`, a thing that is listed is ready. A thing in one of the states
    `gone` is listed and yet is no more.
    """

    command: str
    key: str
    ids: str | None = None
    id: str = "id"
    state: str | None = None
    ready: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()


@frozen
class Native:
    """How CloudStack makes, changes, finds and removes a thing.

    `create`, `update`, `delete` are a command's name (the parameters then follow from the properties) or a pure
    function. `key` is the key of the record in the answers. `read` is None for a thing that has no listing of its own
    (an association); `find` tells how to see whether a create already had its effect. `name_param` takes the
    deterministic name. `tag_type` is the resource type that `createTags` knows it by.

    `remove_first` says that the thing holds a place that its replacement needs (a port of an address, say), so that
    a replacement removes the old one before it makes the new one; a function tells it from the properties of both.
    `snapshot` gives the calls that keep the contents
    before the thing is deleted, for `DeletionPolicy: Snapshot`; None where there is nothing to keep.

    `stands_for` gives the record of a thing for which this kind of zone needs no calls at all (None: its name alone).
    It finds the addresses of the stack's machines, by their ids, in the property `_addresses`.

    A thing without a call that CREATES (an association, a rule inside a group) has no id of its own: its physical id
    is its name, from before the first call on, so that a half-made one can be removed.
    """

    key: str
    create: str | CreateCalls
    delete: str | DeleteCalls
    update: str | UpdateCalls | None = None
    read: Read | None = None
    find: Callable[[Desired], Find] | None = None
    name_param: str | None = "name"
    tag_type: str | None = None
    remove_first: bool | InTheWay = False
    snapshot: DeleteCalls | None = None
    stands_for: Callable[[Desired], Mapping[str, Any]] | None = None


@frozen
class ResourceType:
    """A resource type: all there is to know about it.

    `ref` is the attribute that `Ref` gives (None: the physical id). `exclusive` are groups of properties of which at
    most one may be given, `one_of` groups of which exactly one must be. `native` is None for a type that lives in
    cfnlib only; then `local` computes its attributes from its logical id, its name and its properties. `ec2` says
    that an EC2 API can do what the calls of `native` do: `drivers/ec2` translates them. `judge` tells what no single
    property can say: given the resolved values, it gives the path and the message of each fault.
    """

    name: str
    doc: str
    properties: Mapping[str, Property]
    attributes: Mapping[str, Attribute] = field(factory=dict)
    ref: str | None = None
    exclusive: tuple[tuple[str, ...], ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()
    native: Native | None = None
    ec2: bool = False
    local: Callable[[Desired], Mapping[str, Any]] | None = None
    judge: Judge | None = None
    source: str = ""
    timeout_s: float = 3600.0

    def attributes_of(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Read every attribute from a record of the cloud; what the record lacks is None."""
        return {name: read_path(record, attribute.source) for name, attribute in self.attributes.items()}


def read_path(record: Mapping[str, Any], source: str | Callable[[Mapping[str, Any]], Json]) -> Any:  # noqa: ANN401
    """Read `a.0.b` from nested mappings and lists; None when any part is absent."""
    if not isinstance(source, str):
        return source(record)
    value: Any = record
    for part in source.split("."):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value
