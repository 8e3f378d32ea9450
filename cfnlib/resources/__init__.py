"""The resource types: one file a type, found by its name, imported when it is first asked for.

The file of `AWS::EC2::SecurityGroupIngress` is `ec2/security_group_ingress.py`: the folder is the service, and the
file is the name, compared without case and underscores. There is no list to keep: a new file is a new type. Modules
beside the folders are pieces that several types share.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cfnlib.schema.model import ResourceType

_FOLDERS = ("autoscaling", "cloudformation", "cloudstack", "ec2", "stackmate")


def find(type_name: str) -> ResourceType | None:
    """The type of this name, None when there is none. Imports the one module of the type."""
    service, _, name = type_name.removeprefix("AWS::").rpartition("::")
    module = _modules().get((service.lower(), name.lower()))
    found = _load(module) if module else None
    return found if found is not None and found.name == type_name else None


def names() -> list[str]:
    """The names of all types, in alphabetical order. Imports every type."""
    return [resource.name for resource in all_types()]


def all_types() -> list[ResourceType]:
    """All types, in the alphabetical order of their names. Imports every type."""
    return sorted((_load(module) for module in _modules().values()), key=lambda resource: resource.name)


@cache
def _modules() -> dict[tuple[str, str], str]:
    """The modules of the types by folder and name; the folders are read once."""
    return {
        (folder, module.name.replace("_", "")): f"{__name__}.{folder}.{module.name}"
        for folder in _FOLDERS
        for module in iter_modules([f"{root}/{folder}" for root in __path__])
    }


def _load(module: str) -> ResourceType:
    found: ResourceType = import_module(module).TYPE
    return found
