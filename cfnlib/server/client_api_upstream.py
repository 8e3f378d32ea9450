"""The way to the management server: what is no command of ours goes there, and its answer back, as they are.

The signature of a request is about its parameters, not about where it was sent, so the management server checks it
itself, and nothing here has to know who calls. There is one place to go to, the configured one, whatever a request
says. A query is sent as it came; only what may not stand in a request line is percent-encoded, which means the same.

The headers that are handed on are those that say something about the request itself. Those that say where it came
from are written anew, because a management server may be told to believe them of this host.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote_from_bytes

import urllib3

from cfnlib.drivers.cloudstack.transport import TransportError, connections, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.config import Config
    from cfnlib.identity.request import SignedRequest

MAX_ANSWER_BYTES: Final = 64 << 20
_CHUNK_BYTES: Final = 1 << 16

_HANDED_ON = ("accept", "accept-encoding", "accept-language", "content-type", "cookie", "user-agent")
# Source: RFC 9110, section 7.6.1. The length is worked out anew.
_OF_ONE_CONNECTION = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
    }
)
_STAYS = "!$%&'()*+,-./:;=?@[]_~"
_BROKEN_PERCENT = re.compile(r"%(?![0-9a-fA-F]{2})")


class Passed(NamedTuple):
    """An answer of the management server; headers may come more than once."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """The first value of a header, empty when there is none."""
        return next((value for key, value in self.headers if key.lower() == name), "")


class QueryError(Exception):
    """A query that is none: what a web server answers 400 to."""


class _ClosedError(TransportError):
    """The server closed the connection, perhaps one that it had kept open for as long as it does."""


class Upstream:
    """The management server at `endpoint()`, which is asked for again when nobody answers there."""

    def __init__(self, config: Config, endpoint: Callable[[], str]) -> None:
        self._headers = dict(config.headers)
        self._endpoint = endpoint
        self._at: str | None = None
        self._pools = connections(config)

    def send(
        self, request: SignedRequest, remote_address: str | None, *, plain: bool = False, question: bool = False
    ) -> Passed:
        """Hand a request on and read the whole answer. `plain`: the answer is not to be compressed.

        `question`: it changes nothing, so it may be sent again when a connection turns out to have been closed.
        Raises `TransportError`, whose text has nothing of the request in it, and `QueryError`.
        """
        query = clean_query(request.raw_query)
        headers = {**self._headers, **_handed_on(request, plain=plain)}
        if remote_address:
            headers["X-Forwarded-For"] = remote_address
        # What was not sent may be sent again, to where the server is now, and a question in any case.
        for last in (False, True):
            if self._at is None or last:
                self._at = self._endpoint()
            try:
                return self._once(request, f"{self._at}?{query}" if query else self._at, headers)
            except TransportError as error:
                if last or (error.sent and not (question and isinstance(error, _ClosedError))):
                    raise
        raise AssertionError("unreachable")

    def _once(self, request: SignedRequest, url: str, headers: dict[str, str]) -> Passed:
        body = request.body if request.method == "POST" else None
        try:
            answer = self._pools.urlopen(
                request.method,
                url,
                body=body,
                headers=headers,
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            content = bytearray()
            while chunk := answer.read(_CHUNK_BYTES, decode_content=False):
                content += chunk
                if len(content) > MAX_ANSWER_BYTES:
                    answer.close()
                    raise TransportError(f"the answer is longer than {MAX_ANSWER_BYTES >> 20} MiB", sent=True)
        except urllib3.exceptions.ProtocolError as error:
            raise _ClosedError(told(error).text, sent=True) from None
        except urllib3.exceptions.HTTPError as error:
            raise told(error) from None
        answer.release_conn()
        return Passed(answer.status, _given_back(answer.headers), bytes(content))

    def close(self) -> None:
        """Close every connection."""
        self._pools.clear()


def clean_query(raw: str) -> str:
    """A query as it came, with what may not stand in a request line percent-encoded. Raises `QueryError`."""
    if _BROKEN_PERCENT.search(raw):
        raise QueryError("a percent sign in the query is followed by no hexadecimal number")
    return quote_from_bytes(raw.encode("latin-1", "replace"), safe=_STAYS)


def _handed_on(request: SignedRequest, *, plain: bool) -> dict[str, str]:
    found = {}
    for name in _HANDED_ON:
        values = [value for key, value in request.headers if key == name]
        if values and not (plain and name == "accept-encoding"):
            found[name] = ("; " if name == "cookie" else ", ").join(values)
    # urllib3 would speak of itself.
    return {"user-agent": "cfnlib", "accept-encoding": "identity", **found}


def _given_back(headers: urllib3.HTTPHeaderDict) -> list[tuple[str, str]]:
    named = {name.strip().lower() for value in headers.getlist("connection") for name in value.split(",")}
    left_out = _OF_ONE_CONNECTION | named
    return [(name, value) for name, value in headers.iteritems() if name.lower() not in left_out]
