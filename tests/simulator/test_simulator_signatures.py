"""Who may call: keys, signatures, expiry, roles."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulated_cloud import Refused

from cfnlib.simulator.api import commands
from cfnlib.simulator.signature import encoded, is_good, sign

SECRET = "s3cret" * 10
NOW = 1_800_000_000.0
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20)


@given(st.dictionaries(st.from_regex(r"[a-zA-Z]{1,8}(\[[0-9]\]\.key)?", fullmatch=True), TEXT, max_size=6))
def test_what_is_signed_is_accepted(parameters):
    signed = parameters | {"signature": sign(parameters, SECRET)}
    assert is_good(signed, SECRET, NOW)


@given(st.dictionaries(st.sampled_from(["command", "name", "zoneid"]), TEXT, min_size=1), st.data())
def test_no_single_flipped_bit_of_a_signature_passes(parameters, data):
    signature = sign(parameters, SECRET)
    at = data.draw(st.integers(0, len(signature) - 1))
    bit = data.draw(st.integers(0, 6))
    flipped = signature[:at] + chr(ord(signature[at]) ^ (1 << bit)) + signature[at + 1 :]
    assert not is_good(parameters | {"signature": flipped}, SECRET, NOW)


@given(TEXT, TEXT)
def test_a_changed_value_does_not_pass(before, after):
    signed = {"command": "listZones", "name": before}
    signed["signature"] = sign(signed, SECRET)
    # The text that is signed is lower-cased as a whole: the real one does not notice a change of case alone either.
    same = sign({"name": before}, SECRET) == sign({"name": after}, SECRET)
    assert is_good(signed | {"name": after}, SECRET, NOW) == same


def test_a_tilde_is_signed_as_java_encodes_it():
    assert encoded("a~b *.-_/+é") == "a%7Eb%20*.-_%2F%2B%C3%A9"


@pytest.mark.parametrize(("seconds", "status"), [(60, 200), (-60, 401)])
@pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%SZ"])
def test_an_expired_request_is_refused(cloud, seconds, status, form):
    expires = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime(form)
    parameters = cloud.admin.signed("listZones", signatureVersion="3", expires=expires)
    assert cloud.admin.raw(parameters)[0] == status


@pytest.mark.parametrize("expires", ["", "tomorrow", "2030-13-01T00:00:00+0000"])
def test_an_unreadable_expiry_is_refused(cloud, expires):
    assert cloud.admin.raw(cloud.admin.signed("listZones", signatureVersion="3", expires=expires))[0] == 401


def test_names_of_parameters_may_be_written_in_any_case(cloud):
    cloud.admin.raw(cloud.admin.signed("createSSHKeyPair", NAME="any-case"))
    assert [one["name"] for one in cloud.simulator.world.live("keypair")] == ["any-case"]


def test_new_keys_make_the_old_ones_worthless(cloud):
    [user] = [one for one in cloud.simulator.world.live("user") if one["name"] == "user"]
    cloud.admin("registerUserKeys", id=user.uuid)
    with pytest.raises(Refused) as refused:
        cloud.user("listZones")
    assert refused.value.status == 401


def test_a_user_is_shown_only_what_he_may_call(cloud):
    shown = {one["name"] for one in cloud.user("listApis")["api"]}
    assert shown == {name for name, command in commands().items() if command.allowed("User")}
    assert "createZone" not in shown
    assert len(cloud.admin("listApis")["api"]) == 598


def test_one_api_can_be_asked_for(cloud):
    [api] = cloud.user("listApis", name="deployVirtualMachine")["api"]
    required = {one["name"] for one in api["params"] if one["required"]}
    assert required == {"zoneid", "templateid", "serviceofferingid"}
    assert cloud.user("listApis", name="createZone") == {}


def test_a_user_may_not_call_what_is_for_admins(cloud):
    with pytest.raises(Refused) as refused:
        cloud.user("createServiceOffering", name="x", displaytext="x")
    assert refused.value.status == 432


def test_a_known_command_that_is_not_simulated_says_so(cloud):
    with pytest.raises(Refused) as refused:
        cloud.admin("listBackups")
    assert refused.value.status == 530
    assert "not simulated by cfnlib.simulator" in refused.value.text


def test_a_user_does_not_see_or_touch_what_is_anothers(cloud):
    network = cloud.network(cloud.admin)
    machine = cloud.deploy(cloud.admin, networkids=network, name="mine")["id"]
    assert cloud.user("listVirtualMachines", listall=True) == {}
    assert cloud.user("listVirtualMachines", id=machine) == {}
    assert all(one["type"] == "Shared" for one in cloud.user("listNetworks")["network"])
    for command in ("stopVirtualMachine", "destroyVirtualMachine"):
        with pytest.raises(Refused) as refused:
            cloud.user(command, id=machine)
        assert refused.value.status == 531
    with pytest.raises(Refused) as refused:
        cloud.deploy(cloud.user, networkids=network)
    assert refused.value.status == 531


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(junk=st.dictionaries(TEXT, TEXT, max_size=4))
def test_no_unsigned_request_gets_in(cloud, junk):
    status, text = cloud.admin.raw(junk)
    assert status == 401
    assert "unable to verify" in text


def test_the_answer_to_a_wrong_signature_is_under_the_commands_name(cloud):
    parameters = cloud.admin.signed("listZones") | {"signature": "nonsense"}
    status, text = cloud.admin.raw(parameters)
    assert status == 401
    assert list(json.loads(text)) == ["listzonesresponse"]
