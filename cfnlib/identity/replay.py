"""Remembering signatures, so that a request that was overheard is of no use.

Two honest requests have the same signature when the same client asks the same thing twice within a second; a
signature may therefore be seen again for a short while after it was first seen, and not later. Clients sign anew when
they try again. What is older than the clock may differ is refused for its time anyway, so no signature is kept for
longer.

Each process remembers for itself: where several serve one address, a request may be sent once more to each of them.
"""

from __future__ import annotations

from hashlib import blake2b
from threading import Lock

MOST = 200_000


class Seen:
    """The signatures of the last `keep_s` seconds; one may be repeated within `again_s` of its first time."""

    def __init__(self, *, again_s: float, keep_s: float) -> None:
        self._again_s = again_s
        self._keep_s = keep_s
        self._first: dict[bytes, float] = {}
        self._lock = Lock()

    def fresh(self, signature: str, now: float) -> bool:
        """Whether a signature may be taken; remembers it."""
        mark = blake2b(signature.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        with self._lock:
            first = self._first.setdefault(mark, now)
            if len(self._first) > MOST:
                self._forget(now)
        return now - first <= self._again_s

    def _forget(self, now: float) -> None:
        """Forget what is too old to matter; if that is not enough, the older half."""
        kept = {mark: at for mark, at in self._first.items() if now - at <= self._keep_s}
        if len(kept) > MOST // 2:
            kept = dict(list(kept.items())[-MOST // 2 :])
        self._first = kept
