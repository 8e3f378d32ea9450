"""Who carries operations on: a thread for each, up to a bound; the rest wait their turn.

An action begins an operation (its row is written, its lease held) and answers; a worker drives it to its end. When
all are busy, the lease is given back and only the stack's id waits here, so that another process with a free worker
may take the operation up, and a deletion need not wait for what it would end anyway. Accounts take turns, so that one
with a thousand stacks does not keep the others waiting.

A sweep looks every few seconds for stacks in progress that nobody works on: those of a process that ended, those
whose worker met something that nobody foresaw, and all of them when the service starts. They are taken up with their
owners' keys. What cannot be taken up is tried again, each time after a longer pause; nothing is given up.
"""

from __future__ import annotations

import logging
import random
import time
from collections import Counter, OrderedDict, deque
from threading import Condition, Event, Lock, Thread
from typing import TYPE_CHECKING

from cfnlib.errors import CloudError, LeaseLostError, StackBusyError, StackError, StackNotFoundError, StoreError
from cfnlib.identity.refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from cfnlib.identity.keyring import Caller
    from cfnlib.operations import Begun
    from cfnlib.server.service import Service
    from cfnlib.stacks import Stacks
    from cfnlib.state.model import Stack as StackState
    from cfnlib.state.model import StackSummary

    Whose: TypeAlias = StackState | StackSummary

_log = logging.getLogger("cfnlib.server.workers")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 300.0


class Workers:
    """The operations that this process carries on."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._halt = Event()
        self._closed = False
        self._changed = Condition(Lock())
        self._running: Counter[str] = Counter()  # an ended one may still be here while the next begins
        self._waiting: OrderedDict[str, deque[str]] = OrderedDict()
        self._pauses: dict[str, tuple[float, float]] = {}
        self._sweeper: Thread | None = None
        self.on_end: Callable[[str], object] = lambda _: None
        """Called with the status that an operation ended in."""
        self._purge_at = 0.0
        self._chance = random.Random()  # noqa: S311 - no secret

    # For actions

    def submit(self, begun: Begun, caller: Caller) -> None:
        """Carry on what was begun with this caller's keys, as soon as a worker is free."""
        stack = begun.stack
        if self._took(stack):
            self._start(stack, begun, caller)
            return
        self._service.store.release(begun.lease)
        self._queue(stack)

    def counts(self) -> tuple[int, int]:
        """How many operations run here, and how many wait."""
        with self._changed:
            return self._running.total(), sum(map(len, self._waiting.values()))

    def waiting_of(self, account: str) -> int:
        """How many operations of an account (its mark) wait here."""
        with self._changed:
            return len(self._waiting.get(account, ()))

    # Life

    def start(self) -> None:
        """Look for what is left behind: at once, and from then on every `sweep_s`."""
        self._sweeper = Thread(target=self._sweep_on, name="cfnlib-sweep", daemon=True)
        self._sweeper.start()

    def close(self) -> None:
        """Hand over: what runs writes down where it is and gives its lease back. Waits for `close_s` at most."""
        self._halt.set()
        until = time.monotonic() + self._service.settings.close_s
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
            while self._running and (left_s := until - time.monotonic()) > 0:
                self._changed.wait(left_s)
            if self._running:
                _log.warning("%d operations did not hand over in time; their leases run out", len(self._running))
        if self._sweeper is not None:
            self._sweeper.join(max(0.0, until - time.monotonic()))

    # Turns

    def _took(self, stack: Whose) -> bool:
        """Whether there is a free worker, which is then taken for this stack."""
        with self._changed:
            if self._closed or self._running.total() >= self._service.settings.operations:
                return False
            self._running[stack.stack_id] += 1
            return True

    def _queue(self, stack: Whose) -> None:
        with self._changed:
            if self._closed:
                return
            turn = self._waiting.setdefault(stack.account, deque())
            if stack.stack_id not in turn:
                turn.append(stack.stack_id)

    def _next(self, ended: str) -> str | None:
        """The stack whose turn it is, of the account that has waited longest; None frees the worker."""
        with self._changed:
            self._running -= Counter((ended,))
            self._changed.notify_all()
            if self._closed or not self._waiting:
                return None
            account, turn = self._waiting.popitem(last=False)
            stack_id = turn.popleft()
            if turn:
                self._waiting[account] = turn
            self._running[stack_id] += 1
            return stack_id

    # Work

    def _start(self, stack: Whose, begun: Begun | None, caller: Caller | None) -> None:
        name = f"cfnlib-{stack.name}"
        try:
            Thread(target=self._work, args=(stack.stack_id, begun, caller), name=name, daemon=True).start()
        except RuntimeError as error:  # the system gives no more threads
            with self._changed:
                self._running -= Counter((stack.stack_id,))
            if begun is not None:
                self._service.store.release(begun.lease)
            self._later(stack.stack_id, error)

    def _work(self, stack_id: str, begun: Begun | None, caller: Caller | None) -> None:
        """Carry one operation on, then those whose turn comes, until none waits."""
        turn: str | None = stack_id
        while turn is not None:
            try:
                self._carry(turn, begun, caller)
            except StackBusyError:
                _log.debug("%s: another process works on it", turn)
            except LeaseLostError as error:
                _log.warning("%s: %s", turn, error)
            except StackNotFoundError:
                pass
            except (CloudError, RefusedError, StoreError, StackError) as error:
                self._later(turn, error)
            except Exception as error:  # noqa: BLE001 - it is logged, and the stack is left to the sweep
                _log.exception("%s: its operation met something that nobody foresaw; it is taken up again", turn)
                self._later(turn, error, told=True)
            begun = caller = None
            turn = self._next(turn)

    def _carry(self, stack_id: str, begun: Begun | None, caller: Caller | None) -> None:
        store = self._service.store
        if begun is None or caller is None:
            state = store.stack(stack_id)
            if not state.status.in_progress:
                return
            caller = self._service.owner_of(state)
        with self._service.stacks(caller) as stacks:
            if begun is None:
                begun = stacks.operations.take_up(store.stack(stack_id))
            while begun is not None:
                state = stacks.operations.carry_on(begun, halt=self._halt)
                with self._changed:
                    self._pauses.pop(stack_id, None)
                begun = self._follow(stacks, state)
        if not state.status.in_progress:
            self.on_end(state.status.value)
        _log.info("%s is %s%s", state_name(stack_id), state.status.value, f": {state.reason}" if state.reason else "")

    def _follow(self, stacks: Stacks, state: StackState) -> Begun | None:
        """What is to be carried on next: the deletion, say, that was asked for while the operation ran."""
        if self._halt.is_set() or not state.status.in_progress:
            return None
        return stacks.operations.take_up(state)

    def _later(self, stack_id: str, error: Exception, *, told: bool = False) -> None:
        """Leave a stack for a while: twice as long as the last time."""
        with self._changed:
            _, pause_s = self._pauses.get(stack_id, (0.0, FIRST_PAUSE_S / 2))
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            self._pauses[stack_id] = (time.monotonic() + pause_s, pause_s)
        if not told:
            _log.error("%s cannot be carried on, next try in %.0f s: %s", state_name(stack_id), pause_s, error)

    # The sweep

    def _sweep_on(self) -> None:
        while not self._halt.is_set():
            try:
                self.sweep()
                self._service.close_idle()
                self._purge()
            except StoreError as error:
                _log.error("the store cannot be asked for stacks that nobody works on: %s", error)
            except Exception:  # noqa: BLE001 - as above
                _log.exception("the sweep met something that nobody foresaw; it goes on")
            # Several processes on one store shall not look at the same moment.
            self._halt.wait(self._service.settings.sweep_s * self._chance.uniform(0.8, 1.2))

    def sweep(self) -> None:
        """Take up the stacks in progress that nobody works on, as far as there are workers for them."""
        with self._changed:
            known = len(self._pauses) + sum(map(len, self._waiting.values()))
        # Those that are left alone for now must not hide the others.
        found = self._service.store.unattended(account_prefix=f"{self._service.scope} ", limit=known + 100)
        for stack_id in found:
            if self._is_ours(stack_id):
                continue
            state = self._service.store.summary(stack_id)
            if self._took(state):
                self._start(state, None, None)
            else:
                self._queue(state)

    def _purge(self) -> None:
        """Forget stacks that were deleted long ago; once an hour is enough."""
        if time.monotonic() >= self._purge_at:
            self._purge_at = time.monotonic() + 3600.0
            gone = self._service.store.purge(time.time() - self._service.settings.keep_deleted_s)
            if gone:
                _log.info("%d stacks that were deleted long ago are forgotten", gone)

    def _is_ours(self, stack_id: str) -> bool:
        """Whether a stack is at work or waiting here already, or is left alone for a while."""
        with self._changed:
            not_before, _ = self._pauses.get(stack_id, (0.0, 0.0))
            waits = any(stack_id in turn for turn in self._waiting.values())
            return waits or stack_id in self._running or time.monotonic() < not_before


def state_name(stack_id: str) -> str:
    """A stack's id as a log names it: `name/unique`."""
    return stack_id.rpartition(":stack/")[2] or stack_id
