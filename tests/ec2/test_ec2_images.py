"""Images are given to other accounts and taken back, as the cloud itself tells."""

from __future__ import annotations

import pytest
from ec2_bridges import launched, refusal, settled, when

from compat.ec2.ids import ec2_id


@pytest.fixture(scope="module")
def image(plain_world):
    """An image of the user's own."""
    ec2 = plain_world.ec2()
    made = launched(ec2)["Instances"][0]["InstanceId"]
    ec2.stop_instances(InstanceIds=[made])
    settled(ec2, "stopped", [made])
    tags = [{"ResourceType": "image", "Tags": [{"Key": "Name", "Value": "own"}]}]
    name = ec2.create_image(InstanceId=made, Name="own", TagSpecifications=tags)["ImageId"]
    when(lambda: ec2.describe_images(ImageIds=[name])["Images"], lambda rows: rows[0]["State"] == "available")
    return name


@pytest.fixture(scope="module")
def colleague(plain_world):
    """The keys of another account of the user's domain."""
    words = {"username": "colleague", "password": "password", "firstname": "C", "lastname": "C", "email": "c@x.org"}
    domain = next(row for row in plain_world.cloud.rows("listAccounts", "account", {"listall": True}))["domainid"]
    made = plain_world.cloud.call("createAccount", {**words, "accounttype": 0, "domainid": domain})["account"]
    keys = plain_world.cloud.call("registerUserKeys", {"id": made["user"][0]["id"]})["userkeys"]
    return type(plain_world.user)(keys["apikey"], keys["secretkey"])


def allowed(ec2, image):
    return ec2.describe_image_attribute(ImageId=image, Attribute="launchPermission")["LaunchPermissions"]


def in_cloud(world, image):
    """What the cloud says of an image's use: whether it is public, and the accounts that it is shared with."""
    rows = world.cloud.rows("listTemplates", "template", {"templatefilter": "all", "listall": True})
    [uuid] = [row["id"] for row in rows if ec2_id("image", row["id"]) == image]
    found = world.cloud.call("listTemplatePermissions", {"id": uuid})["templatepermission"]
    return found["ispublic"], found.get("account", [])


def test_an_image_has_the_tags_that_it_was_made_with(plain_world, image):
    [row] = plain_world.ec2(bridge=1).describe_images(ImageIds=[image])["Images"]
    assert row["Tags"] == [{"Key": "Name", "Value": "own"}]


def test_an_image_is_given_to_an_account_and_taken_back(plain_world, image, colleague):
    ec2, hers = plain_world.ec2(), plain_world.ec2(colleague)
    assert allowed(ec2, image) == []
    assert refusal(hers.describe_images, ImageIds=[image]) == "InvalidAMIID.NotFound"
    given = [{"UserId": "colleague"}]
    ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": given})
    assert in_cloud(plain_world, image) == (False, ["colleague"])
    assert allowed(plain_world.ec2(bridge=1), image) == given
    launched(hers, ImageId=image)
    ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Remove": given})
    assert in_cloud(plain_world, image) == (False, [])
    assert refusal(plain_world.ec2(colleague, bridge=1).describe_images, ImageIds=[image]) == "InvalidAMIID.NotFound"


def test_the_older_form_of_the_call_does_the_same(plain_world, image, colleague):
    assert colleague
    ec2 = plain_world.ec2()
    for operation, accounts in (("add", ["colleague"]), ("remove", [])):
        ec2.modify_image_attribute(
            ImageId=image, Attribute="launchPermission", OperationType=operation, UserIds=["colleague"]
        )
        assert in_cloud(plain_world, image) == (False, accounts)


def test_an_image_is_made_public_and_reset(plain_world, image, colleague):
    ec2, hers = plain_world.ec2(), plain_world.ec2(colleague, bridge=1)
    ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": "colleague"}, {"Group": "all"}]})
    assert in_cloud(plain_world, image) == (True, ["colleague"])
    assert {"Group": "all"} in allowed(ec2, image)
    assert hers.describe_images(ImageIds=[image])["Images"][0]["Public"]
    ec2.reset_image_attribute(ImageId=image, Attribute="launchPermission")
    assert in_cloud(plain_world, image) == (False, [])
    assert allowed(ec2, image) == []


def test_what_cannot_be_granted_is_told(plain_world, image, colleague):
    ec2, hers = plain_world.ec2(), plain_world.ec2(colleague)
    nobody = {"Add": [{"UserId": "nobody"}]}
    assert refusal(ec2.modify_image_attribute, ImageId=image, LaunchPermission=nobody) == "InvalidParameterValue"
    for call in (hers.modify_image_attribute, hers.reset_image_attribute):
        asked = {"ImageId": image, "Attribute": "launchPermission"}
        assert refusal(call, **asked) in {"InvalidAMIID.NotFound", "AuthFailure"}  # she may have seen it a while ago
    public = ec2.describe_images(Filters=[{"Name": "is-public", "Values": ["true"]}])["Images"][0]["ImageId"]
    assert refusal(ec2.modify_image_attribute, ImageId=public, LaunchPermission=nobody) == "AuthFailure"
    assert in_cloud(plain_world, image) == (False, [])
