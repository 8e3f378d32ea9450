"""With what a deletion was asked for, kept beside the wish until it begins."""

from __future__ import annotations

from sqlalchemy import Text
from sqlalchemy.dialects.mysql import LONGTEXT

from cfnlib.state.migrations.steps import add_column

revision = "4"
down_revision = "3"

_WORDS = Text().with_variant(LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    """Add the column."""
    add_column("cfnlib_stack", "asked", _WORDS)
