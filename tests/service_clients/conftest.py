"""One service for the clients of a module."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
sys.path += [str(TESTS / "server"), str(TESTS / "clients27")]

pytest.importorskip("boto3")
from service_world import Place  # noqa: E402 - its folder has to be on the path first


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clients")
    found = Place(folder, bucket_folder=folder / "bucket")
    yield found
    found.close()
