"""Clients of `/client/api`: `cs`, and one that sends what it is told and shows what comes back."""

# What is test machinery is read by its name, and takes what it is given.
# ruff: noqa: D102

from __future__ import annotations

import time
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from cs import CloudStack, CloudStackApiException

from cfnlib.simulator.signature import sign

if TYPE_CHECKING:
    from service_world import Person, Place

PATH = "/client/api"


class Came(NamedTuple):
    """An answer as it came."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def client_of(place: Place, name: str = "admin", **options: Any) -> CloudStack:
    """The `cs` library with somebody's keys."""
    person = place.people[name]
    given = {"job_timeout": 30, "poll_interval": 0.02, **options}
    return CloudStack(place.public_url + PATH, person.key, person.secret, **given)


def signed(person: Person, command: str, **parameters: object) -> str:
    """The query of a call; two underscores in a name stand for nothing but themselves."""
    given = {name: str(value) for name, value in parameters.items()}
    given = {"command": command, "apiKey": person.key, "response": "json", **given}
    return urlencode({**given, "signature": sign(given, person.secret)}, quote_via=quote)


def sent(
    url: str,
    query: str = "",
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Came:
    """What is answered to a request whose query is sent as it is given."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        target = (parts.path if parts.path not in {"", "/"} else PATH) + (f"?{query}" if query else "")
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return Came(answer.status, tuple(answer.getheaders()), answer.read())
    finally:
        connection.close()


def refused(call: Any, **given: Any) -> tuple[int, int | None, str]:
    """The errorcode, the cserrorcode and the text that a call of `cs` is refused with."""
    try:
        found = call(**given)
    except CloudStackApiException as error:
        said = error.error
        return said["errorcode"], said.get("cserrorcode"), said["errortext"]
    raise AssertionError(f"it was not refused: {found}")


def job_of(client: CloudStack, job_id: str, until: int | None = None) -> dict[str, Any]:
    """A job; with `until`, as soon as it has that status."""
    found: dict[str, Any] = {}
    for _ in range(500):
        found = client.queryAsyncJobResult(jobid=job_id)
        if until is None or found["jobstatus"] == until:
            return found
        time.sleep(0.02)
    raise AssertionError(found)
