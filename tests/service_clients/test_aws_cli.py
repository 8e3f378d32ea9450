"""The AWS command line as it comes from PyPI, told only where the service is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from service_world import KIND, QUICK

AWS = shutil.which("aws", path=str(Path(sys.executable).parent)) or shutil.which("aws")
pytestmark = pytest.mark.skipif(AWS is None, reason="awscli is not installed")

NESTED = """
Parameters:
  Name: {Type: String, Default: packaged}
Resources:
  Key:
    Type: AWS::EC2::KeyPair
    Properties:
      KeyName: !Sub "${AWS::StackName}-${Name}"
Outputs:
  Key: {Value: !Ref Key}
"""


@pytest.fixture
def aws(place, tmp_path):
    """Runs the command line as a user would; gives what it prints, or with `fails` what it complains of."""
    person = place.people["admin"]
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": person.key,
        "AWS_SECRET_ACCESS_KEY": person.secret,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": place.public_url,
        "AWS_EC2_METADATA_DISABLED": "true",
    }

    def run(*arguments, fails=False, service="cloudformation"):
        done = subprocess.run(
            [AWS, service, *arguments],
            env=environ,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout

    return run


def test_a_stack_from_its_creation_to_its_end(aws, tmp_path):
    (tmp_path / "t.json").write_text(QUICK)
    made = json.loads(
        aws("create-stack", "--stack-name", "cli", "--template-body", "file://t.json", "--tags", "Key=a,Value=b")
    )
    assert made["StackId"].startswith("arn:aws:cloudformation:")
    aws("wait", "stack-create-complete", "--stack-name", "cli")
    (stack,) = json.loads(aws("describe-stacks", "--stack-name", "cli"))["Stacks"]
    assert (stack["StackStatus"], stack["Outputs"][0]["OutputValue"]) == ("CREATE_COMPLETE", "cli-key")
    assert stack["Tags"] == [{"Key": "a", "Value": "b"}]
    events = json.loads(aws("describe-stack-events", "--stack-name", "cli"))["StackEvents"]
    assert [events[0]["ResourceStatus"], events[-1]["ResourceStatus"]] == ["CREATE_COMPLETE", "CREATE_IN_PROGRESS"]
    (row,) = json.loads(aws("list-stack-resources", "--stack-name", "cli"))["StackResourceSummaries"]
    assert (row["LogicalResourceId"], row["ResourceStatus"]) == ("Key", "CREATE_COMPLETE")
    aws("describe-stack-resource", "--stack-name", "cli", "--logical-resource-id", "Key")
    aws("describe-stack-resources", "--stack-name", "cli")
    assert json.loads(aws("get-template", "--stack-name", "cli"))["TemplateBody"] == json.loads(QUICK)
    aws("delete-stack", "--stack-name", "cli")
    aws("wait", "stack-delete-complete", "--stack-name", made["StackId"])
    assert "Stack with id cli does not exist" in aws("describe-stacks", "--stack-name", "cli", fails=True)
    assert "cli" in aws("list-stacks", "--stack-status-filter", "DELETE_COMPLETE")


def test_an_update_waits_for_its_end(aws, tmp_path):
    (tmp_path / "t.json").write_text(QUICK)
    aws("create-stack", "--stack-name", "up", "--template-body", "file://t.json")
    aws("wait", "stack-create-complete", "--stack-name", "up")
    changed = ("update-stack", "--stack-name", "up", "--use-previous-template")
    aws(*changed, "--parameters", "ParameterKey=Name,ParameterValue=other")
    aws("wait", "stack-update-complete", "--stack-name", "up")
    assert "No updates are to be performed." in aws(
        *changed, "--parameters", "ParameterKey=Name,UsePreviousValue=true", fails=True
    )


def another_second():
    """Wait until it is one: `deploy` names its change sets by the second, and no two of a stack may have one name."""
    begun = int(time.time())
    while int(time.time()) == begun:
        time.sleep(0.05)


def test_deploy_makes_changes_and_leaves_alone(aws, tmp_path):
    (tmp_path / "t.yaml").write_text(NESTED)
    deploy = ("deploy", "--stack-name", "deployed", "--template-file", "t.yaml")
    assert "Successfully created/updated stack" in aws(*deploy)
    another_second()
    assert "No changes to deploy" in aws(*deploy, "--no-fail-on-empty-changeset")
    another_second()
    aws(*deploy, "--parameter-overrides", "Name=changed", "--tags", "team=ops")
    (stack,) = json.loads(aws("describe-stacks", "--stack-name", "deployed"))["Stacks"]
    assert (stack["StackStatus"], stack["Outputs"][0]["OutputValue"]) == ("UPDATE_COMPLETE", "deployed-changed")


def test_package_and_deploy_work_together(aws, tmp_path):
    """`package` puts what a template names into the bucket, `deploy --s3-bucket` the template itself."""
    (tmp_path / "inner.yaml").write_text(NESTED)
    (tmp_path / "outer.yaml").write_text(
        "Resources:\n  Key: {Type: AWS::EC2::KeyPair, Properties: {KeyName: !Sub '${AWS::StackName}-k'}}\n"
    )
    aws("mb", "s3://artifacts", service="s3")
    aws("cp", "inner.yaml", "s3://artifacts/inner.yaml", service="s3")
    assert "inner.yaml" in aws("ls", "s3://artifacts", service="s3")
    packaged = ("--template-file", "outer.yaml", "--s3-bucket", "artifacts", "--output-template-file", "packed.yaml")
    aws("package", *packaged)
    aws(
        "deploy",
        "--stack-name",
        "packed",
        "--template-file",
        "packed.yaml",
        "--s3-bucket",
        "artifacts",
        "--force-upload",
    )
    aws("wait", "stack-create-complete", "--stack-name", "packed")
    url = "https://s3.amazonaws.com/artifacts/inner.yaml"
    aws("validate-template", "--template-url", url)
    aws("create-stack", "--stack-name", "by-url", "--template-url", url)
    aws("wait", "stack-create-complete", "--stack-name", "by-url")


def test_a_fault_in_a_template_has_its_place(aws, tmp_path):
    (tmp_path / "bad.yaml").write_text(
        f"Resources:\n  Machine:\n    Type: AWS::EC2::Instance\n    Properties:\n      InstanceTyp: {KIND}\n"
    )
    said = aws("create-stack", "--stack-name", "bad", "--template-body", "file://bad.yaml", fails=True)
    assert "ValidationError" in said
    assert "InstanceTyp" in said
    assert "5" in said  # the line


def test_who_am_i(aws, place):
    found = json.loads(aws("get-caller-identity", service="sts"))
    assert found["Arn"].startswith("arn:aws:iam::")
    assert place.people["admin"].name in found["Arn"]
    assert len(found["Account"]) == 12
