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

    from cfnlib.web.head import RoomFor

    Handle: TypeAlias = Callable[[Request, str], Response]
    Refuse: TypeAlias = Callable[[int, str, str, str, Request], Response]

_access = logging.getLogger(ACCESS)
_log = logging.getLogger("cfnlib.web")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
_ALLOW = ", ".join(sorted(_METHODS))


@frozen
class Limits:
    """How much is taken at once.

    `body_bytes` is the longest body, `under_way` how many requests are answered at a time (more are told to come
    again).
    `operators` says who may look at /health, /ready and /metrics: `all`, or `loopback`, i.e. who is connected from
    this machine; behind a proxy on this machine that is everybody, so the proxy has to keep these paths back.
    """

    body_bytes: int = 1 << 26
    under_way: int = 256
    operators: str = "all"


class Door:
    """Answers by `handle(request, request_id)`.

    `refuse(status, code, message, request_id, request)` makes the error document of what does not come that far;
    None: a line of text. `ready` says why the service cannot work just now, None when it can. `room_for` says how
    long a body may be, by what comes before it; None: as the server and the limits say.
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
        room_for: RoomFor | None = None,
    ) -> None:
        self._handle = handle
        self._name = name
        self._refuse = refuse or _plainly
        self._limits = limits or Limits()
        self.metrics = metrics or Metrics()
        self._ready = ready or (lambda: None)
        self.room_for = room_for
        self._room = BoundedSemaphore(self._limits.under_way)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI's
        """WSGI."""
        request, request_id, begun = Request(environ), str(uuid4()), time.perf_counter()
        self.metrics.began(self._name)
        response = self._answered(request, request_id)
        self._finish(request, response, request_id, begun)
        return response(environ, start_response)

    def refused(self, environ: dict[str, Any], status: int, code: str, message: str) -> Response:
        """The answer to what the server could not make a request of; it is logged and counted as any other."""
        request, request_id, begun = Request(environ), str(uuid4()), time.perf_counter()
        self.metrics.began(self._name)
        response = self._no(request, request_id, status, code, message)
        self._finish(request, response, request_id, begun)
        return response

    def _no(self, request: Request, request_id: str, status: int, code: str, message: str) -> Response:
        note(request, code=code)
        response = self._refuse(status, code, message, request_id, request)
        if status == 503:
            response.headers["Retry-After"] = "1"
        return response

    def _finish(self, request: Request, response: Response, request_id: str, begun: float) -> None:
        response.headers["x-amzn-RequestId"] = request_id
        self._tell(request, response, request_id, time.perf_counter() - begun)

    def _answered(self, request: Request, request_id: str) -> Response:
        if request.path in _OPERATORS and request.method in {"GET", "HEAD"}:
            return self._caught(self._for_operators, request, request_id)
        if not self._room.acquire(blocking=False):
            text = "Too many requests are under way: try again"
            return self._no(request, request_id, 503, "ServiceUnavailable", text)
        try:
            return self._caught(self._checked, request, request_id)
        finally:
            self._room.release()

    def _caught(self, answer: Handle, request: Request, request_id: str) -> Response:
        try:
            return answer(request, request_id)
        except HTTPException as error:
            status = error.code or 400
            return self._no(request, request_id, status, "MalformedQueryString", str(error.description))
        except Exception:  # noqa: BLE001 - whatever it is, the client has an answer and the log the trace
            _log.exception("request %s failed", request_id)
            text = "An internal error has occurred. The log has it under the request's id"
            return self._no(request, request_id, 500, "InternalFailure", text)

    def _checked(self, request: Request, request_id: str) -> Response:
        if request.method == "OPTIONS":
            note(request, action="OPTIONS")
            return Response(status=200, headers={"Allow": _ALLOW})
        if request.method not in _METHODS:
            text = f"The method {request.method[:16]!r} is none of ours"
            response = self._no(request, request_id, 405, "MethodNotAllowed", text)
            response.headers["Allow"] = _ALLOW
            return response
        if (request.content_length or 0) > self._limits.body_bytes:
            text = f"The body is larger than {self._limits.body_bytes} bytes"
            return self._no(request, request_id, 413, "RequestEntityTooLarge", text)
        return self._handle(request, request_id)

    def _for_operators(self, request: Request, request_id: str) -> Response:
        if self._limits.operators == "loopback" and not _is_loopback(request.remote_addr):
            return self._no(request, request_id, 403, "AccessDenied", "Ask from the machine itself")
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
