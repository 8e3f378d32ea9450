"""Signature Version 4, the verifier's side: in the Authorization header, or in the query of a presigned request.

Any region and service in the scope is taken, and the key is made from what was sent: clients guess both from the host
name (boto writes `0/127` for 127.0.0.1). What was signed is rebuilt from what was received, never from what the
request says of itself. Nothing that is signed may come twice, since it could not be told which one was meant.

Source: AWS, "Signature Version 4 signing process"; Amazon S3 API reference, "Authenticating requests".
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from attrs import field, frozen

from cfnlib.identity.refusal import Refusal, RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.identity.request import SignedRequest

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
MAX_EXPIRES_S = 604800
"""How long a presigned request can be good for: a week. Source: Amazon S3 API reference."""

_PAIR = re.compile(r"\s*(Credential|SignedHeaders|Signature)=([^,\s]+)\s*")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_SCOPE = re.compile(r"(.+)/(\d{8})/([^/]+)/([^/]+)/aws4_request", re.ASCII)
_DATE = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_HEADER_NAME = re.compile(r"[a-z0-9-]+")
_STRANGE = re.compile(r"[^\x21-\x7e]")


@frozen
class Claim:
    """What a request says of itself.

    `scope` is day, region and service; `signed` the names of the signed headers; `at` the time of signing (seconds
    since the epoch); `expires_s` how long a presigned request is good for, None for the other kind; `payload` the
    hash of the body that was signed, as sent.
    """

    access_key: str
    date: str
    scope: tuple[str, str, str]
    signed: tuple[str, ...]
    signature: str = field(repr=False)
    at: float
    expires_s: int | None
    payload: str | None


def from_header(request: SignedRequest) -> Claim:
    """The claim in the Authorization header. Raises `RefusedError`."""
    said = request.only("authorization") or ""
    name, _, rest = said.partition(" ")
    if name != ALGORITHM:
        raise RefusedError(Refusal.INCOMPLETE, f"the Authorization header must be of {ALGORITHM}")
    parts: dict[str, str] = {}
    for piece in rest.split(","):
        found = _PAIR.fullmatch(piece)
        if found is None or found[1] in parts:
            raise RefusedError(
                Refusal.INCOMPLETE, "the Authorization header has Credential, SignedHeaders, Signature"
            )
        parts[found[1]] = found[2]
    if len(parts) != 3:
        raise RefusedError(Refusal.INCOMPLETE, "the Authorization header needs Credential, SignedHeaders, Signature")
    date = request.only("x-amz-date")
    return _claim(
        request,
        credential=parts["Credential"],
        date=_date_of(request.only("date")) if date is None else date,
        signed=parts["SignedHeaders"],
        signature=parts["Signature"],
        expires_s=None,
        payload=request.only("x-amz-content-sha256"),
    )


def from_query(request: SignedRequest, query: Mapping[str, str]) -> Claim:
    """The claim of a presigned request, whose query is given with every name once. Raises `RefusedError`."""
    if query.get("X-Amz-Algorithm") != ALGORITHM:
        raise RefusedError(Refusal.INCOMPLETE, f"X-Amz-Algorithm must be {ALGORITHM}")
    expires = query.get("X-Amz-Expires", "")
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 6 and 1 <= int(expires) <= MAX_EXPIRES_S):
        raise RefusedError(Refusal.MALFORMED, f"X-Amz-Expires must be 1 to {MAX_EXPIRES_S} seconds")
    return _claim(
        request,
        credential=query.get("X-Amz-Credential", ""),
        date=query.get("X-Amz-Date"),
        signed=query.get("X-Amz-SignedHeaders", ""),
        signature=query.get("X-Amz-Signature", ""),
        expires_s=int(expires),
        payload=query.get("X-Amz-Content-Sha256") or request.only("x-amz-content-sha256"),
    )


def matches(request: SignedRequest, claim: Claim, secret: str) -> bool:
    """Whether the signature is the one that this secret gives, and the body the one that was signed."""
    of_s3 = claim.scope[2] == "s3"
    digest = hashlib.sha256(request.body).hexdigest()
    payload = claim.payload
    if payload is None:
        payload = UNSIGNED if of_s3 and claim.expires_s is not None else digest
    if payload == UNSIGNED or payload.startswith("STREAMING-"):
        if not of_s3:
            return False
    elif not hmac.compare_digest(payload.encode(), digest.encode()):
        return False
    canonical = "\n".join(
        (
            request.method,
            _path(request.raw_path, of_s3=of_s3),
            _query(request.raw_query),
            *(f"{name}:{' '.join((request.only(name) or '').split())}" for name in claim.signed),
            "",
            ";".join(claim.signed),
            payload,
        )
    )
    scope = "/".join((*claim.scope, "aws4_request"))
    text = f"{ALGORITHM}\n{claim.date}\n{scope}\n{hashlib.sha256(_bytes(canonical)).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for part in (*claim.scope, "aws4_request"):
        key = hmac.digest(key, _bytes(part), "sha256")
    return hmac.compare_digest(hmac.digest(key, _bytes(text), "sha256").hex(), claim.signature)


def _claim(
    request: SignedRequest,
    *,
    credential: str,
    date: str | None,
    signed: str,
    signature: str,
    expires_s: int | None,
    payload: str | None,
) -> Claim:
    scope = _SCOPE.fullmatch(credential)
    if scope is None or _STRANGE.search(credential):
        raise RefusedError(Refusal.INCOMPLETE, "Credential must be KEY/DAY/REGION/SERVICE/aws4_request")
    if date is None or not _DATE.fullmatch(date):
        raise RefusedError(Refusal.INCOMPLETE, "the date of the request is missing, or not like 20150830T123600Z")
    if not date.startswith(scope[2]):
        raise RefusedError(Refusal.MISMATCH, "the day in the credential's scope is not that of the request")
    if not _SIGNATURE.fullmatch(signature):
        raise RefusedError(Refusal.INCOMPLETE, "the signature must be 64 hexadecimal digits in lower case")
    names = tuple(signed.split(";"))
    if "host" not in names or list(names) != sorted(set(names)) or not all(map(_HEADER_NAME.fullmatch, names)):
        raise RefusedError(Refusal.INCOMPLETE, "SignedHeaders must be in order, each once, and have host among them")
    for name in names:
        if request.only(name) is None:
            raise RefusedError(Refusal.MISMATCH, f"the header {name} is said to be signed, but was not sent")
    loose = {name for name, _ in request.headers if name.startswith("x-amz-")} - set(names)
    if loose:
        raise RefusedError(Refusal.MISMATCH, "a header whose name begins with x-amz- was sent and not signed")
    try:
        at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise RefusedError(Refusal.INCOMPLETE, "the date of the request is none") from None
    return Claim(scope[1], date, (scope[2], scope[3], scope[4]), names, signature, at, expires_s, payload)


def _path(raw: str, *, of_s3: bool) -> str:
    """The path as it is signed: encoded once more, but for S3, which signs it as it is."""
    if of_s3:
        return quote(unquote_to_bytes(raw), safe="/-_.~") or "/"
    parts: list[str] = []
    for part in raw.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(quote(part, safe="-_.~"))
    return "/" + "/".join(parts) + ("/" if parts and raw.endswith("/") else "")


def _query(raw: str) -> str:
    """The query as it is signed: in order, encoded anew, without the signature itself."""
    pairs = []
    for piece in raw.split("&") if raw else ():
        name, _, value = piece.partition("=")
        if name != "X-Amz-Signature":
            pairs.append((_encoded(name), _encoded(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text.replace("+", " ")), safe="-_.~")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _date_of(text: str | None) -> str | None:
    """An HTTP date in the form that is signed."""
    if text is None or _DATE.fullmatch(text):
        return text
    try:
        return parsedate_to_datetime(text).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    except (TypeError, ValueError, OverflowError):
        return None
