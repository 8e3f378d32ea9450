"""Signature Version 2, the verifier's side: what EC2's clients used until 2015, in a form (POST) or a query (GET).

boto up to 2.34 leaves the port out of the host that it signs and of the one that it sends; others send it and sign
without it. So what was sent is tried as it is, then without a port.

Only parameters are signed, not headers and not a body as such: a body that is no form is refused, as nothing would
protect it.

Source: AWS, "Signature Version 2 signing process"; boto 2.34 as recorded.
"""

from __future__ import annotations

import base64
import hmac
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from cfnlib.identity.refusal import Refusal, RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.identity.request import SignedRequest

DIGESTS = {"HmacSHA256": "sha256", "HmacSHA1": "sha1"}
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,9})?Z?", re.ASCII)
_PORT = re.compile(r":[0-9]+\Z")


def time_of(text: str) -> float:
    """A time of the request, in seconds since the epoch. Raises `RefusedError`."""
    found = _TIME.fullmatch(text)
    try:
        return datetime.fromisoformat(found[1] if found else "").replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        raise RefusedError(Refusal.INCOMPLETE, "Timestamp or Expires must be like 2026-11-22T10:00:00Z") from None


def matches(request: SignedRequest, values: Mapping[str, str], secret: str) -> bool:
    """Whether the signature among the parameters is the one that this secret gives. Raises `RefusedError`."""
    digest = DIGESTS.get(values.get("SignatureMethod", ""))
    if digest is None:
        raise RefusedError(Refusal.INCOMPLETE, f"SignatureMethod must be {' or '.join(DIGESTS)}")
    host = (request.only("host") or "").lower()
    if not host or not host.isascii():
        raise RefusedError(Refusal.MALFORMED, "the Host header is missing, or not ASCII")
    pairs = sorted((name.encode(), value.encode()) for name, value in values.items() if name != "Signature")
    query = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)
    given = values.get("Signature", "").encode()
    right = False
    for name in dict.fromkeys((host, _PORT.sub("", host))):
        text = f"{request.method}\n{name}\n{request.raw_path or '/'}\n{query}".encode()
        found = base64.b64encode(hmac.digest(secret.encode(), text, digest))
        right |= hmac.compare_digest(found, given)
    return right
