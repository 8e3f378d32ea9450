"""Fixtures of the EC2 driver's tests: one moto server a run, a fresh world a test."""

from __future__ import annotations

import pytest
from ec2_worlds import bridge_world, moto_server, moto_world


@pytest.fixture(scope="session")
def moto_url():
    with moto_server() as url:
        yield url


@pytest.fixture(params=["moto", "bridge", "bridge with groups"])
def ec2_world(request):
    """An account at each EC2 API in turn."""
    if request.param == "moto":
        with moto_world(request.getfixturevalue("moto_url")) as world:
            yield world
    else:
        with bridge_world("Sandbox" if request.param == "bridge" else "SandboxSG") as world:
            yield world
