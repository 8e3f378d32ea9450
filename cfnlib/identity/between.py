"""What the processes behind one socket have to know together: a file in their folder, which all of them write.

It is of use as long as they live, so nothing forces it onto the disk.
"""

from __future__ import annotations

import sqlite3
from threading import Lock
from typing import TYPE_CHECKING, Any

from cfnlib.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_PATIENCE_S = 10.0


class Between:
    """The file in a folder. Raises `StoreError`, here and below, when it cannot be used."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "between.sqlite"
        self._lock = Lock()
        try:
            self._file = sqlite3.connect(
                self._path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}") from error
        self.rows("PRAGMA journal_mode = WAL")
        self.rows("PRAGMA synchronous = OFF")

    def rows(self, statement: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Do one statement, which is done whole or not at all. Gives its rows."""
        try:
            with self._lock:
                return self._file.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}") from error

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._file.close()
