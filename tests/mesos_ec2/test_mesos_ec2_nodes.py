"""Our own node files, run on machines that are folders: what would run on each machine, and how.

Source of the flags' names: data/mesos-1.11-flags.txt.
"""

from __future__ import annotations

import io
import re
import shutil
import signal
import subprocess
import tarfile
import time
from pathlib import Path

import pytest
from node_farm import HERE, NODE_FILES, PROGRAMS, Farm, flags, kill_all

MASTERS = ("10.1.1.1", "10.1.1.2", "10.1.1.3")
AGENTS = ("10.1.1.4", "10.1.1.5")
ZOO = ("10.1.1.9", "10.1.1.10", "10.1.1.11")


@pytest.fixture
def farm(tmp_path):
    yield Farm(tmp_path / "farm")
    kill_all(tmp_path)


def zoo_files(farm, names):
    """The members of the ensemble by number, as each of its nodes has them, and each node's own number."""
    lists, numbers = [], {}
    for name in names:
        text = (farm.folder / name / "etc/mesos-ec2/zoo.cfg").read_text()
        lists.append(dict(re.findall(r"^server\.(\d+)=([^:\n]+):2888:3888$", text, re.MULTILINE)))
        numbers[name] = (farm.folder / name / "var/lib/zookeeper/myid").read_text().strip()
    return lists, numbers


def test_one_master_needs_no_zookeeper(farm):
    done = farm.setup(farm.deploy(MASTERS[:1], AGENTS))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "mesos-ec2: the cluster is at http://10.1.1.1:5050")
    services = farm.services()
    assert {name: list(units) for name, units in services.items()} == {
        "10.1.1.1": ["mesos-ec2-master"],
        "10.1.1.4": ["mesos-ec2-agent"],
        "10.1.1.5": ["mesos-ec2-agent"],
    }
    assert services["10.1.1.1"]["mesos-ec2-master"] == [
        "/10.1.1.1/usr/bin/mesos-master",
        "--hostname=10.1.1.1",
        "--advertise_ip=10.1.1.1",
        "--port=5050",
        "--work_dir=/10.1.1.1/var/lib/mesos/master",
        "--log_dir=/10.1.1.1/var/log/mesos",
    ]
    for name in AGENTS:
        agent = flags(services[name]["mesos-ec2-agent"])
        assert (agent["master"], agent["hostname"], agent["advertise_ip"]) == ("10.1.1.1:5050", name, name)


def test_three_masters_elect_a_leader_with_one_ensemble(farm):
    done = farm.setup(farm.deploy(MASTERS, AGENTS, ZOO))
    assert done.returncode == 0, done.stderr
    lists, numbers = zoo_files(farm, ZOO)
    assert lists == [{number: name for name, number in numbers.items()}] * 3
    assert sorted(numbers.values()) == ["1", "2", "3"]
    services = farm.services()
    urls = {flags(services[name]["mesos-ec2-master"])["zk"] for name in MASTERS}
    urls |= {flags(services[name]["mesos-ec2-agent"])["master"] for name in AGENTS}
    [url] = urls
    assert sorted(url.removeprefix("zk://").removesuffix("/mesos").split(",")) == sorted(f"{n}:2181" for n in ZOO)
    assert [flags(services[name]["mesos-ec2-master"])["quorum"] for name in MASTERS] == ["2"] * 3
    for name in ZOO:
        assert services[name] == {
            "mesos-ec2-zookeeper": [
                f"/{name}/usr/share/zookeeper/bin/zkServer.sh",
                "start-foreground",
                f"/{name}/etc/mesos-ec2/zoo.cfg",
            ]
        }


@pytest.mark.parametrize(("masters", "quorum"), [(1, "1"), (2, "2"), (4, "3"), (5, "3")])
def test_a_quorum_is_more_than_half_of_the_masters(farm, masters, quorum):
    names = [f"10.1.2.{number}" for number in range(1, masters + 1)]
    assert farm.setup(farm.deploy(names, zoo=ZOO)).returncode == 0
    assert {flags(farm.services()[name]["mesos-ec2-master"])["quorum"] for name in names} == {quorum}


def test_mesos_knows_every_flag(farm):
    known: dict[str, set[str]] = {"master": set(), "agent": set()}
    for line in (HERE / "data" / "mesos-1.11-flags.txt").read_text().splitlines():
        who, _, name = line.partition(" ")
        for role in known if who == "both" else [who] if who in known else []:
            known[role].add(name)
    assert farm.setup(farm.deploy(MASTERS, AGENTS, ZOO), CLUSTER_NAME="demo").returncode == 0
    services = farm.services()
    assert set(flags(services[MASTERS[0]]["mesos-ec2-master"])) <= known["master"]
    assert set(flags(services[AGENTS[0]]["mesos-ec2-agent"])) <= known["agent"]


def test_a_second_run_changes_nothing_and_restarts_nothing(farm):
    first = farm.deploy(MASTERS, AGENTS, ZOO)
    assert farm.setup(first).returncode == 0
    services, files = farm.services(), zoo_files(farm, ZOO)
    first = farm.deploy(MASTERS, AGENTS, tuple(reversed(ZOO)))
    assert farm.setup(first).returncode == 0
    assert (farm.services(), zoo_files(farm, ZOO)) == (services, files)
    assert farm.restarts() == dict.fromkeys((*MASTERS, *AGENTS, *ZOO), 1)


def test_only_what_is_to_run_in_another_way_is_restarted(farm):
    first = farm.deploy(MASTERS[:1], AGENTS)
    assert farm.setup(first).returncode == 0
    settings = first / "root/mesos-ec2/settings.sh"
    settings.write_text(settings.read_text() + "CLUSTER_NAME='50% \"of\" $HOME'\n")
    assert farm.setup(first).returncode == 0
    assert farm.restarts() == {"10.1.1.1": 2, "10.1.1.4": 1, "10.1.1.5": 1}
    assert flags(farm.services()["10.1.1.1"]["mesos-ec2-master"])["cluster"] == '50% "of" $HOME'


def test_what_has_ended_is_started_again(farm):
    first = farm.deploy(MASTERS[:1], AGENTS)
    assert farm.setup(first).returncode == 0
    (farm.folder / "10.1.1.5/run/state/active/mesos-ec2-agent").unlink()
    assert farm.setup(first).returncode == 0
    assert farm.restarts() == {"10.1.1.1": 1, "10.1.1.4": 1, "10.1.1.5": 2}


def test_every_node_has_the_same_files(farm):
    first = farm.deploy(MASTERS, AGENTS, ZOO)
    before = {path.name: path.read_bytes() for path in (first / "root/mesos-ec2").iterdir()}
    assert farm.setup(first).returncode == 0
    for name in (*MASTERS, *AGENTS, *ZOO):
        folder = farm.folder / name / "root/mesos-ec2"
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_slow_node_is_waited_for(farm):
    first = farm.deploy(MASTERS[:1], AGENTS)
    (farm.folder / AGENTS[1] / "slow").write_text("\n" * 5)
    assert farm.setup(first).returncode == 0
    assert list(farm.services()[AGENTS[1]]) == ["mesos-ec2-agent"]


def test_an_unreachable_node_is_named_the_others_are_set_up_and_a_later_run_completes(farm):
    first = farm.deploy(MASTERS[:1], AGENTS)
    (farm.folder / AGENTS[1] / "unreachable").touch()
    done = farm.setup(first, SSH_PATIENCE_S="1")
    assert done.returncode == 1
    assert "agent-2 failed:\nno SSH to 10.1.1.5 within 1 seconds: ssh: connect to host 10.1.1.5" in done.stderr
    assert "1 of 3 nodes could not be set up; run" in done.stderr
    services = farm.services()
    assert [list(services[name]) for name in ("10.1.1.1", *AGENTS)] == [["mesos-ec2-master"], ["mesos-ec2-agent"], []]
    (farm.folder / AGENTS[1] / "unreachable").unlink()
    assert farm.setup(first).returncode == 0
    assert farm.restarts() == {"10.1.1.1": 1, "10.1.1.4": 1, "10.1.1.5": 1}


def test_a_service_that_ends_at_once_is_told_with_its_journal(farm):
    first = farm.deploy(MASTERS[:1], AGENTS)
    (farm.folder / AGENTS[0] / "broken").touch()
    done = farm.setup(first)
    assert done.returncode == 1
    assert "agent-1 failed:" in done.stderr
    assert "journal of mesos-ec2-agent: Failed to start" in done.stderr
    assert "mesos-ec2-agent ends at once" in done.stderr


def test_names_may_have_all_that_names_may_have(farm):
    masters = ("VM-1a2b.cs1cloud.internal", "10-1-1-2.Example.ORG", "x_1.example.org")
    zoo = ("0z.example.org", "z--1.example.org.", "Z2")
    done = farm.setup(farm.deploy(masters, ("a",), zoo))
    assert done.returncode == 0, done.stderr
    lists, numbers = zoo_files(farm, zoo)
    assert lists == [{number: name for name, number in numbers.items()}] * 3
    services = farm.services()
    assert [flags(services[name]["mesos-ec2-master"])["hostname"] for name in masters] == list(masters)


@pytest.mark.parametrize("name", ["a b", "a;reboot", "$(reboot)", "-oProxyCommand=x", "a'b", "fe80::1%eth0"])
def test_what_is_no_name_is_refused_before_anything_is_done(farm, name):
    first = farm.deploy(MASTERS[:1], (AGENTS[0], name), make=False)
    done = farm.setup(first)
    assert (done.returncode, f"the list slaves has '{name}'" in done.stderr) == (1, True)
    assert not any(farm.services().values())


def test_a_machine_without_an_address_is_told(farm):
    first = farm.deploy(MASTERS[:1], (AGENTS[0], "", AGENTS[1]))
    done = farm.setup(first)
    assert (done.returncode, "slaves has a machine without an address" in done.stderr) == (1, True)
    assert not any(farm.services().values())


def test_lists_that_make_no_cluster_are_refused(farm):
    done = farm.setup(farm.deploy(MASTERS))
    assert (done.returncode, "3 masters need ZooKeeper nodes" in done.stderr) == (1, True)
    (farm.folder / MASTERS[0] / "root/mesos-ec2/masters").write_text("\n")
    done = farm.setup(farm.folder.joinpath(MASTERS[0]))
    assert (done.returncode, "no master is known" in done.stderr) == (1, True)


def test_one_machine_may_be_everything_one_after_the_other(farm):
    first = farm.deploy(MASTERS[:1], MASTERS[:1], MASTERS[:1])
    done = farm.setup(first, BUSY_S="0.3")
    assert done.returncode == 0, done.stderr
    assert not (first / "overlaps").exists()
    services = farm.services()["10.1.1.1"]
    assert sorted(services) == ["mesos-ec2-agent", "mesos-ec2-master", "mesos-ec2-zookeeper"]
    assert flags(services["mesos-ec2-master"])["zk"] == "zk://10.1.1.1:2181/mesos"
    lists, numbers = zoo_files(farm, MASTERS[:1])
    assert (lists, numbers) == ([{}], {"10.1.1.1": "1"})
    assert "quorumListenOnAllIPs" not in (farm.folder / "10.1.1.1/etc/mesos-ec2/zoo.cfg").read_text()


def test_a_cluster_without_agents_is_one(farm):
    assert farm.setup(farm.deploy(MASTERS[:1])).returncode == 0
    assert list(farm.services()) == ["10.1.1.1"]


def test_a_name_at_127_0_1_1_is_not_what_others_are_told(farm):
    first = farm.deploy(("master.example.org",), ("agent.example.org",))
    for name, address in (("master.example.org", "127.0.1.1"), ("agent.example.org", "10.7.7.7")):
        (farm.folder / name / "etc/hosts").write_text(f"{address} {name}\n")
    assert farm.setup(first).returncode == 0
    services = farm.services()
    assert flags(services["master.example.org"]["mesos-ec2-master"])["advertise_ip"] == "10.9.9.9"
    assert flags(services["agent.example.org"]["mesos-ec2-agent"])["advertise_ip"] == "10.7.7.7"


def test_services_of_packages_do_not_take_the_ports(farm):
    first = farm.deploy(MASTERS[:1])
    for kind in ("enabled", "active"):
        (first / "run/state" / kind).mkdir(parents=True)
        (first / "run/state" / kind / "mesos-slave").touch()
    assert farm.setup(first).returncode == 0
    assert list(farm.services()["10.1.1.1"]) == ["mesos-ec2-master"]


# Where Mesos comes from


def test_an_image_without_mesos_is_told_the_way_out(farm):
    farm.machine(MASTERS[0], mesos=False)
    done = farm.setup(farm.deploy(MASTERS[:1]))
    assert (done.returncode, "set MESOS_ARCHIVE or MESOS_REPOSITORY in settings.sh" in done.stderr) == (1, True)


def test_mesos_comes_from_an_archive(farm, tmp_path):
    with tarfile.open(tmp_path / "mesos.tar.gz", "w:gz") as archive:
        for name in ("mesos-master", "mesos-agent"):
            content = (PROGRAMS / "mesos").read_bytes()
            member = tarfile.TarInfo(f"usr/bin/{name}")
            member.size, member.mode = len(content), 0o755
            archive.addfile(member, io.BytesIO(content))
    farm.machine(MASTERS[0], mesos=False)
    done = farm.setup(farm.deploy(MASTERS[:1]), MESOS_ARCHIVE=(tmp_path / "mesos.tar.gz").as_uri())
    assert done.returncode == 0, done.stderr
    assert list(farm.services()["10.1.1.1"]) == ["mesos-ec2-master"]


def test_mesos_comes_from_a_repository(farm, tmp_path):
    (tmp_path / "key.asc").write_text("a key\n")
    farm.machine(MASTERS[0], mesos=False)
    line = "deb https://packages.example.org/debian bookworm main"
    settings = {"MESOS_REPOSITORY": line, "MESOS_REPOSITORY_KEY": (tmp_path / "key.asc").as_uri()}
    first = farm.deploy(MASTERS[:1])
    (first / "no-packages").touch()
    done = farm.setup(first, **settings)
    assert (done.returncode, "could not install mesos" in done.stderr) == (1, True)
    (first / "no-packages").unlink()
    assert farm.setup(first, **settings).returncode == 0
    assert (first / "etc/apt/sources.list.d/mesos-ec2.list").read_text() == f"{line}\n"
    assert (first / "etc/apt/trusted.gpg.d/mesos-ec2.asc").read_text() == "a key\n"
    assert list(farm.services()["10.1.1.1"]) == ["mesos-ec2-master"]


# Swap, and machines without systemd


def test_swap_is_made_once_and_switched_on_after_each_start(farm):
    first = farm.deploy(MASTERS[:1])
    for _ in range(2):  # the machine's list of swap is this one's, which never has the file: as after a restart
        assert farm.setup(first, swap_mb=1).returncode == 0
    assert (first / "swapfile").stat().st_size == 1 << 20
    assert (first / "swapfile").stat().st_mode & 0o777 == 0o600
    assert (first / "made-swap").read_text() == "swap\n"
    assert (first / "swap").read_text().split() == [str(first / "swapfile")] * 2


def processes(farm):
    """The processes that are the machines' services, by machine."""
    found = {}
    for path in farm.folder.glob("*/etc/mesos-ec2/*.pid"):
        found[path.parts[-4]] = int(path.read_text())
    return found


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def when(look, patience_s=20.0):
    until = time.monotonic() + patience_s
    while not look():
        assert time.monotonic() < until, "it does not come"
        time.sleep(0.05)


def runs(place):
    """The commands that a machine's programs were started with, and by how many."""
    path = place / "runs"
    return path.read_text().splitlines() if path.exists() else []


def test_without_systemd_services_are_processes_which_a_second_run_leaves_alone(farm):
    first = farm.deploy(MASTERS[:1], AGENTS[:1])
    assert farm.setup(first, NO_SYSTEMD="1").returncode == 0
    before = processes(farm)
    assert sorted(before) == ["10.1.1.1", "10.1.1.4"]
    assert all(alive(pid) for pid in before.values())
    assert farm.setup(first, NO_SYSTEMD="1").returncode == 0
    assert processes(farm) == before
    assert farm.setup(first, NO_SYSTEMD="1", CLUSTER_NAME="other").returncode == 0
    after = processes(farm)
    assert (after["10.1.1.4"], after["10.1.1.1"] != before["10.1.1.1"]) == (before["10.1.1.4"], True)
    assert [alive(before["10.1.1.1"]), alive(after["10.1.1.1"])] == [False, True]
    when(lambda: len(runs(first)) == 2)
    assert "--cluster=other" in runs(first)[-1]


def test_without_systemd_what_ends_is_started_again(farm):
    first = farm.deploy(MASTERS[:1])
    assert farm.setup(first, NO_SYSTEMD="1").returncode == 0
    when(lambda: len(runs(first)) == 1)
    [pid] = processes(farm).values()
    children = Path(f"/proc/{pid}/task/{pid}/children")
    subprocess.run(["kill", *children.read_text().split()], check=True)
    when(lambda: len(runs(first)) == 2)
    assert processes(farm) == {"10.1.1.1": pid}


def test_without_systemd_a_program_that_ends_at_once_is_told_with_what_it_said(farm):
    first = farm.deploy(MASTERS[:1])
    (first / "broken").touch()
    done = farm.setup(first, NO_SYSTEMD="1", PAUSE_S="1")
    when(lambda: not any(alive(pid) for pid in processes(farm).values()))
    assert done.returncode == 1
    assert "Failed to load unknown flag" in done.stderr
    assert "mesos-ec2-master ends at once" in done.stderr


def test_another_process_with_an_old_number_is_not_ended(farm):
    first = farm.deploy(MASTERS[:1])
    stranger = subprocess.Popen(["/bin/sleep", "60"], start_new_session=True)
    try:
        (first / "etc/mesos-ec2").mkdir()
        (first / "etc/mesos-ec2/mesos-ec2-master.pid").write_text(f"{stranger.pid}\n")
        assert farm.setup(first, NO_SYSTEMD="1").returncode == 0
        assert stranger.poll() is None
        assert processes(farm)["10.1.1.1"] != stranger.pid
    finally:
        stranger.send_signal(signal.SIGKILL)
        stranger.wait()


# The files themselves


def test_shellcheck_has_nothing_to_say():
    program = shutil.which("shellcheck")
    if program is None:
        pytest.skip("there is no shellcheck")
    files = [path for path in NODE_FILES.rglob("*") if path.is_file() and path.read_text()[:2] in {"#!", "# "}]
    assert {"setup", "setup-node", "lists.sh", "settings.sh"} <= {path.name for path in files}
    for path in [*files, *PROGRAMS.iterdir()]:
        done = subprocess.run(
            [program, "-x", path.name], cwd=path.parent, capture_output=True, text=True, check=False
        )
        assert done.stdout == "", path


def test_systemd_takes_the_units(farm):
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("there is no systemd-analyze")
    first = farm.deploy(MASTERS, AGENTS[:1], ZOO)
    done = farm.setup(first, CLUSTER_NAME="50% \"of\" 'it' $HOME \\ x")
    assert done.returncode == 0, done.stderr
    units = [next(farm.folder.glob(f"{name}/etc/systemd/system/*")) for name in (MASTERS[0], AGENTS[0], ZOO[0])]
    command = [program, "verify", "--man=no", *map(str, units)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    said = [line for line in done.stderr.splitlines() if "mesos-ec2-" in line]
    assert said == []
