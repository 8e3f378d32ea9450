"""Answers of the cloud, remembered for a while, so that it is not asked at each request.

Anybody can make up access keys, so what is not known is remembered too, for a shorter time, and apart from the rest
so that a flood of them drives out nothing; and the cloud is asked only so many new questions a second. Who was known
before is asked about in any case, so a flood does not shut out those who are at work. That the cloud cannot be
reached is remembered for a moment, so that not every waiting request waits for it anew.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from cfnlib.identity.refusal import Refusal, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

TTL_S = 300.0
UNKNOWN_TTL_S = 10.0
UNAVAILABLE_TTL_S = 1.0
MOST = 10_000
"""How many answers are remembered, and how many refusals."""
QUESTIONS_PER_S = 20.0
QUESTIONS_AT_ONCE = 100.0
SWEEP_S = 30.0

_Found = TypeVar("_Found")


class _Kept(NamedTuple):
    until: float
    answer: Any


class Remembered:
    """Answers by key, for `ttl_s` unless said otherwise. May be used by several threads.

    `now` is a clock that never goes back, in seconds; `per_s` and `at_once` bound the questions about what was not
    known before.
    """

    def __init__(
        self,
        now: Callable[[], float],
        *,
        ttl_s: float = TTL_S,
        most: int = MOST,
        per_s: float = QUESTIONS_PER_S,
        at_once: float = QUESTIONS_AT_ONCE,
    ) -> None:
        self._now = now
        self._ttl_s = ttl_s
        self._most = most
        self._per_s, self._at_once = per_s, at_once
        self._left, self._left_at = at_once, now()
        self._swept_at = now()
        self._answers: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._refusals: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._known: OrderedDict[Hashable, None] = OrderedDict()
        self._turns: dict[Hashable, tuple[Lock, int]] = {}
        self._lock = Lock()

    def get(self, key: Hashable, ask: Callable[[], _Found], *, ttl_s: float | None = None) -> _Found:
        """The answer that is remembered, else a new one: there is one question a key at a time.

        Raises the `RefusedError` that `ask` raised, also when it is remembered; UNAVAILABLE when too much is asked.
        """
        kept = self._kept(key)
        if kept is None:
            with self._turn(key):
                kept = self._kept(key) or self._asked(key, ask, self._ttl_s if ttl_s is None else ttl_s)
        if isinstance(kept.answer, RefusedError):
            raise RefusedError(kept.answer.refusal, str(kept.answer))
        found: _Found = kept.answer
        return found

    def forget(self, key: Hashable) -> None:
        """Ask anew the next time."""
        with self._lock:
            self._answers.pop(key, None)
            self._refusals.pop(key, None)

    def _kept(self, key: Hashable) -> _Kept | None:
        with self._lock:
            kept = self._answers.get(key) or self._refusals.get(key)
            return kept if kept is not None and kept.until > self._now() else None

    def _asked(self, key: Hashable, ask: Callable[[], _Found], ttl_s: float) -> _Kept:
        with self._lock:
            self._sweep()
            if key not in self._known and not self._may_ask():
                raise RefusedError(Refusal.UNAVAILABLE, "too many unknown callers at once; try again in a moment")
        try:
            kept = _Kept(self._now() + ttl_s, ask())
        except RefusedError as error:
            away = error.refusal is Refusal.UNAVAILABLE
            kept = _Kept(self._now() + (UNAVAILABLE_TTL_S if away else UNKNOWN_TTL_S), error.with_traceback(None))
            with self._lock:
                self._answers.pop(key, None)
                self._put(self._refusals, key, kept)
                if not away:
                    self._known.pop(key, None)
            return kept
        with self._lock:
            self._refusals.pop(key, None)
            self._put(self._answers, key, kept)
            self._put(self._known, key, None)
        return kept

    def _put(self, where: OrderedDict[Hashable, Any], key: Hashable, value: object) -> None:
        where[key] = value
        where.move_to_end(key)
        while len(where) > self._most:
            where.popitem(last=False)

    def _may_ask(self) -> bool:
        now = self._now()
        self._left = min(self._at_once, self._left + (now - self._left_at) * self._per_s)
        self._left_at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True

    def _sweep(self) -> None:
        """Forget what is over, that no secret stays for longer than it must."""
        now = self._now()
        if now - self._swept_at < SWEEP_S:
            return
        self._swept_at = now
        for where in (self._answers, self._refusals):
            for key in [key for key, kept in where.items() if kept.until <= now]:
                del where[key]

    @contextmanager
    def _turn(self, key: Hashable) -> Iterator[None]:
        with self._lock:
            turn, waiting = self._turns.get(key) or (Lock(), 0)
            self._turns[key] = (turn, waiting + 1)
        try:
            with turn:
                yield
        finally:
            with self._lock:
                waiting = self._turns[key][1] - 1
                if waiting:
                    self._turns[key] = (turn, waiting)
                else:
                    del self._turns[key]
