"""From a request's parameters to its answer: who calls, may he, are the parameters right, then the command itself.

The order of the checks is the server's: unknown command (401), signature (401), role (432), parameters (431),
command.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cfnlib.simulator import signature
from cfnlib.simulator.api import commands
from cfnlib.simulator.call import Call, checked
from cfnlib.simulator.commands import COMMANDS, TIMERS, WORKS
from cfnlib.simulator.encode import json_text, xml_text
from cfnlib.simulator.errors import ApiError, unauthorized
from cfnlib.simulator.jobs import Jobs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.simulator.api import Command
    from cfnlib.simulator.faults import Fault, Faults
    from cfnlib.simulator.latency import Latency
    from cfnlib.simulator.store import Store
    from cfnlib.simulator.world import Entity, World

LOG: Final = logging.getLogger("cfnlib.simulator")
JSON: Final = "application/json;charset=utf-8"
XML: Final = "text/xml;charset=utf-8"
HTML_PAGE: Final = "<html><head><title>{status}</title></head><body><h1>{status} {text}</h1></body></html>"
SERIAL_VERSION: Final = -7514266713085362352
CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Reply(NamedTuple):
    """What goes back on the wire. `manner`: "whole", "truncate", "drop" (close without it) or "reset"."""

    status: int
    content_type: str
    body: bytes
    delay_s: float = 0.0
    manner: str = "whole"


class Kernel:
    """Answers requests, one at a time, and keeps the store up to date."""

    def __init__(self, world: World, latency: Latency, faults: Faults, store: Store | None = None) -> None:
        self._world = world
        self._latency = latency
        self._faults = faults
        self._store = store
        self.jobs = Jobs(world, WORKS, TIMERS, latency)
        self.requests: Counter[str] = Counter()
        self.crashes: list[Exception] = self.jobs.crashes

    def answer(self, parameters: Mapping[str, str], method: str = "GET") -> Reply:
        """The reply to a request with these (decoded) parameters; its effects are stored when this returns."""
        name = parameters.get("command")
        world = self._world
        with world.lock:
            self.requests[name or ""] += 1
            fault = self._faults.befalling(name or "", parameters)
            if fault is not None and fault.kind == "reset":
                return Reply(0, "", b"", manner="reset")
            if fault is not None and fault.kind == "html":
                page = HTML_PAGE.format(status=fault.status, text=fault.text)
                return Reply(fault.status, "text/html;charset=utf-8", page.encode())
            world.advance()
            status, envelope, content = self._outcome(parameters, fault, method)
            if self._store is not None:
                self._store.save(world)
            as_json = parameters.get("response", "").lower() == "json"
            text = (json_text if as_json else xml_text)(envelope, content)
            command = commands().get(name or "")
            is_async = command is not None and command.is_async
            delay_s = self._latency.of_answer(name or "", is_async=is_async, source=world.random)
        manner = "whole"
        if fault is not None:
            delay_s += fault.hang_s if fault.kind == "hang" else 0.0
            manner = {"truncate": "truncate", "drop_answer": "drop"}.get(fault.kind, "whole")
        return Reply(status, JSON if as_json else XML, text.encode(), delay_s, manner)

    def _outcome(
        self, parameters: Mapping[str, str], fault: Fault | None, method: str
    ) -> tuple[int, str, dict[str, Any]]:
        name = parameters.get("command")
        command = commands().get(name or "")
        envelope = command.answer if command else "errorresponse"
        try:
            if command is None:
                return 401, *self._unknown(parameters)
            account, user = self._caller(parameters)
            _check_allowed(command, account, fault)
            return 200, envelope, self._run(command, parameters, account, user, fault, method)
        except ApiError as error:
            return error.status, error.envelope or envelope, _shown_error(error, parameters)
        except Exception as error:
            self.crashes.append(error)
            LOG.exception("%s crashed", name)
            internal = ApiError(530, 4250, f"Internal error executing command: {type(error).__name__}: {error}")
            return 530, envelope, _shown_error(internal, parameters)

    def _unknown(self, parameters: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
        nameless = "command" not in parameters and parameters.get("response", "").lower() == "json"
        return "null" if nameless else "errorresponse", _shown_error(unauthorized(), parameters)

    def _run(
        self,
        command: Command,
        parameters: Mapping[str, str],
        account: Entity,
        user: Entity,
        fault: Fault | None,
        method: str,
    ) -> dict[str, Any]:
        given = dict(parameters)
        for name, value in given.items():
            if CONTROL.search(value):
                why = "is invalid, contains illegal ASCII non-printable characters"
                raise ApiError(431, 9999, f"Received value {value} for parameter {name} {why}")
        handler, work = COMMANDS.get(command.name), WORKS.get(command.name)
        if handler is None and work is None:
            raise ApiError(530, 9999, f"The API [{command.name}] is not simulated by cfnlib.simulator")
        values = checked(self._world, command, given)
        call = Call(self._world, command, values, account, user, self._latency, method)
        if handler is not None:
            return handler(call)
        return self.jobs.start(call, fault)

    def _caller(self, parameters: Mapping[str, str]) -> tuple[Entity, Entity]:
        key = next((value for name, value in parameters.items() if name.lower() == "apikey"), None)
        [*users] = self._world.by("user", "apikey", key) if key else []
        if not users or not signature.is_good(parameters, users[0]["secretkey"], self._world.now):
            raise unauthorized()
        user = users[0]
        account = self._world.get("account", user["account"])
        if account is None or user["state"] != "enabled" or account["state"] != "enabled":
            raise unauthorized()
        return account, user


def _check_allowed(command: Command, account: Entity, fault: Fault | None) -> None:
    if not command.allowed(account["roletype"]):
        raise _not_available(command, account)
    if fault is not None and fault.kind == "error":
        raise ApiError(fault.errorcode, fault.cserrorcode, fault.text)


def _not_available(command: Command, account: Entity) -> ApiError:
    who = f'Account [{{"accountName":"{account["name"]}","id":{account.number},"uuid":"{account.uuid}"}}]'
    text = f"The API [{command.name}] does not exist or is not available for the account {who}."
    return ApiError(432, 9999, text, envelope="errorresponse")


def _shown_error(error: ApiError, parameters: Mapping[str, str]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if error.uuids or parameters.get("response", "").lower() == "json":
        shown["uuidList"] = [
            {"serialVersionUID": SERIAL_VERSION, "uuid": uuid, "description": description}
            for uuid, description in error.uuids
        ]
    shown["errorcode"] = error.status
    if error.cserrorcode is not None:
        shown["cserrorcode"] = error.cserrorcode
    shown["errortext"] = error.text
    return shown
