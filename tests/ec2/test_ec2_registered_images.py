"""Images are registered from snapshots and from files at URLs, as the cloud itself tells."""

from __future__ import annotations

import pytest
from ec2_bridges import launched, refusal, settled, when

from compat.ec2.ids import ec2_id
from compat.ec2.registered import FORMATS, TAKEN

DISK = "http://images.example.org/debian-12.qcow2"
NAMED = {"Name": "brought", "Architecture": "x86_64", "RootDeviceName": "/dev/sda1"}


@pytest.fixture(scope="module")
def snapshots(plain_world):
    """Two snapshots of a machine's root disk."""
    ec2 = plain_world.ec2()
    machine = launched(ec2)["Instances"][0]["InstanceId"]
    own = [{"Name": "attachment.instance-id", "Values": [machine]}]
    root = ec2.describe_volumes(Filters=own)["Volumes"][0]["VolumeId"]
    made = [ec2.create_snapshot(VolumeId=root)["SnapshotId"] for _ in range(2)]
    look = lambda: ec2.describe_snapshots(SnapshotIds=made)["Snapshots"]  # noqa: E731 - short
    when(look, lambda rows: {row["State"] for row in rows} == {"completed"})
    return made


def disk(snapshot, device="/dev/sda1"):
    return {"DeviceName": device, "Ebs": {"SnapshotId": snapshot}}


def in_cloud(world, image):
    """The template behind an image, as the user's own listing has it."""
    rows = world.cloud_of(world.user).rows("listTemplates", "template", {"templatefilter": "self"})
    return next((row for row in rows if ec2_id("image", row["id"]) == image), None)


def test_a_machine_runs_from_an_image_of_a_snapshot(plain_world, snapshots):
    ec2 = plain_world.ec2()
    tags = [{"ResourceType": "image", "Tags": [{"Key": "role", "Value": "agent"}]}]
    made = ec2.register_image(
        **NAMED, Description="of a snapshot", BlockDeviceMappings=[disk(snapshots[0])], TagSpecifications=tags
    )["ImageId"]
    template = in_cloud(plain_world, made)
    assert (template["name"], template["displaytext"]) == ("brought", "of a snapshot")
    assert [(tag["key"], tag["value"]) for tag in template["tags"]] == [("role", "agent")]
    assert "64-bit" in template["ostypename"]
    look = lambda: plain_world.ec2(bridge=1).describe_images(ImageIds=[made])["Images"][0]  # noqa: E731 - short
    found = when(look, lambda row: row["State"] == "available")
    assert (found["Name"], found["Architecture"], found["Tags"]) == ("brought", "x86_64", tags[0]["Tags"])
    machine = launched(ec2, ImageId=made)["Instances"][0]
    [row] = [row for row in plain_world.machines().values() if ec2_id("instance", row["id"]) == machine["InstanceId"]]
    assert row["templateid"] == template["id"]
    ec2.terminate_instances(InstanceIds=[machine["InstanceId"]])
    settled(ec2, "terminated", [machine["InstanceId"]])
    ec2.deregister_image(ImageId=made)
    assert in_cloud(plain_world, made) is None


@pytest.mark.parametrize("packed", ["", ".gz", ".bz2", ".zip"])
def test_an_image_is_fetched_from_a_url(plain_world, packed):
    made = plain_world.ec2().register_image(Name="fetched", ImageLocation=DISK + packed)["ImageId"]
    template = in_cloud(plain_world, made)
    assert template["url"] == DISK + packed
    assert (template["name"], template["format"], template["hypervisor"]) == ("fetched", "QCOW2", "KVM")
    plain_world.ec2().deregister_image(ImageId=made)


@pytest.mark.parametrize("end", FORMATS)
def test_the_end_of_a_url_tells_the_format_and_the_format_the_hypervisor(plain_world, end):
    made = plain_world.ec2().register_image(Name="any", ImageLocation=f"https://x.example.org/a{end.upper()}?b=c.d")
    template = in_cloud(plain_world, made["ImageId"])
    assert template["format"] == FORMATS[end]
    assert FORMATS[end] in TAKEN[template["hypervisor"]]
    plain_world.ec2().deregister_image(ImageId=made["ImageId"])


def test_what_is_no_image_is_refused_and_nothing_is_made(plain_world, snapshots):
    ec2 = plain_world.ec2()
    before = plain_world.cloud_of(plain_world.user).rows("listTemplates", "template", {"templatefilter": "self"})
    wrong = {
        "MissingParameter": [{}, {"BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 8}}]}],
        "UnsupportedOperation": [
            {"ImageLocation": "bucket/image.manifest.xml"},
            {"ImageLocation": "file:///etc/passwd"},
            {"ImageLocation": DISK, "Architecture": "arm64"},
            {"BlockDeviceMappings": [disk(snapshots[0]), disk(snapshots[1], "/dev/sdb")]},
        ],
        "InvalidParameterValue": [
            {"ImageLocation": "http://images.example.org/"},
            {"ImageLocation": "http://images.example.org/disk.iso"},
            {"ImageLocation": "http://127.0.0.1/disk.qcow2"},
        ],
        "InvalidBlockDeviceMapping": [{"BlockDeviceMappings": [disk(snapshots[0], "/dev/sdb")]}],
        "InvalidSnapshot.NotFound": [{"BlockDeviceMappings": [disk("snap-0123456789abcdef0")]}],
    }
    for code, several in wrong.items():
        for params in several:
            assert refusal(ec2.register_image, **{**NAMED, **params}) == code, params
    assert refusal(ec2.register_image, Name="xyz", ImageLocation=DISK, DryRun=True) == "DryRunOperation"
    assert (
        plain_world.cloud_of(plain_world.user).rows("listTemplates", "template", {"templatefilter": "self"}) == before
    )


def test_a_copy_is_refused_also_as_a_dry_run_and_copies_nothing(plain_world):
    ec2 = plain_world.ec2()
    made = ec2.register_image(Name="one", ImageLocation=DISK)["ImageId"]
    before = in_cloud(plain_world, made)
    for dry in ({}, {"DryRun": True}):
        asked = {"Name": "two", "SourceImageId": made, "SourceRegion": "cs"}
        assert refusal(ec2.copy_image, **asked, **dry) == "UnsupportedOperation"
    assert in_cloud(plain_world, made) == before
    ec2.deregister_image(ImageId=made)
