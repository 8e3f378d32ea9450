"""What the tests of faults share: an embedded cloud, stacks on it, and what the cloud really holds.

The cloud is looked at from within, so that no fault that is in force hides anything, and nothing that a test asks
counts among the calls that a fault befalls.
"""

from __future__ import annotations

from contextlib import contextmanager

from cfnlib.config import Config
from cfnlib.drivers.base import SystemClock
from cfnlib.drivers.cloudstack import CloudStackDriver
from cfnlib.engine.settings import Settings
from cfnlib.resources import find as find_type
from cfnlib.simulator import Simulator
from cfnlib.stacks import Stacks
from cfnlib.state.sql import SqlStore

SETTINGS = Settings(
    look_s=(0.02, 0.05, 0.1),
    retry_s=(0.02, 0.05, 0.1, 0.2),
    poll_min_s=0.01,
    poll_max_s=0.1,
    settle_s=3.0,
    signal_s=0.02,
    write_s=0.01,
    heartbeat_s=0.05,
)
IMAGE = "Debian 12 (Simulator)"
KINDS = (
    "virtualmachine",
    "network",
    "publicip",
    "firewallrule",
    "egressrule",
    "portforwardingrule",
    "loadbalancerrule",
    "keypair",
    "securitygroup",
    "securityrule",
    "affinitygroup",
    "volume",
    "snapshot",
)
PASSING = frozenset(
    {"created", "updated", "job", "host", "ready_at", "allocated", "attached", "ever_started", "details"}
)
"""Fields that say when or where something happened, not what there is; `details` tell that a machine was stopped."""


class World:
    """A simulated cloud, and stacks of an ordinary account on it, kept in a store in memory."""

    def __init__(self, simulator, *, zone="Sandbox", settings=SETTINGS, store=None, **config: object) -> None:
        self.simulator = simulator
        self.settings = settings
        self.config = {
            "endpoint": simulator.endpoint,
            "key": simulator.user.key,
            "secret": simulator.user.secret,
            "zone": zone,
            "retry": 1,
            "retry_backoff_s": 0.0,
            **config,
        }
        self.store = store or SqlStore("sqlite:///:memory:", is_dead=lambda _owner: False)
        self.before = self._ids()
        self.stacks = self.engine()

    def engine(self, *, settings=None, store=None, **config: object):
        """Stacks as another process would have them, on the same cloud and store."""
        return self.connect({**self.config, **config}, store or self.store, settings or self.settings)

    @staticmethod
    def connect(config, store, settings=SETTINGS):
        """Stacks on a cloud that this process may not have started."""
        return Stacks(CloudStackDriver(Config(**config)), store, clock=SystemClock(), settings=settings)

    def fault(self, *faults: object):
        """Let things go wrong from now on."""
        self.simulator.faults.add(*faults)

    def mend(self):
        """Let nothing go wrong any more."""
        self.simulator.faults.clear()

    def things(self, kind):
        """What the cloud has of a kind beyond what it had at first, oldest first."""
        old = self.before.get(kind, set())
        return [dict(one) for one in self._live(kind) if one.uuid not in old]

    def machines(self):
        """The machines by name."""
        return {one["name"]: one for one in self.things("virtualmachine")}

    def held(self):
        """The ids of what a stack could have made: no source NAT addresses, no disks that came with a machine."""
        found = {one["id"] for kind in KINDS for one in self.things(kind) if not _comes_along(kind, one)}
        rules = [*self.things("portforwardingrule"), *self.things("loadbalancerrule")]
        opened = {one["opened"] for one in rules if one.get("opened")}  # firewall rules that come and go with these
        return found - opened - {one["id"] for one in self.things("securityrule")}

    def picture(self):
        """All that the cloud holds, with every field that says what a thing is: two pictures can be compared."""
        return {
            kind: {one["id"]: {k: v for k, v in one.items() if k not in PASSING} for one in self.things(kind)}
            for kind in (*KINDS, "tag", "nic")
        }

    def known(self, *names: str):
        """The ids of the things that the stacks of these names say are there."""
        found = set()
        for name in names:
            for row in self.store.resources(self.store.stack(name).stack_id):
                resource = find_type(row.type)
                if resource.native is not None and row.physical_id in self.everything():
                    found.add(row.physical_id)
        return found

    def stranger(self, name):
        """A machine of this name that no stack has made, in the same account."""
        client = self.stacks.driver.client
        lookup = self.stacks.driver.lookup
        network = client.call(
            "createNetwork",
            {
                "name": f"{name}-network",
                "displaytext": "a stranger's",
                "zoneid": lookup("zone", "Sandbox"),
                "networkofferingid": lookup("networkoffering", "DefaultIsolatedNetworkOfferingWithSourceNatService"),
            },
        )["network"]
        return client.call(
            "deployVirtualMachine",
            {
                "name": name,
                "zoneid": lookup("zone", "Sandbox"),
                "templateid": lookup("template", IMAGE),
                "serviceofferingid": lookup("serviceoffering", "Small Instance"),
                "networkids": network["id"],
            },
        )["id"]

    def everything(self):
        """The ids of all that is there beyond what there was at first."""
        return {one["id"] for kind in KINDS for one in self.things(kind)}

    def _live(self, kind) -> list:
        found = self.simulator.world.live(kind)
        return [one for one in found if kind != "publicip" or one["state"] != "Free"]

    def _ids(self) -> dict:
        return {kind: {one.uuid for one in self._live(kind)} for kind in (*KINDS, "tag", "nic")}


def _comes_along(kind, one) -> bool:
    if kind == "publicip":
        return bool(one.get("source_nat"))
    if kind == "volume":
        return one["type"] == "ROOT"
    return kind == "securitygroup" and one["name"] == "default"


@contextmanager
def cloud(*, latency=None, capacity=None, faults=(), **options: object):
    """A running cloud and stacks on it; nothing of it remains."""
    with Simulator(latency, faults, capacity=capacity, seed=1) as simulator:
        world = World(simulator, **options)
        yield world
        world.stacks.close()


TEMPLATE = f"""
Parameters:
  Ssh: {{Type: String, Default: "22"}}
  Size: {{Type: String, Default: Small Instance}}
  Disk: {{Type: Number, Default: 5}}
Resources:
  Key: {{Type: CloudStack::SSHKeyPair}}
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: machines
      SecurityGroupIngress: [{{IpProtocol: tcp, FromPort: !Ref Ssh, ToPort: !Ref Ssh, CidrIp: 0.0.0.0/0}}]
  Web:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: {IMAGE}
      InstanceType: !Ref Size
      SecurityGroups: [!Ref Group]
      Tags: [{{Key: role, Value: web}}]
  Address: {{Type: AWS::EC2::EIP, Properties: {{InstanceId: !Ref Web}}}}
  Data: {{Type: AWS::EC2::Volume, Properties: {{Size: !Ref Disk}}}}
  Mount:
    Type: AWS::EC2::VolumeAttachment
    Properties: {{VolumeId: !Ref Data, InstanceId: !Ref Web, Device: /dev/sdf}}
Outputs:
  Address: {{Value: !Ref Address}}
"""
"""One of everything that a small stack has: a key pair, a network, a machine, its address, rules and disk."""
