"""The stacks that the soak makes: small, and of different kinds."""

from __future__ import annotations

import json
from typing import Any

from generated import IMAGE, OFFERING

_SIZE = {"Size": {"Type": "Number", "Default": 1}}
_MACHINE = {"ImageId": IMAGE, "InstanceType": OFFERING}


def _text(resources: dict[str, Any], **more: Any) -> str:
    return json.dumps({"Parameters": _SIZE, "Resources": resources, **more})


def _key(suffix: str) -> dict[str, Any]:
    return {"Type": "AWS::EC2::KeyPair", "Properties": {"KeyName": {"Fn::Sub": "${AWS::StackName}-" + suffix}}}


_GROUP = {
    "Launch": {"Type": "AWS::AutoScaling::LaunchConfiguration", "Properties": _MACHINE},
    "Node": {
        "Type": "AWS::AutoScaling::AutoScalingGroup",
        "Properties": {
            "LaunchConfigurationName": {"Ref": "Launch"},
            "MinSize": {"Ref": "Size"},
            "MaxSize": {"Ref": "Size"},
        },
    },
}
KEY = _text({"Key": _key("${Size}")}, Outputs={"Key": {"Value": {"Ref": "Key"}}})
GROUP = _text(_GROUP)
SITE = _text(
    {
        "Rules": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "of the soak"}},
        "Web": {
            "Type": "AWS::EC2::Instance",
            "Properties": {**_MACHINE, "Tags": [{"Key": "size", "Value": {"Ref": "Size"}}]},
        },
        "Address": {"Type": "AWS::EC2::EIP", "Properties": {"InstanceId": {"Ref": "Web"}}},
        "Disk": {"Type": "AWS::EC2::Volume", "Properties": {"Size": 1, "AvailabilityZone": "Sandbox"}},
        "Mount": {
            "Type": "AWS::EC2::VolumeAttachment",
            "Properties": {"Device": "/dev/sdf", "InstanceId": {"Ref": "Web"}, "VolumeId": {"Ref": "Disk"}},
        },
    },
    Outputs={"Address": {"Value": {"Ref": "Address"}}},
)
WAITING = _text(
    {
        "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
        "Wait": {
            "Type": "AWS::CloudFormation::WaitCondition",
            "DependsOn": "Key",
            "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "300"},
        },
        "Key": _key("${Size}"),
    }
)
SIGNALLED = _text(
    {
        "Web": {
            "Type": "AWS::EC2::Instance",
            "CreationPolicy": {"ResourceSignal": {"Count": 1, "Timeout": "PT5M"}},
            "Properties": {**_MACHINE, "Tags": [{"Key": "size", "Value": {"Ref": "Size"}}]},
        }
    }
)
CLUSTER = json.dumps(
    {
        "Metadata": {
            "Cfnlib::Cluster": {"Kind": "soak", "Roles": {"node": "Node"}, "Parameters": {"agents": "Size"}}
        },
        "Parameters": _SIZE,
        "Resources": _GROUP,
    }
)
STACKS = {"key": KEY, "group": GROUP, "site": SITE, "waiting": WAITING, "signalled": SIGNALLED}
POLICY = json.dumps({"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]})
WRONG = json.dumps({"Resources": {"Key": {"Type": "AWS::EC2::KeyPear"}}})
