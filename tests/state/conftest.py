"""The databases that the store is tested on: SQLite always, servers when their URL is in the environment."""

from __future__ import annotations

import os

import pytest

from cfnlib.state.sql import SqlStore

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
