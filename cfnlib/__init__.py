"""CloudFormation for Apache CloudStack: templates, and stacks made of them.

>>> import cfnlib
>>> stacks = cfnlib.Stacks.embedded()
>>> stack = stacks.create("demo", "templates/lamp.yaml")
>>> stack.outputs

The names are brought in when they are first used, so `import cfnlib` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cfnlib.config import Config
    from cfnlib.errors import (
        AuthenticationError,
        CapacityError,
        CfnlibError,
        CloudError,
        ConfigError,
        ConflictError,
        InUseError,
        InvalidRequestError,
        JobFailedError,
        LeaseLostError,
        LimitError,
        NotAllowedError,
        NotFoundError,
        NoUpdatesError,
        OperationFailedError,
        PageTokenError,
        StackBusyError,
        StackError,
        StackExistsError,
        StackNotFoundError,
        StalePlanError,
        StoreError,
        TemplateError,
        UnknownOutcomeError,
        UnreachableError,
    )
    from cfnlib.stack import Stack
    from cfnlib.stacks import Stacks
    from cfnlib.template import Template

__version__ = "0.1.0"

__all__ = [
    "AuthenticationError",
    "CapacityError",
    "CfnlibError",
    "CloudError",
    "Config",
    "ConfigError",
    "ConflictError",
    "InUseError",
    "InvalidRequestError",
    "JobFailedError",
    "LeaseLostError",
    "LimitError",
    "NoUpdatesError",
    "NotAllowedError",
    "NotFoundError",
    "OperationFailedError",
    "PageTokenError",
    "Stack",
    "StackBusyError",
    "StackError",
    "StackExistsError",
    "StackNotFoundError",
    "Stacks",
    "StalePlanError",
    "StoreError",
    "Template",
    "TemplateError",
    "UnknownOutcomeError",
    "UnreachableError",
    "__version__",
]

_ELSEWHERE = {"Stacks": "stacks", "Stack": "stack", "Template": "template", "Config": "config"}


def __getattr__(name: str) -> object:
    """Bring in a public name when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_ELSEWHERE.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
