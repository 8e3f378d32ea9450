"""Indexes for pages of stacks, for stacks in progress or long deleted, and for finding a thing by its physical id."""

from __future__ import annotations

from cfnlib.state.migrations.steps import add_index

revision = "3"
down_revision = "2"

_BY_ITS_BEGINNING = {"mysql_length": 64, "mariadb_length": 64, "postgresql_using": "hash"}


def upgrade() -> None:
    """Add the indexes."""
    add_index("cfnlib_stack_page", "cfnlib_stack", ["account", "created_at", "stack_id"])
    add_index("cfnlib_stack_status", "cfnlib_stack", ["status", "deleted_at"])
    add_index("cfnlib_resource_physical", "cfnlib_resource", ["physical_id"], **_BY_ITS_BEGINNING)
