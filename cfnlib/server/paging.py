"""Tokens that say where a list goes on.

A token is signed, and only good for the list that it was given for: of this account, this operation and these
filters. So it can be trusted as far as it goes, and a wrong one is refused instead of showing a wrong page.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

from cfnlib.server.faults import SaidError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cfnlib.server.context import Context

PAGE = 100
_DIGEST_BYTES = 16


def token_of(context: Context, listing: Sequence[Any], after: Any) -> str:  # noqa: ANN401 - what JSON can hold
    """The token of what comes after `after` (JSON) in a listing, which is told by its operation and filters."""
    body = json.dumps(after, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_digest(context, listing, body) + body).decode().rstrip("=")


def after_of(context: Context, listing: Sequence[Any], token: str | None) -> Any:  # noqa: ANN401 - as above
    """What a token of this listing says, None without one. Raises `SaidError` for any other text."""
    if token is None:
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    digest, body = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
    if not body or not hmac.compare_digest(digest, _digest(context, listing, body)):
        raise SaidError("The NextToken is not one that this list was answered with")
    return json.loads(body)


def _digest(context: Context, listing: Sequence[Any], body: bytes) -> bytes:
    what = json.dumps([context.mark, *listing], separators=(",", ":"), default=str).encode()
    secret = context.service.secret_for("paging")
    return hmac.digest(secret, what + b"\0" + body, hashlib.sha256)[:_DIGEST_BYTES]
