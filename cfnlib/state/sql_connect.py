"""A connection to the store's database: SQLite in a file of its own, or a MariaDB, MySQL or PostgreSQL server.

SQLite: the file is made with mode 0600 (a directory that is missing with 0700), because parameters hold secrets. It
runs in WAL mode, so that readers and the one writer do not wait for each other. `synchronous=NORMAL` is enough to
lose nothing when processes are killed, since what was committed is with the kernel; a power cut may take back the
last commits (the file stays consistent). Who wants to be safe from that too adds `?synchronous=FULL` to the URL and
pays a sync of the disk for each commit. A transaction that writes says so at its beginning (BEGIN IMMEDIATE), for one
that began by reading could not become a writer once another one has written. Within a process writers stand in line:
SQLite's own waiting is a sleep of growing length. WAL needs shared memory, so the file must be on a disk of this
machine. Reads of a file share one connection and stand in line for it: SQLite gives the interpreter's lock up and
takes it again for each row, and threads that read side by side spend more on that than on reading.

Servers: a process has few connections, for more would not make it faster, and threads stand in line for them. A
connection that was lost before the commit was sent (the server was started anew, or closed what was idle for long) is
no error: the transaction is run again on another one. A process that is stopped in the middle of a transaction would
keep its rows locked, its stacks' leases among them, so the server is told to end a session that does nothing for
`_IDLE_S` seconds in a transaction. PostgreSQL does not count the time within a pipeline, and psycopg makes one
of many rows; so they go to it in one statement, or row by row. In SQLite a stopped process that is just
writing blocks all others: nobody can take its lock away.

A connection must not be used on the other side of a fork, nor even be closed there (SQLite's locks and a server's
session are the parent's): a child sets them aside for good and makes its own. No process may fork while another of
its threads is writing to SQLite: the child's SQLite would believe for ever that somebody writes.
Source: https://www.sqlite.org/howtocorrupt.html, section 2.6.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import URL, Connection, create_engine, event, exc, make_url
from sqlalchemy.pool import Pool, QueuePool

from cfnlib.errors import StoreError
from cfnlib.state.sql_errors import explained, lacks_driver, was_refused, was_victim
from cfnlib.state.sql_turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy import Engine

    from cfnlib.errors import CfnlibError

_T = TypeVar("_T")
_BUSY_S = 30
_IDLE_S = 5
_LOCKED_S = 30
_TRIES = 5
_CONNECTIONS = 8
_MOST_KNOWN = 64
_READ_KIB = 16384
"""How much of a file the connection that reads may hold, which is what all threads read by."""
_DRIVERS = {"mysql": ("pymysql",), "mariadb": ("pymysql",), "postgresql": ("psycopg", "pg8000", "psycopg2")}
_SYNCHRONOUS = ("NORMAL", "FULL", "EXTRA")
_WRITES = {"cfnlib_writes": True}
_parents: list[Pool | Connection | None] = []
"""What belongs to a process of which this one is a child: kept, so that it is never closed here."""


class Database:
    """Runs transactions; whatever goes wrong is a `StoreError`. Safe to use from any thread."""

    _reader: Connection | None
    _version: int | None

    def __init__(self, url: str) -> None:
        self.url = _url(url)
        self.backend = self.url.get_backend_name()
        self._engine = _engine(self.url)
        self._writing = self._engine.execution_options(**_WRITES)
        self._keeps_reader = self.backend == "sqlite" and not _in_memory(self.url)
        self._begin_anew()

    def read(self, work: Callable[[Connection], _T]) -> _T:
        """What `work` reads. Each statement sees what is committed by then: on SQLite no transaction is begun.

        A statement is a snapshot of its own anyway, and to begin and to end one costs as much as to look.
        """
        self._notice_fork()
        if self._keeps_reader:
            return self._run(self._reading, work)
        with self._connections:
            return self._run(self._engine.begin, work)

    def recall(self, key: Hashable, work: Callable[[Connection], _T]) -> _T:
        """What `work` reads, or has read under this key before, when nobody has written since.

        `work` reads nothing but the database, and nobody changes what it gives. SQLite says of a file whether another
        connection has committed, in whatever process; a server is always asked.
        Source: https://www.sqlite.org/pragma.html#pragma_data_version.
        """
        if not self._keeps_reader:
            return self.read(work)

        def look(reader: Connection) -> _T:
            connection: Any = reader.connection.driver_connection
            version = connection.execute("PRAGMA data_version").fetchone()[0]
            if version != self._version or len(self._known) >= _MOST_KNOWN:
                self._known.clear()
                self._version = version
            if key not in self._known:
                self._known[key] = work(reader)
            found: _T = self._known[key]
            return found

        self._notice_fork()
        return self._run(self._reading, look)

    def write(self, work: Callable[[Connection], _T], *, refused: CfnlibError | None = None) -> _T:
        """What `work` gives after it has written in one transaction; an exception from it undoes everything.

        `work` is run again when the database gave up the transaction in favour of another one, or the connection was
        lost. `refused` is what to raise when a key (unique or foreign) does not allow what it writes.
        """
        self._notice_fork()
        with self._writers, self._connections:
            return self._run(self._writing.begin, work, refused)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._notice_fork()
        with self._readers:
            if self._reader is not None:
                self._reader.close()
                self._reader = None
        self._engine.dispose()

    def _begin_anew(self) -> None:
        """Let nobody of this process be in line, for a connection or to write."""
        self._pid = os.getpid()
        self._readers = Lock()
        self._reader = None
        self._version = None
        self._known: dict[Hashable, Any] = {}
        self._connections = Turns(1 if _in_memory(self.url) else _CONNECTIONS)
        self._writers: AbstractContextManager[None] = Turns(1) if self.backend == "sqlite" else nullcontext()

    def _notice_fork(self) -> None:
        """In a child of the process that opened the database: leave the parent's connections and locks alone."""
        if self._pid != os.getpid() and not _in_memory(self.url):
            _parents.extend((self._engine.pool, self._reader))
            self._engine.dispose(close=False)
            self._begin_anew()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """The connection that reads; after an error it is another one."""
        with self._readers:
            if self._reader is None:
                self._reader = self._engine.connect()
                self._reader.exec_driver_sql(f"PRAGMA cache_size=-{_READ_KIB}")
                self._known.clear()  # versions are a connection's own
            reader = self._reader
            try:
                yield reader
            except BaseException:
                self._reader = None
                reader.close()
                raise

    def _run(
        self,
        opened: Callable[[], AbstractContextManager[Connection]],
        work: Callable[[Connection], _T],
        refused: CfnlibError | None = None,
    ) -> _T:
        for left in reversed(range(_TRIES)):
            done = False
            try:
                with opened() as connection:
                    result = work(connection)
                    done = True
            except exc.DBAPIError as error:
                if left and (was_victim(error) or (error.connection_invalidated and not done)):
                    continue
                if refused and was_refused(error):
                    raise refused from error
                raise explained(error, self.url) from error
            except (exc.SQLAlchemyError, OSError, UnicodeError) as error:
                if left and isinstance(error, OSError) and self.backend != "sqlite" and not done:
                    self._engine.dispose()  # pg8000 lets a lost connection show as the system does
                    continue
                raise explained(error, self.url) from error
            else:
                return result
        raise AssertionError  # the last turn returns or raises


def _url(text: str) -> URL:
    """The URL with a driver, an installed one if there is.

    Raises `StoreError`, which never holds the text: a password may be in it.
    """
    try:
        url = make_url(text)
        backend, _, driver = url.drivername.partition("+")
    except (exc.ArgumentError, ValueError):
        raise StoreError(
            "the state store's URL cannot be read; it looks like sqlite:////absolute/path/to/file.db or "
            "mysql+pymysql://user:password@host/database (special characters of the password percent-encoded)"
        ) from None
    if backend == "sqlite":
        return url.set(database=str(Path(url.database).expanduser())) if url.database else url
    if backend not in _DRIVERS:
        raise StoreError(f"state store: {backend} is not supported; use sqlite, mysql, mariadb or postgresql")
    if not driver:
        driver = next(filter(find_spec, _DRIVERS[backend]), _DRIVERS[backend][0])
        url = url.set(drivername=f"{backend}+{driver}")
    return url


def _engine(url: URL) -> Engine:
    try:
        return _sqlite(url) if url.get_backend_name() == "sqlite" else _server(url)
    except ImportError as error:  # a part of the driver may be missing too
        raise lacks_driver(error.name or url.get_driver_name(), url) from error
    except (exc.SQLAlchemyError, OSError) as error:
        raise explained(error, url) from error


def _server(url: URL) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=_CONNECTIONS,
        max_overflow=0,
        pool_recycle=1800,
        isolation_level="READ COMMITTED",
    )

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:  # noqa: ANN401  # the driver's, of no public type
        cursor = connection.cursor()
        if url.get_backend_name() == "postgresql":
            cursor.execute(f"SET SESSION idle_in_transaction_session_timeout = '{_IDLE_S}s'")
            cursor.execute(f"SET SESSION lock_timeout = '{_LOCKED_S}s'")
            connection.commit()
        else:
            cursor.execute("SELECT VERSION()")
            of_mariadb = "mariadb" in str(cursor.fetchone()[0]).lower()
            # MySQL has no limit of its own for transactions, but one for sessions that do nothing at all.
            name = "idle_transaction_timeout" if of_mariadb else "wait_timeout"
            cursor.execute(f"SET SESSION {name} = {_IDLE_S}")
        cursor.close()

    if url.drivername == "postgresql+psycopg":
        engine.dialect.use_insertmanyvalues_wo_returning = True

        @event.listens_for(engine, "do_executemany")
        def each(cursor: Any, statement: str, rows: Sequence[Any], _context: object) -> bool:  # noqa: ANN401  # the driver's
            for row in rows:
                cursor.execute(statement, row)
            return True

    return engine


def _sqlite(url: URL) -> Engine:
    synchronous = str(url.query.get("synchronous", "NORMAL")).upper()
    if synchronous not in _SYNCHRONOUS:
        raise StoreError(f"state store: synchronous is one of {', '.join(_SYNCHRONOUS)}, not {synchronous!r}")
    url = url.difference_update_query(["synchronous"])
    in_memory = _in_memory(url)
    if not in_memory:
        _make_file(Path(str(url.database)))
    engine = create_engine(
        url,
        hide_parameters=True,
        connect_args={"timeout": _BUSY_S, "check_same_thread": False},
        poolclass=QueuePool,
        pool_size=1 if in_memory else _CONNECTIONS,  # one in memory lives in its one connection
        max_overflow=0,
    )

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:  # noqa: ANN401  # the driver's, of no public type
        connection.isolation_level = None  # transactions are begun below, not by the driver
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA synchronous={synchronous if in_memory or _wal(cursor) else 'FULL'}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        if connection.get_execution_options().get("cfnlib_writes"):
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _in_memory(url: URL) -> bool:
    """Whether the database is one of SQLite that lives in its connection only."""
    return url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}


def _wal(cursor: Any) -> bool:  # noqa: ANN401  # the driver's
    """Switch to WAL; False where the file system cannot do it.

    It is tried again while the file is locked, for SQLite refuses two that switch at once without waiting.
    """
    until = monotonic() + _BUSY_S
    while True:
        try:
            return bool(cursor.execute("PRAGMA journal_mode=WAL").fetchone()[0] == "wal")
        except Exception as error:
            if "locked" not in str(error) or monotonic() > until:
                raise
            sleep(0.01)


def _make_file(path: Path) -> None:
    """Make the file, private to its owner, when it is not there."""
    if str(path).startswith("file:"):  # SQLite's own URIs say themselves whether to make a file
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
