"""A public address of a stack is never the one by which a network's router goes out."""

from __future__ import annotations

import pytest
from attrs import evolve
from fault_worlds import IMAGE, cloud

from cfnlib.errors import OperationFailedError
from cfnlib.simulator import Fault

EMPTY = """
Resources:
  Net: {Type: CloudStack::Network, Properties: {gateway: 10.2.0.1, netmask: 255.255.255.0}}
  First: {Type: CloudStack::IpAddress, Properties: {networkid: !Ref Net}}
  Second: {Type: CloudStack::IpAddress, Properties: {networkid: !Ref Net, tags: [{key: a, value: b}]}}
"""
KNOWN_TO_THE_MACHINE = f"""
Resources:
  Net: {{Type: CloudStack::Network, Properties: {{gateway: 10.2.0.1, netmask: 255.255.255.0}}}}
  Address: {{Type: CloudStack::IpAddress, Properties: {{networkid: !Ref Net}}}}
  Web:
    Type: CloudStack::VirtualMachine
    Properties:
      templateid: {IMAGE}
      serviceofferingid: Small Instance
      networkids: [!Ref Net]
      userdata: !Base64 {{'Fn::Sub': 'I am at ${{Address.ipaddress}}'}}
  Nat: {{Type: CloudStack::StaticNat, Properties: {{ipaddressid: !Ref Address, virtualmachineid: !Ref Web}}}}
"""
CHOSEN = f"""
Parameters:
  Address: {{Type: String}}
  Doomed: {{Type: String, Default: "no"}}
Conditions:
  Doomed: !Equals [!Ref Doomed, "yes"]
Resources:
  Web: {{Type: AWS::EC2::Instance, Properties: {{ImageId: {IMAGE}, InstanceType: Small Instance}}}}
  Ip: {{Type: AWS::EC2::EIP, Properties: {{InstanceId: !Ref Web, Address: !Ref Address}}}}
  Apart: {{Type: CloudStack::AffinityGroup, Condition: Doomed, DependsOn: Ip, Properties: {{type: host affinity}}}}
"""
LOST = (Fault("associateIpAddress", "drop_answer", times=2), Fault("associateIpAddress", "reset", times=2))


class Killed(BaseException):
    """Stands for kill -9."""


def own(world):
    """The addresses that lead elsewhere than out of a network."""
    return {one["id"] for one in world.things("publicip") if not one.get("source_nat")}


@pytest.mark.parametrize("faults", [(), LOST[:1], LOST[1:]], ids=["calm", "answers lost", "requests lost"])
@pytest.mark.parametrize("template", [EMPTY, KNOWN_TO_THE_MACHINE], ids=["no machine", "a machine"])
def test_addresses_of_a_new_network_are_not_its_routers_own(template, faults):
    with cloud() as world:
        world.fault(*faults)
        world.stacks.create("demo", template)
        known = {row.physical_id for row in world.stacks["demo"].resources if row.type.endswith("IpAddress")}
        assert known == own(world)
        assert len(world.things("publicip")) == len(known) + 1
        assert world.stacks.delete("demo").status == "DELETE_COMPLETE"
        assert world.things("publicip") == []


def test_an_address_that_the_router_took_after_a_kill_is_chosen_again():
    with cloud() as world:
        world.stacks.create("first", EMPTY.split("  First", maxsplit=1)[0])
        (network,) = world.things("network")
        template = f"Resources:\n  A: {{Type: CloudStack::IpAddress, Properties: {{networkid: {network['id']}}}}}"
        stacks = world.engine(settings=evolve(world.settings, inline=True))

        def die(call, _until=None):
            """The router takes the address that was chosen, and the process is gone."""
            client = world.stacks.driver.client
            client.call("associateIpAddress", {"networkid": network["id"], "ipaddress": call.params["ipaddress"]})
            raise Killed

        stacks.driver.submit = die
        with pytest.raises(Killed):
            stacks.create("demo", template)
        assert world.engine().resume("demo").status == "CREATE_COMPLETE"
        (row,) = world.stacks["demo"].resources
        assert {row.physical_id} == own(world)


def mapped(world):
    """Which address leads to which machine."""
    names = {one["id"]: name for name, one in world.machines().items()}
    return [(one["address"], names[one["vm"]]) for one in world.things("publicip") if one.get("static_nat")]


def test_a_machine_is_given_another_address_and_the_first_one_again_when_that_fails():
    """Only one address leads to a machine at a time."""
    with cloud() as world:
        asked = {"allocatedonly": False, "state": "Free"}
        rows = world.stacks.driver.client.rows("listPublicIpAddresses", "publicipaddress", asked)
        first, second = [row["ipaddress"] for row in rows][5:7]
        world.stacks.create("demo", CHOSEN, {"Address": first})
        [(_, machine)] = mapped(world)
        world.fault(Fault("createAffinityGroup", "error"))
        with pytest.raises(OperationFailedError, match="UPDATE_ROLLBACK_COMPLETE"):
            world.stacks.update("demo", None, {"Address": second, "Doomed": "yes"})
        assert mapped(world) == [(first, machine)]
        assert world.stacks.update("demo", None, {"Address": second, "Doomed": "no"}).status == "UPDATE_COMPLETE"
        assert mapped(world) == [(second, machine)]
        assert world.held() == world.known("demo")


def lead(apart=False, **machines):
    """A template of two machines, and of addresses that lead to these; `apart`: by associations."""
    lines = [
        f"  {name}: {{Type: AWS::EC2::Instance, Properties: {{ImageId: {IMAGE}, InstanceType: Small Instance}}}}"
        for name in ("One", "Two")
    ]
    for name, machine in machines.items():
        to = f", InstanceId: !Ref {machine}" if machine else ""
        lines.append(f"  {name}: {{Type: AWS::EC2::EIP, Properties: {{Domain: vpc{'' if apart else to}}}}}")
        if apart and machine:
            leads = f"{{AllocationId: !GetAtt {name}.AllocationId{to}}}"
            lines.append(f"  {name}Leads: {{Type: AWS::EC2::EIPAssociation, Properties: {leads}}}")
    return "\n".join(["Resources:", *lines])


@pytest.mark.parametrize(
    "after",
    [
        {"New": "One", "B": "Two"},
        {"A": "Two", "B": "One"},
        {"A": None, "B": "One"},
        {"B": "One"},
        {"New": "Two", "A": "One"},
        {"A": "Two", "C": "One"},
    ],
    ids=["renamed", "swapped", "handed on", "left over", "renamed other", "moved on"],
)
@pytest.mark.parametrize("apart", [False, True], ids=["by themselves", "by associations"])
def test_addresses_change_places_in_one_update_and_back(after, apart):
    """On CloudStack an address leads to one machine, and one address to a machine, at every moment."""
    with cloud() as world:
        before = {"A": "One", "B": "Two"}
        world.stacks.create("demo", lead(apart, **before))
        for wanted in (after, before):
            assert world.stacks.update("demo", lead(apart, **wanted)).status == "UPDATE_COMPLETE"
            led = {one["id"]: one["vm"] for one in world.things("publicip") if one.get("static_nat")}
            ids = {row.logical_id: row.physical_id for row in world.stacks["demo"].resources}
            assert led == {ids[name]: ids[machine] for name, machine in wanted.items() if machine}
            assert world.held() == world.known("demo")
