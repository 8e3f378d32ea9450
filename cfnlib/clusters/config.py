"""What a cluster is to be: one declaration, from which come the check, the schema, and the command line's options.

What is not given is left to the template of the cluster, which has a default for it, or says that it needs it. The
template judges values once more, by the constraints of its own parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import NOTHING, fields, frozen

from cfnlib.clusters.declared import ClusterConfigError, Fault, declared, faults_of, schema_of

KINDS = ("mesos",)
"""The kinds of clusters whose templates come with the library."""

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 255}
_VALUES: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "string", "maxLength": 4096}}
MAX_NAME = 50
"""How long the name of a cluster may be at its launch: the host names of its machines begin with it."""


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


@frozen
class ClusterConfig:
    """A cluster as it is wanted. None: as the template of the cluster has it.

    `template` is the text of another template than the shipped one of `kind`; what it must have is said in
    `cfnlib.clusters.blueprint`.
    """

    name: str = declared(
        f"The cluster's name, and that of its stack; at most {MAX_NAME} long when it is launched.",
        default=NOTHING,
        type="string",
        minLength=1,
        maxLength=128,
        pattern="^[A-Za-z][A-Za-z0-9-]*$",
    )
    kind: str | None = declared(
        f"Which of the shipped templates; {KINDS[0]} when neither this nor a template is given.",
        type="string",
        enum=list(KINDS),
    )
    masters: int | None = declared(
        "Number of masters. With more than one, a ZooKeeper ensemble on their machines elects the leader.",
        type="integer",
        minimum=1,
        maximum=99,
    )
    agents: int | None = declared("Number of agents.", type="integer", minimum=0, maximum=5000)
    minimum_agents_percent: int | None = declared(
        "Share of the agents that must boot for the cluster to count as launched.",
        type="integer",
        minimum=0,
        maximum=100,
    )
    image: str | None = declared("The image of all machines, by name, alias or id.", **_TEXT)
    master_type: str | None = declared("The machine type of the masters: a service offering's name or id.", **_TEXT)
    agent_type: str | None = declared("The machine type of the agents: a service offering's name or id.", **_TEXT)
    key_pair: str | None = declared("The SSH key pair that may log in; none when absent.", **_TEXT)
    public_address: bool | None = declared("Whether the first master gets a public address.", type="boolean")
    allowed_cidr: str | None = declared(
        "The network from which SSH and the masters' web interface may be reached.",
        type="string",
        pattern="^([0-9]{1,3}[.]){3}[0-9]{1,3}/[0-9]{1,2}$",
    )
    version: str | None = declared("The version of the cluster's software to install.", **_TEXT)
    archive: str | None = declared(
        "URL of an archive of the installed software, unpacked on each machine.", type="string", maxLength=2048
    )
    repository: str | None = declared(
        "A line for the package sources of the machines, to install the software from.", type="string", maxLength=2048
    )
    repository_key: str | None = declared(
        "URL of the key that the repository is signed with.", type="string", maxLength=2048
    )
    frameworks: tuple[str, ...] | None = declared(
        "The frameworks to install, of those that the template offers.",
        converter=_as_tuple,
        type="array",
        items={"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9.-]+$"},
        maxItems=20,
        uniqueItems=True,
    )
    parameters: Mapping[str, str] | None = declared(
        "Further parameters of the template, under the names that it has for them.", **_VALUES, maxProperties=200
    )
    tags: Mapping[str, str] | None = declared(
        "Tags for everything in the cluster that can have tags.", **_VALUES, maxProperties=50
    )
    template: str | None = declared(
        "The text of a template of your own, with Cfnlib::Cluster in its Metadata. For a cluster that is there: the "
        "present one when absent.",
        type="string",
        minLength=1,
        maxLength=460_800,
    )

    @classmethod
    def from_dict(cls, given: object) -> Self:
        """A configuration from JSON's types. Raises `ClusterConfigError` with every fault and its place."""
        faults = list(faults_of(given, SCHEMA))
        if faults or not isinstance(given, dict):
            raise ClusterConfigError(faults)
        plain: dict[str, Any] = {name: int(one) if isinstance(one, float) else one for name, one in given.items()}
        return cls(**plain).checked()

    def checked(self) -> Self:
        """This configuration. Raises `ClusterConfigError` if it has faults that show without its template."""
        faults = list(faults_of(self.as_dict(), SCHEMA))
        if self.kind is not None and self.template is not None:
            faults.append(Fault(("kind",), "goes without a template of your own, which says itself what it makes"))
        if faults:
            raise ClusterConfigError(faults)
        return self

    def as_dict(self) -> dict[str, Any]:
        """The configuration in JSON's types, without what is not given."""
        found = {one.name: getattr(self, one.name) for one in fields(type(self))}
        return {name: _plain(value) for name, value in found.items() if value is not None}


SCHEMA = schema_of(ClusterConfig)
"""The JSON schema of a configuration."""

OPTIONS = tuple(
    one.name for one in fields(ClusterConfig) if one.name not in {"name", "kind", "parameters", "tags", "template"}
)
"""What a template may have parameters for."""


def as_config(given: ClusterConfig | Mapping[str, Any]) -> ClusterConfig:
    """A configuration, checked, of what may be given for one. Raises `ClusterConfigError`."""
    return given.checked() if isinstance(given, ClusterConfig) else ClusterConfig.from_dict(dict(given))
