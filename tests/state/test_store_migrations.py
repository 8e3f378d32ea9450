"""A store that an earlier cfnlib made becomes one of today's when it is opened."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from state_values import new_resource
from state_workers import open_at_once, started

from cfnlib.errors import StoreError
from cfnlib.state import sql_version
from cfnlib.state.model import Signal, StackStatus, Terms
from cfnlib.state.open import open_store
from cfnlib.state.sql_connect import Database
from cfnlib.state.sql_schema import SCHEMA_VERSION, metadata

STACK = "arn:old"
OLD = """
INSERT INTO cfnlib_stack
  (stack_id, name, status, template, template_file, parameters, reason, revision, outputs, on_failure, description,
   account, created_at, live_name)
  VALUES ('arn:old', 'web', 'UPDATE_IN_PROGRESS', '{}', 'web.yaml', '{"Size":3}', '', 2, '{"Url":"x"}', 'ROLLBACK',
   'what it is', 'here', 7.5, 'web');
INSERT INTO cfnlib_lease (stack_id, epoch, expires_at, last_event, last_row) VALUES ('arn:old', 4, 0, 1, 1);
INSERT INTO cfnlib_resource
  (stack_id, logical_id, generation, made, type, name, status, physical_id, reason, properties, attributes,
   depends_on, deletion_policy, replace_policy, started_at)
  VALUES ('arn:old', 'Web', 1, 1, 'AWS::EC2::Instance', 'web-1', 'CREATE_COMPLETE', 'vm-1', '', '{}', '{}', '[]',
   'Delete', 'Delete', 1);
INSERT INTO cfnlib_event (stack_id, sequence, stack_name, logical_id, type, status, reason, at)
  VALUES ('arn:old', 1, 'web', 'Web', 'AWS::EC2::Instance', 'CREATE_COMPLETE', '', 2);
INSERT INTO cfnlib_change_set
  (change_set_id, name, stack_id, stack_revision, template, template_file, parameters, summary, created_at, status,
   reason)
  VALUES ('arn:change', 'c', 'arn:old', 2, '{}', 'f', '{}', '[]', 3, 'CREATE_COMPLETE', '');
INSERT INTO cfnlib_signal (stack_id, handle, digest, unique_id, status, reason, data)
  VALUES ('arn:old', 'h', 'd', 'u', 'SUCCESS', '', '')
"""
OLD_ROWS = OLD.split(";")


@pytest.fixture
def database(empty_url):
    opened = Database(empty_url)
    yield opened
    opened.close()


def run(database, *statements) -> None:
    """Change the database behind the store's back."""

    def work(connection) -> None:
        for statement in statements:
            connection.execute(text(statement.replace(":", r"\:")))

    database.write(work)


def make_version(database, version) -> None:
    """Make the tables of an early version, as the cfnlib of then left them: without anything of Alembic's."""
    database.write(lambda connection: sql_version.migrate(connection, since=0, to=version))
    run(database, f"DROP TABLE {sql_version.ALEMBIC_TABLE}")


def versions(database):
    """What `cfnlib_schema` and Alembic say."""
    return database.read(
        lambda connection: (
            connection.execute(text("SELECT version FROM cfnlib_schema")).scalars().all(),
            connection.execute(text(f"SELECT version_num FROM {sql_version.ALEMBIC_TABLE}")).scalars().all(),
        )
    )


def differences(database):
    """In what the tables are not those of today."""

    def work(connection):
        options = {"version_table": sql_version.ALEMBIC_TABLE, "compare_type": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    return database.read(work)


def test_all_the_steps_make_the_tables_that_an_empty_database_gets(database):
    database.write(lambda connection: sql_version.migrate(connection, since=0))
    assert differences(database) == []
    assert versions(database) == ([SCHEMA_VERSION], [str(SCHEMA_VERSION)])


def test_an_empty_database_gets_todays_tables(empty_url, database):
    open_store(empty_url).close()
    assert differences(database) == []


def test_what_was_kept_by_the_first_version_is_there_with_defaults_for_what_is_new(empty_url, database):
    make_version(database, 1)
    run(database, *OLD_ROWS)
    store = open_store(empty_url)
    assert differences(database) == []
    assert versions(database) == ([SCHEMA_VERSION], [str(SCHEMA_VERSION)])
    stack = store.stack("web", "here")
    assert (stack.stack_id, stack.status, stack.created_at) == (STACK, StackStatus.UPDATE_IN_PROGRESS, 7.5)
    assert (stack.parameters, stack.outputs, stack.template_file) == ({"Size": 3}, {"Url": "x"}, "web.yaml")
    assert (stack.terms, stack.previous_terms, stack.shown_parameters) == (Terms(), None, {})
    assert (stack.output_notes, stack.owner, stack.project_id) == ({}, "", None)
    assert (stack.protected, stack.policy) == (False, None)
    assert store.summary(STACK).description == "what it is"
    assert [(row.key, row.physical_id) for row in store.resources(STACK)] == [(("Web", 1), "vm-1")]
    assert [(event.sequence, event.token) for event in store.events(STACK)] == [(1, None)]
    (change_set,) = store.change_sets(STACK)
    assert (change_set.kind, change_set.execution, change_set.description) == ("UPDATE", "AVAILABLE", "")
    assert (change_set.on_failure, change_set.terms, change_set.shown_parameters) == ("ROLLBACK", Terms(), {})
    assert store.signals(STACK, ["h"]) == {"h": [Signal("u", "SUCCESS")]}
    lease = store.acquire(STACK, "me", 60)
    assert lease.epoch == 5
    store.commit(lease, stack=stack, resources=[new_resource("Db")])
    assert [row.logical_id for row in store.resources(STACK)] == ["Web", "Db"]
    store.close()


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_each_earlier_version_becomes_todays(empty_url, database, version):
    make_version(database, version)
    open_store(empty_url).close()
    assert differences(database) == []
    assert versions(database) == ([SCHEMA_VERSION], [str(SCHEMA_VERSION)])


@pytest.mark.parametrize(
    "done",
    [
        ["DROP TABLE cfnlib_signal", "DELETE FROM cfnlib_schema"],
        ["DROP TABLE cfnlib_signal", "DROP TABLE cfnlib_change_set", "DROP TABLE cfnlib_schema"],
        [
            "ALTER TABLE cfnlib_stack ADD COLUMN previous_terms TEXT",
            "ALTER TABLE cfnlib_stack ADD COLUMN policy TEXT",
        ],
        ["ALTER TABLE cfnlib_event ADD COLUMN token VARCHAR(255)"],
        ["CREATE INDEX cfnlib_stack_status ON cfnlib_stack (status, deleted_at)"],
    ],
)
def test_steps_that_died_half_way_are_gone_on_with(empty_url, database, done):
    make_version(database, 1)
    run(database, *done)
    store = open_store(empty_url)
    assert store.stacks() == []
    found = [change for change in differences(database) if not isinstance(change, list)]
    assert found == []
    assert versions(database) == ([SCHEMA_VERSION], [str(SCHEMA_VERSION)])
    store.close()


def test_tables_that_todays_version_half_made_are_completed(empty_url, database):
    open_store(empty_url).close()
    run(database, "DROP TABLE cfnlib_event", "DROP TABLE cfnlib_signal", "DELETE FROM cfnlib_schema")
    open_store(empty_url).close()
    assert differences(database) == []


def test_a_later_version_is_refused_and_left_as_it_is(empty_url, database):
    open_store(empty_url).close()
    run(database, f"UPDATE cfnlib_schema SET version = {SCHEMA_VERSION + 1}")
    with pytest.raises(StoreError, match=rf"version {SCHEMA_VERSION + 1}, this cfnlib knows .* update this one"):
        open_store(empty_url)
    tables = database.read(lambda connection: inspect(connection).get_table_names())
    assert sql_version.ALEMBIC_TABLE not in tables


def test_a_process_of_the_version_before_goes_on_with_what_it_has_open(empty_url, database):
    make_version(database, 1)
    open_store(empty_url).close()
    run(database, *OLD_ROWS)
    store = open_store(empty_url)
    assert (store.stack("web", "here").terms, store.stack("web", "here").owner) == (Terms(), "")
    assert [saved.kind for saved in store.change_sets(STACK)] == ["UPDATE"]
    store.close()


@pytest.mark.parametrize("version", [None, 1])
def test_processes_that_start_at_once_make_or_migrate_the_tables_once(empty_url, database, version):
    if version:
        make_version(database, version)
        run(database, *OLD_ROWS)
    with ExitStack() as running:
        workers = [running.enter_context(started(open_at_once, empty_url)) for _ in range(6)]
        for _, pipe in workers:
            pipe.recv()
        for _, pipe in workers:
            pipe.send("go")
        assert [pipe.recv() for _, pipe in workers] == [1 if version else 0] * 6
    assert differences(database) == []


def test_opening_a_store_of_today_or_making_one_loads_no_alembic(tmp_path):
    script = (
        "import sys; from cfnlib.state.open import open_store\n"
        f"for _ in range(2): open_store('sqlite:///{tmp_path}/state.db').close()\n"
        "print('sqlalchemy' in sys.modules, 'alembic' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["True", "False"]
