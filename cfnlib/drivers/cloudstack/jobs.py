"""Which of many jobs have ended, and how, in as few requests as can be.

`listAsyncJobs` lists what is still pending, so one request (a page for every 500 jobs) tells which jobs have ended.
How they ended is read from the things themselves, up to 500 in one request, where the thing shows it: a machine that
is running, a thing that is gone. The job itself is asked only where the thing cannot tell, or where something failed
and the reason is wanted.

The jobs listed are those of the calling account, also the jobs of a project that it works in.

Source: recorded traffic of CloudStack 4.19 (an administrator's `listAsyncJobs` without `listall` does not show a
user's job); the listing is ordered by the jobs' age, so pages are read from the last to the first: a job moves to an
earlier page when older ones end, and so is met twice rather than not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from cfnlib.drivers.base import Ended
from cfnlib.drivers.cloudstack import errors
from cfnlib.drivers.cloudstack.client import PAGE_SIZE
from cfnlib.drivers.judge import Verdict, judge
from cfnlib.errors import CloudError, JobFailedError, NotFoundError, UnknownOutcomeError
from cfnlib.schema.calls import Effect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cfnlib.drivers.base import Pending
    from cfnlib.drivers.cloudstack.client import Client
    from cfnlib.schema.calls import Call, Find
    from cfnlib.schema.model import ResourceType

    Record = Mapping[str, Any]

_PENDING, _FAILED = 0, 2


@frozen
class _Unanswered:
    """A question that could not be answered this time."""

    error: CloudError


class Poll:
    """One round of questions. `read`, `find` are the driver's; `together` asks several questions at a time."""

    def __init__(
        self,
        client: Client,
        read: Callable[[ResourceType, Sequence[str]], dict[str, Record]],
        find: Callable[[Find], list[Record]],
        together: Callable[[Callable[[Any], Any], Iterable[Any]], list[Any]],
    ) -> None:
        self._client = client
        self._read = read
        self._find = find
        self._together = together

    def ended(self, pending: Sequence[Pending]) -> list[Ended]:
        """The ends of those that have ended.

        Raises `CloudError` when nothing could be learnt because of an error; else what was learnt is given, and the
        rest is asked for the next time.
        """
        if not pending:
            return []
        if len(pending) == 1 and pending[0].job_id is not None:
            open_calls = list(pending)
            records: dict[str, Record] = {}
        else:
            jobs, busy = self._listed(len(pending))
            open_calls = [item for item in pending if not _goes_on(item, jobs, busy)]
            records = self._records(open_calls)
        found: list[Ended] = []
        to_ask: list[tuple[Pending, Record | None]] = []
        for item in open_calls:
            end = self._by_thing(item, records)
            if end is not None:
                found.append(end)
            else:
                to_ask.append((item, records.get(item.physical_id or "")))
        answers = self._together(self._answer, to_ask)
        found += [answer for answer in answers if isinstance(answer, Ended)]
        unanswered = [answer for answer in answers if isinstance(answer, _Unanswered)]
        if unanswered and not found:
            raise unanswered[0].error
        return found

    def _listed(self, expected: int) -> tuple[set[str], set[str]]:
        """The ids of the jobs that have not ended, and of the things that they are for."""
        last = max(-(-expected // PAGE_SIZE), 1)
        rows, count = self._client.page("listAsyncJobs", "asyncjobs", number=last)
        pages = -(-count // PAGE_SIZE)
        for number in range(pages if pages > last else last - 1, 0, -1):
            rows = rows + self._client.page("listAsyncJobs", "asyncjobs", number=number)[0]
        return {str(row.get("jobid")) for row in rows}, {str(row.get("jobinstanceid")) for row in rows}

    def _records(self, open_calls: Sequence[Pending]) -> dict[str, Record]:
        """The records of the things for which one bulk listing is cheaper than asking each job."""
        groups: dict[str, list[Pending]] = {}
        for item in open_calls:
            read = item.resource.native.read if item.resource.native else None
            if read is None or item.physical_id is None:
                continue
            bulk = read.ids is not None and item.call.effect is not Effect.CHANGES
            if bulk and (read.state is not None or item.call.effect is Effect.REMOVES):
                groups.setdefault(f"{read.command} {read.ids}", []).append(item)
        records: dict[str, Record] = {}
        for items in groups.values():
            if len(items) > 1:
                ids = list(dict.fromkeys(item.physical_id for item in items if item.physical_id))
                found = self._read(items[0].resource, ids)
                records |= {physical_id: found.get(physical_id, _ABSENT) for physical_id in ids}
        return records

    def _by_thing(self, item: Pending, records: Mapping[str, Record]) -> Ended | None:
        """The end as the thing's record shows it; None when it must be asked for."""
        record = records.get(item.physical_id or "")
        if record is None or item.call.effect is Effect.CHANGES:
            return None
        shown = None if record is _ABSENT else record
        return Ended(item.key, shown or {}) if judge(item, shown) is Verdict.DONE else None

    def _answer(self, question: tuple[Pending, Record | None]) -> Ended | _Unanswered | None:
        try:
            return self._asked(*question)
        except CloudError as error:
            return _Unanswered(error)

    def _asked(self, item: Pending, record: Record | None) -> Ended | None:
        """The end as the job tells it; None when it goes on."""
        if item.job_id is None:
            return self._judged(item, record)
        try:
            answer = self._client.call("queryAsyncJobResult", {"jobid": item.job_id})
        except NotFoundError:
            return self._judged(item, record)
        status = int(answer.get("jobstatus", _PENDING))
        if status == _PENDING:
            return None
        command = item.call.command
        result = answer.get("jobresult")
        result = result if isinstance(result, dict) else {"errortext": str(result or "")}
        known = (*self._client.secrets, *secrets_of(item.call))
        if status == _FAILED:
            code = str(result.get("errorcode", answer.get("jobresultcode", 530)))
            text = str(result.get("errortext") or "the job failed, and CloudStack gives no reason")
            failure = errors.from_answer(command, int(code) if code.isdigit() else 530, text, job=True, secrets=known)
            return Ended(item.key, {}, failure)
        said = failure_in(result)
        if said:
            return Ended(item.key, {}, errors.from_answer(command, 530, said, job=True, secrets=known))
        return Ended(item.key, record_in(result, item.call.key) if _tells_of_the_thing(item) else {})

    def _judged(self, item: Pending, record: Record | None) -> Ended | None:
        """The end as it can be told without a job: by the thing itself, or by the call's own check."""
        command = item.call.command
        if record is None and item.physical_id is not None:
            record = self._read(item.resource, [item.physical_id]).get(item.physical_id)
        elif record is _ABSENT:
            record = None
        verdict = judge(item, record)
        if verdict is Verdict.UNCLEAR and item.call.check is not None:
            rows = self._find(item.call.check)
            if bool(rows) is not (item.call.effect is Effect.REMOVES):
                return Ended(item.key, record or (rows[0] if rows else {}))
        if verdict is Verdict.UNDER_WAY:
            return None
        if verdict is Verdict.DONE:
            return Ended(item.key, record or {})
        if verdict is Verdict.FAILED:
            read = item.resource.native.read if item.resource.native else None
            state = (record or {}).get(read.state) if read and read.state else ""
            text = f"{command}: the thing is in state {state}; CloudStack does not know the job any more"
            return Ended(item.key, record or {}, JobFailedError(text, command=command))
        text = f"{command}: CloudStack does not know the job any more, and the thing does not show how it ended"
        return Ended(item.key, record or {}, UnknownOutcomeError(text, command=command))


_ABSENT: Record = {}
"""Stands for the record of a thing that a bulk listing did not show."""


def _tells_of_the_thing(item: Pending) -> bool:
    """Whether a call's result describes the thing that it is made for: attachVolume tells a machine of its volume."""
    native = item.resource.native
    if item.call.effect is Effect.CHANGES:
        return native is None or item.call.key == native.key
    return item.call.effect is not Effect.REMOVES


def _goes_on(item: Pending, jobs: set[str], busy: set[str]) -> bool:
    """Whether a listing of the pending jobs shows that the call has not ended."""
    return item.physical_id in busy if item.job_id is None else item.job_id in jobs


def secrets_of(call: Call) -> list[str]:
    """The values of a call that are never shown."""
    return [str(call.params[name]) for name in call.sensitive if call.params.get(name)]


def record_in(answer: Record, key: str) -> dict[str, Any]:
    """The record in an answer or a job's result: under its key, or the only one; empty when there is none."""
    found = answer.get(key) if key else None
    if isinstance(found, dict):
        return found
    inner = [value for value in answer.values() if isinstance(value, dict)]
    return inner[0] if len(inner) == 1 else {}


def failure_in(answer: Record) -> str:
    """What an answer without an error says of a failure all the same; empty when it says nothing of it."""
    if str(answer.get("success", "true")).lower() == "false":
        return str(answer.get("displaytext") or "it did not succeed, and CloudStack gives no reason")
    return ""
