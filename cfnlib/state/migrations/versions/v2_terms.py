"""What a service keeps of a stack: whose it is, tags and tokens, a policy, protection, and change sets in full.

A stack of before has no owner (its operations are those of whoever opens the store) and shows no parameters until
its next operation: what they are is worked out from the template.
"""

from __future__ import annotations

from sqlalchemy import Integer, String, Text
from sqlalchemy.dialects.mysql import LONGTEXT

from cfnlib.state.migrations.steps import add_column

revision = "2"
down_revision = "1"

_WORDS = Text().with_variant(LONGTEXT(), "mysql", "mariadb")
_NAME = String(255)


def upgrade() -> None:
    """Add the columns."""
    add_column("cfnlib_stack", "previous_terms", _WORDS)
    add_column("cfnlib_stack", "terms", _WORDS, "{}")
    add_column("cfnlib_stack", "shown_parameters", _WORDS, "{}")
    add_column("cfnlib_stack", "output_notes", _WORDS, "{}")
    add_column("cfnlib_stack", "owner", _NAME, "")
    add_column("cfnlib_stack", "project_id", _NAME)
    add_column("cfnlib_stack", "protected", Integer(), 0)
    add_column("cfnlib_stack", "policy", _WORDS)
    add_column("cfnlib_event", "token", _NAME)
    add_column("cfnlib_change_set", "kind", String(64), "UPDATE")
    add_column("cfnlib_change_set", "execution", String(64), "AVAILABLE")
    add_column("cfnlib_change_set", "description", _WORDS, "")
    add_column("cfnlib_change_set", "on_failure", String(64), "ROLLBACK")
    add_column("cfnlib_change_set", "terms", _WORDS, "{}")
    add_column("cfnlib_change_set", "shown_parameters", _WORDS, "{}")
