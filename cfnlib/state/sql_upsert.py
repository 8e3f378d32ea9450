"""Insert a row or overwrite the one with its key, in the three dialects: the one place where they differ."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Executable, Table


@cache
def upsert(backend: str, table: Table, key: tuple[str, ...], kept: tuple[str, ...] = ()) -> Executable:
    """The statement for rows of `table` that are told apart by the columns `key`; an overwritten row keeps `kept`.

    `key` is the primary key or a unique key. It is one statement, for to look first and then insert would let two
    that come at once both insert.
    """
    dialect: Any = import_module(f"sqlalchemy.dialects.{'mysql' if backend == 'mariadb' else backend}")
    statement = dialect.insert(table)
    names = [column.name for column in table.columns if column.name not in {*key, *kept}]
    if backend in {"mysql", "mariadb"}:
        inserted: Executable = statement.on_duplicate_key_update({name: statement.inserted[name] for name in names})
        return inserted
    replaced: Executable = statement.on_conflict_do_update(
        index_elements=list(key), set_={name: statement.excluded[name] for name in names}
    )
    return replaced
