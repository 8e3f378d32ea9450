"""CloudStack's own signature, the verifier's side, for the commands that are not passed on to CloudStack.

The parameters, but for the signature, are sorted by their names, values are encoded, the whole is put in lower case
and signed with HMAC-SHA1. Clients do not agree on how a few characters are encoded (a blank, `~`, `*`, brackets), and
neither do servers: each is taken both ways. Some sort the names as they are, as the server does, some in lower case,
as its guide says.

Three things follow from the protocol itself. The case of letters is not signed. Names are not encoded, so one that
holds `=` or `&` could swallow its neighbours (and with them `expires`) under the same signature: such names are
refused. And a request may come again as often as it likes until `expires`: clients poll with the same signed request
for a whole second, and version 1 has no time at all.

Source: CloudStack 4.19, ApiServer.verifyRequest; cs 5.2 and cloudmonkey 5.3 as recorded.
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
    from collections.abc import Iterator, Mapping

EXPIRES_FORMATS = ("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z")
_NAME = re.compile(r"[ -%'-<>-~]{1,1024}")
_BLANK, _TILDE, _STAR = ("%20", "+"), ("%7E", "~"), ("*", "%2A")


def check_names(params: Mapping[str, str]) -> None:
    """Raise `RefusedError` for names that make the signature ambiguous: see above, or the same twice."""
    if not all(map(_NAME.fullmatch, params)):
        raise RefusedError(Refusal.MALFORMED, "a parameter has a name that none can have")
    if len({name.lower() for name in params}) != len(params):
        raise RefusedError(Refusal.MALFORMED, "a parameter is given twice")


def matches(params: Mapping[str, str], secret: str) -> bool:
    """Whether the `signature` among the parameters is the one that this secret gives."""
    given = next((value for name, value in params.items() if name.lower() == "signature"), "").encode()
    pairs = sorted((name, value) for name, value in params.items() if name.lower() != "signature")
    right = False
    for ordered in (pairs, sorted(pairs, key=lambda pair: pair[0].lower())):
        for text in dict.fromkeys(_texts(ordered)):
            found = base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha1"))
            right |= hmac.compare_digest(found, given)
    return right


def _texts(pairs: list[tuple[str, str]]) -> Iterator[str]:
    """What may have been signed."""
    encoded = [(name, quote(value, safe="*~")) for name, value in pairs]
    for blank in _BLANK:
        for tilde in _TILDE:
            for star in _STAR:
                yield "&".join(
                    f"{name}={value.replace('%20', blank).replace('~', tilde).replace('*', star)}"
                    for name, value in encoded
                ).lower()
    text = "&".join(f"{name}={value}" for name, value in encoded)
    yield text.replace("%5B", "[").replace("%5D", "]").lower()


def check_time(params: Mapping[str, str], now: float) -> None:
    """Raise `RefusedError` when a request of signature version 3 has expired."""
    values = {name.lower(): value for name, value in params.items()}
    if values.get("signatureversion") != "3":
        return
    if _time_of(values.get("expires", "")) < now:
        raise RefusedError(Refusal.EXPIRED, "the request has expired")


def _time_of(text: str) -> float:
    for form in EXPIRES_FORMATS:
        try:
            return datetime.strptime(text, form).astimezone(UTC).timestamp()
        except (ValueError, OverflowError):
            continue
    raise RefusedError(Refusal.INCOMPLETE, "expires must be like 2026-11-22T10:00:00+0000")
