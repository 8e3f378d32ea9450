"""Whatever is called in whatever order, the cloud answers as CloudStack does and its world stays in order."""

# What is test machinery is read by its name, and takes what it is given.
# ruff: noqa: D102

from __future__ import annotations

import itertools

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule
from simulated_cloud import Clock, Cloud, Refused

from cfnlib.simulator import Capacity, Latency, Simulator

NAMES = st.sampled_from(["a", "b", "c", "web-1", "UPPER", "bad_name", ""])
REFUSALS = {401, 430, 431, 432, 530, 531, 533, 535, 536, 537}


class AnyCalls(RuleBasedStateMachine):
    """Calls of the commands a stack needs, right and wrong ones, with time passing between them."""

    networks = Bundle("networks")
    machines = Bundle("machines")
    addresses = Bundle("addresses")
    rules = Bundle("rules")
    gone = Bundle("gone")

    @initialize()
    def begin(self):
        self.clock = Clock()
        self.refusals = []
        capacity = Capacity(host_memory_mib=2048, public_addresses=6, limits={"user_vm": 4})
        self.simulator = Simulator(Latency(job_s=2.0, router_s=3.0), capacity=capacity, clock=self.clock, seed=3)
        self.simulator.start()
        self.cloud = Cloud(self.simulator, self.clock)
        self.clients = [self.cloud.admin, self.cloud.user]

    def teardown(self):
        if hasattr(self, "simulator"):
            for client in self.clients:
                client.connection.close()
            self.simulator.stop()

    def call(self, client, command, **parameters):
        try:
            return self.clients[client](command, **parameters)
        except Refused as refused:
            self.refusals.append((refused.status, bool(refused.text)))
            return {}

    def made(self, answer):
        return answer["id"] if "id" in answer else multiple()

    @rule(target=networks, client=st.integers(0, 1), name=NAMES)
    def create_network(self, client, name):
        offering = self.cloud.network_offering
        made = self.call(client, "createNetwork", name=name, zoneid=self.cloud.zone, networkofferingid=offering)
        return self.made(made.get("network", {}))

    @rule(target=machines, client=st.integers(0, 1), name=NAMES, network=networks)
    def deploy(self, client, name, network):
        cloud = self.cloud
        given = {"zoneid": cloud.zone, "templateid": cloud.template, "serviceofferingid": cloud.offering}
        return self.made(self.call(client, "deployVirtualMachine", name=name, networkids=network, **given))

    @rule(
        client=st.integers(0, 1),
        machine=machines,
        command=st.sampled_from(
            ["startVirtualMachine", "stopVirtualMachine", "rebootVirtualMachine", "destroyVirtualMachine"]
        ),
    )
    def change(self, client, machine, command):
        self.call(client, command, id=machine)

    @rule(client=st.integers(0, 1), machine=machines)
    def recover(self, client, machine):
        self.call(client, "recoverVirtualMachine", id=machine)

    @rule(target=gone, machine=consumes(machines))
    def expunge(self, machine):
        self.call(0, "destroyVirtualMachine", id=machine, expunge="true")
        self.clock.now += 20
        return machine

    @rule(machine=gone, command=st.sampled_from(["startVirtualMachine", "destroyVirtualMachine"]))
    def use_what_is_gone(self, machine, command):
        assert self.call(0, command, id=machine) == {}
        assert self.call(0, "listVirtualMachines", id=machine) == {}

    @rule(target=addresses, client=st.integers(0, 1), network=networks)
    def associate(self, client, network):
        return self.made(self.call(client, "associateIpAddress", networkid=network))

    @rule(client=st.integers(0, 1), address=addresses)
    def release(self, client, address):
        self.call(client, "disassociateIpAddress", id=address)

    @rule(target=rules, client=st.integers(0, 1), address=addresses, machine=machines, port=st.integers(0, 3))
    def forward(self, client, address, machine, port):
        ports = {"publicport": port, "privateport": port, "protocol": "tcp"}
        return self.made(
            self.call(client, "createPortForwardingRule", ipaddressid=address, virtualmachineid=machine, **ports)
        )

    @rule(client=st.integers(0, 1), address=addresses, machine=machines)
    def map_all(self, client, address, machine):
        self.call(client, "enableStaticNat", ipaddressid=address, virtualmachineid=machine)

    @rule(rule_=rules)
    def delete_rule(self, rule_):
        self.call(0, "deletePortForwardingRule", id=rule_)

    @rule(client=st.integers(0, 1), network=networks)
    def delete_network(self, client, network):
        self.call(client, "deleteNetwork", id=network)

    @rule(seconds=st.sampled_from([0.5, 2.0, 10.0]))
    def wait(self, seconds):
        self.clock.now += seconds

    @rule(client=st.integers(0, 1), command=st.sampled_from(["listVirtualMachines", "listNetworks", "listVolumes"]))
    def look(self, client, command):
        self.call(client, command, listall="true")

    @invariant()
    def the_simulator_itself_is_well(self):
        assert not hasattr(self, "simulator") or self.simulator.crashes == []

    @invariant()
    def every_refusal_is_one_of_cloudstacks(self):
        assert all(status in REFUSALS and has_text for status, has_text in getattr(self, "refusals", []))

    @invariant()
    def the_world_is_in_order(self):
        if not hasattr(self, "simulator"):
            return
        world = self.simulator.world
        machines = {one.uuid: one for one in world.live("virtualmachine")}
        networks = {one.uuid for one in world.live("network")}
        cards = world.live("nic")
        assert all(card["vm"] in machines and card["network"] in networks for card in cards)
        taken = [(card["network"], card["address"]) for card in cards]
        assert len(taken) == len(set(taken))
        names = [(card["network"], machines[card["vm"]]["name"]) for card in cards]
        assert len(names) == len(set(names))
        for address in world.live("publicip"):
            assert (address["state"] == "Free") == ("account" not in address) == ("free_in" in address)
        for rule_ in world.live("portforwardingrule"):
            assert rule_["vm"] in machines
            assert world.get("publicip", rule_["ip"])["state"] != "Free"
        for load in world.live("hostload"):
            there = [one for one in machines.values() if one.get("host") == load["host"]]
            assert load["memory_mib"] == sum(one["memory_mib"] for one in there) <= 2048
        for one in machines.values():
            assert ("host" in one) == (one["state"] in {"Running", "Starting", "Stopping"})
        pending = list(itertools.chain(*(world.by("job", "pending_of", one.uuid) for one in world.live("account"))))
        assert {job.uuid for job in pending} == {job.uuid for job in world.live("job") if job["status"] == 0}


AnyCalls.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestAnyCalls = AnyCalls.TestCase
