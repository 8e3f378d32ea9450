"""A deletion that is asked for while an operation is under way comes about, and nobody sees that operation end."""

from __future__ import annotations

from contextlib import suppress

import pytest
from attrs import evolve
from fault_worlds import IMAGE, cloud
from test_interrupted import Killed

from cfnlib.errors import CfnlibError, StackError
from cfnlib.simulator import Fault
from cfnlib.state.model import StackStatus

TEMPLATE = f"""
Parameters:
  Role: {{Type: String, Default: web}}
  Kind: {{Type: String, Default: host anti-affinity}}
Resources:
  Apart: {{Type: CloudStack::AffinityGroup, Properties: {{type: !Ref Kind}}}}
  Web:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: {IMAGE}
      InstanceType: Small Instance
      BlockDeviceMappings: [{{DeviceName: /dev/sdb, Ebs: {{VolumeSize: 7}}}}]
      Tags: [{{Key: role, Value: !Ref Role}}]
"""
CHANGED = {"Role": "db", "Kind": "host affinity"}
FAILS = {
    "create": Fault("createTags", "error", match={"resourcetype": "UserVm"}),
    "update": Fault("deleteTags", "error"),
}


class Wish:
    """Asks for the stack's deletion just before its operation writes for the n-th time, and notes what is seen then.

    `dies`: the process ends when it has written that.
    """

    def __init__(self, store, number, *, dies) -> None:
        self.left = number
        self.taken = False
        self.seen: list[StackStatus] = []
        self._dies = dies
        self._store = store
        self._commit = store.commit
        store.commit = self

    def __call__(self, lease, **given: object) -> object:
        """Write, as the store does."""
        self.left -= 1
        if self.left == 0:
            with suppress(StackError):  # it has not begun, or ends in this moment
                self._store.ask(lease.stack_id, "delete", {"token": "gone"})
                self.taken = True
        answer = self._commit(lease, **given)
        if self.taken:
            self.seen.append(self._store.stack(lease.stack_id).status)
        if self.left == 0 and self._dies:
            raise Killed
        return answer


def run(world, stacks, verb, *, fails):
    """Make the stack, or change it; it may fail."""
    if fails:
        world.fault(FAILS[verb])
    with suppress(CfnlibError, Killed):
        if verb == "create":
            stacks.create("demo", TEMPLATE)
        else:
            stacks.update("demo", None, CHANGED)
    world.mend()


@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("verb", ["create", "update"])
def test_whenever_a_deletion_is_asked_for_it_is_all_that_is_seen_to_end(verb, fails, dies):
    number, came, taken = 0, True, 0
    while came:
        number += 1
        with cloud() as world:
            if verb == "update":
                world.stacks.create("demo", TEMPLATE)
            stack_id = world.stacks["demo"].stack_id if verb == "update" else None
            wish = Wish(world.store, number, dies=dies)
            run(world, world.engine(settings=evolve(world.settings, inline=True)), verb, fails=fails)
            came = wish.left <= 0
            if not wish.taken:
                continue
            taken += 1
            with suppress(CfnlibError):
                world.engine().resume(stack_id or world.store.stacks(deleted=True)[0].stack_id)
            [stack] = world.store.stacks(deleted=True)
            assert stack.status is StackStatus.DELETE_COMPLETE, number
            assert {one for one in wish.seen if not one.in_progress} <= {StackStatus.DELETE_COMPLETE}, number
            events = world.store.events(stack.stack_id)
            began = [event.physical_id == stack.stack_id and event.status for event in events].index(
                "DELETE_IN_PROGRESS"
            )
            assert {event.token for event in events[began:]} == {"gone"}, number
            assert world.held() == set(), number
    assert taken > 3
