"""What the README of the EC2 API says is so."""

from __future__ import annotations

import re

import ec2_readme as readme
import pytest

from compat.ec2.actions import table
from compat.ec2.command import main

TEXT = readme.README.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", readme.PARTS)
def test_its_tables_are_those_of_the_code(name):
    assert readme.part(name, TEXT) == readme.PARTS[name](), "run: python tests/ec2/ec2_readme.py"


def test_every_offered_action_is_in_it_once():
    assert re.findall(r"^\| `(\w+)` \|", readme.part("actions", TEXT), re.MULTILINE) == sorted(table())


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("RunInstances", {"deployVirtualMachine", "createTags", "enableStaticNat"}),
        ("AuthorizeSecurityGroupIngress", {"authorizeSecurityGroupIngress", "createFirewallRule"}),
        ("RebootInstances", {"rebootVirtualMachine"}),
        ("DescribeInstances", {"listVirtualMachines", "listVolumes", "listServiceOfferings", "listAsyncJobs"}),
        ("DescribeRegions", set()),
    ],
)
def test_the_commands_are_those_that_are_called(action, told):
    [row] = [line for line in readme.actions_table().splitlines() if line.startswith(f"| `{action}` ")]
    found = set(re.findall(r"`(\w+)`", row.rpartition(" | ")[2]))
    assert told <= found
    if action in {"RebootInstances", "DescribeRegions"}:
        assert found == told


def test_every_option_is_in_it(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    assert options <= set(re.findall(r"--[a-z-]+", TEXT))
