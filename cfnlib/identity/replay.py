"""Remembering signatures, so that a request that was overheard is of no use.

Two honest requests have the same signature when the same client asks the same thing twice within a second; a
signature may therefore be seen again for a short while after it was first seen, and not later. Clients sign anew when
they try again.

A signature is kept until its request would be refused for its time anyway, together with those that end within the
same half minute, which are forgotten together. Once it may not be repeated any more, a number of eight bytes is all
that is kept of it, so that a service at work takes hardly more memory after a quarter of an hour than at first. There
is a bound, and what would end first goes first when it is reached: with requests that honest clients signed
`skew_s` of 900 seconds ago at most, it takes more than 500 admitted requests a second to reach it. Only requests
whose signature is right are remembered, so nobody without keys can fill it.

The processes of one service that are behind one socket remember together (`SeenBetween`). Other processes do so each
for itself: a request may be sent once more to each of them, and one that has just been started remembers nothing.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from cfnlib.identity.between import Between

MOST = 500_000
TOGETHER_S = 30.0


@define
class _Together:
    """Digests that end together: when those were first seen that may be repeated, and the others in their order."""

    first: dict[int, float] = field(factory=dict)
    others: array[int] = field(factory=lambda: array("Q"))

    def __contains__(self, mark: int) -> bool:
        at = bisect_left(self.others, mark)
        return at < len(self.others) and self.others[at] == mark

    def __len__(self) -> int:
        return len(self.first) + len(self.others)

    def settle(self, before: float) -> None:
        """Keep no more than the digest of what was first seen before a time."""
        over = [mark for mark, seen in self.first.items() if seen < before]
        if over:
            self.first = {mark: seen for mark, seen in self.first.items() if seen >= before}
            self.others = array("Q", sorted([*self.others, *over]))

    def make_room(self) -> None:
        """Forget one, of the longest seen if there are such."""
        if self.others:
            self.others.pop()
        else:
            del self.first[next(iter(self.first))]


class Seen:
    """Signatures, each until its time; one may be repeated within `again_s` of when it was first seen."""

    def __init__(self, *, again_s: float, most: int = MOST) -> None:
        self._again_s = again_s
        self._most = most
        self._ending: dict[int, _Together] = {}  # by when they end
        self._count = 0
        self._next = 0.0
        self._lock = Lock()

    def __len__(self) -> int:
        return self._count

    def fresh(self, signature: str, now: float, until: float) -> bool:
        """Whether a signature may be taken; remembers it until `until` (epoch seconds, as `now`)."""
        mark = int.from_bytes(_digest(signature))
        ends = int(until // TOGETHER_S)  # the same for a signature each time, since its request's time is signed
        with self._lock:
            if now >= self._next:
                self._forget(now)
            those = self._ending.get(ends)
            if those is None:
                those = self._ending[ends] = _Together()
            if mark in those:
                return False
            if mark not in those.first:
                while self._count >= self._most:
                    self._make_room()
                those.first[mark] = now
                self._count += 1
            return now - those.first[mark] <= self._again_s

    def _forget(self, now: float) -> None:
        """Forget what its time has ended, and of the rest what is not needed any more."""
        for ends in [one for one in self._ending if (one + 1) * TOGETHER_S < now]:
            self._count -= len(self._ending.pop(ends))
        for those in self._ending.values():
            those.settle(now - self._again_s)
        self._next = now + TOGETHER_S

    def _make_room(self) -> None:
        """Forget one of those that end first."""
        self._ending[min(one for one, those in self._ending.items() if len(those))].make_room()
        self._count -= 1


class SeenBetween:
    """The same for the processes that have `between` in common: what one has seen, all have seen."""

    def __init__(self, between: Between, *, again_s: float, most: int = MOST) -> None:
        self._between = between
        self._again_s = again_s
        self._most = most
        self._next = 0.0
        between.rows("CREATE TABLE IF NOT EXISTS seen (mark INTEGER PRIMARY KEY, first REAL, ends REAL)")

    def __len__(self) -> int:
        found: int = self._between.rows("SELECT count(*) FROM seen")[0][0]
        return found

    def fresh(self, signature: str, now: float, until: float) -> bool:
        """See `Seen`. Raises `StoreError`."""
        mark = int.from_bytes(_digest(signature), signed=True)
        if now >= self._next:
            self._forget(now)
        statement = "INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT (mark) DO UPDATE SET mark = mark RETURNING first"
        first: float = self._between.rows(statement, (mark, now, until))[0][0]
        return now - first <= self._again_s

    def _forget(self, now: float) -> None:
        """Forget what its time has ended, and what would end first where there is too much."""
        self._next = now + TOGETHER_S
        self._between.rows("DELETE FROM seen WHERE ends < ?", (now,))
        too_many = max(len(self) - self._most, 0)
        self._between.rows(
            "DELETE FROM seen WHERE mark IN (SELECT mark FROM seen ORDER BY ends LIMIT ?)", (too_many,)
        )


def _digest(signature: str) -> bytes:
    return blake2b(signature.encode("utf-8", "surrogatepass"), digest_size=8).digest()
