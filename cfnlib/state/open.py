"""The door to a store, cheap to import: the database library comes in when a store is opened."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.state.store import Store


def open_store(url: str, *, now: Callable[[], float] = time.time) -> Store:
    """The store at a database URL: made when it is not there, migrated when an earlier version made it.

    Raises `StoreError`, for a store that a later version made too.

    `sqlite:////path/to/file.db`, `sqlite:///:memory:`, `mysql+pymysql://user:password@host/database`,
    `postgresql+psycopg://...`; `now` tells the time by which leases expire, in seconds since the epoch.
    """
    from cfnlib.state.sql import SqlStore  # noqa: PLC0415  # it takes longer to import than a template to validate

    return SqlStore(url, now=now)
