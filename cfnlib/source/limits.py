"""What a text may ask of its reader. A template comes from strangers when cfnlib runs as a service."""

from __future__ import annotations

from typing import NamedTuple


class Limits(NamedTuple):
    """The bounds of one text; a text beyond one of them gets a diagnostic and is not read further."""

    max_bytes: int = 1_048_576
    """Size in UTF-8. Source: AWS's limit for a TemplateURL, 1 MB (CloudFormation quotas)."""
    max_depth: int = 100
    """Lists and maps within each other."""
    max_alias_nodes: int = 100_000
    """Nodes that aliases add to those which are written down."""


DEFAULT_LIMITS = Limits()
