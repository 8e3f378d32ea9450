"""The file of the default store, and what is said when a store cannot be used."""

from __future__ import annotations

import importlib.util
import sqlite3
import subprocess
import sys
import traceback
from uuid import uuid4

import pytest
from attrs import evolve
from state_values import new_resource, new_stack

from cfnlib.errors import StoreError
from cfnlib.state import sql_connect
from cfnlib.state.open import open_store
from cfnlib.state.sql import SqlStore
from cfnlib.state.sql_schema import metadata

needs_pymysql = pytest.mark.skipif(not importlib.util.find_spec("pymysql"), reason="pymysql is not installed")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "state.db"


def modes(directory):
    return {path.name: oct(path.stat().st_mode & 0o777) for path in directory.iterdir()}


def refusal(url) -> str:
    """All that a user could see of the error that opening this URL ends with."""
    with pytest.raises(StoreError) as caught:
        open_store(url)
    return "".join(traceback.format_exception(caught.value))


def test_only_its_owner_can_read_the_file_and_the_directories_made_for_it(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'a' / 'state.db'}")
    store.create_stack(new_stack())
    assert modes(tmp_path) == {"a": "0o700"}
    assert modes(tmp_path / "a") == {"state.db": "0o600", "state.db-wal": "0o600", "state.db-shm": "0o600"}
    store.close()


def test_a_file_and_a_directory_that_are_there_keep_their_modes(file):
    file.touch()
    file.chmod(0o640)
    file.parent.chmod(0o750)
    open_store(f"sqlite:///{file}").close()
    assert file.stat().st_mode & 0o777 == 0o640
    assert file.parent.stat().st_mode & 0o777 == 0o750


def test_a_tilde_is_the_home_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    open_store("sqlite:///~/.cfnlib/state.db").close()
    assert (tmp_path / ".cfnlib" / "state.db").exists()


def test_what_was_written_is_there_when_the_file_is_opened_again(file):
    stack = new_stack()
    first = open_store(f"sqlite:///{file}")
    first.create_stack(stack)
    first.close()
    second = open_store(f"sqlite:///{file}")
    assert second.stacks() == [stack]
    second.close()


@pytest.mark.parametrize(("query", "level"), [("", 1), ("?synchronous=FULL", 2), ("?synchronous=extra", 3)])
def test_writes_are_as_durable_as_the_url_says(file, query, level):
    store = SqlStore(f"sqlite:///{file}{query}")
    ask = store._database.read
    assert ask(lambda connection: connection.exec_driver_sql("PRAGMA synchronous").scalar()) == level
    assert ask(lambda connection: connection.exec_driver_sql("PRAGMA journal_mode").scalar()) == "wal"
    assert ask(lambda connection: connection.exec_driver_sql("PRAGMA foreign_keys").scalar()) == 1
    store.close()


def test_an_unknown_durability_is_refused(file):
    assert "synchronous is one of NORMAL, FULL, EXTRA, not 'OFF'" in refusal(f"sqlite:///{file}?synchronous=off")


def test_two_stores_in_memory_are_two_stores():
    first, second = open_store("sqlite://"), open_store("sqlite:///:memory:")
    first.create_stack(new_stack())
    assert second.stacks() == []
    first.close()
    second.close()


def test_a_file_that_is_no_database_is_left_alone(file):
    file.write_text("precious text, long enough to be looked at as the header of a database\n" * 9)
    before = file.read_bytes()
    assert "no SQLite database" in refusal(f"sqlite:///{file}")
    assert file.read_bytes() == before


def test_a_database_of_something_else_is_left_alone(file):
    other = sqlite3.connect(file)
    other.execute("CREATE TABLE songs (title)")
    other.close()
    assert "SQLite database of something else (it holds songs)" in refusal(f"sqlite:///{file}")
    other = sqlite3.connect(file)
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("songs",)]
    other.close()


def test_a_damaged_file_is_told_with_the_way_to_recover(file):
    store = open_store(f"sqlite:///{file}")
    stack = evolve(new_stack(), template="x" * 50_000)
    store.create_stack(stack)
    store.close()
    size = file.stat().st_size
    with file.open("r+b") as opened:
        opened.seek(4096)
        opened.write(b"\xff" * (size - 4096))
    with pytest.raises(StoreError, match=r"damaged.*\.recover"):
        open_store(f"sqlite:///{file}").stack(stack.stack_id)


def test_a_store_that_is_read_only_can_be_read_and_says_what_is_missing(file):
    stack = new_stack()
    writer = open_store(f"sqlite:///{file}")
    writer.create_stack(stack)
    reader = open_store(f"sqlite:///file:{file}?mode=ro&uri=true")
    assert reader.stacks() == [stack]
    with pytest.raises(StoreError, match="read-only; let this user write"):
        reader.create_stack(new_stack())
    reader.close()
    writer.close()


def test_a_lock_that_is_held_for_too_long_is_told(file, monkeypatch):
    monkeypatch.setattr(sql_connect, "_BUSY_S", 0.05)
    store = open_store(f"sqlite:///{file}")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another process has been writing for too long"):
        store.create_stack(new_stack())
    other.execute("ROLLBACK")
    store.create_stack(new_stack())
    store.close()
    other.close()


def test_a_place_where_no_file_can_be_made_is_told(file):
    file.touch()
    assert "state.db" in refusal(f"sqlite:///{file / 'below'}")
    assert "cannot be opened" in refusal(f"sqlite:///{file.parent}")


def test_tables_that_were_half_made_are_completed(file):
    other = sqlite3.connect(file)
    other.execute("CREATE TABLE cfnlib_schema (version INTEGER NOT NULL PRIMARY KEY)")
    other.close()
    store = open_store(f"sqlite:///{file}")
    store.create_stack(new_stack())
    store.close()
    other = sqlite3.connect(file)
    assert {name for (name,) in other.execute("SELECT name FROM sqlite_master WHERE type = 'table'")} >= set(
        metadata.tables
    )
    other.close()


def test_secrets_in_a_row_are_not_in_the_error(file):
    store = open_store(f"sqlite:///{file}")
    secret = uuid4().hex
    stack = evolve(new_stack(), parameters={"Password": secret})
    store.create_stack(stack)
    lease = store.acquire(stack.stack_id, "me", 60)
    other = sqlite3.connect(file)
    other.execute("DROP TABLE cfnlib_resource")
    other.close()
    with pytest.raises(StoreError) as caught:
        store.commit(lease, stack=stack, resources=[new_resource(Password=secret)])
    assert secret not in "".join(traceback.format_exception(caught.value))
    store.close()


@needs_pymysql
def test_a_server_that_is_not_there_is_told_without_the_password():
    text = refusal("mysql://me:hunter2@127.0.0.1:1/cfnlib?ssl_key_password=hunter3")
    assert "mysql+pymysql://me:***@127.0.0.1:1/cfnlib" in text
    assert "the server is not reached" in text
    assert "hunter" not in text


@pytest.mark.parametrize(
    ("scheme", "package"),
    [("mysql+mysqldb", "mysqlclient"), ("postgresql+psycopg2", "psycopg2-binary"), ("mysql+pymysql", "pymysql")],
)
def test_a_driver_that_is_missing_is_told_with_its_package(scheme, package, monkeypatch):
    for module in ("MySQLdb", "psycopg2", "pymysql"):
        monkeypatch.setitem(sys.modules, module, None)
    text = refusal(f"{scheme}://me:hunter2@db.example/cfnlib")
    assert f"pip install '{package}'" in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    "url", ["me:hunter2@db", "", "mysql://me:hunter2@db:port/x", "oracle://me:hunter2@db/x", "nonsense+x://hunter2"]
)
def test_a_url_that_cannot_be_used_is_not_repeated(url):
    text = refusal(url)
    assert "hunter2" not in text
    assert "sqlite" in text


def test_the_model_and_the_door_load_no_database_library():
    script = "import sys; from cfnlib.state import model, store, open, owner; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "cfnlib.state.open" in loaded
    assert "sqlalchemy" not in loaded
    assert "sqlite3" not in loaded
