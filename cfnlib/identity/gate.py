"""The gate: from a signed request to its caller.

A request is signed in one way: by Signature Version 4 in a header or in the query, or by Version 2 among its
parameters. Whatever is wrong is a `RefusedError`, and never another exception, so that a door can answer it.

A parameter that comes twice is refused, whatever the order in which it is signed: signatures sort, so somebody on the
way could swap the two.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl

from cfnlib.errors import CfnlibError, StoreError
from cfnlib.identity import cloudstack, sigv2, sigv4
from cfnlib.identity.refusal import Refusal, RefusedError
from cfnlib.identity.replay import Seen, SeenBetween

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cfnlib.identity.between import Between
    from cfnlib.identity.keyring import Caller, Keyring
    from cfnlib.identity.request import SignedRequest

    Pairs = Sequence[tuple[str, str]]

MAX_FIELDS = 20_000
MAX_KEY_CHARACTERS = 256
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_FORMS = {"", "application/x-www-form-urlencoded"}

_Found = TypeVar("_Found")


class Gate:
    """Admits callers whose secrets `keyring` knows.

    `skew_s` is how far a request's time may be from `now` (seconds since the epoch), each way; `replay_s` how long
    after it was first seen a signature may be seen again: two honest requests of the same second have the same one,
    and clients sign anew when they try again; later it is REPLAYED. A presigned request may be used until it expires,
    and a request to CloudStack's own API as often as its client likes (see `cloudstack`). What is remembered is
    bounded, and forgotten when its time is over anyway (see `replay`); processes that have `between` in common
    remember together.
    """

    def __init__(
        self,
        keyring: Keyring,
        *,
        now: Callable[[], float] = time.time,
        skew_s: float = 900.0,
        replay_s: float = 10.0,
        between: Between | None = None,
    ) -> None:
        self._keyring = keyring
        self._now = now
        self._skew_s = skew_s
        self._seen = Seen(again_s=replay_s) if between is None else SeenBetween(between, again_s=replay_s)

    def admit(self, request: SignedRequest, form: Pairs) -> Caller:
        """The caller of a request; `form` is all its parameters, decoded, of the query and of the body.

        `form` may be empty where the door reads none: a body that no signature protects is refused all the same.
        Raises `RefusedError`.
        """
        request.check()
        query = form if form and not request.body else _pairs(request.raw_query)
        of_query = {name for name, _ in query}
        of_all = of_query.union(name for name, _ in form)
        in_header = any(name == "authorization" for name, _ in request.headers)
        ways = (in_header, "X-Amz-Signature" in of_query, "Signature" in of_all)
        if sum(ways) > 1:
            raise RefusedError(Refusal.MALFORMED, "the request is signed in more than one way")
        if ways[0]:
            _once(query)
            return self._v4(request, sigv4.from_header(request))
        if ways[1]:
            return self._v4(request, sigv4.from_query(request, _once(query)))
        if ways[2]:
            return self._v2(request, _once(_signed_by_v2(request, query, form)))
        if not of_all.isdisjoint(("X-Amz-Algorithm", "X-Amz-Credential", "AWSAccessKeyId")):
            raise RefusedError(Refusal.INCOMPLETE, "the request has an access key, and no signature")
        raise RefusedError(
            Refusal.MISSING, "the request is not signed: it has no Authorization header and no Signature"
        )

    def admit_cloudstack(self, params: Mapping[str, str] | Pairs) -> Caller:
        """The caller of a request that is signed as CloudStack's own are, from its decoded parameters.

        Raises `RefusedError`.
        """
        values = dict(params)
        if len(values) != len(params):
            raise RefusedError(Refusal.MALFORMED, "a parameter is given twice")
        cloudstack.check_names(values)
        named = {name.lower(): value for name, value in values.items()}
        key, signature = named.get("apikey"), named.get("signature")
        if not key or not signature:
            raise RefusedError(Refusal.MISSING, "the request has no apikey or no signature")
        secret = self._secret(key)
        if not _encodable(values) or not cloudstack.matches(values, secret):
            raise _mismatch()
        cloudstack.check_time(values, self._now())
        return self._caller(key)

    def _v4(self, request: SignedRequest, claim: sigv4.Claim) -> Caller:
        if not sigv4.matches(request, claim, self._secret(claim.access_key)):
            raise _mismatch()
        now = self._now()
        if claim.expires_s is None:
            self._timely(claim.at, now)
            self._fresh(claim.signature, now, claim.at)
        elif now > claim.at + claim.expires_s:
            raise RefusedError(Refusal.EXPIRED, "the presigned request has expired")
        elif claim.at > now + self._skew_s:
            raise RefusedError(Refusal.SKEWED, "the presigned request is of a time that is still to come")
        return self._caller(claim.access_key)

    def _v2(self, request: SignedRequest, values: Mapping[str, str]) -> Caller:
        key = values.get("AWSAccessKeyId")
        if not key or values.get("SignatureVersion") != "2":
            raise RefusedError(Refusal.INCOMPLETE, "AWSAccessKeyId and SignatureVersion=2 are needed")
        if ("Timestamp" in values) == ("Expires" in values):
            raise RefusedError(Refusal.INCOMPLETE, "either Timestamp or Expires is needed")
        secret = self._secret(key)
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
            at = sigv2.time_of(values["Timestamp"])
            self._timely(at, now)
            self._fresh(values["Signature"], now, at)
        return self._caller(key)

    def _timely(self, at: float, now: float) -> None:
        if abs(at - now) > self._skew_s:
            said, here = (datetime.fromtimestamp(one, UTC).strftime(_TIME) for one in (at, now))
            raise RefusedError(
                Refusal.SKEWED,
                f"the request's time is {said}, and here it is {here}; they may be {self._skew_s:g} s apart: "
                "set the clock",
            )

    def _fresh(self, signature: str, now: float, at: float) -> None:
        try:
            fresh = self._seen.fresh(signature, now, at + self._skew_s)
        except StoreError as error:
            raise RefusedError(Refusal.UNAVAILABLE, "what was received before cannot be told just now") from error
        if not fresh:
            raise RefusedError(Refusal.REPLAYED, "a request with this signature was received before: sign it anew")

    def _secret(self, access_key: str) -> str:
        if not (access_key.isascii() and access_key.isprintable() and len(access_key) <= MAX_KEY_CHARACTERS):
            raise RefusedError(Refusal.UNKNOWN_KEY, "the access key is none")
        return _told(self._keyring.secret, access_key)

    def _caller(self, access_key: str) -> Caller:
        return _told(self._keyring.caller, access_key)


def _told(ask: Callable[[str], _Found], access_key: str) -> _Found:
    """What the keyring says. That it cannot say is a refusal like others."""
    try:
        return ask(access_key)
    except RefusedError:
        raise
    except CfnlibError as error:
        raise RefusedError(
            Refusal.UNAVAILABLE, f"it cannot be found out who calls ({type(error).__name__})"
        ) from error


def _signed_by_v2(request: SignedRequest, query: Pairs, form: Pairs) -> Pairs:
    """All the parameters. Raises `RefusedError` for a body that is not among them, since nothing else is signed."""
    if not request.body:
        return query
    kind = (request.only("content-type") or "").partition(";")[0].strip().lower()
    if kind not in _FORMS:
        raise RefusedError(
            Refusal.MISMATCH, "Signature Version 2 does not sign a body that is no form: use Version 4"
        )
    if request.only("content-encoding"):  # the door has unpacked it, or it has no parameters that could be signed
        return form
    try:
        return [*query, *_pairs(request.body.decode())]
    except UnicodeDecodeError:
        raise RefusedError(Refusal.MALFORMED, "the parameters are not encoded in UTF-8") from None


def _mismatch() -> RefusedError:
    text = "The request signature we calculated does not match the signature you provided."
    return RefusedError(Refusal.MISMATCH, f"{text} Check your secret key and the signing method.")


def _encodable(values: Mapping[str, str]) -> bool:
    try:
        "".join((*values.keys(), *values.values())).encode()
    except UnicodeEncodeError:
        return False
    return True


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, errors="surrogateescape", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise RefusedError(Refusal.MALFORMED, "the parameters cannot be read") from None


def _once(pairs: Pairs) -> dict[str, str]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise RefusedError(Refusal.MALFORMED, "a parameter is given twice")
    return values
