"""What the tests of clusters share: a cloud in memory, clusters on it, and operations that wait to be carried on."""

from __future__ import annotations

import json

from cfnlib.clusters import Clusters
from cfnlib.drivers.base import VirtualClock
from cfnlib.drivers.memory import MemoryDriver
from cfnlib.drivers.memory_cloud import MemoryCloud
from cfnlib.engine.settings import Settings
from cfnlib.stacks import Stacks
from cfnlib.state.sql import SqlStore

NAMES = {
    "zone": {"Sandbox": "zone-1"},
    "template": {"Ubuntu 22.04 (Simulator)": "template-1", "Debian 12": "template-2"},
    "serviceoffering": {"Small Instance": "offering-1", "Medium Instance": "offering-2"},
    "networkoffering": {"Isolated": "networkoffering-1"},
}
SETTINGS = Settings(
    inline=True, look_s=(0.1, 0.2), retry_s=(1.0, 2.0, 4.0), settle_s=120.0, lease_s=1e9, heartbeat_s=1.0
)
SINGLE = {
    "AWSTemplateFormatVersion": "2010-09-09",
    "Metadata": {
        "Cfnlib::Cluster": {
            "Kind": "pair",
            "Roles": {"head": "Head", "worker": "Worker"},
            "Parameters": {"agents": "Count", "image": "Image", "frameworks": "Install", "public_address": "Public"},
        }
    },
    "Parameters": {
        "Count": {"Type": "Number", "Default": 1},
        "Image": {"Type": "String", "Default": "Debian 12"},
        "Install": {"Type": "CommaDelimitedList", "Default": ""},
        "Public": {"Type": "String", "Default": "false", "AllowedValues": ["true", "false"]},
        "Password": {"Type": "String", "Default": "first", "NoEcho": True},
        "Motto": {"Type": "String", "Default": "none"},
    },
    "Resources": {
        "Head": {
            "Type": "AWS::EC2::Instance",
            "Properties": {
                "ImageId": {"Ref": "Image"},
                "InstanceType": "Small Instance",
                "Tags": [{"Key": "motto", "Value": {"Ref": "Motto"}}],
            },
        },
        "Launch": {
            "Type": "AWS::AutoScaling::LaunchConfiguration",
            "Properties": {"ImageId": {"Ref": "Image"}, "InstanceType": "Small Instance"},
        },
        "Worker": {
            "Type": "AWS::AutoScaling::AutoScalingGroup",
            "Properties": {
                "LaunchConfigurationName": {"Ref": "Launch"},
                "MinSize": {"Ref": "Count"},
                "MaxSize": {"Ref": "Count"},
            },
        },
        "Address": {"Type": "AWS::EC2::EIP", "Properties": {}},
        "Lead": {
            "Type": "AWS::EC2::EIPAssociation",
            "Properties": {
                "AllocationId": {"Fn::GetAtt": ["Address", "AllocationId"]},
                "InstanceId": {"Ref": "Head"},
            },
        },
    },
    "Outputs": {"Installed": {"Value": {"Fn::Join": ["+", {"Ref": "Install"}]}}},
}
"""A cluster of another kind: a single machine and a group, with a secret, and a parameter of its own."""

PLAIN = "Resources:\n  Group: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: no cluster}}\n"


def own(**entry):
    """The text of the other kind's template, with changes to what its Metadata say of clusters; None removes."""
    said = {**SINGLE["Metadata"]["Cfnlib::Cluster"], **entry}
    said = {name: value for name, value in said.items() if value is not None}
    return json.dumps({**SINGLE, "Metadata": {"Cfnlib::Cluster": said}})


class ClusterWorld:
    """A cloud in memory and clusters on it. What is begun waits until `carry_on` is called.

    `others_live`: whoever holds a stack is alive, and keeps it.
    """

    def __init__(self, *, others_live=False, **cloud):
        self.clock = VirtualClock()
        self.cloud = MemoryCloud(clock=self.clock, names=NAMES, **cloud)
        self.store = SqlStore("sqlite:///:memory:", now=self.clock.now, is_dead=lambda _owner: not others_live)
        self.stacks = Stacks(MemoryDriver(self.cloud), self.store, clock=self.clock, settings=SETTINGS)
        self.begun = []
        self.clusters = Clusters(self.stacks, submit=self.begun.append)

    def carry_on(self):
        """Carry on what waits; gives the statuses that came of it."""
        waiting, self.begun[:] = list(self.begun), []
        return [self.stacks.operations.carry_on(begun).status.value for begun in waiting]

    def machines(self):
        """The names of the machines that are on the cloud."""
        things = self.cloud.things.values()
        return sorted(thing.record["name"] for thing in things if thing.family == "virtualmachine")
