"""cfn-init, cfn-get-metadata and cfn-signal of aws-cfn-bootstrap, as they come, where there is a Python 2.7."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile

import pytest
from python27 import python27_with

BOOTSTRAP = "aws-cfn-bootstrap==1.4.post31"
NEEDED = ("pystache==0.5.4", "python-daemon<2.3", "lockfile", "docutils<0.18")


@pytest.fixture(scope="module")
def bootstrap(tmp_path_factory):
    """Runs one of its programs from the unpacked source; gives what it prints."""
    python, environ = python27_with(*NEEDED)
    folder = tmp_path_factory.mktemp("bootstrap")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--no-binary",
        ":all:",
        "-d",
        str(folder),
        BOOTSTRAP,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        pytest.skip(f"PyPI does not give {BOOTSTRAP}: {done.stderr.strip()[-200:]}")
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(folder)  # the filter is not in every Python 3.11
    (source,) = (path for path in folder.iterdir() if path.is_dir())
    environ = {**environ, "HOME": str(folder), "PYTHONPATH": os.pathsep.join((str(source), environ["PYTHONPATH"]))}

    def run(program, *arguments, check=True):
        done = subprocess.run(
            [python, str(source / "bin" / program), *arguments],
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def template(target):
    """A stack whose metadata writes a file, and whose condition and handle wait for a word."""
    return json.dumps(
        {
            "Resources": {
                "Key": {
                    "Type": "AWS::EC2::KeyPair",
                    "Properties": {"KeyName": {"Ref": "AWS::StackName"}},
                    "Metadata": {
                        "Note": {"Fn::Sub": "of ${AWS::StackName}"},
                        "Url": {"Ref": "Handle"},
                        "AWS::CloudFormation::Init": {
                            "config": {"files": {str(target): {"content": {"Fn::Sub": "stack ${AWS::StackName}\n"}}}}
                        },
                    },
                },
                "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
                "Wait": {
                    "Type": "AWS::CloudFormation::WaitCondition",
                    "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "300", "Count": 2},
                },
            },
            "Outputs": {"Data": {"Value": {"Fn::GetAtt": ["Wait", "Data"]}}},
        }
    )


@pytest.fixture
def waiting(place, tmp_path):
    """A stack that waits; gives its name, the file that cfn-init shall write, and the handle's URL."""
    name, target = f"boot-{tmp_path.name.replace('_', '-')[:40]}", tmp_path / "written"
    place.client().create_stack(StackName=name, TemplateBody=template(target))
    for _ in range(200):
        rows = place.client().describe_stack_resources(StackName=name)["StackResources"]
        found = {row["LogicalResourceId"]: row for row in rows}
        if {"Key", "Handle"} <= {key for key, row in found.items() if row["ResourceStatus"] == "CREATE_COMPLETE"}:
            break
    said = place.client().describe_stack_resource(StackName=name, LogicalResourceId="Key")["StackResourceDetail"]
    yield name, target, json.loads(said["Metadata"])["Url"]
    place.client().delete_stack(StackName=name)


def credentials(place):
    person = place.people["admin"]
    return (
        "--access-key",
        person.key,
        "--secret-key",
        person.secret,
        "--url",
        place.public_url,
        "--region",
        "us-east-1",
    )


def test_cfn_init_writes_what_the_metadata_says(bootstrap, place, waiting):
    name, target, _ = waiting
    bootstrap("cfn-init", "--stack", name, "--resource", "Key", *credentials(place))
    assert target.read_text() == f"stack {name}\n"


def test_cfn_get_metadata_prints_it(bootstrap, place, waiting):
    name, _, _ = waiting
    said = bootstrap("cfn-get-metadata", "--stack", name, "--resource", "Key", "--key", "Note", *credentials(place))
    assert f"of {name}" in said


def test_signals_come_from_curl_and_from_cfn_signal(bootstrap, place, waiting, tmp_path):
    name, _, url = waiting
    word = tmp_path / "word.json"
    word.write_text(json.dumps({"Status": "SUCCESS", "Reason": "done", "UniqueId": "one", "Data": "first"}))
    subprocess.run(["curl", "--silent", "--show-error", "--fail", "-T", str(word), url], check=True, timeout=60)
    bootstrap("cfn-signal", "--success", "true", "--id", "two", "--data", "second", url)
    stack = place.until(name, "CREATE_COMPLETE")
    data = json.loads(stack["Outputs"][0]["OutputValue"])
    assert data == {"one": "first", "two": "second"}


def test_cfn_signal_of_a_resource_reaches_its_condition(bootstrap, place, waiting):
    name, _, _ = waiting
    for unique in ("a", "b"):
        bootstrap(
            "cfn-signal", "--stack", name, "--resource", "Handle", "--id", unique, "-e", "0", *credentials(place)
        )
    place.until(name, "CREATE_COMPLETE")


def test_a_failure_is_heard(bootstrap, place, waiting):
    name, _, url = waiting
    bootstrap("cfn-signal", "--success", "false", "--reason", "it broke", url, check=False)
    place.until(name, "ROLLBACK_COMPLETE")
    events = place.client().describe_stack_events(StackName=name)["StackEvents"]
    assert any("it broke" in event.get("ResourceStatusReason", "") for event in events)


def test_a_handle_takes_words_for_itself_alone(place, waiting):
    name, _, url = waiting
    other = url.replace("/Handle?", "/Key?")
    done = subprocess.run(
        ["curl", "--silent", "-o", os.devnull, "-w", "%{http_code}", "-X", "PUT", "-d", "{}", other],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "403"
    assert place.client().describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
