"""One service in front of a simulated cloud for the tests of a module, and clients of CloudStack's own API."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# The worlds and clients of other folders are used here too, whichever tests are run.
sys.path += [str(Path(__file__).parent.parent / folder) for folder in ("server", "clients27")]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    from service_world import Place  # noqa: PLC0415 - found once the path is set

    # Hypothesis minds who draws random numbers beside it, as each sweep does.
    found = Place(tmp_path_factory.mktemp("client-api"), sweep_s=60.0)
    yield found
    found.close()


@pytest.fixture(scope="module")
def client(place):
    from client_api_calls import client_of  # noqa: PLC0415 - as above

    return client_of(place)
