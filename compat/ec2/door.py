"""A request to the EC2 API, from its signature to its answer.

boto sends a request again when no answer came in time, also one that makes machines. So while a RunInstances is being
worked on, an identical one of the same account waits for its answer instead of making a second cluster.
"""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from attrs import evolve
from werkzeug.wrappers import Response

from cfnlib.errors import CfnlibError
from cfnlib.web import FormError, Quota, form_of, note, signed_request_of
from cfnlib.wire import Service, UnknownOperationError, UnknownVersionError, parse, render, render_error
from compat.ec2.actions import REFUSED, table
from compat.ec2.faults import Ec2Error, as_ec2, unsupported
from compat.ec2.reasons import reason
from compat.ec2.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from werkzeug.wrappers import Request

    from cfnlib.config import Config
    from cfnlib.identity.gate import Gate
    from cfnlib.identity.keyring import Caller

    Pairs = Sequence[tuple[str, str]]

VERSION = "2016-11-15"
"""The API's newest version, which is answered in when none is asked for."""
JOINED = frozenset({"RunInstances", "RequestSpotInstances"})
"""What is not done twice while an identical request is under way; nor is what has a client token."""
_OF_SIGNATURE = (
    "AWSAccessKeyId",
    "Expires",
    "SecurityToken",
    "Signature",
    "SignatureMethod",
    "SignatureVersion",
    "Timestamp",
)
OPEN = {"AccountAttributeName", "InstanceType"}
"""What may have other values than AWS's own: an instance type is an offering's name as well."""
BURST_S = 10.0
"""How many seconds of an account's rate may come at once."""
MOST_WORLDS = 256
"""How many accounts' connections are kept open."""


class Bridge:
    """The EC2 API in front of one CloudStack.

    `config` gives the cloud to turn to just now (an embedded one may move), without keys; `gate` knows the callers.
    `public_addresses`: whether machines in zones without security groups are launched with public addresses (see
    `public_addresses`). `requests_per_s`: how often an account may ask, None for as often as it likes; each bridge
    counts for itself.
    """

    def __init__(
        self,
        config: Callable[[], Config],
        gate: Gate,
        *,
        public_addresses: bool = False,
        requests_per_s: float | None = None,
    ) -> None:
        self._config = config
        self._public_addresses = public_addresses
        self._quota = None if requests_per_s is None else Quota(requests_per_s, max(requests_per_s * BURST_S, 1.0))
        self._gate = gate
        self._actions = table()
        _service(VERSION)  # or the first requests, which may come together, would each load it
        self._worlds: dict[tuple[str, str | None, str | None], World] = {}
        self._under_way: dict[tuple[str, Pairs], Future[bytes]] = {}
        self._lock = Lock()

    def handle(self, request: Request, request_id: str) -> Response:
        """The answer to a request; never raises what the client can be told."""
        version = VERSION
        try:
            pairs = form_of(request)
            version = next((value for name, value in pairs if name == "Version" and _is_version(value)), VERSION)
            caller = self._gate.admit(signed_request_of(request), pairs)
            note(request, account=caller.account)
            self._count(caller)
            body = self._answer(caller, pairs, version, request, request_id)
        except FormError as error:
            return self._refused(Ec2Error("MalformedQueryString", str(error)), version, request, request_id)
        except CfnlibError as error:
            return self._refused(as_ec2(error), version, request, request_id)
        return Response(body, content_type="text/xml;charset=UTF-8")

    def refuse(self, status: int, code: str, message: str, request_id: str, request: Request) -> Response:
        """What the HTTP layer refuses, in EC2's form."""
        return self._refused(Ec2Error(code, message, status), VERSION, request, request_id)

    def close(self) -> None:
        """Give back connections."""
        with self._lock:
            worlds, self._worlds = list(self._worlds.values()), {}
        for world in worlds:
            world.close()

    def _count(self, caller: Caller) -> None:
        """Raise `Ec2Error` when the account has asked too often; which of its users did so does not matter."""
        if self._quota is not None and not self._quota.allows(f"{caller.domain_id}/{caller.account}"):
            raise Ec2Error("RequestLimitExceeded", "Request limit exceeded.", 503)

    def _answer(self, caller: Caller, pairs: Pairs, version: str, request: Request, request_id: str) -> bytes:
        action = next((value for name, value in pairs if name == "Action"), None)
        if not action:
            raise Ec2Error("MissingAction", "The request must contain the parameter Action")
        note(request, action=action)
        service = _service(version)
        try:
            service.operation(action)
        except UnknownOperationError:
            raise Ec2Error("InvalidAction", f"The action {action[:100]} is not valid for this web service.") from None
        work = self._actions.get(action)
        if work is None:
            raise unsupported(reason(action))
        params = parse(service, action, pairs, open_shapes=OPEN)
        if params.get("DryRun") and action not in REFUSED:
            raise Ec2Error("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)

        def answer() -> bytes:
            result = work(self._world(caller), params)
            namespace = service.namespace_of(version)
            return render(service, action, result, request_id=request_id, namespace=namespace)

        if action not in JOINED and not params.get("ClientToken"):
            return answer()
        return self._once(caller, pairs, answer)

    def _once(self, caller: Caller, pairs: Pairs, answer: Callable[[], bytes]) -> bytes:
        """Give an answer, or wait for that of the identical request that is under way."""
        asked = tuple(sorted((name, value) for name, value in pairs if not _of_signature(name)))
        key = (f"{caller.domain_id}/{caller.account}/{caller.project_id}", asked)
        with self._lock:
            future = self._under_way.get(key)
            if future is None:
                mine: Future[bytes] = Future()
                self._under_way[key] = mine
        if future is not None:
            return future.result()
        try:
            body = answer()
        except BaseException as error:
            mine.set_exception(error)
            with suppress(BaseException):
                mine.result()
            raise
        else:
            mine.set_result(body)
            return body
        finally:
            with self._lock:
                del self._under_way[key]

    def _world(self, caller: Caller) -> World:
        config = self._config()
        key = (caller.access_key, caller.project_id, config.endpoint)
        with self._lock:
            found = self._worlds.pop(key, None)
            if found is not None and found.caller.secret == caller.secret:
                self._worlds[key] = found
                return found
            near = evolve(config, key=caller.access_key, secret=caller.secret, project_id=caller.project_id)
            world = World(near, caller, public_addresses=self._public_addresses)
            self._worlds[key] = world
            old = next(iter(self._worlds)) if len(self._worlds) > MOST_WORLDS else None
            dropped = self._worlds.pop(old) if old is not None else None
        if dropped is not None:
            dropped.close()
        return world

    @staticmethod
    def _refused(error: Ec2Error, version: str, request: Request, request_id: str) -> Response:
        note(request, code=error.code)
        service = _service(version)
        body = render_error(service, error.code, str(error), request_id=request_id)
        return Response(body, status=error.status, content_type="text/xml;charset=UTF-8")


def _service(version: str) -> Service:
    try:
        return Service.load("ec2", version)
    except UnknownVersionError:
        return Service.load("ec2")


def _is_version(text: str) -> bool:
    return len(text) == 10 and text[:4].isdigit() and text[4] == text[7] == "-"


def _of_signature(name: str) -> bool:
    return name in _OF_SIGNATURE or name.lower().startswith("x-amz-")
