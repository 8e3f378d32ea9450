"""`cfnlib docs`: what a resource type takes and gives."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from cfnlib.resources import find
from cfnlib.schema.check import unknown_type
from cfnlib.schema.export import json_schema, markdown, markdown_index

if TYPE_CHECKING:
    import argparse


def docs(arguments: argparse.Namespace) -> int:
    """Print one type's page, or the list of all types."""
    if arguments.type is None:
        print(markdown_index())
        return 0
    resource = find(arguments.type)
    if resource is None:
        print(f"cfnlib: there is no type {arguments.type}; {unknown_type(arguments.type)}", file=sys.stderr)
        return 2
    print(json.dumps(json_schema(resource), indent=2) if arguments.json else markdown(resource))
    return 0
