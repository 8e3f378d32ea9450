"""How the runner ends: by its script's end, or by a signal, and always with nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_GRACE_S = 10.0
_ENDS = (signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal has come that ends the runner."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def signals_raised() -> Iterator[None]:
    """Let the signals that end a process raise `Stopped`, unless whoever started it has them ignored (nohup)."""
    before = {number: signal.getsignal(number) for number in _ENDS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _raise)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let nothing get between: for what has to be done to the end."""
    numbers = (*_ENDS, signal.SIGINT)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def waited(process: subprocess.Popen[bytes]) -> int:
    """The exit status of a process, as a shell gives it. A signal to this process is handed on to it."""
    patience_s: float | None = None
    while True:
        try:
            status = process.wait(patience_s)
        except KeyboardInterrupt:
            if not _of_terminal():  # else the terminal has sent it to both
                process.send_signal(signal.SIGINT)
        except Stopped as stopped:
            process.send_signal(stopped.number)
            patience_s = _GRACE_S
        except subprocess.TimeoutExpired:
            process.kill()
        else:
            return status if status >= 0 else 128 - status


def _raise(number: int, _: Any) -> None:  # noqa: ANN401 - a frame
    for one in _ENDS:  # what follows is the clearing up, which must not be broken off
        signal.signal(one, signal.SIG_IGN)
    raise Stopped(number)


def _of_terminal() -> bool:
    """Whether this process is in a terminal's foreground, so that Ctrl-C reaches all that it has started."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
