"""The service's own buckets, in S3's path style.

That is as much of S3 as `aws s3`, `aws cloudformation package`, `deploy --s3-bucket` and boto3's transfers need. A
bucket belongs to an account: each has its own names, in a folder of its own, and nobody sees another's. What is not
offered (copies, versions, policies, ...) is refused, never passed over.

Source: Amazon S3 API reference, the operations of that name; botocore 1.34 and later for what is sent.
"""

from __future__ import annotations

import hashlib
import re
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote_to_bytes

from attrs import frozen
from werkzeug import Response
from werkzeug.wsgi import wrap_file

from cfnlib.errors import CfnlibError
from cfnlib.identity.refusal import Refusal, RefusedError
from cfnlib.server.bucket_body import content_of
from cfnlib.server.bucket_files import PLAIN, About, AccountFiles, BucketLimits
from cfnlib.server.bucket_keys import S3Error
from cfnlib.server.bucket_list import PARAMETERS, listed
from cfnlib.server.bucket_uploads import Uploads
from cfnlib.server.bucket_xml import (
    buckets_xml,
    completed_xml,
    deleted_xml,
    error_xml,
    location_xml,
    names_in_delete,
    parts_in_complete,
    stamp,
    started_xml,
)
from cfnlib.server.faults import SaidError
from cfnlib.web import note

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from werkzeug import Request

    from cfnlib.identity.gate import Gate
    from cfnlib.identity.keyring import Caller
    from cfnlib.identity.request import SignedRequest
    from cfnlib.server.bucket_files import Found

_META = "x-amz-meta-"
_MAX_METADATA_BYTES = 2048
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
_S3_SCOPE = re.compile(r"Credential=[^,\s]+/s3/aws4_request")
# What a query may hold beside the name of a sub-resource.
_OF_SIGNATURE = "x-amz-"
_IGNORED = frozenset({"x-id"})
_PRIVATE = ("private", "bucket-owner-full-control")
_HEADERS = {
    "x-amz-copy-source": ("",),
    "x-amz-acl": _PRIVATE,
    "x-amz-server-side-encryption": ("AES256",),  # which clients send unasked; S3 answers it when it did so
    "x-amz-server-side-encryption-customer-algorithm": ("",),
    "x-amz-website-redirect-location": ("",),
    "x-amz-tagging": ("",),
    "x-amz-object-lock-mode": ("",),
}
"""Headers that ask for something, and the values that ask for nothing more than what is done anyway."""
_REFUSALS: dict[Refusal, tuple[str, int]] = {
    Refusal.MISSING: ("AccessDenied", 403),
    Refusal.UNKNOWN_KEY: ("InvalidAccessKeyId", 403),
    Refusal.MISMATCH: ("SignatureDoesNotMatch", 403),
    Refusal.SKEWED: ("RequestTimeTooSkewed", 403),
    Refusal.EXPIRED: ("AccessDenied", 403),
    Refusal.REPLAYED: ("AccessDenied", 403),
    Refusal.INCOMPLETE: ("AuthorizationHeaderMalformed", 400),
    Refusal.MALFORMED: ("AuthorizationHeaderMalformed", 400),
    Refusal.UNAVAILABLE: ("ServiceUnavailable", 503),
}


@frozen
class _Asked:
    """A request to a bucket: names are decoded, those of headers are in lower case."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    request: Request


class Bucket:
    """All accounts' buckets, below a folder. `public_url` is where the service is reached, for URLs of templates."""

    def __init__(self, folder: Path, *, limits: BucketLimits | None = None, public_url: str = "") -> None:
        self.public_url = public_url
        self._folder = folder
        self._limits = limits or BucketLimits()
        self._accounts: dict[str, AccountFiles] = {}
        self._lock = Lock()

    def files(self, caller: Caller) -> AccountFiles:
        """The buckets of a caller's account, or of the project that is worked in."""
        whose = f"project/{caller.project_id}" if caller.project_id else f"{caller.domain_id}/{caller.account}"
        digest = hashlib.sha256(whose.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        shown = re.sub(r"[^A-Za-z0-9]+", "-", "project" if caller.project_id else caller.account)[:40].strip("-")
        name = f"{shown or 'account'}-{digest}"
        with self._lock:
            if name not in self._accounts:
                self._accounts[name] = AccountFiles(self._folder / name, self._limits)
            return self._accounts[name]

    def handle(self, request: Request, signed: SignedRequest, caller: Caller, request_id: str) -> Response:
        """Answer a request of an admitted caller; what is wrong with it is S3's error."""
        try:
            return self._answer(_asked(request, signed), self.files(caller))
        except S3Error as error:
            return refusal(error, request, request_id)

    def read(self, caller: Caller, bucket: str, key: str, max_bytes: int) -> bytes:
        """At most so many bytes of a caller's object. Raises `S3Error`."""
        file, _ = self.files(caller).open(bucket, key)
        with file:
            return file.read(max_bytes)

    def _answer(self, asked: _Asked, files: AccountFiles) -> Response:
        if not asked.bucket:
            _only(asked, {"max-buckets", "continuation-token", "prefix", "bucket-region"}, "GET")
            return _xml(buckets_xml(files.buckets()))
        return _of_object(asked, files) if asked.key else _of_bucket(asked, files)


def is_meant(request: Request) -> bool:
    """Whether a request is for the buckets wherever it goes: it is signed for S3.

    S3's clients ask for the list of buckets at `/`, where the Query API is.
    """
    if _S3_SCOPE.search(request.headers.get("Authorization", "")) is not None:
        return True
    if b"x-id=ListBuckets" not in request.query_string:  # which is looked at without reading it all
        return False
    return request.path == "/" and request.method == "GET" and request.args.get("x-id") == "ListBuckets"


def respond(bucket: Bucket, gate: Gate, request: Request, signed: SignedRequest, request_id: str) -> Response:
    """Answer a request: who calls is found out by its signature."""
    try:
        caller = gate.admit(signed, ())
    except CfnlibError as error:
        return refusal(_told(error), request, request_id)
    note(request, account=caller.account)
    return bucket.handle(request, signed, caller, request_id)


def refusal(error: S3Error, request: Request, request_id: str) -> Response:
    """S3's error document."""
    note(request, code=error.code)
    headers = {"x-amz-request-id": request_id}
    body = error_xml(error.code, str(error), request.path, request_id)
    return Response(body, error.status, headers=headers, content_type="application/xml")


def _told(error: CfnlibError) -> S3Error:
    if isinstance(error, RefusedError):
        code, status = _REFUSALS[error.refusal]
        return S3Error(code, str(error), status)
    if isinstance(error, SaidError):
        return S3Error("SlowDown" if error.code == "Throttling" else error.code, str(error), 503)
    return S3Error("ServiceUnavailable", "The cloud that knows the keys cannot be asked; try again.", 503)


def _asked(request: Request, signed: SignedRequest) -> _Asked:
    bucket, _, key = signed.raw_path.removeprefix("/").partition("/")
    try:
        name, path = (unquote_to_bytes(text.encode("latin-1")).decode("utf-8") for text in (bucket, key))
        query = dict(parse_qsl(signed.raw_query, keep_blank_values=True, errors="strict", max_num_fields=100))
    except ValueError:
        raise S3Error("InvalidURI", "Couldn't parse the specified URI.", 400) from None
    query = {name: value for name, value in query.items() if not name.lower().startswith(_OF_SIGNATURE)}
    query = {name: value for name, value in query.items() if name not in _IGNORED}
    return _Asked(signed.method, name, path, query, dict(signed.headers), signed.body, request)


def _of_bucket(asked: _Asked, files: AccountFiles) -> Response:
    bucket, method, query = asked.bucket, asked.method, asked.query
    if method == "PUT":
        _only(asked, set())
        files.make(bucket)
        return Response(status=200, headers={"Location": f"/{bucket}"})
    if method == "DELETE":
        _only(asked, set())
        files.drop(bucket)
        return Response(status=204)
    files.check(bucket)
    if method == "HEAD":
        _only(asked, set())
        return Response(status=200)
    if method == "POST" and set(query) == {"delete"}:
        content, _ = content_of(asked.body, asked.headers)
        quiet, keys = names_in_delete(content)
        for key in keys:
            files.delete(bucket, key)
        return _xml(deleted_xml([] if quiet else keys))
    if method == "GET" and set(query) == {"location"}:
        return _xml(location_xml())
    _only(asked, PARAMETERS, "GET")
    return _xml(listed(files, bucket, query))


def _of_object(asked: _Asked, files: AccountFiles) -> Response:
    for name, harmless in _HEADERS.items():
        if asked.headers.get(name, harmless[0]) not in harmless:
            raise S3Error("NotImplemented", f"What the header {name} asks for is not offered.", 501)
    of_upload = _UPLOADS.get((asked.method, frozenset(asked.query)))
    if of_upload is not None:
        return of_upload(asked, Uploads(files))
    _only(asked, set(), "GET", "HEAD", "PUT", "DELETE")
    if asked.method in {"GET", "HEAD"}:
        return _get(asked, files)
    if asked.method == "DELETE":
        files.delete(asked.bucket, asked.key)
        return Response(status=204)
    content, sums = content_of(asked.body, asked.headers)
    only_new = _only_new(asked.headers)
    found = files.put(asked.bucket, asked.key, content, _about(asked.headers), only_new=only_new)
    return Response(status=200, headers={"ETag": f'"{found.etag}"', **sums})


def _begin(asked: _Asked, uploads: Uploads) -> Response:
    upload = uploads.begin(asked.bucket, asked.key, _about(asked.headers))
    return _xml(started_xml(asked.bucket, asked.key, upload))


def _add_part(asked: _Asked, uploads: Uploads) -> Response:
    content, sums = content_of(asked.body, asked.headers)
    number = asked.query["partNumber"]
    if not (number.isascii() and number.isdigit() and len(number) <= 5 and 1 <= int(number) <= 10_000):
        raise S3Error("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive", 400)
    etag = uploads.add_part(asked.bucket, asked.key, asked.query["uploadId"], int(number), content)
    return Response(status=200, headers={"ETag": f'"{etag}"', **sums})


def _complete(asked: _Asked, uploads: Uploads) -> Response:
    parts = parts_in_complete(asked.body)
    found = uploads.complete(asked.bucket, asked.key, asked.query["uploadId"], parts)
    return _xml(completed_xml(asked.bucket, asked.key, found.etag))


def _abort(asked: _Asked, uploads: Uploads) -> Response:
    uploads.abort(asked.bucket, asked.key, asked.query["uploadId"])
    return Response(status=204)


_UPLOADS: dict[tuple[str, frozenset[str]], Callable[[_Asked, Uploads], Response]] = {
    ("POST", frozenset({"uploads"})): _begin,
    ("PUT", frozenset({"uploadId", "partNumber"})): _add_part,
    ("POST", frozenset({"uploadId"})): _complete,
    ("DELETE", frozenset({"uploadId"})): _abort,
}


def _get(asked: _Asked, files: AccountFiles) -> Response:
    file, found = files.open(asked.bucket, asked.key)
    try:
        response = _headed(asked, found)
        if asked.method == "HEAD" or response.status_code not in {200, 206}:
            file.close()
            return response
        file.seek(response.content_range.start or 0)
        response.response = wrap_file(asked.request.environ, file, 1 << 16)
    except BaseException:
        file.close()
        raise
    response.direct_passthrough = True
    return response


def _headed(asked: _Asked, found: Found) -> Response:
    """The answer to a reader, without the content."""
    tag = f'"{found.etag}"'
    headers = {
        "ETag": tag,
        "Last-Modified": stamp(found.modified, http=True),
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
        **{f"{_META}{name}": value for name, value in found.about.metadata.items()},
    }
    wanted, unwanted = asked.headers.get("if-match"), asked.headers.get("if-none-match")
    if wanted is not None and not _among(tag, wanted):
        raise S3Error("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412)
    if unwanted is not None and _among(tag, unwanted):
        return Response(status=304, headers=headers)
    first, last = _range(asked.headers.get("range"), found.size)
    response = Response(status=200, headers=headers, content_type=found.about.content_type)
    if first is not None:
        response.status_code = 206
        response.content_range.set(first, last + 1, found.size)
    response.content_length = found.size if first is None else last + 1 - first
    return response


def _range(said: str | None, size: int) -> tuple[int | None, int]:
    """First and last byte that are asked for; first is None for all. A range that is no such is passed over."""
    found = _RANGE.fullmatch(said) if said is not None else None
    if found is None or found.groups() == ("", ""):
        return None, 0
    if not found[1]:
        first, last = max(size - int(found[2]), 0), size - 1
        if int(found[2]) == 0:
            first = size
    else:
        first, last = int(found[1]), min(int(found[2] or size), size - 1)
        if found[2] and int(found[2]) < first:
            return None, 0
    if first >= size:
        raise S3Error("InvalidRange", "The requested range is not satisfiable", 416)
    return first, last


def _about(headers: Mapping[str, str]) -> About:
    metadata = {name[len(_META) :]: value for name, value in headers.items() if name.startswith(_META)}
    if sum(len(name) + len(value) for name, value in metadata.items()) > _MAX_METADATA_BYTES:
        text = "Your metadata headers exceed the maximum allowed metadata size"
        raise S3Error("MetadataTooLarge", text, 400)
    return About(headers.get("content-type") or PLAIN, metadata)


def _only_new(headers: Mapping[str, str]) -> bool:
    said = headers.get("if-none-match")
    if "if-match" in headers or said not in {None, "*"}:
        raise S3Error("NotImplemented", "Of conditions, a write may have If-None-Match: * only.", 501)
    return said is not None


def _among(tag: str, said: str) -> bool:
    return said.strip() == "*" or tag.strip('"') in {one.strip().strip('"') for one in said.split(",")}


def _only(asked: _Asked, names: AbstractSet[str], *methods: str) -> None:
    """Refuse methods and parts of the query that are not offered."""
    strange = sorted(set(asked.query) - names)
    if strange:
        raise S3Error("NotImplemented", f"What is asked for by {strange[0][:64]!r} is not offered.", 501)
    if methods and asked.method not in methods:
        raise S3Error("MethodNotAllowed", "The specified method is not allowed against this resource.", 405)


def _xml(body: bytes) -> Response:
    return Response(body, content_type="application/xml")
