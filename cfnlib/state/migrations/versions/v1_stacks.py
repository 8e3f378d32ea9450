"""The first tables: stacks, their leases, resources, events, change sets and signals."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Double, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.dialects.mysql import LONGTEXT

from cfnlib.state.migrations.steps import add_index, add_table

revision = "1"
down_revision = None

_WORDS = Text().with_variant(LONGTEXT(), "mysql", "mariadb")
_NAME = String(255)


def upgrade() -> None:
    """Make the tables."""
    add_table("cfnlib_schema", Column("version", Integer, primary_key=True, autoincrement=False))
    add_table(
        "cfnlib_stack",
        Column("stack_id", _NAME, primary_key=True),
        Column("name", _NAME, nullable=False),
        Column("status", String(64), nullable=False),
        Column("template", _WORDS, nullable=False),
        Column("template_file", _WORDS, nullable=False),
        Column("parameters", _WORDS, nullable=False),
        Column("reason", _WORDS, nullable=False),
        Column("revision", Integer, nullable=False),
        Column("outputs", _WORDS, nullable=False),
        Column("previous_template", _WORDS),
        Column("previous_parameters", _WORDS),
        Column("on_failure", String(64), nullable=False),
        Column("description", _WORDS, nullable=False),
        Column("account", _NAME, nullable=False),
        Column("request", String(64)),
        Column("created_at", Double, nullable=False),
        Column("updated_at", Double),
        Column("deleted_at", Double),
        Column("live_name", _NAME),
        UniqueConstraint("account", "live_name", name="cfnlib_live_name"),
    )
    add_table(
        "cfnlib_lease",
        _of_stack(),
        Column("epoch", BigInteger, nullable=False),
        Column("owner", _NAME),
        Column("expires_at", Double, nullable=False),
        Column("last_event", BigInteger, nullable=False),
        Column("last_row", BigInteger, nullable=False),
    )
    add_table(
        "cfnlib_resource",
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
    )
    add_table(
        "cfnlib_event",
        _of_stack(),
        Column("sequence", BigInteger, primary_key=True, autoincrement=False),
        Column("stack_name", _NAME, nullable=False),
        Column("logical_id", _NAME, nullable=False),
        Column("physical_id", _WORDS),
        Column("type", _NAME, nullable=False),
        Column("status", String(64), nullable=False),
        Column("reason", _WORDS, nullable=False),
        Column("at", Double, nullable=False),
        sqlite_with_rowid=False,
    )
    add_table(
        "cfnlib_change_set",
        Column("change_set_id", _NAME, primary_key=True),
        Column("name", _NAME, nullable=False),
        _of_stack(key=False),
        Column("stack_revision", Integer, nullable=False),
        Column("template", _WORDS, nullable=False),
        Column("template_file", _WORDS, nullable=False),
        Column("parameters", _WORDS, nullable=False),
        Column("summary", _WORDS, nullable=False),
        Column("created_at", Double, nullable=False),
        Column("status", String(64), nullable=False),
        Column("reason", _WORDS, nullable=False),
    )
    add_index("ix_cfnlib_change_set_stack_id", "cfnlib_change_set", ["stack_id"])
    add_table(
        "cfnlib_signal",
        Column("number", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
        _of_stack(key=False),
        Column("handle", _NAME, nullable=False),
        Column("digest", String(64), nullable=False),
        Column("unique_id", _WORDS, nullable=False),
        Column("status", String(64), nullable=False),
        Column("reason", _WORDS, nullable=False),
        Column("data", _WORDS, nullable=False),
        UniqueConstraint("stack_id", "handle", "digest", name="cfnlib_signal_once"),
    )


def _of_stack(*, key: bool = True) -> Column[Any]:
    target = ForeignKey("cfnlib_stack.stack_id", ondelete="CASCADE")
    return Column("stack_id", _NAME, target, primary_key=key, nullable=False)
