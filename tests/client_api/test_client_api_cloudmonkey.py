"""CloudMonkey 5.3 discovers the stack commands by itself, and waits for their jobs."""

from __future__ import annotations

import json

import pytest
from client_api_calls import PATH
from service_world import QUICK


@pytest.fixture(scope="module")
def monkey(place, tmp_path_factory):
    from cloudmonkey27 import CloudMonkey  # noqa: PLC0415 - only where there is a Python 2.7

    person = place.people["admin"]
    return CloudMonkey(tmp_path_factory.mktemp("monkey"), place.public_url + PATH, person.key, person.secret)


def test_cloudmonkey_finds_the_commands_makes_a_stack_lists_it_and_removes_it(place, monkey):
    assert "605" in monkey("sync")
    assert "templatebody" in monkey("help", "create", "stack")
    made = monkey(
        "create", "stack", "name=aped", f"templatebody='{QUICK}'", "parameters[0].key=Name", "parameters[0].value=x"
    )
    job = json.loads(made[made.index("{") :])
    assert job["jobstatus"] == 1
    assert job["jobresult"]["stack"]["output"] == [{"key": "Key", "value": "aped-x", "description": "its name"}]
    listed = json.loads(monkey("list", "stacks", "filter=name,status"))
    assert listed["stack"] == [{"name": "aped", "status": "CREATE_COMPLETE"}]
    assert "CREATE_COMPLETE" in monkey("list", "stackevents", "name=aped")
    assert '"success": true' in monkey("delete", "stack", "name=aped")
    assert place.cloud.listSSHKeyPairs(name="aped-x") == {}


def test_cloudmonkey_shows_what_is_wrong(monkey):
    monkey("sync")
    found = monkey.run("create", "stack", "name=1", f"templatebody='{QUICK}'")
    assert found.returncode == 1
    assert "Error 431: '1' is no stack name" in found.stderr + found.stdout
    assert "Missing arguments: name" in monkey("create", "stack")
