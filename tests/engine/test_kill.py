"""A process killed at any instant is followed by one that ends its work; nothing is leaked, nothing made twice.

The cloud is a simulator in a process of its own; the process that works on a stack is killed with SIGKILL at a
random instant of a creation, an update and a deletion. After each kill another process resumes, and what the cloud
then holds is compared with what the stack says.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from cs import CloudStack

from cfnlib.config import Config
from cfnlib.drivers.cloudstack import CloudStackDriver
from cfnlib.engine.settings import Settings
from cfnlib.errors import CfnlibError, StackNotFoundError
from cfnlib.stacks import Stacks
from cfnlib.state.open import open_store

KILLS = int(os.environ.get("CFNLIB_KILLS", "200"))
SETTINGS = Settings(look_s=(0.02, 0.05, 0.1), retry_s=(0.1, 0.2, 0.4, 0.8, 1.6), settle_s=20.0, heartbeat_s=0.2)
TEMPLATE = """
Parameters:
  Size: {Type: Number}
  Disk: {Type: Number}
Resources:
  Key:
    Type: CloudStack::SSHKeyPair
  Net:
    Type: CloudStack::Network
    Properties: {networkofferingid: DefaultIsolatedNetworkOfferingWithSourceNatService, displaytext: a net}
  Address:
    Type: CloudStack::IpAddress
    Properties: {networkid: !Ref Net}
  Open:
    Type: CloudStack::FirewallRule
    Properties: {ipaddressid: !Ref Address, protocol: tcp, startport: 80, endport: !Ref Disk, cidrlist: [0.0.0.0/0]}
  Data:
    Type: AWS::EC2::Volume
    Properties: {AvailabilityZone: Sandbox, Size: !Ref Disk}
  Configuration:
    Type: AWS::AutoScaling::LaunchConfiguration
    Properties: {ImageId: "Debian 12 (Simulator)", InstanceType: Small Instance}
  Nodes:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties: {LaunchConfigurationName: !Ref Configuration, MinSize: !Ref Size, MaxSize: 20}
"""


@pytest.fixture(scope="module")
def cloud():
    command = [sys.executable, "-m", "cfnlib.simulator", "--port", "0", "--job-seconds", "0.05", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    text = ""
    while True:
        text += process.stdout.readline()
        try:
            found = json.loads(text)
            break
        except ValueError:
            assert process.poll() is None, text
    yield found
    process.terminate()
    process.wait(10)


def stacks_on(cloud, folder):
    config = Config.load(
        environ={}, endpoint=cloud["endpoint"], key=cloud["key"], secret=cloud["secret"], zone="Sandbox"
    )
    store = open_store(f"sqlite:///{folder}/stacks.db")
    return Stacks(CloudStackDriver(config), store, settings=SETTINGS)


def work(cloud, folder, name, verb, parameters):
    """What the process that is killed does."""
    stacks = stacks_on(cloud, folder)
    if verb == "create":
        stacks.create(name, TEMPLATE, parameters)
    elif verb == "update":
        stacks.update(name, None, parameters)
    elif verb == "delete":
        stacks.delete(name)
    else:
        stacks.resume(name)
    os._exit(0)


def in_process(cloud, folder, name, verb, parameters, *, kill_after_s=None):
    process = multiprocessing.get_context("fork").Process(target=work, args=(cloud, folder, name, verb, parameters))
    process.start()
    process.join(kill_after_s)
    killed = process.is_alive()
    if killed:
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    return killed


def world(api, prefix):
    """The things of one stack that the cloud has, by kind: a multiset of names or addresses."""
    machines = api.listVirtualMachines(fetch_list=True)
    networks = api.listNetworks(fetch_list=True)
    volumes = api.listVolumes(fetch_list=True)
    keys = api.listSSHKeyPairs(fetch_list=True)
    mine = {network["id"] for network in networks if network["name"].startswith(prefix)}
    addresses = [a for a in api.listPublicIpAddresses(fetch_list=True) if a.get("associatednetworkid") in mine]
    rules = api.listFirewallRules(fetch_list=True)
    named = {"machine": machines, "network": networks, "key": keys}
    found = {kind: sorted(t["id"] for t in things if t["name"].startswith(prefix)) for kind, things in named.items()}
    found["volume"] = sorted(v["id"] for v in volumes if v["type"] == "DATADISK" and v["name"].startswith(prefix))
    found["address"] = sorted(a["id"] for a in addresses if not a["issourcenat"])
    found["rule"] = sorted(r["id"] for r in rules if r.get("networkid") in mine and r.get("ipaddressid"))
    return {kind: ids for kind, ids in found.items() if ids}


KINDS = {
    "AWS::EC2::Instance": "machine",
    "CloudStack::Network": "network",
    "CloudStack::SSHKeyPair": "key",
    "AWS::EC2::Volume": "volume",
    "CloudStack::IpAddress": "address",
    "CloudStack::FirewallRule": "rule",
}


def said(stacks, name):
    """What the stack says is there, in the same form."""
    found = {}
    for row in stacks.store.resources(stacks.store.stack(name).stack_id):
        if row.type in KINDS:
            found.setdefault(KINDS[row.type], []).append(row.physical_id)
    return {kind: sorted(ids) for kind, ids in found.items()}


@pytest.mark.slow
def test_after_each_of_many_kills_the_cloud_holds_exactly_what_the_stack_says(cloud, tmp_path):
    seed = int(os.environ.get("CFNLIB_SEED", str(random.SystemRandom().randrange(10**9))))
    print(f"CFNLIB_SEED={seed}")
    chance = random.Random(seed)
    api = CloudStack(endpoint=cloud["endpoint"], key=cloud["key"], secret=cloud["secret"])
    stacks = stacks_on(cloud, tmp_path)
    durations = {"create": 1.0, "update": 1.0, "delete": 1.0}
    kills = round_number = 0
    while kills < KILLS:
        round_number += 1
        name = f"k{round_number}"
        prefix = f"{name}-"
        for verb, parameters in (
            ("create", {"Size": "3", "Disk": "80"}),
            ("update", {"Size": str(chance.choice([1, 2, 4, 5])), "Disk": str(chance.choice([80, 81, 90]))}),
            ("delete", {}),
        ):
            started = time.monotonic()
            cut = chance.uniform(0, durations[verb])
            killed = in_process(cloud, tmp_path, name, verb, parameters, kill_after_s=cut)
            kills += killed
            durations[verb] = durations[verb] * 1.05 if killed else max(time.monotonic() - started, 0.1)
            try:
                state = stacks.store.stack(name)
            except StackNotFoundError:
                assert world(api, prefix) == {}, f"seed {seed}: leaked before the stack was known"
                break
            if state.status.in_progress:
                in_process(cloud, tmp_path, name, "resume", {})
            state = stacks.store.stack(state.stack_id)
            assert not state.status.in_progress, f"seed {seed}, {name}: resume left {state.status}"
            there = world(api, prefix)
            if there != said(stacks, state.stack_id):
                for e in stacks.store.events(state.stack_id)[-14:]:
                    print(e.at, e.logical_id, e.physical_id, e.status, e.reason)
            assert there == said(stacks, state.stack_id), f"seed {seed}, {name} after {verb} ({state.status.value})"
            if verb == "delete" and state.status.value == "DELETE_COMPLETE":
                assert there == {}
        try:
            stacks.delete(name)
        except CfnlibError as error:
            if not isinstance(error, StackNotFoundError):
                raise
        assert world(api, prefix) == {}, f"seed {seed}, {name}: left behind"
    print(f"kills {kills} stacks {round_number}")
