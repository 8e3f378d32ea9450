"""Processes that work on a stack of a cloud that another process serves, and what that cloud then holds."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager

from cs import CloudStack

from cfnlib.config import Config
from cfnlib.drivers.cloudstack import CloudStackDriver
from cfnlib.engine.settings import Settings
from cfnlib.errors import CfnlibError
from cfnlib.stacks import Stacks
from cfnlib.state import sql_connect
from cfnlib.state.open import open_store

JOB_S = 0.25
LEASE_S = 1.0
SETTINGS = Settings(
    calls_in_flight=4,
    lease_s=LEASE_S,
    heartbeat_s=0.1,
    look_s=(0.02, 0.05, 0.1),
    retry_s=(0.1, 0.2, 0.4, 0.8, 1.6),
    settle_s=20.0,
)
TEMPLATE = """
Parameters:
  Size: {Type: Number}
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
    Properties: {ipaddressid: !Ref Address, protocol: tcp, startport: 80, endport: 80, cidrlist: [0.0.0.0/0]}
  Data:
    Type: AWS::EC2::Volume
    Properties: {AvailabilityZone: Sandbox, Size: 8}
  Configuration:
    Type: AWS::AutoScaling::LaunchConfiguration
    Properties: {ImageId: "Debian 12 (Simulator)", InstanceType: Small Instance}
  Nodes:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties: {LaunchConfigurationName: !Ref Configuration, MinSize: !Ref Size, MaxSize: 40}
"""
KINDS = {
    "AWS::EC2::Instance": "machine",
    "CloudStack::Network": "network",
    "CloudStack::SSHKeyPair": "key",
    "AWS::EC2::Volume": "volume",
    "CloudStack::IpAddress": "address",
    "CloudStack::FirewallRule": "rule",
}


@contextmanager
def served():
    """An embedded cloud in a process of its own: where it is, and the keys to it."""
    command = [sys.executable, "-m", "cfnlib.simulator", "--port", "0", "--job-seconds", str(JOB_S), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        text, place = "", None
        while place is None:
            line = process.stdout.readline()
            assert line, f"the cloud did not start: {text}"
            text += line
            try:
                place = json.loads(text)
            except ValueError:
                continue
        yield {name: place[name] for name in ("endpoint", "key", "secret")}
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def operate(pipe, place, url, name, verb, size) -> None:
    """Carry out an operation, or go on with one (`resume`); tell how it ended: a status, or an error's name."""
    sql_connect._IDLE_S = 1  # a stopped process may keep its stack's lease locked for as long
    config = Config.load(environ={}, zone="Sandbox", **place)
    stacks = Stacks(CloudStackDriver(config), open_store(url), settings=SETTINGS)
    pipe.send("ready")
    try:
        if verb == "create":
            stacks.create(name, TEMPLATE, {"Size": size})
        elif verb == "update":
            stacks.update(name, None, {"Size": size})
        elif verb == "delete":
            stacks.delete(name)
        else:
            stacks.resume(name)
    except CfnlibError as error:
        pipe.send(type(error).__name__)
    else:
        pipe.send("done")


def on_the_cloud(place, prefix):
    """The ids of what the cloud has of a stack, by kind."""
    api = CloudStack(**place)
    networks = api.listNetworks(fetch_list=True)
    volumes = api.listVolumes(fetch_list=True)
    mine = {network["id"] for network in networks if network["name"].startswith(prefix)}
    addresses = [one for one in api.listPublicIpAddresses(fetch_list=True) if one.get("associatednetworkid") in mine]
    rules = api.listFirewallRules(fetch_list=True)
    named = {
        "machine": api.listVirtualMachines(fetch_list=True),
        "network": networks,
        "key": api.listSSHKeyPairs(fetch_list=True),
        "volume": [volume for volume in volumes if volume["type"] == "DATADISK"],
    }
    found = {kind: sorted(t["id"] for t in things if t["name"].startswith(prefix)) for kind, things in named.items()}
    found["address"] = sorted(one["id"] for one in addresses if not one["issourcenat"])
    found["rule"] = sorted(rule["id"] for rule in rules if rule.get("networkid") in mine and rule.get("ipaddressid"))
    return {kind: ids for kind, ids in found.items() if ids}


def said(store, stack_id):
    """What the stack says is there, in the same form."""
    found = {}
    for row in store.resources(stack_id):
        if row.type in KINDS:
            found.setdefault(KINDS[row.type], []).append(row.physical_id)
    return {kind: sorted(ids) for kind, ids in found.items()}
