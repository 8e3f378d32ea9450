"""The exceptions of cfnlib, all below `CfnlibError`.

::

    CfnlibError
    ├── ConfigError            a setting is missing or wrong: which one, and where it is read
    ├── TemplateError          a template has errors; holds every diagnostic
    ├── StackError             the operation is not possible for this stack in its present state
    │   ├── StackNotFoundError
    │   ├── StackExistsError
    │   ├── StackBusyError     another operation holds the stack
    │   ├── NoUpdatesError     the stack is what is wanted already
    │   ├── StalePlanError     a stored plan was made for an earlier revision of the stack
    │   └── LeaseLostError     this process lost the stack to another one and must not touch it any more
    ├── OperationFailedError   an operation ended, and not as asked; holds the stack's final status
    ├── CloudError             the cloud said no, or nothing that can be understood
    │   ├── AuthenticationError   keys or signature refused
    │   ├── NotAllowedError       the account may not use the command
    │   ├── NotFoundError         the thing does not exist (any more)
    │   ├── ConflictError         a name, an address or a rule is already taken
    │   ├── LimitError            a quota of the account is used up
    │   ├── CapacityError         the cloud has no room left
    │   ├── InvalidRequestError   the cloud refused a parameter
    │   ├── InUseError            something else still needs the thing
    │   ├── UnreachableError      the cloud cannot be reached: nothing was sent
    │   ├── JobFailedError        an asynchronous job ended in failure
    │   └── UnknownOutcomeError   no answer, or half an answer: the call may or may not have had its effect
    ├── PageTokenError         a token of a page that no list gave
    └── StoreError             the state store cannot be read or written
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cfnlib.diagnostic import Diagnostic


class CfnlibError(Exception):
    """The root of the tree."""


class ConfigError(CfnlibError):
    """A setting is missing or wrong."""


class TemplateError(CfnlibError):
    """A template has errors. `diagnostics` holds all of them, warnings included, in the order of their places."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = list(diagnostics)
        super().__init__("\n".join(str(item) for item in self.diagnostics))


class StackError(CfnlibError):
    """The operation is not possible for this stack in its present state."""


class StackNotFoundError(StackError):
    """There is no stack of this name or id."""


class StackExistsError(StackError):
    """A stack of this name is there already."""


class StackBusyError(StackError):
    """Another operation holds the stack."""


class NoUpdatesError(StackError):
    """The stack is what is wanted already."""


class StalePlanError(StackError):
    """A stored plan was made for an earlier revision of the stack."""


class LeaseLostError(StackError):
    """This process lost the stack to another one and must not touch it any more."""


class OperationFailedError(CfnlibError):
    """An operation ended, and not as asked. `status` is the stack's final status, `reason` says why."""

    def __init__(self, message: str, *, status: str, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class CloudError(CfnlibError):
    """The cloud said no. `command` is the API command, `code` and `text` are the cloud's own, where it gave them."""

    def __init__(self, message: str, *, command: str = "", code: int | str | None = None, text: str = "") -> None:
        super().__init__(message)
        self.command = command
        self.code = code
        self.text = text


class AuthenticationError(CloudError):
    """The keys or the signature are refused."""


class NotAllowedError(CloudError):
    """The account may not use the command."""


class NotFoundError(CloudError):
    """The thing does not exist (any more)."""


class ConflictError(CloudError):
    """A name, an address or a rule is already taken."""


class LimitError(CloudError):
    """A quota of the account is used up."""


class CapacityError(CloudError):
    """The cloud has no room left."""


class InvalidRequestError(CloudError):
    """The cloud refused a parameter."""


class InUseError(CloudError):
    """Something else still needs the thing."""


class UnreachableError(CloudError):
    """The cloud cannot be reached; nothing was sent."""


class JobFailedError(CloudError):
    """An asynchronous job ended in failure."""


class UnknownOutcomeError(CloudError):
    """No answer, or half an answer: the call may or may not have had its effect."""


class PageTokenError(CfnlibError):
    """A token that is to name the next page of a list, but that no list gave."""


class StoreError(CfnlibError):
    """The state store cannot be read or written."""
