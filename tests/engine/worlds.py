"""What the engine's tests share: stacks on a cloud in memory; what is there is compared with what is known."""

from __future__ import annotations

from cfnlib.drivers.base import VirtualClock
from cfnlib.drivers.memory import MemoryDriver
from cfnlib.drivers.memory_cloud import MemoryCloud
from cfnlib.engine.settings import Settings
from cfnlib.resources import find as find_type
from cfnlib.stacks import Stacks
from cfnlib.state.sql import SqlStore

NAMES = {
    "zone": {"Sandbox": "zone-1"},
    "template": {"Debian 12": "template-1", "Ubuntu 22.04": "template-2"},
    "serviceoffering": {"Small Instance": "offering-1", "Medium Instance": "offering-2"},
    "diskoffering": {"Small": "disk-1"},
    "customdiskoffering": {"Custom": "disk-2"},
    "networkoffering": {"Isolated": "networkoffering-1"},
}
SETTINGS = Settings(
    inline=True, look_s=(0.1, 0.2), retry_s=(1.0, 2.0, 4.0), settle_s=120.0, lease_s=1e9, heartbeat_s=1.0
)


class World:
    """A cloud in memory, a store in memory, one clock, and stacks on them."""

    def __init__(self, *, before=None, after=None, settings=SETTINGS, **cloud):
        self.clock = cloud.pop("clock", None) or VirtualClock()
        self.cloud = MemoryCloud(clock=self.clock, names=NAMES, **cloud)
        self.store = SqlStore("sqlite:///:memory:", now=self.clock.now, is_dead=lambda _owner: True)
        self.settings = settings
        self.stacks = self.engine(before=before, after=after)

    def engine(self, *, before=None, after=None):
        """Another process, as it were: stacks on the same cloud and store."""
        driver = MemoryDriver(self.cloud, before=before, after=after)
        return Stacks(driver, self.store, clock=self.clock, settings=self.settings)

    def known(self, name):
        """The ids of the things on the cloud that the stack's rows name."""
        rows = self.store.resources(self.store.stack(name).stack_id)
        found = set()
        for row in rows:
            resource = find_type(row.type)
            if resource.native is not None and row.physical_id in self.cloud.things:
                found.add(row.physical_id)
        return found

    def there(self):
        """The ids of all things that are on the cloud."""
        return set(self.cloud.things)
