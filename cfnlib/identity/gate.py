"""The gate: from a signed request to its caller.

A request is signed in one way: by Signature Version 4 in a header or in the query, or by Version 2 among its
parameters. Whatever is wrong is a `RefusedError`, and never another exception, so that a door can answer it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from cfnlib.identity import cloudstack, sigv2, sigv4
from cfnlib.identity.refusal import Refusal, RefusedError
from cfnlib.identity.replay import Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cfnlib.identity.keyring import Caller, Keyring
    from cfnlib.identity.request import SignedRequest

MAX_FIELDS = 20_000


class Gate:
    """Admits callers whose secrets `keyring` knows.

    `skew_s` is how far a request's time may be from `now` (seconds since the epoch), each way; `replay_s` how long
    after it was first seen a signature may be seen again (see `replay`). A presigned request may be used until it
    expires.
    """

    def __init__(
        self,
        keyring: Keyring,
        *,
        now: Callable[[], float] = time.time,
        skew_s: float = 900.0,
        replay_s: float = 10.0,
    ) -> None:
        self._keyring = keyring
        self._now = now
        self._skew_s = skew_s
        self._seen = Seen(again_s=replay_s, keep_s=2 * skew_s)

    def admit(self, request: SignedRequest, form: Sequence[tuple[str, str]]) -> Caller:
        """The caller of a request; `form` is all its parameters, decoded. Raises `RefusedError`."""
        query = _pairs(request.raw_query)
        of_query, of_form = {name for name, _ in query}, {name for name, _ in form} | {name for name, _ in query}
        in_header = any(name == "authorization" for name, _ in request.headers)
        ways = (in_header, "X-Amz-Signature" in of_query, "Signature" in of_form)
        if sum(ways) > 1:
            raise RefusedError(Refusal.MALFORMED, "the request is signed in more than one way")
        if ways[0]:
            return self._v4(request, sigv4.from_header(request))
        if ways[1]:
            return self._v4(request, sigv4.from_query(request, _once(query)))
        if ways[2]:
            return self._v2(request, _once(form or query))
        raise RefusedError(
            Refusal.MISSING, "the request is not signed: it has no Authorization header and no Signature"
        )

    def admit_cloudstack(self, params: Mapping[str, str]) -> Caller:
        """The caller of a request that is signed as CloudStack's own are. Raises `RefusedError`."""
        names = [name.lower() for name in params]
        if len(set(names)) != len(names):
            raise RefusedError(Refusal.MALFORMED, "a parameter is given twice")
        values = {name.lower(): value for name, value in params.items()}
        key, signature = values.get("apikey"), values.get("signature")
        if not key or not signature:
            raise RefusedError(Refusal.MISSING, "the request has no apikey or no signature")
        secret = self._keyring.secret(_key(key))
        if not _encodable(params) or not cloudstack.matches(params, secret):
            raise _mismatch()
        cloudstack.check_time(params, self._now())
        return self._keyring.caller(key)

    def _v4(self, request: SignedRequest, claim: sigv4.Claim) -> Caller:
        secret = self._keyring.secret(_key(claim.access_key))
        if not sigv4.matches(request, claim, secret):
            raise _mismatch()
        now = self._now()
        if claim.expires_s is None:
            self._timely(claim.at, now)
            self._fresh(claim.signature, now)
        elif now > claim.at + claim.expires_s:
            raise RefusedError(Refusal.EXPIRED, "the presigned request has expired")
        elif claim.at > now + self._skew_s:
            raise RefusedError(Refusal.SKEWED, "the presigned request is of a time that is still to come")
        return self._keyring.caller(claim.access_key)

    def _v2(self, request: SignedRequest, values: Mapping[str, str]) -> Caller:
        key = values.get("AWSAccessKeyId")
        if not key or values.get("SignatureVersion") != "2":
            raise RefusedError(Refusal.INCOMPLETE, "AWSAccessKeyId and SignatureVersion=2 are needed")
        if ("Timestamp" in values) == ("Expires" in values):
            raise RefusedError(Refusal.INCOMPLETE, "either Timestamp or Expires is needed")
        secret = self._keyring.secret(_key(key))
        if not _encodable(values) or not sigv2.matches(request, values, secret):
            raise _mismatch()
        now = self._now()
        if "Expires" in values:
            expires = sigv2.time_of(values["Expires"])
            if expires < now:
                raise RefusedError(Refusal.EXPIRED, "the request has expired")
            if expires > now + sigv4.MAX_EXPIRES_S:
                raise RefusedError(Refusal.SKEWED, "Expires is more than a week ahead")
        else:
            self._timely(sigv2.time_of(values["Timestamp"]), now)
            self._fresh(values["Signature"], now)
        return self._keyring.caller(key)

    def _timely(self, at: float, now: float) -> None:
        if abs(at - now) > self._skew_s:
            raise RefusedError(
                Refusal.SKEWED, f"the request's time is more than {self._skew_s:g} s from the service's"
            )

    def _fresh(self, signature: str, now: float) -> None:
        if not self._seen.fresh(signature, now):
            raise RefusedError(Refusal.REPLAYED, "a request with this signature was received before: sign it anew")


def _mismatch() -> RefusedError:
    text = "The request signature we calculated does not match the signature you provided."
    return RefusedError(Refusal.MISMATCH, f"{text} Check your secret key and the signing method.")


def _key(access_key: str) -> str:
    if not access_key.isascii() or not access_key.isprintable() or len(access_key) > 256:
        raise RefusedError(Refusal.UNKNOWN_KEY, "the access key is none")
    return access_key


def _encodable(values: Mapping[str, str]) -> bool:
    try:
        "".join((*values.keys(), *values.values())).encode()
    except UnicodeEncodeError:
        return False
    return True


def _pairs(raw_query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(raw_query, keep_blank_values=True, errors="surrogateescape", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise RefusedError(Refusal.MALFORMED, "the query cannot be read") from None


def _once(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise RefusedError(Refusal.MALFORMED, "a parameter is given twice")
    return values
