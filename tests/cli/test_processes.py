"""The command line as processes: on a terminal, beside another one, interrupted, killed."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import closing

import pytest

from cfnlib.stacks import Stacks

WAITING = """\
Resources:
  Handle: {Type: AWS::CloudFormation::WaitConditionHandle}
  Done:
    Type: AWS::CloudFormation::WaitCondition
    Properties: {Handle: !Ref Handle, Timeout: 600, Count: 1}
"""
FOLDER = ".local/state/cfnlib/embedded"


class Terminal:
    """A process on a terminal of its own; `shown` is everything that it wrote."""

    def __init__(self, words, *, rows=24, columns=100, **environ) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.shown = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cfnlib.cli", *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, **environ},
            start_new_session=True,
        )
        os.close(slave)

    def read_until(self, wanted=None, timeout_s=30.0) -> str:
        """Read until a text is there (None: until the process ends)."""
        until = time.monotonic() + timeout_s
        while wanted is None or wanted not in self.shown:
            assert time.monotonic() < until, f"{wanted!r} did not come:\n{self.shown}"
            if not select.select([self.master], [], [], 0.1)[0]:
                if self.process.poll() is not None:
                    break
                continue
            try:
                self.shown += os.read(self.master, 65536).decode()
            except OSError:  # the other end is closed
                break
        return self.shown

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        os.close(self.master)


def without_codes(text):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def wait_for(condition, timeout_s=30.0):
    until = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.05)
    return found


def stack_is(home, status, name="demo"):
    """Whether the stack is in this status, seen from this process."""
    if not (home / FOLDER / "stacks.db").exists():
        return False
    with Stacks.embedded(state=home / FOLDER) as stacks:
        return any((state.name, state.status.value) == (name, status) for state in stacks.store.stacks())


def under_way(home, logical_id):
    """Whether something is being done to the resource."""
    if not (home / FOLDER / "stacks.db").exists():
        return False
    with Stacks.embedded(state=home / FOLDER) as stacks:
        rows = [row for state in stacks.store.stacks() for row in stacks.store.resources(state.stack_id)]
        return any(row.logical_id == logical_id and row.status.value.endswith("_IN_PROGRESS") for row in rows)


def test_on_a_terminal_each_resource_is_seen_with_a_bar_over_the_whole(home):
    with closing(Terminal(["create", "demo", "plain.yaml", "--job-seconds", "0.4"])) as terminal:
        shown = terminal.read_until()
        assert terminal.process.wait(20) == 0
    words = without_codes(shown)
    assert "… Machine" in words
    assert "creating" in words
    assert "0 of 2" in words or "1 of 2" in words
    assert "2 of 2" in words
    assert "✓ Machine" in words
    assert words.rstrip().endswith("Size = Small Instance")
    assert "\x1b[32m" in shown
    assert stack_is(home, "CREATE_COMPLETE")


def test_more_resources_than_the_screen_has_rows_are_folded(home):
    words = ["create", "demo", "group.yaml", "-p", "Count=40", "--job-seconds", "0.3"]
    with closing(Terminal(words, rows=12)) as terminal:
        shown = without_codes(terminal.read_until())
    assert "Agents[40 members]" in shown
    assert "Agents[7]" not in shown
    assert stack_is(home, "CREATE_COMPLETE")


@pytest.mark.usefixtures("home")
def test_no_colour_where_none_is_wanted():
    with closing(Terminal(["create", "demo", "plain.yaml", "--job-seconds", "0"], NO_COLOR="1")) as terminal:
        terminal.read_until()
    with closing(Terminal(["status", "demo"], NO_COLOR="1")) as terminal:
        shown = terminal.read_until()
    assert "CREATE_COMPLETE" in shown
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", shown)


@pytest.mark.usefixtures("home")
def test_a_failure_on_a_terminal_stays_on_the_screen_with_its_reason(home):
    text = (home / "plain.yaml").read_text(encoding="utf-8")
    late = """  Late:
    Type: CloudStack::PortForwardingRule
    DependsOn: Machine
    Properties:
      ipaddressid: 00000000-0000-0000-0000-000000000000
      privateport: 80
      publicport: 80
      protocol: tcp
      virtualmachineid: !Ref Machine
"""
    (home / "late.yaml").write_text(text.replace("Outputs:", f"{late}Outputs:"), encoding="utf-8")
    with closing(Terminal(["create", "demo", "late.yaml", "--job-seconds", "0.1"])) as terminal:
        shown = without_codes(terminal.read_until())
        assert terminal.process.wait(20) == 1
    assert "rolling back" in shown or "ROLLBACK_IN_PROGRESS" in shown
    assert "ROLLBACK_COMPLETE" in shown
    assert "cfnlib delete demo" in shown


def test_ctrl_c_leaves_a_stack_that_can_be_carried_on(home, run):
    with closing(Terminal(["create", "demo", "plain.yaml", "--job-seconds", "1"])) as terminal:
        terminal.read_until("… Machine")
        terminal.process.send_signal(signal.SIGINT)
        shown = terminal.read_until()
        assert terminal.process.wait(20) == 130
    assert "cfnlib resume demo" in shown
    assert "Traceback" not in shown
    assert stack_is(home, "CREATE_IN_PROGRESS")
    resumed = run("resume", "demo")
    assert resumed.code == 0
    assert "CREATE_COMPLETE     demo" in resumed.out


def test_a_killed_creation_is_carried_on_and_nothing_is_made_twice(home, program, run):
    creating = program("create", "demo", "plain.yaml", "--job-seconds", "1")
    wait_for(lambda: under_way(home, "Machine"))
    creating.kill()
    creating.wait()
    assert run("resume", "--all").code == 0
    assert run("status", "demo", "--json").json["status"] == "CREATE_COMPLETE"
    with Stacks.embedded(state=home / FOLDER) as stacks:
        machines = stacks.driver._there().client.rows("listVirtualMachines", "virtualmachine", {"listall": True})
        assert [row["name"] for row in machines if row["name"].startswith("demo-")] == [
            row.name for row in stacks["demo"].resources if row.logical_id == "Machine"
        ]


def test_commands_run_beside_an_operation(home, program, run):
    (home / "wait.yaml").write_text(WAITING, encoding="utf-8")
    creating = program("create", "demo", "wait.yaml")
    following = None
    wait_for(lambda: under_way(home, "Done"))
    following = program("events", "demo", "--follow", "--json")
    assert run("status", "demo").out.startswith("demo  CREATE_IN_PROGRESS")
    busy = run("resume", "demo")
    assert busy.code == 4
    assert "cfnlib: " in busy.err
    assert run("create", "other", "plain.yaml").code == 0
    assert run("signal", "demo", "Handle", "--id", "m1", "--data", "ready").code == 0
    out, err = creating.communicate(timeout=30)
    assert (creating.returncode, "CREATE_COMPLETE     demo" in out) == (0, True), err
    told, _ = following.communicate(timeout=30)
    events = [json.loads(line) for line in told.splitlines()]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert (events[-1]["logical_id"], events[-1]["status"]) == ("demo", "CREATE_COMPLETE")


def test_a_creation_is_cancelled_from_elsewhere(home, program, run):
    (home / "wait.yaml").write_text(WAITING, encoding="utf-8")
    creating = program("create", "demo", "wait.yaml")
    wait_for(lambda: under_way(home, "Done"))
    assert run("cancel", "demo").code == 0
    creating.communicate(timeout=30)
    assert creating.returncode == 1
    assert stack_is(home, "ROLLBACK_COMPLETE")


def test_who_stops_reading_ends_a_command_without_a_complaint(home, run):
    run("create", "demo", "group.yaml")
    ran = subprocess.run(
        f"{sys.executable} -m cfnlib.cli status demo --json | head -c 10",
        shell=True,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Broken" not in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.usefixtures("home")
def test_validate_imports_neither_rich_nor_a_database_nor_http():
    watched = "import sys, cfnlib.cli; cfnlib.cli.main(['validate', 'plain.yaml']); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", watched], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in ran.stdout.split()}
    assert loaded & {"rich", "sqlalchemy", "requests", "urllib3", "cs", "asyncio", "jinja2"} == set()


def test_the_simulator_serves_a_cloud_to_the_other_commands(home, program, run, monkeypatch):
    serving = program("simulator", "--json", "--state", home / "world.db")
    told = json.loads(serving.stdout.readline())
    monkeypatch.setenv("CLOUDSTACK_ENDPOINT", told["endpoint"])
    monkeypatch.setenv("CLOUDSTACK_KEY", told["key"])
    monkeypatch.setenv("CLOUDSTACK_SECRET", told["secret"])
    made = run("create", "demo", "plain.yaml")
    assert made.code == 0
    assert "no cloud is configured" not in made.err
    assert run("delete", "demo").code == 0
    serving.send_signal(signal.SIGINT)
    assert serving.wait(20) == 0
