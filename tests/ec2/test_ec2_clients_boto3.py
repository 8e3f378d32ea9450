"""boto3 as it is used: waiters, paginators, resources, presigned URLs, any version of the API and the signature."""

from __future__ import annotations

from http.client import HTTPConnection
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.etree import ElementTree as ET

import boto3
import pytest
from botocore import xform_name
from botocore.config import Config as BotoConfig
from botocore.exceptions import ClientError, WaiterError
from ec2_bridges import IMAGE, SERVICE, TYPE, code_of, ec2_bridges
from vpc_walk import make

from compat.ec2.actions import table
from compat.ec2.ids import ec2_id

QUICK = {"Delay": 0, "MaxAttempts": 400}


@pytest.fixture(scope="module")
def world():
    """A cloud whose jobs take their time, so that there is something to wait for."""
    with ec2_bridges(job_s=0.1) as found:
        yield found


@pytest.fixture(scope="module")
def ec2(world):
    return world.ec2()


@pytest.fixture(scope="module")
def resource(world):
    return boto3.resource(
        "ec2",
        endpoint_url=world.urls[0],
        region_name="cs",
        aws_access_key_id=world.user.key,
        aws_secret_access_key=world.user.secret,
    )


def cloud_state(world, command, key, kind, name):
    """What the cloud says of a thing's state; None when it is not there."""
    rows = world.cloud_of(world.user).rows(command, key)
    return next((row.get("state") for row in rows if ec2_id(kind, row["id"]) == name), None)


def machine_state(world, name):
    return cloud_state(world, "listVirtualMachines", "virtualmachine", "instance", name)


def wait(ec2, name, **params):
    ec2.get_waiter(name).wait(**params, WaiterConfig=QUICK)


def test_waiters_of_machines(world, ec2):
    made = ec2.run_instances(ImageId=IMAGE, InstanceType=TYPE, MinCount=2, MaxCount=2)["Instances"]
    ids = [one["InstanceId"] for one in made]
    wait(ec2, "instance_exists", InstanceIds=ids)
    wait(ec2, "instance_running", InstanceIds=ids)
    assert {machine_state(world, one) for one in ids} == {"Running"}
    wait(ec2, "instance_status_ok", InstanceIds=ids)
    wait(ec2, "system_status_ok", InstanceIds=ids)
    ec2.stop_instances(InstanceIds=ids)
    wait(ec2, "instance_stopped", InstanceIds=ids)
    assert {machine_state(world, one) for one in ids} == {"Stopped"}
    image = ec2.create_image(InstanceId=ids[0], Name="own")["ImageId"]
    wait(ec2, "image_exists", ImageIds=[image])
    wait(ec2, "image_available", ImageIds=[image])
    assert image in {one["ImageId"] for one in ec2.describe_images(Owners=["self"])["Images"]}
    with pytest.raises(WaiterError):
        ec2.get_waiter("instance_running").wait(InstanceIds=ids, WaiterConfig={"Delay": 0, "MaxAttempts": 2})
    ec2.terminate_instances(InstanceIds=ids)
    wait(ec2, "instance_terminated", InstanceIds=ids)
    assert {machine_state(world, one) for one in ids} <= {None, "Destroyed"}


def test_waiters_of_volumes(world, ec2):
    def state(volume):
        return cloud_state(world, "listVolumes", "volume", "volume", volume)

    [machine] = ec2.run_instances(ImageId=IMAGE, InstanceType=TYPE, MinCount=1, MaxCount=1)["Instances"]
    wait(ec2, "instance_running", InstanceIds=[machine["InstanceId"]])
    volume = ec2.create_volume(AvailabilityZone="Sandbox", Size=1)["VolumeId"]
    wait(ec2, "volume_available", VolumeIds=[volume])
    assert state(volume) in {"Allocated", "Ready"}
    ec2.attach_volume(VolumeId=volume, InstanceId=machine["InstanceId"], Device="/dev/sdf")
    wait(ec2, "volume_in_use", VolumeIds=[volume])
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    wait(ec2, "snapshot_completed", SnapshotIds=[snapshot])
    assert cloud_state(world, "listSnapshots", "snapshot", "snapshot", snapshot) == "BackedUp"
    ec2.detach_volume(VolumeId=volume)
    wait(ec2, "volume_available", VolumeIds=[volume])
    ec2.delete_snapshot(SnapshotId=snapshot)
    ec2.delete_volume(VolumeId=volume)
    wait(ec2, "volume_deleted", VolumeIds=[volume])
    assert state(volume) is None
    ec2.terminate_instances(InstanceIds=[machine["InstanceId"]])


def test_waiters_of_what_is_there_at_once(ec2):
    ec2.create_key_pair(KeyName="waited")
    wait(ec2, "key_pair_exists", KeyNames=["waited"])
    group = ec2.create_security_group(GroupName="waited", Description="d")["GroupId"]
    wait(ec2, "security_group_exists", GroupIds=[group])
    [request] = ec2.request_spot_instances(LaunchSpecification={"ImageId": IMAGE, "InstanceType": TYPE})[
        "SpotInstanceRequests"
    ]
    wait(ec2, "spot_instance_request_fulfilled", SpotInstanceRequestIds=[request["SpotInstanceRequestId"]])
    ec2.terminate_instances(InstanceIds=[request["InstanceId"]])
    vpc = make(ec2, "10.44.0.0/16")
    wait(ec2, "vpc_exists", VpcIds=[vpc.vpc])
    wait(ec2, "vpc_available", VpcIds=[vpc.vpc])
    wait(ec2, "subnet_available", SubnetIds=[vpc.subnet])
    wait(ec2, "internet_gateway_exists", InternetGatewayIds=[vpc.gateway])
    wait(ec2, "nat_gateway_available", NatGatewayIds=[vpc.nat])
    ec2.delete_nat_gateway(NatGatewayId=vpc.nat)
    wait(ec2, "nat_gateway_deleted", NatGatewayIds=[vpc.nat])


def test_the_objects_of_resources(world, resource):
    key = resource.create_key_pair(KeyName="of a resource")
    group = resource.create_security_group(GroupName="of-a-resource", Description="d")
    group.authorize_ingress(IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="192.0.2.0/24")
    [machine] = resource.create_instances(
        ImageId=IMAGE,
        InstanceType=TYPE,
        MinCount=1,
        MaxCount=1,
        KeyName=key.name,
        SecurityGroupIds=[group.id],
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "r"}]}],
    )
    wait(resource.meta.client, "instance_running", InstanceIds=[machine.id])
    machine.reload()
    row = next(row for row in world.machines().values() if ec2_id("instance", row["id"]) == machine.id)
    assert (machine.state["Name"], row["state"]) == ("running", "Running")
    assert machine.private_ip_address == row["nic"][0]["ipaddress"]
    assert (machine.key_pair.name, machine.tags) == ("of a resource", [{"Key": "Name", "Value": "r"}])
    assert [one["GroupName"] for one in machine.security_groups] == ["of-a-resource"]
    [disk] = machine.volumes.all()
    assert disk.attachments[0]["InstanceId"] == machine.id
    assert machine.image.id
    assert [one.id for one in resource.instances.filter(Filters=[{"Name": "tag:Name", "Values": ["r"]}])] == [
        machine.id
    ]
    group.reload()
    assert group.ip_permissions[0]["IpRanges"] == [{"CidrIp": "192.0.2.0/24"}]
    machine.create_tags(Tags=[{"Key": "role", "Value": "x"}])
    machine.reload()
    assert {tag["Key"] for tag in machine.tags} == {"Name", "role"}
    machine.terminate()
    machine.reload()
    assert machine.state["Name"] in {"shutting-down", "terminated"}
    key.delete()
    assert key.name not in {one.name for one in resource.key_pairs.all()}


def paged_actions():
    """The actions that boto3 pages by itself."""
    probe = boto3.client("ec2", region_name="cs", aws_access_key_id="k", aws_secret_access_key="s")
    return sorted(name for name in table() if probe.can_paginate(xform_name(name)))


def smallest_page(action):
    """The fewest things that EC2's model lets a page have."""
    members = SERVICE.shapes[SERVICE.operation(action).input_shape]["members"]
    return SERVICE.shapes[members["MaxResults"]["shape"]].get("min", 1)


@pytest.fixture(scope="module")
def filled():
    """A cloud that has several things of each kind."""
    with ec2_bridges() as world:
        ec2 = world.ec2()
        made = ec2.run_instances(ImageId=IMAGE, InstanceType=TYPE, MinCount=5, MaxCount=5)["Instances"]
        ids = [one["InstanceId"] for one in made]
        wait(ec2, "instance_running", InstanceIds=ids)
        for one in ids[:3]:
            ec2.create_tags(Resources=[one], Tags=[{"Key": "Name", "Value": one}])
        for number in range(3):
            group = ec2.create_security_group(GroupName=f"g-{number}", Description="d")["GroupId"]
            ec2.authorize_security_group_ingress(
                GroupId=group, IpProtocol="tcp", FromPort=number, ToPort=number, CidrIp="0.0.0.0/0"
            )
            volume = ec2.create_volume(AvailabilityZone="Sandbox", Size=1)["VolumeId"]
            ec2.create_snapshot(VolumeId=ec2.describe_volumes()["Volumes"][number]["VolumeId"])
            assert volume
            ec2.request_spot_instances(LaunchSpecification={"ImageId": IMAGE, "InstanceType": TYPE})
        for number in range(3):
            make(ec2, f"10.{50 + number}.0.0/16")
        yield world


def things(rows):
    """What a page counts: of reservations, their instances."""
    return [one for row in rows for one in row.get("Instances", [row])]


@pytest.mark.parametrize("action", paged_actions())
def test_pages_hold_each_thing_once(filled, action):
    ec2 = filled.ec2()
    pages = ec2.get_paginator(xform_name(action))
    key, least = pages.result_keys[0].expression, smallest_page(action)
    whole = things(getattr(ec2, xform_name(action))()[key])
    parts = [things(page[key]) for page in pages.paginate(PaginationConfig={"PageSize": least})]
    assert all(len(part) == least for part in parts[:-1])
    found = [one for part in parts for one in part]
    assert sorted(map(str, found)) == sorted(map(str, whole))


def get(world, query, headers=()):
    """The status and the text that answer a GET."""
    place = urlsplit(world.urls[0])
    connection = HTTPConnection(place.hostname, place.port, timeout=30)
    connection.request("GET", f"/?{query}", headers=dict(headers))
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_a_presigned_url_may_be_opened_by_anybody_as_often_as_wanted(filled):
    url = filled.ec2().generate_presigned_url(
        "describe_instances", {"Filters": [{"Name": "tag:Name", "Values": ["*"]}]}, ExpiresIn=60, HttpMethod="GET"
    )
    for _ in range(2):
        status, text = get(filled, urlsplit(url).query)
        assert status == 200
        assert text.count("<instanceId>") == 3
    altered = url.replace("DescribeInstances", "DescribeVolumes")
    status, text = get(filled, urlsplit(altered).query)
    assert (status, code_of(text)) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("signature", ["v2", "v4"])
@pytest.mark.parametrize(
    "version", ["2010-06-15", "2010-08-31", "2012-08-15", "2014-10-01", "2016-11-15", "2999-01-01"]
)
def test_every_version_is_answered_in_its_own_name(filled, version, signature):
    ec2 = boto3.client(
        "ec2",
        endpoint_url=filled.urls[0],
        region_name="cs",
        aws_access_key_id=filled.user.key,
        aws_secret_access_key=filled.user.secret,
        config=BotoConfig(signature_version=signature, retries={"max_attempts": 0}),
    )
    bodies = []
    ec2.meta.events.register("before-call.ec2", lambda params, **_: params["body"].update(Version=version))
    ec2.meta.events.register("before-parse.ec2", lambda response_dict, **_: bodies.append(response_dict["body"]))
    told = ec2.describe_instances()["Reservations"]
    assert sum(len(one["Instances"]) for one in told) == len(filled.machines())
    assert ET.fromstring(bodies[0]).tag.startswith(f"{{http://ec2.amazonaws.com/doc/{version}/}}")


def test_what_is_signed_for_one_verb_is_not_good_for_the_other(filled):
    ec2 = filled.ec2()
    kept = []
    ec2.meta.events.register("before-send.ec2", lambda request, **_: kept.append(request))
    ec2.describe_regions()
    [sent] = kept
    body = urlencode(parse_qsl(sent.body.decode() if isinstance(sent.body, bytes) else sent.body))
    headers = {name: value if isinstance(value, str) else value.decode() for name, value in sent.headers.items()}
    headers.pop("Content-Length", None)
    status, text = get(filled, body, headers)
    assert (status, code_of(text)) == (403, "SignatureDoesNotMatch")


def test_what_the_client_is_told_of_a_refusal(filled):
    with pytest.raises(ClientError) as caught:
        filled.ec2().describe_instances(InstanceIds=["i-00000000000000000"])
    said = caught.value.response
    assert said["Error"]["Code"] == "InvalidInstanceID.NotFound"
    assert "i-00000000000000000" in said["Error"]["Message"]
    assert said["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert said["ResponseMetadata"]["RequestId"]


def test_every_paged_action_is_paged_by_the_model_too():
    assert {name for name in paged_actions() if SERVICE.operation(name).paginated} == set(paged_actions())
