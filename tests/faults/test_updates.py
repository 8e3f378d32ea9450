"""Updates: what is replaced, what goes back when one fails, and what a rollback that fails leaves to be continued."""

from __future__ import annotations

from contextlib import suppress

import pytest
from fault_worlds import IMAGE, TEMPLATE, cloud

from cfnlib.errors import OperationFailedError, StackError
from cfnlib.simulator import Fault

OTHER_IMAGE = "Ubuntu 22.04 (Simulator)"
CHANGED = TEMPLATE.replace("Value: web", "Value: mail").replace("/dev/sdf", "/dev/sdg")
OFTEN = {"Ssh": "2222", "Size": "Medium Instance", "Disk": "7"}


def settled(picture):
    """A picture without what a replacement changes of necessity: ids, names, addresses that were chosen."""
    return sorted(
        (kind, one.get("state"), one.get("size_bytes"), one.get("startport"), one.get("device"), one.get("value"))
        for kind, things in picture.items()
        for one in things.values()
    )


def test_an_update_changes_what_it_can_in_place(world):
    world.stacks.create("demo", TEMPLATE)
    machine = world.things("virtualmachine")[0]
    assert world.stacks.update("demo", CHANGED, OFTEN).status == "UPDATE_COMPLETE"
    (after,) = world.things("virtualmachine")
    assert after["id"] == machine["id"]
    assert after["offering"] != machine["offering"]
    assert after["state"] == "Running"
    assert [tag["value"] for tag in world.things("tag")] == ["mail"]
    assert [rule["startport"] for rule in world.things("firewallrule")] == [2222]
    (disk,) = [one for one in world.things("volume") if one["type"] == "DATADISK"]
    assert (disk["size_bytes"] >> 30, disk["device"], disk["vm"]) == (7, 6, machine["id"])
    assert world.held() == world.known("demo")


def test_an_update_back_and_forth_ends_where_it_began(world):
    world.stacks.create("demo", TEMPLATE)
    before = settled(world.picture())
    world.stacks.update("demo", CHANGED, OFTEN)
    world.stacks.update("demo", TEMPLATE, {"Ssh": "22", "Size": "Small Instance", "Disk": "7"})
    world.stacks.update("demo", TEMPLATE.replace("Default: 5", "Default: 7"))
    after = settled(world.picture())
    assert len(before) == len(after)
    assert world.held() == world.known("demo")


def test_a_replacement_comes_before_the_old_thing_goes(world):
    world.stacks.create("demo", TEMPLATE)
    (old,) = world.machines()
    world.fault(Fault("destroyVirtualMachine", "job"))  # so the old one can be looked at
    stack = world.stacks.update("demo", TEMPLATE.replace(IMAGE, OTHER_IMAGE))
    assert stack.status == "UPDATE_COMPLETE"
    assert len(world.machines()) == 2
    (new,) = set(world.machines()) - {old}
    (address,) = [one for one in world.things("publicip") if one.get("static_nat")]
    assert address["vm"] == world.machines()[new]["id"]
    assert world.held() == world.known("demo")
    world.mend()
    world.stacks.update("demo", None, {"Ssh": "23"})
    assert set(world.machines()) == {new}
    assert world.held() == world.known("demo")


@pytest.mark.parametrize(
    ("change", "parameters"),
    [
        ((IMAGE, OTHER_IMAGE), {}),
        (("", ""), {"Size": "Medium Instance"}),
        (("", ""), {"Ssh": "2222", "Disk": "9"}),
        (("Value: web", "Value: mail"), {"Ssh": "2222", "Size": "Medium Instance"}),
        (("/dev/sdf", "/dev/sdg"), {"Disk": "9"}),
    ],
)
def test_an_update_that_fails_at_its_end_leaves_exactly_what_was_before(world, change, parameters):
    world.stacks.create("demo", TEMPLATE)
    before, said = world.picture(), world.stacks["demo"].outputs
    last = """
  Doomed:
    Type: CloudStack::AffinityGroup
    DependsOn: [Web, Address, Mount, Data, Group]
    Properties: {type: no such type}
"""
    doomed = TEMPLATE.replace(*change).replace("Outputs:", f"{last}Outputs:")
    with pytest.raises(OperationFailedError) as caught:
        world.stacks.update("demo", doomed, parameters)
    assert caught.value.status == "UPDATE_ROLLBACK_COMPLETE"
    now = world.picture()
    if "Ssh" not in parameters:  # a rule cannot be changed, so going back makes another one
        ids = {kind: set(things) for kind, things in before.items() if kind not in {"tag", "nic"}}
        assert {kind: set(things) for kind, things in now.items() if kind not in {"tag", "nic"}} == ids
    if "Disk" not in parameters:  # CloudStack cannot make a disk smaller
        assert settled(now) == settled(before)
    assert world.stacks["demo"].outputs == said
    assert world.held() == world.known("demo")
    with pytest.raises(StackError, match="No updates are to be performed"):
        world.stacks.update("demo", TEMPLATE)


@pytest.mark.parametrize(
    "command",
    [
        "changeServiceForVirtualMachine",
        "startVirtualMachine",
        "deleteFirewallRule",
        "createFirewallRule",
        "resizeVolume",
    ],
)
def test_an_update_whose_call_fails_goes_back(world, command):
    world.stacks.create("demo", TEMPLATE)
    before = settled(world.picture())
    world.fault(Fault(command, "error" if command == "changeServiceForVirtualMachine" else "job", nth=1))
    with suppress(OperationFailedError):  # a removal that fails once is tried again, and the update succeeds
        world.stacks.update("demo", None, OFTEN)
    if world.stacks["demo"].status == "UPDATE_ROLLBACK_COMPLETE":
        changed = [one for one, two in zip(settled(world.picture()), before, strict=True) if one != two]
        assert {one[0] for one in changed} <= {"volume"}  # which grew, and cannot shrink
    else:
        assert (world.stacks["demo"].status, command) == ("UPDATE_COMPLETE", "deleteFirewallRule")
    assert world.held() == world.known("demo")
    assert {one["state"] for one in world.things("virtualmachine")} == {"Running"}


def test_an_update_that_may_stay_failed_can_be_repaired_by_another(world):
    world.stacks.create("demo", TEMPLATE)
    world.fault(Fault("createFirewallRule", "job"))
    with pytest.raises(OperationFailedError) as caught:
        world.stacks.update("demo", None, {"Ssh": "2222"}, on_failure="DO_NOTHING")
    assert caught.value.status == "UPDATE_FAILED"
    assert world.held() == world.known("demo")
    world.mend()
    assert world.stacks.update("demo", None, {"Ssh": "2223"}).status == "UPDATE_COMPLETE"
    assert [rule["startport"] for rule in world.things("firewallrule")] == [2223]
    assert world.held() == world.known("demo")


def test_a_rollback_that_fails_is_continued_when_the_cloud_is_well_again(world):
    world.stacks.create("demo", TEMPLATE)
    before = settled(world.picture())
    world.fault(Fault("createFirewallRule", "job"))
    with pytest.raises(OperationFailedError) as caught:
        world.stacks.update("demo", None, {"Ssh": "2222"})
    assert caught.value.status == "UPDATE_ROLLBACK_FAILED"
    with pytest.raises(StackError, match="continue its rollback"):
        world.stacks.update("demo", None, {"Ssh": "2222"})
    with pytest.raises(OperationFailedError) as again:
        world.stacks.continue_rollback("demo")
    assert again.value.status == "UPDATE_ROLLBACK_FAILED"
    assert world.held() == world.known("demo")
    world.mend()
    assert world.stacks.continue_rollback("demo").status == "UPDATE_ROLLBACK_COMPLETE"
    assert settled(world.picture()) == before
    assert world.held() == world.known("demo")


def test_a_stack_whose_rollback_failed_can_be_deleted(world):
    world.stacks.create("demo", TEMPLATE)
    world.fault(Fault("createFirewallRule", "job"))
    with pytest.raises(OperationFailedError):
        world.stacks.update("demo", None, {"Ssh": "2222"})
    assert world.stacks.delete("demo").status == "DELETE_COMPLETE"
    assert world.held() == set()


def test_continuing_a_rollback_that_is_not_under_way_is_an_error_that_changes_nothing(world):
    world.stacks.create("demo", TEMPLATE)
    before = world.picture()
    with pytest.raises(StackError):
        world.stacks.continue_rollback("demo")
    assert world.picture() == before
    assert world.stacks.update("demo", None, {"Ssh": "23"}).status == "UPDATE_COMPLETE"


def test_an_address_moves_from_one_machine_to_another_and_keeps_its_number(world):
    more = f"""
  Mail:
    Type: AWS::EC2::Instance
    Properties: {{ImageId: {IMAGE}, InstanceType: Small Instance, SecurityGroups: [!Ref Group]}}
Outputs:"""
    template = TEMPLATE.replace("Outputs:", more.lstrip("\n"))
    outputs = world.stacks.create("demo", template).outputs
    moved = template.replace("{InstanceId: !Ref Web}", "{InstanceId: !Ref Mail}")
    assert world.stacks.update("demo", moved).outputs == outputs
    (address,) = [one for one in world.things("publicip") if one.get("static_nat")]
    (mail,) = [one for name, one in world.machines().items() if "mail" in name]
    assert address["vm"] == mail["id"]
    assert world.held() == world.known("demo")


def test_associations_and_attachments_follow_what_they_name(world):
    template = f"""
Parameters:
  Of: {{Type: String, Default: One}}
Conditions:
  First: !Equals [!Ref Of, One]
Resources:
  One: {{Type: AWS::EC2::Instance, Properties: {{ImageId: {IMAGE}, InstanceType: Small Instance}}}}
  Two: {{Type: AWS::EC2::Instance, Properties: {{ImageId: {IMAGE}, InstanceType: Small Instance}}}}
  Address: {{Type: AWS::EC2::EIP}}
  Leads:
    Type: AWS::EC2::EIPAssociation
    Properties: {{EIP: !Ref Address, InstanceId: !If [First, !Ref One, !Ref Two]}}
  Disk: {{Type: AWS::EC2::Volume, Properties: {{Size: 1}}}}
  Mount:
    Type: AWS::EC2::VolumeAttachment
    Properties: {{VolumeId: !Ref Disk, InstanceId: !If [First, !Ref One, !Ref Two], Device: /dev/sdf}}
"""
    world.stacks.create("demo", template)
    for of in ("Two", "One", "Two"):
        world.stacks.update("demo", None, {"Of": of})
        (machine,) = [one for name, one in world.machines().items() if f"-{of.lower()}-" in name]
        (address,) = [one for one in world.things("publicip") if not one.get("source_nat")]
        (disk,) = [one for one in world.things("volume") if one["type"] == "DATADISK"]
        assert (address["vm"], disk["vm"]) == (machine["id"], machine["id"])
        assert world.held() == world.known("demo")
    world.stacks.delete("demo")
    assert world.held() == set()


def test_resources_come_and_go_with_a_condition(world):
    template = TEMPLATE.replace(
        "Resources:",
        "  With: {Type: String, Default: no}\nConditions:\n  Disk: !Equals [!Ref With, 'yes']\nResources:",
        1,
    )
    template = template.replace(
        "  Data: {Type: AWS::EC2::Volume,", "  Data: {Type: AWS::EC2::Volume, Condition: Disk,"
    )
    template = template.replace(
        "    Type: AWS::EC2::VolumeAttachment", "    Type: AWS::EC2::VolumeAttachment\n    Condition: Disk"
    )
    world.stacks.create("demo", template)

    def disks() -> list:
        return [one for one in world.things("volume") if one["type"] == "DATADISK"]

    assert disks() == []
    world.stacks.update("demo", None, {"With": "yes"})
    assert [one["vm"] for one in disks()] == [one["id"] for one in world.things("virtualmachine")]
    assert world.held() == world.known("demo")
    world.stacks.update("demo", None, {"With": "no"})
    assert disks() == []
    assert world.held() == world.known("demo")


@pytest.mark.parametrize(
    "tags",
    [
        "[{Key: other, Value: x}]",
        "[{Key: role, Value: web}, {Key: other, Value: x}]",
        "[{Key: role, Value: mail}, {Key: other, Value: x}]",
        "[]",
    ],
)
@pytest.mark.parametrize(
    "command",
    ["stopVirtualMachine", "changeServiceForVirtualMachine", "startVirtualMachine", "deleteTags", "createTags"],
)
def test_tags_and_size_go_back_from_wherever_the_update_failed(world, tags, command):
    world.stacks.create("demo", TEMPLATE)
    before = world.picture()
    tagged = sorted((tag["key"], tag["value"]) for tag in world.things("tag"))
    world.fault(Fault(command, "error" if command == "changeServiceForVirtualMachine" else "job", nth=1))
    changed = TEMPLATE.replace("[{Key: role, Value: web}]", tags)
    with suppress(OperationFailedError):
        world.stacks.update("demo", changed, {"Size": "Medium Instance"})
    if world.stacks["demo"].status == "UPDATE_COMPLETE":
        assert command in {"deleteTags", "createTags"}
        return
    assert world.stacks["demo"].status == "UPDATE_ROLLBACK_COMPLETE"
    assert sorted((tag["key"], tag["value"]) for tag in world.things("tag")) == tagged
    for kind in ("virtualmachine", "volume", "publicip"):
        assert world.picture()[kind] == before[kind]


GROUPS = f"""
Parameters:
  Ports: {{Type: CommaDelimitedList, Default: "22,80"}}
  Size: {{Type: String, Default: Small Instance}}
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: two ports
      SecurityGroupIngress:
        - {{IpProtocol: tcp, FromPort: !Select [0, !Ref Ports], ToPort: !Select [0, !Ref Ports], CidrIp: 10.0.0.0/8}}
        - {{IpProtocol: tcp, FromPort: !Select [1, !Ref Ports], ToPort: !Select [1, !Ref Ports], CidrIp: 10.0.0.0/8}}
  Web:
    Type: AWS::EC2::Instance
    Properties: {{ImageId: {IMAGE}, InstanceType: !Ref Size, SecurityGroups: [!Ref Group]}}
"""


@pytest.mark.parametrize(
    ("command", "nth"),
    [
        ("revokeSecurityGroupIngress", 1),
        ("revokeSecurityGroupIngress", 2),
        ("authorizeSecurityGroupIngress", 1),
        ("authorizeSecurityGroupIngress", 2),
    ],
)
def test_the_rules_of_a_group_go_back_from_wherever_the_update_failed(command, nth):
    with cloud(zone="SandboxSG") as world:
        world.stacks.create("demo", GROUPS)
        world.fault(Fault(command, "error", nth=nth, text="no"))
        with pytest.raises(OperationFailedError) as caught:
            world.stacks.update("demo", None, {"Ports": "443,8080"})
        assert caught.value.status == "UPDATE_ROLLBACK_COMPLETE"
        assert sorted(one["first"] for one in world.things("securityrule")) == [22, 80]
        assert world.held() == world.known("demo")
