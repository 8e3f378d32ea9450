"""Many threads at one store: they stand in line, and what they write together is written as if each were alone."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from threading import Event as Flag
from threading import Thread

import pytest
from attrs import evolve
from sqlalchemy import text
from state_values import new_event, new_resource, new_stack

from cfnlib.errors import CfnlibError, LeaseLostError, StoreError
from cfnlib.state.model import StackStatus
from cfnlib.state.open import open_store
from cfnlib.state.sql_leases import lock
from cfnlib.state.sql_turns import Turns


def until(true) -> None:
    """Wait until something holds."""
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.002)


@contextmanager
def held_up(store, stack):
    """While nobody can write to this stack (in SQLite: to any)."""
    locked, over = Flag(), Flag()

    def work(connection) -> None:
        lock(connection, stack.stack_id)
        locked.set()
        over.wait()

    thread = Thread(target=store._database.write, args=[work])
    thread.start()
    locked.wait()
    try:
        yield
    finally:
        over.set()
        thread.join()


def ring(_number, _frame) -> None:
    """What a signal does."""
    raise KeyboardInterrupt


class Writers:
    """Threads that each commit something; what came of each, by its name."""

    def __init__(self, store) -> None:
        self.store = store
        self.came_of = {}
        self.threads = []
        self.writes = Flag()
        write = store._commits._write

        def told(connection, together) -> None:
            self.writes.set()
            write(connection, together)

        store._commits._write = told

    def start(self, name, lease, **what: object) -> None:
        """Begin to commit, and go on when that waits."""

        def work() -> None:
            try:
                self.came_of[name] = self.store.commit(lease, **what)
            except CfnlibError as error:
                self.came_of[name] = type(error)

        self.threads.append(Thread(target=work))
        self.threads[-1].start()
        until(lambda: self.blocked() and len(self.store._commits._waiting) == len(self.threads) - 1)

    def blocked(self) -> bool:
        """Whether the first of them waits for the database: for its turn in SQLite, for a locked row on a server."""
        database = self.store._database
        return len(database._writers._line) == 1 if database.backend == "sqlite" else self.writes.is_set()

    def join(self):
        """What came of them all."""
        for thread in self.threads:
            thread.join()
        return self.came_of


@pytest.fixture
def held(store):
    """Stacks that are there, each with its lease."""
    made = [new_stack(f"s{number}") for number in range(6)]
    for stack in made:
        store.create_stack(stack)
    return [(stack, store.acquire(stack.stack_id, "me", 60)) for stack in made]


def reasons(store, stack):
    return [event.reason for event in store.events(stack.stack_id)]


def test_each_of_those_that_write_together_has_its_own_outcome(store, held):
    writers = Writers(store)
    (first, _), (asked, _), (lost, lost_lease), (ends, _), *_ = held
    store.ask(asked.stack_id, "cancel")
    store.ask(ends.stack_id, "cancel")
    store.release(lost_lease)
    with held_up(store, first):
        for stack, lease in held:
            status = StackStatus.CREATE_COMPLETE if stack is ends else stack.status
            written = evolve(stack, reason=f"{stack.name} wrote", status=status)
            events = [new_event(stack, f"{stack.name} {half}") for half in "ab"]
            rows = [new_resource("Web", by=stack.name), new_resource("Db")]
            writers.start(stack.name, lease, stack=written, events=events, resources=rows)
    assert writers.join() == {
        "s0": None,
        "s1": "cancel",
        "s2": LeaseLostError,
        "s3": "cancel",
        "s4": None,
        "s5": None,
    }
    assert store.stack(lost.stack_id) == lost
    assert (store.events(lost.stack_id), store.resources(lost.stack_id)) == ([], [])
    for stack, _ in held:
        if stack is lost:
            continue
        assert store.stack(stack.stack_id).reason == f"{stack.name} wrote"
        assert reasons(store, stack) == [f"{stack.name} a", f"{stack.name} b"]
        assert [event.sequence for event in store.events(stack.stack_id)] == [1, 2]
        web, db = store.resources(stack.stack_id)
        assert (web.properties, db.logical_id) == ({"by": stack.name}, "Db")
    assert store.stack(asked.stack_id).request == "cancel"
    assert store.stack(ends.stack_id).request is None


def test_what_the_database_refuses_to_one_it_takes_from_the_others(store, held):
    writers = Writers(store)
    bad = held[3][0]
    with held_up(store, held[0][0]):
        for stack, lease in held:
            written = evolve(stack, on_failure=None) if stack is bad else evolve(stack, reason="fine")
            writers.start(stack.name, lease, stack=written, events=[new_event(stack, "x")])
    assert writers.join() == {**dict.fromkeys(["s0", "s1", "s2", "s4", "s5"]), "s3": StoreError}
    for stack, _ in held:
        assert reasons(store, stack) == ([] if stack is bad else ["x"])
        assert store.stack(stack.stack_id).reason == ("" if stack is bad else "fine")


def test_what_is_written_to_one_stack_at_once_is_in_the_order_of_its_coming(store, held):
    writers = Writers(store)
    (first, first_lease), (other, other_lease), *_ = held
    with held_up(store, first):
        for number in range(6):
            for stack, lease in ((first, first_lease), (other, other_lease)):
                row = new_resource(number=number)
                writers.start((stack.name, number), lease, events=[new_event(stack, str(number))], resources=[row])
    assert set(writers.join().values()) == {None}
    for stack in (first, other):
        assert reasons(store, stack) == [str(number) for number in range(6)]
        assert [row.properties for row in store.resources(stack.stack_id)] == [{"number": 5}]


def test_many_threads_that_write_all_the_time_all_get_their_turn(store):
    def work(stack, lease) -> None:
        for number in range(20):
            store.commit(lease, events=[new_event(stack, str(number))])
            store.renew(lease, 60)

    made = [new_stack() for _ in range(40)]
    for stack in made:
        store.create_stack(stack)
    threads = [Thread(target=work, args=[stack, store.acquire(stack.stack_id, "me", 60)]) for stack in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [reasons(store, stack) for stack in made] == [[str(number) for number in range(20)]] * 40


def test_whoever_came_first_goes_first():
    turns, came = Turns(1), []

    def work(number) -> None:
        with turns:
            came.append(number)

    with turns:
        threads = [Thread(target=work, args=[number]) for number in range(20)]
        for number, thread in enumerate(threads, start=1):
            thread.start()
            until(lambda number=number: len(turns._line) == number)
    for thread in threads:
        thread.join()
    assert came == list(range(20))


def test_as_many_as_there_are_places_go_at_once():
    turns = Turns(3)
    with turns, turns, turns:
        assert turns._free == 0
    assert turns._free == 3


def test_who_is_interrupted_in_line_leaves_it_and_takes_no_place_along():
    turns = Turns(1)

    before = signal.signal(signal.SIGALRM, ring)
    over = Flag()

    def hold() -> None:
        with turns:
            over.wait()

    holder = Thread(target=hold)
    holder.start()
    try:
        until(lambda: turns._free == 0)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt), turns:
            pass
    finally:
        signal.signal(signal.SIGALRM, before)
        over.set()
        holder.join()
    with turns:
        assert (turns._free, len(turns._line)) == (0, 0)
    assert turns._free == 1


def test_a_commit_that_is_interrupted_while_it_waits_holds_nobody_up(store, held):
    writers = Writers(store)
    (first, first_lease), (second, second_lease), (third, third_lease), *_ = held

    before = signal.signal(signal.SIGALRM, ring)
    try:
        with held_up(store, first):
            writers.start("first", first_lease, events=[new_event(first)])
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(KeyboardInterrupt):
                store.commit(second_lease, events=[new_event(second)])
            assert store._commits._waiting == []
            writers.start("third", third_lease, events=[new_event(third)])
    finally:
        signal.signal(signal.SIGALRM, before)
    assert writers.join() == {"first": None, "third": None}
    assert store.commit(second_lease, events=[new_event(second, "again")]) is None
    assert reasons(store, second) == ["again"]


def test_who_writes_for_others_may_be_interrupted_and_they_go_on(store, held):
    writers = Writers(store)
    (first, first_lease), *others = held
    came = []

    def write(stack, lease) -> None:
        came.append(store.commit(lease, events=[new_event(stack)]))

    def follow() -> None:
        until(writers.blocked)
        for stack, lease in others:
            thread = Thread(target=write, args=[stack, lease])
            thread.start()
            writers.threads.append(thread)
        until(lambda: len(store._commits._waiting) == len(others))
        os.kill(os.getpid(), signal.SIGALRM)

    before = signal.signal(signal.SIGALRM, ring)
    try:
        with held_up(store, first):
            following = Thread(target=follow)
            following.start()
            with pytest.raises(KeyboardInterrupt):
                store.commit(first_lease, events=[new_event(first, "interrupted")])
    finally:
        signal.signal(signal.SIGALRM, before)
    following.join()
    writers.join()
    assert came == [None] * len(others)
    assert [reasons(store, stack) for stack, _ in held] == [[], *[[""]] * len(others)]


def test_connections_that_the_server_ended_are_no_error(served_url):
    store = open_store(served_url)
    stack = new_stack()
    store.create_stack(stack)
    lease = store.acquire(stack.stack_id, "me", 60)
    for attempt in (
        lambda: store.commit(lease, events=[new_event(stack)]),
        lambda: store.events(stack.stack_id),
        lambda: store.renew(lease, 60),
    ):
        end_sessions(store, served_url)
        attempt()
    assert len(store.events(stack.stack_id)) == 1
    store.close()


def end_sessions(store, url) -> None:
    """Let the server end the sessions of a store."""
    of_postgresql = url.startswith("postgresql")
    number = "SELECT pg_backend_pid()" if of_postgresql else "SELECT CONNECTION_ID()"
    session = store._database.read(lambda connection: connection.scalar(text(number)))
    other = open_store(url)
    end = f"SELECT pg_terminate_backend({session})" if of_postgresql else f"KILL {session}"
    other._database.write(lambda connection: connection.execute(text(end)).close())
    other.close()


def test_a_fork_while_others_write_can_write_itself_to_a_server(served_url):
    store = open_store(served_url)
    made = [new_stack() for _ in range(8)]
    for stack in made:
        store.create_stack(stack)
    leases = [store.acquire(stack.stack_id, "me", 60) for stack in made]
    over = Flag()

    def write(stack, lease) -> None:
        while not over.is_set():
            store.commit(lease, events=[new_event(stack)])

    threads = [Thread(target=write, args=pair) for pair in list(zip(made, leases, strict=True))[1:]]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            child = os.fork()
            if not child:
                code = 1
                try:
                    store.commit(leases[0], events=[new_event(made[0], "child")])
                    code = 0
                finally:
                    os._exit(code)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert reasons(store, made[0]) == ["child"] * 5
    store.close()
