"""Doing the actions of one phase of a plan: everything that is ready starts at once.

The walk is one thread. It starts tasks whose predecessors are done, writes their intents down in one transaction,
hands the calls to the line, and moves tasks on by what comes back. After the first failure that counts (or a request
to stop) it starts nothing more and waits for no signals, but for what is under way: CloudStack cannot give up a job.

A walk that is halted is to be gone on with by another process: it waits for the calls in flight to be answered, so
that the ids of their jobs are written down, but not for the jobs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.drivers.base import Answer, Pending
from cfnlib.engine.begin import Beginner
from cfnlib.engine.contact import Contact
from cfnlib.engine.front import Front
from cfnlib.engine.line import POLLED
from cfnlib.engine.sender import Sender
from cfnlib.engine.signals import INITIATED, SignalWatch
from cfnlib.engine.timers import Timers
from cfnlib.engine.trouble import Remedy, is_so, remedy, unsure
from cfnlib.errors import CfnlibError, LeaseLostError
from cfnlib.plan.change import Operation
from cfnlib.schema.calls import Effect
from cfnlib.state.model import CANCELLABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.drivers.base import Driver
    from cfnlib.engine.crew import Crew
    from cfnlib.engine.journal import Journal
    from cfnlib.engine.line import Message
    from cfnlib.engine.outcome import Outcome
    from cfnlib.engine.settings import Settings
    from cfnlib.engine.task import Task
    from cfnlib.plan.change import Action, Phase, Plan
    from cfnlib.schema.calls import Call
    from cfnlib.schema.model import Facts

TOO_LATE = "Stack creation time exceeded the specified timeout. Rollback requested by user."
"""Why a creation fails that takes too long: word for word what clients look for."""

CANCELLED = "Resource creation cancelled"
"""Why nothing waits for signals any more once something else has failed. Source: CloudFormation's events."""


class Walk:
    """One phase of a plan being done. `run` does it to the end, or until it is halted."""

    def __init__(
        self,
        plan: Plan,
        phase: Phase,
        journal: Journal,
        driver: Driver,
        facts: Facts,
        settings: Settings,
        crew: Crew | None = None,
    ) -> None:
        self._journal = journal
        self._driver = driver
        self._settings = settings
        self._clock = journal.clock
        self._front = Front(plan, phase)
        self._tasks: dict[str, Task] = {}
        self._timers = Timers(self._clock)
        self._signals = SignalWatch(journal, settings.signal_s)
        self._begin = Beginner(plan, journal, driver, facts)
        self._contact = Contact(crew, driver, journal, settings)
        self._line, self._polls = self._contact.line, self._contact.polls
        self._sender = Sender(driver, self._line, journal, settings.write_s, self._begin.taken)

    def run(self) -> Outcome:
        """Do the phase; what happened last is left to be written with what follows from it.

        Raises `LeaseLostError`, and then nothing more is written or called.
        """
        try:
            while True:
                if self._journal.halted:
                    self._hand_over()
                    break
                self._launch()
                if not self._tasks and not self._front.ready:
                    break
                self._sender.write()
                self._check_request()
                for message in self._line.receive(self._wait_s()):
                    self._handle(message)
                self._timers.run()
                self._polls.start()
                self._signals.judge(self._clock.now(), self._complete, self._fail)
                self._expire()
        finally:
            self._contact.close()
        return self._front.outcome

    def _hand_over(self) -> None:
        """Let what is in flight be answered, and everything else lie for the process that takes it up."""
        while self._line.under_way:
            for message in self._line.receive(self._settings.heartbeat_s):
                self._handle(message)
            self._journal.flush()
        self._sender.recall()
        self._front.outcome.halted = bool(self._tasks or self._front.ready)

    # Starting

    def _launch(self) -> None:
        while (action := self._front.next()) is not None:
            if action.operation in {Operation.KEEP, Operation.FORGET}:
                let = self._begin.keep if action.operation is Operation.KEEP else self._begin.forget
                let(action)
                self._front.release(action.key)
                continue
            try:
                task = self._begin.task(action)
            except CfnlibError as error:
                self._refused(action, error)
                continue
            self._start(task)

    def _refused(self, action: Action, error: CfnlibError) -> None:
        self._begin.refused(action, error)
        self._front.failed(action, str(error))

    def _start(self, task: Task) -> None:
        now = self._clock.now()
        task.deadline = now + self._settings.patience_s(task.resource.timeout_s)
        self._tasks[task.key] = task
        awaited = self._begin.awaited(task)
        if awaited is not None and not task.adopted:
            self._signals.remember(task)
        self._journal.put(task.row, event=not task.adopted)
        if task.waiting and not task.settling:
            self._signals.add(task, now, awaited) if awaited is not None else self._complete(task)
        elif task.settling:
            self._settle(task)
        elif self._signals.takes(task):
            self._signals.add(task, now)
        elif not task.calls:
            self._complete(task)
        else:
            self._resume(task)

    def _settle(self, task: Task) -> None:
        """Wait for the end of what an earlier process sent, before this process does something else to the thing."""
        intent = task.row.intent
        task.deadline = self._clock.now() + self._settings.settle_s
        if intent is not None and intent.job_id is not None:
            self._await(task, intent.job_id)
        else:
            self._look(task)

    def _resume(self, task: Task) -> None:
        intent = task.row.intent
        if intent is not None and intent.job_id is not None:
            self._await(task, intent.job_id)
        elif intent is not None and intent.sent:
            self._look(task)
        else:
            self._sender.next_call(task)

    # What comes back

    def _handle(self, message: Message) -> None:
        if isinstance(message.error, LeaseLostError):
            raise message.error
        if message.recalled:
            if message.what == "answered":
                self._sender.recalled(self._tasks[message.key])
            return
        if message.what == POLLED:
            self._polled(message)
            return
        task = self._tasks[message.key]
        if message.error is None:
            receive: dict[str, Callable[[Task, Any], None]] = {
                "prepared": self._prepared,
                "answered": self._answered,
                "looked": self._looked,
                "read": self._read,
                "checked": self._checked,
            }
            receive[message.what](task, message.value)
        elif message.what == "looked":
            self._looked_in_vain(task, str(message.error))
        elif message.what == "read":
            self._finish(task, task.record)
        else:
            self._errored(task, message.error)

    def _read(self, task: Task, records: dict[str, Any]) -> None:
        self._finish(task, records.get(task.row.physical_id or "") or task.record)

    def _prepared(self, task: Task, call: Call | None) -> None:
        if call is None:
            self._call_done(task, {})
            return
        task.prepared(call)
        self._sender.send(task, first=True)

    def _answered(self, task: Task, answer: Answer) -> None:
        task.answered(answer.physical_id, answer.job_id)
        self._journal.put(task.row)
        if answer.job_id is not None:
            self._await(task, answer.job_id)
        else:
            self._call_done(task, answer.record)

    def _await(self, task: Task, job_id: str | None) -> None:
        self._polls.add(Pending(task.key, task.resource, task.call, job_id, task.row.physical_id))

    def _polled(self, message: Message) -> None:
        for end in self._polls.ended(message):
            task = self._tasks[end.key]
            if end.error is not None:
                self._errored(task, end.error)
            else:
                self._call_done(task, end.record)

    def _call_done(self, task: Task, record: Any) -> None:  # noqa: ANN401 - a record of the cloud
        native = task.resource.native
        if record and native is not None and task.call.key == native.key:  # not that of a volume put on a machine
            task.record = record
        if task.settling:
            self._settled(task)
        elif task.call.missed(record) and task.retries < len(self._settings.retry_s):
            self._choose_again(task)
        elif task.advanced():
            self._journal.put(task.row)
            self._sender.next_call(task)
        elif self._must_read(task):
            resource, physical_id = task.resource, task.row.physical_id or ""
            self._line.call(task.key, "read", lambda: self._driver.read(resource, [physical_id]))
        else:
            self._finish(task, task.record)

    @staticmethod
    def _must_read(task: Task) -> bool:
        """Whether a thing must be read once more: it was changed, or only the process before knew its record."""
        unknown = task.verb == "UPDATE" or (task.verb == "CREATE" and not task.record)
        native = task.resource.native
        return bool(unknown and task.row.physical_id and native and native.read)

    def _settled(self, task: Task) -> None:
        del self._tasks[task.key]
        try:
            self._start(self._begin.after_settling(task))
        except CfnlibError as error:
            self._tasks[task.key] = task
            self._fail(task, str(error), had_effect=True)

    def _finish(self, task: Task, record: Any) -> None:  # noqa: ANN401 - a record of the cloud
        self._complete(task, task.resource.attributes_of(record) if record and task.verb != "DELETE" else None)

    def _complete(self, task: Task, attributes: dict[str, Any] | None = None) -> None:
        deleting = task.verb == "DELETE"
        now, made = self._clock.now(), self._begin.attributes(task, attributes)
        awaited = self._begin.awaited(task)
        if awaited is not None and not task.heard:
            task.wait(now, INITIATED, made)
            self._journal.put(task.row, event=True)
            self._signals.add(task, now, awaited)
            return
        task.completed(now, made)
        if not deleting:
            self._journal.put(task.row, event=True)
            self._begin.made(task.row)
        else:
            self._journal.drop(task.row)
        del self._tasks[task.key]
        try:
            successor = self._begin.successor(task)
        except CfnlibError as error:
            self._refused(task.action, error)
            return
        if successor is not None:
            self._start(successor)
        else:
            self._front.release(task.key)

    # What went wrong

    def _errored(self, task: Task, error: CfnlibError) -> None:
        if task.settling:
            self._settled(task)
            return
        todo = remedy(task, error, self._settings)
        if todo is Remedy.LOOK:
            self._look(task)
        elif todo is Remedy.DONE:
            self._call_done(task, {})
        elif todo is Remedy.CHOOSE:
            self._choose_again(task)
        elif todo is Remedy.REPEAT:
            task.retries += 1
            sent = task.row.intent is not None and task.row.intent.sent
            again = self._sender.send if sent else self._sender.next_call
            self._timers.after(self._settings.retry_s[task.retries - 1], lambda: again(task))
        elif todo is Remedy.CHECK:
            call, refusal = task.call, str(error)
            self._line.call(task.key, "checked", lambda: (is_so(self._driver, call), refusal))
        else:
            self._fail(task, str(error), had_effect=unsure(task, error))

    def _choose_again(self, task: Task) -> None:
        task.retries += 1
        task.choose_again()
        self._sender.next_call(task)

    def _checked(self, task: Task, answer: tuple[bool, str]) -> None:
        if answer[0]:
            self._call_done(task, {})
        else:
            self._fail(task, answer[1])

    def _look(self, task: Task) -> None:
        """Look at the cloud, after a while, for what a call of unknown outcome may have done."""
        waits = self._settings.look_s
        check = task.call.check
        if check is None:
            self._fail(task, "the outcome of its call is unknown", had_effect=True)
            return
        wait = waits[min(task.looks, len(waits) - 1)] if task.looks or task.attempts else 0.0
        task.looks += 1
        self._timers.after(wait, lambda: self._line.call(task.key, "looked", lambda: self._driver.find(check)))

    def _looked(self, task: Task, rows: list[Any]) -> None:
        call = task.call
        happened = not rows if call.effect is Effect.REMOVES else bool(rows)
        if happened and call.effect is Effect.CREATES:
            task.answered(str(rows[0]["id"]) if "id" in rows[0] else None, None)
            self._journal.put(task.row)
            read = task.resource.native.read if task.resource.native else None
            if read is not None and read.state is not None:
                self._await(task, None)
            else:
                self._call_done(task, rows[0])
        elif happened:
            self._call_done(task, {})
        elif task.looks <= len(self._settings.look_s):
            self._look(task)
        elif task.settling:
            self._settled(task)
        elif task.attempts < self._settings.attempts:
            task.looks = 0
            self._sender.send(task)
        else:
            self._fail(task, f"{call.command}: no answer, and nothing to be seen of it on the cloud", had_effect=True)

    def _looked_in_vain(self, task: Task, reason: str) -> None:
        """The look itself failed: it tells nothing, so it is made again, and never taken for an answer."""
        if task.looks <= len(self._settings.look_s) + len(self._settings.retry_s):
            self._look(task)
        else:
            self._fail(task, f"{task.call.command}: no answer, and no way to look for it: {reason}", had_effect=True)

    def _fail(self, task: Task, reason: str, *, had_effect: bool = False) -> None:
        self._polls.forget(task.key)
        task.failed(self._clock.now(), reason, had_effect=had_effect)
        self._journal.put(task.row, event=True)
        del self._tasks[task.key]
        self._front.failed(task.action, reason)

    # Time

    def _wait_s(self) -> float:
        now = self._clock.now()
        heartbeat = now + self._settings.heartbeat_s
        until = min(heartbeat, self._sender.due(), self._signals.next_due(), self._polls.due(), self._timers.due())
        return max(until - now, 0.0)

    def _expire(self) -> None:
        for key in self._polls.expired(lambda key: self._tasks[key].deadline):
            task = self._tasks[key]
            self._polls.forget(key)
            if task.settling:
                self._settled(task)
            else:
                waited = self._settings.patience_s(task.resource.timeout_s)
                self._fail(task, f"{task.call.command}: its job has not ended after {waited:g} s", had_effect=True)

    def _check_request(self) -> None:
        outcome, request = self._front.outcome, self._journal.request
        if request == "cancel" and self._journal.stack.status not in CANCELLABLE:
            request = None  # it came when there was nothing to cancel any more
        if request is not None:
            outcome.stopped = True
        elif self._journal.late and not outcome.failures:
            outcome.failures.append(("", TOO_LATE))
        if outcome.stopped or outcome.failures:  # also what begins to wait only now waits for nothing
            why = "the operation was cancelled" if outcome.stopped else CANCELLED
            self._signals.give_up(lambda task: self._fail(task, why))
