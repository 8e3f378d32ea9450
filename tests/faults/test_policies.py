"""What stays when a stack, or a part of it, goes: deletion policies, and what a failed creation does."""

from __future__ import annotations

import pytest
from fault_worlds import IMAGE, TEMPLATE, World

from cfnlib.errors import OperationFailedError
from cfnlib.simulator import Fault


def with_policy(policy, kind="DeletionPolicy"):
    """The template whose disk has a policy."""
    return TEMPLATE.replace("Data: {Type: AWS::EC2::Volume,", f"Data: {{Type: AWS::EC2::Volume, {kind}: {policy},")


def disks(world):
    return [one for one in world.things("volume") if one["type"] == "DATADISK"]


@pytest.mark.parametrize(
    ("policy", "stays", "snapshots"),
    [("Delete", 0, 0), ("Retain", 1, 0), ("Snapshot", 0, 1), ("RetainExceptOnCreate", 1, 0)],
)
def test_the_deletion_policy_says_what_stays_of_a_disk(world, policy, stays, snapshots):
    world.stacks.create("demo", with_policy(policy))
    stack = world.stacks.delete("demo")
    assert stack.status == "DELETE_COMPLETE"
    assert len(disks(world)) == stays
    assert len(world.things("snapshot")) == snapshots
    assert all(one["state"] == "Ready" and "vm" not in one for one in disks(world))
    assert world.held() == {one["id"] for kind in ("volume", "snapshot") for one in world.things(kind)}


@pytest.mark.parametrize(
    ("policy", "stays"), [("Delete", 0), ("Retain", 1), ("Snapshot", 0), ("RetainExceptOnCreate", 0)]
)
def test_what_a_creation_that_failed_made_goes_unless_it_is_retained_always(world, policy, stays):
    world.fault(Fault("attachVolume", "job"))
    with pytest.raises(OperationFailedError) as caught:
        world.stacks.create("demo", with_policy(policy))
    assert caught.value.status == "ROLLBACK_COMPLETE"
    assert len(disks(world)) == stays
    assert world.held() == {one["id"] for one in disks(world)}


@pytest.mark.parametrize(("policy", "stays"), [("Delete", 0), ("Retain", 1), ("Snapshot", 0)])
def test_what_leaves_the_template_goes_by_its_deletion_policy(world, policy, stays):
    world.stacks.create("demo", with_policy(policy))
    lines = with_policy(policy).splitlines()
    kept = [line for line in lines if "Data:" not in line and "Data, " not in line and "Volume" not in line]
    kept = [line for line in kept if line.strip() != "Mount:"]
    world.stacks.update("demo", "\n".join(kept))
    assert len(disks(world)) == stays
    assert len(world.things("snapshot")) == (policy == "Snapshot")
    assert world.known("demo") == world.held() - {
        one["id"] for kind in ("volume", "snapshot") for one in world.things(kind)
    }


@pytest.mark.parametrize(("policy", "there"), [("Delete", 1), ("Retain", 2), ("Snapshot", 1)])
def test_the_policy_for_replacement_says_what_stays_of_the_old_thing(world, policy, there):
    template = with_policy(policy, "UpdateReplacePolicy")
    world.stacks.create("demo", template)
    (old,) = disks(world)
    new_type = template.replace("{Size: !Ref Disk}", "{Size: !Ref Disk, SnapshotId: %s}")
    snapshot = snapshot_of(world, old["id"])
    world.stacks.update("demo", new_type % snapshot)
    found = {one["id"] for one in disks(world)}
    assert len(found) == there
    assert (old["id"] in found) is (policy == "Retain")
    assert len(world.things("snapshot")) == 1 + (policy == "Snapshot")


def snapshot_of(world, volume_id):
    client = world.stacks.driver.client
    answer = client.call("createSnapshot", {"volumeid": volume_id, "name": "by hand"})
    return answer["id"]


@pytest.mark.parametrize(
    ("on_failure", "status"),
    [("ROLLBACK", "ROLLBACK_COMPLETE"), ("DELETE", "DELETE_COMPLETE"), ("DO_NOTHING", "CREATE_FAILED")],
)
def test_what_a_failed_creation_leaves_is_what_was_asked_for(world, on_failure, status):
    world.fault(Fault("enableStaticNat", "error", text="no"))
    with pytest.raises(OperationFailedError, match="Address: enableStaticNat: no") as caught:
        world.stacks.create("demo", TEMPLATE, on_failure=on_failure)
    assert caught.value.status == status
    (state,) = world.store.stacks(deleted=True)
    assert state.status.value == status
    assert "enableStaticNat" in state.reason or status == "DELETE_COMPLETE"
    if on_failure == "DO_NOTHING":
        assert len(world.things("virtualmachine")) == 1
        assert world.held() == world.known("demo")
        world.stacks.delete("demo")
    assert world.held() == set()


@pytest.mark.parametrize("on_failure", ["ROLLBACK", "DELETE"])
def test_a_rollback_that_fails_says_so_and_a_deletion_ends_it(world, on_failure):
    world.fault(Fault("enableStaticNat", "error", text="no"), Fault("destroyVirtualMachine", "job", text="stuck"))
    with pytest.raises(OperationFailedError, match="stuck") as caught:
        world.stacks.create("demo", TEMPLATE, on_failure=on_failure)
    assert caught.value.status == {"ROLLBACK": "ROLLBACK_FAILED", "DELETE": "DELETE_FAILED"}[on_failure]
    assert world.held() == world.known("demo") != set()
    with pytest.raises(OperationFailedError, match="stuck"):
        world.stacks.delete("demo")
    world.mend()
    assert world.stacks.delete("demo").status == "DELETE_COMPLETE"
    assert world.held() == set()


def test_a_stack_whose_things_were_removed_by_hand_can_be_deleted(world):
    world.stacks.create("demo", TEMPLATE)
    client = world.stacks.driver.client
    (machine,) = world.things("virtualmachine")
    client.call("destroyVirtualMachine", {"id": machine["id"], "expunge": True})
    (address,) = [one for one in world.things("publicip") if not one.get("source_nat")]
    client.call("disassociateIpAddress", {"id": address["id"]})
    assert isinstance(world, World)
    assert world.stacks.delete("demo").status == "DELETE_COMPLETE"
    assert world.held() == set()


def test_a_machine_that_fails_after_it_was_made_leaves_no_disk_behind(world):
    template = f"""
Resources:
  Web:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: {IMAGE}
      InstanceType: Small Instance
      BlockDeviceMappings: [{{DeviceName: /dev/sdf, Ebs: {{VolumeSize: 3}}}}]
      Tags: [{{Key: role, Value: web}}]
"""
    world.fault(Fault("createTags", "error", match={"resourcetype": "UserVm"}))
    with pytest.raises(OperationFailedError) as caught:
        world.stacks.create("demo", template)
    assert caught.value.status == "ROLLBACK_COMPLETE"
    assert world.held() == set()


BALANCED = f"""
Resources:
  Net: {{Type: CloudStack::Network}}
  Address: {{Type: CloudStack::IpAddress, Properties: {{networkid: !Ref Net}}}}
  One:
    Type: AWS::EC2::Instance
    Properties: {{ImageId: {IMAGE}, InstanceType: Small Instance, SubnetId: !Ref Net}}
  Two:
    Type: AWS::EC2::Instance
    Properties: {{ImageId: {IMAGE}, InstanceType: Small Instance, SubnetId: !Ref Net}}
  Balancer:
    Type: CloudStack::LoadBalancerRule
    Properties: {{publicipid: !Ref Address, algorithm: roundrobin, publicport: 80, privateport: 80, name: web}}
Outputs:
  Balancer: {{Value: !Ref Balancer}}
  One: {{Value: !Ref One}}
  Two: {{Value: !Ref Two}}
"""


@pytest.mark.parametrize("verb", ["create", "update"])
def test_what_was_half_done_to_things_of_another_stack_is_undone(world, verb):
    outputs = world.stacks.create("other", BALANCED).outputs
    one = f"""
Resources:
  Both:
    Type: CloudStack::ToLoadBalancerRule
    Properties: {{id: {outputs["Balancer"]}, virtualmachineids: [{outputs["One"]}]}}
  Key: {{Type: CloudStack::SSHKeyPair}}
"""
    both = one.replace(outputs["One"], f"{outputs['One']}, {outputs['Two']}")
    if verb == "update":
        world.stacks.create("demo", one)
    last = Fault("assignToLoadBalancerRule", "job", match={"virtualmachineids": outputs["Two"]}, text="no")
    world.fault(last)
    on_failure = {"create": "ROLLBACK", "update": "DO_NOTHING"}[verb]
    with pytest.raises(OperationFailedError, match="no"):
        getattr(world.stacks, verb)("demo", both, on_failure=on_failure)
    world.stacks.delete("demo")
    (rule,) = world.things("loadbalancerrule")
    assert rule["vms"] == []
    assert world.held() == world.known("other")
