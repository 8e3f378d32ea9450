"""How much each account may ask: a bucket of tokens that fills up again as time goes by."""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 50_000
"""How many accounts are remembered; who has not asked for longest is forgotten first, and begins anew."""


class Quota:
    """`per_s` requests a second on average, up to `burst` at once, for each key."""

    def __init__(self, per_s: float, burst: float, *, now: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._burst = burst
        self._now = now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def allows(self, key: str) -> bool:
        """Whether a request may pass; counts it if so."""
        now = self._now()
        with self._lock:
            left, at = self._left.pop(key, (self._burst, now))
            left = min(self._burst, left + (now - at) * self._per_s)
            passes = left >= 1
            self._left[key] = (left - 1 if passes else left, now)
            if len(self._left) > MOST:
                self._left.popitem(last=False)
        return passes
