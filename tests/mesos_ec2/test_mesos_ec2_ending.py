"""How the runner ends: with its script's status, and with nothing left behind, whatever ends it."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ec2_bridges import ec2_bridges
from mesos_clusters import RUNNER
from runner_probe import WAITS, Probe

ENDS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture
def make(tmp_path):
    made = []

    def probe(more=""):
        made.append(Probe(tmp_path, more))
        return made[-1]

    yield probe
    for one in made:
        one.kill_servers()


@pytest.fixture(scope="module")
def beside():
    """The options and variables for an EC2 API that runs already, which saves the time to start one."""
    with ec2_bridges() as world:
        yield (
            ("--bridge", world.urls[0]),
            {"AWS_ACCESS_KEY_ID": world.user.key, "AWS_SECRET_ACCESS_KEY": world.user.secret},
        )


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("how", "status"),
    [("sys.exit(0)", 0), ("sys.exit(3)", 3), ("raise ValueError(1)", 1), ("os.kill(os.getpid(), 9)", 137)],
)
def test_the_scripts_status_is_the_runners(make, beside, how, status):
    probe, (words, variables) = make(f"\n{how}\n"), beside
    assert probe.run(*words, **variables).returncode == status
    assert probe.nothing_left()


@pytest.mark.parametrize("number", ENDS)
def test_a_signal_to_the_runner_reaches_the_script_which_ends_in_its_own_way(make, beside, number):
    probe, words = make(WAITS), ()
    if number != signal.SIGTERM:
        words, variables = beside
        probe.environment |= variables
    runner = probe.start(*words)
    probe.told("ready")
    assert len(probe.servers()) == (1 if number == signal.SIGTERM else 0)
    runner.send_signal(number)
    assert runner.wait(30) == 7
    assert probe.told("heard") == [number]
    assert probe.nothing_left()


def test_ctrl_c_at_a_terminal_reaches_the_script_once(make):
    probe = make(WAITS)
    pid, terminal = pty.fork()
    if pid == 0:  # the terminal's foreground
        os.chdir(probe.home)
        os.execve(sys.executable, probe.command(), probe.environment)
    try:
        probe.told("ready")
        os.write(terminal, b"\x03")
        assert probe.told("heard") == [signal.SIGINT]
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
        assert probe.nothing_left()
    finally:
        os.close(terminal)


def test_a_signal_while_the_ec2_api_is_started_leaves_nothing(make):
    probe = make()
    for number in ENDS:
        runner = probe.start()
        until = time.monotonic() + 30
        while not probe.servers():
            assert time.monotonic() < until
            time.sleep(0.01)
        runner.send_signal(number)
        assert runner.wait(30) == 128 + number
        assert probe.nothing_left()


def test_a_second_signal_does_not_disturb_the_clearing_up(make):
    probe = make(WAITS)
    runner = probe.start()
    probe.told("ready")
    while runner.poll() is None:
        runner.send_signal(signal.SIGTERM)
        time.sleep(0.01)
    assert runner.returncode in {7, 128 + signal.SIGTERM, -signal.SIGTERM}  # the last: when all was done
    assert probe.nothing_left()


def test_when_the_runner_is_killed_the_ec2_api_ends_and_clears_up(make):
    probe = make(WAITS)
    runner = probe.start()
    probe.told("ready")
    script = probe.told("start")["pid"]
    runner.kill()
    runner.wait()
    assert probe.nothing_left()
    os.kill(script, signal.SIGTERM)


def test_nohup_is_heeded(make):
    probe = make(WAITS)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        runner = probe.start()
    finally:
        signal.signal(signal.SIGHUP, before)
    probe.told("ready")
    runner.send_signal(signal.SIGHUP)
    runner.send_signal(signal.SIGTERM)
    assert runner.wait(30) == 7
    assert probe.told("heard") == [signal.SIGTERM]


def test_a_script_that_heeds_no_signal_is_killed_in_the_end():
    code = (
        "import subprocess, sys\nfrom runner import ending\nending._GRACE_S = 0.3\n"
        "stubborn = 'import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)'\n"
        "with ending.signals_raised():\n"
        "    process = subprocess.Popen([sys.executable, '-c', stubborn])\n"
        "    print(process.pid, flush=True)\n"
        "    sys.exit(ending.waited(process))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(RUNNER.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    runner = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
    lines = [runner.stdout.readline() for _ in range(2)]
    runner.terminate()
    assert runner.wait(30) == 137
    runner.stdout.close()
    assert not any(alive(int(line)) for line in lines if line != "1\n")
