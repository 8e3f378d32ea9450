"""What the simulator answers to the recorded calls has the shape, status and codes of what was recorded."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import yaml
from scenario_replay import Difference, Replay

from cfnlib.simulator import distil, scenario
from cfnlib.simulator.api import read_data

SCENARIOS = read_data("scenarios.json.gz")
RECORDINGS = Path(__file__).parents[2].parent / "shared" / "cloudstack-4.19"
KNOWN = yaml.safe_load(Path(__file__).with_name("known_differences.yaml").read_text(encoding="utf-8"))
KNOWN_KEYS = {(entry["command"], entry["kind"], path) for entry in KNOWN for path in entry["paths"]}


@cache
def differences(name: str) -> list[Difference]:
    with Replay(name, SCENARIOS[name]) as replay:
        return list(replay.differences())


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_recorded_scenario_goes_the_same_way(name):
    unlisted = [one for one in differences(name) if one.key not in KNOWN_KEYS]
    assert not unlisted, "\n".join(
        f"{one.where} {one.command}: {one.kind} {one.path}: {one.detail}" for one in unlisted
    )


def test_every_known_difference_still_occurs():
    occurring = {one.key for name in SCENARIOS for one in differences(name)}
    assert occurring >= KNOWN_KEYS


def test_every_known_difference_has_its_reason():
    assert all(len(entry["why"]) > 20 for entry in KNOWN)


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings are not part of the project")
def test_the_data_files_say_what_the_recordings_say():
    for path in sorted((RECORDINGS / "cassettes").glob("*.yaml")):
        steps = scenario.distilled(path.stem, distil.read_cassette(path))
        assert steps == SCENARIOS[path.stem], path.stem
