"""Signature Version 4, the verifier's side: in the Authorization header, or in the query of a presigned request.

Any region and service in the scope is taken, and the key is made from what was sent: clients guess both from the host
name (boto writes `0/127` for 127.0.0.1). What was signed is rebuilt from what was received, never from what the
request says of itself. Nothing that is signed may come twice, since it could not be told which one was meant, and a
path must come in its simplest form: other verifiers take `/a/../b` for `/b`, and then serve who knows which of them.

Clients do not send a query as they have signed it (boto 2 sends a blank as `+` and signs `%20`), so a query is tried
as it came and encoded anew; both mean the same. With S3, whose rule it is, so is the path.

Of S3's bodies that are not signed as a whole, the one that current clients send over https is taken
(`STREAMING-UNSIGNED-PAYLOAD-TRAILER`: its checksum is in the body), as is UNSIGNED-PAYLOAD. Chunks that are signed
one by one are not: nothing here would check them.

Source: AWS, "Signature Version 4 signing process"; Amazon S3 API reference, "Authenticating requests"; botocore 1.44
and boto 2.49 as recorded.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import product
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from attrs import field, frozen

from cfnlib.identity.refusal import Refusal, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cfnlib.identity.request import SignedRequest

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
MAX_EXPIRES_S = 604800
"""How long a presigned request can be good for: a week. Source: Amazon S3 API reference."""

MAX_CLAIM_CHARACTERS = 8192
MEANINGLESS = {"x-amz-security-token"}
"""Headers of AWS that nothing here looks at (we give out no session tokens), so that they need not be signed."""

_PAIR = re.compile(r" *(Credential|SignedHeaders|Signature)=([!-+\--~]+) *")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_SCOPE = re.compile(r"([!-~]{1,256})/([0-9]{8})/([!-.0-~]{1,128})/([!-.0-~]{1,128})/aws4_request")
_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_HTTP_DATE = re.compile(r"([A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} )(GMT|[+-]0000)")
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")


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
    if len(said) > MAX_CLAIM_CHARACTERS:
        raise RefusedError(Refusal.MALFORMED, "the Authorization header is too long")
    name, _, rest = said.partition(" ")
    if name == "CFN_V1":
        raise _incomplete(
            "CFN_V1 (a machine that shows its instance document) is not taken here: "
            "give the tool keys, by --access-key and --secret-key or by --credential-file"
        )
    if name != ALGORITHM:
        raise _incomplete(f"the Authorization header must be of {ALGORITHM}")
    parts: dict[str, str] = {}
    for piece in rest.split(","):
        found = _PAIR.fullmatch(piece)
        if found is None or found[1] in parts:
            raise _incomplete("the Authorization header has Credential, SignedHeaders and Signature, each once")
        parts[found[1]] = found[2]
    if len(parts) != 3:
        raise _incomplete("the Authorization header needs Credential, SignedHeaders and Signature")
    date = request.only("x-amz-date")
    if date is None:
        date = _date_of(request.only("date"))
        if date is not None and "date" not in parts["SignedHeaders"].split(";"):
            raise _incomplete("the Date header must be signed where there is no x-amz-date")
    return _claim(
        request,
        credential=parts["Credential"],
        date=date,
        signed=parts["SignedHeaders"],
        signature=parts["Signature"],
        expires_s=None,
        payload=request.only("x-amz-content-sha256"),
    )


def from_query(request: SignedRequest, query: Mapping[str, str]) -> Claim:
    """The claim of a presigned request, whose query is given with every name once. Raises `RefusedError`."""
    if query.get("X-Amz-Algorithm") != ALGORITHM:
        raise _incomplete(f"X-Amz-Algorithm must be {ALGORITHM}")
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
    """Whether the signature is the one that this secret gives, and the body the one that was signed.

    Raises `RefusedError` for a request that cannot have been signed so.
    """
    of_s3 = claim.scope[2] == "s3"
    payload = _payload(request, claim, of_s3=of_s3)
    headers = "".join(f"{name}:{_header(request, name)}\n" for name in claim.signed)
    paths = _s3_paths(request.raw_path) if of_s3 else (_path(request.raw_path),)
    key = f"AWS4{secret}".encode()
    for part in (*claim.scope, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    scope = "/".join((*claim.scope, "aws4_request"))
    right = False
    for path, query in product(_each_once(paths), _each_once(_queries(request.raw_query))):
        canonical = f"{request.method}\n{path}\n{query}\n{headers}\n{';'.join(claim.signed)}\n{payload}"
        text = f"{ALGORITHM}\n{claim.date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        right |= hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), claim.signature)
    return right


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
    if scope is None:
        raise _incomplete("Credential must be KEY/DAY/REGION/SERVICE/aws4_request")
    if date is None or not _DATE.fullmatch(date):
        raise _incomplete("the date of the request is missing, or not like 20150830T123600Z")
    if not date.startswith(scope[2]):
        raise RefusedError(Refusal.MISMATCH, "the day in the credential's scope is not that of the request")
    if not _SIGNATURE.fullmatch(signature):
        raise _incomplete("the signature must be 64 hexadecimal digits in lower case")
    names = tuple(signed.split(";"))
    if "host" not in names or list(names) != sorted(set(names)) or not all(map(_HEADER_NAME.fullmatch, names)):
        raise _incomplete("SignedHeaders must be in order, each once, and have host among them")
    sent = {name for name, _ in request.headers}
    if not sent.issuperset(names):
        raise RefusedError(Refusal.MISMATCH, "SignedHeaders names a header that was not sent")
    if {name for name in sent if name.startswith("x-amz-")} - set(names) - MEANINGLESS:
        raise RefusedError(Refusal.MISMATCH, "a header whose name begins with x-amz- was sent and not signed")
    try:
        at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        raise _incomplete("the date of the request is none") from None
    return Claim(scope[1], date, (scope[2], scope[3], scope[4]), names, signature, at, expires_s, payload)


def _payload(request: SignedRequest, claim: Claim, *, of_s3: bool) -> str:
    """What stands for the body in the signature. Raises `RefusedError` when that is not the body that came."""
    digest = hashlib.sha256(request.body).hexdigest()
    said = claim.payload
    if said is None:
        return UNSIGNED[0] if of_s3 and claim.expires_s is not None else digest
    if of_s3 and said in UNSIGNED:
        return said
    if said in UNSIGNED or said.startswith("STREAMING-"):
        raise RefusedError(Refusal.MISMATCH, "the body must be signed as a whole: send its SHA-256")
    if not hmac.compare_digest(said.encode("utf-8", "replace"), digest.encode()):
        raise RefusedError(Refusal.MISMATCH, "x-amz-content-sha256 is not the hash of the body that was received")
    return said


def _header(request: SignedRequest, name: str) -> str:
    """A header as it is signed: several blanks are one."""
    value = request.only(name) or ""
    if not value.isascii():
        raise RefusedError(Refusal.MALFORMED, "a signed header is not ASCII")
    return re.sub(" +", " ", value.strip(" "))


def _path(raw: str) -> str:
    """The path as it is signed: encoded once more."""
    segments = raw.split("/")
    if {".", ".."} & set(segments) or "" in segments[1:-1]:
        raise RefusedError(Refusal.MALFORMED, "the path must be sent without //, /./ and /../")
    return quote(raw, safe="/-_.~") or "/"


def _s3_paths(raw: str) -> tuple[str, str]:
    """The paths that may have been signed, for S3: as it came, and encoded anew."""
    again = "/".join(quote(unquote_to_bytes(part), safe="-_.~") for part in raw.split("/"))
    return raw or "/", again or "/"


def _queries(raw: str) -> tuple[str, str]:
    """The queries that may have been signed, in order and without the signature: as it came, and encoded anew."""
    pairs = [piece.partition("=")[::2] for piece in raw.split("&")] if raw else []
    pairs = [pair for pair in pairs if pair[0] != "X-Amz-Signature"]
    again = [(_encoded(name), _encoded(value)) for name, value in pairs]
    found = ["&".join(f"{name}={value}" for name, value in sorted(each)) for each in (pairs, again)]
    return found[0], found[1]


def _encoded(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    return quote(unquote_to_bytes(text.replace("+", " ")), safe="-_.~")


def _each_once(texts: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(texts)


def _date_of(text: str | None) -> str | None:
    """The Date header in the form that is signed."""
    if text is None or _DATE.fullmatch(text):
        return text
    found = _HTTP_DATE.fullmatch(text)
    if found is None:
        return None
    try:
        return parsedate_to_datetime(f"{found[1]}GMT").astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    except (TypeError, ValueError, OverflowError):
        return None


def _incomplete(message: str) -> RefusedError:
    return RefusedError(Refusal.INCOMPLETE, message)
