"""What tests of things built on cfnlib need: a cloud in memory, its faults, a clock that can be moved, and factories.

>>> from cfnlib.testing import MemoryCloud, MemoryDriver
>>> cloud = MemoryCloud(job_s=3.0)
>>> driver = MemoryDriver(cloud)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.drivers.base import VirtualClock
from cfnlib.drivers.memory import MemoryDriver
from cfnlib.drivers.memory_cloud import MemoryCloud
from cfnlib.drivers.memory_faults import Fault, Trouble
from cfnlib.schema.model import Facts

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Fault", "MemoryCloud", "MemoryDriver", "Trouble", "VirtualClock", "facts", "memory_driver"]


def memory_driver(*, job_s: float = 3.0, faults: Sequence[Fault] = (), seed: int = 0) -> MemoryDriver:
    """A driver with a new cloud in memory, which is its `cloud`."""
    return MemoryDriver(MemoryCloud(job_s=job_s, faults=faults, seed=seed))


def facts(*, security_groups: bool = False, may_expunge: bool = True) -> Facts:
    """The facts of a cloud that is nowhere, for plans."""
    return Facts(
        zone_id="zone-1",
        zone_name="Sandbox",
        security_groups=security_groups,
        account="test",
        domain_id="domain-1",
        may_expunge=may_expunge,
        network_offering_id="networkoffering-1",
    )
