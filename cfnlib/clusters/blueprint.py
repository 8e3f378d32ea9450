"""What makes a stack a cluster: the entry Cfnlib::Cluster in the Metadata of its template.

It stands in the template, so a stack that was made from it in any other way, by CloudFormation's API for example, is
a cluster too, and nothing about a cluster is kept elsewhere. The entry of the shipped template is::

    Metadata:
      Cfnlib::Cluster:
        Kind: mesos                     # what the cluster is
        Roles:                          # what machines there are: each role's AutoScalingGroup, or single machine
          master: Master
          agent: Agent
        Parameters:                     # which parameter of the template takes which part of a configuration
          masters: Masters
          agents: Agents
          image: Image
        Fixed: [masters]                # what is settled when the cluster is launched

A template of your own has such an entry too. `Kind` and `Roles` must be there. The names under `Parameters` are those
of `ClusterConfig`; a configuration that has what the template has no parameter for is refused. Flags are given to the
template as `true` and `false`, lists with commas between. All outputs of the template are shown with the cluster.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from cfnlib.clusters.config import KINDS, OPTIONS, SCHEMA, ClusterConfig
from cfnlib.clusters.declared import ClusterConfigError, Fault, faults_of
from cfnlib.errors import TemplateError
from cfnlib.template import Template

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cfnlib.state.model import Stack as StackState

MARK = "Cfnlib::Cluster"
"""The key in a template's Metadata."""

_NAME: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 255}
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "Kind": {"type": "string", "pattern": "^[a-z][a-z0-9-]*$", "maxLength": 50},
        "Roles": {"type": "object", "additionalProperties": _NAME},
        "Parameters": {
            "type": "object",
            "properties": dict.fromkeys(OPTIONS, _NAME),
            "additionalProperties": False,
        },
        "Fixed": {"type": "array", "items": {"type": "string", "enum": list(OPTIONS)}},
    },
    "required": ["Kind", "Roles"],
    "additionalProperties": False,
}


@frozen
class Blueprint:
    """A template, and how a cluster is read in it.

    `roles` are the logical ids of groups (or machines) by role, `parameters` the names of the template's parameters
    by the configuration's, `fixed` those of the configuration's that no update may change.
    """

    kind: str
    roles: Mapping[str, str]
    parameters: Mapping[str, str]
    fixed: frozenset[str]
    template: Template

    def values(self, config: ClusterConfig) -> dict[str, str]:
        """The template's parameters that a configuration gives. Raises `ClusterConfigError`."""
        faults: list[Fault] = []
        found: dict[str, str] = {}
        for option in OPTIONS:
            value = getattr(config, option)
            if value is not None and option not in self.parameters:
                known = ", ".join(self.parameters) or "nothing"
                faults.append(
                    Fault((option,), f"the template of a {self.kind} cluster takes no {option}, but {known}")
                )
            elif value is not None:
                found[self.parameters[option]] = _text(value)
        options = {parameter: option for option, parameter in self.parameters.items()}
        for name, value in (config.parameters or {}).items():
            if name in found:
                faults.append(Fault(("parameters", name), f"is given already, as {options[name]}"))
            elif name not in self.template.parameters:
                faults.append(Fault(("parameters", name), "is no parameter of the template"))
            else:
                found[name] = value
        if faults:
            raise ClusterConfigError(faults)
        return found

    def config(self, state: StackState) -> ClusterConfig:
        """What a stack was made or last changed to be, defaults included. Secret parameters are left out."""
        found: dict[str, Any] = {"name": state.name, "kind": self.kind if self.kind in KINDS else None}
        rest: dict[str, str] = {}
        options = {parameter: option for option, parameter in self.parameters.items()}
        for name, text in self.shown(state).items():
            parameter = self.template.parameters.get(name)
            if parameter is None or parameter.no_echo:
                continue
            value = _value(text, SCHEMA["properties"][options[name]]) if name in options else None
            if value is not None:
                found[options[name]] = value
            elif name not in options or text != parameter.default:
                rest[name] = text
        return ClusterConfig(**found, parameters=rest or None, tags=dict(state.terms.tags) or None)

    def place(self, parameter: str) -> tuple[str, ...]:
        """Where a configuration gives a parameter of the template."""
        options = [option for option, name in self.parameters.items() if name == parameter]
        return tuple(options) or ("parameters", parameter)

    def shown(self, state: StackState) -> Mapping[str, str]:
        """The parameters of a stack as texts, secret ones masked."""
        if state.shown_parameters:
            return state.shown_parameters
        bound, _ = self.template.bind(state.parameters)
        return {name: value.shown for name, value in bound.items()}


def blueprint_of(template: Template) -> Blueprint | None:
    """How a cluster is read in a template; None when the template is none of a cluster.

    Raises `ClusterConfigError` when the entry in its Metadata is wrong.
    """
    node = template.metadata.get(MARK) if template.metadata is not None else None
    if node is None:
        return None
    entry = node.plain()
    faults = [Fault((), f"Metadata/{MARK}{fault.pointer}: {fault.message}") for fault in faults_of(entry, _SCHEMA)]
    if isinstance(entry, dict) and not faults:
        found = Blueprint(
            kind=entry["Kind"],
            roles=entry["Roles"],
            parameters=entry.get("Parameters", {}),
            fixed=frozenset(entry.get("Fixed", ())),
            template=template,
        )
        faults = list(_faults_of(found))
        if not faults:
            return found
    raise ClusterConfigError([evolve(fault, path=("template", *fault.path)) for fault in faults])


@lru_cache(maxsize=64)
def blueprint_in(text: str, file: str = "<text>") -> Blueprint | None:
    """The same of a template's text. Most stacks of a kind share one text, so those read last are kept."""
    return blueprint_of(Template.from_text(text, file)) if MARK in text else None


def blueprint_of_state(state: StackState) -> Blueprint | None:
    """How a cluster is read in a stack; None when it is no cluster, or one whose entry is wrong."""
    try:
        return blueprint_in(state.template, state.template_file)
    except ClusterConfigError:
        return None


def wanted_blueprint(config: ClusterConfig) -> Blueprint:
    """The blueprint that a configuration names, or brings. Raises `ClusterConfigError`, `TemplateError`."""
    if config.template is None:
        kind = config.kind or KINDS[0]
        found = blueprint_in(shipped(kind), f"{kind}.yaml")
    else:
        template = Template.from_text(config.template)
        if template.root is None:
            raise TemplateError(list(template.diagnostics))
        found = blueprint_of(template)
    if found is None:
        raise ClusterConfigError([Fault(("template",), f"the template has no {MARK} in its Metadata")])
    return found


def shipped(kind: str) -> str:
    """The text of the template that comes with the library for a kind of cluster.

    In a wheel it is beside this module; in a checkout it is the one in `templates`, of which that is a copy.
    """
    packed = resources.files("cfnlib.clusters") / "templates" / f"{kind}.yaml"
    if packed.is_file():
        return packed.read_text(encoding="utf-8")
    return (Path(__file__).parents[2] / "templates" / f"{kind}.yaml").read_text(encoding="utf-8")


def _faults_of(found: Blueprint) -> Iterator[Fault]:
    template = found.template
    for role, logical_id in found.roles.items():
        if logical_id not in template.resources and not template.has_loops:
            yield Fault((), f"Metadata/{MARK}/Roles/{role}: there is no resource {logical_id}")
    for option, parameter in found.parameters.items():
        if parameter not in template.parameters:
            yield Fault((), f"Metadata/{MARK}/Parameters/{option}: there is no parameter {parameter}")
    if len(set(found.parameters.values())) < len(found.parameters):
        yield Fault((), f"Metadata/{MARK}/Parameters: a parameter is named twice")
    for option in sorted(found.fixed - set(found.parameters)):
        yield Fault((), f"Metadata/{MARK}/Fixed: {option} has no parameter")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _value(text: str, schema: Mapping[str, Any]) -> Any:  # noqa: ANN401 - of the type that the schema says
    """What a parameter's text is in a configuration; None when a configuration has no such value."""
    value: object = text
    if schema["type"] == "integer":
        value = int(text) if text.isdecimal() else None
    elif schema["type"] == "boolean":
        value = {"true": True, "false": False}.get(text)
    elif schema["type"] == "array":
        value = tuple(item.strip() for item in text.split(",")) if text else ()
    return None if value is None or any(faults_of(value, schema)) else value
