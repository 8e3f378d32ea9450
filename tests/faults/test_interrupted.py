"""An update that dies at any of its calls, rolled or rolled back, is ended by the next process."""

from __future__ import annotations

from contextlib import suppress

import pytest
from attrs import evolve
from fault_worlds import IMAGE, TEMPLATE, cloud
from test_rebuilding import NATIVE

from cfnlib.errors import OperationFailedError
from cfnlib.simulator import Fault

OTHER_IMAGE = "Ubuntu 22.04 (Simulator)"
GROUP = f"""
Parameters:
  Size: {{Type: Number, Default: 3}}
  Image: {{Type: String, Default: {IMAGE}}}
Resources:
  Like:
    Type: AWS::AutoScaling::LaunchConfiguration
    Properties: {{ImageId: !Ref Image, InstanceType: Small Instance}}
  Nodes:
    Type: AWS::AutoScaling::AutoScalingGroup
    UpdatePolicy: {{AutoScalingRollingUpdate: {{MaxBatchSize: 2}}}}
    Properties: {{LaunchConfigurationName: !Ref Like, MinSize: !Ref Size, MaxSize: 9}}
  Address: {{Type: AWS::EC2::EIP, Properties: {{InstanceId: !Select [0, !GetAtt Nodes.InstanceIds]}}}}
Outputs:
  First: {{Value: !Select [0, !GetAtt Nodes.InstanceIds]}}
"""
DOOMED = """  Doomed: {Type: CloudStack::AffinityGroup, DependsOn: Address, Properties: {type: host affinity}}
Outputs:"""
CASES = {
    "in place": (TEMPLATE, (None, {"Ssh": "2222", "Size": "Medium Instance", "Disk": "6"}), ()),
    "by replacement": (TEMPLATE, (TEMPLATE.replace(IMAGE, OTHER_IMAGE),), ()),
    "rolled": (GROUP, (None, {"Image": OTHER_IMAGE, "Size": "4"}), ()),
    "rolled and taken back": (
        GROUP,
        (GROUP.replace("Outputs:", DOOMED), {"Image": OTHER_IMAGE, "Size": "2"}),
        (Fault("createAffinityGroup", "error"),),
    ),
    "with its network": (NATIVE, (None, {"Gateway": "10.3.0.1"}), ()),
    "with its network, and taken back": (
        NATIVE,
        (NATIVE.replace("Outputs:", DOOMED.replace("Address", "[Balanced, Mount, Nat]")), {"Gateway": "10.3.0.1"}),
        (Fault("createAffinityGroup", "error"),),
    ),
    "taken back": (
        TEMPLATE,
        (None, {"Ssh": "2222", "Size": "Medium Instance"}),
        (Fault("createFirewallRule", "job", match={"startport": "2222"}),),
    ),
}


class Killed(BaseException):
    """Stands for kill -9."""


class Strike:
    """Kills a process at its n-th call that changes something, before the call is made or after it was answered."""

    def __init__(self, stacks, number, *, late) -> None:
        self.left = number
        self._late = late
        self._submit = stacks.driver.submit
        stacks.driver.submit = self

    def __call__(self, call, until=None) -> object:
        """Make the call, or die."""
        self.left -= 1
        if self.left == 0 and not self._late:
            raise Killed
        answer = self._submit(call, until)
        if self.left == 0:
            raise Killed
        return answer


def picture(world):
    """The machines, addresses, rules and disks by what they are, without ids."""
    by_id = {one["id"]: name for name, one in world.machines().items()}
    return sorted(
        (kind, str([one.get(field) for field in ("template", "offering", "startport", "size_bytes", "state")]))
        + ((by_id[one["vm"]].rsplit("-", 1)[0],) if kind in {"publicip", "volume"} and one.get("vm") else ())
        for kind in ("virtualmachine", "publicip", "firewallrule", "egressrule", "volume", "network", "keypair")
        for one in world.things(kind)
    )


def interrupted(case, number, *, late):
    """How the world looks after the update died at a call and was resumed, and whether it came that far."""
    template, update, faults = CASES[case]
    with cloud() as world:
        world.stacks.create("demo", template)
        world.fault(*faults)
        stacks = world.engine(settings=evolve(world.settings, inline=True))
        strike = Strike(stacks, number, late=late)
        with suppress(Killed, OperationFailedError):
            stacks.update("demo", *update)
        with suppress(OperationFailedError):
            world.engine().resume("demo")
        status = world.stacks["demo"].status
        assert status in {"UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}, (number, late, status)
        assert world.held() == world.known("demo"), (number, late)
        found = status, picture(world)
        assert world.stacks.delete("demo").status == "DELETE_COMPLETE"
        assert world.held() == set()
        return found, strike.left <= 0


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_an_update_that_dies_at_any_call_ends_as_one_that_does_not(case):
    (wanted, _), number, going = interrupted(case, 10**6, late=False), 0, True
    while going:
        number += 1
        for late in (False, True):
            found, going = interrupted(case, number, late=late)
            assert found == wanted, (number, late)
    assert number > 3
