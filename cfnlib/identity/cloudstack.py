"""CloudStack's own signature, the verifier's side, for the commands that are not passed on to CloudStack.

The parameters, but for the signature, are sorted by their names, values are encoded, the whole is put in lower case
and signed with HMAC-SHA1. Clients do not agree on how a few characters are encoded, and neither do servers: `~` and
`*` are taken both ways. Some sort the names as they are, as the server does, some in lower case, as its guide says.

Source: CloudStack 4.19, ApiServer.verifyRequest; cs 5.2 and cloudmonkey 5.3 as recorded.
"""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from cfnlib.identity.refusal import Refusal, RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SAFE = ("*-._", "*-._~", "-._~", "-._", "*-._[]")


def matches(params: Mapping[str, str], secret: str) -> bool:
    """Whether the `signature` among the parameters is the one that this secret gives."""
    given = next((value for name, value in params.items() if name.lower() == "signature"), "").encode()
    pairs = sorted((name, value) for name, value in params.items() if name.lower() != "signature")
    right = False
    for ordered in (pairs, sorted(pairs, key=lambda pair: pair[0].lower())):
        for safe in _SAFE:
            text = "&".join(f"{name}={_encoded(value, safe)}" for name, value in ordered).lower()
            found = base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha1"))
            right |= hmac.compare_digest(found, given)
    return right


def _encoded(value: str, safe: str) -> str:
    text = quote(value, safe=safe)
    return text if "~" in safe else text.replace("~", "%7E")  # Python's own quote never encodes it


def check_time(params: Mapping[str, str], now: float) -> None:
    """Raise `RefusedError` when a request of signature version 3 has expired."""
    values = {name.lower(): value for name, value in params.items()}
    if values.get("signatureversion") != "3":
        return
    try:
        expires = datetime.strptime(values.get("expires", ""), "%Y-%m-%dT%H:%M:%S%z").astimezone(UTC)
    except ValueError:
        raise RefusedError(Refusal.INCOMPLETE, "expires must be like 2026-11-22T10:00:00+0000") from None
    if expires.timestamp() < now:
        raise RefusedError(Refusal.EXPIRED, "the request has expired")
