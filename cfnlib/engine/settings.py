"""The engine's few numbers."""

from __future__ import annotations

from attrs import frozen


@frozen
class Settings:
    """How the engine works; all times in seconds.

    `calls_in_flight` bounds the calls that are under way at once. A poll comes after `poll_share` of the age of
    the oldest pending job, or `poll_rest` times what the last poll took, but never sooner than `poll_min_s` nor
    later than `poll_max_s`. `look_s` are the waits before each look at the cloud when a call's outcome is
    unknown; their sum should exceed the time the cloud takes to answer a call (CloudStack 4.19 took up to 5 s
    under load). `retry_s` are the waits before a call is made again while the cloud cannot be reached, and a
    removal that was refused because something still uses the thing. `settle_s` bounds the wait for a job that
    another process left behind, before the thing is removed all the same. `job_timeout_s` is how long a job may
    take before its action has failed; None: as long as the type says. `heartbeat_s` is the longest time between
    two writes, in which the engine learns that it shall stop, or that it lost its lease. `inline` makes every
    call in the calling thread.
    """

    calls_in_flight: int = 32
    lease_s: float = 30.0
    poll_min_s: float = 0.1
    poll_max_s: float = 5.0
    poll_share: float = 0.025
    poll_rest: float = 6.0
    look_s: tuple[float, ...] = (0.2, 0.8, 2.0, 4.0)
    retry_s: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
    attempts: int = 3
    settle_s: float = 900.0
    job_timeout_s: float | None = None
    signal_s: float = 0.5
    write_s: float = 0.05
    heartbeat_s: float = 1.0
    inline: bool = False

    def patience_s(self, timeout_s: float) -> float:
        """How long to wait for a job of a type with this timeout."""
        return timeout_s if self.job_timeout_s is None else self.job_timeout_s
