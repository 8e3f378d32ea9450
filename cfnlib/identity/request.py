"""A request as far as its signature is about it."""

from __future__ import annotations

import re

from attrs import field, frozen

from cfnlib.identity.refusal import Refusal, RefusedError

MAX_HEADERS = 200
MAX_HEADER_CHARACTERS = 1 << 16
MAX_TARGET_CHARACTERS = 1 << 18

_METHOD = re.compile(r"[A-Z]{1,20}")
_TARGET = re.compile(r"[!-~]*")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]{1,256}")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


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

    def check(self) -> None:
        """Raise `RefusedError` for what no honest client sends, and what could be read in more than one way.

        A method, path or query that is not plain ASCII, a header with a control character (a line break among them),
        and more or longer headers than any client of ours needs.
        """
        if not _METHOD.fullmatch(self.method):
            raise _malformed("the method is none")
        if len(self.raw_path) + len(self.raw_query) > MAX_TARGET_CHARACTERS:
            raise _malformed(f"path and query have more than {MAX_TARGET_CHARACTERS} characters")
        if not (_TARGET.fullmatch(self.raw_path) and _TARGET.fullmatch(self.raw_query)):
            raise _malformed("the path or the query has characters that must be percent-encoded")
        if self.raw_path and not self.raw_path.startswith("/"):
            raise _malformed("the path must begin with /")
        size = sum(len(name) + len(value) for name, value in self.headers)
        if len(self.headers) > MAX_HEADERS or size > MAX_HEADER_CHARACTERS:
            raise _malformed(
                f"there are more than {MAX_HEADERS} headers, or {MAX_HEADER_CHARACTERS} characters in them"
            )
        for name, value in self.headers:
            if not _NAME.fullmatch(name) or _CONTROL.search(value):
                raise _malformed("a header has a character that none may have")


def _malformed(message: str) -> RefusedError:
    return RefusedError(Refusal.MALFORMED, message)
