"""Clouds for the tests of the types."""

from __future__ import annotations

import pytest
from cloud_worlds import world


@pytest.fixture
def isolated():
    """A cloud whose zone has isolated networks and no security groups."""
    with world("Sandbox") as found:
        yield found


@pytest.fixture
def grouped():
    """A cloud whose zone has security groups."""
    with world("SandboxSG") as found:
        yield found
