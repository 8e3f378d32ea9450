"""Remembering signatures, so that a request that was overheard is of no use.

Two honest requests have the same signature when the same client asks the same thing twice within a second; a
signature may therefore be seen again for a short while after it was first seen, and not later. Clients sign anew when
they try again.

A signature is kept until its request would be refused for its time anyway. There is a bound, and what would end first
goes first when it is reached: with requests that honest clients signed `skew_s` of 900 seconds ago at most, it takes
more than 500 admitted requests a second to reach it. Only requests whose signature is right are remembered, so nobody
without keys can fill it.

Each process remembers for itself: where several serve one address, a request may be sent once more to each of them.
"""

from __future__ import annotations

from hashlib import blake2b
from threading import Lock

MOST = 500_000


class Seen:
    """Signatures, each until its time; one may be repeated within `again_s` of when it was first seen."""

    def __init__(self, *, again_s: float, most: int = MOST) -> None:
        self._again_s = again_s
        self._most = most
        self._first: dict[bytes, tuple[float, float]] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._first)

    def fresh(self, signature: str, now: float, until: float) -> bool:
        """Whether a signature may be taken; remembers it until `until` (epoch seconds, as `now`)."""
        mark = blake2b(signature.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        with self._lock:
            self._forget(now)
            first, _ = self._first.setdefault(mark, (now, until))
        return now - first <= self._again_s

    def _forget(self, now: float) -> None:
        """Forget, oldest first, what its time would end; what is not due yet ends the search, and is due soon."""
        while self._first:
            oldest = next(iter(self._first))
            if self._first[oldest][1] >= now and len(self._first) < self._most:
                return
            del self._first[oldest]
