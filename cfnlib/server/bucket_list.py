"""ListObjects, in its two versions: by prefix and delimiter, page by page.

A page's token is the last name of the page before, so pages need no memory and stay right while objects come and go.
"""

from __future__ import annotations

import base64
import binascii
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from cfnlib.server.bucket_keys import S3Error
from cfnlib.server.bucket_xml import document, element, stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.server.bucket_files import AccountFiles, Found

MOST = 1000
PARAMETERS = frozenset(
    {
        "list-type",
        "prefix",
        "delimiter",
        "max-keys",
        "encoding-type",
        "continuation-token",
        "start-after",
        "fetch-owner",
        "marker",
    }
)


def listed(files: AccountFiles, bucket: str, query: Mapping[str, str]) -> bytes:
    """The document that answers a query. Raises `S3Error`."""
    newer, prefix = query.get("list-type") == "2", query.get("prefix", "")
    delimiter, most = query.get("delimiter", ""), _most(query.get("max-keys"))
    names, more = _page(files.keys(bucket, prefix), prefix, delimiter, _after(query, newer=newer), most)
    shown = _quoted if query.get("encoding-type") == "url" else str
    last = names[-1][0] if names and more else None
    groups = [element("CommonPrefixes", element("Prefix", shown(name))) for name, grouped in names if grouped]
    objects = []
    for name, grouped in names:
        with suppress(S3Error):  # it may have been deleted meanwhile
            if not grouped:
                objects.append(_object(files.find(bucket, name), shown(name)))
    head = [element("Name", bucket), element("Prefix", shown(prefix)), element("MaxKeys", str(most))]
    if delimiter:
        head.append(element("Delimiter", shown(delimiter)))
    if "encoding-type" in query:
        head.append(element("EncodingType", query["encoding-type"]))
    head.append(element("IsTruncated", "false" if last is None else "true"))
    if newer:
        head.append(element("KeyCount", str(len(objects) + len(groups))))
        if "continuation-token" in query:
            head.append(element("ContinuationToken", query["continuation-token"]))
        if "start-after" in query:
            head.append(element("StartAfter", shown(query["start-after"])))
    else:
        head.append(element("Marker", shown(query.get("marker", ""))))
    if last is not None and newer:
        head.append(element("NextContinuationToken", base64.urlsafe_b64encode(last.encode()).decode()))
    elif last is not None:
        head.append(element("NextMarker", shown(last)))
    return document("ListBucketResult", *head, *objects, *groups)


def _quoted(text: str) -> str:
    return quote(text, safe="/-_.~*")


def _object(found: Found, name: str) -> bytes:
    return element(
        "Contents",
        element("Key", name),
        element("LastModified", stamp(found.modified)),
        element("ETag", f'"{found.etag}"'),
        element("Size", str(found.size)),
        element("StorageClass", "STANDARD"),
    )


def _page(
    keys: list[str], prefix: str, delimiter: str, after: str | None, most: int
) -> tuple[list[tuple[str, bool]], bool]:
    """The names of a page, each with whether it stands for many keys; and whether there are more."""
    found: list[tuple[str, bool]] = []
    mark = None if after is None else after.encode()
    for key in keys:
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        name = key if at < 0 else key[: at + len(delimiter)]
        if (mark is not None and name.encode() <= mark) or (found and found[-1] == (name, at >= 0)):
            continue
        if len(found) == most:
            return found, bool(most)
        found.append((name, at >= 0))
    return found, False


def _most(said: str | None) -> int:
    if said is None:
        return MOST
    if not (said.isascii() and said.isdigit() and len(said) <= 10):
        raise S3Error("InvalidArgument", "Argument max-keys must be an integer between 0 and 2147483647", 400)
    return min(int(said), MOST)


def _after(query: Mapping[str, str], *, newer: bool) -> str | None:
    """The name after which a page begins, None for the first."""
    if not newer:
        return query.get("marker") or None
    token = query.get("continuation-token")
    if token is None:
        return query.get("start-after") or None
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect", 400) from None
