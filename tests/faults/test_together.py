"""Several processes at one stack: the same creation twice, deletion and cancellation while something is under way."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import pytest
from fault_worlds import TEMPLATE, World, cloud

from cfnlib.errors import CfnlibError, OperationFailedError, StackBusyError, StackError, StackExistsError
from cfnlib.simulator import Fault, Latency
from cfnlib.state.sql import SqlStore

SLOW = Latency(job_s=0.3)


@contextmanager
def shared(folder, latency=SLOW):
    """A cloud, and a store in a file: each `engine` of the world is as a process of its own."""
    with cloud(latency=latency) as found:
        simulator = found.simulator
        world = World(simulator, store=SqlStore(f"sqlite:///{folder}/stacks.db"))
        yield world, lambda: world.engine(store=SqlStore(f"sqlite:///{folder}/stacks.db"))


@contextmanager
def under_way(operation, *arguments):
    """An operation in a thread, from the moment on when it has told of a resource; gives its future."""
    begun = Event()

    def tell(event) -> None:
        if event.type != "AWS::CloudFormation::Stack":
            begun.set()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(operation, *arguments, on_event=tell)
        assert begun.wait(10)
        yield future


def outcome(future):
    """The status that an operation ended with, or its error."""
    try:
        return future.result(60).status
    except CfnlibError as error:
        return error


def test_the_same_creation_twice_one_after_the_other(world):
    world.stacks.create("demo", TEMPLATE)
    before = world.picture()
    with pytest.raises(StackExistsError, match="update it, or delete it"):
        world.engine().create("demo", TEMPLATE)
    assert world.picture() == before


def test_of_the_same_creation_in_many_threads_one_makes_the_stack(tmp_path):
    with shared(tmp_path, Latency()) as (world, another), ThreadPoolExecutor(6) as pool:
        engines = [another() for _ in range(6)]
        ends = [outcome(one) for one in [pool.submit(engine.create, "demo", TEMPLATE) for engine in engines]]
        assert [end for end in ends if end == "CREATE_COMPLETE"] == ["CREATE_COMPLETE"]
        assert all(isinstance(end, StackExistsError) for end in ends if end != "CREATE_COMPLETE")
        assert len(world.things("virtualmachine")) == 1
        assert world.held() == world.known("demo")


def _create(config, folder, gate, ends) -> None:
    stacks = World.connect(config, SqlStore(f"sqlite:///{folder}/stacks.db"))
    gate.wait()
    try:
        ends.put(stacks.create("demo", TEMPLATE).status)
    except StackError as error:
        ends.put(type(error).__name__)


def test_of_the_same_creation_in_two_processes_one_makes_the_stack(tmp_path):
    context = multiprocessing.get_context("fork")
    with shared(tmp_path, Latency()) as (world, _):
        gate, ends = context.Barrier(2), context.Queue()
        workers = [context.Process(target=_create, args=(world.config, tmp_path, gate, ends)) for _ in range(2)]
        for worker in workers:
            worker.start()
        found = sorted(ends.get(timeout=30) for _ in workers)
        for worker in workers:
            worker.join(10)
        assert found == ["CREATE_COMPLETE", "StackExistsError"]
        assert world.held() == world.known("demo")


@pytest.mark.parametrize("after_s", [0.0, 0.1, 0.35, 0.7])
def test_a_stack_deleted_while_it_is_made_ends_deleted(tmp_path, after_s):
    with shared(tmp_path) as (world, another), under_way(another().create, "demo", TEMPLATE) as creation:
        Event().wait(after_s)
        assert another().delete("demo").status == "DELETE_COMPLETE"
        assert world.held() == set()
        assert isinstance(outcome(creation), StackBusyError | OperationFailedError)
        assert world.store.stacks() == []


@pytest.mark.parametrize("after_s", [0.0, 0.2, 0.5])
def test_a_stack_deleted_while_it_is_updated_ends_deleted(tmp_path, after_s):
    with shared(tmp_path) as (world, another):
        another().create("demo", TEMPLATE)
        with under_way(another().update, "demo", None, {"Ssh": "2222", "Size": "Medium Instance"}) as update:
            Event().wait(after_s)
            assert another().delete("demo").status == "DELETE_COMPLETE"
            assert world.held() == set()
            assert isinstance(outcome(update), StackBusyError | OperationFailedError)


def test_a_creation_that_is_cancelled_goes_back(tmp_path):
    with shared(tmp_path) as (world, another), under_way(another().create, "demo", TEMPLATE) as creation:
        another().cancel("demo")
        error = outcome(creation)
        assert isinstance(error, OperationFailedError)
        assert error.status == "ROLLBACK_COMPLETE"
        assert "cancelled" in error.reason
        assert world.held() == set()


def test_an_update_that_is_cancelled_goes_back(tmp_path):
    with shared(tmp_path) as (world, another):
        outputs = another().create("demo", TEMPLATE).outputs
        ports = [rule["startport"] for rule in world.things("firewallrule")]
        offerings = [one["offering"] for one in world.things("virtualmachine")]
        with under_way(another().update, "demo", None, {"Ssh": "2222", "Size": "Medium Instance"}) as update:
            another().cancel("demo")
            error = outcome(update)
        assert error.status == "UPDATE_ROLLBACK_COMPLETE"
        assert [rule["startport"] for rule in world.things("firewallrule")] == ports
        assert [one["offering"] for one in world.things("virtualmachine")] == offerings
        assert {one["state"] for one in world.things("virtualmachine")} == {"Running"}
        assert another()["demo"].outputs == outputs
        assert world.held() == world.known("demo")


def test_a_second_operation_is_refused_while_one_is_under_way(tmp_path):
    with shared(tmp_path) as (world, another), under_way(another().create, "demo", TEMPLATE) as creation:
        for operation in (another().update, another().resume, another().continue_rollback):
            arguments = (None, {"Ssh": "23"}) if operation.__name__ == "update" else ()
            with pytest.raises(StackError):
                operation("demo", *arguments)
        assert outcome(creation) == "CREATE_COMPLETE"
        assert world.held() == world.known("demo")


def test_who_sees_an_operation_end_may_begin_the_next_at_once(tmp_path):
    """Also when the process that ended it has not given the stack back yet."""
    with shared(tmp_path, Latency()) as (world, another):
        stacks = another()
        release, ended, go_on = stacks.store.release, Event(), Event()

        def later(lease):
            ended.set()
            go_on.wait(10)
            release(lease)

        stacks.store.release = later
        with ThreadPoolExecutor(2) as pool:
            creation = pool.submit(stacks.create, "demo", TEMPLATE)
            assert ended.wait(30)
            assert world.stacks["demo"].status == "CREATE_COMPLETE"
            update = pool.submit(another().update, "demo", None, {"Ssh": "2222"})
            Event().wait(0.1)
            go_on.set()
            assert (outcome(creation), outcome(update)) == ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def test_two_deletions_at_once_both_end_with_nothing(tmp_path):
    with shared(tmp_path) as (world, another):
        another().create("demo", TEMPLATE)
        with under_way(another().delete, "demo") as deletion:
            assert another().delete("demo").status == "DELETE_COMPLETE"
            assert world.held() == set()
            assert not isinstance(outcome(deletion), OperationFailedError)


def test_nothing_is_there_to_cancel_when_nothing_is_under_way(world):
    world.stacks.create("demo", TEMPLATE)
    with pytest.raises(StackError, match="no operation to cancel"):
        world.stacks.cancel("demo")
    assert world.stacks.update("demo", None, {"Ssh": "23"}).status == "UPDATE_COMPLETE"


@pytest.mark.parametrize("too_late", ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"])
def test_what_goes_back_already_is_not_stopped_by_a_cancellation_that_comes_late(world, too_late):
    """Who asks looked before the update failed, or was cancelled by somebody else."""
    world.stacks.create("demo", TEMPLATE)
    before = [one["offering"] for one in world.things("virtualmachine")]
    world.fault(Fault("createFirewallRule", "job"))

    def ask(event):
        if event.status == "UPDATE_ROLLBACK_IN_PROGRESS":
            world.mend()
        if event.status == too_late:
            world.store.ask(event.stack_id, "cancel")

    with pytest.raises(OperationFailedError) as caught:
        world.stacks.update("demo", None, {"Ssh": "2222", "Size": "Medium Instance"}, on_event=ask)
    assert caught.value.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "cancelled" not in caught.value.reason
    assert [one["offering"] for one in world.things("virtualmachine")] == before
    assert world.held() == world.known("demo")
    with pytest.raises(StackError, match="no operation to cancel"):
        world.stacks.cancel("demo")
