"""Clients that know nothing of the simulator take it for a CloudStack.

CloudMonkey 5.3 needs Python 2.7: see `python27` for where that is looked for.
"""

# What is test machinery is read by its name, and takes what it is given.

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from cs import CloudStack, CloudStackApiException, CloudStackException

from cfnlib.simulator import Fault


@pytest.fixture
def client(cloud):
    keys = cloud.simulator.admin
    return CloudStack(cloud.simulator.endpoint, keys.key, keys.secret, job_timeout=10, poll_interval=0.01)


@pytest.fixture
def given(cloud):
    return {
        "zoneid": cloud.zone,
        "templateid": cloud.template,
        "serviceofferingid": cloud.offering,
        "networkids": cloud.network(),
    }


def test_the_cs_library_deploys_and_waits(client, given):
    made = client.deployVirtualMachine(name="one", fetch_result=True, **given)["virtualmachine"]
    assert made["state"] == "Running"
    client.createTags(resourceids=made["id"], resourcetype="UserVm", tags={"stack": "s"}, fetch_result=True)
    found = client.listVirtualMachines(tags={"stack": "s"}, fetch_list=True)
    assert [one["id"] for one in found] == [made["id"]]


def test_the_cs_library_posts_user_data_with_blanks_and_accents(cloud, given):
    keys = cloud.simulator.admin
    client = CloudStack(cloud.simulator.endpoint, keys.key, keys.secret, method="post")
    made = client.deployVirtualMachine(displayname="a b+c/d é*", userdata="QUJD" * 2000, **given)
    [machine] = client.listVirtualMachines(id=made["id"])["virtualmachine"]
    assert machine["displayname"] == "a b+c/d é*"


def test_the_cs_library_reads_errors(cloud, client, given):
    with pytest.raises(CloudStackApiException) as refused:
        client.deployVirtualMachine(name="bad_name!", **given)
    assert refused.value.error["errorcode"] == 431
    cloud.simulator.faults.add(Fault("deployVirtualMachine", "job", text="it burned"))
    with pytest.raises(CloudStackException, match="it burned"):
        client.deployVirtualMachine(name="two", fetch_result=True, **given)


def test_the_cs_command_line_lists_zones(cloud, tmp_path):
    keys = cloud.simulator.admin
    environment = os.environ | {
        "CLOUDSTACK_ENDPOINT": cloud.simulator.endpoint,
        "CLOUDSTACK_KEY": keys.key,
        "CLOUDSTACK_SECRET": keys.secret,
        "HOME": str(tmp_path),
    }
    command = [sys.executable, "-c", "import cs; cs.main()", "listZones", "name=Sandbox"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert json.loads(done.stdout)["zone"][0]["id"] == cloud.zone


def test_cloudmonkey_discovers_the_commands_and_deploys(cloud, given, tmp_path):
    from cloudmonkey27 import CloudMonkey  # noqa: PLC0415 - found once the path is set

    keys = cloud.simulator.admin
    monkey = CloudMonkey(tmp_path, cloud.simulator.endpoint, keys.key, keys.secret)
    assert "598" in monkey("sync")
    assert "Running" in monkey(
        "deploy", "virtualmachine", "name=m1", *(f"{key}={value}" for key, value in given.items())
    )
    assert "m1" in monkey("list", "virtualmachines", "filter=name")
