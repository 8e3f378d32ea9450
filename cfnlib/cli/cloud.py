"""From the command line's options to `Stacks`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from cfnlib.config import Config, embedded_folder
from cfnlib.errors import ConfigError
from cfnlib.stacks import Stacks

if TYPE_CHECKING:
    import argparse
    from pathlib import Path


def open_stacks(arguments: argparse.Namespace) -> Stacks:
    """The stacks of the configured cloud; of the embedded one, which is then said, when none is configured."""
    config = Config.load(
        arguments.profile,
        zone=arguments.zone,
        state_url=arguments.state,
        mapping=arguments.mapping,
    )
    if not config.embedded:
        return Stacks.from_config(config=config)
    folder = embedded_folder()
    print(f"cfnlib: no cloud is configured; using the embedded one, kept in {folder}", file=sys.stderr)
    return Stacks.embedded(state=folder, job_s=arguments.job_seconds, config=config, state_url=arguments.state)


def parameters_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The parameters of `--parameters` and, before them in rank, of `-p`. Raises `ConfigError`."""
    found = _from_file(arguments.parameters) if arguments.parameters else {}
    for pair in arguments.parameter:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise ConfigError(f"-p {pair}: write it as -p Key=Value")
        found[key] = value
    return found


def _from_file(path: Path) -> dict[str, Any]:
    """Parameters as a mapping, or as the list of CloudFormation's own tools."""
    import yaml  # noqa: PLC0415 - only with --parameters

    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text) if text.lstrip().startswith(("{", "[")) else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"--parameters {path}: {error}") from error
    if isinstance(found, list) and all(isinstance(item, dict) and "ParameterKey" in item for item in found):
        found = {item["ParameterKey"]: item.get("ParameterValue", "") for item in found}
    if not isinstance(found, dict):
        raise ConfigError(f"--parameters {path}: a mapping is needed, or a list of ParameterKey and ParameterValue")
    return {str(key): _text(value) for key, value in found.items()}


def _text(value: object) -> Any:  # noqa: ANN401 - a parameter's value
    if isinstance(value, dict):
        raise ConfigError("a parameter's value is a text, a number or a list")
    return value


Mapping_types = dict
