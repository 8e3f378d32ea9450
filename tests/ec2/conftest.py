"""Bridges in front of embedded clouds: one a file in each kind of zone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parents[1] / name) for name in ("wire", "clients27")]

from ec2_bridges import ec2_bridges  # noqa: E402 - the bad input is made by a module of another folder


@pytest.fixture(scope="module", params=["Sandbox", "SandboxSG"])
def ec2_world(request):
    """A cloud with two bridges, in a zone without security groups and in one with them."""
    with ec2_bridges(request.param, bridges=2) as world:
        world.zone = request.param
        yield world


@pytest.fixture(scope="module")
def plain_world():
    """The same, in a zone without security groups."""
    with ec2_bridges(bridges=2) as world:
        yield world
