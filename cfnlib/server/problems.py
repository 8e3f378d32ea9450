"""Errors of the REST face as problem documents, each with a code that programs can tell apart.

A problem says what is wrong and, where it lies in the body, at which places (`errors`, by JSON pointers). What is the
operator's to mend says so without details, which are in the log.

Source: RFC 9457; `errors` as in its section 3.
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from werkzeug import Response

from cfnlib.clusters import ClusterConfigError
from cfnlib.errors import (
    AuthenticationError,
    CapacityError,
    CfnlibError,
    CloudError,
    LimitError,
    NotAllowedError,
    OperationFailedError,
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
from cfnlib.identity.refusal import Refusal, RefusedError
from cfnlib.server.faults import SaidError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cfnlib.clusters import Fault

MEDIA_TYPE = "application/problem+json"
MAX_TOLD = 50
"""Faults that one problem tells; an answer's length must not follow a request's."""

RETRY_S = 5

_KINDS: tuple[tuple[type[CfnlibError], int, str], ...] = (
    (StackNotFoundError, 404, "not-found"),
    (StackExistsError, 409, "exists"),
    (StackBusyError, 409, "busy"),
    (StalePlanError, 412, "changed-meanwhile"),
    (StackError, 409, "not-now"),
    (OperationFailedError, 409, "failed"),
    (AuthenticationError, 403, "keys-refused"),
    (NotAllowedError, 403, "not-allowed"),
    (LimitError, 409, "limit"),
    (CapacityError, 503, "no-room"),
    (UnreachableError, 503, "cloud-unreachable"),
    (UnknownOutcomeError, 503, "cloud-unreachable"),
    (CloudError, 422, "refused-by-cloud"),
)
"""The first that fits; the detail is the error's own text, which is written for users."""

_REFUSALS = {Refusal.MISSING: 401, Refusal.INCOMPLETE: 400, Refusal.MALFORMED: 400, Refusal.UNAVAILABLE: 503}
"""The status of a signature that is not admitted; 403 for all others."""


@frozen
class Problem:
    """What is wrong with a request. `errors` are its places, `headers` what the answer has besides."""

    status: int
    code: str
    detail: str
    errors: tuple[Fault, ...] = ()
    headers: Mapping[str, str] = field(factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The document."""
        found: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.errors:
            found["errors"] = [{"pointer": one.pointer, "detail": one.message} for one in self.errors[:MAX_TOLD]]
        return found

    def response(self) -> Response:
        """The answer."""
        text = json.dumps(self.as_dict())
        return Response(text, self.status, headers=dict(self.headers), content_type=MEDIA_TYPE)


class ProblemError(CfnlibError):
    """A request that is answered with this problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def refused(
    status: int, code: str, detail: str, *errors: Fault, headers: Mapping[str, str] | None = None
) -> ProblemError:
    """A refusal, to be raised."""
    return ProblemError(Problem(status, code, detail, errors, headers or {}))


def problem_of(error: CfnlibError) -> Problem:
    """What a client is told of an error."""
    for kind, told in _WORDS:
        if isinstance(error, kind):
            return told(error)
    for kind, status, code in _KINDS:
        if isinstance(error, kind):
            later = status == 503 or code == "busy"
            return _later(status, code, str(error)) if later else Problem(status, code, str(error))
    return Problem(500, "internal", "The service met something that nobody foresaw.")


def wrong_configuration(faults: Sequence[Fault]) -> Problem:
    """The problem of a configuration with faults."""
    count = f"{len(faults)} faults" if len(faults) != 1 else "a fault"
    first = "; ".join(str(fault) for fault in faults[:3])
    return Problem(422, "invalid-configuration", f"The configuration has {count}: {first}", tuple(faults))


def _of_refusal(error: RefusedError) -> Problem:
    status, code = _REFUSALS.get(error.refusal, 403), f"signature-{error.refusal.name.lower().replace('_', '-')}"
    if status == 503:
        return _later(status, code, "The cloud that knows the keys cannot be asked just now.")
    headers = {"WWW-Authenticate": "AWS4-HMAC-SHA256"} if status == 401 else {}
    return Problem(status, code, str(error), headers=headers)


def _code(name: str) -> str:
    """A code of CloudFormation's, LimitExceededException for example, in the form of the others."""
    return re.sub("(?<=[a-z])(?=[A-Z])", "-", name.removesuffix("Exception")).lower()


def _later(status: int, code: str, detail: str) -> Problem:
    return Problem(status, code, detail, headers={"Retry-After": str(RETRY_S)})


def _of_template(error: TemplateError) -> Problem:
    told = "; ".join(str(item) for item in error.diagnostics[:MAX_TOLD])
    return Problem(422, "invalid-template", f"The template has errors: {told}")


_WORDS: tuple[tuple[type[CfnlibError], Callable[[Any], Problem]], ...] = (
    (ProblemError, lambda error: error.problem),
    (RefusedError, _of_refusal),
    (SaidError, lambda error: Problem(error.http_status, _code(error.code), str(error))),
    (ClusterConfigError, lambda error: wrong_configuration(error.faults)),
    (TemplateError, _of_template),
    (StoreError, lambda _: _later(503, "store-unavailable", "The store of stacks cannot be used just now.")),
)
"""Errors of which more is told than their text, or less."""
