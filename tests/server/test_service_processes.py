"""`cfnlib serve --processes N`: several processes behind one socket, which are one service to everybody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError
from service_world import HELD, QUICK

from cfnlib.cli import NO_CLOUD, WRONG, main

SOON_S = 60.0


def children(pid):
    """The ids of the processes that a process has started."""
    return {int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def until(true):
    """Wait for what becomes true; gives it."""
    end = time.monotonic() + SOON_S
    while not (found := true()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def serving(program, count):
    """The ids of its processes, once there are so many."""
    return until(lambda: found if len(found := children(program.process.pid)) == count else None)


def figures(program):
    with urlopen(f"{program.url}/metrics") as answer:
        lines = [one for one in answer.read().decode().splitlines() if not one.startswith("#")]
    return {name: float(value) for name, _, value in (one.rpartition(" ") for one in lines)}


def is_alive(pid):
    """Whether a process is there, and not only waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_several_processes_are_one_service(started):
    program = started("--processes", "2")
    pids = serving(program, 2)
    assert program.said.count("no cloud is configured") == 1
    for number in range(8):  # a new connection each
        program.client().create_stack(StackName=f"s{number}", TemplateBody=QUICK)
    for number in range(8):
        waiter = program.client().get_waiter("stack_create_complete")
        waiter.wait(StackName=f"s{number}", WaiterConfig={"Delay": 0.2})
    until(lambda: figures(program)['cfnlib_operations_total{status="CREATE_COMPLETE"}'] == 8)
    found = figures(program)
    assert found['cfnlib_requests_total{action="CreateStack",door="cloudformation",status="2xx"}'] == 8
    assert found["cfnlib_operations_running"] == 0
    assert found['cfnlib_requests_under_way{door="cloudformation"}'] == 1
    assert children(program.process.pid) == pids
    assert program.stop() == 0
    assert program.rest.count("handing over") == 2
    assert program.rest.count("action=CreateStack") == 8
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_another_process_takes_the_place_of_one_that_falls(started):
    program = started("--processes", "2")
    program.client().create_stack(StackName="held", TemplateBody=HELD)
    for _ in range(2):  # whichever has the operation
        pids = serving(program, 2)
        fallen = min(pids)
        os.kill(fallen, signal.SIGKILL)
        until(lambda fallen=fallen: len(now := children(program.process.pid)) == 2 and fallen not in now)
    until(lambda: figures(program)["cfnlib_operations_running"] == 1)
    assert figures(program)['cfnlib_requests_total{action="CreateStack",door="cloudformation",status="2xx"}'] == 1
    program.client().delete_stack(StackName="held")
    program.client().get_waiter("stack_delete_complete").wait(StackName="held", WaiterConfig={"Delay": 0.2})
    assert program.stop(signal.SIGINT) == 0
    assert program.rest.count("ended (SIGKILL); another takes its place") == 2


def test_processes_do_not_outlive_their_parent(started, tmp_path):
    program = started("--processes", "2")
    pids = serving(program, 2)
    assert len(list(tmp_path.glob("cfnlib-processes-*"))) == 1
    program.process.kill()
    program.process.communicate()
    until(lambda: not any(map(is_alive, pids)))
    assert not list(tmp_path.glob("cfnlib-processes-*"))


def test_the_limit_of_an_account_is_for_all_processes_together(started):
    program = started("--processes", "2", "--requests-per-second", "0.001")
    program.client().list_stacks()
    for _ in range(3):  # a new connection each
        with pytest.raises(ClientError, match="Rate exceeded"):
            program.client().list_stacks()
    assert program.stop() == 0


@pytest.fixture
def started_to_fail(tmp_path):
    """What came of a service before a cloud that is not there."""
    environ = {
        **os.environ,
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "CLOUDSTACK_ENDPOINT": "http://127.0.0.1:1/client/api",
        "CLOUDSTACK_KEY": "key",
        "CLOUDSTACK_SECRET": "secret",
    }
    command = [sys.executable, "-m", "cfnlib.cli", "serve", "--port", "0"]
    return lambda *options: subprocess.run(
        [*command, *options], env=environ, capture_output=True, text=True, check=False, timeout=SOON_S
    )


def test_what_all_of_them_would_meet_is_said_once(started_to_fail, tmp_path):
    done = started_to_fail("--processes", "3")
    assert done.returncode == NO_CLOUD
    assert done.stderr.count("cannot be used") == 1
    assert not list(tmp_path.glob("cfnlib-processes-*"))


def test_processes_do_not_share_what_is_in_memory(started_to_fail):
    done = started_to_fail("--processes", "2", "--state", "sqlite:///:memory:")
    assert done.returncode == WRONG
    assert done.stderr.count("--processes: a store in memory") == 1


def test_no_process_at_all_serves_nobody(capsys):
    assert main(["serve", "--processes", "0"]) == WRONG
    assert "--processes" in capsys.readouterr().err


def test_what_comes_twice_at_once_to_different_processes_is_done_once(started):
    program = started("--processes", "3")
    serving(program, 3)
    clients = [program.client() for _ in range(12)]  # a connection each

    def create(number):
        try:
            given = {"ClientRequestToken": "same"} if number % 2 else {}
            return clients[number].create_stack(StackName="one", TemplateBody=QUICK, **given)["StackId"]
        except ClientError as error:
            return error.response["Error"]["Code"]

    for token in (0, 1):
        with ThreadPoolExecutor(6) as pool:
            found = Counter(pool.map(create, range(token, 12, 2)))
        (stack_id,) = [one for one in found if one.startswith("arn:")]
        assert found == ({stack_id: 6} if token else {stack_id: 1, "AlreadyExistsException": 5})
        clients[0].get_waiter("stack_create_complete").wait(StackName=stack_id, WaiterConfig={"Delay": 0.2})
        clients[0].delete_stack(StackName=stack_id)
        clients[0].get_waiter("stack_delete_complete").wait(StackName=stack_id, WaiterConfig={"Delay": 0.2})
    assert program.stop() == 0
