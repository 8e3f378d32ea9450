"""A call as a value: its marks, what it looks for, and its written form."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfnlib.schema.calls import FREE_ADDRESS, FRESH, SELF, Call, Effect, Find, found_id, needs_prepare, prepared

ROWS = [
    {"id": "1", "name": "web", "port": 80, "open": True, "cidrlist": "10.0.0.0/8,192.0.2.0/24", "state": "Running"},
    {"id": "2", "name": "WEB", "port": "80", "open": False, "cidrlist": "", "state": "Destroyed"},
    {"id": "3", "name": "web-2", "nic": [{"ipaddress": "10.1.1.5"}], "rules": [{"ruleid": "a"}, {"ruleid": "b"}]},
]


@pytest.mark.parametrize(
    ("find", "ids"),
    [
        ({}, ["1", "2", "3"]),
        ({"where": {"name": "web"}}, ["1", "2"]),
        ({"where": {"port": "80"}}, ["1", "2"]),
        ({"where": {"open": True}}, ["1"]),
        ({"where": {"cidrlist": ["192.0.2.0/24", "10.0.0.0/8"]}}, ["1"]),
        ({"where": {"cidrlist": ["10.0.0.0/8"]}}, []),
        ({"where": {"nic.0.ipaddress": "10.1.1.5"}}, ["3"]),
        ({"unless": {"state": ["destroyed", "Expunging"]}}, ["1", "3"]),
        ({"where": {"name": "web"}, "unless": {"state": ["Destroyed"]}}, ["1"]),
    ],
)
def test_a_row_counts_when_its_fields_have_the_values(find, ids):
    assert [row["id"] for row in Find("listThings", "thing", **find).select(ROWS)] == ids


def test_nested_rows_are_those_inside_the_items():
    find = Find("listThings", "thing", nested="rules", where={"ruleid": "b"})
    assert find.select(ROWS) == [{"ruleid": "b"}]


def test_self_becomes_the_physical_id_wherever_it_stands():
    mark = found_id(Find("listVolumes", "volume", {"virtualmachineid": SELF}))
    call = Call(
        "do", {"id": SELF, "list": [SELF], "map": {"a": SELF}, "volume": mark}, check=Find("l", "k", {"id": SELF})
    )
    text = json.dumps(call.bound("vm-1").as_json())
    assert SELF not in text
    assert text.count("vm-1") == 5
    assert call.bound(None) is call


def things(find: Find, field: str):
    rows = find.select([{"id": "i", "name": "n"}])
    return rows[0].get(field) if rows else None


def no_address() -> str:
    raise AssertionError("no address is needed")


def test_one_free_address_stands_for_all_its_marks():
    addresses = iter(["192.0.2.1", "192.0.2.2"])
    call = Call("take", {"ipaddress": FREE_ADDRESS}, check=Find("l", "k", {"ipaddress": FREE_ADDRESS}))
    done = prepared(call, things, lambda: next(addresses))
    assert done.params == done.check.params == {"ipaddress": "192.0.2.1"}


def test_a_found_field_stands_in_parameters_and_in_the_check():
    mark = found_id(Find("l", "k", where={"name": "n"}))
    inner = found_id(Find("l", "k", {"of": mark}), "name")
    call = Call("do", {"id": mark, "list": [inner]}, check=Find("l", "k", {"id": mark}, {"name": inner}))
    assert needs_prepare(call)
    done = prepared(call, things, no_address)
    assert not needs_prepare(done)
    assert done.params == {"id": "i", "list": ["n"]}
    assert (done.check.params, done.check.where) == ({"id": "i"}, {"name": "n"})


ABSENT = Find("listThings", "k", where={"name": "other"})


def test_what_is_not_found_is_removed_already():
    assert prepared(Call("remove", {"id": found_id(ABSENT)}, Effect.REMOVES), things, no_address) is None


def test_what_is_not_found_and_not_needed_leaves_nothing_to_do():
    assert prepared(Call("do", {"id": found_id(ABSENT, needed=False)}), things, no_address) is None


def test_what_is_needed_and_not_found_is_named():
    with pytest.raises(LookupError, match=r"do: listThings finds nothing with .*other"):
        prepared(Call("do", {"id": found_id(ABSENT)}), things, no_address)


def test_a_call_without_marks_is_prepared_as_it_is():
    call = Call("do", {"id": "1"})
    assert not needs_prepare(call)
    assert prepared(call, things, no_address) is call


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
PARAMS = st.dictionaries(st.text(max_size=3), VALUES, max_size=2)
WORDS = st.text(max_size=5)
FINDS = st.builds(Find, WORDS, WORDS, PARAMS, PARAMS, WORDS, PARAMS)
CALLS = st.builds(
    Call,
    WORDS,
    PARAMS,
    st.sampled_from(Effect),
    WORDS,
    st.none() | FINDS,
    st.booleans(),
    st.lists(WORDS, max_size=2).map(tuple),
)


@given(CALLS)
def test_every_call_is_read_back_as_it_was_written(call):
    assert Call.from_json(json.loads(json.dumps(call.as_json()))) == call


def test_a_fresh_text_is_one_within_a_call_and_another_in_the_next():
    call = Call("run", {"token": FRESH}, Effect.CREATES, check=Find("list", "thing", {"token": FRESH}))
    assert needs_prepare(call)
    first, second = (prepared(call, lambda *_: None, str) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.check is not None
    assert first.params["token"] == first.check.params["token"] != FRESH
    assert first.params["token"] != second.params["token"]
    assert not needs_prepare(first)
