"""How the driver tells the end of what EC2 goes on with after its answer: by the states of the things."""

from __future__ import annotations

import pytest
from driver_things import MACHINE

from cfnlib.drivers.base import Pending
from cfnlib.drivers.ec2 import records
from cfnlib.drivers.ec2.waits import GRACE_S, Waits
from cfnlib.errors import JobFailedError, UnknownOutcomeError
from cfnlib.schema.calls import Call, Effect, Find

MAKE = Call("deployVirtualMachine", {"name": "m"}, Effect.CREATES)
CHANGE = Call("startVirtualMachine", {"id": "i-1"})
REMOVE = Call("destroyVirtualMachine", {"id": "i-1"}, Effect.REMOVES)


class Cloud:
    """Things as an API describes them, in the way that `Listings` tells of them; counts the questions."""

    def __init__(self) -> None:
        self.things: dict[str, dict] = {}
        self.questions = 0
        self.now = 0.0

    def machine(self, name, state, **fields) -> None:
        """A machine in a state."""
        self.things[name] = records.instance({"InstanceId": name, "State": {"Name": state}, **fields})

    def volume(self, name, state, attachment="", size=1) -> None:
        """A volume in a state."""
        attached = [{"InstanceId": "i-1", "State": attachment, "Device": "/dev/sdf"}] if attachment else []
        self.things[name] = records.volume({"VolumeId": name, "State": state, "Size": size, "Attachments": attached})

    def listed(self, _command, params):
        """The things with these ids."""
        self.questions += 1
        return [self.things[one] for one in params["ids"] if one in self.things]

    def find(self, find):
        """What a find shows."""
        return find.select(self.things.values())

    def read(self, _resource, ids):
        """The things by id."""
        return {one: self.things[one] for one in ids if one in self.things}

    def waits(self) -> Waits:
        """What is tested, on this cloud."""
        return Waits(self, self.read, now=lambda: self.now)


@pytest.fixture
def cloud():
    return Cloud()


def pending(job_id, call=MAKE, thing_id="i-1", key="it"):
    return Pending(key, MACHINE, call, job_id, thing_id)


def test_a_machine_is_made_when_it_runs(cloud):
    waits = cloud.waits()
    assert waits.ended([pending("instance i-1 running")]) == []
    cloud.machine("i-1", "pending")
    assert waits.ended([pending("instance i-1 running")]) == []
    cloud.machine("i-1", "running", PrivateIpAddress="10.0.0.1")
    [end] = waits.ended([pending("instance i-1 running")])
    assert end.error is None
    assert end.record["nic"][0]["ipaddress"] == "10.0.0.1"


def test_a_machine_that_dies_on_the_way_has_failed_and_says_why(cloud):
    cloud.machine("i-1", "terminated", StateReason={"Message": "no room"})
    [end] = cloud.waits().ended([pending("instance i-1 running")])
    assert isinstance(end.error, JobFailedError)
    assert "no room" in str(end.error)


@pytest.mark.parametrize("state", ["stopped", None])
def test_what_seems_wrong_is_believed_only_after_a_while(cloud, state):
    waits = cloud.waits()
    if state:
        cloud.machine("i-1", state)
    assert waits.ended([pending("instance i-1 running", CHANGE)]) == []
    cloud.now = GRACE_S - 1
    assert waits.ended([pending("instance i-1 running", CHANGE)]) == []
    cloud.now = GRACE_S + 1
    [end] = waits.ended([pending("instance i-1 running", CHANGE)])
    assert isinstance(end.error, JobFailedError)


def test_a_machine_is_removed_when_it_is_terminated_or_not_described_any_more(cloud):
    waits = cloud.waits()
    cloud.machine("i-1", "shutting-down")
    assert waits.ended([pending("instance i-1 terminated", REMOVE)]) == []
    cloud.machine("i-1", "terminated")
    assert waits.ended([pending("instance i-1 terminated", REMOVE)])[0].error is None
    del cloud.things["i-1"]
    assert waits.ended([pending("instance i-1 terminated", REMOVE)])[0].error is None


@pytest.mark.parametrize(
    ("job", "before", "after"),
    [
        ("volume vol-1 available", ("creating",), ("available",)),
        ("volume vol-1 attached", ("in-use", "attaching"), ("in-use", "attached")),
        ("volume vol-1 detached", ("in-use", "detaching"), ("available",)),
        ("volume vol-1 deleted", ("available",), ("deleting",)),
        ("volume vol-1 size 9", ("available", "", 5), ("available", "", 9)),
    ],
)
def test_a_volume_shows_what_became_of_it(cloud, job, before, after):
    waits = cloud.waits()
    cloud.volume("vol-1", *before)
    assert waits.ended([pending(job, CHANGE, "vol-1")]) == []
    cloud.volume("vol-1", *after)
    assert [end.error for end in waits.ended([pending(job, CHANGE, "vol-1")])] == [None]


def test_many_machines_are_one_question(cloud):
    for number in range(100):
        cloud.machine(f"i-{number}", "running" if number % 2 else "pending")
    items = [pending(f"instance i-{number} running", MAKE, f"i-{number}", str(number)) for number in range(100)]
    ends = cloud.waits().ended(items)
    assert {end.key for end in ends} == {str(number) for number in range(1, 100, 2)}
    assert cloud.questions == 1


def test_without_a_job_the_thing_tells(cloud):
    waits = cloud.waits()
    cloud.machine("i-1", "pending")
    assert waits.ended([pending(None)]) == []
    cloud.machine("i-1", "running")
    assert waits.ended([pending(None)])[0].error is None


def test_a_change_without_a_job_is_told_by_its_check_or_not_at_all(cloud):
    cloud.machine("i-1", "running")
    check = Find("listVirtualMachines", "virtualmachine", {}, {"state": "Running"})
    [end] = cloud.waits().ended([pending(None, Call("startVirtualMachine", {}, check=check))])
    assert end.error is None
    other = Find("listVirtualMachines", "virtualmachine", {}, {"state": "Stopped"})
    [end] = cloud.waits().ended([pending(None, Call("stopVirtualMachine", {}, check=other))])
    assert isinstance(end.error, UnknownOutcomeError)
