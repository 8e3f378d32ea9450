"""Many operations in one process: whose turn it is, how often the cloud is asked, and that all end well."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import pytest
from test_create import TEMPLATE
from worlds import World

from cfnlib.drivers.base import Ended, Pending, SystemClock
from cfnlib.drivers.memory import MemoryDriver
from cfnlib.engine.crew import Crew
from cfnlib.engine.settings import Settings
from cfnlib.resources import find
from cfnlib.schema.calls import Call, Effect
from cfnlib.stacks import Stacks

FAST = Settings(poll_min_s=0.01, write_s=0.01, heartbeat_s=0.2, lease_s=1e9, retry_s=(0.01,) * 50)


@pytest.fixture
def crew():
    found = Crew(1)
    yield found
    found.close()


def order_of(crew, wanted):
    """The order in which one thread does pieces: `wanted` are pairs of a lane and the piece's name."""
    done, gate, begun = SimpleQueue(), threading.Event(), threading.Event()
    crew.lane("gate", 1).submit(lambda: (begun.set(), gate.wait(10)))
    assert begun.wait(10)
    for lane, name in wanted:
        lane.submit(lambda name=name: done.put(name))
    gate.set()
    return [done.get(timeout=10) for _ in wanted]


def test_a_large_operation_does_not_keep_a_small_one_waiting(crew):
    large, small = crew.lane("account", 8), crew.lane("account", 8)
    order = order_of(crew, [(large, f"large {n}") for n in range(50)] + [(small, "small")])
    assert order.index("small") <= 2
    assert [name for name in order if name != "small"] == [f"large {n}" for n in range(50)]


def test_an_account_with_many_operations_does_not_keep_another_one_waiting(crew):
    many = [(crew.lane("busy", 8), f"busy {n}.{m}") for n in range(30) for m in range(2)]
    order = order_of(crew, [*many, (crew.lane("quiet", 8), "quiet 1"), (crew.lane("quiet", 8), "quiet 2")])
    assert order.index("quiet 1") <= 3
    assert order.index("quiet 2") <= 5


def test_no_more_than_its_own_limit_of_an_operations_calls_are_under_way():
    crew, gate, under_way = Crew(16), threading.Event(), threading.Semaphore(0)
    lane, other, seen = crew.lane("a", 3), crew.lane("a", 3), threading.Event()
    for _ in range(10):
        lane.submit(lambda: (under_way.release(), gate.wait(10)))
    other.submit(seen.set)
    assert seen.wait(10)
    assert all(under_way.acquire(timeout=10) for _ in range(3))
    assert not under_way.acquire(timeout=0.05)
    gate.set()
    assert all(under_way.acquire(timeout=10) for _ in range(7))
    crew.close()


def test_what_fails_in_a_thread_of_the_crew_does_not_end_it(crew):
    lane, done = crew.lane("a", 1), threading.Event()
    hook, threading.excepthook = threading.excepthook, lambda _: None
    try:
        lane.submit(lambda: 1 / 0)
        lane.submit(done.set)
        assert done.wait(10)
    finally:
        threading.excepthook = hook


class Asked:
    """A driver whose jobs end when they are told to; it notes what each poll asked about."""

    def __init__(self):
        self.polls, self.ended = [], set()

    def poll(self, pending):
        """Tell of those that have ended."""
        self.polls.append({item.job_id for item in pending})
        return [Ended(item.key, {"id": item.job_id}) for item in pending if item.job_id in self.ended]


def pending(key, job_id):
    call = Call("deployVirtualMachine", {}, effect=Effect.CREATES)
    return Pending(key, find("CloudStack::VirtualMachine"), call, job_id, None)


def test_operations_over_one_driver_are_asked_about_together_and_each_learns_of_its_own(crew):
    driver, came = Asked(), {name: SimpleQueue() for name in "ab"}
    watches = {name: crew.watch(driver, FAST, SystemClock(), came[name].put) for name in "ab"}
    for name, watch in watches.items():
        watch.add(pending("Machine", f"job {name}"))
    while {"job a", "job b"} not in driver.polls:
        pass
    driver.ended.add("job b")
    (end,) = watches["b"].ended(came["b"].get(timeout=10))
    assert (end.key, end.record["id"]) == ("Machine", "job b")
    assert came["a"].empty()
    driver.ended.add("job a")
    (end,) = watches["a"].ended(came["a"].get(timeout=10))
    assert (end.key, end.record["id"]) == ("Machine", "job a")
    for watch in watches.values():
        watch.close()


def test_an_end_that_comes_late_is_not_taken_for_that_of_the_next_call(crew):
    driver, came = Asked(), SimpleQueue()
    watch = crew.watch(driver, FAST, SystemClock(), came.put)
    driver.ended.add("first")
    watch.add(pending("Machine", "first"))
    message = came.get(timeout=10)
    watch.forget("Machine")
    watch.add(pending("Machine", "second"))
    assert watch.ended(message) == []
    watch.close()


class Unsteady(MemoryDriver):
    """A driver over which a poll fails now and then."""

    turns = 0

    def poll(self, pending):
        """Fail each third time."""
        self.turns += 1
        if self.turns % 3 == 0:
            raise OSError("no answer")
        return super().poll(pending)


def test_many_operations_at_once_on_one_crew_all_end_with_what_they_wanted():
    world = World(clock=SystemClock(), job_s=0.1)
    driver, crew = Unsteady(world.cloud), Crew(8)

    def live(number):
        stacks = Stacks(driver, world.store, settings=FAST, crew=crew)
        made = stacks.create(f"s{number}", TEMPLATE).status
        return made, stacks.delete(f"s{number}").status if number % 2 else ""

    with ThreadPoolExecutor(20) as pool:
        ends = list(pool.map(live, range(20)))
    crew.close()
    assert ends == [("CREATE_COMPLETE", "DELETE_COMPLETE" if number % 2 else "") for number in range(20)]
    known = [world.known(f"s{number}") for number in range(0, 20, 2)]
    assert set().union(*known) == world.there()
    assert sum(map(len, known)) == len(world.there()) == 40
