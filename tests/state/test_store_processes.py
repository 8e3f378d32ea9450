"""Several processes on one database; some are stopped or killed."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from contextlib import ExitStack, closing
from itertools import groupby

import pytest
from state_values import new_event, new_stack
from state_workers import (
    count_up,
    count_up_with_short_patience,
    fork_and_write,
    hold,
    kill,
    open_at_once,
    oversleep,
    started,
    take_turns,
)

from cfnlib.errors import StackBusyError
from cfnlib.state.open import open_store


@pytest.fixture
def shared_store(shared_url):
    opened = open_store(shared_url)
    yield opened
    opened.close()


@pytest.fixture
def stack(shared_store):
    made = new_stack()
    shared_store.create_stack(made)
    return made


def heard(pipe):
    """What came through a pipe until the process at its end was done."""
    told = []
    while True:
        try:
            told.append(pipe.recv())
        except EOFError:
            return told


def test_never_two_holders_in_one_epoch_and_no_event_lost(shared_url, shared_store, stack):
    with ExitStack() as running:
        workers = [running.enter_context(started(take_turns, shared_url, stack, 15)) for _ in range(4)]
        told = [reason for _, pipe in workers for reason in heard(pipe)]
    events = shared_store.events(stack.stack_id)
    assert len(told) == 4 * 15 * 2
    assert sorted(event.reason for event in events) == sorted(told)
    assert [event.sequence for event in events] == list(range(1, len(told) + 1))
    written = [event.reason.split() for event in events]
    epochs = [int(epoch) for epoch, _, _ in written]
    assert epochs == sorted(epochs)
    for _, in_epoch in groupby(written, key=lambda words: words[0]):
        (first, second) = in_epoch
        assert first[1] == second[1]
        assert (first[2], second[2]) == ("a", "b")


def test_a_lease_that_is_overslept_writes_nothing_after_the_next_ones(shared_url, shared_store, stack):
    with ExitStack() as running:
        workers = [running.enter_context(started(oversleep, shared_url, stack, 10)) for _ in range(3)]
        told = [item for _, pipe in workers for item in heard(pipe)]
    events = shared_store.events(stack.stack_id)
    assert sorted(event.reason for event in events) == sorted(reason for fate, reason in told if fate == "written")
    epochs = [int(event.reason.split()[0]) for event in events]
    assert epochs == sorted(epochs)
    holders = {event.reason.rpartition(" ")[0] for event in events}
    assert len(holders) == len(set(epochs))
    assert any(fate == "lost" for fate, _ in told)


def test_a_stopped_process_that_wakes_up_after_a_takeover_writes_nothing(shared_url, shared_store, stack):
    with started(hold, shared_url, stack, 0.3) as (process, pipe):
        pipe.recv()
        os.kill(process.pid, signal.SIGSTOP)
        while True:
            try:
                taken = shared_store.acquire(stack.stack_id, "me", 60)
                break
            except StackBusyError:
                time.sleep(0.02)
        os.kill(process.pid, signal.SIGCONT)
        pipe.send("go on")
        assert "taken over by me" in pipe.recv()
        assert "taken over by me" in pipe.recv()
    shared_store.commit(taken, events=[new_event(stack, "in time")])
    assert [event.reason for event in shared_store.events(stack.stack_id)] == ["in time"]


def test_a_process_that_is_stopped_while_it_writes_blocks_its_stack_on_a_server_for_a_short_time_only(served_url):
    chance = random.Random(5)
    with closing(open_store(served_url)) as store, ExitStack() as running:
        stack = new_stack()
        store.create_stack(stack)
        for _ in range(5):
            process, pipe = running.enter_context(started(count_up_with_short_patience, served_url, stack, 20))
            for _ in range(chance.randrange(1, 5)):
                pipe.recv()
            time.sleep(chance.random() * 0.01)  # somewhere in the middle of the next one
            os.kill(process.pid, signal.SIGSTOP)
            with pytest.raises(StackBusyError):
                store.acquire(stack.stack_id, "me", 60)  # waits for the row, which a stopped process may have locked
            kill(process)
            store.release(store.acquire(stack.stack_id, "me", 60))


def test_a_killed_process_frees_its_stack_at_once(shared_url, shared_store, stack):
    with started(hold, shared_url, stack, 3600) as (process, pipe):
        lease = pipe.recv()
        with pytest.raises(StackBusyError, match=f":{process.pid}:"):
            shared_store.acquire(stack.stack_id, "me", 60)
        kill(process)
        assert shared_store.acquire(stack.stack_id, "me", 60).epoch == lease.epoch + 1


def test_a_writer_that_is_killed_leaves_whole_commits(shared_url, shared_store, stack):
    chance = random.Random(4)
    acknowledged = 0
    for _ in range(20):
        with started(count_up, shared_url, stack, 20) as (process, pipe):
            for _ in range(chance.randrange(1, 4)):
                acknowledged = pipe.recv()
            time.sleep(chance.random() * 0.01)  # somewhere in the middle of the next one
            kill(process)
            while pipe.poll():
                try:
                    acknowledged = pipe.recv()
                except EOFError:
                    break
        shared_store.release(shared_store.acquire(stack.stack_id, "me", 60))  # waits for what a server still does
        number = shared_store.stack(stack.stack_id).revision
        assert number in {acknowledged, acknowledged + 1}
        assert [row.properties["number"] for row in shared_store.resources(stack.stack_id)] == [number] * 20
        events = shared_store.events(stack.stack_id)
        assert [(event.sequence, event.reason) for event in events] == [(n, str(n)) for n in range(1, number + 1)]
    if shared_url.startswith("sqlite"):
        connection = sqlite3.connect(shared_url.removeprefix("sqlite:///"))
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()


def test_many_may_make_the_database_at_once(tmp_path):
    url = f"sqlite:///{tmp_path / 'new' / 'state.db'}"
    with ExitStack() as running:
        workers = [running.enter_context(started(open_at_once, url)) for _ in range(6)]
        for _, pipe in workers:
            pipe.recv()
        for _, pipe in workers:
            pipe.send("go")
        assert [pipe.recv() for _, pipe in workers] == [0] * 6


def test_a_fork_may_use_the_store_that_its_parent_opened(shared_url, shared_store, stack):
    with started(fork_and_write, shared_url, stack) as (_, pipe):
        assert heard(pipe) == [0]
    events = shared_store.events(stack.stack_id)
    assert sorted(event.reason for event in events) == sorted(["before", *["child", "parent"] * 20])
