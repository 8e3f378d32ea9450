"""Who carries operations on: resuming, handing over, taking turns, and what cannot be carried on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import closing
from itertools import pairwise
from threading import Event

import pytest
from attrs import evolve
from service_world import HELD, IMAGE, KIND, QUICK, SETTINGS, Place, refused

from cfnlib.errors import StoreError
from cfnlib.identity.refusal import Refusal, RefusedError
from cfnlib.server.service import Service
from cfnlib.server.settings import ServiceSettings
from cfnlib.simulator import Latency
from cfnlib.stacks import Stacks
from cfnlib.state.model import Signal, StackStatus
from cfnlib.state.open import open_store


@pytest.fixture
def own(tmp_path):
    """A service of the test's own; gives what makes it."""
    made = []

    def make(**settings):
        made.append(Place(tmp_path, **settings))
        return made[-1]

    yield make
    for place in made:
        place.close()


def starts(place, stack_id, status="CREATE_IN_PROGRESS"):
    """How often each resource's making was begun."""
    found = {}
    for event in place.service.store.events(stack_id):
        if event.status == status and event.logical_id != event.stack_name:
            found[event.logical_id] = found.get(event.logical_id, 0) + 1
    return found


def signalled(place, stack_id):
    place.service.store.add_signal(stack_id, "Handle", Signal("a", "SUCCESS"))


def signalled_when_there(place, stack_id):
    for _ in range(400):
        if any(row.logical_id == "Handle" for row in place.service.store.resources(stack_id)):
            return signalled(place, stack_id)
        Event().wait(0.02)
    raise AssertionError("nobody carries it on")


def test_what_was_running_goes_on_when_the_service_starts_again(own):
    place = own()
    stack_id = place.held("goes-on")
    place.close_service()
    store = open_store(place.url)
    assert store.stack(stack_id).status.value == "CREATE_IN_PROGRESS"
    assert store.unattended() == [stack_id]
    store.close()
    place.open()
    signalled(place, stack_id)
    place.until(stack_id, "CREATE_COMPLETE")
    assert place.simulator.requests["createSSHKeyPair"] == 1
    assert len(place.cloud.listSSHKeyPairs(keyword="goes-on")["sshkeypair"]) == 1


def test_a_stop_does_not_wait_for_operations_to_end(own):
    place = own(close_s=30.0)
    for number in range(5):
        place.held(f"many-{number}")
    begun = time.monotonic()
    place.close_service()
    assert time.monotonic() - begun < 20
    place.open()


PROGRAM = """
import sys, time
sys.path[:0] = sys.argv[5:]
from service_world import SETTINGS
from cfnlib.config import Config
from cfnlib.identity.keyring import AdminKeyring
from cfnlib.server.actions import CLOUDFORMATION
from cfnlib.server.context import Context
from cfnlib.server.service import Service
from cfnlib.server.settings import ServiceSettings
from cfnlib.state.open import open_store

endpoint, keys, url, template = sys.argv[1:5]
key, secret = keys.split(",")
config = Config(endpoint=endpoint, key=key, secret=secret)
service = Service(config, store=open_store(url), keyring=AdminKeyring(config),
                  settings=ServiceSettings("http://x", b"s" * 32), engine=SETTINGS)
context = Context(service, service.keyring.caller(key), "r")
made = CLOUDFORMATION["CreateStack"](context, {"StackName": "orphan", "TemplateBody": template})
while len(service.store.resources(made["StackId"])) < 3:
    time.sleep(0.02)
print(made["StackId"], flush=True)
for line in sys.stdin:
    print(service.workers.counts()[0], flush=True)
"""
"""A service of its own that begins a stack, and then tells at each line how many operations it has under way."""


@pytest.fixture
def another():
    """Starts another process that begins a stack `orphan`; gives the process and the stack's id."""
    started = []

    def start(place, template):
        keys = f"{place.admin.key},{place.admin.secret}"
        given = [place.simulator.endpoint, keys, place.url, template, *(path for path in sys.path if path)]
        child = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(child)
        return child, child.stdout.readline().strip()

    yield start
    for child in started:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()


def test_a_process_that_was_killed_is_followed_by_another(own, another):
    place = own()
    place.close_service()
    child, stack_id = another(place, HELD)
    child.kill()
    child.wait()
    place.open()
    signalled(place, stack_id)
    place.until(stack_id, "CREATE_COMPLETE")
    assert place.simulator.requests["createSSHKeyPair"] == 1


def test_a_process_that_was_stopped_makes_nothing_twice_when_it_wakes(own, another):
    place = own(latency=Latency(job_s=0.5))
    place.close_service()
    machine = {"Type": "AWS::EC2::Instance", "Properties": {"ImageId": IMAGE, "InstanceType": KIND}}
    names = [f"Machine{number}" for number in range(8)]
    template = {"Resources": dict.fromkeys(names, machine)}
    for before, name in pairwise(names):
        template["Resources"][name] = {**machine, "DependsOn": before}
    child, stack_id = another(place, json.dumps(template))
    child.send_signal(signal.SIGSTOP)
    place.open()
    place.until(stack_id, "CREATE_COMPLETE")
    child.send_signal(signal.SIGCONT)
    for _ in range(200):
        child.stdin.write("?\n")
        child.stdin.flush()
        if child.stdout.readline().strip() == "0":
            break
        Event().wait(0.05)
    machines = place.cloud.listVirtualMachines(listall=True)["virtualmachine"]
    assert len(machines) == len(names)
    assert place.simulator.requests["deployVirtualMachine"] == len(names)
    rows = [row for row in place.service.store.resources(stack_id) if row.type == "AWS::EC2::Instance"]
    assert sorted(row.physical_id for row in rows) == sorted(machine["id"] for machine in machines)


def test_operations_beyond_the_bound_wait_and_accounts_take_turns(own):
    place = own(operations=2)
    place.person("many")
    place.person("few")
    many = [place.client("many").create_stack(StackName=f"m{n}", TemplateBody=HELD)["StackId"] for n in range(5)]
    few = place.client("few").create_stack(StackName="f", TemplateBody=HELD)["StackId"]
    assert place.service.workers.counts() == (2, 4)
    for stack_id in [*many[:2], few]:
        signalled(place, stack_id)
    place.until(few, "CREATE_COMPLETE", "few")
    left = [place.client("many").describe_stacks(StackName=one)["Stacks"][0]["StackStatus"] for one in many[2:]]
    assert left.count("CREATE_IN_PROGRESS") == 3
    for stack_id in many[2:]:
        signalled(place, stack_id)
    for stack_id in many:
        place.until(stack_id, "CREATE_COMPLETE", "many")
    assert place.service.workers.counts()[1] == 0


def test_a_stack_that_waits_for_a_worker_can_be_deleted(own):
    place = own(operations=1)
    first = place.held("first")
    second = place.client().create_stack(StackName="second", TemplateBody=QUICK)["StackId"]
    place.client().delete_stack(StackName="second")
    assert place.service.store.stack(second).status.value == "DELETE_IN_PROGRESS"
    signalled(place, first)
    place.until(second, "DELETE_COMPLETE")
    assert place.cloud.listSSHKeyPairs(keyword="second") == {}


def test_an_account_has_no_more_stacks_than_it_may(own):
    place = own(stacks_per_account=1)
    place.made("only")
    assert refused(place.client().create_stack, StackName="more", TemplateBody=QUICK)[0] == "LimitExceededException"
    place.removed(place.client().describe_stacks()["Stacks"][0]["StackId"])
    place.made("more")


def test_an_owner_without_keys_is_waited_for(own, monkeypatch, caplog):
    monkeypatch.setattr("cfnlib.server.workers.FIRST_PAUSE_S", 0.2)
    place = own()
    place.person("ann")
    stack_id = place.held("lost", "ann")
    place.close_service()
    asked = Event()

    def no_keys(*_):
        asked.set()
        raise RefusedError(Refusal.UNKNOWN_KEY, "the user has no keys any more")

    with monkeypatch.context() as patch:
        patch.setattr("cfnlib.identity.keyring.AdminKeyring.caller_of", no_keys)
        place.open()
        assert asked.wait(10)
        assert place.client("ann").describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"] == (
            "CREATE_IN_PROGRESS"
        )
    signalled(place, stack_id)
    place.until(stack_id, "CREATE_COMPLETE", "ann")
    assert any("cannot be carried on" in record.message for record in caplog.records)
    assert not any(place.people["ann"].secret in record.getMessage() for record in caplog.records)


def test_what_nobody_foresaw_in_an_operation_leaves_it_to_the_sweep(own, monkeypatch, caplog):
    monkeypatch.setattr("cfnlib.server.workers.FIRST_PAUSE_S", 0.2)
    place = own()
    broken = iter([True, False])

    from cfnlib.engine.operation import Engine  # noqa: PLC0415 - only this test reaches into it

    drive = Engine.drive

    def drives(self, *args, **kwargs):
        if next(broken, False):
            self._store.release(args[0])
            raise ZeroDivisionError("nobody foresaw it")
        return drive(self, *args, **kwargs)

    monkeypatch.setattr(Engine, "drive", drives)
    place.made("survives")
    assert any("nobody foresaw" in record.message for record in caplog.records)


def test_a_store_that_fails_for_a_moment_does_not_end_the_sweep(own, monkeypatch):
    place = own()
    stack_id = place.held("later")
    place.close_service()
    fails = iter([True, True])
    unattended = type(open_store("sqlite:///:memory:")).unattended

    def unsure(self, **given):
        if next(fails, False):
            raise StoreError("the database went away")
        return unattended(self, **given)

    monkeypatch.setattr("cfnlib.state.sql.SqlStore.unattended", unsure)
    place.open()
    signalled(place, stack_id)
    place.until(stack_id, "CREATE_COMPLETE")


def test_two_services_on_one_store_make_nothing_twice(own):
    place = own()
    second = Service(
        place.config,
        store=open_store(place.url),
        keyring=place.service.keyring,
        settings=ServiceSettings(place.public_url, b"s" * 32, sweep_s=0.1),
        engine=SETTINGS,
    )
    with second:
        ids = [place.client().create_stack(StackName=f"s{n}", TemplateBody=QUICK)["StackId"] for n in range(8)]
        for stack_id in ids:
            place.until(stack_id, "CREATE_COMPLETE")
    assert place.simulator.requests["createSSHKeyPair"] == len(ids)
    assert json.loads(QUICK)["Description"] == "a key"


def test_connections_of_accounts_that_went_are_given_back(own):
    place = own(idle_s=0.3)
    place.made("brief")
    for _ in range(100):
        if not place.service._open:
            break
        Event().wait(0.1)
    assert not place.service._open
    place.made("after")


def statuses(place, stack_id):
    """The statuses that the stack itself is told to have been in."""
    return [event.status for event in place.service.store.events(stack_id) if event.physical_id == stack_id]


def test_a_deletion_asked_for_when_an_operation_has_just_ended_is_done(own, monkeypatch):
    place = own()
    stack_id = place.held("crossing")
    ask = type(place.service.store).ask

    def comes_too_late(self, found, request, terms=None):
        signalled(place, found)
        place.until(found, "CREATE_COMPLETE")
        ask(self, found, request, terms)

    monkeypatch.setattr("cfnlib.state.sql.SqlStore.ask", comes_too_late)
    place.client().delete_stack(StackName="crossing", ClientRequestToken="gone")
    place.until(stack_id, "DELETE_COMPLETE")
    assert statuses(place, stack_id) == [
        "CREATE_IN_PROGRESS",
        "CREATE_COMPLETE",
        "DELETE_IN_PROGRESS",
        "DELETE_COMPLETE",
    ]


def test_who_asks_for_a_deletion_never_sees_the_operation_before_it_end(own, monkeypatch):
    """It is asked for at another process, just as this one is about to write that the operation has ended."""
    place = own(sweep_s=60.0)
    commit = type(place.service.store).commit

    def is_asked_as_it_ends(self, lease, *, stack=None, **given):
        if stack is not None and stack.status is StackStatus.CREATE_COMPLETE:
            with closing(open_store(place.url)) as others:
                others.ask(stack.stack_id, "delete", {"token": "gone"})
        return commit(self, lease, stack=stack, **given)

    monkeypatch.setattr("cfnlib.state.sql.SqlStore.commit", is_asked_as_it_ends)
    given = {"StackName": "crossing", "TemplateBody": QUICK, "ClientRequestToken": "made"}
    stack_id = place.client().create_stack(**given)["StackId"]
    place.until(stack_id, "DELETE_COMPLETE")
    assert statuses(place, stack_id) == ["CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    events = place.service.store.events(stack_id)
    began = [event.status for event in events].index("DELETE_IN_PROGRESS")
    assert [event.token for event in events] == ["made"] * began + ["gone"] * (len(events) - began)


def test_a_deletion_bears_its_token_whichever_process_carries_it_out(own):
    place = own()
    stack_id = place.held("crossing")
    with closing(open_store(place.url)) as others:
        others.ask(stack_id, "delete", {"token": "gone"})
    place.until(stack_id, "DELETE_COMPLETE")
    events = place.service.store.events(stack_id)
    began = [event.physical_id == stack_id and event.status for event in events].index("DELETE_IN_PROGRESS")
    assert {event.token for event in events[began:]} == {"gone"}


def test_an_account_asks_no_more_often_than_it_may(own):
    place = own(requests_per_s=0.5)
    place.person("ann")
    codes = set()
    for _ in range(12):
        try:
            place.client().describe_account_limits()
        except place.client().exceptions.ClientError as error:
            codes.add(error.response["Error"]["Code"])
    assert codes == {"Throttling"}
    assert place.client("ann").describe_account_limits()["AccountLimits"]


def test_what_the_command_line_left_behind_is_carried_on(own):
    place = own()
    place.close_service()
    config = evolve(place.config, state_url=place.url)
    with Stacks.from_config(config=config) as stacks:
        begun = stacks.operations.create(stacks.operations.new("by-hand", HELD))
        stack_id = begun.stack.stack_id
        assert begun.stack.owner == ""
        stacks.store.release(begun.lease)
    place.open()
    signalled_when_there(place, stack_id)
    place.until(stack_id, "CREATE_COMPLETE")
    assert [one["name"] for one in place.cloud.listSSHKeyPairs(keyword="by-hand")["sshkeypair"]] == ["by-hand-held"]


@pytest.mark.parametrize("error", [StoreError("another process has been writing for too long"), ValueError("odd")])
def test_a_trace_is_in_the_log_only_of_what_nobody_foresaw(own, monkeypatch, caplog, error):
    place = own()

    def fails(*_, **__):
        raise error

    monkeypatch.setattr("cfnlib.state.sql.SqlStore.summary", fails)
    with caplog.at_level("ERROR"):
        refused(place.client().describe_stacks, StackName="some")
    [record] = [one for one in caplog.records if str(error) in one.getMessage()]
    assert bool(record.exc_info) == isinstance(error, ValueError)
