"""The handle of a stack, and the public face of the library."""

from __future__ import annotations

import json
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest
from users import TEMPLATE

import cfnlib
from cfnlib.drivers.base import VirtualClock
from cfnlib.errors import OperationFailedError, StackError
from cfnlib.stack import last_operation, steps_of, time_text
from cfnlib.stacks import Stacks
from cfnlib.state.model import Event

SECRETIVE = """\
Parameters:
  Word: {Type: String, NoEcho: true}
  Colour: {Type: String, Default: red}
""" + TEMPLATE.replace("Outputs:", "Outputs:\n  Colour: {Value: !Ref Colour}")


@pytest.fixture(scope="module")
def stacks():
    with Stacks.embedded() as opened:
        yield opened


@pytest.fixture(scope="module")
def stack(stacks):
    return stacks.create("shown", SECRETIVE, {"Word": "hidden-word"})


def drawn(drawing):
    return {"".join(one.itertext()) for one in ET.fromstring(drawing.svg).iter() if one.tag.endswith("}text")}


def test_a_handle_tells_what_the_stack_is(stack):
    assert (stack.name, stack.status, stack.reason) == ("shown", "CREATE_COMPLETE", "")
    assert stack.outputs["Colour"] == "red"
    assert [row.logical_id for row in stack.resources] == ["Network", "Machine"]
    assert stack.events()[-1].status == "CREATE_COMPLETE"
    assert stack.events(after=stack.events()[-2].sequence) == stack.events()[-1:]
    assert repr(stack) == "<stack shown: CREATE_COMPLETE, 2 resources>"


def test_a_secret_parameter_is_masked_wherever_a_handle_shows_it(stack):
    assert stack.parameters == {"Word": "****", "Colour": "red"}
    shown = json.dumps(stack.as_dict()) + stack._repr_html_() + stack.graph().svg + stack.timeline().svg
    assert "hidden-word" not in shown


def test_a_handle_shows_one_moment_until_it_is_refreshed(stacks):
    stack = stacks.create("moment", SECRETIVE, {"Word": "one"})
    assert stack.outputs["Colour"] == "red"
    stacks.update("moment", parameters={"Colour": "blue"})
    assert stack.outputs["Colour"] == "red"
    assert stack.refresh().outputs["Colour"] == "blue"


def test_a_handle_changes_and_removes_its_stack(stacks):
    stack = stacks.create("mine", SECRETIVE, {"Word": "one"})
    assert stack.update(parameters={"Colour": "green"}).outputs["Colour"] == "green"
    assert stack.delete().status == "DELETE_COMPLETE"
    assert stack.resources == []
    with pytest.raises(StackError):
        stack.cancel()


def test_a_handle_is_refreshed_when_its_operation_fails(stacks):
    stack = stacks.create("torn", SECRETIVE, {"Word": "one"})
    worse = SECRETIVE.replace(
        "Outputs:",
        """  Rule:
    Type: CloudStack::PortForwardingRule
    Properties:
      ipaddressid: 00000000-0000-0000-0000-000000000000
      privateport: 80
      publicport: 80
      protocol: tcp
      virtualmachineid: !Ref Machine
Outputs:""",
    )
    with pytest.raises(OperationFailedError):
        stack.update(worse)
    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"


def test_its_pictures_show_every_resource(stack):
    assert {"Network", "Machine", "shown: CREATE_COMPLETE"} <= drawn(stack.graph())
    assert {"◆ Network", "◆ Machine", "critical path"} <= drawn(stack.timeline())


def test_a_graph_shows_what_is_still_to_come(stacks):
    seen = []

    def look(event) -> None:
        if (event.logical_id, event.status) == ("Network", "CREATE_COMPLETE"):
            seen.append(drawn(stacks["coming"].graph()))

    stacks.create("coming", SECRETIVE, {"Word": "one"}, on_event=look)
    assert seen
    assert {"Machine", "coming: CREATE_IN_PROGRESS"} <= seen[0]
    assert any("waiting" in text or "creating" in text for text in seen[0])


def test_a_removal_has_a_timeline_too(stacks):
    gone = stacks.create("gone", SECRETIVE, {"Word": "one"}).delete()
    assert {"Network", "Machine"} <= drawn(gone.timeline())


def test_a_plan_shows_itself_in_a_notebook(stacks, stack):
    assert "Machine" in stacks.plan("new", TEMPLATE)._repr_html_()
    assert "nothing to do" in stacks.plan(stack.name)._repr_html_()


def event(logical_id, status, at):
    kind = "AWS::CloudFormation::Stack" if logical_id == "demo" else "AWS::EC2::Instance"
    return Event("id", "demo", logical_id, None, kind, status, "", at)


def test_the_last_operation_includes_what_it_led_to():
    told = [
        event("demo", "CREATE_IN_PROGRESS", 1),
        event("demo", "CREATE_COMPLETE", 2),
        event("demo", "UPDATE_IN_PROGRESS", 3),
        event("Web", "UPDATE_FAILED", 4),
        event("demo", "UPDATE_ROLLBACK_IN_PROGRESS", 5),
        event("demo", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", 6),
        event("demo", "UPDATE_ROLLBACK_COMPLETE", 7),
    ]
    assert last_operation(told) == told[2:]
    assert last_operation([]) == []


def test_steps_are_paired_by_resource_and_by_what_was_done():
    told = [
        event("Web", "CREATE_IN_PROGRESS", 1),
        event("Db", "CREATE_IN_PROGRESS", 2),
        event("Web", "CREATE_FAILED", 3),
        event("Web", "DELETE_IN_PROGRESS", 4),
        event("Web", "DELETE_COMPLETE", 5),
        event("Old", "DELETE_SKIPPED", 6),
    ]
    assert steps_of(told) == [
        ("Web", 1, 3, "CREATE_FAILED"),
        ("Db", 2, None, "CREATE_IN_PROGRESS"),
        ("Web", 4, 5, "DELETE_COMPLETE"),
        ("Old", 6, 6, "DELETE_SKIPPED"),
    ]


def test_times_are_in_utc():
    assert time_text(VirtualClock(0.5).now()) == "1970-01-01T00:00:00.500Z"
    assert time_text(None) is None


def test_every_public_name_is_there_and_no_other():
    for name in cfnlib.__all__:
        assert getattr(cfnlib, name) is not None
    assert set(cfnlib.__all__) <= set(dir(cfnlib))
    with pytest.raises(AttributeError, match="Stackz"):
        cfnlib.Stackz  # noqa: B018 - it is the looking that raises


def test_every_error_of_the_tree_is_public():
    assert {name for name in vars(cfnlib.errors) if name.endswith("Error")} <= set(cfnlib.__all__)


def test_importing_the_library_brings_in_nothing_else():
    ran = subprocess.run(
        [sys.executable, "-S", "-c", "import sys; sys.path.insert(0, '.'); import cfnlib; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=cfnlib.__path__[0] + "/..",
    )
    loaded = {name for name in ran.stdout.split() if name.startswith("cfnlib.")}
    assert loaded == set()
    assert not {"attr", "attrs", "yaml", "sqlalchemy", "rich"} & set(ran.stdout.split())
