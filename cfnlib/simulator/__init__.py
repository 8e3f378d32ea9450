"""An embedded CloudStack 4.19: its HTTP API with signatures, asynchronous jobs, limits and faults, in one process.

It knows nothing of the rest of cfnlib. What it answers follows the recordings of a real server; `known_differences`
under ``tests/simulator`` lists where it does not.
"""

from cfnlib.simulator.faults import Fault
from cfnlib.simulator.latency import Latency
from cfnlib.simulator.seed import Capacity
from cfnlib.simulator.simulator import Keys, Simulator
from cfnlib.simulator.world import Entity, World

__all__ = ["Capacity", "Entity", "Fault", "Keys", "Latency", "Simulator", "World"]
