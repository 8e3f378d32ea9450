"""A folder in the shape of S3, in its path style (`/BUCKET/KEY`): where `aws cloudformation package` puts its files.

Each account has buckets of its own: a name is no other account's business. Names and keys never become paths: an
object is a file named by the hash of its key, with a small file beside it that says what it is. Enough of S3's API is
here for awscli and boto3 to upload, look, list, read and remove; everything else is S3's own error for it.

Source: Amazon S3 API reference, REST API: PutObject, CreateMultipartUpload, ListObjectsV2, Error responses.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from datetime import UTC, datetime
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from uuid import uuid4
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from werkzeug import Response

from cfnlib.identity.refusal import Refusal, RefusedError
from cfnlib.server.faults import SaidError

if TYPE_CHECKING:
    from pathlib import Path

    from werkzeug import Request

    from cfnlib.identity.gate import Gate
    from cfnlib.identity.keyring import Caller
    from cfnlib.identity.request import SignedRequest

MAX_OBJECT_BYTES = 64 << 20
MAX_ACCOUNT_BYTES = 1 << 30
MAX_KEY_BYTES = 1024
PAGE = 1000
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_UPLOAD = re.compile(r"[0-9a-f]{32}")
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_XML = "application/xml"


class _S3Error(Exception):
    """An answer that says what is wrong, in S3's code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Bucket:
    """The objects below `folder`, each account's in a folder of its own. `public_url` is where the service is."""

    def __init__(
        self,
        folder: Path,
        public_url: str,
        *,
        max_object_bytes: int = MAX_OBJECT_BYTES,
        max_account_bytes: int = MAX_ACCOUNT_BYTES,
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self.public_url = public_url.rstrip("/")
        self.max_object_bytes = max_object_bytes
        self.max_account_bytes = max_account_bytes

    def read(self, caller: Caller, name: str, key: str) -> bytes:
        """An object of the caller's. Raises `SaidError` in the words that CloudFormation has for it."""
        try:
            return self.object(caller, name, key).content.read_bytes()
        except _S3Error as error:
            raise SaidError(f"S3 error: {error}") from None
        except FileNotFoundError:
            raise SaidError("S3 error: The specified key does not exist.") from None

    def home(self, caller: Caller) -> Path:
        """The folder of the caller's account."""
        return self.folder / caller.account_number

    def place(self, caller: Caller, name: str) -> Path:
        """The folder of a bucket that is there. Raises `_S3Error`."""
        found = self.home(caller) / name
        if not _NAME.fullmatch(name) or not found.is_dir():
            raise _S3Error(404, "NoSuchBucket", "The specified bucket does not exist")
        return found

    def object(self, caller: Caller, name: str, key: str) -> _Object:
        """An object that is there. Raises `_S3Error`."""
        found = _Object(self.place(caller, name), key)
        if not found.about.is_file():
            raise _S3Error(404, "NoSuchKey", "The specified key does not exist.")
        return found

    def check_room(self, caller: Caller, size: int) -> None:
        """Raise `_S3Error` when an object of this size is too large, or the account has no room for it."""
        if size > self.max_object_bytes:
            raise _S3Error(400, "EntityTooLarge", f"Your proposed upload exceeds {self.max_object_bytes} bytes")
        used = sum(path.stat().st_size for path in self.home(caller).rglob("*") if path.is_file())
        if used + size > self.max_account_bytes:
            raise _S3Error(
                507, "QuotaExceeded", f"The account's buckets may hold {self.max_account_bytes} bytes in all"
            )


class _Object:
    """The two files of an object."""

    def __init__(self, place: Path, key: str) -> None:
        if not key or len(key.encode("utf-8", "replace")) > MAX_KEY_BYTES:
            raise _S3Error(400, "KeyTooLongError", f"A key has 1 to {MAX_KEY_BYTES} bytes")
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        self.key = key
        self.content = place / f"{digest}.content"
        self.about = place / f"{digest}.json"

    def write(self, content: bytes, kind: str, etag: str | None = None) -> str:
        """Put it there, at once or not at all; gives its ETag."""
        etag = etag or hashlib.md5(content, usedforsecurity=False).hexdigest()
        _put(self.content, content)
        about = {
            "key": self.key,
            "size": len(content),
            "etag": etag,
            "type": kind,
            "at": datetime.now(UTC).timestamp(),
        }
        _put(self.about, json.dumps(about).encode())
        return etag

    def said(self) -> dict[str, Any]:
        """What is known of it."""
        found: dict[str, Any] = json.loads(self.about.read_text(encoding="utf-8"))
        return found

    def remove(self) -> None:
        """Take it away, if it is there."""
        self.about.unlink(missing_ok=True)
        self.content.unlink(missing_ok=True)


def respond(bucket: Bucket, gate: Gate, request: Request, signed: SignedRequest, request_id: str) -> Response:
    """The answer to a request in S3's form."""
    try:
        caller = gate.admit(signed, ())
        return _answer(bucket, caller, request, signed)
    except RefusedError as error:
        status, code = _REFUSALS.get(error.refusal, (403, "AccessDenied"))
        return _error(_S3Error(status, code, str(error)), request_id)
    except _S3Error as error:
        return _error(error, request_id)


_REFUSALS = {
    Refusal.MISSING: (403, "AccessDenied"),
    Refusal.UNKNOWN_KEY: (403, "InvalidAccessKeyId"),
    Refusal.MISMATCH: (403, "SignatureDoesNotMatch"),
    Refusal.SKEWED: (403, "RequestTimeTooSkewed"),
    Refusal.UNAVAILABLE: (503, "ServiceUnavailable"),
}


def _answer(bucket: Bucket, caller: Caller, request: Request, signed: SignedRequest) -> Response:
    try:
        path = unquote(signed.raw_path, errors="strict").lstrip("/")
    except UnicodeDecodeError:
        raise _S3Error(400, "InvalidURI", "Couldn't parse the specified URI.") from None
    name, _, key = path.partition("/")
    method, query = request.method, request.args
    if not key:
        return _of_bucket(bucket, caller, name, method, query)
    if "uploads" in query or "uploadId" in query:
        return _of_upload(bucket, caller, name, key, request)
    if method == "PUT":
        if request.headers.get("x-amz-copy-source"):
            raise _S3Error(501, "NotImplemented", "objects cannot be copied here")
        place = bucket.place(caller, name)
        content = _body(request)
        bucket.check_room(caller, len(content))
        etag = _Object(place, key).write(content, request.headers.get("Content-Type") or "binary/octet-stream")
        return Response("", headers={"ETag": f'"{etag}"'})
    if method in {"GET", "HEAD"}:
        return _sent(bucket.object(caller, name, key), request)
    if method == "DELETE":
        _Object(bucket.place(caller, name), key).remove()
        return Response("", 204)
    raise _S3Error(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")


def _of_bucket(bucket: Bucket, caller: Caller, name: str, method: str, query: Any) -> Response:  # noqa: ANN401 - a MultiDict
    if method == "PUT":
        if not _NAME.fullmatch(name):
            raise _S3Error(400, "InvalidBucketName", "The specified bucket is not valid.")
        (bucket.home(caller) / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        return Response("", headers={"Location": f"/{name}"})
    place = bucket.place(caller, name)
    if method == "HEAD":
        return Response("")
    if method == "DELETE":
        if any(place.glob("*.json")):
            raise _S3Error(409, "BucketNotEmpty", "The bucket you tried to delete is not empty")
        shutil.rmtree(place)
        return Response("", 204)
    if method != "GET":
        raise _S3Error(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
    if "location" in query:
        return _document("LocationConstraint", "")
    if "versioning" in query:
        return _document("VersioningConfiguration", "")
    return _listing(place, name, query)


def _listing(place: Path, name: str, query: Any) -> Response:  # noqa: ANN401 - a MultiDict
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    after = query.get("continuation-token") or query.get("start-after") or query.get("marker") or ""
    most = min(int(query["max-keys"]), PAGE) if str(query.get("max-keys", "")).isdigit() else PAGE
    said = sorted((json.loads(path.read_text("utf-8")) for path in place.glob("*.json")), key=lambda one: one["key"])
    rows: list[str] = []
    common: dict[str, None] = {}
    last, more = "", False
    for one in said:
        key = one["key"]
        if not key.startswith(prefix) or key <= after:
            continue
        if len(rows) + len(common) >= most:
            more = True
            break
        rest = key[len(prefix) :]
        if delimiter and delimiter in rest:
            common[prefix + rest.partition(delimiter)[0] + delimiter] = None
        else:
            at = datetime.fromtimestamp(one["at"], UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            rows.append(
                f"<Contents><Key>{escape(key)}</Key><LastModified>{at}</LastModified><ETag>&quot;{one['etag']}&quot;"
                f"</ETag><Size>{one['size']}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            )
        last = key
    token = f"<NextContinuationToken>{escape(last)}</NextContinuationToken>" if more else ""
    inner = (
        f"<Name>{escape(name)}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(rows) + len(common)}</KeyCount>"
        f"<MaxKeys>{most}</MaxKeys><IsTruncated>{str(more).lower()}</IsTruncated>{token}{''.join(rows)}"
        + "".join(f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>" for one in common)
    )
    return _document("ListBucketResult", inner)


def _of_upload(bucket: Bucket, caller: Caller, name: str, key: str, request: Request) -> Response:
    """An upload in parts: begun, a part of it, ended or given up."""
    place, method = bucket.place(caller, name), request.method
    if "uploads" in request.args and method == "POST":
        upload = uuid4().hex
        (place / f"upload-{upload}").mkdir(mode=0o700)
        inner = f"<Bucket>{escape(name)}</Bucket><Key>{escape(key)}</Key><UploadId>{upload}</UploadId>"
        return _document("InitiateMultipartUploadResult", inner)
    upload = request.args.get("uploadId", "")
    parts = place / f"upload-{upload}"
    if not _UPLOAD.fullmatch(upload) or not parts.is_dir():
        raise _S3Error(404, "NoSuchUpload", "The specified upload does not exist.")
    if method == "PUT":
        number = request.args.get("partNumber", "")
        if not (number.isascii() and number.isdigit() and 1 <= int(number) <= 10_000):
            raise _S3Error(400, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
        content = _body(request)
        bucket.check_room(caller, len(content))
        _put(parts / f"{int(number):05}", content)
        return Response("", headers={"ETag": f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'})
    if method == "DELETE":
        shutil.rmtree(parts, ignore_errors=True)
        return Response("", 204)
    if method != "POST":
        raise _S3Error(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
    pieces = [_part(parts, number) for number in _numbers(request.get_data())]
    content = b"".join(pieces)
    if len(content) > bucket.max_object_bytes:
        raise _S3Error(400, "EntityTooLarge", f"Your proposed upload exceeds {bucket.max_object_bytes} bytes")
    digests = b"".join(hashlib.md5(piece, usedforsecurity=False).digest() for piece in pieces)
    etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(pieces)}"
    _Object(place, key).write(content, "binary/octet-stream", etag)
    shutil.rmtree(parts, ignore_errors=True)
    inner = f"<Bucket>{escape(name)}</Bucket><Key>{escape(key)}</Key><ETag>&quot;{etag}&quot;</ETag>"
    return _document("CompleteMultipartUploadResult", inner)


def _part(parts: Path, number: int) -> bytes:
    try:
        return (parts / f"{number:05}").read_bytes()
    except FileNotFoundError:
        raise _S3Error(400, "InvalidPart", f"The part {number} was not uploaded") from None


def _numbers(body: bytes) -> list[int]:
    """The numbers of the parts, in the order of the document that ends an upload."""
    malformed = _S3Error(400, "MalformedXML", "The XML you provided was not well-formed")
    if b"<!" in body:  # no document types, no entities
        raise malformed
    try:
        root = ET.fromstring(body)  # noqa: S314 - without document type, and bounded by the door
        found = [int(one.text or "") for one in root.iter() if one.tag.rpartition("}")[2] == "PartNumber"]
    except (ET.ParseError, ValueError):
        raise malformed from None
    if not found or found != sorted(set(found)):
        raise _S3Error(400, "InvalidPartOrder", "The list of parts was not in ascending order.")
    return found


def _body(request: Request) -> bytes:
    """The content of an upload, taken out of the chunks that newer clients wrap it in."""
    content = request.get_data()
    payload = request.headers.get("x-amz-content-sha256", "")
    if not payload.startswith("STREAMING-"):
        return content
    if payload != "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
        raise _S3Error(501, "NotImplemented", "chunks that are signed one by one are not taken; send the body whole")
    found = bytearray()
    while True:
        head, _, rest = content.partition(b"\r\n")
        try:
            size = int(head.partition(b";")[0], 16)
        except ValueError:
            raise _S3Error(400, "IncompleteBody", "The chunks of the body cannot be read") from None
        if size == 0:
            return bytes(found)
        if size < 0 or len(rest) < size:
            raise _S3Error(400, "IncompleteBody", "The body ends within a chunk")
        found += rest[:size]
        content = rest[size:].removeprefix(b"\r\n")


def _sent(found: _Object, request: Request) -> Response:
    said = found.said()
    response = Response(found.content.read_bytes(), content_type=said["type"])
    response.headers["ETag"] = f'"{said["etag"]}"'
    response.headers["Last-Modified"] = formatdate(said["at"], usegmt=True)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.make_conditional(request.environ, accept_ranges=True, complete_length=said["size"])
    return response


def _document(name: str, inner: str, status: int = 200) -> Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} xmlns="{_NAMESPACE}">{inner}</{name}>'
    return Response(text, status, content_type=_XML)


def _error(error: _S3Error, request_id: str) -> Response:
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{error.code}</Code>'
        f"<Message>{escape(str(error))}</Message><RequestId>{request_id}</RequestId></Error>"
    )
    return Response(text, error.status, content_type=_XML)


def _put(path: Path, content: bytes) -> None:
    """Write a file at once or not at all."""
    new = path.with_name(f"{uuid4().hex}.new")
    new.write_bytes(content)
    new.replace(path)
