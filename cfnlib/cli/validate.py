"""`cfnlib validate`: every fault of templates. It imports as little as it can, because it is run often."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cfnlib.plan.validate import validate as faults_of
from cfnlib.template import Template

if TYPE_CHECKING:
    import argparse


def validate(arguments: argparse.Namespace) -> int:
    """Print the faults; 2 when there is an error among them."""
    wrong = 0
    told = []
    for path in arguments.templates:
        found = faults_of(Template.from_file(path))
        wrong += len(found.errors)
        told += [item.as_dict() for item in found]
        if not arguments.json:
            for item in found:
                print(item)
            print(
                f"{path}: {_count(len(found.errors), 'error')}, {_count(len(found.warnings), 'warning')}",
                file=sys.stderr,
            )
    if arguments.json:
        import json  # noqa: PLC0415 - only for --json

        print(json.dumps({"valid": not wrong, "diagnostics": told}, indent=2))
    return 2 if wrong else 0


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
