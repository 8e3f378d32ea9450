"""What the processes do that tests start, stop and kill. Each says on its pipe what it did."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from contextlib import contextmanager

from attrs import evolve
from state_values import new_event, new_resource

from cfnlib.errors import LeaseLostError, StackBusyError
from cfnlib.state import sql_connect
from cfnlib.state.open import open_store
from cfnlib.state.owner import owner_name
from cfnlib.state.sql import SqlStore

# Started by a server that has imported everything: a new process takes hundredths of a second, and none is a fork
# of the test's own process with its connections.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["cfnlib.state.sql", "state_values"])


@contextmanager
def started(work, *arguments: object):
    """A process that runs `work(pipe, *arguments)`, and the other end of its pipe; killed at the end."""
    near, far = _context.Pipe()
    process = _context.Process(target=work, args=(far, *arguments))
    process.start()
    far.close()
    try:
        yield process, near
    finally:
        process.kill()
        process.join()
        near.close()


def take_turns(pipe, url, stack, turns) -> None:
    """Take the lease `turns` times, write an event twice under it; tell each event that was written."""
    store = open_store(url)
    done = 0
    while done < turns:
        try:
            lease = store.acquire(stack.stack_id, owner_name(), 60)
        except StackBusyError:
            time.sleep(0.002)
            continue
        for half in "ab":
            reason = f"{lease.epoch} {os.getpid()} {half}"
            store.commit(lease, resources=[new_resource(text=reason)], events=[new_event(stack, reason)])
            pipe.send(reason)
        store.release(lease)
        done += 1
    store.close()


def oversleep(pipe, url, stack, turns) -> None:
    """Take leases so short that they are often lost under way; tell of each commit whether it was written."""
    store = open_store(url)
    done = 0
    while done < turns:
        try:
            lease = store.acquire(stack.stack_id, f"sleeper {os.getpid()}", 0.02)
        except StackBusyError:
            time.sleep(0.002)
            continue
        done += 1
        for half in range(4):
            reason = f"{lease.epoch} {os.getpid()} {half}"
            try:
                store.commit(lease, events=[new_event(stack, reason)])
            except LeaseLostError:
                pipe.send(("lost", reason))
                break
            pipe.send(("written", reason))
            time.sleep(0.008)
    store.close()


def count_up(pipe, url, stack, rows) -> None:
    """Write commit after commit, each the same number into all rows, one event and the stack; tell each number."""
    store = open_store(url)
    lease = store.acquire(stack.stack_id, owner_name(), 3600)
    number = store.stack(stack.stack_id).revision
    while True:
        number += 1
        written = [new_resource(f"R{row}", number=number, ballast="x" * 500) for row in range(rows)]
        event = new_event(stack, str(number))
        store.commit(lease, stack=evolve(stack, revision=number), resources=written, events=[event])
        pipe.send(number)


def count_up_with_short_patience(pipe, url, stack, rows) -> None:
    """The same, on a server that ends a session which does nothing for a second in a transaction."""
    sql_connect._IDLE_S = 1
    count_up(pipe, url, stack, rows)


def hold(pipe, url, stack, ttl_s) -> None:
    """Take the lease, say so, and wait to be told to commit; tell how that went."""
    store = open_store(url)
    lease = store.acquire(stack.stack_id, owner_name(), ttl_s)
    pipe.send(lease)
    pipe.recv()
    for attempt in (
        lambda: store.commit(lease, events=[new_event(stack, "late")]),
        lambda: store.renew(lease, ttl_s),
    ):
        try:
            attempt()
        except LeaseLostError as error:
            pipe.send(str(error))
        else:
            pipe.send("")
    pipe.recv()


def open_at_once(pipe, url) -> None:
    """Open a store when told to, which may not exist yet; tell how many stacks it has."""
    pipe.send("ready")
    pipe.recv()
    store = open_store(url)
    pipe.send(len(store.stacks()))
    store.close()


def fork_and_write(pipe, url, stack) -> None:
    """Fork with an open store and write on both sides; tell 0 when the child did well, on a connection of its own."""
    store = SqlStore(url)
    lease = store.acquire(stack.stack_id, owner_name(), 60)
    store.commit(lease, events=[new_event(stack, "before")])
    inherited = used_connection(store)
    child = os.fork()
    for _ in range(20):
        store.commit(lease, events=[new_event(stack, "parent" if child else "child")])
    if not child:
        os._exit(used_connection(store) is inherited)
    pipe.send(os.waitpid(child, 0)[1])
    store.close()


def used_connection(store):
    """The driver's connection that the store uses when it is idle otherwise."""
    return store._database.read(lambda connection: connection.connection.dbapi_connection)


def kill(process) -> None:
    """Kill -9, and wait until it is gone."""
    os.kill(process.pid, signal.SIGKILL)
    process.join()
