"""A cloud for each test."""

from __future__ import annotations

import pytest
from fault_worlds import cloud


@pytest.fixture
def world():
    with cloud() as found:
        yield found
