"""boto 2.49's own classes read what is written here, and what boto 2.49 sends is read without anything unknown."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import pytest

from cfnlib.wire import Service, parse, render, render_error

boto_ec2 = pytest.importorskip(
    "boto.ec2.connection", exc_type=ImportError
)  # boto 2 needs a Python that still has imp
boto_cloudformation = pytest.importorskip("boto.cloudformation.connection", exc_type=ImportError)
boto_exception = pytest.importorskip("boto.exception", exc_type=ImportError)
blockdevice = pytest.importorskip("boto.ec2.blockdevicemapping", exc_type=ImportError)
networkinterface = pytest.importorskip("boto.ec2.networkinterface", exc_type=ImportError)

EC2 = Service.load("ec2", "2014-10-01")
CLOUDFORMATION = Service.load("cloudformation")


class Answer(NamedTuple):
    """What boto takes for an HTTP response."""

    status: int
    reason: str
    body: bytes

    def read(self):
        """The body."""
        return self.body


class AskedError(Exception):
    """Instead of an answer: the operation and its parameters, as they went out."""


def ec2(answer=None):
    return _connected(boto_ec2.EC2Connection, answer)


def cloudformation(answer=None):
    return _connected(boto_cloudformation.CloudFormationConnection, answer)


def _connected(connection, answer):
    class Stubbed(connection):
        def make_request(self, action, params=None, *_path_and_verb):
            if answer is None:
                raise AskedError(action, params)
            return answer if isinstance(answer, Answer) else Answer(200, "OK", answer(action))

    return Stubbed(aws_access_key_id="k", aws_secret_access_key="s", is_secure=False)


def answering(service, result, *, json=False):
    namespace = service.namespace_of("2014-10-01")
    return lambda action: render(service, action, result, request_id="r-1", json=json, namespace=namespace)


def asked(service, call):
    """The operation that a call asks for, and its parameters as they are read here."""
    with pytest.raises(AskedError) as caught:
        call()
    action, params = caught.value.args
    return action, parse(service, action, [(name, _text(value)) for name, value in params.items()], strict=True)


def _text(value):
    """As it is written into a form, where bytes are what they are."""
    return value.decode() if isinstance(value, bytes) else str(value)


INSTANCE = {
    "InstanceId": "i-1",
    "ImageId": "ami-1",
    "State": {"Code": 16, "Name": "running"},
    "PublicDnsName": "10.0.0.7",
    "LaunchTime": 1_700_000_000,
    "Placement": {"AvailabilityZone": "zone-1"},
    "SecurityGroups": [{"GroupName": "c-master", "GroupId": "sg-1"}],
    "Tags": [{"Key": "Name", "Value": "<one> & two"}],
    "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeId": "vol-1", "DeleteOnTermination": True}}],
    "EbsOptimized": False,
    "AmiLaunchIndex": 0,
}


def test_reservations():
    groups = [{"GroupName": "c-master", "GroupId": "sg-1"}]
    result = {"Reservations": [{"ReservationId": "r-1", "OwnerId": "1", "Groups": groups, "Instances": [INSTANCE]}]}
    [reservation] = ec2(answering(EC2, result)).get_all_reservations()
    [instance] = reservation.instances
    assert [group.name for group in reservation.groups] == ["c-master"]
    assert (instance.id, instance.state, instance.state_code) == ("i-1", "running", 16)
    assert (instance.public_dns_name, instance.placement) == ("10.0.0.7", "zone-1")
    assert instance.launch_time == "2023-11-14T22:13:20.000Z"
    assert instance.tags == {"Name": "<one> & two"}
    assert instance.block_device_mapping["/dev/sda1"].delete_on_termination is True


def test_no_reservations():
    assert list(ec2(answering(EC2, {"Reservations": []})).get_all_reservations()) == []


def test_started_instances():
    result = {"ReservationId": "r-1", "Groups": [], "Instances": [{**INSTANCE, "InstanceId": f"i-{n}"} for n in "12"]}
    assert [instance.id for instance in ec2(answering(EC2, result)).run_instances("ami-1").instances] == [
        "i-1",
        "i-2",
    ]


def test_terminated_instances():
    states = {"CurrentState": {"Code": 32, "Name": "shutting-down"}, "PreviousState": {"Code": 16, "Name": "running"}}
    result = {"TerminatingInstances": [{"InstanceId": "i-1", **states}]}
    [instance] = ec2(answering(EC2, result)).terminate_instances(["i-1"])
    assert (instance.id, instance.state, instance.previous_state) == ("i-1", "shutting-down", "running")


def test_security_groups():
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    rule["UserIdGroupPairs"] = [{"UserId": "1", "GroupName": "c-slaves", "GroupId": "sg-2"}]
    group = {"GroupName": "c-master", "GroupId": "sg-1", "Description": "d", "OwnerId": "1", "IpPermissions": [rule]}
    [found] = ec2(answering(EC2, {"SecurityGroups": [group]})).get_all_security_groups()
    assert (found.name, found.id, found.owner_id) == ("c-master", "sg-1", "1")
    assert (found.rules[0].from_port, found.rules[0].ip_protocol) == ("22", "tcp")
    assert sorted(str(grant) for grant in found.rules[0].grants) == ["0.0.0.0/0", "c-slaves-1"]


def test_images_zones_and_keys():
    image = {"ImageId": "ami-1", "State": "available", "Public": True, "Name": "debian", "RootDeviceType": "ebs"}
    [found] = ec2(answering(EC2, {"Images": [image]})).get_all_images()
    assert (found.id, found.state, found.is_public, found.name) == ("ami-1", "available", True, "debian")
    zone = {"ZoneName": "zone-1", "State": "available", "RegionName": "cs"}
    [found] = ec2(answering(EC2, {"AvailabilityZones": [zone]})).get_all_zones()
    assert (found.name, found.state) == ("zone-1", "available")
    key = ec2(answering(EC2, {"KeyName": "k", "KeyMaterial": "-----\nabc\n", "KeyFingerprint": "f"})).create_key_pair(
        "k"
    )
    assert (key.name, key.material) == ("k", "-----\nabc\n")


def test_what_only_succeeds_is_true():
    assert ec2(answering(EC2, {})).create_tags(["i-1"], {"a": "b"}) is True
    assert ec2(answering(EC2, {"Return": False})).authorize_security_group("c", cidr_ip="0.0.0.0/0") is False


def test_an_ec2_error():
    body = render_error(EC2, "InvalidInstanceID.NotFound", "No <such> instance", request_id="r-9")
    with pytest.raises(boto_exception.EC2ResponseError) as caught:
        ec2(Answer(400, "Bad Request", body)).get_all_reservations()
    error = caught.value
    assert (error.error_code, error.error_message) == ("InvalidInstanceID.NotFound", "No <such> instance")
    assert error.request_id == "r-9"


def test_stacks():
    stack = {
        "StackId": "arn:aws:cloudformation:cs:1:stack/web/1",
        "StackName": "web",
        "StackStatus": "CREATE_COMPLETE",
        "CreationTime": 1_700_000_000.5,
        "DisableRollback": False,
        "TimeoutInMinutes": 5,
        "Parameters": [{"ParameterKey": "Size", "ParameterValue": "2"}],
        "Outputs": [{"OutputKey": "Address", "OutputValue": "10.0.0.7"}],
        "Tags": [{"Key": "a", "Value": "b"}],
        "Capabilities": [],
        "NotificationARNs": [],
    }
    [found] = cloudformation(answering(CLOUDFORMATION, {"Stacks": [stack], "NextToken": None})).describe_stacks()
    assert (found.stack_name, found.stack_status, found.timeout_in_minutes) == ("web", "CREATE_COMPLETE", 5)
    assert found.creation_time == datetime(2023, 11, 14, 22, 13, 20, 500_000)  # noqa: DTZ001 - as boto has it
    assert [(parameter.key, parameter.value) for parameter in found.parameters] == [("Size", "2")]
    assert [(output.key, output.value) for output in found.outputs] == [("Address", "10.0.0.7")]
    assert found.tags == {"a": "b"}


def test_events_go_on_with_a_token():
    event = {"StackId": "1", "EventId": "e", "StackName": "web", "LogicalResourceId": "vm", "Timestamp": 0}
    event |= {
        "ResourceStatus": "CREATE_FAILED",
        "ResourceStatusReason": "no room",
        "ResourceType": "AWS::EC2::Instance",
    }
    found = cloudformation(
        answering(CLOUDFORMATION, {"StackEvents": [event], "NextToken": "2"})
    ).describe_stack_events()
    assert found.next_token == "2"
    assert (found[0].resource_status, found[0].resource_status_reason) == ("CREATE_FAILED", "no room")


def test_answers_in_json():
    created = cloudformation(answering(CLOUDFORMATION, {"StackId": "arn:1"}, json=True)).create_stack("web", "{}")
    assert created == "arn:1"
    detail = {"LogicalResourceId": "vm", "Metadata": '{"a": 1}', "LastUpdatedTimestamp": 1_700_000_000.5}
    answer = answering(CLOUDFORMATION, {"StackResourceDetail": detail}, json=True)
    response = cloudformation(answer).describe_stack_resource("web", "vm")["DescribeStackResourceResponse"]
    found = response["DescribeStackResourceResult"]["StackResourceDetail"]
    assert (found["Metadata"], found["LastUpdatedTimestamp"]) == ('{"a": 1}', 1_700_000_000.5)
    assert found["Description"] is None
    policy = cloudformation(answering(CLOUDFORMATION, {"StackPolicyBody": "{}"}, json=True)).get_stack_policy("web")
    assert policy == "{}"
    deleted = cloudformation(answering(CLOUDFORMATION, {}, json=True)).delete_stack("web")
    assert deleted == {"DeleteStackResponse": {"ResponseMetadata": {"RequestId": "r-1"}}}


@pytest.mark.parametrize("json", [False, True])
def test_a_cloudformation_error(json):
    body = render_error(CLOUDFORMATION, "ValidationError", "Stack [x] does not exist", request_id="r-9", json=json)
    with pytest.raises(boto_exception.BotoServerError) as caught:
        cloudformation(Answer(400, "Bad Request", body)).describe_stacks("x")
    assert (caught.value.error_code, caught.value.message) == ("ValidationError", "Stack [x] does not exist")


def test_a_launch_as_boto_asks_for_it():
    disk = blockdevice.BlockDeviceType(size=5, delete_on_termination=True)
    devices = blockdevice.BlockDeviceMapping()
    devices["/dev/sdv"] = disk
    action, params = asked(
        EC2,
        lambda: ec2().run_instances(
            "ami-1",
            min_count=2,
            max_count=3,
            key_name="k",
            security_groups=["c-slaves"],
            instance_type="m1.large",
            placement="us-east-1b",
            monitoring_enabled=True,
            block_device_map=devices,
            user_data="#!/bin/sh",
            client_token="t",
            dry_run=False,
        ),
    )
    assert action == "RunInstances"
    assert params == {
        "ImageId": "ami-1",
        "MinCount": 2,
        "MaxCount": 3,
        "KeyName": "k",
        "SecurityGroups": ["c-slaves"],
        "InstanceType": "m1.large",
        "Placement": {"AvailabilityZone": "us-east-1b"},
        "Monitoring": {"Enabled": True},
        "BlockDeviceMappings": [{"DeviceName": "/dev/sdv", "Ebs": {"VolumeSize": 5, "DeleteOnTermination": True}}],
        "UserData": "IyEvYmluL3No",
        "ClientToken": "t",
    }


def interfaces():
    made = networkinterface.NetworkInterfaceSpecification(device_index=0, subnet_id="subnet-1", groups=["sg-1"])
    return networkinterface.NetworkInterfaceCollection(made)


CALLS = {
    "filters": (
        lambda c: c.get_all_reservations(filters={"tag:a": ["b", "c"], "instance-id": "i-1"}),
        "DescribeInstances",
    ),
    "page": (lambda c: c.get_all_reservations(max_results=5, next_token="x"), "DescribeInstances"),
    "interface": (lambda c: c.run_instances("ami-1", network_interfaces=interfaces()), "RunInstances"),
    "profile": (lambda c: c.run_instances("ami-1", instance_profile_name="p"), "RunInstances"),
    "spot": (
        lambda c: c.request_spot_instances(
            "0.05", "ami-1", 2, "one-time", launch_group="g", security_groups=["s"], placement="z"
        ),
        "RequestSpotInstances",
    ),
    "prices": (lambda c: c.get_spot_price_history(instance_type="m1.small"), "DescribeSpotPriceHistory"),
    "spots": (lambda c: c.get_all_spot_instance_requests(), "DescribeSpotInstanceRequests"),
    "stop": (lambda c: c.stop_instances(["i-1"], force=True), "StopInstances"),
    "start": (lambda c: c.start_instances(["i-1"]), "StartInstances"),
    "modify": (lambda c: c.modify_instance_attribute("i-1", "instanceType", "m1.small"), "ModifyInstanceAttribute"),
    "console": (lambda c: c.get_console_output("i-1"), "GetConsoleOutput"),
    "group": (lambda c: c.create_security_group("g", "d", vpc_id="vpc-1"), "CreateSecurityGroup"),
    "rule": (
        lambda c: c.authorize_security_group("g", ip_protocol="tcp", from_port=22, to_port=22, cidr_ip="0.0.0.0/0"),
        "AuthorizeSecurityGroupIngress",
    ),
    "old rule": (
        lambda c: c.authorize_security_group_deprecated("g", "s", "1", "tcp", 1, 2, "0.0.0.0/0"),
        "AuthorizeSecurityGroupIngress",
    ),
    "group rule": (
        lambda c: c.authorize_security_group(group_id="sg-1", src_security_group_group_id="sg-2", ip_protocol="-1"),
        "AuthorizeSecurityGroupIngress",
    ),
    "image attribute": (
        lambda c: c.modify_image_attribute("ami-1", operation="add", user_ids=["1"], groups="all"),
        "ModifyImageAttribute",
    ),
    "images": (lambda c: c.get_all_images(["ami-1"], owners=["self"], executable_by=["all"]), "DescribeImages"),
    "register": (lambda c: c.register_image("name", image_location="l", architecture="x86_64"), "RegisterImage"),
    "volume": (
        lambda c: c.create_volume(5, "z", snapshot="snap-1", volume_type="gp2", encrypted=False),
        "CreateVolume",
    ),
    "attach": (lambda c: c.attach_volume("vol-1", "i-1", "/dev/sdh"), "AttachVolume"),
    "address": (
        lambda c: c.associate_address("i-1", allocation_id="eipalloc-1", allow_reassociation=True),
        "AssociateAddress",
    ),
    "tags": (lambda c: c.create_tags(["i-1", "vol-1"], {"a": "b", "c": None}), "CreateTags"),
    "untag": (lambda c: c.delete_tags(["i-1"], {"a": None}), "DeleteTags"),
    "tags found": (lambda c: c.get_all_tags(filters={"resource-id": "i-1"}), "DescribeTags"),
    "key": (lambda c: c.import_key_pair("k", b"ssh-rsa"), "ImportKeyPair"),
    "status": (lambda c: c.get_all_instance_status(["i-1"], include_all_instances=True), "DescribeInstanceStatus"),
    "attributes": (lambda c: c.describe_account_attributes(["supported-platforms"]), "DescribeAccountAttributes"),
    "placement": (lambda c: c.create_placement_group("p"), "CreatePlacementGroup"),
}


@pytest.mark.parametrize("name", CALLS)
def test_nothing_that_boto_sends_to_ec2_is_unknown(name):
    call, operation = CALLS[name]
    action, params = asked(EC2, lambda: call(ec2()))
    assert action == operation
    assert isinstance(params, dict)


def test_a_stack_as_boto_asks_for_it():
    action, params = asked(
        CLOUDFORMATION,
        lambda: cloudformation().create_stack(
            "web",
            template_body="{}",
            parameters=[("Size", "2")],
            notification_arns=["arn:1"],
            disable_rollback=True,
            timeout_in_minutes=5,
            capabilities=["CAPABILITY_IAM"],
            tags={"a": "b"},
        ),
    )
    assert action == "CreateStack"
    assert params == {
        "StackName": "web",
        "TemplateBody": "{}",
        "Parameters": [{"ParameterKey": "Size", "ParameterValue": "2"}],
        "NotificationARNs": ["arn:1"],
        "DisableRollback": True,
        "TimeoutInMinutes": 5,
        "Capabilities": ["CAPABILITY_IAM"],
        "Tags": [{"Key": "a", "Value": "b"}],
    }
