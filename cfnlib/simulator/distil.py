"""Turn the recordings of a real CloudStack 4.19 into the small data files the simulator and its tests live on.

Run as ``python -m cfnlib.simulator.distil PATH_TO_cloudstack-4.19``. Only facts are carried over: names, types,
flags, shapes of answers, codes and texts of errors. Descriptions stay behind. What is written under ``data/``:

- ``commands.json.gz``: every command, its parameters and answer fields, who may call it, and what the recordings told
  about it that metadata does not (the element its answer is wrapped in, the class named in its job);
- ``world.json.gz``: the zones, offerings, templates, hosts ... of the recorded cloud, from which a new world starts;
- ``scenarios.json.gz``: the recorded calls with ids made symbolic, and the shape of each answer, for the conformance
  tests.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from pathlib import Path
from typing import Any

import yaml

from cfnlib.simulator import scenario, seed_facts

DATA = Path(__file__).with_name("data")


def read_cassette(path: Path) -> list[scenario.Exchange]:
    """The exchanges of one vcrpy cassette, in the order they were made."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with path.open(encoding="utf-8") as file:
        document = yaml.load(file, loader)  # noqa: S506 (a safe loader, C or Python)
    return [scenario.exchange(one) for one in document["interactions"]]


def command_facts(source: Path, cassettes: dict[str, list[scenario.Exchange]]) -> dict[str, Any]:
    """Name -> what is known of a command, as compact lists; see `cfnlib.simulator.api` for the reader."""
    with gzip.open(source / "listApis.json.gz", "rt", encoding="utf-8") as file:
        apis = json.load(file)["api"]
    roles = json.loads((source / "commands-by-role.json").read_text(encoding="utf-8"))
    letters = {"User": "U", "DomainAdmin": "D"}
    facts: dict[str, Any] = {}
    for one in sorted(apis, key=lambda item: item["name"]):
        allowed = "".join(letter for role, letter in letters.items() if one["name"] in roles[role])
        facts[one["name"]] = {
            "async": int(one["isasync"]),
            "roles": "A" + allowed,
            "params": [_parameter(parameter) for parameter in one["params"]],
            "fields": [_field(field) for field in one["response"] if field],
        } | ({"since": one["since"]} if one.get("since") else {})
    for exchanges in cassettes.values():
        for name, key, value in scenario.observations(exchanges):
            if name in facts:
                facts[name][key] = value
    return facts


def _parameter(parameter: dict[str, Any]) -> list[Any]:
    related = sorted({name for name in parameter.get("related", "").split(",") if name})
    fact = [parameter["name"], parameter["type"], int(parameter["required"]), parameter["length"]]
    return [*fact, ",".join(related)] if related else fact


def _field(field: dict[str, Any]) -> list[Any]:
    fact = [field["name"], field.get("type", "string")]
    return [*fact, [_field(inner) for inner in field["response"] if inner]] if field.get("response") else fact


def write(name: str, data: object) -> None:
    """Write a data file so that the same facts give the same bytes."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    (DATA / name).write_bytes(gzip.compress(text.encode(), mtime=0))


def main(arguments: list[str] | None = None) -> int:
    """Write all data files from the directory named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m cfnlib.simulator.distil", description=main.__doc__)
    parser.add_argument("source", type=Path, help="directory with listApis.json.gz and cassettes/")
    source = parser.parse_args(arguments).source
    cassettes = {path.stem: read_cassette(path) for path in sorted((source / "cassettes").glob("*.yaml"))}
    if not cassettes:
        sys.stderr.write(f"no cassettes in {source / 'cassettes'}\n")
        return 1
    DATA.mkdir(exist_ok=True)
    write("commands.json.gz", command_facts(source, cassettes))
    write("world.json.gz", seed_facts.from_cassettes(cassettes))
    write("scenarios.json.gz", {name: scenario.distilled(name, each) for name, each in cassettes.items()})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
