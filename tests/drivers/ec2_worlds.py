"""What the tests of the EC2 driver share: EC2 APIs to speak to, stacks on them, and what they really hold.

There are three: moto's server (its executable is named by MOTO_SERVER or stands on PATH; without it those tests are
skipped), and our own bridge in front of an embedded cloud, in a zone without security groups and in one with them.
Each world speaks through a `Gateway`, which can lose a request or its answer.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from driver_worlds import TEMPLATE, World

from cfnlib.config import Config
from cfnlib.drivers.base import SystemClock
from cfnlib.drivers.ec2 import Client, Ec2Driver
from cfnlib.engine.settings import Settings
from cfnlib.identity.gate import Gate
from cfnlib.identity.keyring import AdminKeyring
from cfnlib.resources import find as find_type
from cfnlib.simulator import Latency, Simulator
from cfnlib.stacks import Stacks
from cfnlib.state.sql import SqlStore
from cfnlib.web import Door, Server
from compat.ec2.door import Bridge

IMAGE, SMALL, MEDIUM = "Ubuntu 22.04 (Simulator)", "Small Instance", "Medium Instance"
"""Names that templates use; where the API has others, the mapping says which."""
SETTINGS = Settings(
    look_s=(0.05, 0.1, 0.3),
    retry_s=(0.05, 0.1, 0.2, 0.4, 0.8),
    poll_min_s=0.02,
    poll_max_s=0.2,
    settle_s=5.0,
    signal_s=0.02,
    write_s=0.01,
    heartbeat_s=0.05,
)
_LISTENING = re.compile(r"Running on http://127\.0\.0\.1:(\d+)")


class Gateway:
    """Hands requests on to an API at `target`. `trouble` names actions and what befalls the next one of each.

    "lose": it never arrives. "drop": it arrives, and its answer is lost.
    """

    def __init__(self, target) -> None:
        self.trouble: dict[str, str] = {}
        self.seen: list[tuple[dict[str, str], dict[str, str]]] = []
        gateway, place = self, urlsplit(target)

        class Door(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
                gateway.seen.append((form, dict(self.headers)))
                what = gateway.trouble.pop(form.get("Action", ""), "")
                if what != "lose":
                    onwards = HTTPConnection(place.hostname, place.port, timeout=30)
                    onwards.request("POST", "/", body, dict(self.headers))
                    answer = onwards.getresponse()
                    content = answer.read()
                    onwards.close()
                if what:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers.get("Content-Type", "text/xml"))
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def actions(self):
        """The actions that were asked for, in order."""
        return [form.get("Action") for form, _ in self.seen]


class Ec2World:
    """An account at an EC2 API, and stacks of it. `addresses` says whether it has elastic addresses."""

    def __init__(self, name, gateway, config, *, addresses=True) -> None:
        self.name = name
        self.gateway = gateway
        self.config = config
        self.addresses = addresses
        self.client = Client(config)
        self.store = SqlStore("sqlite:///:memory:", is_dead=lambda _owner: True)
        self.before = {kind: set(ids) for kind, ids in self._all().items()}
        self.stacks = self.engine()

    def engine(self, settings=SETTINGS):
        """Stacks as another process would have them, on the same cloud and store."""
        return Stacks(Ec2Driver(self.config), self.store, clock=SystemClock(), settings=settings)

    def held(self):
        """The ids of what is there and was not at first, by kind; what is empty is left out."""
        found = {kind: sorted(set(ids) - self.before[kind]) for kind, ids in self._all().items()}
        return {kind: ids for kind, ids in found.items() if ids}

    def known(self, *names: str):
        """What stacks of these names say is there, in the same form."""
        kinds = {
            "AWS::EC2::Instance": "instance",
            "AWS::EC2::Volume": "volume",
            "AWS::EC2::SecurityGroup": "group",
            "AWS::EC2::KeyPair": "key",
            "AWS::EC2::EIP": "address",
        }
        found: dict[str, list[str]] = {}
        for name in names:
            for row in self.store.resources(self.store.stack(name).stack_id):
                made = row.physical_id is not None and find_type(row.type).native is not None
                if made and row.type in kinds and (self.addresses or kinds[row.type] != "address"):
                    found.setdefault(kinds[row.type], []).append(row.physical_id)
        return {kind: sorted(ids) for kind, ids in found.items()}

    def machines(self):
        """The machines that are there, by the tag that they are found by."""
        return {
            next((tag["Value"] for tag in one.get("Tags", ()) if tag["Key"] == "cfnlib:name"), one["InstanceId"]): one
            for one in self._machines()
        }

    def groups(self):
        """The security groups that were not there at first, by name."""
        rows = self.client.rows("DescribeSecurityGroups", "SecurityGroups")
        return {row["GroupName"]: row for row in rows if row["GroupId"] not in self.before["group"]}

    def volumes(self):
        """The volumes that are no machine's root."""
        rows = self.client.rows("DescribeVolumes", "Volumes")
        return [row for row in rows if not _is_root(row) and row["VolumeId"] not in self.before["volume"]]

    def addresses_held(self):
        """The elastic addresses."""
        return self.client.call("DescribeAddresses")["Addresses"]

    def _machines(self):
        rows = self.client.rows("DescribeInstances", "Reservations")
        all_of_them = [one for row in rows for one in row["Instances"]]
        return [one for one in all_of_them if one["State"]["Name"] not in {"terminated", "shutting-down"}]

    def _all(self):
        alive = {one["InstanceId"] for one in self._machines()}
        volumes = [
            row["VolumeId"]
            for row in self.client.rows("DescribeVolumes", "Volumes")
            if not _is_root(row) and all(one["InstanceId"] in alive for one in row.get("Attachments", ()))
        ]
        return {
            "instance": alive,
            "volume": volumes,
            "group": [row["GroupId"] for row in self.client.rows("DescribeSecurityGroups", "SecurityGroups")],
            "key": [row["KeyPairId"] for row in self.client.call("DescribeKeyPairs")["KeyPairs"]],
            "address": [row["AllocationId"] for row in self.addresses_held()],
        }

    def close(self):
        """Give back connections."""
        self.stacks.close()
        self.client.close()


def _is_root(row) -> bool:
    return any(one.get("Device") == "/dev/sda1" for one in row.get("Attachments", ()))


@contextmanager
def moto_server():
    """The URL of moto's server, running. Skips the test where there is none."""
    executable = os.environ.get("MOTO_SERVER") or shutil.which("moto_server")
    if executable is None or not Path(executable).exists():
        pytest.skip("moto_server is not there: install moto[server], and name its executable in MOTO_SERVER")
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [executable, "-H", "127.0.0.1", "-p", "0"],
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        try:
            port, until = None, time.monotonic() + 60
            while port is None:
                assert time.monotonic() < until, "moto's server does not tell where it listens"
                log.seek(0)
                text = log.read()
                if process.poll() is not None:
                    pytest.skip(f"moto_server does not run: {text[-300:]}")
                found = _LISTENING.search(text)
                port = found[1] if found else None
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


@contextmanager
def moto_world(url):
    """A world on moto's server, emptied."""
    place = urlsplit(url)
    wipe = HTTPConnection(place.hostname, place.port, timeout=30)
    wipe.request("POST", "/moto-api/reset", b"")
    wipe.getresponse().read()
    wipe.close()
    gateway = Gateway(url)
    config = _config(gateway.url, "AKIAIOSFODNN7EXAMPLE", "a secret", types={SMALL: "m1.small", MEDIUM: "m1.medium"})
    images = Client(config).rows("DescribeImages", "Images", {"Owners": ["amazon"]})
    image = next(one["ImageId"] for one in images if one["RootDeviceName"] == "/dev/sda1")
    world = Ec2World("moto", gateway, _config(gateway.url, config.key, "a secret", types=config.types, image=image))
    yield world
    world.close()
    gateway.close()


@contextmanager
def bridge_world(zone, job_s=0.02):
    """A world on our bridge, in front of an embedded cloud of its own."""
    with Simulator(latency=Latency(job_s=job_s), seed=1) as simulator:
        near = Config(endpoint=simulator.endpoint, key=simulator.admin.key, secret=simulator.admin.secret, zone=zone)
        bridge = Bridge(lambda: near, Gate(AdminKeyring(lambda: near)))
        server = Server(Door(bridge.handle, name="ec2", refuse=bridge.refuse), threads=16)
        server.start()
        gateway = Gateway(server.url)
        config = _config(gateway.url, simulator.user.key, simulator.user.secret, zone=zone)
        world = Ec2World(f"bridge {zone}", gateway, config, addresses=zone != "SandboxSG")
        yield world
        world.close()
        gateway.close()
        server.stop()
        bridge.close()


def contract_world(world):
    """The same account as the drivers' contract sees it. `trouble` befalls the request that a command becomes."""

    def trouble(command: str, what: str) -> None:
        assert command == "deployVirtualMachine"
        world.gateway.trouble["RunInstances"] = what

    return World(world.stacks.driver, lambda: time.sleep(0.01), trouble)


def _config(url, key, secret, *, zone=None, types=None, image=None):
    return Config(
        ec2_url=url,
        key=key,
        secret=secret,
        zone=zone,
        region="us-east-1",
        types=types or {},
        images={IMAGE: image, TEMPLATE: image} if image else {},
        retry=2,
        retry_backoff_s=0.01,
        timeout_s=30.0,
    )


MESOS = f"""
Parameters:
  Agents: {{Type: Number, Default: 3}}
  Port: {{Type: String, Default: "5050"}}
  Disk: {{Type: Number, Default: 5}}
  Size: {{Type: String, Default: {SMALL}}}
Resources:
  Key: {{Type: AWS::EC2::KeyPair, Properties: {{KeyName: !Sub "${{AWS::StackName}}-key"}}}}
  Inside:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: the machines of a cluster
      SecurityGroupIngress: [{{IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 0.0.0.0/0}}]
  Among:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: {{GroupId: !Ref Inside, IpProtocol: "-1", SourceSecurityGroupId: !GetAtt Inside.GroupId}}
  Masters:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: masters
      SecurityGroupIngress:
        - {{IpProtocol: tcp, FromPort: !Ref Port, ToPort: !Ref Port, CidrIp: 192.0.2.0/24}}
        - {{IpProtocol: icmp, FromPort: -1, ToPort: -1, CidrIp: 0.0.0.0/0}}
  Master:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: {IMAGE}
      InstanceType: !Ref Size
      KeyName: !Ref Key
      SecurityGroupIds: [!GetAtt Inside.GroupId, !GetAtt Masters.GroupId]
      UserData: !Base64 "#!/bin/sh"
      BlockDeviceMappings: [{{DeviceName: /dev/sdb, Ebs: {{VolumeSize: 7}}}}]
      Tags: [{{Key: role, Value: master}}]
  Standby:
    Type: AWS::EC2::Instance
    Properties: {{ImageId: {IMAGE}, InstanceType: {SMALL}, SecurityGroups: [!Ref Inside]}}
  Like:
    Type: AWS::AutoScaling::LaunchConfiguration
    Properties:
      ImageId: {IMAGE}
      InstanceType: {SMALL}
      SecurityGroups: [!Ref Inside]
      UserData: !Base64
        Fn::Sub: "master=${{Master.PrivateIp}}"
  Nodes:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties: {{LaunchConfigurationName: !Ref Like, MinSize: !Ref Agents, MaxSize: 9}}
  Data:
    Type: AWS::EC2::Volume
    Properties: {{Size: !Ref Disk, Tags: [{{Key: keeps, Value: logs}}, {{Key: spare, Value: ''}}]}}
  Mount:
    Type: AWS::EC2::VolumeAttachment
    Properties: {{VolumeId: !Ref Data, InstanceId: !Ref Master, Device: /dev/sdf}}
  Address: {{Type: AWS::EC2::EIP, Properties: {{InstanceId: !Ref Master}}}}
Outputs:
  Address: {{Value: !Ref Address}}
  Inner: {{Value: !GetAtt Master.PrivateIp}}
"""
"""A cluster as Mesos has it: five machines and more, groups that know each other, a key pair, volumes, an address."""
