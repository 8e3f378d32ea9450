"""One service for the tests of a module: each names its stacks by itself."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "wire"))  # what makes parameters from the model is there

from service_program import Program
from service_world import Place


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    found = Place(tmp_path_factory.mktemp("service"))
    yield found
    found.close()


@pytest.fixture
def started(tmp_path):
    found = []

    def start(*options):
        found.append(Program(tmp_path, *options))
        return found[-1]

    yield start
    for program in found:
        if program.process.poll() is None:
            program.process.kill()
            program.process.communicate()
