"""A cloud of its own for each test of the templates."""

from __future__ import annotations

import pytest
from template_cloud import Cloud

from cfnlib.simulator import Simulator


@pytest.fixture
def cloud(tmp_path):
    with Simulator(seed=1) as simulator:
        yield Cloud(simulator, tmp_path)
