"""Every way in which a request can fail, as the error that CloudFormation would answer: the one error table.

A client is told what it did wrong, never how the service is made; what is the operator's to mend says so without
details, which are in the log under the request's id. Nothing that a user sends may end as an internal error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cfnlib.diagnostic import Code, Severity
from cfnlib.errors import (
    AuthenticationError,
    CapacityError,
    CfnlibError,
    CloudError,
    ConfigError,
    LimitError,
    NotAllowedError,
    NoUpdatesError,
    PageTokenError,
    StackBusyError,
    StackError,
    StackExistsError,
    StalePlanError,
    StoreError,
    TemplateError,
    UnknownOutcomeError,
    UnreachableError,
)
from cfnlib.identity.refusal import Refusal, RefusedError
from cfnlib.web import FormError
from cfnlib.wire import InvalidParametersError, UnknownOperationError, UnknownVersionError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cfnlib.diagnostic import Diagnostic

SENDER, RECEIVER = "Sender", "Receiver"
MAX_TOLD = 20
"""Faults of a template that one message tells; an error's length must not follow a template's."""

NO_UPDATES = "No updates are to be performed."
"""Word for word what awscli, Terraform and Sceptre look for."""


class SaidError(CfnlibError):
    """An action's own refusal, in the code and words that its client is to see."""

    def __init__(self, message: str, code: str = "ValidationError", http_status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.http_status = http_status


class Told(NamedTuple):
    """An error as it is answered. `type` is whose fault it is: "Sender" or "Receiver"."""

    code: str
    http_status: int
    message: str
    type: str = SENDER


_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your secret key and signing method."
)
# Source: AWS CloudFormation API reference, "Common errors".
_REFUSALS: dict[Refusal, tuple[str, int, str]] = {
    Refusal.MISSING: ("MissingAuthenticationToken", 403, "Missing Authentication Token"),
    Refusal.INCOMPLETE: ("IncompleteSignature", 400, ""),
    Refusal.UNKNOWN_KEY: ("InvalidClientTokenId", 403, "The security token included in the request is invalid."),
    Refusal.MISMATCH: (
        "SignatureDoesNotMatch",
        403,
        _MISMATCH,
    ),
    Refusal.EXPIRED: ("RequestExpired", 400, ""),
    Refusal.SKEWED: ("SignatureDoesNotMatch", 403, ""),
    Refusal.REPLAYED: ("SignatureDoesNotMatch", 403, ""),
    Refusal.MALFORMED: ("IncompleteSignature", 400, ""),
    Refusal.UNAVAILABLE: ("ServiceUnavailable", 503, "The cloud that knows the keys cannot be asked; try again."),
}

_ERRORS: tuple[tuple[type[Exception], str, int, str], ...] = (
    (UnknownOperationError, "InvalidAction", 400, SENDER),
    (UnknownVersionError, "InvalidParameterValue", 400, SENDER),
    (InvalidParametersError, "ValidationError", 400, SENDER),
    (FormError, "MalformedQueryString", 400, SENDER),
    (PageTokenError, "ValidationError", 400, SENDER),
    (StackExistsError, "AlreadyExistsException", 400, SENDER),
    (StalePlanError, "InvalidChangeSetStatus", 400, SENDER),
    (StackBusyError, "OperationInProgressException", 409, SENDER),
    (StackError, "ValidationError", 400, SENDER),
    (AuthenticationError, "InvalidClientTokenId", 403, SENDER),
    (NotAllowedError, "AccessDenied", 403, SENDER),
    (LimitError, "LimitExceededException", 400, SENDER),
    (CapacityError, "ServiceUnavailable", 503, RECEIVER),
    (UnreachableError, "ServiceUnavailable", 503, RECEIVER),
    (UnknownOutcomeError, "ServiceUnavailable", 503, RECEIVER),
    (CloudError, "ValidationError", 400, SENDER),
)
"""The first that fits; the message is the error's own text, which is written for users."""

_OPERATORS: dict[type[Exception], Told] = {
    StoreError: Told("ServiceUnavailable", 503, "The store of stacks cannot be used just now; try again.", RECEIVER),
    ConfigError: Told("InternalFailure", 500, "The service is not configured as it must be.", RECEIVER),
}
_UNFORESEEN = Told("InternalFailure", 500, "An internal error occurred; the request's id leads to it.", RECEIVER)


def told(error: Exception) -> Told:
    """What a client is told of an error; one that nobody foresaw is an InternalFailure without details."""
    if isinstance(error, SaidError):
        return Told(error.code, error.http_status, str(error), SENDER if error.http_status < 500 else RECEIVER)
    if isinstance(error, RefusedError):
        code, status, message = _REFUSALS[error.refusal]
        return Told(code, status, message or str(error), SENDER if status < 500 else RECEIVER)
    if isinstance(error, TemplateError):
        return Told("ValidationError", 400, template_text(error.diagnostics))
    if isinstance(error, NoUpdatesError):
        return Told("ValidationError", 400, NO_UPDATES)
    for kind, code, status, whose in _ERRORS:
        if isinstance(error, kind):
            return Told(code, status, str(error), whose)
    return next((found for kind, found in _OPERATORS.items() if isinstance(error, kind)), _UNFORESEEN)


def trace_of(error: Exception) -> Exception | None:
    """The error, where its trace belongs into the log: what is foreseen says all there is to know by its text."""
    return None if isinstance(error, CfnlibError) else error


def template_text(diagnostics: Iterable[Diagnostic]) -> str:
    """A template's faults in one message, in the words of CloudFormation where it has words for them.

    Source: CloudFormation's answer "Parameters: [X] must have values", which tools show as it is.
    """
    errors = [item for item in diagnostics if item.severity is Severity.ERROR]
    missing = [str(item.path[-1]) for item in errors if item.code is Code.PARAMETER_MISSING]
    if missing and len(missing) == len(errors):
        return f"Parameters: [{', '.join(missing)}] must have values"
    kinds = {item.code.value[:2] for item in errors}
    start = "Template format error" if kinds <= {"E0", "E1"} else "Template validation error"
    shown = "; ".join(sentence(item) for item in errors[:MAX_TOLD])
    more = len(errors) - MAX_TOLD
    return f"{start}: {shown}" + (f"; and {more} more" if more > 0 else "")


def sentence(item: Diagnostic) -> str:
    """A diagnostic in one line, with its place."""
    whose = f"{item.logical_id}: " if item.logical_id else ""
    place = f" (line {item.span.line}, column {item.span.column})" if item.span else ""
    hint = f" [{item.hint}]" if item.hint else ""
    return f"{whose}{item.message}{place}{hint}"
