"""Placement groups are affinity groups, which machines are launched into."""

from __future__ import annotations

import pytest
from ec2_bridges import IMAGE, TYPE, launched, refusal, settled


def affinities(world):
    """The affinity groups that the cloud has, by name."""
    rows = world.cloud.rows("listAffinityGroups", "affinitygroup", {"listall": True})
    return {row["name"]: row for row in rows}


@pytest.mark.parametrize(("strategy", "kind"), [("cluster", "host affinity"), ("spread", "host anti-affinity")])
def test_a_group_keeps_machines_together_or_apart(plain_world, strategy, kind):
    ec2 = plain_world.ec2()
    made = ec2.create_placement_group(GroupName=strategy, Strategy=strategy)["PlacementGroup"]
    assert affinities(plain_world)[strategy]["type"] == kind
    [shown] = plain_world.ec2(bridge=1).describe_placement_groups(GroupNames=[strategy])["PlacementGroups"]
    assert shown == made
    assert (shown["Strategy"], shown["State"]) == (strategy, "available")
    found = ec2.describe_placement_groups(Filters=[{"Name": "strategy", "Values": [strategy]}])["PlacementGroups"]
    assert [row["GroupName"] for row in found] == [strategy]
    assert refusal(ec2.create_placement_group, GroupName=strategy) == "InvalidPlacementGroup.Duplicate"
    ec2.delete_placement_group(GroupName=strategy)
    assert strategy not in affinities(plain_world)
    assert refusal(ec2.delete_placement_group, GroupName=strategy) == "InvalidPlacementGroup.Unknown"


def test_machines_are_launched_into_a_group_and_hold_it(plain_world):
    ec2 = plain_world.ec2()
    group = ec2.create_placement_group(GroupName="g", Strategy="spread")["PlacementGroup"]["GroupId"]
    made = [
        one["InstanceId"]
        for place in ({"GroupName": "g"}, {"GroupId": group})
        for one in launched(ec2, Placement=place)["Instances"]
    ]
    held = [row["affinitygroup"] for row in plain_world.machines().values() if row["affinitygroup"]]
    assert [[one["name"] for one in groups] for groups in held] == [["g"], ["g"]]
    asked = [{"Name": "placement-group-name", "Values": ["g"]}]
    shown = plain_world.ec2(bridge=1).describe_instances(Filters=asked)["Reservations"]
    assert {one["InstanceId"] for row in shown for one in row["Instances"]} == set(made)
    assert {one["Placement"]["GroupName"] for row in shown for one in row["Instances"]} == {"g"}
    assert refusal(ec2.delete_placement_group, GroupName="g") == "InvalidPlacementGroup.InUse"
    assert "g" in affinities(plain_world)
    ec2.terminate_instances(InstanceIds=made)
    settled(ec2, "terminated", made)
    ec2.delete_placement_group(GroupName="g")


def test_what_cannot_be_is_refused_before_anything_is_made(plain_world):
    ec2 = plain_world.ec2()
    tags = [{"ResourceType": "placement-group", "Tags": [{"Key": "a", "Value": "b"}]}]
    for wrong in (
        {"Strategy": "partition"},
        {"Strategy": "spread", "SpreadLevel": "rack"},
        {"TagSpecifications": tags},
    ):
        assert refusal(ec2.create_placement_group, GroupName="w", **wrong) == "UnsupportedOperation"
    assert refusal(ec2.create_placement_group, GroupName=" ") == "InvalidParameterValue"
    assert affinities(plain_world) == {}
    machines = plain_world.machines()
    asked = {"ImageId": IMAGE, "InstanceType": TYPE, "MinCount": 1, "MaxCount": 1}
    assert refusal(ec2.run_instances, **asked, Placement={"GroupName": "none"}) == "InvalidPlacementGroup.Unknown"
    assert refusal(ec2.run_instances, **asked, Placement={"Tenancy": "dedicated"}) == "UnsupportedOperation"
    assert plain_world.machines() == machines


def test_two_accounts_may_have_the_same_name_and_see_their_own(plain_world):
    mine, other = plain_world.ec2(), plain_world.ec2(plain_world.stranger())
    group = mine.create_placement_group(GroupName="same", Strategy="cluster")["PlacementGroup"]["GroupId"]
    assert other.describe_placement_groups()["PlacementGroups"] == []
    assert refusal(other.delete_placement_group, GroupName="same") == "InvalidPlacementGroup.Unknown"
    assert refusal(other.describe_placement_groups, GroupIds=[group]) == "InvalidPlacementGroup.Unknown"
    hers = other.create_placement_group(GroupName="same", Strategy="spread")["PlacementGroup"]
    assert hers["GroupId"] != group
    other.delete_placement_group(GroupName="same")
    assert [row["GroupId"] for row in mine.describe_placement_groups()["PlacementGroups"]] == [group]
    mine.delete_placement_group(GroupName="same")
