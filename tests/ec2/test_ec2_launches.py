"""Launches keep EC2's promises: nothing is made twice, nothing is left over, and every bridge tells the same."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Timer

from ec2_bridges import IMAGE, TYPE, ec2_bridges, launched, refusal, settled, states, when

from cfnlib.simulator.faults import Fault
from compat.ec2.world import World

ASKED = {"ImageId": IMAGE, "InstanceType": TYPE}


def ids_of(reservation):
    return [one["InstanceId"] for one in reservation["Instances"]]


def test_a_client_token_makes_one_reservation_through_any_bridge(ec2_world):
    before = len(ec2_world.machines())
    asked = {**ASKED, "MinCount": 2, "MaxCount": 2, "ClientToken": f"once {ec2_world.zone}"}
    first = ec2_world.ec2().run_instances(**asked)
    again = [ec2_world.ec2(bridge=bridge).run_instances(**asked) for bridge in (0, 1, 1)]
    assert {one["ReservationId"] for one in again} == {first["ReservationId"]}
    assert {tuple(sorted(ids_of(one))) for one in again} == {tuple(sorted(ids_of(first)))}
    assert len(ec2_world.machines()) == before + 2
    settled(ec2_world.ec2(), "running", ids_of(first))


def test_a_client_token_at_two_bridges_at_once_makes_one_reservation():
    with ec2_bridges(bridges=2) as world, ThreadPoolExecutor(4) as pool:
        clients = [world.ec2(bridge=number % 2) for number in range(4)]
        asked = {**ASKED, "MinCount": 3, "MaxCount": 3, "ClientToken": "at once"}
        made = list(pool.map(lambda ec2: ec2.run_instances(**asked)["ReservationId"], clients))
        assert len(set(made)) == 1
        assert len(world.machines()) == 3


def test_an_identical_request_in_flight_is_joined():
    with ec2_bridges() as world, ThreadPoolExecutor(3) as pool:
        world.simulator.faults.add(Fault("deployVirtualMachine", "hang", hang_s=0.7, times=2))
        # boto 2 sends no client token, and sends a request again that is not answered in time.
        asked = [("Action", "RunInstances"), ("Version", "2014-10-01"), ("ImageId", IMAGE)]
        asked += [("InstanceType", TYPE), ("MinCount", "2"), ("MaxCount", "2")]

        def reservation(_):
            status, text = world.ask(asked)
            assert status == 200, text
            return re.search("<reservationId>(.*?)</reservationId>", text)[1]

        world.ec2().describe_regions()
        made = list(pool.map(reservation, range(3)))
        assert len(set(made)) == 1
        assert len(world.machines()) == 2
        assert reservation(3) not in made


def test_fewer_than_the_least_count_leave_nothing():
    with ec2_bridges() as world:
        world.simulator.faults.add(Fault("deployVirtualMachine", "error", nth=2, errorcode=533, cserrorcode=4370))
        before = world.machines()
        assert refusal(world.ec2().run_instances, **ASKED, MinCount=3, MaxCount=3)
        when(world.machines, lambda found: found == before)
        assert world.ec2().describe_volumes()["Volumes"] == []


def test_enough_machines_are_a_success():
    with ec2_bridges() as world:
        world.simulator.faults.add(Fault("deployVirtualMachine", "error", nth=2, errorcode=533, cserrorcode=4370))
        made = world.ec2().run_instances(**ASKED, MinCount=2, MaxCount=3)
        assert len(ids_of(made)) == 2
        settled(world.ec2(), "running", ids_of(made))
        assert len(world.machines()) == 2


def test_two_bridges_tell_the_same(ec2_world):
    here, there = ec2_world.ec2(), ec2_world.ec2(bridge=1)
    name = f"group-{ec2_world.zone}"
    group = here.create_security_group(GroupName=name, Description="d")["GroupId"]
    made = launched(here, 3, SecurityGroups=[name])
    reservation_filter = [{"Name": "reservation-id", "Values": [made["ReservationId"]]}]

    def told(ec2):
        [found] = ec2.describe_instances(Filters=reservation_filter)["Reservations"]
        return found

    when(lambda: told(there), lambda found: found["Groups"] != [])
    assert told(here) == told(there)
    assert told(there)["Groups"] == [{"GroupId": group, "GroupName": name}]
    assert [one["AmiLaunchIndex"] for one in told(there)["Instances"]] == [0, 1, 2]
    assert {one["SecurityGroups"][0]["GroupName"] for one in told(there)["Instances"]} == {name}
    assert here.describe_volumes()["Volumes"] == there.describe_volumes()["Volumes"]


def test_uuids_are_ids_as_well(ec2_world):
    ec2 = ec2_world.ec2()
    made = launched(ec2)
    row = ec2_world.machines()[f"{made['ReservationId']}-0"]
    assert list(states(ec2, InstanceIds=[row["id"]])) == ids_of(made)
    ec2.stop_instances(InstanceIds=[row["id"].upper()])
    settled(ec2, "stopped", ids_of(made))


def test_the_terminated_are_described_for_a_while_and_may_be_terminated_again(ec2_world):
    ec2 = ec2_world.ec2()
    ids = ids_of(launched(ec2, 2))
    ec2.terminate_instances(InstanceIds=ids)
    settled(ec2, "terminated", ids)
    [one, _] = ec2.terminate_instances(InstanceIds=ids)["TerminatingInstances"]
    assert one["PreviousState"]["Name"] == one["CurrentState"]["Name"] == "terminated"
    assert refusal(ec2.start_instances, InstanceIds=ids) == "IncorrectInstanceState"


def test_a_state_is_what_is_under_way():
    with ec2_bridges(job_s=0.5) as world:
        ec2 = world.ec2()
        made = ec2.run_instances(**ASKED, MinCount=1, MaxCount=1)
        ids = ids_of(made)
        assert made["Instances"][0]["State"] == {"Code": 0, "Name": "pending"}
        assert set(states(ec2).values()) == {"pending"}
        settled(ec2, "running", ids)
        assert ec2.stop_instances(InstanceIds=ids)["StoppingInstances"][0]["CurrentState"]["Name"] == "stopping"
        assert set(states(ec2).values()) == {"stopping"}
        settled(ec2, "stopped", ids)
        ec2.start_instances(InstanceIds=ids)
        assert set(states(ec2).values()) == {"pending"}
        settled(ec2, "running", ids)
        ec2.terminate_instances(InstanceIds=ids)
        assert set(states(ec2).values()) == {"shutting-down"}
        settled(ec2, "terminated", ids)


def test_a_machine_runs_when_it_has_the_tags_that_it_was_launched_with(monkeypatch):
    at_once = World.behind
    monkeypatch.setattr(World, "behind", lambda world, works: Timer(0.7, at_once, (world, works)).start())
    tags = [{"Key": "Name", "Value": "first"}]
    asked = {**ASKED, "MinCount": 2, "MaxCount": 2, "TagSpecifications": [{"ResourceType": "instance", "Tags": tags}]}
    with ec2_bridges(bridges=2) as world:
        ids = ids_of(world.ec2().run_instances(**asked))
        when(lambda: {row["state"] for row in world.machines().values()}, lambda found: found == {"Running"})
        assert set(states(world.ec2()).values()) == set(states(world.ec2(bridge=1)).values()) == {"pending"}
        settled(world.ec2(bridge=1), "running", ids)
        [found] = world.ec2().describe_instances(InstanceIds=ids)["Reservations"]
        assert [one["Tags"] for one in found["Instances"]] == [tags, tags]
