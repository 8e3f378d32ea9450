"""AWS::AutoScaling::AutoScalingGroup is a set of machines that the engine owns.

CloudStack's own autoscale group needs a load balancer rule. Here the plan makes each machine a resource of the stack,
`Group[1]`, `Group[2]` and so on, and this type only tells of them: its attributes are lists, one item a machine.

Source: CloudFormation's resource specification, AWS::AutoScaling::AutoScalingGroup; the attributes but Ref are
cfnlib's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.resources.ignored import ignored
from cfnlib.schema.model import Attribute, Kind, Property, ResourceType, Update

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.schema.model import Desired

_LISTS = {
    "Members": ("name", "The machines' names."),
    "InstanceIds": ("InstanceId", "The machines' ids."),
    "PrivateIps": ("PrivateIp", "The machines' addresses in their network."),
    "PublicIps": ("PublicIp", "The machines' public addresses; empty texts where they have none."),
    "DNSNames": ("PrivateDnsName", "The names by which the machines know each other."),
}


def _local(desired: Desired) -> Mapping[str, Any]:
    members = desired.get("_members", [])
    lists = {name: [member.get(field) or "" for member in members] for name, (field, _) in _LISTS.items()}
    return {"AutoScalingGroupName": desired.get("AutoScalingGroupName", desired.name), **lists}


def _size(doc: str, *, required: bool = False) -> Property:
    return Property(doc, Kind.INTEGER, required, Update.IN_PLACE, minimum=0, maximum=10_000)


def _judge(values: Mapping[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
    low, high = values["MinSize"], values["MaxSize"]
    size = values.get("DesiredCapacity", low)
    if low <= size <= high:
        return []
    return [(("DesiredCapacity",), f"the size {size} is not between MinSize {low} and MaxSize {high}")]


TYPE = ResourceType(
    name="AWS::AutoScaling::AutoScalingGroup",
    doc="A group of machines that are alike, each a resource of the stack: `Group[1]`, `Group[2]`, ...",
    properties={
        "MinSize": _size("The least number of machines.", required=True),
        "MaxSize": _size("The greatest number of machines.", required=True),
        "DesiredCapacity": _size("The number of machines; MinSize when absent."),
        "LaunchConfigurationName": Property(
            "A Ref to the launch configuration that says what they are like.", required=True, update=Update.IN_PLACE
        ),
        "AvailabilityZones": Property(
            "The zones, in turn.",
            kind=Kind.LIST,
            update=Update.IN_PLACE,
            item=Property("A zone.", lookup="zone"),
        ),
        "VPCZoneIdentifier": Property(
            "The networks, in turn.",
            kind=Kind.LIST,
            update=Update.IN_PLACE,
            item=Property("A network.", lookup="network"),
        ),
        "AutoScalingGroupName": Property("The name that Ref gives; one is made when absent."),
        "Tags": Property("Tags; those with PropagateAtLaunch go to the machines.", Kind.TAGS, update=Update.IN_PLACE),
        **ignored("there are no launch templates", "LaunchTemplate", "MixedInstancesPolicy"),
        **ignored("machines are put behind a CloudStack::LoadBalancerRule", "LoadBalancerNames", "TargetGroupARNs"),
        **ignored("machines are put behind a CloudStack::LoadBalancerRule", "TrafficSources"),
        **ignored("the cloud restarts what fails", "HealthCheckType", "HealthCheckGracePeriod"),
        **ignored("the size changes only when the stack does", "Cooldown", "DefaultInstanceWarmup"),
        **ignored("the size changes only when the stack does", "TerminationPolicies", "MaxInstanceLifetime"),
        **ignored("the size changes only when the stack does", "NewInstancesProtectedFromScaleIn"),
        **ignored("the size changes only when the stack does", "CapacityRebalance", "InstanceMaintenancePolicy"),
        **ignored("the size changes only when the stack does", "InstanceLifecyclePolicy", "DesiredCapacityType"),
        **ignored(
            "a size is a number of machines", "AvailabilityZoneDistribution", "CapacityReservationSpecification"
        ),
        **ignored("zones are named in AvailabilityZones", "AvailabilityZoneIds", "AvailabilityZoneImpairmentPolicy"),
        **ignored("zones are named in AvailabilityZones", "SkipZonalShiftValidation"),
        **ignored("the stack's events tell it", "NotificationConfiguration", "NotificationConfigurations"),
        **ignored("the stack's events tell it", "LifecycleHookSpecificationList", "MetricsCollection"),
        **ignored("name an affinity group in the machines themselves", "PlacementGroup"),
        **ignored("CloudStack has no IAM", "ServiceLinkedRoleARN"),
        **ignored("a group is not copied from a machine", "InstanceId"),
        **ignored("whoever may delete the stack may delete the group", "DeletionProtection"),
        **ignored("it was for AWS's own use", "Context"),
    },
    attributes={
        "AutoScalingGroupName": Attribute("The name that Ref gives.", "AutoScalingGroupName"),
        **{name: Attribute(doc, name, kind=Kind.LIST) for name, (_, doc) in _LISTS.items()},
    },
    ref="AutoScalingGroupName",
    judge=_judge,
    local=_local,
    source="CloudFormation resource specification",
)
