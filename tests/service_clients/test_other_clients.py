"""boto3's waiters and paginators, Sceptre, troposphere and boto 2, as they come from PyPI."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from service_world import FAST, QUICK


def test_boto3_waits_and_turns_pages(place):
    client = place.client()
    names = [f"page-{number}" for number in range(5)]
    for name in names:
        client.create_stack(StackName=name, TemplateBody=QUICK)
    for name in names:
        client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=FAST)
    pages = client.get_paginator("describe_stacks").paginate()
    assert set(names) <= {stack["StackName"] for page in pages for stack in page["Stacks"]}
    events = client.get_paginator("describe_stack_events").paginate(StackName=names[0])
    assert any(event["ResourceStatus"] == "CREATE_COMPLETE" for page in events for event in page["StackEvents"])
    client.create_change_set(
        StackName=names[0],
        ChangeSetName="c",
        TemplateBody=QUICK.replace("a key", "another"),
        Parameters=[{"ParameterKey": "Name", "ParameterValue": "x"}],
    )
    client.get_waiter("change_set_create_complete").wait(StackName=names[0], ChangeSetName="c", WaiterConfig=FAST)
    client.execute_change_set(StackName=names[0], ChangeSetName="c")
    client.get_waiter("stack_update_complete").wait(StackName=names[0], WaiterConfig=FAST)
    for name in names:
        client.delete_stack(StackName=name)
        client.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=FAST)


def test_troposphere_writes_what_is_taken(place):
    troposphere = pytest.importorskip("troposphere")
    ec2 = pytest.importorskip("troposphere.ec2")
    template = troposphere.Template(Description="by troposphere")
    name = template.add_parameter(troposphere.Parameter("Name", Type="String", Default="tropo"))
    key = template.add_resource(ec2.KeyPair("Key", KeyName=troposphere.Sub("${AWS::StackName}-${Name}")))
    template.add_output(troposphere.Output("Key", Value=troposphere.Ref(key)))
    assert name.title == "Name"
    for number, body in enumerate((template.to_json(), template.to_yaml())):
        stack = place.until(place.made(f"tropo-{number}", body), "CREATE_COMPLETE")
        assert stack["Outputs"][0]["OutputValue"] == f"tropo-{number}-tropo"


def test_boto_2_speaks_json(place):
    connection_of = pytest.importorskip(
        "boto.cloudformation.connection", exc_type=ImportError
    ).CloudFormationConnection
    regioninfo = pytest.importorskip("boto.regioninfo", exc_type=ImportError)
    person = place.people["admin"]
    port = int(place.public_url.rpartition(":")[2])
    region = regioninfo.RegionInfo(name="cs", endpoint="127.0.0.1")
    connection = connection_of(person.key, person.secret, is_secure=False, port=port, region=region)
    stack_id = connection.create_stack("boto2", template_body=QUICK, parameters=[("Name", "old")], tags={"a": "b"})
    place.until(stack_id, "CREATE_COMPLETE")
    (stack,) = connection.describe_stacks("boto2")
    assert [(one.key, one.value) for one in stack.outputs] == [("Key", "boto2-old")]
    assert stack.tags == {"a": "b"}
    assert connection.describe_stack_events("boto2")[0].resource_status == "CREATE_COMPLETE"
    assert [row.logical_resource_id for row in connection.list_stack_resources("boto2")] == ["Key"]
    connection.delete_stack("boto2")


@pytest.fixture
def sceptre(place, tmp_path):
    command = shutil.which("sceptre", path=str(Path(sys.executable).parent)) or shutil.which("sceptre")
    if command is None:
        pytest.skip("sceptre is not installed")
    person = place.people["admin"]
    for folder in ("config", "templates"):
        (tmp_path / folder).mkdir()
    (tmp_path / "config/config.yaml").write_text("project_code: demo\nregion: us-east-1\n")
    (tmp_path / "config/key.yaml").write_text("template: {path: key.json}\nparameters: {Name: scept}\n")
    (tmp_path / "templates/key.json").write_text(QUICK)
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": person.key,
        "AWS_SECRET_ACCESS_KEY": person.secret,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": place.public_url,
        "PYTHONWARNINGS": "ignore",
    }

    def run(*arguments):
        done = subprocess.run(
            [command, *arguments], env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_sceptre_launches_changes_and_deletes(sceptre, place, tmp_path):
    sceptre("validate", "key.yaml")
    sceptre("launch", "-y", "key.yaml")
    assert place.until("demo-key", "CREATE_COMPLETE")["Outputs"][0]["OutputValue"] == "demo-key-scept"
    assert "CREATE_COMPLETE" in sceptre("status", "key.yaml")
    assert "demo-key-scept" in sceptre("list", "outputs", "key.yaml")
    (tmp_path / "config/key.yaml").write_text("template: {path: key.json}\nparameters: {Name: changed}\n")
    sceptre("update", "-y", "key.yaml")
    assert place.until("demo-key", "UPDATE_COMPLETE")["Outputs"][0]["OutputValue"] == "demo-key-changed"
    sceptre("delete", "-y", "key.yaml")
    gone = [one for one in place.client().list_stacks()["StackSummaries"] if one["StackName"] == "demo-key"]
    assert [one["StackStatus"] for one in gone] == ["DELETE_COMPLETE"]
    assert json.loads(QUICK)
