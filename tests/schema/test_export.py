"""A declaration as a page and as a JSON schema."""

from __future__ import annotations

import pytest

from cfnlib.resources import find
from cfnlib.schema.export import json_schema, markdown, markdown_index
from cfnlib.schema.nearest import nearest


def test_a_page_tells_what_a_property_is_what_its_change_does_and_why_it_is_ignored():
    page = markdown(find("AWS::EC2::Instance"))
    assert "| `ImageId` | String | replacement | **Required.** The template. CloudStack: `templateid`. |" in page
    assert "| `InstanceType` | String | some interruptions |" in page
    assert "| `Volumes[].VolumeId` | String | no interruption |" in page
    assert "- `IamInstanceProfile`: CloudStack has no IAM" in page
    assert "- `NetworkInterfaces[].AssociatePublicIpAddress`:" in page
    assert "_network" not in page


def test_a_page_tells_limits_choices_defaults_and_what_ref_gives():
    page = markdown(find("AWS::CloudFormation::WaitCondition"))
    assert "At least 0. At most 43200." in page
    assert "`1` when absent." in page
    assert "One of `vpc`, `standard`." in markdown(find("AWS::EC2::EIP"))
    assert "`Ref` gives `PublicIp`." in markdown(find("AWS::EC2::EIP"))
    assert "One of `AllocationId`, `EIP` must be given." in markdown(find("AWS::EC2::EIPAssociation"))


def test_the_schema_has_the_form_of_a_resource_provider_schema():
    schema = json_schema(find("AWS::EC2::SecurityGroup"))
    assert schema["typeName"] == "AWS::EC2::SecurityGroup"
    assert schema["required"] == ["GroupDescription"]
    assert schema["additionalProperties"] is False
    assert schema["createOnlyProperties"] == ["/properties/GroupDescription", "/properties/GroupName"]
    assert "/properties/GroupId" in schema["readOnlyProperties"]
    rule = schema["properties"]["SecurityGroupIngress"]["items"]
    assert rule["properties"]["FromPort"] == {
        "description": "The first port, or ICMP's type; -1 is all.",
        "type": "integer",
        "minimum": -1,
        "maximum": 65535,
    }
    assert rule["required"] == ["IpProtocol"]


def test_an_index_of_some_types_has_those():
    assert markdown_index([find("AWS::EC2::EIP")]).count("\n- ") == 1


@pytest.mark.parametrize(
    ("name", "found"), [("image_id", "ImageId"), ("IMAGEID", "ImageId"), ("ImgeId", "ImageId"), ("zzz", None)]
)
def test_the_nearest_name_is_found_whatever_its_case(name, found):
    assert nearest(name, ["ImageId", "InstanceType"]) == found
