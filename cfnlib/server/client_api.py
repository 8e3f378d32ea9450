"""`/client/api`: CloudStack's own API with the stack commands in it.

Every command of CloudStack goes on to the management server, and its answer back, unchanged (`client_api_upstream`).
The seven stack commands are answered here, for callers who sign as for any other command: their keys are what a stack
is worked on with, so a session of the web interface, which has no keys, is not enough. `queryAsyncJobResult` is
answered here for the jobs of those commands, and `listApis` has them in its list, so that clients which discover the
API by it, as CloudMonkey does, have them too.
"""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from attrs import evolve
from werkzeug import Response
from werkzeug.datastructures import Headers

from cfnlib.drivers.cloudstack.errors import is_question
from cfnlib.drivers.cloudstack.transport import TransportError
from cfnlib.errors import AuthenticationError, CapacityError, CfnlibError, LimitError, NotAllowedError, StackBusyError
from cfnlib.identity.refusal import Refusal, RefusedError
from cfnlib.server.client_api_commands import Commands
from cfnlib.server.client_api_form import (
    BAD_PARAMETER,
    BAD_VALUE,
    JSON_TYPE,
    UNVERIFIED,
    XML_TYPE,
    ApiRefusedError,
    Call,
    body_of,
    envelope_of,
    error_content,
    not_there,
    values_of,
    xml_of,
)
from cfnlib.server.client_api_jobs import Jobs
from cfnlib.server.client_api_upstream import Passed, QueryError, Upstream
from cfnlib.server.context import Context
from cfnlib.server.faults import told, trace_of
from cfnlib.web import note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from werkzeug import Request

    from cfnlib.identity.gate import Gate
    from cfnlib.identity.keyring import Caller
    from cfnlib.identity.request import SignedRequest
    from cfnlib.server.client_api_form import Command, Content, Field, Pairs
    from cfnlib.server.service import Service

_log = logging.getLogger("cfnlib.server.client_api")

MAX_FIELDS = 10_000
_FORM = "application/x-www-form-urlencoded"
_MAX_DESCRIBED = 900

# Source: the recorded answers of CloudStack 4.19, and the README beside them.
_BY_KIND = ((StackBusyError, 536), (LimitError, 535), (CapacityError, 533), (NotAllowedError, 531))
_BY_CODE = {"LimitExceededException": 535, "Throttling": 429}
_DETAILS = {431: BAD_VALUE, 530: 4250}


class ClientApi:
    """Answers requests to `/client/api`; holds the connections to the management server."""

    def __init__(self, service: Service, gate: Gate) -> None:
        self._service = service
        self._gate = gate
        self._upstream = Upstream(service.config, service.endpoint)
        self._jobs = Jobs(service)
        self._commands = Commands(self._jobs).table
        self._named = {*self._commands, "queryAsyncJobResult", "listApis"}

    def close(self) -> None:
        """Close the connections to the management server."""
        self._upstream.close()

    def answer(self, request: Request, signed: SignedRequest, request_id: str) -> Response:
        """Answer one request."""
        if signed.method not in {"GET", "POST"}:
            return Response(
                "The API takes GET and POST.\n", 405, headers={"Allow": "GET, POST"}, content_type="text/plain"
            )
        pairs = _pairs(signed)
        said = dict(reversed(pairs))
        as_json = said.get("response", "").lower() == "json"
        named = {value for name, value in pairs if name == "command"}
        command = next(iter(named & self._commands.keys()), said.get("command", ""))
        envelope = envelope_of(command)
        try:
            content, caller = self._own(command, pairs, named, request_id)
            if content is None:
                return self._pass(request, signed, command, as_json=as_json)
        except Exception as error:  # noqa: BLE001 - what nobody foresaw is logged, and answered as an internal error
            refused = _refusal_of(error)
            if refused.code >= 500:
                _log.error("%s %s: %s", request_id, command[:40], error, exc_info=trace_of(error))
            note(request, action=command if command in self._named else "client-api", code=str(refused.code))
            return _refused(envelope, refused, as_json=as_json)
        note(request, action=command, account=caller.account if caller is not None else None)
        return _response(200, body_of(envelope, content, as_json=as_json), as_json=as_json)

    def _own(
        self, command: str, pairs: Pairs, named: set[str], request_id: str
    ) -> tuple[Content | None, Caller | None]:
        """What is answered here, and to whom; None for what the management server is to answer."""
        said = {name.lower(): value for name, value in reversed(pairs)}
        if command in self._commands:
            if len(named) != 1:
                raise ApiRefusedError(431, BAD_PARAMETER, "There is more than one command")
            return self._run(self._commands[command], pairs, request_id)
        if command == "queryAsyncJobResult" and (job := self._jobs.read(said.get("jobid", ""))) is not None:
            context = Context(self._service, self._admitted(pairs), request_id)
            try:
                return self._jobs.result(context, said["jobid"], job), context.caller
            except CfnlibError as error:
                if told(error).http_status >= 500:
                    raise
                raise not_there(command, "jobid", said["jobid"]) from None
        if command == "listApis" and said.get("name") in self._commands:
            caller = self._admitted(pairs)
            return {"count": 1, "api": [_described(self._commands[said["name"]])]}, caller
        return None, None

    def _run(self, command: Command, pairs: Pairs, request_id: str) -> tuple[Content, Caller]:
        named = {name.lower() for name, _ in pairs}
        if "sessionkey" in named and "signature" not in named:
            raise ApiRefusedError(
                401, None, f"{UNVERIFIED}: {command.name} is called with an API key, a session is not enough"
            )
        caller = self._admitted(pairs)
        values = values_of(command, pairs)
        project = values.get("projectid")
        if project == "-1" and command.name != "listStacks":
            raise not_there(command.name, "projectid", project)
        if project not in {None, "-1"}:
            if not self._service.keyring.sees_project(caller, str(project)):
                raise not_there(command.name, "projectid", str(project))
            caller = evolve(caller, project_id=project)
        return command.run(Call(Context(self._service, caller, request_id), values)), caller

    def _admitted(self, pairs: Pairs) -> Caller:
        """Who calls. Raises `RefusedError`."""
        params = dict(pairs)
        if len({name.lower() for name in params}) != len(pairs):
            raise ApiRefusedError(431, BAD_PARAMETER, "A parameter is given more than once")
        return self._gate.admit_cloudstack(params)

    def _pass(self, request: Request, signed: SignedRequest, command: str, *, as_json: bool) -> Response:
        listed = command == "listApis"
        # Those of uploads make what they tell about.
        question = is_question(command) and not command.startswith("getUpload")
        try:
            passed = self._upstream.send(signed, request.remote_addr, plain=listed, question=question)
        except TransportError as error:
            if error.sent:
                why = f"{error.text}; whether the command was carried out is not known"
            else:
                why = f"it cannot be reached: {error.text}; nothing was done"
            _log.warning("the management server: %s", why)
            note(request, code="530")
            refused = ApiRefusedError(530, BAD_PARAMETER, f"The management server: {why}")
            return _refused(envelope_of(command), refused, as_json=as_json)
        except QueryError as error:
            note(request, code="400")
            return Response(f"{error}\n", 400, content_type="text/plain")
        if listed and passed.status == 200 and not passed.header("content-encoding"):
            passed = passed._replace(body=self._with_ours(passed))
        response = Response(passed.body, passed.status)
        response.headers = Headers(passed.headers)
        return response

    def _with_ours(self, passed: Passed) -> bytes:
        """The answer of `listApis` with the stack commands in it, unless it asked for one command by name."""
        ours = [_described(command) for command in self._commands.values()]
        if "json" in passed.header("content-type"):
            return _merged_json(passed.body, ours)
        return _merged_xml(passed.body, ours)


def _merged_json(body: bytes, ours: Sequence[Content]) -> bytes:
    try:
        content = json.loads(body)
    except ValueError:
        return body
    inner = content.get("listapisresponse") if isinstance(content, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("api"), list) or len(inner["api"]) < 2:
        return body
    inner["api"] += ours
    inner["count"] = len(inner["api"])
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _merged_xml(body: bytes, ours: Sequence[Content]) -> bytes:
    # The document is large and its form known: it is not worth a parser, which would have to be a wary one.
    start, end = body[:400], b"</listapisresponse>"
    count = re.search(rb"<count>(\d+)</count>", start)
    if count is None or int(count[1]) < 2 or not body.endswith(end):
        return body
    number = b"<count>%d</count>" % (int(count[1]) + len(ours))
    added = "".join(xml_of("api", one) for one in ours).encode()
    return body[: count.start()] + number + body[count.end() : -len(end)] + added + end


def _described(command: Command) -> Content:
    """A command as `listApis` shows it."""
    return {
        "name": command.name,
        "description": command.description,
        "isasync": command.is_async,
        "related": command.related,
        "params": [
            {
                "name": param.name,
                "description": param.description,
                "type": param.type,
                "length": param.length,
                "required": param.required,
                **({"related": param.related} if param.related else {}),
            }
            for param in sorted(command.params, key=lambda one: one.name)
        ],
        "response": [_described_field(field) for field in command.fields],
    }


def _described_field(field: Field) -> Content:
    inner: dict[str, Any] = {"response": [_described_field(one) for one in field.fields]} if field.fields else {}
    return {"name": field.name, "description": field.description, "type": field.type, **inner}


def _pairs(signed: SignedRequest) -> list[tuple[str, str]]:
    """The parameters of query and form; none when they cannot be told, which is then for the management server."""
    texts = [signed.raw_query]
    sent = next((value for name, value in signed.headers if name == "content-type"), _FORM)
    kind = sent.partition(";")[0].strip().lower()
    if signed.method == "POST" and kind == _FORM:
        texts.append(signed.body.decode("latin-1"))
    try:
        return [
            pair
            for text in texts
            for pair in parse_qsl(
                text.encode("latin-1").decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS
            )
        ]
    except (ValueError, UnicodeEncodeError):
        return []


def _refusal_of(error: Exception) -> ApiRefusedError:
    """An error as CloudStack would answer it."""
    if isinstance(error, ApiRefusedError):
        return error
    if isinstance(error, RefusedError) and error.refusal is Refusal.MALFORMED:
        return ApiRefusedError(431, BAD_PARAMETER, f"The request is malformed: {error}")
    refused = isinstance(error, RefusedError) and error.refusal is not Refusal.UNAVAILABLE
    if refused or isinstance(error, AuthenticationError):
        return ApiRefusedError(401, None, UNVERIFIED)
    found = told(error)
    code = next((code for kind, code in _BY_KIND if isinstance(error, kind)), _BY_CODE.get(found.code))
    if code is None:
        code = 530 if found.http_status >= 500 else 431
    return ApiRefusedError(code, _DETAILS.get(code, BAD_PARAMETER), found.message)


def _refused(envelope: str, refused: ApiRefusedError, *, as_json: bool) -> Response:
    body = body_of(envelope, error_content(refused, as_json=as_json), as_json=as_json)
    response = _response(refused.code, body, as_json=as_json)
    # CloudMonkey shows this header instead of the text.
    described = re.sub(r"[^ -~]+", " ", str(refused))[:_MAX_DESCRIBED]
    response.headers["X-Description"] = described
    return response


def _response(status: int, body: bytes, *, as_json: bool) -> Response:
    return Response(body, status, content_type=JSON_TYPE if as_json else XML_TYPE)
