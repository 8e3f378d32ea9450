"""A request as far as its signature is about it."""

from __future__ import annotations

from attrs import field, frozen

from cfnlib.identity.refusal import Refusal, RefusedError


@frozen
class SignedRequest:
    """What was received: `raw_path` and `raw_query` as sent (still encoded), header names in lower case, in order."""

    method: str
    raw_path: str
    raw_query: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(default=b"", repr=False)

    def only(self, name: str) -> str | None:
        """The value of a header, None when it was not sent. Raises `RefusedError` when it was sent twice."""
        found = [value for key, value in self.headers if key == name]
        if len(found) > 1:
            raise RefusedError(Refusal.MALFORMED, f"the header {name} was sent {len(found)} times")
        return found[0] if found else None
