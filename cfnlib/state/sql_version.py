"""Whether the tables in a database are those that this cfnlib knows; makes them in an empty one, migrates old ones.

`cfnlib_schema` holds the version. Reading it is all that opening costs when it is the present one. An empty database
gets today's tables at once, since Alembic takes as long to load as all the rest of opening a store; it is loaded when
there is something to migrate (see `migrations`). Alembic's own table, `cfnlib_alembic`, is made then, and set to what
`cfnlib_schema` says, which earlier versions know to look at.

Processes that start at once do this one after the other, under a lock of the database. SQLite and PostgreSQL migrate
in one transaction, all or nothing. On MariaDB and MySQL a process that dies leaves what it had changed, and the next
one goes on from there.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, insert, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from cfnlib.errors import StoreError
from cfnlib.state.sql_errors import shown
from cfnlib.state.sql_schema import SCHEMA_VERSION, metadata, schema_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cfnlib.state.sql_connect import Database

ALEMBIC_TABLE = "cfnlib_alembic"
"""Where Alembic notes what it has done; its default name might be another program's in a database that is shared."""

_LOCK = 0x63666E
_WAIT_S = 60
_NOTHING = -1
"""The version of a database that has no table of ours."""
_HALF = 0
"""The version of one whose tables were not made to the end."""
_one_at_a_time = Lock()  # Alembic keeps what it is about in its module


def prepare(database: Database) -> None:
    """Make the tables, or bring them to `SCHEMA_VERSION`. Raises `StoreError` when they are of a later one."""
    version = database.read(lambda connection: _version(connection, database))
    if version < SCHEMA_VERSION:
        version = database.write(lambda connection: _prepare(connection, database))
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"state store {shown(database.url)}: its tables are of version {version}, this cfnlib knows "
            f"{SCHEMA_VERSION}; a newer cfnlib made them: update this one"
        )


def write_version(connection: Connection, version: int) -> None:
    """Write down which version the tables are of."""
    connection.execute(delete(schema_table))
    connection.execute(insert(schema_table).values(version=version))


def migrate(connection: Connection, *, since: int, to: int | None = None) -> None:
    """Bring tables of version `since` (0: none, or some of the first) to version `to`; None: to the present one."""
    from alembic import command  # noqa: PLC0415  # it is seldom needed and slow to import
    from alembic.config import Config  # noqa: PLC0415
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    with _one_at_a_time:
        noted = MigrationContext.configure(connection, opts={"version_table": ALEMBIC_TABLE})
        noted.stamp(ScriptDirectory.from_config(config), str(since) if since > _HALF else "base")
        command.upgrade(config, "head" if to is None else str(to))


def _version(connection: Connection, database: Database) -> int:
    """The version of the tables, `_HALF` when they are not all there, `_NOTHING` when none is."""
    names = set(inspect(connection).get_table_names())
    ours = {name for name in names if name in metadata.tables}
    if schema_table.name in ours:
        found = connection.execute(select(schema_table.c.version)).scalars().first()
        return _HALF if found is None else found
    if database.backend == "sqlite" and names - ours:
        raise StoreError(
            f"state store {shown(database.url)}: the file is an SQLite database of something else "
            f"(it holds {', '.join(sorted(names - ours)[:3])}); name another file"
        )
    return _HALF if ours else _NOTHING


def _prepare(connection: Connection, database: Database) -> int:
    """Make or migrate under the lock; gives the version that there is then."""
    with _lock(connection, database):
        version = _version(connection, database)
        if version == _NOTHING:
            metadata.create_all(connection)
            write_version(connection, SCHEMA_VERSION)
        elif version < SCHEMA_VERSION:
            migrate(connection, since=version)
        return max(version, SCHEMA_VERSION)


@contextmanager
def _lock(connection: Connection, database: Database) -> Iterator[None]:
    """Keep other processes out until what was done is committed; SQLite's transaction does that by itself."""
    if database.backend == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if database.backend in {"sqlite", "postgresql"}:
        yield
        return
    if not connection.scalar(text("SELECT GET_LOCK('cfnlib', :wait)"), {"wait": _WAIT_S}):
        raise StoreError(
            f"state store {shown(database.url)}: another process has been making or migrating its tables for more "
            f"than {_WAIT_S} seconds; see how it goes on, then try again"
        )
    try:
        yield
        connection.exec_driver_sql("COMMIT")
    finally:
        with suppress(SQLAlchemyError):  # the connection may be what failed; then the lock went with it
            connection.execute(text("SELECT RELEASE_LOCK('cfnlib')"))
