"""Clusters of machines that work as one: launch, look, add and remove nodes, destroy.

>>> from cfnlib import Stacks
>>> from cfnlib.clusters import ClusterConfig, Clusters
>>> clusters = Clusters(Stacks.embedded())
>>> cluster = clusters.launch(ClusterConfig("demo", masters=3, agents=5))
>>> cluster.add_nodes(2).machines

A cluster is a stack whose template says that it is one (see `cfnlib.clusters.blueprint`); nothing about it is kept
beside the stack.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cfnlib.clusters.cluster import Cluster
    from cfnlib.clusters.clusters import Clusters
    from cfnlib.clusters.config import ClusterConfig
    from cfnlib.clusters.declared import ClusterConfigError, Fault
    from cfnlib.clusters.shown import ClusterState, Machine, MachineState

__all__ = [
    "Cluster",
    "ClusterConfig",
    "ClusterConfigError",
    "ClusterState",
    "Clusters",
    "Fault",
    "Machine",
    "MachineState",
]

_ELSEWHERE = {
    "Cluster": "cluster",
    "ClusterConfig": "config",
    "ClusterConfigError": "declared",
    "ClusterState": "shown",
    "Clusters": "clusters",
    "Fault": "declared",
    "Machine": "shown",
    "MachineState": "shown",
}


def __getattr__(name: str) -> object:
    """Bring in a public name when it is first used: the command line needs only the configuration to be shown."""
    if name not in _ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_ELSEWHERE[name]}"), name)
    globals()[name] = value
    return value
