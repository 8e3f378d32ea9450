"""The databases that the store is tested on: SQLite always, servers when their URL is in the environment."""

from __future__ import annotations

import os
from uuid import uuid4

import pytest
from sqlalchemy import create_engine

from cfnlib.state.sql import SqlStore
from cfnlib.state.sql_connect import _url

SERVERS = {"mysql": "CFNLIB_TEST_MYSQL_URL", "postgresql": "CFNLIB_TEST_POSTGRESQL_URL"}


class SetClock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        """The time it shows."""
        return self.at

    def pass_by(self, seconds) -> None:
        """Let time pass."""
        self.at += seconds


def server_url(kind) -> str:
    url = os.environ.get(SERVERS[kind])
    if not url:
        pytest.skip(f"no server: {SERVERS[kind]} is not set")
    return url


@pytest.fixture(scope="session", params=["file", "memory", *SERVERS])
def url(request, tmp_path_factory):
    """A database of each kind, kept for all tests: each test makes stacks of its own."""
    if request.param == "memory":
        return "sqlite:///:memory:"
    if request.param == "file":
        return f"sqlite:///{tmp_path_factory.mktemp('store') / 'state.db'}"
    return server_url(request.param)


@pytest.fixture(params=["file", *SERVERS])
def shared_url(request, tmp_path):
    """A database that several processes can open."""
    return f"sqlite:///{tmp_path / 'state.db'}" if request.param == "file" else server_url(request.param)


@pytest.fixture(params=[*SERVERS])
def served_url(request):
    """A database on a server."""
    return server_url(request.param)


@pytest.fixture(params=["file", *SERVERS])
def empty_url(request, tmp_path):
    """A database that several processes can open and that has no tables yet; the user must be allowed to make one."""
    if request.param == "file":
        yield f"sqlite:///{tmp_path / 'state.db'}"
        return
    server = _url(server_url(request.param))
    name = f"cfnlib_{uuid4().hex[:12]}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        yield server.set(database=name).render_as_string(hide_password=False)
        connection.exec_driver_sql(f"DROP DATABASE {name}" + (" WITH (FORCE)" if request.param != "mysql" else ""))
    engine.dispose()


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
def store(url, clock):
    opened = SqlStore(url, now=clock, is_dead=lambda owner: owner.startswith("dead"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def lasting_store(url):
    """One store for all the examples of a property."""
    opened = SqlStore(url)
    yield opened
    opened.close()
