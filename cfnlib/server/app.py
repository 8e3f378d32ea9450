"""What every HTTP request comes to: one routing table from paths to the parts of the service.

The door (`cfnlib.web`) has checked the outer form by then: sizes, headers, ids, times. Each route says who calls by
its own rule: the Query API and the bucket by AWS's signatures, a wait handle by the URL that the service signed
itself, CloudStack's API by CloudStack's signature.
"""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from prometheus_client import Counter
from werkzeug import Response

from cfnlib.errors import CfnlibError, StoreError
from cfnlib.server.actions.account import COST_PATH, COST_TEXT
from cfnlib.server.admission import Admission
from cfnlib.server.bucket_xml import error_xml
from cfnlib.server.faults import RECEIVER, SENDER, told, trace_of
from cfnlib.server.query import QueryApi
from cfnlib.server.room import SMALL_BYTES, Rooms
from cfnlib.server.service import SIGNAL_PATH
from cfnlib.server.signals import take_signal
from cfnlib.web import Door, Room, note, signed_request_of
from cfnlib.wire import Service as Model
from cfnlib.wire import render_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug import Request

    from cfnlib.identity.request import SignedRequest
    from cfnlib.server.client_api import ClientApi
    from cfnlib.server.service import Service
    from cfnlib.web import Head, Limits, Metrics

    Respond: TypeAlias = Callable[["App", Request, SignedRequest, str], Response]

_log = logging.getLogger("cfnlib.server")

STARTING = "The service is starting."
_OF_S3 = {"RequestEntityTooLarge": "EntityTooLarge"}


class Route(NamedTuple):
    """A path, whether all below it belongs to it too, and what answers."""

    path: str
    below: bool
    respond: Respond


class App:
    """Answers the requests that come to a service."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.rooms = Rooms(has_bucket=service.bucket is not None, look_up=service.keyring.caller)
        self.gate = Admission(service, on_admitted=self.rooms.admitted)
        self.query = QueryApi(service, self.gate)

    @cached_property
    def client_api(self) -> ClientApi:
        """CloudStack's own API; it has connections to the cloud."""
        from cfnlib.server.client_api import ClientApi  # noqa: PLC0415 - many services have nobody who asks for it

        return ClientApi(self.service, self.gate)

    def ready(self) -> str | None:
        """Why no work can be done just now, None when it can: the store answers."""
        try:
            self.service.store.count(self.service.scope)
        except StoreError:
            return "The store of stacks cannot be used."
        return None

    def show(self, metrics: Metrics) -> None:
        """Add what the service knows of itself to the figures."""
        workers = self.service.workers
        metrics.gauge("cfnlib_operations_running", "Operations under way here.", lambda: workers.counts()[0])
        metrics.gauge("cfnlib_operations_waiting", "Operations that wait for a worker.", lambda: workers.counts()[1])
        labels = ("status",)
        ended = Counter("cfnlib_operations", "Operations ended here.", labels, registry=metrics.registry)
        workers.on_end = lambda status: ended.labels(status).inc()

    def close(self) -> None:
        """Give back what the routes have opened."""
        if "client_api" in self.__dict__:
            self.client_api.close()

    def handle(self, request: Request, request_id: str) -> Response:
        """Answer one request."""
        path, signed = request.path, signed_request_of(request)
        if _is_for_bucket(self, request):
            return _bucket(self, request, signed, request_id)
        for route in ROUTES:
            if path == route.path or (route.below and path.startswith(route.path)):
                return route.respond(self, request, signed, request_id)
        return _bucket(self, request, signed, request_id)


class LateApp:
    """An app whose socket is there before the app is, so that the app can know the socket's port."""

    def __init__(self) -> None:
        self.app: App | None = None

    def door(self, metrics: Metrics | None = None, limits: Limits | None = None) -> Door:
        """The door to the app."""
        return Door(
            self.handle,
            name="cloudformation",
            refuse=refuse,
            limits=limits,
            metrics=metrics,
            ready=self.ready,
            room_for=self.room_for,
        )

    def handle(self, request: Request, request_id: str) -> Response:
        """Answer one request; with 503 before there is an app."""
        if self.app is None:
            return _text(503, f"{STARTING}\n")
        return self.app.handle(request, request_id)

    def ready(self) -> str | None:
        """Why no work can be done just now, None when it can."""
        return STARTING if self.app is None else self.app.ready()

    def room_for(self, head: Head) -> Room:
        """How long a body may be that comes after this head."""
        if self.app is None:
            return Room(SMALL_BYTES, 503, "ServiceUnavailable", STARTING)
        return self.app.rooms.room_for(head)


def refuse(status: int, code: str, message: str, request_id: str, request: Request) -> Response:
    """What is answered to a request that the door itself refuses, in the form of its path's own errors."""
    path = request.path
    if not any(path == route.path or (route.below and path.startswith(route.path)) for route in ROUTES):
        body = error_xml(_OF_S3.get(code, code), message, path, request_id)
        return Response(body, status, content_type="application/xml")
    if path != "/":
        return _text(status, f"{code}: {message}\n")
    whose = SENDER if status < 500 else RECEIVER
    body = render_error(Model.load("cloudformation"), code, message, request_id=request_id, type=whose)
    return Response(body, status, content_type="text/xml")


def _query(app: App, request: Request, signed: SignedRequest, request_id: str) -> Response:
    if request.method not in {"GET", "POST"}:
        return _text(405, "The Query API takes GET and POST.\n", Allow="GET, POST")
    found = app.query.answer(request, signed, request_id)
    response = Response(found.body, found.status, content_type=found.content_type)
    account = found.caller.account if found.caller is not None else None
    note(request, action=found.action or None, account=account, code=found.code)
    return response


def _signal(app: App, request: Request, signed: SignedRequest, request_id: str) -> Response:
    note(request, action="signal")
    try:
        take_signal(app.service, signed)
    except Exception as error:  # noqa: BLE001 - as in the Query API
        return _failed(error, request_id)
    return _text(200, "")


def _cost(_: App, request: Request, __: SignedRequest, ___: str) -> Response:
    note(request, action="cost")
    return _text(200, COST_TEXT)


def _client_api(app: App, request: Request, signed: SignedRequest, request_id: str) -> Response:
    note(request, action="client-api")
    return app.client_api.answer(request, signed, request_id)


def _clusters(app: App, request: Request, signed: SignedRequest, _: str) -> Response:
    from cfnlib.server import clusters_rest  # noqa: PLC0415 - as above
    from cfnlib.server.problems import problem_of  # noqa: PLC0415 - as above

    note(request, action="clusters")
    if request.path == clusters_rest.OPENAPI_PATH:
        return clusters_rest.openapi_response()
    try:
        caller = app.gate.admit(signed, ())
    except CfnlibError as error:
        return problem_of(error).response()
    note(request, account=caller.account)
    workers = app.service.workers
    with app.service.stacks(caller) as stacks:
        context = clusters_rest.ClustersContext(
            stacks,
            submit=lambda begun: workers.submit(begun, caller),
            before_launch=lambda: app.service.check_room(caller),
        )
        return clusters_rest.respond(request, context)


def _bucket(app: App, request: Request, signed: SignedRequest, request_id: str) -> Response:
    if app.service.bucket is None:
        return _text(404, "There is nothing here.\n")
    from cfnlib.server.bucket import respond  # noqa: PLC0415 - as above

    note(request, action="bucket")
    return respond(app.service.bucket, app.gate, request, signed, request_id)


ROUTES = (
    Route("/", False, _query),
    Route(SIGNAL_PATH, True, _signal),
    Route(COST_PATH, False, _cost),
    Route("/client/api", False, _client_api),
    Route("/clusters", False, _clusters),
    Route("/clusters/", True, _clusters),
)
"""What is not among these is the bucket's."""


def _is_for_bucket(app: App, request: Request) -> bool:
    """Whether a request is S3's by its signature: the list of buckets, for one, has the Query API's path."""
    if app.service.bucket is None:
        return False
    from cfnlib.server.bucket import is_meant  # noqa: PLC0415 - as above

    return is_meant(request)


def _failed(error: Exception, request_id: str) -> Response:
    found = told(error)
    if found.http_status >= 500:
        _log.error("%s: %s", request_id, error, exc_info=trace_of(error))
    return _text(found.http_status, f"{found.code}: {found.message}\n")


def _text(status: int, text: str, **headers: str) -> Response:
    return Response(text, status, headers=headers, content_type="text/plain; charset=utf-8")
