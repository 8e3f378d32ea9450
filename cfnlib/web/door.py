"""The WSGI application around what answers: ids, limits, figures, the log, and the pages for operators."""

from __future__ import annotations

import logging
import time
from ipaddress import ip_address
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from attrs import frozen
from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException

from cfnlib.web.log import ACCESS
from cfnlib.web.metrics import CONTENT_TYPE, Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    Handle: TypeAlias = Callable[[Request, str], Response]
    Refuse: TypeAlias = Callable[[int, str, str, str, Request], Response]

_access = logging.getLogger(ACCESS)
_log = logging.getLogger("cfnlib.web")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})


@frozen
class Limits:
    """How much is taken at once.

    `body_bytes` is the longest body, `under_way` how many requests are answered at a time (more are told to come
    again).
    `operators` says who may look at /health, /ready and /metrics: `all`, or `loopback`.
    """

    body_bytes: int = 1 << 26
    under_way: int = 256
    operators: str = "all"


class Door:
    """Answers by `handle(request, request_id)`.

    `refuse(status, code, message, request_id, request)` makes the error document of what does not come that far;
    None: a line of text. `ready` says why the service cannot work just now, None when it can.
    """

    def __init__(
        self,
        handle: Handle,
        *,
        name: str = "http",
        refuse: Refuse | None = None,
        limits: Limits | None = None,
        metrics: Metrics | None = None,
        ready: Callable[[], str | None] | None = None,
    ) -> None:
        self._handle = handle
        self._name = name
        self._refuse = refuse or _plainly
        self._limits = limits or Limits()
        self.metrics = metrics or Metrics()
        self._ready = ready or (lambda: None)
        self._room = BoundedSemaphore(self._limits.under_way)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI's
        """WSGI."""
        request, request_id, begun = Request(environ), str(uuid4()), time.perf_counter()
        self.metrics.began(self._name)
        response = self._answered(request, request_id)
        response.headers["x-amzn-RequestId"] = request_id
        seconds = time.perf_counter() - begun
        self._tell(request, response, request_id, seconds)
        return response(environ, start_response)

    def _answered(self, request: Request, request_id: str) -> Response:
        if not self._room.acquire(blocking=False):
            text = "Too many requests are under way: try again"
            return self._refuse(503, "ServiceUnavailable", text, request_id, request)
        try:
            return self._checked(request, request_id)
        except HTTPException as error:
            return self._refuse(
                error.code or 400, "MalformedQueryString", str(error.description), request_id, request
            )
        except Exception:  # noqa: BLE001 - whatever it is, the client has an answer and the log the trace
            _log.exception("request %s failed", request_id)
            text = "An internal error has occurred. The log has it under the request's id"
            return self._refuse(500, "InternalFailure", text, request_id, request)
        finally:
            self._room.release()

    def _checked(self, request: Request, request_id: str) -> Response:
        if request.path in _OPERATORS and request.method in {"GET", "HEAD"}:
            return self._for_operators(request, request_id)
        if request.method not in _METHODS:
            response = self._refuse(
                405, "MethodNotAllowed", f"The method {request.method[:16]!r} is none of ours", request_id, request
            )
            response.headers["Allow"] = ", ".join(sorted(_METHODS))
            return response
        if (request.content_length or 0) > self._limits.body_bytes:
            text = f"The body is larger than {self._limits.body_bytes} bytes"
            return self._refuse(413, "RequestEntityTooLarge", text, request_id, request)
        return self._handle(request, request_id)

    def _for_operators(self, request: Request, request_id: str) -> Response:
        if self._limits.operators == "loopback" and not _is_loopback(request.remote_addr):
            return self._refuse(403, "AccessDenied", "Ask from the machine itself", request_id, request)
        note(request, action=request.path)
        if request.path == "/metrics":
            return Response(self.metrics.text(), content_type=CONTENT_TYPE)
        why = self._ready() if request.path == "/ready" else None
        return Response("ok\n" if why is None else f"{why}\n", 200 if why is None else 503, content_type="text/plain")

    def _tell(self, request: Request, response: Response, request_id: str, seconds: float) -> None:
        noted = request.environ.get("cfnlib.note", {})
        action, code = str(noted.get("action") or "none"), noted.get("code")
        self.metrics.ended(self._name, action, response.status_code, code, seconds)
        fields = {
            "request_id": request_id,
            "door": self._name,
            "method": request.method[:16],
            "path": _safe_path(request.path),
            "action": action[:128],
            "account": noted.get("account"),
            "status": response.status_code,
            "code": code,
            "ms": round(seconds * 1000, 2),
            "bytes": response.content_length,
            "peer": request.remote_addr,
        }
        _access.info("request", extra={"fields": fields})


_OPERATORS = frozenset({"/health", "/ready", "/metrics"})


def note(request: Request, **what: str | None) -> None:
    """Leave for the log and the figures what a request was about: `action`, `account`, `code` of an error."""
    request.environ.setdefault("cfnlib.note", {}).update(what)


def _plainly(status: int, code: str, message: str, _: str, __: Request) -> Response:
    return Response(f"{code}: {message}\n", status, content_type="text/plain; charset=utf-8")


def _safe_path(path: str) -> str:
    """The path, without what stands in one that is a secret in itself: a wait handle's."""
    return "/signal/..." if path.startswith("/signal/") else path[:256]


def _is_loopback(address: str | None) -> bool:
    try:
        return address is None or ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return True  # a socket in the file system
