"""What is written comes back as it was."""

from __future__ import annotations

from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from state_values import (
    change_sets,
    events,
    new_event,
    new_resource,
    new_stack,
    resources,
    signals,
    stacks,
)

from cfnlib.state.model import ResourceStatus, StackStatus

some = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(stack=stacks)
@some
def test_a_stack_comes_back_as_it_was_created(lasting_store, stack):
    lasting_store.create_stack(stack)
    assert lasting_store.stack(stack.stack_id) == stack
    assert lasting_store.stacks(deleted=True, account=stack.account) == [stack]


@given(stack=stacks, written=stacks)
@some
def test_a_stack_comes_back_as_it_was_committed_but_for_the_request(lasting_store, stack, written):
    written = evolve(written, stack_id=stack.stack_id)
    lasting_store.create_stack(stack)
    lease = lasting_store.acquire(stack.stack_id, "me", 60)
    assert lasting_store.commit(lease, stack=written) == stack.request
    if written.gives_way(stack.request):
        written = written.begun_anew(StackStatus.DELETE_IN_PROGRESS, stack.asked)
    goes_on = written.status.in_progress and written.status is not StackStatus.DELETE_IN_PROGRESS
    kept = (stack.request, stack.asked) if goes_on else (None, {})
    assert lasting_store.stack(stack.stack_id) == evolve(written, request=kept[0], asked=kept[1])


@given(first=st.lists(resources, max_size=4), second=st.lists(resources, max_size=4))
@some
def test_resources_come_back_as_they_were_last_written_in_the_order_of_their_making(lasting_store, first, second):
    stack = new_stack()
    lasting_store.create_stack(stack)
    lease = lasting_store.acquire(stack.stack_id, "me", 60)
    lasting_store.commit(lease, resources=first)
    lasting_store.commit(lease, resources=second)
    expected = {}
    for resource in first + second:
        expected[resource.key] = resource
    assert lasting_store.resources(stack.stack_id) == list(expected.values())


@given(written=st.lists(events, max_size=5))
@some
def test_events_come_back_in_the_order_they_were_written_with_sequences_from_one(lasting_store, written):
    stack = new_stack()
    lasting_store.create_stack(stack)
    lease = lasting_store.acquire(stack.stack_id, "me", 60)
    written = [evolve(event, stack_id=stack.stack_id) for event in written]
    lasting_store.commit(lease, events=written[:2])
    lasting_store.commit(lease, events=written[2:])
    expected = [evolve(event, sequence=number) for number, event in enumerate(written, start=1)]
    assert lasting_store.events(stack.stack_id) == expected


@given(change_set=change_sets, again=change_sets)
@some
def test_a_change_set_comes_back_as_it_was_last_saved(lasting_store, change_set, again):
    stack = new_stack()
    lasting_store.create_stack(stack)
    change_set = evolve(change_set, stack_id=stack.stack_id)
    lasting_store.save_change_set(change_set)
    assert lasting_store.change_sets(stack.stack_id) == [change_set]
    again = evolve(again, stack_id=stack.stack_id, change_set_id=change_set.change_set_id)
    lasting_store.save_change_set(again)
    assert lasting_store.change_sets(stack.stack_id) == [again]


@given(first=signals, second=signals)
@some
def test_signals_come_back_the_last_of_each_unique_id(lasting_store, first, second):
    stack = new_stack()
    lasting_store.create_stack(stack)
    lasting_store.add_signal(stack.stack_id, "handle", first)
    lasting_store.add_signal(stack.stack_id, "handle", second)
    expected = [second] if first.unique_id == second.unique_id else [first, second]
    assert lasting_store.signals(stack.stack_id, ["handle", "other"]) == {"handle": expected, "other": []}


def test_names_that_differ_only_in_case_are_two_resources(store):
    stack = new_stack()
    store.create_stack(stack)
    rows = [new_resource("Web"), new_resource("web"), new_resource("WEB")]
    store.commit(store.acquire(stack.stack_id, "me", 60), resources=rows)
    assert store.resources(stack.stack_id) == rows


def test_text_that_no_database_can_hold_is_kept_readable(store):
    stack = new_stack()
    store.create_stack(stack)
    lease = store.acquire(stack.stack_id, "me", 60)
    store.commit(lease, events=[new_event(stack, "half \ud83d and \0 nul")])
    assert (
        store.events(stack.stack_id)[0].reason == "half \N{REPLACEMENT CHARACTER} and \N{REPLACEMENT CHARACTER} nul"
    )


def test_five_thousand_rows_and_a_long_template_come_back(store):
    stack = evolve(new_stack(), template="x" * 1_000_000)
    store.create_stack(stack)
    assert store.stack(stack.stack_id) == stack
    lease = store.acquire(stack.stack_id, "me", 60)
    text = {f"property{number}": "v" * 40 for number in range(50)}
    rows = [new_resource(f"R{number}", **text) for number in range(5000)]
    for start in range(0, 5000, 500):
        batch = rows[start : start + 500]
        store.commit(lease, resources=batch, events=[new_event(stack, row.logical_id) for row in batch])
    assert store.resources(stack.stack_id) == rows
    assert [event.reason for event in store.events(stack.stack_id)] == [row.logical_id for row in rows]
    store.commit(lease, removed=[row.key for row in rows[1:]])
    assert store.resources(stack.stack_id) == rows[:1]


def test_rows_of_things_that_are_gone_are_not_shown(store):
    stack = new_stack(status=StackStatus.DELETE_IN_PROGRESS)
    store.create_stack(stack)
    lease = store.acquire(stack.stack_id, "me", 60)
    kept = new_resource("Kept", ResourceStatus.DELETE_SKIPPED)
    store.commit(lease, resources=[new_resource("Gone", ResourceStatus.DELETE_COMPLETE), kept])
    assert store.resources(stack.stack_id) == [kept]
