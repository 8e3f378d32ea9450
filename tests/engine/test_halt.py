"""An operation that is halted at any of its calls is gone on with by another process; nothing is made twice."""

from __future__ import annotations

import json
import threading
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_properties import faults, templates
from worlds import SETTINGS, World

from cfnlib.errors import CfnlibError, NoUpdatesError, OperationFailedError
from cfnlib.wanted import changed_state


def halting_at(number):
    """A driver's hook, and what it sets at the n-th call."""
    halt, left = threading.Event(), [number]

    def strike(_call):
        left[0] -= 1
        if left[0] == 0:
            halt.set()

    return halt, strike


def begin(stacks, verb, template):
    operations = stacks.operations
    if verb == "create":
        return operations.create(operations.new("demo", template))
    if verb == "update":
        return operations.update(changed_state(stacks.mine("demo"), template, None))
    return operations.delete(stacks.mine("demo"))


def carried(world, verb, template, halts):
    """Begin an operation, and let one process after the other carry it on until the last one ends it."""
    halt, strike = halting_at(halts[0])
    stacks = world.engine(before=strike)
    state = stacks.operations.carry_on(begin(stacks, verb, template), halt=halt)
    processes = 1
    for number in [*halts[1:], 10**6]:
        if not state.status.in_progress:
            break
        halt, strike = halting_at(number)
        stacks = world.engine(after=strike)
        begun = stacks.operations.take_up(world.store.stack(state.stack_id))
        state = stacks.operations.carry_on(begun, halt=halt)
        processes += 1
    return state, processes


def made(world):
    """How many calls that make a thing were made, of those commands that the templates lead to."""
    commands = ("createNetwork", "deployVirtualMachine", "associateIpAddress", "createFirewallRule", "createVolume")
    return sum(world.cloud.calls[command] for command in commands)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(template=templates(), halts=st.lists(st.integers(1, 12), min_size=1, max_size=5))
def test_a_creation_handed_from_one_process_to_the_next_makes_each_thing_once(template, halts):
    world = World()
    state, _ = carried(world, "create", template, halts)
    assert state.status.value == "CREATE_COMPLETE"
    assert world.known("demo") == world.there()
    kinds = [one["Type"] for one in json.loads(template)["Resources"].values()]
    assert made(world) == sum(not kind.endswith("Attachment") for kind in kinds)
    state, _ = carried(world, "delete", None, halts)
    assert state.status.value == "DELETE_COMPLETE"
    assert world.there() == set()


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    wanted=st.lists(templates(), min_size=2, max_size=2),
    schedule=faults,
    halts=st.lists(st.integers(1, 10), min_size=1, max_size=4),
)
def test_whatever_goes_wrong_the_last_process_leaves_the_cloud_as_the_stack_says(wanted, schedule, halts):
    world = World()
    with suppress(OperationFailedError):
        world.stacks.create("demo", wanted[0])
    world.cloud.faults.extend(schedule)
    try:
        state, _ = carried(world, "update", wanted[1], halts)
    except NoUpdatesError:
        return
    except CfnlibError:
        state = world.store.stack("demo")
    assert not state.status.in_progress
    assert world.known("demo") == world.there()
    world.cloud.faults.clear()
    world.stacks.delete("demo")
    assert world.there() == set()


MACHINES = json.dumps(
    {
        "Resources": {
            "Net": {
                "Type": "CloudStack::Network",
                "Properties": {"networkofferingid": "Isolated", "displaytext": "one"},
            }
        }
        | {
            f"Machine{n}": {
                "Type": "CloudStack::VirtualMachine",
                "Properties": {
                    "zoneid": "Sandbox",
                    "templateid": "Debian 12",
                    "serviceofferingid": "Small Instance",
                    "networkids": [{"Ref": "Net"}],
                },
            }
            for n in range(40)
        }
    }
)


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize("number", [1, 2, 20, 41])
def test_what_waits_for_its_turn_is_not_called_any_more_and_needs_no_looking_for(number, inline):
    world = World(settings=SETTINGS.__class__(inline=inline, calls_in_flight=2, lease_s=1e9))
    halt, strike = halting_at(number)
    stacks = world.engine(before=strike)
    state = stacks.operations.carry_on(begin(stacks, "create", MACHINES), halt=halt)
    assert state.status.value == "CREATE_IN_PROGRESS" or number == 41
    assert made(world) <= number + 1
    rows = world.store.resources(state.stack_id)
    unknown = [row for row in rows if row.intent and row.intent.sent and row.intent.job_id is None]
    assert unknown == []
    assert {row.physical_id for row in rows if row.physical_id} == world.there()
