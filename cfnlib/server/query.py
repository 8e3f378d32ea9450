"""The Query API: one place (`/`) for CloudFormation and STS, told apart by the request's Version and Action.

GET and POST are alike. The parameters of the query and of the form are taken together, the signature is checked over
exactly what came, and the answer is XML, or JSON for those who say ContentType=JSON.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from cfnlib.server.actions import CLOUDFORMATION, STS
from cfnlib.server.actions.not_offered import reason_of
from cfnlib.server.context import Context
from cfnlib.server.faults import SaidError, told, trace_of
from cfnlib.web import form_of
from cfnlib.wire import Service as Model
from cfnlib.wire import parse, render, render_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from werkzeug import Request

    from cfnlib.identity.gate import Gate
    from cfnlib.identity.keyring import Caller
    from cfnlib.identity.request import SignedRequest
    from cfnlib.server.context import Action
    from cfnlib.server.service import Service

_log = logging.getLogger("cfnlib.server.query")

MAX_FIELDS = 10_000
"""Parameters of a request: a template has at most 200, each with three fields."""

MAX_BYTES = 1 << 20
"""Bytes of a request: a template of 51,200 bytes has at most three times as many in a form."""

_FORM = "application/x-www-form-urlencoded"
_VERSIONS = {"2010-05-15": ("cloudformation", CLOUDFORMATION), "2011-06-15": ("sts", STS)}


class Answer(NamedTuple):
    """What is answered: a body, its content type, and the HTTP status; `code` is the error's, None for none."""

    status: int
    content_type: str
    body: bytes
    action: str
    caller: Caller | None = None
    code: str | None = None


class QueryApi:
    """Answers requests of the Query API."""

    def __init__(self, service: Service, gate: Gate) -> None:
        self._service = service
        self._gate = gate
        for name, _ in _VERSIONS.values():
            Model.load(name)  # or the first requests, which may come together, would each do so

    def answer(self, request: Request, signed: SignedRequest, request_id: str) -> Answer:
        """Do what a request asks. Whatever goes wrong becomes an error of the API."""
        model, action, caller = Model.load("cloudformation"), "", None
        as_json = False
        try:
            pairs = _pairs(request)
            said = dict(reversed(pairs))
            action, as_json = said.get("Action", ""), said.get("ContentType", "").upper() == "JSON"
            caller = self._gate.admit(signed, pairs)
            name, actions = _service_of(said)
            model = Model.load(name)
            result = self._result(model, actions, action, pairs, Context(self._service, caller, request_id))
            body = render(model, action, result, request_id=request_id, json=as_json)
        except Exception as error:  # noqa: BLE001 - the table of errors knows them all; what it does not is logged
            found = told(error)
            if found.http_status >= 500:
                _log.error("%s %s: %s", request_id, action, error, exc_info=trace_of(error))
            body = render_error(
                model, found.code, found.message, request_id=request_id, json=as_json, type=found.type
            )
            return Answer(found.http_status, _type(as_json), body, _known(action), caller, found.code)
        return Answer(200, _type(as_json), body, action, caller)

    @staticmethod
    def _result(
        model: Model, actions: Mapping[str, Action], action: str, pairs: Sequence[tuple[str, str]], context: Context
    ) -> dict[str, object]:
        if not action:
            raise SaidError("Missing Action", "MissingAction")
        if action not in model.operations:
            raise SaidError(f"The action {action[:128]} is not valid for this web service.", "InvalidAction")
        if action not in actions:
            raise SaidError(f"The action {action} is not offered: {reason_of(action)}.", "InvalidAction")
        return actions[action](context, parse(model, action, pairs))


def _pairs(request: Request) -> list[tuple[str, str]]:
    """Every parameter of the query and the form. Raises `SaidError` for what is no form, `FormError`."""
    if (request.content_length or 0) > MAX_BYTES:
        raise SaidError(f"The body is larger than {MAX_BYTES} bytes", "RequestEntityTooLarge", 413)
    if request.content_length and request.mimetype not in {_FORM, ""}:
        raise SaidError(f"The body must be {_FORM}, not {request.mimetype[:80]}", "MalformedInput")
    return form_of(request, max_fields=MAX_FIELDS, max_bytes=MAX_BYTES)


def _service_of(said: Mapping[str, str]) -> tuple[str, Mapping[str, Action]]:
    """The service that is meant. Source: AWS SDKs send Version with every request of a Query API."""
    version = said.get("Version")
    if version is None:
        return ("sts", STS) if said.get("Action") in STS else ("cloudformation", CLOUDFORMATION)
    if version not in _VERSIONS:
        raise SaidError(
            f"Could not find operation {said.get('Action', '')[:128]} for version {version[:32]}", "NoSuchVersion"
        )
    return _VERSIONS[version]


def _type(as_json: bool) -> str:
    return "application/json" if as_json else "text/xml"


def _known(action: str) -> str:
    """An action's name for logs and figures, which must not have as many names as clients make up."""
    return action if action in CLOUDFORMATION or action in STS else "unknown"
