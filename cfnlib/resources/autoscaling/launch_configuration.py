"""AWS::AutoScaling::LaunchConfiguration says what the machines of a group are like.

It lives in cfnlib alone: the plan puts its properties into each of the group's machines.

Source: CloudFormation's resource specification, AWS::AutoScaling::LaunchConfiguration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.resources.ec2.instance import DISKS
from cfnlib.resources.ignored import ignored
from cfnlib.schema.model import Attribute, Kind, Property, ResourceType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.schema.model import Desired


def _local(desired: Desired) -> Mapping[str, Any]:
    return {"LaunchConfigurationName": desired.get("LaunchConfigurationName", desired.name)}


TYPE = ResourceType(
    name="AWS::AutoScaling::LaunchConfiguration",
    doc="What the machines of an AWS::AutoScaling::AutoScalingGroup are like. Nothing is made for it on the cloud.",
    properties={
        "ImageId": Property("The template, by name, alias or id.", required=True, lookup="template"),
        "InstanceType": Property("The service offering.", required=True, lookup="serviceoffering"),
        "KeyName": Property("The SSH key pair's name."),
        "UserData": Property("What cloud-init gets, in base64."),
        "SecurityGroups": Property(
            "Security groups, by name or id.", kind=Kind.LIST, item=Property("A security group's name or id.")
        ),
        "BlockDeviceMappings": DISKS,
        "LaunchConfigurationName": Property("The name that Ref gives; one is made when absent."),
        **ignored("a group's machines get no public addresses of their own", "AssociatePublicIpAddress"),
        **ignored("CloudStack has no IAM", "IamInstanceProfile"),
        **ignored("a configuration is not copied from a machine", "InstanceId"),
        **ignored("the service offering says it", "EbsOptimized"),
        **ignored("the template brings its kernel", "KernelId", "RamDiskId"),
        **ignored("it is a service of AWS", "InstanceMonitoring", "SpotPrice", "ClassicLinkVPCId"),
        **ignored("it is a service of AWS", "ClassicLinkVPCSecurityGroups"),
        **ignored("it is a feature of AWS's hosts", "MetadataOptions"),
        **ignored("an administrator says which hosts a machine may use", "PlacementTenancy"),
    },
    attributes={
        "LaunchConfigurationName": Attribute("The name that Ref gives.", "LaunchConfigurationName"),
    },
    ref="LaunchConfigurationName",
    local=_local,
    source="CloudFormation resource specification",
)
