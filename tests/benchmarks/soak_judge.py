"""What became of the soak's calls and operations, and which faults explain it."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from soak_faults import Timeline

MOST_TOLD = 40
_CLOUD_CODES = re.compile(r"ServiceUnavailable|cloud-unreachable|signature-unavailable|store-unavailable")
_STORE_CODES = re.compile(r"ServiceUnavailable|store-unavailable")


@frozen
class Trouble:
    """A call that had no good answer. `status` is 0 when there was no answer at all."""

    status: int
    code: str
    text: str

    def __str__(self) -> str:
        return f"{self.status or 'no answer'} {self.code}: {self.text}"


class Judge:
    """Counts, and remembers what no fault explains."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self.calls: Counter[str] = Counter()
        self.good: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.of_faults: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        self.unexplained: list[str] = []

    def call(
        self,
        action: str,
        whom: str,
        since: float,
        trouble: Trouble | None,
        fine: Sequence[str],
        *,
        passed: bool = False,
    ) -> None:
        """A call came to its end. `fine` are patterns of errors that it must or may have, whatever else there is.

        `passed`: the answer is the cloud's own, so that all of its faults show.
        """
        now = time.monotonic()
        with self._lock:
            self.calls[action] += 1
            if trouble is None:
                self.good[action] += 1
                return
            said = f"{trouble.code}: {trouble.text}"
            if trouble.status and trouble.status < 500 and any(re.search(one, said) for one in fine):
                self.refused[f"{action} {trouble.code}"] += 1
                return
        why = self._why(whom, since, now, trouble, passed=passed)
        with self._lock:
            if why is not None:
                self.of_faults[f"{why} {trouble.status or 'cut'} {trouble.code}"] += 1
                return
        self.wrong(f"{action} at {whom}: {trouble}")

    def _why(self, whom: str, since: float, now: float, trouble: Trouble, *, passed: bool) -> str | None:
        for window in self._timeline.of(since, now):
            kind = window.kind
            if kind.cuts and window.whom == whom and trouble.status == 0:
                return kind.name
            # A stopped process may hold the store's one lock for writing.
            if kind.name == "stop" and (_STORE_CODES.search(trouble.code) or trouble.status == 0):
                return kind.name
            if kind.calls and (passed or _CLOUD_CODES.search(trouble.code) or trouble.status == 0):
                return kind.name
        return None

    def end(self, operation: str, whose: str, since: float, status: str, reason: str, *, good: bool) -> None:
        """An operation came to its end; `good`: as it was to be."""
        with self._lock:
            if good:
                self.ends[f"{operation} {status}"] += 1
                return
        # What fails is told after the roll-back, which may take as long as a lease when a process ended meanwhile.
        kinds = [one.kind.name for one in self._timeline.of(since, time.monotonic()) if one.kind.stacks]
        if kinds and re.search("ROLLBACK|FAILED", status):  # no fault makes a deleted stack of one that is not
            with self._lock:
                self.ends[f"{operation} {status} ({kinds[-1]})"] += 1
            return
        self.wrong(f"{operation} of {whose} ended {status}: {reason}")

    def wrong(self, text: str) -> None:
        """Something that no fault explains."""
        at = time.monotonic()
        near = [
            f"{one.kind.name} {at - one.begun:.0f} s ago" for one in self._timeline.of(at - 20.0, at, after_s=0.0)
        ]
        with self._lock:
            told = f"[{at - self._begun:.0f} s] {text} ({', '.join(near) or 'quiet'})"
            self.unexplained.append(told)
            if len(self.unexplained) <= MOST_TOLD:
                print(f"  UNEXPLAINED {told}", flush=True)
