"""Keeps a world across a restart or a kill: one SQLite file, one row a thing, one transaction a request.

`synchronous=OFF` leaves the flushing to the operating system: what was committed survives the death of the process,
which is what is promised, and not that of the machine.
"""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

from cfnlib.simulator.world import Entity

if TYPE_CHECKING:
    from pathlib import Path

    from cfnlib.simulator.world import World

SCHEMA = """
create table if not exists entity (
    kind text not null, uuid text not null, number integer not null, seq integer not null,
    removed integer not null, body text not null, primary key (kind, uuid)
) without rowid;
create table if not exists fact (name text primary key, value text not null) without rowid;
"""


class Store:
    """The SQLite file under a world. Use it from one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("pragma journal_mode=wal")
        self._connection.execute("pragma synchronous=off")
        self._connection.executescript(SCHEMA)

    def load(self, world: World) -> bool:
        """Put everything kept into `world`, oldest first; False if nothing was kept."""
        rows = self._connection.execute("select kind, number, seq, removed, body from entity order by seq").fetchall()
        for kind, number, seq, removed, body in rows:
            world.restore(Entity(kind, number, seq, json.loads(body), removed=bool(removed)))
        return bool(rows)

    def save(self, world: World) -> None:
        """Write what changed since the last time, all of it or nothing."""
        if not world.dirty and not world.forgotten:
            return
        rows = [
            (one.kind, one.uuid, one.number, one.seq, int(one.removed), json.dumps(one, separators=(",", ":")))
            for one in world.dirty.values()
        ]
        execute = self._connection.execute
        execute("begin")
        try:
            self._connection.executemany("insert or replace into entity values (?, ?, ?, ?, ?, ?)", rows)
            self._connection.executemany("delete from entity where kind = ? and uuid = ?", list(world.forgotten))
        except BaseException:
            execute("rollback")
            raise
        execute("commit")
        world.dirty.clear()
        world.forgotten.clear()

    def fact(self, name: str) -> Any:  # noqa: ANN401 (any JSON value)
        """A value kept beside the things, None if it was never set."""
        row = self._connection.execute("select value from fact where name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else None

    def set_fact(self, name: str, value: object) -> None:
        """Keep a value beside the things."""
        self._connection.execute("insert or replace into fact values (?, ?)", (name, json.dumps(value)))

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
