"""The one place that says what an answer of CloudStack means: an HTTP status, its codes and its text to an exception.

The codes are few and broad (431 is every wrong parameter, whether malformed, taken or gone), so that the text must be
looked at; which texts there are is known from recorded traffic, and each of them is a case of the tests.

Source: recorded answers of CloudStack 4.19; the meaning of codes that were not met (429, 532, 534) is that of the
API's documented error codes, "Error Handling" in the CloudStack developer's guide.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cfnlib.errors import (
    AuthenticationError,
    CapacityError,
    CloudError,
    ConflictError,
    InUseError,
    InvalidRequestError,
    JobFailedError,
    LimitError,
    NotAllowedError,
    NotFoundError,
    UnknownOutcomeError,
    UnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cfnlib.drivers.cloudstack.transport import Response, TransportError

MAX_TEXT = 1000

_BY_CODE: dict[int, tuple[type[CloudError], str]] = {
    401: (
        AuthenticationError,
        "check the key, the secret and this machine's clock; an unknown command is refused in the same way",
    ),
    429: (LimitError, "too many calls in a short time; try again later, or with fewer calls at once"),
    432: (NotAllowedError, "the role of this account lacks the command"),
    531: (LimitError, "the account is locked, disabled or at an end of its means"),
    532: (LimitError, "ask for a higher limit, or remove what is not needed"),
    533: (CapacityError, "the zone has no room for it; try a smaller offering, another zone, or later"),
    534: (CapacityError, "what is needed is not available now; try later"),
    535: (LimitError, "ask for a higher limit, or remove what is not needed"),
    536: (InUseError, "remove what uses it first"),
    537: (ConflictError, ""),
}

_BY_TEXT: tuple[tuple[type[CloudError], re.Pattern[str]], ...] = (
    (
        ConflictError,
        re.compile(
            r"already exists|already on |conflicts with|crosses other|already (assigned|in use)", re.IGNORECASE
        ),
    ),
    (
        InUseError,
        re.compile(
            r"in use|used by|not attached to any|has (running|existing|active) |already associated with another",
            re.IGNORECASE,
        ),
    ),
    (CapacityError, re.compile(r"unable to acquire .*address|insufficient|no destination found", re.IGNORECASE)),
    (
        NotFoundError,
        re.compile(
            r"entity does not exist|does not exist|doesn't exist|unable to find|not all specified .*exist",
            re.IGNORECASE,
        ),
    ),
)

_HINTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"failed to delete network", re.IGNORECASE),
        (
            "a machine that is destroyed but not expunged keeps its network: where an account may not expunge, try "
            "again when CloudStack has done it, after its expunge.delay, or have an administrator do it"
        ),
    ),
)

_INVALID_PARAMETER = re.compile(
    r"invalid parameter (\w+) value=(.*?) due to incorrect long value format", re.IGNORECASE | re.DOTALL
)
_EXCEPTION = re.compile(r"\bexception\b", re.IGNORECASE)
"""An error of the server's own insides: how far it came cannot be told."""

_NOT_THERE = re.compile(r"the specified volume is not attached", re.IGNORECASE)


def is_question(command: str) -> bool:
    """Whether a command only asks, so that it may be repeated and its outcome is of no consequence."""
    return command.startswith(("list", "query", "get"))


def from_answer(command: str, code: int, text: str, *, job: bool = False, secrets: Iterable[str] = ()) -> CloudError:
    """The exception for an error that CloudStack answered, at once or as the result of a job."""
    text = clean(text, secrets)
    if 500 <= code < 530:
        return _unanswered(command, f"HTTP {code}: {text}", code)
    kind, hint = _BY_CODE.get(code, (JobFailedError if job else CloudError, ""))
    if code in (430, 431):
        kind = InvalidRequestError
    if code == 530 and _EXCEPTION.search(text) and not job:
        return _unanswered(command, f"error 530: {text}", code)
    if code in (430, 431, 530):
        kind = next((found for found, pattern in _BY_TEXT if pattern.search(text)), kind)
        if command.startswith("detach") and _NOT_THERE.search(text):
            kind = NotFoundError
    said = _shorter(text) or f"error {code}"
    hint = hint or next((found for pattern, found in _HINTS if pattern.search(text)), "")
    return kind(f"{command}: {said}" + (f" ({hint})" if hint else ""), command=command, code=code, text=text)


def address_taken(error: CloudError, address: str) -> ConflictError:
    """The exception for an address that was asked for by number and not given: somebody else has it.

    Source: CloudStack 4.19 answers "Insufficient address capacity" (533) then, as if there were none at all.
    """
    text = f"{error.command}: the address {address} is taken, or none of this zone"
    return ConflictError(text, command=error.command, code=error.code, text=error.text)


def from_transport(command: str, endpoint: str, error: TransportError) -> CloudError:
    """The exception for an answer that did not come."""
    if not error.sent:
        text = f"{command}: cannot reach CloudStack at {endpoint}: {error.text}; check the endpoint and the network"
        return UnreachableError(text, command=command, text=error.text)
    return _unanswered(command, error.text, None)


def too_late(command: str, endpoint: str) -> CloudError:
    """The exception for a call that the cloud did not take, because it came after the end that it was signed with."""
    return UnreachableError(f"{command}: CloudStack at {endpoint} got it too late, and left it", command=command)


def from_body(command: str, endpoint: str, response: Response) -> CloudError:
    """The exception for an answer that is not CloudStack's: a page of a proxy, half a document.

    A status from 400 to 499 says that the call was not carried out, any other one leaves it open.
    """
    status = response.status_code
    what = f"HTTP {status} with {_described(response)}"
    if status == 401:
        return AuthenticationError(
            f"{command}: {what} instead of an answer of CloudStack", command=command, code=status
        )
    if 300 <= status < 500:
        text = f"{command}: {what} instead of an answer of CloudStack; is {endpoint} the URL of its API?"
        return CloudError(text, command=command, code=status)
    return _unanswered(
        command, f"{what} instead of an answer of CloudStack; is {endpoint} the URL of its API?", status
    )


def unexpected(command: str, text: str) -> CloudError:
    """The exception for an answer in JSON that does not have the shape it should have."""
    return _unanswered(command, text, None)


def clean(text: str, secrets: Iterable[str]) -> str:
    """The cloud's text, without secrets and not endless."""
    for secret in secrets:
        if len(secret) > 3:
            text = text.replace(secret, "***")
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "..."


def _unanswered(command: str, text: str, code: int | None) -> CloudError:
    if is_question(command):
        return CloudError(f"{command}: {text}", command=command, code=code, text=text)
    message = f"{command}: {text}; the call may or may not have had its effect"
    return UnknownOutcomeError(message, command=command, code=code, text=text)


def _shorter(text: str) -> str:
    """CloudStack's longest standing phrase, said shortly."""
    found = _INVALID_PARAMETER.search(text)
    if found is not None:
        return f"{found.group(1)} {found.group(2)} does not exist, or is not a valid id"
    return text


def _described(response: Response) -> str:
    kind = str(response.headers.get("content-type") or "no type").split(";")[0]
    return f"{kind} of {len(response.body)} bytes"
