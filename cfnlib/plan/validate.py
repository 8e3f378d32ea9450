"""Every fault of a template that can be told without a cloud and without parameters."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from cfnlib.diagnostic import Code, Diagnostics
from cfnlib.errors import TemplateError
from cfnlib.resources import find as find_type
from cfnlib.schema.check import check_properties, unknown_type
from cfnlib.template import check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cfnlib.template import Template


def validate(template: Template) -> Diagnostics:
    """The faults of the text, of the language, and of every resource's type and properties, all of them."""
    found = Diagnostics(template.diagnostics)
    found.extend(check(template, attributes=attributes_of))
    for logical_id, node in template.with_defaults().resources.items():
        resource = find_type(node.type)
        if resource is None:
            found.add(
                Code.UNKNOWN_TYPE,
                f"there is no resource type {node.type}",
                node.type_span,
                logical_id=logical_id,
                hint=unknown_type(node.type),
            )
        else:
            found.extend(check_properties(resource, logical_id, node.properties_node, node.span))
    return found


@contextmanager
def every_fault(template: Template) -> Iterator[None]:
    """Tell, when the block refuses a template, its other faults too: those that lie behind the first ones."""
    try:
        yield
    except TemplateError as error:
        found = Diagnostics(error.diagnostics)
        told = {(item.code, item.span) for item in found}
        found.extend(item for item in validate(template) if (item.code, item.span) not in told)
        raise TemplateError(list(found)) from None


def attributes_of(type_name: str) -> set[str] | None:
    """The attributes of a type that Fn::GetAtt may name; None for a type that there is not."""
    resource = find_type(type_name)
    return None if resource is None else set(resource.attributes)
