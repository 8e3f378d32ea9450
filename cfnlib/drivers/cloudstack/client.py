"""Calls to CloudStack's API: signed, sent through the pool, with errors of cfnlib.

A long call is sent as a form (POST), because web servers cut long URLs; a short one as a query (GET), as CloudStack's
own tools do. Tells nothing of what a command means.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from cfnlib.drivers.cloudstack import errors
from cfnlib.drivers.cloudstack.signing import form_of
from cfnlib.drivers.cloudstack.transport import Pool, TransportError, change_retry, question_retry
from cfnlib.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from urllib3.util import Retry

    from cfnlib.config import Config
    from cfnlib.drivers.cloudstack.transport import Response

PAGE_SIZE = 500
"""The longest page. Source: CloudStack 4.19, `default.page.size` 500; a longer one is refused (431)."""

MAX_QUERY_LENGTH = 1500
"""With more than so many characters in its parameters, a call is sent as a form."""


_AHEAD_S = 600.0
"""How long a cloud is taken for one whose clock is ahead, when it once was."""
_JSON = ("application/json", "text/javascript")


class Sender(Protocol):
    """What carries signed calls: the seam for tests."""

    def send(self, method: str, form: str, retry: Retry, until: float | None = None) -> Response:
        """Send a call, as `Pool` does."""

    def close(self) -> None:
        """Close what is open."""


class Client:
    """CloudStack's API for one account. May be used by several threads at once.

    `sender` replaces the connections. Raises `ConfigError` when the configuration has no endpoint, or one that is no
    URL.
    """

    def __init__(self, config: Config, *, sender: Sender | None = None) -> None:
        if config.endpoint is None:
            raise ConfigError(
                "no CloudStack is configured: set CLOUDSTACK_ENDPOINT, CLOUDSTACK_KEY and CLOUDSTACK_SECRET, "
                "or write ~/.cloudstack.ini"
            )
        self.config = config
        self.endpoint: str = config.endpoint
        self.secrets = tuple(value for value in (config.key, config.secret) if value)
        self._sender: Sender = Pool(config) if sender is None else sender
        self._ahead_until = 0.0
        self._retries = {True: question_retry(config), False: change_retry(config)}

    def call(
        self,
        command: str,
        params: Mapping[str, Any] | None = None,
        *,
        secrets: Iterable[str] = (),
        until: float | None = None,
    ) -> dict[str, Any]:
        """Make a call, and give what is inside its answer. Lists and mappings are flattened as `cs` does.

        `secrets` are values that must not appear in an error. From `until` on (seconds since the epoch) the call is
        not sent any more, and the cloud does not take it: it is signed with that end. Raises what is below
        `CloudError`; `UnreachableError` where a call was too late.

        A cloud whose clock is ahead by more than the time that is left takes no call with such an end. Since it then
        has not done what was asked, the call is signed again as others are, while there is time; and so are all calls
        of the next minutes. A clock that is behind makes the cloud take a call that much longer.
        """
        flat = dict(flattened(params or {}))
        length = sum(len(key) + len(value) for key, value in flat.items())
        method = "POST" if length > MAX_QUERY_LENGTH else self.config.method.upper()
        now = time.time()
        short = until is not None and now >= self._ahead_until
        try:
            response = self._sent(command, method, flat, until, short=short)
            if short and response.status_code == 401 and until is not None:
                if time.time() >= until:
                    raise errors.too_late(command, self.endpoint)
                response = self._sent(command, method, flat, until, short=False)
                if response.status_code != 401:
                    self._ahead_until = now + _AHEAD_S
        except TransportError as error:
            raise errors.from_transport(command, self.endpoint, error) from None
        said = _inside(response)
        if said is None:
            raise errors.from_body(command, self.endpoint, response)
        found = said.value
        if response.status_code != 200:
            code, text = _said(found, response.status_code)
            raise errors.from_answer(command, code, text, secrets=(*self.secrets, *secrets))
        if not isinstance(found, dict):
            raise errors.unexpected(command, f"the answer holds a {type(found).__name__} instead of fields")
        return found

    def _sent(
        self, command: str, method: str, flat: Mapping[str, str], until: float | None, *, short: bool
    ) -> Response:
        config = self.config
        expires_at = time.time() + config.expiration_s if config.expiration_s >= 0 else None
        if short and until is not None and expires_at is not None:
            expires_at = min(expires_at, until)
        form = form_of(command, flat, config.key, config.secret, expires_at)
        return self._sender.send(method, form, self._retries[errors.is_question(command)], until)

    def rows(self, command: str, key: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """All rows of a listing, page by page."""
        return [row for page in self.pages(command, key, params) for row in page]

    def pages(
        self, command: str, key: str, params: Mapping[str, Any] | None = None
    ) -> Iterator[list[dict[str, Any]]]:
        """The pages of a listing, as they come, until one is not full or as many rows came as there are."""
        number = seen = 0
        while True:
            number += 1
            page, count = self.page(command, key, params, number)
            seen += len(page)
            yield page
            if len(page) < PAGE_SIZE or seen >= count:
                return

    def page(
        self, command: str, key: str, params: Mapping[str, Any] | None = None, number: int = 1
    ) -> tuple[list[dict[str, Any]], int]:
        """One page of a listing (from 1), and how many rows the cloud says there are in all."""
        answer = self.call(command, {**(params or {}), "page": number, "pagesize": PAGE_SIZE})
        rows = answer.get(key, [])
        if not isinstance(rows, list):
            raise errors.unexpected(command, f"{key} is not a list")
        return rows, int(answer.get("count", len(rows)))

    def close(self) -> None:
        """Close the connections."""
        self._sender.close()


def flattened(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The parameters as texts: a list with commas, a list of mappings as `name[0].key`.

    None and what is empty is left out. It is what `cs` does, done here first because `cs` writes a truth value inside
    a mapping as Python would.
    """
    for name, value in params.items():
        if value is None:
            continue
        items = [value] if isinstance(value, dict) else value
        if not isinstance(items, (list, tuple, set, frozenset)):
            yield name, _plain(value)
            continue
        ordered = list(items) if isinstance(items, (list, tuple)) else sorted(items, key=str)
        if ordered and isinstance(ordered[0], dict):
            for index, item in enumerate(ordered):
                for key, inner in item.items():
                    if inner is not None:
                        yield f"{name}[{index}].{key}", _plain(inner)
        elif ordered:
            yield name, ",".join(_plain(item) for item in ordered)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(_plain(item) for item in value)
    return str(value)


class _Said(NamedTuple):
    """What CloudStack said, in an answer that has its form."""

    value: Any


def _inside(response: Response) -> _Said | None:
    """What is under the one key of an answer in JSON; None when it is not CloudStack that has answered."""
    if not response.headers.get("content-type", "").startswith(_JSON):
        return None
    try:
        data = response.json()
    except (ValueError, RecursionError):
        return None
    return _Said(next(iter(data.values()))) if isinstance(data, dict) and len(data) == 1 else None


def _said(error: object, status: int) -> tuple[int, str]:
    """The code and the text of an error answer."""
    if not isinstance(error, dict):
        return status, str(error)
    code = error.get("errorcode", status)
    return (int(code) if str(code).isdigit() else status), str(error.get("errortext", ""))
