"""Whether the process that holds a lease is gone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from cfnlib.state.owner import owner_is_dead, owner_name

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@pytest.fixture
def sleeper():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.stdin.close()
    process.kill()
    process.wait()


def test_this_process_is_alive():
    host, pid, _ = owner_name().rsplit(":", 2)
    assert (host, pid) == (socket.gethostname(), str(os.getpid()))
    assert not owner_is_dead(owner_name())


@linux
def test_a_process_is_dead_from_its_end_on_even_before_its_parent_waits_for_it(sleeper):
    name = owner_name(sleeper.pid)
    assert not owner_is_dead(name)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert owner_is_dead(name)
    sleeper.wait()
    assert owner_is_dead(name)


@linux
def test_another_process_with_the_same_pid_does_not_keep_it_alive():
    host, pid, start = owner_name().rsplit(":", 2)
    ticks, _, kernel = start.partition("-")
    assert owner_is_dead(f"{host}:{pid}:{int(ticks) - 1}-{kernel}")


def test_a_process_of_another_machine_boot_or_container_may_be_alive(sleeper):
    host, pid, start = owner_name(sleeper.pid).rsplit(":", 2)
    sleeper.kill()
    sleeper.wait()
    assert not owner_is_dead(f"{host}x:{pid}:{start}")
    assert not owner_is_dead(f"{host}:{pid}:{start}9")


@pytest.mark.parametrize("name", ["", "me", "a:b:c", "host:1", "host:-1:5-x", f"{socket.gethostname()}:0:5-x"])
def test_a_name_of_another_form_tells_nothing(name):
    assert not owner_is_dead(name)
