"""A walk through the actions of EC2 as an account uses them: things are made, looked at, changed and removed.

Each step is one well-formed request. Its verdict is `works` only when the answer is good and what was asked for can
be seen afterwards, in a description, or in the answer itself where the action is a question; `partial` when the
answer is good and the effect is not seen; else EC2's code of the error, or the HTTP status of what nobody can read.

Where a thing could not be made, a plainer request is tried for the steps after it, which else go on with an id of the
right form: every request is sent.
Blanks around the values of an answer are left out, because one of the peers writes them and its own ids would not be
understood by it afterwards.
"""

from __future__ import annotations

import time
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PATIENCE_S = 4.0
NO_ANSWER = (ClientError, BotoCoreError, ResponseParserError)
"""What a client raises when it has no answer that it can read."""
PUBLIC_KEY = b"ssh-ed25519 " + b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + bytes(range(32)))
SSH = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "192.0.2.0/24"}]}
OUT = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "198.51.100.0/24"}]}
DIGITS = "0a1b2c3d4e5f60718"
"""What follows the prefix of an id of what could not be made."""


class Walk:
    """One account's walk. `verdicts` has an entry for each action, in the order of the walk."""

    def __init__(self, ec2: Any, zone: str) -> None:
        self.ec2 = ec2
        self.zone = zone
        self.verdicts: dict[str, str] = {}
        self.status = 0
        ec2.meta.events.register("before-parse.ec2", self._note)
        self.snapshot = f"snap-{DIGITS}"

    def step(
        self, action: str, seen: Callable[[dict[str, Any]], object], *, most: str = "works", **params: object
    ) -> dict[str, Any]:
        """Send a request, and judge it; gives the answer, empty when there is none."""
        try:
            answer = self.ask(action, **params)
        except ClientError as error:
            self.verdicts[action] = error.response["Error"]["Code"] or "?"
            return {}
        except ResponseParserError:
            self.verdicts[action] = f"HTTP {self.status}"
            return {}
        self.verdicts[action] = most if self._comes(lambda: seen(answer)) else "partial"
        return answer

    def ask(self, action: str, **params: object) -> dict[str, Any]:
        """The answer to a request, without blanks around its values."""
        return _stripped(getattr(self.ec2, xform_name(action))(**params))

    def tried(self, action: str, **params: object) -> dict[str, Any]:
        """The answer to a request that is no step; empty when there is none."""
        try:
            return self.ask(action, **params)
        except NO_ANSWER:
            return {}

    def rows(self, action: str, key: str, **params: object) -> list[dict[str, Any]]:
        """What a describe action shows; nothing when it is not answered."""
        return self.tried(action, **params).get(key) or []

    def row(self, action: str, key: str, name: str, value: str, **params: object) -> dict[str, Any]:
        """The one that has this value, searched for here; empty when there is none."""
        return next((one for one in self.rows(action, key, **params) if one.get(name) == value), {})

    def instances(self) -> dict[str, dict[str, Any]]:
        """The machines that are shown, by id."""
        found = self.rows("DescribeInstances", "Reservations")
        return {one["InstanceId"]: one for row in found for one in row.get("Instances", ())}

    def state(self, instance: str) -> str:
        """How a machine is."""
        return self.instances().get(instance, {}).get("State", {}).get("Name", "")

    def wait(self, look: Callable[[], object]) -> None:
        """Wait for what the next step needs, for a while."""
        self._comes(look)

    def _note(self, response_dict: Mapping[str, Any], **_: object) -> None:
        self.status = response_dict["status_code"]

    @staticmethod
    def _comes(look: Callable[[], object]) -> bool:
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                if look():
                    return True
            except (KeyError, IndexError, TypeError, AttributeError, ValueError, *NO_ANSWER):
                pass  # it is not there, or not as it should be
            if time.monotonic() > until:
                return False
            time.sleep(0.1)


def got(answer: Mapping[str, Any], path: str, prefix: str) -> str:
    """The id in an answer; one of its form when there is none."""
    value: Any = answer
    try:
        for part in path.split("."):
            value = value[int(part) if part.isdigit() else part]
    except (KeyError, IndexError, TypeError):
        return f"{prefix}-{DIGITS}"
    return str(value)


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _stripped(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_stripped(one) for one in value]
    return value.strip() if isinstance(value, str) else value


def places(w: Walk) -> None:
    """Regions, zones, types."""
    w.step("DescribeRegions", lambda a: a["Regions"][0]["RegionName"])
    w.step("DescribeAvailabilityZones", lambda a: w.zone in {row["ZoneName"] for row in a["AvailabilityZones"]})
    w.step("DescribeAccountAttributes", lambda a: a["AccountAttributes"][0]["AttributeValues"])
    w.step("DescribeInstanceTypes", lambda a: a["InstanceTypes"][0]["MemoryInfo"]["SizeInMiB"])
    w.step("DescribeInstanceTypeOfferings", lambda a: a["InstanceTypeOfferings"][0]["InstanceType"])


def key_pairs(w: Walk) -> None:
    """SSH key pairs."""

    def there(name: str) -> bool:
        return bool(w.row("DescribeKeyPairs", "KeyPairs", "KeyName", name))

    w.step("CreateKeyPair", lambda a: "PRIVATE KEY" in a["KeyMaterial"] and there("made"), KeyName="made")
    w.step("ImportKeyPair", lambda _: there("brought"), KeyName="brought", PublicKeyMaterial=PUBLIC_KEY)
    w.step("DescribeKeyPairs", lambda a: [one["KeyName"] for one in a["KeyPairs"]] == ["made"], KeyNames=["made"])
    w.step("DeleteKeyPair", lambda _: there("made") and not there("brought"), KeyName="brought")


def groups(w: Walk) -> str:
    """Security groups and their rules; gives the id of the group, which stays."""

    def described() -> dict[str, Any]:
        return w.row("DescribeSecurityGroups", "SecurityGroups", "GroupName", "web")

    def has(port: int, key: str = "IpPermissions") -> bool:
        return any(one.get("FromPort") == port and one["IpRanges"] for one in described()[key])

    made = w.step("CreateSecurityGroup", lambda _: described(), GroupName="web", Description="d")
    group = got(made, "GroupId", "sg")
    if not made:
        group = described().get("GroupId", group)
    own = {"GroupId": group}
    w.step(
        "DescribeSecurityGroups",
        lambda a: [one["GroupName"] for one in a["SecurityGroups"]] == ["web"],
        GroupNames=["web"],
    )
    w.step("AuthorizeSecurityGroupIngress", lambda _: has(22), **own, IpPermissions=[SSH])
    told = {**SSH, "IpRanges": [{"CidrIp": "192.0.2.0/24", "Description": "us"}]}
    w.step(
        "UpdateSecurityGroupRuleDescriptionsIngress",
        lambda _: "us" in str(described()["IpPermissions"]),
        **own,
        IpPermissions=[told],
    )
    rules = w.step(
        "DescribeSecurityGroupRules",
        lambda a: [one for one in a["SecurityGroupRules"] if one.get("FromPort") == 22],
        Filters=[{"Name": "group-id", "Values": [group]}],
    )
    inward = [one for one in rules.get("SecurityGroupRules", ()) if one.get("FromPort") == 22]
    wanted = {"IpProtocol": "tcp", "FromPort": 23, "ToPort": 23, "CidrIpv4": "192.0.2.0/24"}
    change = {
        "SecurityGroupRuleId": got({"of": inward}, "of.0.SecurityGroupRuleId", "sgr"),
        "SecurityGroupRule": wanted,
    }
    modified = w.step(
        "ModifySecurityGroupRules", lambda _: has(23) and not has(22), **own, SecurityGroupRules=[change]
    )
    port = 23 if modified else 22
    w.step(
        "RevokeSecurityGroupIngress",
        lambda a: a.get("Return", True) and not has(port),
        **own,
        IpPermissions=[{**SSH, "FromPort": port, "ToPort": port}],
    )
    out = "IpPermissionsEgress"
    made = w.step("AuthorizeSecurityGroupEgress", lambda _: has(443, out), **own, IpPermissions=[OUT])
    w.step("RevokeSecurityGroupEgress", lambda _: made and not has(443, out), **own, IpPermissions=[OUT])
    return group


def launched(w: Walk, group: str) -> list[str]:
    """Two machines, looked at; gives their ids, two of them in any case."""
    listed = w.step(
        "DescribeImages", lambda a: a["Images"][0]["ImageId"].startswith("ami-") or a["Images"][0]["Name"]
    )
    image = got(listed, "Images.0.ImageId", "ami")
    made = w.step(
        "RunInstances",
        lambda a: (
            sum(w.state(one["InstanceId"]) == "running" for one in a["Instances"]) == 2
            and all(w.instances()[one["InstanceId"]]["KeyName"] == "made" for one in a["Instances"])
            and "web" in str(w.instances()[a["Instances"][0]["InstanceId"]]["SecurityGroups"])
        ),
        ImageId=image,
        InstanceType="m1.small",
        MinCount=2,
        MaxCount=2,
        KeyName="made",
        SecurityGroupIds=[group],
        Placement={"AvailabilityZone": w.zone},
    )
    if not made:
        made = w.tried("RunInstances", ImageId=image, InstanceType="m1.small", MinCount=1, MaxCount=1)
    ids = [one["InstanceId"] for one in made.get("Instances", ())] or [f"i-{DIGITS}"]
    first = {"InstanceId": ids[0]}
    w.step(
        "DescribeInstances",
        lambda a: [one["InstanceId"] for row in a["Reservations"] for one in row["Instances"]] == ids[:1],
        InstanceIds=ids[:1],
    )
    w.step(
        "DescribeInstanceStatus",
        lambda a: a["InstanceStatuses"][0]["InstanceState"]["Name"] == "running",
        InstanceIds=ids[:1],
    )
    w.step(
        "DescribeInstanceAttribute",
        lambda a: a["InstanceType"]["Value"] == w.instances()[ids[0]]["InstanceType"],
        **first,
        Attribute="instanceType",
    )
    w.step(
        "DescribeInstanceCreditSpecifications",
        lambda a: isinstance(a["InstanceCreditSpecifications"], list),
        InstanceIds=ids[:1],
    )
    w.step("GetConsoleOutput", lambda a: a["Output"], **first)
    w.step("GetPasswordData", lambda a: a["InstanceId"] == ids[0], **first)
    for action, state in (("MonitorInstances", "enabled"), ("UnmonitorInstances", "disabled")):
        w.step(
            action, lambda _, state=state: w.instances()[ids[0]]["Monitoring"]["State"] == state, InstanceIds=ids[:1]
        )
    return [*ids, *ids][:2]


def tags(w: Walk, machine: str) -> None:
    """Tags of a machine."""

    def told() -> set[str]:
        return {f"{one['Key']}={one['Value']}" for one in w.rows("DescribeTags", "Tags")}

    pairs = [{"Key": "role", "Value": "master"}, {"Key": "Name", "Value": "m"}]
    w.step(
        "CreateTags",
        lambda _: {"role=master", "Name=m"} <= told() and len(w.instances()[machine]["Tags"]) == 2,
        Resources=[machine],
        Tags=pairs,
    )
    w.step(
        "DescribeTags",
        lambda a: {one["Value"] for one in a["Tags"]} == {"master", "m"},
        Filters=[{"Name": "resource-id", "Values": [machine]}],
    )
    w.step("DeleteTags", lambda _: told() == {"Name=m"}, Resources=[machine], Tags=[{"Key": "role"}])


def volumes(w: Walk, machine: str) -> None:
    """A volume, attached, and its snapshot, which stays."""

    def of(volume: str) -> dict[str, Any]:
        return w.row("DescribeVolumes", "Volumes", "VolumeId", volume)

    def shown(snapshot: str) -> dict[str, Any]:
        return w.row("DescribeSnapshots", "Snapshots", "SnapshotId", snapshot)

    made = w.step(
        "CreateVolume",
        lambda a: (of(a["VolumeId"])["State"], of(a["VolumeId"])["Size"]) == ("available", 5),
        AvailabilityZone=w.zone,
        Size=5,
    )
    volume = got(made, "VolumeId", "vol")
    w.step(
        "AttachVolume",
        lambda _: of(volume)["Attachments"][0]["Device"] == "/dev/sdf" and of(volume)["State"] == "in-use",
        VolumeId=volume,
        InstanceId=machine,
        Device="/dev/sdf",
    )
    own = {"VolumeIds": [volume]}
    w.step("DescribeVolumes", lambda a: [one["VolumeId"] for one in a["Volumes"]] == [volume], **own)
    w.step("DescribeVolumeStatus", lambda a: a["VolumeStatuses"][0]["VolumeStatus"]["Status"] == "ok", **own)
    kept = w.step(
        "CreateSnapshot",
        lambda a: shown(a["SnapshotId"])["VolumeId"] == volume and shown(a["SnapshotId"])["State"] == "completed",
        VolumeId=volume,
        Description="kept",
    )
    w.snapshot = snapshot = got(kept, "SnapshotId", "snap")
    w.step(
        "DescribeSnapshots",
        lambda a: [one["SnapshotId"] for one in a["Snapshots"]] == [snapshot],
        SnapshotIds=[snapshot],
    )
    region = w.ec2.meta.region_name
    w.step(
        "CopySnapshot",
        lambda a: shown(a["SnapshotId"]),
        SourceRegion=region,
        SourceSnapshotId=snapshot,
        PresignedUrl="https://example.org/",  # else the client makes one, which it cannot by Version 2
    )
    w.step(
        "ModifySnapshotAttribute",
        lambda _: (
            "all" in str(w.ask("DescribeSnapshotAttribute", SnapshotId=snapshot, Attribute="createVolumePermission"))
        ),
        SnapshotId=snapshot,
        Attribute="createVolumePermission",
        OperationType="add",
        GroupNames=["all"],
    )
    w.step("DetachVolume", lambda _: of(volume)["State"] == "available", VolumeId=volume)
    if w.verdicts["DetachVolume"] != "works":
        w.tried("DetachVolume", VolumeId=volume, InstanceId=machine)
    w.step("ModifyVolume", lambda _: of(volume)["Size"] == 7, VolumeId=volume, Size=7)
    w.step("DescribeVolumesModifications", lambda a: a["VolumesModifications"][0]["TargetSize"] == 7, **own)
    w.step("DeleteVolume", lambda _: bool(made) and not of(volume), VolumeId=volume)


def addresses(w: Walk, machine: str) -> None:
    """Elastic addresses."""

    def of(address: str) -> dict[str, Any]:
        return w.row("DescribeAddresses", "Addresses", "AllocationId", address)

    made = w.step("AllocateAddress", lambda a: of(a["AllocationId"])["PublicIp"] == a["PublicIp"], Domain="vpc")
    address = got(made, "AllocationId", "eipalloc")
    led = w.step(
        "AssociateAddress",
        lambda _: (
            of(address)["InstanceId"] == machine and w.instances()[machine]["PublicIpAddress"] == made["PublicIp"]
        ),
        AllocationId=address,
        InstanceId=machine,
    )
    w.step("DescribeAddresses", lambda a: a["Addresses"][0]["PublicIp"] == made["PublicIp"], AllocationIds=[address])
    association = got(led, "AssociationId", "eipassoc")
    w.step("DisassociateAddress", lambda _: not of(address).get("InstanceId"), AssociationId=association)
    w.step("ReleaseAddress", lambda _: bool(made) and not of(address), AllocationId=address)


def states(w: Walk, machine: str) -> None:
    """A machine rebooted, stopped, changed and started."""
    one = {"InstanceIds": [machine]}
    w.step("RebootInstances", lambda _: w.state(machine) == "running", **one)
    w.step("StopInstances", lambda _: w.state(machine) == "stopped", **one)
    w.step(
        "ModifyInstanceAttribute",
        lambda _: w.instances()[machine]["InstanceType"] == "m1.medium",
        InstanceId=machine,
        InstanceType={"Value": "m1.medium"},
    )
    w.step(
        "ResetInstanceAttribute",
        lambda _: w.instances()[machine]["SourceDestCheck"],
        InstanceId=machine,
        Attribute="sourceDestCheck",
    )


def images(w: Walk, machine: str) -> None:
    """Images of one's own, the first of a stopped machine, which is started afterwards."""

    def of(image: str) -> dict[str, Any]:
        return w.row("DescribeImages", "Images", "ImageId", image)

    made = w.step("CreateImage", lambda a: of(a["ImageId"])["State"] == "available", InstanceId=machine, Name="own")
    image = got(made, "ImageId", "ami")
    own = {"ImageId": image}
    w.step("ModifyImageAttribute", lambda _: of(image)["Public"], **own, LaunchPermission={"Add": [{"Group": "all"}]})
    w.step(
        "DescribeImageAttribute",
        lambda a: a["LaunchPermissions"] == [{"Group": "all"}],
        **own,
        Attribute="launchPermission",
    )
    w.step("ResetImageAttribute", lambda _: not of(image)["Public"], **own, Attribute="launchPermission")
    w.step(
        "CopyImage",
        lambda a: of(a["ImageId"])["Name"] == "copy",
        Name="copy",
        SourceImageId=image,
        SourceRegion=w.ec2.meta.region_name,
    )
    w.step("DeregisterImage", lambda _: bool(made) and not of(image), **own)
    disk = {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": w.snapshot}}
    w.step(
        "RegisterImage",
        lambda a: of(a["ImageId"])["Name"] == "brought",
        Name="brought",
        Architecture="x86_64",
        VirtualizationType="hvm",
        RootDeviceName="/dev/sda1",
        BlockDeviceMappings=[disk],
    )
    w.step("StartInstances", lambda _: w.state(machine) == "running", InstanceIds=[machine])


def spot(w: Walk) -> None:
    """Spot requests."""

    def of(request: str) -> dict[str, Any]:
        return w.row("DescribeSpotInstanceRequests", "SpotInstanceRequests", "SpotInstanceRequestId", request)

    listed = w.rows("DescribeImages", "Images")
    what = {"ImageId": got({"of": listed}, "of.0.ImageId", "ami"), "InstanceType": "m1.small"}
    made = w.step(
        "RequestSpotInstances",
        lambda a: w.state(of(a["SpotInstanceRequests"][0]["SpotInstanceRequestId"])["InstanceId"]) == "running",
        SpotPrice="0.05",
        LaunchSpecification=what,
    )
    request = got(made, "SpotInstanceRequests.0.SpotInstanceRequestId", "sir")
    own = {"SpotInstanceRequestIds": [request]}
    w.step("DescribeSpotInstanceRequests", lambda a: a["SpotInstanceRequests"][0]["State"] == "active", **own)
    w.step(
        "CancelSpotInstanceRequests",
        lambda a: (
            a["CancelledSpotInstanceRequests"][0]["State"] == "cancelled"
            and of(request).get("State", "cancelled") == "cancelled"
        ),
        **own,
    )
    w.step("DescribeSpotPriceHistory", lambda a: a["SpotPriceHistory"][0]["SpotPrice"])


def ended(w: Walk, group: str) -> None:
    """What is removed when nothing needs it any more."""
    machines = [name for name, one in w.instances().items() if one["State"]["Name"] != "terminated"]
    if machines:
        if not w.tried("TerminateInstances", InstanceIds=machines):
            for one in machines:
                w.tried("TerminateInstances", InstanceIds=[one])
        w.wait(lambda: {one["State"]["Name"] for one in w.instances().values()} <= {"terminated"})
    w.step(
        "DeleteSecurityGroup",
        lambda _: (
            w.rows("DescribeSecurityGroups", "SecurityGroups")
            and not w.row("DescribeSecurityGroups", "SecurityGroups", "GroupId", group)
        ),
        GroupId=group,
    )
    w.step(
        "DeleteSnapshot",
        lambda _: not w.row("DescribeSnapshots", "Snapshots", "SnapshotId", w.snapshot),
        SnapshotId=w.snapshot,
    )


def rest(w: Walk) -> None:
    """Placement groups, launch templates, images that come and go."""
    w.step(
        "CreatePlacementGroup",
        lambda _: w.row("DescribePlacementGroups", "PlacementGroups", "GroupName", "near"),
        GroupName="near",
        Strategy="cluster",
    )
    w.step("DescribePlacementGroups", lambda a: a["PlacementGroups"][0]["GroupName"] == "near", GroupNames=["near"])
    listed = w.rows("DescribeImages", "Images")
    what = {"ImageId": got({"of": listed}, "of.0.ImageId", "ami"), "InstanceType": "m1.small"}
    w.step(
        "CreateLaunchTemplate",
        lambda _: w.row("DescribeLaunchTemplates", "LaunchTemplates", "LaunchTemplateName", "like"),
        LaunchTemplateName="like",
        LaunchTemplateData=what,
    )
    w.step("DescribeLaunchTemplates", lambda a: a["LaunchTemplates"][0]["LaunchTemplateName"] == "like")
    by_template = {"LaunchTemplateSpecification": {"LaunchTemplateName": "like", "Version": "1"}}
    w.step(
        "CreateFleet",
        lambda a: w.state(a["Instances"][0]["InstanceIds"][0]) == "running",
        Type="instant",
        LaunchTemplateConfigs=[by_template],
        TargetCapacitySpecification={"TotalTargetCapacity": 1, "DefaultTargetCapacityType": "on-demand"},
    )
    w.step(
        "ImportImage",
        lambda a: w.row("DescribeImages", "Images", "ImageId", a["ImageId"]),
        DiskContainers=[{"Format": "raw", "Url": "http://example.org/disk.raw"}],
    )
    w.step(
        "ExportImage",
        lambda a: a["ExportImageTaskId"],
        ImageId=what["ImageId"],
        DiskImageFormat="RAW",
        S3ExportLocation={"S3Bucket": "bucket"},
    )
