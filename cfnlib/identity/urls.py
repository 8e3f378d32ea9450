"""URLs that the service signs itself: wait handles, each good for one resource of one stack.

Whoever has the URL may use it, as with AWS's presigned ones: it goes into a machine's user data. So it says all that
it is good for, and nothing of it can be changed. The signature is over the path as it is sent, and the time.
"""

from __future__ import annotations

import hmac
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode

from cfnlib.identity.refusal import Refusal, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable


def sign_url(base: str, path: str, secret: bytes, *, expires_at: int | None) -> str:
    """The URL below `base` for a path (not encoded yet), good until `expires_at` (epoch seconds; None: ever)."""
    raw = quote(path, safe="/-_.~")
    query = {} if expires_at is None else {"Expires": str(expires_at)}
    return (
        f"{base.rstrip('/')}{raw}?{urlencode({**query, 'Signature': _signature(raw, query.get('Expires'), secret)})}"
    )


def check_url(raw_path: str, raw_query: str, secret: bytes, *, now: Callable[[], float] = time.time) -> None:
    """Raise `RefusedError` unless this path and query, as they were sent, are of a URL that `sign_url` gave."""
    try:
        pairs = parse_qsl(raw_query, keep_blank_values=True, max_num_fields=10)
        values = dict(pairs)
    except ValueError:
        pairs, values = [], {}
    if len(values) != len(pairs) or not values or set(values) - {"Expires", "Signature"}:
        raise RefusedError(Refusal.MISMATCH, "this URL was not made by this service")
    right = _signature(raw_path, values.get("Expires"), secret)
    if not hmac.compare_digest(right.encode(), values.get("Signature", "").encode("utf-8", "replace")):
        raise RefusedError(Refusal.MISMATCH, "this URL was not made by this service")
    if "Expires" in values and now() > int(values["Expires"]):
        raise RefusedError(Refusal.EXPIRED, "this URL has expired")


def _signature(raw_path: str, expires: str | None, secret: bytes) -> str:
    text = f"{raw_path}\n{expires or 'never'}".encode("utf-8", "surrogatepass")
    return hmac.digest(secret, text, "sha256").hex()
