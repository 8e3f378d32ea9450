"""Several processes behind one socket: a parent that starts them, starts others when they fall, and ends them.

Python runs one thread of a process at a time, so a process uses one core. The parent serves nothing: it forks before
there is a thread, waits, and passes the order to stop on.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from cfnlib.config import keep_figures_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PAUSE_S = 1.0
_STOP = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def common_folder(count: int) -> Iterator[Path | None]:
    """What so many processes have in common, for as long as they live; None: there is but one.

    To be entered before `prometheus_client` is imported, which looks once whether figures are to be kept there.
    """
    if count == 1:
        yield None
        return
    parent, folder = os.getpid(), Path(tempfile.mkdtemp(prefix="cfnlib-processes-"))
    keep_figures_in(folder)
    try:
        yield folder
    finally:
        if os.getpid() == parent or os.getppid() != parent:  # the last ones clear up after a parent that was killed
            shutil.rmtree(folder, ignore_errors=True)


@frozen
class Part:
    """One of several processes. `first`: it speaks for all of them."""

    _parent: int
    _tell: int | None

    @property
    def first(self) -> bool:
        """Whether it is the one that the others wait for."""
        return self._tell is not None

    def serves(self) -> None:
        """Say that it serves, so that the others may begin. To be called once."""
        if self._tell is not None:
            os.write(self._tell, b"1")

    def is_orphan(self) -> bool:
        """Whether there is no parent any more, and nobody to start or to end it."""
        return os.getppid() != self._parent


def run_processes(count: int, work: Callable[[Part], int], *, forget: Callable[[int], object]) -> int:
    """Do `work` in so many processes until SIGTERM or SIGINT. Gives the exit code, in the parent and in each.

    The others begin when the first one serves: what it makes, they find, and what it cannot do is said once. From
    then on another takes the place of one that ends; `forget` is called in the parent with the id of that. To be
    called from the main thread, when there is no other.
    """
    family = _Family(work, forget)
    hears, tells = os.pipe()
    code = family.fork(tells)
    if code is not None:
        return code
    os.close(tells)
    serves = os.read(hears, 1)
    os.close(hears)
    return family.look_after(count) if serves else family.end()


@define
class _Family:
    """The parent's view: who lives, and whether all are to stop."""

    work: Callable[[Part], int]
    forget: Callable[[int], object]
    parent: int = field(factory=os.getpid)
    living: set[int] = field(factory=set)
    stopping: bool = False

    def fork(self, tells: int | None = None) -> int | None:
        """Start a process. Gives None in the parent, and in the process its exit code, once it has done its work."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
        pid = os.fork()
        if pid:
            self.living.add(pid)
        for number in _STOP:
            signal.signal(number, self._stop if pid else signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP)
        return None if pid else self.work(Part(self.parent, tells))

    def look_after(self, count: int) -> int:
        """Keep so many of them until all are to stop. As `fork` in a process that is started here."""
        while not self.stopping:
            if len(self.living) < count:
                code = self.fork()
                if code is not None:
                    return code
                continue
            pid, code = self._wait()
            if not self.stopping:
                sys.stderr.write(f"cfnlib: process {pid} ended ({_how(code)}); another takes its place\n")
                time.sleep(_PAUSE_S)
        return self.end()

    def end(self) -> int:
        """Wait for all. Gives the first exit code that is neither of success nor of an order to stop."""
        codes = [0]
        while self.living:
            codes.append(self._wait()[1])
        return next((abs(code) for code in codes if code and -code not in _STOP), 0)

    def _wait(self) -> tuple[int, int]:
        pid, status = os.wait()
        self.living.discard(pid)
        self.forget(pid)
        return pid, os.waitstatus_to_exitcode(status)

    def _stop(self, *_: object) -> None:
        self.stopping = True
        for pid in self.living:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def _how(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
