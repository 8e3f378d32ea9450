"""What a service asks of a store: pages of stacks, the latest events, who nobody works on, what may go."""

from __future__ import annotations

import time
from itertools import chain
from uuid import uuid4

import pytest
from attrs import evolve, fields
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from state_values import new_event, new_resource, new_stack, stacks

from cfnlib.errors import PageTokenError, StackNotFoundError
from cfnlib.state.model import ChangeSet, ResourceStatus, Signal, StackStatus, StackSummary, Terms
from cfnlib.state.sql import SqlStore

_S = StackStatus


@pytest.fixture
def account():
    """An account that no other test has."""
    return f"account-{uuid4()}"


def added(store, account, name, at=0.0, status=_S.CREATE_COMPLETE, **values: object):
    """A stack that the store has."""
    made = evolve(new_stack(name, status), account=account, created_at=at, **values)
    store.create_stack(made)
    return made


def pages(store, account, limit, **options: object):
    """The names on each page."""
    found, after = [], None
    while True:
        page, after = store.page(account, after=after, limit=limit, **options)
        found.append([one.name for one in page])
        if after is None:
            return found


def test_pages_have_the_newest_first_and_the_last_one_says_so(store, account):
    for number in range(7):
        added(store, account, f"s{number}", at=float(number))
    added(store, f"{account}-other", "strange")
    assert pages(store, account, 3) == [["s6", "s5", "s4"], ["s3", "s2", "s1"], ["s0"]]
    assert pages(store, account, 7) == [["s6", "s5", "s4", "s3", "s2", "s1", "s0"]]
    assert pages(store, f"{account}-nobody", 3) == [[]]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from(["protect", "reason", "event", "add", "look"]))))
def test_what_anybody_wrote_is_seen_by_who_has_looked_before(shared_url, steps):
    """Two who have the database open, as two processes do: what was read is remembered until somebody writes."""
    both, whose = [SqlStore(shared_url), SqlStore(shared_url)], f"account-{uuid4()}"
    known = [added(both[0], whose, "s0", status=_S.CREATE_IN_PROGRESS)]
    told = 0
    for number, (which, what) in enumerate(steps, 1):
        writer, first = both[which], known[0]
        if what == "protect":
            known[0] = evolve(first, protected=not first.protected)
            writer.protect(first.stack_id, protected=known[0].protected)
        elif what == "add":
            known.append(added(writer, whose, f"s{number}", at=float(number)))
        elif what in {"reason", "event"}:
            lease = writer.acquire(first.stack_id, "me", 60)
            if what == "reason":
                known[0] = evolve(first, reason=f"reason {number}")
                writer.commit(lease, stack=known[0])
            else:
                told += 1
                writer.commit(lease, events=[new_event(first, f"event {told}")])
            writer.release(lease)
        for store in both if what == "look" else both[::-1]:
            first, last = known[0], known[-1]
            seen = store.summary("s0", whose)
            assert (seen.reason, seen.protected) == (first.reason, first.protected)
            assert [one.name for one in store.page(whose, limit=2)[0]] == [one.name for one in known[:-3:-1]]
            assert store.summary(last.stack_id).name == last.name
            assert [one.reason for one in store.events_back(first.stack_id, limit=1)] == [f"event {told}"] * bool(
                told
            )
    for store in both:
        store.close()


def test_stacks_of_one_moment_are_all_listed_once(store, account):
    for number in range(10):
        added(store, account, f"s{number}", at=1 / 3)
    found = pages(store, account, 3)
    assert [len(page) for page in found] == [3, 3, 3, 1]
    assert sorted(chain.from_iterable(found)) == [f"s{number}" for number in range(10)]


def test_what_comes_and_goes_between_pages_neither_repeats_nor_hides_another(store, account):
    made = [added(store, account, f"s{number}", at=float(number)) for number in range(6)]
    page, after = store.page(account, limit=2)
    assert [one.name for one in page] == ["s5", "s4"]
    added(store, account, "new", at=9.0)
    for gone in (made[4], made[2]):  # the last one that was shown, and one that was not
        lease = store.acquire(gone.stack_id, "me", 60)
        store.commit(lease, stack=evolve(gone, status=_S.DELETE_COMPLETE))
    page, after = store.page(account, limit=2, after=after)
    assert [one.name for one in page] == ["s3", "s1"]
    assert [one.name for one in store.page(account, limit=2, after=after)[0]] == ["s0"]


def test_deleted_stacks_are_on_a_page_when_they_are_asked_for(store, account):
    for at, status in enumerate((_S.DELETE_COMPLETE, _S.CREATE_COMPLETE, _S.DELETE_FAILED, _S.DELETE_COMPLETE)):
        added(store, account, f"{at}", at=float(at), status=status)
    assert pages(store, account, 9) == [["2", "1"]]
    assert pages(store, account, 9, deleted=True) == [["3", "2", "1", "0"]]
    assert pages(store, account, 1, statuses={_S.DELETE_COMPLETE}) == [["3"], ["0"]]
    assert pages(store, account, 9, statuses=[_S.DELETE_FAILED, _S.CREATE_COMPLETE]) == [["2", "1"]]
    assert pages(store, account, 9, statuses=[]) == [[]]


def test_a_page_of_all_accounts_has_everyones(store, account):
    latest = 1e12 + time.time()
    made = {added(store, f"{account}-{number}", "s", at=latest + number / 8).stack_id for number in range(3)}
    assert {one.stack_id for one in store.page(None, limit=3)[0]} == made


@pytest.mark.parametrize("token", ["", "x", "é", "MHgx", "aW5mIGE=", "bm8gbnVtYmVy", "MHgxIGEA", "A" * 2000])
def test_a_token_that_no_page_gave_is_refused(store, account, token):
    with pytest.raises(PageTokenError):
        store.page(account, after=token)


@given(stack=stacks, tags=st.dictionaries(st.text("ab"), st.text("cd"), max_size=3))
@settings(max_examples=30)
def test_a_summary_is_the_stack_in_short(lasting_store, stack, tags):
    stack = evolve(stack, terms=Terms(tags=tags, capabilities=("A", "B"), timeout_s=60.0), protected=bool(tags))
    lasting_store.create_stack(stack)
    found = lasting_store.summary(stack.stack_id)
    names = [field.name for field in fields(StackSummary)]
    assert {name: getattr(found, name) for name in names} == {name: getattr(stack, name) for name in names}
    assert lasting_store.page(stack.account, deleted=True) == ([found], None)
    if stack.status is not _S.DELETE_COMPLETE:
        assert lasting_store.summary(stack.name, stack.account) == found


def test_a_summary_of_a_stack_that_is_not_there_is_an_error(store, account):
    made = added(store, account, "web")
    for name, of in (("nothing", account), ("web", "another"), (made.stack_id, "another")):
        with pytest.raises(StackNotFoundError, match="there is no stack"):
            store.summary(name, of)


def test_the_stacks_of_an_account_that_are_not_deleted_are_counted(store, account):
    for number, status in enumerate((_S.DELETE_COMPLETE, _S.CREATE_COMPLETE, _S.DELETE_FAILED)):
        added(store, account, f"s{number}", status=status)
    assert store.count(account) == 2
    assert store.count(f"{account}-nobody") == 0


def test_events_are_read_backwards_in_pages(store, account):
    stack = added(store, account, "web")
    lease = store.acquire(stack.stack_id, "me", 60)
    store.commit(lease, events=[new_event(stack, str(number)) for number in range(1, 8)])
    assert [event.sequence for event in store.events_back(stack.stack_id, limit=3)] == [7, 6, 5]
    assert [event.reason for event in store.events_back(stack.stack_id, before=5, limit=3)] == ["4", "3", "2"]
    assert [event.sequence for event in store.events_back(stack.stack_id, before=3)] == [2, 1]
    assert store.events_back(stack.stack_id) == store.events(stack.stack_id)[::-1]
    assert store.events_back(stack.stack_id, before=1) == store.events_back("nowhere") == []


def test_a_resource_is_its_newest_row_that_is_not_gone(store, account):
    stack = added(store, account, "web")
    lease = store.acquire(stack.stack_id, "me", 60)
    first, second = new_resource("Web", size=1), new_resource("Web", generation=2, size=2)
    store.commit(lease, resources=[second, first, new_resource("Db")])
    assert store.resource(stack.stack_id, "Web") == second
    store.commit(lease, resources=[evolve(second, status=ResourceStatus.DELETE_COMPLETE)])
    assert store.resource(stack.stack_id, "Web") == first
    store.commit(lease, removed=[first.key])
    assert store.resource(stack.stack_id, "Web") is None
    assert store.resource(stack.stack_id, "db") is None
    assert store.resource("nowhere", "Web") is None


def test_stacks_of_no_account_are_given_to_one_unless_it_has_their_name(store, account):
    store.adopt(f"{account}-before")  # what other tests have left
    names = [f"{account}-{number}" for number in range(3)]
    added(store, account, names[0])
    gone = added(store, account, names[1], status=_S.DELETE_COMPLETE, deleted_at=5.0)
    for name in names[:2]:
        added(store, "", name)
    late = added(store, "", names[2], status=_S.DELETE_COMPLETE, deleted_at=5.0)
    assert store.adopt(account) == 2
    assert sorted(stack.name for stack in store.stacks(account=account)) == names[:2]
    assert {gone.stack_id, late.stack_id} <= {one.stack_id for one in store.stacks(deleted=True, account=account)}
    assert [stack.name for stack in store.stacks(account="") if stack.name in names] == names[:1]
    assert store.adopt(account) == 0


def test_a_thing_is_found_by_its_physical_id_within_the_account(store, account):
    same = "x" * 200
    kept, leases = {}, {}
    for name, of in (("web", account), ("db", account), ("web", f"{account}-other")):
        stack = added(store, of, name, at=float(len(kept)))
        kept[name, of] = stack.stack_id
        leases[stack.stack_id] = lease = store.acquire(stack.stack_id, "me", 60)
        things = {"A": f"{same}1", "B": f"{same}2", "C": None}
        rows = [evolve(new_resource(key), physical_id=physical_id) for key, physical_id in things.items()]
        gone = evolve(new_resource("D", ResourceStatus.DELETE_COMPLETE), physical_id=f"{same}1")
        store.commit(lease, resources=[*rows, gone])
    web, db = kept["web", account], kept["db", account]
    assert store.by_physical_id(account, f"{same}1") == [(web, "A"), (db, "A")]
    assert store.by_physical_id(account, same) == []
    store.commit(leases[db], stack=evolve(store.stack(db), status=_S.DELETE_COMPLETE))
    assert store.by_physical_id(account, f"{same}2") == [(web, "B")]


def test_who_is_in_progress_and_nobody_works_on_is_listed_the_oldest_first(store, account, clock):
    made = {}
    for at, (name, status) in enumerate(
        {
            "free": _S.UPDATE_IN_PROGRESS,
            "done": _S.CREATE_COMPLETE,
            "held": _S.CREATE_IN_PROGRESS,
            "dead": _S.DELETE_IN_PROGRESS,
            "expired": _S.ROLLBACK_IN_PROGRESS,
            "reviewed": _S.REVIEW_IN_PROGRESS,
            "gone": _S.DELETE_COMPLETE,
        }.items()
    ):
        made[name] = added(store, account, name, at=float(at), status=status).stack_id
    store.acquire(made["expired"], "you", 10)
    store.acquire(made["held"], "me", 60)
    store.acquire(made["dead"], "dead:1", 60)
    clock.pass_by(20)
    assert store.unattended(account_prefix=account) == [made["free"], made["dead"], made["expired"]]
    assert store.unattended(account_prefix=account, limit=2) == [made["free"], made["dead"]]
    assert store.unattended(account_prefix=account.upper()) == []
    assert set(store.unattended(limit=10**6)) >= {made["free"], made["dead"], made["expired"]}
    clock.pass_by(41)
    assert made["held"] in store.unattended(account_prefix=account)


def test_what_was_deleted_long_ago_is_removed_with_all_that_belongs_to_it(store, account):
    stack = added(store, account, "web", deleted_at=-5.0, status=_S.DELETE_COMPLETE)
    lease = store.acquire(stack.stack_id, "me", 60)
    store.commit(lease, resources=[new_resource()], events=[new_event(stack)])
    store.add_signal(stack.stack_id, "h", Signal("u", "SUCCESS"))
    store.save_change_set(ChangeSet(f"{account}-c", "c", stack.stack_id, 1, "", "", {}, [], 0.0))
    kept = [
        added(store, account, "later", deleted_at=-3.0, status=_S.DELETE_COMPLETE),
        added(store, account, "living", deleted_at=-5.0),
        added(store, account, "unknown", status=_S.DELETE_COMPLETE),
    ]
    assert store.purge(-4.0) == 1
    assert store.purge(-4.0) == 0
    with pytest.raises(StackNotFoundError):
        store.stack(stack.stack_id)
    with pytest.raises(StackNotFoundError):
        store.change_set(f"{account}-c")
    assert (store.resources(stack.stack_id), store.events(stack.stack_id)) == ([], [])
    assert store.signals(stack.stack_id, ["h"]) == {"h": []}
    assert store.stacks(account=account, deleted=True) == sorted(kept, key=lambda one: one.stack_id)
    assert store.purge(-2.0) == 1


def test_a_purge_removes_at_most_as_many_as_it_is_told_the_longest_deleted_first(store, account):
    for number in range(5):
        added(store, account, f"s{number}", deleted_at=-1e6 + number, status=_S.DELETE_COMPLETE)
    assert store.purge(0.0 - 1e5, limit=2) == 2
    assert sorted(one.name for one in store.page(account, deleted=True)[0]) == ["s2", "s3", "s4"]
    assert store.purge(0.0 - 1e5) == 3


def test_a_change_set_is_found_by_its_id(store, account):
    stack = added(store, account, "web")
    saved = ChangeSet(f"{account}-c", "c", stack.stack_id, 1, "", "", {"a": 1}, [{}], 0.0, kind="CREATE")
    store.save_change_set(saved)
    assert store.change_set(saved.change_set_id) == saved
    with pytest.raises(StackNotFoundError, match="no change set"):
        store.change_set("nowhere")
