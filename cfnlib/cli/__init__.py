"""The command line: it prints, and decides nothing.

`arguments` declares the commands, `commands` does each with `Stacks`, `show` prints what came of it, `live` shows an
operation while it runs. Nothing is imported before a command needs it.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from cfnlib.cli.usage import UsageError
from cfnlib.errors import (
    CfnlibError,
    CloudError,
    ConfigError,
    NoUpdatesError,
    OperationFailedError,
    StackError,
    StoreError,
    TemplateError,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

OK, FAILED, WRONG, NO_CLOUD, NO_STACK, INTERRUPTED = 0, 1, 2, 3, 4, 130

_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (OperationFailedError, FAILED),
    (TemplateError, WRONG),
    (UsageError, WRONG),
    (OSError, WRONG),
    (ConfigError, NO_CLOUD),
    (CloudError, NO_CLOUD),
    (StoreError, NO_CLOUD),
    (NoUpdatesError, OK),
    (StackError, NO_STACK),
)
"""An OSError is a file that was named and cannot be read: every other one has become one of cfnlib's own."""

_RESUMABLE = {
    "create",
    "update",
    "delete",
    "resume",
    "rollback",
    "change_set_execute",
    "launch",
    "resize",
    "destroy",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code that `cfnlib --help` explains."""
    from cfnlib.cli.arguments import parser  # noqa: PLC0415 - after `main` is known to be wanted

    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] in (["simulator"], ["ec2"]):
        given.insert(1, "--")  # what follows is for their own parsers
    arguments = parser(given).parse_args(given)
    command = getattr(import_module(f"cfnlib.cli.{arguments.module}"), arguments.function)
    try:
        code: int = command(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Who reads has read enough. What is left in the buffer goes nowhere, or Python would complain on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except (CfnlibError, OSError) as error:
        return _told(error, as_json=getattr(arguments, "json", False))
    except KeyboardInterrupt:
        return _interrupted(arguments)
    return code


def code_of(error: BaseException) -> int:
    """The exit code that an error means."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)


def _interrupted(arguments: argparse.Namespace) -> int:
    hint = ""
    if arguments.function in _RESUMABLE:
        name = getattr(arguments, "name", None) or "--all"
        hint = f"; what was under way can be carried on with: cfnlib resume {name}"
    sys.stderr.write(f"cfnlib: interrupted{hint}\n")
    return INTERRUPTED


def _told(error: CfnlibError | OSError, *, as_json: bool) -> int:
    message = str(error)
    if isinstance(error, OSError):
        message = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
    if as_json:
        import json  # noqa: PLC0415 - only for --json

        found: dict[str, object] = {"error": type(error).__name__, "message": message}
        if isinstance(error, TemplateError):
            found["diagnostics"] = [item.as_dict() for item in error.diagnostics]
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    prefix = "" if isinstance(error, TemplateError) else "cfnlib: "
    sys.stderr.write(f"{prefix}{message}\n")
    return code_of(error)
