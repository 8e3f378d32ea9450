"""The one place that says what an error of an EC2 API means: a code to an exception.

EC2's codes are many and regular: what is not there ends in `.NotFound`, what is there already in `.Duplicate`, a
limit in `LimitExceeded`. So the exceptions are told by the code's whole name first, then by such an ending; the
text is for people only.

Source: Amazon EC2 API reference, Error codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.errors import (
    AuthenticationError,
    CapacityError,
    CloudError,
    ConflictError,
    InUseError,
    InvalidRequestError,
    LimitError,
    NotAllowedError,
    NotFoundError,
    UnknownOutcomeError,
    UnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_TEXT = 1000

_BY_CODE: Mapping[str, type[CloudError]] = {
    "AuthFailure": AuthenticationError,
    "IncompleteSignature": AuthenticationError,
    "InvalidClientTokenId": AuthenticationError,
    "MissingAuthenticationToken": AuthenticationError,
    "RequestExpired": AuthenticationError,
    "SignatureDoesNotMatch": AuthenticationError,
    "UnrecognizedClientException": AuthenticationError,
    "Blocked": NotAllowedError,
    "OptInRequired": NotAllowedError,
    "PendingVerification": NotAllowedError,
    "UnauthorizedOperation": NotAllowedError,
    "InvalidPlacementGroup.Unknown": NotFoundError,
    "InvalidAddressID.NotFound": NotFoundError,
    "IdempotentParameterMismatch": ConflictError,
    "InvalidIPAddress.InUse": InUseError,
    "Resource.AlreadyAssociated": ConflictError,
    "ResourceAlreadyAssociated": ConflictError,
    "DependencyViolation": InUseError,
    "IncorrectInstanceState": InUseError,
    "IncorrectState": InUseError,
    "InvalidState": InUseError,
    "VolumeInUse": InUseError,
    "ConcurrentTagAccess": InUseError,
    "InsufficientAddressCapacity": CapacityError,
    "InsufficientCapacity": CapacityError,
    "InsufficientFreeAddressesInSubnet": CapacityError,
    "InsufficientInstanceCapacity": CapacityError,
    "InsufficientVolumeCapacity": CapacityError,
    "RequestLimitExceeded": LimitError,
    "Throttling": LimitError,
    "TooManyRequestsException": LimitError,
}
_BY_ENDING: tuple[tuple[str, type[CloudError]], ...] = (
    (".NotFound", NotFoundError),
    (".Duplicate", ConflictError),
    (".DuplicateGroup", ConflictError),
    ("AlreadyExists", ConflictError),
    (".InUse", InUseError),
    ("LimitExceeded", LimitError),
    ("NotSupported", InvalidRequestError),
)
_HINTS: Mapping[type[CloudError], str] = {
    AuthenticationError: "check the key, the secret, this machine's clock, and CFNLIB_EC2_SIGNATURE",
    NotAllowedError: "the account may not do this",
    LimitError: "ask for a higher limit, or remove what is not needed",
    CapacityError: "try a smaller instance type, another zone, or later",
}
_BUSY = frozenset({"RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException"})
"""Codes of requests that the API did not look at: it has too many."""

_UNSENT = frozenset(
    {
        "ConnectTimeoutError",
        "EndpointConnectionError",
        "InvalidProxiesConfigError",
        "ProxyConnectionError",
        "SSLError",
    }
)
"""Names of botocore's exceptions that are raised before a request is sent."""


def is_question(action: str) -> bool:
    """Whether an action only asks, so that it may be repeated and its outcome is of no consequence."""
    return action.startswith(("Describe", "Get"))


def is_busy(code: str) -> bool:
    """Whether a refusal means that the request was not looked at, and may be made again."""
    return code in _BUSY


def from_answer(action: str, code: str, text: str, status: int, *, secrets: Iterable[str] = ()) -> CloudError:
    """The exception for an error that the API answered."""
    text = clean(text, secrets)
    kind = _BY_CODE.get(code)
    if kind is None:
        kind = next((found for ending, found in _BY_ENDING if code.endswith(ending)), None)
    if action == "DetachVolume" and code == "IncorrectState":
        kind = NotFoundError
    if kind is None and status >= 500:
        return unanswered(action, f"HTTP {status}, {code}: {text}", code)
    kind = kind or InvalidRequestError
    hint = _HINTS.get(kind, "")
    message = f"{action}: {code}: {text}" + (f" ({hint})" if hint else "")
    return kind(message, command=action, code=code, text=text)


def from_transport(action: str, url: str, error: Exception) -> CloudError:
    """The exception for an answer that did not come, or could not be read. botocore's texts may hold the request."""
    name = type(error).__name__
    if name in _UNSENT:
        text = f"{action}: cannot reach the EC2 API at {url} ({name}); check CFNLIB_EC2_URL and the network"
        return UnreachableError(text, command=action, text=name)
    return unanswered(action, f"no answer that can be understood came ({name})", None)


def unanswered(action: str, text: str, code: str | None) -> CloudError:
    """The exception for a request whose outcome is open."""
    if is_question(action):
        return CloudError(f"{action}: {text}", command=action, code=code, text=text)
    message = f"{action}: {text}; the call may or may not have had its effect"
    return UnknownOutcomeError(message, command=action, code=code, text=text)


def clean(text: str, secrets: Iterable[str]) -> str:
    """The API's text, without secrets and not endless."""
    for secret in secrets:
        if len(secret) > 3:
            text = text.replace(secret, "***")
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "..."
