"""What every driver does, whatever cloud it leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from driver_things import (
    ADDRESS,
    MACHINE,
    NETWORK,
    RULE,
    associate,
    create_key_pair,
    create_network,
    delete_key_pair,
    delete_network,
    deploy,
    destroy,
    named_machine,
    open_port,
)
from driver_worlds import TEMPLATE, WORLDS, World
from ec2_worlds import bridge_world, contract_world, moto_world

from cfnlib.drivers.base import Pending
from cfnlib.errors import CloudError, ConflictError, NotFoundError, UnknownOutcomeError
from cfnlib.schema.calls import Call, Effect, Find, found_id

if TYPE_CHECKING:
    from collections.abc import Iterator

NOWHERE = "00000000-0000-4000-8000-00000000ffff"


@pytest.fixture(params=list(WORLDS))
def world(request) -> Iterator[World]:
    with WORLDS[request.param]() as made:
        yield made


@pytest.fixture(params=["memory", "simulator"])
def living(request) -> Iterator[World]:
    """A world in which things can be made to go wrong."""
    with WORLDS[request.param]() as made:
        yield made


@pytest.fixture(params=["memory", "simulator", "moto", "bridge", "bridge with groups"])
def everywhere(request) -> Iterator[World]:
    """A world with machines, addressed by whichever API: what an EC2 API must do as well."""
    if request.param in WORLDS:
        with WORLDS[request.param]() as made:
            yield made
    elif request.param == "moto":
        with moto_world(request.getfixturevalue("moto_url")) as made:
            yield contract_world(made)
    else:
        with bridge_world("Sandbox" if request.param == "bridge" else "SandboxSG") as made:
            yield contract_world(made)


def shown(world: World, find: Find) -> list:
    """What a listing shows, given a moment: an EC2 API may know of a thing before it knows the thing's name."""
    for _ in range(50):
        rows = world.driver.find(find)
        if rows:
            return rows
        world.tick()
    return []


def network_in(world: World) -> str | None:
    """A network for machines; None where the API finds one itself."""
    facts = world.driver.facts()
    if facts.ec2:
        return None
    assert facts.network_offering_id is not None
    answer, _ = world.make(NETWORK, create_network(world.network, facts.zone_id, facts.network_offering_id))
    assert answer.physical_id is not None
    return answer.physical_id


def deployment(world: World, network_id: str | None, name: str) -> Call:
    template = world.driver.lookup("template", TEMPLATE)
    offering = world.driver.lookup("serviceoffering", "Small Instance")
    return deploy(name, network_id, world.driver.facts().zone_id, template, offering)


def sent(world: World, call: Call, key: str) -> Pending:
    answer = world.driver.submit(call)
    return Pending(key, MACHINE, call, answer.job_id, answer.physical_id)


def test_the_facts_are_of_a_zone_with_an_offering_for_networks(world):
    facts = world.driver.facts()
    assert facts.zone_name == "Sandbox"
    assert world.driver.lookup("zone", "Sandbox") == facts.zone_id
    assert facts.network_offering_id == world.driver.lookup(
        "networkoffering", "DefaultIsolatedNetworkOfferingWithSourceNatService"
    )
    assert facts.account


def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(world):
    with pytest.raises(NotFoundError, match="Small Instance"):
        world.driver.lookup("serviceoffering", "Smal Instance")


def test_an_id_is_its_own_name(world):
    offering = world.driver.lookup("serviceoffering", "Small Instance")
    assert world.driver.lookup("serviceoffering", offering) == offering


def test_a_machine_is_made_and_then_found_under_its_name(world):
    network_id = network_in(world)
    assert world.driver.find(named_machine(world.absent)) == []
    answer, end = world.make(MACHINE, deployment(world, network_id, world.machine))
    assert end is not None
    assert end.error is None
    assert end.record["state"] == "Running"
    assert end.record["id"] == answer.physical_id
    assert [row["id"] for row in world.driver.find(named_machine(world.machine))] == [answer.physical_id]


def test_a_name_that_is_taken_is_a_conflict(world):
    network_id = network_in(world)
    call = deployment(world, network_id, world.machine)
    world.make(MACHINE, call)
    with pytest.raises(ConflictError, match="already exists"):
        world.driver.submit(call)


def test_a_machine_that_is_destroyed_is_gone(world):
    network_id = network_in(world)
    answer, _ = world.make(MACHINE, deployment(world, network_id, world.machine))
    assert answer.physical_id is not None
    _, end = world.make(MACHINE, destroy(answer.physical_id), answer.physical_id)
    assert end is not None
    assert end.error is None


def test_names_are_looked_up_everywhere(everywhere):
    offering = everywhere.driver.lookup("serviceoffering", "Small Instance")
    assert everywhere.driver.lookup("serviceoffering", offering) == offering
    template = everywhere.driver.lookup("template", TEMPLATE)
    assert everywhere.driver.lookup("template", template) == template
    zone = everywhere.driver.facts().zone_id
    assert everywhere.driver.lookup("zone", everywhere.driver.facts().zone_name) == zone
    with pytest.raises(NotFoundError, match="Small Instance"):
        everywhere.driver.lookup("serviceoffering", "Smal Instance")


def test_a_machine_is_made_found_and_removed_everywhere(everywhere):
    network_id = network_in(everywhere)
    assert everywhere.driver.find(named_machine("m")) == []
    answer, end = everywhere.make(MACHINE, deployment(everywhere, network_id, "m"))
    assert answer.physical_id is not None
    assert end is not None
    assert end.error is None
    assert end.record["state"] == "Running"
    assert end.record["id"] == answer.physical_id
    assert [row["id"] for row in shown(everywhere, named_machine("m"))] == [answer.physical_id]
    assert everywhere.driver.read(MACHINE, [answer.physical_id])[answer.physical_id]["state"] == "Running"
    _, end = everywhere.make(MACHINE, destroy(answer.physical_id), answer.physical_id)
    assert end is not None
    assert end.error is None
    assert everywhere.driver.read(MACHINE, [answer.physical_id]) == {}


def test_a_key_pair_is_made_once_everywhere(everywhere):
    answer = everywhere.driver.submit(create_key_pair("mine"))
    assert answer.job_id is None
    assert answer.record["name"] == "mine"
    with pytest.raises(ConflictError):
        everywhere.driver.submit(create_key_pair("mine"))
    everywhere.driver.submit(delete_key_pair("mine"))
    assert everywhere.driver.find(delete_key_pair("mine").check) == []


def test_a_key_pair_is_made_once_and_removed_once(world):
    answer = world.driver.submit(create_key_pair(world.key_pair))
    assert answer.job_id is None
    assert answer.record["name"] == world.key_pair
    with pytest.raises(ConflictError):
        world.driver.submit(create_key_pair(world.key_pair))
    world.driver.submit(delete_key_pair(world.key_pair))
    with pytest.raises(NotFoundError):
        world.driver.submit(delete_key_pair(world.key_pair))


def test_an_address_is_chosen_before_it_is_asked_for_and_a_taken_one_is_a_conflict(world):
    network_id = network_in(world)
    call = world.driver.prepare(associate(network_id))
    assert call is not None
    assert call.check is not None
    address = call.params["ipaddress"]
    assert call.check.where["ipaddress"] == address
    answer, end = world.make(ADDRESS, call)
    assert end is not None
    assert end.record["ipaddress"] == address
    assert end.record["id"] == answer.physical_id
    with pytest.raises(ConflictError):
        world.driver.submit(call)


def test_what_a_listing_asks_about_may_be_gone(everywhere):
    assert everywhere.driver.find(Find("listVirtualMachines", "virtualmachine", {"id": NOWHERE})) == []
    assert everywhere.driver.read(MACHINE, [NOWHERE]) == {}


def test_a_second_removal_finds_nothing(living):
    network_id = network_in(living)
    answer, _ = living.make(MACHINE, deployment(living, network_id, "m"))
    assert answer.physical_id is not None
    living.make(MACHINE, destroy(answer.physical_id), answer.physical_id)
    assert living.driver.find(named_machine("m")) == []
    with pytest.raises(NotFoundError):
        living.driver.submit(destroy(answer.physical_id))


def test_two_calls_are_never_given_the_same_address(living):
    network_id = network_in(living)
    calls = [living.driver.prepare(associate(network_id)) for _ in range(20)]
    assert len({call.params["ipaddress"] for call in calls if call}) == 20


def test_an_address_has_a_rule_that_is_found_by_port(living):
    network_id = network_in(living)
    call = living.driver.prepare(associate(network_id))
    assert call is not None
    address, _ = living.make(ADDRESS, call)
    assert address.physical_id is not None
    rule = open_port(address.physical_id, 22)
    assert rule.check is not None
    assert living.driver.find(rule.check) == []
    made, _ = living.make(RULE, rule)
    assert [row["id"] for row in living.driver.find(rule.check)] == [made.physical_id]


def test_of_many_machines_each_ends_as_itself(living):
    network_id = network_in(living)
    good = [sent(living, deployment(living, network_id, f"good-{number}"), f"good-{number}") for number in range(5)]
    assert living.trouble is not None
    living.trouble("deployVirtualMachine", "job")
    bad = sent(living, deployment(living, network_id, "bad"), "bad")
    ends = living.settle(*good, bad)
    assert {key for key, end in ends.items() if end.error is not None} == {"bad"}
    assert {end.record["name"] for end in ends.values() if end.error is None} == {item.key for item in good}
    assert [row["state"] for row in living.driver.find(named_machine("bad"))] == ["Error"]


def test_many_machines_are_removed_together(everywhere):
    network_id = network_in(everywhere)
    made = [sent(everywhere, deployment(everywhere, network_id, f"m-{number}"), f"m-{number}") for number in range(4)]
    everywhere.settle(*made)
    going = []
    for item in made:
        assert item.physical_id is not None
        call = destroy(item.physical_id)
        going.append(Pending(item.key, MACHINE, call, everywhere.driver.submit(call).job_id, item.physical_id))
    assert [end.error for end in everywhere.settle(*going).values()] == [None] * 4
    assert everywhere.driver.read(MACHINE, [item.physical_id for item in made if item.physical_id]) == {}


def test_a_network_with_a_machine_in_it_is_not_removed(living):
    network_id = network_in(living)
    living.make(MACHINE, deployment(living, network_id, "m"))
    _, end = living.make(NETWORK, delete_network(network_id), network_id)
    assert end is not None
    assert isinstance(end.error, CloudError)
    assert len(living.driver.find(Find("listNetworks", "network", {"id": network_id}))) == 1


def test_a_lost_answer_leaves_a_thing_that_can_be_found(everywhere):
    network_id = network_in(everywhere)
    assert everywhere.trouble is not None
    call = deployment(everywhere, network_id, "m")
    everywhere.trouble("deployVirtualMachine", "drop")
    with pytest.raises(UnknownOutcomeError):
        everywhere.driver.submit(call)
    [row] = shown(everywhere, named_machine("m"))
    end = everywhere.settle(Pending("m", MACHINE, call, None, str(row["id"])))["m"]
    assert end.error is None
    assert end.record["state"] == "Running"


def test_a_call_that_never_arrived_has_an_unknown_outcome_and_leaves_nothing(everywhere):
    network_id = network_in(everywhere)
    assert everywhere.trouble is not None
    call = deployment(everywhere, network_id, "m")
    everywhere.trouble("deployVirtualMachine", "lose")
    with pytest.raises(UnknownOutcomeError):
        everywhere.driver.submit(call)
    assert everywhere.driver.find(named_machine("m")) == []


def test_the_end_of_a_forgotten_job_is_told_by_the_thing(living):
    network_id = network_in(living)
    assert living.trouble is not None
    living.trouble("deployVirtualMachine", "vanish")
    end = living.settle(sent(living, deployment(living, network_id, "m"), "m"))["m"]
    assert end.error is None
    assert end.record["state"] == "Running"


def test_a_removal_whose_job_is_lost_is_done_when_the_thing_is_gone(everywhere):
    network_id = network_in(everywhere)
    answer, _ = everywhere.make(MACHINE, deployment(everywhere, network_id, "m"))
    assert answer.physical_id is not None
    call = destroy(answer.physical_id)
    everywhere.driver.submit(call)
    end = everywhere.settle(Pending("m", MACHINE, call, None, answer.physical_id))["m"]
    assert end.error is None
    assert everywhere.driver.read(MACHINE, [answer.physical_id]) == {}


def test_a_removal_that_was_never_made_is_not_taken_for_done(everywhere):
    network_id = network_in(everywhere)
    answer, _ = everywhere.make(MACHINE, deployment(everywhere, network_id, "m"))
    assert answer.physical_id is not None
    end = everywhere.settle(Pending("m", MACHINE, destroy(answer.physical_id), None, answer.physical_id))["m"]
    assert isinstance(end.error, UnknownOutcomeError)


def test_a_call_that_needs_what_a_listing_tells_gets_it_or_is_not_made(living):
    network_id = network_in(living)
    by_name = found_id(Find("listNetworks", "network", {}, {"name": living.network}))
    call = living.driver.prepare(Call("deleteNetwork", {"id": by_name}, Effect.REMOVES))
    assert call is not None
    assert call.params == {"id": network_id}
    missing = found_id(Find("listNetworks", "network", {}, {"name": "no such"}))
    assert living.driver.prepare(Call("deleteNetwork", {"id": missing}, Effect.REMOVES)) is None
    with pytest.raises(NotFoundError):
        living.driver.prepare(Call("updateNetwork", {"id": missing}))


def test_nothing_pending_asks_nothing_and_tells_nothing(world):
    assert world.driver.poll([]) == []
