# ruff: noqa: D102  # a rule's name is its statement, as a test's is
"""Two owners, one of them forgetful, a third that dies, a clock: whatever they do, the store is what the model is."""

from __future__ import annotations

from attrs import define, evolve, field
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from cfnlib.errors import LeaseLostError, StackBusyError, StackError, StackExistsError
from cfnlib.state.model import (
    ChangeSet,
    Event,
    Intent,
    Resource,
    ResourceStatus,
    Signal,
    Stack,
    StackStatus,
    status_event,
)
from cfnlib.state.sql import SqlStore

NAMES = ("web", "db")
ACCOUNTS = ("", "other")
OWNERS = ("a", "b", "dead")
HANDLES = ("h1", "h2")
seconds = st.sampled_from([1.0, 4.0, 5.0, 10.0])


@define
class Expected:
    """What a stack is in the simplest terms."""

    stack: Stack
    epoch: int = 0
    owner: str | None = None
    expires_at: float = 0.0
    rows: dict = field(factory=dict)
    events: list = field(factory=list)
    change_sets: dict = field(factory=dict)
    signals: dict = field(factory=dict)

    def holds(self, lease, now) -> bool:
        """Whether the lease may be worked under."""
        return self.owner is not None and self.epoch == lease.epoch and now < self.expires_at


class StoreMachine(RuleBasedStateMachine):
    """Each rule does to the model what it does to the store, and compares what each says."""

    leases = Bundle("leases")
    stacks = Bundle("stacks")

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.made = 0
        self.model: dict[str, Expected] = {}
        self.store = SqlStore("sqlite:///:memory:", now=lambda: self.now, is_dead=lambda owner: owner == "dead")

    def teardown(self) -> None:
        """Give the database back."""
        self.store.close()

    @initialize(target=stacks)
    def first(self):
        return self.create("web", "", StackStatus.CREATE_IN_PROGRESS)

    @rule(
        target=stacks,
        name=st.sampled_from(NAMES),
        account=st.sampled_from(ACCOUNTS),
        status=st.sampled_from(StackStatus),
    )
    def create(self, name, account, status):
        self.made += 1
        stack = Stack(f"id{self.made}", name, status, "{}", account=account, created_at=float(self.made))
        deleted = status is StackStatus.DELETE_COMPLETE
        if self.live(name, account) and not deleted:
            try:
                self.store.create_stack(stack)
            except StackExistsError:
                return multiple()
            raise AssertionError(f"{name} was there")
        self.store.create_stack(stack)
        self.model[stack.stack_id] = Expected(stack)
        return stack.stack_id

    @rule(passed=seconds)
    def wait(self, passed):
        self.now += passed

    @rule(target=leases, stack_id=stacks, owner=st.sampled_from(OWNERS), ttl_s=seconds)
    def acquire(self, stack_id, owner, ttl_s):
        expected = self.model[stack_id]
        busy = expected.owner not in {None, "dead"} and self.now < expected.expires_at
        try:
            lease = self.store.acquire(stack_id, owner, ttl_s)
        except StackBusyError:
            assert busy
            return multiple()
        assert not busy
        expected.epoch += 1
        expected.owner, expected.expires_at = owner, self.now + ttl_s
        assert (lease.epoch, lease.owner, lease.expires_at) == (expected.epoch, owner, expected.expires_at)
        return lease

    @rule(lease=leases, ttl_s=seconds)
    def renew(self, lease, ttl_s):
        expected = self.model[lease.stack_id]
        holds = expected.holds(lease, self.now)
        try:
            renewed = self.store.renew(lease, ttl_s)
        except LeaseLostError:
            assert not holds
            return
        assert holds
        expected.expires_at = self.now + ttl_s
        assert renewed == evolve(lease, expires_at=expected.expires_at)

    @rule(lease=leases)
    def release(self, lease):
        expected = self.model[lease.stack_id]
        self.store.release(lease)
        if expected.epoch == lease.epoch:
            expected.owner, expected.expires_at = None, 0.0

    @rule(
        lease=leases,
        status=st.none() | st.sampled_from(StackStatus),
        written=st.lists(
            st.tuples(st.sampled_from("ABC"), st.integers(1, 2), st.sampled_from(ResourceStatus)), max_size=3
        ),
        removed=st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 2)), max_size=2),
        happened=st.integers(0, 3),
    )
    def commit(self, lease, status, written, removed, happened):
        expected = self.model[lease.stack_id]
        if expected.stack.status is StackStatus.DELETE_COMPLETE:
            status = None  # the model of moves has no way back
        self.made += 1
        stack = status and evolve(
            expected.stack, status=status, revision=self.made, outputs={"n": self.made}, request="ignored"
        )
        rows = [
            Resource(name, generation, "T", f"n{self.made}", state, intent=Intent("CREATE", ({"n": self.made},)))
            for name, generation, state in written
        ]
        events = [
            Event(lease.stack_id, "web", "A", None, "T", "S", f"{self.made}.{number}", self.now)
            for number in range(happened)
        ]
        holds = expected.holds(lease, self.now)
        try:
            request = self.store.commit(lease, stack=stack, resources=rows, removed=removed, events=events)
        except LeaseLostError:
            assert not holds
            return
        assert holds
        assert request == expected.stack.request
        told = list(enumerate(events, start=len(expected.events) + 1))
        if stack and stack.gives_way(request):
            expected.stack = evolve(stack.begun_anew(StackStatus.DELETE_IN_PROGRESS, {}), request=None)
            told.append((len(expected.events) + len(told) + 1, status_event(expected.stack, self.now)))
        elif stack:
            goes_on = stack.status.in_progress and stack.status is not StackStatus.DELETE_IN_PROGRESS
            expected.stack = evolve(stack, request=request if goes_on else None)
        for key in removed:
            expected.rows.pop(key, None)
        expected.rows.update({row.key: row for row in rows})
        expected.events += [evolve(event, sequence=number) for number, event in told]

    @rule(stack_id=stacks, request=st.sampled_from(["cancel", "delete", None]))
    def ask(self, stack_id, request):
        expected = self.model[stack_id]
        before = expected.stack.request
        deleting = before == "delete" or expected.stack.status is StackStatus.DELETE_IN_PROGRESS
        heard = request is None or (deleting and request == "delete")
        heard = heard or (expected.stack.status.in_progress and not deleting)
        try:
            self.store.ask(stack_id, request)
        except StackError:
            assert not heard
            return
        assert heard
        if before != "delete" and not (deleting and request == "delete"):
            expected.stack = evolve(expected.stack, request=request)

    @rule(stack_id=stacks, name=st.sampled_from(NAMES), revision=st.integers(0, 3))
    def save_change_set(self, stack_id, name, revision):
        kept = self.model[stack_id].change_sets
        change_set_id = f"{stack_id}-{name}"
        saved = ChangeSet(change_set_id, name, stack_id, revision, "{}", "f", {"a": 1}, [{"b": 2}], self.now)
        self.store.save_change_set(saved)
        kept[change_set_id] = saved

    @rule(stack_id=stacks, name=st.sampled_from(NAMES))
    def delete_change_set(self, stack_id, name):
        self.store.delete_change_set(f"{stack_id}-{name}")
        self.model[stack_id].change_sets.pop(f"{stack_id}-{name}", None)

    @rule(stack_id=stacks, handle=st.sampled_from(HANDLES), unique_id=st.sampled_from("xyz"), reason=st.text("ab"))
    def signal(self, stack_id, handle, unique_id, reason):
        signal = Signal(unique_id, "SUCCESS", reason)
        self.store.add_signal(stack_id, handle, signal)
        self.model[stack_id].signals.setdefault(handle, {})[unique_id] = signal

    @invariant()
    def the_stacks_are_the_models(self):
        everything = [expected.stack for expected in self.model.values()]
        assert self.store.stacks(deleted=True) == everything
        alive = [stack for stack in everything if stack.status is not StackStatus.DELETE_COMPLETE]
        assert self.store.stacks() == alive
        for account in ACCOUNTS:
            assert self.store.stacks(account=account) == [stack for stack in alive if stack.account == account]
        for stack in alive:
            assert self.store.stack(stack.name, stack.account) == stack

    @invariant()
    def pages_of_stacks_and_who_works_on_them_are_the_models(self):
        newest_first = [expected.stack for expected in self.model.values()][::-1]
        alive = [stack for stack in newest_first if stack.status is not StackStatus.DELETE_COMPLETE]
        assert [one.stack_id for one in self.paged(None, deleted=True)] == [one.stack_id for one in newest_first]
        for account in ACCOUNTS:
            mine = [stack for stack in alive if stack.account == account]
            assert [(one.name, one.status, one.request) for one in self.paged(account)] == [
                (one.name, one.status, one.request) for one in mine
            ]
            assert self.store.count(account) == len(mine)
        assert self.store.unattended() == [
            expected.stack.stack_id
            for expected in self.model.values()
            if expected.stack.status.in_progress
            and (expected.owner in {None, "dead"} or self.now >= expected.expires_at)
        ]

    @invariant()
    def what_belongs_to_them_is_the_models(self):
        for stack_id, expected in self.model.items():
            shown = [row for row in expected.rows.values() if row.status is not ResourceStatus.DELETE_COMPLETE]
            assert self.store.resources(stack_id) == shown
            assert self.store.events(stack_id) == expected.events
            assert self.store.events(stack_id, after=2, limit=2) == expected.events[2:4]
            assert self.store.events_back(stack_id, limit=2) == expected.events[-2:][::-1]
            newest = {row.logical_id: row for row in sorted(shown, key=lambda row: row.generation)}
            for logical_id in {row.logical_id for row in expected.rows.values()}:
                assert self.store.resource(stack_id, logical_id) == newest.get(logical_id)
            saved = sorted(expected.change_sets.values(), key=lambda saved: (saved.created_at, saved.change_set_id))
            assert self.store.change_sets(stack_id) == saved
            came = {handle: list(expected.signals.get(handle, {}).values()) for handle in HANDLES}
            assert self.store.signals(stack_id, HANDLES) == came

    def paged(self, account, **options: object):
        """All the stacks of pages of two."""
        found, after = self.store.page(account, limit=2, **options)
        while after is not None:
            page, after = self.store.page(account, after=after, limit=2, **options)
            found += page
        return found

    def live(self, name, account) -> bool:
        """Whether the account has a stack of this name that is not deleted."""
        return any(
            (expected.stack.name, expected.stack.account) == (name, account)
            and expected.stack.status is not StackStatus.DELETE_COMPLETE
            for expected in self.model.values()
        )


StoreMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestStoreMachine = StoreMachine.TestCase
