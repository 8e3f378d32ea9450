"""The template language: what a template declares, what its expressions come to, and what is wrong with it.

`Template.from_text` reads, `Template.check` finds faults before any parameter has a value, `Template.instantiate`
binds parameters and decides conditions; `resolve` works out the expressions of an instance, with `Unknown` for what
only a made resource can tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.template.instance import Depending, Instance, resolve
from cfnlib.template.parameters import Parameter, ParameterValue
from cfnlib.template.references import Reference, locate, references
from cfnlib.template.scope import Scope
from cfnlib.template.sections import OutputNode, ResourceNode
from cfnlib.template.template import TEMPLATE_LIMITS, Template
from cfnlib.template.values import NO_VALUE, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from cfnlib.diagnostic import Diagnostics

__all__ = [
    "NO_VALUE",
    "TEMPLATE_LIMITS",
    "Depending",
    "Instance",
    "OutputNode",
    "Parameter",
    "ParameterValue",
    "Reference",
    "ResourceNode",
    "Scope",
    "Template",
    "Unknown",
    "bind",
    "check",
    "locate",
    "references",
    "resolve",
]


def check(template: Template, attributes: Callable[[str], Collection[str] | None] | None = None) -> Diagnostics:
    """See `Template.check`."""
    return template.check(attributes)


def bind(template: Template, values: Mapping[str, object]) -> tuple[dict[str, ParameterValue], Diagnostics]:
    """See `Template.bind`."""
    return template.bind(values)
