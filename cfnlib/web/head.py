"""What is known of a request before its body has come, and how long a body may be that comes after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable


def origin_form(target: str) -> tuple[str, str]:
    """Path and query of a request's target. One with a host, as a proxy gets it, counts as these alone."""
    if not target.startswith("/") and "://" in target.partition("?")[0]:
        target = "/" + target.split("://", 1)[1].partition("/")[2]
    path, _, query = target.partition("?")
    return path or "/", query


class Head(NamedTuple):
    """A request without its body. `path` and `query` are as they were sent, the names of headers in lower case."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]


class Room(NamedTuple):
    """How long a body may be, and what is answered when it is longer.

    `learn` is called before that answer is given, where the service may ask others, as it may not before.
    """

    body_bytes: int
    status: int = 413
    code: str = "RequestEntityTooLarge"
    message: str = "The body is too large"
    learn: Callable[[], object] | None = None


RoomFor: TypeAlias = "Callable[[Head], Room]"
"""Says it of a head. It is called where all connections wait for it: it asks nobody, and raises nothing."""
