"""What a cloud would answer, as a function of the parameters; stands where connections would."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from cfnlib.config import Config
from cfnlib.drivers.cloudstack.client import Client
from cfnlib.drivers.cloudstack.transport import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class FakeSession:
    """Answers each call with the fields that a function gives, or with an error when they have an `errorcode`."""

    def __init__(self, respond: Callable[[Mapping[str, str]], dict[str, Any]]) -> None:
        self.respond = respond
        self.asked: list[Mapping[str, str]] = []

    def send(self, _method, form, _retry, _until=None):
        """Answer a request."""
        query = dict(parse_qsl(form))
        self.asked.append(query)
        content = self.respond(query)
        body = json.dumps({query["command"].lower() + "response": content}).encode()
        return Response(int(content.get("errorcode", 200)), {"content-type": "application/json"}, body)

    def close(self):
        """There is nothing to close."""

    @property
    def commands(self) -> list[str]:
        """The commands asked for, in order."""
        return [query["command"] for query in self.asked]

    def client(self, project_id: str | None = None) -> Client:
        """A client that asks here."""
        config = Config(endpoint="http://nowhere.test/", key="k", secret="the-secret", project_id=project_id)
        return Client(config, sender=self)
