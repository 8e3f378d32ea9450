"""What differs between two versions of a thing, and what that does to it."""

from __future__ import annotations

import pytest

from cfnlib.schema.diff import Change, diff, strongest
from cfnlib.schema.model import Kind, Property, ResourceType, Update

PLACE, RESTART, REPLACE = Update.IN_PLACE, Update.RESTART, Update.REPLACE
PARTS = {
    "Size": Property("Size."),
    "Look": Property("Look.", update=PLACE),
    "Speed": Property("Speed.", kind=Kind.INTEGER, default=5),
}
THING = ResourceType(
    name="Test::Thing",
    doc="A thing.",
    properties={
        "Name": Property("Name."),
        "Type": Property("Type.", update=RESTART, default="small"),
        "Key": Property("Key.", update=PLACE, secret=True),
        "Whole": Property("Replaces.", kind=Kind.OBJECT, fields=PARTS),
        "Loose": Property("In place.", kind=Kind.OBJECT, update=PLACE, fields=PARTS),
        "List": Property("A list.", kind=Kind.LIST, update=RESTART, item=Property("One.", Kind.OBJECT, fields=PARTS)),
        "Words": Property("Words.", kind=Kind.LIST, item=Property("One.")),
        "Tags": Property("Tags.", kind=Kind.TAGS, update=PLACE),
    },
)


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({"Name": "a"}, {"Name": "a"}, []),
        ({"Name": "a"}, {"Name": "b"}, [(("Name",), "a", "b", REPLACE)]),
        ({"Name": "a"}, {}, [(("Name",), "a", None, REPLACE)]),
        ({}, {"Type": "small"}, []),
        ({"Type": "big"}, {}, [(("Type",), "big", "small", RESTART)]),
        ({"Whole": {"Size": "1"}}, {"Whole": {"Size": "2"}}, [(("Whole", "Size"), "1", "2", REPLACE)]),
        ({"Whole": {"Look": "1"}}, {"Whole": {"Look": "2"}}, [(("Whole", "Look"), "1", "2", PLACE)]),
        ({"Loose": {"Size": "1"}}, {"Loose": {"Size": "2"}}, [(("Loose", "Size"), "1", "2", PLACE)]),
        ({"Whole": {"Speed": 5}}, {"Whole": {}}, []),
        ({"Whole": {"Size": "1"}}, {}, [(("Whole",), {"Size": "1"}, None, REPLACE)]),
        ({"List": [{"Size": "1"}]}, {"List": [{"Size": "2"}]}, [(("List", 0, "Size"), "1", "2", RESTART)]),
        ({"List": []}, {"List": [{"Size": "2"}]}, [(("List", 0), None, {"Size": "2"}, RESTART)]),
        ({"Words": ["a", "b"]}, {"Words": ["a"]}, [(("Words", 1), "b", None, REPLACE)]),
        ({"Tags": [{"Key": "a"}, {"Key": "b"}]}, {"Tags": [{"Key": "b"}, {"Key": "a"}]}, []),
        ({"Gone": 1}, {"_data": 2}, []),
    ],
)
def test_a_change_is_told_where_it_is_with_its_mildest_effect(before, after, changes):
    found = [(one.path, one.before, one.after, one.update) for one in diff(THING, before, after)]
    assert found == changes


def test_a_secret_is_marked_as_one():
    assert [change.secret for change in diff(THING, {"Key": "a", "Name": "a"}, {"Key": "b", "Name": "b"})] == [
        False,
        True,
    ]


def test_what_is_not_known_yet_differs_from_every_value():
    unknown = object()
    (change,) = diff(THING, {"Name": "a"}, {"Name": unknown})
    assert change == Change(("Name",), "a", unknown, REPLACE)
    (change,) = diff(THING, {"Words": ["a", "b"]}, {"Words": ["a", unknown]})
    assert change.path == ("Words", 1)


def test_the_strongest_effect_decides():
    changes = diff(THING, {"Key": "a", "Type": "big"}, {"Key": "b"})
    assert strongest(changes) is RESTART
    assert strongest([*changes, Change(("Name",), "a", "b", REPLACE)]) is REPLACE
    assert strongest(()) is None
