"""A disk that a machine was made with goes with it, wherever a process dies; what is attached says nothing of it."""

from __future__ import annotations

from contextlib import suppress
from time import sleep

import pytest
from attrs import evolve
from fault_worlds import IMAGE, cloud
from test_interrupted import Killed, Strike

from cfnlib.errors import CfnlibError
from cfnlib.simulator import Fault

WITH_A_DISK = f"""
Resources:
  Master:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: {IMAGE}
      InstanceType: Small Instance
      BlockDeviceMappings: [{{DeviceName: /dev/sdb, Ebs: {{VolumeSize: 7}}}}]
      Tags: [{{Key: role, Value: master}}]
"""
WITH_VOLUMES = f"""
Parameters:
  Many: {{Type: String, Default: "no"}}
Conditions:
  Many: !Equals [!Ref Many, "yes"]
Resources:
  One: {{Type: AWS::EC2::Volume, Properties: {{Size: 3}}}}
  Two: {{Type: AWS::EC2::Volume, Properties: {{Size: 4}}}}
  Master:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: {IMAGE}
      InstanceType: Small Instance
      Volumes: !If [Many, [{{VolumeId: !Ref One}}, {{VolumeId: !Ref Two}}], [{{VolumeId: !Ref One}}]]
Outputs:
  Id: {{Value: !Ref Master}}
  Same: {{Value: !GetAtt Master.InstanceId}}
  Inner: {{Value: !GetAtt Master.PrivateIp}}
  Zone: {{Value: !GetAtt Master.AvailabilityZone}}
  State: {{Value: !GetAtt Master.State.Name}}
"""


def machine_of(world):
    """The one machine, as CloudStack lists it to its account."""
    [row] = world.stacks.driver.client.rows("listVirtualMachines", "virtualmachine")
    return row


def test_what_a_machine_with_volumes_says_is_the_machines():
    with cloud() as world:
        for done, many in ((world.stacks.create, "no"), (world.stacks.update, "yes"), (world.stacks.update, "no")):
            stack = done("demo", WITH_VOLUMES, {"Many": many})
            row = machine_of(world)
            assert dict(stack.outputs) == {
                "Id": row["id"],
                "Same": row["id"],
                "Inner": row["nic"][0]["ipaddress"],
                "Zone": row["zonename"],
                "State": "running",
            }
            attached = {one["size_bytes"] >> 30 for one in world.things("volume") if one.get("vm") == row["id"]}
            assert attached & {3, 4} == ({3, 4} if many == "yes" else {3})
        world.stacks.delete("demo")
        assert world.held() == set()


def left(world):
    """What is left of machines and of disks that can still be seen."""
    gone = {"Destroy", "Destroyed", "Expunged", "Expunging"}
    return [
        (kind, one.get("name"), one.get("state"))
        for kind in ("virtualmachine", "volume")
        for one in world.things(kind)
        if one.get("state") not in gone
    ]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("resumed", [True, False])
def test_a_data_disk_goes_with_its_machine_wherever_the_process_died(late, resumed):
    """Between the call that makes the machine and the one that tags its disk, too."""
    number, came = 0, True
    while came:
        number += 1
        with cloud() as world:
            stacks = world.engine(settings=evolve(world.settings, inline=True))
            strike = Strike(stacks, number, late=late)
            with suppress(Killed):
                stacks.create("demo", WITH_A_DISK)
            came = strike.left <= 0
            if resumed:
                with suppress(CfnlibError):
                    world.engine().resume("demo")
            world.engine().delete("demo")
            assert left(world) == [], (number, late)
    assert number > 3


class StrikeAt(Strike):
    """Kills a process when it is about to make its first call of this command."""

    def __init__(self, stacks, command) -> None:
        super().__init__(stacks, 10**6, late=False)
        self._command = command

    def __call__(self, call, until=None) -> object:
        """Make the call, or die."""
        if call.command == self._command:
            raise Killed
        return super().__call__(call, until)


def half_made(world, command="createTags"):
    """A machine with a data disk whose process died when it was about to make its first call of this command."""
    stacks = world.engine(settings=evolve(world.settings, inline=True))
    StrikeAt(stacks, command)
    with suppress(Killed):
        stacks.create("demo", WITH_A_DISK)
    [machine] = [row["id"] for row in client_rows(world) if row["name"].startswith("demo-")]
    return machine


def client_rows(world):
    """The machines, as CloudStack lists them to their account."""
    return world.stacks.driver.client.rows("listVirtualMachines", "virtualmachine")


def a_disk(world, machine, *, size_gib=7, **params: object):
    """A disk that somebody made by hand and put on a machine."""
    driver = world.stacks.driver
    made = {
        "name": "precious",
        "zoneid": driver.lookup("zone", "Sandbox"),
        "diskofferingid": driver.lookup("diskoffering", "Custom"),
        "size": size_gib,
        **params,
    }
    volume = driver.client.call("createVolume", made)
    done(world, volume["jobid"])
    done(world, driver.client.call("attachVolume", {"id": volume["id"], "virtualmachineid": machine})["jobid"])
    return volume["id"]


def done(world, job_id):
    """Wait for a job of one's own."""
    for _ in range(200):
        answer = world.stacks.driver.client.call("queryAsyncJobResult", {"jobid": job_id})
        if answer["jobstatus"]:
            assert answer["jobstatus"] == 1, answer
            return
        sleep(0.01)
    raise AssertionError(answer)


def test_a_disk_that_somebody_put_on_a_half_made_machine_stays():
    with cloud() as world:
        machine = half_made(world)
        theirs = {a_disk(world, machine), a_disk(world, machine, name="DATA-99999")}
        world.engine().delete("demo")
        assert {one["id"] for one in world.things("volume")} == theirs
        assert world.things("virtualmachine") == []


def test_a_disk_in_the_place_of_one_that_somebody_took_away_stays():
    with cloud() as world:
        machine = half_made(world)
        [own] = [one["id"] for one in world.things("volume") if one["type"] == "DATADISK"]
        done(world, world.stacks.driver.client.call("detachVolume", {"id": own})["jobid"])
        theirs = a_disk(world, machine, name="DATA-99999")
        world.engine().delete("demo")
        assert {one["id"] for one in world.things("volume")} == {own, theirs}


def test_what_fails_once_its_disk_has_its_tag_goes_as_a_whole():
    with cloud() as world:
        world.fault(Fault("createTags", "error", match={"resourcetype": "UserVm"}))
        with suppress(CfnlibError):
            world.stacks.create("demo", WITH_A_DISK, on_failure="DO_NOTHING")
        assert world.stacks["demo"].status == "CREATE_FAILED"
        world.mend()
        world.engine().delete("demo")
        assert left(world) == []
