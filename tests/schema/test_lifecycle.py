"""From a regular type's declaration to calls."""

from __future__ import annotations

import pytest

from cfnlib.schema.calls import SELF, Effect, Find
from cfnlib.schema.lifecycle import create_calls, delete_calls, retag_calls, update_calls
from cfnlib.schema.model import (
    Attribute,
    Desired,
    Existing,
    Facts,
    Kind,
    Native,
    Property,
    Read,
    ResourceType,
    Update,
)

FACTS = Facts("zone-1", "Zone", security_groups=False)
READ = Read("listThings", "thing", state="state", gone=frozenset({"Dead"}))
THING = ResourceType(
    name="Test::Thing",
    doc="A thing.",
    properties={
        "name": Property("Name.", param="name"),
        "size": Property("Size.", kind=Kind.INTEGER, update=Update.IN_PLACE, param="sizegb", default=3),
        "secret": Property("Secret.", update=Update.IN_PLACE, param="password", secret=True),
        "fixed": Property("Fixed.", param="fixed"),
        "tags": Property("Tags.", kind=Kind.TAGS, update=Update.IN_PLACE),
    },
    attributes={
        "address": Attribute("Address.", "nic.0.ip"),
        "name": Attribute("Name.", lambda row: row["name"].upper()),
    },
    native=Native("thing", "createThing", "deleteThing", "updateThing", READ, tag_type="Thing"),
)


def desired(**values: object) -> Desired:
    return Desired("It", "stack-it", "stack", values, FACTS)


def existing(**values: object) -> Existing:
    return Existing("It", "stack-it", "id-1", values, {}, FACTS)


def test_a_thing_is_made_under_its_deterministic_name_and_then_tagged():
    make, tag = create_calls(THING, desired(secret="s", tags={"a": "1"}))
    assert (make.command, make.effect, make.exclusive) == ("createThing", Effect.CREATES, False)
    assert make.params == {"name": "stack-it", "sizegb": 3, "password": "s"}
    assert make.sensitive == ("password",)
    assert make.check == Find("listThings", "thing", {}, {"name": "stack-it"})
    assert (tag.command, tag.params["resourceids"]) == ("createTags", SELF)


def test_a_name_that_a_user_gives_may_be_a_strangers():
    (make,) = create_calls(THING, desired(name="web"))
    assert make.exclusive
    assert make.check.where == {"name": "web"}


def test_only_what_changed_is_changed():
    (change,) = update_calls(THING, existing(size=1, secret="s", fixed="a"), desired(size=2, secret="s", fixed="b"))
    assert (change.command, change.params) == ("updateThing", {"id": SELF, "sizegb": 2})
    assert change.check.where == {"sizegb": 2}
    assert update_calls(THING, existing(size=1), desired(size=1)) == []


def test_a_dead_thing_counts_as_gone():
    (remove,) = delete_calls(THING, existing())
    assert (remove.command, remove.effect) == ("deleteThing", Effect.REMOVES)
    rows = [{"id": "id-1", "state": "Dead"}, {"id": "id-1", "state": "Dying"}]
    assert remove.check.select(rows) == rows[1:]


@pytest.mark.parametrize(
    ("before", "after", "commands"),
    [
        ({}, {}, []),
        ({}, {"a": "1"}, ["deleteTags", "createTags"]),
        ({"a": "1"}, {}, ["deleteTags"]),
        ({"a": "1"}, {"a": "2"}, ["deleteTags", "createTags"]),
        ({"a": "1"}, {"a": "1", "b": "2"}, ["deleteTags", "createTags"]),
    ],
)
def test_a_tag_is_removed_before_it_is_set_because_it_may_be_there(before, after, commands):
    assert [call.command for call in retag_calls("Thing", before, after)] == commands


def test_attributes_are_read_from_the_record_by_path_or_by_function():
    record = {"name": "it", "nic": [{"ip": "10.0.0.1"}]}
    assert THING.attributes_of(record) == {"address": "10.0.0.1", "name": "IT"}
    assert THING.attributes_of(record | {"nic": []})["address"] is None
