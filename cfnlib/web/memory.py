"""The memory of a process that serves: taken from few places, looked through seldom, given back.

`begin` before the first thread, `loaded` when all is there that stays, `give_back` every `GIVE_BACK_S`. What glibc
alone can do is left undone elsewhere.
"""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

GIVE_BACK_S = 60.0
_ARENA_MAX = -8
_YOUNG = 20_000


def begin() -> None:
    """Have all threads take memory from two places, and look for rings of objects less often than Python does.

    With as many places as threads a service keeps a third more than it needs, and more the longer it works. Python
    runs one thread at a time, so nobody waits for it. Python looks for rings after each 700 new objects, which is a
    single answer here, and was a tenth of the processor's time. Source: mallopt(3), M_ARENA_MAX; gc.set_threshold;
    tests/benchmarks/service.py.
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 2)
    gc.set_threshold(_YOUNG, 10, 10)


def loaded() -> None:
    """Look no more through what there is now: modules and types, which stay as long as the process.

    Source: gc.freeze.
    """
    gc.collect()
    gc.freeze()


def give_back() -> None:
    """Give the system back what lies free between things that are in use, which glibc keeps by itself.

    Source: malloc_trim(3).
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
