"""A simulator that is near instantaneous, and one whose time stands still."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from simulated_cloud import Clock, Cloud

from cfnlib.simulator import Latency, Simulator

# Clients of Python 2.7 are kept where other folders find them too.
sys.path.append(str(Path(__file__).parent.parent / "clients27"))


@pytest.fixture
def cloud():
    with Simulator(seed=7) as simulator:
        yield Cloud(simulator, None)


@pytest.fixture
def slow_cloud():
    """Every job takes ten seconds of a clock that stands still until a test moves it."""
    clock = Clock()
    latency = Latency(job_s=10.0, router_s=30.0, by_command={"startVirtualMachine": 5.0, "stopVirtualMachine": 5.0})
    with Simulator(latency, seed=7, clock=clock) as simulator:
        yield Cloud(simulator, clock)
