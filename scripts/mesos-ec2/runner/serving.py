"""Serves the EC2 API for as long as its runner lives: `python -m runner.serving FOLDER OPTIONS...`.

Standard input is a pipe from the runner. It ends with the runner, also when that is killed and can tell nobody; then
this process clears up behind it and ends too.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from threading import Event, Thread

_gone = Event()


def main(folder: str, options: list[str]) -> int:
    """Serve until SIGTERM, or until the runner has gone; its folder is removed then."""
    Thread(target=_follow, args=(folder,), daemon=True).start()
    from compat.ec2.command import main as serve  # noqa: PLC0415 - the runner may end while this is imported

    status = serve(options)
    if _gone.is_set():
        shutil.rmtree(folder, ignore_errors=True)
    return status


def _follow(folder: str) -> None:
    while os.read(0, 1):
        pass
    _gone.set()
    shutil.rmtree(folder, ignore_errors=True)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
