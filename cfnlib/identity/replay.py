"""Remembering signatures, so that a request that was overheard is of no use.

Two honest requests have the same signature when the same client asks the same thing twice within a second; a
signature may therefore be seen again for a short while after it was first seen, and not later. Clients sign anew when
they try again.

A signature is kept until its request would be refused for its time anyway, together with those that end within the
same half minute: so little is kept of each (a number and a time, some 150 bytes) and they are forgotten together.
There is a bound, and what would end first goes first when it is reached: with requests that honest clients signed
`skew_s` of 900 seconds ago at most, it takes more than 500 admitted requests a second to reach it. Only requests
whose signature is right are remembered, so nobody without keys can fill it.

Each process remembers for itself: where several serve one address, a request may be sent once more to each of them,
and one that has just been started remembers nothing.
"""

from __future__ import annotations

from hashlib import blake2b
from threading import Lock

MOST = 500_000
TOGETHER_S = 30.0


class Seen:
    """Signatures, each until its time; one may be repeated within `again_s` of when it was first seen."""

    def __init__(self, *, again_s: float, most: int = MOST) -> None:
        self._again_s = again_s
        self._most = most
        self._first: dict[int, dict[int, float]] = {}  # by when they end, and by a digest: when first seen
        self._count = 0
        self._next = 0.0
        self._lock = Lock()

    def __len__(self) -> int:
        return self._count

    def fresh(self, signature: str, now: float, until: float) -> bool:
        """Whether a signature may be taken; remembers it until `until` (epoch seconds, as `now`)."""
        digest = blake2b(signature.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        mark = int.from_bytes(digest)
        ends = int(until // TOGETHER_S)  # the same for a signature each time, since its request's time is signed
        with self._lock:
            if now >= self._next:
                self._forget(now)
            those = self._first.setdefault(ends, {})
            if mark not in those:
                while self._count >= self._most:
                    self._make_room()
                those[mark] = now
                self._count += 1
            return now - those[mark] <= self._again_s

    def _forget(self, now: float) -> None:
        """Forget what its time has ended."""
        for ends in [one for one in self._first if (one + 1) * TOGETHER_S < now]:
            self._count -= len(self._first.pop(ends))
        self._next = now + TOGETHER_S

    def _make_room(self) -> None:
        """Forget one of those that end first, the one that came first."""
        ends = min(one for one, those in self._first.items() if those)
        del self._first[ends][next(iter(self._first[ends]))]
        self._count -= 1
