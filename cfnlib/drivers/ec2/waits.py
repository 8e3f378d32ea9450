"""Which of many calls have ended, told by the states of the things: EC2 has no jobs.

All machines that are waited for are described in one request (in several, when they are more than a filter takes),
and so are all volumes. A thing that was just made may not be described yet, and one that was just started may still
be shown as stopped: so what seems to have gone wrong is believed only when it has lasted for `GRACE_S`.
"""

from __future__ import annotations

import time
from collections import defaultdict
from threading import Lock
from typing import TYPE_CHECKING, Any

from cfnlib.drivers.base import Ended
from cfnlib.drivers.ec2.records import GIB
from cfnlib.drivers.ec2.work import Wait
from cfnlib.drivers.judge import Verdict, judge
from cfnlib.errors import JobFailedError, UnknownOutcomeError
from cfnlib.schema.calls import Effect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cfnlib.drivers.base import Pending
    from cfnlib.drivers.ec2.listings import Listings
    from cfnlib.schema.model import ResourceType

    Record = Mapping[str, Any]

GRACE_S = 60.0
"""How long a thing may be shown in a state that leads nowhere, in seconds."""
_COMMANDS = {"instance": "listVirtualMachines", "volume": "listVolumes", "snapshot": "listSnapshots"}
_GONE = frozenset({"Destroyed", "Expunging", "Expunged"})
_FAILED = frozenset({"Destroyed", "UploadError", "error"})
_ON_THE_WAY = {
    "running": frozenset({"Starting"}),
    "stopped": frozenset({"Running", "Stopping"}),
    "available": frozenset({"Creating"}),
    "completed": frozenset({"pending"}),
}
_THERE = {"running": "Running", "stopped": "Stopped", "available": "Ready", "completed": "completed"}


class Waits:
    """Tells the ends of calls. May be used by several threads at once."""

    def __init__(
        self,
        listings: Listings,
        read: Callable[[ResourceType, Sequence[str]], dict[str, Record]],
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listings = listings
        self._read = read
        self._now = now
        self._strange_since: dict[str, float] = {}
        self._lock = Lock()

    def ended(self, pending: Sequence[Pending]) -> list[Ended]:
        """The ends of those that have ended. Raises `CloudError`."""
        waited = [(item, Wait.of_job(item.job_id)) for item in pending if item.job_id is not None]
        asked: dict[str, set[str]] = defaultdict(set)
        for _, wait in waited:
            asked[wait.kind].add(str(wait.thing_id))
        records = {
            (kind, str(record["id"])): record
            for kind, ids in asked.items()
            for record in self._listings.listed(_COMMANDS[kind], {"ids": sorted(ids)})
        }
        found = [self._by_state(item, wait, records.get((wait.kind, str(wait.thing_id)))) for item, wait in waited]
        found += self._by_things([item for item in pending if item.job_id is None])
        return [end for end in found if end is not None]

    def _by_state(self, item: Pending, wait: Wait, record: Record | None) -> Ended | None:
        verdict = _verdict(wait, record)
        key = str(item.job_id)
        if verdict is Verdict.UNCLEAR:
            with self._lock:
                since = self._strange_since.setdefault(key, self._now())
            if self._now() - since < GRACE_S:
                return None
            verdict = Verdict.FAILED
        with self._lock:
            self._strange_since.pop(key, None)
        if verdict is Verdict.UNDER_WAY:
            return None
        if verdict is Verdict.DONE:
            return Ended(item.key, (record or {}) if item.call.effect is Effect.CREATES else {})
        return Ended(item.key, {}, _failure(item, wait, record))

    def _by_things(self, pending: Sequence[Pending]) -> list[Ended | None]:
        """The ends of calls of which nobody knows what to wait for: the process that made them is no more."""
        groups: dict[str, list[Pending]] = defaultdict(list)
        for item in pending:
            groups[item.resource.name].append(item)
        found: list[Ended | None] = []
        for items in groups.values():
            ids = list(dict.fromkeys(item.physical_id for item in items if item.physical_id))
            records = self._read(items[0].resource, ids)
            found += [self._judged(item, records.get(item.physical_id or "")) for item in items]
        return found

    def _judged(self, item: Pending, record: Record | None) -> Ended | None:
        command = item.call.command
        verdict = judge(item, record)
        if verdict is Verdict.UNCLEAR and item.call.check is not None:
            rows = self._listings.find(item.call.check)
            if bool(rows) is not (item.call.effect is Effect.REMOVES):
                return Ended(item.key, record or (rows[0] if rows else {}))
        if verdict is Verdict.UNDER_WAY or (record or {}).get("going"):
            return None
        if verdict is Verdict.DONE:
            return Ended(item.key, record or {})
        if verdict is Verdict.FAILED:
            text = f"{command}: the thing is {(record or {}).get('state')}: {(record or {}).get('reason', '')}"
            return Ended(item.key, record or {}, JobFailedError(text.rstrip(": "), command=command))
        text = f"{command}: the thing does not show how it ended"
        return Ended(item.key, record or {}, UnknownOutcomeError(text, command=command))


def _verdict(wait: Wait, record: Record | None) -> Verdict:  # noqa: PLR0911 - one line a state
    """What a thing shows of what is waited for; UNCLEAR when it shows neither that nor that it is on its way."""
    state = str((record or {}).get("state", ""))
    if wait.state in ("terminated", "deleted"):
        return Verdict.DONE if record is None or state in _GONE else Verdict.UNDER_WAY
    if wait.state == "detached":
        attached = record is not None and bool(record.get("attachment"))
        return Verdict.UNDER_WAY if attached else Verdict.DONE
    if record is None:
        return Verdict.UNCLEAR
    if state in _FAILED:
        return Verdict.FAILED
    if wait.state == "attached":
        attachment = record.get("attachment")
        return {"attached": Verdict.DONE, "attaching": Verdict.UNDER_WAY}.get(str(attachment), Verdict.UNCLEAR)
    if wait.state.startswith("size "):
        return Verdict.DONE if record.get("size") == int(wait.state[5:]) * GIB else Verdict.UNDER_WAY
    if state == _THERE[wait.state]:
        return Verdict.DONE
    going = bool(record.get("going"))
    return Verdict.UNDER_WAY if going or state in _ON_THE_WAY[wait.state] else Verdict.UNCLEAR


def _failure(item: Pending, wait: Wait, record: Record | None) -> JobFailedError:
    command = item.call.command
    if record is None:
        text = f"{command}: {wait.kind} {wait.thing_id} is not there"
    else:
        text = f"{command}: {wait.kind} {wait.thing_id} is {record.get('state')} instead of {wait.state}"
        if record.get("reason"):
            text += f": {record['reason']}"
    return JobFailedError(text, command=command)
