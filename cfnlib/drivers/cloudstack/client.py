"""Calls to CloudStack's API: signed by `cs`, sent through the pool, with errors of cfnlib.

A long call is sent as a form (POST), because web servers cut long URLs; a short one as a query (GET), as CloudStack's
own tools do. Tells nothing of what a command means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cs.client import CloudStack, CloudStackApiException, CloudStackException

from cfnlib.drivers.cloudstack import errors
from cfnlib.drivers.cloudstack.transport import Pool, Session, TransportError, change_retry, question_retry
from cfnlib.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cfnlib.config import Config

PAGE_SIZE = 500
"""The longest page. Source: CloudStack 4.19, `default.page.size` 500; a longer one is refused (431)."""

MAX_QUERY_LENGTH = 1500
"""With more than so many characters in its parameters, a call is sent as a form."""


class Client:
    """CloudStack's API for one account. May be used by several threads at once.

    `session` replaces the connections: it has the `send` of a requests session (the seam for tests). Raises
    `ConfigError` when the configuration has no endpoint.
    """

    def __init__(self, config: Config, *, session: Any = None) -> None:  # noqa: ANN401 - whatever cs takes
        if config.endpoint is None:
            raise ConfigError(
                "no CloudStack is configured: set CLOUDSTACK_ENDPOINT, CLOUDSTACK_KEY and CLOUDSTACK_SECRET, "
                "or write ~/.cloudstack.ini"
            )
        self.config = config
        self.endpoint: str = config.endpoint
        self.secrets = tuple(value for value in (config.key, config.secret) if value)
        self._pool = None if session is not None else Pool(config)
        self._doors: dict[tuple[bool, str], CloudStack] = {}
        for question, retry in ((True, question_retry(config)), (False, change_retry(config))):
            for method in ("get", "post"):
                sender = session if self._pool is None else Session(self._pool, retry, config.secret)
                self._doors[question, method] = CloudStack(
                    endpoint=self.endpoint,
                    key=config.key,
                    secret=config.secret,
                    method=method,
                    timeout=max(int(config.timeout_s), 1),
                    expiration=int(config.expiration_s),
                    headers=dict(config.headers),
                    session=sender,
                )

    def call(
        self, command: str, params: Mapping[str, Any] | None = None, *, secrets: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Make a call, and give what is inside its answer. Lists and mappings are flattened as `cs` does.

        `secrets` are values that must not appear in an error. Raises what is below `CloudError`.
        """
        flat = dict(flattened(params or {}))
        length = sum(len(key) + len(value) for key, value in flat.items())
        method = "post" if length > MAX_QUERY_LENGTH else self.config.method
        door = self._doors[errors.is_question(command), method]
        try:
            found = getattr(door, command)(**flat)
        except TransportError as error:
            raise errors.from_transport(command, self.endpoint, error) from None
        except CloudStackApiException as error:
            code, text = _said(error.error, error.response.status_code)
            raise errors.from_answer(command, code, text, secrets=(*self.secrets, *secrets)) from None
        except CloudStackException as error:
            raise errors.from_body(command, self.endpoint, error.response) from None
        if not isinstance(found, dict):
            raise errors.unexpected(command, f"the answer holds a {type(found).__name__} instead of fields")
        return found

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
        if self._pool is not None:
            self._pool.close()


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


def _said(error: object, status: int) -> tuple[int, str]:
    """The code and the text of an error answer."""
    if not isinstance(error, dict):
        return status, str(error)
    code = error.get("errorcode", status)
    return (int(code) if str(code).isdigit() else status), str(error.get("errortext", ""))
