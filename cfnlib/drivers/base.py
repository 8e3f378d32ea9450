"""What the engine asks of a cloud.

A driver carries out `Call` values and tells which of the jobs it started have ended. It keeps no state of a stack; it
may cache what it looked up by name. Every method may be called from several threads at once. The errors are those
below `CloudError`; `UnknownOutcomeError` means that the call may have had its effect, and the engine then looks.
"""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cfnlib.errors import CloudError
    from cfnlib.schema.calls import Call, Find
    from cfnlib.schema.model import Facts, ResourceType


@frozen
class Answer:
    """The answer to a call: the new thing's id where the call creates one, and a job's id or the final record.

    `job_id` None means that the call is done, with its `record`. A `record` is the cloud's own description of the
    thing (CloudStack's field names), empty when the answer has none.
    """

    physical_id: str | None = None
    job_id: str | None = None
    record: Mapping[str, Any] = field(factory=dict)


@frozen
class Pending:
    """A call that was sent and whose end is not known yet.

    `key` is the caller's own mark, given back with the end. `job_id` None (a job that was lost with the process that
    started it) means: judge by the thing itself, as `resource.native.read` lists it.
    """

    key: str
    resource: ResourceType
    call: Call
    job_id: str | None
    physical_id: str | None


@frozen
class Ended:
    """The end of a pending call: the thing's record, or the error."""

    key: str
    record: Mapping[str, Any] = field(factory=dict)
    error: CloudError | None = None


class Clock(Protocol):
    """The time, and how it passes: the seam that lets a test of an hour's work take no time."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def sleep(self, seconds: float) -> None:
        """Come back when so many seconds have passed; at once when there are none."""


class SystemClock:
    """The time of this machine."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Sleep."""
        if seconds > 0:
            time.sleep(seconds)


class VirtualClock:
    """A clock that stands still until somebody sleeps on it, and then is that much later."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now = now
        self._lock = Lock()

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Move the time on, and come back at once."""
        with self._lock:
            self._now += max(seconds, 0.0)


class Driver(Protocol):
    """A road to a cloud."""

    def facts(self) -> Facts:
        """What a plan must know of the cloud and this account. Raises `CloudError`, `ConfigError`."""

    def lookup(self, kind: str, name: str) -> str:
        """The id of the thing of this kind (`zone`, `template`, ...) with this name (or alias, or id).

        Raises `NotFoundError`, whose text gives the nearest names.
        """

    def prepare(self, call: Call) -> Call | None:
        """The call with everything chosen that must be written down before it is made (a free address, a found id).

        None when the call REMOVES what is not there. Raises `CloudError`.
        """

    def submit(self, call: Call, until: float | None = None) -> Answer:
        """Make the call, once. Never repeats a call that may have had its effect.

        From `until` on (seconds since the epoch, by this machine's clock) it must not be sent any more, and the cloud
        is asked to refuse it, where it can: then `UnreachableError` is raised. None: at any time.
        """

    def find(self, find: Find) -> list[Mapping[str, Any]]:
        """The rows of the listing that match; empty as well when what it is asked about does not exist."""

    def poll(self, pending: Sequence[Pending]) -> list[Ended]:
        """Those of the pending calls that have ended. One request for the jobs, results in bulk where possible."""

    def read(self, resource: ResourceType, physical_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """The records of things by id, in bulk; what does not exist is absent."""

    def cancel(self, job_id: str) -> bool:
        """Ask the cloud to give up a job; False when it cannot. CloudStack cannot."""

    def close(self) -> None:
        """Give back connections and threads."""
