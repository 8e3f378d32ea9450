"""The embedded cloud: of this process, or of a directory that several processes share."""

from __future__ import annotations

import json
import signal
import socket
import stat
import threading
from contextlib import ExitStack

import pytest
from users import TEMPLATE, holder, on_the_cloud, place, process

from cfnlib.engine.settings import Settings
from cfnlib.errors import StackNotFoundError
from cfnlib.stacks import Stacks


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "state" / "embedded"


def test_a_stack_is_made_and_removed_with_nothing_else_running():
    with Stacks.embedded() as stacks:
        before = on_the_cloud(stacks)
        stack = stacks.create("demo", TEMPLATE)
        assert stack.status == "CREATE_COMPLETE"
        assert stack.outputs["Machine"] in on_the_cloud(stacks)
        stack.delete()
        assert on_the_cloud(stacks) == before


def test_clouds_in_memory_know_nothing_of_each_other():
    with Stacks.embedded() as one, Stacks.embedded() as other:
        one.create("demo", TEMPLATE)
        assert place(one) != place(other)
        with pytest.raises(StackNotFoundError):
            other["demo"]


def test_cloud_and_stacks_outlive_the_process(folder):
    with Stacks.embedded(state=folder) as stacks:
        before = on_the_cloud(stacks)
        machine = stacks.create("demo", TEMPLATE).outputs["Machine"]
        where = place(stacks)
    with Stacks.embedded(state=folder) as stacks:
        assert place(stacks) == where
        assert machine in on_the_cloud(stacks)
        stacks.delete("demo")
        assert on_the_cloud(stacks) == before


def test_looking_at_stacks_starts_no_cloud(folder):
    with Stacks.embedded(state=folder) as stacks:
        assert stacks.list() == []
        with pytest.raises(StackNotFoundError):
            stacks["demo"]
    assert not list(folder.glob("cloud*"))


def test_what_is_kept_is_private(folder):
    with Stacks.embedded(state=folder) as stacks:
        place(stacks)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "cloud.json").stat().st_mode) == 0o600
        assert stat.S_IMODE((folder / "stacks.db").stat().st_mode) == 0o600


def test_a_second_user_in_the_same_process_uses_the_same_cloud(folder):
    with Stacks.embedded(state=folder) as one, Stacks.embedded(state=folder) as other:
        one.create("demo", TEMPLATE)
        assert place(one) == place(other)
        assert other.delete("demo").status == "DELETE_COMPLETE"


def test_a_second_process_uses_the_cloud_of_the_first(folder):
    with holder(folder) as (_, where), Stacks.embedded(state=folder) as stacks:
        assert place(stacks) == where
        assert stacks.create("demo", TEMPLATE).status == "CREATE_COMPLETE"


@pytest.mark.parametrize("how", ["killed", "ended"])
def test_when_the_first_process_ends_the_second_goes_on_with_the_same_cloud(folder, how):
    with holder(folder) as (first, where), Stacks.embedded(state=folder) as stacks:
        machine = stacks.create("one", TEMPLATE).outputs["Machine"]
        if how == "killed":
            first.send_signal(signal.SIGKILL)
        else:
            first.communicate("")
        first.wait(20)
        assert stacks.create("two", TEMPLATE).status == "CREATE_COMPLETE"
        assert place(stacks) == where
        assert machine in on_the_cloud(stacks)


@pytest.mark.parametrize("job_s", [0.5, 1.5])
def test_a_creation_is_not_disturbed_by_the_death_of_who_serves_the_cloud(folder, job_s):
    quick = Settings(look_s=(0.2, 0.4, 0.4))
    with holder(folder, job_s) as (first, _), Stacks.embedded(state=folder, job_s=0.1, settings=quick) as stacks:
        before = on_the_cloud(stacks)
        begun = threading.Event()
        made = []

        def work() -> None:
            made.append(stacks.create("demo", TEMPLATE, on_event=seen))

        def seen(event) -> None:
            if event.logical_id == "Machine":
                begun.set()

        thread = threading.Thread(target=work)
        thread.start()
        assert begun.wait(20)
        first.kill()
        first.wait(20)
        thread.join(60)
        assert [stack.status for stack in made] == ["CREATE_COMPLETE"]
        assert on_the_cloud(stacks) - before == {row.physical_id for row in made[0].resources}
        stacks.delete("demo")
        assert on_the_cloud(stacks) == before


def test_when_the_port_is_taken_the_cloud_moves_and_is_found(folder):
    with Stacks.embedded(state=folder) as stacks:
        machine = stacks.create("demo", TEMPLATE).outputs["Machine"]
        where = place(stacks)
    port = int(where["endpoint"].split(":")[2].split("/")[0])
    with socket.create_server(("127.0.0.1", port)), Stacks.embedded(state=folder) as stacks:
        assert place(stacks)["endpoint"] != where["endpoint"]
        assert place(stacks)["key"] == where["key"]
        with Stacks.embedded(state=folder) as other:
            assert machine in on_the_cloud(other)


def test_processes_that_begin_at_once_share_one_cloud(folder):
    with ExitStack() as ends:
        started = [ends.enter_context(process(folder, "make", f"demo-{number}")) for number in range(4)]
        told = [one.communicate(timeout=60)[0] for one in started]
    assert told == ["CREATE_COMPLETE\n"] * 4
    with Stacks.embedded(state=folder) as stacks:
        machines = {stack.outputs["Machine"] for stack in stacks.list()}
        assert len(machines) == 4
        assert machines <= on_the_cloud(stacks)


def test_half_a_file_about_the_cloud_is_no_obstacle(folder):
    with Stacks.embedded(state=folder) as stacks:
        place(stacks)
    whole = (folder / "cloud.json").read_text(encoding="utf-8")
    (folder / "cloud.json").write_text(whole[: len(whole) // 2], encoding="utf-8")
    with Stacks.embedded(state=folder) as stacks:
        key = json.loads(whole)["key"]
        assert place(stacks)["key"] == key
