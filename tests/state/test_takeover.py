"""A process is stopped in the middle of an operation, another one takes over, and the first one wakes up.

Three processes: one serves the cloud, one begins the operation, one takes it over when the first one's lease has
expired. The first one does not know that it slept. What the cloud holds in the end is what the stack says: nothing
was made twice, nothing is left over.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from contextlib import closing, suppress
from uuid import uuid4

import pytest
from state_takeover import on_the_cloud, operate, said, served
from state_workers import started

from cfnlib.errors import StackBusyError, StackNotFoundError
from cfnlib.state.model import StackStatus
from cfnlib.state.open import open_store

STOPS = int(os.environ.get("CFNLIB_STOPS", "1"))
SIZE = 12
ENDS = {"create": StackStatus.CREATE_COMPLETE, "update": StackStatus.UPDATE_COMPLETE}


@pytest.fixture(scope="module")
def place():
    with served() as found:
        yield found


@pytest.fixture
def store(shared_url):
    opened = open_store(shared_url)
    yield opened
    opened.close()


def stop(process, url) -> None:
    """Stop the process, but not while it is just writing to an SQLite file: that would stop all others too."""
    while process.is_alive():
        os.kill(process.pid, signal.SIGSTOP)
        if not url.startswith("sqlite"):
            return
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=0, isolation_level=None)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                os.kill(process.pid, signal.SIGCONT)
                time.sleep(0.001)
            else:
                other.execute("ROLLBACK")
                return


def wait_for_the_lease(store, stack_id) -> None:
    """Wait until nobody holds the stack."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with suppress(StackBusyError):
            return store.release(store.acquire(stack_id, "a look", 60))
        time.sleep(0.05)
    raise AssertionError("the lease of a stopped process does not expire")


def begun(store, known, revision):
    """The stack, once the operation that makes it one of this revision is under way."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with suppress(StackNotFoundError):
            found = store.stack(known)
            if found.revision >= revision:
                return found
        time.sleep(0.005)
    raise AssertionError("the operation does not begin")


def whole(place, url, name, verb, size):
    """How an operation ends that nobody disturbs."""
    with started(operate, place, url, name, verb, size) as (_, pipe):
        return [pipe.recv(), pipe.recv()][1]


def counted(things):
    """How many there are of each kind."""
    return {kind: len(ids) for kind, ids in things.items()}


@pytest.fixture(scope="module")
def undisturbed(place, tmp_path_factory):
    """How many things of each kind a stack has that nobody disturbed."""
    assert (
        whole(place, f"sqlite:///{tmp_path_factory.mktemp('whole') / 'state.db'}", "whole", "create", SIZE) == "done"
    )
    found = counted(on_the_cloud(place, "whole-"))
    assert found["machine"] == SIZE
    return found


@pytest.mark.parametrize("verb", ["create", "update", "delete"])
def test_a_stopped_process_that_wakes_up_after_a_takeover_makes_nothing_twice(
    shared_url, store, place, undisturbed, verb
):
    seed = int(os.environ.get("CFNLIB_SEED", str(random.SystemRandom().randrange(10**9))))
    print(f"CFNLIB_SEED={seed}")
    chance = random.Random(seed)
    stops = 0
    while stops < STOPS:
        name = known = f"t{uuid4().hex[:10]}"
        revision = 0
        if verb != "create":
            assert whole(place, shared_url, name, "create", SIZE if verb == "delete" else 3) == "done"
            known, revision = store.stack(name).stack_id, store.stack(name).revision + 1
        with started(operate, place, shared_url, name, verb, SIZE) as (first, of_first):
            assert of_first.recv() == "ready"
            stack = begun(store, known, revision)
            time.sleep(chance.uniform(0, 0.4))
            stop(first, shared_url)
            if not store.stack(stack.stack_id).status.in_progress:  # this machine is busy: it was over too soon
                continue
            stops += 1
            wait_for_the_lease(store, stack.stack_id)
            with started(operate, place, shared_url, name, "resume", 0) as (_, of_second):
                assert of_second.recv() == "ready"
                time.sleep(chance.uniform(0, 0.4))
                os.kill(first.pid, signal.SIGCONT)  # mostly while the second is at work
                assert of_second.recv() == "done"
            woken = of_first.recv()
        then = store.stack(stack.stack_id)
        there = on_the_cloud(place, f"{name}-")
        assert there == said(store, stack.stack_id), f"seed {seed}"
        if verb == "delete":
            assert then.status is StackStatus.DELETE_COMPLETE
            assert there == {}
        else:
            assert then.status is ENDS[verb]
            assert counted(there) == undisturbed
        assert woken in {"LeaseLostError", "StoreError", "done"}, f"seed {seed}"
        assert then == store.stack(stack.stack_id)
