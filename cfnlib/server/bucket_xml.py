"""S3's few documents. S3 is no Query API, so `cfnlib.wire` does not write them.

Source: Amazon S3 API reference; botocore's model of s3 2006-03-01 for names and order.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from cfnlib.server.bucket_keys import S3Error

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
MAX_BODY_BYTES = 1 << 21
MAX_NAMES = 1000
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def element(name: str, *children: bytes | str, namespace: bool = False) -> bytes:
    """An element; text is escaped, and what XML cannot hold is a question mark."""
    inner = b"".join(one if isinstance(one, bytes) else _text(one) for one in children)
    opening = f'{name} xmlns="{NAMESPACE}"' if namespace else name
    return b"<" + opening.encode() + b">" + inner + b"</" + name.encode() + b">"


def document(name: str, *children: bytes | str) -> bytes:
    """A whole document."""
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + element(name, *children, namespace=True)


def stamp(seconds: float, *, http: bool = False) -> str:
    """A time as S3 writes it, in documents or in headers."""
    at = datetime.fromtimestamp(int(seconds), UTC)
    return format_datetime(at, usegmt=True) if http else at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def error_xml(code: str, message: str, resource: str, request_id: str) -> bytes:
    """An error, which has no namespace."""
    inner = (element("Code", code), element("Message", message), element("Resource", resource[:1100]))
    head = b'<?xml version="1.0" encoding="UTF-8"?>\n'
    return head + element("Error", *inner, element("RequestId", request_id))


def buckets_xml(buckets: Iterable[tuple[str, float]]) -> bytes:
    """ListBuckets."""
    found = [element("Bucket", element("Name", name), element("CreationDate", stamp(made))) for name, made in buckets]
    owner = element("Owner", element("ID", "cfnlib"), element("DisplayName", "cfnlib"))
    return document("ListAllMyBucketsResult", owner, element("Buckets", *found))


def location_xml() -> bytes:
    """GetBucketLocation; empty stands for the first region."""
    return document("LocationConstraint")


def started_xml(bucket: str, key: str, upload: str) -> bytes:
    """CreateMultipartUpload."""
    inner = (element("Bucket", bucket), element("Key", key), element("UploadId", upload))
    return document("InitiateMultipartUploadResult", *inner)


def completed_xml(bucket: str, key: str, etag: str) -> bytes:
    """CompleteMultipartUpload."""
    inner = (element("Bucket", bucket), element("Key", key), element("ETag", f'"{etag}"'))
    return document("CompleteMultipartUploadResult", element("Location", f"/{bucket}/{key}"), *inner)


def deleted_xml(keys: Sequence[str]) -> bytes:
    """DeleteObjects."""
    return document("DeleteResult", *(element("Deleted", element("Key", key)) for key in keys))


def parts_in_complete(body: bytes) -> list[tuple[int, str]]:
    """Numbers and tags of the parts that make an object. Raises `S3Error`."""
    parts = []
    for part in _read(body, "CompleteMultipartUpload").iterfind("{*}Part"):
        number, etag = part.findtext("{*}PartNumber") or "", part.findtext("{*}ETag") or ""
        if not (number.strip().isascii() and number.strip().isdigit() and len(number.strip()) <= 5):
            raise _malformed()
        parts.append((int(number), etag.strip()))
    return parts


def names_in_delete(body: bytes) -> tuple[bool, list[str]]:
    """Whether the answer shall name nothing, and the keys to delete. Raises `S3Error`."""
    root = _read(body, "Delete")
    keys = [one.findtext("{*}Key") or "" for one in root.iterfind("{*}Object")]
    if not keys or len(keys) > MAX_NAMES or not all(keys):
        raise _malformed()
    return (root.findtext("{*}Quiet") or "").strip() == "true", keys


def _read(body: bytes, name: str) -> ET.Element:
    if len(body) > MAX_BODY_BYTES or b"<!" in body:  # no entities, nothing declared
        raise _malformed()
    try:
        root = ET.fromstring(body)  # noqa: S314 - without declarations there is nothing that could grow
    except (ET.ParseError, ValueError, LookupError):
        raise _malformed() from None
    if root.tag.rpartition("}")[2] != name:
        raise _malformed()
    return root


def _text(text: str) -> bytes:
    return escape(_NOT_XML.sub("?", text)).encode()


def _malformed() -> S3Error:
    text = "The XML you provided was not well-formed or did not validate against our published schema"
    return S3Error("MalformedXML", text, 400)
