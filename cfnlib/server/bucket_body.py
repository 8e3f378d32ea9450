"""What a client sends as an object: taken out of its chunks, and held against the checksums that came with it.

Clients wrap a body in chunks (`aws-chunked`) to send its checksum after it. The chunks of the form that signs each of
them are refused: they would have to be checked, and no client uses them over the roads that this service has.

Source: Amazon S3 API reference, "Signature calculations: transferring payload in multiple chunks" and "Checking
object integrity"; Rocksoft model of CRC-32C (0x1EDC6F41) and CRC-64/NVME (0xAD93D23594C93659).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from functools import cache
from typing import TYPE_CHECKING

from cfnlib.server.bucket_keys import S3Error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

UNSIGNED_CHUNKS = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})(?:;[^\r\n]*)?")
_MAX_TRAILER_BYTES = 4096
_CHECKSUM = "x-amz-checksum-"


def content_of(body: bytes, headers: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """The content, and its checksums by header (to be said again in the answer). Raises `S3Error`.

    `headers` have names in lower case.
    """
    payload = headers.get("x-amz-content-sha256", "")
    sums = {name: value for name, value in headers.items() if name.startswith(_CHECKSUM)}
    if payload == UNSIGNED_CHUNKS:
        body, after = _unwrapped(body)
        sums |= after
        said = headers.get("x-amz-decoded-content-length")
        if said is not None and said != str(len(body)):
            text = "You did not provide the number of bytes specified by the x-amz-decoded-content-length header."
            raise S3Error("IncompleteBody", text, 400)
    elif payload.startswith("STREAMING-"):
        raise S3Error("NotImplemented", f"A body in chunks must be of the form {UNSIGNED_CHUNKS}.", 501)
    sums.pop(f"{_CHECKSUM}algorithm", None)
    sums.pop(f"{_CHECKSUM}type", None)
    _check(body, sums, headers.get("content-md5"))
    return body, sums


def _unwrapped(body: bytes) -> tuple[bytes, dict[str, str]]:
    pieces: list[bytes] = []
    at = 0
    while True:
        end = body.find(b"\r\n", at, at + 1024)
        found = _SIZE.fullmatch(body, at, end) if end >= 0 else None
        if found is None:
            raise _incomplete()
        size, at = int(found[1], 16), end + 2
        if not size:
            return b"".join(pieces), _trailer(body[at:])
        if body[at + size : at + size + 2] != b"\r\n":
            raise _incomplete()
        pieces.append(body[at : at + size])
        at += size + 2


def _trailer(text: bytes) -> dict[str, str]:
    if len(text) > _MAX_TRAILER_BYTES:
        raise _incomplete()
    found = {}
    for line in text.split(b"\n"):
        name, colon, value = line.strip().decode("latin-1").partition(":")
        if name and not colon:
            raise _incomplete()
        if name.lower().startswith(_CHECKSUM):
            found[name.lower().strip()] = value.strip()
    return found


def _check(body: bytes, sums: Mapping[str, str], md5: str | None) -> None:
    if md5 is not None and _bytes(md5, "Content-MD5") != hashlib.md5(body, usedforsecurity=False).digest():
        raise S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.", 400)
    for header, said in sums.items():
        name = header.removeprefix(_CHECKSUM)
        if name not in _SUMS:
            raise S3Error("InvalidRequest", f"The checksum {header[:64]} is not known here.", 400)
        if _bytes(said, header) != _SUMS[name](body):
            text = f"The {name.upper()} you specified did not match the calculated checksum."
            raise S3Error("BadDigest", text, 400)


def _bytes(text: str, header: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise S3Error("InvalidDigest", f"The {header} you specified is not valid.", 400) from None


def _incomplete() -> S3Error:
    return S3Error("IncompleteBody", "The chunks of the body cannot be read.", 400)


def _sha1(body: bytes) -> bytes:
    return hashlib.sha1(body, usedforsecurity=False).digest()


def _sha256(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


def _crc32(body: bytes) -> bytes:
    return zlib.crc32(body).to_bytes(4, "big")


def _crc32c(body: bytes) -> bytes:
    return _crc(body, 0x82F63B78, 4)


def _crc64nvme(body: bytes) -> bytes:
    return _crc(body, 0x9A6C9329AC4BC9B5, 8)


_SUMS: dict[str, Callable[[bytes], bytes]] = {
    "sha1": _sha1,
    "sha256": _sha256,
    "crc32": _crc32,
    "crc32c": _crc32c,
    "crc64nvme": _crc64nvme,
}


def _crc(body: bytes, polynomial: int, size: int) -> bytes:
    """A cyclic redundancy check of `size` bytes; the polynomial with its bits reversed."""
    table, ones = _table(polynomial), (1 << 8 * size) - 1
    value = ones
    for byte in body:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return (value ^ ones).to_bytes(size, "big")


@cache
def _table(polynomial: int) -> tuple[int, ...]:
    table = []
    for number in range(256):
        value = number
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
        table.append(value)
    return tuple(table)
