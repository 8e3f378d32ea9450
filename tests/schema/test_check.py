"""What is wrong with properties, told at its line."""

from __future__ import annotations

import pytest

from cfnlib.diagnostic import Code
from cfnlib.schema.check import check_properties, coerce, unknown_type
from cfnlib.schema.model import Kind, Property, ResourceType, Update
from cfnlib.source import load

DISK = {
    "Size": Property("Size in GiB.", kind=Kind.INTEGER, required=True, minimum=1, maximum=100),
    "Fast": Property("Whether it is fast.", kind=Kind.BOOLEAN),
    "Colour": Property("Not used.", kind=Kind.JSON, update=Update.IN_PLACE, ignored="disks have no colour"),
}
THING = ResourceType(
    name="Test::Thing",
    doc="A thing.",
    properties={
        "Name": Property("Its name.", required=True, pattern="[a-z]+"),
        "Mode": Property("Its mode.", allowed=("fast", "slow"), default="slow"),
        "Count": Property("How many.", kind=Kind.INTEGER, minimum=0),
        "Share": Property("How much.", kind=Kind.NUMBER, maximum=1),
        "On": Property("Whether it is on.", kind=Kind.BOOLEAN),
        "Disk": Property("Its disk.", kind=Kind.OBJECT, fields=DISK),
        "Disks": Property("More disks.", kind=Kind.LIST, item=Property("One.", kind=Kind.OBJECT, fields=DISK)),
        "Words": Property("Words.", kind=Kind.LIST, item=Property("A word.")),
        "Free": Property("Anything.", kind=Kind.JSON),
        "Tags": Property("Tags.", kind=Kind.TAGS),
        "tags": Property("Tags.", kind=Kind.TAGS),
        "Password": Property("A secret.", secret=True, pattern="[0-9]+"),
        "Left": Property("Left."),
        "Right": Property("Right."),
        "_own": Property("The plan's own."),
    },
    exclusive=(("Left", "Right"),),
)
EITHER = ResourceType(
    name="Test::Either",
    doc="One or the other.",
    properties={"Id": Property("An id."), "Name": Property("A name.")},
    one_of=(("Id", "Name"),),
)


def check(text: str, resource: ResourceType = THING):
    root, faults = load(f"Properties: {{{text}}}" if "\n" not in text else text, "t.yaml")
    assert not faults.errors
    return list(check_properties(resource, "It", root.get("Properties"), root.span))


def codes(text: str, resource: ResourceType = THING):
    return [one.code for one in check(text, resource)]


@pytest.mark.parametrize(
    "right",
    [
        "Count: 3",
        'Count: "3"',
        "Count: 3.0",
        "Share: 0.5",
        'Share: ".5"',
        'On: "TRUE"',
        "Mode: fast",
        "Disk: {Size: 5, Fast: true}",
        "Words: [a, 1, true]",
        "Words: 'a,b'",
        "Free: {anything: [goes]}",
        "Tags: [{Key: a, Value: 1, PropagateAtLaunch: true}]",
        "tags: {a: b}",
        "tags: [{key: a, value: b}]",
        "tags: [{Key: a, Value: b}, {key: c}]",
        "Count: !Ref P",
        "Words: !Split [',', !Ref P]",
        "Disk: !GetAtt A.B",
        "Mode: !If [c, fast, !Ref 'AWS::NoValue']",
        "Left: !If [c, a, b], Right: !If [c, a, b]",
        "'Fn::Transform': {Name: x}",
    ],
)
def test_what_cloudformation_takes_is_right(right):
    assert codes(f"Name: it, {right}") == []


@pytest.mark.parametrize(
    ("wrong", "code", "said"),
    [
        ("Count: three", Code.WRONG_TYPE, "Count must be a whole number, not 'three'"),
        ("Count: 1.5", Code.WRONG_TYPE, "Count must be a whole number, not 1.5"),
        ("Count: true", Code.WRONG_TYPE, "Count must be a whole number, not True"),
        ("Count: -1", Code.NOT_ALLOWED, "Count is -1; it must be 0 or more"),
        ("Share: 2", Code.NOT_ALLOWED, "Share is 2; it must be 1 or less"),
        ("Share: nan", Code.WRONG_TYPE, "Share must be a number, not 'nan'"),
        ("On: yes please", Code.WRONG_TYPE, "On must be true or false, not 'yes please'"),
        ("Mode: quick", Code.NOT_ALLOWED, "Mode is 'quick'; it must be one of fast, slow"),
        ("Mode: [fast]", Code.WRONG_TYPE, "Mode must be a text, not a list"),
        ("Mode: null", Code.WRONG_TYPE, "Mode must be a text, not null"),
        ("Disk: 5", Code.WRONG_TYPE, "Disk must be a map, not 5"),
        ("Disk: {Size: 500}", Code.NOT_ALLOWED, "Size is 500; it must be 100 or less"),
        ("Disk: {}", Code.MISSING_PROPERTY, "Disk needs Size"),
        ("Disks: [{Size: 1}, {Size: x}]", Code.WRONG_TYPE, "Size must be a whole number, not 'x'"),
        ("Disks: {Size: 1}", Code.WRONG_TYPE, "Disks must be a list, not a map"),
        ("Disk: {Size: 1, Sise: 2}", Code.UNKNOWN_PROPERTY, "Disk has no Sise"),
        ("Disk: {Size: 1, Colour: red}", Code.IGNORED, "Colour is ignored: disks have no colour"),
        ("Words: [[a]]", Code.WRONG_TYPE, "an item of Words must be a text, not a list"),
        ("Tags: {a: b}", Code.WRONG_TYPE, "Tags must be a list of tags, each with Key and Value, not a map"),
        ("Tags: [{Value: b}]", Code.MISSING_PROPERTY, "a tag needs Key"),
        ("name: x", Code.UNKNOWN_PROPERTY, "Test::Thing has no name"),
        ("_own: x", Code.UNKNOWN_PROPERTY, "Test::Thing has no _own"),
        ("Left: a, Right: b", Code.EXCLUSIVE, "only one of Left and Right may be given"),
        ("Mode: !If [c, fast, quick]", Code.NOT_ALLOWED, "Mode is 'quick'; it must be one of fast, slow"),
        ("Password: abc", Code.NOT_ALLOWED, "Password is ****; it must have the form [0-9]+"),
        ("Password: {a: b}", Code.WRONG_TYPE, "Password must be a text, not ****"),
    ],
)
def test_a_fault_is_said_in_words(wrong, code, said):
    (found,) = check(f"Name: it, {wrong}")
    assert (found.code, found.message, found.logical_id) == (code, said, "It")


def test_every_fault_is_told_at_its_own_line():
    text = """\
Properties:
  Name: IT
  Mod: fast
  Disks:
    - Size: 1
    - Fast: maybe
  On: 3
"""
    told = [(one.span.line, one.code.name, one.path[1:]) for one in check(text)]
    assert told == [
        (2, "NOT_ALLOWED", ("Name",)),
        (3, "UNKNOWN_PROPERTY", ("Mod",)),
        (6, "MISSING_PROPERTY", ("Disks", 1)),
        (6, "WRONG_TYPE", ("Disks", 1, "Fast")),
        (7, "WRONG_TYPE", ("On",)),
    ]


@pytest.mark.parametrize(
    ("written", "meant"), [("mode", "Mode"), ("Cuont", "Count"), ("is_on", None), ("zzz", None), ("disks", "Disks")]
)
def test_the_nearest_name_is_proposed_and_never_an_internal_one(written, meant):
    (found,) = check(f"Name: it, {written}: 1")
    assert found.hint == (f"did you mean {meant}?" if meant else None)


def test_without_properties_the_required_ones_are_missing_at_the_resource():
    root, _ = load("Type: Test::Thing", "t.yaml")
    (found,) = check_properties(THING, "It", None, root.span)
    assert (found.code, found.message) == (Code.MISSING_PROPERTY, "Test::Thing needs Name")
    assert found.span == root.span


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Id: a", None),
        ("Name: a", None),
        ("Id: !Ref A", None),
        ("Id: !If [c, a, !Ref 'AWS::NoValue'], Name: !If [c, !Ref 'AWS::NoValue', b]", None),
        ("Id: a, Name: b", Code.EXCLUSIVE),
        ("", Code.MISSING_PROPERTY),
    ],
)
def test_exactly_one_of_a_group_is_given(text, code):
    assert codes(text, EITHER) == ([code] if code else [])


def test_values_become_what_their_property_is():
    values, problems = coerce(
        THING,
        {
            "Name": "it",
            "Count": "7",
            "Share": "0.25",
            "On": "False",
            "Disk": {"Size": "5"},
            "Words": "a, b,",
            "Tags": [{"Key": 1, "Value": True, "PropagateAtLaunch": "true"}],
            "tags": {"a": 2},
            "Left": None,
            "Free": {"n": "1"},
            "_own": "x",
        },
    )
    assert problems == []
    assert values == {
        "Name": "it",
        "Count": 7,
        "Share": 0.25,
        "On": False,
        "Disk": {"Size": 5},
        "Words": ["a", "b"],
        "Tags": [{"Key": "1", "Value": "true", "PropagateAtLaunch": True}],
        "tags": {"a": "2"},
        "Free": {"n": "1"},
        "_own": "x",
    }


def test_what_is_not_known_yet_stays_and_counts_as_given():
    unknown = object()
    values, problems = coerce(THING, {"Name": unknown, "Disk": {"Size": unknown}, "Words": [unknown, 1]})
    assert problems == []
    assert values == {"Name": unknown, "Disk": {"Size": unknown}, "Words": [unknown, "1"]}
    assert coerce(EITHER, {"Id": unknown})[1] == []


def test_problems_of_values_name_their_path():
    _, problems = coerce(THING, {"Name": "it", "Disks": [{"Size": 1}, {"Size": 0}], "Lef": 1, "Words": {"a": 1}})
    assert [(one.code.name, one.path) for one in problems] == [
        ("NOT_ALLOWED", ("Disks", 1, "Size")),
        ("UNKNOWN_PROPERTY", ("Lef",)),
        ("WRONG_TYPE", ("Words",)),
    ]


def test_a_value_that_came_to_nothing_is_missing():
    _, problems = coerce(EITHER, {"Id": None})
    assert [one.code for one in problems] == [Code.MISSING_PROPERTY]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("AWS::EC2::Instances", "did you mean AWS::EC2::Instance?"),
        ("aws::ec2::eip", "did you mean AWS::EC2::EIP?"),
        ("Cloudstack::Virtualmachine", "did you mean CloudStack::VirtualMachine?"),
        ("Something::Else", "`cfnlib docs` lists the types there are"),
    ],
)
def test_an_unknown_type_is_answered_with_the_nearest(name, hint):
    assert unknown_type(name) == hint
