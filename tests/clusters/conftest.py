"""A cloud and clusters for each test."""

from __future__ import annotations

import pytest
from cluster_worlds import ClusterWorld


@pytest.fixture
def world():
    return ClusterWorld()
