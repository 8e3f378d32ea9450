"""From the command line's options to `Stacks`."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from cfnlib.cli.usage import UsageError
from cfnlib.config import Config, embedded_folder
from cfnlib.diagnostic import Code
from cfnlib.errors import TemplateError
from cfnlib.stacks import Stacks

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from cfnlib.source import Node


def open_stacks(arguments: argparse.Namespace) -> Stacks:
    """The stacks of the configured cloud; of the embedded one, which is then said, when none is configured."""
    # It logs every repeated request with its URL, in which the key and the signature stand.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    config = Config.load(
        arguments.profile,
        zone=arguments.zone,
        state_url=arguments.state,
        mapping=arguments.mapping,
    )
    if not config.embedded or config.ec2_url is not None:
        return Stacks.from_config(config=config)
    folder = embedded_folder()
    sys.stderr.write(f"cfnlib: no cloud is configured; using the embedded one, kept in {folder}\n")
    return Stacks.embedded(state=folder, job_s=arguments.job_seconds, config=config, state_url=arguments.state)


def parameters_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The parameters of `--parameters` and those of `-p`, which win. Raises `UsageError`."""
    found = _from_file(arguments.parameters) if arguments.parameters else {}
    for pair in arguments.parameter:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"-p {pair}: write it as -p Key=Value")
        found[key] = value
    return found


def _from_file(path: Path) -> dict[str, Any]:
    """Parameters as a mapping, or as the list of CloudFormation's own tools.

    It is read as templates are, so that `0123` and `1.10` stay the texts that they are. An entry of the list with
    UsePreviousValue is left out, which keeps the present value.
    """
    from cfnlib.source import ListNode, MapNode, load, read_text  # noqa: PLC0415 - only with --parameters

    try:
        text, faults = read_text(path)
    except OSError as error:
        raise UsageError(f"--parameters {path}: {error.strerror}") from error
    node = None
    if text is not None:
        node, faults = load(text, str(path))
    wrong = [item for item in faults.errors if item.code is not Code.STRUCTURE]
    if wrong:
        raise TemplateError(wrong)
    if isinstance(node, MapNode):
        return {key: _value(path, key, inner) for key, inner in node.items()}
    if not isinstance(node, ListNode):
        raise UsageError(f"--parameters {path}: give a mapping, or a list of ParameterKey and ParameterValue")
    found: dict[str, str] = {}
    for item in node:
        entries = item.entries if isinstance(item, MapNode) else {}
        if "ParameterKey" not in entries:
            raise UsageError(f"--parameters {path}: each entry of the list needs a ParameterKey")
        key = _value(path, "ParameterKey", entries["ParameterKey"])
        if "ParameterValue" in entries:
            found[key] = _value(path, key, entries["ParameterValue"])
        elif "UsePreviousValue" not in entries or entries["UsePreviousValue"].plain() is not True:
            raise UsageError(f"--parameters {path}: {key} has no ParameterValue")
    return found


def _value(path: Path, key: str, node: Node) -> str:
    """A parameter's value as CloudFormation has it: a text, of a list with commas."""
    from cfnlib.source import ListNode, Scalar  # noqa: PLC0415 - as above

    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, ListNode):
        return ",".join(_value(path, key, item) for item in node)
    raise UsageError(f"--parameters {path}: {key} must be a text, a number or a list of them")
