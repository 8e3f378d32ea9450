"""Names of buckets and keys, and the paths that stand for them.

A key is kept under a path that a person recognises: `templates/site.yaml` is a file of that name in a folder of that
name. Whatever could leave the folder, hide in it, or mean something to a file system is encoded, so every key has one
path and every path is one key's: empty parts, parts that begin with a dot or end with a dot or a blank, names that
Windows keeps for itself, control and special characters.
"""

from __future__ import annotations

import re

from cfnlib.errors import CfnlibError

MAX_KEY_BYTES = 1024
"""Source: Amazon S3 user guide, "Naming Amazon S3 objects"."""
MAX_PART_BYTES = 255
MAX_PATH_BYTES = 2048
MAX_DEPTH = 48
"""What file systems can bear; S3 itself has no such limits below those of the key."""

RESERVED = frozenset({"client", "clusters", "cost", "health", "metrics", "ready", "signal"})
"""No bucket's names: the service has other things there."""

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_ENCODED = re.compile(r'[\x00-\x1f\x7f-\x9f%\\:*?"<>|\ud800-\udfff]')
_OF_WINDOWS = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_EMPTY = "%"


class S3Error(CfnlibError):
    """What S3 answers to a request that it refuses. `code` and `status` are those of S3's table of errors.

    Source: Amazon S3 API reference, "Error responses".
    """

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def check_bucket_name(name: str) -> None:
    """Raise `S3Error` when a bucket may not be named so."""
    if not _BUCKET.fullmatch(name) or ".." in name or _ADDRESS.fullmatch(name):
        raise S3Error("InvalidBucketName", "The specified bucket is not valid.", 400)
    if name in RESERVED:
        raise S3Error("InvalidBucketName", f"The name {name} is kept for the service itself: choose another.", 400)


def parts_of(key: str) -> tuple[str, ...]:
    """The names of the folders, and of the file in the last of them, of a key. Raises `S3Error`."""
    if not key or len(key.encode("utf-8", "surrogatepass")) > MAX_KEY_BYTES:
        raise S3Error("KeyTooLongError", f"A key has 1 to {MAX_KEY_BYTES} bytes.", 400)
    parts = tuple(_part(part) for part in key.split("/"))
    lengths = [len(part.encode()) for part in parts]
    if max(lengths) > MAX_PART_BYTES or sum(lengths) > MAX_PATH_BYTES or len(parts) > MAX_DEPTH:
        raise S3Error(
            "KeyTooLongError",
            f"A key has at most {MAX_DEPTH} parts of {MAX_PART_BYTES} bytes each here, and {MAX_PATH_BYTES} in all.",
            400,
        )
    return parts


def key_of(parts: tuple[str, ...]) -> str | None:
    """The key of a path; None when the path is none that a key has."""
    key = "/".join("" if part == _EMPTY else _decoded(part) for part in parts)
    try:
        return key if parts_of(key) == parts else None
    except (S3Error, UnicodeEncodeError):
        return None


def _part(part: str) -> str:
    if not part:
        return _EMPTY
    found = _ENCODED.sub(_encoded, part)
    if found[0] == "." or _OF_WINDOWS.fullmatch(found):
        found = f"%{ord(found[0]):02X}{found[1:]}"
    if found[-1] in ". ":
        found = f"{found[:-1]}%{ord(found[-1]):02X}"
    return found


def _encoded(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogatepass"))


def _decoded(part: str) -> str:
    raw = re.sub(
        rb"%([0-9A-F]{2})", lambda found: bytes((int(found[1], 16),)), part.encode("utf-8", "surrogateescape")
    )
    return raw.decode("utf-8", "replace")
