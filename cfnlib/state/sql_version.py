"""Whether the tables in a database are the ones that this cfnlib knows; makes them in an empty one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, inspect, select, text

from cfnlib.errors import StoreError
from cfnlib.state.sql_errors import shown
from cfnlib.state.sql_schema import SCHEMA_VERSION, metadata, schema_table

if TYPE_CHECKING:
    from cfnlib.state.sql_connect import Database

_LOCK = 0x63666E
_WAIT_S = 60


def prepare(database: Database) -> None:
    """Make the tables, or see that they are of `SCHEMA_VERSION`. Raises `StoreError` when they are not."""
    version = database.read(lambda connection: _version(connection, database))
    if version is None:
        version = database.write(lambda connection: _make(connection, database))
    if version == SCHEMA_VERSION:
        return
    place = (
        f"state store {shown(database.url)}: its tables are of version {version}, this cfnlib knows {SCHEMA_VERSION}"
    )
    if version > SCHEMA_VERSION:
        raise StoreError(f"{place}; a newer cfnlib made them: update this one")
    raise StoreError(f"{place}; an older cfnlib made them: use that one until its stacks are deleted")


def _version(connection: Connection, database: Database) -> int | None:
    """The version of the tables, None when they are not (all) there."""
    names = set(inspect(connection).get_table_names())
    if schema_table.name in names:
        return connection.execute(select(schema_table.c.version)).scalars().first()
    if database.backend == "sqlite" and names:
        raise StoreError(
            f"state store {shown(database.url)}: the file is an SQLite database of something else "
            f"(it holds {', '.join(sorted(names)[:3])}); name another file"
        )
    return None


def _make(connection: Connection, database: Database) -> int:
    """Make what is missing. The version is written last, so that half a set of tables is not taken for all."""
    if database.backend == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    elif database.backend != "sqlite":
        connection.execute(text("SELECT GET_LOCK('cfnlib', :wait)"), {"wait": _WAIT_S})
    try:
        version = _version(connection, database)
        if version is None:
            metadata.create_all(connection)
            connection.execute(insert(schema_table).values(version=SCHEMA_VERSION))
            version = SCHEMA_VERSION
        return version
    finally:
        if database.backend not in {"sqlite", "postgresql"}:
            connection.execute(text("SELECT RELEASE_LOCK('cfnlib')"))
