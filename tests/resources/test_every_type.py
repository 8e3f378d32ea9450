"""What holds for every resource type, whatever its properties are."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from property_values import GROUPS_ZONE, PLAIN_ZONE, desired, existing, properties, value

from cfnlib.resources import all_types, find, names
from cfnlib.schema.calls import Call, Effect, Find, needs_prepare, prepared
from cfnlib.schema.check import coerce
from cfnlib.schema.diff import diff, strongest
from cfnlib.schema.export import json_schema, markdown, markdown_index
from cfnlib.schema.lifecycle import create_calls, delete_calls, update_calls
from cfnlib.schema.model import Update

FACTS = Path(__file__).with_name("commands.json")
COMMANDS = json.loads(FACTS.read_text())
AWS = json.loads(Path(__file__).with_name("aws_properties.json").read_text())
"""The names of properties and attributes. Source: CloudFormation's resource schemas of November 2026."""
SHARED = Path(__file__).parents[2].parent / "shared" / "cloudstack-4.19" / "listApis.json.gz"
TYPES = all_types()
EVERY_TYPE = pytest.mark.parametrize("resource", TYPES, ids=lambda resource: resource.name)
ON_CLOUD = pytest.mark.parametrize(
    "resource", [resource for resource in TYPES if resource.native], ids=lambda resource: resource.name
)
ZONES = st.sampled_from([GROUPS_ZONE, PLAIN_ZONE])
some = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)


def all_calls(resource, data) -> list[Call]:
    facts = data.draw(ZONES)
    before, after = data.draw(properties(resource)), data.draw(properties(resource))
    kept = {name for name, one in resource.properties.items() if one.update is Update.REPLACE}
    after = {name: one for name, one in after.items() if name not in kept}
    after |= {name: one for name, one in before.items() if name in kept}
    assume(not coerce(resource, after)[1])
    snapshot = resource.native.snapshot
    return [
        *create_calls(resource, desired(before, facts)),
        *update_calls(resource, existing(before, facts), desired(after, facts)),
        *(snapshot(existing(before, facts)) if snapshot else ()),
        *delete_calls(resource, existing(before, facts)),
    ]


def assert_listing_exists(listing: Find) -> None:
    command = COMMANDS[listing.command]
    assert listing.params.keys() <= set(command["params"]), listing
    shown = [listing.nested] if listing.nested else [*listing.where, *listing.unless]
    if listing.command == "listLoadBalancerRuleInstances":  # listApis says nothing of its rows, which are machines
        command = COMMANDS["listVirtualMachines"]
    assert {path.split(".")[0] for path in shown} <= set(command["response"]), listing


def listings_in(part: object) -> list[Find]:
    """Every listing that a mark in a parameter stands for."""
    if isinstance(part, dict) and "$find" in part:
        listing = Find(**part["$find"])
        return [listing, *listings_in(dict(listing.params)), *listings_in(dict(listing.where))]
    if isinstance(part, dict):
        return [listing for one in part.values() for listing in listings_in(one)]
    if isinstance(part, list):
        return [listing for one in part for listing in listings_in(one)]
    return []


@ON_CLOUD
@given(data=st.data())
@some
def test_calls_name_only_what_cloudstack_has_and_all_that_it_requires(resource, data):
    for call in all_calls(resource, data):
        command = COMMANDS[call.command]
        assert call.params.keys() <= set(command["params"]), call
        assert set(command["required"]) <= call.params.keys(), call
        assert None not in call.params.values(), call
        assert set(call.sensitive) <= set(command["params"])
        for listing in listings_in(dict(call.params)):
            assert_listing_exists(listing)


@ON_CLOUD
@given(data=st.data())
@some
def test_every_call_can_be_told_to_have_had_its_effect(resource, data):
    for call in all_calls(resource, data):
        assert call.check is not None, call
        assert_listing_exists(call.check)
        assert call.check.params or call.check.where, "a listing of everything tells nothing"


@ON_CLOUD
@given(data=st.data())
@some
def test_a_call_survives_being_written_down(resource, data):
    for call in all_calls(resource, data):
        assert Call.from_json(json.loads(json.dumps(call.as_json()))) == call


@ON_CLOUD
@given(data=st.data())
@some
def test_no_mark_is_left_once_a_call_is_prepared(resource, data):
    for call in all_calls(resource, data):
        done = prepared(call.bound("id-1"), lambda listing, field: f"{listing.command}.{field}", lambda: "192.0.2.1")
        assert done is not None
        assert not needs_prepare(done)
        assert "${" not in json.dumps(done.as_json())


@ON_CLOUD
@given(data=st.data())
@some
def test_only_the_first_call_creates_and_a_thing_that_is_made_can_be_removed(resource, data):
    facts, values = data.draw(ZONES), data.draw(properties(resource))
    made = create_calls(resource, desired(values, facts))
    assert all(call.effect is not Effect.CREATES for call in made[1:])
    assert all(call.check.params or call.check.where for call in made)
    removed = delete_calls(resource, existing(values, facts))
    assert bool(made) == bool(removed)
    assert all(call.effect is Effect.REMOVES for call in removed)


@ON_CLOUD
@given(data=st.data())
@some
def test_nothing_is_called_when_nothing_changes(resource, data):
    facts, values = data.draw(ZONES), data.draw(properties(resource))
    assert update_calls(resource, existing(values, facts), desired(values, facts)) == []


@EVERY_TYPE
@given(data=st.data())
@some
def test_coerced_values_are_right_and_coerce_to_themselves(resource, data):
    values = data.draw(properties(resource))
    coerced, problems = coerce(resource, values)
    assert problems == []
    assert coerce(resource, coerced) == (coerced, [])
    assert diff(resource, values, coerced) == ()


@EVERY_TYPE
@given(data=st.data())
@some
def test_texts_in_place_of_numbers_and_booleans_mean_the_same(resource, data):
    values = data.draw(properties(resource))
    texts = {name: str(one) if isinstance(one, int) else one for name, one in values.items()}
    assert coerce(resource, texts) == (values, [])


@EVERY_TYPE
@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_a_change_of_a_property_has_the_declared_effect_and_no_other(resource, data):
    for name, declared in resource.properties.items():
        before = data.draw(value(declared, name))
        after = data.draw(value(declared, name))
        changes = diff(resource, {name: before}, {name: after})
        if not declared.fields and not (declared.item and declared.item.fields):
            assert strongest(changes) is (None if before == after else declared.update)
        assert strongest(diff(resource, {name: before}, {})) in {None, declared.update}
        assert diff(resource, {name: before}, {name: before}) == ()
        assert all(change.path[0] == name and change.secret is declared.secret for change in changes)


@EVERY_TYPE
def test_its_page_and_its_schema_tell_every_property_and_attribute(resource):
    page, schema = markdown(resource), json_schema(resource)
    shown = {name for name in resource.properties if not name.startswith("_")}
    assert all(f"`{name}`" in page for name in (*shown, *resource.attributes))
    assert shown <= schema["properties"].keys()
    assert not any(name.startswith("_") for name in schema["properties"])
    assert json.loads(json.dumps(schema)) == schema
    assert resource.doc in page
    assert resource.source in page


@EVERY_TYPE
def test_it_is_declared_in_full(resource):
    assert resource.source
    assert (resource.native is None) != (resource.local is None)
    assert resource.ref is None or resource.ref in resource.attributes
    for group in (*resource.exclusive, *resource.one_of):
        assert set(group) <= resource.properties.keys()
    for declared in resource.properties.values():
        assert declared.doc.endswith("."), declared
        assert not (declared.required and declared.ignored), declared


def paths_of(fields, prefix=""):
    """The dotted paths of the properties and their parts."""
    for name, declared in fields.items():
        yield prefix + name
        inner = declared.item if declared.item is not None else declared
        yield from paths_of(inner.fields, f"{prefix}{name}.")


@pytest.mark.parametrize("name", AWS)
def test_a_type_of_aws_knows_every_property_and_attribute_that_aws_gives_it(name):
    resource = find(name)
    assert set(AWS[name]["properties"]) <= set(paths_of(resource.properties))
    assert set(AWS[name]["attributes"]) <= {attribute.split(".")[0] for attribute in resource.attributes}


def test_a_type_is_found_by_its_name_as_it_is_written():
    assert [find(name) for name in names()] == TYPES
    assert find("AWS::EC2::INSTANCE") is None
    assert find("AWS::EC2::Nothing") is None
    assert find("CloudStack") is None
    assert find("") is None


def test_the_index_has_a_line_for_every_type():
    assert all(f"`{name}`" in markdown_index() for name in names())


@pytest.mark.skipif(not SHARED.exists(), reason="the answer of a CloudStack's listApis is not here")
def test_the_facts_about_commands_are_those_of_cloudstack():
    apis = {api["name"]: api for api in json.loads(gzip.decompress(SHARED.read_bytes()))["api"]}
    assert {
        name: {
            "params": sorted(param["name"] for param in apis[name]["params"]),
            "required": sorted(param["name"] for param in apis[name]["params"] if param["required"]),
            **(
                {"response": sorted({one["name"] for one in apis[name]["response"] if "name" in one})}
                if name[:4] == "list"
                else {}
            ),
        }
        for name in COMMANDS
    } == COMMANDS
