"""The same template becomes a stack in a zone with security groups and in one without, for any account."""

from __future__ import annotations

import pytest

from cfnlib.config import Config
from cfnlib.simulator import Simulator
from cfnlib.stacks import Stacks

KINDS = ("virtualmachine", "network", "securitygroup", "publicipaddress", "firewallrule", "volume")


def things(simulator):
    return {kind: len(simulator.world.live(kind)) for kind in KINDS}


@pytest.mark.parametrize("zone", ["Sandbox", "SandboxSG"])
@pytest.mark.parametrize("who", ["admin", "user"])
@pytest.mark.parametrize(
    ("file", "parameters", "address"),
    [("lamp.yaml", {}, "Address"), ("mesos.yaml", {"Masters": "3", "Agents": "2"}, "MasterAddress")],
)
def test_a_template_is_made_and_leaves_nothing(zone, who, file, parameters, address):
    with Simulator() as simulator:
        keys = getattr(simulator, who)
        config = Config(
            endpoint=simulator.endpoint, key=keys.key, secret=keys.secret, zone=zone, state_url="sqlite:///:memory:"
        )
        with Stacks.from_config(config=config) as stacks:
            before = things(simulator)
            stack = stacks.create("site", f"templates/{file}", parameters)
            assert stack.status == "CREATE_COMPLETE"
            assert stack.outputs[address].count(".") == 3
            machines = [one for one in simulator.world.live("virtualmachine") if one["name"].startswith("site-")]
            assert len(machines) == {"lamp.yaml": 2, "mesos.yaml": 5}[file]
            stacks.delete("site")
            after = things(simulator)
            # a zone's first use makes an account's default security group
            assert {**after, "securitygroup": 0} == {**before, "securitygroup": 0}


def test_an_elastic_address_in_a_zone_without_them_is_the_machines_own():
    with Simulator() as simulator:
        keys = simulator.admin
        config = Config(
            endpoint=simulator.endpoint,
            key=keys.key,
            secret=keys.secret,
            zone="SandboxSG",
            state_url="sqlite:///:memory:",
        )
        with Stacks.from_config(config=config) as stacks:
            warnings = [str(one) for one in stacks.plan("site", "templates/lamp.yaml").diagnostics]
            assert any("WebAddress" in one and "no elastic addresses" in one for one in warnings)
            stack = stacks.create("site", "templates/lamp.yaml")
            web = next(row for row in stack.resources if row.logical_id == "Web")
            assert stack.outputs["Address"] == web.attributes["PrivateIp"]
