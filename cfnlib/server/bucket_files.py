"""An account's buckets on a file system.

Below the account's folder: `buckets/BUCKET/...` are the objects, as plain files that an operator can look at and put
there; `about/` what is known of them beyond their content (tag, type, metadata), which counts only as long as the
file is the one that it was written for; `uploads/` the parts of uploads under way; `new/` what is being written.

A file is written aside and renamed, so a reader sees the old one or the new one. Folders are opened one in another
without following links, so that no link and no race leads out.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from cfnlib.server.bucket_keys import S3Error, check_bucket_name, key_of, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from io import BufferedReader
    from typing import BinaryIO

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_TRIES = 5
_RECOUNT_S = 60.0
PLAIN = "binary/octet-stream"


@frozen
class BucketLimits:
    """How much an account may keep: bytes of one object, bytes and files in all, buckets.

    `upload_s` is how long the parts of an upload that nobody completes are kept.
    """

    object_bytes: int = 1 << 28
    account_bytes: int = 1 << 30
    account_files: int = 100_000
    buckets: int = 100
    upload_s: float = 86400.0


@frozen
class About:
    """What is kept of an object beside its content."""

    content_type: str = PLAIN
    metadata: Mapping[str, str] = field(factory=dict)


@frozen
class Found:
    """An object. `modified` in seconds since the epoch; `etag` without its quotes."""

    key: str
    size: int
    modified: float
    etag: str
    about: About


class AccountFiles:
    """The buckets of one account, in a folder that need not be there yet. Every method raises `S3Error`."""

    def __init__(self, folder: Path, limits: BucketLimits) -> None:
        self.folder = folder
        self.limits = limits
        self._lock = Lock()
        self._used: tuple[int, int] = (0, 0)
        self._counted_at: float | None = None

    # Buckets

    def buckets(self) -> list[tuple[str, float]]:
        """Names and times of making."""
        try:
            with os.scandir(self.folder / "buckets") as entries:
                found = [(one.name, one.stat().st_ctime) for one in entries if one.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            return []
        return sorted(found)

    def make(self, bucket: str) -> None:
        """Make a bucket; S3 is content in its first region when the account has it already."""
        check_bucket_name(bucket)
        names = {name for name, _ in self.buckets()}
        if bucket not in names and len(names) >= self.limits.buckets:
            text = f"You have attempted to create more than the {self.limits.buckets} buckets of an account."
            raise S3Error("TooManyBuckets", text, 400)
        (self.folder / "buckets" / bucket).mkdir(mode=0o700, parents=True, exist_ok=True)

    def check(self, bucket: str) -> None:
        """Raise `S3Error` when there is no such bucket."""
        with suppress(S3Error):
            check_bucket_name(bucket)
            if (self.folder / "buckets" / bucket).is_dir():
                return
        raise _no_bucket()

    def drop(self, bucket: str) -> None:
        """Remove a bucket, which must be empty."""
        self.check(bucket)
        try:
            (self.folder / "buckets" / bucket).rmdir()
        except FileNotFoundError:
            raise _no_bucket() from None
        except OSError:
            raise S3Error("BucketNotEmpty", "The bucket you tried to delete is not empty.", 409) from None

    # Objects

    def put(self, bucket: str, key: str, body: bytes, about: About, *, only_new: bool = False) -> Found:
        """Keep an object."""
        self.check(bucket)
        self.check_size(len(body))
        self.take(len(body))
        new = self.aside(body)
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        return self.put_file(bucket, key, new, etag, about, only_new=only_new)

    def find(self, bucket: str, key: str) -> Found:
        """What is known of an object."""
        file, found = self.open(bucket, key)
        file.close()
        return found

    def open(self, bucket: str, key: str) -> tuple[BufferedReader, Found]:
        """An object, to be read."""
        self.check(bucket)
        parts = parts_of(key)
        try:
            with self._inside(bucket, parts[:-1]) as folder:
                number = os.open(parts[-1], _FILE, dir_fd=folder)
        except OSError:
            raise _no_key() from None
        file = os.fdopen(number, "rb")
        try:
            seen = os.fstat(number)
            found = self._known(bucket, key, seen, file) if stat.S_ISREG(seen.st_mode) else None
        except BaseException:
            file.close()
            raise
        if found is None:
            file.close()
            raise _no_key()
        return file, found

    def delete(self, bucket: str, key: str) -> None:
        """Remove an object; it need not be there. Folders that are empty then go, too."""
        self.check(bucket)
        parts = parts_of(key)
        try:
            with self._inside(bucket, parts[:-1]) as folder:
                os.unlink(parts[-1], dir_fd=folder)
        except OSError:
            return
        self._about_path(bucket, key).unlink(missing_ok=True)
        for end in range(len(parts) - 1, 0, -1):
            try:
                with self._inside(bucket, parts[: end - 1]) as folder:
                    os.rmdir(parts[end - 1], dir_fd=folder)
            except OSError:
                return

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """All keys that begin so, in S3's order: by their bytes in UTF-8."""
        self.check(bucket)
        top, begin = self.folder / "buckets" / bucket, tuple(_begin(prefix))
        for part in begin:
            top /= part
            if top.is_symlink():
                return []
        found = [key for parts in _walk(top, begin) if (key := key_of(parts)) is not None]
        return sorted((key for key in found if key.startswith(prefix)), key=str.encode)

    # Files

    @contextmanager
    def _inside(self, bucket: str, parts: tuple[str, ...], *, make: bool = False) -> Iterator[int]:
        """A folder of a bucket, open. Raises `OSError`."""
        folder = os.open(self.folder / "buckets" / bucket, _FOLDER)
        try:
            for part in parts:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(part, 0o700, dir_fd=folder)
                below = os.open(part, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = below
            yield folder
        finally:
            os.close(folder)

    def new_path(self) -> Path:
        """A path for a file that is being written."""
        place = self.folder / "new"
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        return place / secrets.token_hex(16)

    def aside(self, body: bytes) -> Path:
        """Write a file aside."""
        new = self.new_path()
        with new.open("xb") as file:
            file.write(body)
            settle(file)
        return new

    def put_file(self, bucket: str, key: str, new: Path, etag: str, about: About, *, only_new: bool = False) -> Found:
        """Put a file in an object's place. The folder may be removed meanwhile, as empty: then it is made again."""
        parts = parts_of(key)
        seen = new.stat()
        try:
            for attempt in range(_TRIES):
                try:
                    with self._inside(bucket, parts[:-1], make=True) as folder:
                        if only_new:
                            os.link(new, parts[-1], dst_dir_fd=folder)
                        else:
                            os.rename(new, parts[-1], dst_dir_fd=folder)
                    break
                except FileNotFoundError:
                    self.check(bucket)
                    if attempt == _TRIES - 1:
                        raise S3Error("SlowDown", "Please reduce your request rate.", 503) from None
        except FileExistsError:
            text = "At least one of the pre-conditions you specified did not hold"
            raise S3Error("PreconditionFailed", text, 412) from None
        except (IsADirectoryError, NotADirectoryError):
            text = "In this bucket no object can lie below another: there is an object, or a folder, of this name."
            raise S3Error("InvalidRequest", text, 400) from None
        finally:
            new.unlink(missing_ok=True)
        self._write_about(bucket, key, seen, etag, about)
        return Found(key, seen.st_size, seen.st_mtime, etag, about)

    def _about_path(self, bucket: str, key: str) -> Path:
        name = hashlib.sha256(f"{bucket}/{key}".encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / "about" / name[:2] / name[2:42]

    def _write_about(self, bucket: str, key: str, seen: os.stat_result, etag: str, about: About) -> None:
        path, new = self._about_path(bucket, key), self.new_path()
        said: dict[str, Any] = {"file": _mark(seen), "etag": etag}
        said |= {"type": about.content_type, "metadata": dict(about.metadata)}
        new.write_text(json.dumps(said), encoding="utf-8")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new.replace(path)

    def _known(self, bucket: str, key: str, seen: os.stat_result, file: BufferedReader) -> Found:
        """What is known of a file; its tag is made anew when it was put there in another way."""
        try:
            said: dict[str, Any] = json.loads(self._about_path(bucket, key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            said = {}
        if said.get("file") == _mark(seen):
            about = About(said["type"], said["metadata"])
            return Found(key, seen.st_size, seen.st_mtime, said["etag"], about)
        etag = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        file.seek(0)
        return Found(key, seen.st_size, seen.st_mtime, etag, About())

    # Room

    def check_size(self, size: int) -> None:
        """Refuse an object that is too large."""
        if size > self.limits.object_bytes:
            text = f"Your proposed upload exceeds the maximum allowed size of {self.limits.object_bytes} bytes."
            raise S3Error("EntityTooLarge", text, 400)

    def take(self, size: int) -> None:
        """Count what is about to be written. What was counted may be too much, so it is counted anew before a no."""
        limits = self.limits
        with self._lock:
            for anew in (False, True):
                now = time.monotonic()
                if anew or self._counted_at is None or now > self._counted_at + _RECOUNT_S:
                    self._used, self._counted_at = self._count(), now
                used, files = self._used
                if used + size <= limits.account_bytes and files < limits.account_files:
                    self._used = (used + size, files + 1)
                    return
        text = f"An account keeps at most {limits.account_bytes} bytes in {limits.account_files} files: delete some."
        raise S3Error("QuotaExceeded", text, 403)

    def _count(self) -> tuple[int, int]:
        used = files = 0
        for place in ("buckets", "uploads", "new"):
            for path, _, names in os.walk(self.folder / place):
                for name in names:
                    with suppress(OSError):
                        used += Path(path, name).lstat().st_size
                        files += 1
        return used, files


def _mark(seen: os.stat_result) -> list[int]:
    """What another file does not have, nor this one once it was written to."""
    return [seen.st_ino, seen.st_size, seen.st_mtime_ns]


def settle(file: BinaryIO) -> None:
    """Have what was written on the disk."""
    file.flush()
    os.fsync(file.fileno())


def _begin(prefix: str) -> list[str]:
    """The folders that all keys with a prefix lie in."""
    whole = prefix.rpartition("/")[0]
    with suppress(S3Error, UnicodeEncodeError):
        return list(parts_of(whole)) if whole else []
    return []


def _walk(folder: Path, parts: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The paths of all files below a folder, without following links."""
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except OSError:
        return
    for one in found:
        if one.is_dir(follow_symlinks=False):
            yield from _walk(folder / one.name, (*parts, one.name))
        elif one.is_file(follow_symlinks=False):
            yield (*parts, one.name)


def _no_bucket() -> S3Error:
    return S3Error("NoSuchBucket", "The specified bucket does not exist", 404)


def _no_key() -> S3Error:
    return S3Error("NoSuchKey", "The specified key does not exist.", 404)
