"""Updates that turn a stack inside out: networks replaced under their machines, types and arrows turned round."""

from __future__ import annotations

import pytest
from fault_worlds import IMAGE, TEMPLATE

from cfnlib.errors import OperationFailedError
from cfnlib.simulator import Fault

NATIVE = f"""
Parameters:
  Gateway: {{Type: String, Default: 10.2.0.1}}
  Port: {{Type: String, Default: "80"}}
  Name: {{Type: String, Default: small}}
Resources:
  Net:
    Type: CloudStack::Network
    Properties: {{gateway: !Ref Gateway, netmask: 255.255.255.0, displaytext: !Ref Name}}
  Web:
    Type: CloudStack::VirtualMachine
    Properties:
      zoneid: Sandbox
      templateid: {IMAGE}
      serviceofferingid: Small Instance
      networkids: [!Ref Net]
  Address: {{Type: CloudStack::IpAddress, Properties: {{networkid: !Ref Net}}}}
  Second: {{Type: CloudStack::IpAddress, Properties: {{networkid: !Ref Net}}}}
  Nat:
    Type: CloudStack::StaticNat
    Properties: {{ipaddressid: !Ref Address, virtualmachineid: !Ref Web}}
  Forward:
    Type: CloudStack::PortForwardingRule
    Properties:
      ipaddressid: !Ref Second
      protocol: tcp
      publicport: !Ref Port
      privateport: 80
      virtualmachineid: !Ref Web
  Balancer:
    Type: CloudStack::LoadBalancerRule
    Properties: {{publicipid: !Ref Second, algorithm: roundrobin, publicport: 8080, privateport: 8080, name: web}}
  Balanced:
    Type: CloudStack::ToLoadBalancerRule
    Properties: {{id: !Ref Balancer, virtualmachineids: [!Ref Web]}}
  Disk: {{Type: CloudStack::Volume, Properties: {{diskofferingid: Small}}}}
  Mount: {{Type: CloudStack::VolumeOps, Properties: {{id: !Ref Disk, virtualmachineid: !Ref Web}}}}
Outputs:
  Network: {{Value: !GetAtt Net.cidr}}
"""


def connected(world):
    """Whether everything of the native template leads to the one machine, in the one network."""
    (network,) = world.things("network")
    (machine,) = world.things("virtualmachine")
    (nic,) = world.things("nic")
    (nat,) = [one for one in world.things("publicip") if one.get("static_nat")]
    (forward,) = world.things("portforwardingrule")
    (balancer,) = world.things("loadbalancerrule")
    (disk,) = [one for one in world.things("volume") if one["type"] == "DATADISK"]
    assert nic["network"] == network["id"]
    assert nat["network"] == network["id"]
    assert {nic["vm"], nat["vm"], forward["vm"], disk["vm"], *balancer["vms"]} == {machine["id"]}
    return network


def test_a_network_that_is_replaced_takes_all_with_it_but_the_disk(world):
    world.stacks.create("demo", NATIVE)
    connected(world)
    (disk,) = [one for one in world.things("volume") if one["type"] == "DATADISK"]
    outputs = world.stacks.update("demo", None, {"Gateway": "10.3.0.1"}).outputs
    assert connected(world)["cidr"] == outputs["Network"] == "10.3.0.0/24"
    assert [one["id"] for one in world.things("volume") if one["type"] == "DATADISK"] == [disk["id"]]
    assert world.held() == world.known("demo")
    world.stacks.delete("demo")
    assert world.held() == set()


@pytest.mark.parametrize(
    "command", ["createNetwork", "deployVirtualMachine", "enableStaticNat", "createLoadBalancerRule", "attachVolume"]
)
def test_a_network_whose_replacement_fails_is_as_it_was(world, command):
    world.stacks.create("demo", NATIVE)
    network = connected(world)
    outputs = world.stacks["demo"].outputs
    world.fault(Fault(command, "error", nth=1))
    with pytest.raises(OperationFailedError) as caught:
        world.stacks.update("demo", None, {"Gateway": "10.3.0.1"})
    assert caught.value.status == "UPDATE_ROLLBACK_COMPLETE"
    assert connected(world)["id"] == network["id"]
    assert world.stacks["demo"].outputs == outputs
    assert world.held() == world.known("demo")


def test_what_changes_in_place_is_changed_in_place(world):
    world.stacks.create("demo", NATIVE)
    network = connected(world)
    world.stacks.update("demo", None, {"Name": "large", "Port": "81"})
    now = connected(world)
    assert (now["id"], now["displaytext"]) == (network["id"], "large")
    assert [one["startport"] for one in world.things("portforwardingrule")] == [81]
    assert world.held() == world.known("demo")


def test_a_logical_id_may_get_another_type_and_arrows_may_turn_round(world):
    one = """
Resources:
  First: {Type: CloudStack::AffinityGroup, Properties: {type: host anti-affinity}}
  Second: {Type: CloudStack::SSHKeyPair, DependsOn: First}
"""
    other = """
Resources:
  Second: {Type: CloudStack::AffinityGroup, Properties: {type: host anti-affinity}}
  First: {Type: CloudStack::SSHKeyPair, DependsOn: Second}
"""
    world.stacks.create("demo", one)
    for template in (other, one, other):
        assert world.stacks.update("demo", template).status == "UPDATE_COMPLETE"
        assert len(world.things("affinitygroup")) == len(world.things("keypair")) == 1
        assert world.held() == world.known("demo")
    world.stacks.delete("demo")
    assert world.held() == set()


def test_a_failed_update_that_was_left_so_can_be_taken_back_later(world):
    world.stacks.create("demo", NATIVE)
    network = connected(world)
    world.fault(Fault("createLoadBalancerRule", "error"))
    with pytest.raises(OperationFailedError) as caught:
        world.stacks.update("demo", None, {"Gateway": "10.3.0.1"}, on_failure="DO_NOTHING")
    assert caught.value.status == "UPDATE_FAILED"
    assert world.held() == world.known("demo")
    world.mend()
    assert world.stacks.continue_rollback("demo").status == "UPDATE_ROLLBACK_COMPLETE"
    assert connected(world)["id"] == network["id"]
    assert world.held() == world.known("demo")


def test_two_failed_updates_go_back_to_what_was_before_the_first(world):
    world.stacks.create("demo", NATIVE)
    network = connected(world)
    world.fault(Fault("createLoadBalancerRule", "error", times=2))
    with pytest.raises(OperationFailedError):
        world.stacks.update("demo", None, {"Gateway": "10.3.0.1"}, on_failure="DO_NOTHING")
    with pytest.raises(OperationFailedError) as caught:
        world.stacks.update("demo", None, {"Gateway": "10.4.0.1"})
    assert caught.value.status == "UPDATE_ROLLBACK_COMPLETE"
    assert connected(world)["id"] == network["id"]
    assert world.held() == world.known("demo")
    assert world.stacks.update("demo", None, {"Gateway": "10.5.0.1"}).outputs["Network"] == "10.5.0.0/24"
    assert world.held() == world.known("demo")


def test_what_was_changed_by_hand_is_put_right_when_it_is_changed_next(world):
    world.stacks.create("demo", TEMPLATE)
    client = world.stacks.driver.client
    (rule,) = world.things("firewallrule")
    client.call("deleteFirewallRule", {"id": rule["id"]})
    world.stacks.update("demo", None, {"Ssh": "2222"})
    assert [one["startport"] for one in world.things("firewallrule")] == [2222]
    assert world.held() == world.known("demo")
