"""One service for the tests of a module: each names its stacks by itself."""

from __future__ import annotations

import pytest
from service_world import Place


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    found = Place(tmp_path_factory.mktemp("service"))
    yield found
    found.close()
