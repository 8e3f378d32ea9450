"""The command line: it prints, and decides nothing.

`arguments` declares the commands, `commands` does each with `Stacks`, `show` prints what came of it, `live` shows an
operation while it runs. Nothing is imported before a command needs it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from cfnlib.errors import (
    AuthenticationError,
    CfnlibError,
    CloudError,
    ConfigError,
    OperationFailedError,
    StackError,
    TemplateError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

OK, FAILED, WRONG, NO_CLOUD, NO_STACK, INTERRUPTED = 0, 1, 2, 3, 4, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code that `cfnlib --help` explains."""
    from cfnlib.cli.arguments import parser  # noqa: PLC0415 - after `main` is known to be wanted

    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] == ["simulator"]:
        given.insert(1, "--")  # what follows is for the simulator's own parser
    arguments = parser().parse_args(given)
    command = getattr(import_module(f"cfnlib.cli.{arguments.module}"), arguments.function)
    try:
        code: int = command(arguments)
    except CfnlibError as error:
        return _told(error, as_json=getattr(arguments, "json", False))
    except KeyboardInterrupt:
        name = getattr(arguments, "name", None)
        hint = f"; `cfnlib resume {name}` carries on where it stopped" if name else ""
        print(f"interrupted{hint}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return OK
    return code


def code_of(error: CfnlibError) -> int:
    """The exit code that an error means."""
    if isinstance(error, OperationFailedError):
        return FAILED
    if isinstance(error, TemplateError):
        return WRONG
    if isinstance(error, ConfigError | AuthenticationError | CloudError):
        return NO_CLOUD
    return NO_STACK if isinstance(error, StackError) else FAILED


def _told(error: CfnlibError, *, as_json: bool) -> int:
    if as_json:
        import json  # noqa: PLC0415 - only for --json

        found = {"error": type(error).__name__, "message": str(error)}
        if isinstance(error, TemplateError):
            found = {**found, "diagnostics": [item.as_dict() for item in error.diagnostics]}  # type: ignore[dict-item]
        print(json.dumps(found, indent=2))
    prefix = "" if isinstance(error, TemplateError) else "cfnlib: "
    print(f"{prefix}{error}", file=sys.stderr)
    return code_of(error)
