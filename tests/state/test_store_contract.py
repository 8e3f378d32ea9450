"""What a store promises, on each database."""

from __future__ import annotations

from threading import Thread

import pytest
from attrs import evolve
from state_values import new_event, new_resource, new_stack

from cfnlib.errors import (
    LeaseLostError,
    StackBusyError,
    StackError,
    StackExistsError,
    StackNotFoundError,
    StoreError,
)
from cfnlib.state.model import Signal, StackStatus, status_event


@pytest.fixture
def stack(store):
    made = new_stack()
    store.create_stack(made)
    return made


@pytest.fixture
def lease(store, stack):
    return store.acquire(stack.stack_id, "me", 60)


def test_two_live_stacks_of_an_account_cannot_have_one_name(store, stack):
    with pytest.raises(StackExistsError, match="web"):
        store.create_stack(new_stack(account=stack.account))
    store.create_stack(new_stack(account=stack.account + "-other"))


def test_a_stack_id_is_used_once(store, stack):
    with pytest.raises(StackExistsError):
        store.create_stack(evolve(stack, name="another"))


def test_a_value_that_is_missing_is_not_taken_for_a_name_that_is_taken(store):
    with pytest.raises(StoreError, match="on_failure"):
        store.create_stack(evolve(new_stack(), on_failure=None))


def test_the_name_of_a_deleted_stack_is_free_and_its_id_still_finds_it(store, stack, lease):
    gone = evolve(stack, status=StackStatus.DELETE_COMPLETE)
    store.commit(lease, stack=gone)
    with pytest.raises(StackNotFoundError, match="web"):
        store.stack("web", stack.account)
    second = new_stack(account=stack.account)
    store.create_stack(second)
    assert store.stack("web", stack.account) == second
    assert store.stack(stack.stack_id) == gone
    assert store.stacks(account=stack.account) == [second]
    assert {found.stack_id for found in store.stacks(deleted=True, account=stack.account)} == {
        stack.stack_id,
        second.stack_id,
    }


def test_a_name_counts_within_its_account_and_an_id_not_in_another_one(store, stack):
    assert store.stack("web", stack.account) == stack
    assert store.stack(stack.stack_id, stack.account) == stack
    for name_or_id in ("web", stack.stack_id):
        with pytest.raises(StackNotFoundError):
            store.stack(name_or_id, "another account")


def test_stacks_are_listed_oldest_first(store, stack):
    later = [evolve(new_stack(f"s{at}", account=stack.account), created_at=at) for at in (3.0, 1.0, 2.0)]
    for one in later:
        store.create_stack(one)
    assert [found.name for found in store.stacks(account=stack.account)] == ["web", "s1.0", "s2.0", "s3.0"]
    assert {found.stack_id for found in later} <= {found.stack_id for found in store.stacks()}


def test_a_held_stack_is_busy_and_the_error_says_who_holds_it_until_when(store, stack, lease):
    with pytest.raises(StackBusyError, match=r"me works on it until 1970-01-01 00:17:40 UTC"):
        store.acquire(stack.stack_id, "you", 60)
    with pytest.raises(StackBusyError):
        store.acquire(stack.stack_id, "me", 60)
    assert store.commit(lease) is None


def test_a_lease_can_be_taken_once_it_expired_and_the_epoch_rises(store, stack, lease, clock):
    clock.pass_by(59.9)
    with pytest.raises(StackBusyError):
        store.acquire(stack.stack_id, "you", 60)
    clock.pass_by(0.1)
    assert store.acquire(stack.stack_id, "you", 60).epoch == lease.epoch + 1


def test_the_lease_of_a_dead_process_can_be_taken_at_once(store, stack):
    dead = store.acquire(stack.stack_id, "dead:1:2", 3600)
    taken = store.acquire(stack.stack_id, "you", 60)
    assert taken.epoch == dead.epoch + 1
    with pytest.raises(LeaseLostError, match="taken over by you"):
        store.commit(dead, resources=[new_resource()])
    assert store.resources(stack.stack_id) == []


def test_a_lease_that_expired_is_lost_for_good_even_if_nobody_took_it(store, lease, clock):
    clock.pass_by(60)
    for attempt in (lambda: store.renew(lease, 60), lambda: store.commit(lease)):
        with pytest.raises(LeaseLostError, match="expired at 1970-01-01 00:17:40 UTC"):
            attempt()


def test_a_renewed_lease_holds_longer_and_the_old_value_with_it(store, stack, lease, clock):
    clock.pass_by(50)
    renewed = store.renew(lease, 60)
    assert renewed.expires_at == clock() + 60
    clock.pass_by(50)
    store.commit(lease, events=[new_event(stack)])
    store.commit(renewed, events=[new_event(stack)])
    clock.pass_by(10)
    with pytest.raises(LeaseLostError):
        store.renew(renewed, 60)


def test_a_released_lease_is_lost_and_the_stack_free(store, stack, lease):
    store.release(lease)
    with pytest.raises(LeaseLostError, match="given back"):
        store.commit(lease, events=[new_event(stack)])
    second = store.acquire(stack.stack_id, "you", 60)
    store.release(lease)  # the first one's, which is lost: nothing happens
    assert store.commit(second) is None
    assert store.events(stack.stack_id) == []


def test_a_lost_lease_writes_nothing_at_all(store, stack, lease, clock):
    clock.pass_by(61)
    with pytest.raises(LeaseLostError):
        store.commit(lease, stack=evolve(stack, reason="x"), resources=[new_resource()], events=[new_event(stack)])
    assert store.stack(stack.stack_id) == stack
    assert store.resources(stack.stack_id) == []
    assert store.events(stack.stack_id) == []


def test_a_commit_tells_what_is_asked_of_the_operation(store, stack, lease):
    assert store.commit(lease) is None
    store.ask(stack.stack_id, "cancel")
    assert store.commit(lease, stack=evolve(stack, reason="goes on")) == "cancel"
    assert store.stack(stack.stack_id).request == "cancel"
    store.ask(stack.stack_id, None)
    assert store.commit(lease) is None


def test_the_commit_that_ends_an_operation_clears_the_request_and_still_tells_of_it(store, stack, lease):
    store.ask(stack.stack_id, "cancel")
    assert store.commit(lease, stack=evolve(stack, status=StackStatus.CREATE_COMPLETE)) == "cancel"
    assert store.stack(stack.stack_id).request is None


def ended(stack, status):
    """The event that tells of a stack's end."""
    return evolve(status_event(stack, 5.0), status=status.value)


@pytest.mark.parametrize(
    "status", [StackStatus.CREATE_COMPLETE, StackStatus.CREATE_FAILED, StackStatus.ROLLBACK_COMPLETE]
)
def test_where_an_operation_ends_the_deletion_that_was_asked_for_begins(store, stack, lease, status):
    store.ask(stack.stack_id, "delete", {"token": "gone", "retained": ("Web",)})
    assert store.stack(stack.stack_id).asked == {"token": "gone", "retained": ["Web"]}
    final = evolve(stack, status=status, outputs={"Url": "x"}, reason="why it ended")
    row = new_resource("Web")
    events = [new_event(stack, "a resource"), ended(final, status)]
    assert store.commit(lease, stack=final, resources=[row], events=events) == "delete"
    found = store.stack(stack.stack_id)
    assert (found.status, found.reason, found.outputs) == (StackStatus.DELETE_IN_PROGRESS, "", {"Url": "x"})
    assert (found.terms.token, found.terms.retained, found.revision) == ("gone", ("Web",), stack.revision + 1)
    assert (found.request, found.asked) == (None, {})
    told = [(event.sequence, event.status, event.token) for event in store.events(stack.stack_id)]
    assert told == [(1, events[0].status, None), (2, "DELETE_IN_PROGRESS", "gone")]
    assert store.resources(stack.stack_id) == [row]
    assert store.commit(lease) is None


def test_a_deletion_that_ends_or_begins_takes_the_wish_for_one_with_it(store, stack, lease):
    store.ask(stack.stack_id, "delete", {"token": "gone"})
    going = evolve(stack, status=StackStatus.DELETE_IN_PROGRESS)
    assert store.commit(lease, stack=going) == "delete"
    assert store.stack(stack.stack_id) == going
    store.ask(stack.stack_id, "delete", {"token": "again"})
    assert store.stack(stack.stack_id) == going
    failed = evolve(stack, status=StackStatus.DELETE_FAILED)
    assert store.commit(lease, stack=failed) is None
    assert store.stack(stack.stack_id) == failed


def test_a_deletion_that_is_taken_is_not_taken_back(store, stack, lease):
    store.ask(stack.stack_id, "cancel")
    store.ask(stack.stack_id, "delete", {"token": "gone"})
    store.ask(stack.stack_id, None)
    store.ask(stack.stack_id, "delete", {"token": "later"})
    with pytest.raises(StackError, match="is about to be deleted"):
        store.ask(stack.stack_id, "cancel")
    assert store.commit(lease) == "delete"
    assert store.stack(stack.stack_id).asked == {"token": "gone"}


def test_the_deletion_of_a_protected_stack_is_not_taken(store, stack, lease):
    store.protect(stack.stack_id, protected=True)
    with pytest.raises(StackError, match="is protected"):
        store.ask(stack.stack_id, "delete")
    assert store.commit(lease) is None
    store.ask(stack.stack_id, "cancel")
    assert store.commit(lease) == "cancel"


def test_nothing_can_be_asked_when_no_operation_is_under_way(store, stack, lease):
    store.commit(lease, stack=evolve(stack, status=StackStatus.CREATE_COMPLETE))
    with pytest.raises(StackError, match=r"no operation is under way \(CREATE_COMPLETE\)"):
        store.ask(stack.stack_id, "delete")
    store.ask(stack.stack_id, None)
    with pytest.raises(StackNotFoundError):
        store.ask("nowhere", "delete")
    with pytest.raises(StackNotFoundError):
        store.ask("nowhere", None)


def test_a_lease_writes_to_its_own_stack_only(store, stack, lease):
    other = new_stack()
    store.create_stack(other)
    with pytest.raises(StoreError, match="another stack"):
        store.commit(lease, stack=other)
    with pytest.raises(StoreError, match="another stack"):
        store.commit(lease, resources=[new_resource()], events=[new_event(stack), new_event(other)])
    assert store.resources(stack.stack_id) == []


def test_what_has_no_form_in_json_is_refused_by_name(store, lease):
    with pytest.raises(StoreError, match="resource Web: its properties cannot be written down as JSON"):
        store.commit(lease, resources=[new_resource(a={"a", "set"})])


def test_a_row_keeps_its_place_until_it_is_removed(store, stack, lease):
    a, b, c = (new_resource(name) for name in "ABC")
    store.commit(lease, resources=[b, a])
    store.commit(lease, resources=[a, c, b])
    assert store.resources(stack.stack_id) == [b, a, c]
    store.commit(lease, removed=[b.key])
    store.commit(lease, resources=[b, evolve(a, generation=2)], removed=[c.key, ("Never", 1)])
    assert store.resources(stack.stack_id) == [a, b, evolve(a, generation=2)]


def test_a_row_that_is_removed_and_written_in_one_commit_is_made_again(store, stack, lease):
    a, b = (new_resource(name) for name in "AB")
    store.commit(lease, resources=[a, b])
    store.commit(lease, resources=[a], removed=[a.key])
    assert store.resources(stack.stack_id) == [b, a]


def test_a_row_that_is_given_twice_in_a_commit_ends_as_the_last(store, stack, lease):
    store.commit(lease, resources=[new_resource(size=1), new_resource("B"), new_resource(size=2)])
    assert store.resources(stack.stack_id) == [new_resource(size=2), new_resource("B")]


def test_events_are_read_in_pages(store, stack, lease):
    store.commit(lease, events=[new_event(stack, str(number)) for number in range(1, 8)])
    pages = []
    while page := store.events(stack.stack_id, after=3 * len(pages), limit=3):
        pages.append([event.reason for event in page])
    assert pages == [["1", "2", "3"], ["4", "5", "6"], ["7"]]
    assert [event.sequence for event in store.events(stack.stack_id, after=5)] == [6, 7]
    assert store.events(stack.stack_id, limit=0) == []


def test_signals_of_many_handles_come_in_the_order_of_their_coming(store, stack):
    handles = [f"handle{number}" for number in range(1200)]
    for unique_id in ("b", "a"):
        for handle in (handles[0], handles[-1]):
            store.add_signal(stack.stack_id, handle, Signal(unique_id, "SUCCESS"))
    store.add_signal(stack.stack_id, handles[0], Signal("b", "FAILURE"))
    found = store.signals(stack.stack_id, handles)
    assert found[handles[0]] == [Signal("b", "FAILURE"), Signal("a", "SUCCESS")]
    assert found[handles[-1]] == [Signal("b", "SUCCESS"), Signal("a", "SUCCESS")]
    assert sum(map(len, found.values())) == 4


def test_what_belongs_to_an_unknown_stack_is_refused(store):
    with pytest.raises(StackNotFoundError):
        store.add_signal("nowhere", "handle", Signal("a", "SUCCESS"))
    with pytest.raises(StackNotFoundError):
        store.acquire("nowhere", "me", 60)
    with pytest.raises(StackNotFoundError):
        store.stack("nowhere")
    assert store.resources("nowhere") == []
    assert store.events("nowhere") == []


def test_threads_lose_no_events(store, stack, lease):
    def write(letter) -> None:
        for number in range(25):
            store.commit(lease, events=[new_event(stack, f"{letter}{number}")])
            store.events(stack.stack_id, limit=1)

    threads = [Thread(target=write, args=[letter]) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = store.events(stack.stack_id)
    assert [event.sequence for event in found] == list(range(1, 101))
    assert {event.reason for event in found} == {f"{letter}{number}" for letter in "abcd" for number in range(25)}
