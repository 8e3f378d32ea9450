"""A simulator under a clock of its own, and a client that signs and reads like any other."""

# What is test machinery is read by its name, and takes what it is given.
# ruff: noqa: D102

from __future__ import annotations

import json
import socket
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from cfnlib.simulator.signature import sign

if TYPE_CHECKING:
    from cfnlib.simulator import Keys, Simulator


class Clock:
    """Seconds since the epoch, as told."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Refused(Exception):  # noqa: N818 (an answer, not an error of the test)
    """An error answer: `status` of HTTP, `code` and `text` of CloudStack."""

    def __init__(self, status: int, content: dict[str, Any]) -> None:
        super().__init__(status, content)
        self.status = status
        self.code = content.get("cserrorcode")
        self.text = content.get("errortext")


class Client:
    """Calls commands over one keep-alive connection; answers are the content under the envelope."""

    def __init__(self, endpoint: str, keys: Keys) -> None:
        self.keys = keys
        where = urlsplit(endpoint)
        self.path = where.path
        self.connection = HTTPConnection(where.hostname or "", where.port, timeout=10)

    def signed(self, command: str, **parameters: object) -> dict[str, str]:
        given = {name.replace("__", "."): str(value) for name, value in parameters.items() if value is not None}
        given |= {"command": command, "response": "json", "apiKey": self.keys.key}
        return given | {"signature": sign(given, self.keys.secret)}

    def raw(self, parameters: dict[str, str]) -> tuple[int, str]:
        if self.connection.sock is None:
            self.connection.connect()
            self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection.request("GET", f"{self.path}?{urlencode(parameters)}")
        answer = self.connection.getresponse()
        return answer.status, answer.read().decode()

    def __call__(self, command: str, **parameters: object) -> dict[str, Any]:
        status, text = self.raw(self.signed(command, **parameters))
        [content] = json.loads(text).values()
        if status != 200:
            raise Refused(status, content)
        return content

    def job(self, command: str, **parameters: object) -> dict[str, Any]:
        """The job of a command, as it is after one look."""
        started = self(command, **parameters)
        return self("queryAsyncJobResult", jobid=started["jobid"])


class Cloud:
    """A running simulator with two clients and the ids tests need most."""

    def __init__(self, simulator: Simulator, clock: Clock | None) -> None:
        self.simulator = simulator
        self.clock = clock
        self.admin = Client(simulator.endpoint, simulator.admin)
        self.user = Client(simulator.endpoint, simulator.user)
        self.zone, self.zone_with_groups = [one["id"] for one in self.admin("listZones")["zone"]]
        self.template = self.admin("listTemplates", templatefilter="executable")["template"][0]["id"]
        self.offering = self.admin("listServiceOfferings", name="Small Instance")["serviceoffering"][0]["id"]
        name = "DefaultIsolatedNetworkOfferingWithSourceNatService"
        self.network_offering = self.admin("listNetworkOfferings", name=name)["networkoffering"][0]["id"]

    def network(self, client: Client | None = None, name: str = "net", **more: object) -> str:
        client = client or self.admin
        made = client("createNetwork", name=name, zoneid=self.zone, networkofferingid=self.network_offering, **more)
        return made["network"]["id"]

    def deploy(self, client: Client | None = None, **more: object) -> dict[str, Any]:
        given = {"zoneid": self.zone, "templateid": self.template, "serviceofferingid": self.offering} | more
        return (client or self.admin)("deployVirtualMachine", **given)

    def machine(self, uuid: str) -> dict[str, Any]:
        return self.admin("listVirtualMachines", id=uuid, listall=True)["virtualmachine"][0]
