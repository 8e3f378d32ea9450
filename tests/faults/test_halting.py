"""Operations that are handed over while the cloud works: the next process goes on, and nothing is made twice."""

from __future__ import annotations

import threading

import pytest
from fault_worlds import TEMPLATE, cloud

from cfnlib.config import Config
from cfnlib.drivers.cloudstack import CloudStackDriver
from cfnlib.engine.crew import Crew
from cfnlib.simulator import Latency
from cfnlib.stacks import Stacks

KINDS = ("virtualmachine", "network", "keypair", "volume")


def a_process(world):
    """Stacks as the service has them: with a driver and a crew of its process."""
    crew = Crew(4)
    stacks = Stacks(CloudStackDriver(Config(**world.config)), world.store, settings=world.settings, crew=crew)
    return stacks, crew


def carried(begun, stacks, crew, after_s):
    """Let one process carry an operation on until it ends or so many seconds have passed."""
    halt = threading.Event()
    timer = threading.Timer(after_s, halt.set)
    timer.start()
    state = stacks.operations.carry_on(begun, halt=halt)
    timer.cancel()
    crew.close()
    stacks.driver.close()
    return state


@pytest.mark.parametrize("after_s", [0.05, 0.15, 0.4])
def test_a_stack_made_and_deleted_by_one_process_after_the_other(after_s):
    with cloud(latency=Latency(job_s=0.1)) as world:
        ends = []
        for verb in ("create", "delete"):
            stacks, crew = a_process(world)
            operations = stacks.operations
            if verb == "create":
                begun = operations.create(operations.new("demo", TEMPLATE))
            else:
                begun = operations.delete(stacks.mine("demo"))
            state = carried(begun, stacks, crew, after_s)
            for number in range(40):
                if not state.status.in_progress:
                    break
                stacks, crew = a_process(world)
                begun = stacks.operations.take_up(world.store.stack(state.stack_id))
                state = carried(begun, stacks, crew, after_s + number * 0.1)
            ends.append(state.status.value)
            if verb == "create":
                assert world.held() == world.known("demo")
                assert [len(world.things(kind)) for kind in KINDS] == [1, 1, 1, 2]
        assert ends == ["CREATE_COMPLETE", "DELETE_COMPLETE"]
        assert world.held() == set()
