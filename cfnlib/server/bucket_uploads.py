"""Uploads in parts, as clients make them of files that are large.

An upload is a folder with a file a part; it becomes an object when it is completed, and is forgotten when it is not
for a while.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from cfnlib.server.bucket_files import About, settle
from cfnlib.server.bucket_keys import S3Error, parts_of

if TYPE_CHECKING:
    from pathlib import Path

    from cfnlib.server.bucket_files import AccountFiles, Found


class Uploads:
    """The uploads under way of one account. Every method raises `S3Error`."""

    def __init__(self, files: AccountFiles) -> None:
        self._files = files

    def begin(self, bucket: str, key: str, about: About) -> str:
        """Begin an upload; gives its id."""
        self._files.check(bucket)
        parts_of(key)
        self._drop_old()
        self._files.take(0)
        upload = secrets.token_hex(20)
        place = self._files.folder / "uploads" / upload
        place.mkdir(mode=0o700, parents=True)
        said = {"bucket": bucket, "key": key, "type": about.content_type, "metadata": dict(about.metadata)}
        (place / "about").write_text(json.dumps(said), encoding="utf-8")
        return upload

    def add_part(self, bucket: str, key: str, upload: str, number: int, body: bytes) -> str:
        """Keep a part; gives its tag."""
        place, _ = self._upload(bucket, key, upload)
        self._files.check_size(len(body))
        self._files.take(len(body))
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        new = self._files.aside(body)
        try:
            new.replace(place / f"{number:05}")
            (place / f"{number:05}.md5").write_text(etag, encoding="ascii")
        except FileNotFoundError:
            new.unlink(missing_ok=True)
            raise _no_upload() from None
        return etag

    def complete(self, bucket: str, key: str, upload: str, parts: list[tuple[int, str]]) -> Found:
        """Make an object of the parts, given by number and tag."""
        place, about = self._upload(bucket, key, upload)
        if not parts or [number for number, _ in parts] != sorted({number for number, _ in parts}):
            raise S3Error("InvalidPartOrder", "The list of parts was not in ascending order.", 400)
        files = [place / f"{number:05}" for number, _ in parts]
        digest = hashlib.md5(usedforsecurity=False)
        for (_, etag), file in zip(parts, files, strict=True):
            try:
                known = file.with_suffix(".md5").read_text(encoding="ascii")
            except OSError:
                known = None
            if known is None or known != etag.strip('"'):
                raise S3Error("InvalidPart", "One or more of the specified parts could not be found.", 400)
            digest.update(bytes.fromhex(known))
        size = sum(file.stat().st_size for file in files)
        self._files.check_size(size)
        self._files.take(size)
        new = self._files.new_path()
        with new.open("xb") as whole:
            for file in files:
                with file.open("rb") as one:
                    shutil.copyfileobj(one, whole, 1 << 20)
            settle(whole)
        found = self._files.put_file(bucket, key, new, f"{digest.hexdigest()}-{len(parts)}", about)
        shutil.rmtree(place, ignore_errors=True)
        return found

    def abort(self, bucket: str, key: str, upload: str) -> None:
        """Forget an upload."""
        place, _ = self._upload(bucket, key, upload)
        shutil.rmtree(place, ignore_errors=True)

    def _upload(self, bucket: str, key: str, upload: str) -> tuple[Path, About]:
        self._files.check(bucket)
        if len(upload) != 40 or not upload.isalnum() or not upload.isascii():
            raise _no_upload()
        place = self._files.folder / "uploads" / upload
        try:
            said = json.loads((place / "about").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise _no_upload() from None
        if (said["bucket"], said["key"]) != (bucket, key):
            raise _no_upload()
        return place, About(said["type"], said["metadata"])

    def _drop_old(self) -> None:
        before = time.time() - self._files.limits.upload_s
        for name in ("uploads", "new"):
            for place in (self._files.folder / name).glob("*"):
                with suppress(OSError):
                    if place.stat().st_mtime >= before:
                        continue
                    if place.is_dir():
                        shutil.rmtree(place, ignore_errors=True)
                    else:
                        place.unlink()


def _no_upload() -> S3Error:
    return S3Error("NoSuchUpload", "The specified upload does not exist: it was aborted, or completed.", 404)
