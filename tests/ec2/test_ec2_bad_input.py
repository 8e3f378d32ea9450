"""Whatever is wrong with a request is told in EC2's form, with a code of EC2's, and is never the bridge's fault."""

from __future__ import annotations

import re

import pytest
from ec2_bridges import SERVICE, code_of, launched, refusal
from hypothesis import given, settings
from hypothesis import strategies as st
from wrong_parameters import wrongs

from compat.ec2.actions import table
from compat.ec2.door import OPEN

OFFERED = sorted(table())
VERSION = ("Version", "2016-11-15")
GOOD = {
    "RunInstances": [("ImageId", "ami-00000000"), ("MinCount", "1"), ("MaxCount", "1")],
    "RequestSpotInstances": [("LaunchSpecification.ImageId", "ami-00000000"), ("InstanceCount", "1")],
    "CreateSecurityGroup": [("GroupName", "g"), ("GroupDescription", "d")],
    "CreateTags": [("ResourceId.1", "i-00000000"), ("Tag.1.Key", "k"), ("Tag.1.Value", "v")],
    "AuthorizeSecurityGroupIngress": [("GroupName", "none"), ("IpProtocol", "tcp"), ("FromPort", "1")],
}


@pytest.mark.parametrize("action", OFFERED)
def test_each_wrong_parameter_in_turn_is_refused(plain_world, action):
    good = [("Action", action), VERSION, *GOOD.get(action, ())]
    told = {label: plain_world.ask(pairs) for label, pairs in wrongs(SERVICE, action, good, open_shapes=OPEN)}
    codes = {label: (status, code_of(text)) for label, (status, text) in told.items()}
    assert {label: found for label, found in codes.items() if not 400 <= found[0] < 500 or not found[1]} == {}


@pytest.mark.parametrize("action", [name for name in SERVICE.operations if name not in set(OFFERED)][::9])
def test_what_is_not_offered_says_so(plain_world, action):
    status, text = plain_world.ask([("Action", action), VERSION])
    assert (status, code_of(text)) == (400, "UnsupportedOperation")


@pytest.mark.parametrize("action", ["RunInstance", "runInstances", "x" * 3000, "<b>", "ä"])
def test_what_there_is_not_is_an_invalid_action(plain_world, action):
    status, text = plain_world.ask([("Action", action), VERSION])
    assert (status, code_of(text)) == (400, "InvalidAction")


def test_no_action_is_told_too(plain_world):
    assert code_of(plain_world.ask([VERSION])[1]) == "MissingAction"


IDS = ["i-00000000", "ami-0", "", "*", "i-0123456789abcdef0", "00000000-0000-0000-0000-000000000000", "ä", "x" * 2000]
VALUES = st.one_of(
    st.text(max_size=40), st.sampled_from(IDS), st.integers().map(str), st.sampled_from(["true", "YQ==", "-1", "tcp"])
)


def _names(action):
    """The names that an action's parameters may have, and some of what may stand below them."""
    shape = SERVICE.shapes[SERVICE.operation(action).input_shape]
    found = []
    for member, ref in shape["members"].items():
        name = ref.get("queryName") or ref.get("locationName") or member
        name = name[0].upper() + name[1:]
        found += [name, f"{name}.1", f"{name}.1.Name", f"{name}.1.Value.1", f"{name}.Value", f"{name}.1.1"]
    return found


@st.composite
def requests(draw):
    """An offered action with parameters of its own and of any sort."""
    action = draw(st.sampled_from(OFFERED))
    names = st.one_of(st.sampled_from(_names(action)), st.text(max_size=12))
    pairs = draw(st.lists(st.tuples(names, VALUES), max_size=6, unique_by=lambda pair: pair[0]))
    return [("Action", action), VERSION, *(pair for pair in pairs if pair[0] not in {"Action", "Version"})]


@settings(max_examples=200)
@given(requests())
def test_no_request_is_the_bridges_fault(plain_world, pairs):
    status, text = plain_world.ask(pairs)
    assert status < 500, text
    assert status == 200 or code_of(text)


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_no_body_is_either(plain_world, body):
    status, text = plain_world.send(body)
    assert 400 <= status < 500
    assert code_of(text)


def test_the_things_of_another_account_are_not_there(plain_world):
    mine, other = plain_world.ec2(), plain_world.ec2(plain_world.stranger())
    machine = launched(mine)["Instances"][0]["InstanceId"]
    volume = mine.describe_volumes()["Volumes"][0]["VolumeId"]
    group = mine.create_security_group(GroupName="mine", Description="d")["GroupId"]
    address = mine.allocate_address()["AllocationId"]
    uuid = plain_world.machines()
    uuid = next(row["id"] for row in uuid.values())
    for one in (machine, uuid):
        assert refusal(other.terminate_instances, InstanceIds=[one]) == "InvalidInstanceID.NotFound"
        assert refusal(other.stop_instances, InstanceIds=[one]) == "InvalidInstanceID.NotFound"
        assert refusal(other.describe_instances, InstanceIds=[one]) == "InvalidInstanceID.NotFound"
        assert refusal(other.get_console_output, InstanceId=one) == "InvalidInstanceID.NotFound"
    assert refusal(other.delete_volume, VolumeId=volume) == "InvalidVolume.NotFound"
    assert refusal(other.create_snapshot, VolumeId=volume) == "InvalidVolume.NotFound"
    assert refusal(other.delete_security_group, GroupId=group) == "InvalidGroup.NotFound"
    assert refusal(other.release_address, AllocationId=address) == "InvalidAllocationID.NotFound"
    assert re.match(r"Invalid\w*ID\.?", refusal(other.create_tags, Resources=[machine], Tags=[{"Key": "a"}]))
    assert other.describe_instances()["Reservations"] == other.describe_volumes()["Volumes"] == []
    assert [row["state"] for row in plain_world.machines().values()] == ["Running"]
