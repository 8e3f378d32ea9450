"""What went wrong with the database, in words that name the place and the way out, without the URL's password."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlalchemy import exc

from cfnlib.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy import URL

PACKAGES = {
    "pymysql": "pymysql",
    "MySQLdb": "mysqlclient",
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "pg8000": "pg8000",
}
"""Module of a driver -> the package to install."""

_SECRET = re.compile("pass|secret|token|key", re.IGNORECASE)
_SQLITE = {
    "database is locked": "another process has been writing for too long; see that it ends, then try again",
    "database table is locked": "another process has been writing for too long; see that it ends, then try again",
    "readonly database": "it is read-only; let this user write the file and its directory",
    "not a database": "it is no SQLite database (or an encrypted one); name another file",
    "malformed": "the file is damaged; keep a copy, then try `sqlite3 FILE .recover`, or restore a backup",
    "unable to open": "it cannot be opened; see that this user may write the file and its directory",
    "disk is full": "the disk is full; make room, then try again",
    "disk I/O error": "the disk or file system failed to read or write it; see the system's log",
}
_RETRIED = {"40001", "40P01", 1213}
"""A transaction that was rolled back for the sake of another one."""

_REFUSED = {
    *("SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_FOREIGNKEY"),
    *("23505", "23503"),
    *(1062, 1216, 1452),
}
"""A unique or foreign key that does not allow what was written.

Source: https://www.sqlite.org/rescode.html; PostgreSQL manual, appendix A; MySQL error reference, server errors.
"""


def shown(url: URL) -> str:
    """The URL without any secret."""
    hidden = {name: "***" for name in url.query if _SECRET.search(name)}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def explained(error: Exception, url: URL) -> StoreError:
    """The `StoreError` for what SQLAlchemy, its driver or the operating system raised."""
    place = f"state store {shown(url)}"
    if isinstance(error, exc.TimeoutError):
        return StoreError(f"{place}: all its connections are in use, and none came free in time")
    if not isinstance(error, exc.DBAPIError):
        return StoreError(f"{place}: {_cleaned(error, url)}")
    text = _cleaned(error.orig or error, url)
    if url.get_backend_name() == "sqlite":
        for sign, words in _SQLITE.items():
            if sign in text:
                return StoreError(f"{place}: {words} ({text})")
    elif isinstance(error, exc.OperationalError | exc.InterfaceError):
        return StoreError(
            f"{place}: the server is not reached, refuses the login, or gave up ({text}); "
            "see that it runs and that host, port, user, password and database of the URL are right"
        )
    return StoreError(f"{place}: {text}")


def lacks_driver(module: str, url: URL) -> StoreError:
    """The `StoreError` for a URL whose driver is not installed."""
    package = PACKAGES.get(module, module)
    return StoreError(f"state store {shown(url)}: the driver {module} is not installed; run: pip install '{package}'")


def was_victim(error: exc.DBAPIError) -> bool:
    """Whether the transaction was rolled back in favour of another one, so that it may simply be run again."""
    return bool(_codes(error) & _RETRIED)


def was_refused(error: exc.DBAPIError) -> bool:
    """Whether a key (unique or foreign) did not allow what was written."""
    return bool(_codes(error) & _REFUSED)


def _codes(error: exc.DBAPIError) -> set[object]:
    """The error's codes: SQLite's name, PostgreSQL's SQLSTATE, MySQL's number, as far as the driver gives them."""
    orig = error.orig
    first = orig.args[0] if orig is not None and orig.args else None
    if isinstance(first, dict):  # pg8000 gives the fields of the server's answer
        first = first.get("C")
    return {getattr(orig, "sqlite_errorname", None), getattr(orig, "sqlstate", None), first}


def _cleaned(error: BaseException, url: URL) -> str:
    """The text of an error in one line, without the password."""
    said = error.args[0] if error.args else None
    text = str(said.get("M", said)) if isinstance(said, dict) else str(error)  # pg8000's is a dict
    text = " ".join(text.split()) or type(error).__name__
    return text.replace(str(url.password), "***") if url.password else text
