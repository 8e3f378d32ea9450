"""What steps are made of: changes that are made if they are not there yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alembic import op
from sqlalchemy import Column, inspect, text

if TYPE_CHECKING:
    from sqlalchemy.schema import SchemaItem
    from sqlalchemy.types import TypeEngine

_MYSQL = ("mysql", "mariadb")
_OPTIONS: dict[str, Any] = {
    f"{backend}_{option}": value
    for backend in _MYSQL
    for option, value in {"engine": "InnoDB", "charset": "utf8mb4", "collate": "utf8mb4_bin"}.items()
}


def add_table(name: str, *items: SchemaItem, **options: Any) -> None:  # noqa: ANN401  # the dialects' own
    """Make a table, if it is not there."""
    if not inspect(op.get_bind()).has_table(name):
        op.create_table(name, *items, **_OPTIONS, **options)


def add_column(table: str, name: str, type_: TypeEngine[Any], default: str | int | None = None) -> None:
    """Add a column, if it is not there. `default` is what rows have that say nothing; None: NULL."""
    connection = op.get_bind()
    if any(found["name"] == name for found in inspect(connection).get_columns(table)):
        return
    if default is None:
        op.add_column(table, Column(name, type_))
        return
    words = str(default) if isinstance(default, int) else f"'{default}'"
    if connection.dialect.name in _MYSQL:  # takes a long text's only as an expression, which SQLite does not take
        words = f"({words})"
    op.add_column(table, Column(name, type_, nullable=False, server_default=text(words)))


def add_index(name: str, table: str, columns: list[str], **options: Any) -> None:  # noqa: ANN401  # the dialects' own
    """Add an index, if it is not there."""
    if all(found["name"] != name for found in inspect(op.get_bind()).get_indexes(table)):
        op.create_index(name, table, columns, **options)
