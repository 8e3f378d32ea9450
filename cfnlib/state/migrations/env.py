"""What Alembic runs to migrate: the steps, over the connection that `sql_version` hands it.

The number in `cfnlib_schema` is what every version of cfnlib looks at when it opens a store; it is written with
Alembic's own, step by step, in one transaction with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alembic import context

from cfnlib.state.sql_version import ALEMBIC_TABLE, write_version

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from alembic.runtime.migration import MigrationContext, MigrationInfo

connection = context.config.attributes["connection"]


def _count(ctx: MigrationContext, step: MigrationInfo, heads: Collection[Any], run_args: Mapping[str, Any]) -> None:  # noqa: ARG001  # as Alembic calls it
    if step.is_upgrade and step.up_revision_id is not None and ctx.connection is not None:
        write_version(ctx.connection, int(step.up_revision_id))


context.configure(connection=connection, version_table=ALEMBIC_TABLE, on_version_apply=_count)
context.run_migrations()
