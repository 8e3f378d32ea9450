"""The templates that the project brings become stacks, and leave nothing behind."""

from __future__ import annotations

import pytest
from template_cloud import TEMPLATES

from cfnlib.errors import OperationFailedError, TemplateError
from cfnlib.simulator import Fault

EACH = pytest.mark.parametrize("file", sorted(path.name for path in TEMPLATES.glob("*.yaml")))


@EACH
def test_has_no_faults(cloud, file):
    with cloud.stacks() as stacks:
        assert [str(found) for found in stacks.validate(TEMPLATES / file)] == []


@EACH
def test_becomes_a_stack_and_goes_without_a_trace(cloud, file):
    before = cloud.held()
    with cloud.stacks() as stacks:
        stack = stacks.create("demo", TEMPLATES / file)
        assert stack.status == "CREATE_COMPLETE"
        assert set(stack.outputs) == set(stacks.plan("demo", TEMPLATES / file).evaluator.outputs())
        assert cloud.held() != before
        assert stacks.delete("demo").status == "DELETE_COMPLETE"
    assert cloud.held() == before


def test_a_site_has_its_two_machines_behind_one_address(cloud):
    with cloud.stacks() as stacks:
        stack = stacks.create("site", TEMPLATES / "lamp.yaml")
        [address] = cloud.list("listPublicIpAddresses", isstaticnat=True)
        assert stack.outputs == {"Address": address["ipaddress"], "URL": f"http://{address['ipaddress']}/"}
    assert {name.split("-")[1] for name in cloud.machines()} == {"web", "database"}


def test_a_password_that_could_break_out_of_a_statement_is_refused(cloud):
    with cloud.stacks() as stacks, pytest.raises(TemplateError, match="letters, digits, dots"):
        stacks.create("site", TEMPLATES / "lamp.yaml", {"DatabasePassword": "it's-long-enough"})
    assert cloud.machines() == {}


def test_a_cluster_has_named_machines_and_an_address_for_its_first_master(cloud):
    with cloud.stacks() as stacks:
        stack = stacks.create("Demo", TEMPLATES / "mesos.yaml", {"Masters": 3, "Agents": 4})
        assert sorted(cloud.machines()) == [f"demo-agent-{n}" for n in (1, 2, 3, 4)] + [
            f"demo-master-{n}" for n in (1, 2, 3)
        ]
        outputs = stack.outputs
    assert outputs["MasterUrl"] == f"http://{outputs['MasterAddress']}:5050"
    assert outputs["ZooKeeperUrl"].count(":2181") == 3
    assert str(outputs["AgentCount"]) == "4"
    [address] = cloud.list("listPublicIpAddresses", isstaticnat=True)
    assert address["ipaddress"] == outputs["MasterAddress"]
    assert address["virtualmachineid"] == cloud.machines()["demo-master-1"]["id"]


def test_from_outside_ssh_and_the_web_interface_of_the_first_master_are_open(cloud):
    with cloud.stacks() as stacks:
        stacks.create("demo", TEMPLATES / "mesos.yaml", {"AllowedCidr": "198.51.100.0/24"})
    rules = cloud.list("listFirewallRules")
    assert sorted((one["startport"], one["cidrlist"]) for one in rules) == [
        (22, "198.51.100.0/24"),
        (5050, "198.51.100.0/24"),
    ]


def test_a_single_master_has_no_ensemble(cloud):
    with cloud.stacks() as stacks:
        stack = stacks.create("demo", TEMPLATES / "mesos.yaml", {"Agents": 1})
        assert "ZooKeeperUrl" not in stack.outputs


def test_a_cluster_grows_and_shrinks_and_the_rest_is_not_touched(cloud):
    with cloud.stacks() as stacks:
        stacks.create("demo", TEMPLATES / "mesos.yaml", {"Agents": 2})
        before = {name: one["id"] for name, one in cloud.machines().items()}
        stacks.update("demo", parameters={"Agents": 4})
        grown = {name: one["id"] for name, one in cloud.machines().items()}
        assert len(grown) == 5
        assert before.items() <= grown.items()
        stacks.update("demo", parameters={"Agents": 1})
        left = {name: one["id"] for name, one in cloud.machines().items()}
    assert left.items() <= before.items()
    assert sorted(left) == ["demo-agent-1", "demo-master-1"]


def test_an_agent_that_does_not_boot_is_tolerated_when_the_share_allows_it(cloud):
    broken = Fault("deployVirtualMachine", "job", match={"name": "demo-agent-2"})
    cloud.simulator.faults.add(broken)
    with cloud.stacks() as stacks:
        stack = stacks.create("demo", TEMPLATES / "mesos.yaml", {"Agents": 4, "MinSuccessfulAgentsPercent": 75})
        assert stack.status == "CREATE_COMPLETE"
    running = [name for name, one in cloud.machines().items() if one["state"] == "Running"]
    assert sorted(running) == ["demo-agent-1", "demo-agent-3", "demo-agent-4", "demo-master-1"]


def test_by_default_every_agent_must_boot(cloud):
    before = cloud.held()
    cloud.simulator.faults.add(Fault("deployVirtualMachine", "job", match={"name": "demo-agent-2"}))
    with cloud.stacks() as stacks, pytest.raises(OperationFailedError, match="ROLLBACK_COMPLETE"):
        stacks.create("demo", TEMPLATES / "mesos.yaml", {"Agents": 4})
    assert cloud.held() == before


def test_in_a_zone_with_security_groups_the_ports_are_those_of_the_daemons(cloud):
    with cloud.stacks("SandboxSG") as stacks:
        stacks.create("demo", TEMPLATES / "mesos.yaml", {"Masters": 3, "Agents": 1, "PublicAddress": "false"})
    groups = [one for one in cloud.list("listSecurityGroups") if one["name"].startswith("demo-")]
    ports = {
        one["name"].split("-")[1]: {(rule["startport"], rule["endport"]) for rule in one["ingressrule"]}
        for one in groups
    }
    assert ports == {
        "mastergroup": {(22, 22), (5050, 5050), (2181, 2181), (2888, 2888), (3888, 3888)},
        "agentgroup": {(22, 22), (5051, 5051), (31000, 32000)},
    }
