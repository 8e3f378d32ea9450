"""The tables of the store, in types that SQLite, MariaDB, MySQL and PostgreSQL have in common.

Times are doubles (seconds since the epoch), JSON is compact text (the database never looks into it), text has no
limit. Names are compared byte by byte (`utf8mb4_bin` on MySQL), for `Web` and `web` are two resources. All tables
start with `cfnlib_`, so that a database may be shared with something else.

`cfnlib_stack.live_name` is the stack's name until it is deleted, then NULL: the unique key over it lets the database
itself keep two live stacks of one account from having one name. `cfnlib_lease` also holds the two counters of a stack
(its last event, its last row made), for they are read and written under the same lock.

What may be long stands last in a stack's row, for SQLite walks over it on its way to what stands behind.

These are the tables of `SCHEMA_VERSION`, as an empty database gets them; `migrations` brings those of an earlier
version to the same form, which a test compares. Whoever changes something here adds a step there and raises the
number.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.mysql import LONGTEXT

SCHEMA_VERSION = 4

metadata = MetaData()

_WORDS = Text().with_variant(LONGTEXT(), "mysql", "mariadb")
_NAME = String(255)
_OPTIONS: dict[str, Any] = {
    f"{backend}_{option}": value
    for backend in ("mysql", "mariadb")
    for option, value in {"engine": "InnoDB", "charset": "utf8mb4", "collate": "utf8mb4_bin"}.items()
}


LONG_TEXT: dict[str, Any] = {
    "mysql_length": 64,
    "mariadb_length": 64,
    "postgresql_using": "hash",
}
"""How a text without a limit is indexed: by its beginning, or by a hash, for a key's length has a limit."""


def _of_stack(*, key: bool = True) -> Column[str]:
    """The column that says which stack a row belongs to."""
    target = ForeignKey("cfnlib_stack.stack_id", ondelete="CASCADE")
    return Column("stack_id", _NAME, target, primary_key=key, nullable=False)


schema_table = Table(
    "cfnlib_schema", metadata, Column("version", Integer, primary_key=True, autoincrement=False), **_OPTIONS
)

stack_table = Table(
    "cfnlib_stack",
    metadata,
    Column("stack_id", _NAME, primary_key=True),
    Column("name", _NAME, nullable=False),
    Column("status", String(64), nullable=False),
    Column("account", _NAME, nullable=False),
    Column("owner", _NAME, nullable=False),
    Column("project_id", _NAME),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double),
    Column("deleted_at", Double),
    Column("live_name", _NAME),
    Column("revision", Integer, nullable=False),
    Column("on_failure", String(64), nullable=False),
    Column("protected", Integer, nullable=False),
    Column("request", String(64)),
    Column("asked", _WORDS),
    Column("reason", _WORDS, nullable=False),
    Column("description", _WORDS, nullable=False),
    Column("terms", _WORDS, nullable=False),
    Column("shown_parameters", _WORDS, nullable=False),
    Column("outputs", _WORDS, nullable=False),
    Column("output_notes", _WORDS, nullable=False),
    Column("template_file", _WORDS, nullable=False),
    Column("parameters", _WORDS, nullable=False),
    Column("policy", _WORDS),
    Column("template", _WORDS, nullable=False),
    Column("previous_terms", _WORDS),
    Column("previous_parameters", _WORDS),
    Column("previous_template", _WORDS),
    UniqueConstraint("account", "live_name", name="cfnlib_live_name"),
    Index("cfnlib_stack_page", "account", "created_at", "stack_id"),
    Index("cfnlib_stack_status", "status", "deleted_at"),
    **_OPTIONS,
)

lease_table = Table(
    "cfnlib_lease",
    metadata,
    _of_stack(),
    Column("epoch", BigInteger, nullable=False),
    Column("owner", _NAME),
    Column("expires_at", Double, nullable=False),
    Column("last_event", BigInteger, nullable=False),
    Column("last_row", BigInteger, nullable=False),
    **_OPTIONS,
)

resource_table = Table(
    "cfnlib_resource",
    metadata,
    _of_stack(),
    Column("logical_id", _NAME, primary_key=True),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("made", BigInteger, nullable=False),
    Column("type", _NAME, nullable=False),
    Column("name", _WORDS, nullable=False),
    Column("status", String(64), nullable=False),
    Column("physical_id", _WORDS),
    Column("reason", _WORDS, nullable=False),
    Column("properties", _WORDS, nullable=False),
    Column("attributes", _WORDS, nullable=False),
    Column("depends_on", _WORDS, nullable=False),
    Column("group_name", _NAME),
    Column("deletion_policy", String(64), nullable=False),
    Column("replace_policy", String(64), nullable=False),
    Column("intent", _WORDS),
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double),
    Index("cfnlib_resource_physical", "physical_id", **LONG_TEXT),
    **_OPTIONS,
)

event_table = Table(
    "cfnlib_event",
    metadata,
    _of_stack(),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("stack_name", _NAME, nullable=False),
    Column("logical_id", _NAME, nullable=False),
    Column("physical_id", _WORDS),
    Column("type", _NAME, nullable=False),
    Column("status", String(64), nullable=False),
    Column("reason", _WORDS, nullable=False),
    Column("at", Double, nullable=False),
    Column("token", _NAME),
    sqlite_with_rowid=False,
    **_OPTIONS,
)

change_set_table = Table(
    "cfnlib_change_set",
    metadata,
    Column("change_set_id", _NAME, primary_key=True),
    Column("name", _NAME, nullable=False),
    Column("stack_id", _NAME, ForeignKey("cfnlib_stack.stack_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("stack_revision", Integer, nullable=False),
    Column("template", _WORDS, nullable=False),
    Column("template_file", _WORDS, nullable=False),
    Column("parameters", _WORDS, nullable=False),
    Column("summary", _WORDS, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("status", String(64), nullable=False),
    Column("reason", _WORDS, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("execution", String(64), nullable=False),
    Column("description", _WORDS, nullable=False),
    Column("on_failure", String(64), nullable=False),
    Column("terms", _WORDS, nullable=False),
    Column("shown_parameters", _WORDS, nullable=False),
    **_OPTIONS,
)

signal_table = Table(
    "cfnlib_signal",
    metadata,
    Column("number", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    _of_stack(key=False),
    Column("handle", _NAME, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("unique_id", _WORDS, nullable=False),
    Column("status", String(64), nullable=False),
    Column("reason", _WORDS, nullable=False),
    Column("data", _WORDS, nullable=False),
    UniqueConstraint("stack_id", "handle", "digest", name="cfnlib_signal_once"),
    **_OPTIONS,
)
