"""How much each account may ask: a bucket of tokens that fills up again as time goes by."""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.identity.between import Between

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


class QuotaBetween:
    """The same for the processes that have `between` in common: they give from the same buckets."""

    def __init__(
        self, between: Between, per_s: float, burst: float, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._between = between
        self._numbers = {"per_s": per_s, "burst": burst}
        self._now = now
        between.rows("CREATE TABLE IF NOT EXISTS quota (key TEXT PRIMARY KEY, left REAL, at REAL, passes INTEGER)")

    def allows(self, key: str) -> bool:
        """See `Quota`. Raises `StoreError`."""
        return bool(self._between.rows(_TAKE, {**self._numbers, "key": key, "now": self._now()})[0][0])


_LEFT = "min(:burst, left + (:now - at) * :per_s)"
_TAKE = f"""
INSERT INTO quota VALUES (:key, :burst - (:burst >= 1), :now, :burst >= 1)
ON CONFLICT (key) DO UPDATE SET left = {_LEFT} - ({_LEFT} >= 1), at = :now, passes = {_LEFT} >= 1 RETURNING passes
"""  # noqa: S608 - nothing in it comes from outside
