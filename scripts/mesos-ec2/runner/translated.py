"""Runs a script of Python 2 under a Python 3: the text is translated in memory, the file is never changed.

    python3 translated.py SCRIPT ARGUMENTS...

boto 2.49 runs under Python 3.11 as it is. From 3.12 on it needs the module `imp`, which is gone, and an importer of
`six.moves` that its own old copy of six does not have; the present six has both.

Source: boto 2.49, boto/plugin.py and boto/vendored/six.py; Python 3.12, "What's New", Removed.
"""

from __future__ import annotations

import os
import sys
import types
import warnings
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOVES = ("urllib", "http_client", "configparser", "queue", "_thread")
_MOVES_OF_URLLIB = ("parse", "request", "error", "response", "robotparser")


def translate(text: str, name: str) -> str:
    """The text in Python 3. Raises `SyntaxError` at what cannot be read."""
    with _cache():
        from fissix.pgen2.parse import ParseError  # noqa: PLC0415 - not needed where boto alone is prepared
        from fissix.refactor import RefactoringTool, get_fixers_from_package  # noqa: PLC0415

    tool = RefactoringTool(get_fixers_from_package("fissix.fixes"))
    try:
        return str(tool.refactor_string(text if text.endswith("\n") else f"{text}\n", name))
    except ParseError as error:
        line = error.context[1][0] if error.context else None
        raise SyntaxError(f"this is no Python 2: {error.msg}", (name, line, None, None)) from None


@contextmanager
def _cache() -> Iterator[None]:
    """Let fissix, when it is imported, keep its tables where nothing stays: the home may not even be writable."""
    before = os.environ.get("XDG_CACHE_HOME")
    with TemporaryDirectory(prefix="mesos-ec2-") as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["XDG_CACHE_HOME"]
            else:
                os.environ["XDG_CACHE_HOME"] = before


def prepare_boto() -> None:
    """Make boto 2.49 importable by this Python."""
    warnings.simplefilter("ignore", SyntaxWarning)
    warnings.simplefilter("ignore", DeprecationWarning)
    if sys.version_info < (3, 12):
        return
    import six  # noqa: PLC0415 - only where boto's own copy does not do

    sys.modules.setdefault("imp", types.ModuleType("imp"))
    sys.modules["boto.vendored.six"] = six
    sys.modules["boto.vendored.six.moves"] = six.moves
    for move in _MOVES:
        sys.modules[f"boto.vendored.six.moves.{move}"] = getattr(six.moves, move)
    for move in _MOVES_OF_URLLIB:
        sys.modules[f"boto.vendored.six.moves.urllib.{move}"] = getattr(six.moves.urllib, move)


def run(path: str, arguments: list[str]) -> None:
    """Run a script as the main program."""
    text = Path(path).read_text(encoding="utf-8")
    prepare_boto()
    program = compile(translate(text, path), path, "exec", dont_inherit=True)
    main = types.ModuleType("__main__")
    main.__file__ = path
    main.__builtins__ = __builtins__
    sys.modules["__main__"] = main
    sys.argv = [path, *arguments]
    sys.path[0] = path.rpartition("/")[0] or "."
    exec(program, main.__dict__)  # noqa: S102 - to run it is what it is for


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2:])
