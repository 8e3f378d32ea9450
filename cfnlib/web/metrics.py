"""Figures for Prometheus, in a registry of their own, so that two doors in one process do not mix.

Where several processes serve behind one socket, whichever is asked tells the sums of all: prometheus_client keeps
their figures in files of the folder that PROMETHEUS_MULTIPROC_DIR names. A number that is asked for is put there when
somebody looks, and now and then by `refresh`. Source: prometheus_client's documentation, multiprocess mode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_MOST_ACTIONS = 1000


class Metrics:
    """What is counted of the requests of a door. `gauge` adds what the service itself knows.

    `together`: whether other processes count the same, all of them in the folder of PROMETHEUS_MULTIPROC_DIR.
    """

    def __init__(self, *, together: bool = False) -> None:
        self.registry = CollectorRegistry()
        labels = ("door", "action", "status")
        self._requests = Counter("cfnlib_requests", "Requests answered.", labels, registry=self.registry)
        self._errors = Counter("cfnlib_errors", "Errors answered.", ("door", "code"), registry=self.registry)
        self._seconds = Histogram(
            "cfnlib_request_seconds", "Time to answer.", ("door",), buckets=_SECONDS, registry=self.registry
        )
        self._under_way = self._gauge("cfnlib_requests_under_way", "Requests under way.", ("door",))
        self._actions: set[str] = set()
        self._together = together
        self._asked_for: list[tuple[Gauge, Callable[[], float]]] = []

    def began(self, door: str) -> None:
        """A request came."""
        self._under_way.labels(door).inc()

    def ended(self, door: str, action: str, status: int, code: str | None, seconds: float) -> None:
        """A request was answered. Names of actions that clients make up do not make ever more series."""
        if action not in self._actions:
            if status >= 400 or len(self._actions) >= _MOST_ACTIONS:
                action = "other"
            else:
                self._actions.add(action)
        self._under_way.labels(door).dec()
        self._requests.labels(door, action, f"{status // 100}xx").inc()
        self._seconds.labels(door).observe(seconds)
        if code is not None:
            self._errors.labels(door, code if code.isalnum() or "." in code else "other").inc()

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Show a number that is asked for whenever somebody looks."""
        gauge = self._gauge(name, text)
        if self._together:
            self._asked_for.append((gauge, value))
        else:
            gauge.set_function(value)

    def refresh(self) -> None:
        """Put down for the other processes the numbers that are asked for."""
        for gauge, value in self._asked_for:
            gauge.set(value())

    def text(self) -> bytes:
        """Everything, in Prometheus's text format."""
        if not self._together:
            return generate_latest(self.registry)
        self.refresh()
        all_of_them = CollectorRegistry()
        MultiProcessCollector(all_of_them)  # type: ignore[no-untyped-call]
        return generate_latest(all_of_them)

    def _gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry, multiprocess_mode="livesum")


def forget_process(pid: int) -> None:
    """Leave a process that has ended out of what is under way; what it has counted stays."""
    mark_process_dead(pid)  # type: ignore[no-untyped-call]
