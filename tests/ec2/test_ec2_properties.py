"""What holds for every filter, every page size, every change asked for as a dry run, and every id."""

from __future__ import annotations

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from ec2_bridges import IMAGE, SERVICE, TYPE, ec2_bridges, refusal, settled
from hypothesis import given, settings
from hypothesis import strategies as st
from vpc_walk import make

from compat.ec2.actions import REFUSED, table
from compat.ec2.ids import ec2_id

TAGS = [
    {"Name": "node", "role": "master"},
    {"Name": "node-2", "role": "sl*ve", "Empty": ""},
    {"role": "a?b", "path": "back\\slash"},
    {"Name": "NODE", "é": "ü<&>"},
    {},
]


@pytest.fixture(scope="module")
def world():
    """A cloud with several things of each kind, and two bridges."""
    with ec2_bridges(bridges=2) as found:
        ec2 = found.ec2()
        ec2.create_key_pair(KeyName="k")
        groups = [ec2.create_security_group(GroupName=f"g-{n}", Description="d")["GroupId"] for n in range(2)]
        for group in groups:
            rule = {"GroupId": group, "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "192.0.2.0/24"}
            ec2.authorize_security_group_ingress(**rule)
        what = {"ImageId": IMAGE, "InstanceType": TYPE}
        made = ec2.run_instances(**what, MinCount=3, MaxCount=3, KeyName="k", SecurityGroupIds=groups[:1])[
            "Instances"
        ]
        made += ec2.run_instances(**what, MinCount=2, MaxCount=2)["Instances"]
        ids = [one["InstanceId"] for one in made]
        settled(ec2, "running", ids)
        volumes = [ec2.create_volume(AvailabilityZone="Sandbox", Size=size)["VolumeId"] for size in (1, 2, 3)]
        for things in (ids, volumes, groups):
            for thing, tags in zip(things, TAGS, strict=False):
                pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
                if pairs:
                    ec2.create_tags(Resources=[thing], Tags=pairs)
        for root in [one["VolumeId"] for one in ec2.describe_volumes()["Volumes"] if one["Attachments"]][:3]:
            ec2.create_snapshot(VolumeId=root)
        ec2.stop_instances(InstanceIds=ids[-1:])
        settled(ec2, "stopped", ids[-1:])
        ec2.attach_volume(VolumeId=volumes[0], InstanceId=ids[0], Device="/dev/sdf")
        ec2.allocate_address()
        for number in range(2):
            make(ec2, f"10.{60 + number}.0.0/16")
        yield found


def machines(answer):
    return [one for row in answer["Reservations"] for one in row["Instances"]]


def at(*path):
    """Reads what stands at a path."""

    def read(item):
        for part in path:
            item = item.get(part, {}) if isinstance(part, str) else item
        return [item] if item != {} else []

    return read


def each(key, *path):
    """Reads what stands at a path of each member of a list."""
    return lambda item: [value for one in item.get(key, ()) for value in at(*path)(one)]


KINDS = {
    "describe_instances": (
        machines,
        {
            "instance-id": at("InstanceId"),
            "instance-type": at("InstanceType"),
            "instance-state-name": at("State", "Name"),
            "instance-state-code": at("State", "Code"),
            "key-name": at("KeyName"),
            "private-ip-address": at("PrivateIpAddress"),
            "availability-zone": at("Placement", "AvailabilityZone"),
            "launch-index": at("AmiLaunchIndex"),
            "instance.group-name": each("SecurityGroups", "GroupName"),
            "block-device-mapping.volume-id": each("BlockDeviceMappings", "Ebs", "VolumeId"),
        },
    ),
    "describe_volumes": (
        lambda answer: answer["Volumes"],
        {
            "volume-id": at("VolumeId"),
            "size": at("Size"),
            "status": at("State"),
            "attachment.instance-id": each("Attachments", "InstanceId"),
            "attachment.device": each("Attachments", "Device"),
        },
    ),
    "describe_security_groups": (
        lambda answer: answer["SecurityGroups"],
        {"group-id": at("GroupId"), "group-name": at("GroupName"), "description": at("Description")},
    ),
    "describe_subnets": (
        lambda answer: answer["Subnets"],
        {"subnet-id": at("SubnetId"), "vpc-id": at("VpcId"), "cidr-block": at("CidrBlock"), "state": at("State")},
    ),
    "describe_snapshots": (
        lambda answer: answer["Snapshots"],
        {"snapshot-id": at("SnapshotId"), "volume-id": at("VolumeId"), "status": at("State")},
    ),
}


def told(value):
    """A value as a filter has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def values_of(item, name, readers):
    """The model: what an item has for a filter."""
    tags = {one["Key"]: one["Value"] for one in item.get("Tags", ())}
    if name.startswith("tag:"):
        return [tags[name[4:]]] if name[4:] in tags else []
    if name == "tag-key":
        return list(tags)
    if name == "tag-value":
        return list(tags.values())
    return [told(value) for value in readers[name](item)]


def matches(pattern, text):
    """The model of a value with wildcards: character by character; a backslash takes a meaning away."""
    if not pattern:
        return not text
    first, rest = pattern[0], pattern[1:]
    if first == "*":
        return matches(rest, text) or (bool(text) and matches(pattern, text[1:]))
    if first == "\\" and rest:
        return bool(text) and text[0] == rest[0] and matches(rest[1:], text[1:])
    return bool(text) and first in {"?", text[0]} and matches(rest, text[1:])


@st.composite
def patterns(draw, texts):
    """A value of a filter: one that there is, whole, in part, escaped or altered; or any text."""
    if not texts or draw(st.integers(0, 9)) == 0:
        return draw(st.text(st.sampled_from("ab*?\\nodeé1-"), min_size=1, max_size=6))
    pattern = []
    for char in draw(st.sampled_from(texts)):
        how = draw(st.sampled_from(["as it is"] * 12 + ["?", "*", "nothing"]))
        if how == "as it is":
            pattern.append("\\" + char if char in "*?\\" and draw(st.booleans()) else char)
        elif how != "nothing":
            pattern.append(how)
    return "".join(pattern) or "*"


@st.composite
def filters(draw, items, readers):
    """Some filters, each with some values."""
    names = st.sampled_from([*readers, "tag:Name", "tag:role", "tag:path", "tag:none", "tag-key", "tag-value"])
    found = []
    for name in draw(st.lists(names, min_size=1, max_size=3, unique=True)):
        texts = sorted({text for item in items for text in values_of(item, name, readers)})
        found.append({"Name": name, "Values": draw(st.lists(patterns(texts), min_size=1, max_size=3))})
    return found


@pytest.mark.parametrize("action", KINDS)
def test_a_filter_selects_what_a_plain_reading_of_it_selects(world, action):
    taken, readers = KINDS[action]
    ec2 = world.ec2()
    everything = taken(getattr(ec2, action)())
    assert len(everything) >= 2

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def holds(data):
        asked = data.draw(filters(everything, readers), label="filters")
        found = taken(getattr(ec2, action)(Filters=asked))
        wanted = [
            item
            for item in everything
            if all(
                any(matches(p, text) for p in one["Values"] for text in values_of(item, one["Name"], readers))
                for one in asked
            )
        ]
        assert sorted(map(str, found)) == sorted(map(str, wanted))

    holds()


PAGED = {
    "describe_instances": machines,
    "describe_volumes": lambda answer: answer["Volumes"],
    "describe_snapshots": lambda answer: answer["Snapshots"],
    "describe_tags": lambda answer: answer["Tags"],
    "describe_instance_status": lambda answer: answer["InstanceStatuses"],
    "describe_images": lambda answer: answer["Images"],
    "describe_network_interfaces": lambda answer: answer["NetworkInterfaces"],
}


@settings(max_examples=60, deadline=None)
@given(
    action=st.sampled_from(sorted(PAGED)),
    sizes=st.lists(st.integers(5, 40), min_size=1, max_size=8),
    bridge=st.integers(0, 1),
)
def test_pages_of_any_size_are_the_whole(world, action, sizes, bridge):
    """Each page may have another size, and may be asked for at another bridge."""
    taken = PAGED[action]
    bridges = [world.ec2(), world.ec2(bridge=1)]
    whole, found, token, number = taken(getattr(bridges[0], action)()), [], None, 0
    while True:
        size = sizes[number % len(sizes)]
        params = {"MaxResults": size, **({"NextToken": token} if token else {})}
        answer = getattr(bridges[(bridge + number) % 2], action)(**params)
        assert len(taken(answer)) <= size
        found += taken(answer)
        token, number = answer.get("NextToken"), number + 1
        if not token:
            break
        assert taken(answer)
    assert sorted(map(str, found)) == sorted(map(str, whole))


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_an_altered_token_is_refused_or_shows_nothing_that_is_not_there(world, data):
    """A token says after which id the next page begins; one that is none is refused."""
    ec2 = world.ec2()
    token = ec2.describe_tags(MaxResults=5)["NextToken"]
    place = data.draw(st.integers(0, len(token) - 1))
    new = data.draw(st.sampled_from("%!é .*\n") | st.characters(codec="utf-8"))
    altered = token[:place] + new + token[place + 1 :]
    whole = [str(one) for one in ec2.describe_tags()["Tags"]]
    try:
        page = [str(one) for one in ec2.describe_tags(MaxResults=1000, NextToken=altered)["Tags"]]
    except ClientError as error:
        code, page = error.response["Error"]["Code"], []
    else:
        code = None
    assert code in {None, "InvalidNextToken", "InvalidParameterValue"}
    assert set(page) <= set(whole)
    assert len(page) == len(set(page))


CHANGES = sorted(
    name
    for name in table()
    if not name.startswith(("Describe", "Get"))
    and "DryRun" in SERVICE.shapes[SERVICE.operations[name].input_shape]["members"]
)


def picture(world):
    """All that the cloud has, as its administrator sees it."""
    listings = {
        "listVirtualMachines": "virtualmachine",
        "listVolumes": "volume",
        "listSnapshots": "snapshot",
        "listSecurityGroups": "securitygroup",
        "listSSHKeyPairs": "sshkeypair",
        "listPublicIpAddresses": "publicipaddress",
        "listVPCs": "vpc",
        "listNetworks": "network",
        "listNetworkACLs": "networkacl",
        "listAffinityGroups": "affinitygroup",
        "listTags": "tag",
    }
    cloud = world.cloud_of(world.user)
    return {command: sorted(map(str, cloud.rows(command, key))) for command, key in listings.items()}


def plausible(shape_name, name, things, depth=0):
    """Parameters that an action takes, with the things that there are."""
    shape = SERVICE.shapes[shape_name]
    kind = shape["type"]
    if name in things:
        return {"Value": things[name]} if kind == "structure" else things[name]
    if kind == "structure":
        members = shape["members"].items()
        wanted = set(shape.get("required", ()))
        chosen = {
            member: plausible(ref["shape"], member, things, depth + 1)
            for member, ref in members
            if member in wanted or (depth == 0 and member in things)
        }
        return {**chosen, "DryRun": True} if depth == 0 else chosen
    if kind == "list":
        return [plausible(shape["member"]["shape"], name.removesuffix("s"), things, depth + 1)]
    if shape.get("enum"):
        return shape["enum"][0]
    return {"string": "x", "integer": 1, "boolean": True, "blob": b"x"}.get(kind, 1)


@pytest.mark.parametrize("action", CHANGES)
def test_a_dry_run_changes_nothing_and_says_that_it_would_have(world, action):
    ec2 = world.ec2()
    machine = machines(ec2.describe_instances())[0]
    volume = ec2.describe_volumes()["Volumes"][0]["VolumeId"]
    things = {
        "InstanceId": machine["InstanceId"],
        "InstanceIds": [machine["InstanceId"]],
        "ImageId": IMAGE,
        "VolumeId": volume,
        "Device": "/dev/sdg",
        "GroupName": "g-0",
        "KeyName": "k",
        "Description": "d",
        "Resource": machine["InstanceId"],
        "Tags": [{"Key": "k", "Value": "v"}],
        "Name": "a-name",
        "SourceImageId": ec2.describe_images()["Images"][0]["ImageId"],
        "DhcpConfigurations": [{"Key": "domain-name", "Values": ["example.org"]}],
        "VpcId": ec2.describe_vpcs()["Vpcs"][0]["VpcId"],
        "SubnetId": ec2.describe_subnets()["Subnets"][0]["SubnetId"],
        "CidrBlock": "10.99.0.0/16",
        "DestinationCidrBlock": "0.0.0.0/0",
        "AvailabilityZone": "Sandbox",
    }
    params = plausible(SERVICE.operations[action].input_shape, "", things)
    before = picture(world)
    said = refusal(getattr(ec2, xform_name(action)), **params)
    assert (said == "DryRunOperation") == (action not in REFUSED)
    assert picture(world) == before


TAKE_IDS = {
    "instance": (
        "listVirtualMachines",
        "virtualmachine",
        "describe_instances",
        "InstanceIds",
        machines,
        "InstanceId",
    ),
    "volume": ("listVolumes", "volume", "describe_volumes", "VolumeIds", lambda a: a["Volumes"], "VolumeId"),
    "snapshot": (
        "listSnapshots",
        "snapshot",
        "describe_snapshots",
        "SnapshotIds",
        lambda a: a["Snapshots"],
        "SnapshotId",
    ),
    "securitygroup": (
        "listSecurityGroups",
        "securitygroup",
        "describe_security_groups",
        "GroupIds",
        lambda a: a["SecurityGroups"],
        "GroupId",
    ),
    "vpc": ("listVPCs", "vpc", "describe_vpcs", "VpcIds", lambda a: a["Vpcs"], "VpcId"),
    "subnet": ("listNetworks", "network", "describe_subnets", "SubnetIds", lambda a: a["Subnets"], "SubnetId"),
}


@pytest.mark.parametrize("kind", TAKE_IDS)
@pytest.mark.parametrize("bridge", [0, 1])
def test_a_thing_is_found_by_its_id_and_by_its_uuid_at_each_bridge(world, kind, bridge):
    command, key, action, asked, taken, name = TAKE_IDS[kind]
    uuids = {ec2_id(kind, row["id"]): row["id"] for row in world.cloud_of(world.user).rows(command, key)}
    ec2 = world.ec2(bridge=bridge)
    shown = [one[name] for one in taken(getattr(ec2, action)())]
    assert shown
    assert set(shown) <= set(uuids)
    for one in shown:
        for text in (one, uuids[one], uuids[one].upper()):
            assert [row[name] for row in taken(getattr(ec2, action)(**{asked: [text]}))] == [one]


def test_what_is_shown_is_taken_by_the_actions_that_take_it(world):
    """Ids and UUIDs alike, of each kind that other things refer to."""
    ec2, cloud = world.ec2(), world.cloud_of(world.user)
    volume = next(one for one in ec2.describe_volumes()["Volumes"] if one["State"] == "available")["VolumeId"]
    uuid = next(row["id"] for row in cloud.rows("listVolumes", "volume") if ec2_id("volume", row["id"]) == volume)
    machine = next(one for one in machines(ec2.describe_instances()) if one["State"]["Name"] == "running")
    vm = next(
        row["id"]
        for row in cloud.rows("listVirtualMachines", "virtualmachine")
        if ec2_id("instance", row["id"]) == machine["InstanceId"]
    )
    image = ec2.describe_images()["Images"][0]["ImageId"]
    templates = cloud.rows("listTemplates", "template", {"templatefilter": "featured"})
    for one in (volume, uuid):
        ec2.create_tags(Resources=[one], Tags=[{"Key": "taken", "Value": one}])
        assert ec2.describe_volume_status(VolumeIds=[one])["VolumeStatuses"][0]["VolumeId"] == volume
    for one in (machine["InstanceId"], vm):
        assert ec2.get_console_output(InstanceId=one)["Output"]
        assert ec2.describe_instance_status(InstanceIds=[one])["InstanceStatuses"]
        assert ec2.describe_instance_attribute(InstanceId=one, Attribute="instanceType")["InstanceType"]
        changed = ec2.stop_instances(InstanceIds=[one])["StoppingInstances"]
        assert [row["InstanceId"] for row in changed] == [machine["InstanceId"]]
        settled(ec2, "stopped", [machine["InstanceId"]])
        ec2.start_instances(InstanceIds=[one])
        settled(ec2, "running", [machine["InstanceId"]])
    for one in (image, templates[0]["id"]):
        made = ec2.run_instances(ImageId=one, InstanceType=TYPE, MinCount=1, MaxCount=1)["Instances"][0]
        ec2.terminate_instances(InstanceIds=[made["InstanceId"]])
