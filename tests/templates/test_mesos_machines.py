"""What the machines of templates/mesos.yaml do at their first boot."""

from __future__ import annotations

import subprocess

import pytest
from boot_machine import Machine
from template_cloud import TEMPLATES

MESOS = TEMPLATES / "mesos.yaml"
DAEMONS = ("mesos-master", "mesos-agent")


@pytest.fixture
def programs(cloud):
    """The boot program of every machine, by the machine's name, of a cluster called Demo."""

    def made(**parameters: object) -> dict[str, str]:
        with cloud.stacks() as stacks:
            stacks.create("Demo", MESOS, parameters)
        return cloud.programs()

    return made


def test_every_program_is_proper_shell_and_fits_into_user_data(programs):
    for name, program in programs(Masters=3, Agents=2).items():
        checked = subprocess.run(["bash", "-n"], input=program, text=True, capture_output=True, check=False)
        assert (name, checked.returncode, checked.stderr) == (name, 0, "")
        assert program.startswith("#!/bin/bash\n")
        assert len(program.encode()) < 16 * 1024


def test_a_master_of_three_joins_the_ensemble_under_its_own_number(programs, tmp_path):
    found = programs(Masters=3, Agents=0)
    for number in (1, 2, 3):
        machine = Machine(tmp_path / str(number), f"demo-master-{number}", DAEMONS)
        ran = machine.boot(found[f"demo-master-{number}"])
        assert ran.returncode == 0, ran.stderr
        assert machine.read("/var/lib/zookeeper/myid") == f"{number}\n"
        servers = [line for line in machine.read("/etc/zookeeper/conf/zoo.cfg").splitlines() if "server." in line]
        assert servers == [f"server.{peer}=demo-master-{peer}:2888:3888" for peer in (1, 2, 3)]
        unit = machine.read("/etc/systemd/system/mesos-master.service")
        assert "--zk=zk://demo-master-1:2181,demo-master-2:2181,demo-master-3:2181/mesos" in unit
        assert "--quorum=2" in unit
        assert "--ip=10.1.1.7" in unit
        assert machine.read("log/systemctl").splitlines()[-1] == "restart mesos-master"


@pytest.mark.parametrize(("masters", "quorum"), [(3, 2), (5, 3), (7, 4)])
def test_the_quorum_is_the_majority_of_the_masters(programs, tmp_path, masters, quorum):
    machine = Machine(tmp_path / "machine", "demo-master-1", DAEMONS)
    assert machine.boot(programs(Masters=masters, Agents=0)["demo-master-1"]).returncode == 0
    assert f"--quorum={quorum} " in machine.read("/etc/systemd/system/mesos-master.service").replace("\n", " ")


def test_a_single_master_runs_without_zookeeper(programs, tmp_path):
    found = programs(Masters=1, Agents=1)
    machine = Machine(tmp_path / "master", "demo-master-1", DAEMONS)
    assert machine.boot(found["demo-master-1"]).returncode == 0
    unit = machine.read("/etc/systemd/system/mesos-master.service")
    assert "--work_dir=/var/lib/mesos-master" in unit
    assert "--zk" not in unit
    assert "zookeeper" not in machine.read("log/apt-get")
    agent = Machine(tmp_path / "agent", "demo-agent-1", DAEMONS)
    assert agent.boot(found["demo-agent-1"]).returncode == 0
    assert "--master=demo-master-1:5050" in agent.read("/etc/systemd/system/mesos-agent.service")


def test_an_agent_of_a_larger_cluster_asks_zookeeper_for_the_leader(programs, tmp_path):
    machine = Machine(tmp_path / "machine", "demo-agent-2", DAEMONS)
    assert machine.boot(programs(Masters=3, Agents=2)["demo-agent-2"]).returncode == 0
    unit = machine.read("/etc/systemd/system/mesos-agent.service")
    assert "--master=zk://demo-master-1:2181,demo-master-2:2181,demo-master-3:2181/mesos" in unit
    assert "--work_dir=/var/lib/mesos-agent" in unit
    assert "--port=5051" in unit


def test_mesos_comes_from_the_archive_that_was_named(programs, tmp_path):
    found = programs(Agents=0, MesosArchive="https://files.example.org/mesos.tar.gz")
    machine = Machine(
        tmp_path / "machine",
        "demo-master-1",
        tar='for it in mesos-master mesos-agent; do cp "${0%/*}/gpg" "${0%/*}/$it"; done',
    )
    ran = machine.boot(found["demo-master-1"])
    assert ran.returncode == 0, ran.stderr
    assert "https://files.example.org/mesos.tar.gz" in machine.read("log/curl")
    assert "/bin/mesos-master" in machine.read("/etc/systemd/system/mesos-master.service")


def test_mesos_comes_from_the_repository_that_was_named(programs, tmp_path):
    found = programs(
        Agents=0,
        MesosRepository="deb https://packages.example.org jammy main",
        MesosRepositoryKey="https://packages.example.org/key",
        MesosVersion="1.9.0",
    )
    installs = '[[ $* == *mesos=1.9.0* ]] && cp "${0%/*}/gpg" "${0%/*}/mesos-master"; echo "$*" >>"$LOG/apt-get"'
    machine = Machine(tmp_path / "machine", "demo-master-1", **{"apt-get": installs})
    ran = machine.boot(found["demo-master-1"])
    assert ran.returncode == 0, ran.stderr
    sources = machine.read("/etc/apt/sources.list.d/mesos.list")
    assert sources == "deb https://packages.example.org jammy main\n"


def test_a_machine_that_got_no_mesos_says_so_and_starts_nothing(programs, tmp_path):
    found = programs(Agents=0, MesosArchive="https://files.example.org/empty.tar.gz")
    machine = Machine(tmp_path / "machine", "demo-master-1", tar="exit 0")
    ran = machine.boot(found["demo-master-1"])
    assert ran.returncode == 1
    assert "no mesos-master was installed" in ran.stderr
    assert machine.read("log/systemctl") == ""


def test_a_host_name_without_a_number_is_refused(programs, tmp_path):
    machine = Machine(tmp_path / "machine", "renamed", DAEMONS)
    ran = machine.boot(programs(Agents=0)["demo-master-1"])
    assert ran.returncode == 1
    assert "does not end in a number" in ran.stderr
